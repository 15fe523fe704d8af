#@script(headless=true)
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="show, test or repair") action
#@output String report
#@output String error

isoscale.Commands.run("environment", binding)

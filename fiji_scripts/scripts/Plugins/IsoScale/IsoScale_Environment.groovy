#@script(label="IsoScale Environment", headless=true)
#@ String(label="Do", choices={"show", "test", "repair"}, value="show", persist=false, description="Which Python is used; a test run; or start it anew") action
#@ org.scijava.log.LogService log
#@output String report
#@output String error

import isoscale.Commands

(report, error) = Commands.run("IsoScale Environment", log, "environment", action)

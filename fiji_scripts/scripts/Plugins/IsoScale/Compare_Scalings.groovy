#@script(headless=true)
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="The image, or the title of an open one; without it, the active image") imp
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="number or name") channel
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="spot sigma: about half the radius of an object") spot
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="outline sigma: how smooth outlines are") outline
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="of both sigmas: image unit or um") unit
#@output ij.measure.ResultsTable table
#@output Object labels
#@output String error

isoscale.Commands.run("compare", binding)

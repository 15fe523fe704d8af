#@script(headless=true)
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="The image, or the title of an open one; without it, the active image") imp
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="number or name") channel
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="spot sigma: about half the radius of an object; or auto") spot
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="outline sigma: how smooth outlines are; or auto") outline
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="of both sigmas: image unit or um") unit
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="otsu, local, or a grey value") threshold
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="distance or light: where objects touch") borders
#@output ij.measure.ResultsTable table
#@output Object labels
#@output String error

isoscale.Commands.run("compare", binding)

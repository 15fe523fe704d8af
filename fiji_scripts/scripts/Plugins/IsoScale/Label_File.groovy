#@script(headless=true)
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="an image file, or a folder of them") input
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="a folder that exists; nothing in it is overwritten") output
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="number or name") channel
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="spot sigma: about half the radius of an object; or auto") spot
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="outline sigma: how smooth outlines are; or auto") outline
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="of both sigmas: image unit, um or voxels") unit
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="otsu, local, or a grey value") threshold
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="distance or light: where objects touch") borders
#@output Object written
#@output String error

isoscale.Commands.run("labelFiles", binding)

#@script(headless=true)
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="The image, or the title of an open one; without it, the active image") imp
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="voxel width; 0 keeps what the image has") x
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="voxel height") y
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="voxel depth") z
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="of these three") unit
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="time step") t
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="its unit") time
#@output String error

isoscale.Commands.run("setVoxelSize", binding)

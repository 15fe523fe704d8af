#@script(headless=true)
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="an image file, or a folder of them") input
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="a folder that exists; nothing in it is overwritten") output
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="finest, coarsest, x, y, z or own") target
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="the edge of the new voxels, with target=own") size
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="of size: image, um, nm or mm") unit
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="auto, linear, nearest or cubic") interpolation
#@ java.util.Set(required=false, persist=false, autofill=false, visibility=INVISIBLE, description="true or false: smooth before going to larger voxels") antialias
#@output Object written
#@output String error

isoscale.Commands.run("rescaleFiles", binding)

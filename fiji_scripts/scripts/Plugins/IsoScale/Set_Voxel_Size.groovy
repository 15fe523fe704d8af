#@script(label="Set Voxel Size", headless=true)
#@ ij.ImagePlus(required=false, autofill=false, persist=false, visibility=INVISIBLE) imp
#@ String(visibility=MESSAGE, persist=false, required=false, value="0 keeps what the image has.") hint
#@ Double(label="Voxel width (x)", value=0, min=0, persist=false, style="format:0.0000######") x
#@ Double(label="Voxel height (y)", value=0, min=0, persist=false, style="format:0.0000######") y
#@ Double(label="Voxel depth (z)", value=0, min=0, persist=false, style="format:0.0000######") z
#@ String(label="Unit", value="um") unit
#@ Double(label="Time step", value=0, min=0, persist=false) t
#@ String(label="Unit of time", value="s") time
#@ org.scijava.log.LogService log
#@output String error

import isoscale.Commands

(changed, error) = Commands.run("Set Voxel Size", log, "setVoxelSize", imp, [x: x, y: y, z: z, unit: unit, t: t, time: time])

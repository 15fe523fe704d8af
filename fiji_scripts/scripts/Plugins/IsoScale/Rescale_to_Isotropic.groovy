#@script(label="Rescale to Isotropic", headless=true)
#@ ij.ImagePlus(required=false, autofill=false, persist=false, visibility=INVISIBLE) imp
#@ String(label="Voxel size", choices={"finest", "coarsest", "x", "y", "z", "own"}, value="finest", description="Like the finest or coarsest axis, like one axis, or a size of your own") target
#@ Double(label="Own size", value=1, min=0, style="format:0.0000") size
#@ String(label="Unit of own size", choices={"image", "um", "nm", "mm"}, value="image") unit
#@ String(label="Interpolation", choices={"auto", "linear", "nearest", "cubic"}, value="auto", description="auto: linear, and nearest for labels") interpolation
#@ Boolean(label="Smooth before going to larger voxels", value=true) antialias
#@ org.scijava.log.LogService log
#@output ij.ImagePlus result
#@output String error

import isoscale.Commands

(result, error) = Commands.run("Rescale to Isotropic", log, "rescale", imp, [target: target, size: size, unit: unit, interpolation: interpolation, antialias: antialias])

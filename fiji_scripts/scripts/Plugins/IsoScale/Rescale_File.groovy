#@script(label="Rescale File or Folder", headless=true)
#@ java.io.File(label="File or folder", style="both") input
#@ java.io.File(label="Folder for the results", style="directory") output
#@ String(label="Voxel size", choices={"finest", "coarsest", "x", "y", "z", "own"}, value="finest") target
#@ Double(label="Own size", value=1, min=0, style="format:0.0000") size
#@ String(label="Unit of own size", choices={"image", "um", "nm", "mm"}, value="image") unit
#@ String(label="Interpolation", choices={"auto", "linear", "nearest", "cubic"}, value="auto") interpolation
#@ Boolean(label="Smooth before going to larger voxels", value=true) antialias
#@ org.scijava.log.LogService log
#@output Object written
#@output String error

import isoscale.Commands

(written, error) = Commands.run("Rescale File", log, "files", "rescale_files", input, output,
    [target: target, size: size, unit: unit, interpolation: interpolation, antialias: antialias])

#@script(label="Label File or Folder", headless=true)
#@ java.io.File(label="File or folder", style="both") input
#@ java.io.File(label="Folder for the results", style="directory") output
#@ Integer(label="Channel", value=1, min=1) channel
#@ Double(label="Spot sigma (how far apart objects are)", value=2, min=0, style="format:0.000") spot
#@ Double(label="Outline sigma (how smooth outlines are)", value=1, min=0, style="format:0.000") outline
#@ String(label="Sigmas in", choices={"image unit", "um", "voxels"}, value="image unit") unit
#@ org.scijava.log.LogService log
#@output Object written
#@output String error

import isoscale.Commands

(written, error) = Commands.run("Label File", log, "files", "label_files", input, output, [channel: channel, spot: spot, outline: outline, unit: unit])

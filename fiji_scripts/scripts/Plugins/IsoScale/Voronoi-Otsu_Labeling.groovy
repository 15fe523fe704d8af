#@script(label="Voronoi-Otsu Labeling", headless=true)
#@ ij.ImagePlus(required=false, autofill=false, persist=false, visibility=INVISIBLE) imp
#@ Integer(label="Channel", value=1, min=1) channel
#@ Double(label="Spot sigma (how far apart objects are)", value=2, min=0, style="format:0.000") spot
#@ Double(label="Outline sigma (how smooth outlines are)", value=1, min=0, style="format:0.000") outline
#@ String(label="Sigmas in", choices={"image unit", "um", "voxels"}, value="image unit") unit
#@ Boolean(label="Add outlines to the ROI Manager", value=false) rois
#@ org.scijava.log.LogService log
#@output ij.ImagePlus labels
#@output ij.measure.ResultsTable table
#@output Integer count
#@output String error

import isoscale.Commands

(found, error) = Commands.run("Voronoi-Otsu Labeling", log, "segment", imp, [channel: channel, spot: spot, outline: outline, unit: unit, rois: rois])
labels = found?.labels
table = found?.table
count = found?.count

#@script(label="Compare Scalings", headless=true)
#@ ij.ImagePlus(required=false, autofill=false, persist=false, visibility=INVISIBLE) imp
#@ Integer(label="Channel", value=1, min=1) channel
#@ Double(label="Spot sigma (how far apart objects are)", value=2, min=0, style="format:0.000") spot
#@ Double(label="Outline sigma (how smooth outlines are)", value=1, min=0, style="format:0.000") outline
#@ String(label="Sigmas in", choices={"image unit", "um"}, value="image unit") unit
#@ org.scijava.log.LogService log
#@output ij.measure.ResultsTable table
#@output Object labels
#@output String error

import isoscale.Commands

(found, error) = Commands.run("Compare Scalings", log, "compare", imp, [channel: channel, spot: spot, outline: outline, unit: unit])
table = found?.table
labels = found?.labels

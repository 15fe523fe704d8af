#@script(headless=true)
#@ java.io.File(label="File or folder", style="both", description="A TIFF file, or a folder of them") input
#@ java.io.File(label="Folder for the results", style="directory", description="One that exists; nothing in it is overwritten") output
#@ String(label="Channel", value="1", persist=false, description="Number or name of the channel in which the objects are") channel
#@ Double(label="Spot sigma", value=2, min=0, persist=false, style="format:0.000", description="About half the radius of an object") spot
#@ Double(label="Outline sigma", value=1, min=0, persist=false, style="format:0.000", description="How smooth outlines become") outline
#@ String(label="Sigmas in", choices={"image unit", "um", "voxels"}, value="image unit", persist=false, description="The unit of both sigmas") unit
#@ String(label="Threshold", value="otsu", persist=false, description="otsu, or a grey value") threshold
#@output Object written
#@output String error

isoscale.Commands.run("labelFiles", binding)

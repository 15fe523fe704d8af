#@script(label="Label Files (batch processor)", headless=true)
#@ java.io.File(label="File or folder", style="both", description="An image file, or a folder of them") input
#@ java.io.File(label="Folder for the results", style="directory,save", description="One that exists; nothing in it is overwritten") output
#@ String(label="Channel", value="1", persist=false, description="Number or name of the channel in which the objects are") channel
#@ String(label="Spot sigma", value="2", persist=false, description="About half the radius of an object; or auto") spot
#@ String(label="Outline sigma", value="1", persist=false, description="How smooth outlines become; or auto") outline
#@ String(label="Sigmas in", choices={"image unit", "um", "voxels"}, value="image unit", persist=false, description="The unit of both sigmas") unit
#@ String(label="Threshold", value="otsu", persist=false, description="otsu, local (one for each object), or a grey value") threshold
#@ String(label="Borders", choices={"distance", "light"}, value="distance", persist=false, description="Where objects touch: half way between them, or along dark valleys") borders
#@output Object written
#@output String error

isoscale.Commands.run("labelFiles", binding)

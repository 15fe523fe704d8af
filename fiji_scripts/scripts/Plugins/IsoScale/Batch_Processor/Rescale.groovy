#@script(label="Rescale Files (batch processor)", headless=true)
#@ java.io.File(label="File or folder", style="both", description="An image file, or a folder of them") input
#@ java.io.File(label="Folder for the results", style="directory,save", description="One that exists; nothing in it is overwritten") output
#@ String(label="Voxel size", choices={"finest", "coarsest", "x", "y", "z", "own"}, value="finest", persist=false, description="Like the finest or coarsest axis, like one axis, or a size of your own") target
#@ String(label="Own size", value="1", persist=false, description="The edge of the new voxels; counts where the voxel size is own") size
#@ String(label="Unit of own size", choices={"image", "um", "nm", "mm"}, value="image", persist=false, description="image: the unit of each image") unit
#@ String(label="Interpolation", choices={"auto", "linear", "nearest", "cubic"}, value="auto", persist=false, description="auto: linear, and nearest for labels") interpolation
#@ Boolean(label="Smooth before going to larger voxels", value=true, persist=false, description="Averages over what becomes one voxel") antialias
#@output Object written
#@output String error

isoscale.Commands.run("rescaleFiles", binding)

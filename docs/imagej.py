# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Images between ImageJ and Python, with nothing lost
#
# An image that is open in ImageJ or Fiji becomes a calibrated array in Python, and goes back: voxel size, unit
# and origin on every axis, frame interval, channels, lookup tables, display ranges, info, ROIs and overlays.
# This page is run by the tests.
#
# ## Starting ImageJ
# `pip install "isoscale-ij[imagej]"` brings what is needed. `start` takes the Java that is there, or fetches one,
# and ImageJ 1 from Maven Central; it needs the network once. In a program that has called `imagej.init(...)` of
# pyimagej, or in napari with napari-imagej, it joins the ImageJ that runs there, Fiji included.

# %%
import numpy as np

import isoscale_ij as iso

IJ = iso.imagej.start()

# %% [markdown]
# ## An image in ImageJ
# Here it is made; usually it is `IJ.openImage("my.tif")` or the active one, `IJ.getImage()`. It has two channels
# and voxels of 0.16 × 0.16 × 1.5 µm.

# %%
nuclei, _ = iso.sample(shape=(24, 160, 160), seed=3, n_objects=40)
stain = (nuclei.max() - nuclei) // 2
two_channels = iso.as_image(np.stack([nuclei, stain]), "czyx", voxel_size=(1.5, 0.16, 0.16), unit="um")
imp = iso.imagej.to_imageplus(two_channels.assign_coords(c=["DAPI", "membrane"]).rename("cells"))
print(imp, imp.getCalibration())

# %% [markdown]
# ## From ImageJ to Python
# `from_imageplus` copies the pixels; what only ImageJ knows is in `image.attrs["imagej"]`.

# %%
image = iso.imagej.from_imageplus(imp)
print(iso.info(image))

# %% [markdown]
# ## Operations take an ImagePlus as well
# What goes in as an ImagePlus comes out as one, calibrated.

# %%
isotropic = iso.rescale(imp, 0.5)
calibration = isotropic.getCalibration()
print(isotropic, [getattr(calibration, name) for name in ("pixelWidth", "pixelHeight", "pixelDepth")])

# %% [markdown]
# ## A filter of ImageJ in between
# The pixels are ImageJ's own, so every command works on them.

# %%
IJ.run(isotropic, "Gaussian Blur 3D...", "x=1 y=1 z=1")
blurred = iso.imagej.from_imageplus(isotropic)
print(iso.voxel_size(blurred), float(blurred.std()) < float(iso.rescale(image, 0.5).std()))

# %% [markdown]
# ## Labels and measurements back into ImageJ
# Voronoi-Otsu-Labeling with sigmas in µm, on the image as it was taken. The labels have a lookup table that
# tells neighbours apart (glasbey), the measurements become a ResultsTable.

# %%
labels = iso.vol(imp, spot_sigma="1.4 um", outline_sigma="0.9 um", channel="DAPI")
table = iso.measure(labels, image=imp)
results = iso.imagej.to_results_table(table)
print(labels, "in", labels.getCalibration().getUnit())
print(results.size(), "objects;", ", ".join(str(name) for name in results.getHeadings()))

# %% [markdown]
# In an ImageJ with windows, `labels.show()` and `results.show("Results")` show them. The picture is drawn from
# what came back from ImageJ.

# %%
from isoscale_ij.comparison import figures

figures.sections(iso.imagej.from_imageplus(labels))

# %% [markdown]
# ## With pyimagej
# pyimagej's own conversions lose the units and turn the origin, which ImageJ counts in pixels, into a position.
# After
# ```
# iso.imagej.register_converters()
# ```
# `ij.py.from_java` and `ij.py.to_java`, and with them `ij.py.run_script` and `ij.py.run_plugin`, convert as above;
# so do `ij.py.to_imageplus`, `to_dataset` and `to_xarray`. `iso.imagej.unregister_converters()` undoes it.
# What has no voxel size, what an ImagePlus does not hold and all that is an Img are left to pyimagej. For the methods
# of a Dataset, ask for one: `ij.py.to_dataset(image)`. An ImagePlus always comes with z, RGB with c in front:
# `plt.imshow(image.squeeze())` shows a 2D image, `plt.imshow(image.squeeze("z").transpose("y", "x", "c"))` an RGB one.
#
# ## What comes out as what
#
# | in Python | in ImageJ |
# | --- | --- |
# | uint8, uint16, float32 | 8-bit, 16-bit, 32-bit |
# | int16, int8 | signed 16-bit (with the function that ImageJ marks it with) |
# | bool | 8-bit, 0 and 255 |
# | int32, uint32, int64, float64 | 32-bit, if it holds every value; otherwise an error names one that it does not |
# | labels | 16-bit up to 65,535, 32-bit up to 16,777,216 |
# | three uint8 channels that came from RGB | RGB |
#
# On the way back everything has the type it had, unless ImageJ changed the values so that it would not hold them.

"""OME-Zarr: read in versions 0.4 and 0.5, written as 0.5 with shards (or as 0.4 without).

:mod:`.metadata` knows its words, :mod:`.reading` and :mod:`.writing` what lies behind them; zarr itself is loaded
where voxels are.
"""

from isoscale_ij.files.ome_zarr.metadata import VERSIONS as VERSIONS
from isoscale_ij.files.ome_zarr.reading import can_read as can_read
from isoscale_ij.files.ome_zarr.reading import header as header
from isoscale_ij.files.ome_zarr.reading import smaller_levels as smaller_levels
from isoscale_ij.files.ome_zarr.recalibration import recalibrate as recalibrate
from isoscale_ij.files.ome_zarr.writing import announce as announce
from isoscale_ij.files.ome_zarr.writing import claims as claims
from isoscale_ij.files.ome_zarr.writing import prepare as prepare
from isoscale_ij.files.ome_zarr.writing import write as write

name = "OME-Zarr"
endings = (".ome.zarr", ".zarr")
is_folder = True
describing = ("zarr.json", ".zattrs")

"""OME-Zarr: read in versions 0.4 and 0.5, written as 0.5 with shards (or as 0.4 without).

:mod:`.metadata` knows its words, :mod:`.reading` and :mod:`.writing` what lies behind them; zarr itself is loaded
where voxels are, and what writes when something is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoscale_ij.files.ome_zarr.groups import announce as announce
from isoscale_ij.files.ome_zarr.groups import claims as claims
from isoscale_ij.files.ome_zarr.groups import prepare as prepare
from isoscale_ij.files.ome_zarr.metadata import VERSIONS as VERSIONS
from isoscale_ij.files.ome_zarr.reading import can_read as can_read
from isoscale_ij.files.ome_zarr.reading import header as header
from isoscale_ij.files.ome_zarr.reading import smaller_levels as smaller_levels
from isoscale_ij.files.ome_zarr.recalibration import recalibrate as recalibrate

if TYPE_CHECKING:
    import xarray as xr

name = "OME-Zarr"
endings = (".ome.zarr", ".zarr")
is_folder = True
describing = ("zarr.json", ".zattrs")


def write(path: Path, image: xr.DataArray, version: str | None = None) -> None:
    """Write an image with all its levels, shard by shard."""
    from isoscale_ij.files.ome_zarr import writing

    writing.write(path, image, version)

"""No result is written over the file in which it began."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import isoscale_ij as iso


@pytest.mark.parametrize(
    "work",
    [
        lambda image: image,
        lambda image: image * 2,
        lambda image: (image > 100).astype("uint8"),
        lambda image: image.isel(z=slice(1, 4)),
        lambda image: image.copy(),
        lambda image: iso.rescale(image, 1.0),
        lambda image: iso.rescale(image, 1.0) + 1,
        lambda image: iso.vol(image, spot_sigma=1.4, outline_sigma=0.9),
        lambda image: iso.set_voxel_size(image, z=3),
    ],
)
@pytest.mark.parametrize("name", ["cells.tif", "cells.ome.tif"])
def test_it_is_refused(work: Callable[[xr.DataArray], Any], name: str, nuclei: tuple, tmp_path: Path) -> None:
    path = tmp_path / name
    iso.write(path, nuclei[0])
    before = path.read_bytes()
    result = work(iso.read(path))
    with pytest.raises(iso.ParameterError, match=f"{name} is the file that the image was read from"):
        iso.write(path, result, overwrite=True)
    (tmp_path / "link.tif").symlink_to(path)
    with pytest.raises(iso.ParameterError, match="was read from"):
        iso.write(tmp_path / "link.tif", result, overwrite=True)
    assert path.read_bytes() == before
    iso.write(tmp_path / f"other-{name}", result)

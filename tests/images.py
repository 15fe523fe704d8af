"""Small calibrated images, and whether two are the same in all that counts."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr

import isoscale_ij as iso

ENDINGS = [".tif", ".ome.tif"]
SIZES = {"t": "2.5 s", "z": 1.5, "y": 0.1596665040315075, "x": 0.1596665040315075}


def make(dims: str, dtype: str = "uint16", **options: Any) -> xr.DataArray:
    sizes = dict(zip("tczyx", (2, 3, 4, 5, 6), strict=True))
    shape = tuple(sizes[axis] for axis in dims)
    values = (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)
    voxel = {axis: SIZES[axis] for axis in dims if axis != "c"}
    image = iso.as_image(values, dims, voxel_size=voxel, unit="um", **options).rename("cells")
    return image.assign_coords(c=["DAPI", "GFP", "Cy5"]) if "c" in dims else image


def assert_same(found: xr.DataArray, image: xr.DataArray, *, digits: int | None = None) -> None:
    """In all that counts; with `digits`, positions to so many of them, which is what ImageJ's files hold."""
    assert found.dims == image.dims
    assert found.dtype == image.dtype
    assert found.name == image.name
    assert found.attrs == image.attrs
    np.testing.assert_array_equal(found.values, image.values)
    for axis in image.dims:
        assert (axis in found.coords) == (axis in image.coords)
        if axis in image.coords:
            if digits is not None and axis != "c":
                np.testing.assert_allclose(found[axis].values, image[axis].values, rtol=10.0**-digits)
                spacing = pytest.approx(image[axis].attrs["spacing"], rel=10.0**-digits)
                assert found[axis].attrs == {**image[axis].attrs, "spacing": spacing}
                continue
            np.testing.assert_array_equal(found[axis].values, image[axis].values)
            assert found[axis].attrs == image[axis].attrs


def calibrated(imp: Any, **options: Any) -> Any:
    calibration = imp.getCalibration()
    for axis, size in zip("xyz", ("pixelWidth", "pixelHeight", "pixelDepth"), strict=True):
        setattr(calibration, size, {"x": 0.16, "y": 0.17, "z": 1.5}[axis])
    calibration.setUnit("micron")
    for name, value in options.items():
        setattr(calibration, name, value)
    return imp


def assert_same_calibration(imp: Any, other: Any) -> None:
    found, expected = imp.getCalibration(), other.getCalibration()
    for name in ("pixelWidth", "pixelHeight", "pixelDepth", "frameInterval", "xOrigin", "yOrigin", "zOrigin", "fps"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-14), name
    for name in ("getUnit", "getXUnit", "getYUnit", "getZUnit", "getTimeUnit", "getFunction", "getValueUnit"):
        assert getattr(found, name)() == getattr(expected, name)(), name
    assert found.getInvertY() == expected.getInvertY()


def ome_set(folder: Path, *, companion: bool = False, count: int = 3) -> list[Path]:
    """A set of files, each with the whole XML, or with a companion that has it; two planes each."""
    ids = [str(uuid.uuid4()) for _ in range(count + 1)]
    parts = "".join(
        f'<TiffData FirstZ="{2 * i}" FirstC="0" FirstT="0" IFD="0" PlaneCount="2">'
        f'<UUID FileName="s{i}.ome.tif">urn:uuid:{ids[i]}</UUID></TiffData>'
        for i in range(count)
    )
    head = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{}">'
    whole = (
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="6" SizeY="5" '
        f'SizeZ="{2 * count}" SizeC="1" SizeT="1" PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="1.5">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{parts}</Pixels></Image></OME>'
    )
    values = np.arange(1, 2 * count * 30 + 1).astype(np.uint8).reshape(-1, 5, 6)
    for i in range(count):
        binary = f'<BinaryOnly MetadataFile="s.companion.ome" UUID="urn:uuid:{ids[-1]}"/></OME>'
        text = head.format(ids[i]) + (binary if companion else whole)
        tifffile.imwrite(
            folder / f"s{i}.ome.tif", values[2 * i : 2 * i + 2], description=text.encode(), metadata=None,
            photometric="minisblack",
        )  # fmt: skip
    if companion:
        (folder / "s.companion.ome").write_text(head.format(ids[-1]) + whole, encoding="utf-8")
    return [folder / f"s{i}.ome.tif" for i in range(count)]

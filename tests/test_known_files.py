"""Every file whose calibration is known is read with it, whole, by its header alone, and by region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from images import assert_same
from isoscale_ij.files import described, formats, read_header, scene_names
from isoscale_ij.files.converting import convert
from isoscale_ij.image.calibration import axis_unit, lower_edge, spacing
from isoscale_ij.image.header import Header
from isoscale_ij.remarks import heard
from known_files import KNOWN, PAGE, Known, page


@pytest.fixture(params=KNOWN, ids=str)
def known(request: pytest.FixtureRequest) -> Known:
    return request.param


def assert_calibrated(image: xr.DataArray, known: Known) -> None:
    assert dict(image.sizes) == known.sizes
    assert iso.voxel_size(image) == pytest.approx(known.voxel_size, rel=1e-12, abs=0)
    assert {axis_unit(image, axis) for axis in known.voxel_size} <= {known.unit}
    lower = known.lower or dict.fromkeys(known.voxel_size, 0.0)
    assert {axis: lower_edge(image, axis) for axis in known.voxel_size} == pytest.approx(lower, abs=1e-12)
    step = spacing(image, "t")
    assert step == (None if known.step is None else pytest.approx(known.step, rel=1e-4))
    if known.step is not None:
        assert axis_unit(image, "t") == "second"
    assert ("c" in image.coords) == (known.channels is not None)
    if known.channels is not None:
        assert image.c.values.tolist() == known.channels
    assert {key: image.attrs[key] for key in known.attrs} == {
        key: pytest.approx(value) if isinstance(value, dict) else value for key, value in known.attrs.items()
    }


def test_the_image(known: Known, tmp_path: Path) -> None:
    path = known.path(tmp_path)
    with heard():
        image = iso.read(path, scene=known.scene)
    assert_calibrated(image, known)
    if known.total is not None:
        assert int(image.values.sum(dtype=np.int64)) == known.total
    assert Path(image.encoding["source"]) == path.resolve()


def test_the_header_alone(known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = known.path(tmp_path)
    with heard():
        names = scene_names(path)
        image = read_header(path, scene=known.scene)
    assert_calibrated(image, known)
    assert len(names) == known.scenes
    assert image.nbytes > 0 == int(image.max())  # zeros stand for the voxels
    with heard():
        assert described(path, scene=known.scene) == iso.info(image)


def header_of(known: Known, folder: Path) -> Header:
    path = known.path(folder)
    with heard():
        return formats.of_file(path).header(path, known.scene)


@pytest.mark.parametrize(
    "region",
    [
        {"z": slice(1, None, 2), "y": slice(0, 17), "x": slice(None, None, 3)},
        {"t": slice(1, 2), "c": slice(0, 1), "z": slice(0, 2)},
        {"t": slice(None, None, 2), "c": slice(1, 2), "y": slice(0, 1)},
        {"x": slice(4, 4)},
    ],
    ids=["steps", "planes", "a row", "nothing"],
)
def test_a_region(known: Known, region: dict[str, slice], tmp_path: Path) -> None:
    header = header_of(known, tmp_path)
    region = {axis: part for axis, part in region.items() if axis in header.dims}
    whole = header.load({})
    assert whole.dtype == header.dtype
    assert whole.shape == header.shape
    expected = whole[tuple(region.get(axis, slice(None)) for axis in header.dims)]
    np.testing.assert_array_equal(header.load(region), expected)


def test_in_chunks(known: Known, tmp_path: Path) -> None:
    path = known.path(tmp_path)
    with heard():
        image = iso.read(path, scene=known.scene)
        lazy = iso.read(path, scene=known.scene, chunks={"y": 11, "x": 13})
    assert max(lazy.chunksizes["x"]) <= 13
    assert_same(lazy.compute(), image)


def test_into_the_formats_that_are_written(known: Known, tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    path = known.path(tmp_path / "from")
    with heard():
        image = iso.read(path, scene=known.scene)
        for ending in (".tif", ".ome.tif"):
            convert(path, tmp_path / f"a{ending}", scene=known.scene)
            again = iso.read(tmp_path / f"a{ending}")
            assert_calibrated(again, known)
            assert_same(again, image, digits=14)


def test_the_page_of_formats_says_what_is_tested() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "python tests/known_files.py writes it"

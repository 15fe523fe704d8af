"""Our TIFFs before ImageJ's own reader, and ImageJ's before ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoscale_ij as iso
from images import assert_same, make
from isoscale_ij.image.calibration import mark_as_labels
from isoscale_ij.imagej import from_imageplus, to_imageplus
from isoscale_ij.imagej.jvm import classes


def opened(imagej: Any, path: Path) -> Any:
    imp = imagej.openImage(str(path))
    assert imp is not None, path
    return imp


def saved(imp: Any, path: Path) -> Path:
    saver = classes().FileSaver(imp)
    assert saver.saveAsTiffStack(str(path)) if imp.getStackSize() > 1 else saver.saveAsTiff(str(path))
    return path


@pytest.mark.parametrize("dims", ["yx", "zyx", "cyx", "tyx", "czyx", "tzyx", "tcyx", "tczyx"])
def test_imagej_opens_what_we_write(imagej: Any, tmp_path: Path, dims: str) -> None:
    image = iso.set_voxel_size(make(dims), origin={axis: 3.25 for axis in dims if axis in "zyx"})
    iso.write(tmp_path / "a.tif", image)
    imp = opened(imagej, tmp_path / "a.tif")
    assert [int(n) for n in imp.getDimensions()] == [image.sizes.get(axis, 1) for axis in "xyczt"]
    calibration = imp.getCalibration()
    for axis, name in (("x", "pixelWidth"), ("y", "pixelHeight"), ("z", "pixelDepth")):
        if axis in dims:
            size = iso.voxel_size(image)[axis]
            assert getattr(calibration, name) == pytest.approx(size, rel=1e-15)
            assert getattr(calibration, f"{axis}Origin") == pytest.approx(-3.25 / size, rel=1e-14)
    assert str(calibration.getUnit()) in ("micron", "µm")
    if "t" in dims:
        assert calibration.frameInterval == 2.5
    if "c" in dims:
        assert imp.isComposite()
        assert [str(imp.getStack().getSliceLabel(index)) for index in (1, 2, 3)] == ["DAPI", "GFP", "Cy5"]
    found = from_imageplus(imp)
    np.testing.assert_array_equal(found.values, image.values)
    assert found.dims == image.dims


@pytest.mark.filterwarnings("ignore::isoscale_ij.image.calibration.CalibrationWarning")
def test_what_imagej_shows_of_axes_without_a_size(imagej: Any, tmp_path: Path) -> None:
    for number, (given, sizes, units) in enumerate([
        ({"z": "1.5 um"}, (1, 1, 1.5), ["pixel", "pixel", "micron"]),
        ({"y": "2 um", "x": "2 um"}, (2, 2, 1), ["micron", "micron", "pixel"]),
    ]):  # fmt: skip
        image = iso.as_image(np.zeros((3, 4, 5), np.uint8), voxel_size=given)
        iso.write(tmp_path / f"{number}.tif", image)
        for imp in (opened(imagej, tmp_path / f"{number}.tif"), to_imageplus(image)):
            calibration = imp.getCalibration()
            assert (calibration.pixelWidth, calibration.pixelHeight, calibration.pixelDepth) == sizes
            assert [str(getattr(calibration, f"get{axis}Unit")()) for axis in "XYZ"] == units
            assert iso.voxel_size(from_imageplus(imp)) == iso.voxel_size(image)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64", "int64"]
)
def test_every_type_means_the_same_to_imagej(imagej: Any, tmp_path: Path, dtype: str) -> None:
    image = make("zyx", dtype)
    if dtype.startswith("int"):
        image = (image - 100).astype(dtype).assign_attrs(image.attrs)
    iso.write(tmp_path / "a.tif", image)
    imp = opened(imagej, tmp_path / "a.tif")
    calibration = imp.getCalibration()
    for z, y, x in ((0, 0, 0), (3, 4, 5), (1, 2, 3)):
        value = calibration.getCValue(float(imp.getStack().getProcessor(z + 1).getf(x, y)))
        assert value == float(image[z, y, x]) * (255 if dtype == "bool" else 1)
    found = from_imageplus(imp)
    np.testing.assert_array_equal(found.values, image.values)
    assert found.dtype == image.dtype


@pytest.mark.parametrize("highest", [300, 70_000])
def test_labels_through_imagej_and_its_files(imagej: Any, tmp_path: Path, highest: int) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[0, 0, 0] = highest
    iso.write(tmp_path / "a.tif", labels)
    again = saved(opened(imagej, tmp_path / "a.tif"), tmp_path / "b.tif")
    found = iso.read(again)
    assert found.dtype == np.int32
    assert found.attrs["kind"] == "labels"
    np.testing.assert_array_equal(found.values, labels.values)


@pytest.mark.parametrize("dims", ["yx", "zyx", "czyx", "tczyx"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_we_read_what_imagej_saves(imagej: Any, tmp_path: Path, dims: str, dtype: str) -> None:
    image = make(dims, dtype)
    found = iso.read(saved(to_imageplus(image), tmp_path / "a.tif"))
    found.attrs.pop("imagej", None)  # the display range, which ImageJ always writes
    assert found.dims == image.dims
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found.values, image.values)
    for axis in dims:
        if axis == "c":
            assert found.c.values.tolist() == image.c.values.tolist()
        else:
            np.testing.assert_allclose(found[axis].values, image[axis].values, rtol=1e-6)


def test_looks_that_imagej_saves(imagej: Any, tmp_path: Path) -> None:
    imp = imagej.createImage("a", "16-bit composite-mode", 20, 15, 2, 3, 1)
    imp.getCalibration().pixelWidth = 0.5
    imp.getCalibration().setUnit("micron")
    imp.setC(2)
    imagej.run(imp, "Magenta", "")
    imp.setDisplayRange(5, 4000)
    imp.setProperty("Info", "objective: 63x")
    imp.setRoi(2, 3, 5, 6)
    imp.setOverlay(classes().Overlay(imp.getRoi()))
    file = iso.read(saved(imp, tmp_path / "a.tif"))
    direct = from_imageplus(imp)
    for key in ("ranges", "luts", "info", "roi", "overlay"):
        assert file.attrs["imagej"][key] == direct.attrs["imagej"][key], key
    iso.write(tmp_path / "b.tif", file)
    back = opened(imagej, tmp_path / "b.tif")
    assert back.getOverlay().size() == 1
    assert back.getRoi().getBounds() == imp.getRoi().getBounds()
    assert (back.getLuts()[1].min, back.getLuts()[1].max) == (5, 4000)


@pytest.mark.parametrize("kind", ["8-bit", "16-bit", "32-bit"])
def test_a_lookup_table_that_imagej_saves(imagej: Any, tmp_path: Path, kind: str) -> None:
    imp = imagej.createImage("a", f"{kind} ramp", 30, 20, 3)
    imp.getCalibration().pixelWidth = 0.5
    imp.getCalibration().setUnit("micron")
    imagej.run(imp, "Fire", "")
    file = iso.read(saved(imp, tmp_path / "a.tif"))
    np.testing.assert_array_equal(file.values, from_imageplus(imp).values)
    assert file.attrs["imagej"]["luts"] == from_imageplus(imp).attrs["imagej"]["luts"]
    iso.write(tmp_path / "b.tif", file)
    back = opened(imagej, tmp_path / "b.tif")
    assert list(back.getLuts()[0].getBytes()) == list(imp.getLuts()[0].getBytes())


def test_rgb_both_ways(imagej: Any, tmp_path: Path) -> None:
    imp = imagej.createImage("a", "RGB ramp", 6, 5, 3)
    imp.getCalibration().pixelWidth = 0.5
    imp.getCalibration().setUnit("micron")
    file = iso.read(saved(imp, tmp_path / "a.tif"))
    direct = from_imageplus(imp)
    np.testing.assert_array_equal(file.values, direct.values)
    iso.write(tmp_path / "b.tif", file)
    assert_same(from_imageplus(opened(imagej, tmp_path / "b.tif")).rename(None), direct.rename(None))


def test_real_images_are_the_same_to_both_readers(imagej: Any, real: Path) -> None:
    for path in sorted(real.glob("*.tif")):
        ours, theirs = iso.read(path), from_imageplus(opened(imagej, path))
        assert iso.voxel_size(ours) == pytest.approx(iso.voxel_size(theirs), rel=1e-12), path
        assert iso.info(ours).units == iso.info(theirs).units
        assert ours.dims == theirs.dims
        np.testing.assert_array_equal(ours.values, theirs.values)
        for axis in "zyx":
            np.testing.assert_allclose(ours[axis], theirs[axis], rtol=1e-12)

"""Operations on ImagePlus, and what is said of one that will not do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from images import assert_same, calibrated, make
from isoscale_ij.imagej import from_imageplus, to_imageplus
from isoscale_ij.imagej.jvm import classes

pytestmark = pytest.mark.usefixtures("imagej")


# Operations on ImagePlus


def test_operations_take_an_imageplus_and_give_one(imagej: Any, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    image, _ = nuclei
    imp = to_imageplus(image)
    scaled = iso.rescale(imp, "finest")
    assert isinstance(scaled, classes().ImagePlus)
    assert_same(from_imageplus(scaled), iso.rescale(image, "finest"))
    labels = iso.vol(imp, spot_sigma="1.5 um", outline_sigma=0.9)
    expected = iso.vol(image, spot_sigma="1.5 um", outline_sigma=0.9)
    assert_same(from_imageplus(labels), expected)
    table = iso.measure(labels, image=imp)
    assert table.equals(iso.measure(expected, image))
    assert iso.voxel_size(imp) == iso.voxel_size(image)
    assert iso.info(imp).shape == image.shape
    assert iso.plan_rescale(imp, 1.0).shape == iso.plan_rescale(image, 1.0).shape


def test_set_voxel_size_changes_the_imageplus_itself(imagej: Any) -> None:
    imp = imagej.createImage("a", "8-bit ramp", 6, 5, 4)
    pixels = imp.getStack().getPixels(1)
    assert iso.set_voxel_size(imp, z="1500 nm", y=0.16, x=0.16, unit="um") is imp
    calibration = imp.getCalibration()
    assert (calibration.pixelWidth, calibration.pixelDepth, calibration.getUnit()) == (0.16, 1.5, "micron")
    assert imp.getStack().getPixels(1).equals(pixels)


def test_a_results_table(nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    _, truth = nuclei
    table = iso.measure(truth)
    results = iso.imagej.to_results_table(table)
    assert results.size() == len(table)
    assert [str(name) for name in str(results.getColumnHeadings()).split("\t")] == list(table.columns)
    for name in ("volume", "centroid_z", "label"):
        np.testing.assert_allclose(np.asarray(results.getColumn(name)), table[name], rtol=1e-6)
    assert iso.imagej.to_results_table(table.iloc[:0]).size() == 0


# Bad input


def test_what_is_no_imageplus(imagej: Any) -> None:
    with pytest.raises(iso.ParameterError, match=r"nothing \(null\).*Is an image open"):
        from_imageplus(None)
    with pytest.raises(iso.ParameterError, match="ndarray"):
        from_imageplus(np.zeros((3, 3)))
    with pytest.raises(iso.ParameterError, match="closed or empty"):
        from_imageplus(classes().ImagePlus())
    imp = imagej.createImage("gone", "8-bit", 6, 5, 4)
    imp.flush()
    with pytest.raises(iso.ParameterError, match=r"gone.*closed"):
        from_imageplus(imp)


def test_an_uncalibrated_image_is_said_and_stays_so(imagej: Any) -> None:
    imp = imagej.createImage("a", "8-bit ramp", 6, 5, 4)
    with pytest.warns(iso.CalibrationWarning, match="no calibration"):
        image = from_imageplus(imp)
    assert iso.voxel_size(image) == {}
    assert not to_imageplus(image).getCalibration().scaled()


@pytest.mark.parametrize("name", ["pixelWidth", "pixelHeight", "pixelDepth"])
def test_negative_sizes_are_refused(imagej: Any, name: str) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 4), **{name: -0.2})
    with pytest.raises(iso.CalibrationError, match=rf"{name} -0.2.*Properties"):
        from_imageplus(imp)


def test_impossible_sizes_are_said(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 4), pixelDepth=float("nan"))
    with pytest.warns(iso.CalibrationWarning, match=r"on z.*set_voxel_size"):
        assert iso.voxel_size(from_imageplus(imp)) == {"y": 0.17, "x": 0.16}


def test_planes_too_large_for_java() -> None:
    image = iso.as_image(np.broadcast_to(np.uint8(0), (2**16, 2**15)), voxel_size=1, unit="um")
    with pytest.raises(iso.FormatError, match="32768 x 65536 pixels"):
        to_imageplus(image)


def test_more_than_java_holds() -> None:
    image = iso.as_image(np.broadcast_to(np.float32(0), (4000, 1000, 1000)), voxel_size=1, unit="um")
    with pytest.raises(iso.MemoryLimitError, match=r"16 GB of Java's memory.*max_heap"):
        to_imageplus(image)


def test_what_needs_no_pixels_copies_none(imagej: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from isoscale_ij.imagej import pixels

    imp = to_imageplus(make("zyx", "int16"))
    monkeypatch.delattr(pixels, "copy_plane")
    assert iso.info(imp).dtype == np.int16
    assert iso.voxel_size(imp) == iso.voxel_size(make("zyx"))
    assert iso.plan_rescale(imp, "finest").shape == iso.plan_rescale(make("zyx"), "finest").shape
    with pytest.raises(AttributeError):
        iso.rescale(imp, "finest")

"""ImagePlus to image and back in a real ImageJ: nothing is lost, whichever end it starts from."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isoscale_ij as iso
from images import assert_same, assert_same_calibration, calibrated, make
from isoscale_ij.image.calibration import mark_as_labels, spacing
from isoscale_ij.image.label_colors import glasbey
from isoscale_ij.imagej import from_imageplus, to_imageplus
from isoscale_ij.imagej.jvm import classes

pytestmark = pytest.mark.usefixtures("imagej")


# From an image to ImageJ and back


@pytest.mark.parametrize("dims", ["yx", "zyx", "cyx", "tyx", "czyx", "tzyx", "tcyx", "tczyx"])
def test_round_trip_of_any_axes(dims: str) -> None:
    image = make(dims)
    imp = to_imageplus(image)
    sizes = {axis: image.sizes.get(axis, 1) for axis in "xyczt"}
    assert [int(n) for n in imp.getDimensions()] == [sizes[axis] for axis in "xyczt"]
    assert_same(from_imageplus(imp), image)


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64", "int64", "uint64"],
)
def test_round_trip_of_any_type(dtype: str) -> None:
    image = make("zyx", dtype)
    if dtype in ("int8", "int16"):
        image -= 100
    assert_same(from_imageplus(to_imageplus(image)), image)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int32", 2**24 + 1), ("int64", 2**40 + 1), ("int64", 2**63 - 1), ("uint64", 2**64 - 1), ("uint32", 2**32 - 1),
        ("float64", 0.1), ("float64", 1e300),
    ],
)  # fmt: skip
def test_a_value_that_imagej_does_not_hold_is_named(dtype: str, value: float) -> None:
    image = make("zyx", dtype)
    image.values[1, 2, 3] = value
    with pytest.raises(iso.FormatError, match=re.escape(f"the value {value}")):
        to_imageplus(image)


def test_axes_of_one_voxel_stay() -> None:
    for index in ((slice(1), slice(1), slice(1)), (slice(1), slice(None), slice(None)), (slice(None), slice(1))):
        image = make("tczyx")[index]
        assert_same(from_imageplus(to_imageplus(image)), image)


@pytest.mark.parametrize("highest", [200, 255, 65535, 65536, 2**24])
def test_labels_stay_labels_and_can_be_told_apart(highest: int) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[0, 0, 0] = highest
    imp = to_imageplus(labels)
    assert int(imp.getBitDepth()) == (16 if highest < 65536 else 32)
    assert (imp.getDisplayRangeMin(), imp.getDisplayRangeMax()) == (0, max(255, highest))
    table = np.asarray(imp.getLuts()[0].getBytes()).view(np.uint8).reshape(3, 256).T
    np.testing.assert_array_equal(table, glasbey())
    assert_same(from_imageplus(imp), labels)


def test_more_labels_than_imagej_can_hold() -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[0, 0, 0] = 2**24 + 1
    with pytest.raises(iso.FormatError, match="16777217"):
        to_imageplus(labels)


sizes = st.floats(1e-4, 1e4)
units = st.sampled_from(["um", "nm", "mm", "inch", "furlong", None])


@st.composite
def images(draw: st.DrawFn) -> xr.DataArray:
    """Any image that ImageJ can hold."""
    dims = "".join(axis for axis in "tcz" if draw(st.booleans())) + "yx"
    shape = [draw(st.integers(1, 4)) for _ in dims]
    dtype = draw(st.sampled_from(["bool", "uint8", "uint16", "int16", "int8", "float32", "int32", "float64"]))
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 100, shape).astype(dtype)
    image = iso.as_image(values, dims).rename(draw(st.sampled_from([None, "a", "DAPI (µm) 1.tif"])))
    unit = draw(units)
    for axis in dims:
        if axis == "c" or not draw(st.booleans()):
            continue
        if axis == "t":
            image = iso.set_voxel_size(image, t=draw(sizes), time_unit=draw(st.sampled_from(["s", "min"])))
        else:
            image = iso.set_voxel_size(image, **{axis: draw(sizes)}, unit=None if unit == "furlong" else unit)
            if unit == "furlong":  # nobody can set it, and ImageJ can have it
                image = image.assign_coords({axis: image[axis].assign_attrs(units=unit)})
    spatial = [axis for axis in dims if axis in "zyx" and axis in image.coords]
    if spatial and draw(st.booleans()):
        image = iso.set_voxel_size(image, origin={axis: draw(st.floats(-1e3, 1e3)) for axis in spatial})
    if "c" in dims and draw(st.booleans()):
        image = image.assign_coords(c=[f"channel {index}" for index in range(image.sizes["c"])])
    if dtype == "int32" and draw(st.booleans()):
        image = mark_as_labels(image)
    return image


@given(images())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore::isoscale_ij.CalibrationWarning")
def test_round_trip_of_anything(image: xr.DataArray) -> None:
    imp = to_imageplus(image)
    found = from_imageplus(imp)
    rounded = found.assign_coords(  # ImageJ's origin is in pixels: positions come back but for rounding
        {axis: image.coords[axis] for axis in "zyx" if axis in image.coords and axis in found.coords}
    )
    assert_same(rounded, image)
    for axis in set("zyx") & set(image.coords):
        size = spacing(image, axis)
        assert spacing(found, axis) == pytest.approx(size, rel=1e-12)
        np.testing.assert_allclose(found[axis], image[axis], rtol=1e-12, atol=1e-9 * size)
    calibration = imp.getCalibration()
    again = to_imageplus(found).getCalibration()
    for name in ("pixelWidth", "pixelHeight", "pixelDepth", "frameInterval"):
        assert getattr(again, name) == pytest.approx(getattr(calibration, name), rel=1e-12)
    assert again.getUnit() == calibration.getUnit()


# From ImageJ to an image and back


def test_calibration_of_every_axis(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("cells", "16-bit ramp", 12, 10, 5), xOrigin=3.0, yOrigin=-2.0, zOrigin=1.5)
    image = from_imageplus(imp)
    assert image.dims == ("z", "y", "x")
    assert image.name == "cells"
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.17, "x": 0.16}
    assert iso.info(image).units == dict.fromkeys("zyx", "micrometer")
    calibration = imp.getCalibration()
    for axis, name in (("x", "X"), ("y", "Y"), ("z", "Z")):  # ImageJ is the judge of where a pixel is
        edge = getattr(calibration, f"get{name}")(4.0)
        assert float(image[axis][4]) == pytest.approx(edge + spacing(image, axis) / 2, rel=1e-12)
    assert_same_calibration(to_imageplus(image), imp)


def test_a_unit_that_is_not_known_is_said_and_kept(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 4))
    imp.getCalibration().setUnit("furlong")
    with pytest.warns(iso.CalibrationWarning, match="'furlong' is not known"):
        image = from_imageplus(imp)
    assert_same_calibration(to_imageplus(image), imp)


@pytest.mark.parametrize("unit", ["um", "µm", "micron", "microns", "nm", "mm", "cm", "inch"])
def test_units_come_back_as_they_were_spelled(imagej: Any, unit: str) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 4))
    imp.getCalibration().setUnit(unit)
    assert_same_calibration(to_imageplus(from_imageplus(imp)), imp)


def test_other_units_on_other_axes(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 4), pixelDepth=1500.0, zOrigin=2.0)
    imp.getCalibration().setZUnit("nm")
    image = from_imageplus(imp)
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.17, "x": 0.16}
    assert_same_calibration(to_imageplus(image), imp)
    assert to_imageplus(iso.set_voxel_size(image, unit="mm")).getCalibration().getZUnit() == "mm"


@pytest.mark.parametrize(("channels", "slices", "frames"), [(1, 1, 1), (1, 1, 3), (2, 1, 1), (1, 4, 3), (2, 4, 3)])
def test_hyperstacks(imagej: Any, channels: int, slices: int, frames: int) -> None:
    imp = calibrated(imagej.createImage("a", "16-bit", 6, 5, channels, slices, frames), frameInterval=2.5)
    imp.getCalibration().setTimeUnit("min")
    stack = imp.getStack()
    for index in range(1, imp.getStackSize() + 1):
        stack.getProcessor(index).setf(1, 1, index)
    image = from_imageplus(imp)
    assert image.dims == tuple("t" * (frames > 1) + "c" * (channels > 1) + "zyx")
    for c in range(channels):
        for z in range(slices):
            for t in range(frames):
                at = {"c": c, "z": z, "t": t}
                value = image.isel({axis: i for axis, i in at.items() if axis in image.dims})[1, 1]
                assert int(value) == imp.getStackIndex(c + 1, z + 1, t + 1)
    if frames > 1:
        assert (spacing(image, "t"), image.t.attrs["units"]) == (2.5, "minute")
    else:
        assert image.attrs["imagej"]["single"]["t"][:2] == [2.5, "min"]
    back = to_imageplus(image)
    assert list(back.getDimensions()) == list(imp.getDimensions())
    assert_same_calibration(back, imp)


def test_signed_16_bit_has_its_true_values(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "16-bit", 6, 5, 2))
    imp.getCalibration().setSigned16BitCalibration()
    imp.getProcessor().set(1, 1, 32768 - 5)
    assert imp.getProcessor().getf(1, 1) == 32763
    image = from_imageplus(imp)
    assert image.dtype == np.int16
    assert int(image[0, 1, 1]) == -5
    back = to_imageplus(image)
    assert back.getCalibration().isSigned16Bit()
    assert_same_calibration(back, imp)
    assert "description" not in image.attrs.get("imagej", {})


def test_other_value_functions_are_kept(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 2))
    calibration = imp.getCalibration()
    calibration.setFunction(classes().Calibration.STRAIGHT_LINE, [1.5, 0.25], "OD")
    back = to_imageplus(from_imageplus(imp))
    assert back.getCalibration().getCValue(100) == calibration.getCValue(100) == 26.5
    assert_same_calibration(back, imp)


def test_looks_info_labels_roi_and_overlay(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "16-bit composite-mode", 20, 15, 2, 3, 1))
    imp.setC(1)
    imagej.run(imp, "Cyan", "")
    imp.setDisplayRange(10, 200)
    imp.setC(2)
    imp.setDisplayRange(5, 4000)
    imp.setMode(2)
    imp.setProperty("Info", "objective: 63x\nµ")
    imp.setProp("operator", "somebody")
    imp.setRoi(2, 3, 5, 6)
    overlay = classes().Overlay(imp.getRoi())
    overlay.drawLabels(True)
    imp.setOverlay(overlay)
    for index in range(1, 7):
        imp.getStack().setSliceLabel(f"{'red' if index % 2 else 'green'} {(index - 1) // 2}", index)
    image = from_imageplus(imp)
    known = image.attrs["imagej"]
    assert known["ranges"] == [[10.0, 200.0], [5.0, 4000.0]]
    assert (known["mode"], known["info"]) == ("color", "objective: 63x\nµ")
    assert known["properties"]["operator"] == "somebody"
    back = to_imageplus(image)
    assert back.getMode() == 2
    assert back.getInfoProperty() == "objective: 63x\nµ"
    assert back.getProp("operator") == "somebody"
    assert back.getRoi().getBounds() == imp.getRoi().getBounds()
    assert back.getOverlay().size() == 1
    assert back.getOverlay().getDrawLabels()
    assert [back.getStack().getSliceLabel(i) for i in range(1, 7)] == [
        imp.getStack().getSliceLabel(i) for i in range(1, 7)
    ]
    assert len(known["luts"]) == 2
    for one, other in zip(back.getLuts(), imp.getLuts(), strict=True):
        assert list(one.getBytes()) == list(other.getBytes())
        assert (one.min, one.max) == (other.min, other.max)
    assert from_imageplus(back).attrs == image.attrs


def test_slice_labels_name_the_channels(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit composite-mode", 6, 5, 2, 3, 1))
    for index in range(1, 7):
        imp.getStack().setSliceLabel("red" if index % 2 else "green", index)
    image = from_imageplus(imp)
    assert image.c.values.tolist() == ["red", "green"]
    assert "slice_labels" not in image.attrs.get("imagej", {})
    assert [str(to_imageplus(image).getStack().getSliceLabel(i)) for i in (1, 2, 3)] == ["red", "green", "red"]


@pytest.mark.parametrize("kind", ["8-bit", "16-bit", "32-bit"])
def test_a_lookup_table_of_one_channel(imagej: Any, kind: str) -> None:
    imp = calibrated(imagej.createImage("a", f"{kind} ramp", 30, 20, 3))
    imagej.run(imp, "Fire", "")
    imp.setDisplayRange(3, 77)
    back = to_imageplus(from_imageplus(imp))
    assert list(back.getLuts()[0].getBytes()) == list(imp.getLuts()[0].getBytes())
    assert (back.getDisplayRangeMin(), back.getDisplayRangeMax()) == (3, 77)
    np.testing.assert_array_equal(from_imageplus(back).values, from_imageplus(imp).values)


def test_hyperstacks_that_are_no_composite_stay_so(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit", 6, 5, 6))
    imp.setDimensions(2, 3, 1)
    assert not imp.isComposite()
    assert not to_imageplus(from_imageplus(imp)).isComposite()


def test_rgb(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "RGB", 6, 5, 3))
    imp.getStack().getProcessor(2).putPixel(4, 1, 0x102030)
    image = from_imageplus(imp)
    assert dict(image.sizes) == {"c": 3, "z": 3, "y": 5, "x": 6}
    assert image.dtype == np.uint8
    assert image[:, 1, 1, 4].values.tolist() == [0x10, 0x20, 0x30]
    back = to_imageplus(image)
    assert int(back.getBitDepth()) == 24
    assert back.getStack().getProcessor(2).getPixel(4, 1) & 0xFFFFFF == 0x102030
    assert_same_calibration(back, imp)
    assert_same(from_imageplus(back), image)


def test_a_virtual_stack_is_read_slice_by_slice(imagej: Any, tmp_path: Any) -> None:
    image = make("zyx")
    iso.write(tmp_path / "a.tif", image)
    imp = imagej.openVirtual(str(tmp_path / "a.tif"))
    assert imp.getStack().isVirtual()
    np.testing.assert_array_equal(from_imageplus(imp).values, image.values)


def test_an_inverted_y_axis_is_said_and_kept(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 2))
    imp.getCalibration().setInvertY(True)
    with pytest.warns(iso.CalibrationWarning, match="points up"):
        image = from_imageplus(imp)
    assert_same_calibration(to_imageplus(image), imp)


# What ImageJ does in between


def test_filters_work_and_never_reach_the_numpy_array(imagej: Any) -> None:
    image = make("zyx", "float32")
    before = image.values.copy()
    imp = to_imageplus(image)
    imagej.run(imp, "Gaussian Blur 3D...", "x=1 y=1 z=1")
    np.testing.assert_array_equal(image.values, before)
    blurred = from_imageplus(imp)
    assert float(blurred.std()) < 0.8 * float(image.std())
    assert iso.voxel_size(blurred) == iso.voxel_size(image)
    before = blurred.values.copy()
    imagej.run(imp, "Multiply...", "value=3 stack")
    np.testing.assert_array_equal(blurred.values, before)


def test_properties_that_are_edited_are_seen(imagej: Any) -> None:
    imp = to_imageplus(make("zyx"))
    imagej.run(
        imp, "Properties...", "channels=1 slices=4 frames=1 pixel_width=300 pixel_height=300 voxel_depth=900 unit=nm"
    )
    image = from_imageplus(imp)
    assert iso.voxel_size(image) == {"z": 900.0, "y": 300.0, "x": 300.0}
    assert iso.info(image).units["z"] == "nanometer"


def test_a_square_stays_where_it_is_for_imagejs_own_measure(imagej: Any) -> None:
    values = np.zeros((4, 64, 64), np.uint8)
    values[:, 24:40, 16:48] = 255
    image = iso.as_image(values, "zyx", voxel_size=(1.5, 0.5, 0.5), unit="um", origin=(0, 7, -3))

    def centre(imp: Any) -> tuple[float, float]:
        statistics = imp.getStatistics(64)  # centre of mass
        return float(statistics.xCenterOfMass), float(statistics.yCenterOfMass)

    expected = (-3 + 16.0, 7 + 16.0)
    assert centre(to_imageplus(image)) == pytest.approx(expected, abs=1e-9)
    for size in (0.25, 1.0, {"x": 0.125, "y": 2.0}):
        assert centre(to_imageplus(iso.rescale(image, size))) == pytest.approx(expected, abs=1e-6)


def test_scale_of_imagej_in_between(imagej: Any) -> None:
    imp = to_imageplus(make("zyx"))
    imagej.run(imp, "Scale...", "x=2 y=2 z=2 width=12 height=10 depth=8 interpolation=Bilinear process create title=b")
    scaled = imagej.getImage()
    try:
        image = from_imageplus(scaled)
        assert dict(image.sizes) == {"z": 8, "y": 10, "x": 12}
        assert iso.voxel_size(image) == pytest.approx(
            {"z": 0.75, "y": 0.1596665040315075 / 2, "x": 0.1596665040315075 / 2}
        )
    finally:
        scaled.close()


def test_labels_that_were_filtered_are_no_labels_any_more(imagej: Any) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[0, 0, 0] = 70_000
    imp = to_imageplus(labels)
    imagej.run(imp, "Gaussian Blur 3D...", "x=1 y=1 z=1")
    image = from_imageplus(imp)
    assert image.dtype == np.float32
    assert "kind" not in image.attrs


def test_the_speed_of_an_animation_is_kept(imagej: Any) -> None:
    imp = calibrated(imagej.createImage("a", "8-bit ramp", 6, 5, 4), fps=12.5, loop=True)
    back = to_imageplus(from_imageplus(imp)).getCalibration()
    assert (back.fps, bool(back.loop)) == (12.5, True)
    iso.set_voxel_size(imp, z=3.0)
    assert (imp.getCalibration().fps, bool(imp.getCalibration().loop)) == (12.5, True)

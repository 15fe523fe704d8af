"""What a calibrated image is, and that its calibration is never lost or changed by the way."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import isoscale_ij as iso
from isoscale_ij.image.calibration import lower_edge, spacing

STACK = np.zeros((4, 6, 8), np.uint16)


def test_the_first_voxel_begins_at_zero() -> None:
    image = iso.as_image(STACK, "zyx", voxel_size=(1.5, 0.2, 0.1), unit="um")
    assert image.z.values.tolist() == [0.75, 2.25, 3.75, 5.25]
    assert image.x.values[0] == 0.05
    assert image.z.dtype == np.float64
    assert image.z.attrs == {"spacing": 1.5, "units": "micrometer"}


@pytest.mark.parametrize("size", [(1.5, 0.2, 0.1), {"z": 1.5, "y": 0.2, "x": "100 nm"}, ["1500 nm", 0.2, 0.1]])
def test_ways_to_give_a_voxel_size(size: object) -> None:
    image = iso.as_image(STACK, "zyx", voxel_size=size, unit="um")
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.2, "x": 0.1}


def test_origin_is_the_lower_edge() -> None:
    image = iso.as_image(STACK, "zyx", voxel_size=2, unit="um", origin={"z": -3, "x": "1 mm"})
    assert image.z.values[0] == -2
    assert image.x.values[0] == 1001
    assert image.y.values[0] == 1


@pytest.mark.parametrize(
    ("dims", "ours"),
    [
        (("pln", "row", "col"), ("z", "y", "x")),
        (("row", "col", "ch"), ("c", "y", "x")),
        (("t", "pln", "row", "col", "ch"), ("t", "c", "z", "y", "x")),
        (tuple("TCZYX"), ("t", "c", "z", "y", "x")),
        (tuple("xyz"), ("z", "y", "x")),
    ],
)
def test_other_names_of_axes_come_in(dims: tuple[str, ...], ours: tuple[str, ...]) -> None:
    shape = tuple(range(2, 2 + len(dims)))
    image = iso.as_image(xr.DataArray(np.zeros(shape, np.uint8), dims=dims))
    assert image.dims == ours
    assert {iso_axis: image.sizes[iso_axis] for iso_axis in ours} == {
        our: size for size, our in zip(shape, (_our(d) for d in dims), strict=True)
    }


def _our(dim: str) -> str:
    return {"pln": "z", "row": "y", "col": "x", "ch": "c"}.get(dim.lower(), dim.lower())


def test_coordinates_that_come_along_are_centres() -> None:
    array = xr.DataArray(
        STACK, dims=list("ZYX"), coords={"Z": np.arange(4) * 3.0, "Y": np.arange(6), "X": np.arange(8)}
    )
    image = iso.as_image(array)
    assert iso.voxel_size(image) == {"z": 3.0, "y": 1.0, "x": 1.0}
    assert lower_edge(image, "z") == -1.5


def test_slicing_with_a_step_changes_the_voxel_size() -> None:
    image = iso.as_image(STACK, voxel_size=(1.5, 0.2, 0.1), unit="um")
    assert spacing(image[::2, :, ::4], "z") == 3.0
    assert spacing(image[::2, :, ::4], "x") == pytest.approx(0.4)
    assert spacing(image[:, 1:3], "y") == 0.2  # to the last bit


def test_a_single_slice_keeps_its_thickness() -> None:
    image = iso.as_image(STACK, voxel_size=(1.5, 0.2, 0.1), unit="um")[2:3]
    assert iso.voxel_size(image)["z"] == 1.5
    assert iso.info(image).extent["z"] == 1.5


def test_set_voxel_size_shares_memory_and_keeps_the_lower_edge() -> None:
    image = iso.as_image(STACK, voxel_size=2, unit="um", origin={"z": 10, "y": 0, "x": 0})
    changed = iso.set_voxel_size(image, z="900 nm", x=0.1)
    assert np.shares_memory(changed.values, image.values)
    assert changed.shape == image.shape
    assert iso.voxel_size(changed) == {"z": 0.9, "y": 2.0, "x": 0.1}
    assert lower_edge(changed, "z") == pytest.approx(10)
    assert iso.voxel_size(image) == {"z": 2.0, "y": 2.0, "x": 2.0}


def test_set_voxel_size_on_an_uncalibrated_image() -> None:
    image = iso.set_voxel_size(STACK, z=1.5, y=0.2, x=0.2, unit="micron")
    assert iso.info(image).units == {"z": "micrometer", "y": "micrometer", "x": "micrometer"}
    assert lower_edge(image, "x") == 0


def test_a_new_unit_converts_what_is_kept() -> None:
    image = iso.as_image(STACK, voxel_size=(1500, 200, 100), unit="nm", origin=(0, 0, 1000))
    changed = iso.set_voxel_size(image, unit="um")
    assert iso.voxel_size(changed) == {"z": 1.5, "y": 0.2, "x": 0.1}
    assert lower_edge(changed, "x") == pytest.approx(1.0)


def test_time_step() -> None:
    movie = iso.as_image(np.zeros((3, 4, 5)), "tyx", voxel_size=1, unit="um")
    assert spacing(iso.set_voxel_size(movie, t="2 min"), "t") == 2
    timed = iso.set_voxel_size(movie, t=30, time_unit="s")
    assert iso.info(timed).units["t"] == "second"
    assert iso.info(timed).extent["t"] == 90


def test_mixed_known_units_are_converted() -> None:
    array = xr.DataArray(
        STACK, dims=list("zyx"), coords={a: (np.arange(n) + 0.5) for a, n in zip("zyx", STACK.shape, strict=True)}
    )
    array.z.attrs["units"], array.y.attrs["units"], array.x.attrs["units"] = "mm", "um", "µm"
    assert iso.voxel_size(iso.as_image(array)) == {"z": 1000.0, "y": 1.0, "x": 1.0}


def test_mixed_unknown_units_are_refused() -> None:
    array = xr.DataArray(
        STACK, dims=list("zyx"), coords={a: (np.arange(n) + 0.5) for a, n in zip("zyx", STACK.shape, strict=True)}
    )
    array.z.attrs["units"], array.y.attrs["units"], array.x.attrs["units"] = "furlong", "um", "µm"
    with pytest.raises(iso.CalibrationError, match="furlong"):
        iso.as_image(array)


@pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf"), "0 um"])
def test_impossible_voxel_sizes(size: object) -> None:
    with pytest.raises(iso.CalibrationError, match="needed is a finite number"):
        iso.as_image(STACK, voxel_size=size)
    with pytest.raises(iso.CalibrationError, match="needed is a finite number"):
        iso.set_voxel_size(STACK, z=size)


def test_unequal_steps_say_where() -> None:
    z = [0.0, 1.0, 2.5, 3.0]
    with pytest.raises(iso.CalibrationError, match=r"unequal steps on z: 1.5 between voxel 1 and 2"):
        iso.as_image(xr.DataArray(STACK, dims=list("zyx"), coords={"z": z}))


def test_falling_coordinates_are_refused() -> None:
    with pytest.raises(iso.CalibrationError, match="isel"):
        iso.as_image(xr.DataArray(STACK, dims=list("zyx"), coords={"z": [3.0, 2, 1, 0]}))


@pytest.mark.parametrize(
    ("array", "dims", "message"),
    [
        (np.zeros(4), None, "1 dimensions"),
        (np.zeros((1,) * 6), None, "6 dimensions"),
        (np.zeros((2, 3, 4, 5)), None, 'dims="czyx"'),
        (np.zeros((0, 3, 4)), None, "without voxels"),
        (np.zeros((2, 3, 4)), "zzx", "twice"),
        (np.zeros((2, 3, 4)), "zyq", "unknown axes q"),
        (np.zeros((2, 3, 4)), "tzy", "at least y and x"),
        (np.zeros((2, 3), complex), None, "complex128"),
        (np.array([["a", "b"]]), None, "<U1"),
        (np.array([[None, 1]]), None, "object"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray, dims: str | None, message: str) -> None:
    with pytest.raises((iso.FormatError, ValueError), match=message):
        iso.as_image(array, dims)


def test_wrong_axes_are_named() -> None:
    with pytest.raises(iso.ParameterError, match="the image has the axes z, y, x"):
        iso.as_image(STACK, voxel_size={"q": 1})
    with pytest.raises(iso.ParameterError, match="one for each of z, y, x"):
        iso.as_image(STACK, voxel_size=(1, 2))


def test_info_prints_what_a_person_wants_to_know() -> None:
    found = iso.info(iso.as_image(np.zeros((37, 118, 132), np.uint8), voxel_size=(4, 0.82864, 0.82864), unit="um"))
    text = str(found)
    assert "(37, 118, 132)" in text
    assert "z 4 µm, y 0.82864 µm, x 0.82864 µm" in text
    assert "4.827" in text
    assert found.nbytes == 37 * 118 * 132
    assert found.dtype == np.uint8
    assert found.as_dict()["dtype"] == "uint8"


def test_the_position_of_a_lone_slice_is_kept() -> None:
    lone = xr.DataArray(STACK[:1], dims=list("zyx"), coords={"z": [4.5]})
    assert float(iso.as_image(lone).z[0]) == 4.5
    assert iso.voxel_size(iso.as_image(lone)) == {}


@pytest.mark.parametrize(
    ("size", "unit", "word"),
    [
        (1, None, "without a unit"),
        ({"y": 1, "x": 1}, "um", "none on z"),
        ((500, 1, 1), "um", "500 times"),
        ((1, 25.4 / 72, 25.4 / 72), "mm", "72 dpi"),
    ],
)
def test_suspicious_calibrations_are_pointed_out(size: object, unit: str | None, word: str) -> None:
    remarks = iso.info(iso.as_image(STACK, voxel_size=size, unit=unit)).remarks
    assert len(remarks) == 1
    assert word in remarks[0]


def test_a_good_calibration_is_not() -> None:
    assert iso.info(iso.as_image(STACK, voxel_size=(1.5, 0.16, 0.16), unit="um")).remarks == []


@given(
    size=st.floats(1e-6, 1e6),
    lower=st.floats(-1e6, 1e6),
    count=st.integers(1, 50),
)
def test_a_calibration_comes_back_as_it_was_given(size: float, lower: float, count: int) -> None:
    image = iso.as_image(np.zeros((count, 2)), "yx", voxel_size={"y": size, "x": 1.0}, unit="um")
    moved = iso.set_voxel_size(image, origin={"y": lower})
    assert iso.voxel_size(moved)["y"] == pytest.approx(size, rel=1e-6)
    assert lower_edge(moved, "y") == pytest.approx(lower, rel=1e-6, abs=1e-6 * size)
    if lower == 0:
        assert iso.voxel_size(moved)["y"] == size


@pytest.mark.parametrize(
    ("sizes", "unit", "remark"),
    [
        ((1, 1, 1), None, r"size of 1 without a unit"),
        ((1.5e-6, 1.6e-7, 1.6e-7), None, r"without a unit; is that right\? Metres may be meant"),
        ((1.5e-6, 1.6e-7, 1.6e-7), "um", r"less than an atom has; are they metres\?"),
        ((1.5, 0.16, 0.16), "m", r"hardly a microscope's; is the unit right\?"),
        ((200, 0.16, 0.16), "um", r"1250 times the smallest"),
        ((0.001, 0.16, 0.16), "um", r"160 times the smallest"),
        ((1, 25.4 / 72, 25.4 / 72), "mm", r"screen \(72 dpi\)"),
    ],
)
def test_what_cannot_be_right_is_pointed_out_once(sizes: tuple, unit: str | None, remark: str) -> None:
    image = iso.as_image(np.zeros((3, 4, 5), np.uint8), "zyx", voxel_size=sizes, unit=unit)
    found = iso.info(image).remarks
    assert len(found) == 1
    assert re.search(remark, found[0])
    assert "set_voxel_size" in found[0]


@pytest.mark.parametrize("sizes", [(3.0, 1.0, 1.0), (0.05, 0.004, 0.004), (0.0005, 0.0002, 0.0002), (5000, 900, 900)])
def test_what_may_be_right_is_not(sizes: tuple) -> None:
    image = iso.as_image(np.zeros((3, 4, 5), np.uint8), "zyx", voxel_size=sizes, unit="um")
    assert iso.info(image).remarks == []


def test_a_voxel_size_under_other_names_of_axes() -> None:
    image = xr.DataArray(np.zeros((3, 3)), dims=["Y", "X"], coords={"Y": [0, 1, 2.0], "X": [0, 2, 4.0]})
    assert iso.voxel_size(image) == iso.info(image).voxel_size == {"y": 1.0, "x": 2.0}


@pytest.mark.parametrize("unit", [None, "nm"])
def test_a_slice_that_is_given_a_size_stays_where_it_is(unit: str | None) -> None:
    coords = {"z": [7.0], "y": np.arange(5.0), "x": np.arange(6.0)}
    image = xr.DataArray(np.zeros((1, 5, 6)), dims=list("zyx"), coords=coords)
    for axis in "zyx":
        image[axis].attrs["units"] = "micrometer"
    sized = iso.set_voxel_size(image, z="2 um", unit=unit)
    assert sized.z.values == pytest.approx(7000.0 if unit else 7.0)
    assert iso.voxel_size(sized)["z"] == pytest.approx(2000.0 if unit else 2.0)
    assert iso.as_image(image, voxel_size={"z": 2}).z.values == 7.0


def test_units_that_cannot_be_set() -> None:
    image = iso.as_image(np.zeros((3, 4, 5), np.uint8), "zyx", voxel_size=1, unit="um")
    with pytest.raises(iso.CalibrationError, match="empty unit"):
        iso.set_voxel_size(image, unit="")
    with pytest.raises(iso.CalibrationError, match=r"px as unit of an image in µm.*drop_vars"):
        iso.set_voxel_size(image, z=2, y=1, x=1, unit="px")

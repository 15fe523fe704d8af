"""To the digit and to the word: sigmas, thresholds, targets and calibrations, as mutation testing asks for.

Written after mutation testing (``make mutants``) had shown which signs, bounds and words of the code could be changed
without a test minding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from skimage.filters import threshold_otsu

import isoscale_ij as iso
from isoscale_ij.engines.taps import NO_TAPS, fine_gaussian_taps
from isoscale_ij.errors import CalibrationError, ParameterError
from isoscale_ij.execution.in_memory import one_at_a_time
from isoscale_ij.image.calibration import lower_edge
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.units import convert, parse_length, symbol
from isoscale_ij.operations.fine_grids import finer_steps, split_blur
from isoscale_ij.operations.rescaling import not_finite_remark, prepared
from isoscale_ij.operations.sigmas import plain, resolve_sigmas
from isoscale_ij.operations.thresholds import background, coarse_background, limits_of_objects, otsu_threshold

SHAPE = {"z": 10, "y": 20, "x": 30}


def image(shape: dict[str, int] = SHAPE, size: Any = (2.0, 0.5, 0.25), unit: str | None = "um") -> xr.DataArray:
    return iso.as_image(
        np.arange(np.prod(list(shape.values()))).reshape(*shape.values()).astype(np.uint16), "".join(shape),
        voxel_size=size, unit=unit,
    )  # fmt: skip


def said(error: type[Exception], work: Any) -> str:
    with pytest.raises(error) as caught:
        work()
    return str(caught.value)


# Sigmas


@pytest.mark.parametrize(
    ("sigma", "voxels", "in_voxels"),
    [
        (1.0, (0.5, 2.0, 4.0), False),
        ("500 nm", (0.25, 1.0, 2.0), False),
        ("3 px", (3.0, 3.0, 3.0), True),
        (0, (0.0, 0.0, 0.0), False),
        ({"z": 1, "y": "2 px", "x": 0.5}, (0.5, 2.0, 2.0), False),
        ([0.5, 0.25, 0.75], (0.25, 0.5, 3.0), False),
        ({"z": "10 px", "y": 0, "x": 0.1}, (10.0, 0.0, 0.4), False),  # as large as the image is just allowed
    ],
)
def test_sigmas_in_voxels(sigma: Any, voxels: tuple[float, ...], in_voxels: bool) -> None:
    found = resolve_sigmas(Grid.of(image()), sigma, "spot_sigma")
    assert found.voxels == pytest.approx(voxels)
    assert found.in_voxels is in_voxels


def test_sigmas_where_an_axis_is_missing_or_has_one_voxel() -> None:
    flat = image({"y": 20, "x": 30}, (0.5, 0.25))
    assert resolve_sigmas(Grid.of(flat), 1.0, "spot_sigma").voxels == (0.0, 2.0, 4.0)
    one = image({"z": 1, "y": 20, "x": 30})
    assert resolve_sigmas(Grid.of(one), 1.0, "spot_sigma").voxels == (0.0, 2.0, 4.0)
    unknown = iso.as_image(one.values, "zyx", voxel_size={"y": 0.5, "x": 0.25}, unit="um")
    assert resolve_sigmas(Grid.of(unknown), 1.0, "spot_sigma").voxels == (0.0, 2.0, 4.0)
    two = iso.as_image(np.zeros((2, 20, 30)), "zyx", voxel_size={"y": 0.5, "x": 0.25}, unit="um")
    assert "no voxel size on z" in said(CalibrationError, lambda: resolve_sigmas(Grid.of(two), 1.0, "spot_sigma"))


def test_what_is_said_of_sigmas() -> None:
    grid, bare = Grid.of(image()), Grid.of(image(unit=None))
    assert said(ParameterError, lambda: resolve_sigmas(grid, -1, "spot_sigma")) == (
        "Got -1 as spot_sigma; needed is 0 or more."
    )
    assert said(ParameterError, lambda: resolve_sigmas(grid, 21, "spot_sigma")) == (
        "Got 21 as spot_sigma, which is 10.5 voxels on z; the image has 10 voxels, 20 µm, there. "
        "Choose a sigma smaller than the image, or one for each axis."
    )
    assert "which is 11 voxels on z; the image has 10 voxels there." in said(
        ParameterError, lambda: resolve_sigmas(Grid.of(iso.as_image(np.zeros((10, 20, 30)))), "11 px", "spot_sigma")
    )
    text = said(CalibrationError, lambda: resolve_sigmas(bare, 1, "outline_sigma"))
    assert text.startswith(
        "Got 1 as outline_sigma, a physical length, but the image has a voxel size without a unit on z"
    )
    assert '"10 px"' in text
    assert "outline_sigma" in said(ParameterError, lambda: resolve_sigmas(grid, {"z": 1}, "outline_sigma"))
    assert "outline_sigma on y" in said(ParameterError, lambda: resolve_sigmas(grid, [1, "a lot", 1], "outline_sigma"))


def test_sigmas_as_json_knows_them() -> None:
    assert plain({"z": np.float32(1.5), "y": "2 px"}) == {"z": 1.5, "y": "2 px"}
    assert plain(np.array([1, 2.5])) == [1.0, 2.5]
    assert type(plain(3)) is float


@pytest.mark.parametrize(
    ("sigmas", "steps"),
    [
        ((0.4, 2, 2), (5, 1, 1)), ((0.4, 0.4, 0.4), (1, 1, 1)), ((0.2, 9, 9), (25, 1, 1)), ((0.5, 2, 2), (1, 1, 1)),
        ((0.5, 2.5, 2.5), (5, 1, 1)), ((1.2, 11.27, 11.27), (5, 1, 1)), ((2.0, 10, 10), (1, 1, 1)),
        ((1.99, 9.95, 9.95), (3, 1, 1)), ((1, 4.99, 4.99), (1, 1, 1)),
        ((0, 5, 5), (1, 1, 1)), ((3, 0.3, 3), (1, 10, 1)), ((0.45, 0.9, 0.45), (2, 1, 2)),
        ((3, 3, 0.3), (1, 1, 10)), ((0.9, 4.5, 0.9), (5, 1, 5)), ((-1, 5, 5), (1, 1, 1)),
    ],
)  # fmt: skip
def test_how_much_finer_seeds_are_sought(sigmas: tuple[float, ...], steps: tuple[int, ...]) -> None:
    assert finer_steps(sigmas) == steps
    on_voxels, taps = split_blur(sigmas, steps)
    for axis, (sigma, count) in enumerate(zip(sigmas, steps, strict=True)):
        assert on_voxels[axis] == (0.0 if count > 1 else sigma)
        assert len(taps[axis].weights) == count
        if count > 1:
            np.testing.assert_array_equal(taps[axis].weights, fine_gaussian_taps(sigma, count).weights)
        else:
            assert taps[axis] is NO_TAPS


# Thresholds


def test_otsu_is_that_of_scikit_image(rng: np.random.Generator) -> None:
    values = np.r_[rng.normal(20, 3, 4000), rng.normal(60, 8, 1000)].astype(np.float32)
    lowest, highest = float(values.min()), float(values.max())
    counts, _ = np.histogram(values, 256, (lowest, highest))
    assert otsu_threshold(counts, lowest, highest) == pytest.approx(threshold_otsu(values, nbins=256), rel=1e-6)


def test_the_background_is_the_median_of_what_is_below(rng: np.random.Generator) -> None:
    values = np.sort(np.r_[rng.normal(20, 3, 4001), rng.normal(60, 8, 1000)])
    lowest, highest, threshold = values[0], values[-1], 40.0

    def histogram(low: float, high: float, bins: int) -> np.ndarray:
        places = np.clip(((values - low) * (bins / (high - low))).astype(int), 0, bins - 1)
        return np.bincount(places, minlength=bins)

    below = values[values < threshold]
    median = below[(len(below) - 1) // 2]
    width = (threshold - lowest) / 256
    found = background(
        lambda low, high, bins, parts: (histogram(low, high, bins), one_at_a_time(histogram, parts)), lowest, threshold
    )
    assert found == (pytest.approx(median, abs=0.51 * width / 256), len(values) - len(below))
    counts = histogram(lowest, highest, 256)
    assert coarse_background(counts, lowest, highest, threshold) == pytest.approx(median, abs=(highest - lowest) / 256)
    assert coarse_background(np.array([1, 3, 0, 1]), 0.0, 4.0, 0.0) == 0.5  # never without a bin
    assert coarse_background(np.array([1, 1, 1, 1]), 0.0, 4.0, 3.0) == 1.5


def test_limits_of_objects() -> None:
    found = limits_of_objects(np.array([50, 30, 31], np.float32), 10.0, 30.0)
    np.testing.assert_allclose(found, [22.0, np.inf, 16.3])


# Targets


@pytest.mark.parametrize(("old", "new", "count"), [(0.1, 0.3, 10), (0.3, 0.1, 90), (0.7, 2.1, 10), (0.2, 0.2, 30)])
def test_whole_ratios_are_free_of_rounding(old: float, new: float, count: int) -> None:
    work = prepared(image(size=(1.0, 1.0, old)), {"x": new})
    ratio = work.resampling.axes[2].ratio
    assert ratio == (round(new / old) if new >= old else 1 / round(old / new))
    assert work.plan.shape == (10, 20, count)
    assert work.resampling.antialias


def test_ratios_that_are_not_whole_stay() -> None:
    work = prepared(image(size=(1.0, 1.0, 1.0)), {"x": 1.0000001, "y": 0.9999})
    _, y, x = work.resampling.axes if hasattr(work.resampling, "axes") else work.resampling.changes
    assert (y.ratio, x.ratio) == (0.9999, 1.0000001)


def test_name_and_attributes_stay() -> None:
    named = image().rename("cells").assign_attrs(note="kept")
    result = iso.rescale(named, 1.0)
    assert (result.name, result.attrs["note"]) == ("cells", "kept")
    work = prepared(named, 1.0)
    assert work.result(np.zeros(work.plan.shape)).attrs == named.attrs
    assert work.result(np.zeros(work.plan.shape), {"other": 1}).attrs == {"other": 1}
    assert iso.rescale(image({"z": 1, "y": 20, "x": 30}), {"z": 20}).shape == (1, 20, 30)  # one slice stays one
    flat = iso.rescale(image({"y": 20, "x": 30}, (0.5, 0.25)).rename("flat"), 1.0)
    assert (flat.name, flat.shape, flat.dims) == ("flat", (10, 8), ("y", "x"))


def test_what_is_said_of_targets() -> None:
    assert said(ParameterError, lambda: iso.rescale(image(), {"x": 20})) == (
        "Got a new voxel size of 20 µm on x, where the image has 30 voxels of 0.25 µm: less than one voxel would be "
        "left. Choose a smaller voxel size."
    )
    partly = iso.as_image(np.zeros((2, 3, 4)), "zyx", voxel_size={"y": 0.5, "x": 0.25}, unit="um")
    assert "no voxel size on z (it has y: 0.5 µm, x: 0.25 µm)" in said(
        CalibrationError, lambda: iso.rescale(partly, "finest")
    )
    one = iso.as_image(np.zeros((1, 4, 4)), "zyx", voxel_size={"y": 0.5, "x": 0.25}, unit="um")
    assert iso.rescale(one, "finest").shape == (1, 8, 4)
    assert iso.rescale(one, 0.5).shape == (1, 4, 2)  # z, of one slice and no size, stays
    assert "on z" in said(CalibrationError, lambda: iso.rescale(one, {"z": 0.5}))
    assert "(it has none)" in said(CalibrationError, lambda: iso.rescale(iso.as_image(np.zeros((4, 4))), "finest"))
    assert "voxel_size" in said(ParameterError, lambda: iso.rescale(image(), {"t": 1}))
    assert "the voxel size on x" in said(ParameterError, lambda: iso.rescale(image(), {"x": "1 foo"}))
    assert iso.rescale(image(), {"x": 7.5}).shape == (10, 20, 1)  # one is enough
    assert "0 on x" in said(CalibrationError, lambda: iso.rescale(image(), {"x": 0}))
    assert "0 on y" in said(CalibrationError, lambda: iso.rescale(image(), {"y": "0 px"}))
    assert "factor" in said(ParameterError, lambda: iso.rescale(image(), factor={"q": 2}))
    assert not_finite_remark(3, 0).startswith("Some values are NaN or infinite")
    with pytest.warns(UserWarning, match=r"^2 of 64 values are NaN or infinite"):
        iso.rescale(iso.as_image(np.r_[[np.nan, np.inf], np.zeros(62)].reshape(8, 8)), factor=2)


# Calibrations


def test_a_time_step_has_a_unit_of_its_own() -> None:
    series = iso.as_image(np.zeros((3, 4, 5)), "tyx", voxel_size=(0.5, 0.25), unit="um")
    assert iso.set_voxel_size(series, t=2.0).t.attrs == {"spacing": 2.0, "units": "second"}
    assert iso.set_voxel_size(series, t="3 min").t.attrs == {"spacing": 3.0, "units": "minute"}
    there = iso.set_voxel_size(series, t="3 min")
    assert iso.set_voxel_size(there, t=5).t.attrs == {"spacing": 5.0, "units": "minute"}
    assert iso.set_voxel_size(there, time_unit="s").t.attrs == {"spacing": 180.0, "units": "second"}
    bare = iso.as_image(np.zeros((3, 4, 5)), "tyx")
    both = iso.set_voxel_size(bare, t="2 s", x=0.5)
    assert "units" not in both.x.attrs  # a unit of time is none of lengths
    assert iso.set_voxel_size(bare, t=2, x="0.5 um").t.attrs == {"spacing": 2.0, "units": "second"}  # nor is it one
    assert iso.set_voxel_size(image(unit=None), unit="um").x.attrs == {"spacing": 0.25, "units": "micrometer"}
    assert "time step" in said(CalibrationError, lambda: iso.set_voxel_size(series, t=0))
    assert "voxel size" in said(CalibrationError, lambda: iso.set_voxel_size(series, x=0))
    assert "unit of time, for example s" in said(iso.IsoscaleError, lambda: iso.set_voxel_size(series, t="3 um"))
    assert "unit of length, for example um" in said(iso.IsoscaleError, lambda: iso.set_voxel_size(bare, x="3 s"))
    assert "the size of x" in said(ParameterError, lambda: iso.set_voxel_size(series, x="3 foo"))
    assert "on t" in said(CalibrationError, lambda: iso.set_voxel_size(series, t=-1))


def test_a_unit_beside_counts_for_plain_numbers() -> None:
    bare = iso.as_image(np.zeros((3, 4, 5)), "zyx")
    found = iso.set_voxel_size(bare, z="1500 nm", y=160, x=160)
    assert iso.voxel_size(found) == {"z": 1500.0, "y": 160.0, "x": 160.0}
    assert {found[axis].attrs["units"] for axis in "zyx"} == {"nanometer"}
    known = iso.set_voxel_size(bare, z=2, y=0.5, unit="um")
    assert iso.set_voxel_size(known, x=0.25).x.attrs == {"spacing": 0.25, "units": "micrometer"}


def test_an_image_that_begins_elsewhere() -> None:
    placed = iso.set_voxel_size(image(), origin={"z": "3 px", "y": "500 nm", "x": -1})
    assert [lower_edge(placed, axis) for axis in "zyx"] == [6.0, 0.5, -1.0]
    there = iso.set_voxel_size(placed, unit="nm")
    assert [lower_edge(there, axis) for axis in "zyx"] == pytest.approx([6000.0, 500.0, -1000.0])
    bare = iso.as_image(np.zeros((4, 4)))
    assert said(CalibrationError, lambda: iso.set_voxel_size(bare, origin={"x": 1})).startswith(
        "Got an origin for x, which has no voxel size"
    )
    assert "the origin on y" in said(ParameterError, lambda: iso.set_voxel_size(image(), origin={"y": "1 foo"}))
    assert said(CalibrationError, lambda: lower_edge(bare, "x")).startswith("The image has no calibration on x")


def test_a_calibration_that_is_stated_wrongly_is_worked_out_anew() -> None:
    known = image()
    for wrong in ({"spacing": 7.0, "units": "micrometer"}, {"spacing": "wide", "units": "µm"}, {"units": "micron"}):
        changed = known.copy()
        changed["x"] = ("x", known.x.values, wrong)
        assert iso.as_image(changed).x.attrs == {"spacing": 0.25, "units": "micrometer"}


def placed(coords: dict[str, tuple[Any, dict[str, Any]]]) -> xr.DataArray:
    """An array of another program's, with positions and their attributes."""
    shape = [len(values) for values, _ in coords.values()]
    named = {axis: (axis, np.asarray(values), attrs) for axis, (values, attrs) in coords.items()}
    return xr.DataArray(np.zeros(shape, np.uint8), dims=list(coords), coords=named)


def test_axes_of_an_array_that_has_names_already() -> None:
    named = xr.DataArray(np.zeros((3, 4, 5)), dims=("a", "b", "C"), coords={"b": [1.0, 2.0, 3.0, 4.0]})
    found = iso.as_image(named, "xyz")
    assert (found.dims, found.shape, iso.voxel_size(found)) == (("z", "y", "x"), (5, 4, 3), {"y": 1.0})
    assert "for an array of shape (3, 4, 5)" in said(iso.FormatError, lambda: iso.as_image(named, "xy"))


def test_positions_in_few_digits_count_as_equal_steps() -> None:
    """In float32, far from 0, steps differ by a tenth: as much as positions are rounded, and no more."""
    x = 1e5 + 0.1 * np.arange(50)
    y = (np.arange(4.0), {})
    found = iso.as_image(placed({"y": y, "x": (x.astype(np.float32), {})}))
    step = float(np.float32(x[-1]) - np.float32(x[0])) / 49
    np.testing.assert_array_equal(np.diff(found.x.values), np.diff(x[0] + np.arange(50) * step))
    assert found.x.attrs == {"spacing": step}
    assert float(found.x[0]) == np.float32(x[0])
    rounded = x.astype(np.float32).astype(np.float64)
    assert "unequal steps on x" in said(CalibrationError, lambda: iso.as_image(placed({"y": y, "x": (rounded, {})})))
    several = x.astype(np.float32)
    several[20:] += np.float32(0.0625)  # of many digits' worth
    assert "unequal steps on x" in said(CalibrationError, lambda: iso.as_image(placed({"y": y, "x": (several, {})})))
    two = iso.as_image(placed({"y": (np.float32([0.1, 0.3]), {}), "x": (np.arange(3), {})}))
    assert two.y.values.tolist() == [float(np.float32(0.1)), float(np.float32(0.1)) + two.y.attrs["spacing"]]
    assert (two.x.dtype, two.x.attrs) == (np.float64, {"spacing": 1.0})


def test_lengths_get_one_unit_with_its_full_name() -> None:
    found = iso.as_image(placed({
        "t": ([0.0, 2.0], {"units": "s"}), "z": ([500.0, 1500.0, 2500.0], {"units": "nm", "note": "kept"}),
        "y": ([0.25, 0.75], {"units": "um"}), "x": ([0.25, 0.75], {"units": "um"}),
    }))  # fmt: skip
    assert found.z.values.tolist() == [0.5, 1.5, 2.5]
    assert found.z.attrs == {"spacing": 1.0, "units": "micrometer", "note": "kept"}
    assert found.t.attrs == {"spacing": 2.0, "units": "second"}
    assert found.x.attrs == {"spacing": 0.5, "units": "micrometer"}
    px = iso.as_image(placed({"y": ([0.0, 1.0], {"units": "px"}), "x": ([0.0, 1.0], {"units": "px"})}))
    assert px.x.attrs == {"spacing": 1.0}
    mixed = placed({"z": ([0.0, 1.0], {}), "y": ([0.0, 1.0], {"units": "um"}), "x": ([0.0, 1.0], {"units": "um"})})
    assert said(CalibrationError, lambda: iso.as_image(mixed)).startswith(
        "Got units on some axes and none on others ({'z': None, 'y': 'micrometer', 'x': 'micrometer'}); needed is one"
    )
    behind = xr.DataArray(np.zeros((2, 2, 3)), dims=("z", "y", "x"), coords={"x": ("x", [1.0, 3.0, 5.0])})
    assert iso.as_image(behind).x.attrs == {"spacing": 2.0}  # z and y, before it, have no positions
    single = placed({"z": ([7.0], {}), "y": ([0.0, 1.0], {}), "x": ([0.0, 2.0], {})})  # a place, and no size
    known = iso.as_image(single)
    assert (iso.voxel_size(known), known.y.attrs, known.x.attrs) == (
        {"y": 1.0, "x": 2.0}, {"spacing": 1.0}, {"spacing": 2.0},
    )  # fmt: skip
    assert lower_edge(iso.set_voxel_size(single, z=2.0), "z") == 6.0  # the place is the voxel's centre
    assert iso.rescale(single, factor={"x": 2}).z.values.tolist() == [7.0]
    assert "z" not in iso.rescale(single, factor={"z": 2, "x": 2}).coords
    assert "on z" in said(CalibrationError, lambda: iso.as_image(placed({
        "z": ([7.0], {"spacing": 0}), "y": ([0.0, 1.0], {}), "x": ([0.0, 2.0], {}),
    })))  # fmt: skip


def test_a_calibration_that_is_stated_already_is_taken_to_the_last_digit() -> None:
    exact = np.cumsum([0.1] * 20)  # not what multiplication gives
    for units in ("um", "micrometer"):
        found = iso.as_image(placed({
            "z": ([500.0, 1500.0], {"spacing": 1000.0, "units": "nanometer"}),
            "y": (np.arange(3, dtype=np.float32), {"spacing": 1.0, "units": "micrometer"}),
            "x": (exact, {"spacing": 0.1, "units": units}),
        }))  # fmt: skip
        assert found.x.values.tolist() == exact.tolist()
        assert found.x.attrs == {"spacing": 0.1, "units": "micrometer"}
        assert (found.z.values.tolist(), found.z.attrs) == ([0.5, 1.5], {"spacing": 1.0, "units": "micrometer"})
        assert found.y.dtype == np.float64
    again = iso.as_image(placed({"z": (np.array([7]), {"spacing": 2}), "y": ([0, 1], {}), "x": (exact, {})}))
    assert (again.z.dtype, again.z.attrs) == (np.float64, {"spacing": 2.0})
    assert again.x.values.tolist() == exact.tolist()


def test_steps_that_are_no_steps() -> None:
    def of(*x: float) -> str:
        return said(CalibrationError, lambda: iso.as_image(placed({"y": ([0.0, 1.0], {}), "x": (list(x), {})})))

    assert of(3, 3, 3) == "The coordinates of x do not rise: they go from 3 to 3."
    assert of(0, 1, np.inf) == "The coordinates of x do not rise: they go from 0 to inf."
    assert of(0, 1, 2.5, 3.5).startswith("Got unequal steps on x: 1.5 between voxel 1 and 2, 1.16667 on average;")
    assert of(0, 2, 2.1, 4.1).startswith("Got unequal steps on x: 0.1 between voxel 1 and 2, 1.36667 on average;")
    assert of(4, 2, 0).startswith("Got coordinates of x that fall (steps of -2); needed are rising ones.")
    assert of(0, 1000, 2003).startswith("Got unequal steps on x: 1000 between voxel 0 and 1, 1001.5 on average;")


def test_units() -> None:
    assert [symbol(unit) for unit in (None, "micrometer", "parsec")] == ["", "µm", "parsec"]
    assert convert(5, "micrometer", "nanometer") == 5000.0
    assert convert(7, "nanometer", "micrometer") == 0.007
    assert convert(3, "meter", "micrometer") == 3e6
    assert convert(0.1596665040315075, "micrometer", "micrometer") == 0.1596665040315075
    for value in (0.07 * np.arange(1, 100)).tolist():  # to the last bit what the power of ten makes of it
        assert convert(value, "centimeter", "millimeter") == value * 10
        assert convert(value, "micrometer", "nanometer") == value * 1000
        assert convert(value, "nanometer", "micrometer") == value / 1000
    assert "in micrometer" in said(iso.IsoscaleError, lambda: convert(1, None, "micrometer"))
    assert '"2 px"' in said(iso.IsoscaleError, lambda: convert(1, "micrometer", None))
    assert (parse_length("2", "x").unit, parse_length(2, "x").value) == (None, 2.0)
    assert "x" in said(ParameterError, lambda: parse_length(True, "x"))
    assert Grid.of(iso.as_image(np.zeros((4, 4)))).size("x") == 1.0

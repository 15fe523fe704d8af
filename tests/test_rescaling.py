"""Rescaling against scipy, SimpleITK and the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij.execution.chunks.settings import working_in
from isoscale_ij.image.calibration import lower_edge, mark_as_labels
from naive import resample

UM = {"unit": "um"}


def image_of(values: np.ndarray, size: object = (2.0, 1.0, 0.5)) -> object:
    return iso.as_image(values, "zyx", voxel_size=size, **UM)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("factors", [(3, 2, 1), (1, 4, 3), (1 / 2, 1 / 5, 1 / 3), (2, 1 / 2, 1)])
def test_equals_scipy_where_the_factors_agree(rng: np.random.Generator, order: int, factors: tuple) -> None:
    values = rng.normal(size=(6, 20, 30))
    ours = iso.rescale(
        image_of(values), factor=dict(zip("zyx", factors, strict=True)),
        interpolation=("nearest", "linear")[order], antialias=False,
    )  # fmt: skip
    theirs = ndimage.zoom(values, factors, order=order, grid_mode=True, mode="nearest")
    np.testing.assert_allclose(ours.values, theirs, atol=1e-12)


@pytest.mark.parametrize("size", [(0.7, 0.4, 0.5), (3.1, 2.3, 1.2), (2.0, 0.3, 0.9)])
def test_equals_simpleitk_at_the_same_points(rng: np.random.Generator, size: tuple) -> None:
    values = rng.normal(size=(12, 24, 32)).astype(np.float32)
    image = image_of(values)
    ours = iso.rescale(image, dict(zip("zyx", size, strict=True)), antialias=False)
    source = SimpleITK.GetImageFromArray(values)
    source.SetSpacing((0.5, 1.0, 2.0))
    source.SetOrigin((0.25, 0.5, 1.0))
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetSize([int(n) for n in ours.shape[::-1]])
    resampler.SetOutputSpacing(size[::-1])
    resampler.SetOutputOrigin([float(ours[axis][0]) for axis in "xyz"])
    resampler.SetInterpolator(SimpleITK.sitkLinear)
    resampler.SetDefaultPixelValue(float("nan"))
    theirs = SimpleITK.GetArrayFromImage(resampler.Execute(source))
    inside = np.isfinite(theirs)  # SimpleITK does not go on beyond the outermost voxels
    assert inside.mean() > 0.6
    np.testing.assert_allclose(ours.values[inside], theirs[inside], atol=1e-4)


@pytest.mark.parametrize("factor", [1 / 13, 1 / 6.25, 1 / 3, 1.0, 2.7])
@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
def test_sums_are_the_same_to_the_bit_wherever_they_stand(rng: np.random.Generator, dtype: str, factor: float) -> None:
    """In whole vectors or one by one, held or not, along rows or along columns."""
    values = (rng.normal(size=(3, 130, 150)) * 1000).clip(-1000 * (dtype != "uint16"), None).astype(dtype)
    values[:, 20:60] = -0.0
    along_y = iso.rescale(image_of(values), factor={"y": factor}).values
    narrow = iso.rescale(image_of(values[:, :, :5].copy()), factor={"y": factor}).values
    along_x = iso.rescale(image_of(values.swapaxes(1, 2).copy()), factor={"x": factor}).values
    assert narrow.tobytes() == along_y[:, :, :5].tobytes()
    assert along_x.swapaxes(1, 2).tobytes() == along_y.tobytes()


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("kernel", ["linear", "cubic"])
@pytest.mark.parametrize("size", [(1.3, 2.7, 0.2), (5.0, 0.9, 1.7)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_equals_the_definition(rng: np.random.Generator, dtype: str, size: tuple, kernel: str, antialias: bool) -> None:
    kind = np.dtype(dtype).kind
    values = rng.integers(0, 200, (7, 19, 23)) if kind == "u" else rng.normal(0, 60, (7, 19, 23))
    values = values.astype(dtype)
    image = image_of(values)
    ours = iso.rescale(image, size, interpolation=kernel, antialias=antialias)
    ratios = tuple(new / old for new, old in zip(size, (2.0, 1.0, 0.5), strict=True))
    exact = resample(values, ratios, ours.shape, kernel, antialias=antialias)
    assert ours.dtype == values.dtype
    if kind == "f":
        np.testing.assert_allclose(ours.values, exact, atol=1e-4 if dtype == "float32" else 1e-11)
        return
    limits = np.iinfo(dtype)
    expected = np.clip(np.floor(exact + 0.5), limits.min, limits.max)
    sure = np.abs(exact + 0.5 - np.round(exact + 0.5)) > 1e-4
    np.testing.assert_array_equal(ours.values[sure], expected[sure].astype(dtype))


@given(
    count=st.integers(2, 60),
    old=st.floats(0.05, 5),
    new=st.floats(0.05, 5),
    lower=st.floats(-100, 100),
)
@settings(max_examples=60, deadline=None)
def test_the_image_stays_in_its_place(count: int, old: float, new: float, lower: float) -> None:
    if count * old < 0.5 * new:
        return
    values = np.zeros((1, count, 2), np.float32)
    image = iso.as_image(values, "zyx", voxel_size=(1, old, 1), origin=(0, lower, 0), **UM)
    scaled = iso.rescale(image, {"y": new})
    assert scaled.sizes["y"] == max(1, int(np.floor(count * old / new + 0.5)))
    assert lower_edge(scaled, "y") == pytest.approx(lower, abs=1e-9)
    assert iso.voxel_size(scaled)["y"] == new
    assert abs(iso.info(scaled).extent["y"] - iso.info(image).extent["y"]) <= new / 2 + 1e-9 or scaled.sizes["y"] == 1


def test_the_centre_of_mass_stays() -> None:
    z, y, x = np.meshgrid(np.arange(30) * 2 + 1, np.arange(60) + 0.5, np.arange(120) * 0.5 + 0.25, indexing="ij")
    values = np.exp(-((z - 31) ** 2 + (y - 27) ** 2 + (x - 33) ** 2) / 60).astype(np.float32)
    for size in ("finest", "coarsest", 1.3, "x"):
        scaled = iso.rescale(image_of(values), size)
        weights = scaled.values / scaled.values.sum()
        centre = [
            float((weights * scaled[axis].values.reshape([-1 if a == axis else 1 for a in "zyx"])).sum())
            for axis in "zyx"
        ]
        np.testing.assert_allclose(centre, (31, 27, 33), atol=0.02)


def test_targets() -> None:
    image = image_of(np.zeros((10, 40, 60), np.uint8))
    shapes = {
        "finest": (40, 80, 60), "coarsest": (10, 20, 15), "x": (40, 80, 60), "z": (10, 20, 15), "y": (20, 40, 30),
        1.0: (20, 40, 30), "500 nm": (40, 80, 60), "2 px": (5, 20, 30),
    }  # fmt: skip
    for target, shape in shapes.items():
        assert iso.plan_rescale(image, target).shape == shape
        assert iso.rescale(image, target).shape == shape
    assert iso.rescale(image, {"z": 1}).shape == (20, 40, 60)
    assert iso.rescale(image, (1, 2, 1)).shape == (20, 20, 30)
    assert iso.rescale(image, factor=2).shape == (20, 80, 120)
    assert iso.rescale(image, factor={"x": 0.5}).shape == (10, 40, 30)


def test_the_new_size_is_the_same_float_on_all_axes() -> None:
    image = iso.as_image(
        np.zeros((66, 20, 24), np.uint16), voxel_size=(1.5, 0.1596665040315075, 0.1596665040315075), **UM
    )
    scaled = iso.rescale(image, "x")
    assert set(iso.voxel_size(scaled).values()) == {0.1596665040315075}
    assert iso.plan_rescale(image, "x").factors["z"] == pytest.approx(9.3946, abs=1e-4)
    third = iso.rescale(image, 1 / 3)
    assert set(iso.voxel_size(third).values()) == {1 / 3}


def test_half_a_voxel_less_rounding_does_not_lose_slices() -> None:
    for count, old, new in itertools.product((3, 7, 10), (0.1, 0.3, 1.1), (2, 3, 7)):
        image = iso.as_image(np.zeros((count * new, 2, 2), np.uint8), voxel_size=(old, 1, 1), **UM)
        assert iso.rescale(image, {"z": old * new}).sizes["z"] == count


def test_labels_stay_labels(rng: np.random.Generator) -> None:
    labels = mark_as_labels(image_of(rng.integers(0, 70000, (5, 9, 11)).astype(np.int32)))
    scaled = iso.rescale(labels, 0.4)
    assert set(np.unique(scaled)) <= set(np.unique(labels))
    assert scaled.attrs["kind"] == "labels"
    with pytest.raises(iso.ParameterError, match="label image"):
        iso.rescale(labels, 0.4, interpolation="linear")


def test_booleans_are_labels_too() -> None:
    mask = image_of(np.eye(6, dtype=bool)[None].repeat(3, 0))
    assert iso.rescale(mask, "finest").dtype == bool
    with pytest.raises(iso.ParameterError, match="boolean"):
        iso.rescale(mask, "finest", interpolation="cubic")


def test_2d_to_5d_and_their_other_axes(rng: np.random.Generator) -> None:
    values = rng.integers(0, 255, (2, 3, 4, 8, 10)).astype(np.uint8)
    image = iso.as_image(values, "tczyx", voxel_size={"t": "3 s", "z": 2, "y": 1, "x": 1}, **UM).assign_coords(
        c=["a", "b", "d"]
    )
    image.attrs["note"] = "kept"
    scaled = iso.rescale(image, "x")
    assert scaled.shape == (2, 3, 8, 8, 10)
    for t, c in itertools.product(range(2), range(3)):
        np.testing.assert_array_equal(scaled[t, c].values, iso.rescale(image[t, c], "x").values)
    assert scaled.c.values.tolist() == ["a", "b", "d"]
    assert scaled.t.attrs == {"spacing": 3.0, "units": "second"}
    assert scaled.attrs["note"] == "kept"
    flat = iso.rescale(image[0, 0, 0].drop_vars("z"), 2.0)
    assert flat.dims == ("y", "x")
    assert flat.shape == (4, 5)


def test_out_is_written_into() -> None:
    image = image_of(np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4))
    out = np.empty((8, 6, 4), np.uint16)
    scaled = iso.rescale(image, "finest", out=out)
    assert np.shares_memory(scaled.values, out)
    np.testing.assert_array_equal(out, iso.rescale(image, "finest").values)
    with pytest.raises(iso.ParameterError, match=r"needed is \(8, 6, 4\)"):
        iso.rescale(image, "finest", out=out[:-1])
    out.flags.writeable = False
    with pytest.raises(iso.ParameterError, match="read-only"):
        iso.rescale(image, "finest", out=out)
    for other in ([1], xr.DataArray(out).chunk()):
        with pytest.raises(iso.ParameterError, match="NumPy array"):
            iso.rescale(image, "finest", out=other)
    with pytest.raises(iso.ParameterError, match="memory of the image"):
        iso.rescale(image, factor={"z": 0.5}, out=image.values[1:])


def test_a_chosen_time_and_channel_stay() -> None:
    values = np.zeros((3, 2, 4, 4, 4), np.uint8)
    image = iso.as_image(values, "tczyx", voxel_size={"t": "2 s", "z": 2, "y": 0.5, "x": 0.5}, unit="um")
    image = image.assign_coords(
        c=["DAPI", "GFP"], wavelength=("c", [405, 488]), exposure=("z", [1.0, 2.0, 3.0, 4.0]), stage=7
    )
    scaled = xr.concat([iso.rescale(image.isel(t=t), 1.0) for t in range(3)], "t")
    xr.testing.assert_identical(scaled.t, image.t)
    assert scaled.wavelength.values.tolist() == [405, 488]
    assert "exposure" not in scaled.coords  # of slices that are others now
    assert iso.rescale(image, {"x": 1.0}).exposure.values.tolist() == [1, 2, 3, 4]
    assert str(iso.rescale(image.isel(c=1), 1.0).c.values) == "GFP"


@pytest.mark.parametrize(
    "change", [lambda a: a[:, ::-1], lambda a: a.astype(">u2"), np.asfortranarray, lambda a: a[::2, 1:, ::3]]
)
def test_any_layout_of_memory(rng: np.random.Generator, change: object) -> None:
    values = change(rng.integers(0, 60000, (8, 20, 30)).astype(np.uint16))
    np.testing.assert_array_equal(
        iso.rescale(image_of(values), 0.8).values,
        iso.rescale(image_of(np.ascontiguousarray(values, np.uint16)), 0.8).values,
    )
    np.testing.assert_array_equal(
        iso.rescale(image_of(values), 0.8, interpolation="nearest").values.astype(np.uint16),
        iso.rescale(image_of(np.ascontiguousarray(values, np.uint16)), 0.8, interpolation="nearest").values,
    )


def test_small_floats() -> None:
    values = np.linspace(0, 1, 60, dtype=np.float16).reshape(3, 4, 5)
    scaled = iso.rescale(image_of(values), 0.7)
    assert scaled.dtype == np.float16
    np.testing.assert_allclose(scaled.values, iso.rescale(image_of(values.astype(np.float32)), 0.7).values, atol=1e-3)


def test_rounding_is_half_up_and_clipped() -> None:
    pair = iso.as_image(np.array([[0, 1]], np.uint8), "yx", voxel_size=1, **UM)
    assert iso.rescale(pair, {"x": 2}, antialias=False).values.tolist() == [[1]]
    signed = iso.as_image(np.array([[-1, 0]], np.int16), "yx", voxel_size=1, **UM)
    assert iso.rescale(signed, {"x": 2}, antialias=False).values.tolist() == [[0]]
    steep = iso.as_image(np.array([[0, 0, 255, 255, 0, 0]], np.uint8), "yx", voxel_size=1, **UM)
    cubic = iso.rescale(steep, {"x": 0.25}, interpolation="cubic").values
    assert cubic.max() == 255
    assert cubic.min() == 0


@pytest.mark.parametrize(
    ("size", "count"), [(1.0, 1), (0.5, 4**3), ({"y": 2.0, "x": 2.0}, 4), ({"z": 1.0, "y": 1.0, "x": 1.0}, 1)]
)
def test_nan_goes_no_further_than_the_kernel_and_is_said(size: object, count: int) -> None:
    values = np.ones((3, 8, 8), np.float32)
    values[1, 4, 4] = np.nan
    with pytest.warns(UserWarning, match="1 of 192 values are NaN or infinite"):
        scaled = iso.rescale(image_of(values, 1.0), size)
    assert np.isnan(scaled.values).sum() == count
    with pytest.warns(UserWarning, match="1 of 64"):
        iso.rescale(iso.as_image(np.where(values[1] == 1, 1, np.inf), voxel_size=1, unit="um"), 2.0)


def test_large_integers_keep_their_digits() -> None:
    values = np.array([[2**31 - 1, 2**31 - 3]], np.uint32)
    image = iso.as_image(values, "yx", voxel_size=1, **UM)
    assert iso.rescale(image, {"x": 2}, antialias=False).values.tolist() == [[2**31 - 2]]
    top = iso.as_image(np.full((2, 4), np.iinfo(np.int64).max), "yx", voxel_size=1, **UM)
    assert (iso.rescale(top, 0.5, interpolation="cubic").values > 0).all()


def test_without_a_unit_a_bare_number_means_nothing() -> None:
    image = iso.as_image(np.zeros((4, 6, 8), np.uint8), voxel_size=(2, 1, 1))
    for size in (1.0, "1 um"):
        with pytest.raises(iso.CalibrationError, match="no unit"):
            iso.rescale(image, size)
    assert iso.rescale(image, "finest").shape == (8, 6, 8)
    assert iso.rescale(image, "2 px").shape == (2, 3, 4)


def test_without_calibration_a_factor_still_works() -> None:
    plain = iso.as_image(np.zeros((4, 6, 8), np.uint8))
    assert iso.rescale(plain, factor={"z": 2}).shape == (8, 6, 8)
    with pytest.raises(iso.CalibrationError, match="set_voxel_size"):
        iso.rescale(plain, 1.0)
    with pytest.raises(iso.CalibrationError, match="no voxel size on z"):
        iso.rescale(iso.as_image(np.zeros((4, 6, 8)), voxel_size={"y": 1, "x": 1}, **UM), "finest")


@pytest.mark.parametrize(
    ("target", "error", "word"),
    [
        ({"voxel_size": 0}, iso.CalibrationError, "above 0"),
        ({"voxel_size": -1}, iso.CalibrationError, "above 0"),
        ({"voxel_size": float("nan")}, iso.CalibrationError, "finite"),
        ({"voxel_size": "fine"}, iso.ParameterError, "finest"),
        ({"voxel_size": {"q": 1}}, iso.ParameterError, "z, y, x"),
        ({"voxel_size": 1000}, iso.ParameterError, "less than one voxel"),
        ({"voxel_size": "t"}, iso.ParameterError, "axes z, y, x"),
        ({"factor": 0}, iso.ParameterError, "above 0"),
        ({"factor": float("inf")}, iso.ParameterError, "finite"),
        ({}, iso.ParameterError, "neither a voxel_size nor a factor"),
        ({"voxel_size": 1, "factor": 2}, iso.ParameterError, "both"),
        ({"voxel_size": 1, "interpolation": "spline"}, iso.ParameterError, "linear"),
        ({"voxel_size": 1, "engine": "abacus"}, iso.ParameterError, "abacus"),
        ({"voxel_size": "3 s"}, iso.CalibrationError, "converted"),
    ],
)
def test_bad_targets(target: dict, error: type[Exception], word: str) -> None:
    with pytest.raises(error, match=word):
        iso.rescale(image_of(np.zeros((4, 6, 8), np.uint8)), **target)


def test_memory_limit() -> None:
    image = image_of(np.zeros((4, 60, 80), np.uint8))
    message = r"GB; memory_limit allows 1 GB.*voronoi_otsu_labeling"
    with working_in(by_itself=False), pytest.raises(iso.MemoryLimitError, match=message):
        iso.rescale(image, 0.005, memory_limit="1 GB")
    with pytest.raises(MemoryError, match=r"would need .* TB"):
        iso.rescale(image, 0.0001)


def test_progress_and_cancel() -> None:
    image = iso.as_image(np.zeros((3, 20, 60, 80), np.uint8), "tzyx", voxel_size=1, **UM)
    seen: list[tuple[int, int, str]] = []
    iso.rescale(image, 0.5, on_progress=lambda *step: seen.append(step))
    done = [step[0] for step in seen]
    assert done == sorted(done)
    assert seen[0] == (0, 100, "rescale")
    assert seen[-1] == (100, 100, "done")

    def cancel(done: int, total: int, step: str) -> None:
        if done > 30:
            raise iso.Cancelled("enough")

    with pytest.raises(iso.Cancelled):
        iso.rescale(image, 0.5, on_progress=cancel)


def test_the_image_is_asked_for_its_grid_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from isoscale_ij.image.grid import Grid

    asked: list[object] = []
    of = Grid.of
    monkeypatch.setattr(Grid, "of", classmethod(lambda cls, image: (asked.append(image), of(image))[1]))
    image = iso.as_image(np.ones((3, 8, 8, 8), np.uint8), "czyx", voxel_size=(2, 1, 1), unit="um")
    result = iso.rescale(image, "finest")
    assert len(asked) == 1
    assert iso.voxel_size(result) == {"z": 1.0, "y": 1.0, "x": 1.0}

"""What has to hold for any image; ``ISOSCALE_EXAMPLES`` says for how many of them it is tried (by default 30)."""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isoscale_ij as iso
from naive import in_one_piece, local_maxima, nearest_seed, resample

laws = settings(
    max_examples=int(os.environ.get("ISOSCALE_EXAMPLES", "30")), deadline=None, derandomize=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIZES = st.sampled_from([0.1, 0.1596665040315075, 0.25, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.7])
TYPES = st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", ">u2", ">f8"])
UNITS = st.sampled_from(["micrometer", "nanometer", "millimeter", "inch", "angstrom", "meter"])


@st.composite
def images(draw: Any, *, smallest: int = 1, largest: int = 9) -> xr.DataArray:
    """A small calibrated image of any type."""
    shape = draw(st.tuples(*[st.integers(smallest, largest)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    dtype = np.dtype(draw(TYPES))
    if dtype.kind == "f":
        values = rng.normal(scale=draw(st.sampled_from([1e-3, 1.0, 1e5])), size=shape).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, dtype.newbyteorder("="), endpoint=True).astype(dtype)
    sizes, unit = draw(st.tuples(SIZES, SIZES, SIZES)), draw(UNITS)
    origin = draw(st.tuples(*[st.sampled_from([0.0, -3.25, 17.0, 1e4])] * 3))
    return iso.as_image(values, "zyx", voxel_size=sizes, unit=unit, origin=origin)


TARGETS = st.one_of(
    st.sampled_from(["finest", "coarsest", "x", "z"]), SIZES, st.fixed_dictionaries({"z": SIZES}),
    st.fixed_dictionaries({"y": SIZES, "x": SIZES}),
)  # fmt: skip
KERNELS = st.sampled_from(["linear", "nearest", "cubic"])


def rescaled(image: xr.DataArray, target: Any, **options: Any) -> xr.DataArray | None:
    """The rescaled image, None where the target would leave nothing of an axis."""
    try:
        return iso.rescale(image, target, **options)
    except iso.ParameterError as error:
        assert "less than one voxel" in str(error)  # noqa: PT017  (nothing else may be wrong)
        return None


@given(images(), TARGETS, KERNELS, st.booleans())
@laws
def test_a_rescaled_image_is_in_its_place(image: xr.DataArray, target: Any, kernel: str, antialias: bool) -> None:
    result = rescaled(image, target, interpolation=kernel, antialias=antialias)
    if result is None:
        return
    plan = iso.plan_rescale(image, target)
    assert (plan.shape, plan.voxel_size) == (result.shape, iso.voxel_size(result))
    for axis in "zyx":
        old, new = iso.voxel_size(image)[axis], iso.voxel_size(result)[axis]
        assert result.sizes[axis] == max(1, math.floor(image.sizes[axis] * (old / new) + 0.5 + 1e-9))
        before, after = float(image[axis][0]) - old / 2, float(result[axis][0]) - new / 2
        assert after == pytest.approx(before, abs=1e-9 * max(1.0, abs(before)))
    if isinstance(target, float) or target in ("finest", "coarsest", "x", "z"):
        assert len(set(iso.voxel_size(result).values())) == 1


@given(images(), TARGETS, st.sampled_from(["linear", "cubic"]), st.booleans())
@laws
def test_values_are_those_of_the_plain_version(image: xr.DataArray, target: Any, kernel: str, antialias: bool) -> None:
    result = rescaled(image, target, interpolation=kernel, antialias=antialias)
    if result is None:
        return
    ratios = tuple(iso.voxel_size(result)[axis] / iso.voxel_size(image)[axis] for axis in "zyx")
    ratios = tuple(float(round(r)) if abs(r - round(r)) < 1e-9 and r >= 1 else r for r in ratios)
    ratios = tuple(1 / round(1 / r) if r < 1 and abs(1 / r - round(1 / r)) < 1e-9 else r for r in ratios)
    plain = resample(image.values, ratios, result.shape, kernel, antialias=antialias)
    values = result.values.astype(np.float64)
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        off = np.abs(values - np.clip(np.floor(plain + 0.5), limits.min, limits.max))
        wide = image.dtype.itemsize >= 4
        assert off.max() <= (1 if not wide else 2 + abs(float(limits.max)) * 2.0**-50)
    else:
        scale = np.abs(image.values).max() + 1e-30
        tolerance = 4e-6 if image.dtype.newbyteorder("=") == np.float32 else 1e-11
        np.testing.assert_allclose(values, plain, atol=tolerance * scale, rtol=0)


@given(images(), TARGETS, KERNELS)
@laws
def test_no_value_is_made_up(image: xr.DataArray, target: Any, kernel: str) -> None:
    result = rescaled(image, target, interpolation=kernel)
    if result is None:
        return
    if kernel == "nearest":
        assert np.isin(result.values, image.values).all()
    elif kernel == "linear":
        margin = 0 if image.dtype.kind in "iu" else 1e-6 * np.abs(image.values).max()
        assert result.values.min() >= image.values.min() - margin
        assert result.values.max() <= image.values.max() + margin


@given(images(largest=6), TARGETS, KERNELS)
@laws
def test_time_points_and_channels_are_rescaled_as_they_are_alone(image: xr.DataArray, target: Any, kernel: str) -> None:
    alone = rescaled(image, target, interpolation=kernel)
    if alone is None:
        return
    sizes = iso.voxel_size(image)
    several = iso.as_image(np.stack([[image, image[::-1]]] * 2), "tczyx", voxel_size=sizes, unit=image.z.units)
    result = iso.rescale(several, target, interpolation=kernel)
    np.testing.assert_array_equal(result.values[1, 0], alone.values)


@given(images(), TARGETS)
@laws
def test_threads_change_nothing(image: xr.DataArray, target: Any) -> None:
    whole = rescaled(image, target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOSCALE_NUM_THREADS", "1")
        alone = rescaled(image, target)
    if whole is not None:
        xr.testing.assert_identical(whole, alone)


@given(
    st.integers(0, 2**31), st.tuples(*[st.integers(1, 7)] * 3), st.integers(2, 6), st.tuples(SIZES, SIZES, SIZES),
    st.integers(0, 4),
)  # fmt: skip
@laws
def test_labels_are_those_of_the_plain_version(
    seed: int, shape: tuple[int, int, int], levels: int, sizes: tuple[float, float, float], threshold: int
) -> None:
    """Without blurs, so that plateaus, ties and loose pieces abound."""
    values = np.random.default_rng(seed).integers(0, levels, shape).astype(np.uint8)
    image = iso.as_image(values, "zyx", voxel_size=sizes, unit="um")
    labels = iso.vol(image, spot_sigma=0, outline_sigma=0, threshold=threshold)
    if values.min() == values.max():
        assert labels.max() == 0
        return
    mask = values > threshold
    seeds = local_maxima(values.astype(np.float32), mask)
    expected = in_one_piece(nearest_seed(mask, seeds, sizes), seeds) if len(seeds) else np.zeros_like(labels.values)
    np.testing.assert_array_equal(labels.values, expected)
    assert set(np.unique(labels)) - {0} == set(range(1, len(seeds) + 1))


@given(images(smallest=2), st.sampled_from([0.0, 0.4, 0.8, 1.7]), st.sampled_from([0.0, 0.5, 1.1]))
@laws
def test_labels_do_not_depend_on_units_threads_or_neighbours(image: xr.DataArray, spot: float, outline: float) -> None:
    """A thousand times smaller in a unit a thousand times smaller is the same; so is a time point among others."""
    sizes = iso.voxel_size(image)
    image = iso.as_image(image.values, "zyx", voxel_size=sizes, unit="um")
    largest = min(count * size for count, size in zip(image.shape, sizes.values(), strict=True))
    spot, outline = spot * largest / 4, outline * largest / 4
    labels = iso.vol(image, spot_sigma=spot, outline_sigma=outline)
    doubled = iso.as_image(image.values, "zyx", voxel_size={a: 2 * s for a, s in sizes.items()}, unit="um")
    np.testing.assert_array_equal(labels, iso.vol(doubled, spot_sigma=2 * spot, outline_sigma=2 * outline))
    series = iso.as_image(np.stack([image.values[::-1], image.values]), "tzyx", voxel_size=sizes, unit="um")
    np.testing.assert_array_equal(labels, iso.vol(series, spot_sigma=spot, outline_sigma=outline)[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOSCALE_NUM_THREADS", "1")
        np.testing.assert_array_equal(labels, iso.vol(image, spot_sigma=spot, outline_sigma=outline))
    count = int(labels.max())
    table = iso.measure(labels)
    assert list(table.label) == list(range(1, count + 1))
    assert int(table.n_voxels.sum()) == int(np.count_nonzero(labels))


@given(images(), UNITS, SIZES)
@laws
def test_a_new_voxel_size_keeps_voxels_and_place(image: xr.DataArray, unit: str, size: float) -> None:
    changed = iso.set_voxel_size(image, x=size)
    np.testing.assert_array_equal(changed.values, image.values)
    assert iso.voxel_size(changed)["x"] == size
    edge = float(image.x[0]) - iso.voxel_size(image)["x"] / 2
    assert float(changed.x[0]) - size / 2 == pytest.approx(edge, abs=1e-9 * max(1, abs(edge)))
    there = iso.set_voxel_size(image, unit=unit)
    back = iso.set_voxel_size(there, unit=image.x.units)
    for axis, before in iso.voxel_size(image).items():
        assert iso.voxel_size(back)[axis] == pytest.approx(before, rel=1e-12)


@given(images(), st.sampled_from([".tif", ".ome.tif"]))
@laws
def test_files_keep_values_and_calibration(image: xr.DataArray, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        path = Path(folder) / f"image{ending}"
        try:
            iso.write(path, image)
        except iso.FormatError:  # a type that the format does not hold is refused
            return
        back = iso.read(path)
    np.testing.assert_array_equal(back.values, image.values)
    assert back.dtype == image.dtype.newbyteorder("=")
    for axis, size in iso.voxel_size(image).items():
        assert iso.voxel_size(back)[axis] == pytest.approx(size, rel=1e-6)
        assert float(back[axis][0]) == pytest.approx(float(image[axis][0]), rel=1e-6, abs=1e-6)
        assert back[axis].attrs["units"] == image[axis].attrs["units"]

"""Each step of an engine against scipy or its naive version."""

from __future__ import annotations

import os

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import local_maxima as skimage_maxima
from skimage.segmentation import watershed

import isoscale_ij as iso
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.cpu import flooding
from isoscale_ij.engines.protocol import Engine, Seeds
from isoscale_ij.engines.taps import NO_TAPS, fine_gaussian_taps
from isoscale_ij.operations.thresholds import limits_of_objects
from naive import cut_each, flooded, in_one_piece, local_maxima, nearest_seed

ONES = (1, 1, 1)
NOT_FINER = (NO_TAPS, NO_TAPS, NO_TAPS)


ENGINE = os.environ.get("ISOSCALE_TEST_ENGINE", "cpu")  # make test runs this file once for each


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        return get_engine(ENGINE)
    except iso.MissingDependencyError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("sigmas", [(0, 0, 0), (0.6, 5.6, 3.2), (0, 2, 0), (3, 0, 0.1), (7.7, 0.2, 12), (1, 30, 30)])
@pytest.mark.parametrize("shape", [(5, 33, 47), (1, 40, 300), (21, 3, 2), (2, 1, 1)])
def test_blur_is_the_gaussian_of_scipy(engine: Engine, rng: np.random.Generator, sigmas: tuple, shape: tuple) -> None:
    values = rng.integers(0, 4000, shape).astype(np.uint16)
    out = np.empty(shape, np.float32)
    engine.blur(values, sigmas, out)
    used = tuple(sigma if count > 1 else 0 for sigma, count in zip(sigmas, shape, strict=True))
    expected = ndimage.gaussian_filter(values.astype(np.float64), used, mode="nearest")
    np.testing.assert_allclose(out, expected, rtol=2e-6)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint32", "float32", "float64", ">i2"])
def test_blur_of_any_type(engine: Engine, rng: np.random.Generator, dtype: str) -> None:
    values = rng.integers(0, 2, (4, 12, 14)).astype(dtype)
    out = np.empty(values.shape, np.float32)
    engine.blur(values, (1, 1, 1), out)
    np.testing.assert_allclose(out, ndimage.gaussian_filter(values.astype(np.float64), 1, mode="nearest"), atol=1e-6)


def test_blur_keeps_small_differences_of_large_values(engine: Engine, rng: np.random.Generator) -> None:
    small = rng.integers(0, 50, (4, 12, 14))
    out = np.empty(small.shape, np.float32)
    engine.blur((small + 2**31).astype(np.int64), (1, 1, 1), out, 2.0**31)
    np.testing.assert_allclose(out, ndimage.gaussian_filter(small.astype(np.float64), 1, mode="nearest"), rtol=1e-5)


def test_a_block_with_its_halo_is_blurred_to_the_same_bits(engine: Engine, rng: np.random.Generator) -> None:
    values = rng.normal(size=(20, 60, 90)).astype(np.float32)
    whole, block = np.empty_like(values), np.empty((14, 47, 61), np.float32)
    engine.blur(values, (0.7, 2.1, 3.3), whole)
    engine.blur(values[3:17, 10:57, 20:81], (0.7, 2.1, 3.3), block)
    np.testing.assert_array_equal(block[3:-3, 9:-9, 14:-14], whole[6:14, 19:48, 34:67])


def test_histogram_and_extrema(engine: Engine, rng: np.random.Generator) -> None:
    values = rng.normal(size=(7, 31, 45)).astype(np.float32)
    low, high = engine.extrema(values)
    assert (low, high) == (values.min(), values.max())
    expected, _ = np.histogram(values.astype(np.float64), 256, (low, high))
    np.testing.assert_array_equal(engine.histogram(values, low, high, 256), expected)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 1e-9, 0.30000000000000004, -5, 5])
def test_above_is_strict_even_between_floats(engine: Engine, threshold: float) -> None:
    near = np.float32(threshold)
    values = np.array([[[np.nextafter(near, -np.float32(9)), near, np.nextafter(near, np.float32(9))]]], np.float32)
    out = np.empty(values.shape, bool)
    count = engine.above(values, threshold, out)
    np.testing.assert_array_equal(out, values.astype(np.float64) > threshold)
    assert count == out.sum()


@given(st.integers(0, 10**6), st.integers(2, 5), st.tuples(*[st.integers(1, 9)] * 3))
@example(25, 4, (1, 7, 8))  # two peaks of one plateau, beside one of which it goes higher
@settings(max_examples=200, deadline=None)
def test_maxima_with_plateaus(engine: Engine, seed: int, levels: int, shape: tuple) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, levels, shape).astype(np.float32)
    mask = rng.random(shape) < 0.8
    found = engine.maxima(values, mask, NOT_FINER, ONES, 0.0)
    np.testing.assert_array_equal(found.indices, local_maxima(values, mask))


def test_more_maxima_than_are_held_at_a_time(
    engine: Engine, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = rng.random((9, 50, 150)).astype(np.float32)
    mask = rng.random(values.shape) < 0.9
    monkeypatch.setattr("isoscale_ij.engines.cpu.maxima._MOST", 2048)  # not less than a tile
    found = engine.maxima(values, mask, NOT_FINER, ONES, 0.0)
    assert len(found) > 2000
    np.testing.assert_array_equal(found.indices, np.argwhere(skimage_maxima(values, connectivity=3) & mask))


@pytest.mark.parametrize(("radius", "sigma"), [(4, 1), (9, 2), (20, 3), (20, 5), (25, 5), (30, 5), (14.3, 4.4)])
def test_a_saturated_ball_gives_one_seed(engine: Engine, radius: float, sigma: float) -> None:
    size = int(2 * radius + 6)
    for offset in (0.0, 0.5, 0.31):
        z, y, x = np.meshgrid(*[np.arange(size) - size / 2 + offset] * 3, indexing="ij")
        ball = np.where(z**2 + y**2 + x**2 <= radius**2, 65535, 300).astype(np.uint16)
        values = np.empty(ball.shape, np.float32)
        engine.blur(ball, (sigma,) * 3, values)
        assert len(engine.maxima(values, ball > 1000, NOT_FINER, ONES, 2.0**-20)) == 1


@pytest.mark.parametrize(("sigma", "finer"), [(0.4, 5), (0.33, 7), (0.8, 3), (0.25, 2)])
def test_seeds_between_slices_are_those_of_the_interpolated_image(
    engine: Engine, rng: np.random.Generator, sigma: float, finer: int
) -> None:
    values = ndimage.gaussian_filter(rng.normal(size=(9, 40, 42)), (0.3, 2, 2)).astype(np.float32)
    fine = np.arange(8 * finer + 1) / finer
    below = np.minimum(fine.astype(int), 7)
    rest = (fine - below)[:, None, None]
    interpolated = values[below].astype(np.float64) * (1 - rest) + values[below + 1] * rest
    smooth = ndimage.gaussian_filter1d(interpolated, sigma * finer, axis=0, mode="nearest")
    mask = values > 0
    found = engine.maxima(values, mask, (fine_gaussian_taps(sigma, finer), NO_TAPS, NO_TAPS), (finer, 1, 1), 2.0**-20)
    nearest = (np.arange(8 * finer + 1) + finer // 2) // finer
    expected = np.argwhere(skimage_maxima(smooth, connectivity=3) & mask[nearest])  # no plateaus among real numbers
    np.testing.assert_array_equal(found.indices, expected)
    assert len(found) > 10
    np.testing.assert_array_equal(found.voxels[:, 0], nearest[found.indices[:, 0]])


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 40),
    spacing=st.sampled_from([(1.0, 1.0, 1.0), (1.5, 0.16, 0.16), (0.1, 0.3, 0.7), (9.39, 1.0, 1.0)]),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 40), st.integers(1, 150)),
)
@settings(max_examples=60, deadline=None)
def test_every_voxel_takes_its_nearest_seed_and_ties_go_to_the_lower(
    engine: Engine, seed: int, count: int, spacing: tuple, shape: tuple
) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.4
    places = np.argwhere(mask)
    seeds = places[np.sort(rng.choice(len(places), min(count, len(places)), replace=False))]
    labels = np.empty(shape, np.int32)
    runs = engine.assign(mask, Seeds(seeds, ONES), spacing, labels)
    np.testing.assert_array_equal(labels, nearest_seed(mask, seeds, spacing))
    edges = np.diff(labels, axis=2, prepend=0) != 0
    np.testing.assert_array_equal(runs, (edges & (labels != 0)).sum(axis=2))


def test_exact_ties_on_a_regular_lattice(engine: Engine) -> None:
    mask = np.ones((9, 33, 65), bool)
    seeds = np.array([(z, y, x) for z in (0, 4, 8) for y in range(0, 33, 8) for x in range(0, 65, 8)])
    labels = np.empty(mask.shape, np.int32)
    engine.assign(mask, Seeds(seeds, ONES), (0.3, 0.1, 0.1), labels)
    np.testing.assert_array_equal(labels, nearest_seed(mask, seeds, (0.3, 0.1, 0.1)))


@given(st.integers(0, 10**6), st.integers(1, 12), st.floats(0.3, 0.9))
@settings(max_examples=80, deadline=None)
def test_every_label_is_one_piece(engine: Engine, seed: int, count: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 9, 14)) < share
    places = np.argwhere(mask)
    seeds = places[np.sort(rng.choice(len(places), min(count, len(places)), replace=False))]
    labels = np.empty(mask.shape, np.int32)
    runs = engine.assign(mask, Seeds(seeds, ONES), (2.0, 1.0, 1.0), labels)
    expected = in_one_piece(labels.copy(), seeds)
    before = labels.copy()
    changed = engine.join_pieces(labels, runs, seeds)
    np.testing.assert_array_equal(labels, expected)
    assert changed >= np.count_nonzero(before != labels)
    for label, place in enumerate(seeds, start=1):
        parts, number = ndimage.label(labels == label)
        assert number == 1
        assert parts[tuple(place)] == 1


@given(st.integers(0, 10**6), st.integers(0, 12), st.floats(0.3, 1), st.integers(2, 40))
@settings(max_examples=80, deadline=None)
def test_each_label_has_a_threshold_of_its_own(engine: Engine, seed: int, count: int, share: float, step: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 9, 14)) < share
    values = (rng.integers(0, step, mask.shape) / step).astype(np.float32)
    places = np.argwhere(mask)
    seeds = Seeds(places[np.sort(rng.choice(len(places), min(count, len(places)), replace=False))], ONES)
    labels = np.empty(mask.shape, np.int32)
    engine.assign(mask, seeds, (2.0, 1.0, 1.0), labels)
    expected = cut_each(labels, values, seeds.voxels, 0.8, 0.1)
    peaks = engine.peaks(labels, values, len(seeds))
    assert peaks.tolist() == [values[labels == n].max() if n else -np.inf for n in range(len(seeds) + 1)]
    runs = engine.cut(labels, values, limits_of_objects(peaks, 0.1, 0.8))
    kept = seeds.only(labels[tuple(seeds.voxels.T)] > 0)
    engine.keep_pieces(labels, runs, kept.voxels)
    np.testing.assert_array_equal(labels, expected)


@given(
    st.integers(0, 10**6), st.integers(0, 12), st.floats(0.3, 1), st.integers(2, 60),
    st.sampled_from([(1.0, 1.0, 1.0), (1.5, 0.16, 0.16), (0.1, 0.3, 0.7)]), st.sampled_from([0, 20, flooding._LARGE]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_flooding_is_what_it_means(
    engine: Engine, seed: int, count: int, share: float, levels: int, spacing: tuple, large: int
) -> None:
    """Of voxels that are taken out of the volume, and of those of large parts, which are not."""
    rng = np.random.default_rng(seed)
    mask = rng.random((4, 7, 9)) < share
    values = (rng.integers(0, levels, mask.shape) - levels // 2).astype(np.float32)
    places = np.argwhere(mask)
    seeds = places[np.sort(rng.choice(len(places), min(count, len(places)), replace=False))]
    labels = np.full(mask.shape, 77, np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flooding, "_LARGE", large)
        engine.flood(mask, values, seeds, spacing, labels)
    np.testing.assert_array_equal(labels, flooded(mask, values, seeds, spacing))
    for label, place in enumerate(seeds, start=1):
        parts, number = ndimage.label(labels == label)
        assert number == parts[tuple(place)] == 1


def test_flooding_is_the_watershed_where_there_are_no_ties(engine: Engine, rng: np.random.Generator) -> None:
    """Maxima of noise are the seeds, so that there is no hollow; a queue that outgrows its room is among the parts."""
    values = ndimage.gaussian_filter(rng.normal(size=(12, 70, 90)), 1.5).astype(np.float32)
    mask = values > np.quantile(values, 0.3)
    seeds = np.argwhere(skimage_maxima(values, connectivity=1) & mask)
    marks = np.zeros(mask.shape, np.int32)
    marks[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    labels = np.empty(mask.shape, np.int32)
    engine.flood(mask, values, seeds, (2.0, 0.5, 0.7), labels)
    np.testing.assert_array_equal(labels, watershed(-values, marks, mask=mask))
    assert len(seeds) > 100


def test_results_do_not_depend_on_the_number_of_threads(
    engine: Engine, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isoscale_ij.engines.cpu import threads

    values = rng.integers(0, 5000, (13, 64, 80)).astype(np.uint16)
    results = []
    for count in ("1", "2", "7"):
        monkeypatch.setenv("ISOSCALE_NUM_THREADS", count)
        threads._forget_pool()
        blurred = np.empty(values.shape, np.float32)
        engine.blur(values, (0.7, 1.5, 1.5), blurred)
        mask = blurred > 2500
        seeds = engine.maxima(blurred, mask, NOT_FINER, ONES, 2.0**-20)
        labels = np.empty(values.shape, np.int32)
        runs = engine.assign(mask, seeds, (2.0, 1.0, 1.0), labels)
        engine.join_pieces(labels, runs, seeds.voxels)
        tally = engine.tally(labels, [blurred], len(seeds))
        peaks = engine.peaks(labels, blurred, len(seeds))
        kept = labels.copy()
        above = engine.cut(kept, blurred, np.where(peaks > 2600, peaks - 50.0, np.inf))
        engine.keep_pieces(kept, above, seeds.only(kept[tuple(seeds.voxels.T)] > 0).voxels)
        assert 0 < kept.max() < labels.max()
        flooded_labels = np.empty(values.shape, np.int32)
        engine.flood(mask, blurred, seeds.voxels, (2.0, 1.0, 1.0), flooded_labels)
        results.append((blurred, seeds.indices, labels, tally.intensity_sums, peaks, kept, flooded_labels))
    threads._forget_pool()
    for result in results[1:]:
        for one, other in zip(results[0], result, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(1, 400, 90), (3, 200, 70), (40, 30, 20)])
@pytest.mark.parametrize("sigmas", [(0, 2, 1), (0.8, 0, 3), (0, 5, 0)])
def test_slices_blurred_in_bands_are_the_same(
    engine: Engine, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, shape: tuple, sigmas: tuple
) -> None:
    values = rng.integers(0, 5000, shape).astype(np.uint16)
    found = []
    for count in ("1", "16"):
        monkeypatch.setenv("ISOSCALE_NUM_THREADS", count)
        found.append(np.empty(shape, np.float32))
        engine.blur(values, sigmas, found[-1])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("threads", ["1", "16"])
def test_a_blur_in_pieces_is_the_same(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, threads: str) -> None:
    """Cut along x where slices that wait for their turn would take too much, and along z for many threads."""
    from isoscale_ij.engines.cpu import blurring

    values = rng.integers(0, 5000, (90, 70, 333)).astype(np.uint16)
    whole, cut = (np.empty(values.shape, np.float32) for _ in range(2))
    monkeypatch.setenv("ISOSCALE_NUM_THREADS", "1")
    get_engine("cpu").blur(values, (2.5, 3, 9), whole)
    monkeypatch.setenv("ISOSCALE_NUM_THREADS", threads)
    monkeypatch.setattr(blurring, "_RING_BYTES", 1 << 20)
    pieces = blurring._pieces(values.shape, 10, 36)
    assert len(pieces) == (4 if threads == "1" else 8)
    get_engine("cpu").blur(values, (2.5, 3, 9), cut)
    np.testing.assert_array_equal(whole, cut)


@pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")
@pytest.mark.parametrize("dims", ["yx", "tyx", "tzyx", "tczyx"])
def test_planes_and_series_are_the_same_side_by_side(
    engine: Engine, nuclei: tuple, dims: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = nuclei[0].values
    volumes = np.stack([values, values[::-1], values[:, ::-1]])
    image = iso.as_image({"yx": values[8], "tyx": values, "tzyx": volumes, "tczyx": volumes[:, None]}[dims], dims)
    runs = []
    for count in ("1", "3"):
        monkeypatch.setenv("ISOSCALE_NUM_THREADS", count)
        labels = iso.vol(image, spot_sigma="3 px", outline_sigma="1 px", engine=ENGINE)
        runs.append((labels, iso.rescale(image, factor=0.6, engine=ENGINE), iso.rescale(labels, factor=1.7)))
        assert labels.max() > 1
    for one, other in zip(*runs, strict=True):
        xr.testing.assert_identical(one, other)


def test_warnings_and_cancelling_of_time_points_side_by_side(engine: Engine, nuclei: tuple) -> None:
    """Each warning says which time point it is about; a callback cancels between them."""
    image = iso.as_image(np.stack([nuclei[0].values, np.zeros_like(nuclei[0].values)] * 2), "tzyx")
    with pytest.warns(iso.SegmentationWarning) as said:
        iso.vol(image, spot_sigma="3 px", outline_sigma="1 px", engine=ENGINE)
    constant = [str(warning.message) for warning in said if "constant" in str(warning.message)]
    assert ["at t = 1" in constant[0], "at t = 3" in constant[1], len(constant)] == [True, True, 2]

    def cancel(done: int, total: int, step: str) -> None:
        raise iso.Cancelled

    for operation in (
        lambda: iso.vol(image, spot_sigma="3 px", outline_sigma="1 px", engine=ENGINE, on_progress=cancel),
        lambda: iso.rescale(image, factor=0.5, engine=ENGINE, on_progress=cancel),
    ):
        with pytest.raises(iso.Cancelled):
            operation()


def test_what_opencl_needs_is_said() -> None:
    from isoscale_ij.engines.opencl.devices import is_installed

    if is_installed():
        pytest.skip("pyopencl is installed")
    with pytest.raises(
        iso.MissingDependencyError, match=r'needs pyopencl. Install it: pip install "isoscale-ij\[opencl'
    ):
        iso.rescale(np.zeros((2, 4, 4)), factor=2, engine="opencl")
    with pytest.raises(iso.ParameterError, match="Got the engine 'gpu'; needed is one of 'auto', 'cpu', 'opencl'"):
        iso.rescale(np.zeros((2, 4, 4)), factor=2, engine="gpu")

"""Voronoi-Otsu-Labeling as a whole: against the naive version, and the laws it keeps."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.cpu.statistics import nested_histogram
from isoscale_ij.execution.chunks.counts import NestedCounts
from isoscale_ij.execution.in_memory import one_at_a_time
from isoscale_ij.operations.thresholds import background, otsu_threshold
from naive import otsu, voronoi_otsu_labeling

SIGMAS = {"spot_sigma": 2.0, "outline_sigma": 1.0}


def blobs(rng: np.random.Generator, shape: tuple = (12, 40, 44), count: int = 9) -> np.ndarray:
    """Bright blobs of different height on a noisy ground."""
    values = np.zeros(shape)
    for place in rng.integers(0, shape, (count, 3)):
        values[tuple(place)] += rng.uniform(0.5, 1)
    values = ndimage.gaussian_filter(values, (1.5, 3, 3))
    return (values / values.max() * 900 + rng.normal(100, 10, shape)).clip(0).astype(np.uint16)


@pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")  # crowded
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.5, 0.5, 0.5), (1.0, 0.4, 0.6)])
@pytest.mark.parametrize(("threshold", "borders"), [("otsu", "distance"), ("local", "distance"), ("local", "light")])
def test_equals_the_naive_version(seed: int, spacing: tuple, threshold: str, borders: str) -> None:
    small = {"shape": (8, 22, 26), "count": 5} if borders == "light" else {}  # the naive version takes its time
    values = blobs(np.random.default_rng(seed), **small)
    image = iso.as_image(values, voxel_size=spacing, unit="um")
    ours = iso.vol(image, **SIGMAS, threshold=threshold, borders=borders)
    spot, outline = (tuple(sigma / s for s in spacing) for sigma in (2.0, 1.0))
    naive = voronoi_otsu_labeling(values, spot, outline, spacing, threshold, borders)
    assert ours.max() == naive.max() > 1
    assert (ours.values == naive).mean() > 0.9999


def test_threshold_is_that_of_scikit_image(rng: np.random.Generator) -> None:
    from skimage.filters import threshold_otsu

    image = iso.as_image(blobs(rng), voxel_size=1, unit="um")
    smooth = ndimage.gaussian_filter(image.values.astype(np.float64), 1, mode="nearest")
    labels = iso.vol(image, **SIGMAS)
    bin_width = np.ptp(smooth) / 256
    assert labels.attrs["threshold"] == pytest.approx(threshold_otsu(smooth), abs=1e-3 * bin_width)


def test_otsu_takes_the_first_of_equal_bins() -> None:
    counts = np.zeros(256, np.int64)
    counts[0] = counts[255] = 100
    assert otsu_threshold(counts, 0.0, 256.0) == 0.5
    values = np.repeat([0.0, 256.0], 100)
    assert otsu(values) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_the_background_is_the_median_below_the_threshold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.gamma(1 + seed, 100, (7, 31, 43)) - 50 * seed).astype(np.float32)
    lowest, highest = float(values.min()), float(values.max())
    threshold = lowest + (highest - lowest) * rng.uniform(0.01, 0.9)
    histogram = partial(get_engine("cpu").histogram, values)

    def one_by_one(low: float, high: float, bins: int, parts: np.ndarray) -> tuple:
        return histogram(low, high, bins), one_at_a_time(histogram, parts)

    def at_once(low: float, high: float, bins: int, parts: np.ndarray) -> tuple:
        counts = NestedCounts.empty(bins, len(parts))
        for block in (values[:3], values[3:]):
            counts.add(NestedCounts(*nested_histogram(block, low, high, bins, parts)).summary)
        for part in range(len(parts)):
            assert np.array_equal(counts.within(part), one_by_one(low, high, bins, parts)[1](part))
        return counts.counts, counts.within

    found = background(one_by_one, lowest, threshold)
    assert found == background(at_once, lowest, threshold)
    below = np.sort(values[values < threshold])
    assert found[0] == pytest.approx(below[(len(below) - 1) // 2], abs=(threshold - lowest) / 2**16)
    assert found[1] == pytest.approx(values.size - len(below), abs=1)


def test_dim_objects_keep_their_size_beside_bright_ones() -> None:
    """A dim and a bright ball of one size: one threshold makes them differ, one for each does not."""
    z, y, x = np.meshgrid(*map(np.arange, (24, 24, 60)), indexing="ij")
    values = sum(
        height * ((z - 12) ** 2 + (y - 12) ** 2 + (x - place) ** 2 < 49) for place, height in ((15, 800), (44, 500))
    )
    image = iso.as_image((values + 50).astype(np.uint16), voxel_size=1, unit="um")
    sizes = {
        way: np.bincount(iso.vol(image, spot_sigma=3, outline_sigma=2, threshold=way).values.ravel())[1:]
        for way in ("otsu", "local")
    }
    assert len(sizes["local"]) == 2
    assert abs(np.diff(sizes["local"])[0]) <= 0.05 * sizes["local"].max()
    assert abs(np.diff(sizes["otsu"])[0]) > 0.2 * sizes["otsu"].max()


def test_light_finds_the_valley_between_a_large_and_a_small_object() -> None:
    """Half way between the seeds lies within the large one; the dark valley does not."""
    z, y, x = np.meshgrid(*map(np.arange, (9, 40, 70)), indexing="ij")
    large = ((z - 4) / 4) ** 2 + ((y - 20) / 16) ** 2 + ((x - 20) / 16) ** 2 < 1
    small = ((z - 4) / 4) ** 2 + ((y - 20) / 5) ** 2 + ((x - 41) / 5) ** 2 < 1
    image = iso.as_image(np.where(large | small, 1000, 50).astype(np.uint16), voxel_size=(1, 1, 1), unit="um")
    taken = {}
    for way in ("distance", "light"):
        labels = iso.vol(image, spot_sigma=2.5, outline_sigma=1, borders=way).values
        assert labels.max() == 2
        taken[way] = np.count_nonzero(labels[large] == labels[4, 20, 41])
    assert taken["light"] < 20
    assert taken["distance"] > 100


def test_elongation_lengthens_the_outline_and_nothing_else(rng: np.random.Generator) -> None:
    image = iso.as_image(blobs(rng), voxel_size=1, unit="um")
    long = iso.vol(image, **SIGMAS, elongation=1.5)
    same = iso.vol(image, spot_sigma=2, outline_sigma={"z": 1.5, "y": 1, "x": 1})
    np.testing.assert_array_equal(long.values, same.values)
    assert (long.values != iso.vol(image, **SIGMAS).values).any()
    np.testing.assert_array_equal(iso.vol(image, **SIGMAS, elongation=1), iso.vol(image, **SIGMAS))
    flat = iso.as_image(image.values[6], voxel_size=1, unit="um")
    np.testing.assert_array_equal(iso.vol(flat, **SIGMAS, elongation=3), iso.vol(flat, **SIGMAS))


def test_labels_tell_how_they_were_made(rng: np.random.Generator) -> None:
    image = iso.as_image(blobs(rng), voxel_size=1, unit="um")
    plain = iso.vol(image, **SIGMAS)
    assert not {"threshold_method", "borders", "elongation"} & set(plain.attrs)
    labels = iso.vol(image, **SIGMAS, threshold="local", borders="light", elongation=1.2)
    made = {name: labels.attrs[name] for name in ("threshold_method", "borders", "elongation")}
    assert made == {"threshold_method": "local", "borders": "light", "elongation": 1.2}


def test_a_given_threshold(rng: np.random.Generator) -> None:
    image = iso.as_image(blobs(rng), voxel_size=1, unit="um")
    smooth = ndimage.gaussian_filter(image.values.astype(np.float64), 1, mode="nearest")
    labels = iso.vol(image, **SIGMAS, threshold=300)
    assert labels.attrs["threshold"] == 300
    assert (labels.values > 0).sum() <= (smooth > 300).sum()
    assert not (labels.values[smooth < 299.9] > 0).any()


def test_what_a_label_image_is(nuclei: tuple) -> None:
    image, _ = nuclei
    labels = iso.vol(image, spot_sigma="1.4 um", outline_sigma="900 nm")
    assert labels.dtype == np.int32
    assert labels.dims == image.dims
    assert iso.voxel_size(labels) == iso.voxel_size(image)
    assert labels.attrs["kind"] == "labels"
    assert labels.attrs["spot_sigma"] == "1.4 um"
    present = np.unique(labels)
    np.testing.assert_array_equal(present, np.arange(len(present)))
    for label in present[1:]:
        assert ndimage.label(labels.values == label)[1] == 1


def test_ways_to_give_a_sigma(nuclei: tuple) -> None:
    image, _ = nuclei
    size = iso.voxel_size(image)
    plain = iso.vol(image, spot_sigma=1.5, outline_sigma=0.9).values
    for spot in ("1.5 um", "1500nm", {"z": 1.5, "y": "1.5um", "x": 1.5}, (1.5, 1.5, 1.5)):
        np.testing.assert_array_equal(iso.vol(image, spot_sigma=spot, outline_sigma=0.9).values, plain)
    in_px = {axis: f"{1.5 / size[axis]!r} px" for axis in "zyx"}
    np.testing.assert_array_equal(iso.vol(image, spot_sigma=in_px, outline_sigma=0.9).values, plain)


def test_the_unit_does_not_matter(nuclei: tuple) -> None:
    image, _ = nuclei
    in_mm = iso.set_voxel_size(image, unit="mm")
    np.testing.assert_array_equal(
        iso.vol(in_mm, spot_sigma="1.5 um", outline_sigma="0.9 um").values,
        iso.vol(image, spot_sigma=1.5, outline_sigma=0.9).values,
    )


def test_sigmas_in_voxels_measure_in_voxels() -> None:
    values = np.zeros((21, 21, 21), np.uint8)
    values[10, 10, 3] = values[4, 10, 10] = 255
    smooth = (ndimage.gaussian_filter(values.astype(float), 2) * 1000).astype(np.uint16)
    calibrated = iso.as_image(smooth, voxel_size=(5, 1, 1), unit="um")
    bare = iso.as_image(smooth)
    np.testing.assert_array_equal(
        iso.vol(calibrated, spot_sigma="1 px", outline_sigma="1 px").values,
        iso.vol(bare, spot_sigma="1 px", outline_sigma="1 px").values,
    )


def test_distance_is_physical() -> None:
    values = np.zeros((11, 9, 41), np.uint8)
    values[5, 4, 10] = values[5, 4, 30] = values[0, 4, 20] = 200
    values = (ndimage.gaussian_filter(values.astype(float), (0.6, 1, 1)) * 200).astype(np.uint16)
    image = iso.as_image(values, voxel_size=(4.0, 1.0, 1.0), unit="um")
    with pytest.warns(iso.SegmentationWarning, match="100%"):
        labels = iso.vol(image, spot_sigma={"z": "0.6 px", "y": 1, "x": 1}, outline_sigma=0, threshold=-1).values
    assert labels.max() == 3
    assert labels[2, 4, 20] == 1  # 8 µm from the seed above, 15.6 µm from the others
    assert labels[3, 4, 20] == 1
    assert labels[3, 4, 11] == 2


def test_equal_distances_go_to_the_lower_label() -> None:
    values = np.zeros((1, 5, 21), np.uint8)
    values[0, 2, [0, 10, 20]] = 250
    image = iso.as_image(values, voxel_size=(1.0, 0.1, 0.3), unit="um")
    with pytest.warns(iso.SegmentationWarning, match="%"):
        labels = iso.vol(image, spot_sigma=0, outline_sigma=0, threshold=-1).values
    assert labels[0, 2, 5] == 1
    assert labels[0, 2, 15] == 2


def test_debris_without_a_seed_is_dropped() -> None:
    values = np.zeros((5, 40, 80), np.uint16)
    values[2, 15:25, 15:25] = 1000
    values[2, 20, 27] = 400  # too near to the bright square to be a maximum after the blur
    image = iso.as_image(values, voxel_size=1, unit="um")
    labels = iso.vol(image, spot_sigma=4, outline_sigma=0, threshold=300)
    assert labels.max() == 1
    assert labels.values[2, 20, 20] == 1
    assert labels.values[2, 20, 27] == 0


def test_an_image_turned_or_mirrored_gives_as_many(nuclei: tuple) -> None:
    image, _ = nuclei
    labels = iso.vol(image, spot_sigma=1.4, outline_sigma=0.9)
    mirrored = iso.as_image(image.values[:, ::-1, ::-1].copy(), voxel_size=iso.voxel_size(image), unit="um")
    other = iso.vol(mirrored, spot_sigma=1.4, outline_sigma=0.9)
    assert other.max() == labels.max()
    assert ((other.values[:, ::-1, ::-1] > 0) == (labels.values > 0)).mean() > 0.9999


def test_time_points_are_segmented_on_their_own(rng: np.random.Generator) -> None:
    frames = np.stack([blobs(rng), blobs(rng, count=4)])
    movie = iso.as_image(frames, "tzyx", voxel_size={"t": "2 s", "z": 1, "y": 1, "x": 1}, unit="um")
    labels = iso.vol(movie, **SIGMAS)
    assert labels.dims == ("t", "z", "y", "x")
    assert labels.t.attrs["units"] == "second"
    for t in range(2):
        one = iso.vol(movie[t], **SIGMAS)
        np.testing.assert_array_equal(labels[t].values, one.values)
        assert labels.attrs["threshold"][t] == one.attrs["threshold"]


def test_channels_are_chosen(rng: np.random.Generator) -> None:
    values = np.stack([blobs(rng), blobs(rng)])
    image = iso.as_image(values, "czyx", voxel_size=1, unit="um").assign_coords(c=["DAPI", "GFP"])
    with pytest.raises(iso.ParameterError, match=r"0 \(DAPI\), 1 \(GFP\)"):
        iso.vol(image, **SIGMAS)
    for name, index in (("GFP", 1), ("1", 1), (0, 0)):
        labels = iso.vol(image, **SIGMAS, channel=name)
        assert labels.dims == ("z", "y", "x")
        np.testing.assert_array_equal(labels.values, iso.vol(image[index].drop_vars("c"), **SIGMAS).values)
    with pytest.raises(iso.ParameterError, match="Cy5"):
        iso.vol(image, **SIGMAS, channel="Cy5")


def test_2d(rng: np.random.Generator) -> None:
    flat = iso.as_image(blobs(rng)[6], voxel_size=0.5, unit="um")
    labels = iso.vol(flat, **SIGMAS)
    assert labels.shape == flat.shape
    naive = voronoi_otsu_labeling(flat.values[None], (0, 4, 4), (0, 2, 2), (1, 0.5, 0.5))[0]
    assert (labels.values == naive).mean() > 0.999


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32", "float64"])
def test_any_type(rng: np.random.Generator, dtype: str) -> None:
    values = (blobs(rng) // 4).astype(dtype)
    image = iso.as_image(values, voxel_size=1, unit="um")
    expected = iso.vol(iso.as_image(values.astype(np.uint16), voxel_size=1, unit="um"), **SIGMAS)
    labels = iso.vol(image, **SIGMAS)
    assert labels.max() == expected.max()
    assert (labels.values == expected.values).mean() > 0.9999
    if dtype == "int64":
        far = iso.vol(iso.as_image(values + 2**40, voxel_size=1, unit="um"), **SIGMAS)
        assert (far.values == labels.values).mean() > 0.9999
        assert far.attrs["threshold"] == pytest.approx(2**40 + labels.attrs["threshold"])


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_constant_image_has_no_labels(value: int) -> None:
    image = iso.as_image(np.full((4, 20, 20), value, np.uint16), voxel_size=1, unit="um")
    with pytest.warns(iso.SegmentationWarning, match=f"constant.*{value}"):
        labels = iso.vol(image, **SIGMAS)
    assert labels.max() == 0


def test_warnings_about_the_foreground(nuclei: tuple) -> None:
    image, _ = nuclei
    hot = image.copy()
    hot.values[3, 20, 20:22] = 60000
    with pytest.warns(iso.SegmentationWarning, match=r"hot|outliers") as caught:
        iso.vol(hot, spot_sigma=1.4, outline_sigma=0.2)
    assert any("threshold" in str(warning.message) for warning in caught)
    with pytest.warns(iso.SegmentationWarning, match="only 2 of .* upper half"):
        iso.vol(hot, spot_sigma=1.4, outline_sigma=0.9)  # here the blur hides them
    padded = image.copy()
    padded.values[:8] = 0
    with pytest.warns(iso.SegmentationWarning, match="above the threshold.*zeros"):
        iso.vol(padded, spot_sigma=1.4, outline_sigma=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        iso.vol(image, spot_sigma=1.4, outline_sigma=0.9)


def dots(heights: list[float], shape: tuple = (9, 60, 100), step: int = 20, first: int = 10) -> xr.DataArray:
    """Equal dots of some heights above a background of 50."""
    values = np.full(shape, 50.0)
    places = [(y, x) for y in range(first, shape[1], step) for x in range(first, shape[2], step)]
    for height, (y, x) in zip(heights, places, strict=False):
        values[3:6, y - 2 : y + 3, x - 2 : x + 3] += height
    return iso.as_image(values.astype(np.float32), voxel_size=1, unit="um")


def test_a_warning_of_one_object_that_holds_most() -> None:
    image = dots([400.0] * 12)
    iso.vol(image, spot_sigma=2, outline_sigma=0.5)
    image.values[:, 42:, 42:] = 450
    with pytest.warns(iso.SegmentationWarning, match=r"One object of 13 \(label \d+\) holds \d\d% of the foreground"):
        iso.vol(image, spot_sigma=2, outline_sigma=0.5)


def test_a_warning_of_objects_at_the_border() -> None:
    with pytest.warns(iso.SegmentationWarning, match="24 of 24 objects touch the border"):
        iso.vol(dots([400.0] * 24, (9, 5, 480), first=2), spot_sigma=2, outline_sigma=0.5)


def test_a_warning_of_one_object_much_brighter_than_the_others() -> None:
    image = dots([9000.0] + [1400.0] * 14)
    with pytest.warns(iso.SegmentationWarning, match='[67] times as bright as the middling one.*threshold="local"'):
        iso.vol(image, spot_sigma=2, outline_sigma=0.5)


def test_seeds_of_a_coarse_stack_are_not_one_a_slice() -> None:
    image, truth = iso.sample(shape=(24, 192, 192), voxel_size={"z": 3.0}, seed=2)
    labels = iso.vol(image, spot_sigma=1.0, outline_sigma=0.9)
    fine = iso.vol(iso.rescale(image, "x"), spot_sigma=1.0, outline_sigma=0.9)
    assert abs(int(labels.max()) - int(fine.max())) <= 0.1 * int(fine.max())
    assert truth.max() > 20


@pytest.mark.parametrize("axis", ["y", "x"])
def test_seeds_between_the_voxels_of_any_axis(axis: str) -> None:
    image, _ = iso.sample(shape=(16, 96, 96), voxel_size={"z": 3.0}, seed=2)
    labels = iso.vol(image, spot_sigma=1.0, outline_sigma=0.9)
    order = {"y": ("y", "z", "x"), "x": ("y", "x", "z")}[axis]
    turned = xr.DataArray(image.transpose(*order).values, dims=["z", "y", "x"])
    sizes = dict(zip("zyx", (iso.voxel_size(image)[a] for a in order), strict=True))
    other = iso.vol(iso.as_image(turned, voxel_size=sizes, unit="um"), spot_sigma=1.0, outline_sigma=0.9)
    assert other.max() == labels.max()
    back = other.values.transpose([order.index(a) for a in "zyx"])
    assert ((back > 0) == (labels.values > 0)).mean() > 0.999
    pairs = np.unique(np.stack([back[back > 0], labels.values[back > 0]]), axis=1)
    assert pairs.shape[1] <= 1.3 * int(labels.max())


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        ({"spot_sigma": -1}, iso.ParameterError, "0 or more"),
        ({"spot_sigma": 1000}, iso.ParameterError, "smaller than the image"),
        ({"spot_sigma": float("nan")}, iso.CalibrationError, "finite"),
        ({"spot_sigma": "2 parsec"}, iso.ParameterError, "parsec"),
        ({"spot_sigma": {"z": 1}}, iso.ParameterError, "one for each of z, y, x"),
        ({"spot_sigma": (1, 2)}, iso.ParameterError, "2 numbers"),
        ({"spot_sigma": "2 s"}, iso.CalibrationError, "converted"),
        ({"threshold": "li"}, iso.ParameterError, "otsu"),
        ({"threshold": float("inf")}, iso.ParameterError, "finite"),
        ({"borders": "dark"}, iso.ParameterError, "'distance', 'light'"),
        ({"elongation": 0}, iso.ParameterError, "above 0"),
        ({"elongation": float("nan")}, iso.ParameterError, "above 0"),
        ({"elongation": 100}, iso.ParameterError, "100 voxels in z, and 12 slices"),
        ({"channel": 3}, iso.ParameterError, "no channels"),
        ({"engine": "gpu"}, iso.ParameterError, "cpu"),
        ({"memory_limit": 1000}, iso.MemoryLimitError, "1 kB"),
    ],
)
def test_bad_arguments(rng: np.random.Generator, arguments: dict, error: type[Exception], word: str) -> None:
    image = iso.as_image(blobs(rng), voxel_size=1, unit="um")
    with pytest.raises(error, match=word):
        iso.vol(image, **(SIGMAS | arguments))


def test_physical_sigmas_need_a_calibration(rng: np.random.Generator) -> None:
    for image in (iso.as_image(blobs(rng)), iso.as_image(blobs(rng), voxel_size=2)):
        with pytest.raises(iso.CalibrationError, match=r"set_voxel_size.*10 px"):
            iso.vol(image, **SIGMAS)


def test_values_that_are_no_numbers_are_counted(rng: np.random.Generator) -> None:
    values = blobs(rng).astype(np.float32)
    values[3, 4, 5:9] = np.nan
    values[0, 0, 0] = np.inf
    with pytest.raises(iso.ParameterError, match="5 values"):
        iso.vol(iso.as_image(values, voxel_size=1, unit="um"), **SIGMAS)


def test_labels_are_not_segmented(nuclei: tuple) -> None:
    _, truth = nuclei
    with pytest.raises(iso.ParameterError, match="label image"):
        iso.vol(truth, **SIGMAS)


def test_cancelling_leaves_the_pool_usable(nuclei: tuple) -> None:
    image, _ = nuclei

    def cancel(done: int, total: int, step: str) -> None:
        if step == "spots":
            raise iso.Cancelled("enough")

    with pytest.raises(iso.Cancelled):
        iso.vol(image, **SIGMAS, on_progress=cancel)
    steps: list[str] = []
    iso.vol(image, **SIGMAS, on_progress=lambda done, total, step: steps.append(step))
    assert [step for n, step in enumerate(steps) if step not in steps[:n]] == [
        "outline", "threshold", "spots", "seeds", "labels", "done",
    ]  # fmt: skip

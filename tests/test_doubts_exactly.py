"""What is said of a segmentation that may be wrong: each sentence to the word, each bound from both of its sides."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from isoscale_ij.operations import doubts
from segmentations import RAW, SIGMAS, blobs, image, lone, told

# In whole segmentations


def test_nothing_in_a_constant_image() -> None:
    values = np.stack([blobs(4), np.full((7, 20, 24), 123)]).astype(np.uint16)
    labels, texts = told(image(values, "tzyx", {"z": 1, "y": 1, "x": 1}), **SIGMAS)
    assert texts == ["The image is constant at t = 1 (123 everywhere): there is nothing to label."]
    assert labels[0].max() > 1
    assert not labels[1].any()
    assert math.isnan(labels.attrs["threshold"][1])
    labels, texts = told(image(np.full((2, 3, 4), 2**40)), **RAW)
    assert texts == ["The image is constant (1.09951e+12 everywhere): there is nothing to label."]
    assert not labels.any()


@pytest.mark.parametrize(("size", "sigma", "given", "looked_for"), [
    ((1, 1, 1), "2 px", "2 px", "8 px"), ((4, 2, 2), "1.5 px", "1.5 px", "6 px"), ((1, 1, 1), 2, "2.0", "8 µm"),
    ((2, 1, 1), {"z": 4, "y": "2 um", "x": "2000 nm"}, "{'z': 4.0, 'y': '2 um', 'x': '2000 nm'}", "16 x 8 x 8 µm"),
    ((1, 1, 1), (0, 2, 2), "[0.0, 2.0, 2.0]", "8 µm"), ((1, 1, 1), (0.6, 2, 2), "[0.6, 2.0, 2.0]", "2.4 x 8 x 8 µm"),
    ((0.5, 0.5, 0.5), "1.234567 um", "1.234567 um", "4.93827 µm"),
])  # fmt: skip
def test_no_object_was_found(size: Any, sigma: Any, given: str, looked_for: str) -> None:
    labels, texts = told(image(lone(), size=size), spot_sigma=sigma, outline_sigma=0, threshold=500)
    assert not labels.any()
    assert texts == [  # one voxel of a thousand is just enough not to be few
        (
            f"No object was found: a spot sigma of {given} looks for objects some {looked_for} across. Try a smaller "
            "one; half the radius of an object is a good start."
        )
    ]


def test_no_object_was_found_in_2d_at_a_time_point_or_without_a_blur() -> None:
    frames = np.stack([blobs(4)[3, :10, :10] + 400, lone()[5]]).astype(np.float32)
    _, texts = told(image(frames, "tyx", {"y": 1, "x": 1}), spot_sigma="1.5 px", outline_sigma=0, threshold=500)
    assert [text for text in texts if "No object" in text] == [
        (
            "No object was found at t = 1: a spot sigma of 1.5 px looks for objects some 6 px across. Try a smaller "
            "one; half the radius of an object is a good start."
        )
    ]
    pair = np.zeros((1, 7, 9), np.float32)
    pair[0, 3, [3, 5]] = 1000  # between the two the blur is highest, and there is no maximum
    _, texts = told(image(pair), spot_sigma=0, outline_sigma={"z": 0, "y": 0, "x": 1}, threshold=480)
    assert "a spot sigma of 0.0 looks for objects some 0 µm across." in texts[-1]


def test_where_hardly_anything_is_foreground_no_more_is_said() -> None:
    _, texts = told(image(lone((10, 10, 11))), spot_sigma="2 px", outline_sigma=0, threshold=500)
    assert texts == [
        (
            "Only 0.091% of the image is above the threshold 500, which was given; it is compared with the blurred "
            "image. Give a lower one, or otsu or local to have it found."
        )
    ]


@pytest.mark.parametrize(("dtype", "offset"), [(np.uint16, 0), (np.int32, 7000)])
def test_outliers_and_what_follows_at_a_time_point(dtype: Any, offset: int) -> None:
    """Of int32, which float32 does not hold, all is blurred without its lowest value, and said with it."""
    values = np.zeros((2, 5, 60, 60), dtype)
    for y, x in ((10, 10), (10, 30), (10, 50), (30, 10), (30, 50), (50, 10), (50, 30), (50, 50)):
        values[:, 2, y : y + 3, x : x + 3] = 1
    values[1, 2, 30, 31] = 1000
    values += dtype(offset)
    labels, texts = told(image(values, "tzyx", {"z": 1, "y": 1, "x": 1}), **RAW)
    first, second = labels.attrs["threshold"]
    assert first - offset == pytest.approx(1 / 512)
    assert texts == [
        (
            f"The values at t = 1 go from {offset} to {offset + 1000}, but only 1 of 18000 voxels lie in the upper "
            "half of that range: a few outliers decide the result. Remove hot voxels first, for example with a "
            "median filter, or give the threshold yourself."
        ),
        (
            f"Only 0.006% of the image at t = 1 is above the threshold {second:.4g}. Is there a bright spot or a line "
            "of hot voxels? Remove it, or give the threshold yourself."
        ),
    ]


def dots(heights: list[float], step: int = 8, each: int = 3) -> np.ndarray:
    """A row of equal dots of some heights above a background of 50."""
    values = np.full((1, step, step * len(heights)), 50.0, np.float32)
    for number, height in enumerate(heights):
        begin = step * number + 2
        values[0, 2 : 2 + each, begin : begin + each] += height
    return values


def test_all_that_is_said_of_objects() -> None:
    crowd = dots([400.0] * 20)
    assert told(image(crowd), spot_sigma=1, outline_sigma=0)[1] == []
    cut = crowd[:, 3:]
    movie = np.stack([cut, crowd[:, 1:6]])
    _, texts = told(image(movie, "tzyx", {"z": 1, "y": 1, "x": 1}), spot_sigma=1, outline_sigma=0)
    assert texts == [
        (
            "20 of 20 objects at t = 0 touch the border, so their sizes are not whole. Is the image cropped too "
            "closely, or the spot sigma too small?"
        )
    ]


@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 0), (np.int32, 7000)])
def test_one_that_is_much_brighter(dtype: Any, offset: int) -> None:
    """Above the ground, at the middle of the first bin: 50 + 6000 / 512."""
    values = np.stack([dots([400.0] * 12), dots([6000.0] + [700.0] * 11)]).astype(dtype) + dtype(offset)
    _, texts = told(image(values, "tzyx", {"z": 1, "y": 1, "x": 1}), **RAW)
    assert texts == [  # (6050 - 61.7) / (750 - 61.7) is 8.7; from 0 on, it would be 8.1
        (
            "The brightest object at t = 1 is 9 times as bright as the middling one: one threshold for all may miss "
            'dim ones. Try threshold="local", or give the threshold yourself.'
        )
    ]
    for threshold in ("local", 100.0 + offset):
        assert told(image(values[1]), **RAW, threshold=threshold)[1] == []


def test_more_foreground_than_there_should_be() -> None:
    values = np.zeros((1, 10, 10), np.float32)
    values[0, :4, 1:9] = 700
    _, texts = told(image(values), spot_sigma="1 px", outline_sigma=0)
    assert texts == []  # 32 %
    values[0, :6] = 700
    labels, texts = told(image(values), spot_sigma="1 px", outline_sigma=0)
    assert texts == [
        (
            "60% of the image is above the threshold 1.367. Is part of it padded with zeros, or the background bright? "
            "Crop it, or give the threshold yourself."
        )
    ]
    assert labels.attrs["threshold"] == pytest.approx(700 / 512)


def test_one_object_that_holds_most() -> None:
    values = dots([400.0] * 10)
    values[0, :7, 50:60] = 450
    _, texts = told(image(values, size=2.0), spot_sigma="1 px", outline_sigma=0)
    assert texts == []
    values = dots([400.0] * 12, 12)
    values[0, 1:11, 60:75] = 450
    labels, texts = told(image(values), spot_sigma=(0, 2, 2), outline_sigma=0)
    sizes = np.bincount(labels.values.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    assert texts == [
        (
            f"One object of {len(sizes) - 1} (label {largest}) holds {sizes[largest] / sizes.sum():.0%} of the "
            "foreground. Have objects run together, or is the background bright on one side? Look at it, and try a "
            "smaller spot sigma or a higher threshold."
        )
    ]


# At their bounds


def volume(values: np.ndarray) -> Any:
    """What is asked of a volume where its range is doubted."""
    return SimpleNamespace(
        shape=values.shape, source_range=lambda: (float(values.min()), float(values.max())),
        source_above=lambda value: int((values > value).sum()),
    )  # fmt: skip


def counts_of(**bins: int) -> np.ndarray:
    counts = np.zeros(256, np.int64)
    for name, count in bins.items():
        counts[int(name.removeprefix("bin"))] = count
    return counts


def test_how_much_foreground_is_odd() -> None:
    assert doubts.too_little_or_much(0.001, 5, "") is None
    assert doubts.too_little_or_much(0.4, 5, "") is None
    assert doubts.too_little_or_much(0.00099999, 1234.5678, " at t = 3") == (
        "Only 0.100% of the image at t = 3 is above the threshold 1235. Is there a bright spot or a line of hot "
        "voxels? Remove it, or give the threshold yourself."
    )
    assert doubts.too_little_or_much(0.404, 1234.5678, " at t = 3") == (
        "40% of the image at t = 3 is above the threshold 1235. Is part of it padded with zeros, or the background "
        "bright? Crop it, or give the threshold yourself."
    )
    assert doubts.too_little_or_much(0.001, 5, "", given=True) is None
    assert doubts.too_little_or_much(0.4, 5, "", given=True) is None
    assert doubts.too_little_or_much(0.404, 1234.5678, " at t = 3", given=True) == (
        "40% of the image at t = 3 is above the threshold 1235, which was given; it is compared with the blurred "
        "image. Give a higher one, or otsu or local to have it found."
    )


def test_how_many_outliers_are_few() -> None:
    values = np.zeros((1, 100, 200))
    values[0, 0, :2] = 10.0  # two of 20000 are just enough
    assert doubts.outliers(volume(values), counts_of(bin128=2, bin0=19998), (0.0, 10.0), "") is None
    assert doubts.outliers(volume(values), counts_of(bin255=2, bin0=19998), (0.0, 1.25), "") is None  # not hidden
    values[0, 0, 1] = 5.0  # not above the middle
    assert doubts.outliers(volume(values), counts_of(bin255=2, bin0=19998), (0.0, 1.25), "") is None  # 8 times
    assert doubts.outliers(volume(values), counts_of(bin255=2, bin0=19998), (3.0, 4.25), "") is None
    for upper in (2, 3000):
        assert doubts.outliers(volume(values), counts_of(bin128=upper), (3.0, 4.2), " here") == (
            "The values here go from 0 to 10, but only 1 of 20000 voxels lie in the upper half of that range: a few "
            "outliers decide the result. Remove hot voxels first, for example with a median filter, or give the "
            "threshold yourself."
        )
    shifted = doubts.outliers(volume(values - 5), counts_of(bin128=3000), (-2.0, -0.8), "")
    assert shifted is not None
    assert shifted.startswith("The values go from -5 to 5, but only 1 of 20000")
    text = doubts.outliers(volume(values), counts_of(bin127=5000, bin128=1), (-3.0, 123456.7), "")
    assert text is not None
    assert text.startswith("The values go from -3 to 1.2346e+05, but only 1 of 20000 voxels lie in the upper half")


def test_what_sizes_are_odd() -> None:
    def said_of(*sizes: int, touching: int = 0) -> list[str]:
        touches = np.arange(len(sizes) + 1) <= touching
        touches[0] = False
        return doubts.odd_sizes(np.array([0, *sizes]), touches, " there")

    large = (
        "Have objects run together, or is the background bright on one side? Look at it, and try a smaller spot sigma "
        "or a higher threshold."
    )
    assert said_of(*[1] * 9, 9) == []
    assert said_of(*[1] * 9, 10) == [f"One object of 10 there (label 10) holds 53% of the foreground. {large}"]
    assert said_of(*[1] * 3, 10, *[1] * 5) == []  # of nine nothing can be said
    assert said_of(*[1] * 20, touching=18) == []
    assert said_of(*[1] * 19, touching=19) == []
    border = "touch the border, so their sizes are not whole. Is the image cropped too closely, or the spot sigma too "
    assert said_of(*[1] * 20, touching=19) == [f"19 of 20 objects there {border}small?"]
    assert said_of(100, *[1] * 24, touching=25) == [
        f"One object of 25 there (label 1) holds 81% of the foreground. {large}",
        f"25 of 25 objects there {border}small?",
    ]


def test_how_bright_is_too_bright() -> None:
    def said_of(ground: float, *heights: float) -> str | None:
        return doubts.too_bright(np.array(heights, np.float32), ground, " there")

    assert said_of(100, *[110] * 9, 150) is None  # five times
    assert said_of(100, *[110] * 8, 157) is None  # of nine
    assert said_of(100, *[110] * 9, 157) == (
        "The brightest object there is 6 times as bright as the middling one: one threshold for all may miss dim ones. "
        'Try threshold="local", or give the threshold yourself.'
    )
    assert said_of(110, *[110] * 9, 157) is None
    assert said_of(120, *[110] * 9, 157) is None
    assert said_of(109.5, *[110] * 9, 157) is not None  # less than one above the ground
    assert said_of(109.9, *[110] * 9, 157) is not None


def test_how_many_places_are_left_out() -> None:
    for candidates, kept in ((3, 1), (8, 4), (20, 20), (0, 0)):
        assert doubts.left_out(candidates, kept, 100.0, "") is None
    assert doubts.left_out(3, 0, 123.456, " here") == (
        "3 of 3 places that stand out from the background here are nowhere above the threshold 123.5 of the whole "
        "image, and were left out. If they are objects, give a lower threshold yourself."
    )
    assert doubts.left_out(9, 4, 1.0, "") is not None


def test_dim_objects_beside_a_few_bright_ones() -> None:
    values = np.full((12, 60, 60), 100.0)
    for number, (y, x) in enumerate((y, x) for y in (10, 30, 50) for x in (10, 30, 50)):
        reach, value = (6, 10_100) if number < 3 else (3, 3_000)
        values[4:8, y - reach : y + reach + 1, x - reach : x + reach + 1] = value
    labels, texts = told(image(values), spot_sigma="1.5 px", outline_sigma="0.5 px", threshold="local")
    assert labels.max() == 3
    assert texts == [doubts.left_out(9, 3, labels.attrs["threshold"], "")]


def test_sigmas_that_smooth_nothing() -> None:
    small = {"spot_sigma": "99 nm", "outline_sigma": 0.0123}
    _, texts = told(image(blobs(4), size=(1, 1, 1)), **small, threshold=500)
    assert texts == [
        "The spot sigma of 99 nm is 0.099 voxels: nothing is smoothed. Is it right?",
        "The outline sigma of 0.0123 is 0.012 voxels: nothing is smoothed. Is it right?",
    ]
    for sigmas in (RAW, {"spot_sigma": "0.1 um", "outline_sigma": {"z": 0, "y": 0.01, "x": 0.1}}):
        assert not any("smoothed" in text for text in told(image(blobs(4), size=(1, 1, 1)), **sigmas)[1])

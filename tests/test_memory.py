"""The memory limit counts what an image asks for, also where only the image decides how much that is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij import memory
from isoscale_ij.execution.chunks.settings import working_in

NOISE = np.random.default_rng(0).integers(0, 60_000, (40, 128, 128), np.uint16)
_SCRATCH = 12 << 20


def asked_and_used(work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """The most bytes that were asked for, and the most that numpy then held."""
    asked: list[int] = []
    require = memory.require
    monkeypatch.setattr(memory, "require", lambda needed, *rest: (asked.append(needed), require(needed, *rest)))
    work()  # loads the kernels
    asked.clear()
    tracemalloc.start()
    try:
        work()
        return max(asked), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"spot_sigma": 1, "outline_sigma": 1},
        {"spot_sigma": 0, "outline_sigma": 0},
        {"spot_sigma": 0, "outline_sigma": 0, "threshold": 1},
        {"spot_sigma": 1, "outline_sigma": 1, "threshold": "local"},
        {"spot_sigma": 0, "outline_sigma": 0, "threshold": "local"},
        {"spot_sigma": 1, "outline_sigma": 1, "threshold": "local", "borders": "light"},
        {"spot_sigma": 2, "outline_sigma": 1, "threshold": 1, "borders": "light"},  # one part, one queue
        {"spot_sigma": {"z": 2, "y": 0.3, "x": 0.3}, "outline_sigma": 1},  # seeds between rows
        {"spot_sigma": {"z": 0.3, "y": 2, "x": 2}, "outline_sigma": 1},  # between slices
    ],
)
def test_labels_take_no_more_than_was_asked_for(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    image = iso.as_image(NOISE, "zyx", voxel_size=1, unit="um")
    asked, used = asked_and_used(lambda: iso.vol(image, **options), monkeypatch)
    assert used <= asked <= 1.4 * used + 2.5 * _SCRATCH  # some of it is kept by the allocator


@pytest.mark.parametrize("dtype", ["u2", ">u2", "f2", "f8"])
@pytest.mark.parametrize("size", [0.7, {"z": 0.2}, 2.0])
def test_rescaling_takes_no_more_than_was_asked_for(dtype: str, size: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    image = iso.as_image((NOISE / 2).astype(dtype), "zyx", voxel_size=1, unit="um")
    asked, used = asked_and_used(lambda: iso.rescale(image, size), monkeypatch)
    assert used <= asked <= 1.4 * used + _SCRATCH


@pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")
def test_what_only_the_image_shows_counts_too() -> None:
    """Noise has a label in every second voxel; nothing is left behind."""
    image = iso.as_image(NOISE, "zyx", voxel_size=1, unit="um")
    limit = 5 * NOISE.size + _SCRATCH + 1000  # enough for the labels and their mask
    iso.vol(image, spot_sigma="20 px", outline_sigma="20 px", memory_limit=2 * limit)
    with working_in(by_itself=False), pytest.raises(iso.MemoryLimitError, match="labels"):
        iso.vol(image, spot_sigma=0, outline_sigma=0, memory_limit=limit)


@pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")
def test_what_is_too_large_goes_in_chunks_by_itself() -> None:
    image = iso.as_image(NOISE, "zyx", voxel_size=1, unit="um")
    options = {"spot_sigma": 3, "outline_sigma": 2}
    with pytest.warns(UserWarning, match="labels were made in chunks"):
        labels = iso.vol(image, **options, memory_limit="15 MB")
    assert len(labels.chunks[1]) > 1
    np.testing.assert_array_equal(labels.values, iso.vol(image, **options).values)
    with pytest.warns(UserWarning, match="rescaled image is made in chunks"):
        scaled = iso.rescale(image, 0.5, memory_limit="10 MB")
    np.testing.assert_array_equal(scaled.values, iso.rescale(image, 0.5).values)
    with pytest.raises(iso.MemoryLimitError, match=r"need all of the mask that hangs together"):
        iso.vol(image, **options, borders="light", memory_limit="15 MB")


def test_the_check_comes_before_tables_of_weights() -> None:
    image = iso.as_image(np.zeros((4, 8, 8), np.uint8), voxel_size=1, unit="um")
    tracemalloc.start()
    with pytest.raises(iso.MemoryLimitError):
        iso.rescale(image, {"z": "0.01 nm"}, memory_limit="10 MB")
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 1e6

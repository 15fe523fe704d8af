"""To the voxel and to the word: Voronoi-Otsu-Labeling, as mutation testing asks for.

Small volumes beside the plain version (``naive.py``), every refusal, every number that is handed on. Written after
mutation testing (``make mutants``) had shown what of ``labelling.py`` could be changed without a test minding.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij import remarks
from isoscale_ij.engines.cpu import engine as cpu
from isoscale_ij.engines.cpu import flooding, threads
from isoscale_ij.errors import MemoryLimitError, ParameterError
from isoscale_ij.execution.chunks import readers
from isoscale_ij.execution.chunks.settings import working_in
from isoscale_ij.image import sources
from isoscale_ij.operations import labelling
from lazies import lazily
from naive import otsu, voronoi_otsu_labeling
from segmentations import RAW, SIGMAS, blobs, image, lone, told


def said(error: type[Exception], picture: xr.DataArray, **options: Any) -> str:
    with pytest.raises(error) as caught:
        iso.vol(picture, **(SIGMAS | options))
    return str(caught.value)


# Beside the plain version


@pytest.mark.parametrize(("threshold", "borders"), [
    ("otsu", "distance"), ("otsu", "light"), ("local", "distance"), ("local", "light"), (260, "distance"),
    ("260.5", "light"),
])  # fmt: skip
@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (3.0, 0.8, 1.2)])
def test_it_is_the_plain_version(threshold: Any, borders: Any, size: tuple[float, ...]) -> None:
    values = blobs(4)
    labels, _ = told(image(values, size=size), spot_sigma=2.4, outline_sigma=1.2, threshold=threshold, borders=borders)
    spot, outline = ([sigma / each for each in size] for sigma in (2.4, 1.2))
    known = threshold if threshold in ("otsu", "local") else float(threshold)
    plain = voronoi_otsu_labeling(values, tuple(spot), tuple(outline), size, known, borders)
    np.testing.assert_array_equal(labels, plain)
    assert plain.max() > 1
    smooth = ndimage.gaussian_filter(values.astype(float), outline, mode="nearest")
    at = otsu(smooth.astype(np.float32)) if isinstance(known, str) else known
    assert labels.attrs["threshold"] == pytest.approx(at, rel=1e-6 if isinstance(known, str) else 0)


@pytest.mark.parametrize(("seed", "spot", "finer"), [
    (20, (0.4, 0.3, 3.0), (8, 10, 1)), (21, (0.3, 3.0, 0.3), (10, 1, 10)), (54, (0.2, 2.0, 0.4), (10, 1, 5)),
])  # fmt: skip
@pytest.mark.parametrize("threshold", ["otsu", "local"])
@pytest.mark.parametrize("borders", ["distance", "light"])
def test_seeds_between_voxels_of_which_two_lie_beside_one(
    seed: int, spot: tuple[float, ...], finer: tuple[int, ...], threshold: Any, borders: Any
) -> None:
    """Noise, in which that happens: the nearer one keeps the voxel, with light the first one."""
    values = np.random.default_rng(seed).random((6, 7, 8)).astype(np.float32) * 100
    labels, _ = told(
        image(values, size=(2, 1, 1.5)), spot_sigma=[f"{sigma} px" for sigma in spot], outline_sigma=(0, 0.5, 0),
        threshold=threshold, borders=borders,
    )  # fmt: skip
    plain = voronoi_otsu_labeling(values, spot, (0, 0.5, 0), (2, 1, 1.5), threshold, borders, finer)
    np.testing.assert_array_equal(labels, plain)


@pytest.mark.parametrize(("spot", "outline", "spacing"), [
    ("2 px", "1 px", (1, 1, 1)), ("2 px", {"z": "1 px", "y": 3.0, "x": 3.0}, (1, 3, 3)),
    ({"z": "2 px", "y": 6.0, "x": 6.0}, "1 px", (1, 3, 3)),
])  # fmt: skip
def test_distances_are_those_of_voxels_if_both_sigmas_are(spot: Any, outline: Any, spacing: tuple[float, ...]) -> None:
    values = blobs(21, count=8)
    labels, _ = told(image(values, size=(1, 3, 3)), spot_sigma=spot, outline_sigma=outline)
    np.testing.assert_array_equal(labels, voronoi_otsu_labeling(values, (2, 2, 2), (1, 1, 1), spacing))
    other = voronoi_otsu_labeling(values, (2, 2, 2), (1, 1, 1), (1, 3, 3) if spacing == (1, 1, 1) else (1, 1, 1))
    assert (labels.values != other).any()  # and the image tells the two


def test_2d_channels_and_time_points() -> None:
    values = np.stack([[blobs(4)[3], blobs(0)[3]], [blobs(1)[3], blobs(2)[3]], [blobs(3)[3], blobs(5)[3]]])
    movie = image(values, "tcyx", {"t": "2 s", "y": 0.5, "x": 0.25}).assign_coords(c=["DAPI", "GFP"]).rename("cells")
    movie.attrs |= {"note": "kept", "imagej": {"Info": "of ImageJ alone"}, "threshold": "of another image"}
    movie.encoding["source"] = "/there/cells.tif"
    labels, _ = told(movie, spot_sigma=1.0, outline_sigma=0.5, channel="GFP", elongation=2)
    assert (labels.dims, labels.shape, labels.dtype) == (("t", "y", "x"), (3, 20, 24), np.int32)
    for t in range(3):
        plain = voronoi_otsu_labeling(values[t, 1][None], (0, 2, 4), (0, 1, 2), (1, 0.5, 0.25))[0]
        np.testing.assert_array_equal(labels[t], plain)
        assert plain.any()
    assert iso.voxel_size(labels) == {"y": 0.5, "x": 0.25}
    assert labels.t.attrs == {"spacing": 2.0, "units": "second"}
    assert labels.name == "cells labels"
    assert sources.sources(labels) == ["/there/cells.tif"]
    thresholds = labels.attrs.pop("threshold")
    expected = [otsu(ndimage.gaussian_filter(values[t, 1].astype(float), (1, 2), mode="nearest")) for t in range(3)]
    assert thresholds == pytest.approx(expected, rel=1e-5)
    assert labels.attrs == {
        "kind": "labels", "note": "kept", "spot_sigma": 1.0, "outline_sigma": 0.5, "elongation": 2.0
    }  # fmt: skip
    assert type(labels.attrs["elongation"]) is float
    one, _ = told(movie[1:2, 1], spot_sigma=1.0, outline_sigma=0.5)
    assert one.attrs["threshold"] == thresholds[1:2]
    still, _ = told(movie[1], spot_sigma=1.0, outline_sigma=0.5, channel=1)
    assert (still.dims, still.attrs["threshold"]) == (("y", "x"), thresholds[1])


def test_what_is_recorded() -> None:
    picture = image(blobs(4), size=(1, 2, 2))
    options: dict[str, Any] = {"spot_sigma": {"z": "2 um", "y": np.float32(4), "x": 4}, "outline_sigma": (1, 2, 2)}
    labels, _ = told(picture, **options, threshold=np.int16(260))
    assert labels.name == "labels"
    assert labels.attrs == {
        "kind": "labels", "threshold": 260.0, "spot_sigma": {"z": "2 um", "y": 4.0, "x": 4.0},
        "outline_sigma": [1.0, 2.0, 2.0],
    }  # fmt: skip
    labels, _ = told(picture, **options, threshold="local", borders="light", elongation=1.5)
    assert {name: labels.attrs[name] for name in labels.attrs if name not in ("threshold", *options)} == {
        "kind": "labels", "threshold_method": "local", "borders": "light", "elongation": 1.5,
    }  # fmt: skip


def test_large_values_keep_their_differences() -> None:
    values = blobs(4)
    labels, texts = told(image(values), **SIGMAS)
    for dtype, offset in ((np.int64, 2**50), (np.float64, -(2.0**40)), (np.uint32, 2**31)):
        far, same_texts = told(image(values.astype(dtype) + dtype(offset)), **SIGMAS)
        np.testing.assert_array_equal(far, labels)
        assert far.attrs["threshold"] - offset == pytest.approx(labels.attrs["threshold"], abs=0.2)
        assert len(same_texts) == len(texts)
        given, _ = told(image(values.astype(dtype) + dtype(offset)), **SIGMAS, threshold=float(260 + offset))
        assert given.attrs["threshold"] == 260 + offset
        np.testing.assert_array_equal(given, told(image(values), **SIGMAS, threshold=260)[0])
    local, _ = told(image(values.astype(np.int64) + 2**50), **SIGMAS, threshold="local")
    np.testing.assert_array_equal(local, told(image(values), **SIGMAS, threshold="local")[0])


def test_what_differs_by_rounding_is_a_plateau_where_there_is_a_blur() -> None:
    """Stripes finer than the blur leave of themselves what is less than a millionth; as they are, they are stripes."""
    stripes = np.zeros((1, 9, 40), np.float32)
    stripes[0, 3:6, 5:35:2] = 1
    ground = np.where((np.arange(9) // 3 == 1)[:, None] & (abs(np.arange(40) - 19.5) < 15), np.float32(1000), 0)
    picture = image(ground + np.float32(0.02) * stripes)
    blurred, _ = told(picture, spot_sigma=("0 px", "0 px", "0.9 px"), outline_sigma=0, threshold=500)
    assert blurred.max() == 1
    raw, _ = told(image(ground + np.float32(0.0005) * stripes), **RAW, threshold=500)
    assert raw.max() == 15


def test_as_small_as_values_may_be() -> None:
    """All is the same for values that are a power of two times as large: nothing is taken off, nothing is rounded."""
    values = blobs(4).astype(np.float32)
    small, texts = told(image(values * np.float32(2**-60)), **SIGMAS, threshold="local")
    labels, same_texts = told(image(values), **SIGMAS, threshold="local")
    np.testing.assert_array_equal(small, labels)
    assert small.attrs["threshold"] * 2.0**60 == labels.attrs["threshold"]
    assert len(texts) == len(same_texts)


def test_an_image_without_a_calibration_keeps_its_axes() -> None:
    bare = iso.as_image(np.stack([blobs(4), blobs(0)]), "tzyx")
    labels, _ = told(bare, **SIGMAS)
    assert (labels.dims, dict(labels.coords)) == (("t", "z", "y", "x"), {})


def test_what_is_left_out_is_the_same_within() -> None:
    """For suggestions, which do without the public function."""
    labels, _ = labelling.labelled(image(blobs(4)), **SIGMAS)
    public, _ = told(image(blobs(4)), **SIGMAS)
    np.testing.assert_array_equal(labels, public)
    assert labels.attrs == public.attrs


# What is refused


def test_what_is_refused_of_arguments() -> None:
    picture = image(blobs(4))
    assert said(ParameterError, picture, threshold="li") == (
        "Got the threshold 'li'; needed is 'otsu', 'local' or a number."
    )
    for value in ("inf", math.inf, "nan", np.float32(np.nan)):
        assert said(ParameterError, picture, threshold=value) == (
            f"Got the threshold {float(value)}; needed is 'otsu', 'local' or a finite number."
        )
    assert said(ParameterError, picture, borders="dark") == (
        "Got the borders 'dark'; needed is one of 'distance', 'light'."
    )
    for number in (0, -1, math.inf, math.nan):
        assert said(ParameterError, picture, elongation=number) == (
            f"Got the elongation {number}; needed is a number above 0, as 1.5."
        )
    assert said(ParameterError, picture, elongation=7.00006) == (
        "Got the elongation 7.00006, with which the outline sigma is 7 voxels in z, and 7 slices; needed is less than "
        "the image. Choose a smaller one."
    )
    assert said(ParameterError, picture, spot_sigma=-1) == "Got -1 as spot_sigma; needed is 0 or more."
    assert said(ParameterError, picture, outline_sigma=-1) == "Got -1 as outline_sigma; needed is 0 or more."
    assert said(ParameterError, picture, engine="abacus").startswith("Got the engine 'abacus'; needed is one of 'auto'")
    assert said(ParameterError, picture.assign_attrs(kind="labels")) == (
        'Got a label image (attrs["kind"] is "labels"); needed are intensities.'
    )
    two = image(np.stack([blobs(4), blobs(0)]), "czyx")
    assert said(ParameterError, two) == (
        "The image has 2 channels: 0, 1. Choose one with channel=… (command line: --channel)."
    )
    assert said(ParameterError, two, channel="DAPI") == "Got the channel 'DAPI'; the image has 0, 1."


def test_elongation_up_to_the_image() -> None:
    values = blobs(4)
    for elongation in (7, 0.2):
        labels, _ = told(image(values), **SIGMAS, elongation=elongation)
        np.testing.assert_array_equal(
            labels, voronoi_otsu_labeling(values, (2, 2, 2), (elongation, 1, 1), (1, 1, 1))
        )  # fmt: skip
    flat, _ = told(image(values[3], "yx"), **SIGMAS, elongation=1e6)  # nothing is long where there is no z
    np.testing.assert_array_equal(flat, told(image(values[3], "yx"), **SIGMAS)[0])


def test_what_is_refused_of_values() -> None:
    values = np.stack([blobs(4), blobs(0)]).astype(np.float64)
    values[1, 0, 0, :2] = np.nan, np.inf
    text = (
        "Got 2 values that are NaN or infinite{}, of 3360; needed are finite ones. Replace them first, for example "
        "with image.fillna(0)."
    )
    assert said(ParameterError, image(values, "tzyx", {"z": 1, "y": 1, "x": 1})) == text.format(" at t = 1")
    for dtype in (np.float32, np.float64):
        assert said(ParameterError, image(values[1].astype(dtype))) == text.format("")
    wide = blobs(4).astype(np.float64)
    wide[0, 0, :2] = -3e38, 3e38
    assert said(ParameterError, image(np.stack([blobs(4), wide]), "tzyx", {"z": 1, "y": 1, "x": 1})) == (
        "Got values from -3e+38 to 3e+38 at t = 1; that range is too wide. Scale them down."
    )
    assert "-3e+38 to 3e+38; that" in said(ParameterError, image(wide))
    widest = np.zeros((1, 4, 5))
    widest[0, 1:3, 1:3] = np.finfo(np.float32).max  # is not too wide yet
    assert told(image(widest), **RAW)[0].max() == 1


def test_memory_that_it_takes_is_asked_for_before() -> None:
    """Four bytes a voxel for the labels, one for the mask, four more where blurred values are held."""
    large = image(np.broadcast_to(np.uint8(0), (10, 1000, 1000)), "zyx")
    for options, needed in (({}, "62.6 MB"), ({"threshold": "local"}, "103 MB"), ({"borders": "light"}, "103 MB")):
        with working_in(by_itself=False):
            assert said(MemoryLimitError, large, memory_limit="20 MB", **options) == (
                f"The labels of an image of 10000000 voxels would need {needed}; memory_limit allows 20 MB. Segment a "
                "part of the image, or choose larger voxels first with rescale."
            )


class AskedError(Exception):
    """That a place was asked for the labels, and what it was allowed."""


def test_how_far_it_looks_is_how_far_the_blurs_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def label(work: Any, progress: Any, allowance: Any) -> Any:
        raise AskedError(allowance)

    asked: list[tuple[Any, str]] = []
    monkeypatch.setattr(labelling, "place_of", lambda *what: asked.append(what) or SimpleNamespace(label=label))
    sigmas = {"spot_sigma": ("0.4 px", "3 px", "1.1 px"), "outline_sigma": ("1 px", "0.7 px", "2.6 px")}
    picture = image(np.zeros((31, 32, 33), np.uint8))
    with pytest.raises(AskedError) as caught:
        iso.vol(picture, **sigmas, elongation=2, engine="cpu", memory_limit="3 GB")
    point = np.zeros((31, 32, 33))
    point[15, 15, 15] = 1
    reach = sum(ndimage.gaussian_filter(point, each, mode="constant") for each in ((0.4, 3, 1.1), (2, 0.7, 2.6)))
    allowance = caught.value.args[0]
    assert allowance.around == tuple(np.ptp(np.argwhere(reach), axis=0) // 2)
    assert (allowance.limit, allowance.held) == ("3 GB", 0)
    ((stack, engine),) = asked
    assert (stack.values is picture.data, stack.has_z, engine) == (True, True, "cpu")


# Progress, and chunks


@pytest.mark.parametrize(("threshold", "borders"), [("otsu", "distance"), ("local", "light")])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_progress(threshold: Any, borders: Any, frames: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shares of the steps, in each of the rounds; with several threads, up to the end of those that take time."""
    monkeypatch.setattr(cpu, "_SMALL", 0)  # else several volumes go at a time
    monkeypatch.setattr(threads, "thread_count", lambda: count)
    monkeypatch.setattr(flooding, "_BATCH", 1)
    reports: list[tuple[int, str]] = []
    movie = image(np.stack([blobs(9)] * frames), "tzyx", {"z": 1, "y": 1, "x": 1})

    def report(done: int, total: int, step: str) -> None:
        assert total == 100
        reports.append((done, step))

    told(movie, **SIGMAS, threshold=threshold, borders=borders, on_progress=report)
    assert reports == sorted(reports, key=lambda each: each[0])
    ends = {"outline": (0, 35), "threshold": (35, 35), "spots": (45, 80), "seeds": (80, 80), "labels": (90, 100)}
    runs: list[list[Any]] = []  # of one step each: its name, how much is done at its begin and at its end
    for done, step in reports:
        if runs and runs[-1][0] == step:
            runs[-1][2] = done
        else:
            runs.append([step, done, done])
    expected = [
        [step, *(int((100 * number + share) / frames + 1e-9) for share in ends[step])]
        for number in range(frames)
        for step in ends
    ] + [["done", 100, 100]]
    assert [run[:2] for run in runs] == [run[:2] for run in expected]
    if count > 1:
        assert runs == expected


def test_in_chunks_where_memory_is_too_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, which is said before all else; of what is lazy already nothing is said."""
    picture = image(lone())
    options: dict[str, Any] = {"spot_sigma": "2 px", "outline_sigma": 0, "threshold": 500}
    expected, texts = told(picture, **options)
    with dask.config.set(temporary_directory=str(tmp_path), scheduler="synchronous"):
        with remarks.heard() as heard:
            labels = iso.vol(picture, **options, memory_limit="10 MB")
        assert [str(each) for each in heard] == [
            (
                "The labels were made in chunks, since that would need more memory than is allowed; the values are "
                "lazy, a dask array. Write them, or look at a part."
            ),
            *texts,
        ]
        assert [each.category for each in heard] == [UserWarning, iso.SegmentationWarning]
        np.testing.assert_array_equal(labels.values, expected.values)
        lazy, lazy_texts = told(lazily(picture), **options)
        assert lazy_texts == texts
        assert not isinstance(lazy.data, np.ndarray)

        def never(self: Any, region: Any) -> Any:
            raise AssertionError("read through dask")

        monkeypatch.setattr(readers.OfDask, "__getitem__", never)
        channels = image(np.stack([blobs(0), blobs(4)]), "czyx")
        of_one, _ = told(lazily(channels), **SIGMAS, channel=1)  # what reads it is known of one channel, too
        np.testing.assert_array_equal(of_one.values, told(channels, **SIGMAS, channel=1)[0].values)
        del labels, lazy, of_one

"""Work in chunks is what it is in memory, bit for bit: any blocks, any order, workers that are killed."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isoscale_ij as iso
from isoscale_ij import memory
from isoscale_ij.execution.chunks.kept import room, tile
from isoscale_ij.execution.chunks.readers import VolumeReader, in_tiles
from isoscale_ij.execution.chunks.regions import Blocks, widened
from isoscale_ij.execution.chunks.settings import working_in
from isoscale_ij.execution.chunks.store import load_arrays, save_arrays
from lazies import assert_same_labels, lazily

quiet = pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")
few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path) -> Any:
    """What is made on the way lies here, and is gone with the last array that needs it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    with dask.config.set(temporary_directory=str(folder)):
        yield folder
        gc.collect()
        assert not list(folder.iterdir())


def image_of(values: np.ndarray, **options: Any) -> xr.DataArray:
    return iso.as_image(values, "zyx", voxel_size=(2, 1, 1), unit="um", **options)


@pytest.mark.parametrize(
    ("shape", "spot", "outline", "block"),
    [
        ((24, 96, 128), "0.6 um", "0.3 um", (7, 31, 43)),  # seeds between slices; blocks thinner than what is around
        ((24, 96, 128), "1.8 um", "0.9 um", (16, 32, 32)),
        ((33, 160, 192), "1.8 um", "0.9 um", (33, 64, 64)),
        ((33, 160, 192), "0.8 um", "0.4 um", (16, 80, 64)),
    ],
)
@pytest.mark.parametrize("threshold", ["otsu", "local"])
def test_nuclei(shape: tuple, spot: str, outline: str, block: tuple, threshold: str) -> None:
    image, _ = iso.sample(shape=shape, seed=3)
    labels = assert_same_labels(image, block, spot_sigma=spot, outline_sigma=outline, threshold=threshold)
    assert labels.max() >= 5


@pytest.mark.parametrize("borders", ["distance", "light"])
def test_saturated_nuclei(borders: Any) -> None:
    image, _ = iso.sample(shape=(24, 96, 128), seed=3)
    flat = image.copy(data=np.minimum(image.values, np.uint16(np.percentile(image.values, 88))))
    options = {"spot_sigma": "1.8 um", "outline_sigma": "0.3 um", "borders": borders}
    assert_same_labels(flat, (9, 31, 40), **options)
    assert_same_labels(flat, (9, 31, 40), **options, threshold="local")


def boxes() -> np.ndarray:
    rng = np.random.default_rng(1)
    values = np.zeros((30, 60, 70), np.uint16)
    for _ in range(12):
        begin, size = rng.integers(0, [22, 45, 50]), rng.integers(4, 20, 3)
        values[tuple(slice(i, i + n) for i, n in zip(begin, size, strict=True))] = 200
    return values


@pytest.mark.parametrize(("spot", "outline"), [("0 px", "0 px"), ("1 px", "1 px"), ("1.5 px", "1 px")])
@pytest.mark.parametrize("block", [(9, 21, 33), (16, 16, 70), (30, 60, 70)])
def test_plateaus_across_corners(spot: str, outline: str, block: tuple) -> None:
    assert_same_labels(image_of(boxes()), block, spot_sigma=spot, outline_sigma=outline)


@pytest.mark.parametrize("block", [(8, 20, 24), (30, 60, 70)])
def test_hundreds_of_plateaus_of_one_height(block: tuple) -> None:
    values = np.random.default_rng(1).integers(0, 3, (16, 40, 48)).astype(np.uint16)
    assert_same_labels(image_of(values), block, spot_sigma="0 px", outline_sigma="0 px")


@pytest.mark.parametrize("block", [(24, 48, 64), (7, 31, 43), (24, 16, 128)])
@pytest.mark.parametrize("threshold", ["otsu", "local", 130.0])
def test_borders_along_the_light(block: tuple, threshold: Any) -> None:
    image, _ = iso.sample(shape=(24, 96, 128), seed=3, n_objects=30)
    options = {"spot_sigma": "1.2 um", "outline_sigma": "0.5 um", "threshold": threshold, "borders": "light"}
    assert assert_same_labels(image, block, **options).max() >= 10


@pytest.mark.parametrize("density", [0.05, 0.3, 0.5, 0.97])
def test_light_through_noise(rng: np.random.Generator, density: float) -> None:
    """Parts of one voxel and of thousands, many of them without a seed of their own in a block."""
    values = rng.integers(0, 40, (14, 40, 48)).astype(np.uint16)
    values[rng.random(values.shape) > density] = 0
    options = {"spot_sigma": "1 px", "outline_sigma": "0 px", "threshold": 0.5, "borders": "light"}
    for block in ((5, 13, 17), (14, 40, 7)):
        assert_same_labels(image_of(values), block, **options)


def test_light_needs_memory_for_what_hangs_together_only() -> None:
    values = np.zeros((8, 400, 400), np.uint16)
    values[2:6, 10:-10:20, :] = 100
    values[3:5, 12:-10:20, 9::17] = 200  # strings of beads through all blocks, 3 MB of a box each
    image = image_of(values)
    options = {"spot_sigma": "1 px", "outline_sigma": "0 px", "threshold": 50, "borders": "light"}
    with working_in(block=(8, 100, 100)):
        labels = iso.vol(lazily(image), **options, memory_limit="12 MB")
        np.testing.assert_array_equal(labels.values, iso.vol(image, **options).values)
        with pytest.raises(iso.MemoryLimitError, match="need all of the mask that hangs together in memory"):
            iso.vol(lazily(image_of(values + 60)), **options, memory_limit="12 MB")


def test_snakes_through_many_blocks() -> None:
    """A thin mask that winds through all blocks, cut off parts that change hands several times."""
    values = np.zeros((12, 60, 60), np.float32)
    for row in range(0, 60, 4):
        values[5, row, :] = 50
        values[5, row : row + 5, 59 if row % 8 == 0 else 0] = 50
    values[5, ::8, 7::13] = 100
    assert_same_labels(image_of(values), (5, 17, 19), spot_sigma=0, outline_sigma=0, threshold=10)
    assert_same_labels(image_of(values), (12, 7, 60), spot_sigma=0, outline_sigma=0, threshold="local")


def test_equal_distances_across_blocks() -> None:
    values = np.full((9, 24, 24), 10, np.uint8)
    values[4, 4::8, 4::8] = 20
    labels = assert_same_labels(image_of(values), (4, 8, 8), spot_sigma=0, outline_sigma=0, threshold=5)
    assert labels.max() == 9


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_volume(value: int) -> None:
    image = image_of(np.full((8, 20, 20), value, np.uint16))
    labels = assert_same_labels(image, (4, 10, 10), spot_sigma=1, outline_sigma=1)
    assert labels.max() == 0


def test_a_nan_in_one_block() -> None:
    values = np.random.default_rng(2).random((8, 20, 20), np.float32)
    values[6, 15, 15] = np.nan
    with working_in(block=(4, 10, 10)), pytest.raises(iso.ParameterError, match="1 values that are NaN"):
        iso.vol(lazily(image_of(values)), spot_sigma=1, outline_sigma=1)


@quiet
@pytest.mark.parametrize("dtype", ["int32", "float64", ">u2", "bool"])
def test_any_type(dtype: str) -> None:
    values = (np.random.default_rng(3).random((9, 30, 30)) * 2**20 + 2**30).astype(dtype)
    if dtype in ("bool", ">u2"):
        values = (np.random.default_rng(3).random((9, 30, 30)) * (1.99 if dtype == "bool" else 900)).astype(dtype)
    assert_same_labels(image_of(values), (4, 11, 30), spot_sigma=2, outline_sigma=1)


def test_time_points_channels_and_flat_images() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(0, 900, (2, 3, 8, 30, 32)).astype(np.uint16)
    image = iso.as_image(values, "tczyx", voxel_size={"z": 2, "y": 1, "x": 1}, unit="um")
    assert_same_labels(image, (4, 15, 32), spot_sigma=2, outline_sigma=1, channel=1)
    flat = iso.as_image(values[0, 0], "tyx", voxel_size=1, unit="um")
    assert_same_labels(flat, (1, 15, 17), spot_sigma=2, outline_sigma=1, threshold="local")


@few
@given(
    shape=st.tuples(st.integers(1, 13), st.integers(2, 40), st.integers(2, 40)),
    block=st.tuples(st.integers(2, 13), st.integers(6, 40), st.integers(6, 40)),
    spot=st.tuples(*[st.sampled_from([0, 0.3, 0.8, 1.4, 3])] * 3),
    outline=st.sampled_from([0, 0.6, 1.5]),
    levels=st.sampled_from([2, 5, 60000]),
    threshold=st.sampled_from(["otsu", "local"]),
    seed=st.integers(0, 99),
)
def test_any_blocks_and_sigmas(
    shape: tuple, block: tuple, spot: tuple, outline: float, levels: int, threshold: str, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, levels, shape).astype(np.uint16)
    sigmas = dict(zip("zyx", spot, strict=True))
    assert_same_labels(image_of(values), block, spot_sigma=sigmas, outline_sigma=outline, threshold=threshold)


@pytest.mark.parametrize("target", [1.0, {"z": 0.7}, {"y": 2.3, "x": 0.4}])
@pytest.mark.parametrize("interpolation", ["linear", "nearest", "cubic"])
def test_rescaling_is_lazy_and_the_same(target: Any, interpolation: Any) -> None:
    values = np.random.default_rng(5).integers(0, 60000, (2, 9, 30, 33)).astype(np.uint16)
    image = iso.as_image(values, "czyx", voxel_size=(2, 1, 1), unit="um")
    whole = iso.rescale(image, target, interpolation=interpolation)
    lazy = iso.rescale(lazily(image, 8), target, interpolation=interpolation)
    assert dask.is_dask_collection(lazy.data)
    xr.testing.assert_identical(lazy.compute(), whole)
    part = {"z": slice(1, 4), "y": slice(3, 9)}
    np.testing.assert_array_equal(lazy.isel(part).values, whole.isel(part).values)


def test_what_was_computed_with_dask_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = iso.sample(shape=(16, 64, 64), seed=2)
    calls = []
    doubled = image.chunk(z=8).copy(data=image.chunk(z=8).data.map_blocks(lambda v: (calls.append(1), v)[1]))
    calls.clear()
    with working_in(block=(8, 64, 64)):
        labels = iso.vol(doubled, spot_sigma="1.8 um", outline_sigma="0.9 um")
    assert len(calls) == 2
    np.testing.assert_array_equal(labels, iso.vol(image, spot_sigma="1.8 um", outline_sigma="0.9 um"))


@pytest.mark.parametrize("with_image", [False, True])
def test_measuring_lazy_labels(with_image: bool) -> None:
    image, truth = iso.sample(shape=(24, 96, 128), seed=3)
    expected = iso.measure(truth, image if with_image else None)
    found = iso.measure(lazily(truth, 20), lazily(image, 20) if with_image else None)
    assert found.equals(expected)
    assert found.attrs == expected.attrs


def test_lazy_labels_are_measured_slice_by_slice() -> None:
    numbers = da.arange(1200, chunks=8, dtype=np.int32)[:, None, None] // 400
    labels = da.broadcast_to(numbers, (1200, 400, 500), chunks=(8, 400, 500))
    assert labels.dtype == np.int32
    iso.measure(labels[:1])
    with memory.watched() as peak:
        table = iso.measure(iso.as_image(labels, voxel_size=1.0))
    assert table.n_voxels.tolist() == [400 * 400 * 500] * 2
    assert peak.bytes < 500e6 < labels.nbytes


def test_cancelling_leaves_nothing_behind(temporary: Path) -> None:
    image, _ = iso.sample(shape=(16, 64, 64), seed=2)

    def stop(done: int, total: int, step: str) -> None:
        if step == "spots":
            raise iso.Cancelled

    with working_in(block=(8, 32, 32)), pytest.raises(iso.Cancelled):
        iso.vol(lazily(image), spot_sigma="1.8 um", outline_sigma="0.9 um", on_progress=stop)
    assert not list(temporary.iterdir())


def test_work_that_was_stopped_goes_on(tmp_path: Path) -> None:
    image, _ = iso.sample(shape=(16, 64, 64), seed=2)
    options: dict[str, Any] = {"spot_sigma": "1.8 um", "outline_sigma": "0.9 um", "threshold": "local"}
    folder = tmp_path / "work"
    read: list[int] = []

    class Counted:
        shape, dtype, ndim = image.shape, image.dtype, 3

        def __getitem__(self, region: Any) -> Any:
            read.append(1)
            return image.values[region]

    from isoscale_ij.execution.chunks.lazy import as_dask

    def stop(done: int, total: int, step: str) -> None:
        if step == "seeds":
            raise iso.Cancelled

    def label(**more: Any) -> xr.DataArray:
        return iso.vol(image.copy(data=as_dask(Counted(), (8, 32, 32))), **options, **more)

    work = {"input": "cells", "spot": 1.8}
    with working_in(folder, resume=True, block=(8, 32, 32), work=work), pytest.raises(iso.Cancelled):
        label(on_progress=stop)
    begun = len(read)
    read.clear()
    with working_in(folder, resume=True, work=work):
        labels = label()
    np.testing.assert_array_equal(labels.values, iso.vol(image, **options).values)
    assert 0 < len(read) < begun
    with working_in(folder, resume=True, work=work | {"spot": 2}), pytest.raises(iso.ParameterError, match="spot"):
        label()


def test_comparing_and_suggesting_on_lazy_images() -> None:
    image, _ = iso.sample(shape=(16, 96, 112), seed=5, n_objects=14)
    assert iso.suggest_sigmas(lazily(image)).spot_sigma == iso.suggest_sigmas(image).spot_sigma
    with pytest.raises(iso.MemoryLimitError, match="is to be compared"):
        iso.compare(lazily(image), spot_sigma=1.8, outline_sigma=0.9, memory_limit="100 kB")
    with pytest.raises(iso.ParameterError, match="out for a lazy image"):
        iso.rescale(lazily(image), 1.0, out=np.empty((24, 15, 18), np.uint16))


def test_an_engine_that_there_is_not(nuclei: tuple) -> None:
    lazy = lazily(nuclei[0])
    with pytest.raises(iso.ParameterError, match="'abacus'"):
        iso.vol(lazy, spot_sigma=1.4, outline_sigma=0.9, engine="abacus")
    with pytest.raises(iso.ParameterError, match="'abacus'"):
        iso.rescale(lazy, "finest", engine="abacus")


def test_arrays_of_a_file_from_many_threads(tmp_path: Path) -> None:
    """np.load would fail now and then, in Python 3.11 and 3.12."""
    arrays = {
        "numbers": np.arange(24, dtype=np.int64).reshape(2, 3, 4), "flags": np.array([True, False, True]),
        "none": np.empty((0, 3), np.float32), "one": np.asarray(2.5), "big": np.arange(3, dtype=">i2"),
    }  # fmt: skip

    def round_trip(number: int) -> None:
        path = tmp_path / "some" / f"{number}.arrays"
        for _ in range(20):
            save_arrays(path, arrays)
            found = load_arrays(path)
            assert list(found) == list(arrays)
            for name, values in arrays.items():
                np.testing.assert_array_equal(found[name], values)
                assert found[name].dtype == values.dtype
                assert found[name].shape == values.shape

    (tmp_path / "some").mkdir()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(round_trip, range(40)))


@pytest.mark.parametrize(("most", "reads"), [(1 << 30, 16), (9 * 163_840, 18), (0, 4)])
def test_tiles_are_read_once_while_there_is_room(rng: np.random.Generator, most: int, reads: int) -> None:
    values = rng.integers(0, 60_000, (20, 200, 256), np.uint16)
    asked = []

    class Counted:
        shape, dtype = values.shape, values.dtype

        def __getitem__(self, region: Any) -> np.ndarray:
            asked.append(region)
            return values[region]

    tiled = in_tiles(VolumeReader(Counted(), (), has_z=True), (16, 64, 64), (20, 128, 128), "here")
    blocks = Blocks(values.shape, (20, 128, 128))
    with room(0, most):
        for number in range(len(blocks)):
            region = widened(blocks.region(number), (3, 9, 9), values.shape)
            np.testing.assert_array_equal(tiled[region], values[region])
        assert len(asked) == reads
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda number: tiled[blocks.region(number)], list(range(len(blocks))) * 5):
                assert found.dtype == values.dtype
    whole_planes = in_tiles(VolumeReader(Counted(), (), has_z=True), (1, 200, 256), (20, 200, 256), "here")
    assert isinstance(whole_planes, VolumeReader)


def test_a_tile_that_cannot_be_read_is_asked_for_again() -> None:
    def fail() -> np.ndarray:
        raise OSError("not there")

    with room(0, 1 << 20):
        for _ in range(2):
            with pytest.raises(OSError, match="not there"):
                tile("a", fail)
        assert tile("a", lambda: np.ones(3)).sum() == 3

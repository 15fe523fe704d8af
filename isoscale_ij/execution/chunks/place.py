"""The place of an image whose voxels are not in memory, or whose labels would not be."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from isoscale_ij import memory
from isoscale_ij.engines.cpu.threads import thread_count
from isoscale_ij.errors import MissingDependencyError, ParameterError
from isoscale_ij.execution.chunks.journal import opened
from isoscale_ij.execution.chunks.kept import room
from isoscale_ij.execution.chunks.lazy import NEEDS_DASK, Resampled, Stored, as_dask
from isoscale_ij.execution.chunks.readers import OfDask, VolumeReader, chunks_of, in_tiles, is_lazy, reader_of
from isoscale_ij.execution.chunks.regions import Blocks, Shape, block_size
from isoscale_ij.execution.chunks.settings import settings, temporary_folder
from isoscale_ij.execution.chunks.steps import ChunkedSteps
from isoscale_ij.execution.chunks.store import BlockArray
from isoscale_ij.execution.chunks.sweeps import Sweeps, bytes_for_a_task, current_client
from isoscale_ij.execution.chunks.tasks import Volume, stage
from isoscale_ij.execution.protocol import Allowance, VolumeSteps
from isoscale_ij.execution.resampling import Resampling
from isoscale_ij.execution.stack import Stack
from isoscale_ij.progress import Progress

T = TypeVar("T")

_TASK_BYTES = 32  # a voxel of a block, with what lies around it: read, blurred, labelled, found to hang together
_MOST = 24 << 20  # voxels of a block: larger ones gain nothing
_LEAST = 1 << 15
_WORKING = 0.6  # of the memory, for the blocks that are worked on
_KEPT, _TILES = 0.08, 0.17  # of the memory, for blurred blocks that the next sweep needs again, and tiles of the image
_CHUNK_BYTES = 64 << 20  # of a lazy result, and of what of the image it is made of


class InChunks:
    """Implements :class:`isoscale_ij.execution.protocol.Place`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def resample(
        self, resampling: Resampling, out: NDArray[Any] | None, progress: Progress, allowance: Allowance
    ) -> tuple[Any, int]:
        """Nothing is computed before the result is looked at; nor is it known what of it will be no number."""
        if out is not None:
            raise ParameterError(
                "Got an out for a lazy image; needed is none: the result is lazy, too. Write it with write(path, …)."
            )
        allowance.require(resampling.table_bytes)
        progress.step("rescale")
        reader = Resampled(reader_of(self._stack.values), self._stack.leading, self._stack.has_z, resampling)
        return as_dask(reader, self._chunks(resampling)), 0

    def label(
        self, work: Callable[[VolumeSteps, int, Progress], T], progress: Progress, allowance: Allowance
    ) -> tuple[Any, list[T]]:
        _check_packages()
        client = current_client() if is_lazy(self._stack.values) else None
        folder, blocks, marks = self._workplace(allowance, client)
        try:
            share = 0 if client else memory.limit_in_bytes(allowance.limit)
            with room(int(share * _KEPT), int(share * _TILES)):
                labels, results = self._labelled(work, progress, allowance, client, folder, blocks, marks)
        except BaseException:
            if marks is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        stored = Stored(tuple(labels), self._stack.leading, self._stack.has_z)
        chunks = (*(1 for _ in self._stack.leading), *blocks.size[0 if self._stack.has_z else 1 :])
        return as_dask(stored.owning(folder) if marks is None else stored, chunks), results

    def _labelled(
        self, work: Callable[[VolumeSteps, int, Progress], T], progress: Progress, allowance: Allowance, client: Any,
        folder: Path, blocks: Blocks, marks: Path | None,
    ) -> tuple[list[BlockArray], list[T]]:  # fmt: skip
        """The labels of each volume, and what `work` returns for it."""
        labels, results = [], []
        for number, index in enumerate(self._stack.indices()):
            place = str(folder / str(number))
            reader = VolumeReader(reader_of(self._stack.values), index, self._stack.has_z)
            volume = Volume(in_tiles(reader, self._chunks_of_a_volume, blocks.size, place), blocks, place)
            Path(volume.folder).mkdir(parents=True, exist_ok=True)
            marked = None if marks is None else marks / str(number)
            sweeps = Sweeps(client, marked)
            if isinstance(reader.reader, OfDask):
                volume = _staged(volume, sweeps)
            steps = ChunkedSteps(volume, sweeps, allowance.require)
            results.append(work(steps, number, progress))
            for name in ("faces", "mask", "held", "boxes", "source") if marks is None else ():
                shutil.rmtree(folder / str(number) / name, ignore_errors=True)
            labels.append(steps.labels)
        return labels, results

    def _workplace(self, allowance: Allowance, client: Any) -> tuple[Path, Blocks, Path | None]:
        """The folder, the blocks, and the folder for marks of what is done."""
        options = settings()
        size = options.block or self._block(allowance, client)
        size = tuple(min(s, n) for s, n in zip(size, self._stack.volume_shape, strict=True))
        if not options.resume or options.folder is None:
            return temporary_folder(), Blocks(self._stack.volume_shape, size), None
        size = opened(
            options.folder, {**options.work, "shape": self._stack.values.shape, "dtype": self._stack.dtype.str}, size
        )
        return options.folder, Blocks(self._stack.volume_shape, size), options.folder / "done"

    def _block(self, allowance: Allowance, client: Any) -> Shape:
        """Blocks of which as many fit into the memory as tasks run at a time."""
        share = bytes_for_a_task(client) if client else None
        if share is None:
            share = memory.limit_in_bytes(allowance.limit) / thread_count()
        voxels = min(_MOST, share * _WORKING / _TASK_BYTES)
        if voxels < _LEAST:
            allowance.require(int(_TASK_BYTES * thread_count() * _LEAST / _WORKING))
        return block_size(self._stack.volume_shape, self._chunks_of_a_volume, allowance.around, voxels)

    @property
    def _chunks_of_a_volume(self) -> Shape:
        """What is read at a time along z, y and x."""
        chunks = chunks_of(self._stack.values)[-3 if self._stack.has_z else -2 :]
        return (1,) * (3 - len(chunks)) + chunks

    def _chunks(self, resampling: Resampling) -> Shape:
        """Chunks of a result, so that neither they nor what they are made of are large."""
        ratio = math.prod(axis.count_in / axis.count_out for axis in resampling.axes)
        voxels = _CHUNK_BYTES / self._stack.dtype.itemsize / max(1.0, ratio)
        made = tuple(
            max(1, round(c * axis.count_out / axis.count_in))
            for c, axis in zip(self._chunks_of_a_volume, resampling.axes, strict=True)
        )
        size = block_size(resampling.shape, made, (0, 0, 0), voxels)
        return (*(1 for _ in self._stack.leading), *size[0 if self._stack.has_z else 1 :])


def _staged(volume: Volume, sweeps: Sweeps) -> Volume:
    """The volume with the result of a computation as its source, instead of the computation."""
    made = volume.array("source", volume.source.dtype.str)
    jobs = ((number, (volume, made)) for number in range(len(volume.blocks)))
    for _ in sweeps.run(stage, jobs, len(volume.blocks)):
        pass
    return replace(volume, source=made)


def _check_packages() -> None:
    try:
        import dask  # noqa: F401
        import numcodecs  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(NEEDS_DASK) from error

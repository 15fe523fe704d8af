"""Finds the place of an image's voxels, and drives the work on its volumes there.

A place knows the memory that is needed, makes the output, and goes over the volumes. Volumes in
this machine's memory go whole to an engine's own memory and back where they find room there; an
image that lies on a device stays there.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines import engine_holding, get_engine
from isoscale_ij.engines.protocol import DeviceError, DeviceSteps, Engine, OnMemory
from isoscale_ij.errors import MemoryLimitError, ParameterError
from isoscale_ij.execution.chunks.readers import is_lazy
from isoscale_ij.execution.chunks.settings import settings
from isoscale_ij.execution.in_memory import InMemorySteps
from isoscale_ij.execution.on_device import OnDeviceSteps
from isoscale_ij.execution.protocol import Allowance, Place, VolumeSteps
from isoscale_ij.execution.resampling import Resampling, resample_block, resample_volumes
from isoscale_ij.execution.stack import Stack
from isoscale_ij.progress import Progress

T = TypeVar("T")

_RESCALE_SCRATCH = 8 << 20
_LABEL_SCRATCH = 12 << 20
_NO_DISK_HOLDS = 100e12  # bytes: who asks for that has mistaken a unit


def place_of(stack: Stack, engine: str, voxels: int = 0) -> Place:
    """Where the work on `stack` is done, with the engine of that name.

    Parameters
    ----------
    stack : Stack
    engine : str
        As users name it; ``"auto"`` stays where the values are.
    voxels : int
        Of the largest image of this work, where that is not a volume of the stack.
    """
    if is_lazy(stack.values):
        get_engine(engine)  # one that there is; blocks are computed on the processor all the same
        return _in_chunks(stack)
    if stack.is_single and (holder := engine_holding(stack.values, engine)) and holder.on_device:
        return OnDevice(stack, holder, holder.on_device)
    return InMemory(stack, get_engine(engine, max(voxels, math.prod(stack.volume_shape))))


def taken(values: Any, axis: int, index: int) -> Any:
    """The lazy values at one index along an axis."""
    from isoscale_ij.execution.chunks.lazy import taken_of

    return taken_of(values, axis, index)


def slices_of(values: Any, index: tuple[int, ...], *, has_z: bool) -> Any:
    """One volume of lazy values, slice by slice."""
    from isoscale_ij.execution.chunks.slices import Slices

    return Slices.of(values, index, has_z=has_z)


def _in_chunks(stack: Stack) -> Place:
    from isoscale_ij.execution.chunks.place import InChunks

    return InChunks(stack)


def _instead(stack: Stack, error: MemoryLimitError) -> Place:
    """The place where work is done in chunks that needs too much memory here, if that may be."""
    if not settings().by_itself:
        raise error
    if importlib.util.find_spec("dask") is None or importlib.util.find_spec("zarr") is None:
        raise MemoryLimitError(f"{error} Or let it go in chunks: pip install 'isoscale-ij[dask]'.") from error
    return _in_chunks(stack)


class InMemory:
    """Implements :class:`isoscale_ij.execution.protocol.Place`."""

    def __init__(self, stack: Stack, engine: Engine) -> None:
        self._stack, self._engine = stack, engine

    def resample(
        self, resampling: Resampling, out: NDArray[Any] | None, progress: Progress, allowance: Allowance
    ) -> tuple[Any, int]:
        """The values; lazy ones, if they are more than is allowed."""
        try:
            return self._resample(resampling, out, progress, allowance)
        except MemoryLimitError as error:
            if math.prod(self._stack.shape_of(resampling.shape)) * self._stack.dtype.itemsize > _NO_DISK_HOLDS:
                raise
            return _instead(self._stack, error).resample(resampling, out, progress, allowance)

    def label(
        self, work: Callable[[VolumeSteps, int, Progress], T], progress: Progress, allowance: Allowance
    ) -> tuple[Any, list[T]]:
        """The labels; lazy ones, made in chunks, if they would need more than is allowed."""
        try:
            return self._label(work, progress, allowance)
        except MemoryLimitError as error:
            place = _instead(self._stack, error)
        return place.label(work, progress, allowance)

    def _resample(
        self, resampling: Resampling, out: NDArray[Any] | None, progress: Progress, allowance: Allowance
    ) -> tuple[NDArray[Any], int]:
        shape = self._stack.shape_of(resampling.shape)
        dtype = self._stack.dtype
        if out is None:
            nbytes = math.prod(shape) * dtype.itemsize + self._copied(resampling)
            allowance.require(nbytes + resampling.table_bytes + _RESCALE_SCRATCH)
            out = np.empty(shape, dtype)
        elif out.shape != shape or out.dtype != dtype or not (out.flags.c_contiguous and out.flags.writeable):
            kept = "" if out.flags.writeable else ", read-only"
            raise ParameterError(
                f"Got an out of shape {out.shape} and type {out.dtype}{kept}; needed is {shape} and {dtype}, "
                "C-contiguous, to be written to."
            )
        elif isinstance(self._stack.values, np.ndarray) and np.may_share_memory(out, self._stack.values):
            raise ParameterError("Got an out in the memory of the image; needed is one beside it, as np.empty makes.")
        return out, resample_volumes(self._engine, self._stack, resampling, out, progress)

    def _copied(self, resampling: Resampling) -> int:
        """Bytes of the volumes that an engine first turns into a type, an order of bytes or of voxels that it reads."""
        volume = math.prod(self._stack.volume_shape)
        at_a_time = self._engine.at_a_time(self._stack.count, volume)
        if self._stack.dtype == np.float16:
            return 4 * at_a_time * (volume + math.prod(resampling.shape))
        if self._stack.lies_ready:
            return 0
        return self._stack.dtype.itemsize * at_a_time * volume

    def _label(
        self, work: Callable[[VolumeSteps, int, Progress], T], progress: Progress, allowance: Allowance
    ) -> tuple[NDArray[np.int32], list[T]]:
        volume = math.prod(self._stack.volume_shape)
        at_a_time = self._engine.at_a_time(self._stack.count, volume)
        held = _label_bytes(volume, self._stack.count, at_a_time, allowance.held)
        allowance.require(held)
        out = np.empty(self._stack.values.shape, np.int32)
        indices = list(self._stack.indices())
        results: list[Any] = [None] * len(indices)

        def label(number: int, progress: Progress) -> None:
            index = indices[number]
            source = self._stack.volume(index)
            labels = self._stack.three_dimensional(out[index] if index else out)
            results[number] = over_volume(
                self._engine, source, labels, lambda steps: work(steps, number, progress), on_memory
            )

        def on_memory(nbytes: int) -> None:
            allowance.require(held + at_a_time * nbytes)

        if at_a_time > 1:
            whole = progress.whole("labels")
            self._engine.each(lambda number: label(number, progress.silent()), len(indices), whole)
        else:
            for number in range(len(indices)):
                label(number, progress)
        return out, results


class OnDevice:
    """Implements :class:`isoscale_ij.execution.protocol.Place` for one volume that is on a device already."""

    def __init__(self, stack: Stack, engine: Engine, device: DeviceSteps) -> None:
        self._stack, self._engine, self._device = stack, engine, device

    def resample(
        self, resampling: Resampling, out: NDArray[Any] | None, progress: Progress, allowance: Allowance
    ) -> tuple[Any, int]:
        if out is not None:
            return InMemory(self._stack, self._engine).resample(resampling, out, progress, allowance)
        progress.step("rescale")
        values = self._stack.values
        volume = self._stack.three_dimensional(values)
        try:
            made, bad = self._device.resample(volume, resampling.taps), self._device.not_finite(volume)
        except DeviceError as trouble:
            self._engine.gave_up("resampling a whole volume", trouble)
            here = np.empty(resampling.shape, volume.dtype)
            bad = resample_block(self._engine, np.asarray(volume), resampling.taps, here)
            made = self._device.sent(here, values)
        return made.reshape(*self._stack.shape_of(made.shape)), bad

    def label(
        self, work: Callable[[VolumeSteps, int, Progress], T], progress: Progress, allowance: Allowance
    ) -> tuple[Any, list[T]]:
        source = self._stack.three_dimensional(self._stack.values)
        held = _label_bytes(source.size, 1, 1, allowance.held)
        allowance.require(held)
        labels = np.empty(source.shape, np.int32)
        result = over_volume(
            self._engine, source, labels, lambda steps: work(steps, 0, progress),
            lambda nbytes: allowance.require(held + nbytes),
        )  # fmt: skip
        return self._device.sent(labels.reshape(self._stack.values.shape), self._stack.values), [result]


def over_volume(
    engine: Engine, source: Any, labels: NDArray[np.int32], work: Callable[[VolumeSteps], T], on_memory: OnMemory,
) -> T:  # fmt: skip
    """What `work` returns for the steps over `source` into `labels`; done again in smaller parts if a device fails."""
    device = engine.on_device
    if device and device.holds(source.shape, source.dtype):
        try:
            return work(OnDeviceSteps(engine, device, source, labels, on_memory))
        except DeviceError as trouble:
            engine.gave_up("a whole volume", trouble)
    return work(InMemorySteps(engine, np.asarray(source), labels, on_memory))


def _label_bytes(volume: int, count: int, at_a_time: int, held: int) -> int:
    """What labelling `count` volumes takes: all labels, and masks and held values of those that are done at a time."""
    return (4 * count + at_a_time * (1 + held)) * volume + _LABEL_SCRATCH

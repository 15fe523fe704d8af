"""Memory on a device and kernels that run there. Everything in this module needs pyopencl."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from importlib.resources import files
from threading import Lock
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import DTypeLike, NDArray

from isoscale_ij.engines.opencl_devices import Found

LIMIT = "ISOSCALE_OPENCL_MEMORY"
_SHARE = 0.7  # of the device's memory; the driver and others need some
_C_NAMES = {
    "b": "uchar", "u1": "uchar", "i1": "char", "u2": "ushort", "i2": "short", "u4": "uint", "i4": "int",
    "u8": "ulong", "i8": "long", "f4": "float", "f8": "double",
}  # fmt: skip


@dataclass(frozen=True)
class OnDevice:
    """An array in the memory of a device."""

    buffer: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def viewed_as(self, dtype: DTypeLike) -> OnDevice:
        """The same memory as another type of the same size."""
        return OnDevice(self.buffer, self.shape, np.dtype(dtype))


def c_name(dtype: np.dtype[Any]) -> str:
    """What OpenCL calls a type."""
    return _C_NAMES["b" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}"]


class Device:
    """A device with its queue, and the programs that were built for it; used by one thread at a time."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.lock = Lock()
        self._context = cl.Context([found.device])
        self._queue = cl.CommandQueue(self._context)
        self._kernels: dict[tuple[str, str], Any] = {}
        self._source = files("isoscale_ij.engines.opencl").joinpath("kernels.cl").read_text(encoding="utf-8")

    @property
    def budget(self) -> int:
        """Bytes that may be used at a time; the environment may allow less."""
        own = int(self.found.memory * _SHARE)
        limit = os.environ.get(LIMIT, "")
        return min(own, int(float(limit))) if limit else own

    def fits(self, total: int, largest: int) -> bool:
        """Whether arrays of `total` bytes, the largest of so many, find room."""
        return total <= self.budget and largest <= self.found.largest

    def push(self, values: NDArray[Any]) -> OnDevice:
        """A copy on the device."""
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        made = self.empty(values.shape, values.dtype)
        if values.nbytes:
            cl.enqueue_copy(self._queue, made.buffer, values)
        return made

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> OnDevice:
        """New memory on the device."""
        dtype = np.dtype(dtype)
        nbytes = max(1, int(np.prod(shape))) * dtype.itemsize
        return OnDevice(cl.Buffer(self._context, cl.mem_flags.READ_WRITE, nbytes), tuple(shape), dtype)

    def fetch(self, array: OnDevice, out: NDArray[Any] | None = None, first: int = 0) -> NDArray[Any]:
        """A copy here: of all, or of the slices from `first` on that `out` has room for."""
        if out is None:
            out = np.empty(array.shape, array.dtype)
        target = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        offset = first * (array.nbytes // max(1, array.shape[0]))
        cl.enqueue_copy(self._queue, target, array.buffer, src_offset=offset)
        if target is not out:
            out[...] = target
        return out

    def run(self, name: str, shape: tuple[int, ...], *arguments: Any, local: int | None = None, **types: str) -> None:
        """Run the kernel `name` over `shape` (z, y, x), with the given names for its types."""
        values = [argument.buffer if isinstance(argument, OnDevice) else argument for argument in arguments]
        size = tuple(int(n) for n in reversed(shape))
        self._kernel(name, types)(self._queue, size, None if local is None else (local,), *values)

    def zero(self, array: OnDevice) -> OnDevice:
        """Fill with zeros."""
        cl.enqueue_fill_buffer(self._queue, array.buffer, np.int32(0), 0, array.nbytes)
        return array

    def finish(self) -> None:
        """Wait until all that was asked for is done."""
        self._queue.finish()

    def _kernel(self, name: str, types: dict[str, str]) -> Any:
        known = {"SRC": "float", "ACC": "float", "DST": "float", **types}
        options = [part for key, value in known.items() for part in ("-D", f"{key}={value}")]
        if self.found.has_double:
            options += ["-D", "DOUBLE"]
        key = (name, " ".join(options))
        if key not in self._kernels:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cl.CompilerWarning)  # some drivers say what they have done
                program = cl.Program(self._context, self._source).build(options=options)
            self._kernels[key] = cl.Kernel(program, name)
        return self._kernels[key]

"""Memory on a device and kernels that run there. Everything in this module needs pyopencl."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from importlib.resources import files
from threading import Lock
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import DTypeLike, NDArray

from isoscale_ij.engines.opencl.devices import DeviceInfo, devices

LIMIT = "ISOSCALE_OPENCL_MEMORY"
_SHARE = 0.7  # of the device's memory; the driver and others need some
_C_NAMES = {
    "b": "uchar", "u1": "uchar", "i1": "char", "u2": "ushort", "i2": "short", "u4": "uint", "i4": "int",
    "u8": "ulong", "i8": "long", "f4": "float", "f8": "double",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """An array in the memory of a device; an image can hold one.

    Whatever asks for values gets a copy in this machine's memory.
    """

    buffer: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    device: Device
    kind: type[Any] | None = None  # the class of the array that it came as

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def viewed_as(self, dtype: DTypeLike) -> DeviceArray:
        """The same memory as another type of the same size."""
        return replace(self, dtype=np.dtype(dtype))

    def reshape(self, *shape: int) -> DeviceArray:
        """The same memory in another shape of the same size."""
        return replace(self, shape=shape)

    def get(self) -> NDArray[Any]:
        """The values."""
        return self.device.fetch(self)

    def as_array(self) -> Any:
        """The same memory as an array of pyopencl, or of the class that it came as (pyclesperanto-prototype's)."""
        from pyopencl.array import Array

        dtype = np.dtype(np.uint8) if self.dtype == np.bool_ else self.dtype
        return (self.kind or Array)(self.device.queue, self.shape, dtype, data=self.buffer)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return np.asarray(self.get(), dtype)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        """Functions of numpy work on a copy; that they are answered lets an image hold this array."""
        del types
        return function(*_fetched(arguments), **options)

    def __array_ufunc__(self, function: Any, method: str, *arguments: Any, **options: Any) -> Any:
        return getattr(function, method)(*_fetched(arguments), **options)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return np.asarray(self.get()[index])

    def transpose(self, *axes: Any) -> Any:
        """The values with other axes."""
        return self.get().transpose(*axes)


def _fetched(arguments: Any) -> Any:
    """The arguments with values in place of arrays on a device, in lists and tuples as well."""
    if isinstance(arguments, (list, tuple)):
        return type(arguments)(_fetched(argument) for argument in arguments)
    return arguments.get() if isinstance(arguments, DeviceArray) else arguments


def is_array(value: object) -> bool:
    """Whether a value is an array of pyopencl, or of a class made from it."""
    from pyopencl.array import Array

    return isinstance(value, Array)


def from_array(array: Any) -> DeviceArray:
    """The memory of an array of pyopencl or pyclesperanto-prototype; nothing is copied if it is contiguous."""
    if not array.flags.c_contiguous or array.offset:
        array = array.copy()
    if array.queue is not None:
        array.queue.finish()  # ours may be another one, which does not wait for it
    device = _device_of(array.context, array.queue)
    return DeviceArray(array.base_data, tuple(array.shape), np.dtype(array.dtype), device, type(array))


_devices_of_contexts: dict[int, Device] = {}


def _device_of(context: Any, queue: Any) -> Device:
    key = int(context.int_ptr)
    if key not in _devices_of_contexts:
        mine = queue.device if queue is not None else context.devices[0]
        info = next(info for info in devices() if info.device == mine)
        _devices_of_contexts[key] = Device(info, context, queue)
    return _devices_of_contexts[key]


def c_name(dtype: np.dtype[Any]) -> str:
    """What OpenCL calls a type."""
    return _C_NAMES["b" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}"]


class Device:
    """A device with its queue, and the programs that were built for it; used by one thread at a time."""

    def __init__(self, info: DeviceInfo, context: Any = None, queue: Any = None) -> None:
        self.info = info
        self.lock = Lock()
        self._context = context or cl.Context([info.device])
        self.queue = queue or cl.CommandQueue(self._context)
        self._kernels: dict[tuple[str, str], Any] = {}
        self._source = files("isoscale_ij.engines.opencl").joinpath("kernels.cl").read_text(encoding="utf-8")

    @property
    def budget(self) -> int:
        """Bytes that may be used at a time; the environment may allow less."""
        own = int(self.info.memory * _SHARE)
        limit = os.environ.get(LIMIT, "")
        return min(own, int(float(limit))) if limit else own

    def fits(self, total: int, largest: int) -> bool:
        """Whether arrays of `total` bytes, the largest of so many, find room."""
        return total <= self.budget and largest <= self.info.largest

    def push(self, values: NDArray[Any]) -> DeviceArray:
        """A copy on the device."""
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        made = self.empty(values.shape, values.dtype)
        if values.nbytes:
            cl.enqueue_copy(self.queue, made.buffer, values)
        return made

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """New memory on the device."""
        dtype = np.dtype(dtype)
        nbytes = max(1, int(np.prod(shape))) * dtype.itemsize
        return DeviceArray(cl.Buffer(self._context, cl.mem_flags.READ_WRITE, nbytes), tuple(shape), dtype, self)

    def fetch(self, array: DeviceArray, out: NDArray[Any] | None = None, first: int = 0) -> NDArray[Any]:
        """A copy here: of all, or of the slices from `first` on that `out` has room for."""
        if out is None:
            out = np.empty(array.shape, array.dtype)
        target = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        offset = first * (array.nbytes // max(1, array.shape[0]))
        cl.enqueue_copy(self.queue, target, array.buffer, src_offset=offset)
        if target is not out:
            out[...] = target
        return out

    def run(self, name: str, shape: tuple[int, ...], *arguments: Any, local: int | None = None, **types: str) -> None:
        """Run the kernel `name` over `shape` (z, y, x), with the given names for its types."""
        values = [argument.buffer if isinstance(argument, DeviceArray) else argument for argument in arguments]
        size = tuple(int(n) for n in reversed(shape))
        self._kernel(name, types)(self.queue, size, None if local is None else (local,), *values)

    def zero(self, array: DeviceArray) -> DeviceArray:
        """Fill with zeros."""
        cl.enqueue_fill_buffer(self.queue, array.buffer, np.int32(0), 0, array.nbytes)
        return array

    def finish(self) -> None:
        """Wait until all that was asked for is done."""
        self.queue.finish()

    def _kernel(self, name: str, types: dict[str, str]) -> Any:
        known = {"SRC": "float", "ACC": "float", "DST": "float", **types}
        options = [part for key, value in known.items() for part in ("-D", f"{key}={value}")]
        if self.info.has_double:
            options += ["-D", "DOUBLE"]
        key = (name, " ".join(options))
        if key not in self._kernels:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cl.CompilerWarning)  # some drivers say what they have done
                self._kernels[key] = cl.Kernel(cl.Program(self._context, self._source).build(options=options), name)
        return self._kernels[key]

"""Which OpenCL devices are here, whether they can be used, and which one is taken; works without pyopencl."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from isoscale_ij.errors import MissingDependencyError, ParameterError

CHOICE = "ISOSCALE_OPENCL_DEVICE"
INSTALL = (
    'pip install "isoscale-ij[opencl]", and a driver: for a GPU the one of its maker, for a processor '
    "PoCL (pip install pocl-binary-distribution)"
)
_TRIAL = "__kernel void trial(__global int *out) { out[get_global_id(0)] = 1; }"


@dataclass(frozen=True)
class DeviceInfo:
    """A device, and why it cannot be used where that is so."""

    name: str
    is_gpu: bool
    has_double: bool
    memory: int  # bytes, in all
    largest: int  # bytes of one array
    device: Any
    trouble: str = ""

    def __str__(self) -> str:
        kind = "GPU" if self.is_gpu else "processor"
        state = f"cannot be used: {self.trouble}" if self.trouble else f"{self.memory / 1e9:.0f} GB"
        return f"{self.name} ({kind}, {state})"


def is_installed() -> bool:
    """Whether pyopencl is; nothing is loaded."""
    return find_spec("pyopencl") is not None


@cache
def devices() -> tuple[DeviceInfo, ...]:
    """All devices of all drivers, each tried with a small kernel: a driver may be there and not know the hardware."""
    if not is_installed():
        return ()
    _keep_nothing_where_nothing_can_be_written()
    import pyopencl as cl

    try:
        platforms = cl.get_platforms()
    except cl.Error:  # no driver
        return ()
    return tuple(_found(device, platform.name) for platform in platforms for device in _devices_of(platform))


def choose(wanted: str | None = None) -> DeviceInfo:
    """The device whose name or number is `wanted`, or is in the environment; else a GPU, else any that can be used."""
    wanted = wanted or os.environ.get(CHOICE, "").strip()
    present = devices()
    if not is_installed():
        raise MissingDependencyError(f'Got engine="opencl", which needs pyopencl. Install it: {INSTALL}.')
    if not present:
        raise MissingDependencyError(f'Got engine="opencl", but there is no OpenCL driver here. Install: {INSTALL}.')
    listed = "; ".join(f"{number}: {device}" for number, device in enumerate(present))
    if wanted:
        matching = [
            device
            for number, device in enumerate(present)
            if wanted == str(number) or (not wanted.isdigit() and wanted.lower() in device.name.lower())
        ]
        if not matching:
            raise ParameterError(f"Got {CHOICE}={wanted!r}; here are {listed}. Give a part of a name, or a number.")
        present = tuple(matching)
    usable = sorted((device for device in present if not device.trouble), key=lambda device: not device.is_gpu)
    if not usable and wanted:
        raise MissingDependencyError(
            f"Got {CHOICE}={wanted!r}, a device that cannot be used ({'; '.join(map(str, present))}). Choose another "
            f"of {listed}, or install a newer driver."
        )
    if not usable:
        raise MissingDependencyError(
            f'Got engine="opencl", but no OpenCL device can be used here ({listed}). Install a newer driver, or: '
            f"{INSTALL}."
        )
    return usable[0]


def _keep_nothing_where_nothing_can_be_written() -> None:
    """Pyopencl fails where it cannot write the user's cache folder, unless it is told before it is loaded."""
    from platformdirs import user_cache_dir  # pyopencl's own way to find it

    folder = Path(user_cache_dir("pytools"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        os.environ.setdefault("PYOPENCL_NO_CACHE", "1")


def _devices_of(platform: Any) -> list[Any]:
    import pyopencl as cl

    try:
        return list(platform.get_devices())
    except cl.Error:  # a platform without devices says so by an error
        return []


def _found(device: Any, platform: str) -> DeviceInfo:
    import pyopencl as cl

    return DeviceInfo(
        name=f"{device.name.strip()} on {platform.strip()}",
        is_gpu=bool(device.type & cl.device_type.GPU),
        has_double="cl_khr_fp64" in device.extensions or bool(device.double_fp_config),
        memory=int(device.global_mem_size),
        largest=int(device.max_mem_alloc_size),
        device=device,
        trouble=_trouble(device),
    )


def _trouble(device: Any) -> str:
    import pyopencl as cl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cl.CompilerWarning)  # some drivers say what they have done
            cl.Program(cl.Context([device]), _TRIAL).build(cache_dir=False)
    except cl.Error as error:
        lines = [line for line in str(error).splitlines() if "error:" in line] or str(error).splitlines()[:1]
        return f"it compiles nothing ({lines[0].strip()})"
    return ""

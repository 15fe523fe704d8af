"""What the steps are computed with: one engine a kind of machine, chosen by name.

An engine implements :class:`isoscale_ij.engines.protocol.Engine`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from isoscale_ij.errors import ParameterError

if TYPE_CHECKING:  # the command line asks for the names alone: nothing heavy is loaded for them
    from isoscale_ij.engines.opencl.engine import OpenClEngine
    from isoscale_ij.engines.protocol import Engine

ENGINES = ("auto", "cpu", "opencl")
_WORTH_SENDING = 1 << 24  # voxels; smaller jobs are done by the processor before a GPU has its kernels


def get_engine(name: str = "auto", voxels: int = 0) -> Engine:
    """The engine called `name`; ``"auto"`` is the one that suits this machine, and a job of so many voxels, best.

    That is a GPU only where there is one and the job is large. OpenCL on a processor is never taken by itself: on
    the same cores the compiled kernels of the ``"cpu"`` engine are many times as fast.
    """
    if name == "opencl" or (name == "auto" and voxels >= _WORTH_SENDING and _gpu_is_meant()):
        from isoscale_ij.engines.opencl.devices import choose

        choose()  # says what is missing, before anything that needs it is loaded
        from isoscale_ij.engines.opencl.engine import opencl_engine

        return opencl_engine()
    if name in ("auto", "cpu"):
        from isoscale_ij.engines.cpu.engine import CpuEngine  # compiled code: loaded when first needed

        return CpuEngine()
    raise ParameterError(f"Got the engine {name!r}; needed is one of {', '.join(map(repr, ENGINES))}.")


def device_engine(values: object, name: str = "auto") -> OpenClEngine | None:
    """The engine where `values` are, if they are in a device's memory and may stay there; else None."""
    if name not in ("auto", "opencl") or type(values).__name__ != "OnDevice" or "pyopencl" not in sys.modules:
        return None  # for most images without loading anything
    from isoscale_ij.engines.opencl import engine as opencl

    return opencl.engine_of(values) if opencl.reads(values) else None  # type: ignore[arg-type]


def _gpu_is_meant() -> bool:
    """Whether there is a GPU, and no other device was chosen."""
    from isoscale_ij.engines.opencl.devices import choose, devices

    return any(device.is_gpu and not device.trouble for device in devices()) and choose().is_gpu

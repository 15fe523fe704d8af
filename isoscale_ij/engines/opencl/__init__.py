"""The same steps on an OpenCL device: :mod:`.engine` is the engine, :mod:`.devices` finds a device without pyopencl.

:mod:`.resident` has the steps on whole volumes that stay on the device, :mod:`.volumes` the kernels
that each step takes, :mod:`.running` memory and programs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isoscale_ij.engines.protocol import Engine

NAME = "opencl"
_WORTH_SENDING = 1 << 24  # voxels; smaller jobs are done by the processor before a GPU has its kernels


def usable() -> bool:
    """Whether there is a device that compiles kernels."""
    from isoscale_ij.engines.opencl.devices import devices

    return any(not device.trouble for device in devices())


def suits(voxels: int) -> bool:
    """Whether there is a GPU, no other device was chosen, and the job is large.

    OpenCL on a processor is never taken by itself: on the same cores the compiled kernels of the
    ``"cpu"`` engine are many times as fast.
    """
    if voxels < _WORTH_SENDING:
        return False
    from isoscale_ij.engines.opencl.devices import choose, devices

    return any(device.is_gpu and not device.trouble for device in devices()) and choose().is_gpu


def make() -> Engine:
    """The engine on the device that is meant now."""
    from isoscale_ij.engines.opencl.devices import choose

    choose()  # says what is missing, before anything that needs it is loaded
    from isoscale_ij.engines.opencl.engine import opencl_engine

    return opencl_engine()


def holding(values: object) -> Engine | None:
    """The engine on the device where `values` are, if it reads their type there."""
    if "pyopencl" not in sys.modules:  # for most images without loading anything
        return None
    from isoscale_ij.engines.opencl.engine import engine_of

    return engine_of(values)

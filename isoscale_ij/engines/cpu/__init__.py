"""The engine that every machine has: compiled kernels on the processor.

:mod:`.engine` is the engine; each of the other modules holds one step: numpy prepares it, a
compiled kernel does it over a range of slices, :mod:`.threads` runs the ranges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isoscale_ij.engines.protocol import Engine

NAME = "cpu"


def usable() -> bool:
    """It is part of this package."""
    return True


def suits(voxels: int) -> bool:
    """It does every job."""
    del voxels
    return True


def make() -> Engine:
    """The engine; its compiled code is loaded with it."""
    from isoscale_ij.engines.cpu.engine import CpuEngine

    return CpuEngine()


def holding(values: object) -> None:
    """Nothing: it has no memory of its own."""
    del values

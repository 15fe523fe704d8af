"""Which way a volume is driven: whole on a device where there is room, else through memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import Engine
from isoscale_ij.execution import VolumeSteps
from isoscale_ij.execution.in_memory import InMemorySteps

if TYPE_CHECKING:
    from isoscale_ij.engines.opencl.engine import OpenClEngine
    from isoscale_ij.engines.opencl.running import OnDevice

T = TypeVar("T")


def over_volume(
    engine: Engine, source: NDArray[np.generic] | OnDevice, offset: float, labels: NDArray[np.int32],
    work: Callable[[VolumeSteps], T],
) -> T:  # fmt: skip
    """What `work` returns for the steps over `source` into `labels`; done again in smaller parts if a device fails."""
    if engine.name == "opencl":
        from isoscale_ij.engines.opencl.engine import DeviceError
        from isoscale_ij.execution.on_device import OnDeviceSteps

        device = cast("OpenClEngine", engine)
        if device.holds(source.shape, source.dtype):
            try:
                return work(OnDeviceSteps(device, source, offset, labels))
            except DeviceError as trouble:
                device.give_up("a whole volume", trouble)
    return work(InMemorySteps(engine, np.asarray(source), offset, labels))

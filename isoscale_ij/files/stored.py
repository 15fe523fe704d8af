"""The values of a TIFF file, as they are stored in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


def stored_values(path: str, series: int = 0) -> NDArray[Any]:
    """The values of one series of a TIFF file, in the order in which they are stored."""
    with tifffile.TiffFile(path) as file:
        return np.asarray(file.series[series].asarray())

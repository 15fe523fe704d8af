"""How the steps of a segmentation are driven: over one block in memory, or over many.

:class:`VolumeSteps` is what the algorithm in :mod:`isoscale_ij.operations.segmentation` is written in.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import OnPart, Seeds
from isoscale_ij.engines.taps import FineTaps


class VolumeSteps(Protocol):
    """The steps over one (z, y, x) volume. Each works on what the steps before it have left."""

    def source_range(self) -> tuple[float, float]:
        """Lowest and highest value of the source."""

    def source_above(self, value: float) -> int:
        """How many values of the source are above `value`."""

    def blur(self, sigmas: tuple[float, float, float], on_part: OnPart | None) -> None:
        """Blur the source; what was blurred before is gone."""

    def extrema(self) -> tuple[float, float]:
        """Lowest and highest blurred value."""

    def histogram(self, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        """Histogram of the blurred values."""

    def keep_mask(self, threshold: float) -> int:
        """Remember which blurred values are strictly above the threshold; return how many."""

    def find_seeds(
        self, finer: tuple[int, int, int], taps: tuple[FineTaps, FineTaps, FineTaps], rounding: float
    ) -> Seeds:
        """Local maxima of the blurred values in the mask, on a finer grid where `taps` say so."""

    def assign(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        """Label the mask by nearest seed."""

    def lost(self, seeds: Seeds) -> NDArray[np.bool_]:
        """Which seeds are nearer to another seed's voxel than to one of their own."""

    def join_pieces(self, seeds: Seeds) -> None:
        """Leave every label in one piece."""

"""What operations ask of the place where an image's voxels lie, and of each of its volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import memory
from isoscale_ij.engines.protocol import OnPart, Seeds
from isoscale_ij.engines.taps import FineTaps
from isoscale_ij.execution.resampling import Resampling
from isoscale_ij.progress import Progress

T = TypeVar("T")

IN_CHUNKS = (
    "{what} made in chunks, since that would need more memory than is allowed; the values are lazy, a dask array. "
    "Write them, or look at a part."
)
"""What is said where an image in memory has a lazy result."""


@dataclass(frozen=True)
class Allowance:
    """The memory that a piece of work may take, and what is said where that is not enough.

    Attributes
    ----------
    limit : float, str or None
        As the user gave it; None: a share of what is free.
    what, mend : str
        What would need more, and what to do instead, for the message.
    held : int
        Bytes a voxel that the work holds beside the labels and the mask (see :meth:`VolumeSteps.keep_mask`).
    around : (int, int, int)
        Voxels on each side of one that are looked at for it, along z, y and x.
    """

    limit: float | str | None
    what: str
    mend: str
    held: int = 0
    around: tuple[int, int, int] = (0, 0, 0)

    def require(self, nbytes: int) -> None:
        """Raise a MemoryLimitError if that much is not allowed."""
        memory.require(nbytes, self.limit, self.what, self.mend)


class VolumeSteps(Protocol):
    """The steps over one (z, y, x) volume. Each works on what the steps before it have left."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels in z, y and x."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the source."""

    def not_finite(self) -> int:
        """How many values of the source are NaN or infinite."""

    def source_range(self) -> tuple[float, float]:
        """Lowest and highest value of the source."""

    def source_above(self, value: float) -> int:
        """How many values of the source are above `value`."""

    def take_off(self, offset: float) -> None:
        """From now on all blurred values are less by `offset`: large ones then keep their differences in float32."""

    def blur(self, sigmas: tuple[float, float, float], on_part: OnPart | None) -> None:
        """Blur the source; what was blurred before is gone."""

    def extrema(self) -> tuple[float, float]:
        """Lowest and highest blurred value."""

    def histogram(self, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        """Histogram of the blurred values; those outside the limits are counted in the first and the last bin."""

    def histograms(
        self, lowest: float, highest: float, bins: int, parts: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Callable[[int], NDArray[np.int64]]]:
        """The same, and, asked for by its number, that of one of its first bins: in as many bins as there are `parts`.

        `parts` are the limits of these first bins, rows of (lowest, highest).
        """

    def keep_mask(self, threshold: float, *, hold: bool = False) -> int:
        """Remember which blurred values are strictly above the threshold; return how many.

        With `hold`, the blurred values in the mask are remembered as well, for `flood`, `peaks` and `cut`.
        """

    def find_seeds(
        self, finer: tuple[int, int, int], taps: tuple[FineTaps, FineTaps, FineTaps], rounding: float
    ) -> Seeds:
        """Local maxima of the blurred values in the mask, on a finer grid where `taps` say so."""

    def heights(self, seeds: Seeds) -> NDArray[np.float32]:
        """The blurred values in which the seeds were found, at the voxels that they lie beside."""

    def assign(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        """Label the mask by nearest seed."""

    def flood(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        """Label the mask by flooding the held values from the seeds, no two of which lie beside one voxel."""

    def lost(self, seeds: Seeds) -> NDArray[np.bool_]:
        """Which seeds have no voxel: the one that each lies beside was given to another seed."""

    def join_pieces(self, seeds: Seeds) -> None:
        """Leave every label in one piece."""

    def peaks(self, count: int) -> NDArray[np.float32]:
        """The highest held value in each of the labels 0 … `count`."""

    def cut(self, limits: NDArray[np.float64]) -> None:
        """Of each label only what is strictly above its limit in the held values stays."""

    def keep_pieces(self, seeds: Seeds) -> None:
        """Of the labels only what hangs together with one of the seeds stays, numbered in their order."""

    def census(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Voxels of each of the labels 0 … `count`, and which of them touch the border."""

    def clear(self) -> None:
        """No labels at all."""


class Place(Protocol):
    """Where the voxels of an image lie. An image is one volume, or several along its leading axes (t, c)."""

    def resample(
        self, resampling: Resampling, out: NDArray[Any] | None, progress: Progress, allowance: Allowance
    ) -> tuple[Any, int]:
        """Every volume resampled: the values in the same place, and how many of the source's are NaN or infinite."""

    def label(
        self, work: Callable[[VolumeSteps, int, Progress], T], progress: Progress, allowance: Allowance
    ) -> tuple[Any, list[T]]:
        """Drive `work` (given the steps, the number of the volume, the progress) over every volume.

        Returns the labels that the steps have left, in the same place, and what `work` returned.
        """

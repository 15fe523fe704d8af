"""How volumes lie in the values of an image: along its leading axes, with or without z."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stack:
    """Values of an image in the order (t, c,) (z,) y, x.

    Attributes
    ----------
    values : array
        Here or elsewhere; whatever has a shape, a type, indices, and can be made an array.
    has_z : bool
    """

    values: Any
    has_z: bool

    @property
    def leading(self) -> tuple[int, ...]:
        """Sizes of the axes before (z, y, x)."""
        return tuple(self.values.shape[: -3 if self.has_z else -2])

    @property
    def volume_shape(self) -> tuple[int, int, int]:
        """Voxels of a volume in z, y, x."""
        z, y, x = (1, *self.values.shape)[-3:] if not self.has_z else self.values.shape[-3:]
        return (z, y, x) if self.has_z else (1, y, x)

    @property
    def is_single(self) -> bool:
        """Whether there is nothing but one volume."""
        return not self.leading

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, in this machine's byte order."""
        dtype: np.dtype[Any] = self.values.dtype
        return dtype.newbyteorder("=")

    @property
    def lies_ready(self) -> bool:
        """Whether the values lie in memory as kernels read them: in this machine's byte order, C-contiguous."""
        flags = getattr(self.values, "flags", None)
        return bool(flags is not None and flags.c_contiguous and self.values.dtype.isnative)

    @property
    def count(self) -> int:
        """How many volumes there are."""
        return math.prod(self.leading)

    def indices(self) -> Iterator[tuple[int, ...]]:
        """Where the volumes are, along the leading axes."""
        return product(*map(range, self.leading))

    def volume(self, index: tuple[int, ...]) -> NDArray[Any]:
        """One volume (z, y, x), in memory; not copied where it is there already."""
        values: NDArray[Any] = self.three_dimensional(np.asarray(self.values[index] if index else self.values))
        return values

    def three_dimensional(self, values: Any) -> Any:
        """The same values with a z axis."""
        return values if self.has_z else values.reshape(1, *values.shape)

    def shape_of(self, volume_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an image like this one whose volumes have another shape."""
        return (*self.leading, *(volume_shape if self.has_z else volume_shape[1:]))

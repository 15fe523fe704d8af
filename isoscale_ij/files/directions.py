"""Images that lie in space along directions of their own, and headers that hold them (NRRD, NIfTI, MRC)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError

_ALONG = 1e-4  # of a vector's length may lie across: what is left of rounding


def sizes_along(
    path: Path, vectors: Mapping[str, NDArray[np.float64]], origin: NDArray[np.float64] | None
) -> tuple[dict[str, float], dict[str, float]]:
    """The voxel size of each axis, and where the image begins.

    Parameters
    ----------
    path : Path
        As messages name it.
    vectors : mapping of str to array
        From each voxel to the next along an axis, in space.
    origin : array, optional
        The centre of the first voxel.

    Returns
    -------
    sizes, lower : dict of str to float
        `lower` are lower edges; none where an axis runs against space, or along another one.

    Raises
    ------
    FormatError
        If an axis of the image runs along no axis of space: distances along those would be wrong.

    Warns
    -----
    UserWarning
        If an axis runs along another one of space. That one runs against it (left and right of a patient) is usual.
    """
    sizes, along = {}, {}
    for axis, vector in vectors.items():
        length = float(np.linalg.norm(vector))
        main = int(np.argmax(np.abs(vector)))
        if length == 0:
            continue
        if np.abs(np.delete(vector, main)).max(initial=0.0) > _ALONG * length:
            raise FormatError(
                f"{path} lies aslant in space: along {axis}, a voxel leads to {vector.tolist()}. Needed is an image "
                "whose axes are those of space. Resample it with the program that it comes from, or save it without "
                "its directions."
            )
        sizes[axis], along[axis] = length, float(np.copysign(main + 1, vector[main]))
    straight = all(along[axis] == "xyz".index(axis) + 1 for axis in along)
    if any(abs(along[axis]) != "xyz".index(axis) + 1 for axis in along):
        way = ", ".join(f"{axis} along {'-' if to < 0 else ''}{'xyz'[int(abs(to)) - 1]}" for axis, to in along.items())
        remarks.warn(f"{path}: its axes do not run as those of space do ({way}). Voxels stay as they are stored.")
    if origin is None or not straight or not np.isfinite(origin).all():
        return sizes, {}
    return sizes, {axis: float(origin["xyz".index(axis)]) - size / 2 for axis, size in sizes.items()}


def of_single(number: float) -> float:
    """A number that was stored in single precision, without the digits that are not its own."""
    return float(f"{number:.7g}")

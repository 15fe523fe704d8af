"""Shapes of objects from sums over their voxels: how large their surface is, and how long they are, which way.

References
----------
Surface: G. Lehmann and D. Legland (2012), "Efficient N-dimensional surface estimation using Crofton formula and
run-length encoding", Insight Journal; D. Legland, K. Kiêu and M.-F. Devaux (2007), Image Anal. Stereol. 26, 83-92.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import SphericalVoronoi

_WHOLE = 2.0**20  # weights are whole numbers up to this, so that their sums are exact in any order
_AT_A_TIME = 1 << 14  # objects whose axes are found at once
_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # the order of a tally's products


def whole_weights(size: Sequence[float]) -> tuple[NDArray[np.int64], float]:
    """Crofton's weights (3, 3, 3) for a voxel's neighbours as whole numbers, and what they are multiples of.

    Crofton's formula: a surface is twice the mean, over all directions, of how often parallel lines cross it, times the
    area for each line. Lines go through neighbouring voxels: 13 directions in space, 4 in the plane (where it is the
    outline's length), each weighed by the part of the sphere (the circle) that is nearest to it.
    """
    exact = crofton_weights(size) if len(size) == 3 else np.zeros((3, 3, 3))
    if len(size) == 2:
        exact[1] = crofton_weights(size)
    unit = float(exact.max()) / _WHOLE
    return np.rint(exact / unit).astype(np.int64), unit


def crofton_weights(size: Sequence[float]) -> NDArray[np.float64]:
    """What one crossing between a voxel and each of its neighbours adds to the surface; voxels of any size."""
    steps = np.array([index for index in np.ndindex((3,) * len(size)) if index != (1,) * len(size)]) - 1
    lengths = np.linalg.norm(steps * np.asarray(size), axis=1)
    directions = steps * np.asarray(size) / lengths[:, None]
    if len(size) == 3:
        shares = SphericalVoronoi(directions).calculate_areas() / (4 * np.pi)
        factor = 4.0
    else:
        angles = np.arctan2(directions[:, 0], directions[:, 1])
        order = np.argsort(angles)
        gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
        shares = np.empty(len(steps))
        shares[order] = (gaps + np.roll(gaps, 1)) / (4 * np.pi)
        factor = np.pi
    weights = np.zeros((3,) * len(size))
    weights[tuple((steps + 1).T)] = factor * shares * np.prod(size) / lengths
    return weights


def principal_axes(
    count: NDArray[np.int64], index_sums: NDArray[np.int64], product_sums: NDArray[np.int64], size: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths of the axes of the ellipsoid (ellipse) with the same moments, and their directions, longest first.

    Of an object's voxel centres; the lengths are (axis, object), the directions (axis, zyx, object), of which the
    largest component is positive.
    """
    first = 3 - len(size)
    lengths = np.empty((len(size), len(count)))
    directions = np.empty((len(size), len(size), len(count)))
    for begin in range(0, len(count), _AT_A_TIME):
        some = slice(begin, begin + _AT_A_TIME)
        number = count[some]
        means = index_sums[some] / number[:, None]
        moments = np.empty((len(number), 3, 3))
        for column, (i, j) in enumerate(_PAIRS):
            moments[:, i, j] = moments[:, j, i] = product_sums[some, column] / number - means[:, i] * means[:, j]
        moments = moments[:, first:, first:] * np.outer(size, size)
        spread, axes = np.linalg.eigh(moments)
        lengths[:, some] = 2 * np.sqrt((len(size) + 2) * np.clip(spread[:, ::-1], 0, None)).T
        turned = axes.transpose(0, 2, 1)[:, ::-1]
        largest = np.take_along_axis(turned, np.abs(turned).argmax(axis=2)[..., None], axis=2)
        directions[..., some] = np.moveaxis(turned * np.where(largest < 0, -1, 1), 0, -1)
    return lengths, directions


def sphericity(surface: NDArray[np.float64], content: NDArray[np.float64], axes: int) -> NDArray[np.float64]:
    """The surface of the ball (the outline of the disk) of the same content, divided by the object's own."""
    ball = np.cbrt(36 * np.pi * content**2) if axes == 3 else 2 * np.sqrt(np.pi * content)
    return np.asarray(ball / surface)

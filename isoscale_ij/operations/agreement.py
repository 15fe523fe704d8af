"""How well two label images agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Agreement:
    """Objects of two label images that match each other.

    Attributes
    ----------
    matched : int
        Pairs of objects with an intersection over union of at least the threshold.
    only_reference, only_other : int
        Objects without a partner.
    """

    matched: int
    only_reference: int
    only_other: int

    @property
    def average_precision(self) -> float:
        """Matched / (matched + unmatched on either side); 1 where both images are empty."""
        total = self.matched + self.only_reference + self.only_other
        return self.matched / total if total else 1.0


def agreement(reference: NDArray[np.integer], other: NDArray[np.integer], threshold: float = 0.5) -> Agreement:
    """Match the objects of two label images of the same shape, one to one.

    The measure is average precision as in Caicedo et al. (2019), Nature Methods 16, 1247-1253.
    """
    pairs, counts = overlaps(_numbered(reference), _numbered(other))
    number_reference, size_reference = _sizes(pairs[:, 0], counts)
    number_other, size_other = _sizes(pairs[:, 1], counts)
    both = (pairs > 0).all(axis=1)
    one, two, shared = pairs[both, 0], pairs[both, 1], counts[both]
    union = (size_reference + size_other)[both] - shared
    overlap = shared / union
    good = overlap >= threshold
    return Agreement(
        matched := _matching(one[good], two[good], overlap[good]),
        number_reference - matched,
        number_other - matched,
    )


def _numbered(labels: NDArray[np.integer]) -> NDArray[np.integer]:
    """The same objects, with numbers of which pairs fit into an integer."""
    if labels.max(initial=0) <= np.iinfo(np.int32).max:
        return labels
    return np.asarray(np.searchsorted(np.union1d(np.zeros(1, labels.dtype), labels), labels))


def overlaps(one: NDArray[np.integer], two: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of labels that share voxels, and how many; slice by slice, to keep memory low."""
    columns = int(two.max(initial=0)) + 1
    keys, counts = [], []
    for plane_one, plane_two in zip(one, two, strict=True):
        key, count = np.unique(plane_one.astype(np.int64) * columns + plane_two, return_counts=True)
        keys.append(key)
        counts.append(count)
    key, where = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.bincount(where, np.concatenate(counts)).astype(np.int64)
    return np.stack([key // columns, key % columns], axis=1), total


def _sizes(labels: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """How many objects there are, and the size of that of each pair."""
    present, where = np.unique(labels, return_inverse=True)
    return int(np.count_nonzero(present)), np.bincount(where, counts).astype(np.int64)[where]


def _matching(one: NDArray[np.int64], two: NDArray[np.int64], overlap: NDArray[np.float64]) -> int:
    """The size of the best one-to-one matching; above 1/2 no object has two partners, at 1/2 it may."""
    if len(np.unique(one)) == len(one) and len(np.unique(two)) == len(two):
        return len(one)
    one, two = np.unique(one, return_inverse=True)[1], np.unique(two, return_inverse=True)[1]
    rows, columns = one.max() + 1, two.max() + 1
    graph = coo_array((np.ones(len(one)), (one, two + rows)), shape=(rows + columns,) * 2)
    _, group = connected_components(graph, directed=False)
    matched = 0
    for number in np.unique(group):
        here = group[one] == number
        i, j = np.unique(one[here], return_inverse=True)[1], np.unique(two[here], return_inverse=True)[1]
        weight = np.zeros((i.max() + 1, j.max() + 1))
        weight[i, j] = 1 + overlap[here]
        chosen = linear_sum_assignment(weight, maximize=True)
        matched += int(np.count_nonzero(weight[chosen]))
    return matched

"""Labels that nobody marked: whether values look like some, what is said where they would be blended, as integers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.errors import ParameterError
from isoscale_ij.image.calibration import is_labels
from isoscale_ij.remarks import Remark

_NAMES = re.compile(r"(?<![^\W_])(masks?|labels?|segmentation)(?![^\W_])", re.IGNORECASE)
_SLICES, _ROWS = 4, 32  # of a volume, that are looked at
_FLAT = 0.6  # of the neighbours in x that are equal: labels have more, grey values fewer,
_BY_ONE = 0.6  # or, where they are smooth, most of the others differ by one
_FEWEST_PAIRS = 32


def looks_like_labels(image: xr.DataArray) -> bool:
    """Whether an image without a mark looks like labels: by its name, or because whole objects have one value.

    A sample of its rows is looked at. Real numbers count if they are whole; truth values do not.
    """
    if is_labels(image):
        return True
    if image.dtype.kind not in "iuf" or "c" in image.dims or not isinstance(image.data, np.ndarray):
        return False
    rows = _sample(image)
    if rows.min() < 0 or (rows.dtype.kind == "f" and (not np.isfinite(rows).all() or (rows % 1).any())):
        return False
    if image.name is not None and _NAMES.search(str(image.name)) and rows.dtype.kind != "f":
        return True
    pairs, changes = _neighbours(rows)
    count = int(np.count_nonzero(changes))
    if pairs < _FEWEST_PAIRS or count > (1 - _FLAT) * pairs:
        return False
    steps = np.abs(np.subtract(rows[..., :-1][changes], rows[..., 1:][changes], dtype=np.float64))
    return int(np.count_nonzero(steps <= 1)) <= _BY_ONE * count


def _neighbours(rows: NDArray[Any]) -> tuple[int, NDArray[np.bool_]]:
    """How many pairs of neighbours in x there are, and which of them differ.

    Pairs of which both are the lowest or the highest value do not count: a background, and what is saturated,
    is flat in any image.
    """
    between = (rows > rows.min()) & (rows < rows.max())
    pairs = between[..., :-1] | between[..., 1:]
    left, right = rows[..., :-1], rows[..., 1:]
    return int(np.count_nonzero(pairs)), ((left < right) | (left > right)) & pairs


def remark_of_blending(image: xr.DataArray, interpolation: str) -> list[Remark]:
    """What is said where an interpolation would make up values between what looks like labels."""
    if interpolation == "nearest" or not looks_like_labels(image):
        return []
    return [
        Remark(
            f"The image looks like labels, and {interpolation} interpolation makes up values between them. If they are "
            'labels, say interpolation="nearest" (command line: --labels).'
        )
    ]


def whole_numbers(values: NDArray[Any]) -> NDArray[np.integer]:
    """Labels as integers; as they are, if they are that.

    Raises
    ------
    ParameterError
        If they are no whole numbers of 0 or more.
    """
    whole: NDArray[np.integer] = as_integers(values)
    check_labels(whole)
    return whole


def as_integers(values: Any) -> Any:
    """Labels as integers; as they are, and not looked at, if they are that.

    Raises
    ------
    ParameterError
        If they are of a real type and no whole numbers.
    """
    if values.dtype.kind != "f":
        return values
    lowest, highest = values.min(), values.max()
    # what other programs write that have no large integers
    if not np.isfinite(highest - lowest) or any((plane % 1).any() for plane in values):
        raise ParameterError(
            f"Got labels of type {values.dtype}, from {lowest:g} to {highest:g}, that are no whole numbers; needed "
            "are integers. Is it the image? Labels come first: measure(labels, image)."
        )
    return values.astype(np.int32 if highest <= np.iinfo(np.int32).max else np.int64)


def check_labels(values: Any) -> None:
    """Raise a ParameterError for a label below 0."""
    lowest = values.min()
    if lowest < 0:
        raise ParameterError(f"Got the label {lowest:g}; needed are labels of 0 or more.")


def _sample(image: xr.DataArray) -> NDArray[np.generic]:
    """Some rows of the middle slices, those of an image of another order of axes included."""
    values = (image if image.dims[-2:] == ("y", "x") else image.transpose(..., "y", "x")).data
    values = values.reshape(-1, *values.shape[-2:]) if values.ndim != 3 else values
    slices = np.linspace(0, len(values) - 1, min(_SLICES, len(values))).astype(int)
    step = -(-values.shape[1] // _ROWS)
    return np.stack([values[z, ::step] for z in dict.fromkeys(slices.tolist())])

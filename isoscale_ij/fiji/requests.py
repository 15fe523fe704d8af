"""What Fiji's dialogs say, as arguments of the operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xarray as xr

from isoscale_ij.errors import CalibrationError, ParameterError
from isoscale_ij.image.calibration import voxel_size
from isoscale_ij.image.units import VOXEL, canonical_unit, is_length, is_time
from isoscale_ij.operations.choices import THRESHOLDS

_SET = "Set it with Plugins > IsoScale > Set Voxel Size"


def length(value: Any, unit: str) -> float | str:
    """A length of a dialog: in the image's own unit, in voxels, or in a unit; or the word auto, for a sigma."""
    if value == "auto":
        return "auto"
    if unit in ("image", "image unit", ""):
        return float(value)
    return f"{float(value)!r} {'px' if unit == 'voxels' else unit}"


def new_voxel_size(image: xr.DataArray, options: dict[str, Any]) -> float | str:
    """The target of a rescaling."""
    _require_voxel_size(image, ".")
    target = str(options["target"])
    if target != "own":
        return target
    if not float(options["size"]) > 0:
        raise ParameterError(f"Got the voxel size {options['size']}; needed is a number above 0.")
    return length(options["size"], str(options["unit"]))


def sigmas(image: xr.DataArray, options: dict[str, Any]) -> tuple[float | str, float | str]:
    """Spot and outline sigma."""
    unit = str(options["unit"])
    if unit != "voxels":
        _require_voxel_size(image, ", or give the sigmas in voxels.")
    return length(options["spot"], unit), length(options["outline"], unit)


def outlines(options: dict[str, Any]) -> dict[str, Any]:
    """Where objects end: the threshold, and the borders between them."""
    threshold = str(options.get("threshold", "otsu")).strip() or "otsu"
    borders = str(options.get("borders", "distance"))
    if threshold.lower() in THRESHOLDS:
        return {"threshold": threshold.lower(), "borders": borders}
    try:
        return {"threshold": float(threshold.replace(",", ".")), "borders": borders}
    except ValueError:
        raise ParameterError(
            f"Got the threshold {threshold}; needed is {', '.join(THRESHOLDS)}, or a grey value."
        ) from None


def set_sizes(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `set_voxel_size`; 0 keeps what the image has."""
    changes: dict[str, Any] = {
        axis: float(options[axis]) for axis in ("x", "y", "z", "t") if float(options.get(axis) or 0) > 0
    }
    if not changes:
        raise ParameterError("Got no size; needed is at least one above 0. Fill in x, y or z.")
    if any(axis in changes for axis in "xyz"):
        changes["unit"] = _known(options.get("unit"), is_length, "um, nm, mm, cm, m, inch or pixel")
    if "t" in changes:
        changes["time_unit"] = _known(options.get("time"), is_time, "s, ms, min or h")
    return changes


def _known(spelling: Any, right: Callable[[str | None], bool], needed: str) -> str | None:
    unit = str(spelling or "").strip() or None
    known = canonical_unit(unit)
    if known is not None and known != VOXEL and not right(known):
        raise ParameterError(f"Got the unit {unit}; needed is {needed}.")
    return unit


def _require_voxel_size(image: xr.DataArray, otherwise: str) -> None:
    if not voxel_size(image):
        raise CalibrationError(f"The image has no voxel size. {_SET}{otherwise}")

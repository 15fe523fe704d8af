"""TIFFs of microscopes with a calibration of their own that tifffile understands: Zeiss LSM and MetaMorph STK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from isoscale_ij import remarks
from isoscale_ij.files import times
from isoscale_ij.files.tiff import plain, tags
from isoscale_ij.files.tiff.patching import Value
from isoscale_ij.image.calibration import CalibrationWarning
from isoscale_ij.image.header import Axis, Header
from isoscale_ij.image.units import micrometers

if TYPE_CHECKING:
    import xarray as xr

_EQUAL = 1e-3
_LEAST = 1e-12  # metres: less than an atom


def speaks(file: tifffile.TiffFile) -> bool:
    """Whether it is an LSM or an STK file."""
    return bool(file.is_lsm or file.is_stk)


def header(file: tifffile.TiffFile, index: int) -> Header:
    """What the microscope's program says of the image."""
    described = plain.header(file, index)
    if not file.is_lsm:
        described.axes = _stk(file.stk_metadata or {})
        return described
    metadata = file.lsm_metadata or {}
    described.axes = _lsm(metadata)
    names = (metadata.get("ChannelColors") or {}).get("ColorNames") or []
    if len(names) == dict(zip(described.dims, described.shape, strict=True)).get("c", 1):
        if len(names) > 1:
            described.channels = [str(each) for each in names]
        elif names[0]:
            described.attrs["channel"] = str(names[0])
    return described


def changes(file: tifffile.TiffFile, index: int, image: xr.DataArray) -> dict[int, Value]:  # noqa: ARG001
    """Nothing of that can be changed."""
    raise tags.refusal(file.filehandle.path, "it is in the tags of a microscope's program, which are left alone")


def _lsm(metadata: dict[str, Any]) -> dict[str, Axis]:
    """CZ_LSMINFO has metres and seconds; where it knows nothing 0, or next to nothing (1e-19 m)."""
    sizes = {axis: metadata.get(f"VoxelSize{axis.upper()}") for axis in "zyx"}
    axes = {axis: Axis(micrometers(size), "micrometer") for axis, size in sizes.items() if size and abs(size) > _LEAST}
    stamps = np.ravel(metadata.get("TimeStamps", [])).tolist()
    axes["t"] = Axis(metadata.get("TimeIntervall") or times.regular_step(stamps), "second")
    return {axis: known for axis, known in axes.items() if known.size}


def _stk(metadata: dict[str, Any]) -> dict[str, Axis]:
    """The UIC tags have a size of pixels with its unit, and a distance for each plane, in micrometers."""
    unit = metadata.get("CalibrationUnits")
    axes = {
        axis: Axis(float(metadata[f"{axis.upper()}Calibration"]), str(unit) if unit else None)
        for axis in "xy"
        if metadata.get(f"{axis.upper()}Calibration")
    }
    distances = np.abs(np.ravel(metadata.get("ZDistance", [])).astype(float))
    if distances.size and distances.any():
        if np.ptp(distances) > _EQUAL * distances.max():
            remarks.warn(
                f"The distances of planes are from {distances.min():g} to {distances.max():g} um; needed are equal "
                "ones. The axis z is treated as uncalibrated; set its size with set_voxel_size.",
                CalibrationWarning,
            )
        else:
            axes["z"] = Axis(float(distances[0]), "um")
    return axes

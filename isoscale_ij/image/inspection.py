"""What an image is, in a form that prints well; and what looks wrong with its calibration."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from isoscale_ij import hypertext
from isoscale_ij.carrying import takes_images
from isoscale_ij.image.axes import CALIBRATED, SPATIAL, channel_names
from isoscale_ij.image.calibration import as_image, axis_unit, is_labels, length_unit, lower_edge, spacing, voxel_size
from isoscale_ij.image.units import convert, is_length, symbol
from isoscale_ij.memory import format_bytes
from isoscale_ij.wording import short

_EXTREME_ANISOTROPY = 100.0
_SMALLEST, _LARGEST = 1e-4, 1e5  # micrometers: an atom; ten centimeters
_METERS = 1e-4  # a number without a unit below it is one of metres
_SCREEN = (25.4 / 72, 25.4 / 96)  # mm: what programs write that know no resolution


@dataclass(frozen=True)
class ImageInfo:
    """Shape, type and calibration of an image.

    Attributes
    ----------
    name : str or None
    shape : tuple of int
    dims : tuple of str
    dtype : dtype
    voxel_size : dict
        Of the calibrated ones of z, y, x.
    units : dict
        The unit of each calibrated axis, None where it has none.
    extent : dict
        Voxel size times number of voxels, of the calibrated axes.
    origin : dict
        Lower edge of the calibrated axes.
    anisotropy : float or None
        Largest / smallest voxel size.
    channels : list of str
        Also that of an image of a single one, where its file names it (``attrs["channel"]``).
    kind : str
        ``"labels"`` or ``"intensities"``.
    nbytes : int
    remarks : list of str
        What looks wrong with the calibration.
    """

    name: str | None
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    dtype: np.dtype[Any]
    voxel_size: dict[str, float]
    units: dict[str, str | None]
    extent: dict[str, float]
    origin: dict[str, float]
    anisotropy: float | None
    channels: list[str]
    kind: str
    nbytes: int
    remarks: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self) | {"dtype": str(self.dtype)}

    def __str__(self) -> str:
        return "\n".join(f"{what + ':':12} {text}" for what, text in self._rows())

    def _repr_html_(self) -> str:
        return hypertext.pairs("Image" if self.kind != "labels" else "Labels", self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("name", self.name or ""),
            ("shape", f"{self.shape} ({' '.join(self.dims)}), {self.dtype}, {format_bytes(self.nbytes)}"),
            ("kind", self.kind),
        ]
        for what, lengths in (("voxel size", self.voxel_size), ("extent", self.extent), ("origin", self.origin)):
            if what != "origin" or any(abs(value) > 0 for value in lengths.values()):
                rows.append((what, self._lengths(lengths) or "not known (uncalibrated)"))
        if self.anisotropy is not None:
            rows.append(("anisotropy", f"{self.anisotropy:.4g}"))
        if self.channels:
            rows.append(("channels", ", ".join(self.channels)))
        rows += [("remark", remark) for remark in self.remarks]
        return rows

    def _lengths(self, lengths: dict[str, float]) -> str:
        return ", ".join(
            f"{axis} {short(value)} {symbol(self.units.get(axis))}".rstrip() for axis, value in lengths.items()
        )


@takes_images("image", values=False)
def info(image: Any) -> ImageInfo:
    """Shape, type and calibration of an image; nothing is computed.

    Examples
    --------
    >>> import numpy as np
    >>> about = info(as_image(np.zeros((37, 118, 132), np.uint8), voxel_size=(4, 0.82864, 0.82864), unit="um"))
    >>> round(about.anisotropy, 2), about.extent["z"]
    (4.83, 148.0)
    """
    image = as_image(image)
    sizes = voxel_size(image)
    calibrated = [axis for axis in CALIBRATED if spacing(image, axis) is not None]
    return ImageInfo(
        name=None if image.name is None else str(image.name),
        shape=image.shape,
        dims=tuple(map(str, image.dims)),
        dtype=image.dtype,
        voxel_size=sizes,
        units={axis: axis_unit(image, axis) for axis in calibrated},
        extent={axis: (spacing(image, axis) or 0.0) * image.sizes[axis] for axis in calibrated},
        origin={axis: lower_edge(image, axis) for axis in calibrated},
        anisotropy=max(sizes.values()) / min(sizes.values()) if len(sizes) > 1 else None,
        channels=channel_names(image) or [str(image.attrs[name]) for name in ("channel",) if name in image.attrs],
        kind="labels" if is_labels(image) else "intensities",
        nbytes=math.prod(image.shape) * image.dtype.itemsize,
        remarks=remarks(image),
    )


def remarks(image: xr.DataArray) -> list[str]:
    """What looks wrong with the calibration, a sentence each."""
    sentences = []
    sizes = voxel_size(image)
    axes = [axis for axis in SPATIAL if axis in image.dims and image.sizes[axis] > 1]
    missing = [axis for axis in axes if axis not in sizes]
    if missing and len(missing) < len(axes):
        sentences.append(
            f"There is a voxel size on {', '.join(sizes)}, but none on {', '.join(missing)}. "
            "Set it with set_voxel_size."
        )
    elif missing:
        sentences.append("The image has no calibration. Set it with set_voxel_size.")
    unit = length_unit(image)
    if sizes and unit is None:
        what = "of 1" if set(sizes.values()) == {1.0} else f"of {list(sizes.values())[-1]:g}"
        meant = " Metres may be meant." if min(sizes.values()) < _METERS else ""
        sentences.append(
            f"The image has a voxel size {what} without a unit; is that right?{meant} Set it with set_voxel_size."
        )
    if sizes and unit is not None and not is_length(unit):
        sentences.append(
            f"The unit {unit!r} is not known; it is kept as it is, but lengths in other units cannot be converted into "
            "it. Name a known one with set_voxel_size(…, unit=…)."
        )
    if len(sizes) > 1 and max(sizes.values()) > _EXTREME_ANISOTROPY * min(sizes.values()):
        sentences.append(
            f"The largest voxel size is {max(sizes.values()) / min(sizes.values()):.4g} times the smallest; "
            "are the units right? Set them with set_voxel_size."
        )
    if sizes and is_length(unit):
        micrometers = {axis: convert(size, unit, "micrometer") for axis, size in sizes.items()}
        odd = [axis for axis, size in micrometers.items() if not _SMALLEST <= size <= _LARGEST]
        if odd:
            shown = ", ".join(f"{axis} {sizes[axis]:g} {symbol(unit)}" for axis in odd)
            small = micrometers[odd[0]] < _SMALLEST
            why = "less than an atom has; are they metres?" if small else "hardly a microscope's; is the unit right?"
            sentences.append(f"The voxel size {shown} is {why} Set it with set_voxel_size.")
    if "x" in sizes and is_length(unit):
        millimeters = convert(sizes["x"], unit, "millimeter")
        if any(abs(millimeters - size) < 1e-3 * size for size in _SCREEN):
            sentences.append(
                f"The voxel size is that of a screen ({25.4 / millimeters:.0f} dpi), hardly that of a microscope. "
                "Set it with set_voxel_size."
            )
    return sentences

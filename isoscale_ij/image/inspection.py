"""What an image is, in a form that prints well; and what looks wrong with its calibration."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isoscale_ij import hypertext
from isoscale_ij.carrying import takes_images
from isoscale_ij.image.axes import channel_names
from isoscale_ij.image.calibration import as_image, is_labels
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.header import Header
from isoscale_ij.image.units import convert, is_length, symbol
from isoscale_ij.memory import format_bytes
from isoscale_ij.wording import short

if TYPE_CHECKING:
    import xarray as xr

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
    return _described(Grid.of(image), image, channel_names(image))


def info_of_header(header: Header) -> ImageInfo:
    """What :func:`info` says of the image; none is made."""
    return _described(header.grid(), header, header.channel_names)


def _described(grid: Grid, about: xr.DataArray | Header, channels: list[str]) -> ImageInfo:
    sizes, attrs = grid.voxel_size, about.attrs
    return ImageInfo(
        name=None if about.name is None else str(about.name),
        shape=grid.shape,
        dims=tuple(grid.sizes),
        dtype=about.dtype,
        voxel_size=sizes,
        units=dict(grid.units),
        extent={axis: size * grid.sizes[axis] for axis, size in grid.spacings.items()},
        origin=dict(grid.edges),
        anisotropy=max(sizes.values()) / min(sizes.values()) if len(sizes) > 1 else None,
        channels=channels or [str(attrs[name]) for name in ("channel",) if name in attrs],
        kind="labels" if is_labels(about) else "intensities",
        nbytes=math.prod(grid.shape) * about.dtype.itemsize,
        remarks=remarks(grid),
    )


def remarks(grid: Grid) -> list[str]:
    """What looks wrong with the calibration, a sentence each."""
    sentences = []
    sizes = grid.voxel_size
    axes = [axis for axis in grid.spatial if grid.sizes[axis] > 1]
    missing = [axis for axis in axes if axis not in sizes]
    if missing and len(missing) < len(axes):
        sentences.append(
            f"There is a voxel size on {', '.join(sizes)}, but none on {', '.join(missing)}. "
            "Set it with set_voxel_size."
        )
    elif missing:
        sentences.append("The image has no calibration. Set it with set_voxel_size.")
    unit = grid.unit
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

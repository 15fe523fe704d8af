"""ScanImage's TIFF: settings in lines of Matlab, of version 3 to now; channels, repeats and slices in one row of pages.

Of a fast volume, pages of the way back are no slices. What was set and not used (``numSlices`` without a stack) does
not count.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import ifds, reading, tags
from isoscale_ij.files.tiff.patching import Value
from isoscale_ij.image.header import Axis, Header

if TYPE_CHECKING:
    import xarray as xr

_LINE = re.compile(r"(?:scanimage\.)?(?:SI\d?|state)\.(\S+?)\s*=\s*(.*)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|Inf|NaN)")


def speaks(file: tifffile.TiffFile) -> bool:
    """Whether ScanImage wrote the file."""
    return bool(file.is_scanimage)


class _Settings:
    """The lines ``SI.hStackManager.numSlices = 11``, asked for by the end of their names."""

    def __init__(self, page: Any) -> None:
        text = page.software if page.software.startswith("SI.") else page.description
        matches = (_LINE.match(line.strip()) for line in re.split("[\r\n]+", text))
        self._values = {match[1]: match[2] for match in matches if match}

    def numbers(self, *names: str) -> list[float]:
        """The numbers of the first of these settings that is there."""
        text = next((self._values[name] for name in names if name in self._values), "")
        return [float(number) for number in _NUMBER.findall(text)]

    def number(self, *names: str, default: float = math.nan) -> float:
        """The first of them."""
        return next(iter(self.numbers(*names)), default)

    def true(self, *names: str) -> bool:
        """Whether one of these settings is on."""
        return any(self._values.get(name, "").lower() in ("true", "1") for name in names)

    def texts(self, name: str) -> list[str]:
        """The texts of a setting."""
        return re.findall(r"'([^']*)'", self._values.get(name, ""))

    def known(self, name: str) -> bool:
        """Whether there is such a setting."""
        return name in self._values


@dataclass(frozen=True)
class _Layout:
    """How many of each there are; pages of a volume beyond `slices` x `repeats` are the way back."""

    channels: int
    slices: int
    repeats: int
    frames_per_volume: int
    volumes: int


def header(file: tifffile.TiffFile, index: int) -> Header:
    """What ScanImage says of its image."""
    page, series = file.pages.first, file.series[index]
    settings = _Settings(page)
    layout = _layout(file, settings)
    count = layout.volumes * layout.repeats
    pages = [
        ((volume * layout.frames_per_volume + z * layout.repeats + repeat) * layout.channels + c)
        for volume in range(layout.volumes)
        for repeat in range(layout.repeats)
        for z in range(layout.slices)
        for c in range(layout.channels)
    ]
    sizes = {"t": count, "z": layout.slices, "c": layout.channels}
    outer = {axis: size for axis, size in sizes.items() if size > 1}
    dims = (*outer, *page.axes.lower())
    shape = (*outer.values(), *page.shape)
    reading.check_dims(file, dims, shape)
    load = reading.loader(file, index, dims, shape, pages)
    described = Header(dims, shape, np.dtype(series.dtype), load, _axes(settings, layout, page))
    saved = [int(number) for number in settings.numbers("hChannels.channelSave", "channelsSave")]
    names = settings.texts("hChannels.channelName")
    if layout.channels > 1 and saved and max(saved) <= len(names):
        described.channels = [names[number - 1] for number in saved]
    return described


def changes(file: tifffile.TiffFile, index: int, image: xr.DataArray) -> dict[int, Value]:  # noqa: ARG001
    """Nothing of that can be changed."""
    raise tags.refusal(file.filehandle.path, "it is in the settings of ScanImage, which are left alone")


def _check_pages(file: tifffile.TiffFile) -> None:
    """Of old files the reader guesses the places of pages from those of the first two."""
    path = Path(str(file.filehandle.path))
    with path.open("rb") as plain:
        layout = ifds.layout(plain.read(4))
        count = 0 if layout is None else ifds.count(plain, layout)
    if count != len(file.pages):
        raise FormatError(f"{path} has {count} pages, and {len(file.pages)} were found. Save it as OME-TIFF.")


def _layout(file: tifffile.TiffFile, settings: _Settings) -> _Layout:
    _check_pages(file)
    pages = len(file.pages)
    channels = len(settings.numbers("hChannels.channelSave", "channelsSave")) or sum(
        settings.true(f"acq.savingChannel{number}") for number in range(1, 5)
    )
    channels = max(1, channels)
    frames = pages // channels
    if frames * channels != pages:
        raise FormatError(f"{file.filehandle.path} has {pages} pages, which {channels} channels do not divide.")
    slices, repeats, per_volume = 1, 1, 0
    if settings.true("hStackManager.enable", "hFastZ.enable", "fastZEnable"):
        slices = _count(settings.number("hStackManager.actualNumSlices", "hStackManager.numSlices", "stackNumSlices"))
        repeats = _count(settings.number("hStackManager.framesPerSlice", "acqNumFrames"))
        per_volume = _count(settings.number("hStackManager.numFramesPerVolumeWithFlyback"), 0)
        if not per_volume and settings.true("hFastZ.enable", "fastZEnable"):
            per_volume = _count(settings.number("hFastZ.numFramesPerVolume"), 0)
            repeats = 1
    elif not settings.known("hStackManager.enable"):  # before version 5
        slices = _count(settings.number("acq.numberOfZSlices", "stackNumSlices"))
        repeats = 1 if settings.true("acq.averaging") else _count(settings.number("acq.numberOfFrames", "acqNumFrames"))
    if slices == 1:  # a series of frames, however many were asked for
        return _Layout(channels, 1, 1, 1, frames)
    per_volume = max(per_volume, slices * repeats)
    volumes = frames // per_volume
    if not volumes and frames == slices:  # repeats were averaged before they were stored
        repeats, per_volume, volumes = 1, slices, 1
    if not volumes:
        raise FormatError(
            f"{file.filehandle.path} is not complete: it has {frames} of the {per_volume} frames of a volume."
        )
    if volumes * per_volume < frames:
        remarks.warn(
            f"{file.filehandle.path}: the last volume was not finished, {frames - volumes * per_volume} of "
            f"{per_volume} frames of it are there; it is left out."
        )
    return _Layout(channels, slices, repeats, per_volume, volumes)


def _count(number: float, otherwise: int = 1) -> int:
    return int(number) if 1 <= number < 1 << 24 else otherwise


def _axes(settings: _Settings, layout: _Layout, page: Any) -> dict[str, Axis]:
    axes = {}
    step = settings.number(
        "hStackManager.actualStackZStepSize", "hStackManager.stackZStepSize", "stackZStepSize", "acq.zStepSize"
    )
    if layout.slices > 1 and step:
        axes["z"] = Axis(abs(step), "micrometer")
    corners = settings.numbers("hRoiManager.imagingFovUm")
    if len(corners) == 8 and not settings.true("hRoiManager.mroiEnable"):
        for axis, positions, count in (("x", corners[::2], page.imagewidth), ("y", corners[1::2], page.imagelength)):
            if max(positions) > min(positions):
                axes[axis] = Axis((max(positions) - min(positions)) / count, "micrometer")
    rate = settings.number("hRoiManager.scanFrameRate", "scanFrameRate", "acq.frameRate")
    averaged = settings.number("hScan2D.logAverageFactor", default=1.0)
    if layout.volumes * layout.repeats > 1 and rate > 0 and (layout.repeats == 1 or layout.volumes == 1):
        frames = layout.frames_per_volume if layout.repeats == 1 else 1
        axes["t"] = Axis(frames * averaged / rate, "second")
    return axes

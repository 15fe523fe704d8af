"""Zeiss CZI, read with czifile: metres; where it lies on the stage is noted, and not where the image begins."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files import markup, planes, times
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region, cut
from isoscale_ij.image.units import micrometers

name = "CZI"
endings = (".czi",)
write = None
recalibrate = None

_MAGIC = b"ZISRAWFILE"
_DIMENSIONS = ".//Information/Image/Dimensions"
_NAMES = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "c"}
_OUTER = ("T", "C", "Z")
_SEGMENT = struct.Struct("<16sqq")  # the name of a part of the file, and its length
_ENTRIES = 128  # where the list of parts begins, in its segment
_MOST_AXES = 64
_LEAST_COVERED = 1e-3  # of a plane, by its tiles


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether a file is a CZI."""
    return first_bytes.startswith(_MAGIC)


def header(path: Path, scene: Scene) -> Header:
    """What a CZI says of one of its scenes."""
    with _opened(path) as file:
        root = _metadata(path, file)
        keys = list(file.scenes)
        if not keys:
            raise FormatError(f"{path} holds no image.")
        names = _scene_names(root, keys)
        index = chosen_scene(path, names, scene)
        image = file.scenes[keys[index]]
        sizes = dict(zip(image.dims, map(int, image.shape), strict=True))
        starts = dict(zip(image.dims, map(int, image.start), strict=True))
        axes = _axes(file, root, sizes)
        kept = _kept(path, sizes, axes)
        _check_complete(path, file, image, sizes, starts)
        dims, shape = tuple(_NAMES[axis] for axis in kept), tuple(sizes[axis] for axis in kept)
        described = Header(dims, shape, np.dtype(image.dtype), lambda region: _load(path, index, kept, region), axes)
        channels = _channel_names(root)[starts.get("C", 0) :][: sizes.get("C", 1)]
        if "C" in kept:
            described.channels = channels if all(channels) else None
        elif channels and channels[0] and "S" not in kept:
            described.attrs["channel"] = channels[0]
        stage = {
            axis: starts[axis.upper()] * known.size
            for axis, known in axes.items()
            if axis in "yx" and isinstance(known.size, float)
        }
        if any(stage.values()):
            described.attrs["stage_position"] = stage
        described.name = scene_title(path, endings, names, index)
        described.scenes = names if len(names) > 1 else []
    return described


def _load(path: Path, index: int, kept: tuple[str, ...], region: Region) -> NDArray[Any]:
    with _opened(path) as file:
        image = list(file.scenes.values())[index]
        sizes = dict(zip(image.dims, map(int, image.shape), strict=True))
        dims, shape = tuple(_NAMES[axis] for axis in kept), tuple(sizes[axis] for axis in kept)
        planes.check_memory(path, planes.region_shape(dims, shape, region), np.dtype(image.dtype))
        return _region(image, kept, sizes, region)


def _region(image: Any, kept: tuple[str, ...], sizes: dict[str, int], region: Region) -> NDArray[Any]:
    """A region of a scene, of which no tile is read that has no part in it."""
    dims = tuple(_NAMES[axis] for axis in kept)
    ranges = {axis: range(*region.get(_NAMES[axis], slice(None)).indices(sizes[axis])) for axis in kept if axis != "S"}
    if any(not wanted for wanted in ranges.values()):
        return np.empty(planes.region_shape(dims, [sizes[axis] for axis in kept], region), image.dtype)
    spread = next((axis for axis in _OUTER if axis in ranges and len(ranges[axis]) > 1 < ranges[axis].step), None)
    if spread is not None:  # each by itself, or what lies between would be read as well
        at = kept.index(spread)
        parts = [
            _region(image, kept, sizes, {**region, _NAMES[spread]: slice(place, place + 1)}) for place in ranges[spread]
        ]
        return np.concatenate(parts, at)
    starts = dict(zip(image.dims, map(int, image.start), strict=True))
    overlapping = len(image.directory_entries) > math.prod(sizes.get(axis, 1) for axis in _OUTER)
    selection = {axis: slice(starts[axis], starts[axis] + sizes[axis]) for axis in sizes if axis not in "YXS"}
    selection |= {
        axis: slice(starts[axis] + wanted[0], starts[axis] + wanted[-1] + 1)
        for axis, wanted in ranges.items()
        if axis in _OUTER
    }
    rows, columns = ranges["Y"], ranges["X"]
    box = None
    if len(rows) < sizes["Y"] or len(columns) < sizes["X"]:
        box = (starts["X"] + columns[0], starts["Y"] + rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    part = image(roi=box, **selection)  # at once, and of all planes too: so tiles keep their order
    values = part.asarray(maxworkers=1 if overlapping else None)  # of tiles that overlap, the last one counts
    values = values.transpose([part.dims.index(axis) for axis in image.dims])
    values = values.reshape([count for axis, count in zip(image.dims, values.shape, strict=True) if axis in kept])
    steps = {_NAMES[axis]: slice(None, None, wanted.step) for axis, wanted in ranges.items() if wanted.step > 1}
    if "c" in region and "S" in kept:
        steps["c"] = region["c"]
    return cut(values, dims, steps)


def _kept(path: Path, sizes: dict[str, int], axes: dict[str, Axis]) -> tuple[str, ...]:
    """The axes that an image has, by czifile's names; z of one slice where its thickness is known."""
    kept = tuple(axis for axis, size in sizes.items() if size > 1 or axis in "YX" or (axis == "Z" and "z" in axes))
    planes.check_axes(path, [_NAMES.get(axis, axis) for axis in kept], [sizes[axis] for axis in kept], "czifile")
    return kept


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    czifile = library("czifile", "czi", "CZI files", least="2026.10.14", python=(3, 12))
    with of_reading(path), czifile.CziFile(path, squeeze=False) as file:
        _check_directory(path, file.header.directory_position)
        if file.header.file_part or any(entry.file_part for entry in file.subblock_directory):
            raise FormatError(f"{path} is one part of a CZI in several files, which cannot be read. Save it as one.")
        yield file


def _check_directory(path: Path, position: int) -> None:
    """Raise a FormatError for a list of parts that the library would take very long over, or not find."""
    end = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, min(position, end)))
        name, _, used = _SEGMENT.unpack(file.read(_SEGMENT.size).ljust(_SEGMENT.size, b"\0"))
        content = file.read(min(max(0, used), end))
    if name.rstrip(b"\0") != b"ZISRAWDIRECTORY" or len(content) < _ENTRIES:
        raise FormatError(f"{path} has no list of its parts: it was not finished, or is damaged. Save it again.")
    count, at = int.from_bytes(content[:4], "little", signed=True), _ENTRIES
    for _ in range(count):
        axes = int.from_bytes(content[at + 28 : at + 32], "little", signed=True)
        if len(content) < at + 32 or not 0 < axes <= _MOST_AXES:
            raise FormatError(f"{path} has a damaged list of its parts. Copy or save it again.")
        at += 32 + 20 * axes


def _metadata(path: Path, file: Any) -> ElementTree.Element:
    """What the microscope's program noted, as XML: looked at before the library does."""
    text = file.metadata()
    return markup.parsed(text, f"The metadata of {path}") if text else ElementTree.Element("ImageDocument")


def _scene_names(root: ElementTree.Element, keys: list[int]) -> list[str]:
    named = {
        int(scene.get("Index", "-1")): scene.get("Name") or ""
        for scene in root.findall(f"{_DIMENSIONS}/S/Scenes/Scene")
    }
    return [named.get(key, "") for key in keys]


def _channel_names(root: ElementTree.Element) -> list[str]:
    return [channel.get("Name") or "" for channel in root.findall(f"{_DIMENSIONS}/Channels/Channel")]


def _axes(file: Any, root: ElementTree.Element, sizes: dict[str, int]) -> dict[str, Axis]:
    """Metres and seconds; 0 where nothing is known."""
    axes = {}
    for distance in root.findall(".//Scaling/Items/Distance"):
        axis, size = (distance.get("Id") or "").lower(), micrometers(distance.findtext("Value"))
        if axis in ("x", "y", "z") and size not in (None, 0.0, ""):
            axes[axis] = Axis(size, "micrometer")
    if sizes.get("T", 1) > 1:
        step = _time_step(file, root, sizes["T"])
        if step is not None:
            axes["t"] = Axis(step, "second")
    return axes


def _time_step(file: Any, root: ElementTree.Element, count: int) -> float | None:
    """From the offsets of the time points; or else as it was planned, which is not quite what it became."""
    offsets = [float(text) for text in (root.findtext(f"{_DIMENSIONS}/T/Positions/List/Offsets") or "").split()]
    if len(offsets) == count:
        return times.regular_step(offsets)
    increment = root.findtext(f"{_DIMENSIONS}/T/Positions/Interval/Increment")
    if increment and float(increment) > 0:
        return float(increment)
    stamps = [] if file.timestamps is None else np.ravel(file.timestamps).tolist()
    if len(stamps) == count:
        return times.regular_step(stamps)
    planned = root.find(".//Interval/TimeSpan")
    value = None if planned is None else planned.findtext("Value")
    if planned is None or not value or not float(value) > 0:
        return None
    return float(value) / (1000 if (planned.findtext("DefaultUnitFormat") or "").lower() == "ms" else 1)


def _check_complete(path: Path, file: Any, image: Any, sizes: dict[str, int], starts: dict[str, int]) -> None:
    """Raise a FormatError for planes that are not there; say it where tiles leave gaps."""
    counted = {axis: sizes.get(axis, 1) for axis in _OUTER}
    area: dict[tuple[int, ...], int] = {}
    for entry in image.directory_entries:
        plain = entry.stored_size * entry.dtype.itemsize if not int(entry.compression) else 0
        if not 0 < entry.file_position < file.filesize - plain:
            raise FormatError(f"{path} ends too early: a part of the image lies behind its end. Copy or save it again.")
        begin = dict(zip(entry.dims, entry.start, strict=True))
        size = dict(zip(entry.dims, entry.shape, strict=True))
        spans = [range(begin.get(axis, 0), begin.get(axis, 0) + size.get(axis, 1)) for axis in _OUTER]
        if math.prod(map(len, spans)) > 1 << 20:
            raise FormatError(f"{path} has a part of {math.prod(map(len, spans))} planes; it is damaged.")
        for place in itertools.product(*spans):
            at = tuple(number - starts.get(axis, 0) for axis, number in zip(_OUTER, place, strict=True))
            area[at] = area.get(at, 0) + size["Y"] * size["X"]
    planes.check_all_there(path, {_NAMES[axis]: count for axis, count in counted.items()}, area)
    if max(area.values()) < _LEAST_COVERED * sizes["Y"] * sizes["X"]:
        raise FormatError(
            f"{path} has tiles that lie far apart in {sizes['Y']} x {sizes['X']} voxels, or is damaged. Save each by "
            "itself."
        )
    gaps = sum(covered < sizes["Y"] * sizes["X"] for covered in area.values())
    if gaps:
        remarks.warn(
            f"{path}: in {gaps} of {len(area)} planes there are parts that were not recorded, as between the tiles of "
            "a mosaic; they are read as 0."
        )

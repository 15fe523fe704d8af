"""Nikon ND2, read with nd2: micrometres; positions are scenes; frames that are not there are not read as black."""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files import planes, times
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region

name = "ND2"
endings = (".nd2",)
write = None
recalibrate = None

_MAGIC, _OLD_MAGIC = b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  "
_LOOPS = {"TimeLoop": "t", "NETimeLoop": "t", "ZStackLoop": "z", "XYPosLoop": "position"}
_MAP_SIGNATURE = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_CHUNK, _LAST = struct.Struct("<IIQ"), struct.Struct("<32sQ")
_FRAME = re.compile(rb"ImageDataSeq\|(\d+)!(.{16})", re.DOTALL)
_STAMP = 8  # bytes before the voxels of a frame: when it was taken


@dataclass(frozen=True)
class _Layout:
    """How the frames of a file make images: loops from the slowest to the fastest, then what a frame has."""

    loops: dict[str, int]
    frame: tuple[int, int, int, int]  # rows, columns, channels, samples of each
    dtype: np.dtype[Any]
    row_bytes: int
    packed: bool

    @property
    def position_count(self) -> int:
        return self.loops.get("position", 1)

    @property
    def outer(self) -> dict[str, int]:
        """The loops within one scene."""
        return {axis: count for axis, count in self.loops.items() if axis != "position"}

    @property
    def inner(self) -> dict[str, int]:
        """The axes of a frame; samples of a colour are channels."""
        rows, columns, channels, samples = self.frame
        color = samples > 1 and channels == 1
        before = {"c": channels * samples} if channels * samples > 1 and not color else {}
        return before | {"y": rows, "x": columns} | ({"c": samples} if color else {})

    def number(self, place: tuple[int, ...], position: int) -> int:
        """Which frame is at a place of a scene."""
        at = dict(zip(self.outer, place, strict=True)) | {"position": position}
        number = 0
        for axis, count in self.loops.items():
            number = number * count + at[axis]
        return number


def can_read(first_bytes: bytes, path: Path) -> bool:
    """Whether a file is an ND2."""
    return first_bytes.startswith(_MAGIC) or (
        first_bytes.startswith(_OLD_MAGIC) and path.name.lower().endswith(endings)
    )


def header(path: Path, scene: Scene) -> Header:
    """What an ND2 says of one of its positions."""
    with _opened(path) as file:
        layout = _layout(path, file)
        names = _position_names(file) if layout.position_count > 1 else [""]
        index = chosen_scene(path, names, scene)
        frames = _frames(path, layout)
        stored = {place for place in np.ndindex(*layout.outer.values()) if layout.number(place, index) in frames}
        planes.check_all_there(path, layout.outer, stored)
        dims, shape = (*layout.outer, *layout.inner), (*layout.outer.values(), *layout.inner.values())
        planes.check_axes(path, dims, shape, "nd2")
        kept = [position for position, axis in enumerate(dims) if shape[position] > 1 or axis in "yx"]
        described = Header(
            tuple(dims[each] for each in kept), tuple(shape[each] for each in kept), layout.dtype,
            lambda region: _load(path, index, region),
        )  # fmt: skip
        described.axes = _axes(file, layout, index)
        channels = [str(channel.channel.name) for channel in file.metadata.channels or []]
        if len(channels) == layout.inner.get("c", 1):
            if len(channels) > 1:
                described.channels = channels
            else:
                described.attrs["channel"] = channels[0]
        described.name = scene_title(path, endings, names, index)
        described.scenes = names if len(names) > 1 else []
    return described


def _load(path: Path, index: int, region: Region) -> NDArray[Any]:
    with _opened(path) as file:
        layout = _layout(path, file)
        frames = _frames(path, layout)
        dims, shape = (*layout.outer, *layout.inner), (*layout.outer.values(), *layout.inner.values())
        with path.open("rb") as plain:
            values = planes.gathered(
                dims, shape, layout.dtype, region,
                lambda place: _frame(file, plain, layout, layout.number(place, index), frames), len(layout.outer), path,
            )  # fmt: skip
    return values.reshape(
        [size for axis, size, whole in zip(dims, values.shape, shape, strict=True) if whole > 1 or axis in "yx"]
    )


def _frame(file: Any, plain: Any, layout: _Layout, number: int, frames: dict[int, tuple[int, int]]) -> NDArray[Any]:
    """One frame, with its channels first."""
    rows, columns, channels, samples = layout.frame
    if layout.packed:  # by zlib; a damaged frame must not become gigabytes
        offset, size = frames[number]
        plain.seek(offset + _STAMP)
        needed = rows * layout.row_bytes
        content = zlib.decompressobj().decompress(plain.read(size - _STAMP), needed)
        lines = np.frombuffer(content, np.uint8).reshape(rows, layout.row_bytes)
        width = columns * channels * samples * layout.dtype.itemsize
        values = np.ascontiguousarray(lines[:, :width]).view(layout.dtype).reshape(layout.frame).transpose(2, 0, 1, 3)
    else:
        values = np.asarray(file.read_frame(number)).reshape(channels, rows, columns, samples)
    if samples > 1 and channels > 1:
        values = np.moveaxis(values, 3, 1)
    return values.reshape(tuple(layout.inner.values()))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    nd2 = library("nd2", "nd2", "ND2 files", least="0.10")
    with path.open("rb") as file:
        if file.read(len(_OLD_MAGIC)) == _OLD_MAGIC:
            raise FormatError(f"{path} is an ND2 of the kind before 2009, which is not read here. Save it as OME-TIFF.")
    _map_place(path)
    with of_reading(path), nd2.ND2File(path) as file:
        yield file


def _layout(path: Path, file: Any) -> _Layout:
    loops: dict[str, int] = {}
    for loop in file.experiment:
        axis = _LOOPS.get(loop.type, loop.type)
        if axis in loops:
            raise FormatError(f"{path} has two loops over {axis}; needed is one of each. Save it as OME-TIFF.")
        if loop.count > 1 or axis in _LOOPS.values():
            loops[axis] = int(loop.count)
    about = file.attributes
    channels = int(about.channelCount or 1)
    samples = int(about.componentCount) // channels
    rows, columns = int(about.heightPx), int(about.widthPx or 0)
    if min(rows, columns, channels, samples, *loops.values(), 1) < 1:
        raise FormatError(f"{path} says that its frames have {rows} x {columns} voxels; it is damaged.")
    row_bytes = int(about.widthBytes or columns * channels * samples * file.dtype.itemsize)
    return _Layout(
        loops, (rows, columns, channels, samples), np.dtype(file.dtype), row_bytes, about.compressionType == "lossless"
    )


def _frames(path: Path, layout: _Layout) -> dict[int, tuple[int, int]]:
    """Where each frame lies and how long it is, from the map at the end of the file; those that are cut off are not in.

    The library gives black frames for those that are not there, and does not say so.
    """
    end, at = path.stat().st_size, _map_place(path)
    least = _STAMP + (1 if layout.packed else layout.frame[0] * layout.row_bytes)
    with path.open("rb") as file:
        file.seek(at)
        _, name_bytes, data_bytes = _CHUNK.unpack(file.read(_CHUNK.size))
        listed = file.read(min(name_bytes + data_bytes, end - at))
        frames = {}
        for match in _FRAME.finditer(listed):
            offset, _ = struct.unpack("<QQ", match[2])
            if offset + _CHUNK.size > end:
                continue
            file.seek(offset)
            _, name_bytes, data_bytes = _CHUNK.unpack(file.read(_CHUNK.size))
            begin = offset + _CHUNK.size + name_bytes
            if begin + data_bytes <= end and data_bytes >= least:
                frames[int(match[1])] = (begin, data_bytes)
    return frames


def _map_place(path: Path) -> int:
    """Where the map of the parts of a file is."""
    end = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, end - _LAST.size))
        last = file.read(_LAST.size)
    signature, at = _LAST.unpack(last) if len(last) == _LAST.size else (b"", 0)
    if signature != _MAP_SIGNATURE or at + _CHUNK.size > end:
        raise FormatError(f"{path} is truncated: the map of its parts is not there. Copy it again.")
    return int(at)


def _position_names(file: Any) -> list[str]:
    loop = next(loop for loop in file.experiment if loop.type == "XYPosLoop")
    return [str(point.name or "") for point in loop.parameters.points]


def _axes(file: Any, layout: _Layout, index: int) -> dict[str, Axis]:
    """Micrometres where the program calls them calibrated; seconds between the first frames of time points."""
    axes = {}
    channels = file.metadata.channels or []
    if channels:
        volume = channels[0].volume
        known = volume.axesCalibrated or (True, True, True)
        for axis, size, calibrated in zip("xyz", volume.axesCalibration, known, strict=True):
            if calibrated and size:
                axes[axis] = Axis(float(size), "micrometer")
    for loop in file.experiment:
        if loop.type == "ZStackLoop" and loop.parameters.stepUm:
            axes["z"] = Axis(abs(float(loop.parameters.stepUm)), "micrometer")
    if layout.loops.get("t", 1) > 1:
        step = times.regular_step(_frame_times(file, layout, index)) or _planned_step(file)
        if step:
            axes["t"] = Axis(step, "second")
    return axes


def _frame_times(file: Any, layout: _Layout, index: int) -> list[float]:
    """When the first frame of each time point was taken, in seconds."""
    seconds = []
    for point in range(layout.loops["t"]):
        place = tuple(point if axis == "t" else 0 for axis in layout.outer)
        about = file.frame_metadata(layout.number(place, index))
        stamps = [channel.time.relativeTimeMs for channel in getattr(about, "channels", None) or []]
        seconds.append(stamps[0] / 1000 if stamps else math.nan)
    return seconds


def _planned_step(file: Any) -> float | None:
    """What was planned, in seconds; 0 means as fast as can be."""
    loop = next(loop for loop in file.experiment if loop.type in ("TimeLoop", "NETimeLoop"))
    periods = getattr(loop.parameters, "periods", [loop.parameters])
    steps = {float(period.periodMs) / 1000 for period in periods}
    return steps.pop() if len(steps) == 1 else None

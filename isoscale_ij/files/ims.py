"""Imaris IMS, an HDF5 file: extents from edge to edge, text in arrays of letters, voxels padded to whole blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError, MissingDependencyError
from isoscale_ij.files import planes, times
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region, cut

name = "IMS"
endings = (".ims",)
write = None
recalibrate = None

_MAGIC = b"\x89HDF\r\n\x1a\n"
_FINEST = "DataSet/ResolutionLevel 0"
_LARGEST_BLOCK = 1 << 30  # bytes that are unpacked at once
_MOST = 1 << 16  # time points, and channels


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether a file is of HDF5; whether Imaris wrote it is seen when it is opened."""
    return first_bytes.startswith(_MAGIC)


def header(path: Path, scene: Scene) -> Header:
    """What an IMS says of its image, at its finest level."""
    chosen_scene(path, [""], scene)
    with _opened(path) as file:
        about = _group(file, "DataSetInfo/Image")
        counts = {"t": _numbered(_group(file, _FINEST), "TimePoint"), "c": 0}
        counts["c"] = _numbered(_group(file, f"{_FINEST}/TimePoint 0"), "Channel")
        stored = {
            (t, c)
            for t in range(counts["t"])
            for c in range(counts["c"])
            if f"{_FINEST}/TimePoint {t}/Channel {c}/Data" in file
        }
        planes.check_all_there(path, counts, stored)
        first = _data(path, file, 0, 0)
        sizes = counts | _sizes(path, file, about, first)
        _check_stored(path, file, sizes)
        axes = _axes(file, about, sizes)
        dims = planes.kept_axes(sizes, axes)
        shape = tuple(sizes[axis] for axis in dims)
        described = Header(dims, shape, np.dtype(first.dtype), lambda region: _load(path, sizes, dims, region), axes)
        channels = [
            _text(_group(file, f"DataSetInfo/Channel {c}"), "Name") if f"DataSetInfo/Channel {c}" in file else ""
            for c in range(counts["c"])
        ]
        if counts["c"] > 1:
            described.channels = channels if all(channels) else None
        elif channels[0]:
            described.attrs["channel"] = channels[0]
        described.name = scene_title(path, endings, [""], 0)
    return described


def _load(path: Path, sizes: dict[str, int], dims: tuple[str, ...], region: Region) -> NDArray[Any]:
    with _opened(path) as file:
        first = _data(path, file, 0, 0)
        size = planes.region_shape(tuple(sizes), tuple(sizes.values()), region)
        planes.check_memory(path, size, np.dtype(first.dtype))
        values = np.empty(size, first.dtype)
        ranges = {axis: range(*region.get(axis, slice(None)).indices(count)) for axis, count in sizes.items()}
        if values.size:
            box = tuple(slice(wanted[0], wanted[-1] + 1) for wanted in (ranges[axis] for axis in "zyx"))
            steps = {axis: slice(None, None, ranges[axis].step) for axis in "zyx"}
            for into_t, t in enumerate(ranges["t"]):
                for into_c, c in enumerate(ranges["c"]):
                    values[into_t, into_c] = cut(_data(path, file, t, c)[box], ("z", "y", "x"), steps)
        return values.reshape([count for axis, count in zip(sizes, size, strict=True) if axis in dims])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    h5py = library("h5py", "ims", "IMS files")
    with of_reading(path), h5py.File(path, "r", locking=False) as file:
        if "ImarisDataSet" not in file.attrs and not path.name.lower().endswith(endings):
            raise FormatError(f"{path} is an HDF5 file, but not one of Imaris. Save the image as OME-TIFF.")
        yield file


def _group(file: Any, place: str) -> Any:
    """A group of the file, along links that stay within it."""
    h5py = library("h5py", "ims", "IMS files")
    member = file
    for part in place.split("/"):
        if not isinstance(member, h5py.Group) or part not in member:
            raise FormatError(f"{file.filename} has no {place}: it is not complete. Copy or save it again.")
        if not isinstance(member.get(part, getlink=True), h5py.HardLink):
            raise FormatError(f"{file.filename} has a link to elsewhere in place of {place}, which is not followed.")
        member = member[part]
    return member


def _data(path: Path, file: Any, t: int, c: int) -> Any:
    """The voxels of one time point and channel, as they can be read within this file and in this memory."""
    h5py = library("h5py", "ims", "IMS files")
    data = _group(file, f"{_FINEST}/TimePoint {t}/Channel {c}/Data")
    if not isinstance(data, h5py.Dataset) or data.ndim != 3 or data.dtype.kind not in "uif":
        raise FormatError(f"{path} has no grey values in three dimensions at time point {t}, channel {c}.")
    if data.is_virtual or data.external:
        raise FormatError(f"{path} has its voxels in other files, which are not read.")
    if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > _LARGEST_BLOCK:
        raise FormatError(f"{path} has blocks of {data.chunks} voxels; it is damaged. Copy or save it again.")
    filters = data.id.get_create_plist()
    for number in range(filters.get_nfilters()):
        code, _, _, what = filters.get_filter(number)
        if not h5py.h5z.filter_avail(code) and not _with_plugins(h5py, code):
            raise MissingDependencyError(
                f"The voxels of {path} are packed by {what.decode(errors='replace') or code}, which needs hdf5plugin: "
                "pip install hdf5plugin"
            )
    return data


def _with_plugins(h5py: Any, code: int) -> bool:
    """Whether a filter is there once the plugins are loaded, if they are installed."""
    try:
        library("hdf5plugin", "ims", "IMS files")
    except MissingDependencyError:
        return False
    return bool(h5py.h5z.filter_avail(code))


def _numbered(group: Any, what: str) -> int:
    """One more than the highest number of members that are called so."""
    numbers = [int(key.rpartition(" ")[2]) for key in group if key.rpartition(" ")[0] == what]
    if not numbers or max(numbers) >= _MOST:
        raise FormatError(f"The file has {len(numbers)} members of the kind {what!r}; it is damaged.")
    return max(numbers) + 1


def _sizes(path: Path, file: Any, about: Any, data: Any) -> dict[str, int]:
    """Voxels of the image: what is padded is not of it."""
    channel = _group(file, f"{_FINEST}/TimePoint 0/Channel 0")
    sizes = {}
    for axis, padded in zip("zyx", data.shape, strict=True):
        stated = _text(channel, f"ImageSize{axis.upper()}") or _text(about, axis.upper()) or str(padded)
        sizes[axis] = int(stated)
        if not 0 < sizes[axis] <= padded:
            raise FormatError(f"{path} says that there are {stated} voxels along {axis}, and has {padded}.")
    return sizes


def _check_stored(path: Path, file: Any, sizes: dict[str, int]) -> None:
    """Raise a FormatError for volumes that are not stored; say it where parts of them are not."""
    gaps = 0
    for t in range(sizes["t"]):
        for c in range(sizes["c"]):
            data = _data(path, file, t, c)
            if any(padded < sizes[axis] for axis, padded in zip("zyx", data.shape, strict=True)):
                raise FormatError(f"{path} has fewer voxels at time point {t}, channel {c}: {data.shape}.")
            if not data.id.get_storage_size():
                raise FormatError(
                    f"{path} is not complete: the voxels of time point {t}, channel {c} are not there. Without them "
                    "the image would be black there. Copy or save it again."
                )
            if data.chunks:
                blocks = math.prod(-(-sizes[axis] // size) for axis, size in zip("zyx", data.chunks, strict=True))
                gaps += data.id.get_num_chunks() < blocks
    if gaps:
        remarks.warn(
            f"{path}: in {gaps} of {sizes['t'] * sizes['c']} volumes there are parts that are not stored; they are "
            "read as 0."
        )


def _axes(file: Any, about: Any, sizes: dict[str, int]) -> dict[str, Axis]:
    """From the extent, which goes from edge to edge; the file begins where it says."""
    unit = _text(about, "Unit") or None
    axes = {}
    for number, axis in enumerate("xyz"):
        low, high = _text(about, f"ExtMin{number}"), _text(about, f"ExtMax{number}")
        if low and high:
            lower = float(low)
            axes[axis] = Axis((float(high) - lower) / sizes[axis], unit, lower)
    if sizes["t"] > 1 and "DataSetInfo/TimeInfo" in file:
        clock = _group(file, "DataSetInfo/TimeInfo")
        texts = [_text(clock, f"TimePoint{number + 1}") for number in range(sizes["t"])]
        if all(texts):
            moments = [datetime.fromisoformat(text) for text in texts]
            step = times.regular_step([(moment - moments[0]).total_seconds() for moment in moments])
            if step:
                axes["t"] = Axis(step, "second")
    return axes


def _text(group: Any, key: str) -> str:
    """An attribute: an array of letters, with zeros behind it or not."""
    stored = group.attrs.get(key)
    if stored is None:
        return ""
    if isinstance(stored, bytes):
        content = stored
    elif isinstance(stored, str):
        content = stored.encode()
    else:
        content = b"".join(bytes(letter) for letter in np.ravel(stored))
    return content.split(b"\0")[0].decode("utf-8", errors="replace").strip()

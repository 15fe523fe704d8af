"""Leica XLEF: a project in XML, of images (XLIF) in folders (XLCF), whose voxels lie beside it in LOFs or TIFFs.

What it names has to be in the folder of the file that is opened, or below. How an image lies in its voxels, and its
calibration, is that of LIF.
"""

from __future__ import annotations

import codecs
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files import lif, markup, planes
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.lif_layout import Layout
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.files.tiff import completeness, reading
from isoscale_ij.image.header import Header, Region

name = "XLEF"
endings = (".xlef", ".xlif", ".xlcf")
write = None
recalibrate = None

_ROOT = "<LMSDataContainerHeader"
_FIRST = 1024  # characters, in which it stands
_MOST_XML = 1 << 28
_CODECS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
    b"<\0": "utf-16-le", b"\0<": "utf-16-be", b"<": "utf-8",
}  # fmt: skip


@dataclass(frozen=True)
class _Described:
    """An XLIF: the image with the names of its folders; it says which files have the voxels."""

    path: Path
    name: str
    memory: ElementTree.Element


@dataclass(frozen=True)
class _Frame:
    """A file that has a part of the voxels, and which bytes of them that is."""

    path: Path
    offset: int
    size: int


def can_read(first_bytes: bytes, path: Path) -> bool:
    """Whether it is an XML of Leica's."""
    codec = _codec(first_bytes)
    if not codec or path.is_dir():
        return False
    with path.open("rb") as file:
        return _ROOT in file.read(2 * _FIRST).decode(codec, "ignore")[:_FIRST]


def header(path: Path, scene: Scene) -> Header:
    """What the XLIF of one of the images says."""
    with of_reading(path):
        pictures = [(picture, each) for each in _described(path) for picture in _pictures(each)]
        if not pictures:
            raise FormatError(f"{path} names no image.")
        names = [picture.name for picture, _ in pictures]
        index = chosen_scene(path, names, scene)
        picture, about = pictures[index]
        layout = Layout.of(picture.image.xml_element)
        frames = _frames(path.resolve().parent, about)
        described = lif.described_by(path, picture.image, layout, lambda region: _load(path, picture, frames, region))
        _check_complete(path, picture, layout, frames)
        described.name = scene_title(path, endings, names, index)
        described.scenes = names if len(names) > 1 else []
    return described


def _load(path: Path, picture: lif.Picture, frames: tuple[_Frame, ...], region: Region) -> NDArray[Any]:
    layout = Layout.of(picture.image.xml_element)
    if _in_lof(frames):
        with lif.opened(frames[0].path) as file:
            return lif.values_of(frames[0].path, picture, layout, file.images[0].memory_block, region)
    plane = _Planes(path, picture, layout, frames).plane
    return planes.gathered(layout.dims, layout.shape, layout.dtype, region, plane, len(layout.dims) - 2, path)


# The project


def _described(path: Path) -> list[_Described]:
    """All XLIF with an image, in the order in which they are named; every file once."""
    root = path.resolve().parent
    found, seen = [], {path.resolve()}
    waiting = [(path.resolve(), "")]
    while waiting:
        file, above = waiting.pop()
        element = markup.parsed(_text(file), f"The metadata of {file}").find("./Element")
        if element is None:
            raise FormatError(f"{file} describes nothing. Copy or save the project again.")
        title = f"{above}{element.get('Name', file.stem)}"
        memory = element.find("./Memory")
        if element.find("./Data/Image") is not None and memory is not None:
            found.append(_Described(file, title, memory))
        below = [_inside(root, file, each.get("File", "")) for each in element.findall("./Children/Reference")]
        new = [each for each in dict.fromkeys(below) if each not in seen]
        seen.update(new)
        folder = "" if element.find("./Data/Experiment") is not None else f"{title}/"
        waiting += [(each, folder) for each in reversed(new)]
    return found


def _pictures(about: _Described) -> list[lif.Picture]:
    """The image of an XLIF as liffile knows it, or its tiles; all that the XLIF names has been checked."""
    liffile = library("liffile", "lif", "XLEF projects", least="2025.11.8")
    with liffile.LifFile(about.path) as file:
        return lif.pictures_of([(file.images[0], about.name)])


def _frames(root: Path, about: _Described) -> tuple[_Frame, ...]:
    """The files that have the voxels of an image."""
    return tuple(
        _Frame(
            _inside(root, about.path, each.get("File", "")), int(each.get("Offset", "0")), int(each.get("Size", "0"))
        )
        for each in about.memory
        if "File" in each.attrib
    )


def _inside(root: Path, file: Path, said: str) -> Path:
    """The file that a name in another one means, in whatever case it is written.

    Raises
    ------
    FormatError
        If it is not there, or not in the folder of the file that was opened.
    """
    meant = (file.parent / unquote(said).replace("\\", "/")).resolve()
    if meant.is_relative_to(root) and not meant.exists():
        meant = _in_any_case(root, meant).resolve()
    if not meant.is_relative_to(root) or meant == root:
        raise FormatError(
            f"{file} names {said!r}, which is outside the folder {root} and is not read. Open the XLEF of the "
            "project, or copy all of it into one folder."
        )
    if not meant.is_file():
        raise FormatError(f"{file} names {said!r}, which is not there. Copy all files of the project.")
    return meant


def _in_any_case(root: Path, path: Path) -> Path:
    """The path as it is written on a disk that tells upper from lower case; itself where there is none."""
    found = root
    for part in path.relative_to(root).parts:
        here = [each for each in found.iterdir() if each.name.lower() == part.lower()] if found.is_dir() else []
        if not here:
            return path
        found = here[0]
    return found


def _codec(content: bytes) -> str:
    return next((codec for begin, codec in _CODECS.items() if content.startswith(begin)), "")


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_XML:
        raise FormatError(f"{path} has {path.stat().st_size} bytes, which no metadata has. Is it damaged?")
    content = path.read_bytes()
    codec = _codec(content)
    if not codec:
        raise FormatError(f"{path} is no XML; it begins with {content[:4]!r}. Copy it again.")
    return content.decode(codec)


# Where the voxels are


def _in_lof(frames: tuple[_Frame, ...]) -> bool:
    return len(frames) == 1 and frames[0].path.suffix.lower() == ".lof"


def _check_complete(path: Path, picture: lif.Picture, layout: Layout, frames: tuple[_Frame, ...]) -> None:
    if _in_lof(frames):
        with lif.opened(frames[0].path) as file:
            lif.check_complete(frames[0].path, picture, layout, file.images[0].memory_block)
    else:
        found = _Planes(path, picture, layout, frames)
        listed = found.present() if math.prod(found.outer.values()) <= planes.MOST else set()
        planes.check_all_there(path, found.outer, listed)


class _Planes:
    """An image whose planes are pages of TIFFs."""

    def __init__(self, path: Path, picture: lif.Picture, layout: Layout, frames: tuple[_Frame, ...]) -> None:
        self._path, self._picture, self._layout = path, picture, layout
        self._frames = sorted(frames, key=lambda frame: frame.offset)
        self._offsets = [frame.offset for frame in self._frames]
        sizes = layout.sizes
        self.outer: Mapping[str, int] = {axis: size for axis, size in sizes.items() if axis not in ("y", "x")}
        self._shape = sizes["y"], sizes["x"]
        self._bytes = sizes["y"] * sizes["x"] * layout.dtype.itemsize
        others = sorted({frame.path.suffix.lower() for frame in frames} - {".tif", ".tiff"})
        if others or not frames:
            kind = ", ".join(others) or "no file that is named"
            raise FormatError(
                f"The voxels of {picture.name} in {path} are in {kind}; needed are a LOF or TIFFs. Save it as LIF."
            )
        steps = {each.axis: each.stride for each in layout.dimensions}
        usual = {"x": layout.dtype.itemsize, "y": sizes["x"] * layout.dtype.itemsize}
        if layout.dims[-2:] != ("y", "x") or any(steps.get(axis, step) != step for axis, step in usual.items()):
            raise FormatError(
                f"The planes of {picture.name} in {path} are in colour, or not of y and x; needed in TIFFs are grey "
                "ones. Save it as LIF."
            )

    def _offset(self, place: tuple[int, ...]) -> int:
        """Where the plane at a place would begin, were all of them in one block."""
        at = dict(zip(self.outer, place, strict=True))
        steps = {each.axis: each.stride for each in self._layout.dimensions}
        begin = self._layout.beginnings[at.pop("c", 0)] + steps.get("tile", 0) * (self._picture.tile or 0)
        return begin + sum(steps[axis] * number for axis, number in at.items())

    def _page(self, offset: int) -> tuple[_Frame, int] | None:
        """The file that has the plane which begins there, and which of its pages that is; planes may share a file."""
        frame = self._frames[max(0, bisect_right(self._offsets, offset) - 1)]
        within = offset - frame.offset
        if within < 0 or within % self._bytes or within + self._bytes > frame.size:
            return None
        return frame, within // self._bytes

    def present(self) -> set[tuple[int, ...]]:
        """The places of the planes that a file is named for."""
        return {place for place in np.ndindex(*self.outer.values()) if self._page(self._offset(place)) is not None}

    def plane(self, place: tuple[int, ...]) -> NDArray[Any]:
        """One plane."""
        found = self._page(self._offset(place))
        if found is None:
            raise FormatError(f"{self._path} names no file for the plane {planes.place_name(self.outer, place)}.")
        frame, number = found
        with reading.opened(frame.path) as file:
            page = file.pages[number]
            if page.shape != self._shape or page.dtype != self._layout.dtype:
                raise FormatError(
                    f"{frame.path} has a plane of {page.shape} voxels of type {page.dtype}; {self._path} says that "
                    f"they are {self._shape} of type {self._layout.dtype}. Save it as LIF."
                )
            completeness.check_page(frame.path, page)
            return np.asarray(page.asarray())

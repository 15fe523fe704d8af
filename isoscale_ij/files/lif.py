"""Leica LIF and LOF, read with liffile: metres, and steps of length / (n - 1); :mod:`.lif_layout` knows how voxels lie.

A scan of an xz plane has y of one voxel; emission and excitation series are channels; the tiles of a
mosaic are scenes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files import markup, planes, times
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.lif_layout import Layout, channel_names
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region
from isoscale_ij.image.units import micrometers

name = "LIF"
endings = (".lif", ".lof")
write = None
recalibrate = None

_CONTAINER = b"\x70\0\0\0"
_OBJECT = "LMS_Object_File"
_HEAD, _VERSIONS, _BLOCK = struct.Struct("<IIBI"), struct.Struct("<BIBI"), struct.Struct("<BQ")
_MOST_XML = 1 << 29
_NAMED = "./Element/Children/Reference"


@dataclass(frozen=True)
class Picture:
    """An image of a file, or a tile of one that is a mosaic."""

    name: str
    image: Any
    tile: int | None


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether a file is a LIF or LOF."""
    return first_bytes.startswith(_CONTAINER) and first_bytes[8:9] == b"*"


def header(path: Path, scene: Scene) -> Header:
    """What a LIF says of one of its images."""
    with opened(path) as file:
        pictures = pictures_of((image, image.path) for image in file.images)
        if not pictures:
            raise FormatError(f"{path} holds no image.")
        names = [each.name for each in pictures]
        index = chosen_scene(path, names, scene)
        image = pictures[index].image
        layout = Layout.of(image.xml_element)
        check_complete(path, pictures[index], layout, image.memory_block)
        described = described_by(path, image, layout, lambda region: _load(path, index, region))
        described.name = scene_title(path, endings, names, index)
        described.scenes = names if len(names) > 1 else []
    return described


def described_by(path: Path, image: Any, layout: Layout, load: Callable[[Region], NDArray[Any]]) -> Header:
    """What the XML of an image says, but for its title."""
    planes.check_axes(path, layout.dims, layout.shape, "liffile")
    described = Header(layout.dims, layout.shape, layout.dtype, load)
    described.axes = _axes(image, layout)
    channels = channel_names(image.xml_element, layout)
    if len(channels) == 1:
        described.attrs["channel"] = channels[0]
    elif len(channels) == layout.sizes.get("c", 1):
        described.channels = channels
    return described


def _load(path: Path, index: int, region: Region) -> NDArray[Any]:
    with opened(path) as file:
        picture = pictures_of((image, image.path) for image in file.images)[index]
        return values_of(path, picture, Layout.of(picture.image.xml_element), picture.image.memory_block, region)


def values_of(path: Path, picture: Picture, layout: Layout, block: Any, region: Region) -> NDArray[Any]:
    """A region of an image whose voxels are in a block of a file."""
    check_complete(path, picture, layout, block)
    planes.check_memory(path, planes.region_shape(layout.dims, layout.shape, region), layout.dtype)
    return layout.values(path, block.offset, picture.tile, region)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file for liffile."""
    with of_reading(path):
        liffile = library("liffile", "lif", "LIF files", least="2025.11.8")
        text = _xml(path)
        markup.check(text, f"The metadata of {path}")  # before the library parses it, and opens what it names
        if "<Reference" in text and markup.parsed(text, f"The metadata of {path}").find(_NAMED) is not None:
            raise FormatError(f"{path} names other files, which a LIF or LOF does not. It is not read.")
        with liffile.LifFile(path) as file:
            yield file


def _xml(path: Path) -> str:
    """The metadata: at the beginning of a LIF, behind the voxels of a LOF."""
    with path.open("rb") as file:

        def text() -> str:
            _, _, _, letters = _HEAD.unpack(file.read(_HEAD.size))
            if letters * 2 > min(_MOST_XML, path.stat().st_size):
                raise FormatError(f"{path} is damaged: its metadata would be {letters * 2} bytes long.")
            return file.read(letters * 2).decode("utf-16-le")

        first = text()
        if first != _OBJECT:
            return first
        file.read(_VERSIONS.size)
        _, size = _BLOCK.unpack(file.read(_BLOCK.size))
        file.seek(min(size, path.stat().st_size), 1)
        return text()


def pictures_of(images: Iterable[tuple[Any, str]]) -> list[Picture]:
    """What can be read of images that have names: each by itself, or its tiles."""
    pictures: list[Picture] = []
    for image, title in images:
        if image.xml_element.find("./Data/Image") is None:
            continue  # lifetimes of photons, which are no grey values
        tiles = Layout.tiles(image.xml_element)
        if tiles > 1:
            pictures += [Picture(f"{title} tile {tile}", image, tile) for tile in range(tiles)]
        else:
            pictures.append(Picture(title, image, None))
    return pictures


def check_complete(path: Path, picture: Picture, layout: Layout, block: Any) -> None:
    """Raise a FormatError if a file has not all bytes of an image."""
    if block.offset < 0 or layout.extent > block.size or block.offset + block.size > path.stat().st_size:
        raise FormatError(
            f"{path} is not complete: the image {picture.name} takes {layout.extent} bytes, of which "
            f"{max(0, min(block.size, path.stat().st_size - block.offset))} are there. Copy or save it again."
        )


def _axes(image: Any, layout: Layout) -> dict[str, Axis]:
    """Metres and seconds; a length is that from the first centre to the last."""
    axes = {}
    for axis, dimension in layout.calibrated.items():
        if dimension.count < 2 or not float(dimension.length):
            continue
        if dimension.unit == "m" and axis in ("z", "y", "x"):
            length = micrometers(dimension.length)
            size = abs(length) / (dimension.count - 1) if isinstance(length, float) else length
            axes[axis] = Axis(size, "micrometer")
        elif dimension.unit == "s" and axis == "t":
            axes["t"] = Axis(abs(float(dimension.length)) / (dimension.count - 1), "second")
        else:
            axes[axis] = Axis(abs(float(dimension.length)) / (dimension.count - 1), dimension.unit or None)
    if "t" in layout.sizes and "t" not in axes and image.timestamps is not None:
        stamps = np.asarray(image.timestamps)
        stamps = stamps[:: max(1, stamps.size // layout.sizes["t"])][: layout.sizes["t"]]
        step = times.regular_step(((stamps - stamps[0]) / np.timedelta64(1, "s")).tolist()) if stamps.size else None
        if step:
            axes["t"] = Axis(step, "second")
    return axes

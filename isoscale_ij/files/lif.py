"""Leica LIF and LOF, read with liffile: metres, and steps of length / (n - 1); :mod:`.lif_layout` knows how voxels lie.

A scan of an xz plane has y of one voxel; emission and excitation series are channels; the tiles of a
mosaic are scenes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
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


@dataclass(frozen=True)
class _Scene:
    """An image of a file, or a tile of one that is a mosaic."""

    name: str
    image: Any
    tile: int | None


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether a file is a LIF or LOF."""
    return first_bytes.startswith(_CONTAINER) and first_bytes[8:9] == b"*"


def header(path: Path, scene: Scene) -> Header:
    """What a LIF says of one of its images."""
    with _opened(path) as file:
        scenes = _scenes(file)
        if not scenes:
            raise FormatError(f"{path} holds no image.")
        names = [each.name for each in scenes]
        index = chosen_scene(path, names, scene)
        image = scenes[index].image
        layout = _layout(path, image)
        dims, shape = layout.dims, layout.shape
        planes.check_axes(path, dims, shape, "liffile")
        described = Header(dims, shape, layout.dtype, lambda region: _load(path, index, region))
        described.axes = _axes(image, layout)
        channels = channel_names(image.xml_element, layout)
        if len(channels) == 1:
            described.attrs["channel"] = channels[0]
        elif len(channels) == layout.sizes.get("c", 1):
            described.channels = channels
        described.name = scene_title(path, endings, names, index)
        described.scenes = names if len(names) > 1 else []
    return described


def _load(path: Path, index: int, region: Region) -> NDArray[Any]:
    with _opened(path) as file:
        scene = _scenes(file)[index]
        layout = _layout(path, scene.image)
        planes.check_memory(path, planes.region_shape(layout.dims, layout.shape, region), layout.dtype)
        return layout.values(path, scene.image.memory_block.offset, scene.tile, region)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with of_reading(path):
        liffile = library("liffile", "lif", "LIF files", least="2025.11.8")
        markup.check(_xml(path), f"The metadata of {path}")  # before the library parses it
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


def _scenes(file: Any) -> list[_Scene]:
    scenes: list[_Scene] = []
    for image in file.images:
        if image.xml_element.find("./Data/Image") is None:
            continue  # lifetimes of photons, which are no grey values
        tiles = Layout.tiles(image.xml_element)
        if tiles > 1:
            scenes += [_Scene(f"{image.path} tile {tile}", image, tile) for tile in range(tiles)]
        else:
            scenes.append(_Scene(image.path, image, None))
    return scenes


def _layout(path: Path, image: Any) -> Layout:
    layout = Layout.of(image.xml_element)
    block = image.memory_block
    if block.offset < 0 or layout.extent > block.size or block.offset + block.size > path.stat().st_size:
        raise FormatError(
            f"{path} is not complete: the image {image.path} takes {layout.extent} bytes, of which "
            f"{max(0, min(block.size, path.stat().st_size - block.offset))} are there. Copy or save it again."
        )
    return layout


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

"""How the voxels of a Leica image lie in its block: a stride for each axis and each channel, as its XML says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.image.header import Region, cut

_DESCRIPTION = "./Data/Image/ImageDescription"
_AXES = {1: "x", 2: "y", 3: "z", 4: "t", 5: "emission", 9: "excitation", 10: "tile"}
_SPECTRAL = ("excitation", "emission")  # which become channels
_MOST = 2**40  # voxels along an axis, and bytes of a stride


@dataclass(frozen=True)
class Dimension:
    """One axis as the file has it; `length` is what stands there, in `unit`."""

    axis: str
    count: int
    origin: str
    length: str
    unit: str
    stride: int


@dataclass(frozen=True)
class Layout:
    """Where the voxels of an image are, from the beginning of its block.

    Attributes
    ----------
    dimensions : tuple of Dimension
        Those of more than one voxel, the slowest first.
    channels : tuple of int
        Where each channel begins.
    dtype : dtype
    """

    dimensions: tuple[Dimension, ...]
    channels: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, element: ElementTree.Element) -> Layout:
        """Of the XML of an image."""
        dimensions = [each for each in _dimensions(element) if each.count > 1]
        types, channels = set(), []
        for channel in _channels(element):
            bits, real = int(channel.get("Resolution", "0")), channel.get("DataType") == "1"
            size = next((size for size in (1, 2, 4, 8) if 0 < bits <= 8 * size), 0)
            if not size or (real and size == 1):
                raise FormatError(f"A channel has {bits} bits; needed are up to 64. The file is damaged.")
            types.add(np.dtype(f"<{'f' if real else 'u'}{size}"))
            channels.append(_whole(channel, "BytesInc"))
        if len(types) != 1:
            raise FormatError(f"The channels are of {len(types)} types ({', '.join(map(str, types))}); needed is one.")
        if len({each.axis for each in dimensions}) < len(dimensions):
            raise FormatError(f"The image has an axis twice: {', '.join(each.axis for each in dimensions)}.")
        dimensions.sort(key=lambda each: each.stride, reverse=True)
        return cls(tuple(dimensions), tuple(channels), types.pop())

    @staticmethod
    def tiles(element: ElementTree.Element) -> int:
        """How many tiles of a mosaic the image has."""
        return next((each.count for each in _dimensions(element) if each.axis == "tile"), 1)

    @property
    def calibrated(self) -> dict[str, Dimension]:
        """The axes that have positions."""
        return {each.axis: each for each in self.dimensions if each.axis not in (*_SPECTRAL, "tile")}

    @property
    def sizes(self) -> dict[str, int]:
        """Voxels on each of our axes: channels first, and y and x of one voxel where a scan has none."""
        channels = len(self.channels)
        for each in self.dimensions:
            channels *= each.count if each.axis in _SPECTRAL else 1
        sizes = {"c": channels} if channels > 1 else {}
        sizes |= {each.axis: each.count for each in self.dimensions if each.axis not in (*_SPECTRAL, "tile")}
        return sizes | {axis: 1 for axis in ("y", "x") if axis not in sizes}

    @property
    def dims(self) -> tuple[str, ...]:
        """Our axes, in the order of `sizes`."""
        return tuple(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Their lengths."""
        return tuple(self.sizes.values())

    @property
    def extent(self) -> int:
        """How many bytes of the block the image takes."""
        last = max(self.channels) + sum(each.stride * (each.count - 1) for each in self.dimensions)
        return last + self.dtype.itemsize

    @property
    def spectrum(self) -> list[tuple[int, str]]:
        """What each channel is: the number of its detector, and its wavelengths."""
        spectrum = [(number, "") for number in range(len(self.channels))]
        for axis in _SPECTRAL:
            for each in self.dimensions:
                if each.axis == axis:
                    spectrum = [
                        (number, f"{text} {wave}".strip()) for number, text in spectrum for wave in _waves(each)
                    ]
        return spectrum

    @property
    def beginnings(self) -> list[int]:
        """Where each of our channels begins, in the order of `spectrum`."""
        begins = list(self.channels)
        for axis in _SPECTRAL:
            for each in self.dimensions:
                if each.axis == axis:
                    begins = [begin + number * each.stride for begin in begins for number in range(each.count)]
        return begins

    def values(self, path: Path, offset: int, tile: int | None, region: Region) -> NDArray[Any]:
        """A region of the image; no more of the file is read."""
        block = np.memmap(path, np.uint8, "r", offset, (self.extent,))
        parts = []
        for begin in self.channels:
            strides = tuple(each.stride for each in self.dimensions)
            counts = tuple(each.count for each in self.dimensions)
            channel = np.ndarray(counts, self.dtype, block.data, begin, strides)
            names = [each.axis for each in self.dimensions]
            if tile is not None:
                channel = channel[tuple(tile if axis == "tile" else slice(None) for axis in names)]
                names.remove("tile")
            for axis in reversed(_SPECTRAL):
                if axis in names:
                    channel = np.moveaxis(channel, names.index(axis), 0)
                    names.insert(0, names.pop(names.index(axis)))
            spectral = sum(axis in _SPECTRAL for axis in names)
            waves = [channel[place] for place in np.ndindex(*channel.shape[:spectral])]
            names = names[spectral:]
            parts += [wave.reshape(wave.shape + (1,) * (2 - len({"y", "x"} & set(names)))) for wave in waves]
        picked = parts[region.get("c", slice(None))]
        dims = tuple(axis for axis in self.dims if axis != "c")
        cuts = [np.array(cut(part, dims, region), self.dtype.newbyteorder("=")) for part in picked]
        if "c" not in self.dims:
            return cuts[0]
        sizes = [self.sizes[axis] for axis in dims]
        empty = cut(np.broadcast_to(np.zeros((), self.dtype), sizes), dims, region).shape
        return np.stack(cuts) if cuts else np.empty((0, *empty), self.dtype)


def channel_names(element: ElementTree.Element, layout: Layout) -> list[str]:
    """Names of the dyes, as far as they were noted, with the wavelengths of a series; none if they are unknown."""
    described = _channels(element)
    dyes = [
        next((each.findtext("Value") or "" for each in one.findall("ChannelProperty") if _key(each) == "DyeName"), "")
        for one in described
    ]
    if not all(dyes):
        settings = element.find("./Data/Image/Attachment[@Name='HardwareSetting']")
        confocal = None if settings is None else settings.find("ATLConfocalSettingDefinition")
        bands = [] if confocal is None else [band.get("DyeName") or "" for band in confocal.iter("MultiBand")]
        dyes = [band for band in bands if band]
    dyes = [dye.removeprefix("Leica/") for dye in dyes]
    known = len(dyes) == len(described)
    names = [f"{dyes[number] if known else ''} {wave}".strip() for number, wave in layout.spectrum]
    return names if all(names) else []


def _channels(element: ElementTree.Element) -> list[ElementTree.Element]:
    """The channels; those of a picture in colour as red, green and blue, in whatever order they are stored."""
    channels = element.findall(f"{_DESCRIPTION}/Channels/ChannelDescription")
    tags = [channel.get("ChannelTag", "0") for channel in channels]
    return (
        sorted(channels, key=lambda channel: channel.get("ChannelTag", ""))
        if sorted(tags) == ["1", "2", "3"]
        else channels
    )


def _dimensions(element: ElementTree.Element) -> list[Dimension]:
    return [
        Dimension(
            _AXES.get(_whole(each, "DimID"), f"dimension {each.get('DimID')}"), _whole(each, "NumberOfElements"),
            each.get("Origin", "0"), each.get("Length", "0"), each.get("Unit", ""), _whole(each, "BytesInc"),
        )
        for each in element.findall(f"{_DESCRIPTION}/Dimensions/DimensionDescription")
    ]  # fmt: skip


def _whole(element: ElementTree.Element, key: str) -> int:
    number = int(element.get(key, "-1"))
    if not 0 <= number < _MOST:
        raise FormatError(f"The metadata says {key}={element.get(key)}; the file is damaged. Copy or save it again.")
    return number


def _key(element: ElementTree.Element) -> str:
    return element.findtext("Key") or ""


def _waves(dimension: Dimension) -> list[str]:
    """The wavelengths of a series, in nanometres."""
    begin, length = float(dimension.origin), float(dimension.length)
    if dimension.unit == "m":
        begin, length = begin * 1e9, length * 1e9
    step = length / (dimension.count - 1)
    return [f"{begin + number * step:.6g} nm" for number in range(dimension.count)]

"""Files of microscopes made by hand from the descriptions of their formats, where no real one could be had."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


@dataclass(frozen=True)
class Axis:
    """An axis of a Leica image: its number there, the distance from the first centre to the last, in metres or s."""

    number: int
    count: int
    length: float
    origin: float = 0.0
    unit: str = "m"


def leica_image(axes: list[Axis], channels: list[dict[str, Any]], bits: int, name: str, block: str) -> str:
    """The XML of an image; axes from the fastest to the slowest, channels after the second one."""
    size = bits // 8
    stride, steps = size, []
    interleaved = len(channels) == 3 and all("tag" in channel for channel in channels)
    if interleaved:
        stride *= 3
    plane = 0
    for position, axis in enumerate(axes):
        if position == 2 and not interleaved:
            plane, stride = stride, stride * len(channels)
        steps.append(stride)
        stride *= axis.count
    if len(axes) == 2 and not interleaved:
        plane = stride
    described = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="{channel.get("tag", 0)}" Resolution="{bits}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="255" Unit="" LUTName="{channel.get("lut", "Gray")}" IsLUTInverted="0" '
        f'BytesInc="{channel.get("at", number) * (size if interleaved else plane)}" BitInc="0">'
        + (
            f"<ChannelProperty><Key>DyeName</Key><Value>{channel['dye']}</Value></ChannelProperty>"
            if "dye" in channel
            else ""
        )
        + "</ChannelDescription>"
        for number, channel in enumerate(channels)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis.number}" NumberOfElements="{axis.count}" Origin="{axis.origin}" '
        f'Length="{axis.length}" Unit="{axis.unit}" BitInc="0" BytesInc="{step}"/>'
        for axis, step in zip(axes, steps, strict=True)
    )
    return (
        f'<Element Name="{name}"><Memory Size="{stride}" MemoryBlockID="{block}"/><Data><Image><ImageDescription>'
        f"<Channels>{described}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        "</Element>"
    )


def _text(text: str) -> bytes:
    content = text.encode("utf-16-le")
    return struct.pack("<IIBI", 0x70, len(content) + 5, 0x2A, len(text)) + content


def lif(path: Path, *images: tuple[str, NDArray[Any]]) -> Path:
    """A LIF of several images; each with its XML, whose block is called ``block 0`` and so on."""
    elements = "".join(xml for xml, _ in images)
    whole = (
        '<LMSDataContainerHeader Version="2"><Element Name="project"><Memory Size="0" MemoryBlockID="none"/>'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    )
    with path.open("wb") as file:
        file.write(_text(whole))
        for number, (_, values) in enumerate(images):
            name = f"block {number}"
            file.write(struct.pack("<IIBQBI", 0x70, 14 + 2 * len(name), 0x2A, values.nbytes, 0x2A, len(name)))
            file.write(name.encode("utf-16-le") + values.tobytes())
    return path


def lof(path: Path, xml: str, values: NDArray[Any]) -> Path:
    """A LOF: one image, its XML behind it."""
    header = f'<LMSDataContainerHeader Version="2">{xml}</LMSDataContainerHeader>'
    with path.open("wb") as file:
        file.write(_text("LMS_Object_File"))
        file.write(struct.pack("<BIBI", 0x2A, 2, 0x2A, 0))
        file.write(struct.pack("<BQ", 0x2A, values.nbytes) + values.tobytes())
        file.write(_text(header))
    return path


_XML = '<?xml version="1.0" encoding="utf-8"?>\n<LMSDataContainerHeader Version="2">{}</LMSDataContainerHeader>'


def xlif(path: Path, xml: str, frames: list[tuple[str, int, int]]) -> Path:
    """An XLIF: the XML of an image; the files of its voxels, each with where in them it begins, and its bytes."""
    named = "".join(f'<Frame File="{file}" Offset="{offset}" Size="{size}"/>' for file, offset, size in frames)
    described = re.sub(r"(<Memory [^>]*)/>", lambda found: f"{found[1]}>{named}</Memory>", xml)
    path.write_text(_XML.format(described), "utf-8")
    return path


def collection(path: Path, kind: str, *names: str) -> Path:
    """An XLEF (an ``Experiment``) or an XLCF (a ``Collection``), which names others."""
    children = "".join(f'<Reference File="{name}" UUID="0"/>' for name in names)
    path.write_text(
        _XML.format(f'<Element Name="{path.stem}"><Data><{kind}/></Data><Children>{children}</Children></Element>'),
        "utf-8",
    )
    return path


def xlef(folder: Path, xml: str, values: NDArray[Any]) -> Path:
    """A project of one image twice: in a LOF, and in a folder of TIFFs, a plane each."""
    for below in ("Metadata", "planes"):
        (folder / below).mkdir()
    lof(folder / "whole.lof", xml, values)
    xlif(folder / "Metadata" / "whole.xlif", xml, [("..\\Whole.lof", 0, values.nbytes)])
    frames = []
    for number, plane in enumerate(values.reshape(-1, *values.shape[-2:])):
        tifffile.imwrite(folder / "planes" / f"p {number}.tif", plane, photometric="minisblack", metadata=None)
        frames.append((f"../planes/p%20{number}.tif", number * plane.nbytes, plane.nbytes))
    xlif(folder / "Metadata" / "planes.xlif", xml, frames)
    collection(folder / "Metadata" / "sample.xlcf", "Collection", "planes.xlif")
    return collection(folder / "project.xlef", "Experiment", "Metadata%5Cwhole.xlif", "Metadata/sample.xlcf")


def letters(text: str) -> NDArray[Any]:
    """An attribute as Imaris writes it: an array of letters."""
    return np.frombuffer(text.encode(), "S1")


def ims(path: Path, values: NDArray[Any], extent: dict[str, tuple[float, float]], **options: Any) -> Path:
    """An IMS of t, c, z, y, x, padded to whole blocks.

    `options`: unit, names of channels, the moments of time points, compression, and those of h5py.
    """
    import h5py

    blocks = options.get("blocks", (2, 16, 16))
    with h5py.File(path, "w") as file:
        file.attrs["ImarisDataSet"] = letters("ImarisDataSet")
        about = file.create_group("DataSetInfo/Image")
        for number, axis in enumerate("xyz"):
            about.attrs[f"ExtMin{number}"] = letters(f"{extent[axis][0]:.9g}\0")
            about.attrs[f"ExtMax{number}"] = letters(f"{extent[axis][1]:.9g}\0")
        if "unit" in options:
            about.attrs["Unit"] = letters(options["unit"])
        for number, name in enumerate(options.get("channels", [])):
            file.create_group(f"DataSetInfo/Channel {number}").attrs["Name"] = letters(name)
        clock = file.create_group("DataSetInfo/TimeInfo")
        for number, moment in enumerate(options.get("moments", [])):
            clock.attrs[f"TimePoint{number + 1}"] = letters(moment)
        for t, series in enumerate(values):
            for c, volume in enumerate(series):
                for level in range(2):
                    small = volume[:: 2**level, :: 2**level, :: 2**level]
                    padded = [-(-size // block) * block for size, block in zip(small.shape, blocks, strict=True)]
                    group = file.create_group(f"DataSet/ResolutionLevel {level}/TimePoint {t}/Channel {c}")
                    for axis, size in zip("ZYX", small.shape, strict=True):
                        group.attrs[f"ImageSize{axis}"] = letters(str(size))
                    data = group.create_dataset(
                        "Data", padded, small.dtype, chunks=blocks, compression=options.get("compression")
                    )
                    data[: small.shape[0], : small.shape[1], : small.shape[2]] = small
    return path


def czi(path: Path, **options: Any) -> Any:
    """A CZI that is open for writing with Zeiss's own library."""
    from pylibCZIrw.czi import create_czi

    return create_czi(str(path), **options)


def dv(path: Path, values: NDArray[Any], sizes: tuple[float, float, float]) -> Path:
    """A DeltaVision file of t, c, z, y, x, whose sections are those of z, then t, then the channel.

    `sizes` are those of z, y, x in micrometers.
    """
    t, c, z, y, x = values.shape
    head = struct.pack(
        "<10i6f3i3f2i2hi24s4h6f6h2f2h3f6h3fi800s",
        *(x, y, c * z * t, 6, 0, 0, 0, x, y, z), *(*sizes[::-1], 90, 90, 90), *(1, 2, 3), *(0, 0, 0), *(0, 0),
        *(-16224, 0), 0, b"", *(0, 0, 1, 1), *[0] * 6, *[0] * 6, *(0, 0), *(t, 0), *(0, 0, 0), *(c, 0, 0, 0, 0, 0),
        *(0, 0, 0), 0, b"",
    )  # fmt: skip
    path.write_bytes(head + values.transpose(1, 0, 2, 3, 4).astype("<u2").tobytes())
    return path

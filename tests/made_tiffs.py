"""TIFFs in the dialects of microscopes' programs, made by hand from their descriptions."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

VALUES = np.random.default_rng(0).integers(1, 255, (6, 20, 24), np.uint8)
_PLAIN: dict[str, Any] = {"photometric": "minisblack", "metadata": None, "software": False, "contiguous": False}


def by_hand(path: Path, planes: Any, texts: list[dict[int, str]], head: bytes = b"") -> Path:
    """A TIFF whose voxels stand before what describes them, with text tags for each page, and a head of its own."""
    content = bytearray(b"II*\0\0\0\0\0" + head)
    before = 4  # where the place of the next page is noted
    for plane, tags in zip(planes, texts, strict=True):
        height, width = plane.shape
        pixels = len(content)
        content += plane.tobytes() + b"\0" * (plane.nbytes % 2)
        entries = {
            256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8 * plane.itemsize), 259: (3, 1, 1), 262: (3, 1, 1),
            273: (4, 1, pixels), 277: (3, 1, 1), 278: (4, 1, height), 279: (4, 1, plane.nbytes), 282: (5, 1, None),
            283: (5, 1, None), 296: (3, 1, 2),
        }  # fmt: skip
        dots = len(content)
        content += struct.pack("<II", 72, 1)
        for code, text in tags.items():
            entries[code] = (2, len(text) + 1, len(content))
            content += text.encode() + b"\0" * (2 - len(text) % 2)
        content[before : before + 4] = struct.pack("<I", len(content))
        content += struct.pack("<H", len(entries))
        for code, (kind, count, value) in sorted(entries.items()):
            content += struct.pack("<HHII", code, kind, count, dots if value is None else value)
        before = len(content)
        content += b"\0\0\0\0"
    path.write_bytes(content)
    return path


def lsm(path: Path, *, z: float = 1.5e-6) -> Path:
    """An LSM of Zeiss: metres in one tag, a thumbnail behind each slice."""
    head = struct.pack(
        "<IiiiiiiiiiddddddHHI", 0x0400494C, 512, 24, 20, 6, 1, 1, 1, 12, 10, 1e-7, 1e-7, z, 0.0, 0.0, 0.0, 0, 0, 0
    )
    head += b"\0" * (512 - len(head))
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(VALUES):
            tags = [(34412, 7, 512, head, True)] if number == 0 else []
            file.write(plane, extratags=tags, **_PLAIN)
            file.write(plane[::2, ::2], subfiletype=1, **_PLAIN)
    return path


def stk(path: Path, distances: tuple[int, ...] = (3,) * 6) -> Path:
    """A MetaMorph stack: UIC1 with the size of pixels, UIC2 with a distance, in halves, for each plane."""
    count, height, width = VALUES.shape
    ratio = 8 + 2 + 12 * 11 + 4
    unit, first = ratio + 8, ratio + 16
    second = first + 24
    pixels = second + 24 * count
    blob = (
        struct.pack("<II", 1, 10) + struct.pack("<I", 3) + b"um\0\0" + struct.pack("<6I", 4, ratio, 5, ratio, 6, unit)
    )
    blob += b"".join(struct.pack("<6I", distance, 2, 2450000, 0, 2450000, 0) for distance in distances)
    entries = sorted(
        [
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, width * height),
            (33628, 4, 3, first), (33629, 5, count, second),
        ]
    )  # fmt: skip
    content = b"II*\0" + struct.pack("<IH", 8, len(entries))
    content += b"".join(
        struct.pack("<HHIHH" if kind == 3 else "<HHII", code, kind, number, value, *((0,) if kind == 3 else ()))
        for code, kind, number, value in entries
    )
    path.write_bytes(content + struct.pack("<I", 0) + blob + VALUES.tobytes())
    return path


def scifio(path: Path) -> Path:
    """A TIFF of SCIFIO, whose resolution is in pixels per centimeter."""
    description = (
        "SCIFIO=0.41.2\naxes=X,Y,Z\nlengths=24,20,6\nscales=0.1,0.1,1.5\nunits=um,um,um\nbitsPerPixel=8\nimages=6\n"
        "channels=1\nslices=6\nframes=1\nhyperstack=true\nmode=composite\nunit=um\n"
    )
    tifffile.imwrite(
        path, VALUES, photometric="minisblack", metadata=None, software=False, description=description,
        resolution=((10**8, 1000),) * 2, resolutionunit=3,
    )  # fmt: skip
    return path


def scanimage(path: Path, values: NDArray[Any], **settings: str) -> Path:
    """A TIFF of ScanImage 2016 and later: pages in a row, settings in the tag of the software."""
    usual = {
        "hChannels.channelSave": "1",
        "hChannels.channelName": "{'red' 'green' 'blue'}",
        "hRoiManager.imagingFovUm": "[-6 -5;6 -5;6 5;-6 5]",
        "hRoiManager.mroiEnable": "false",
        "hRoiManager.scanFrameRate": "30",
        "hStackManager.numSlices": "11",  # of an earlier stack
        "hStackManager.stackZStepSize": "-2.5",
    }
    text = "\n".join(f"SI.{key} = {value}" for key, value in (usual | settings).items())
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for number, plane in enumerate(values):
            file.write(
                plane, **(_PLAIN | {"software": text}), description=f"frameNumbers = {number + 1}\n",
            )  # fmt: skip
    return path


def scanimage_volumes(path: Path) -> Path:
    """Two fast volumes of four slices, two channels, with one page of the way back."""
    values = np.arange(20, dtype=np.int16)[:, None, None] * 10 + np.zeros((20, 20, 24), np.int16)
    return scanimage(
        path, values,
        **{
            "hChannels.channelSave": "[1;3]", "hStackManager.enable": "true", "hFastZ.enable": "true",
            "hStackManager.actualNumSlices": "4", "hStackManager.framesPerSlice": "1",
            "hStackManager.numFramesPerVolumeWithFlyback": "5",
        },
    )  # fmt: skip


def scanimage_3(path: Path, values: NDArray[Any], slices: int, frames: int) -> Path:
    """A TIFF of ScanImage 3, with its settings in the description of each page, and 72 dpi."""
    settings = {
        "configName": "'ajdm_piezo'", "acq.numberOfZSlices": slices, "acq.zStepSize": 1.5, "acq.numberOfFrames": frames,
        "acq.frameRate": 4, "acq.averaging": 0, "acq.savingChannel1": 0, "acq.savingChannel2": 1,
        "acq.savingChannel3": 0, "acq.savingChannel4": 0,
    }  # fmt: skip
    description = "".join(f"state.{key}={value}\r" for key, value in settings.items())
    return by_hand(path, values, [{270: description.ljust(900)}] * len(values))


def micromanager(path: Path, *, indexed: bool = False) -> Path:
    """A stack of Micro-Manager in three slices and two channels, slices fastest; the step is in the stage's heights."""
    texts = []
    for number in range(6):
        c, z = divmod(number, 3)
        place: dict[str, Any] = {"Axes": {"channel": c, "z": z}}
        if indexed:
            place = {"ChannelIndex": c, "SliceIndex": z, "FrameIndex": 0, "PositionIndex": 0}
        noted = place | {
            "PixelSizeUm": 0.1, "Channel": ("DAPI", "GFP")[c], "ZPosition_um_Intended": 20.0 + 0.75 * z,
        }  # fmt: skip
        texts.append({51123: json.dumps(noted)})
    summary = b'{"Prefix": "stack"}'
    return by_hand(path, VALUES, texts, struct.pack("<IIII", 483729, 2, 2355492, len(summary)) + summary + b"\0")


def ome_pyramid(path: Path) -> Path:
    """An OME-TIFF with two levels; only the finest is the image."""
    options: dict[str, Any] = {"photometric": "minisblack", "tile": (16, 16)}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(
            VALUES, subifds=1, **options,
            metadata={
                "axes": "ZYX", "PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 100,
                "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 1.5, "PhysicalSizeZUnit": "µm",
            },
        )  # fmt: skip
        file.write(VALUES[:, ::2, ::2], subfiletype=1, **options)
    return path

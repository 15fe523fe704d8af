"""ImageJ's dialect of TIFF: a description in lines, and tags of its own; :mod:`.imagej_metadata` knows their words.

This module moves them from a file to a hyperstack.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import imagej_metadata, reading, tags
from isoscale_ij.files.tiff.completeness import LETTERS
from isoscale_ij.files.tiff.ifds import DESCRIPTION
from isoscale_ij.files.tiff.patching import BYTE, LONG, Changes
from isoscale_ij.image import looks, properties
from isoscale_ij.image.header import Header, Region
from isoscale_ij.image.hyperstack import Hyperstack, hyperstack

if TYPE_CHECKING:
    import xarray as xr

METADATA_SIZES, METADATA, COLOR_MAP = 50838, 50839, 320
_HEAD = 4  # bytes of a header that names no part


def speaks(file: tifffile.TiffFile) -> bool:
    """Whether ImageJ, or a program that writes as it does, wrote the file."""
    return bool(file.pages.first.is_imagej)


def header(file: tifffile.TiffFile, index: int) -> Header:
    """What an ImageJ TIFF says of its image."""
    series = file.series[index]
    stack = read_stack(file, index)
    letters = series.axes.replace("C", "Z") if stack.rgb else series.axes
    dims = tuple(LETTERS.get(letter.lower(), letter.lower()) for letter in letters)
    load = reading.loader(file, index, dims, series.shape)
    if stack.rgb or "s" not in series.axes.lower():
        described = stack.header(lambda: load({}), load_region=lambda region: _in_order(load, dims, described, region))
        return described
    order = [axis for axis in ("T", "I", "Z", "C", "S", "Y", "X") if axis in series.axes]  # channels of RGB each
    return stack.header(lambda: load({}).transpose([series.axes.index(axis) for axis in order]))


def _in_order(load: Any, dims: tuple[str, ...], described: Header, region: Region) -> NDArray[Any]:
    return reading.arranged(
        load({axis: part for axis, part in region.items() if axis in dims}), dims, described, region
    )


def read_stack(file: tifffile.TiffFile, index: int) -> Hyperstack:
    """What ImageJ says of the image, in its own terms."""
    series, page = file.series[index], file.pages.first
    described = imagej_metadata.parse_description(page.imagej_description or "")
    metadata = dict(page.tags.valueof(METADATA) or {}) if METADATA in page.tags else {}
    dtype = np.dtype(series.dtype)
    if dtype.kind not in "biuf":
        raise FormatError(f"Got values of type {dtype}; needed are integers or real numbers.")
    planes = math.prod(size for size, axis in zip(series.shape, series.axes, strict=True) if axis not in "YXS")
    stated = described.get("images", "1")
    if stated.isdigit() and int(stated) > planes and int(stated) > len(file.pages):
        raise FormatError(f"The file is truncated: {planes} of {stated} images are in it.")
    if series.kind != "imagej" and planes > 1:
        remarks.warn(
            f"{file.filehandle.path}: the description speaks of other numbers of channels, slices and frames than "
            f"the {planes} images that are there; they are taken as slices."
        )
    sizes = dict(zip(series.axes, series.shape, strict=True))
    channels, slices, frames = sizes.get("C", 1), sizes.get("Z", 1) * sizes.get("I", 1), sizes.get("T", 1)
    rgb = "S" in sizes
    if rgb and channels > 1 and slices == 1:  # as ImageJ shows a stack of RGB planes that are called channels
        channels, slices = 1, channels
    if rgb and (channels > 1 or dtype != np.uint8 or sizes["S"] != 3):
        channels, rgb = channels * sizes["S"], False
    stack = Hyperstack(
        sizes["X"], sizes["Y"], channels, slices, frames, dtype.name, rgb,
        about=imagej_metadata.read_about(described, metadata), title=described.get("name"),
        properties={str(key): str(value) for key, value in dict(metadata.get("Properties") or {}).items()},
    )  # fmt: skip
    if "luts" not in stack.about and (lut := _color_map(page)) is not None:
        stack.about["luts"] = [lut]
    stack.about = looks.chosen(stack.about, stack.properties.pop(properties.LOOKS, None))
    pixel = {axis: 1.0 if tags.is_screen(page) else tags.pixel_size(page, axis) for axis in ("x", "y")}
    imagej_metadata.read_calibration(stack, described, pixel)
    return stack


def changes(file: tifffile.TiffFile, index: int, image: xr.DataArray) -> Changes:
    """The tags that give the image another calibration; the lines of the description that are not of it stay."""
    page, order = file.pages.first, file.byteorder
    if index or not speaks_first(page):
        raise tags.refusal(file.filehandle.path, "it stands in a second description")
    stack = hyperstack(image, np.dtype(file.series[index].dtype))
    size = {axis: tags.resolution(stack.sizes.get(axis), axis) for axis in ("x", "y")}
    changed = tags.of_resolution(order, size["x"], size["y"], 1)
    changed[DESCRIPTION] = tags.of_description(imagej_metadata.recalibrated(tags.description(file), stack))
    return {**changed, **_properties(page, order, stack)}


def description_of(stack: Hyperstack, order: str, *, rgb: bool) -> Changes:
    """The tags that make an image of ImageJ out of one that has none of them, with the calibration of `stack`."""
    if rgb:
        stack.rgb, stack.channels = True, 1
    size = {axis: tags.resolution(stack.sizes.get(axis), axis) for axis in ("x", "y")}
    made = tags.of_resolution(order, size["x"], size["y"], 1)
    made[DESCRIPTION] = tags.of_description(imagej_metadata.description(stack))
    kept = (*properties.OF_CALIBRATION, properties.DIMS)
    own = {key: stack.properties[key] for key in kept if key in stack.properties}
    return {**made, **(_metadata(order, [], b"", own) if own else {})}


def speaks_first(page: Any) -> bool:
    """Whether ImageJ's description is the first one of the page."""
    return bool(page.imagej_description == page.description)


def _properties(page: Any, order: str, stack: Hyperstack) -> Changes:
    """The tags of ImageJ's metadata with our properties of the calibration; none where there are none to change."""
    if _are_hollow(page) and METADATA not in page.tags:
        own = {key: stack.properties[key] for key in properties.OF_CALIBRATION if key in stack.properties}
        return _metadata(order, [], b"", own)
    data = page.tags.valueof(METADATA) or {}
    known = {str(key): str(value) for key, value in dict(data.get("Properties") or {}).items()}
    wanted = {key: value for key, value in known.items() if key not in properties.OF_CALIBRATION}
    wanted |= {key: stack.properties[key] for key in properties.OF_CALIBRATION if key in stack.properties}
    if wanted == known:
        return {}
    sizes: list[int] = []
    content = b""
    if METADATA in page.tags:
        sizes = [int(size) for size in np.ravel(page.tags.valueof(METADATA_SIZES))]
        file, tag = page.parent.filehandle, page.tags[METADATA]
        file.seek(tag.valueoffset)
        content = file.read(tag.valuebytecount)
    return _metadata(order, sizes, content, wanted)


def _are_hollow(page: Any) -> bool:
    """Whether the tags of ImageJ's metadata are there with nothing in them, as we once left them."""
    return METADATA_SIZES in page.tags and np.ravel(page.tags.valueof(METADATA_SIZES)).tolist() == [_HEAD]


def _metadata(order: str, sizes: list[int], content: bytes, wanted: dict[str, str]) -> Changes:
    """The tags with other properties; they go where nothing is left in them: no reader expects that."""
    sizes, content = imagej_metadata.with_properties(sizes, content, order, wanted)
    if sizes == [_HEAD]:
        return {METADATA_SIZES: None, METADATA: None}
    return {
        METADATA_SIZES: (LONG, len(sizes), struct.pack(f"{order}{len(sizes)}I", *sizes)),
        METADATA: (BYTE, len(content), content),
    }


def _color_map(page: Any) -> list[list[int]] | None:
    """The lookup table of a single channel, 3 x 256; None where there is none or it is grey."""
    table = page.tags.valueof(COLOR_MAP)
    if table is None or np.size(table) != 768:
        return None
    table = np.asarray(table).reshape(3, 256) >> 8
    return None if (table == np.arange(256)).all() else table.tolist()

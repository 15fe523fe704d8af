"""OME-TIFF: the calibration is in the OME-XML, with a unit for each axis; :mod:`.tiff.ome_xml` knows its words."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from isoscale_ij.errors import FormatError
from isoscale_ij.files.atomic import replacing
from isoscale_ij.files.scenes import Scene
from isoscale_ij.files.tiff import ifds, ome_xml, patching, planes, reading
from isoscale_ij.image.axes import CALIBRATED, channel_names
from isoscale_ij.image.calibration import axis_unit, is_labels, lower_edge, spacing
from isoscale_ij.image.header import Axis, Header, json_like, out_of_json
from isoscale_ij.image.units import canonical_unit, symbol

if TYPE_CHECKING:
    import xarray as xr

_TYPES = {
    "bool": "uint8", "float16": "float32",
    "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "int8": "int8", "int16": "int16", "int32": "int32",
    "float32": "float32", "float64": "float64",
}  # fmt: skip
_WIDER = ("int32", "uint32")  # for longer integers, where their values fit
_OME_NAMES = {"float32": "float", "float64": "double"}
_COMPANION = ".companion.ome"
_BIG = 2**32 - 2**16

name = "OME-TIFF"
endings = (".ome.tif", ".ome.tiff")


def can_read(first_bytes: bytes, path: Path) -> bool:
    """Whether a file is a TIFF with an OME-XML, or the companion of such files."""
    if path.name.lower().endswith(_COMPANION):
        return first_bytes.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
    if ifds.layout(first_bytes) is None:
        return False
    with path.open("rb") as file:
        description = ifds.description(file) or b""
    return description.rstrip(b"\0 \r\n\t").endswith(b"OME>")


def header(path: Path, scene: Scene) -> Header:
    """What an OME-TIFF says of one of its images."""
    tiff, described, text = _sources(path)
    root = ome_xml.parsed(text)
    if not ome_xml.images(root):
        raise FormatError(f"The OME-XML of {described} describes no image. Save the file again.")
    ome_xml.check_counts(described, root)
    external = None if tiff == described else text
    return reading.header(
        tiff, scene, lambda file, index: _header(file, index, root, external), reading.series_names,
        omexml=external, before=lambda file, index: _check_files(tiff, file, index, root),
    )  # fmt: skip


def write(path: Path, image: xr.DataArray) -> None:
    """Write an image with its OME-XML; as BigTIFF where it is above 4 GiB."""
    dtype = _file_type(image)
    xml = _xml(image, dtype)
    with tifffile.TiffWriter(path, bigtiff=image.size * dtype.itemsize >= _BIG) as file:
        file.write(
            **planes.of(image.data, 2, lambda values: np.ascontiguousarray(values, dtype), dtype),
            description=xml.encode(), metadata=None, photometric="minisblack", software=False,
        )  # fmt: skip


def recalibrate(path: Path, scene: Scene, change: Callable[[xr.DataArray], xr.DataArray]) -> None:
    """Change the calibration in the OME-XML, wherever a file of the set has it; all else in it stays."""
    tiff, described, text = _sources(path)
    known = header(path, scene)
    image = change(known.image(values=False))
    index = int(known.place or 0)
    note = {key: value for key, value in _note(image, known.dtype).items() if key in (*CALIBRATED, "single_axes")}
    attributes = _calibration(image)
    new = ome_xml.changed(text, index, attributes, note)
    if described != tiff:
        if not _is_tiff(described):
            with replacing(described, overwrite=True) as temporary:
                temporary.write_bytes(new.encode("utf-8"))
            return
        tiff = described
    changes = [(tiff, _description(new), 0)]
    root = ome_xml.parsed(text)
    for other in ome_xml.files_of(ome_xml.images(root)[index][1]):
        beside = tiff.parent / other
        if not beside.exists() or beside.samefile(tiff) or not _is_tiff(beside):
            continue
        copy = _text(beside)
        same = _same_image(copy, root, index) if can_read(b"II*\0", beside) else None
        if same is not None:
            changes.append((beside, _description(ome_xml.changed(copy, same, attributes, note)), 0))
    patching.patches(changes, check=lambda: header(path, scene).image(values=False))


def _sources(path: Path) -> tuple[Path, Path, str]:
    """The TIFF, the file that has the OME-XML (the TIFF or its companion), and that XML."""
    if path.name.lower().endswith(_COMPANION):
        text = path.read_text("utf-8-sig")
        names = [each for _, pixels in ome_xml.images(ome_xml.parsed(text)) for each in ome_xml.files_of(pixels)]
        tiff = next((path.parent / each for each in names if (path.parent / each).exists()), None)
        if tiff is None:
            raise FormatError(
                f"{path} describes images that are in {', '.join(names[:6]) or 'no file'}; none of them is beside it."
            )
        return tiff, path, text
    text = _text(path)
    other = ome_xml.companion(ome_xml.parsed(text))
    if other is None:
        return path, path, text
    beside = path.parent / other
    if not beside.is_file():
        raise FormatError(f"{path} has its description in {other}, which is not there. Put it into {path.parent}.")
    return path, beside, _text(beside) if _is_tiff(beside) else beside.read_text("utf-8-sig")


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return ifds.layout(file.read(4)) is not None


def _text(path: Path) -> str:
    """The OME-XML of a TIFF."""
    with path.open("rb") as file:
        description = (ifds.description(file) or b"").rstrip(b"\0")
    try:
        return description.decode("utf-8")
    except UnicodeDecodeError:
        return description.decode("latin-1")


def _check_files(path: Path, file: tifffile.TiffFile, index: int, root: ElementTree.Element) -> None:
    described = ome_xml.images(root)[ome_xml.image_of(root, reading.series_names(file), index)]
    ome_xml.check_files(path, root, described[1])


def _header(file: tifffile.TiffFile, index: int, root: ElementTree.Element, external: str | None) -> Header:
    series = file.series[index]
    place = ome_xml.image_of(root, reading.series_names(file), index)
    image, pixels = ome_xml.images(root)[place]
    note = ome_xml.own_annotation(root, image)
    axes = {}
    for axis, attribute in ome_xml.CALIBRATION.items():
        size = pixels.get(attribute)
        if size is not None:
            stated = canonical_unit(pixels.get(f"{attribute}Unit")) or ome_xml.DEFAULT_UNITS[axis]
            unit = None if stated == "reference frame" else stated
            noted = dict(note.get(axis) or {})
            axes[axis] = Axis(size, noted.get("unit", unit), float(noted.get("lower", 0.0)))
    in_file, shape = reading.dims_of(series), tuple(series.shape)
    dims = in_file
    for axis in note.get("single_axes", ""):
        if axis not in dims:
            dims, shape = (axis, *dims), (1, *shape)
    reading.check_dims(file, dims, shape)
    names = [channel.get("Name") for channel in pixels.findall("{*}Channel")]
    count = dict(zip(dims, shape, strict=True)).get("c", 1)
    attrs = dict(out_of_json(note.get("attrs", {})))
    if "kind" in note:
        attrs["kind"] = note["kind"]
    dtype = np.dtype(note.get("dtype") or series.dtype)
    load = reading.loader(file, index, dims, shape, omexml=external)
    channels = [str(each) for each in names] if len(names) == count and all(names) else None
    return Header(dims, shape, dtype, load, axes, channels, note.get("name") or image.get("Name"), attrs, place)


def _same_image(text: str, root: ElementTree.Element, index: int) -> int | None:
    """Which image of another XML is the image of this one, by its ID; None if none is."""
    wanted = ome_xml.images(root)[index][0].get("ID")
    others = [image.get("ID") for image, _ in ome_xml.images(ome_xml.parsed(text))]
    return others.index(wanted) if wanted in others else None


def _description(xml: str) -> dict[int, patching.Value]:
    content = xml.encode("utf-8") + b"\0"
    return {ifds.DESCRIPTION: (patching.ASCII, len(content), content)}


def _file_type(image: xr.DataArray) -> np.dtype[Any]:
    """The type in which an OME-TIFF holds the image."""
    name = image.dtype.newbyteorder("=").name
    if name in _TYPES:
        return np.dtype(_TYPES[name])
    if image.dtype.kind not in "iu":
        raise FormatError(f"Got values of type {name}; an OME-TIFF holds {', '.join(_TYPES)}. Convert them to float64.")
    low, high = int(image.data.min()), int(image.data.max())
    fitting = next((t for t in _WIDER if np.iinfo(t).min <= low and high <= np.iinfo(t).max), None)
    if fitting is None:
        raise FormatError(
            f"Got values of type {name} from {low} to {high}; an OME-TIFF holds integers up to 32 bits. "
            "Convert them to float64."
        )
    return np.dtype(fitting)


def _xml(image: xr.DataArray, dtype: np.dtype[Any]) -> str:
    schema, prolog = ome_xml.SCHEMA, '<?xml version="1.0" encoding="UTF-8"?>'
    sizes = {axis.upper(): str(image.sizes.get(axis, 1)) for axis in "xyzct"}
    root = ElementTree.Element("OME", {"xmlns": schema, "UUID": f"urn:uuid:{uuid.uuid4()}", "Creator": "isoscale_ij"})
    title = str(image.name or "")
    ome_xml.check_text(title, "the name")
    element = ElementTree.SubElement(root, "Image", {"ID": "Image:0", "Name": title})
    attributes = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYZCT",
        "Type": _OME_NAMES.get(dtype.name, dtype.name),
        "BigEndian": "false",
        **{f"Size{axis}": size for axis, size in sizes.items()},
    }
    attributes |= _calibration(image)
    pixels = ElementTree.SubElement(element, "Pixels", attributes)
    names = channel_names(image) if "c" in image.coords else [""] * int(sizes["C"])
    for index, channel_name in enumerate(names):
        ome_xml.check_text(channel_name, "the channel name")
        named = {"Name": channel_name} if channel_name else {}
        ElementTree.SubElement(pixels, "Channel", {"ID": f"Channel:0:{index}", "SamplesPerPixel": "1"} | named)
    ElementTree.SubElement(
        pixels, "TiffData", {"IFD": "0", "PlaneCount": str(int(sizes["Z"]) * int(sizes["C"]) * int(sizes["T"]))}
    )
    bare = prolog + ElementTree.tostring(root, encoding="unicode")
    return ome_xml.changed(bare, 0, _calibration(image), _note(image, dtype))


def _calibration(image: xr.DataArray) -> dict[str, str]:
    """The attributes of Pixels that hold the calibration."""
    attributes = {}
    for axis, attribute in ome_xml.CALIBRATION.items():
        size = spacing(image, axis) if axis in image.dims else None
        if size is not None:
            unit = axis_unit(image, axis)
            ome_xml.check_text(unit or "", "the unit")
            attributes[attribute] = repr(size)
            attributes[f"{attribute}Unit"] = symbol(unit) if unit else ("s" if axis == "t" else "reference frame")
    return attributes


def _note(image: xr.DataArray, dtype: np.dtype[Any]) -> dict[str, Any]:
    """What OME-XML has no word for."""
    note: dict[str, Any] = {}
    for axis in CALIBRATED:
        if axis in image.dims and spacing(image, axis) is not None:
            note[axis] = {"lower": lower_edge(image, axis), "unit": axis_unit(image, axis)}
    note["single_axes"] = "".join(axis for axis in ("z", "c", "t") if image.sizes.get(axis) == 1)
    if image.name is not None:
        note["name"] = str(image.name)
    if is_labels(image):
        note["kind"] = "labels"
    if image.dtype.newbyteorder("=") != dtype:
        note["dtype"] = image.dtype.newbyteorder("=").name
    attrs = json_like({key: value for key, value in image.attrs.items() if key != "kind"})
    if attrs:
        note["attrs"] = attrs
    return note

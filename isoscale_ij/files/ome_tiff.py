"""OME-TIFF: the calibration is in the OME-XML, with a unit for each axis.

Where an image begins, its kind and its other attributes stand in a map annotation of our own
namespace; stage positions, which OME-XML gives per plane, say nothing of it and are left alone.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files.stored import stored_values
from isoscale_ij.image.axes import CALIBRATED, channel_names
from isoscale_ij.image.calibration import axis_unit, is_labels, lower_edge, spacing
from isoscale_ij.image.header import Axis, Header, json_like
from isoscale_ij.image.units import canonical_unit, symbol

_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_OURS = "isoscale-ij"
_TYPES = {
    "bool": "uint8", "float16": "float32",
    "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "int8": "int8", "int16": "int16", "int32": "int32",
    "float32": "float32", "float64": "float64",
}  # fmt: skip
_OME_NAMES = {"float32": "float", "float64": "double"}
_DEFAULT_UNITS = {"z": "micrometer", "y": "micrometer", "x": "micrometer", "t": "second"}
_CALIBRATION = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement")
_BIG = 2**32 - 2**16


def header(file: tifffile.TiffFile) -> Header:
    """What an OME-TIFF says of its first image."""
    series = file.series[0]
    try:
        root = ElementTree.fromstring(file.ome_metadata or "")
    except ElementTree.ParseError as error:
        raise FormatError(f"The OME-XML is damaged: {error}. Save the file again.") from error
    image = root.find("{*}Image")
    pixels = None if image is None else image.find("{*}Pixels")
    if image is None or pixels is None:
        raise FormatError("The OME-XML describes no image. Save the file again.")
    ours = _our_annotation(root)
    axes = {}
    for axis, attribute in (
        ("z", "PhysicalSizeZ"),
        ("y", "PhysicalSizeY"),
        ("x", "PhysicalSizeX"),
        ("t", "TimeIncrement"),
    ):
        size = pixels.get(attribute)
        if size is not None:
            stated = canonical_unit(pixels.get(f"{attribute}Unit")) or _DEFAULT_UNITS[axis]
            unit = None if stated == "reference frame" else stated
            if axis in ours and "unit" in ours[axis]:
                unit = ours[axis]["unit"]
            axes[axis] = Axis(float(size), unit, ours.get(axis, {}).get("lower", 0.0))
    names = [channel.get("Name") for channel in pixels.findall("{*}Channel")]
    stored_dims = tuple({"s": "c", "i": "z"}.get(axis.lower(), axis.lower()) for axis in series.axes)
    shape = tuple(series.shape)
    for axis in ours.get("single_axes", ""):
        if axis not in stored_dims:
            stored_dims, shape = (axis, *stored_dims), (1, *shape)
    count = dict(zip(stored_dims, shape, strict=True)).get("c", 1)
    attrs = dict(ours.get("attrs", {}))
    if "kind" in ours:
        attrs["kind"] = ours["kind"]
    dtype = np.dtype(ours.get("dtype") or series.dtype)
    path = str(file.filehandle.path)

    def load() -> NDArray[Any]:
        found = stored_values(path).reshape(shape)
        return found != 0 if dtype.kind == "b" else found

    channels = [str(name) for name in names] if len(names) == count and all(names) else None
    return Header(stored_dims, shape, dtype, load, axes, channels, ours.get("name") or image.get("Name"), attrs)


def write(path: Path, image: xr.DataArray) -> None:
    """Write an image with its OME-XML; as BigTIFF where it is above 4 GiB."""
    name = image.dtype.newbyteorder("=").name
    if name not in _TYPES:
        low, high = image.values.min(), image.values.max()
        fits = next((t for t in ("int32", "uint32") if np.iinfo(t).min <= low and high <= np.iinfo(t).max), None)
        if fits is None:
            raise FormatError(
                f"Got values of type {name} from {low} to {high}; an OME-TIFF holds integers up to 32 bits. "
                "Convert them to float64."
            )
        stored = np.dtype(fits)
    else:
        stored = np.dtype(_TYPES[name])
    values = np.ascontiguousarray(image.values, stored)
    xml = _xml(image, stored)
    planes = values.reshape(-1, *values.shape[-2:])
    with tifffile.TiffWriter(path, bigtiff=values.nbytes >= _BIG) as file:
        file.write(
            planes, description=xml.encode(), metadata=None, photometric="minisblack", software=False,
        )  # fmt: skip


def is_ome(path: Path) -> bool:
    """Whether a file is an OME-TIFF."""
    try:
        with tifffile.TiffFile(path) as file:
            return bool(file.is_ome)
    except tifffile.TiffFileError:
        return False


def recalibrate(path: Path, image: xr.DataArray) -> None:
    """Write the calibration of `image` into the OME-XML of a file; all else in it stays."""
    ElementTree.register_namespace("", _SCHEMA)
    with tifffile.TiffFile(path, mode="r+b") as file:
        root = ElementTree.fromstring(file.ome_metadata or "")
        pixels = root.find("{*}Image/{*}Pixels")
        if pixels is None:
            raise FormatError("The OME-XML describes no image. Save the file again.")
        for name in _CALIBRATION:
            pixels.attrib.pop(name, None)
            pixels.attrib.pop(f"{name}Unit", None)
        pixels.attrib.update(_calibration(image))
        _annotate(root, image, np.dtype(image.dtype))
        xml = '<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, encoding="unicode")
        file.pages.first.tags["ImageDescription"].overwrite(xml.encode())


def _xml(image: xr.DataArray, stored: np.dtype[Any]) -> str:
    sizes = {axis.upper(): str(image.sizes.get(axis, 1)) for axis in "xyzct"}
    root = ElementTree.Element("OME", {"xmlns": _SCHEMA, "UUID": f"urn:uuid:{uuid.uuid4()}", "Creator": "isoscale_ij"})
    element = ElementTree.SubElement(root, "Image", {"ID": "Image:0", "Name": str(image.name or "")})
    attributes = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYZCT",
        "Type": _OME_NAMES.get(stored.name, stored.name),
        "BigEndian": "false",
        **{f"Size{axis}": size for axis, size in sizes.items()},
    }
    attributes |= _calibration(image)
    pixels = ElementTree.SubElement(element, "Pixels", attributes)
    names = channel_names(image) if "c" in image.coords else [""] * int(sizes["C"])
    for index, name in enumerate(names):
        channel = {"ID": f"Channel:0:{index}", "SamplesPerPixel": "1"} | ({"Name": name} if name else {})
        ElementTree.SubElement(pixels, "Channel", channel)
    ElementTree.SubElement(
        pixels, "TiffData", {"IFD": "0", "PlaneCount": str(int(sizes["Z"]) * int(sizes["C"]) * int(sizes["T"]))}
    )
    _annotate(root, image, stored)
    return '<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, encoding="unicode")


def _calibration(image: xr.DataArray) -> dict[str, str]:
    """The attributes of Pixels that hold the calibration."""
    attributes = {}
    for axis, attribute in zip("xyzt", _CALIBRATION, strict=True):
        size = spacing(image, axis) if axis in image.dims else None
        if size is not None:
            unit = axis_unit(image, axis)
            attributes[attribute] = repr(size)
            attributes[f"{attribute}Unit"] = symbol(unit) if unit else ("s" if axis == "t" else "reference frame")
    return attributes


def _annotate(root: ElementTree.Element, image: xr.DataArray, stored: np.dtype[Any]) -> None:
    """Put our annotation into the OME-XML, in place of the one that may be there."""
    namespace = root.tag.removesuffix("OME")
    text = json.dumps(_our_annotation(root) | _annotation(image, stored))
    for annotation in root.findall(".//{*}MapAnnotation"):
        if annotation.get("Namespace") == _OURS:
            for entry in annotation.findall(".//{*}M"):
                entry.text = text
            return
    identity = f"Annotation:{_OURS}"
    element = root.find("{*}Image")
    assert element is not None
    ElementTree.SubElement(element, f"{namespace}AnnotationRef", {"ID": identity})
    annotations = root.find("{*}StructuredAnnotations")
    if annotations is None:
        annotations = ElementTree.SubElement(root, f"{namespace}StructuredAnnotations")
    annotation = ElementTree.SubElement(annotations, f"{namespace}MapAnnotation", {"ID": identity, "Namespace": _OURS})
    value = ElementTree.SubElement(annotation, f"{namespace}Value")
    ElementTree.SubElement(value, f"{namespace}M", {"K": "image"}).text = text


def _annotation(image: xr.DataArray, stored: np.dtype[Any]) -> dict[str, Any]:
    """What OME-XML has no word for."""
    ours: dict[str, Any] = {}
    for axis in CALIBRATED:
        if axis in image.dims and spacing(image, axis) is not None:
            ours[axis] = {"lower": lower_edge(image, axis), "unit": axis_unit(image, axis)}
    ours["single_axes"] = "".join(axis for axis in ("z", "c", "t") if image.sizes.get(axis) == 1)
    if image.name is not None:
        ours["name"] = str(image.name)
    if is_labels(image):
        ours["kind"] = "labels"
    if image.dtype.newbyteorder("=") != stored:
        ours["dtype"] = image.dtype.name
    attrs = json_like({key: value for key, value in image.attrs.items() if key != "kind"})
    if attrs:
        ours["attrs"] = attrs
    return ours


def _our_annotation(root: ElementTree.Element) -> dict[str, Any]:
    for annotation in root.findall(".//{*}MapAnnotation"):
        if annotation.get("Namespace") == _OURS:
            for entry in annotation.findall(".//{*}M"):
                if entry.get("K") == "image" and entry.text:
                    try:
                        return dict(json.loads(entry.text))
                    except (ValueError, TypeError):
                        return {}
    return {}

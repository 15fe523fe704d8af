"""ImageJ TIFF: hyperstacks with ImageJ's own description, read and written as ImageJ 1 does.

The calibration is in the ``ImageDescription`` (``key=value`` lines), x and y in the resolution
tags. What ImageJ alone knows comes along in ``attrs["imagej"]``. Image properties, which ImageJ
keeps when it saves a file again, hold the type and kind that ImageJ has no word for.

A file above 4 GiB is written as ImageJ does: a classic TIFF with one directory, the slices one
after the other behind it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.calibration import axis_unit, channel_names, is_labels, lower_edge, spacing
from isoscale_ij.errors import FormatError
from isoscale_ij.files.header import Axis, Header
from isoscale_ij.units import canonical_unit

DIMS = ("t", "z", "c", "y", "x")  # the order in which ImageJ stores
_PROPERTY = "isoscale."
_CLASSIC_LIMIT = 2**32 - 2**16  # bytes; leaves room for tags
_MOST_16_BIT, _MOST_FLOAT = 2**16 - 1, 2**24
_RATIONAL_LIMIT = 2**31 - 1
_SIGNED_16_BIT = {"cf": "0", "c0": "-32768.0", "c1": "1.0"}  # how ImageJ marks signed values
_UNIT_NAMES = {"micrometer": "micron", "nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m"}
_TIME_NAMES = {"second": "sec", "millisecond": "ms", "microsecond": "us", "minute": "min", "hour": "h"}
_NATIVE = ("uint8", "uint16", "int16", "float32", "int32", "uint32", "float64")
_STORED_AS = {"bool": "uint8", "int8": "int16", "float16": "float32", "int64": "int32", "uint64": "uint32"}
_META_KEYS = {"info": "Info", "slice_labels": "Labels", "ranges": "Ranges"}


def header(file: tifffile.TiffFile) -> Header:
    """What an ImageJ TIFF says of its image."""
    series, page = file.series[0], file.pages.first
    described = _described(page.description)
    metadata = dict(page.tags.valueof(50839) or {}) if 50839 in page.tags else {}
    properties = {k: v for k, v in (metadata.get("Properties") or {}).items()}
    kept = {k.removeprefix(_PROPERTY): v for k, v in properties.items() if k.startswith(_PROPERTY)}

    stored_dims = tuple({"S": "c", "I": "z"}.get(axis, axis.lower()) for axis in series.axes)
    is_rgb = "S" in series.axes
    signed = series.dtype == np.uint16 and all(described.get(k) == v for k, v in _SIGNED_16_BIT.items())
    dtype = np.dtype(kept.get("dtype") or ("int16" if signed else series.dtype))
    path, stored_type = str(file.filehandle.path), np.dtype(series.dtype)

    imagej = _imagej_attributes(described, metadata, properties, is_rgb=is_rgb)
    attrs: dict[str, Any] = json.loads(kept["attrs"]) if "attrs" in kept else {}
    if "kind" in kept:
        attrs["kind"] = kept["kind"]
    if imagej:
        attrs["imagej"] = imagej
    axes = _axes(page, described)
    sizes = dict(zip(stored_dims, series.shape, strict=True))
    for axis in ("t", "z"):  # an axis of one voxel is not stored as one, but may be calibrated
        if axis in axes and axis not in sizes:
            imagej.setdefault("single", {})[axis] = [axes[axis].size, axes[axis].unit, axes[axis].lower]
    channels = json.loads(kept["channels"]) if "channels" in kept else _channels_from_labels(imagej, sizes)
    dims, shape = stored_dims, tuple(series.shape)
    for axis in kept.get("single_axes", ""):
        if axis not in dims:
            dims, shape = (axis, *dims), (1, *shape)
            imagej.get("single", {}).pop(axis, None)
    if not imagej.get("single", True):
        imagej.pop("single")
    if imagej:
        attrs["imagej"] = imagej

    def load() -> NDArray[Any]:
        from isoscale_ij.files.tiff import values  # the two modules know each other: tiff chooses, this one reads

        found = values(path).reshape(shape)
        if signed and dtype == np.int16:
            return (found.astype(np.int32) - 32768).astype(np.int16)
        return found != 0 if dtype == bool else found

    if dtype.kind not in "biuf" or stored_type.kind not in "biuf":
        raise FormatError(f"Got values of type {stored_type}; needed are integers or real numbers.")
    return Header(dims, shape, dtype, load, axes, channels, kept.get("name") or described.get("name"), attrs)


def write(path: Path, image: xr.DataArray) -> None:
    """Write an image as ImageJ would."""
    imagej = dict(image.attrs.get("imagej", {}))
    stored = [axis for axis in DIMS if axis in image.dims]
    is_rgb = bool(imagej.get("rgb")) and image.dtype == np.uint8 and image.sizes.get("c") == 3
    if is_rgb:
        stored = [axis for axis in stored if axis != "c"] + ["c"]
    values = _storable(image.transpose(*stored))
    sizes = {axis: int(image.sizes.get(axis, 1)) for axis in DIMS}
    channels = 1 if is_rgb else sizes["c"]
    count = sizes["t"] * sizes["z"] * channels
    description = _description(image, imagej, count, channels)
    pages = values.reshape(count, sizes["y"], sizes["x"], *((3,) if is_rgb else ()))

    options: dict[str, Any] = {
        "photometric": "rgb" if is_rgb else "minisblack",
        "description": description.encode("latin-1"),
        "metadata": None,
        "software": False,
        "resolution": tuple(_resolution(image, axis) for axis in ("x", "y")),
        "resolutionunit": 1,
        "extratags": tifffile.tifffile.imagej_metadata_tag(_metadata(image, imagej, values.dtype, count), ">"),
    }
    if pages.nbytes < _CLASSIC_LIMIT:
        with tifffile.TiffWriter(path, byteorder=">", bigtiff=False) as file:
            file.write(pages, **options)
        return
    with tifffile.TiffWriter(path, byteorder=">", bigtiff=False) as file:
        file.write(pages[0], **options)
    with path.open("ab") as behind:
        for page in pages[1:]:
            behind.write(page.astype(page.dtype.newbyteorder(">")).tobytes())


def _described(description: str) -> dict[str, str]:
    """The ``key=value`` lines of ImageJ's description, with ``\\uXXXX`` resolved."""
    lines = (line.partition("=") for line in description.splitlines())
    return {key: re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value) for key, _, value in lines if value}


def _axes(page: tifffile.TiffPage | tifffile.TiffFrame, described: dict[str, str]) -> dict[str, Axis]:
    """Sizes in the units of each axis; origins in pixels become lower edges."""
    unit = canonical_unit(described.get("unit")) if "unit" in described else _unit_of_resolution(page)
    units = {"x": unit, "y": described.get("yunit", unit), "z": described.get("zunit", unit)}
    sizes: dict[str, float | None] = {
        "x": _from_resolution(page, "XResolution"),
        "y": _from_resolution(page, "YResolution"),
        "z": _float(described.get("spacing")),
    }
    if sizes["z"] is None and sizes["x"] is not None and "slices" in described:
        sizes["z"] = 1.0  # ImageJ leaves a depth of 1 out
    if set(sizes.values()) <= {1.0, None} and unit in (None, "voxel"):
        sizes = {}
    axes = {}
    for axis, size in sizes.items():
        if size is None and axis == "z":
            continue
        if size is None:
            size = 1.0  # beside a calibrated axis, as ImageJ has it
        origin = _float(described.get(f"{axis}origin")) or 0.0
        axes[axis] = Axis(size, units[axis], -origin * size)
    step = _float(described.get("finterval"))
    if step:
        axes["t"] = Axis(step, described.get("tunit", "sec"))
    return axes


def _from_resolution(page: Any, tag: str) -> float | None:
    numerator, denominator = page.tags.valueof(tag, (0, 0)) or (0, 0)
    return denominator / numerator if numerator and denominator else None


def _unit_of_resolution(page: Any) -> str | None:
    """The unit of the resolution tags; 72 dpi is what programs write that know none."""
    unit = int(page.tags.valueof("ResolutionUnit", 1))
    size = _from_resolution(page, "XResolution")
    if unit == 2 and size is not None and not math.isclose(size, 1 / 72):
        return "inch"
    return "centimeter" if unit == 3 else None


def _float(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return math.nan


def _imagej_attributes(
    described: dict[str, str], metadata: dict[str, Any], properties: dict[str, str], *, is_rgb: bool
) -> dict[str, Any]:
    """What only ImageJ knows, as plain values."""
    found: dict[str, Any] = {}
    if "mode" in described:
        found["mode"] = described["mode"]
    if is_rgb:
        found["rgb"] = True
    if "LUTs" in metadata:
        luts = metadata["LUTs"]
        found["luts"] = [np.asarray(lut).tolist() for lut in (luts if isinstance(luts, list) else [luts])]
    if "Ranges" in metadata:
        ends = [float(value) for value in np.ravel(metadata["Ranges"])]
        found["ranges"] = [list(pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    elif "min" in described and "max" in described:
        found["ranges"] = [[float(described["min"]), float(described["max"])]]
    if metadata.get("Info"):
        found["info"] = str(metadata["Info"])
    labels = metadata.get("Labels")
    if labels:
        found["slice_labels"] = [str(label) for label in (labels if isinstance(labels, list) else [labels])]
    if "ROI" in metadata:
        found["roi"] = base64.b64encode(metadata["ROI"]).decode()
    overlays = metadata.get("Overlays")
    if overlays:
        listed = overlays if isinstance(overlays, list) else [overlays]
        found["overlay"] = [base64.b64encode(overlay).decode() for overlay in listed]
    others = {k: v for k, v in properties.items() if not k.startswith(_PROPERTY)}
    if others:
        found["properties"] = others
    function = {k: v for k, v in described.items() if re.fullmatch(r"cf|c\d|vunit|zeroclip|inverty|fps|loop", k)}
    function = {k: v for k, v in function.items() if _SIGNED_16_BIT.get(k) != v and (k, v) != ("loop", "false")}
    if function:
        found["description"] = function
    return found


def _channels_from_labels(imagej: dict[str, Any], sizes: dict[str, int]) -> list[str] | None:
    """Slice labels that are the same in every slice of a channel name the channels."""
    labels, count = imagej.get("slice_labels", []), sizes.get("c", 1)
    if count == 1 or not labels or len(labels) % count:
        return None
    names = labels[:count]
    same = all(label == names[index % count] for index, label in enumerate(labels))
    return names if same and len(set(names)) == count and all(names) else None


def _storable(image: xr.DataArray) -> NDArray[Any]:
    """The values in a type that ImageJ opens; every value is kept, or an error says which is not."""
    values = np.asarray(image.data)
    if is_labels(image):
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > _MOST_FLOAT:
            raise FormatError(
                f"Got labels from {low} to {high}; an ImageJ image holds labels from 0 to {_MOST_FLOAT}. "
                "Write them as OME-TIFF (.ome.tif)."
            )
        return np.ascontiguousarray(values, np.uint16 if high <= _MOST_16_BIT else np.float32)
    if values.dtype == bool:
        return np.ascontiguousarray(values, np.uint8) * np.uint8(255)
    name = values.dtype.name
    stored = np.dtype(name if name in _NATIVE else _STORED_AS[name])
    if stored.kind in "iu" and stored != values.dtype:
        limits = np.iinfo(stored)
        low, high = values.min(), values.max()
        if low < limits.min or high > limits.max:
            wrong = low if low < limits.min else high
            raise FormatError(
                f"Got the value {wrong} of type {name}; an ImageJ TIFF holds integers from {limits.min} to {limits.max}. "
                "Write it as OME-TIFF (.ome.tif), or convert it to float64."
            )
    return np.ascontiguousarray(values, stored)


def _description(image: xr.DataArray, imagej: dict[str, Any], count: int, channels: int) -> str:
    lines = ["ImageJ=1.54p"]
    sizes = {"channels": channels, "slices": image.sizes.get("z", 1), "frames": image.sizes.get("t", 1)}
    if count > 1:
        lines.append(f"images={count}")
        lines += [f"{name}={size}" for name, size in sizes.items() if size > 1]
        if sum(size > 1 for size in sizes.values()) > 1 or channels > 1:
            lines.append("hyperstack=true")
        if channels > 1:
            lines.append(f"mode={imagej.get('mode', 'composite')}")
    axes = {axis: (spacing(image, axis), axis_unit(image, axis), axis) for axis in ("x", "y", "z", "t")}
    single = imagej.get("single", {})
    unit = axes["x"][1]
    if axes["x"][0] is not None:
        lines.append(f"unit={_escaped(_UNIT_NAMES.get(unit, unit) if unit else 'pixel')}")
    for axis in ("x", "y", "z"):
        size, lower = axes[axis][0], 0.0
        if size is not None:
            lower = lower_edge(image, axis)
        elif axis in single and axis not in image.dims:
            size, lower = single[axis][0], single[axis][2]
        if size is None:
            continue
        if axis == "z":
            lines.append(f"spacing={size!r}")
        if lower:
            lines.append(f"{axis}origin={-lower / size!r}")
    step, time_unit = axes["t"][0], axes["t"][1]
    if step is None and "t" in single and "t" not in image.dims:
        step, time_unit = single["t"][0], canonical_unit(single["t"][1])
    if step is not None:
        lines.append(f"finterval={step!r}")
        if time_unit not in (None, "second"):
            lines.append(f"tunit={_escaped(_TIME_NAMES.get(time_unit, time_unit))}")
    ranges = imagej.get("ranges")
    if ranges and image.dtype.kind != "b":
        lines += [f"min={ranges[0][0]!r}", f"max={ranges[0][1]!r}"]
    described = {k: v for k, v in imagej.get("description", {}).items()}
    lines += [f"{key}={_escaped(str(value))}" for key, value in ({"loop": "false"} | described).items()]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """As ImageJ writes it: what is not ASCII as ``\\uXXXX``."""
    return "".join(character if " " <= character <= "~" else f"\\u{ord(character):04x}" for character in text)


def _metadata(image: xr.DataArray, imagej: dict[str, Any], stored: np.dtype[Any], count: int) -> dict[str, Any]:
    properties = {str(k): str(v) for k, v in imagej.get("properties", {}).items()}
    if is_labels(image):
        properties[f"{_PROPERTY}kind"] = "labels"
    if image.dtype.newbyteorder("=") != stored:
        properties[f"{_PROPERTY}dtype"] = image.dtype.name
    if "c" in image.dims and "c" in image.coords:
        properties[f"{_PROPERTY}channels"] = json.dumps(channel_names(image))
    ones = "".join(axis for axis in ("c", "z", "t") if image.sizes.get(axis) == 1)
    if ones:
        properties[f"{_PROPERTY}single_axes"] = ones
    if image.name is not None:
        properties[f"{_PROPERTY}name"] = str(image.name)
    others = _json_like({k: v for k, v in image.attrs.items() if k not in ("kind", "imagej")})
    if others:
        properties[f"{_PROPERTY}attrs"] = json.dumps(others)
    found: dict[str, Any] = {"Properties": properties} if properties else {}
    for key, name in _META_KEYS.items():
        if key in imagej:
            found[name] = imagej[key]
    if "Ranges" in found:
        found["Ranges"] = [float(end) for pair in found["Ranges"] for end in pair]
    if "slice_labels" in imagej and len(imagej["slice_labels"]) != count:
        found.pop("Labels")
    if "Labels" not in found and "c" in image.coords and image.sizes.get("c", 1) > 1:
        found["Labels"] = channel_names(image) * (count // image.sizes["c"])
    if "luts" in imagej:
        found["LUTs"] = [np.array(lut, np.uint8) for lut in imagej["luts"]]
    if "roi" in imagej:
        found["ROI"] = base64.b64decode(imagej["roi"])
    if "overlay" in imagej:
        found["Overlays"] = [base64.b64decode(overlay) for overlay in imagej["overlay"]]
    return found


def _json_like(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Those attributes that JSON can hold."""
    kept = {}
    for key, value in attrs.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            continue
        kept[str(key)] = value
    return kept


def _resolution(image: xr.DataArray, axis: str) -> tuple[int, int]:
    """Pixels per unit, as the fraction that gives the voxel size back to the last bit."""
    size = spacing(image, axis)
    if size is None:
        return (1, 1)
    exact = Fraction(size)
    scale = max(1, math.ceil(exact / _RATIONAL_LIMIT))
    near = exact.limit_denominator(_RATIONAL_LIMIT if exact <= 1 else max(1, int(_RATIONAL_LIMIT / exact)))
    if not near or scale > 1:
        raise FormatError(f"Got the voxel size {size} on {axis}; a TIFF file cannot hold it. Choose another unit.")
    return near.denominator, near.numerator

"""What ImageJ writes about an image into a TIFF file, and what it means: text in, calibration out, and back.

The calibration is in ``key=value`` lines of the description; lookup tables, display ranges, slice
labels and image properties are in tags of their own. Image properties, which ImageJ keeps when it
saves a file again, hold what ImageJ has no word for.
"""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

import numpy as np
import xarray as xr

from isoscale_ij.axes import CALIBRATED, channel_names
from isoscale_ij.calibration import axis_unit, is_labels, lower_edge, spacing
from isoscale_ij.files.header import Axis, json_like
from isoscale_ij.units import canonical_unit

PROPERTY = "isoscale."
SIGNED_16_BIT = {"cf": "0", "c0": "-32768.0", "c1": "1.0"}  # how ImageJ marks signed values

_UNIT_NAMES = {"micrometer": "micron", "nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m"}
_TIME_NAMES = {"second": "sec", "millisecond": "ms", "microsecond": "us", "minute": "min", "hour": "h"}
_OTHER_KEYS = re.compile(r"cf|c\d|vunit|zeroclip|inverty|fps|loop")


def parse_description(text: str) -> dict[str, str]:
    r"""The ``key=value`` lines of ImageJ's description, with ``\uXXXX`` resolved."""
    lines = (line.partition("=") for line in text.splitlines())
    return {
        key: re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value) for key, _, value in lines if value
    }


def axes(pixel: dict[str, float | None], unit_of_pixel: str | None, described: dict[str, str]) -> dict[str, Axis]:
    """Sizes in the units of each axis; origins in pixels become lower edges.

    `pixel` is the size of x and y that the resolution tags give, in `unit_of_pixel` unless the
    description names another.
    """
    unit = canonical_unit(described["unit"]) if "unit" in described else unit_of_pixel
    units = {"x": unit, "y": described.get("yunit", unit), "z": described.get("zunit", unit)}
    sizes: dict[str, float | None] = {
        **pixel,
        "z": _number(described.get("spacing")),
    }
    if sizes["z"] is None and sizes["x"] is not None and "slices" in described:
        sizes["z"] = 1.0  # ImageJ leaves a depth of 1 out
    if set(sizes.values()) <= {1.0, None} and unit in (None, "voxel"):
        sizes = {}
    found = {}
    for axis, size in sizes.items():
        if size is None and axis == "z":
            continue
        length = 1.0 if size is None else size  # x and y beside a calibrated axis, as ImageJ has it
        origin = _number(described.get(f"{axis}origin")) or 0.0
        found[axis] = Axis(length, units[axis], -origin * length)
    step = _number(described.get("finterval"))
    if step:
        found["t"] = Axis(step, described.get("tunit", "sec"))
    return found


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return math.nan


def imagej_attributes(
    described: dict[str, str], tags: dict[str, Any], properties: dict[str, str], *, is_rgb: bool
) -> dict[str, Any]:
    """What only ImageJ knows, as plain values."""
    found: dict[str, Any] = {}
    if described.get("mode", "composite") != "composite":
        found["mode"] = described["mode"]
    if is_rgb:
        found["rgb"] = True
    if "LUTs" in tags:
        luts = tags["LUTs"]
        found["luts"] = [np.asarray(lut).tolist() for lut in (luts if isinstance(luts, list) else [luts])]
    if "Ranges" in tags:
        ends = [float(value) for value in np.ravel(tags["Ranges"])]
        found["ranges"] = [list(pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    elif "min" in described and "max" in described:
        found["ranges"] = [[float(described["min"]), float(described["max"])]]
    if tags.get("Info"):
        found["info"] = str(tags["Info"])
    labels = tags.get("Labels")
    if labels:
        found["slice_labels"] = [str(label) for label in (labels if isinstance(labels, list) else [labels])]
    if "ROI" in tags:
        found["roi"] = base64.b64encode(tags["ROI"]).decode()
    overlays = tags.get("Overlays")
    if overlays:
        listed = overlays if isinstance(overlays, list) else [overlays]
        found["overlay"] = [base64.b64encode(overlay).decode() for overlay in listed]
    others = {k: v for k, v in properties.items() if not k.startswith(PROPERTY)}
    if others:
        found["properties"] = others
    described = {k: v for k, v in described.items() if _OTHER_KEYS.fullmatch(k)}
    described = {k: v for k, v in described.items() if SIGNED_16_BIT.get(k) != v and (k, v) != ("loop", "false")}
    if described:
        found["description"] = described
    return found


def channels_from_labels(imagej: dict[str, Any], count: int) -> list[str] | None:
    """Slice labels that are the same in every slice of a channel name the channels."""
    labels = imagej.get("slice_labels", [])
    if count == 1 or not labels or len(labels) % count:
        return None
    names = labels[:count]
    same = all(label == names[index % count] for index, label in enumerate(labels))
    return names if same and len(set(names)) == count and all(names) else None


def description(image: xr.DataArray, imagej: dict[str, Any], count: int, channels: int) -> str:
    """The ``ImageDescription`` of `image`, which is stored as `count` planes."""
    lines = ["ImageJ=1.54p"]
    sizes = {"channels": channels, "slices": image.sizes.get("z", 1), "frames": image.sizes.get("t", 1)}
    if count > 1:
        lines.append(f"images={count}")
        lines += [f"{name}={size}" for name, size in sizes.items() if size > 1]
        if sum(size > 1 for size in sizes.values()) > 1 or channels > 1:
            lines.append("hyperstack=true")
        if channels > 1:
            lines.append(f"mode={imagej.get('mode', 'composite')}")
    lines += _calibration(image, imagej.get("single", {}))
    ranges = imagej.get("ranges")
    if ranges and image.dtype.kind != "b":
        lines += [f"min={ranges[0][0]!r}", f"max={ranges[0][1]!r}"]
    others = {"loop": "false"} | imagej.get("description", {})
    lines += [f"{key}={escaped(str(value))}" for key, value in others.items()]
    return "\n".join(lines) + "\n"


def _calibration(image: xr.DataArray, single: dict[str, Any]) -> list[str]:
    """Units, depth, origins in pixels and the frame interval; `single` is that of axes the image does not have."""
    stored = {
        axis: (size, axis_unit(image, axis), lower_edge(image, axis))
        for axis in CALIBRATED
        if axis in image.dims and (size := spacing(image, axis)) is not None
    }
    stored |= {
        axis: (size, canonical_unit(unit), lower)
        for axis, (size, unit, lower) in single.items()
        if axis not in image.dims
    }
    lines = []
    if "x" in stored:
        unit = stored["x"][1]
        lines.append(f"unit={escaped(_UNIT_NAMES.get(unit, unit) if unit else 'pixel')}")
    for axis in ("x", "y", "z"):
        if axis not in stored:
            continue
        size, _, lower = stored[axis]
        if axis == "z":
            lines.append(f"spacing={size!r}")
        if lower:
            lines.append(f"{axis}origin={-lower / size!r}")
    if "t" in stored:
        step, unit, _ = stored["t"]
        lines.append(f"finterval={step!r}")
        if unit not in (None, "second"):
            lines.append(f"tunit={escaped(_TIME_NAMES.get(unit, unit))}")
    return lines


def escaped(text: str) -> str:
    r"""As ImageJ writes it: what is not ASCII as ``\uXXXX``."""
    return "".join(character if " " <= character <= "~" else f"\\u{ord(character):04x}" for character in text)


def metadata(image: xr.DataArray, imagej: dict[str, Any], stored: np.dtype[Any], count: int) -> dict[str, Any]:
    """What goes into ImageJ's metadata tags, as tifffile names it."""
    found: dict[str, Any] = {}
    properties = {str(key): str(value) for key, value in imagej.get("properties", {}).items()}
    properties |= {f"{PROPERTY}{key}": value for key, value in _our_properties(image, stored).items()}
    if properties:
        found["Properties"] = properties
    if "info" in imagej:
        found["Info"] = imagej["info"]
    if "ranges" in imagej:
        found["Ranges"] = [float(end) for pair in imagej["ranges"] for end in pair]
    if len(imagej.get("slice_labels", [])) == count:
        found["Labels"] = imagej["slice_labels"]
    elif "c" in image.coords and image.sizes.get("c", 1) > 1:
        found["Labels"] = channel_names(image) * (count // image.sizes["c"])
    if "luts" in imagej:
        found["LUTs"] = [np.array(lut, np.uint8) for lut in imagej["luts"]]
    if "roi" in imagej:
        found["ROI"] = base64.b64decode(imagej["roi"])
    if "overlay" in imagej:
        found["Overlays"] = [base64.b64decode(overlay) for overlay in imagej["overlay"]]
    return found


def _our_properties(image: xr.DataArray, stored: np.dtype[Any]) -> dict[str, str]:
    """What ImageJ has no word for, as image properties, which it keeps."""
    ours = {}
    if is_labels(image):
        ours["kind"] = "labels"
    if image.dtype.newbyteorder("=") != stored:
        ours["dtype"] = image.dtype.name
    if "c" in image.dims and "c" in image.coords:
        ours["channels"] = json.dumps(channel_names(image))
    ones = "".join(axis for axis in ("c", "z", "t") if image.sizes.get(axis) == 1)
    if ones:
        ours["single_axes"] = ones
    if image.name is not None:
        ours["name"] = str(image.name)
    others = json_like({key: value for key, value in image.attrs.items() if key not in ("kind", "imagej")})
    if others:
        ours["attrs"] = json.dumps(others)
    return ours

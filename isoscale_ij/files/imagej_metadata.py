"""How ImageJ writes what it says of an image into a TIFF file: text and tags in, a Hyperstack out, and back.

The calibration is in ``key=value`` lines of the description; lookup tables, display ranges, slice
labels and image properties are in tags of their own.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np

from isoscale_ij.image.hyperstack import Hyperstack, number

_OTHER_KEYS = re.compile(r"cf|c\d|vunit|zeroclip|inverty|fps|loop")


def parse_description(text: str) -> dict[str, str]:
    r"""The ``key=value`` lines of ImageJ's description, with ``\uXXXX`` resolved."""
    lines = (line.partition("=") for line in text.splitlines())
    return {
        key: re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value) for key, _, value in lines if value
    }


def read_calibration(
    stack: Hyperstack, described: dict[str, str], pixel: dict[str, float | None], unit_of_pixel: str | None
) -> None:
    """Sizes, units and origins.

    `pixel` is the size of x and y that the resolution tags give, in `unit_of_pixel` unless the
    description names another.
    """
    unit = described.get("unit", unit_of_pixel)
    depth = number(described.get("spacing"))
    if depth is None and pixel["x"] is not None and "slices" in described:
        depth = 1.0  # ImageJ leaves a depth of 1 out
    sizes = {"x": pixel["x"], "y": pixel["y"], "z": depth, "t": number(described.get("finterval"))}
    stack.sizes = {axis: size for axis, size in sizes.items() if size is not None}
    units = {"x": unit, "y": described.get("yunit", unit), "z": described.get("zunit", unit)}
    stack.units = {axis: name for axis, name in units.items() if name is not None}
    stack.units["t"] = described.get("tunit", "sec")
    stack.origins = {axis: number(described.get(f"{axis}origin")) or 0.0 for axis in ("x", "y", "z")}


def read_about(described: dict[str, str], tags: dict[str, Any]) -> dict[str, Any]:
    """What only ImageJ knows, as plain values."""
    found: dict[str, Any] = {}
    if described.get("mode", "composite") != "composite":
        found["mode"] = described["mode"]
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
    others = {k: v for k, v in described.items() if _OTHER_KEYS.fullmatch(k) and (k, v) != ("loop", "false")}
    if others:
        found["description"] = others
    return found


def description(stack: Hyperstack) -> str:
    """The ``ImageDescription`` of an image."""
    lines = ["ImageJ=1.54p"]
    sizes = {"channels": stack.channels, "slices": stack.slices, "frames": stack.frames}
    if stack.planes > 1:
        lines.append(f"images={stack.planes}")
        lines += [f"{name}={size}" for name, size in sizes.items() if size > 1]
        if sum(size > 1 for size in sizes.values()) > 1 or stack.channels > 1:
            lines.append("hyperstack=true")
        mode = stack.about.get("mode", "composite")
        if stack.channels > 1 and mode != "plain":
            lines.append(f"mode={mode}")
    lines += _calibration(stack)
    ranges = stack.about.get("ranges")
    if ranges:
        lines += [f"min={ranges[0][0]!r}", f"max={ranges[0][1]!r}"]
    others = {"loop": "false"} | stack.about.get("description", {})
    lines += [f"{key}={escaped(str(value))}" for key, value in others.items()]
    return "\n".join(lines) + "\n"


def _calibration(stack: Hyperstack) -> list[str]:
    """Units, depth, origins in pixels and the frame interval."""
    lines = []
    if "x" in stack.sizes:
        unit = stack.units["x"]
        lines.append(f"unit={escaped(unit)}")
        lines += [
            f"{axis}unit={escaped(stack.units[axis])}"
            for axis in ("y", "z")
            if axis in stack.sizes and stack.units[axis] != unit
        ]
    if "z" in stack.sizes:
        lines.append(f"spacing={stack.sizes['z']!r}")
    lines += [f"{axis}origin={origin!r}" for axis, origin in stack.origins.items() if origin]
    if "t" in stack.sizes:
        lines.append(f"finterval={stack.sizes['t']!r}")
        if stack.units["t"] != "sec":
            lines.append(f"tunit={escaped(stack.units['t'])}")
    return lines


def escaped(text: str) -> str:
    r"""As ImageJ writes it: what is not ASCII as ``\uXXXX``."""
    return "".join(character if " " <= character <= "~" else f"\\u{ord(character):04x}" for character in text)


def tags(stack: Hyperstack) -> dict[str, Any]:
    """What goes into ImageJ's metadata tags, as tifffile names it."""
    found: dict[str, Any] = {}
    if stack.properties:
        found["Properties"] = stack.properties
    about = stack.about
    if "info" in about:
        found["Info"] = about["info"]
    if "ranges" in about:
        found["Ranges"] = [float(end) for pair in about["ranges"] for end in pair]
    if "slice_labels" in about:
        found["Labels"] = about["slice_labels"]
    if "luts" in about:
        found["LUTs"] = [np.array(lut, np.uint8) for lut in about["luts"]]
    if "roi" in about:
        found["ROI"] = base64.b64decode(about["roi"])
    if "overlay" in about:
        found["Overlays"] = [base64.b64decode(overlay) for overlay in about["overlay"]]
    return found

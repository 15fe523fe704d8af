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

_CALIBRATION_KEYS = re.compile(r"[yz]?unit|spacing|[xyz]origin|finterval|tunit")
_MAGIC, _PROPERTIES = b"IJIJ", b"prop"
_OTHER_KEYS = re.compile(r"cf|c\d|vunit|zeroclip|inverty|fps|loop")


def parse_description(text: str) -> dict[str, str]:
    r"""The ``key=value`` lines of ImageJ's description, with ``\uXXXX`` resolved."""
    lines = (line.partition("=") for line in text.splitlines())
    return {
        key: re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value) for key, _, value in lines if value
    }


def read_calibration(stack: Hyperstack, described: dict[str, str], pixel: dict[str, float | None]) -> None:
    """Sizes, units and origins; `pixel` is the size of x and y that the resolution tags give.

    Without a unit in the description it is a pixel, as in ImageJ, whatever the unit of the tags.
    """
    unit = described.get("unit")
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
    about: dict[str, Any] = {}
    if described.get("mode", "composite") != "composite":
        about["mode"] = described["mode"]
    if "LUTs" in tags:
        luts = tags["LUTs"]
        about["luts"] = [np.asarray(lut).tolist() for lut in (luts if isinstance(luts, list) else [luts])]
    if "Ranges" in tags:
        ends = [float(value) for value in np.ravel(tags["Ranges"])]
        about["ranges"] = [list(pair) for pair in zip(ends[::2], ends[1::2], strict=True)]
    elif "min" in described and "max" in described:
        about["ranges"] = [[float(described["min"]), float(described["max"])]]
    if tags.get("Info"):
        about["info"] = str(tags["Info"])
    labels = tags.get("Labels")
    if labels:
        about["slice_labels"] = [str(label) for label in (labels if isinstance(labels, list) else [labels])]
    if "ROI" in tags:
        about["roi"] = base64.b64encode(tags["ROI"]).decode()
    overlays = tags.get("Overlays")
    if overlays:
        listed = overlays if isinstance(overlays, list) else [overlays]
        about["overlay"] = [base64.b64encode(overlay).decode() for overlay in listed]
    others = {k: v for k, v in described.items() if _OTHER_KEYS.fullmatch(k) and (k, v) != ("loop", "false")}
    if others:
        about["description"] = others
    return about


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
    units = stack.length_units
    lines = [f"unit={escaped(units['x'])}"] if units else []
    lines += [f"{axis}unit={escaped(unit)}" for axis, unit in sorted(units.items()) if unit != units["x"]]
    if "z" in stack.sizes:
        lines.append(f"spacing={stack.sizes['z']!r}")
    lines += [f"{axis}origin={origin!r}" for axis, origin in stack.origins.items() if origin]
    if "t" in stack.sizes:
        lines.append(f"finterval={stack.sizes['t']!r}")
        if stack.units["t"] != "sec":
            lines.append(f"tunit={escaped(stack.units['t'])}")
    return lines


def recalibrated(text: str, stack: Hyperstack) -> str:
    """A description with the calibration of `stack`; its other lines stay as they are, in their order."""
    lines = text.split("\n")
    kept = [line for line in lines if not _CALIBRATION_KEYS.fullmatch(line.partition("=")[0])]
    first = next((number for number, line in enumerate(lines) if line not in kept), None)
    if first is None:  # behind the numbers of images
        first = next((number for number, line in enumerate(kept) if re.match("(loop|min|max)=|$", line)), len(kept))
    return "\n".join(kept[:first] + _calibration(stack) + kept[first:]).rstrip("\n") + "\n"


def with_properties(
    sizes: list[int], content: bytes, order: str, properties: dict[str, str]
) -> tuple[list[int], bytes]:
    """ImageJ's metadata (the sizes of its parts, and the parts) with other image properties; all else stays.

    The first part is a header: a magic number, then the kind of each following group and how many parts it has.
    """
    width = slice(None, None, -1 if order == "<" else 1)  # numbers are written in the order of the file
    groups: list[tuple[bytes, list[bytes]]] = []
    if sizes:
        head, position = content[: sizes[0]], sizes[0]
        rest = iter(sizes[1:])
        for at in range(4, len(head), 8):
            count = int.from_bytes(head[at + 4 : at + 8], "little" if order == "<" else "big")
            parts = []
            for _ in range(count):
                size = next(rest)
                parts.append(content[position : position + size])
                position += size
            groups.append((head[at : at + 4][width], parts))
    encoding = "utf-16-le" if order == "<" else "utf-16-be"
    texts = [text.encode(encoding) for pair in properties.items() for text in pair]
    others = [(kind, parts) for kind, parts in groups if kind != _PROPERTIES]
    groups = [*others, (_PROPERTIES, texts)] if texts else others
    head = _MAGIC[width]
    for kind, parts in groups:
        head += kind[width] + len(parts).to_bytes(4, "little" if order == "<" else "big")
    everything = [head, *(part for _, parts in groups for part in parts)]
    return [len(part) for part in everything], b"".join(everything)


def escaped(text: str) -> str:
    r"""As ImageJ writes it: what is not ASCII as ``\uXXXX``."""
    return "".join(character if " " <= character <= "~" else f"\\u{ord(character):04x}" for character in text)


def tags(stack: Hyperstack) -> dict[str, Any]:
    """What goes into ImageJ's metadata tags, as tifffile names it."""
    entries: dict[str, Any] = {}
    if stack.properties:
        entries["Properties"] = stack.properties
    about = stack.about
    if "info" in about:
        entries["Info"] = about["info"]
    if "ranges" in about:
        entries["Ranges"] = tuple(float(end) for pair in about["ranges"] for end in pair)  # older ones split lists
    if "slice_labels" in about:
        entries["Labels"] = about["slice_labels"]
    if "luts" in about:
        entries["LUTs"] = [np.array(lut, np.uint8) for lut in about["luts"]]
    if "roi" in about:
        entries["ROI"] = base64.b64decode(about["roi"])
    if "overlay" in about:
        entries["Overlays"] = [base64.b64decode(overlay) for overlay in about["overlay"]]
    return entries

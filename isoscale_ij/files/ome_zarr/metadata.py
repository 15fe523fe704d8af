"""The words of OME-Zarr: multiscales, transformations, channels; as JSON, without a voxel.

A position is that of the centre of a voxel. Where an image states none, the first centre is at 0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from isoscale_ij.errors import FormatError
from isoscale_ij.image.axes import AXES, CALIBRATED, channel_names, our_axis
from isoscale_ij.image.calibration import axis_unit, is_labels, lower_edge, spacing
from isoscale_ij.image.header import json_like
from isoscale_ij.image.hyperstack import of_channels

Json = dict[str, Any]
VERSIONS = ("0.5", "0.4")
OWN = "isoscale_ij"  # what no word of OME-Zarr is for
_TYPES = {"t": "time", "c": "channel"}
_COLORS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF", "FFFFFF")


def attributes(group: Path) -> Json | None:
    """The attributes of a group, those of OME-Zarr 0.5 among the others; None where there is no group."""
    for name in ("zarr.json", ".zattrs"):
        path = group / name
        if path.is_file():
            try:
                content = json.loads(path.read_text("utf-8"))
            except ValueError as error:
                raise FormatError(f"{path} is no JSON ({error}). Copy or write the image again.") from error
            if name == "zarr.json":
                content = content.get("attributes") or {}
            if not isinstance(content, dict):
                raise FormatError(f"{path} holds no attributes. Write the image again.")
            ome = content.get("ome")
            return {**content, **ome} if isinstance(ome, dict) else content
    return {} if (group / ".zgroup").is_file() else None


@dataclass(frozen=True)
class Level:
    """An array of a multiscale image, with what its indices are multiplied by, and what is added."""

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Multiscale:
    """An image in several sizes, the largest first."""

    name: str | None
    dims: tuple[str, ...]
    units: dict[str, str | None]
    levels: tuple[Level, ...]

    @classmethod
    def of(cls, group: Path, entry: Json) -> Multiscale:
        """From an entry of `multiscales`.

        Raises
        ------
        FormatError
            For what is missing, broken or not known there.
        """
        try:
            axes, systems = _axes(entry)
            datasets = list(entry["datasets"])
            paths = [str(dataset["path"]) for dataset in datasets]
            count = len(axes)
            over_all = _scale_and_translation(entry.get("coordinateTransformations") if not systems else None, count)
            levels = []
            for dataset, path in zip(datasets, paths, strict=True):
                own = _scale_and_translation(dataset.get("coordinateTransformations"), count)
                levels.append(Level(path, *_composed(own, over_all)))
        except (KeyError, TypeError, IndexError) as error:
            raise FormatError(f"The multiscales of {group} are broken: {error!r}. Write the image again.") from error
        if not levels:
            raise FormatError(f"The multiscales of {group} name no array. Write the image again.")
        for path in paths:
            parts = PurePosixPath(path)
            if parts.is_absolute() or ".." in parts.parts or ":" in path or "\\" in path:
                raise FormatError(f"{group} says that its voxels are at {path!r}, outside of it; that is not followed.")
        names = [our_axis(axis["name"]) for axis in axes]
        if len(set(names)) < count or not {"y", "x"} <= set(names) <= set(AXES):
            raise FormatError(
                f"{group} has the axes {', '.join(names)}; needed are different ones out of t, c, z, y, x. Choose a "
                "part of it with zarr, and give that to as_image with its dims."
            )
        units = {name: axis.get("unit") for name, axis in zip(names, axes, strict=True)}
        title = entry.get("name")
        return cls(str(title) if title else None, tuple(names), units, tuple(levels))


def _axes(entry: Json) -> tuple[list[Json], bool]:
    """The axes, and whether they are those of a coordinate system, as of 0.6."""
    systems = entry.get("coordinateSystems")
    if systems:
        named = {system["name"]: system["axes"] for system in systems}
        outputs = {each.get("output") for each in entry["datasets"][0].get("coordinateTransformations", [])}
        axes = next((named[name] for name in outputs if name in named), systems[0]["axes"])
        return list(axes), True
    axes = entry.get("axes") or list("tczyx")  # 0.1 and 0.2 say none
    return [{"name": axis} if isinstance(axis, str) else dict(axis) for axis in axes], False


Pair = tuple[tuple[float, ...], tuple[float, ...]]


def _scale_and_translation(steps: Any, count: int) -> Pair:
    """What some transformations come to, one after the other."""
    total: Pair = ((1.0,) * count, (0.0,) * count)
    for step in steps or []:
        kind = step.get("type")
        if kind == "sequence":
            one = _scale_and_translation(step["transformations"], count)
        elif kind == "scale":
            one = (_numbers(step, "scale", count), (0.0,) * count)
        elif kind == "translation":
            one = ((1.0,) * count, _numbers(step, "translation", count))
        elif kind == "identity":
            continue
        else:
            raise FormatError(
                f"Got a transformation of type {kind!r}; known are scale, translation, identity, and sequences of them."
                " Resample the image onto a straight grid first."
            )
        total = _composed(total, one)
    return total


def _numbers(step: Json, key: str, count: int) -> tuple[float, ...]:
    if key not in step:
        raise FormatError(f"Got a {key} whose numbers are in an array of their own; needed are numbers.")
    numbers = tuple(float(value) for value in step[key])
    if len(numbers) != count:
        raise FormatError(f"Got a {key} of {len(numbers)} numbers for {count} axes. Write the image again.")
    return numbers


def _composed(first: Pair, then: Pair) -> Pair:
    scale = tuple(a * b for a, b in zip(first[0], then[0], strict=True))
    moved = tuple(b * t + u for t, b, u in zip(first[1], then[0], then[1], strict=True))
    return scale, moved


def entry_of(image: Any, levels: list[tuple[str, dict[str, float]]]) -> Json:
    """The entry of `multiscales` for an image; `levels` are arrays with their voxel sizes, in units of the axes.

    An axis without calibration has a scale of 1 and no unit; :func:`own_note` says so.
    """
    dims = tuple(map(str, image.dims))
    axes = []
    for axis in dims:
        described: Json = {"name": axis, "type": _TYPES.get(axis, "space")}
        unit = axis_unit(image, axis) if axis in image.coords and axis != "c" else None
        axes.append(described | ({"unit": unit} if unit else {}))
    lower = {axis: lower_edge(image, axis) if _is_calibrated(image, axis) else 0.0 for axis in dims}
    datasets = []
    for path, sizes in levels:
        scale = [sizes.get(axis, 1.0) for axis in dims]
        centres = [lower[axis] + sizes.get(axis, 1.0) / 2 if axis in sizes else 0.0 for axis in dims]
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": centres}]
        datasets.append({"path": path, "coordinateTransformations": steps})
    return {"name": str(image.name or ""), "axes": axes, "datasets": datasets}


def sizes_of(image: Any) -> dict[str, float]:
    """The voxel size of each axis but c, in its own unit; 1 where there is none."""
    return {axis: spacing(image, axis) or 1.0 for axis in map(str, image.dims) if axis != "c"}


def _is_calibrated(image: Any, axis: str) -> bool:
    return axis in CALIBRATED and spacing(image, axis) is not None


def own_note(image: Any) -> Json:
    """What OME-Zarr has no word for: which axes are calibrated, other attributes, that every chunk is there."""
    attrs = json_like(image.attrs)
    return {
        "calibrated": [axis for axis in map(str, image.dims) if _is_calibrated(image, axis)],
        "kind": attrs.pop("kind", None),
        "attrs": attrs,
        "named": image.name is not None,
        "channels": channel_names(image) if "c" in image.coords else None,
        "complete": True,
    }


def omero(image: Any) -> Json | None:
    """The channels, with colours and display ranges, as viewers know them."""
    if "c" not in image.dims or is_labels(image):
        return None
    about = of_channels(image.attrs.get("imagej") or {}, image.sizes["c"])
    luts, ranges = about.get("luts", ()), about.get("ranges", ())
    channels = []
    top = float(np.iinfo(image.dtype).max) if image.dtype.kind in "iu" else 1.0
    for index, label in enumerate(channel_names(image)):
        low, high = ranges[index] if len(ranges) > index and np.isfinite(ranges[index]).all() else (0.0, top)
        color = _hex(luts[index]) if len(luts) > index else _COLORS[index % len(_COLORS)]
        window = {"min": 0.0, "max": top, "start": float(low), "end": float(high)}
        channels.append({"label": label, "color": color, "active": True, "window": window})
    return {"channels": channels}


def looks_of(described: Json | None, count: int) -> Json:
    """Colours and display ranges of omero channels, as ImageJ has them."""
    channels = (described or {}).get("channels") if isinstance(described, dict) else None
    if not isinstance(channels, list) or len(channels) != count:
        return {}
    looks: Json = {}
    colors = [str(each.get("color", "")).lstrip("#") for each in channels]
    if all(len(color) in (6, 8) and set(color.lower()) <= set("0123456789abcdef") for color in colors):
        looks["luts"] = [_lut(color) for color in colors]
        looks["mode"] = "composite"
    windows = [each.get("window") or {} for each in channels]
    if all(isinstance(w, dict) and {"start", "end"} <= set(w) for w in windows):
        looks["ranges"] = [[float(w["start"]), float(w["end"])] for w in windows]
    return looks


def _hex(lut: list[list[int]]) -> str:
    return "".join(f"{int(channel[-1]):02X}" for channel in lut)


def _lut(color: str) -> list[list[int]]:
    ends = [int(color[i : i + 2], 16) for i in (0, 2, 4)]
    return [[round(end * i / 255) for i in range(256)] for end in ends]

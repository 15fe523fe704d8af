"""The groups that an output belongs to: labels lie within the OME-Zarr of their image, and are listed there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError, ParameterError
from isoscale_ij.files.ome_zarr import metadata, reading
from isoscale_ij.files.ome_zarr.metadata import Json
from isoscale_ij.image.calibration import is_labels
from isoscale_ij.image.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

_LABELS = "labels"
_SAME_SIZE, _SAME_PLACE = 1e-6, 1e-3  # of a voxel


def claims(path: Path) -> bool:
    """Whether a path names labels within an OME-Zarr."""
    return path.parent.name == _LABELS and path.parent.parent.name.lower().endswith(".zarr")


def prepare(path: Path) -> None:
    """Make the folder for the labels of an image, where `path` names some."""
    if claims(path):
        image = path.parent.parent
        if not any((image / name).is_file() for name in ("zarr.json", ".zattrs")):
            raise FormatError(f"Got {path} as output, but {image} is no OME-Zarr. Write the image first.")
        path.parent.mkdir(exist_ok=True)


def check_labels(path: Path, labels: xr.DataArray) -> None:
    """Raise a ParameterError if `path` is one for labels of an image, and these are none, or lie on another grid."""
    if not claims(path):
        return
    image = path.parent.parent
    if not is_labels(labels):
        raise ParameterError(
            f'Got intensities as labels of {image}; needed is a label image (attrs["kind"] is "labels"). Write them '
            'into another file, or mark them with image.assign_attrs(kind="labels").'
        )
    with remarks.heard():  # they are made when the image is read
        grid = reading.header(image, 0).grid()
    difference = other_grid(Grid.of(labels), grid)
    if difference:
        raise ParameterError(
            f"Got labels of another grid than that of {image}: {difference}. Rescale the one like the other, or write "
            "the labels into a file of their own."
        )


def other_grid(labels: Grid, image: Grid) -> str | None:
    """What tells the grid of labels from that of an image; None where it is the same, as far as both are known."""
    sizes = [{axis: n for axis, n in each.sizes.items() if axis != "c" and n > 1} for each in (labels, image)]
    if sizes[0] != sizes[1]:
        return f"the labels have {sizes[0]} voxels, and the image has {sizes[1]}"
    for axis, what, of_image, own in image.differences(labels, size=_SAME_SIZE, place=_SAME_PLACE):
        unit = f" {image.units[axis]}" if image.units[axis] else ""
        if what == "size":
            return f"on {axis} their voxels are {own:g}{unit}, and those of the image {of_image:g}{unit}"
        return f"on {axis} they begin at {own:g}{unit}, and the image at {of_image:g}{unit}"
    return None


def announce(path: Path) -> None:
    """Add labels that were written into an OME-Zarr to the list of those that it has."""
    if not claims(path):
        return
    group = path.parent
    known = metadata.attributes(group) or {}
    labels = sorted({*map(str, known.get("labels") or []), path.name})
    if (group.parent / "zarr.json").is_file():
        attributes = {"ome": {"version": metadata.VERSIONS[0], "labels": labels}}
        write_json(group / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": attributes})
    else:
        write_json(group / ".zgroup", {"zarr_format": 2})
        write_json(group / ".zattrs", {"labels": labels})


def version_for(path: Path) -> str:
    """The version in which an output is written: that of the image for its labels."""
    image = path.parent.parent
    return "0.4" if claims(path) and not (image / "zarr.json").is_file() else metadata.VERSIONS[0]


def levels_of_the_image(path: Path) -> int:
    """How many levels the image has to which these labels belong; 0 where there is none."""
    described = metadata.attributes(path.parent.parent) if path.parent.name == _LABELS else None
    try:
        return len(described["multiscales"][0]["datasets"]) if described else 0
    except (KeyError, IndexError, TypeError):
        return 0


def write_json(path: Path, content: Json) -> None:
    """Write a file of JSON, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=2, allow_nan=False), encoding="utf-8")
    partial.replace(path)

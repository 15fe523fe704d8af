"""The groups that an output belongs to: labels lie within the OME-Zarr of their image, and are listed there."""

from __future__ import annotations

import json
import os
from pathlib import Path

from isoscale_ij.errors import FormatError
from isoscale_ij.files.ome_zarr import metadata
from isoscale_ij.files.ome_zarr.metadata import Json

_LABELS = "labels"


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

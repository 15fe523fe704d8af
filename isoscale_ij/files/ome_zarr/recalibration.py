"""A new calibration for an OME-Zarr in place: in the metadata of the group, for all levels; no voxel is touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError, IsoscaleError
from isoscale_ij.files.atomic import replacing
from isoscale_ij.files.ome_zarr import metadata
from isoscale_ij.files.ome_zarr.groups import other_grid
from isoscale_ij.files.ome_zarr.metadata import Multiscale
from isoscale_ij.files.ome_zarr.reading import header, label_names
from isoscale_ij.files.scenes import Scene
from isoscale_ij.image.grid import Grid

if TYPE_CHECKING:
    import xarray as xr


def recalibrate(path: Path, scene: Scene, change: Callable[[xr.DataArray], xr.DataArray]) -> None:
    """Change the transformations and units of an image with one entry of `multiscales`, and of its labels.

    Labels that lie on another grid, or cannot be changed, stay as they are, and that is said.

    Raises
    ------
    FormatError
        If it has several, or coordinate systems.
    """
    if isinstance(scene, str) and scene.startswith("labels/"):
        path, scene = path / scene, None
    _entry(path)
    known = header(path, scene)
    image = change(known.image(values=False))
    changes = list(_changes(path, image))
    for name in label_names(path):
        try:
            if Path(name).name != name or name == "..":
                raise FormatError("That is not the name of a folder in labels.")
            changes += _changes_of_labels(path / "labels" / name, known.grid(), image)
        except (IsoscaleError, OSError) as error:
            remarks.warn(f"The calibration of labels/{name} in {path} stays as it is: {error}")
    for file, content in changes:
        with replacing(file, overwrite=True) as temporary:
            temporary.write_text(content, encoding="utf-8")


def _changes_of_labels(path: Path, grid: Grid, image: xr.DataArray) -> Iterator[tuple[Path, str]]:
    """What gives labels the calibration of their image, which had another grid before."""
    known = header(path, None)
    difference = other_grid(known.grid(), grid)
    if difference:
        raise FormatError(f"{difference}. Set it with isoscale-ij set-voxel-size --scene labels/{path.name}.")
    labels = known.image(values=False)
    axes = [axis for axis in labels.dims if axis in image.dims and axis != "c"]
    labels = labels.drop_vars(axes, errors="ignore")
    yield from _changes(path, labels.assign_coords({axis: image.coords[axis] for axis in axes if axis in image.coords}))


def _changes(path: Path, image: xr.DataArray) -> Iterator[tuple[Path, str]]:
    """The files of a group with the calibration of `image`."""
    old = _entry(path)
    known = Multiscale.of(path, old)
    first = dict(zip(known.dims, known.levels[0].scale, strict=True))
    new = metadata.sizes_of(image)
    levels = [
        (level.path, {axis: new[axis] * size / first[axis] for axis, size in zip(known.dims, level.scale, strict=True)
                      if axis in new})
        for level in known.levels
    ]  # fmt: skip
    made = metadata.entry_of(image.transpose(*known.dims), levels)
    entry = {key: value for key, value in old.items() if key != "coordinateTransformations"}
    entry |= {"axes": made["axes"], "datasets": made["datasets"]}
    calibrated = metadata.own_note(image)["calibrated"]
    for name in ("zarr.json", ".zattrs", ".zmetadata"):
        if (path / name).is_file():
            yield path / name, _rewritten(path / name, entry, calibrated)


def _entry(path: Path) -> dict[str, Any]:
    """The single entry of `multiscales`."""
    entries = (metadata.attributes(path) or {}).get("multiscales") or []
    if len(entries) != 1 or "coordinateSystems" in entries[0]:
        raise FormatError(f"{path} has {len(entries)} images, or coordinate systems; give an output instead.")
    return dict(entries[0])


def _rewritten(path: Path, entry: dict[str, Any], calibrated: list[str]) -> str:
    content = json.loads(path.read_text("utf-8"))
    attributes = content.get("attributes", content)
    if path.name == ".zmetadata":
        attributes = content.get("metadata", {}).get(".zattrs", {})
    ome = attributes.get("ome", attributes)
    if "multiscales" in ome:
        ome["multiscales"] = [entry]
    if isinstance(attributes.get(metadata.OWN), dict):
        attributes[metadata.OWN]["calibrated"] = calibrated
    return json.dumps(content, indent=2)

"""A new calibration for an OME-Zarr in place: in the metadata of the group, for all levels; no voxel is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoscale_ij.errors import FormatError
from isoscale_ij.files.atomic import replacing
from isoscale_ij.files.ome_zarr import metadata
from isoscale_ij.files.ome_zarr.metadata import Multiscale
from isoscale_ij.files.ome_zarr.reading import header
from isoscale_ij.files.scenes import Scene

if TYPE_CHECKING:
    import xarray as xr


def recalibrate(path: Path, scene: Scene, change: Callable[[xr.DataArray], xr.DataArray]) -> None:
    """Change the transformations and units of an image with one entry of `multiscales`.

    Raises
    ------
    FormatError
        If it has several, or coordinate systems.
    """
    if isinstance(scene, str) and scene.startswith("labels/"):
        path, scene = path / scene, None
    described = metadata.attributes(path) or {}
    entries = described.get("multiscales") or []
    if len(entries) != 1 or "coordinateSystems" in entries[0]:
        raise FormatError(f"{path} has {len(entries)} images, or coordinate systems; give an output instead.")
    image = change(header(path, scene).image(values=False))
    known = Multiscale.of(path, entries[0])
    first = dict(zip(known.dims, known.levels[0].scale, strict=True))
    new = metadata.sizes_of(image)
    levels = [
        (level.path, {axis: new[axis] * size / first[axis] for axis, size in zip(known.dims, level.scale, strict=True)
                      if axis in new})
        for level in known.levels
    ]  # fmt: skip
    made = metadata.entry_of(image.transpose(*known.dims), levels)
    entry = {key: value for key, value in entries[0].items() if key != "coordinateTransformations"}
    entry |= {"axes": made["axes"], "datasets": made["datasets"]}
    calibrated = metadata.own_note(image)["calibrated"]
    for name in ("zarr.json", ".zattrs", ".zmetadata"):
        if (path / name).is_file():
            _rewrite(path / name, entry, calibrated)


def _rewrite(path: Path, entry: dict[str, Any], calibrated: list[str]) -> None:
    content = json.loads(path.read_text("utf-8"))
    attributes = content.get("attributes", content)
    if path.name == ".zmetadata":
        attributes = content.get("metadata", {}).get(".zattrs", {})
    ome = attributes.get("ome", attributes)
    if "multiscales" in ome:
        ome["multiscales"] = [entry]
    if isinstance(attributes.get(metadata.OWN), dict):
        attributes[metadata.OWN]["calibrated"] = calibrated
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")

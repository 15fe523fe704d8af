"""What an OME-Zarr says of its images, and their voxels region by region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError, MissingDependencyError, ParameterError
from isoscale_ij.files.ome_zarr import metadata
from isoscale_ij.files.ome_zarr.metadata import Json, Multiscale
from isoscale_ij.files.scenes import Scene, chosen_scene
from isoscale_ij.image.header import Axis, Header, Region, out_of_json

_LISTED = 5


def can_read(first_bytes: bytes, path: Path) -> bool:
    """Whether a folder is a group of zarr."""
    return not first_bytes and path.is_dir() and any((path / each).is_file() for each in ("zarr.json", ".zgroup"))


def header(path: Path, scene: Scene) -> Header:
    """What an OME-Zarr says of one of its images.

    Raises
    ------
    FormatError
        If it holds no image, or its metadata or voxels are broken or missing.
    """
    group, entry, described = _chosen(path, scene)
    image = Multiscale.of(group, entry)
    level = image.levels[0]
    array = opened(group / level.path)
    if array.ndim != len(image.dims):
        raise FormatError(
            f"{group} has {array.ndim} axes, and its metadata {len(image.dims)}: {', '.join(image.dims)}. Write the "
            "image again."
        )
    own = described.get(metadata.OWN) or {}
    if not isinstance(own, dict):
        own = {}
    complete = bool(own.get("complete"))
    if complete:
        check_files(group / level.path, array, [slice(None)] * array.ndim, complete=True)
    axes = {}
    for name, size, centre in zip(image.dims, level.scale, level.translation, strict=True):
        meaningless = name == "t" and image.units[name] is None and size == 1 and not own
        if name == "c" or meaningless or ("calibrated" in own and name not in own["calibrated"]):
            continue
        axes[name] = Axis(size, image.units[name], centre - size / 2)
    channels, attrs = _appearance(image, array.shape, described, own)
    if "image-label" in described or own.get("kind") == "labels":
        attrs["kind"] = "labels"
    stated = image.name if own.get("named", True) else None
    title = stated or (None if own else _title(group))

    def load(region: Region) -> NDArray[Any]:
        part = [region.get(axis, slice(None)) for axis in image.dims]
        check_files(group / level.path, array, part, complete=complete)
        return np.asarray(array[tuple(part)])

    return Header(
        image.dims, tuple(array.shape), np.dtype(array.dtype).newbyteorder("="), load, axes, channels, title, attrs,
        chunks=tuple(array.chunks),
    )  # fmt: skip


def smaller_levels(path: Path, scene: Scene) -> tuple[tuple[str, ...], list[Any]]:
    """The axes of an image, and its arrays of zarr but the largest."""
    group, entry, _ = _chosen(path, scene)
    image = Multiscale.of(group, entry)
    return image.dims, [opened(group / level.path) for level in image.levels[1:]]


def opened(path: Path) -> Any:
    """An array of zarr."""
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError("OME-Zarr needs zarr: pip install 'isoscale-ij[dask]'.") from error
    if not any((path / name).is_file() for name in ("zarr.json", ".zarray")):
        raise FormatError(f"{path.parent} says that it has an array {path.name}, which is not there. Copy it again.")
    array = zarr.open_array(path.absolute(), mode="r")  # it may be read when the working directory is another
    if array.dtype.kind not in "buif":
        raise FormatError(f"Got values of type {array.dtype} in {path}; needed are booleans, integers or real numbers.")
    return array


def check_files(path: Path, array: Any, region: Sequence[slice], *, complete: bool) -> None:
    """Raise a FormatError if a file of a region is empty, or not there although all were written.

    zarr takes both for voxels that were never written, and reads them as 0.
    """
    size = array.shards or array.chunks
    parts = [range(n)[part] for n, part in zip(array.shape, region, strict=True)]
    counts = [range(part.start // s, -(-part.stop // s)) for part, s in zip(parts, size, strict=True)]
    name = _file_name(array)
    files = {name(index): path / name(index) for index in product(*counts)}
    present = {key: file.stat().st_size for key, file in files.items() if file.is_file()}
    wrong = [key for key in files if (key not in present and complete) or present.get(key) == 0]
    if wrong:
        listed = ", ".join(wrong[:_LISTED])
        raise FormatError(
            f"{len(wrong)} of {len(files)} files of {path} are missing or empty ({listed}"
            f"{', …' if len(wrong) > _LISTED else ''}). Copy the image again, all of it."
        )


def _file_name(array: Any) -> Callable[[tuple[int, ...]], str]:
    return lambda index: str(array.metadata.encode_chunk_key(index))


def _chosen(path: Path, scene: Scene) -> tuple[Path, Json, Json]:
    """The group of the image that is meant, its entry of `multiscales`, and its attributes."""
    described = metadata.attributes(path)
    if described is None:
        raise FormatError(f"{path} is no group of zarr. Give the folder that ends in .zarr.")
    if isinstance(scene, str) and scene.startswith("labels/"):
        return _labels(path, scene)
    entries = described.get("multiscales")
    if isinstance(entries, list) and entries:
        if not all(isinstance(entry, dict) for entry in entries):
            raise FormatError(f"The multiscales of {path} are broken. Write the image again.")
        names = [str(entry.get("name") or "") for entry in entries]
        return path, entries[chosen_scene(path, names, scene)], described
    series = sorted((each.name for each in path.iterdir() if each.name.isdecimal() and each.is_dir()), key=int)
    series = [name for name in series if "multiscales" in (metadata.attributes(path / name) or {})]
    if not series:
        what = "a plate" if "plate" in described else "a group of zarr without an image"
        raise FormatError(
            f"{path} is {what}. Give the folder of an image in it: the one whose metadata has multiscales."
        )
    group = path / series[chosen_scene(path, [""] * len(series), scene)]
    inner = metadata.attributes(group) or {}
    return group, inner["multiscales"][0], inner


def _labels(path: Path, scene: str) -> tuple[Path, Json, Json]:
    group = path / scene
    described = metadata.attributes(group) if ".." not in scene else None
    if not described or not described.get("multiscales"):
        listed = ", ".join(f"labels/{name}" for name in label_names(path)) or "none"
        raise ParameterError(f"Got the scene {scene!r}; {path} holds the labels: {listed}.")
    return group, described["multiscales"][0], described


def label_names(path: Path) -> list[str]:
    """The names of the labels of an image."""
    described = metadata.attributes(path / "labels") or {}
    return [str(name) for name in described.get("labels") or []]


def _appearance(
    image: Multiscale, shape: tuple[int, ...], described: Json, own: Json
) -> tuple[list[str] | None, dict[str, Any]]:
    """The names of the channels, and the attributes with their colours and display ranges."""
    attrs = dict(out_of_json(own.get("attrs") or {}))
    count = dict(zip(image.dims, shape, strict=True)).get("c")
    omero = described.get("omero")
    if count is None or not isinstance(omero, dict):
        return own.get("channels"), attrs
    labels = [str(each.get("label") or "") for each in omero.get("channels") or [] if isinstance(each, dict)]
    channels = labels if len(labels) == count and all(labels) and ("channels" not in own or own["channels"]) else None
    if not own or own.get("omero") != omero:
        looks = metadata.looks_of(omero, count)
        if looks:
            attrs["imagej"] = {**(attrs.get("imagej") or {}), **looks}
    return channels, attrs


def _title(group: Path) -> str:
    name = group.name
    for ending in (".ome.zarr", ".zarr"):
        name = name.removesuffix(ending)
    return name

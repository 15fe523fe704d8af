"""Writes an OME-Zarr shard by shard, each by one task; the smaller levels from the larger ones; metadata last."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import MissingDependencyError
from isoscale_ij.execution.chunks.journal import marks_of_output
from isoscale_ij.execution.chunks.lazy import Resampled, Stored
from isoscale_ij.execution.chunks.readers import is_lazy, reader_of, reads_by_region
from isoscale_ij.execution.chunks.regions import Blocks, block_size, lengths
from isoscale_ij.execution.chunks.sweeps import Summary, Sweeps, current_client
from isoscale_ij.execution.resampling import AxisChange, Resampling
from isoscale_ij.files.ome_zarr import metadata
from isoscale_ij.files.ome_zarr.groups import check_labels, levels_of_the_image, version_for, write_json
from isoscale_ij.image.axes import SPATIAL
from isoscale_ij.image.calibration import is_labels

if TYPE_CHECKING:
    import xarray as xr

_PART = 2 << 20  # voxels that are made at a time, of what may be many times as much
_LEVEL_BYTES = 64 << 20  # of the level before that are read at a time: the fewer, the more chunks are unpacked twice
_SMALLEST = 256  # voxels along y and x of the smallest level, about
_CHUNK = {2: (1, 1024, 1024), 3: (32, 256, 256)}  # z, y, x, of flat images and of others
_SHARD_BYTES = 32 << 20
_ZSTD = 1  # twice as fast to write and to read as the usual level, a twelfth larger
_ALIKE = 2.0  # times the smallest voxel size: shorter axes are halved

Json = dict[str, Any]


@dataclass(frozen=True)
class ZarrFolder:
    """An array of zarr, by its absolute path: it is sent as that, and opened where it is needed."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, region: Any) -> Any:
        return np.asarray(self.opened("r")[region])

    def opened(self, mode: Any) -> Any:
        """The array."""
        import zarr

        found: Any = zarr.open_array(self.path, mode=mode)
        settings: Any = {"write_empty_chunks": True}  # of this array: zarr.config is that of all threads at once
        again: Any = zarr.AsyncArray(found.metadata, found.store_path, settings)
        return zarr.Array(again)


def write(path: Path, image: xr.DataArray, version: str | None = None) -> None:
    """Write an image with all its levels, in a version of OME-Zarr; labels in as many levels as their image."""
    version = version or version_for(path)
    check_labels(path, image)
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("OME-Zarr needs zarr: pip install 'isoscale-ij[dask]'.") from error
    values = image.data if reads_by_region(image.data) else np.asarray(image.data)
    sweeps = Sweeps(current_client() if is_lazy(values) else None, marks_of_output())
    reader: Any = reader_of(values)
    sizes = metadata.sizes_of(image)
    levels: list[tuple[str, Json]] = []
    wanted = levels_of_the_image(path)
    while True:
        array = _create(path / str(len(levels)), reader.shape, reader.dtype, image.dims, version)
        _fill(array, reader, sweeps)
        levels.append((str(len(levels)), dict(sizes)))
        resampling = _halved(image, array, sizes)
        if resampling is None or (len(levels) >= wanted if wanted else max(array.shape[-2:]) <= _SMALLEST):
            break
        leading = tuple(n for n, axis in zip(array.shape, image.dims, strict=True) if str(axis) in "tc")
        larger = reader if isinstance(reader, np.ndarray) else array  # what is in memory need not be unpacked
        reader = Resampled(larger, leading, "z" in image.dims, resampling)
        for axis, change in zip(SPATIAL, resampling.axes, strict=True):
            if axis in sizes:
                sizes[axis] *= change.ratio
    _describe(path, image, levels, version)


def _create(path: Path, shape: tuple[int, ...], dtype: Any, dims: tuple[Any, ...], version: str) -> ZarrFolder:
    """A new array, nothing of which is written yet; or that which is there, of work that goes on."""
    import zarr
    from zarr.codecs import ZstdCodec

    size = dict(zip(dims, shape, strict=True))
    flat = size.get("z", 1) == 1
    usual = dict(zip(SPATIAL, _CHUNK[2 if flat else 3], strict=True))
    usual["z"] = _shared_out(size.get("z", 1), usual["z"])
    chunk = {axis: min(usual.get(axis, 1), size[axis]) for axis in dims}
    native = np.dtype(dtype).newbyteorder("=")
    options: Json = {"shape": shape, "dtype": native, "chunks": tuple(chunk.values()), "fill_value": 0}
    options["config"] = {"write_empty_chunks": True}
    if version == "0.4":
        options |= {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}}
    else:
        options |= {"shards": _shard(chunk, size, native.itemsize), "dimension_names": list(dims)}
        options["compressors"] = ZstdCodec(level=_ZSTD)
    if marks_of_output() is None or not _is_array(path):
        zarr.create_array(path, overwrite=True, **options)
    return ZarrFolder(str(path.absolute()), tuple(shape), native)


def _is_array(path: Path) -> bool:
    import zarr

    try:
        zarr.open_array(path, mode="r")
    except (FileNotFoundError, ValueError, KeyError):  # not there, or only half of its metadata
        return False
    return True


def _shared_out(slices: int, chunk: int) -> int:
    """About as many slices to a chunk, so that the last one is about full: what it lacks is packed as well."""
    return -(-slices // max(1, round(slices / chunk)))


def _shard(chunk: Json, size: Json, itemsize: int) -> tuple[int, ...]:
    """Whole chunks of a size that is good to write at a time."""
    shard = dict(chunk)
    grown = True
    while grown:
        grown = False
        for axis in reversed(list(shard)):
            larger = math.prod(shard.values()) * 2 * itemsize
            if axis not in "tc" and shard[axis] < size[axis] and larger <= _SHARD_BYTES:
                shard[axis] *= 2
                grown = True
    return tuple(shard.values())


def _fill(array: ZarrFolder, reader: Any, sweeps: Sweeps) -> None:
    """Write an array: a task owns whole shards, or two of them would lose what the other has written."""
    opened = array.opened("r")
    blocks = Blocks(array.shape, tuple(opened.shards or opened.chunks))
    jobs = ((number, (array, reader, blocks)) for number in range(len(blocks)))
    for _ in sweeps.run(write_shard, jobs, len(blocks)):
        pass


def write_shard(number: int, array: ZarrFolder, reader: Any, blocks: Blocks) -> Summary:
    """Write one shard."""
    region = blocks.region(number)
    if isinstance(reader, np.ndarray):
        array.opened("r+")[region] = reader[region]
        return {}
    values = np.empty(lengths(region), array.dtype)
    chunks = getattr(reader, "native", None) or (1,) * values.ndim
    parts = Blocks(values.shape, block_size(values.shape, chunks, (0,) * values.ndim, _most(reader, values)))
    for part in map(parts.region, range(len(parts))):
        values[part] = reader[
            tuple(slice(a.start + b.start, a.start + b.stop) for a, b in zip(region, part, strict=True))
        ]
    array.opened("r+")[region] = values
    return {}


def _most(reader: Any, values: NDArray[Any]) -> float:
    """Voxels of a shard that are made at a time."""
    if isinstance(reader, Stored):  # each part would unpack the block that it lies in
        return values.size
    if isinstance(reader, Resampled) and isinstance(reader.reader, ZarrFolder | np.ndarray):  # of a larger level
        return _LEVEL_BYTES / (values.itemsize * math.prod(change.ratio for change in reader.resampling.axes))
    return _PART


def _halved(image: xr.DataArray, array: ZarrFolder, sizes: dict[str, float]) -> Resampling | None:
    """The way to the next level: axes with about the smallest voxels are halved; None where none can be."""
    counts = dict(zip(map(str, image.dims), array.shape, strict=True))
    longer = [axis for axis in SPATIAL if counts.get(axis, 1) > 1]
    if not longer:
        return None
    smallest = min(sizes[axis] for axis in longer)
    changes = [
        AxisChange(counts[axis], max(1, (counts[axis] + 1) // 2), 2.0)
        if axis in longer and sizes[axis] < _ALIKE * smallest
        else AxisChange(counts.get(axis, 1), counts.get(axis, 1), 1.0)
        for axis in SPATIAL
    ]
    discrete = is_labels(image) or image.dtype == bool
    return Resampling(
        (changes[0], changes[1], changes[2]), "nearest" if discrete else "linear", antialias=True, dtype=array.dtype
    )


def _describe(path: Path, image: xr.DataArray, levels: list[tuple[str, Json]], version: str) -> None:
    """Write the metadata of the group."""
    entry = metadata.entry_of(image, levels)
    entry["type"] = "nearest" if is_labels(image) or image.dtype == bool else "local mean"
    own = metadata.own_note(image)
    ome: Json = {"multiscales": [entry]}
    if channels := metadata.omero(image):
        ome["omero"] = own["omero"] = channels
    if is_labels(image):
        ome["image-label"] = {"source": {"image": "../../"}}
    if version == "0.4":
        entry["version"] = version
        if is_labels(image):
            ome["image-label"]["version"] = version
        write_json(path / ".zgroup", {"zarr_format": 2})
        write_json(path / ".zattrs", ome | {metadata.OWN: own})
        return
    attributes = {"ome": {"version": version} | ome, metadata.OWN: own}
    write_json(path / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": attributes})

"""Files that no reader here knows, through bioio: what its plugins say of voxel sizes is checked, and pointed out.

A plugin is asked for all that it has of the axes; what bioio itself makes of that (five axes, of others the first
voxel, names for channels) is not taken.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError, MissingDependencyError
from isoscale_ij.files import planes
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.plausible import believable, positive
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.calibration import CalibrationWarning
from isoscale_ij.image.header import Axis, Header, Region
from isoscale_ij.image.units import canonical_unit, convert, is_length, symbol
from isoscale_ij.wording import short

name = "bioio"
endings: tuple[str, ...] = ()
write = None
recalibrate = None

_LEAST = "3.0"
_USUAL = "micrometer"  # what sizes are in by bioio's convention, where a plugin does not say it
_MADE_UP = re.compile(r"Channel:\d+:\d+")  # names of channels that have none


@dataclass(frozen=True)
class _Plugin:
    """A plugin of bioio's that takes a file: what it is called, and the class of its readers."""

    name: str
    reader: Any

    def opened(self, path: Path) -> Any:
        """A reader of the file, at its first scene."""
        return self.reader(str(path.resolve()))


@dataclass(frozen=True)
class _Values:
    """The voxels of a scene, which are not read yet: their axes by our names, and the samples that a colour has."""

    dims: tuple[str, ...]
    voxels: Any
    samples: int


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether bioio is installed, and has a plugin that takes the file."""
    return isinstance(_plugin(path), _Plugin)


def why_not(path: Path) -> str:
    """Why a file is not read through bioio, and what may help: a sentence for the error that there is else."""
    found = _plugin(path)
    return found if isinstance(found, str) else ""


def header(path: Path, scene: Scene) -> Header:
    """What a plugin says of one of the images, as far as it can be believed."""
    plugin = _plugin(path)
    if isinstance(plugin, str):
        raise FormatError(f"{path} is not read. {plugin}")
    with of_reading(path, plugin.name):
        reader = plugin.opened(path)
        names = [str(each) for each in reader.scenes]
        if not names:
            raise FormatError(f"{path} holds no image.")
        index = chosen_scene(path, names, scene)
        reader.set_scene(index)
        found = _values(reader)
        dims, shape, dtype = found.dims, tuple(map(int, found.voxels.shape)), found.voxels.dtype
        planes.check_axes(path, dims, shape, "bioio")
        if dtype.kind not in "buif":
            raise FormatError(f"{path} holds values of type {dtype}; needed are real ones. Save their magnitude.")
        described = Header(dims, shape, dtype.newbyteorder("="), lambda region: _load(path, plugin, index, region))
        described.chunks = tuple(map(int, found.voxels.chunksize))
        described.axes = _axes(path, plugin, reader, dims)
        channels = _channels(reader)
        if len(channels) == 1:
            described.attrs["channel"] = channels[0]
        elif len(channels) == dict(zip(dims, shape, strict=True)).get("c"):
            described.channels = channels
        described.name = scene_title(path, endings, names, index)
        described.scenes = names if len(names) > 1 else []
    return described


def _plugin(path: Path) -> _Plugin | str:
    """The plugin that takes a file, in the order in which bioio asks them; or why there is none."""
    try:
        library("bioio", "bioio", "files of other formats", least=_LEAST)
    except MissingDependencyError:
        return (
            f"Or bioio {_LEAST} may open it, with the plugin for its format, where there is one: pip install "
            '"isoscale-ij[bioio]", and that plugin (bioio-dv, bioio-sldy, …).'
        )
    try:
        by_ending = importlib.import_module("bioio.plugins").get_plugins(use_cache=False)
    except Exception as error:  # noqa: BLE001  (whatever the plugins raise that are installed)
        return f"bioio, which may open it, fails with one of its plugins: {_what(error)}."
    said = []
    for each in [each for end, plugins in by_ending.items() if path.name.lower().endswith(end) for each in plugins]:
        try:
            reader = each.metadata.get_reader()
            if reader.is_supported_image(str(path.resolve())):
                version = getattr(each.entrypoint.dist, "version", "")
                return _Plugin(f"{each.entrypoint.name} {version}".strip(), reader)
            said.append(f"{each.entrypoint.name} does not take it")
        except Exception as error:  # noqa: BLE001  (which is how some say that they do not take it)
            said.append(f"{each.entrypoint.name}: {_what(error)}")
    if said:
        return f"None of bioio's plugins takes it ({'; '.join(dict.fromkeys(said))})."
    ending = path.suffix or "its format"
    return f"Or bioio may open it, with a plugin for {ending}: it is installed, but none of its plugins is for that."


def _what(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _values(reader: Any) -> _Values:
    """The voxels along the axes of several voxels, and y and x; tiles together, where the plugin does that."""
    image = reader.xarray_dask_data
    if dict(zip(image.dims, image.shape, strict=True)).get("M", 1) > 1:
        with suppress(NotImplementedError):
            image = reader.mosaic_xarray_dask_data
    dims, voxels = [str(axis).lower() for axis in image.dims], image.data
    kept = [size > 1 or axis in ("y", "x") for axis, size in zip(dims, voxels.shape, strict=True)]
    voxels = voxels[tuple(slice(None) if keep else 0 for keep in kept)]
    dims = [axis for axis, keep in zip(dims, kept, strict=True) if keep]
    if "s" not in dims:
        return _Values(tuple(dims), voxels, 1)
    samples = int(voxels.shape[dims.index("s")])
    if "c" in dims:  # several channels, each in colour
        order = [axis for axis in dims if axis != "s"]
        at = order.index("c")
        order.insert(at + 1, "s")
        voxels = voxels.transpose([dims.index(axis) for axis in order])
        shape = voxels.shape
        voxels = voxels.reshape((*shape[:at], shape[at] * samples, *shape[at + 2 :]))
        dims = [axis for axis in order if axis != "s"]
    return _Values(tuple("c" if axis == "s" else axis for axis in dims), voxels, samples)


def _load(path: Path, plugin: _Plugin, index: int, region: Region) -> NDArray[Any]:
    """A region, computed by this thread: a plugin need not stand several, and it may be a cluster that asks."""
    with of_reading(path, plugin.name):
        reader = plugin.opened(path)
        reader.set_scene(index)
        found = _values(reader)
        dims, voxels = found.dims, found.voxels
        ranges = [range(*region.get(axis, slice(None)).indices(n)) for axis, n in zip(dims, voxels.shape, strict=True)]
        touched = [_touched(sizes, part) for sizes, part in zip(voxels.chunks, ranges, strict=True)]
        planes.check_memory(path, (2, *touched), voxels.dtype)  # as the plugin gives them, and put together
        part = voxels[tuple(region.get(axis, slice(None)) for axis in dims)].compute(scheduler="synchronous")
        wanted = tuple(map(len, ranges))
        if part.shape != wanted:
            raise FormatError(f"{path} is damaged: {plugin.name} says {wanted} voxels, and gives {part.shape}.")
        part = np.array(part, part.dtype.newbyteorder("="))  # of another type than it said, they are not made to fit
        if not region:
            _check_samples(path, plugin, found, part)
        return part


def _touched(sizes: Sequence[int], part: range) -> int:
    """How many voxels those chunks have along an axis of which something is wanted."""
    begins = np.cumsum([0, *sizes])
    numbers = np.unique(np.searchsorted(begins, np.asarray(part, np.int64), side="right") - 1)
    return int(np.asarray(sizes, np.int64)[numbers].sum())


def _check_samples(path: Path, plugin: _Plugin, found: _Values, values: NDArray[Any]) -> None:
    """Point out a colour that is grey: it may be, or a plugin has repeated one of its samples."""
    if found.samples == 1:
        return
    colors = np.moveaxis(values, found.dims.index("c"), 0)
    if all(np.array_equal(one, colors[at - at % found.samples]) for at, one in enumerate(colors)):
        remarks.warn(
            f"{path} is in colour, and its {found.samples} samples are the same in each voxel. It may be grey; or "
            f"{plugin.name} repeats one of them. Look at it with another program."
        )


def _axes(path: Path, plugin: _Plugin, reader: Any, dims: tuple[str, ...]) -> dict[str, Axis]:
    """What can be believed of the calibration, and a remark that it is to be looked at."""
    sizes, unit, stated = _sizes(reader, dims)
    kept, wrong = believable(sizes, unit)
    if wrong:
        remarks.warn(
            f"{path}: {plugin.name} says that voxels are {_listed(sizes, unit)}. {wrong} Treated as uncalibrated: "
            f"{', '.join(axis for axis in sizes if axis not in kept)}; set what the microscope says with "
            "set_voxel_size (command line: isoscale-ij set-voxel-size).",
            CalibrationWarning,
        )
    assumed = "; no unit is said, which with bioio means micrometers" if kept and not stated else ""
    remarks.warn(
        f"{path} was read through bioio, with its plugin {plugin.name}, and not with a reader that is tested here. "
        f"Look at its voxel size ({_listed(kept, unit) or 'not known'}{assumed}), and set another with set_voxel_size "
        "if it is wrong."
    )
    axes = {axis: Axis(size, unit) for axis, size in kept.items()}
    step = positive(_seconds(reader.time_interval)) if "t" in dims else None
    if step is not None:
        axes["t"] = Axis(step, "second")
    return axes


def _listed(sizes: dict[str, float], unit: str | None) -> str:
    return ", ".join(f"{axis} {short(size)} {symbol(unit)}" for axis, size in sizes.items())


def _sizes(reader: Any, dims: tuple[str, ...]) -> tuple[dict[str, float], str, bool]:
    """The sizes that there are, of axes of several voxels; their unit; and whether a unit is said at all."""
    pixel = reader.physical_pixel_sizes
    found = {axis: positive(getattr(pixel, axis.upper(), None)) for axis in "zyx" if axis in dims}
    sizes = {axis: size for axis, size in found.items() if size is not None}
    said: dict[str, str] = {}
    with suppress(AttributeError, NotImplementedError):  # older plugins know nothing of units
        properties = reader.dimension_properties
        stated = {axis: getattr(properties, axis.upper()).unit for axis in sizes}
        said = {axis: canonical_unit(str(unit)) or str(unit) for axis, unit in stated.items() if unit is not None}
    units = {axis: said.get(axis, _USUAL) for axis in sizes}
    if len(set(units.values())) > 1 and all(map(is_length, units.values())):
        return {axis: convert(size, units[axis], _USUAL) for axis, size in sizes.items()}, _USUAL, True
    return sizes, " and ".join(sorted(set(units.values()))) or _USUAL, bool(said)


def _seconds(interval: Any) -> float | None:
    """A time step in seconds; a number alone has no unit that is known."""
    return float(interval.total_seconds()) if hasattr(interval, "total_seconds") else None


def _channels(reader: Any) -> list[str]:
    """The names of the channels, if all of them have one of their own."""
    image = reader.xarray_dask_data
    if "C" not in image.coords:
        return []
    names = [str(each) for each in np.atleast_1d(image.coords["C"].values)]
    made_up = any(not each or _MADE_UP.fullmatch(each) for each in names)
    return [] if made_up or len(set(names)) < len(names) else names

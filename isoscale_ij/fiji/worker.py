"""What the Python process behind Fiji's commands does: one function a command, called through Appose.

Pixels come and go through shared memory that Fiji owns, planes first, in ImageJ's order. Requests and
replies are plain values; an image is described as a :class:`~isoscale_ij.image.hyperstack.Hyperstack`.
What goes wrong is a reply as well: one sentence for the user, and the whole story for the log.
"""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import isoscale_ij
from isoscale_ij import remarks
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.slabs import Slab
from isoscale_ij.errors import Cancelled, FormatError, IsoscaleError, ParameterError
from isoscale_ij.execution.resampling import resample_slab
from isoscale_ij.fiji import batches, lifetime
from isoscale_ij.fiji.lines import write_whole_lines
from isoscale_ij.fiji.requests import new_voxel_size, outlines, set_sizes, sigmas
from isoscale_ij.fiji.sentences import in_fiji
from isoscale_ij.image import properties
from isoscale_ij.image.calibration import length_unit
from isoscale_ij.image.hyperstack import Hyperstack, as_pixels, hyperstack, turn_sign_bit
from isoscale_ij.image.looks import label_lut
from isoscale_ij.image.units import symbol
from isoscale_ij.imagej.pixels import packed_from_rgb, rgb_from_packed
from isoscale_ij.operations.rescaling import Prepared, not_finite_remark, prepared

_MEND = "Convert the image to 32-bit first (Image > Type > 32-bit)."

_SUFFIXES = {"rescale_files": "rescaled", "label_files": "labels"}  # of the results beside their sources' names

_MOST_SHARED = 2**28  # bytes in shared memory at a time, of a rescaling


def run(task: Any, operation: str, request: str, source: Any = None, target: Any = None) -> None:
    """Do one operation for an Appose task; its outputs are the reply."""
    write_whole_lines()
    asked = json.loads(request)
    with lifetime.busy(), remarks.heard() as heard:
        try:
            _check_version(str(asked.pop("jar_version", "")))
            reply = OPERATIONS[operation](
                asked, None if source is None else source.ndarray(), None if target is None else target.ndarray(),
                _progress_of(task),
            )  # fmt: skip
            task.outputs.update(reply)
        except Cancelled:
            task.outputs["cancelled"] = True
        except (IsoscaleError, MemoryError, OSError) as error:
            sentence = str(error) or "There was not enough memory. Close other programs or images."
            task.outputs.update(error=in_fiji(sentence), details=traceback.format_exc())
        finally:
            for block in (source, target):
                _let_go(block)
        task.outputs["warnings"] = list(dict.fromkeys(in_fiji(str(remark)) for remark in heard))


def plan_rescale(request: dict[str, Any], _source: Any, _target: Any, _progress: Any) -> dict[str, Any]:
    """What a rescaled image will be: its size, the type of its planes, its calibration, and the slabs to make it in."""
    image, layout = _image(request, None)
    work = _prepared(image, request["options"])
    scaled = work.result(np.broadcast_to(np.zeros((), image.dtype), work.plan.shape))
    sizes = {axis: int(scaled.sizes.get(axis, 1)) for axis in "zyx"}
    channels = 1 if layout.rgb else layout.channels
    voxel = channels * (4 if layout.rgb else np.dtype(layout.dtype).itemsize)
    java_bytes = sizes["x"] * sizes["y"] * sizes["z"] * voxel * layout.frames
    edges = isoscale_ij.voxel_size(scaled)
    return {
        "width": sizes["x"], "height": sizes["y"], "slices": sizes["z"], "channels": channels,
        "type": "int32" if layout.rgb else layout.dtype, "block": "INT32" if layout.rgb else layout.dtype.upper(),
        "java_bytes": java_bytes, "image": _described(scaled, np.dtype(layout.dtype)), "factors": work.plan.factors,
        "slabs": [
            [slab.source.start, slab.source.stop, slab.target.start, slab.target.stop]
            for slab in work.resampling.slabs(
                layout.width * layout.height * voxel, sizes["x"] * sizes["y"] * voxel, _MOST_SHARED
            )
        ],
        "text": (
            f"{layout.width} x {layout.height} x {layout.slices} voxels become "
            f"{sizes['x']} x {sizes['y']} x {sizes['z']},\n"
            f"each {' x '.join(f'{edges[axis]:.4g}' for axis in 'xyz' if axis in edges)} "
            f"{symbol(length_unit(scaled))}; that is {java_bytes / 1e6:.0f} MB."
        ),
    }  # fmt: skip


def rescale(request: dict[str, Any], source: Any, target: Any, progress: Any) -> dict[str, Any]:
    """Some slices of one frame on another grid, into the planes of `target`; `source` has the slices they need."""
    whole, layout = _image(request, None)
    first, last, begin, end = request["slab"]
    part = asdict(layout) | {"slices": last - first}
    image, _ = _image(request | {"image": part}, source)
    resampling = _prepared(whole, request["options"]).resampling
    slab = Slab(slice(first, last), slice(begin, end))
    values = np.asarray(image.transpose(..., "y", "x").data).reshape(-1, last - first, layout.height, layout.width)
    shape = (end - begin, *target.shape[1:])
    straight = len(values) == 1 and values.dtype == target.dtype
    made = target.reshape(1, *shape) if straight else np.empty((len(values), *shape), values.dtype)
    engine = get_engine("auto")
    for number, (channel, out) in enumerate(zip(values, made, strict=True)):
        done = begin * len(values) + number * (end - begin)
        on_part = _on_part(progress, done, end - begin, resampling.shape[0] * len(values))
        if resample_slab(engine, channel, resampling, slab, out, on_part):
            remarks.warn(not_finite_remark(1, 0))
    if not straight:
        _write(made, layout, target)
    return {}


def _prepared(image: xr.DataArray, options: dict[str, Any]) -> Prepared:
    return prepared(
        image, new_voxel_size(image, options), interpolation=options["interpolation"], antialias=options["antialias"]
    )


def _on_part(progress: Callable[[int, int, str], None], done: int, count: int, total: int) -> Callable[[float], None]:
    """Progress of a slab as progress of the whole."""
    return lambda share: progress(done + int(count * share), total, "rescaling")


def segment(request: dict[str, Any], source: Any, target: Any, progress: Any) -> dict[str, Any]:
    """Voronoi-Otsu-Labeling of one frame: labels into `target`, as 16-bit numbers or, where there are more, float32."""
    image, _ = _image(request, source)
    labels = isoscale_ij.voronoi_otsu_labeling(image, **_segmentation(image, request["options"], progress))
    table = isoscale_ij.measure(labels, image)
    count = int(labels.values.max())
    kept = np.dtype(np.uint16 if count <= np.iinfo(np.uint16).max else np.float32)
    planes = target.reshape(-1).view(kept)[: labels.size].reshape(target.shape)
    planes[...] = labels.values.reshape(target.shape)
    table["t"] = request.get("frame", 1) - 1
    return {
        "image": _described(labels, kept), "type": kept.name, "count": count, "lut": label_lut(),
        "slice": _fullest(planes),
        "threshold": float(np.max(labels.attrs["threshold"])), "table": _columns(table),
    }  # fmt: skip


def suggest(request: dict[str, Any], source: Any, _target: Any, progress: Any) -> dict[str, Any]:
    """Sigmas that fit the objects of a frame, with their unit as the dialog calls it; none where there is no answer."""
    image, _ = _image(request, source)
    suggestion = isoscale_ij.suggest_sigmas(image, channel=_channel(image, request["options"]), on_progress=progress)
    text = f"{'' if suggestion.confident else 'Not sure: '}{suggestion.reason}"
    if suggestion.spot_sigma is None:
        return {"spot": None, "text": suggestion.reason}
    spot, outline = (str(sigma).removesuffix(" px") for sigma in (suggestion.spot_sigma, suggestion.outline_sigma))
    return {
        "spot": float(spot), "outline": float(outline), "unit": "voxels" if suggestion.unit == "px" else "image unit",
        "text": text,
    }  # fmt: skip


def compare(request: dict[str, Any], source: Any, _target: Any, progress: Any) -> dict[str, Any]:
    """The same segmentation on several grids: the table, and the label images as files in a folder."""
    image, _ = _image(request, source)
    comparison = isoscale_ij.compare(image, **_segmentation(image, request["options"], progress))
    names, slices = [], []
    for name, labels in comparison.labels.items():
        plain = "".join(letter if letter.isalnum() or letter in " .-" else "_" for letter in name)
        names.append(f"{plain}.tif")
        isoscale_ij.write(Path(request["folder"]) / names[-1], labels)
        slices.append(_fullest(labels.values))
    return {"table": _columns(comparison.table), "files": names, "slices": slices, "lut": label_lut()}


def set_voxel_size(request: dict[str, Any], _source: Any, _target: Any, _progress: Any) -> dict[str, Any]:
    """Another calibration; no pixel is touched."""
    layout = Hyperstack(**request["image"])
    layout.properties[properties.DIMS] = "tzyx"  # every axis can be set, also one of a single voxel
    image = layout.header(lambda: np.empty(0)).image(values=False)
    changed = isoscale_ij.set_voxel_size(image, **set_sizes(request["options"]))
    return {"image": _described(changed, image.dtype)}


def environment(request: dict[str, Any], _source: Any, _target: Any, _progress: Any) -> dict[str, Any]:
    """What Python is used; with `test`, a segmentation of a small volume as well."""
    import sys

    from isoscale_ij.diagnosis import diagnose

    report = {"Python program": sys.executable, **diagnose()}
    if request.get("test"):
        begin = time.perf_counter()
        image, _ = isoscale_ij.sample(shape=(12, 64, 64), n_objects=6)
        with remarks.heard():  # and dropped: the volume is small
            labels = isoscale_ij.vol(image, spot_sigma=1.4, outline_sigma=0.9)
        report["test run"] = f"{int(labels.data.max())} objects in {time.perf_counter() - begin:.1f} s"
    return {"found": report}


def rescale_files(request: dict[str, Any], _source: Any, _target: Any, progress: Any) -> dict[str, Any]:
    """Files into a folder, rescaled."""
    options = request["options"]

    def one(image: xr.DataArray) -> xr.DataArray:
        return isoscale_ij.rescale(
            image, new_voxel_size(image, options), interpolation=options["interpolation"],
            antialias=options["antialias"], on_progress=progress,
        )  # fmt: skip

    return batches.each_file(request["input"], request["output"], _SUFFIXES["rescale_files"], one, progress)


def label_files(request: dict[str, Any], _source: Any, _target: Any, progress: Any) -> dict[str, Any]:
    """Files into a folder, as labels; a table beside each."""

    def one(image: xr.DataArray) -> xr.DataArray:
        return isoscale_ij.voronoi_otsu_labeling(image, **_segmentation(image, request["options"], progress))

    suffix = _SUFFIXES["label_files"]
    return batches.each_file(request["input"], request["output"], suffix, one, progress, tables=True)


def find_files(request: dict[str, Any], _source: Any, _target: Any, _progress: Any) -> dict[str, Any]:
    """What one of the two operations above would work on, as a text."""
    return {"text": batches.outlook(request["input"], request["output"], _SUFFIXES[request["operation"]])}


OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    operation.__name__: operation
    for operation in (
        plan_rescale, rescale, suggest, segment, compare, set_voxel_size, environment, rescale_files, label_files,
        find_files,
    )
}  # fmt: skip


def _image(request: dict[str, Any], planes: NDArray[Any] | None) -> tuple[xr.DataArray, Hyperstack]:
    """One frame as a calibrated image over the memory that Fiji shares; without planes, a stand-in."""
    layout = Hyperstack(**request["image"])
    frame = Hyperstack(**(asdict(layout) | {"frames": 1}))
    frame.properties.pop(properties.DIMS, None)  # of the whole: here the time axis is gone

    def load() -> NDArray[Any]:
        if planes is None:
            shape = (frame.planes, frame.height, frame.width, *((3,) if frame.rgb else ()))
            return np.broadcast_to(np.zeros((), frame.dtype), shape)
        if not frame.rgb:
            return planes
        unpacked = np.empty((*planes.shape, 3), np.uint8)
        rgb_from_packed(planes, unpacked)
        return unpacked

    image = frame.header(load).image(values=planes is not None)
    return image, layout


def _write(channels: NDArray[Any], layout: Hyperstack, target: NDArray[Any]) -> None:
    """The voxels of each channel into planes of `target`, in ImageJ's order (channels fastest) and type."""
    if layout.rgb:
        target[...] = packed_from_rgb(np.moveaxis(channels, 0, -1))
        return
    planes = np.moveaxis(channels, 0, 1).reshape(-1, *channels.shape[2:])
    for plane, out in zip(planes, target, strict=True):
        if plane.dtype == np.int16 and out.dtype == np.uint16:
            out[...] = turn_sign_bit(plane)
        else:
            out[...] = as_pixels(plane, out.dtype, _MEND)


def _described(image: xr.DataArray, dtype: np.dtype[Any]) -> dict[str, Any]:
    """What ImageJ is to say of a result, as plain values."""
    layout = hyperstack(image, dtype)
    fields = asdict(layout)
    fields["units"] = layout.units | layout.length_units
    fields["properties"].pop(properties.DIMS, None)
    fields["about"] = {key: value for key, value in fields["about"].items() if key == "slice_labels"}
    return fields


def _segmentation(image: xr.DataArray, options: dict[str, Any], progress: Any) -> dict[str, Any]:
    """The arguments of a segmentation."""
    spot, outline = sigmas(image, options)
    channel = _channel(image, options)
    return {
        "spot_sigma": spot, "outline_sigma": outline, "channel": channel, "on_progress": progress, **outlines(options),
    }  # fmt: skip


def _channel(image: xr.DataArray, options: dict[str, Any]) -> int | None:
    """A channel by its name, or its number; they count from 1 in ImageJ."""
    channel, count = str(options["channel"]), int(image.sizes.get("c", 1))
    names = [str(name) for name in image.coords["c"].values] if "c" in image.coords else []
    if channel in names:
        return names.index(channel)
    wanted = int(float(channel)) if channel.replace(".", "", 1).isdigit() else 0
    if not 1 <= wanted <= count:
        raise ParameterError(f"Got the channel {channel}; the image has the channels 1 to {count}.")
    return wanted - 1 if "c" in image.dims else None


def _columns(table: Any) -> dict[str, list[Any]]:
    """The columns of a table as plain values: numbers, text, None for what is missing."""

    def plain(value: Any) -> Any:
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        if isinstance(value, bool):
            return int(value)
        return value if isinstance(value, (int, float)) else str(value)

    columns: dict[str, list[Any]] = {}
    for name, column in table.items():
        if len(column) and all(isinstance(value, tuple) for value in column):
            axes = "zyx"[-len(column.iloc[0]) :]  # a column an axis: a cell of ImageJ's holds one number
            for index, axis in enumerate(axes):
                columns[f"{name}_{axis}"] = [plain(value[index]) for value in column]
        else:
            columns[str(name)] = [plain(value) for value in column.astype(object)]
    return columns


def _fullest(planes: NDArray[Any]) -> int:
    """The slice with most of the objects, as ImageJ counts."""
    return int(np.count_nonzero(planes, axis=(-2, -1)).argmax()) + 1


def _check_version(jar: str) -> None:
    if jar not in ("", "unknown", isoscale_ij.__version__):
        raise FormatError(
            f"The IsoScale jar in Fiji is version {jar}, and its Python package is version {isoscale_ij.__version__}. "
            "Run in a terminal: isoscale-ij fiji install /path/to/Fiji.app; then restart Fiji."
        )


def _progress_of(task: Any) -> Callable[[int, int, str], None]:
    """Progress to Fiji, some 20 times a second at most; raises Cancelled when Esc was pressed."""
    told = 0.0

    def progress(done: int, total: int, step: str) -> None:
        nonlocal told
        if task.cancel_requested:
            raise Cancelled("cancelled")
        if time.monotonic() - told > 0.05:
            told = time.monotonic()
            task.update(step, done, total)

    return progress


def _let_go(block: Any) -> None:
    """Unmap a shared block; it is Fiji's, which removes it."""
    if block is not None:
        with suppress(BufferError):  # a view lives on in a traceback; the mapping goes with it
            block.shm.dispose()

"""Layers of napari and calibrated images: each becomes the other, nothing of the calibration is lost.

napari's ``scale`` is our voxel size, its ``translate`` our centre of the first voxel, and a unit of
``pixel`` says that there is none: with a scale of 1 and no translation, the axis is uncalibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.errors import CalibrationError, FormatError
from isoscale_ij.image.axes import AXES, CALIBRATED, SPATIAL, channel_names, our_axis
from isoscale_ij.image.calibration import as_image, is_labels
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.units import VOXEL, canonical_unit, is_length, is_time

OURS = "isoscale_ij"
"""In the metadata of a layer: what an image has that a layer has no place for."""

_PIXEL = "pixel"
_DIMS = {2: ("y", "x"), 3: ("z", "y", "x"), 4: ("t", "z", "y", "x"), 5: AXES}
_COLORS = ("cyan", "magenta", "yellow", "red", "green", "blue")  # the first ones are told apart by the colour-blind
_GRAY = [list(range(256))] * 3
_EACH = ("mode", "ranges", "luts", "slice_labels")  # what ImageJ says of all channels
_STRAIGHT = 1e-9
_BRIGHT = 0.998
_LOOKED_AT = 200  # voxels on each axis, for the contrast


def is_layer(value: object) -> bool:
    """Whether a value is an image or labels of napari."""
    from napari.layers import Image, Labels

    return isinstance(value, (Image, Labels))


def image_of(layer: Any) -> xr.DataArray:
    """A layer as a calibrated image; its values are shared."""
    return _image_of(layer, layer.data[0] if layer.multiscale else layer.data)


def header_of(layer: Any) -> xr.DataArray:
    """The same with zeros for values."""
    data = layer.data[0] if layer.multiscale else layer.data
    return _image_of(layer, np.broadcast_to(np.zeros((), data.dtype), data.shape))


def _image_of(layer: Any, values: Any) -> xr.DataArray:
    from napari.layers import Labels

    dims = _dims(layer)
    scale, shift = _place(layer)
    coords: dict[str, Any] = {}
    kept = layer.metadata.get(OURS, {})
    units = {axis: _unit(layer.units[index], axis) for index, axis in enumerate(dims[: len(scale)])}
    plain = {axis for index, axis in enumerate(units) if scale[index] == 1 and shift[index] == 0}
    lengths = [axis for axis in SPATIAL if axis in units]
    if not plain.issuperset(lengths) and not any(units[axis] for axis in lengths):
        plain.difference_update(lengths)  # a scale of (3, 1, 1) without units is that on all axes
    for index, axis in enumerate(units):
        unit = units[axis]
        if axis not in CALIBRATED or (unit is None and axis in plain):
            continue
        attrs = {"spacing": float(scale[index])} | ({"units": unit} if unit else {})
        coords[axis] = xr.Variable((axis,), shift[index] + np.arange(values.shape[index]) * scale[index], attrs)
    if "c" in dims and len(kept.get("channels", ())) == values.shape[dims.index("c")]:
        coords["c"] = kept["channels"]
    if dims[-1] == "c" and "c" not in coords:
        coords["c"] = ["red", "green", "blue", "opacity"][: values.shape[-1]]
    attrs = {key: value for key, value in kept.get("attrs", {}).items() if key != "kind"}
    if isinstance(layer, Labels):
        attrs["kind"] = "labels"
    image = as_image(xr.DataArray(values, dims=dims, coords=coords, name=layer.name, attrs=attrs))
    if "source" in kept:
        image.encoding["source"] = kept["source"]
    return image


def like_layer(image: xr.DataArray, _like: object) -> Any:
    """A new layer of a result, as the operations give it back."""
    from napari.layers import Image, Labels

    options = placed(image) | {"name": image.name}
    return Labels(image.data, **options) if is_labels(image) else Image(image.data, rgb=False, **options)


def recalibrate(layer: Any, image: xr.DataArray) -> Any:
    """The layer itself with the calibration of an image: its values stay where they are."""
    place = placed(image)
    by_axis = {axis: index for index, axis in enumerate(place["axis_labels"])}
    order = [by_axis[axis] for axis in _dims(layer) if axis != "c" or not getattr(layer, "rgb", False)]
    layer.affine = np.eye(len(order) + 1)
    for name in ("axis_labels", "units", "scale", "translate"):
        setattr(layer, name, [place[name][index] for index in order])
    return layer


def placed(image: xr.DataArray) -> dict[str, Any]:
    """Where an image lies, and what else it is, as options of a layer."""
    grid = Grid.of(image)
    kept: dict[str, Any] = {"attrs": dict(image.attrs)}
    if "c" in image.dims:
        kept["channels"] = channel_names(image)
    if isinstance(image.encoding.get("source"), str):
        kept["source"] = image.encoding["source"]
    return {
        "axis_labels": tuple(grid.sizes),
        "scale": [grid.size(axis) for axis in grid.sizes],
        "translate": [grid.edges[axis] + grid.size(axis) / 2 if axis in grid.edges else 0.0 for axis in grid.sizes],
        "units": [_known_to_napari(grid.units.get(axis)) for axis in grid.sizes],
        "metadata": {OURS: kept},
    }


def layer_data(image: xr.DataArray, smaller: Sequence[xr.DataArray] = ()) -> list[tuple[Any, dict[str, Any], str]]:
    """An image as napari's plugins hand it over: a layer for each channel, with its name, colour and contrast.

    Parameters
    ----------
    image : DataArray
    smaller : sequence of DataArray
        The same image in smaller sizes, for looking at it from afar.
    """
    name = image.name or "image"
    if is_labels(image):
        return [(_levels(image, smaller), placed(image) | {"name": name}, "labels")]
    names = channel_names(image)
    if not names:
        looks = _looks(image, smaller, 0, 1)
        return [(_levels(image, smaller), placed(image) | {"name": name, "rgb": False} | looks, "image")]
    layers = []
    for number, channel in enumerate(names):
        one, less = image.isel(c=number, drop=True), [each.isel(c=number) for each in smaller]
        looks = _looks(one, less, number, len(names))
        about = image.attrs.get("imagej", {})
        own = {key: about[key][number : number + 1] for key in ("ranges", "luts") if number < len(about.get(key, ()))}
        one = one.assign_attrs(imagej={key: value for key, value in about.items() if key not in _EACH} | own)
        options = placed(one) | {"name": f"{name} {channel}", "rgb": False} | looks
        layers.append((_levels(one, less), options, "image"))
    return layers


def _levels(image: xr.DataArray, smaller: Sequence[xr.DataArray]) -> Any:
    """The values, in all sizes where there are several."""
    return [image.data, *(each.data for each in smaller)] if smaller else image.data


def _looks(image: xr.DataArray, smaller: Sequence[xr.DataArray], number: int, channels: int) -> dict[str, Any]:
    """Contrast and colours, as ImageJ has stored them, for one channel."""
    about = image.attrs.get("imagej", {})
    ranges, tables = about.get("ranges") or [], about.get("luts") or []
    low, high = ranges[number] if number < len(ranges) else (0.0, 0.0)
    color: Any = "gray" if channels < 2 else _COLORS[number % len(_COLORS)]
    if number < len(tables) and tables[number] == _GRAY:
        color = "gray"
    elif number < len(tables):
        from napari.utils import Colormap

        color = Colormap(np.asarray(tables[number]).T / 255, name=f"ImageJ {image.name} {number}")
    return {
        "contrast_limits": (float(low), float(high)) if low < high else _contrast([image, *smaller][-1]),
        "colormap": color,
        "blending": "translucent" if number == 0 else "additive",
    }


def _dims(layer: Any) -> tuple[str, ...]:
    """The axes of the values: by the labels of the layer where these are axes, else by their number."""
    count = layer.ndim
    names = tuple(our_axis(label) for label in layer.axis_labels)
    if not (set(names) <= set(AXES) and len(set(names)) == count and {"y", "x"} <= set(names)):
        if count not in _DIMS:
            raise FormatError(
                f"The layer {layer.name!r} has {count} axes, {', '.join(map(str, layer.axis_labels))}; needed are "
                "names out of t, c, z, y, x. Set them with layer.axis_labels."
            )
        names = _DIMS[count]
    return (*names, "c") if getattr(layer, "rgb", False) else names


def _place(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voxel size and centre of the first voxel, in the order of the layer's axes."""
    if np.array_equal(np.asarray(layer.affine), np.eye(layer.ndim + 1)) and not (
        np.any(layer.shear) or np.any(np.asarray(layer.rotate) != np.eye(layer.ndim))
    ):
        return np.asarray(layer.scale), np.asarray(layer.translate)
    first = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    steps = np.stack([np.asarray(layer.data_to_world(unit)) - first for unit in np.eye(layer.ndim)])
    if not np.allclose(steps, np.diag(np.diag(steps)), atol=_STRAIGHT * np.abs(steps).max()):
        raise CalibrationError(
            f"The layer {layer.name!r} is rotated or sheared; needed are voxels along the axes. Undo it by setting "
            "rotate, shear and affine of the layer to none, or resample the image."
        )
    return np.diag(steps), first


def _unit(unit: Any, axis: str) -> str | None:
    """Our name of a unit of napari; None for pixels, and for lengths where a time is needed."""
    name = canonical_unit(str(unit))
    if name == VOXEL or name is None:
        return None
    return name if (is_time(name) if axis == "t" else is_length(name)) else None


def _known_to_napari(unit: str | None) -> str:
    return unit if unit is not None and (is_length(unit) or is_time(unit)) else _PIXEL


def _contrast(image: xr.DataArray) -> tuple[float, float]:
    """From the dimmest to nearly the brightest of some voxels."""
    if not isinstance(image.data, np.ndarray) and "z" in image.dims:
        image = image.isel(z=slice(image.sizes["z"] // 2, image.sizes["z"] // 2 + 1))  # one plane is read
    values = image.data[tuple(slice(None, None, max(1, n // _LOOKED_AT)) for n in image.shape)]
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.quantile(values, [0.01, _BRIGHT])
    return float(low), float(high if high > low else low + 1)

"""Files, and the sample, as layers; layers as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from isoscale_ij.errors import ParameterError
from isoscale_ij.files import read, smaller_levels, stem, write
from isoscale_ij.napari_plugin.layers import image_of, layer_data
from isoscale_ij.operations.synthetic import sample

LayerData = tuple[Any, dict[str, Any], str]
_SMALL = (48, 320, 320)


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """What reads a file, or several one after another."""
    paths = [path] if isinstance(path, str) else path
    return _read if paths and all(Path(each).is_file() or _is_zarr(Path(each)) for each in paths) else None


def _is_zarr(path: Path) -> bool:
    return path.is_dir() and path.name.endswith(".zarr")


def _read(path: str | list[str]) -> list[LayerData]:
    layers = []
    for each in [path] if isinstance(path, str) else path:
        lazy = _is_zarr(Path(each))
        image = read(each, chunks="auto" if lazy else None)
        named = image.rename(image.name or stem(Path(each)))
        layers += layer_data(named, smaller_levels(each) if lazy else [])
    return layers


def write_layers(path: str, data: Any, meta: dict[str, Any] | None = None) -> list[str]:
    """Write one layer, or several of the same grid as channels of one image; what exists is replaced."""
    layers = [(data, meta, "labels")] if meta is not None else list(data)
    images = [_as_image(values, options, kind) for values, options, kind in layers]
    write(path, images[0] if len(images) == 1 else _as_channels(images), overwrite=True)
    return [path]


def nuclei() -> list[LayerData]:
    """The synthetic volume, and its true labels, hidden."""
    image, truth = sample(shape=_SMALL)
    (image_layer,), ((values, options, kind),) = layer_data(image), layer_data(truth)
    return [image_layer, (values, options | {"name": "true nuclei", "visible": False}, kind)]


def _as_image(values: Any, options: dict[str, Any], kind: str) -> xr.DataArray:
    from napari.layers import Layer

    image = image_of(Layer.create(values, options, kind))
    image.encoding.pop("source", None)  # napari has asked whether the file may be replaced
    return image


def _as_channels(images: list[xr.DataArray]) -> xr.DataArray:
    first = images[0]
    for image in images[1:]:
        if image.dims != first.dims or image.shape != first.shape or image.dtype != first.dtype or "c" in image.dims:
            raise ParameterError(
                f"Got the layers {first.name!r} ({first.shape}, {first.dtype}) and {image.name!r} ({image.shape}, "
                f"{image.dtype}) for one file; needed are layers of one shape and type, which become its channels. "
                "Save them one by one."
            )
    return xr.concat(images, xr.Variable("c", [str(image.name) for image in images]), combine_attrs="override")

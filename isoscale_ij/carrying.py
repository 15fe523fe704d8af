"""Images of other libraries in and out of the operations: one registry, which others can join.

An operation says with :func:`takes_images` which of its arguments are images. What libraries call an
image is said once, as a :class:`Kind`: how to know one, how it becomes what the operations know, and
how a result becomes such a one again. Where no argument is foreign, nothing is looked up or loaded.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, ParamSpec, TypeVar

from isoscale_ij.errors import ParameterError

P = ParamSpec("P")
R = TypeVar("R")

Function = Callable[..., Any] | str
"""A function, or where it is, as ``"package.module:name"``: then it is loaded when it is first needed."""

_plain_types: set[type] = {str, int, float, bool, type(None), dict, tuple, list}
"""Types of arguments that are no foreign image, so that nobody is asked about them."""


@dataclass(frozen=True)
class Kind:
    """A kind of foreign image.

    Attributes
    ----------
    name : str
        What messages call it.
    library : str
        The module that is loaded wherever there is such an image; before it is, nobody is asked.
    is_one : function
        Whether a value is one.
    bring_in : function
        The value as a calibrated DataArray, or as an array that :func:`isoscale_ij.as_image` takes.
    bring_in_header : function, optional
        The same without values, for operations that need none.
    take_out : function, optional
        A DataArray, and the value that came in, as such an image. Without it results stay DataArrays.
    recalibrate : function, optional
        Gives the value itself the calibration of a DataArray, and returns it.
    priority : float
        Of kinds that know a value, the one with the highest has it.
    """

    name: str
    library: str
    is_one: Function
    bring_in: Function
    bring_in_header: Function | None = None
    take_out: Function | None = None
    recalibrate: Function | None = None
    priority: float = 0.0


_kinds: list[Kind] = [
    Kind(
        "ij.ImagePlus", "jpype",
        is_one="isoscale_ij.imagej.foreign:is_imageplus",
        bring_in="isoscale_ij.imagej.conversion:from_imageplus",
        bring_in_header="isoscale_ij.imagej.conversion:header_of",
        take_out="isoscale_ij.imagej.foreign:as_imageplus",
        recalibrate="isoscale_ij.imagej.foreign:recalibrated",
    ),
    Kind(
        "array of pyopencl", "pyopencl.array",  # that of pyclesperanto-prototype is one, too
        is_one="isoscale_ij.engines.opencl.running:is_array",
        bring_in="isoscale_ij.engines.opencl.running:from_array",
    ),
    Kind(
        "layer of napari", "napari.layers",
        is_one="isoscale_ij.napari_plugin.layers:is_layer",
        bring_in="isoscale_ij.napari_plugin.layers:image_of",
        bring_in_header="isoscale_ij.napari_plugin.layers:header_of",
        take_out="isoscale_ij.napari_plugin.layers:like_layer",
        recalibrate="isoscale_ij.napari_plugin.layers:recalibrate",
    ),
]  # fmt: skip


def register(kind: Kind) -> None:
    """Let the operations take another kind of image; a kind of the same name is replaced."""
    unregister(kind.name)
    _kinds.append(kind)
    _kinds.sort(key=lambda each: -each.priority)  # stable: of equals the first that came


def unregister(name: str) -> None:
    """Undo :func:`register`."""
    _kinds[:] = [kind for kind in _kinds if kind.name != name]


def kind_of(value: object) -> Kind | None:
    """What kind of foreign image a value is; None for all others."""
    for kind in _kinds:
        if kind.library in sys.modules and _loaded(kind.is_one)(value):
            return kind
    return None


def takes_images(
    *names: str, values: bool = True, back: bool = True, in_place: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let an operation take foreign images as the arguments called `names`.

    Parameters
    ----------
    values : bool
        Whether the operation looks at voxels; otherwise none are copied for it.
    back : bool
        Whether a DataArray that comes out becomes an image of the kind of the first that went in.
    in_place : bool
        Whether the operation changes only the calibration: then that of the foreign image itself.
    """

    def taking(operation: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(operation)

        @functools.wraps(operation)
        def carry(*arguments: P.args, **options: P.kwargs) -> R:
            if not _any_foreign(arguments, options):
                return operation(*arguments, **options)
            bound = signature.bind(*arguments, **options)
            kinds = {name: kind for name, value in bound.arguments.items() if (kind := kind_of(value)) is not None}
            for name, kind in kinds.items():
                if name not in names:
                    raise ParameterError(f"Got an {kind.name} as {name}; {', '.join(names)} can be one, {name} cannot.")
            first = next((name for name in names if name in kinds), None)
            kind, foreign = (kinds[first], bound.arguments[first]) if first else (None, None)
            recalibrate = kind.recalibrate if kind and in_place else None
            for name, each in kinds.items():
                header = each.bring_in_header if not values or recalibrate else None
                bound.arguments[name] = _loaded(header or each.bring_in)(bound.arguments[name])
            result = operation(*bound.args, **bound.kwargs)
            if recalibrate:
                return _loaded(recalibrate)(foreign, result)  # type: ignore[no-any-return]
            if kind and kind.take_out and back and is_data_array(result):
                return _loaded(kind.take_out)(result, foreign)  # type: ignore[no-any-return]
            return result

        return carry

    return taking


def _any_foreign(arguments: tuple[object, ...], options: Mapping[str, object]) -> bool:
    if not any(kind.library in sys.modules for kind in _kinds):
        return False
    return any(
        type(value) not in _plain_types and not is_data_array(value) and kind_of(value) is not None
        for value in (*arguments, *options.values())
    )


def is_data_array(value: object) -> bool:
    """Whether a value is a DataArray: where xarray is not loaded, there is none."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(value, xarray.DataArray)


@functools.cache
def _loaded(function: Function) -> Callable[..., Any]:
    loaded: Callable[..., Any] = resolve_name(function) if isinstance(function, str) else function
    return loaded

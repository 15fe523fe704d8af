"""Pixels between numpy and Java, a plane at a time, at the speed of memory.

Java's arrays are filled and read through a direct buffer over numpy's memory. What Java keeps is its
own: no filter of ImageJ can write into a numpy array, and none of numpy's into an ImageJ image.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VIEWS = {"uint8": "asByteBuffer", "uint16": "asShortBuffer", "int32": "asIntBuffer", "float32": "asFloatBuffer"}


def java_plane(values: NDArray[Any]) -> Any:
    """A new Java array with the values of a plane: uint8, uint16, float32, or int32 for RGB; C-contiguous."""
    import jpype

    types = {"uint8": jpype.JByte, "uint16": jpype.JShort, "int32": jpype.JInt, "float32": jpype.JFloat}
    array = jpype.JArray(types[values.dtype.name])(values.size)
    fill(array, values)
    return array


def fill(array: Any, values: NDArray[Any]) -> None:
    """Copy the values of a plane into a Java array that exists."""
    _buffer(values).get(array)


def copy_plane(array: Any, out: NDArray[Any]) -> None:
    """Copy a Java array into a plane of a numpy array, which is C-contiguous."""
    _buffer(out).put(array)


def _buffer(values: NDArray[Any]) -> Any:
    """A Java buffer over the memory of a C-contiguous array."""
    from jpype import nio

    memory: Any = values.reshape(-1).view(np.uint8)
    buffer = nio.convertToDirectBuffer(memoryview(memory)).order(_native_order())
    view = _VIEWS[values.dtype.name]
    return buffer if view == "asByteBuffer" else getattr(buffer, view)()


@cache
def _native_order() -> Any:
    import jpype

    return jpype.JClass("java.nio.ByteOrder").nativeOrder()


def rgb_from_packed(packed: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
    """Red, green and blue, last axis, of pixels that ImageJ packs into an int."""
    for channel, shift in enumerate((16, 8, 0)):
        out[..., channel] = (packed >> shift) & 255


def packed_from_rgb(values: NDArray[np.uint8]) -> NDArray[np.int32]:
    """What ImageJ packs into an int: opaque, then red, green and blue, of the last axis."""
    red, green, blue = (values[..., channel].astype(np.uint32) for channel in range(3))
    packed: NDArray[np.int32] = (0xFF000000 | red << 16 | green << 8 | blue).astype(np.uint32).view(np.int32)
    return packed

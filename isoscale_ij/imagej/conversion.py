"""An ``ij.ImagePlus`` from a calibrated image, and back: pixels here, looks in :mod:`.appearance`.

What is what stands in :mod:`isoscale_ij.image.hyperstack`; here it is moved over JPype.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.errors import CalibrationError, FormatError, MemoryLimitError, ParameterError
from isoscale_ij.image import properties
from isoscale_ij.image.calibration import CalibrationWarning, as_image
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.hyperstack import DIMS, PIXEL, Hyperstack, as_pixels, hyperstack, pixel_type, turn_sign_bit
from isoscale_ij.image.inspection import remarks
from isoscale_ij.imagej import appearance, pixels
from isoscale_ij.imagej.jvm import classes, require_heap
from isoscale_ij.remarks import warn

_STORED_AS = {
    "bool": "uint8", "uint8": "uint8", "uint16": "uint16", "int8": "int16", "int16": "int16", "float32": "float32",
    "float16": "float32", "float64": "float32", "int32": "float32", "uint32": "float32", "int64": "float32",
    "uint64": "float32",
}  # fmt: skip
_MEND = (
    "An ImagePlus holds 8-bit and 16-bit integers and 32-bit real numbers. Give up digits with "
    "image.astype('float32'), or write the image as OME-TIFF."
)
_BITS = {8: "uint8", 16: "uint16", 24: "uint8", 32: "float32"}
_LARGEST_PLANE = 2**31 - 1  # pixels, of a Java array
_UNNAMED = "image"


def to_imageplus(image: Any) -> Any:
    """Make an ``ij.ImagePlus`` with the pixels, the calibration and the looks of an image.

    The pixels are copied into ImageJ's own memory: every command works on them, and none reaches
    back into `image`. Several channels make a composite; labels get a lookup table that tells them apart.

    Parameters
    ----------
    image : DataArray or array_like
        2D to 5D, see :func:`isoscale_ij.as_image`. 8-bit, 16-bit and float32 as they are; int16 as
        ImageJ's signed 16-bit; booleans as 0 and 255; other types where ImageJ holds every value.

    Returns
    -------
    ij.ImagePlus
        Not shown. It has a voxel size and unit on each axis, an origin, a frame interval, slice labels.

    Raises
    ------
    FormatError
        If a value would not be the same in ImageJ, or a plane has more than 2**31 - 1 pixels.
    MemoryLimitError
        If Java has too little memory left.
    MissingDependencyError
        If no Java with ImageJ runs: see :func:`start`.

    Examples
    --------
    >>> import isoscale_ij, numpy
    >>> image = isoscale_ij.as_image(numpy.zeros((8, 64, 64)), voxel_size=(1.5, 0.2, 0.2), unit="um")
    >>> isoscale_ij.imagej.to_imageplus(image).getCalibration().pixelDepth  # doctest: +SKIP
    1.5
    """
    ij = classes()
    image = as_image(image)
    if image.sizes["y"] * image.sizes["x"] > _LARGEST_PLANE:
        raise FormatError(
            f"Got planes of {image.sizes['x']} x {image.sizes['y']} pixels; ImageJ holds up to {_LARGEST_PLANE}. "
            "Cut the image, or rescale it to larger voxels."
        )
    dtype = pixel_type(image, _STORED_AS, _MEND)
    layout = hyperstack(image, dtype)
    title = layout.title if layout.title is not None else _UNNAMED
    if layout.title is None:
        layout.properties[properties.UNNAMED] = _UNNAMED
    bits = 32 if layout.rgb else dtype.itemsize * 8
    require_heap(layout.planes * layout.width * layout.height * bits // 8, "The image")
    low, high = np.inf, -np.inf
    stack = ij.ImageStack(layout.width, layout.height)
    labels = layout.about.get("slice_labels", [None] * layout.planes)
    try:
        for plane, label in zip(_planes(image, dtype, rgb=layout.rgb), labels, strict=True):
            array = pixels.java_plane(plane)
            stack.addSlice(label, array)
            some = plane[:: 1 + len(plane) // 64]  # enough to see by
            low, high = min(low, np.fmin.reduce(some, axis=None)), max(high, np.fmax.reduce(some, axis=None))
    except Exception as error:
        if "OutOfMemoryError" in type(error).__name__:
            raise MemoryLimitError("Java ran out of memory. Close images in ImageJ, or start it with more.") from error
        raise
    imp = ij.ImagePlus(title, stack)
    imp.setDimensions(layout.channels, layout.slices, layout.frames)
    imp.setOpenAsHyperStack(sum(size > 1 for size in (layout.channels, layout.slices, layout.frames)) > 1)
    _set_calibration(imp, layout, signed=dtype == np.int16)
    return appearance.put_on(imp, layout, seen=(float(low), float(high)))


def holds(image: xr.DataArray) -> bool:
    """Whether an ImagePlus holds every value of an image."""
    if image.dtype.name not in _STORED_AS:
        return False
    try:
        dtype = pixel_type(image, _STORED_AS, _MEND)
        as_pixels(np.asarray(image.data), dtype, _MEND)
    except FormatError:
        return False
    return True


def from_imageplus(imp: Any) -> xr.DataArray:
    """Make a calibrated image of an ``ij.ImagePlus``; its pixels are copied.

    Parameters
    ----------
    imp : ij.ImagePlus
        8-bit, 16-bit, 32-bit or RGB; a virtual stack is read slice by slice. ImageJ's signed 16-bit
        images come as int16, RGB as three channels.

    Returns
    -------
    DataArray
        With dims z, y, x, and c and t where there is more than one; what came from :func:`to_imageplus`
        has the axes and the type it had. What only ImageJ knows is in ``attrs["imagej"]``.

    Raises
    ------
    ParameterError
        If it is no ImagePlus, or is closed.
    CalibrationError
        If a pixel width, height or depth is negative, or only some axes have a unit.

    Warns
    -----
    CalibrationWarning
        If the image is uncalibrated, its calibration is impossible or looks wrong, or its y axis is inverted.

    Examples
    --------
    >>> import isoscale_ij
    >>> image = isoscale_ij.imagej.from_imageplus(imp)  # doctest: +SKIP
    """
    layout = describe(imp)
    image = layout.header(lambda: _pixels(imp, layout), always_z=True).image()
    for remark in remarks(Grid.of(image)):
        warn(remark, CalibrationWarning)
    return image


def header_of(imp: Any) -> xr.DataArray:
    """The same image with zeros for values; no pixel is read."""
    layout = describe(imp)
    return layout.header(lambda: _pixels(imp, layout), always_z=True).image(values=False)


def describe(imp: Any) -> Hyperstack:
    """What an ImagePlus says of itself; no pixel is read."""
    ij = classes()
    if imp is None or not isinstance(imp, ij.ImagePlus):
        what = "nothing (null)" if imp is None else f"a {type(imp).__name__}"
        raise ParameterError(
            f"Got {what}; needed is an ij.ImagePlus. Is an image open? IJ.getImage() gives the active one."
        )
    width, height = int(imp.getWidth()), int(imp.getHeight())
    if width == 0 or height == 0 or imp.getProcessor() is None:
        raise ParameterError(f"The image {str(imp.getTitle())!r} has no pixels: it is closed or empty. Open it again.")
    channels, slices, frames = (int(size) for size in list(imp.getDimensions())[2:])
    bits = int(imp.getBitDepth())
    if bits == 24 and channels > 1:
        if slices > 1:
            raise FormatError(
                f"Got an RGB image with {channels} channels of RGB each; needed is one. "
                "Split it first: Image > Color > Split Channels, or Image > Hyperstacks > Reduce Dimensionality."
            )
        channels, slices = 1, channels
    layout = Hyperstack(
        width, height, channels, slices, frames, _BITS[bits], bits == 24, title=str(imp.getTitle()),
        properties=_properties(imp),
    )  # fmt: skip
    _read_calibration(imp.getCalibration(), layout)
    appearance.take_off(imp, layout)
    return layout


def calibrate(imp: Any, image: xr.DataArray) -> None:
    """Give an ImagePlus the calibration of an image of the same shape; its pixels stay."""
    layout = hyperstack(image, image.dtype)
    _set_calibration(imp, layout, signed=False)
    for key in properties.OF_CALIBRATION:
        imp.setProp(key, layout.properties.get(key))


def _planes(image: xr.DataArray, dtype: np.dtype[Any], *, rgb: bool) -> Any:
    """The planes as Java is to have them, in the order of a hyperstack."""
    order = [axis for axis in DIMS if axis in image.dims and not (rgb and axis == "c")]
    values = np.asarray(image.transpose(*order, *(["c"] if rgb else [])).data)
    for index in np.ndindex(values.shape[: values.ndim - (3 if rgb else 2)]):
        plane = values[index]
        if rgb:
            yield pixels.packed_from_rgb(plane)
            continue
        converted = as_pixels(plane, dtype, _MEND)
        yield turn_sign_bit(converted) if dtype == np.int16 else converted


def _pixels(imp: Any, layout: Hyperstack) -> NDArray[Any]:
    """The stored pixels, planes first."""
    stack = imp.getStack()
    virtual = bool(stack.isVirtual())
    out = np.empty((layout.planes, layout.height, layout.width, *((3,) if layout.rgb else ())), layout.dtype)
    packed = np.empty((layout.height, layout.width), np.int32) if layout.rgb else None
    for index, plane in enumerate(out, start=1):
        array = stack.getProcessor(index).getPixels() if virtual else stack.getPixels(index)
        if array is None:
            raise ParameterError(f"The image {str(imp.getTitle())!r} has no pixels: it is closed. Open it again.")
        if packed is not None:
            pixels.copy_plane(array, packed)
            pixels.rgb_from_packed(packed, plane)
        else:
            pixels.copy_plane(array, plane)
    return out


def _properties(imp: Any) -> dict[str, str]:
    pairs = [str(text) for text in imp.getPropertiesAsArray() or ()]
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def _read_calibration(calibration: Any, layout: Hyperstack) -> None:
    sizes = {"x": "pixelWidth", "y": "pixelHeight", "z": "pixelDepth"}
    for axis, name in sizes.items():
        size = float(getattr(calibration, name))
        if size < 0:
            raise CalibrationError(
                f"Got the {name} {size:g}; needed is a number above 0. Set it in Image > Properties…; for a y axis "
                "that points up, choose Invert Y coordinates in Analyze > Set Measurements…"
            )
        layout.sizes[axis] = size
        layout.origins[axis] = float(getattr(calibration, f"{axis}Origin"))
        layout.units[axis] = str(getattr(calibration, f"get{axis.upper()}Unit")())
    layout.units["t"] = str(calibration.getTimeUnit())
    if float(calibration.frameInterval) != 0:
        layout.sizes["t"] = float(calibration.frameInterval)
    layout.about["description"] = appearance.description(calibration)
    if bool(calibration.getInvertY()):
        layout.about["description"]["inverty"] = "true"
        warn(
            "The y axis of this image points up in ImageJ (Invert Y). Its coordinates here run down, from the first "
            "row; ImageJ's setting is kept for the way back.",
            CalibrationWarning,
        )


def _set_calibration(imp: Any, layout: Hyperstack, *, signed: bool) -> None:
    calibration = imp.getLocalCalibration().copy()
    for axis, name in (("x", "pixelWidth"), ("y", "pixelHeight"), ("z", "pixelDepth")):
        setattr(calibration, name, layout.sizes.get(axis, 1.0))
        setattr(calibration, f"{axis}Origin", layout.origins.get(axis, 0.0))
    units = layout.length_units
    calibration.setUnit(units.get("x", PIXEL))
    for axis in ("y", "z"):  # None: as x
        other = units.get(axis) if units.get(axis) != units.get("x") else None
        getattr(calibration, f"set{axis.upper()}Unit")(other)
    calibration.frameInterval = layout.sizes.get("t", 0.0)
    if "t" in layout.units:
        calibration.setTimeUnit(layout.units["t"])
    described = layout.about.get("description", {})
    appearance.set_description(calibration, described)
    if signed:
        calibration.setSigned16BitCalibration()
    calibration.setInvertY(described.get("inverty") == "true")
    imp.setCalibration(calibration)

"""Calibrated rescaling and segmentation of anisotropic microscopy stacks.

Everything here is loaded when it is first used; importing the package starts nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isoscale_ij import imagej as imagej
    from isoscale_ij.comparison.comparing import Comparison as Comparison
    from isoscale_ij.comparison.comparing import compare as compare
    from isoscale_ij.errors import CalibrationError as CalibrationError
    from isoscale_ij.errors import Cancelled as Cancelled
    from isoscale_ij.errors import FormatError as FormatError
    from isoscale_ij.errors import IsoscaleError as IsoscaleError
    from isoscale_ij.errors import MemoryLimitError as MemoryLimitError
    from isoscale_ij.errors import MissingDependencyError as MissingDependencyError
    from isoscale_ij.errors import ParameterError as ParameterError
    from isoscale_ij.files import read as read
    from isoscale_ij.files import write as write
    from isoscale_ij.image.calibration import CalibrationWarning as CalibrationWarning
    from isoscale_ij.image.calibration import as_image as as_image
    from isoscale_ij.image.calibration import set_voxel_size as set_voxel_size
    from isoscale_ij.image.calibration import voxel_size as voxel_size
    from isoscale_ij.image.inspection import ImageInfo as ImageInfo
    from isoscale_ij.image.inspection import info as info
    from isoscale_ij.operations.measurement import measure as measure
    from isoscale_ij.operations.rescaling import RescalePlan as RescalePlan
    from isoscale_ij.operations.rescaling import plan_rescale as plan_rescale
    from isoscale_ij.operations.rescaling import rescale as rescale
    from isoscale_ij.operations.segmentation import SegmentationWarning as SegmentationWarning
    from isoscale_ij.operations.segmentation import vol as vol
    from isoscale_ij.operations.segmentation import voronoi_otsu_labeling as voronoi_otsu_labeling
    from isoscale_ij.operations.synthetic import sample as sample

__version__ = "0.1.0"

_HOME = {
    "image.calibration": ("CalibrationWarning", "as_image", "set_voxel_size", "voxel_size"),
    "comparison.comparing": ("Comparison", "compare"),
    "errors": (
        "CalibrationError", "Cancelled", "FormatError", "IsoscaleError", "MemoryLimitError",
        "MissingDependencyError", "ParameterError",
    ),
    "files": ("read", "write"),
    "image.inspection": ("ImageInfo", "info"),
    "operations.measurement": ("measure",),
    "operations.rescaling": ("RescalePlan", "plan_rescale", "rescale"),
    "operations.segmentation": ("SegmentationWarning", "vol", "voronoi_otsu_labeling"),
    "operations.synthetic": ("sample",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_ON_IMAGES = {
    "as_image", "compare", "info", "measure", "plan_rescale", "rescale", "set_voxel_size", "vol",
    "voronoi_otsu_labeling", "voxel_size", "write",
}  # fmt: skip
_SUBPACKAGES = {"imagej"}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  (a test keeps it in step with the imports above)


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    if name in _ON_IMAGES:  # these take an ij.ImagePlus as well
        from isoscale_ij.imagej.carrying import carried

        value = carried(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF, *_SUBPACKAGES})

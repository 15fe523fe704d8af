"""Images of other libraries through the operations; the registry that others can join."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from isoscale_ij import carrying
from test_package import python


@dataclass
class Layer:
    """An image as another library may have it: values, a scale, and room for what is its own."""

    data: Any
    scale: tuple[float, ...]
    color: str = "green"

    def image(self) -> xr.DataArray:
        """As the operations know it."""
        return iso.as_image(self.data, voxel_size=self.scale, unit="um")

    def like(self, image: xr.DataArray) -> Layer:
        """A result, with the looks of this one."""
        return Layer(image.values, tuple(iso.voxel_size(image).values()), self.color)


@pytest.fixture
def layer() -> Iterator[Layer]:
    kind = carrying.Kind(
        "layer", __name__,
        is_one=lambda value: isinstance(value, Layer),
        bring_in=Layer.image,
        take_out=lambda image, like: like.like(image),
    )  # fmt: skip
    sys.modules.setdefault(__name__, sys.modules[Layer.__module__])
    carrying.register(kind)
    yield Layer(np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8), (2.0, 1.0, 1.0), "red")
    carrying.unregister("layer")


def test_a_registered_kind_goes_in_and_comes_back(layer: Layer) -> None:
    scaled = iso.rescale(layer, 1.0)
    assert isinstance(scaled, Layer)
    assert (scaled.scale, scaled.color, scaled.data.shape) == ((1.0, 1.0, 1.0), "red", (8, 8, 8))
    assert isinstance(iso.rescale(voxel_size=1.0, image=layer), Layer)
    assert iso.voxel_size(layer) == {"z": 2.0, "y": 1.0, "x": 1.0}
    assert iso.set_voxel_size(layer, z=3).scale == (3.0, 1.0, 1.0)
    assert isinstance(iso.as_image(layer), xr.DataArray)
    assert len(iso.measure(layer.data, image=layer)) == 255
    with pytest.raises(iso.ParameterError, match="layer as out"):
        iso.rescale(layer.data, factor=2, out=layer)


def test_of_two_kinds_the_one_of_higher_priority_has_a_value(layer: Layer) -> None:
    other = carrying.Kind("other", __name__, is_one=lambda value: True, bring_in=np.asarray, priority=-1)
    carrying.register(other)
    try:
        assert carrying.kind_of(layer).name == "layer"
        assert carrying.kind_of(3).name == "other"
    finally:
        carrying.unregister("other")


def test_nobody_is_asked_where_nothing_foreign_can_be() -> None:
    code = (
        "import sys, numpy as np, isoscale_ij as iso; "
        "iso.rescale(iso.as_image(np.zeros((2, 4, 4), np.uint8), voxel_size=1, unit='um'), 2); "
        "print([m for m in sys.modules if m.startswith(('jpype', 'scyjava', 'isoscale_ij.imagej'))])"
    )
    assert python(code) == "[]"


def test_an_imageplus_by_keyword(imagej: Any) -> None:
    image = iso.as_image(np.zeros((4, 8, 9), np.uint8), voxel_size=1, unit="um")
    imp = iso.imagej.to_imageplus(image)
    assert iso.set_voxel_size(image=imp, z=3.0) is imp
    assert imp.getCalibration().pixelDepth == 3
    assert int(iso.rescale(voxel_size="finest", image=imp).getNSlices()) == 12
    with pytest.raises(iso.ParameterError, match=r"ij\.ImagePlus as out"):
        iso.rescale(image, factor=2, out=imp)


def test_other_objects_of_java_are_no_images(imagej: Any) -> None:
    import jpype

    assert carrying.kind_of(jpype.JClass("java.util.ArrayList")()) is None

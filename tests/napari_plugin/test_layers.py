"""Layers and images: files open at true proportions, and what is saved has its calibration."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
import xarray as xr
from napari.layers import Image, Labels

import isoscale_ij as iso


def calibrated(shape: tuple[int, ...] = (6, 20, 24), dims: str = "zyx", **options: Any) -> xr.DataArray:
    values = np.random.default_rng(3).integers(0, 4000, shape).astype(np.uint16)
    return iso.as_image(values, dims, voxel_size={"z": 1.5, "y": 0.16, "x": 0.16}, unit="um", **options)


def test_the_manifest_is_valid() -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_distribution("isoscale-ij")
    assert manifest.display_name == "IsoScale"
    for command in manifest.contributions.commands:
        assert callable(resolve_name(command.python_name))


@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_a_file_opens_at_true_proportions(viewer: Any, tmp_path: Path, ending: str) -> None:
    image = calibrated(origin={"z": 3.0, "y": 0.0, "x": 16.0})
    iso.write(tmp_path / f"cells{ending}", image)
    (layer,) = viewer.open(tmp_path / f"cells{ending}", plugin="isoscale-ij")
    assert tuple(layer.scale) == (1.5, 0.16, 0.16)
    np.testing.assert_allclose(layer.translate, [3.75, 0.08, 16.08])  # centres
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
    assert tuple(layer.axis_labels) == ("z", "y", "x")
    assert tuple(viewer.dims.axis_labels) == ("z", "y", "x")
    assert layer.contrast_limits[0] < layer.contrast_limits[1] <= 4000
    assert "cells" in layer.name
    viewer.layers.save(str(tmp_path / f"again{ending}"), plugin="isoscale-ij")
    again = iso.read(tmp_path / f"again{ending}")
    np.testing.assert_array_equal(again, image)
    for axis in "zyx":
        np.testing.assert_allclose(again[axis], image[axis])
    assert iso.voxel_size(again) == iso.voxel_size(image)


def test_an_ome_zarr_is_read_when_it_is_looked_at(viewer: Any, tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="zarr is not installed: make setup-napari")
    image = calibrated((6, 2, 700, 600), "zcyx", origin={"z": 3.0, "y": 0.0, "x": 16.0}).assign_coords(
        c=["DAPI", "actin"]
    )
    iso.write(tmp_path / "cells.ome.zarr", image)
    layers = viewer.open(tmp_path / "cells.ome.zarr", plugin="isoscale-ij")
    assert [layer.name for layer in layers] == ["cells DAPI", "cells actin"]
    for number, layer in enumerate(layers):
        assert layer.multiscale
        assert len(layer.data) > 1
        assert "dask" in type(layer.data[0]).__module__
        assert tuple(layer.scale) == (1.5, 0.16, 0.16)
        np.testing.assert_allclose(layer.translate, [3.75, 0.08, 16.08])
        np.testing.assert_array_equal(layer.data[0], image.isel(c=number))
        assert iso.voxel_size(layer) == iso.voxel_size(image)
    layers[0].save(str(tmp_path / "first.zarr"), plugin="isoscale-ij")
    again = iso.read(tmp_path / "first.zarr")
    np.testing.assert_array_equal(again, image.isel(c=0))
    assert iso.voxel_size(again) == iso.voxel_size(image)
    scaled = iso.rescale(layers[1], 1.5)
    np.testing.assert_array_equal(scaled.data, iso.rescale(image.isel(c=1), 1.5))


def test_channels_are_layers_with_names_colours_and_contrast(viewer: Any, tmp_path: Path) -> None:
    image = calibrated((6, 2, 20, 24), "zcyx").assign_coords(c=["DAPI", "membrane"])
    green = [[0] * 256, list(range(256)), [0] * 256]
    image = image.assign_attrs(imagej={"luts": [[list(range(256))] * 3, green], "ranges": [[10, 900], [20, 1800]]})
    iso.write(tmp_path / "two.tif", image)
    layers = viewer.open(tmp_path / "two.tif", plugin="isoscale-ij")
    assert [layer.name.split()[-1] for layer in layers] == ["DAPI", "membrane"]
    assert [tuple(layer.contrast_limits) for layer in layers] == [(10, 900), (20, 1800)]
    assert layers[0].colormap.name == "gray"
    np.testing.assert_allclose(layers[1].colormap.map(np.array([1.0]))[0, :3], [0, 1, 0])
    viewer.layers.save(str(tmp_path / "both.tif"), plugin="isoscale-ij")
    both = iso.read(tmp_path / "both.tif")
    assert both.sizes["c"] == 2
    assert iso.voxel_size(both) == iso.voxel_size(image)
    np.testing.assert_array_equal(both.transpose(*image.dims).values, image.values)


def test_labels_stay_labels(viewer: Any, tmp_path: Path) -> None:
    labels = calibrated().assign_attrs(kind="labels")
    iso.write(tmp_path / "labels.tif", labels)
    (layer,) = viewer.open(tmp_path / "labels.tif", plugin="isoscale-ij")
    assert isinstance(layer, Labels)
    layer.save(str(tmp_path / "more.tif"), plugin="isoscale-ij")
    assert iso.info(iso.read(tmp_path / "more.tif")).kind == "labels"


def test_the_sample(viewer: Any, shot: Any) -> None:
    image, truth = viewer.open_sample("isoscale-ij", "nuclei")
    assert isinstance(image, Image)
    assert (isinstance(truth, Labels), truth.visible) == (True, False)
    assert iso.voxel_size(truth) == iso.voxel_size(image) == {"z": 1.5, "y": pytest.approx(0.16, abs=1e-3),
                                                              "x": pytest.approx(0.16, abs=1e-3)}  # fmt: skip
    viewer.dims.order = (1, 0, 2)  # from the side
    viewer.reset_view()
    assert shot().std() > 10


def test_layers_of_others_are_what_they_say() -> None:
    values = np.zeros((4, 8, 8), np.uint8)
    assert iso.voxel_size(Image(values)) == {}
    assert iso.info(Image(values)).units == {}
    bare = iso.info(Image(values, scale=(3, 1, 1)))
    assert (bare.voxel_size, bare.units["z"]) == ({"z": 3, "y": 1, "x": 1}, None)
    nanometers = Image(values, scale=(900, 200, 200), units=("nm",) * 3, translate=(450, 0, 0))
    about = iso.info(nanometers)
    assert about.voxel_size == {"z": 900, "y": 200, "x": 200}
    assert about.origin == {"z": 0, "y": -100, "x": -100}
    mixed = Image(values, scale=(1.5, 200, 200), units=("um", "nm", "nm"))
    assert iso.voxel_size(mixed) == {"z": 1500, "y": 200, "x": 200}
    four = iso.as_image(Image(np.zeros((2, 3, 8, 8)), scale=(30, 2, 1, 1), units=("s", "um", "um", "um")))
    assert four.dims == ("t", "z", "y", "x")
    assert four.t.attrs == {"spacing": 30.0, "units": "second"}
    named = iso.as_image(Image(np.zeros((2, 3, 8, 8)), axis_labels=("z", "c", "y", "x")))
    assert dict(named.sizes) == {"c": 3, "z": 2, "y": 8, "x": 8}
    color = iso.as_image(Image(np.zeros((8, 8, 3), np.uint8), rgb=True))
    assert (color.dims, color.c.values.tolist()) == (("c", "y", "x"), ["red", "green", "blue"])
    pyramid = Image([np.zeros((8, 8)), np.zeros((4, 4))], multiscale=True)
    assert iso.as_image(pyramid).shape == (8, 8)
    moved = Image(values, scale=(2, 1, 1), affine=np.diag([1, 3, 3, 1]))
    assert iso.voxel_size(moved) == {"z": 2, "y": 3, "x": 3}
    with pytest.raises(iso.CalibrationError, match="is rotated or sheared"):
        iso.voxel_size(Image(values[0], rotate=10))
    with pytest.raises(iso.FormatError, match="has 6 axes"):
        iso.voxel_size(Image(np.zeros((1, 1, 1, 1, 4, 4))))


def test_layers_go_into_the_functions_and_come_out() -> None:
    image = calibrated()
    layer = Image(image.values, scale=(1.5, 0.16, 0.16), translate=(0.75, 0.08, 0.08), units=("um",) * 3, name="cells")
    scaled = iso.rescale(layer, 0.5)
    assert isinstance(scaled, Image)
    assert (tuple(scaled.scale), tuple(scaled.translate)) == ((0.5,) * 3, (0.25,) * 3)
    np.testing.assert_array_equal(scaled.data, iso.rescale(image, 0.5).values)
    with pytest.warns(iso.SegmentationWarning):  # it is noise
        labels = iso.vol(layer, spot_sigma=0.5, outline_sigma=0.2)
    assert isinstance(labels, Labels)
    assert iso.voxel_size(labels) == iso.voxel_size(image)
    assert len(iso.measure(labels, layer)) == labels.data.max()
    data = layer.data
    assert iso.set_voxel_size(layer, z="2 um") is layer
    assert (layer.data is data, layer.scale[0], layer.translate[0]) == (True, 2, 1)
    shifted = Image(image.values, affine=np.diag([2, 3, 3, 1]))
    assert iso.voxel_size(iso.set_voxel_size(shifted, z=5, unit="um")) == {"z": 5, "y": 3, "x": 3}


def test_layers_that_make_no_one_image_are_refused(tmp_path: Path) -> None:
    from isoscale_ij.napari_plugin.files import write_layers

    layers = [Image(np.zeros((4, 4)), name="a").as_layer_data_tuple(),
              Image(np.zeros((5, 4)), name="b").as_layer_data_tuple()]  # fmt: skip
    with pytest.raises(iso.ParameterError, match="one by one"):
        write_layers(str(tmp_path / "x.tif"), layers)

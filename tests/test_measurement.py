"""Measurements against scikit-image and geometry."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import regionprops_table

import isoscale_ij as iso


def test_equals_scikit_image(nuclei: tuple) -> None:
    image, truth = nuclei
    size = tuple(iso.voxel_size(image).values())
    ours = iso.measure(truth, image)
    theirs = regionprops_table(
        truth.values, image.values, spacing=size,
        properties=["label", "num_pixels", "area", "equivalent_diameter_area", "centroid", "bbox", "mean_intensity"],
    )  # fmt: skip
    np.testing.assert_array_equal(ours.label, theirs["label"])
    np.testing.assert_array_equal(ours.n_voxels, theirs["num_pixels"])
    np.testing.assert_allclose(ours.volume, theirs["area"])
    np.testing.assert_allclose(ours.equivalent_diameter, theirs["equivalent_diameter_area"])
    np.testing.assert_allclose(ours.mean_intensity, theirs["mean_intensity"])
    for n, (axis, step) in enumerate(zip("zyx", size, strict=True)):
        np.testing.assert_allclose(ours[f"centroid_{axis}"], theirs[f"centroid-{n}"] + step / 2)
        np.testing.assert_allclose(ours[f"min_{axis}"], theirs[f"bbox-{n}"] * step)
        np.testing.assert_allclose(ours[f"max_{axis}"], theirs[f"bbox-{n + 3}"] * step)
    np.testing.assert_array_equal(
        ours.n_slices, [len(np.unique(np.argwhere(truth.values == n)[:, 0])) for n in ours.label]
    )
    assert ours.attrs["units"]["volume"] == "micrometer^3"
    assert ours.attrs["units"]["centroid_z"] == "micrometer"


def test_border() -> None:
    values = np.zeros((4, 9, 9), np.int32)
    values[1:3, 4, 4], values[0, 2, 2], values[2, 0, 5], values[2, 7, 8] = 1, 2, 3, 4
    table = iso.measure(iso.as_image(values, voxel_size=1, unit="um"))
    assert table.touches_border.tolist() == [False, True, True, True]


def test_2d_several_channels_and_time(rng: np.random.Generator) -> None:
    labels = np.zeros((2, 6, 6), np.int32)
    labels[0, 1:3, 1:4], labels[1, 2:5, 2:5] = 3, 1
    image = rng.random((2, 2, 6, 6))
    table = iso.measure(
        iso.as_image(labels, "tyx", voxel_size={"t": 1, "y": 0.5, "x": 0.5}, unit="um"),
        iso.as_image(image, "tcyx").assign_coords(c=["a", "b"]),
    )
    assert table.columns[:5].tolist() == ["label", "t", "n_voxels", "area", "equivalent_diameter"]
    assert "n_slices" not in table
    assert table.t.tolist() == [0, 1]
    assert table.area.tolist() == [1.5, 2.25]
    assert table.equivalent_diameter[1] == pytest.approx(2 * np.sqrt(2.25 / np.pi))
    assert table.mean_intensity_b[0] == pytest.approx(image[0, 1, 1:3, 1:4].mean())
    assert table.attrs["units"]["area"] == "micrometer^2"


def test_without_calibration_lengths_are_voxels() -> None:
    values = np.zeros((3, 5, 5), np.uint8)
    values[1, 2, 3] = 7
    table = iso.measure(values)
    assert (table.label[0], table.volume[0], table.centroid_x[0], table.min_x[0]) == (7, 1, 3, 2.5)
    assert table.attrs["units"]["volume"] == "voxel^3"


def test_no_labels() -> None:
    assert len(iso.measure(np.zeros((3, 4, 5), np.int32))) == 0


def test_bad_input(nuclei: tuple) -> None:
    image, truth = nuclei
    with pytest.raises(iso.ParameterError, match="integers"):
        iso.measure(image.astype(float))
    with pytest.raises(iso.ParameterError, match="same grid"):
        iso.measure(truth, image[1:])
    with pytest.raises(iso.ParameterError, match="-1"):
        iso.measure(truth - 1)

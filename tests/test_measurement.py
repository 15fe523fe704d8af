"""Measurements against scikit-image and geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from skimage.measure import marching_cubes, mesh_surface_area, regionprops, regionprops_table

import isoscale_ij as iso
from isoscale_ij import memory, remarks
from isoscale_ij.image.calibration import mark_as_labels
from isoscale_ij.image.labels import looks_like_labels
from isoscale_ij.operations.shapes import whole_weights


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


def test_intensities_and_axes_equal_scikit_image(nuclei: tuple) -> None:
    image, truth = nuclei
    size = tuple(iso.voxel_size(image).values())
    ours = iso.measure(truth, image)
    properties = regionprops(truth.values, image.values, spacing=size)
    for name, theirs in {
        "max_intensity": "intensity_max", "min_intensity": "intensity_min", "std_intensity": "intensity_std",
        "axis_1_length": "axis_major_length", "axis_3_length": "axis_minor_length",
    }.items():  # fmt: skip
        np.testing.assert_allclose(ours[name], [each[theirs] for each in properties], rtol=1e-6, err_msg=name)
    totals = [image.values[truth.values == label].sum() for label in ours.label]
    np.testing.assert_allclose(ours.total_intensity, totals)
    for row, label in enumerate(ours.label):
        places = np.argwhere(truth.values == label) * size
        spread, axes = np.linalg.eigh(np.cov(places.T, bias=True))
        for number in range(3):
            assert ours[f"axis_{number + 1}_length"][row] == pytest.approx(2 * np.sqrt(5 * spread[2 - number]))
            direction = ours.loc[row, [f"axis_{number + 1}_{axis}" for axis in "zyx"]].to_numpy(float)
            assert abs(direction @ axes[:, 2 - number]) == pytest.approx(1)
            assert direction[np.abs(direction).argmax()] > 0
    assert ours.attrs["units"]["axis_2_length"] == "micrometer"


def ellipsoid(radii: tuple, size: tuple, shape: tuple) -> np.ndarray:
    grid = np.meshgrid(*((np.arange(n) - n / 2 + 0.3) * s for n, s in zip(shape, size, strict=True)), indexing="ij")
    return (sum((g / r) ** 2 for g, r in zip(grid, radii, strict=True)) <= 1).astype(np.int32)


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.5, 0.5, 0.4), (1.5, 0.25, 0.25)])
@pytest.mark.parametrize("radius", [6.0, 9.0])
def test_the_surface_of_a_ball(size: tuple, radius: float) -> None:
    shape = tuple(int(2 * radius / s) + 6 for s in size)
    ball = ellipsoid((radius,) * 3, size, shape)
    table = iso.measure(iso.as_image(ball, voxel_size=size, unit="um"))
    assert table.surface_area[0] == pytest.approx(4 * np.pi * radius**2, rel=0.03)
    assert table.sphericity[0] == pytest.approx(1, abs=0.03)
    assert table.axis_1_length[0] == pytest.approx(2 * radius, rel=0.03)
    vertices, faces, *_ = marching_cubes(np.pad(ball, 1), 0.5, spacing=size)
    mesh = mesh_surface_area(vertices, faces)  # of a staircase, the longer the voxels the larger
    assert table.surface_area[0] == pytest.approx(mesh, rel=0.15 if size[0] < 4 * size[1] else 0.3)
    assert abs(table.surface_area[0] - 4 * np.pi * radius**2) < abs(mesh - 4 * np.pi * radius**2)
    assert table.attrs["units"]["surface_area"] == "micrometer^2"


def crofton(labels: np.ndarray, label: int, size: tuple) -> float:
    """Lines through neighbouring voxels, one direction after the other; shares of the sphere by throwing dice."""
    inside = np.pad(labels == label, 1)
    steps = np.array([s for s in np.ndindex(3, 3, 3) if s != (1, 1, 1)]) - 1
    ways = steps * size / np.linalg.norm(steps * np.array(size), axis=1, keepdims=True)
    thrown = np.random.default_rng(0).normal(size=(1_000_000, 3))
    shares = np.bincount((thrown @ ways.T).argmax(axis=1), minlength=26) / len(thrown)
    total = 0.0
    for step, share in zip(steps, shares, strict=True):
        leaving = np.count_nonzero(inside & ~np.roll(inside, -step, (0, 1, 2)))
        total += 4 * share * np.prod(size) / np.linalg.norm(step * np.array(size)) * leaving
    return total


def test_the_surface_is_croftons(nuclei: tuple) -> None:
    _, truth = nuclei
    table = iso.measure(truth)
    size = tuple(iso.voxel_size(truth).values())
    for row in (0, 5, 9):
        expected = crofton(truth.values, int(table.label[row]), size)
        assert table.surface_area[row] == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("labels_in_noise", [2, 3, 5])
def test_labels_that_touch_have_the_surface_of_each_alone(rng: np.random.Generator, labels_in_noise: int) -> None:
    size = (1.5, 0.4, 0.3)
    labels = rng.integers(0, labels_in_noise, (19, 13, 90)).astype(np.int32)
    labels[3:15] = labels[3:15, ::-1].repeat(7, axis=2)[..., :90]  # runs of other lengths, that end side by side
    table = iso.measure(iso.as_image(labels, voxel_size=size, unit="um"))
    weights, unit = whole_weights(size)
    for label, area in zip(table.label, table.surface_area, strict=True):
        inside = np.pad(labels == label, 1)
        leaving = sum(
            int(weights[step]) * np.count_nonzero(inside & ~np.roll(inside, -np.array(step) + 1, (0, 1, 2)))
            for step in np.ndindex(3, 3, 3)
        )
        assert area == leaving * unit


def test_the_outline_of_a_disk() -> None:
    disk = ellipsoid((9.0, 9.0), (0.5, 0.3), (48, 76))
    table = iso.measure(iso.as_image(disk, "yx", voxel_size=(0.5, 0.3), unit="um"))
    assert table.perimeter[0] == pytest.approx(18 * np.pi, rel=0.03)
    assert table.circularity[0] == pytest.approx(1, abs=0.06)
    theirs = regionprops(disk, spacing=(0.5, 0.3))[0]
    assert table.axis_1_length[0] == pytest.approx(theirs.axis_major_length, rel=0.01)
    assert table.attrs["units"]["perimeter"] == "micrometer"


def test_small_differences_of_large_intensities(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 4, (5, 8, 9)).astype(np.int32)
    values = rng.normal(1e9, 1, labels.shape)
    found = iso.measure(labels, values).std_intensity
    np.testing.assert_allclose(found, [values[labels == n].std() for n in (1, 2, 3)], rtol=1e-5)


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


def unmarked(labels: xr.DataArray) -> xr.DataArray:
    """As they come from another program. (The drop_attrs of old versions of xarray leaves an image's own.)"""
    plain = labels.copy()
    plain.attrs = {}
    return plain


def test_bad_input(nuclei: tuple) -> None:
    image, truth = nuclei
    for bad in (image * 0.3, image.astype(float).where(image != image.max()), image > 3, image.expand_dims(c=2)):
        with pytest.raises(iso.ParameterError, match="integers"):
            iso.measure(bad)
    with pytest.raises(iso.ParameterError, match=r"labels first: measure\(labels, image\)"):
        iso.measure(image, truth)
    for arguments in ((image, unmarked(truth)), (image,)):
        with pytest.warns(UserWarning, match="looks like grey values.*Labels come first"):
            iso.measure(*arguments)
    with pytest.raises(iso.ParameterError, match="same grid"):
        iso.measure(truth, image[1:])
    with pytest.raises(iso.ParameterError, match="-1"):
        iso.measure(truth - 1)


@pytest.mark.parametrize("channel", [0, 1])
def test_real_images_are_no_labels(channel: int, real: Path) -> None:
    for name in ("xyz_8bit__nuclei_autothresh.tif", "xyzc_16bit__dna_conf_wf.tif"):
        image = iso.read(real / name)
        with pytest.warns(UserWarning, match="looks like grey values"):
            iso.measure(image.isel(c=channel) if "c" in image.dims else image)


def test_labels_with_a_background_of_their_own_are_labels(nuclei: tuple) -> None:
    assert len(iso.measure(nuclei[1] + 1)) > 10
    assert len(iso.measure(nuclei[1] * 7)) > 10


def test_a_missing_voxel_size_makes_all_of_it_voxels(nuclei: tuple) -> None:
    truth = iso.as_image(nuclei[1].values, "zyx")
    expected = iso.measure(truth)
    partly = mark_as_labels(iso.set_voxel_size(truth, y=0.2, x=0.2, unit="um"))
    with pytest.warns(UserWarning, match="no voxel size in z: volumes"):
        table = iso.measure(partly)
    assert table.attrs["units"]["volume"] == "voxel^3"
    positions = [f"{what}_{axis}" for what in ("centroid", "min", "max") for axis in "yx"]
    assert table.drop(columns=positions).equals(expected.drop(columns=positions))
    np.testing.assert_allclose(table.centroid_x, (expected.centroid_x + 0.5) * 0.2)
    assert table.attrs["units"]["centroid_x"] == "micrometer"


def test_channels_that_share_a_name(nuclei: tuple) -> None:
    image, truth = nuclei
    both = xr.concat([image, image * 2], "c").assign_coords(c=["", ""])
    table = iso.measure(truth, both)
    assert [name for name in table if name.startswith("mean")] == ["mean_intensity__0", "mean_intensity__1"]
    np.testing.assert_allclose(table["mean_intensity__1"], 2 * table["mean_intensity__0"])
    three = xr.concat([image, image * 2, image * 3], "c").assign_coords(c=["a", "a", "a_0"])
    means = [name for name in iso.measure(truth, three) if name.startswith("mean")]
    assert means == ["mean_intensity_a_0", "mean_intensity_a_1", "mean_intensity_a_0_2"]


def test_an_image_of_another_place_or_voxel_size(nuclei: tuple) -> None:
    image, truth = nuclei
    with pytest.raises(iso.ParameterError, match=r"voxel size of 1\.5 µm in z and an image with 500 nm"):
        iso.measure(truth, iso.set_voxel_size(image, z="500 nm", y="160 nm", x="160 nm", unit="nm"))
    with pytest.warns(UserWarning, match=r"begins 7\.5 µm from where the labels begin in z"):
        moved = iso.measure(truth[:10], image[5:15])
    np.testing.assert_array_equal(moved.max_intensity, iso.measure(truth[:10], image[5:15].values).max_intensity)
    iso.measure(truth, iso.set_voxel_size(image, unit="nm"))
    iso.measure(truth, image.values)


def test_what_is_no_number_shows_in_the_objects_that_hold_it(nuclei: tuple) -> None:
    image, truth = nuclei
    values = image.values.astype(np.float32)
    z, y, x = np.argwhere(truth.values == 3)[0]
    values[z, y, x] = np.nan
    table, whole = (iso.measure(truth, each).set_index("label") for each in (values, image.values))
    columns = [f"{what}_intensity" for what in ("mean", "max", "min", "std", "total")]
    assert table.loc[3, columns].isna().all()
    np.testing.assert_allclose(table.drop(3)[columns], whole.drop(3)[columns])
    values[z, y, x] = np.inf
    assert iso.measure(truth, values).set_index("label").loc[3, "max_intensity"] == np.inf


# Labels as other programs number and store them


def test_the_numbers_of_labels_do_not_matter(nuclei: tuple) -> None:
    """Neither for the sums, in the last bit, nor for the memory: what is dense is summed in one go, else by slice."""
    image, truth = nuclei
    expected = iso.measure(truth, image)
    for factor, dtype in ((50_000_017, np.int64), (2**27 + 1, np.uint32), (2**59, np.uint64)):
        with memory.watched() as peak:
            found = iso.measure(truth.astype(dtype) * dtype(factor), image)
        assert found.label.tolist() == [label * factor for label in expected.label.tolist()]
        rounded = ["mean_intensity", "std_intensity", "total_intensity"]
        exact = expected.columns.drop(["label", *rounded])
        assert found[exact].equals(expected[exact])
        np.testing.assert_allclose(found[rounded], expected[rounded], rtol=1e-12)
        assert found.attrs == expected.attrs
        assert peak.bytes < 100e6


def test_a_million_labels_in_bounded_memory() -> None:
    shape, count = (320, 250, 250), 1_000_000
    labels = (np.arange(np.prod(shape), dtype=np.int32) // (np.prod(shape) // count)).reshape(shape)
    iso.measure(labels[:2, :20, :20])
    with memory.watched() as peak:
        table = iso.measure(labels)
    assert len(table) == labels.max()
    assert table.n_voxels.eq(20).all()
    assert peak.bytes < 300e6
    with pytest.raises(iso.MemoryLimitError, match="table of 999999 labels"):
        iso.measure(labels, memory_limit="250 MB")
    with pytest.raises(iso.MemoryLimitError, match="table"):
        iso.measure(labels[:2, :20, :20], memory_limit="10 kB")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_numbers_of_a_real_type(nuclei: tuple, dtype: str) -> None:
    image, truth = nuclei
    assert iso.measure(truth.astype(dtype), image).equals(iso.measure(truth, image))
    assert iso.measure(truth.astype(dtype) * 1e6).label.tolist() == [1e6 * n for n in iso.measure(truth).label]


def test_2d_and_time_with_sparse_numbers(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 3, (2, 6, 6)) * 10**9
    table = iso.measure(iso.as_image(labels, "tyx"), iso.as_image(rng.random((2, 2, 6, 6)), "tcyx"))
    dense = iso.measure(iso.as_image(labels // 10**9, "tyx"))
    assert table.label.tolist() == [10**9 * label for label in dense.label]
    assert table[dense.columns[1:]].equals(dense[dense.columns[1:]])


def test_what_looks_like_labels(nuclei: tuple) -> None:
    image, truth = nuclei
    foreign = unmarked(truth)
    assert [looks_like_labels(each) for each in (truth, foreign, foreign.astype("f4"), foreign * 37)] == [True] * 4
    noise = np.random.default_rng(0).poisson(0.1, (4, 99, 99)).astype(np.uint8)
    smooth = iso.rescale(image.astype(np.uint8), factor=4)
    for other in (image, iso.as_image(noise), smooth, image > 100, iso.as_image(np.zeros((3, 40, 50), np.uint8))):
        assert not looks_like_labels(other)
    for name, expected in (("DAPI_mask", True), ("cells_cp_masks.tif", True), ("labels", True), ("unmasked", False)):
        assert looks_like_labels(image.rename(name)) == expected


def test_labels_that_would_be_blended_are_pointed_out(nuclei: tuple) -> None:
    foreign = unmarked(nuclei[1])
    with pytest.warns(UserWarning, match=r'looks like labels, and linear.*"nearest".*--labels'):
        iso.rescale(foreign, 1.0)
    kept = iso.rescale(foreign, 1.0, interpolation="nearest")
    assert set(np.unique(kept)) <= set(np.unique(foreign))


def test_real_images_do_not_look_like_labels(real: Path) -> None:
    names = [path for path in sorted(real.glob("*.tif")) if "gt" not in path.name]
    assert names
    for path in names:
        with remarks.heard():
            assert not looks_like_labels(iso.read(path)), path

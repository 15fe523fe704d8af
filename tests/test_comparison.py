"""The comparison, its table and pictures; the agreement of label images; the synthetic volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import isoscale_ij as iso
from isoscale_ij import memory
from isoscale_ij.image.calibration import mark_as_labels
from isoscale_ij.image.label_colors import shown
from isoscale_ij.operations.agreement import agreement
from naive import average_precision
from test_package import python

SIGMAS = {"spot_sigma": 1.4, "outline_sigma": "0.9 um"}


def test_agreement_equals_the_naive_count(rng: np.random.Generator) -> None:
    _, truth = iso.sample(shape=(8, 64, 64), n_objects=6)
    for shift in (0, 2, 6, 15):
        other = np.roll(truth.values, shift, axis=2)
        other[:, :8] = 0
        assert agreement(truth.values, other).average_precision == pytest.approx(average_precision(truth.values, other))


def test_agreement_at_exactly_one_half() -> None:
    one = np.array([[[1, 1, 2, 2]]])
    two = np.array([[[1, 0, 2, 2]]])
    assert agreement(one, two).matched == 2
    halves = np.array([[[1, 2]]])
    whole = np.array([[[1, 1]]])
    assert agreement(whole, halves).matched == 1  # one to one
    assert agreement(np.zeros((1, 2, 2), int), np.zeros((1, 2, 2), int)).average_precision == 1


def test_rows_columns_and_files(nuclei: tuple, tmp_path: Path) -> None:
    image, truth = nuclei
    seen: list[int] = []
    found = iso.compare(image, **SIGMAS, truth=truth, on_progress=lambda done, total, step: seen.append(done))
    table = found.table.set_index("name")
    assert list(table.index) == ["raw, voxel sigmas", "raw, physical sigmas", "1 µm", "2 µm", "upscaled to x"]
    assert seen == sorted(seen)
    assert table.loc["upscaled to x", "agreement"] == 1
    assert table.loc["upscaled to x", "shape"] == (150, 96, 112)
    assert table.loc["upscaled to x", "factors"][0] == pytest.approx(9.3946, abs=1e-4)
    assert table.loc["1 µm", "voxel_size"] == (1.0, 1.0, 1.0)
    assert table.loc["raw, physical sigmas", "seconds_rescale"] == 0
    assert table.loc["raw, physical sigmas", "accuracy"] > table.loc["raw, voxel sigmas", "accuracy"]
    assert table.loc["upscaled to x", "bytes"] == 150 * 96 * 112 * 2
    labels = iso.vol(image, **SIGMAS)
    np.testing.assert_array_equal(found.labels["raw, physical sigmas"].values, labels.values)
    assert table.loc["raw, physical sigmas", "objects"] == labels.max()
    assert table.loc["raw, physical sigmas", "median_volume"] == pytest.approx(iso.measure(labels).volume.median())

    paths = found.save(tmp_path / "out")
    assert sorted(path.name for path in paths) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert {path.suffix for path in paths} == {".csv", ".md", ".png", ".tif"}
    assert list(pd.read_csv(tmp_path / "out" / "comparison.csv")["name"]) == list(table.index)
    assert (tmp_path / "out" / "comparison.md").read_text().count("\n") == 7
    back = iso.read(tmp_path / "out" / "labels-raw-physical-sigmas.tif")
    np.testing.assert_array_equal(back.values, labels.values)
    with pytest.raises(iso.ParameterError, match="exists"):
        found.save(tmp_path / "out")


def test_labels_are_carried_to_the_raw_grid_by_nearest_point(nuclei: tuple) -> None:
    from isoscale_ij.comparison.coloring import at_points_of

    image, truth = nuclei
    doubled = iso.rescale(truth, factor=2)
    np.testing.assert_array_equal(at_points_of(doubled, image), truth.values)


def test_a_row_over_the_limit_is_skipped_and_says_so(nuclei: tuple) -> None:
    image, truth = nuclei
    found = iso.compare(image, **SIGMAS, truth=truth, memory_limit="19 MB")
    table = found.table.set_index("name")
    assert "skipped" in table.loc["upscaled to x", "remark"]
    assert "MB" in table.loc["upscaled to x", "remark"]
    assert pd.isna(table.loc["upscaled to x", "objects"])
    assert table["agreement"].isna().all()
    assert "| upscaled to x |" in found.markdown()
    assert "skipped" in str(found)
    assert table.loc["raw, physical sigmas", "accuracy"] > 0.5


def test_sizes_follow_the_scale_of_the_image() -> None:
    image, _ = iso.sample(shape=(8, 48, 48), n_objects=3)
    large = iso.set_voxel_size(image, z=1500, y=160, x=160, unit="um")
    names = list(iso.compare(large, spot_sigma=1400, outline_sigma=900).table.name)
    assert names[2:4] == ["490 µm", "980 µm"]
    chosen = iso.compare(image, **SIGMAS, voxel_sizes=["500 nm"]).table.name
    assert list(chosen)[2:-1] == ["500 nm"]


def test_bad_input(nuclei: tuple) -> None:
    image, truth = nuclei
    with pytest.raises(iso.CalibrationError, match="set_voxel_size"):
        iso.compare(image.values, **SIGMAS)
    with pytest.raises(iso.ParameterError, match="one volume"):
        iso.compare(image[0], **SIGMAS)
    with pytest.raises(iso.ParameterError, match="shape"):
        iso.compare(image, **SIGMAS, truth=truth[1:])
    with pytest.raises(iso.ParameterError, match="whole numbers"):
        iso.compare(image, **SIGMAS, truth=truth * 0.3)
    with pytest.raises(iso.ParameterError, match="smaller than the image"):
        iso.compare(image, spot_sigma=500, outline_sigma=1)


def test_cancel(nuclei: tuple) -> None:
    def cancel(done: int, total: int, step: str) -> None:
        if done > 40:
            raise iso.Cancelled("enough")

    with pytest.raises(iso.Cancelled):
        iso.compare(nuclei[0], **SIGMAS, on_progress=cancel)


def test_the_sample_is_seeded_and_calibrated() -> None:
    one, truth = iso.sample(shape=(8, 48, 48), seed=1)
    two, _ = iso.sample(shape=(8, 48, 48), seed=1)
    other, _ = iso.sample(shape=(8, 48, 48), seed=2)
    np.testing.assert_array_equal(one.values, two.values)
    assert not np.array_equal(one.values, other.values)
    assert iso.voxel_size(one) == {"z": 1.5, "y": 0.1596665040315075, "x": 0.1596665040315075}
    assert truth.attrs["kind"] == "labels"
    assert one.values[truth.values > 0].mean() > 1.3 * one.values[truth.values == 0].mean()


def test_the_sample_has_the_same_nuclei_on_any_grid() -> None:
    coarse = iso.measure(iso.sample(shape=(12, 64, 64), voxel_size={"z": 3.0}, seed=4, n_objects=8)[1])
    fine = iso.measure(iso.sample(shape=(36, 64, 64), voxel_size={"z": 1.0}, seed=4, n_objects=8)[1])
    assert len(coarse) == len(fine) > 2
    np.testing.assert_allclose(coarse.volume, fine.volume, rtol=0.2)
    np.testing.assert_allclose(coarse.centroid_z, fine.centroid_z, atol=0.5)


def test_the_sample_says_what_it_cannot_do() -> None:
    with pytest.raises(iso.ParameterError, match="nuclei"):
        iso.sample("cells")
    for shape in ((3, 4), (0, 3, 4), (2.5, 3, 4), 3):
        with pytest.raises(iso.ParameterError, match="three whole numbers"):
            iso.sample(shape=shape)  # type: ignore[arg-type]
    with pytest.raises(iso.MemoryLimitError, match="smaller shape"):
        iso.sample(shape=(99_999, 99_999, 99_999))
    with pytest.raises(iso.ParameterError, match="0 or more"):
        iso.sample(n_objects=-1)
    with pytest.raises(iso.CalibrationError, match="in micrometer"):
        iso.sample(voxel_size="2 px")


@pytest.mark.parametrize("voxel_size", [(1.5, 0.2, 0.2), {"Z": "1500 nm", "y": 0.2, "x": ".2 um"}])
def test_the_sample_takes_lengths_as_images_do(voxel_size: Any) -> None:
    image, truth = iso.sample(shape=(3, 8, 8), voxel_size=voxel_size)
    assert iso.voxel_size(image) == iso.voxel_size(truth) == {"z": 1.5, "y": 0.2, "x": 0.2}


def test_agreement_of_labels_with_huge_numbers(nuclei: tuple) -> None:
    labels = nuclei[1].values.astype(np.int64)
    with memory.watched() as peak:
        assert agreement(labels * 2_000_000_011, labels * 50_000_017).average_precision == 1
    assert peak.bytes < 50e6


def test_pictures_have_the_colours_of_imagej(imagej: Any) -> None:
    for count in (7, 255, 256, 1000, 40_000):
        labels = np.unique(np.concatenate([np.arange(min(count, 300)), np.linspace(0, count, 500)]).astype(np.int32))
        image = mark_as_labels(iso.as_image(labels[np.newaxis], "yx", voxel_size=1, unit="um"))
        seen = iso.imagej.to_imageplus(image).getProcessor().convertToColorProcessor()
        packed = np.array([seen.get(x, 0) & 0xFFFFFF for x in range(labels.size)])
        ours = shown(labels, count).astype(int)
        np.testing.assert_array_equal(packed, ours[:, 0] * 65536 + ours[:, 1] * 256 + ours[:, 2])


def test_the_first_row_does_not_pay_for_loading_the_kernels() -> None:
    code = """
import sys, isoscale_ij as iso
image, truth = iso.sample(shape=(8, 48, 48), n_objects=3)
from isoscale_ij import memory
kernels = []
watched = memory.watched
memory.watched = lambda: (kernels.append("isoscale_ij.engines.cpu.voronoi" in sys.modules), watched())[1]
iso.compare(image, spot_sigma=1.4, outline_sigma=0.9)
print(kernels)
"""
    assert python(code) == "[True, True, True, True, True]"


def test_results_do_not_go_where_the_input_lies(nuclei: tuple, tmp_path: Path) -> None:
    image, _ = nuclei
    iso.write(tmp_path / "cells.tif", image)
    comparison = iso.compare(iso.read(tmp_path / "cells.tif"), **SIGMAS)
    for folder, error, word in (
        (tmp_path, iso.ParameterError, "that of the input"),
        (tmp_path / "cells.tif", iso.ParameterError, "is a file"),
        (tmp_path / "new" / "er", FileNotFoundError, "make it first"),
    ):
        with pytest.raises(error, match=word):
            comparison.save(folder, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.tif"]

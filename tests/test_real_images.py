"""Real, calibrated images (skipped where they are not), and truth that can be counted on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.comparison.coloring import at_points_of
from isoscale_ij.operations.agreement import agreement


@pytest.mark.filterwarnings("ignore:What is drawn on the image:UserWarning")  # by who saved the file
def test_nuclei(real: Path) -> None:
    image = iso.read(real / "xyz_8bit__nuclei_autothresh.tif")
    found = iso.info(image)
    assert found.shape == (37, 118, 132)
    assert found.voxel_size == pytest.approx({"z": 4.0, "y": 0.82864, "x": 0.82864}, rel=1e-4)
    assert found.anisotropy == pytest.approx(4.83, abs=0.01)
    finest = iso.rescale(image, "finest")
    assert finest.sizes["z"] == 179
    assert len(set(iso.voxel_size(finest).values())) == 1
    labels = iso.vol(image, spot_sigma="3 um", outline_sigma="1.5 um")
    assert 60 <= int(labels.max()) <= 110
    upscaled = iso.vol(finest, spot_sigma="3 um", outline_sigma="1.5 um")
    on_raw = at_points_of(upscaled, image)
    assert agreement(on_raw, labels.values).average_precision > 0.9


@pytest.mark.parametrize("target", [None, "finest", "coarsest", 5.0])
def test_the_ball_is_a_ball(real: Path, target: object) -> None:
    image = iso.read(real / "xyz_8bit_sphere_calibrated.tif")
    if target is not None:
        image = iso.rescale(image, target)
    labels = iso.vol(image, spot_sigma=20, outline_sigma=1, threshold=127)  # Otsu's 109 is a ball of 4 % more
    table = iso.measure(labels)
    assert len(table) == 1
    ball = table.iloc[0]
    size = iso.voxel_size(image)
    for axis in "zyx":
        assert abs(ball[f"max_{axis}"] - ball[f"min_{axis}"] - 128) <= size[axis] + 1e-9
        assert ball[f"centroid_{axis}"] == pytest.approx(
            (ball[f"max_{axis}"] + ball[f"min_{axis}"]) / 2, abs=size[axis] / 2
        )
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 64**3, rel=0.03)
    if target is None:
        counts = [(ball[f"max_{axis}"] - ball[f"min_{axis}"]) / size[axis] for axis in "zx"]
        assert counts[1] / counts[0] == pytest.approx(2, abs=0.2)  # what counting voxels would say


def test_both_channels(real: Path) -> None:
    image = iso.read(real / "xyzc_16bit__dna_conf_wf.tif")
    assert dict(image.sizes) == {"c": 2, "z": 45, "y": 130, "x": 133}
    scaled = iso.rescale(image, 1.0)
    assert dict(scaled.sizes) == {"c": 2, "z": 22, "y": 67, "x": 68}
    for channel in (0, 1):
        labels = iso.vol(image, spot_sigma=5, outline_sigma=1, channel=channel)
        assert int(labels.max()) >= 1
    table = iso.measure(labels, image)
    assert {"mean_intensity_0", "mean_intensity_1"} <= set(table.columns)


@pytest.mark.filterwarnings("ignore:.* touch the border:isoscale_ij.SegmentationWarning")  # of voxel sigmas, rightly
@pytest.mark.parametrize("z_step", [1.0, 1.5, 2.0, 3.0])
def test_the_raw_grid_scores_as_well_as_the_upscaled_one(z_step: float) -> None:
    """The best of a sweep over spot sigmas, on average over several volumes."""
    differences, voxel_sigmas = [], []
    for seed in (3, 4, 5, 6):
        image, truth = iso.sample(shape=(round(60 / z_step), 256, 256), voxel_size={"z": z_step}, seed=seed)
        upscaled = iso.rescale(image, "x")

        def best(grid: object, unit: str = "um", scale: float = 1.0, *, truth=truth, image=image) -> float:
            return max(
                agreement(
                    truth.values,
                    at_points_of(
                        iso.vol(grid, spot_sigma=f"{spot * scale} {unit}", outline_sigma=f"{0.9 * scale} {unit}"), image
                    ),
                ).average_precision
                for spot in (1.0, 1.2, 1.4, 1.6)
            )

        raw = best(image)
        differences.append(raw - best(upscaled))
        voxel_sigmas.append(raw - best(image, "px", 1 / 0.16))
    assert np.mean(differences) >= -0.01
    assert np.mean(voxel_sigmas) > 0.3

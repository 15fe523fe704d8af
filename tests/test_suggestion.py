"""What sigmas are suggested: of the size of the objects, or a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from isoscale_ij.cli import main
from isoscale_ij.execution.chunks.settings import working_in


def balls(radius: float, size: tuple = (2.0, 1.0, 1.0), apart: float = 3.0, grid: tuple = (3, 4, 4)) -> xr.DataArray:
    """Balls on a lattice, so many radii apart, with noise."""
    extent = [n * apart * radius for n in grid]
    shape = [round(e / s) for e, s in zip(extent, size, strict=True)]
    places = np.meshgrid(*((np.arange(n) + 0.5) * s for n, s in zip(shape, size, strict=True)), indexing="ij")
    middle = [(place % (apart * radius)) - apart * radius / 2 for place in places]
    values = np.where(sum(m**2 for m in middle) < radius**2, 600, 100)
    noisy = values + np.random.default_rng(3).normal(0, 30, values.shape)
    return iso.as_image(noisy.clip(0).astype(np.uint16), voxel_size=size, unit="um")


@pytest.mark.parametrize("radius", [6.0, 11.0])
def test_sigmas_follow_the_size_of_objects(radius: float) -> None:
    steps: list[tuple[int, int]] = []
    image = balls(radius)
    found = iso.suggest_sigmas(image, on_progress=lambda done, total, step: steps.append((done, total)))
    assert 0.25 * radius < found.spot_sigma < 0.6 * radius
    assert found.outline_sigma == pytest.approx(found.spot_sigma / 2, rel=0.01)
    assert found.confident
    assert len(found.curve) <= 15
    assert steps[-1] == (14, 14)
    assert str(found).startswith(f"spot sigma {found.spot_sigma:g} µm, outline sigma")
    assert "about 48 objects" in str(found)
    labels = iso.vol(image, spot_sigma=found.spot_sigma, outline_sigma=found.outline_sigma, threshold="local")
    assert labels.max() == 48
    automatic = iso.vol(image, spot_sigma="auto", outline_sigma="auto", threshold="local")
    np.testing.assert_array_equal(automatic, labels)
    assert automatic.attrs["spot_sigma"] == found.spot_sigma


def test_without_calibration_it_is_in_voxels() -> None:
    found = iso.suggest_sigmas(balls(8.0, (1.0, 1.0, 1.0)).values)
    assert str(found.spot_sigma).endswith(" px")
    assert 2 < float(str(found.spot_sigma).split()[0]) < 5


@pytest.mark.parametrize("dims", ["yx", "tyx", "cyx"])
def test_planes_series_and_channels(dims: str) -> None:
    plane = balls(8.0, (1.0, 1.0, 1.0)).values[12]
    values = plane if dims == "yx" else np.stack([plane, np.zeros_like(plane)])
    found = iso.suggest_sigmas(iso.as_image(values, dims), channel=0 if "c" in dims else None)
    assert 2 < float(str(found.spot_sigma).split()[0]) < 5


def test_a_sentence_where_there_is_no_answer(rng: np.random.Generator) -> None:
    constant = iso.as_image(np.full((8, 40, 40), 7, np.uint8), voxel_size=1, unit="um")
    noise = iso.as_image(rng.normal(100, 10, (20, 90, 90)).astype(np.float32), voxel_size=1, unit="um")
    hot = np.zeros((24, 60, 60), np.uint16)
    hot[3::6, 3::6, 3::6] = 1000
    for image in (constant, noise, iso.as_image(hot, voxel_size=1, unit="um")):
        found = iso.suggest_sigmas(image)
        assert found.spot_sigma is None
        assert not found.confident
        assert str(found) == found.reason
        with pytest.raises(iso.ParameterError, match=r'Got "auto" as spot_sigma.*yourself'):
            iso.vol(image, spot_sigma="auto", outline_sigma="auto")


def test_what_makes_it_doubtful_is_said(rng: np.random.Generator) -> None:
    image = balls(8.0)
    assert iso.suggest_sigmas(image).confident
    image.values.flat[rng.choice(image.size, 20, replace=False)] = 60_000
    found = iso.suggest_sigmas(image)
    assert found.spot_sigma is None
    assert "hot voxels" in found.reason


def test_an_embryo_most_of_which_is_dim(real: Path) -> None:
    with pytest.warns(iso.CalibrationWarning):
        embryo = iso.read(real / "bbbc050" / "Emb03_t501.tif")
    embryo = iso.set_voxel_size(embryo, z=1.75, y=0.8, x=0.8, unit="um")
    with pytest.warns(iso.SegmentationWarning, match="left out"):
        assert not iso.suggest_sigmas(embryo).confident


def test_what_else_is_given_holds_for_what_is_suggested() -> None:
    """The channel, who is told of it, the engine and the memory: what is refused is refused at the first try."""
    picture, _ = iso.sample(shape=(8, 72, 72), seed=1)
    larger = picture.values[:, :36, :36].repeat(2, 1).repeat(2, 2)
    channels = iso.as_image(
        np.stack([larger, picture.values]), "czyx", voxel_size=iso.voxel_size(picture), unit="um"
    )  # fmt: skip
    spots = [iso.suggest_sigmas(channels, channel=channel).spot_sigma for channel in (0, 1)]
    assert spots[0] != spots[1]
    reports: list[str] = []

    def report(done: int, total: int, step: str) -> None:
        reports.append(step)

    labels = iso.vol(channels, spot_sigma="auto", outline_sigma="auto", channel=1, on_progress=report)
    assert labels.attrs["spot_sigma"] == spots[1]
    assert (reports[0], reports[-1]) == ("suggest", "done")
    for wrong in ({"engine": "abacus"}, {"memory_limit": "1 MB"}):
        reports.clear()
        with working_in(by_itself=False), pytest.raises(iso.IsoscaleError):
            iso.vol(picture, spot_sigma="auto", outline_sigma="auto", on_progress=report, **wrong)
        assert reports == ["suggest"]


def test_half_of_any_spot_sigma(nuclei: tuple) -> None:
    for spot, outline in ((1.4, 0.7), ("1.4 um", "700 nm"), ({"z": 1.6, "y": "1 um", "x": 1.0}, (0.8, 0.5, 0.5))):
        np.testing.assert_array_equal(
            iso.vol(nuclei[0], spot_sigma=spot, outline_sigma="auto"),
            iso.vol(nuclei[0], spot_sigma=spot, outline_sigma=outline),
        )


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = balls(6.0)
    iso.write(tmp_path / "a.tif", image)
    assert main(["suggest", str(tmp_path / "a.tif"), "--json", "--picture", str(tmp_path / "curve.png")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["spot_sigma"] == iso.suggest_sigmas(image).spot_sigma
    assert len(facts["curve"]) <= 15
    assert (tmp_path / "curve.png").stat().st_size > 5000
    assert main(["suggest", str(tmp_path / "a.tif")]) == 0
    assert capsys.readouterr().out.startswith("spot sigma ")
    assert main(["suggest", str(tmp_path / "a.tif"), "--picture", str(tmp_path / "curve.png")]) == 1


def test_the_command_line_offers_the_ways(nuclei: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    iso.write(tmp_path / "a.tif", nuclei[0])
    ways = ["--spot-sigma", "1.4um", "--outline-sigma", "auto", "--threshold", "local", "--borders", "light"]
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path / "l.tif"), *ways, "--elongation", "1.3"]) == 0
    expected = iso.vol(nuclei[0], spot_sigma=1.4, outline_sigma=0.7, threshold="local", borders="light", elongation=1.3)
    np.testing.assert_array_equal(iso.read(tmp_path / "l.tif"), expected)


def test_a_comparison_passes_the_ways_on(nuclei: tuple) -> None:
    options = {"spot_sigma": 1.4, "outline_sigma": 0.7, "threshold": "local", "borders": "light", "elongation": 1.3}
    comparison = iso.compare(nuclei[0], **options)
    np.testing.assert_array_equal(comparison.labels["raw, physical sigmas"], iso.vol(nuclei[0], **options))

"""The command line as a person types it: what comes out, on which stream, with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main

SIGMAS = ["--spot-sigma", "1.4um", "--outline-sigma", "900nm"]


@pytest.fixture
def path(nuclei: tuple, tmp_path: Path) -> Path:
    iso.write(tmp_path / "cells.tif", nuclei[0])
    return tmp_path / "cells.tif"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_info(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "info", path)
    assert (status, err) == (0, "")
    assert "z 1.5 µm" in out
    assert "9.395" in out
    found = json.loads(run(capsys, "info", path, "--json")[1])
    assert found["voxel_size"] == {"z": 1.5, "y": 0.1596665040315075, "x": 0.1596665040315075}
    assert found["shape"] == [16, 96, 112]


def test_rescale(path: Path, nuclei: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    out_path = path.with_name("iso.tif")
    status, out, err = run(capsys, "rescale", path, out_path, "--voxel-size", "1um")
    assert (status, out) == (0, f"{out_path}\n")
    assert "rescale" in err
    np.testing.assert_array_equal(iso.read(out_path).values, iso.rescale(nuclei[0], 1.0).values)
    assert set(iso.voxel_size(iso.read(out_path)).values()) == {1.0}
    assert run(capsys, "rescale", path, out_path, "--factor", "z=2,x=0.5", "--overwrite")[0] == 0
    assert iso.read(out_path).shape == (32, 96, 56)
    assert (
        run(
            capsys, "rescale", path, out_path, "--voxel-size", "z=0.5um,y=0.5,x=500nm", "--no-antialias", "--overwrite"
        )[0]
        == 0
    )
    assert set(iso.voxel_size(iso.read(out_path)).values()) == {0.5}


def test_dry_run_says_what_would_come_out(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "rescale", path, path.with_name("b.tif"), "--voxel-size", "finest", "--dry-run")
    assert status == 0
    assert "(150, 96, 112)" in out
    assert not path.with_name("b.tif").exists()


def test_segment_and_measure(path: Path, nuclei: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    labels = path.with_name("labels.ome.tif")
    status, out, err = run(capsys, "segment", path, labels, *SIGMAS)
    assert (status, out) == (0, f"{labels}\n")
    assert "threshold" in err
    found = iso.read(labels)
    np.testing.assert_array_equal(found.values, iso.vol(nuclei[0], spot_sigma=1.4, outline_sigma=0.9).values)
    assert found.attrs["kind"] == "labels"
    status, out, err = run(capsys, "measure", labels, path)
    assert status == 0
    assert out.splitlines()[0].startswith("label,t,n_voxels,volume,equivalent_diameter,centroid_z")
    assert len(out.splitlines()) == 1 + int(found.max())
    as_json = json.loads(run(capsys, "measure", labels, path, "--json")[1])
    assert as_json["units"]["volume"] == "micrometer^3"
    table = path.with_name("table.csv")
    assert run(capsys, "measure", labels, "--output", table)[0] == 0
    assert run(capsys, "measure", labels, "--output", table)[0] == 1


def test_compare(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "compare", path, *SIGMAS)
    assert status == 0
    assert "upscaled to x" in out
    folder = path.with_name("cells-comparison")
    assert str(folder) in err
    assert (folder / "labels.png").stat().st_size > 10_000
    status, _, err = run(capsys, "compare", path, *SIGMAS)
    assert status == 1
    assert "--overwrite" in err
    rows = json.loads(run(capsys, "compare", path, *SIGMAS, "--overwrite", "--json")[1])
    assert [row["name"] for row in rows][1] == "raw, physical sigmas"


def test_set_voxel_size(path: Path, nuclei: tuple, capsys: pytest.CaptureFixture[str]) -> None:
    other = path.with_name("other.tif")
    assert run(capsys, "set-voxel-size", path, other, "--z", "2um", "--x", "0.5", "--y", "500nm")[0] == 0
    assert iso.voxel_size(iso.read(other)) == {"z": 2.0, "y": 0.5, "x": 0.5}
    assert iso.voxel_size(iso.read(path))["z"] == 1.5
    status, out, _ = run(capsys, "set-voxel-size", path, "--z", "3", "--origin", "z=-6um")
    assert status == 0
    assert "z 3 µm" in out
    changed = iso.read(path)
    assert iso.voxel_size(changed)["z"] == 3.0
    assert float(changed.z[0]) == -4.5
    np.testing.assert_array_equal(changed.values, nuclei[0].values)


def test_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("sample", tmp_path / "a.tif", "--truth", tmp_path / "b.tif", "--shape", 6, 40, 40, "--seed", 3)
    assert run(capsys, *arguments)[0] == 0
    assert iso.read(tmp_path / "b.tif").attrs["kind"] == "labels"
    status, _, err = run(capsys, *arguments)
    assert status == 1
    assert "exists already" in err


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "doctor", "--json")
    assert status == 0
    assert json.loads(out)["isoscale_ij"] == iso.__version__


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["fly"], ["info"], ["rescale", "a.tif", "b.tif"], ["rescale", "a.tif", "b.tif", "--voxel-size", "big"],
        ["rescale", "a.tif", "b.tif", "--factor", "two"], ["segment", "a.tif", "b.tif", "--spot-sigma", "1um"],
        ["segment", "a.tif", "b.tif", "--spot-sigma", "1 furlong", "--outline-sigma", "1um"],
        ["rescale", "a.tif", "b.tif", "--voxel-size", "1", "--interpolation", "spline"],
    ],
)  # fmt: skip
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage" in err


def test_bad_data_is_1_in_one_sentence(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = path.with_name("out.tif")
    (path.with_name("empty.tif")).touch()
    iso.write(path.with_name("bare.tif"), np.ones((4, 5, 6), np.uint8))
    for arguments, word in (
        (["info", "absent.tif"], "no such file"),
        (["info", path.parent], "folder"),
        (["info", path.with_name("empty.tif")], "empty"),
        (["segment", path, nothing, "--spot-sigma=-1um", "--outline-sigma", "1um"], "0 or more"),
        (["segment", path.with_name("bare.tif"), nothing, *SIGMAS], "set-voxel-size"),
        (["rescale", path, nothing, "--voxel-size", "0"], "above 0"),
        (["rescale", path, nothing, "--voxel-size", "1nm"], "would need"),
        (["rescale", path, path, "--voxel-size", "1um", "--overwrite"], "is the input"),
        (["rescale", path, path.with_name("x.png"), "--voxel-size", "1um"], ".ome.tif"),
        (["rescale", path, path.parent / "new" / "x.tif", "--voxel-size", "1um"], "make it first"),
        (["set-voxel-size", path], "nothing to set"),
        (["set-voxel-size", path, "--z", "0"], "above 0"),
    ):
        before = sorted(path.parent.iterdir())
        content = path.read_bytes()
        status, out, err = run(capsys, *arguments)
        assert status == 1, arguments
        assert word in err
        assert "Traceback" not in err
        assert out == ""
        assert not nothing.exists()
        assert sorted(path.parent.iterdir()) == before
        assert path.read_bytes() == content


def test_warnings_are_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    iso.write(path.with_name("flat.tif"), iso.as_image(np.ones((4, 9, 9), np.uint8), voxel_size=1, unit="um"))
    status, _, err = run(capsys, "segment", path.with_name("flat.tif"), path.with_name("l.tif"), *SIGMAS)
    assert status == 0
    assert "warning: The image is constant" in err
    assert "cli.py" not in err


def test_as_a_module_and_through_a_pipe_that_closes(path: Path) -> None:
    command = [sys.executable, "-m", "isoscale_ij", "info", str(path)]
    assert b"voxel size" in subprocess.run(command, capture_output=True, check=True).stdout
    shell = subprocess.run(
        f"{' '.join(command)} --json | head -c 1",
        shell=True,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"Error" not in shell.stderr

"""What is typed wrongly, or in another way than was thought of: what is said, and with which exit status."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main
from isoscale_ij.cli.demonstration import FILES

ROOT = Path(__file__).resolve().parents[1]
SIGMAS = ["--spot-sigma", "1.4um", "--outline-sigma", "900nm"]


@pytest.fixture
def path(nuclei: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    iso.write("cells.tif", nuclei[0])
    return Path("cells.tif")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The exit status, also where argparse ends the program; what went to stdout, and to stderr."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


# The demo


def test_the_demo_replaces_no_file_without_being_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nuclei.tif").write_bytes(b"mine")
    Path("notes.txt").write_bytes(b"mine, too")
    before = files()
    status, out, err = run(capsys, "demo", ".")
    assert (status, out) == (1, "")
    assert "nuclei.tif" in err
    assert "--overwrite" in err
    assert "making a synthetic volume" not in err  # nothing was done by then
    assert files() == before
    status, _, err = run(capsys, "demo", "notes.txt")
    assert status == 1
    assert "notes.txt is a file; needed is a folder" in err
    assert run(capsys, "demo", ".", "--overwrite")[0] == 0
    after = files()
    assert after["nuclei.tif"] != b"mine"
    assert after["notes.txt"] == b"mine, too"
    assert sorted(after) == sorted([*FILES, "notes.txt", "cells.tif"])


# What is wrong whatever the file


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set-voxel-size", "cells.tif"], "nothing to set"),
        (["set-voxel-size", "cells.tif", "--z", "0"], "above 0"),
        (["set-voxel-size", "cells.tif", "--z", "-1"], "above 0"),
        (["set-voxel-size", "cells.tif", "--t=-1s"], "the time step"),
        (["set-voxel-size", "cells.tif", "--z", "1", "--unit", "parsec"], "known are um, nm"),
        (["set-voxel-size", "cells.tif", "--t", "1", "--time-unit", "um"], "known are s, ms"),
        (["set-voxel-size", "cells.tif", "--origin", "z=1,z=2"], "z twice"),
        (["set-voxel-size", "cells.tif", "out.bmp", "--z", "1"], ".ome.tif"),
        (["set-voxel-size", "cells.tif", "--z", "1", "out.bmp"], ".ome.tif"),
        (["set-voxel-size", "cells.tif", "--z", "1", "out.tif", "more.tif"], "unrecognized arguments: more.tif"),
        (["rescale", "cells.tif", "out.tif", "--factor", "0"], "above 0"),
        (["rescale", "cells.tif", "out.tif", "--factor", "-2"], "above 0"),
        (["rescale", "cells.tif", "out.tif", "--factor", "z=0"], "the factor 0.0 on z"),
        (["rescale", "cells.tif", "out.tif", "--factor", "nan"], "finite"),
        (["rescale", "cells.tif", "out.tif", "--voxel-size", "0"], "above 0"),
        (["rescale", "cells.tif", "out.tif", "--voxel-size", "z=1,y=-1um"], "on y"),
        (["rescale", "cells.tif", "out.tif", "--voxel-size", "q=1"], "'q'"),
        (["rescale", "cells.tif", "out.tif", "--voxel-size", "t=1s"], "out of z, y, x"),
        (["rescale", "cells.tif", "out.png", "--factor", "2"], ".ome.tif"),
        (["rescale", "cells.tif", "out.tif", "--factor", "2", "--fast"], "unrecognized arguments: --fast"),
        (["convert", "cells.tif", "out.jpg"], ".ome.zarr"),
        (["segment", "cells.tif", "out.tif", *SIGMAS, "--threshold", "lokal"], "'otsu', 'local' or a number"),
        (["segment", "cells.tif", "out.tif", *SIGMAS, "--threshold", "inf"], "finite"),
        (["segment", "cells.tif", "out.tif", *SIGMAS, "--elongation", "0"], "above 0"),
        (["segment", "cells.tif", "out.tif", *SIGMAS, "--memory-limit", "2G"], '"2 GB"'),
        (["suggest", "cells.tif", "--memory-limit", "0 GB"], "bytes above 0"),
        (["segment", "cells.tif", "out.tif", "--spot-sigma=-1um", "--outline-sigma", "1um"], "0 or more"),
        (["segment", "cells.tif", "out.tif", "--spot-sigma", "z=1um,z=2um,y=1,x=1", "--outline-sigma", "1"], "z twice"),
        (["segment", "cells.tif", "out.tif", "--spot-sigma", "z=1,Z=2,y=1,x=1", "--outline-sigma", "1"], "z twice"),
        (["suggest", "cells.tif", "--picture", "curve.jpg"], ".png"),
        (["suggest", "cells.tif", "--time", "-1"], "from 0 on"),
        (["measure", "cells.tif", "--output", "t.txt"], "ends in .csv"),
        (["measure", "cells.tif", "--output", "t.json"], "--json and one that ends in .json"),
        (["measure", "cells.tif", "--output", "t.csv", "--json"], "ends in .json, or no --json"),
        (["sample", "s.jpg"], ".ome.tif"),
        (["sample", "s.tif", "--truth", "t.gif"], ".ome.tif"),
        (["sample", "s.tif", "--shape", "0", "20", "20"], "above 0"),
        (["sample", "s.tif", "--seed", "-1"], "from 0 on"),
        (["compare", "cells.tif", *SIGMAS, "--voxel-sizes", "1um", "0um"], "above 0"),
    ],
)
def test_a_value_that_no_file_makes_right_is_wrong_usage(
    arguments: list[str], words: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files()
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, ""), err
    assert words in err.splitlines()[-1]
    assert f"usage: isoscale-ij {arguments[0]}" in err
    assert files() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["segment", "cells.tif", "l.tif", "--spot-sigma", "2", "um", "--outline-sigma", "1"], '2um or "2 um"'),
        (["segment", "cells.tif", "l.tif", "--spot-sigma=2", "um", "--outline-sigma", "1"], '2um or "2 um"'),
        (["compare", "cells.tif", "--outline-sigma", "1", "--spot-sigma", "900", "nm"], '900nm or "900 nm"'),
        (["compare", "cells.tif", *SIGMAS, "--voxel-sizes", "1", "um", "2", "um"], '1um or "1 um"'),
        (["rescale", "cells.tif", "o.tif", "--voxel-size", "1", "um"], '1um or "1 um"'),
        (["set-voxel-size", "cells.tif", "--z", "4", "um"], '4um or "4 um"'),
        (["segment", "cells.tif", "l.tif", *SIGMAS, "--memory-limit", "2", "GB"], '2GB or "2 GB"'),
        (["rescale", "cells.tif", "o.tif", "--factor", "2,5"], "write '2.5'"),
        (["segment", "cells.tif", "l.tif", *SIGMAS, "--threshold", "100,5"], "write '100.5'"),
        (["segment", "cells.tif", "l.tif", *SIGMAS, "--elongation", "1,5"], "write '1.5'"),
        (["compare", "cells.tif", *SIGMAS, "--voxel-sizes", "1um,2um"], "a space between them, as 1um 2um"),
        (["compare", "cells.tif", *SIGMAS, "--voxel-sizes", "1,5um"], "a point before decimals, as 1.5um"),
    ],
)
def test_units_apart_and_decimal_commas_are_explained(
    arguments: list[str], words: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert words in err.splitlines()[-1]


def test_a_file_that_is_called_like_a_unit_is_a_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.rename("mm")
    status, _, err = run(capsys, "rescale", "--voxel-size", "1", "mm", "o.tif")
    assert status == 0, err
    assert set(iso.voxel_size(iso.read("o.tif")).values()) == {1.0}


def test_files_may_stand_behind_options(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "set-voxel-size", path, "--z", "3um", "out.tif")
    assert status == 0, err
    assert iso.voxel_size(iso.read("out.tif"))["z"] == 3.0
    assert iso.voxel_size(iso.read(path))["z"] == 1.5
    assert run(capsys, "segment", path, "l.tif", *SIGMAS)[0] == 0
    status, behind, err = run(capsys, "measure", "l.tif", "--memory-limit", "1 GB", path)
    assert status == 0, err
    assert behind == run(capsys, "measure", "l.tif", path)[1]
    assert "mean_intensity" in behind


# What is said can be typed


@pytest.fixture
def others(path: Path) -> None:
    """The same image in other shapes, with less calibration."""
    image = iso.read(path)
    iso.write("plane.tif", image.isel(z=3, drop=True))
    iso.write("bare.tif", iso.as_image(image.values, voxel_size=1))
    series = iso.as_image(
        np.stack([image.values // 2, image.values]), "tzyx", voxel_size={"t": "2 s", **iso.voxel_size(image)}, unit="um"
    )
    iso.write("series.ome.tif", series)
    Path("folder").mkdir()


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "plane.tif", *SIGMAS], "with isoscale-ij segment."),
        (["compare", "series.ome.tif", *SIGMAS], "with --time."),
        (["compare", "series.ome.tif", *SIGMAS, "--time", "2"], "2 time points, 0 to 1."),
        (["suggest", "cells.tif", "--time", "1"], "no time points. Leave it out."),
        (["set-voxel-size", "bare.tif", "--z", "4um"], "isoscale-ij set-voxel-size FILE --unit um."),
        (["set-voxel-size", "bare.tif", "--origin", "4um"], "isoscale-ij set-voxel-size FILE --unit um."),
        (["segment", "bare.tif", "l.tif", *SIGMAS], "isoscale-ij set-voxel-size FILE --unit um, or"),
        (["rescale", "bare.tif", "l.tif", "--voxel-size", "1um"], "isoscale-ij set-voxel-size FILE --unit um, or"),
        (["rescale", "folder", "l.tif", "--factor", "2"], '"folder/*.tif"'),
        (["info", "folder"], '"folder/*.tif"'),
        (["measure", "cells.tif", "--output", "cells.tif", "--overwrite"], "is the input"),
        (["sample", "cells.tif"], "or allow it with --overwrite."),
    ],
)
def test_errors_name_what_can_be_typed(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (1, "")
    assert words in err
    for python in ("set_voxel_size", "isel", "overwrite=", "attrs", "(command line"):
        assert python not in err


@pytest.mark.usefixtures("others")
def test_warnings_and_remarks_name_what_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = run(capsys, "segment", "cells.tif", "l.tif", *SIGMAS, "--threshold", "9999")
    assert "the threshold 9999, which was given" in err
    assert "give the threshold yourself" not in err
    _, out, _ = run(capsys, "info", "bare.tif")
    assert "isoscale-ij set-voxel-size FILE --unit um" in out


def test_chunks_are_said_without_the_arrays_of_python(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("dask")
    status, _, err = run(capsys, "rescale", path, "o.tif", "--factor", "3", "--memory-limit", "4 MB")
    assert status == 0, err
    assert "made in chunks" in err
    assert "dask" not in err


@pytest.mark.usefixtures("others")
def test_one_time_point_of_a_series(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "suggest", "series.ome.tif", "--time", "1")
    assert out == run(capsys, "suggest", "cells.tif")[1]
    status, out, err = run(capsys, "compare", "series.ome.tif", *SIGMAS, "--time", "1", "--json")
    assert status == 0, err
    rows = [(row["name"], row["objects"]) for row in json.loads(out)]
    _, out, _ = run(capsys, "compare", "cells.tif", *SIGMAS, "--json")
    assert rows == [(row["name"], row["objects"]) for row in json.loads(out)]
    assert Path("series-comparison", "labels.png").is_file()


def test_compare_takes_auto_and_says_what_that_was(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = iso.suggest_sigmas(iso.read(path))
    status, _, err = run(capsys, "compare", path, "--spot-sigma", "auto", "--outline-sigma", "auto")
    assert status == 0, err
    assert f"spot sigma {found.spot_sigma:g} µm, outline sigma {found.outline_sigma:g} µm" in err


def test_what_auto_was_is_said_in_one_word(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for sigma, half in (("3px", "1.5 px"), ("3um", "1.5 µm")):
        arguments = ["--spot-sigma", sigma, "--outline-sigma", "auto", "--overwrite", "--json"]
        _, out, _ = run(capsys, "segment", path, "l.tif", *arguments)
        assert json.loads(out)["outline_sigma"] == half


# What is installed


def test_the_doctor_names_every_package_and_the_extra_that_brings_it(capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(run(capsys, "doctor", "--json")[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: needed for name, needed in project["optional-dependencies"].items() if name not in ("all", "dev")}
    for extra, needed in [("", project["dependencies"]), *extras.items()]:
        for requirement in needed:
            package = re.split(r"[\[<>=; ]", requirement)[0].lower()
            if package == "numpy":
                continue
            found = facts[package]
            assert found[0].isdigit() or (f"isoscale-ij[{extra}]" if extra else "pip install isoscale-ij") in found


def test_what_was_done_to_a_fiji_is_json_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("appose")
    jars = tmp_path / "Fiji.app" / "jars"  # as far as the command looks: the names of ImageJ and of Appose
    jars.mkdir(parents=True)
    for name in ("ij-1.54p.jar", "appose-0.9.0.jar"):
        (jars / name).touch()
    status, out, err = run(capsys, "fiji", "install", jars.parent, "--json")
    assert status == 0, err
    assert "Restart Fiji" in json.loads(out)["done"][-1]
    assert "Removed" in json.loads(run(capsys, "fiji", "uninstall", jars.parent, "--json")[1])["done"][0]

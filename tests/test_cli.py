"""The command line as a person types it: what comes out, on which stream, with which exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main
from isoscale_ij.cli.commands import RUNS
from isoscale_ij.engines.opencl.devices import is_installed

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
    assert run(capsys, "rescale", "--overwrite", path, "--voxel-size", "1um", out_path, "--engine", "cpu")[0] == 0
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
    assert out.splitlines()[0].startswith("label,t,n_voxels,volume [um^3],equivalent_diameter [um],centroid_z [um]")
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
    facts = json.loads(out)
    assert facts["isoscale_ij"] == iso.__version__
    assert ("opencl" in facts["engines"]) == is_installed()


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"], ["info"], ["rescale", "a.tif", "b.tif"], ["rescale", "a.tif", "b.tif", "--voxel-size", "big"],
        ["rescale", "a.tif", "b.tif", "--factor", "two"], ["segment", "a.tif", "b.tif", "--spot-sigma", "1um"],
        ["segment", "a.tif", "b.tif", "--spot-sigma", "1 furlong", "--outline-sigma", "1um"],
        ["rescale", "a.tif", "b.tif", "--voxel-size", "1", "--interpolation", "spline"],
        ["rescale", "a.tif", "--voxel-size", "1"], ["rescale", "a.tif", "b.tif", "c.tif", "--voxel-size", "1"],
        ["segment", "a.tif", *SIGMAS], ["info", "a.tif", "--fast"], ["measure", "a.tif", "b.tif", "c.tif"],
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
        (["segment", path.with_name("bare.tif"), nothing, *SIGMAS], "set-voxel-size"),
        (["rescale", path, nothing, "--voxel-size", "0.1nm"], "would need"),
        (["rescale", path, path, "--voxel-size", "1um", "--overwrite"], "is the input"),
        (["rescale", path, path.parent / "new" / "x.tif", "--voxel-size", "1um"], "make it first"),
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


# A newcomer's first steps


def test_alone_it_shows_help_and_each_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    assert "isoscale-ij info my.tif" in out
    for name in RUNS:
        with pytest.raises(SystemExit):
            main([name, "--help"])
        text = capsys.readouterr().out
        assert f"  isoscale-ij {name}" in text.partition("example")[2]
        for word in ("IN", "OUT"):
            if f" {word}" in text.partition("\n\n")[0]:
                assert re.search(rf"{word}.*(an image file|file to write)", text, re.DOTALL), (name, word)
        assert "far apart" not in text
        if "--spot-sigma" in text:
            assert "half the radius" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--voxel-size", "isotropic"], ["finest", "coarsest", "or x"]),
        (["--voxel-size", "1,5um"], ["'1.5um'"]),
        (["--voxel-size", "z=1,5um,y=1um"], ["1.5, not 1,5"]),
        (["--factor", "z=1,5"], ["1.5, not 1,5"]),
    ],
)
def test_what_is_often_typed(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rescale", "a.tif", "b.tif", *arguments])
    err = capsys.readouterr().err
    assert all(word in err for word in words), err
    with pytest.raises(iso.ParameterError, match=r"finest.*coarsest"):
        iso.rescale(iso.as_image(np.ones((2, 3, 4)), voxel_size=1, unit="um"), "isotropic")


def test_numbers_have_as_many_digits_as_mean_something(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "info", path)
    assert "x 0.159667 µm" in out
    _, _, err = run(capsys, "segment", path, path.with_name("l.tif"), *SIGMAS)
    assert re.search(r"^\d+ labels; threshold [\d.]{1,8}$", err, re.MULTILINE), err


def test_segment_as_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = path.with_name("l.tif")
    _, out, _ = run(capsys, "segment", path, labels, *SIGMAS, "--json")
    facts = json.loads(out)
    image = iso.read(labels)
    assert facts == {
        "file": str(path), "output": str(labels), "labels": int(image.max()), "threshold": image.attrs["threshold"],
        "spot_sigma": "1.4um", "outline_sigma": "900nm",
    }  # fmt: skip


def test_no_object_is_a_warning_that_names_the_size(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sigmas = ["--spot-sigma", "5um", "--outline-sigma", "1um", "--threshold", "200"]
    status, _, err = run(capsys, "segment", path, path.with_name("l.tif"), *sigmas)
    assert status == 0
    assert "0 labels" in err
    assert "a spot sigma of 5um looks for objects some 20 µm across. Try a smaller one" in err


# Several files


@pytest.fixture
def several(path: Path) -> list[Path]:
    """Three images; the one in the middle is none."""
    names = [path.with_name(name) for name in ("a.tif", "b.tif", "c.tif")]
    for name in names:
        shutil.copy(path, name)
    path.unlink()
    names[1].write_bytes(b"no image")
    return names


def test_several_files_and_patterns_that_no_shell_has_expanded(
    several: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = several[0].parent
    target = folder / "out"
    status, out, err = run(capsys, "rescale", folder / "*.tif", "--into", target, "--voxel-size", "1um")
    assert status == 1
    assert out.split() == [str(target / "a.tif"), str(target / "c.tif")]
    assert "1 of 3 files could not be done" in err.splitlines()[-2]
    assert "b.tif" in err.splitlines()[-1]
    assert sorted(path.name for path in target.iterdir()) == ["a.tif", "c.tif"]
    status, out, _ = run(capsys, "info", target / "[ac].tif", "--json")
    assert status == 0
    assert [Path(each["file"]).name for each in json.loads(out)] == ["a.tif", "c.tif"]
    status, out, _ = run(capsys, "info", target / "?.tif", target / "a.tif")
    assert out.count("voxel size") == 2
    status, out, _ = run(
        capsys, "segment", target / "a.tif", target / "c.tif", "--into", folder / "labels", *SIGMAS, "--json"
    )
    assert [each["labels"] for each in json.loads(out)] == [int(iso.read(folder / "labels" / "a.tif").max())] * 2
    status, out, _ = run(capsys, "rescale", target / "*.tif", "--into", folder / "x", "--factor", "2", "--dry-run")
    assert out.count("factors") == 2


def test_what_is_wrong_with_several(several: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = several[0].parent
    (folder / "other").mkdir()
    shutil.copy(several[0], folder / "other" / "a.tif")
    for arguments, word in (
        ([folder / "*.png", "--into", folder / "x"], "No file matches"),
        ([several[0], "--into", folder], "where an input lies"),
        ([several[0], "--into", several[2]], "needed is a folder"),
        ([several[0], folder / "other" / "a.tif", "--into", folder / "x"], "two inputs that are called a.tif"),
        ([several[0], "--into", folder / "x" / "y"], "No such file"),
    ):
        status, out, err = run(capsys, "rescale", *arguments, "--factor", "2")
        assert (status, out) == (1, "")
        assert word in err
    with pytest.raises(SystemExit) as stop:
        main(["rescale", str(folder / "*.tif"), "out.tif", "--factor", "2"])
    assert stop.value.code == 2
    assert "--into" in capsys.readouterr().err


def test_labels_of_another_program(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.repeat(np.repeat(np.arange(12, dtype=np.uint16).reshape(1, 3, 4) * 37 + 5, 10, axis=1), 10, axis=2)
    iso.write(path.with_name("m.tif"), iso.as_image(np.repeat(values, 4, axis=0), voxel_size=1, unit="um"))
    arguments = ("rescale", path.with_name("m.tif"), path.with_name("o.tif"), "--voxel-size", "0.7um", "--overwrite")
    _, _, err = run(capsys, *arguments)
    assert "--labels" in err
    _, _, err = run(capsys, *arguments, "--labels")
    assert "looks like labels" not in err
    assert set(np.unique(iso.read(path.with_name("o.tif")))) <= set(np.unique(values))


# Outputs


def test_no_output_takes_the_place_of_an_input(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = path.with_name("labels.csv")  # a TIFF all the same
    run(capsys, "segment", path, path.with_name("l.tif"), *SIGMAS)
    path.with_name("l.tif").rename(labels)
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    for arguments, word in (
        (["measure", labels, path, "--output", labels], "is the input"),
        (["measure", labels, path, "--output", path], "is the input"),
        (["compare", path, *SIGMAS, "--output", path.parent], "that of the input"),
        (["compare", path, *SIGMAS, "--output", path], "is a file"),
        (["compare", path, *SIGMAS, "--output", path.parent / "x" / "y"], "make it first"),
        (["sample", path.with_name("s.tif"), "--truth", path.with_name("s.tif")], "two names"),
    ):
        status, out, err = run(capsys, *arguments, "--overwrite")
        assert (status, out) == (1, ""), arguments
        assert word in err
        assert {each: each.read_bytes() for each in path.parent.iterdir()} == before


def test_tables_say_what_they_are_measured_in(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros((3, 8, 8), np.uint16)
    labels[1, 2:5, 2:6] = 4
    iso.write(path.with_name("bare.tif"), labels)
    _, out, _ = run(capsys, "measure", path.with_name("bare.tif"))
    assert "volume [voxel^3]" in out
    assert "centroid_x [voxel]" in out
    iso.write(path.with_name("nm.tif"), iso.as_image(labels[1], voxel_size=1, unit="nm"))
    _, out, _ = run(capsys, "measure", path.with_name("nm.tif"))
    assert "area [nm^2]" in out
    table = path.with_name("t.json")
    assert run(capsys, "measure", path.with_name("nm.tif"), "--json", "--output", table)[0] == 0
    assert json.loads(table.read_text())["units"]["area"] == "nanometer^2"


# Whatever the terminal


@pytest.mark.parametrize("encoding", ["gbk", "cp932", "cp949", "ascii", "utf-8"])
def test_every_terminal_gets_the_result(path: Path, encoding: str) -> None:
    odd = path.parent / os.fsdecode(b"\xff-\xc3\xa9.tif")
    shutil.copy(path, odd)
    for name in (path, odd):
        done = subprocess.run(
            [sys.executable, "-m", "isoscale_ij", "rescale", name, path.with_name("o.tif"), "--factor", "2",
             "--overwrite"],
            capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        done = subprocess.run(
            [sys.executable, "-m", "isoscale_ij", "info", name, name.with_name("absent \udcfe µ.tif")],
            capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert ("1.5 µm" if encoding == "utf-8" else "1.5 um").encode() in done.stdout
        assert b"absent \xfe " in done.stderr


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full", "2> >(exit)", "> >(exit)"])
def test_no_stream_that_is_closed_costs_the_work(path: Path, redirection: str) -> None:
    output = path.with_name("o.tif")
    command = f"{sys.executable} -m isoscale_ij rescale {path} {output} --factor 2 {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert iso.read(output).shape == (32, 192, 224)


def test_a_full_disk_behind_stdout_is_said(path: Path) -> None:
    command = f"{sys.executable} -m isoscale_ij info {path} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["isoscale-ij: No space left on device."]


def test_the_demo_tells_its_pictures_as_a_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "demo", tmp_path / "demo")[0] == 0
    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
    shown = [image.attrib["src"] for image in root.iter("img")]
    assert len(shown) == 5
    assert {path.name for path in (tmp_path / "demo").glob("*.png")} >= set(shown)
    assert all(image.attrib["alt"] for image in root.iter("img"))
    assert "upscaled to x" in {cell.text for cell in root.iter("td")}
    size = sum(path.stat().st_size for path in (tmp_path / "demo").iterdir())
    assert size < 60e6

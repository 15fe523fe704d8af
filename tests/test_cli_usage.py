"""What is typed wrongly, or in another way than was thought of: what is said, and with which exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main
from isoscale_ij.cli.demonstration import FILES

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

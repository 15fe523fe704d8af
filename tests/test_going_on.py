"""``--resume``: a command that was killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main

COMMAND = [sys.executable, "-m", "isoscale_ij"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.random.default_rng(3).integers(0, 60_000, (32, 1024, 1024), np.uint16)
    path = tmp_path_factory.mktemp("source") / "noise.ome.zarr"
    iso.write(path, iso.as_image(values, "zyx", voxel_size=(2, 1, 1), unit="um"))
    return path


def killed(arguments: list[str], marks: Path) -> set[str]:
    """Run a command, and kill it when some shards are written; the marks that were there then."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = time.monotonic()
    while len(list(marks.glob("*"))) < 2 and process.poll() is None and time.monotonic() < begun + 100:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return {path.name for path in marks.glob("*.arrays")}


@pytest.mark.parametrize("command", ["rescale", "convert"])
def test_a_command_that_was_killed_goes_on(source: Path, tmp_path: Path, command: str) -> None:
    out, begun = tmp_path / "out.ome.zarr", tmp_path / "out.ome.zarr.begun"
    arguments = [command, str(source), str(out), "--resume", *(["--voxel-size", "x"] if command == "rescale" else [])]
    done = killed(arguments, begun / "writing" / "done" / "01-write_shard")
    assert not out.exists()
    assert done, "it was done before it could be killed"
    kept = tmp_path / ".out.ome.zarr.begun" / "0"
    written = {path: path.stat().st_mtime_ns for path in kept.rglob("c/*/*/*")}
    assert main(arguments) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]
    untouched = [path for path, at in written.items() if (out / path.relative_to(kept.parent)).stat().st_mtime_ns == at]
    assert len(done) <= len(untouched)
    wanted = iso.read(source) if command == "convert" else iso.rescale(iso.read(source), "x")
    found = iso.read(out)
    np.testing.assert_array_equal(found.values, wanted.values)
    assert iso.voxel_size(found) == iso.voxel_size(wanted)


def test_what_was_begun_and_is_gone_is_begun_anew(source: Path, tmp_path: Path) -> None:
    out, begun = tmp_path / "out.ome.zarr", tmp_path / "out.ome.zarr.begun"
    arguments = ["convert", str(source), str(out), "--resume"]
    killed(arguments, begun / "writing" / "done" / "01-write_shard")
    shutil.rmtree(tmp_path / ".out.ome.zarr.begun")
    assert main(arguments) == 0
    np.testing.assert_array_equal(iso.read(out).values, iso.read(source).values)


def test_other_work_does_not_go_on(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.ome.zarr"
    killed(
        ["rescale", str(source), str(out), "--voxel-size", "x", "--resume"],
        tmp_path / "out.ome.zarr.begun" / "writing" / "done" / "01-write_shard",
    )
    before = sorted(tmp_path.rglob("*"))
    assert main(["rescale", str(source), str(out), "--voxel-size", "0.9um", "--resume"]) == 1
    said = capsys.readouterr().err
    assert "was other work" in said
    assert "voxel_size" in said
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["rescale", str(source), str(out), "--voxel-size", "0.9um"]) == 0  # as if nothing had been begun


def test_a_tiff_is_written_in_one_go(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["convert"], ["rescale", "--voxel-size", "x"]):
        arguments = [*command, str(source), str(tmp_path / "out.ome.tif"), "--resume"]
        assert main(arguments) == 1
        assert "needed is an OME-Zarr" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

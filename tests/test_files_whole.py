"""Files are written whole or not at all, and what is no image is said in a sentence."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import isoscale_ij as iso
from images import ENDINGS, assert_same, make
from isoscale_ij.cli import main
from isoscale_ij.files import read_header


def test_an_existing_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    iso.write(path, make("zyx"))
    before = path.read_bytes()
    with pytest.raises(iso.ParameterError, match="overwrite"):
        iso.write(path, make("yx"))
    assert path.read_bytes() == before
    iso.write(path, make("yx"), overwrite=True)
    assert iso.read(path).dims == ("y", "x")


def test_the_file_that_was_read_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    iso.write(path, make("zyx"))
    before = path.read_bytes()
    with pytest.raises(iso.ParameterError, match="read from"):
        iso.write(path, iso.read(path), overwrite=True)
    link = tmp_path / "link.tif"
    link.symlink_to(path)
    with pytest.raises(iso.ParameterError, match="read from"):
        iso.write(link, iso.read(path), overwrite=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [(errno.ENOSPC, "No space left on device"), ("7680000 requested and 1046336 written",)]
)
def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...]
) -> None:
    """As the system says it, and as numpy does."""

    def full(*_: object, **__: object) -> None:
        raise OSError(*arguments)

    monkeypatch.setattr(tifffile.TiffWriter, "write", full)
    with pytest.raises(OSError, match="nothing was written"):
        iso.write(tmp_path / "a.tif", make("zyx"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.png", "a", "a.tif.gz"])
def test_unknown_endings(tmp_path: Path, name: str) -> None:
    with pytest.raises(iso.FormatError, match=r"\.ome\.tif"):
        iso.write(tmp_path / name, make("yx"))


def test_folders_are_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make it first"):
        iso.write(tmp_path / "new" / "a.tif", make("yx"))
    (tmp_path / "b.tif").mkdir()
    with pytest.raises(iso.ParameterError, match="folder"):
        iso.write(tmp_path / "b.tif", make("yx"), overwrite=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        iso.write(tmp_path / "a.tif", make("yx"))
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("path", [None, 5, ["a.tif"], np.zeros((2, 2))])
def test_what_is_no_path(path: Any) -> None:
    for what in (iso.read, read_header, lambda each: iso.write(each, np.zeros((4, 5)))):
        with pytest.raises(iso.ParameterError, match="as path; needed is the name of a file"):
            what(path)


def test_a_path_in_bytes_and_one_in_the_place_of_the_image(tmp_path: Path) -> None:
    image = make("zyx")
    path = tmp_path / "a.tif"
    for swapped in (image, image.values):
        with pytest.raises(iso.ParameterError, match=r"needed is the path first: write\(path, image\)"):
            iso.write(swapped, str(path))
    assert not path.exists()
    iso.write(bytes(path), image)
    assert_same(iso.read(bytes(path)), image)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        iso.read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "none of the formats"),
        (b"II*\0", "damaged"),
        (b"II*\0" + struct.pack("<I", 8) + bytes(2), "no image|damaged"),
        (b"II*\0" + bytes(np.random.default_rng(0).integers(0, 255, 300).astype(np.uint8)), "damaged|no image"),
    ],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(iso.FormatError, match=word):
        iso.read(tmp_path / "a.tif")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(iso.FormatError, match="folder"):
        iso.read(tmp_path)


def test_an_axis_that_is_too_long_to_be_true(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its coordinates alone would take 23 GB, before a voxel is read."""
    path = tmp_path / "tiled.tif"
    tifffile.imwrite(path, np.zeros((32, 32), np.uint8), tile=(16, 16), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[0].tags["ImageLength"].overwrite(2895759640, dtype=4)
    with pytest.raises(iso.FormatError, match="2895759640 voxels on the axis y"):
        iso.read(path)
    for command in (["info", str(path)], ["set-voxel-size", str(path), "--x", "1um"]):
        assert main(command) == 1
        assert "2895759640 voxels on the axis y" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_file(tmp_path: Path, ending: str, share: float) -> None:
    path = tmp_path / f"a{ending}"
    iso.write(path, iso.as_image(np.ones((40, 64, 64), np.uint16), voxel_size=1, unit="um"))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(iso.FormatError, match=r"truncated|damaged"):
        iso.read(path)


def test_more_than_4_gib_as_imagej_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The convention for big stacks, on a small one: a single directory, the planes one after the other."""
    monkeypatch.setattr("isoscale_ij.files.imagej_tiff._CLASSIC_LIMIT", 100)
    image = make("tczyx")
    iso.write(tmp_path / "a.tif", image)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
        assert not file.is_bigtiff
    assert_same(iso.read(tmp_path / "a.tif"), image)

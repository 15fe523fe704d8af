"""What is not in a file is not read as black, and what is damaged is an error of ours."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import isoscale_ij as iso
from images import make, ome_set
from isoscale_ij.cli import main
from isoscale_ij.fiji.batches import each_file
from isoscale_ij.files import formats, read_header
from isoscale_ij.files.tiff import messages
from isoscale_ij.remarks import heard

VALUES = np.random.default_rng(0).integers(1, 999, (8, 32, 32)).astype(np.uint16)


def xml(parts: str, *, depth: int = 8) -> bytes:
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="32" SizeY="32" SizeZ="{depth}" SizeC="1" '
        'SizeT="1" PhysicalSizeX="0.16" PhysicalSizeY="0.16" PhysicalSizeZ="1.5"><Channel ID="Channel:0:0" '
        f'SamplesPerPixel="1"/>{parts}</Pixels></Image></OME>'
    ).encode()


def paged(path: Path, count: int, description: bytes | str | None = None, **options: Any) -> Path:
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(VALUES[:count]):
            first = {"description": description} if number == 0 and description else {}
            file.write(plane, contiguous=False, metadata=None, photometric="minisblack", **first, **options)
    return path


EACH = "".join(f'<TiffData IFD="{i}" FirstZ="{i}" PlaneCount="1"/>' for i in range(8))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("count", "parts", "named"),
    [(5, "<TiffData/>", "z=5, z=6, z=7"), (5, EACH, "z=5, z=6, z=7"), (8, '<TiffData IFD="0" PlaneCount="7"/>', "z=7")],
)  # fmt: skip
def test_planes_that_are_not_there_are_named(
    tmp_path: Path, count: int, parts: str, named: str, compression: str | None
) -> None:
    path = paged(tmp_path / "a.ome.tif", count, xml(parts), compression=compression)
    for read in (iso.read, read_header):
        with pytest.raises(iso.FormatError, match=named):
            read(path)


@pytest.mark.parametrize("parts", ["<TiffData/>", '<TiffData IFD="0" PlaneCount="999999999"/>'])
def test_numbers_of_planes_that_cannot_be(tmp_path: Path, parts: str) -> None:
    path = paged(tmp_path / "a.ome.tif", 2, xml(parts, depth=2 if "Count" in parts else 999_999_999))
    with pytest.raises(iso.FormatError, match="speaks of 999999999 planes"):
        iso.read(path)


@pytest.mark.parametrize("missing", [0, 2])
def test_a_file_of_a_set_that_is_not_there_is_named(tmp_path: Path, missing: int) -> None:
    paths = ome_set(tmp_path)
    paths[missing].unlink()
    with pytest.raises(iso.FormatError, match=rf"1 of 3 are missing: s{missing}\.ome\.tif"):
        iso.read(paths[1])
    assert main(["info", str(paths[1])]) == 1


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", ["plain", "zlib", "tiled", "imagej", "imagej zlib", "ome", "shaped zlib"])
def test_a_chain_that_ends_early(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "a.tif"
    description = "ImageJ=1.54p\nimages=8\nslices=8\nspacing=2\nunit=um\n" if "imagej" in kind else None
    options: dict[str, Any] = {"compression": "zlib"} if "zlib" in kind else {}
    if kind == "tiled":
        options = {"tile": (16, 16), "compression": "zlib"}
    if kind.startswith("shaped"):
        tifffile.imwrite(path, VALUES, photometric="minisblack", **options)
    else:
        paged(path, 8, xml("<TiffData/>") if kind == "ome" else description, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(iso.FormatError, match=r"truncated|not complete"):
        iso.read(path)


def test_the_last_plane_may_be_cut_off_behind_a_whole_chain(tmp_path: Path) -> None:
    """Directories first, as some programs write them."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, VALUES, photometric="minisblack", metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as file:
        tag = file.pages[7].tags["StripOffsets"]
        at = tag.offset + 8
    content = bytearray(path.read_bytes())
    content[at : at + 4] = (len(content) - 10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(iso.FormatError, match=r"1 of 8 planes are cut off.*=7"):
        iso.read(path)


def test_a_circle_of_directories_ends(tmp_path: Path) -> None:
    path = paged(tmp_path / "a.tif", 3)
    with tifffile.TiffFile(path) as file:
        last, first = file.pages[2], file.pages[0].offset
        at = last.offset + 2 + 12 * len(tifffile.TiffPage(file, 2).tags) if file.filehandle.seek(last.offset) else 0
    content = bytearray(path.read_bytes())
    content[at : at + 4] = first.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(iso.FormatError, match="breaks off after 3 pages"):
        iso.read(path)


def test_parts_that_were_never_stored_are_spoken_of(tmp_path: Path) -> None:
    path = paged(tmp_path / "a.tif", 2, tile=(16, 16), compression="zlib", resolution=(10, 10), resolutionunit=3)
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags["TileByteCounts"]
        offsets = file.pages[0].tags["TileOffsets"]
    content = bytearray(path.read_bytes())
    for one in (tag, offsets):
        content[one.valueoffset : one.valueoffset + one.valuebytecount // 4] = bytes(one.valuebytecount // 4)
    path.write_bytes(content)
    with heard() as remarks:
        image = iso.read(path)
    assert "1 of 2 planes there are parts that are not stored" in str(remarks[0])
    assert not image.values[0, :16, :16].any()


def damaged(path: Path) -> Path:
    """A stack with some bytes of a compressed plane changed."""
    paged(path, 8, compression="zlib")
    with tifffile.TiffFile(path) as file:
        at = file.pages[3].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[at + 100 : at + 116] = bytes(16)
    path.write_bytes(content)
    return path


def test_damaged_voxels_do_not_stop_a_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.tif", "c.tif"):
        iso.write(tmp_path / name, make("zyx"))
    with pytest.raises(iso.FormatError, match="damaged") as caught:
        iso.read(damaged(tmp_path / "b.tif"))
    assert type(caught.value.__cause__).__name__ == "error"  # zlib's
    (tmp_path / "d.tif").write_bytes(b"II*\0\x08\0\0\0\xff\xff")
    (tmp_path / "out").mkdir()
    with pytest.raises(iso.ParameterError, match=r"2 of 4 files.*b\.tif.*d\.tif.*2 files were written"):
        each_file(str(tmp_path), str(tmp_path / "out"), "x", lambda image: iso.rescale(image, 1.0), lambda *_: None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-x.tif", "c-x.tif"]
    assert main(["rescale", str(tmp_path / "b.tif"), str(tmp_path / "o.tif"), "--factor", "2"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_mutated_files_give_only_our_errors(tmp_path: Path, rng: np.random.Generator) -> None:
    """The kind, not the cases: some hundred of them; a nightly run tries many more."""
    seeds = []
    for ending in (".tif", ".ome.tif"):
        iso.write(tmp_path / f"s{ending}", make("tczyx"))
        seeds.append((tmp_path / f"s{ending}").read_bytes())
    seeds += [paged(tmp_path / "p.tif", 4, **options).read_bytes() for options in ({}, {"compression": "zlib"})]
    path, errors = tmp_path / "m.tif", 0
    for number in range(400):
        content = bytearray(seeds[number % len(seeds)])
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(0, min(len(content), 3000)))
            inserted = rng.integers(0, 256, int(rng.integers(0, 6))).astype(np.uint8).tobytes()
            content[at : at + int(rng.integers(0, 6))] = inserted
        path.write_bytes(content)
        with heard():
            try:
                iso.read(path)
            except iso.IsoscaleError:
                errors += 1
    assert errors > 50


def test_the_log_of_the_reader_becomes_a_warning_and_nothing_else_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tifffile")
    with messages.heard() as said:
        logger.warning("<tifffile.TiffFile 'a.tif'> something is odd")
    assert said == ["something is odd"]
    assert not caplog.records
    logger.warning("of another program's reading")
    assert [record.message for record in caplog.records] == ["of another program's reading"]
    with pytest.warns(UserWarning, match=r"a\.tif.*something is odd"):
        messages.pass_on(Path("a.tif"), said)


def test_out_of_memory_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(VALUES, photometric="minisblack", metadata={"axes": "ZYX"})

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", full)
    with pytest.raises(iso.MemoryLimitError, match="more than there is memory for"):
        formats.of_file(path).header(path, None).load({})

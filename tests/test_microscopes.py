"""Files of microscopes that are large, odd, damaged or hostile; what each reader has to take care of by itself."""

from __future__ import annotations

import random
import re
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main
from isoscale_ij.fiji import batches
from isoscale_ij.files import formats, markup, recalibrate
from isoscale_ij.image.calibration import spacing
from isoscale_ij.remarks import heard
from known_files import REAL, library
from made_files import Axis, czi, ims, leica_image, letters, lif, lof

RNG = np.random.default_rng(17)


def real(name: str, needs: str) -> Path:
    library(needs)
    if not (REAL / name).exists():
        pytest.skip(f"the real file {name} (../shared/data/formats) is not here")
    return REAL / name


def changed(source: Path, target: Path, old: bytes, new: bytes, *, count: int = 1) -> Path:
    """A copy with some bytes replaced by as many others."""
    content = source.read_bytes()
    assert content.count(old) >= count
    assert len(old) == len(new)
    target.write_bytes(content.replace(old, new, count))
    return target


# all of them


@pytest.mark.parametrize(
    ("name", "needs"),
    [("czirw_zstd.czi", "czifile"), ("cluster.nd2", "nd2"), ("gpl3-repo/las_xz.lif", "liffile"),
     ("Minimal_IMS_File.ims", "h5py")],
)  # fmt: skip
def test_damage_is_an_error_of_ours_and_soon(name: str, needs: str, tmp_path: Path) -> None:
    content, path = real(name, needs).read_bytes()[:600_000], tmp_path / Path(name).name
    chance = random.Random(5)  # noqa: S311  (chance that can be repeated is what is wanted)
    errors = 0
    begin = time.process_time()
    for number in range(60):
        found = bytearray(content)
        if number < 15:
            del found[int(len(found) * number / 15) :]
        for _ in range(chance.choice([1, 5, 20]) if number >= 15 else 0):
            at = chance.choice(
                [chance.randrange(2000), len(found) - 1 - chance.randrange(4000), chance.randrange(len(found))]
            )
            found[at : at + 4] = chance.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", chance.randbytes(4)]
            )
        path.write_bytes(found)
        try:
            with heard():
                iso.read(path, scene=0)
        except (iso.IsoscaleError, OSError):
            errors += 1
    assert errors > 15
    assert time.process_time() - begin < 60


@pytest.mark.parametrize("name", ["a.czi", "a.nd2", "a.lif", "a.ims"])
def test_the_ending_alone_makes_no_format(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"something else altogether")
    with pytest.raises(iso.FormatError, match=r"none of the formats known here.*CZI, ND2, LIF, IMS"):
        iso.read(tmp_path / name)


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "ha">]><a>&b;</a>'
    with pytest.raises(iso.FormatError, match="declares entities"):
        markup.parsed(bomb, "It")
    outside = '<!doctype a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>'
    with pytest.raises(iso.FormatError, match="declares entities"):
        markup.parsed(outside, "It")
    assert markup.parsed("<a b='1'/>", "It").get("b") == "1"
    with pytest.raises(iso.FormatError, match="It is damaged"):
        markup.parsed("<a", "It")


def test_set_voxel_size_says_where_it_can_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = real("cluster.nd2", "nd2")
    with pytest.raises(iso.FormatError, match=r"isoscale-ij convert.*\.ome\.tif.*\.tif"):
        recalibrate(path, lambda image: image)
    output = tmp_path / "a.tif"
    assert main(["set-voxel-size", str(path), str(output), "--z", "0.7um"]) == 0
    assert iso.voxel_size(iso.read(output))["z"] == 0.7
    assert "0.7 µm" in capsys.readouterr().out


# CZI


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="for Python 3.12 and newer there is the reader")
def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE" + bytes(100))
    with pytest.raises(iso.MissingDependencyError, match=r'needs Python 3\.12.*pip install "isoscale-ij\[czi\]"'):
        iso.read(tmp_path / "a.czi")


def test_an_old_reader_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    czifile = library("czifile")
    monkeypatch.setattr(czifile, "__version__", "2019.7.2.3")
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE" + bytes(100))
    with pytest.raises(iso.MissingDependencyError, match=r"2026\.10\.14 or newer; installed is 2019\.7\.2\.3: pip"):
        iso.read(tmp_path / "a.czi")


def tiles(path: Path, places: list[tuple[int, int]], planes: int = 1) -> np.ndarray:
    """A mosaic of tiles of 40 x 30, the later ones over the earlier; what is to be read."""
    library("czifile")
    whole = np.zeros((planes, max(y for _, y in places) + 30, max(x for x, _ in places) + 40), np.uint16)
    with czi(path) as file:
        for z in range(planes):
            for number, (x, y) in enumerate(places):
                tile = np.full((30, 40), 1000 * z + number + 1, np.uint16)
                file.write(tile, location=(x, y), plane={"Z": z, "C": 0, "T": 0})
                whole[z, y : y + 30, x : x + 40] = tile
        file.write_metadata(scale_x=2e-7, scale_y=2e-7, scale_z=1e-6)
    return whole


def test_of_tiles_that_overlap_the_last_counts(tmp_path: Path) -> None:
    pytest.importorskip("pylibCZIrw")
    path = tmp_path / "a.czi"
    expected = tiles(path, [(0, 0), (30, 0), (15, 10), (0, 20), (30, 20)], planes=2)
    with heard():
        for _ in range(5):
            np.testing.assert_array_equal(iso.read(path).values, expected)
        header = formats.of_file(path).header(path, None)
    region = {"z": slice(1, 2), "y": slice(5, 28), "x": slice(12, 50, 2)}
    np.testing.assert_array_equal(header.load(region), expected[1:2, 5:28, 12:50:2])


def test_gaps_between_tiles_are_said(tmp_path: Path) -> None:
    pytest.importorskip("pylibCZIrw")
    expected = tiles(tmp_path / "a.czi", [(0, 0), (60, 40)])
    with pytest.warns(UserWarning, match="in 1 of 1 planes there are parts that were not recorded"):
        image = iso.read(tmp_path / "a.czi")
    np.testing.assert_array_equal(image.values, expected)


def test_a_plane_that_is_not_there(tmp_path: Path) -> None:
    library("czifile")
    pytest.importorskip("pylibCZIrw")
    with czi(tmp_path / "a.czi") as file:
        for z, t in [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1)]:
            file.write(np.ones((8, 9), np.uint8), plane={"Z": z, "T": t, "C": 0})
        file.write_metadata(scale_x=2e-7, scale_y=2e-7, scale_z=1e-6)
    with pytest.raises(iso.FormatError, match=r"1 of 6 planes are not there \(t=1 c=0 z=1"):
        iso.read(tmp_path / "a.czi")


def test_colours_are_channels_in_their_order(tmp_path: Path) -> None:
    library("czifile")
    pytest.importorskip("pylibCZIrw")
    values = RNG.integers(0, 255, (8, 9, 3), np.uint8)
    with czi(tmp_path / "a.czi") as file:
        file.write(values, plane={"Z": 0, "T": 0, "C": 0})  # blue, green, red
        file.write_metadata(scale_x=2e-7, scale_y=2e-7)
    image = iso.read(tmp_path / "a.czi")
    assert image.dims == ("c", "y", "x")  # and no z, whose size is 0: it is not known
    np.testing.assert_array_equal(image.values, values[:, :, ::-1].transpose(2, 0, 1))
    header = formats.of_file(tmp_path / "a.czi").header(tmp_path / "a.czi", None)
    np.testing.assert_array_equal(header.load({"c": slice(1, 2)}), header.load({})[:, :, 1:2])


def test_a_scale_of_0_is_not_known(tmp_path: Path) -> None:
    library("czifile")
    pytest.importorskip("pylibCZIrw")
    with czi(tmp_path / "a.czi") as file:
        for z in range(3):
            file.write(np.ones((8, 9), np.uint8), plane={"Z": z, "T": 0, "C": 0})
        file.write_metadata(scale_x=2e-7, scale_y=2e-7, scale_z=0.0)
    with pytest.warns(iso.CalibrationWarning, match="none on z"):
        image = iso.read(tmp_path / "a.czi")
    assert iso.voxel_size(image) == {"y": 0.2, "x": 0.2}


def test_a_size_that_cannot_be(tmp_path: Path) -> None:
    path = real("czirw_ref.czi", "czifile")
    lying = changed(
        path,
        tmp_path / "a.czi",
        b"X\0\0\0" + struct.pack("<ii", 0, 80),
        b"X\0\0\0" + struct.pack("<ii", 0, 2**31 - 1),
        count=12,
    )
    with heard(), pytest.raises((iso.FormatError, iso.MemoryLimitError)):
        iso.read(lying)


def test_entities_in_a_czi(tmp_path: Path) -> None:
    path = real("czirw_ref.czi", "czifile")
    old = b"<Document><Title>ref_z66.czi</Title>"
    bad = changed(path, tmp_path / "a.czi", old, b'<!ENTITY b SYSTEM "file:///x">'.ljust(len(old)))
    with pytest.raises(iso.FormatError, match="declares entities"):
        iso.read(bad)


# ND2


def test_frames_that_are_not_there_are_not_black(tmp_path: Path) -> None:
    path = real("cluster.nd2", "nd2")
    content = path.read_bytes()
    at = content.rindex(b"ImageDataSeq|13!")
    (tmp_path / "a.nd2").write_bytes(content[:at] + b"X" + content[at + 1 :])
    with pytest.raises(iso.FormatError, match=r"1 of 30 planes are not there \(t=1 z=3"):
        iso.read(tmp_path / "a.nd2")
    (tmp_path / "b.nd2").write_bytes(content[:-100])
    with pytest.raises(iso.FormatError, match="truncated"):
        iso.read(tmp_path / "b.nd2")


def packed(path: Path, target: Path, fill: bytes | None = None) -> Path:
    """A copy whose frames are packed by zlib, each in its old place; `fill` in place of the voxels."""
    content = bytearray(path.read_bytes())
    for match in re.finditer(rb"ImageDataSeq\|(\d+)!(.{16})", bytes(content[-60_000:]), re.DOTALL):
        offset, _ = struct.unpack("<QQ", match[2])
        _, name, size = struct.unpack("<IIQ", content[offset : offset + 16])
        begin = offset + 16 + name + 8
        small = zlib.compress(bytes(content[begin : begin + size - 8]) if fill is None else fill)
        if len(small) > size - 8:
            small = zlib.compress(bytes(size - 8))
        content[begin : begin + len(small)] = small
    key = "eCompression\0".encode("utf-16-le")
    at = content.rindex(key) + len(key)
    content[at] = 0  # without loss
    target.write_bytes(content)
    return target


def test_packed_frames(tmp_path: Path) -> None:
    path = real("cluster.nd2", "nd2")
    np.testing.assert_array_equal(iso.read(packed(path, tmp_path / "a.nd2")).values, iso.read(path).values)


def test_a_packed_frame_does_not_become_more_than_a_frame(tmp_path: Path) -> None:
    path = packed(real("cluster.nd2", "nd2"), tmp_path / "a.nd2", fill=bytes(4_000_000))
    assert int(iso.read(path).max()) == 0


# LIF


def test_series_over_wavelengths_are_channels(tmp_path: Path) -> None:
    library("liffile")
    values = RNG.integers(0, 65535, (3, 5, 4), np.uint16)  # emission, y, x
    xml = leica_image([Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(5, 3, 2e-8, 5e-7)], [{}], 16, "lambda", "block 0")
    image = iso.read(lif(tmp_path / "a.lif", (xml, values)))
    assert image.c.values.tolist() == ["500 nm", "510 nm", "520 nm"]
    assert iso.voxel_size(image) == pytest.approx({"y": 0.2, "x": 0.1})
    np.testing.assert_array_equal(image.values, values)


def test_two_channels_over_wavelengths(tmp_path: Path) -> None:
    library("liffile")
    values = RNG.integers(0, 255, (3, 2, 5, 4), np.uint8)  # emission, channel, y, x
    channels = [{"dye": "DAPI"}, {"dye": "Leica/GFP"}]
    xml = leica_image([Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(5, 3, 2e-8, 5e-7)], channels, 8, "lambda", "block 0")
    path = lif(tmp_path / "a.lif", (xml, values))
    image = iso.read(path)
    assert image.c.values.tolist() == [f"{dye} {wave} nm" for dye in ("DAPI", "GFP") for wave in (500, 510, 520)]
    expected = values.transpose(1, 0, 2, 3).reshape(6, 5, 4)
    np.testing.assert_array_equal(image.values, expected)
    header = formats.of_file(path).header(path, None)
    np.testing.assert_array_equal(header.load({"c": slice(1, 6, 2), "y": slice(2, 3)}), expected[1:6:2, 2:3])


def test_the_tiles_of_a_mosaic_are_scenes(tmp_path: Path) -> None:
    library("liffile")
    values = RNG.integers(0, 255, (2, 5, 4), np.uint8)
    xml = leica_image([Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(10, 2, 1, 0, "")], [{}], 8, "wide", "block 0")
    path = lif(tmp_path / "a.lif", (xml, values))
    with pytest.warns(UserWarning, match=r"holds 2 images.*0 \(wide tile 0\), 1 \(wide tile 1\)"):
        np.testing.assert_array_equal(iso.read(path).values, values[0])
    np.testing.assert_array_equal(iso.read(path, scene="wide tile 1").values, values[1])


def test_colours_of_a_leica_in_their_order(tmp_path: Path) -> None:
    library("liffile")
    values = RNG.integers(0, 255, (5, 4, 3), np.uint8)
    channels = [{"tag": 3, "at": 0}, {"tag": 2, "at": 1}, {"tag": 1, "at": 2}]  # blue, green, red
    xml = leica_image([Axis(1, 4, 3e-7), Axis(2, 5, 8e-7)], channels, 8, "colour", "block 0")
    image = iso.read(lif(tmp_path / "a.lif", (xml, values)))
    np.testing.assert_array_equal(image.values, values[:, :, ::-1].transpose(2, 0, 1))


def test_a_z_series_from_top_to_bottom_and_a_lof(tmp_path: Path) -> None:
    library("liffile")
    values = RNG.integers(0, 255, (3, 2, 5, 4), np.uint8)
    axes = [Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(3, 3, -4e-6, 2e-6)]
    xml = leica_image(axes, [{"dye": "DAPI"}, {"dye": "GFP"}], 8, "stack", "block 0")
    for path in (lif(tmp_path / "a.lif", (xml, values)), lof(tmp_path / "a.lof", xml, values)):
        image = iso.read(path)
        assert iso.voxel_size(image) == pytest.approx({"z": 2.0, "y": 0.2, "x": 0.1})
        assert image.dims == ("c", "z", "y", "x")
        np.testing.assert_array_equal(image.values, values.transpose(1, 0, 2, 3))


def test_a_lif_without_all_of_its_voxels(tmp_path: Path) -> None:
    library("liffile")
    values = np.ones((3, 5, 4), np.uint8)
    xml = leica_image([Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(3, 3, 4e-6)], [{}], 8, "stack", "block 0")
    path = lif(tmp_path / "a.lif", (xml.replace('NumberOfElements="3"', 'NumberOfElements="4"'), values))
    with pytest.raises(iso.FormatError, match="takes 80 bytes, of which 60 are there"):
        iso.read(path)
    huge = lif(tmp_path / "b.lif", (xml.replace('NumberOfElements="3"', 'NumberOfElements="300000000"'), values))
    with pytest.raises(iso.FormatError, match="not complete"):
        iso.read(huge)


def test_entities_in_a_lif(tmp_path: Path) -> None:
    library("liffile")
    values = np.ones((5, 4), np.uint8)
    xml = leica_image([Axis(1, 4, 3e-7), Axis(2, 5, 8e-7)], [{}], 8, "stack", "block 0")
    for path in (
        lif(tmp_path / "a.lif", ('<!ENTITY a "b">' + xml, values)),
        lof(tmp_path / "a.lof", '<!ENTITY a "b">' + xml, values),
    ):
        with pytest.raises(iso.FormatError, match="declares entities"):
            iso.read(path)


# IMS


EXTENT = {"x": (10.0, 13.8), "y": (-2.0, 1.0), "z": (0.0, 7.5)}


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_an_ims_with_padding(compression: str | None, tmp_path: Path) -> None:
    library("h5py")
    values = RNG.integers(0, 65535, (3, 2, 5, 30, 38), np.uint16)
    moments = ["2026-01-01 23:59:50.000", "2026-01-02 00:00:00.500", "2026-01-02 00:00:11.000"]
    path = ims(
        tmp_path / "a.ims",
        values,
        EXTENT,
        unit="um",
        channels=["DAPI", "GFP"],
        moments=moments,
        compression=compression,
    )
    image = iso.read(path)
    np.testing.assert_array_equal(image.values, values)
    assert iso.voxel_size(image) == pytest.approx({"z": 1.5, "y": 0.1, "x": 0.1})
    assert iso.info(image).origin == pytest.approx({"t": 0.0, "z": 0.0, "y": -2.0, "x": 10.0})
    assert spacing(image, "t") == pytest.approx(10.5)
    assert image.c.values.tolist() == ["DAPI", "GFP"]
    header = formats.of_file(path).header(path, None)
    part = header.load({"t": slice(2, 3), "c": slice(1, 2), "z": slice(1, 5, 2), "x": slice(30, 38)})
    np.testing.assert_array_equal(part, values[2:3, 1:2, 1:5:2, :, 30:38])


def test_an_ims_that_is_not_complete(tmp_path: Path) -> None:
    h5py = library("h5py")
    values = np.ones((2, 2, 5, 30, 38), np.uint8)
    path = ims(tmp_path / "a.ims", values, EXTENT, unit="um")
    with h5py.File(path, "r+") as file:
        del file["DataSet/ResolutionLevel 0/TimePoint 1/Channel 0"]
    with pytest.raises(iso.FormatError, match=r"1 of 4 planes are not there \(t=1 c=0"):
        iso.read(path)
    with h5py.File(path, "r+") as file:
        group = file.create_group("DataSet/ResolutionLevel 0/TimePoint 1/Channel 0")
        group.create_dataset("Data", (6, 32, 48), np.uint8, chunks=(2, 16, 16))
    with pytest.raises(iso.FormatError, match="time point 1, channel 0 are not there"):
        iso.read(path)
    with h5py.File(path, "r+") as file:
        file["DataSet/ResolutionLevel 0/TimePoint 1/Channel 0/Data"][:2] = 1
    with pytest.warns(UserWarning, match="in 1 of 4 volumes there are parts that are not stored"):
        iso.read(path)


def test_an_ims_does_not_lead_elsewhere(tmp_path: Path) -> None:
    h5py = library("h5py")
    values = np.ones((1, 1, 5, 30, 38), np.uint8)
    other = ims(tmp_path / "other.ims", values, EXTENT, unit="um")
    place = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"
    for number, link in enumerate([h5py.ExternalLink(other.name, place), h5py.SoftLink("/DataSet/elsewhere")]):
        path = ims(tmp_path / f"{number}.ims", values, EXTENT, unit="um")
        with h5py.File(path, "r+") as file:
            del file[place]
            file[place] = link
        with pytest.raises(iso.FormatError, match=r"not followed|not there"):
            iso.read(path)
    path = ims(tmp_path / "c.ims", values, EXTENT, unit="um")
    with h5py.File(path, "r+") as file:
        del file[f"{place}/Data"]
        (tmp_path / "secret").write_bytes(bytes(6 * 32 * 48))
        file[place].create_dataset("Data", (6, 32, 48), np.uint8, external=[(tmp_path / "secret", 0, 6 * 32 * 48)])
    with pytest.raises(iso.FormatError, match="in other files"):
        iso.read(path)
    with h5py.File(path, "r+") as file:
        del file[f"{place}/Data"]
        layout = h5py.VirtualLayout((6, 32, 48), np.uint8)
        layout[...] = h5py.VirtualSource(str(other), f"{place}/Data", (6, 32, 48))
        file[place].create_virtual_dataset("Data", layout)
    with pytest.raises(iso.FormatError, match="in other files"):
        iso.read(path)


def test_an_ims_that_claims_too_much(tmp_path: Path) -> None:
    h5py = library("h5py")
    path = ims(tmp_path / "a.ims", np.ones((1, 1, 5, 30, 38), np.uint8), EXTENT, unit="um")
    place = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"
    with h5py.File(path, "r+") as file:
        del file[f"{place}/Data"]
        data = file[place].create_dataset(
            "Data", (20_000, 20_000, 30_000), np.uint8, chunks=(8, 64, 64), compression="gzip"
        )
        data[0, 0, 0] = 1
        for axis, size in zip("ZYX", data.shape, strict=True):
            file[place].attrs[f"ImageSize{axis}"] = letters(str(size))
    with heard(), pytest.raises(iso.MemoryLimitError, match="12 TB"):
        iso.read(path)


def test_another_hdf5_is_no_ims(tmp_path: Path) -> None:
    h5py = library("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["values"] = np.ones((3, 3))
    with pytest.raises(iso.FormatError, match="not one of Imaris"):
        iso.read(tmp_path / "a.h5")


# Fiji


def test_batches_take_all_images_of_every_file(tmp_path: Path) -> None:
    """What Rescale File and Label File do, in the process behind Fiji."""
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    values = np.ones((3, 5, 4), np.uint8)
    axes = [Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(3, 3, 4e-6)]
    library("liffile")
    xml = [leica_image(axes, [{}], 8, name, f"block {number}") for number, name in enumerate(["left", "right"])]
    lif(tmp_path / "in" / "two.lif", (xml[0], values), (xml[1], values))
    (tmp_path / "in" / "one.nd2").write_bytes(real("cluster.nd2", "nd2").read_bytes())
    done = batches.each_file(
        str(tmp_path / "in"), str(tmp_path / "out"), "rescaled", lambda image: iso.rescale(image, "finest"),
        lambda *_: None,
    )  # fmt: skip
    names = ["one-rescaled.tif", "two-0-left-rescaled.tif", "two-1-right-rescaled.tif"]
    assert [Path(written).name for written in done["written"]] == names
    sizes = [iso.voxel_size(iso.read(tmp_path / "out" / name)) for name in names]
    for size, finest in zip(sizes, (0.16780898323268245, 0.1, 0.1), strict=True):
        assert size == pytest.approx(dict.fromkeys("zyx", finest), rel=1e-14)

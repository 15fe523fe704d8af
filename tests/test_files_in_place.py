"""A calibration changed in place: it is there, and nothing else in the file is touched."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import isoscale_ij as iso
from images import assert_same, make, ome_set
from isoscale_ij.cli import main
from isoscale_ij.files import formats, recalibrate
from isoscale_ij.files.tiff import patching
from isoscale_ij.image.calibration import lower_edge
from isoscale_ij.remarks import heard

NEW = {"z": 1.25, "y": 0.3, "x": 0.2, "unit": "um"}


def change(image: Any, **options: Any) -> Any:
    return iso.set_voxel_size(image, **(NEW | options))


def directories(path: Path) -> list[dict[int, bytes]]:
    """All tags of all pages, as bytes."""
    with tifffile.TiffFile(path) as file:
        found = []
        for page in file.pages:
            tags = {}
            for tag in tifffile.TiffPage(file, page.index).tags if file.filehandle.seek(page.offset) else ():
                file.filehandle.seek(tag.valueoffset)
                tags[tag.code] = file.filehandle.read(tag.valuebytecount)
            found.append(tags)
        return found


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_voxels_and_private_tags_of_an_imagej_tiff(tmp_path: Path, order: str, bigtiff: bool) -> None:
    path = tmp_path / "a.tif"
    values = np.arange(480, dtype=np.uint16).reshape(4, 10, 12)
    description = "ImageJ=1.53c\nimages=4\nslices=4\nunit=nm\nspacing=7\nloop=false\nmin=3.0\nmax=99.0\nmine=x\n"
    with tifffile.TiffWriter(path, byteorder=order, bigtiff=bigtiff) as file:
        for number, plane in enumerate(values):
            first = {"description": description, "software": "Scope 3"} if number == 0 else {}
            file.write(
                plane, photometric="minisblack", metadata=None, compression="zlib", resolution=(5, 5), **first,
                extratags=[
                    (65000, 2, 0, "vendor block", True), (315, 2, 0, "Jane Doe", True),
                    *tifffile.tifffile.imagej_metadata_tag(
                        {"Info": "63x", "Properties": {"stain": "DAPI", "isoscale.t_lower": "3.0"}}, order
                    ),
                ],
            )  # fmt: skip
    before, content = directories(path), path.read_bytes()
    recalibrate(path, change)
    after = directories(path)
    touched = {code for code in before[0] | after[0] if before[0].get(code) != after[0].get(code)}
    assert touched <= {270, 282, 283, 296, 50838, 50839}
    assert after[1:] == before[1:]
    changed = [at for at, (one, other) in enumerate(zip(content, path.read_bytes(), strict=False)) if one != other]
    assert max(changed) < 16  # only the position of the first directory
    image = iso.read(path)
    np.testing.assert_array_equal(image.values, values)
    assert iso.voxel_size(image) == {"z": 1.25, "y": 0.3, "x": 0.2}
    assert image.attrs["imagej"]["info"] == "63x"
    assert image.attrs["imagej"]["properties"] == {"stain": "DAPI"}
    text = after[0][270].decode().rstrip("\0")
    assert [line for line in text.split("\n") if not re.match("unit|spacing", line)] == [
        line for line in description.split("\n") if not re.match("unit|spacing", line)
    ]


def test_every_image_that_we_write(tmp_path: Path) -> None:
    for dims in ("yx", "zyx", "cyx", "tyx", "tczyx"):
        for ending in (".tif", ".ome.tif"):
            image = make(dims)
            path = tmp_path / f"{dims}{ending}"
            iso.write(path, image)
            sizes = {axis: size for axis, size in NEW.items() if axis in dims}
            options = sizes | {"unit": "um", "origin": dict.fromkeys(sizes, "3 px")}
            if "t" in dims:
                options["t"] = "3 s"
            recalibrate(path, lambda found, options=options: iso.set_voxel_size(found, **options))
            assert_same(iso.read(path), iso.set_voxel_size(image, **options))


@pytest.mark.parametrize("steps", [("z",), ("yx", "z"), ("z", "zyx")])
@pytest.mark.parametrize("order", "<>")
def test_no_tags_stay_with_nothing_in_them(tmp_path: Path, steps: tuple[str, ...], order: str) -> None:
    path = tmp_path / "a.tif"
    values = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": "ZYX"}, byteorder=order)
    known: dict[str, float] = {}
    for axes in steps:
        known |= dict.fromkeys(axes, 2.0)
        recalibrate(path, lambda image, axes=axes: iso.set_voxel_size(image, **dict.fromkeys(axes, "2 um")))
        with heard() as remarks:
            assert iso.voxel_size(iso.read(path)) == known
        assert not [remark for remark in remarks if remark.category is not iso.CalibrationWarning]
        with tifffile.TiffFile(path) as file:
            assert (50838 in file.pages.first.tags) == (50839 in file.pages.first.tags) == (len(known) < 3)
    np.testing.assert_array_equal(tifffile.imread(path), values)


def test_tags_that_were_left_with_nothing_in_them_go(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((3, 4, 5), np.uint16), imagej=True, metadata={"axes": "ZYX"})
    hollow = {50838: (patching.LONG, 1, b"\4\0\0\0"), 50839: (patching.BYTE, 4, b"JIJI")}
    patching.patch(path, hollow)
    with heard() as remarks:
        recalibrate(path, lambda image: iso.set_voxel_size(image, z="2 um", y="1 um", x="1 um"))
    assert remarks  # of the file as it was
    assert iso.voxel_size(iso.read(path)) == {"z": 2.0, "y": 1.0, "x": 1.0}


def test_imagej_reads_the_new_calibration(imagej: Any, tmp_path: Path) -> None:
    image = iso.set_voxel_size(make("tczyx"), origin={"z": 3})
    path = tmp_path / "a.tif"
    iso.write(path, image)
    recalibrate(path, lambda found: change(found, t="9 s"))
    imp = imagej.openImage(str(path))
    calibration = imp.getCalibration()
    assert calibration.pixelWidth == pytest.approx(0.2, rel=1e-15)
    assert (calibration.pixelHeight, calibration.pixelDepth) == pytest.approx((0.3, 1.25))
    assert calibration.zOrigin == pytest.approx(-3 / 1.25)
    assert calibration.frameInterval == 9
    assert str(calibration.getUnit()) in ("micron", "µm")
    np.testing.assert_array_equal(
        iso.imagej.from_imageplus(imp).values, image.transpose("t", "c", "z", "y", "x").values
    )


OME = """<?xml version="1.0" encoding="UTF-8"?><!-- a warning of Bio-Formats -->
<ome:OME xmlns:ome="http://www.openmicroscopy.org/Schemas/OME/2016-06" xmlns:mine="http://mine">
 <ome:Image ID="Image:0" Name="left"><ome:Description>a &gt; b</ome:Description>
  <ome:Pixels ID="Pixels:0" DimensionOrder='XYZCT' Type="uint8" SizeX="6" SizeY="5" SizeZ="2" SizeC="1" SizeT="1"
     PhysicalSizeX="9" PhysicalSizeXUnit="mm"  SignificantBits="8">
   <ome:Channel ID="Channel:0:0" SamplesPerPixel="1"/><ome:TiffData IFD="0" PlaneCount="2"/></ome:Pixels></ome:Image>
 <ome:Image ID="Image:1" Name="right">
  <ome:Pixels ID="Pixels:1" DimensionOrder="XYZCT" Type="uint8" SizeX="6" SizeY="5" SizeZ="2" SizeC="1" SizeT="1"
     PhysicalSizeX="8"><ome:Channel ID="Channel:1:0" SamplesPerPixel="1"/>
   <ome:TiffData IFD="2" PlaneCount="2"/></ome:Pixels></ome:Image>
 <mine:Thing x='1'/><ome:ROI ID="ROI:0"/></ome:OME>"""


def test_all_but_the_calibration_of_one_image_stays_in_an_ome_xml(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    values = np.arange(120, dtype=np.uint8).reshape(4, 5, 6)
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(values):
            options = {"description": OME.encode()} if number == 0 else {}
            file.write(plane, photometric="minisblack", metadata=None, compression="zlib", **options)
    recalibrate(path, lambda found: change(found, origin={"z": 7}), scene="right")
    with pytest.warns(iso.CalibrationWarning, match="none on z, y"):
        left = iso.read(path, scene="left")
    right = iso.read(path, scene="right")
    assert iso.voxel_size(left) == {"x": 9.0}
    assert iso.voxel_size(right) == {"z": 1.25, "y": 0.3, "x": 0.2}
    assert lower_edge(right, "z") == 7
    np.testing.assert_array_equal(right.values, values[2:])
    with tifffile.TiffFile(path) as file:
        new = file.ome_metadata
    without = re.sub(r"<ome:(StructuredAnnotations|AnnotationRef)\b.*?(/>|</ome:StructuredAnnotations>)", "", new)
    without = re.sub(r'( PhysicalSize\w+="[^"]*")+( ID="Pixels:1")', r"\2", without)
    assert without == re.sub(r'\s+PhysicalSizeX="8"', "", OME)
    recalibrate(path, lambda found: iso.set_voxel_size(found, z=2.5), scene="right")
    assert iso.voxel_size(iso.read(path, scene="right"))["z"] == 2.5
    with tifffile.TiffFile(path) as file:
        assert file.ome_metadata.count("MapAnnotation ") == 1


def test_a_pyramid_and_a_second_series_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    values = np.arange(2 * 64 * 64, dtype=np.uint16).reshape(2, 64, 64)
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(values, subifds=1, metadata={"axes": "ZYX", "PhysicalSizeX": 1}, tile=(16, 16))
        file.write(values[:, ::2, ::2], subfiletype=1, tile=(16, 16))
        file.write(values[:, :20, :30], metadata={"axes": "ZYX"})
    recalibrate(path, change, scene=0)
    with tifffile.TiffFile(path) as file:
        assert [level.shape for level in file.series[0].levels] == [(2, 64, 64), (2, 32, 32)]
        np.testing.assert_array_equal(file.series[0].levels[1].asarray(), values[:, ::2, ::2])
        np.testing.assert_array_equal(file.series[1].asarray(), values[:, :20, :30])
    assert iso.voxel_size(iso.read(path, scene=0)) == {"z": 1.25, "y": 0.3, "x": 0.2}


def test_every_file_of_an_ome_set_says_the_same(tmp_path: Path) -> None:
    paths = ome_set(tmp_path)
    before = [iso.read(path) for path in paths]
    recalibrate(paths[1], change)
    for path, image in zip(paths, before, strict=True):
        assert_same(iso.read(path), change(image))


def test_a_companion_is_read_and_changed(tmp_path: Path) -> None:
    paths = [*ome_set(tmp_path, companion=True), tmp_path / "s.companion.ome"]
    contents = [path.read_bytes() for path in paths[:3]]
    for path in paths:
        image = iso.read(path)
        assert image.shape == (6, 5, 6)
        assert iso.voxel_size(image) == {"z": 1.5, "y": 0.1, "x": 0.1}
        assert int(image[5, 4, 5]) == 180
    recalibrate(paths[0], change)
    assert [path.read_bytes() for path in paths[:3]] == contents
    assert iso.voxel_size(iso.read(paths[2]))["z"] == 1.25
    paths[-1].unlink()
    with pytest.raises(iso.FormatError, match=r"s\.companion\.ome, which is not there"):
        iso.read(paths[0])


def test_a_stack_of_python_becomes_one_of_imagej_only_where_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    values = np.arange(120, dtype=np.uint16).reshape(4, 5, 6)
    tifffile.imwrite(path, values, photometric="minisblack")
    with pytest.warns(iso.CalibrationWarning, match="no calibration"):
        iso.read(path)
    recalibrate(path, change)
    assert iso.voxel_size(iso.read(path)) == {"z": 1.25, "y": 0.3, "x": 0.2}
    np.testing.assert_array_equal(tifffile.imread(path), values)


@pytest.mark.parametrize("case", ["description", "two images", "float64", "order"])
def test_what_would_be_lost_is_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "a.tif"
    values = np.arange(120, dtype=np.float64 if case == "float64" else np.uint16).reshape(2, 2, 5, 6)
    options = {"metadata": {"axes": "CZYX"}}
    if case == "description":
        options = {"metadata": None, "description": '{"exposure_ms": 30}'}
    with tifffile.TiffWriter(path) as file:
        file.write(values if case == "order" else values[0], photometric="minisblack", **(
            options if case in ("description", "order") else {"metadata": None}
        ))  # fmt: skip
        if case == "two images":
            file.write(values[0, 0, :2], photometric="minisblack", metadata=None)
    before = path.read_bytes()
    with pytest.raises(iso.FormatError, match=r"in place.*give an output"):
        recalibrate(path, change, scene=0)
    assert path.read_bytes() == before


def test_a_link_stays_and_its_file_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    iso.write(tmp_path / "real.tif", make("zyx"))
    (tmp_path / "link.tif").symlink_to("real.tif")
    assert main(["set-voxel-size", str(tmp_path / "link.tif"), "--x", "0.3um"]) == 0
    assert (tmp_path / "link.tif").is_symlink()
    assert "x 0.3 µm" in capsys.readouterr().out
    assert iso.voxel_size(iso.read(tmp_path / "real.tif"))["x"] == 0.3
    iso.write(tmp_path / "link.tif", make("yx"), overwrite=True)
    assert (tmp_path / "link.tif").is_symlink()
    assert iso.read(tmp_path / "real.tif").dims == ("y", "x")


def test_the_warning_of_several_images_is_not_silenced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        for size in (4, 5):
            file.write(np.zeros((3, size, 6), np.uint8), photometric="minisblack", metadata={"axes": "ZYX"})
    assert main(["set-voxel-size", str(tmp_path / "a.ome.tif"), "--z", "2um", "--y", "1um", "--x", "1um"]) == 0
    assert "holds 2 images" in capsys.readouterr().err


def test_of_a_huge_file_only_some_bytes_are_written(tmp_path: Path) -> None:
    """50 GB, most of which is a hole."""
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as file:
        file.write(
            None, shape=(500, 10_000, 10_000), dtype=np.uint8, photometric="minisblack",
            metadata={"axes": "ZYX", "PhysicalSizeX": 1.0},
        )  # fmt: skip
    size, blocks = path.stat().st_size, path.stat().st_blocks
    assert size > 50e9
    recalibrate(path, change)
    assert 0 < path.stat().st_size - size < 100_000
    assert path.stat().st_blocks - blocks < 400
    header = formats.of_file(path).header(path, None)
    assert iso.voxel_size(header.image(values=False)) == {"z": 1.25, "y": 0.3, "x": 0.2}


def test_without_place_behind_the_end_the_old_place_has_to_do(
    imagej: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of classic TIFFs above 4 GiB, on a small one."""
    path = tmp_path / "a.tif"
    iso.write(path, iso.set_voxel_size(make("zyx"), z=1.123456789, unit="um"))
    monkeypatch.setattr(patching, "_ADDRESSABLE", 100)
    size = path.stat().st_size
    recalibrate(path, lambda found: iso.set_voxel_size(found, z=2, x=0.5))
    assert path.stat().st_size == size
    assert iso.voxel_size(iso.read(path)) == {"z": 2.0, "y": 0.1596665040315075, "x": 0.5}
    assert imagej.openImage(str(path)).getCalibration().pixelDepth == 2
    before = path.read_bytes()
    with pytest.raises(iso.FormatError, match=r"4 GiB.*give an output"):
        recalibrate(path, lambda found: iso.set_voxel_size(found, origin={"z": 1 / 3, "y": 1 / 7, "x": 1 / 9}))
    assert path.read_bytes() == before


def test_what_we_write_above_4_gib_has_place_for_a_longer_calibration(
    imagej: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isoscale_ij.files.imagej_tiff._CLASSIC_LIMIT", 100)
    monkeypatch.setattr(patching, "_ADDRESSABLE", 100)
    path, image = tmp_path / "a.tif", make("zyx")
    iso.write(path, image)
    for z in (1 / 3, 2.0, 1 / 7):
        recalibrate(path, lambda found, z=z: iso.set_voxel_size(found, z=z, origin={"y": "2 px", "x": "-1 px"}))
        assert_same(iso.read(path), iso.set_voxel_size(image, z=z, origin={"y": "2 px", "x": "-1 px"}))
        calibration = imagej.openImage(str(path)).getCalibration()
        assert (calibration.pixelDepth, calibration.yOrigin, calibration.xOrigin) == (pytest.approx(z), -2, 1)


@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    iso.write(path, make("zyx"))
    before = path.read_bytes()
    sync = os.fsync

    def full(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        recalibrate(path, change)
    assert path.read_bytes() == before


def test_a_killed_change_leaves_the_old_file(tmp_path: Path) -> None:
    """Before the last write, the file reads as before, with some bytes behind its end."""
    path = tmp_path / "a.tif"
    image = make("zyx")
    iso.write(path, image)
    prepared = patching.Patch(path, {270: (2, 4, b"abc\0")})
    assert_same(iso.read(path), image)
    prepared.abandon()
    assert_same(iso.read(path), image)


@pytest.mark.skipif(os.name != "posix", reason="there are no such locks")
def test_two_changes_at_once_do_not_meet(tmp_path: Path) -> None:
    path, image = tmp_path / "a.tif", make("zyx")
    iso.write(path, image)
    one = patching.Patch(path, {270: (2, 4, b"abc\0")})
    with pytest.raises(BlockingIOError, match="try again"):
        recalibrate(path, change)
    one.abandon()
    recalibrate(path, change)
    assert_same(iso.read(path), change(image))


def test_scifio_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    description = (
        "SCIFIO=0.41\naxes=X,Y,Z\nlengths=6,5,4\nscales=1.0,1.0,1.0\nunits=null,null,null\nimages=4\nslices=4\n"
    )
    tifffile.imwrite(
        path, np.arange(120, dtype=np.uint8).reshape(4, 5, 6), photometric="minisblack", metadata=None,
        description=description, software=False,
    )  # fmt: skip
    with pytest.warns(iso.CalibrationWarning, match="no calibration"):
        assert iso.read(path).dims == ("z", "y", "x")
    recalibrate(path, change)
    image = iso.read(path)
    assert iso.voxel_size(image) == {"z": 1.25, "y": 0.3, "x": 0.2}
    assert int(image[3, 4, 5]) == 119
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].description.endswith("images=4\nslices=4")
    with pytest.raises(iso.FormatError, match="where an image begins"):
        recalibrate(path, lambda found: iso.set_voxel_size(found, origin={"z": 1}))

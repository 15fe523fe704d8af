"""Leica's projects: what an XLEF names is found, read as liffile reads it, and never outside of its folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile

import isoscale_ij as iso
from isoscale_ij.files import scene_names
from isoscale_ij.remarks import heard
from made_files import Axis, collection, leica_image, lif, lof, xlef, xlif

liffile = pytest.importorskip("liffile")

VALUES = np.arange(3 * 2 * 5 * 4, dtype=np.uint16).reshape(3, 2, 5, 4)  # z, c, y, x as they lie
AXES = [Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(3, 3, -4e-6, 2e-6)]
XML = leica_image(AXES, [{"dye": "DAPI"}, {"dye": "GFP"}], 16, "stack", "block 0")
BYTES = 5 * 4 * 2  # of a plane


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return xlef(tmp_path / "in", XML, VALUES)


def planes(folder: Path, xml: str, values: np.ndarray, name: str = "a.xlif") -> Path:
    """An XLIF and the TIFFs of its planes beside it."""
    frames = []
    for number, plane in enumerate(values.reshape(-1, *values.shape[-2:])):
        tifffile.imwrite(folder / f"{number}.tif", plane, photometric="minisblack", metadata=None)
        frames.append((f"{number}.tif", number * plane.nbytes, plane.nbytes))
    return xlif(folder / name, xml, frames)


@pytest.mark.parametrize("scene", [0, 1])
def test_a_project_as_liffile_reads_it(project: Path, scene: int) -> None:
    with liffile.LifFile(project) as file:
        other = file.images[scene]
        assert scene_names(project)[scene] == other.path
        coords, dims = other.coords, tuple(axis.lower() for axis in other.dims)
        if scene == 0 or find_spec("imagecodecs"):  # with which it reads TIFFs
            np.testing.assert_array_equal(other.asarray(), VALUES)
    assert dims == ("z", "c", "y", "x")
    image = iso.read(project, scene=scene)
    np.testing.assert_array_equal(image.transpose(*dims), VALUES)
    assert iso.voxel_size(image) == pytest.approx({"z": 2.0, "y": 0.2, "x": 0.1}, rel=1e-12)
    for axis in "zyx":
        step = abs(coords[axis.upper()][1] - coords[axis.upper()][0]) * 1e6
        assert iso.voxel_size(image)[axis] == pytest.approx(step)
    assert image.c.values.tolist() == ["DAPI", "GFP"]
    assert image.name == f"project {('stack', 'sample/stack')[scene]}"


def test_an_image_or_a_folder_of_a_project_by_itself(project: Path) -> None:
    (project.parent / "planes").rename(project.parent / "Metadata" / "planes")
    said = (project.parent / "Metadata" / "planes.xlif").read_text().replace("../planes", "Planes")
    (project.parent / "Metadata" / "planes.xlif").write_text(said, "utf-16")
    for name in ("planes.xlif", "sample.xlcf"):
        image = iso.read(project.parent / "Metadata" / name)
        np.testing.assert_array_equal(image.transpose("z", "c", "y", "x"), VALUES)
    with pytest.raises(iso.FormatError, match=r"outside the folder.*Open the XLEF"):
        iso.read(project.parent / "Metadata" / "whole.xlif")


@pytest.mark.parametrize(
    "outside", ["../secret.xlif", "..%2Fsecret.xlif", "..\\secret.xlif", "{}/secret.xlif", "linked.xlif", "."]
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, outside: str) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    planes(tmp_path, XML, VALUES, "secret.xlif")
    (inner / "linked.xlif").symlink_to(tmp_path / "secret.xlif")
    path = collection(inner / "a.xlef", "Experiment", outside.format(tmp_path))
    with pytest.raises(iso.FormatError, match="outside the folder"):
        iso.read(path)
    path = xlif(inner / "b.xlif", XML, [(outside.format(tmp_path).replace("secret.xlif", "0.tif"), 0, BYTES)])
    (inner / "linked.xlif").unlink()
    (inner / "linked.xlif").symlink_to(tmp_path / "0.tif")
    with pytest.raises(iso.FormatError, match="outside the folder"):
        iso.read(path)


def test_a_lif_names_no_other_files(tmp_path: Path) -> None:
    """Which liffile would open, wherever they are."""
    lif(tmp_path / "secret.lif", (XML, VALUES))
    naming = XML.replace("<Data>", '<Children><Reference File="secret.lif"/></Children><Data>', 1)
    with pytest.raises(iso.FormatError, match="names other files"):
        iso.read(lof(tmp_path / "a.lof", naming, VALUES))
    other = XML.replace("<Data>", "<Data><Reference File='a'/>", 1)  # which it would not
    assert iso.read(lof(tmp_path / "b.lof", other, VALUES)).sizes["z"] == 3


def test_a_circle_and_a_file_that_is_named_twice(tmp_path: Path) -> None:
    planes(tmp_path, XML, VALUES)
    collection(tmp_path / "b.xlcf", "Collection", "a.xlif", "c.xlef", "a.xlif")
    path = collection(tmp_path / "c.xlef", "Experiment", "b.xlcf")
    assert scene_names(path) == [""]  # a single one
    assert iso.read(path).sizes["z"] == 3


def test_what_is_not_there_is_named(project: Path) -> None:
    (project.parent / "planes" / "p 3.tif").unlink()
    with heard():
        assert iso.read(project, scene=0).sizes["z"] == 3  # of another image
    with pytest.raises(iso.FormatError, match=r"p%203\.tif', which is not there"):
        iso.read(project, scene=1)
    (project.parent / "Metadata" / "sample.xlcf").unlink()
    with pytest.raises(iso.FormatError, match=r"Metadata/sample\.xlcf', which is not there"):
        iso.read(project)


def test_planes_that_are_not_named_and_such_that_do_not_fit(tmp_path: Path) -> None:
    path = planes(tmp_path, XML, VALUES)
    said = path.read_text()
    path.write_text(said.replace(f'<Frame File="3.tif" Offset="{3 * BYTES}" Size="{BYTES}"/>', ""))
    with pytest.raises(iso.FormatError, match=r"1 of 6 planes are not there \(c=1 z=1"):
        iso.read(path)
    path.write_text(said)
    tifffile.imwrite(tmp_path / "3.tif", VALUES[0, 0].astype(np.uint8), photometric="minisblack")
    with pytest.raises(iso.FormatError, match=r"3\.tif has a plane of \(5, 4\) voxels of type uint8"):
        iso.read(path)
    planes(tmp_path, XML, VALUES)
    (tmp_path / "3.tif").write_bytes((tmp_path / "3.tif").read_bytes()[:-4])
    with pytest.raises(iso.FormatError, match=r"3\.tif is not complete"):
        iso.read(path)


def test_a_tiff_of_all_planes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", VALUES.reshape(-1, 5, 4), photometric="minisblack")
    path = xlif(tmp_path / "a.xlif", XML, [("a.ome.tif", 0, VALUES.nbytes)])
    np.testing.assert_array_equal(iso.read(path).transpose("z", "c", "y", "x"), VALUES)
    lazy = iso.read(path, chunks={"z": 1})
    np.testing.assert_array_equal(lazy[1, 1:, ::2, 3], VALUES[1:, 1, ::2, 3])


def test_tiles_and_a_spectrum_in_tiffs(tmp_path: Path) -> None:
    values = np.arange(3 * 2 * 2 * 5 * 4, dtype=np.uint8).reshape(3, 2, 2, 5, 4)  # tile, wave, channel, y, x
    axes = [Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(5, 2, 1e-8, 5e-7), Axis(10, 3, 0, unit="")]
    xml = leica_image(axes, [{"dye": "A"}, {"dye": "B"}], 8, "stack", "block 0")
    path = planes(tmp_path, xml, values)
    assert scene_names(path) == ["stack tile 0", "stack tile 1", "stack tile 2"]
    for tile in range(3):
        image = iso.read(path, scene=tile)
        np.testing.assert_array_equal(image, values[tile].transpose(1, 0, 2, 3).reshape(4, 5, 4))
        assert image.c.values.tolist() == ["A 500 nm", "A 510 nm", "B 500 nm", "B 510 nm"]
        whole = iso.read(lof(tmp_path / "a.lof", xml, values), scene=tile)
        np.testing.assert_array_equal(image, whole)


def test_colours_and_other_files_are_refused(tmp_path: Path) -> None:
    colors = leica_image(AXES[:2], [{"tag": 1}, {"tag": 2}, {"tag": 3}], 8, "stack", "block 0")
    values = np.zeros((5, 4, 3), np.uint8)
    tifffile.imwrite(tmp_path / "0.tif", values, photometric="rgb")
    with pytest.raises(iso.FormatError, match="are in colour"):
        iso.read(xlif(tmp_path / "a.xlif", colors, [("0.tif", 0, values.nbytes)]))
    (tmp_path / "0.jpg").write_bytes(b"")
    with pytest.raises(iso.FormatError, match=r"are in \.jpg; needed are a LOF or TIFFs"):
        iso.read(xlif(tmp_path / "a.xlif", XML, [("0.jpg", 0, BYTES)]))
    with pytest.raises(iso.FormatError, match="are in no file"):
        iso.read(xlif(tmp_path / "a.xlif", XML, []))


def test_a_lof_that_is_cut_off_or_is_none(project: Path) -> None:
    content = (project.parent / "whole.lof").read_bytes()
    larger = XML.replace('NumberOfElements="3"', 'NumberOfElements="300"')
    lof(project.parent / "whole.lof", larger, VALUES)
    xlif(project.parent / "Metadata" / "whole.xlif", larger, [("../whole.lof", 0, VALUES.nbytes)])
    with pytest.raises(iso.FormatError, match=r"whole\.lof is not complete: the image stack takes"):
        iso.read(project, scene=0)
    (project.parent / "whole.lof").write_bytes(content[:100])
    with pytest.raises(iso.FormatError):
        iso.read(project, scene=0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('<!DOCTYPE a [<!ENTITY b "ha">]><LMSDataContainerHeader Version="2"/>', "declares entities"),
        ('<LMSDataContainerHeader Version="2"/>', "describes nothing"),
        ('<LMSDataContainerHeader Version="2"><Element Name="a"/></LMSDataContainerHeader>', "names no image"),
        ("<LMSDataContainerHeader Version='2'><Element", "damaged"),
        ("<LMSDataContainer>", "none of the formats"),
    ],
)
def test_xml_that_is_no_project(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "a.xlef").write_text(text)
    with pytest.raises(iso.FormatError, match=word):
        iso.read(tmp_path / "a.xlef")
    collection(tmp_path / "b.xlef", "Experiment", "a.xlef")
    with pytest.raises(iso.FormatError):
        iso.read(tmp_path / "b.xlef")


def test_more_planes_than_there_can_be(tmp_path: Path) -> None:
    path = planes(tmp_path, XML.replace('NumberOfElements="3"', 'NumberOfElements="1000000000"'), VALUES)
    with pytest.raises(iso.FormatError, match="says that it holds 2000000000 planes"):
        iso.read(path)

"""The registry of formats: a toy format, added as CONTRIBUTING says; endings, scenes, regions."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tifffile

import isoscale_ij as iso
from images import ENDINGS, assert_same, make
from isoscale_ij import files
from isoscale_ij.files import formats, read_header, recalibrate

ROOT = Path(__file__).resolve().parents[1]


def recipe() -> str:
    """The module of the recipe "a format" in CONTRIBUTING.md, to the letter."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.search(r"\*\*a format:\*\*.*?```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture
def toy(tmp_path: Path) -> ModuleType:
    """The toy format, in the list while the test runs."""
    path = tmp_path / "toy.py"
    path.write_text(recipe(), encoding="utf-8")
    specification = importlib.util.spec_from_file_location("toy", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    formats.FORMATS.append(module)
    yield module
    formats.FORMATS.remove(module)


def test_the_recipe_for_a_format(toy: ModuleType, tmp_path: Path) -> None:
    image = iso.as_image(np.arange(60, dtype=np.uint8).reshape(3, 4, 5), voxel_size=(2, 0.5, 0.5), unit="um")
    path = tmp_path / "cells.toy"
    files.check_output(path)
    iso.write(path, image.rename("cells"))
    assert_same(iso.read(path), image.rename("cells"))
    assert iso.info(read_header(path)).shape == (3, 4, 5)
    assert files.stem(path) == "cells"
    part = toy.header(path, None).load({"z": slice(1, 2), "x": slice(0, 5, 2)})
    np.testing.assert_array_equal(part, image.values[1:2, :, ::2])
    with pytest.raises(iso.FormatError, match=r"toy.*give an output"):
        recalibrate(path, lambda found: iso.set_voxel_size(found, z=3))


def test_a_format_that_is_not_in_the_list(tmp_path: Path) -> None:
    with pytest.raises(iso.FormatError, match=r"\.ome\.tif.*\.tif"):
        iso.write(tmp_path / "cells.toy", make("yx"))
    (tmp_path / "cells.toy").write_bytes(b"TOY1 and so on")
    with pytest.raises(iso.FormatError, match=r"OME-TIFF, ImageJ TIFF.*TOY1"):
        iso.read(tmp_path / "cells.toy")


def test_content_and_not_the_ending_says_what_is_read(tmp_path: Path) -> None:
    image = make("zyx")
    iso.write(tmp_path / "a.ome.tif", image)
    iso.write(tmp_path / "a.tif", image)
    (tmp_path / "a.ome.tif").rename(tmp_path / "b.dat")
    (tmp_path / "a.tif").rename(tmp_path / "c.ome.tif")
    for name in ("b.dat", "c.ome.tif"):
        assert_same(iso.read(tmp_path / name), image)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for number, shape in enumerate([(4, 5, 6), (3, 7, 8)]):
            file.write(
                np.full(shape, number + 1, np.uint8), photometric="minisblack",
                metadata={"axes": "ZYX", "Name": "left" if number == 0 else "right", "PhysicalSizeX": number + 0.5,
                          "PhysicalSizeY": number + 0.5, "PhysicalSizeZ": 2},
            )  # fmt: skip
    return path


@pytest.mark.parametrize("scene", [1, "right", "1", np.int64(1)])
def test_a_scene_by_name_or_index(two: Path, scene: str | int) -> None:
    image = iso.read(two, scene=scene)
    assert image.shape == (3, 7, 8)
    assert int(image.max()) == 2
    assert (image.name, iso.voxel_size(image)["x"]) == ("right", 1.5)
    assert read_header(two, scene=scene).shape == (3, 7, 8)


def test_without_a_scene_the_first_is_read_and_the_others_are_listed(two: Path) -> None:
    with pytest.warns(UserWarning, match=r"holds 2 images; the first is read.*0 \(left\), 1 \(right\)"):
        assert iso.read(two).name == "left"


@pytest.mark.parametrize("scene", ["middle", 2, -1, 0.5, True, "2"])
def test_a_wrong_scene_lists_those_that_are_there(two: Path, scene: str | int) -> None:
    with pytest.raises(iso.ParameterError, match=r"0 \(left\), 1 \(right\)"):
        iso.read(two, scene=scene)


def test_scenes_of_the_same_name(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for size in (4, 5):
            file.write(np.zeros((size, size), np.uint8), photometric="minisblack", metadata=None)
    with pytest.warns(iso.CalibrationWarning, match="no calibration"):
        assert iso.read(tmp_path / "a.tif", scene=1).shape == (5, 5)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dims", ["yx", "zyx", "tczyx"])
def test_a_region_is_the_part_of_the_whole(tmp_path: Path, dims: str, compression: str | None, ending: str) -> None:
    image = make(dims, "int16")
    path = tmp_path / f"a{ending}"
    iso.write(path, image)
    if compression:  # the same planes, each packed
        with tifffile.TiffFile(path) as file:
            pages = [page.asarray() for page in file.pages]
            options = {"description": file.pages[0].tags["ImageDescription"].value.encode(), "metadata": None}
        with tifffile.TiffWriter(path) as file:
            for number, page in enumerate(pages):
                first = options if number == 0 else {"metadata": None}
                file.write(page, photometric="minisblack", compression=compression, **first)
    header = formats.of_file(path).header(path, None)
    region = {"t": slice(1, 2), "z": slice(0, 4, 2), "y": slice(1, 4), "x": slice(None, None, 3)}
    part = header.load({axis: wanted for axis, wanted in region.items() if axis in header.dims})
    whole = image.isel({axis: wanted for axis, wanted in region.items() if axis in dims})
    np.testing.assert_array_equal(part, whole.transpose(*header.dims).values)
    np.testing.assert_array_equal(header.load({}), image.transpose(*header.dims).values)


def test_a_region_of_a_single_plane_with_all_of_its_axes(tmp_path: Path) -> None:
    image = make("tczyx")[:1, :, :1]
    for ending in ENDINGS:
        iso.write(tmp_path / f"a{ending}", image)
        header = formats.of_file(tmp_path / f"a{ending}").header(tmp_path / f"a{ending}", None)
        part = header.load({"c": slice(1, 3), "y": slice(2, 3), "t": slice(0, 1)})
        np.testing.assert_array_equal(part, image[:, 1:3, :, 2:3].transpose(*header.dims).values)


def test_the_names_of_files_without_their_endings() -> None:
    assert [files.stem(Path(name)) for name in ("a.ome.tif", "b.c.TIFF", "d.OME.TIFF", "e.csv")] == [
        "a", "b.c", "d", "e.csv",
    ]  # fmt: skip

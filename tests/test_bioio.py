"""Files that no reader here knows, through bioio: what a plugin says is checked, and a plugin may do as it likes.

The plugin of most of these tests is made here: it says what the file says that it shall.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoscale_ij as iso
import made_files
from images import make
from isoscale_ij.files import bioio, formats, scene_names
from isoscale_ij.files.plausible import believable, positive
from isoscale_ij.remarks import heard

PLUGIN = """
import datetime, json, pathlib, types
import dask.array as da
import numpy as np
import xarray as xr
from bioio_base.reader import Reader as Base
from bioio_base.reader_metadata import ReaderMetadata as BaseMetadata
from bioio_base.types import PhysicalPixelSizes

class Reader(Base):
    def __init__(self, image, **options):
        self.said = json.loads(pathlib.Path(image).read_text())
    @staticmethod
    def _is_supported_image(fs, path, **options):
        said = json.loads(pathlib.Path(path).read_text())
        if said.get("refused"):
            raise OSError("not today")
        return said.get("taken", True)
    @property
    def scenes(self):
        return tuple(self.said.get("scenes", ["Image:0"]))
    def _read_delayed(self):
        if self.said.get("fails"):
            raise KeyError("no such tag")
        shape, first = self.said["shape"], 1000 * self.current_scene_index
        if "huge" in self.said:
            values = da.zeros(shape, chunks=shape, dtype="u2")
        else:
            values = np.arange(first, first + np.prod(shape)).reshape(shape).astype(self.said.get("dtype", "u2"))
            if self.said.get("repeats"):
                values[:] = values[..., :1]
            values = da.from_array(values, chunks=self.said.get("chunks", -1))
        if self.said.get("lies"):
            values = da.map_blocks(lambda block: block.astype("u4") + 70000, values, dtype="u2", meta=np.empty(0, "u2"))
        names = self.said.get("channels")
        return xr.DataArray(values, dims=list(self.said["dims"]), coords={"C": names} if names else None)
    def _read_immediate(self):
        raise AssertionError("all of it was asked for")
    def _get_stitched_dask_mosaic(self):
        if not self.said.get("stitches"):
            raise NotImplementedError
        tiles = self.xarray_dask_data
        return xr.DataArray(da.concatenate(list(tiles.data), axis=-1), dims=tiles.dims[1:])
    @property
    def physical_pixel_sizes(self):
        return PhysicalPixelSizes(*[None if size is None else float(size) for size in self.said["sizes"]])
    @property
    def time_interval(self):
        step = self.said.get("step")
        return step if step is None or isinstance(step, float) else datetime.timedelta(milliseconds=step)
    @property
    def dimension_properties(self):
        units = self.said.get("units")
        if units is None:
            return super().dimension_properties
        return types.SimpleNamespace(**{axis: types.SimpleNamespace(unit=unit) for axis, unit in zip("ZYX", units)})

class ReaderMetadata(BaseMetadata):
    @staticmethod
    def get_supported_extensions():
        return [".toy"]
    @staticmethod
    def get_reader():
        return Reader
"""
SIZES = [1.5, 0.1, 0.1]


def install(folder: Path, module: str) -> None:
    """A distribution with a plugin, as pip would leave it."""
    about = folder / "bioio_toy-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bioio-toy\nVersion: 1.0\nRequires-Dist: bioio-base\n")
    (about / "entry_points.txt").write_text("[bioio.readers]\nbioio-toy = bioio_toy\n")
    (about / "RECORD").write_text("bioio_toy.py,,\n")
    (folder / "bioio_toy.py").write_text(module)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes what the plugin is to say of a file; the plugin is installed while the test runs."""
    pytest.importorskip("bioio", reason="bioio is not installed")
    install(tmp_path / "site", PLUGIN)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "bioio_toy", raising=False)

    def write(**said: Any) -> Path:
        usual = {"dims": "ZYX", "shape": [4, 5, 6], "sizes": SIZES}
        (tmp_path / "a.toy").write_text(json.dumps(usual | said))
        return tmp_path / "a.toy"

    yield write
    sys.modules.pop("bioio_toy", None)


def read(path: Path, **options: Any) -> tuple[Any, str]:
    """The image, and all that was said of it."""
    with heard() as said:
        image = iso.read(path, **options)
    return image, "\n".join(map(str, said))


# What can be believed


def test_a_size_as_a_number() -> None:
    assert [positive(size) for size in (None, 0, 0.0, float("nan"), float("inf"), "much", 1e300)] == [
        *[None] * 6, 1e300,
    ]  # fmt: skip
    assert [positive(size) for size in (float(np.float32(0.1)), 0.1, -2.0)] == [0.1, 0.1, 2.0]


@pytest.mark.parametrize(
    ("sizes", "unit", "kept", "word"),
    [
        ((1.5, 0.1, 0.1), "micrometer", "zyx", ""),
        ((1500, 100, 100), "nanometer", "zyx", ""),
        ((1.5e-6, 1e-7, 1e-7), "meter", "zyx", ""),
        ((20, 0.1, 0.1), "micrometer", "zyx", ""),  # serial sections
        ((0.2, 1, 1), "micrometer", "zyx", ""),
        ((1500, 0.1, 0.1), "micrometer", "", "15000 times that of y"),
        ((0.0015, 0.1, 0.1), "micrometer", "", "0.015 times that of y"),
        ((1.5, 0.1, 2.0), "micrometer", "", "0.05 times that of x"),
        ((1.5, 1e-7, 1e-7), "micrometer", "z", "y 1e-07 µm, x 1e-07 µm; needed is from 0.1 nm to 10 mm"),
        ((2e4, 0.1, 0.1), "micrometer", "yx", "z 20000 µm"),
        ((1.5, 0.1, 0.1), "kelvin", "", "'kelvin' is none of length"),
    ],
)
def test_what_sizes_are_believed(sizes: tuple[float, ...], unit: str, kept: str, word: str) -> None:
    found, wrong = believable(dict(zip("zyx", sizes, strict=True)), unit)
    assert "".join(found) == kept
    assert word in wrong
    assert bool(word) == bool(wrong)


# A plugin that says this and that


def test_a_volume_and_its_remark(toy: Callable[..., Path]) -> None:
    path = toy(dims="TCZYX", shape=[2, 3, 4, 5, 6], step=500, channels=["a", "b", "c"], dtype=">u2")
    image, said = read(path)
    assert dict(image.sizes) == {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
    assert image.dtype == np.dtype("u2")
    np.testing.assert_array_equal(image.values.ravel(), np.arange(720))
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.1, "x": 0.1}
    assert (image.x.attrs["units"], image.t.attrs["units"], image.t.attrs["spacing"]) == ("micrometer", "second", 0.5)
    assert (image.c.values.tolist(), image.name) == (["a", "b", "c"], "a")
    assert "bioio-toy 1.0" in said
    assert "Look at its voxel size (z 1.5 µm, y 0.1 µm, x 0.1 µm; no unit is said" in said


@pytest.mark.parametrize(
    ("sizes", "kept"), [([None, 0.1, 0.1], "yx"), ([0, 0.1, 0.1], "yx"), (["nan", "inf", 0.1], "x"), ([None] * 3, "")]
)
def test_sizes_that_are_none(toy: Callable[..., Path], sizes: list[Any], kept: str) -> None:
    image, said = read(toy(sizes=sizes))
    assert "".join(iso.voxel_size(image)) == kept
    assert "says that voxels are" not in said
    assert "was read through bioio" in said


def test_sizes_that_contradict_each_other_are_named_and_not_believed(toy: Callable[..., Path]) -> None:
    path = toy(sizes=[1500, 0.1, 0.1])
    image, said = read(path)
    assert "z 1500 µm, y 0.1 µm, x 0.1 µm. The size of z is 15000 times that of y" in said
    assert "Treated as uncalibrated: z, y, x; set" in said
    assert iso.voxel_size(image) == {}
    image, said = read(toy(sizes=[1500, 0.1, 0.1], shape=[1, 5, 6]))  # of a single slice the distance means nothing
    assert iso.voxel_size(image) == {"y": 0.1, "x": 0.1}
    assert "times that of" not in said


@pytest.mark.parametrize(
    ("sizes", "units", "unit", "z"),
    [
        ([1500, 0.1, 0.1], ["nanometer", "micrometer", "micrometer"], "micrometer", 1.5),
        ([1500, 100, 100], ["nanometer"] * 3, "nanometer", 1500),
        (SIZES, [None, "micrometer", None], "micrometer", 1.5),
    ],
)
def test_units_that_are_said(
    toy: Callable[..., Path], sizes: list[float], units: list[str | None], unit: str, z: float
) -> None:
    image, said = read(toy(sizes=sizes, units=units))
    assert (iso.voxel_size(image)["z"], image.z.attrs["units"]) == (z, unit)
    assert "no unit is said" not in said


def test_a_unit_that_is_none_of_length(toy: Callable[..., Path]) -> None:
    image, said = read(toy(units=["pixel", "micrometer", "micrometer"]))
    assert iso.voxel_size(image) == {}
    assert "'micrometer and voxel' is none of length" in said


def test_a_time_step_without_a_unit_is_none(toy: Callable[..., Path]) -> None:
    image, _ = read(toy(dims="TYX", step=0.5))
    assert "t" not in image.coords


def test_a_colour_is_channels(toy: Callable[..., Path]) -> None:
    image, said = read(toy(dims="ZYXS", shape=[2, 5, 6, 3]))
    assert image.dims == ("c", "z", "y", "x")
    np.testing.assert_array_equal(image, np.arange(180).reshape(2, 5, 6, 3).transpose(3, 0, 1, 2))
    assert "the same in each voxel" not in said
    image, said = read(toy(dims="ZYXS", shape=[2, 5, 6, 3], repeats=True))
    assert "its 3 samples are the same in each voxel" in said


@pytest.mark.parametrize(("dims", "shape"), [("CYXS", [2, 5, 6, 3]), ("SYCX", [3, 5, 2, 6])])
def test_channels_in_colour(toy: Callable[..., Path], dims: str, shape: list[int]) -> None:
    path = toy(dims=dims, shape=shape)
    stored = np.arange(180).reshape(shape).transpose([dims.index(axis) for axis in "CSYX"]).reshape(6, 5, 6)
    np.testing.assert_array_equal(read(path)[0], stored)
    np.testing.assert_array_equal(read(path, chunks={"c": 2, "y": 2})[0][1:4, 1:, ::2], stored[1:4, 1:, ::2])


def test_scenes(toy: Callable[..., Path]) -> None:
    path = toy(scenes=["left", "right"])
    image, said = read(path)
    assert int(image.values[0, 0, 0]) == 0
    assert "holds 2 images; the first is read. Others with scene=…: 0 (left), 1 (right)" in said
    for scene in (1, "right"):
        image, _ = read(path, scene=scene)
        assert (int(image.values[0, 0, 0]), image.name) == (1000, "a right")
    assert scene_names(path) == ["left", "right"]
    with pytest.raises(iso.ParameterError, match=r"0 \(left\), 1 \(right\)"):
        iso.read(path, scene="middle")


def test_axes_that_an_image_here_has_not(toy: Callable[..., Path]) -> None:
    with pytest.raises(iso.FormatError, match="2 along v"):
        iso.read(toy(dims="VZYX", shape=[2, 4, 5, 6]))
    assert read(toy(dims="VZYX", shape=[1, 4, 5, 6]))[0].dims == ("z", "y", "x")


def test_tiles_are_put_together_by_the_plugin_or_not_at_all(toy: Callable[..., Path]) -> None:
    image, _ = read(toy(dims="MYX", shape=[2, 5, 6], stitches=True))
    np.testing.assert_array_equal(image, np.concatenate(np.arange(60).reshape(2, 5, 6), axis=-1))
    with pytest.raises(iso.FormatError, match="2 along m"):
        iso.read(toy(dims="MYX", shape=[2, 5, 6]))


def test_a_region_and_what_it_takes(toy: Callable[..., Path]) -> None:
    path = toy(chunks=[1, 5, 3])
    lazy, _ = read(path, chunks="auto")
    np.testing.assert_array_equal(lazy[1:3, ::2, 4:], np.arange(120).reshape(4, 5, 6)[1:3, ::2, 4:])
    with heard():
        assert formats.of_file(path).header(path, 0).chunks == (1, 5, 3)
    assert [bioio._touched((2, 3, 1), part) for part in (range(6), range(1, 2), range(1, 3), range(0, 6, 5))] == [
        6, 2, 5, 3,
    ]  # fmt: skip
    assert bioio._touched((2, 3), range(4, 4)) == 0
    with pytest.raises(iso.MemoryLimitError):
        read(toy(huge=True, shape=[1 << 20, 1 << 12, 1 << 12]))


# … and one that fails


def test_whatever_a_plugin_raises_is_an_error_with_its_cause(toy: Callable[..., Path]) -> None:
    with pytest.raises(iso.FormatError, match=r"a\.toy is damaged.*bioio-toy 1\.0 says.*no such tag") as caught:
        iso.read(toy(fails=True))
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(iso.FormatError, match=r"none of the formats.*None of bioio's plugins.*bioio-toy: not today"):
        iso.read(toy(refused=True))
    with pytest.raises(iso.FormatError, match="bioio-toy does not take it"):
        iso.read(toy(taken=False))
    with pytest.raises(iso.FormatError, match="holds no image"):
        iso.read(toy(scenes=[]))
    with pytest.raises(iso.FormatError, match="complex64; needed are real ones"):
        iso.read(toy(dtype="c8"))


def test_values_of_another_type_than_was_said_are_not_bent(toy: Callable[..., Path]) -> None:
    path = toy(lies=True)
    image, _ = read(path)
    assert int(image.values[0, 0, 0]) == 70000
    with pytest.raises(iso.FormatError, match="uint32 where uint16 was said"):
        read(path, chunks={"z": 1})[0].compute()


def test_a_plugin_that_cannot_even_be_loaded(toy: Callable[..., Path], tmp_path: Path) -> None:
    path = toy()
    (tmp_path / "site" / "bioio_toy.py").write_text("raise RuntimeError('a library is missing')")
    with pytest.raises(iso.FormatError, match=r"none of the formats.*fails with one of its plugins: a library is miss"):
        iso.read(path)


def test_no_plugin_for_that_ending(toy: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "a.unheard").write_text("of")
    with pytest.raises(iso.FormatError, match=r"none of the formats.*with a plugin for \.unheard"):
        iso.read(tmp_path / "a.unheard")


# Without bioio, and beside it


def test_bioio_is_named_where_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sldy").write_text("what no reader here knows")
    monkeypatch.setitem(sys.modules, "bioio", None)
    with pytest.raises(iso.FormatError, match=r"none of the formats known here.*Save it.*bioio-dv") as caught:
        iso.read(tmp_path / "a.sldy")
    assert 'pip install "isoscale-ij[bioio]"' in str(caught.value)


def test_what_is_known_here_never_goes_to_bioio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(path: Path) -> None:
        raise AssertionError(f"bioio was asked for {path}")

    monkeypatch.setattr(bioio, "_plugin", asked)
    iso.write(tmp_path / "a.tif", make("zyx"))
    (tmp_path / "a.tif").rename(tmp_path / "a.dv")
    assert iso.read(tmp_path / "a.dv").dims == ("z", "y", "x")
    (tmp_path / "b.tif").write_bytes((tmp_path / "a.dv").read_bytes()[:9])  # also where it is damaged
    with pytest.raises(iso.FormatError, match="damaged"):
        iso.read(tmp_path / "b.tif")
    with pytest.raises(iso.FormatError, match="folder"):
        iso.read(tmp_path)


# Plugins that there are


def test_a_damaged_dv(tmp_path: Path) -> None:
    pytest.importorskip("bioio_dv", reason="bioio-dv is not installed")
    path = made_files.dv(tmp_path / "a.dv", np.ones((1, 1, 4, 5, 6)), (1.5, 0.1, 0.1))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(iso.FormatError, match=r"a\.dv is damaged.*bioio-dv"):
        iso.read(path)


def test_a_picture_in_colour(tmp_path: Path) -> None:
    pytest.importorskip("bioio_imageio", reason="bioio-imageio is not installed")
    import imageio.v3

    values = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    imageio.v3.imwrite(tmp_path / "a.png", values)
    image, said = read(tmp_path / "a.png")
    assert (image.dims, iso.voxel_size(image)) == (("c", "y", "x"), {})
    np.testing.assert_array_equal(image, values.transpose(2, 0, 1))
    assert "bioio-imageio" in said
    assert "voxel size (not known)" in said

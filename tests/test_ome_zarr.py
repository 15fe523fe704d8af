"""OME-Zarr: our images go through it as they are, others' are read as their metadata mean, broken ones are refused."""

from __future__ import annotations

import errno
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import tifffile
import xarray as xr
import yaozarrs
import zarr

import isoscale_ij as iso
from images import assert_same, make
from isoscale_ij.execution.chunks.lazy import as_dask
from isoscale_ij.files import read_header, recalibrate, smaller_levels
from isoscale_ij.remarks import heard

DIMS = ["yx", "zyx", "cyx", "czyx", "tzyx", "tczyx"]


@pytest.fixture
def nuclei_zarr(tmp_path: Path) -> tuple[Path, xr.DataArray]:
    image, _ = iso.sample(shape=(20, 300, 280), seed=2)
    path = tmp_path / "nuclei.ome.zarr"
    iso.write(path, image)
    return path, image


def metadata(path: Path) -> dict[str, Any]:
    return json.loads((path / "zarr.json").read_text())["attributes"]["ome"]


def change(path: Path, edit: Any) -> None:
    content = json.loads((path / "zarr.json").read_text())
    edit(content["attributes"]["ome"])
    (path / "zarr.json").write_text(json.dumps(content))


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@pytest.mark.parametrize("dims", DIMS)
def test_images_come_back(dims: str, version: str, tmp_path: Path) -> None:
    image = make(dims, origin={"y": "3 um", "x": "-7 um"}).assign_attrs(note={"by": "us"})
    path = tmp_path / "cells.ome.zarr"
    iso.write(path, image, version=version)
    yaozarrs.validate_zarr_store(str(path))
    assert_same(iso.read(path), image)
    lazy = iso.read(path, chunks="auto")
    assert dask.is_dask_collection(lazy.data)
    assert_same(lazy, image)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint32", "int64", "float32", "float64"])
def test_types_and_uncalibrated_axes_come_back(dtype: str, tmp_path: Path) -> None:
    values = np.arange(60).reshape(3, 4, 5).astype(dtype)
    image = iso.as_image(values, voxel_size={"y": 0.2, "x": 0.2}, unit="nm")
    iso.write(tmp_path / "a.zarr", image)
    with pytest.warns(iso.CalibrationWarning, match="none on z"):
        assert_same(iso.read(tmp_path / "a.zarr"), image)


def test_units_and_where_each_level_begins(tmp_path: Path) -> None:
    image, _ = iso.sample(shape=(16, 520, 300), seed=2)
    iso.write(tmp_path / "a.ome.zarr", image)
    (entry,) = metadata(tmp_path / "a.ome.zarr")["multiscales"]
    assert [axis["unit"] for axis in entry["axes"]] == ["micrometer"] * 3
    assert len(entry["datasets"]) == 3
    for level, dataset in enumerate(entry["datasets"]):
        scale, translation = (step[step["type"]] for step in dataset["coordinateTransformations"])
        assert scale == pytest.approx(
            [1.5, iso.voxel_size(image)["y"] * 2**level, iso.voxel_size(image)["x"] * 2**level]
        )
        np.testing.assert_allclose(translation, np.array(scale) / 2)  # the lower edge stays at 0
    level = zarr.open_array(tmp_path / "a.ome.zarr" / "1")
    expected = iso.rescale(image, {axis: 2 * iso.voxel_size(image)[axis] for axis in "yx"})
    np.testing.assert_array_equal(level[:], expected.values)


def test_it_is_sharded_and_shards_are_whole(nuclei_zarr: tuple) -> None:
    path, image = nuclei_zarr
    array = zarr.open_array(path / "0")
    assert array.shards == (20, 512, 512) or all(s % c == 0 for s, c in zip(array.shards, array.chunks, strict=True))
    assert array.metadata.zarr_format == 3
    np.testing.assert_array_equal(array[:], image.values)


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_labels_of_an_image(version: str, tmp_path: Path) -> None:
    image, truth = iso.sample(shape=(20, 300, 280), seed=2)
    path = tmp_path / "nuclei.ome.zarr"
    iso.write(path, image, version=version)
    iso.write(path / "labels" / "truth", truth)
    iso.write(path / "labels" / "again", truth)
    yaozarrs.validate_zarr_store(str(path))
    yaozarrs.validate_zarr_store(str(path / "labels" / "truth"))
    found = iso.read(path, scene="labels/truth")
    assert found.attrs["kind"] == "labels"
    assert_same(found, truth)
    assert_same(iso.read(path), image)
    assert len(list((path / "labels" / "truth").glob("[0-9]*"))) == len(list(path.glob("[0-9]*")))
    small = zarr.open_array(path / "labels" / "truth" / "1")[:]
    assert set(np.unique(small)) <= set(np.unique(truth))
    with pytest.raises(iso.ParameterError, match=r"labels/again, labels/truth"):
        iso.read(path, scene="labels/nothing")


def test_labels_need_their_image(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(iso.FormatError, match="Write the image first"):
        iso.write(tmp_path / "a.zarr" / "labels" / "b", make("zyx"))


def test_channels_have_names_colours_and_ranges(tmp_path: Path) -> None:
    image = make("czyx")
    iso.write(tmp_path / "a.zarr", image)
    channels = metadata(tmp_path / "a.zarr")["omero"]["channels"]
    assert [each["label"] for each in channels] == ["DAPI", "GFP", "Cy5"]

    def recolor(ome: dict[str, Any]) -> None:
        ome["omero"]["channels"][0] |= {"color": "FF8000", "window": {"min": 0, "max": 9, "start": 1, "end": 7}}

    change(tmp_path / "a.zarr", recolor)
    looks = iso.read(tmp_path / "a.zarr").attrs["imagej"]
    assert [table[-1] for table in looks["luts"][0]] == [255, 128, 0]
    assert looks["ranges"][0] == [1, 7]
    iso.write(tmp_path / "b.zarr", iso.read(tmp_path / "a.zarr"))
    assert metadata(tmp_path / "b.zarr")["omero"]["channels"][0]["color"] == "FF8000"


def untarred(real: Path, name: str, folder: Path) -> Path:
    with tarfile.open(real / "formats" / name) as file:
        file.extractall(folder, filter="data")
    return next(folder.glob("*.zarr"))


def test_what_ngff_zarr_wrote(real: Path, tmp_path: Path) -> None:
    path = untarred(real, "ngffzarr_v05_sharded_mixed_units.zarr.tar", tmp_path)
    image = iso.read(path)
    assert image.shape == (20, 96, 128)
    assert {image[axis].attrs["units"] for axis in "zyx"} == {"nanometer"}  # z is in micrometers there
    assert [float(image[axis][0]) for axis in "zyx"] == [750, 80, 80]
    assert iso.voxel_size(image) == pytest.approx({"z": 1500, "y": 160, "x": 160})


def test_what_ngio_wrote(real: Path, tmp_path: Path) -> None:
    path = untarred(real, "ngio_czyx_v04_with_label.zarr.tar", tmp_path)
    image = iso.read(path)
    assert dict(image.sizes) == {"c": 2, "z": 3, "y": 64, "x": 64}
    assert iso.voxel_size(image) == {"z": 2, "y": 0.5, "x": 0.5}
    assert float(image.z[0]) == 0  # no translation: the first centre is at 0
    assert list(image.c.values) == ["channel1", "channel2"]
    assert iso.read(path, scene="labels/label").attrs["kind"] == "labels"


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_a_new_calibration_in_place(version: str, tmp_path: Path) -> None:
    image, _ = iso.sample(shape=(8, 300, 280), seed=2)
    path = tmp_path / "a.ome.zarr"
    iso.write(path, image, version=version)
    before = {each: each.read_bytes() for each in path.rglob("*") if each.is_file() and "zattrs" not in each.name}
    recalibrate(path, lambda found: iso.set_voxel_size(found, z=3, y=0.5, x=0.5, origin={"z": 6, "y": 0, "x": 0}))
    found = iso.read(path)
    assert iso.voxel_size(found) == {"z": 3, "y": 0.5, "x": 0.5}
    assert float(found.z[0]) == 7.5
    yaozarrs.validate_zarr_store(str(path))
    changed = [each.name for each, content in before.items() if each.read_bytes() != content]
    assert changed == (["zarr.json"] if version == "0.5" else [])


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_labels_go_along_with_a_new_calibration_of_their_image(version: str, tmp_path: Path) -> None:
    image, truth = iso.sample(shape=(8, 64, 60), seed=2)
    image = xr.concat([image, image], "c").assign_coords(c=["a", "b"])
    path = tmp_path / "a.ome.zarr"
    iso.write(path, image, version=version)
    for name in ("same", "moved"):
        iso.write(path / "labels" / name, truth)
    recalibrate(path, lambda found: iso.set_voxel_size(found, origin={"z": 40}), scene="labels/moved")
    with pytest.warns(UserWarning, match=r"labels/moved in .* stays as it is: on z they begin at 40"):
        recalibrate(path, lambda found: iso.set_voxel_size(found, z="3 um", y="0.5 um", x="0.5 um", origin={"z": 6}))
    for scene in (None, "labels/same"):
        found = iso.read(path, scene=scene)
        assert iso.voxel_size(found) == {"z": 3, "y": 0.5, "x": 0.5}
        assert float(found.z[0]) == 7.5
    np.testing.assert_array_equal(iso.read(path, scene="labels/same").values, truth.values)
    assert iso.voxel_size(iso.read(path, scene="labels/moved")) == iso.voxel_size(truth)


def test_labels_outside_of_an_image_are_not_touched(tmp_path: Path) -> None:
    image, truth = iso.sample(shape=(8, 64, 60), seed=2)
    for name in ("a.zarr", "b.zarr"):
        iso.write(tmp_path / name, image)
    iso.write(tmp_path / "a.zarr" / "labels" / "own", truth)
    other = (tmp_path / "b.zarr" / "zarr.json").read_bytes()
    change(tmp_path / "a.zarr" / "labels", lambda ome: ome.update(labels=["../../b.zarr", "gone"]))
    with heard() as remarks:
        recalibrate(tmp_path / "a.zarr", lambda found: iso.set_voxel_size(found, z="3 um"))
    assert len(remarks) == 2
    assert (tmp_path / "b.zarr" / "zarr.json").read_bytes() == other
    assert iso.voxel_size(iso.read(tmp_path / "a.zarr"))["z"] == 3


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_only_labels_of_the_grid_of_an_image_are_its_labels(version: str, tmp_path: Path) -> None:
    image, truth = iso.sample(shape=(8, 64, 60), seed=2)
    path = tmp_path / "a.ome.zarr"
    iso.write(path, image, version=version)
    with heard():
        coarser = iso.set_voxel_size(truth, z="9 um")
        elsewhere = iso.set_voxel_size(truth, origin={"x": "30 um"})
    for other, message in (
        (image, "Got intensities as labels"),
        (truth[1:], "'z': 7.*'z': 8"),
        (coarser, "on z their voxels are 9 micrometer"),
        (elsewhere, "on x they begin at 30 micrometer"),
    ):
        with pytest.raises(iso.ParameterError, match=message):
            iso.write(path / "labels" / "nuclei", other)
        assert not (path / "labels" / "nuclei").exists()
    iso.write(path / "labels" / "nuclei", iso.set_voxel_size(truth, unit="nm"))
    np.testing.assert_array_equal(iso.read(path, scene="labels/nuclei").values, truth.values)


def test_lazy_images_are_written_block_by_block(nuclei_zarr: tuple, tmp_path: Path) -> None:
    path, image = nuclei_zarr
    lazy = iso.rescale(iso.read(path, chunks={"z": 8, "y": 100}), 1.0)
    expected = iso.rescale(image, 1.0)
    for name in ("b.ome.zarr", "b.tif", "b.ome.tif"):
        iso.write(tmp_path / name, lazy)
        assert_same(iso.read(tmp_path / name), expected)


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_what_is_black_is_written_by_every_thread(version: str, tmp_path: Path) -> None:
    image = iso.as_image(np.zeros((200, 2, 3), np.uint8), "tyx", voxel_size=1, unit="um")
    iso.write(tmp_path / "a.zarr", image, version=version)
    assert_same(iso.read(tmp_path / "a.zarr").rename(None), image)


def test_levels_are_the_same_of_lazy_images(nuclei_zarr: tuple, tmp_path: Path) -> None:
    path, _ = nuclei_zarr
    iso.write(tmp_path / "b.ome.zarr", iso.read(path, chunks={"z": 8, "y": 100}))
    for level in ("0", "1"):
        lazy, memory = (sorted((folder / level).rglob("*")) for folder in (tmp_path / "b.ome.zarr", path))
        assert [a.read_bytes() for a in lazy if a.is_file()] == [a.read_bytes() for a in memory if a.is_file()]


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.zarr"])
def test_every_format_is_read_lazily(name: str, tmp_path: Path) -> None:
    image = make("tczyx")
    iso.write(tmp_path / name, image)
    lazy = iso.read(tmp_path / name, chunks={"z": 3})
    assert max(lazy.data.chunks[2]) == 3
    assert_same(lazy, image)
    np.testing.assert_array_equal(lazy[1, 2, 1:3, ::2, 4].values, image[1, 2, 1:3, ::2, 4].values)
    with pytest.raises(iso.ParameterError, match="chunks"):
        iso.read(tmp_path / name, chunks={"q": 3})
    with pytest.raises(iso.ParameterError, match="auto"):
        iso.read(tmp_path / name, chunks="some")


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.zarr"])
def test_a_lazy_image_is_of_its_file_wherever_we_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make("zyx")
    for folder, values in (("here", image), ("there", image + 1)):
        (tmp_path / folder).mkdir()
        iso.write(tmp_path / folder / name, values)
    monkeypatch.chdir(tmp_path / "here")
    lazy = iso.read(name, chunks={"y": 2})
    rescaled = iso.rescale(lazy, "finest", interpolation="nearest")
    opened = xr.open_dataarray(name, engine="isoscale")
    monkeypatch.chdir(tmp_path / "there")
    np.testing.assert_array_equal(lazy.values, image.values)
    np.testing.assert_array_equal(opened.values, image.values)
    expected = iso.rescale(image, "finest", interpolation="nearest")
    np.testing.assert_array_equal(rescaled.values, expected.values)
    for source in (lazy, rescaled):
        iso.write("copy.ome.zarr", source, overwrite=True)
        np.testing.assert_array_equal(iso.read("copy.ome.zarr").values, source.values)


def test_the_smaller_levels_are_of_their_file_wherever_we_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = iso.sample(shape=(4, 300, 280), seed=2)
    for folder, values in (("here", image), ("there", image * 0)):
        (tmp_path / folder).mkdir()
        iso.write(tmp_path / folder / "a.zarr", values)
    monkeypatch.chdir(tmp_path / "here")
    (level,) = smaller_levels("a.zarr")
    monkeypatch.chdir(tmp_path / "there")
    assert level.values.any()


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_xarray_opens_it_without_dask(name: str, tmp_path: Path) -> None:
    image = make("tczyx")
    iso.write(tmp_path / name, image)
    with xr.open_dataarray(tmp_path / name, engine="isoscale") as opened:
        assert not dask.is_dask_collection(opened.data)
        assert opened.z.attrs["units"] == "micrometer"
        np.testing.assert_array_equal(opened[1, 0, ::-2, 2:5, -1].values, image[1, 0, ::-2, 2:5, -1].values)
        np.testing.assert_array_equal(opened.isel(x=[3, 0]).values, image.isel(x=[3, 0]).values)
        np.testing.assert_array_equal(opened.values, image.values)


def test_a_coordinate_system_of_0_6(nuclei_zarr: tuple) -> None:
    path, image = nuclei_zarr

    def edit(ome: dict[str, Any]) -> None:
        (entry,) = ome["multiscales"]
        ome["version"] = "0.6"
        entry["coordinateSystems"] = [{"name": "physical", "axes": entry.pop("axes")}]
        for dataset in entry["datasets"]:
            steps = dataset["coordinateTransformations"]
            dataset["coordinateTransformations"] = [
                {"type": "sequence", "input": dataset["path"], "output": "physical", "transformations": steps}
            ]

    change(path, edit)
    assert_same(iso.read(path), image)
    change(path, lambda ome: ome["multiscales"][0]["datasets"][0]["coordinateTransformations"].append(
        {"type": "rotation", "rotation": [[1]], "output": "physical"}
    ))  # fmt: skip
    with pytest.raises(iso.FormatError, match=r"rotation.*straight grid"):
        iso.read(path)


def set_(key: str, value: Any) -> Any:
    return lambda ome: ome["multiscales"][0].__setitem__(key, value)


def dataset(key: str, value: Any) -> Any:
    return lambda ome: ome["multiscales"][0]["datasets"][0].__setitem__(key, value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda ome: ome.pop("multiscales"), "without an image"),
        (set_("datasets", []), "no array"),
        (set_("datasets", [{"pth": "0"}]), "broken.*path"),
        (dataset("path", "../../elsewhere/0"), "outside of it"),
        (dataset("path", "/etc"), "outside of it"),
        (dataset("path", "7"), "not there"),
        (dataset("coordinateTransformations", [{"type": "scale", "scale": [1, 1]}]), "2 numbers for 3 axes"),
        (set_("axes", [{"name": "z"}, {"name": "y"}, {"name": "q"}]), "z, y, q"),
        (set_("axes", [{"name": "y"}, {"name": "x"}]), "3 numbers for 2"),
        (lambda ome: ome.update(multiscales=[3]), "broken"),
    ],
)
def test_broken_metadata(nuclei_zarr: tuple, edit: Any, message: str) -> None:
    path, _ = nuclei_zarr
    change(path, edit)
    with pytest.raises(iso.FormatError, match=message):
        iso.read(path)


def test_chunks_that_are_empty_or_missing(nuclei_zarr: tuple) -> None:
    path, _ = nuclei_zarr
    shard = next(each for each in (path / "0" / "c").rglob("*") if each.is_file())
    lazy = iso.read(path, chunks="auto")
    shard.write_bytes(b"")
    with pytest.raises(iso.FormatError, match="missing or empty"):
        lazy.compute()
    shard.write_bytes(b"x")
    with pytest.raises(iso.FormatError, match="damaged"):
        lazy.compute()
    shard.unlink()
    with pytest.raises(iso.FormatError, match=r"1 of 1 files .* missing"):
        iso.read(path)


def test_metadata_that_are_no_json(nuclei_zarr: tuple) -> None:
    path, _ = nuclei_zarr
    (path / "zarr.json").write_text("{")
    with pytest.raises(iso.FormatError, match="no JSON"):
        iso.read(path)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    iso.write(tmp_path / "a.tif", make("zyx"))
    lazy = iso.read(tmp_path / "a.tif", chunks="auto")
    iso.write(tmp_path / "a.tif", make("zyx") + 1, overwrite=True)
    with pytest.raises(iso.FormatError, match="has changed since"):
        lazy.compute()


def test_outputs(tmp_path: Path, nuclei_zarr: tuple) -> None:
    path, image = nuclei_zarr
    with pytest.raises(iso.ParameterError, match="exists already"):
        iso.write(path, image)
    iso.write(path, image[:4], overwrite=True)
    assert iso.read(path).shape == (4, 300, 280)
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "letters.txt").write_text("dear")
    with pytest.raises(iso.ParameterError, match="no OME-Zarr"):
        iso.write(tmp_path / "mine.zarr", image, overwrite=True)
    with pytest.raises(iso.ParameterError, match=r"0\.5, 0\.4"):
        iso.write(tmp_path / "b.zarr", image, version="0.3")
    with pytest.raises(iso.ParameterError, match="ImageJ TIFF"):
        iso.write(tmp_path / "b.tif", image, version="0.4")
    with pytest.raises(iso.ParameterError, match="is the file"):
        iso.write(path, iso.read(path), overwrite=True)


class Acting:
    """Voxels on whose way something happens."""

    shape, dtype, ndim = (9, 700, 700), np.dtype("u2"), 3

    def __init__(self, act: Any) -> None:
        self.act = act

    def __getitem__(self, region: Any) -> Any:
        self.act()
        return np.ones([part.stop - part.start for part in region], self.dtype)

    def image(self) -> xr.DataArray:  # noqa: D102
        values = as_dask(self, (9, 350, 700))
        return iso.as_image(xr.DataArray(values, dims=tuple("zyx")), voxel_size=1, unit="um")


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
@pytest.mark.parametrize("name", ["a.ome.zarr", "a.tif"])
def test_an_interrupted_run_and_a_full_disk_leave_nothing(trouble: BaseException, name: str, tmp_path: Path) -> None:
    def act() -> None:
        raise trouble

    with pytest.raises(type(trouble), match="full" if isinstance(trouble, OSError) else None):
        iso.write(tmp_path / name, Acting(act).image())
    assert not list(tmp_path.iterdir())


def test_two_writers_on_one_output(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.zarr"
    other = make("zyx")

    def act() -> None:
        if not path.exists():
            iso.write(path, other)

    with pytest.raises(iso.ParameterError, match="exists already"):
        iso.write(path, Acting(act).image())
    assert_same(iso.read(path), other)
    assert [each.name for each in tmp_path.iterdir()] == ["a.ome.zarr"]


def test_a_plate_is_refused_with_the_way_to_its_images(nuclei_zarr: tuple, tmp_path: Path) -> None:
    path, image = nuclei_zarr
    plate = tmp_path / "plate.zarr"
    (plate / "A" / "1").mkdir(parents=True)
    attributes = {"ome": {"version": "0.5", "plate": {"wells": []}}}
    (plate / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}))
    shutil.move(path, plate / "A" / "1" / "0")
    with pytest.raises(iso.FormatError, match="a plate"):
        iso.read(plate)
    assert iso.read(plate / "A" / "1" / "0").shape == image.shape


def test_headers_alone(nuclei_zarr: tuple) -> None:
    path, image = nuclei_zarr
    assert iso.info(read_header(path)).voxel_size == iso.voxel_size(image)


def test_big_tiff_block_by_block(tmp_path: Path) -> None:
    """More than 4 GiB cannot be tried here; the planes of a lazy image come in the order of the file."""
    image = make("tczyx")
    iso.write(tmp_path / "a.ome.zarr", image)
    iso.write(tmp_path / "a.tif", iso.read(tmp_path / "a.ome.zarr", chunks={"z": 1}))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata["slices"] == 4
    assert_same(iso.read(tmp_path / "a.tif"), image)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.zarr"])
def test_what_no_disk_can_hold_is_not_begun(name: str, tmp_path: Path) -> None:
    shape = (10**5, 10**5, 10**5)
    huge = Acting(lambda: None)
    huge.shape = shape
    image = xr.DataArray(as_dask(huge, shape), dims=tuple("zyx"))
    with pytest.raises(OSError, match=r"would need .* TB, and the disk has"):
        iso.write(tmp_path / name, image)
    assert not list(tmp_path.iterdir())

"""Files: nothing is lost on the way out and back, and what other programs write is understood."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr

import isoscale_ij as iso
from images import ENDINGS, assert_same, make
from isoscale_ij.files import read_header, recalibrate
from isoscale_ij.image.calibration import lower_edge, mark_as_labels, spacing
from isoscale_ij.remarks import heard


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dims", ["yx", "zyx", "cyx", "tyx", "czyx", "tzyx", "tcyx", "tczyx"])
def test_round_trip_of_any_axes(tmp_path: Path, dims: str, ending: str) -> None:
    image = make(dims)
    iso.write(tmp_path / f"a{ending}", image)
    assert_same(iso.read(tmp_path / f"a{ending}"), image)
    header = read_header(tmp_path / f"a{ending}")
    assert (header.dims, header.shape, header.dtype) == (image.dims, image.shape, image.dtype)
    assert iso.voxel_size(header) == iso.voxel_size(image)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64", "int64"]
)
def test_round_trip_of_any_type(tmp_path: Path, dtype: str, ending: str) -> None:
    image = make("zyx", dtype)
    iso.write(tmp_path / f"a{ending}", image)
    assert_same(iso.read(tmp_path / f"a{ending}"), image)


@pytest.mark.parametrize("ending", ENDINGS)
def test_axes_of_one_voxel_stay(tmp_path: Path, ending: str) -> None:
    image = make("tczyx")[:1, :1, :1]
    iso.write(tmp_path / f"a{ending}", image)
    assert_same(iso.read(tmp_path / f"a{ending}"), image)


@pytest.mark.parametrize("ending", ENDINGS)
def test_origin_unit_and_attributes(tmp_path: Path, ending: str) -> None:
    image = iso.as_image(
        np.zeros((3, 4, 5), np.uint8), voxel_size=(1500, 160.25, 160.25), unit="nm", origin=(-3000, 12.5, 1e5)
    ).rename("nuclei")
    image.attrs |= {"stain": "DAPI", "numbers": [1, 2.5]}
    iso.write(tmp_path / f"a{ending}", image)
    found = iso.read(tmp_path / f"a{ending}")
    assert found.attrs == image.attrs
    assert iso.info(found).units == {"z": "nanometer", "y": "nanometer", "x": "nanometer"}
    assert iso.voxel_size(found) == iso.voxel_size(image)
    for axis in "zyx":
        assert lower_edge(found, axis) == pytest.approx(lower_edge(image, axis), rel=1e-12)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.ome.zarr"])
def test_attributes_of_numpy_and_numbers_that_json_has_not(tmp_path: Path, name: str) -> None:
    image = make("zyx").assign_attrs(
        exposure=np.int64(5),
        gain=np.float32(0.5),
        threshold=[171.5, math.nan, math.inf, -math.inf],
        matrix=np.eye(2),
        nested={"on": np.bool_(True), 3: (np.uint8(7), np.array([1.0, np.nan]))},
    )
    iso.write(tmp_path / name, image)
    found = iso.read(tmp_path / name).attrs
    assert repr(found) == repr(
        {
            "exposure": 5,
            "gain": 0.5,
            "threshold": [171.5, math.nan, math.inf, -math.inf],
            "matrix": [[1.0, 0.0], [0.0, 1.0]],
            "nested": {"on": True, "3": [7, [1.0, math.nan]]},
        }
    )
    whole = tmp_path / name / "zarr.json" if name.endswith("zarr") else tmp_path / name
    content = whole.read_bytes()
    for word in (b"NaN", b"Infinity"):  # of Python's JSON; strict readers refuse them
        assert word not in content
        assert word.decode().encode("utf-16-le") not in content


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.ome.zarr"])
def test_attributes_that_no_file_holds_are_named(tmp_path: Path, name: str) -> None:
    circle: dict[str, Any] = {"by": "us"}
    circle["again"] = circle
    image = make("zyx").assign_attrs(
        kept=1, mask=np.zeros((300, 300)), circle=circle, inner={"kept": 2, "what": object()}, some=[1, {2}]
    )
    with pytest.warns(UserWarning, match=r"mask \(ndarray\).*circle.*inner\['what'\] \(object\), some \(list\)"):
        iso.write(tmp_path / name, image)
    assert iso.read(tmp_path / name).attrs == {"kept": 1, "inner": {"kept": 2}}


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.ome.zarr"])
def test_labels_of_a_series_with_a_blank_time_point(tmp_path: Path, name: str) -> None:
    image, _ = iso.sample(shape=(8, 64, 64), seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is blank
        labels = iso.vol(xr.concat([image, image * 0], "t"), spot_sigma=1.8, outline_sigma=0.9)
    assert math.isnan(labels.attrs["threshold"][1])
    iso.write(tmp_path / name, labels)
    assert repr(iso.read(tmp_path / name).attrs["threshold"]) == repr(labels.attrs["threshold"])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("highest", [255, 65535, 65536, 2**24])
def test_labels_stay_labels(tmp_path: Path, ending: str, highest: int) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[0, 0, 0] = highest
    iso.write(tmp_path / f"a{ending}", labels)
    found = iso.read(tmp_path / f"a{ending}")
    assert_same(found, labels)
    stored = tifffile.imread(tmp_path / f"a{ending}").dtype
    assert stored == ("int32" if ending == ".ome.tif" else "uint16" if highest < 65536 else "float32")


def test_more_labels_than_imagej_can_hold(tmp_path: Path) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[0, 0, 0] = 2**24 + 1
    with pytest.raises(iso.FormatError, match=r"16777217.*ome.tif"):
        iso.write(tmp_path / "a.tif", labels)
    assert not list(tmp_path.iterdir())
    iso.write(tmp_path / "a.ome.tif", labels)
    assert_same(iso.read(tmp_path / "a.ome.tif"), labels)


@pytest.mark.parametrize("ending", ENDINGS)
def test_integers_that_do_not_fit(tmp_path: Path, ending: str) -> None:
    image = make("zyx", "int64")
    image.values[0, 0, 0] = 2**40
    with pytest.raises(iso.FormatError, match="1099511627776"):
        iso.write(tmp_path / f"a{ending}", image)
    assert not list(tmp_path.iterdir())


def test_real_numbers_that_imagej_cannot_hold(tmp_path: Path) -> None:
    image = make("zyx", "float64") + 0.1
    with pytest.raises(iso.FormatError, match=r"0\.1.*float32"):
        iso.write(tmp_path / "a.tif", image)
    iso.write(tmp_path / "a.ome.tif", image)
    assert_same(iso.read(tmp_path / "a.ome.tif"), image)


def test_an_uncalibrated_image_stays_uncalibrated(tmp_path: Path) -> None:
    for ending in ENDINGS:
        iso.write(tmp_path / f"a{ending}", np.zeros((3, 4, 5), np.uint8))
        with pytest.warns(iso.CalibrationWarning, match="no calibration"):
            assert iso.voxel_size(iso.read(tmp_path / f"a{ending}")) == {}


@pytest.mark.parametrize("axes", ["z", "y", "x", "zy", "zx", "yx"])
@pytest.mark.parametrize("size", [1.0, 1.5])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_unit_of_some_axes(tmp_path: Path, axes: str, size: float, ending: str) -> None:
    image = iso.as_image(np.zeros((3, 4, 5), np.uint8), voxel_size=dict.fromkeys(axes, f"{size} um"))
    iso.write(tmp_path / f"a{ending}", image)
    with heard():  # that the others have none
        assert_same(iso.read(tmp_path / f"a{ending}"), image.rename(iso.read(tmp_path / f"a{ending}").name))
        recalibrate(tmp_path / f"a{ending}", lambda found: iso.set_voxel_size(found, z="3 um", y="2 um", x="1 um"))
    assert iso.voxel_size(iso.read(tmp_path / f"a{ending}")) == {"z": 3.0, "y": 2.0, "x": 1.0}


def test_any_voxel_size_to_the_last_bit(tmp_path: Path, rng: np.random.Generator) -> None:
    for size in [*np.exp(rng.uniform(-6, 6, 40)), 0.1596665040315075, 1 / 3, 25.4 / 300, 1e-3]:
        iso.write(
            tmp_path / "a.tif", iso.as_image(np.zeros((2, 2), np.uint8), voxel_size=size, unit="um"), overwrite=True
        )
        assert iso.voxel_size(iso.read(tmp_path / "a.tif"))["x"] == pytest.approx(size, rel=3e-16)


@pytest.mark.parametrize("cut", [1, [1], [1, 2]])
def test_channels_that_are_cut_out_do_not_look_like_the_first(tmp_path: Path, cut: int | list[int]) -> None:
    luts = [np.outer(color, np.arange(256)).tolist() for color in ([1, 0, 0], [0, 1, 0], [0, 0, 1])]
    looks = {"luts": luts, "ranges": [[0.0, 100.0], [5.0, 4000.0], [1.0, 2.0]], "info": "63x"}
    image = make("czyx").assign_attrs(imagej=looks)
    iso.write(tmp_path / "a.tif", image)
    assert iso.read(tmp_path / "a.tif").attrs["imagej"] == looks
    part = iso.read(tmp_path / "a.tif").isel(c=cut)
    iso.write(tmp_path / "b.tif", part)
    assert iso.read(tmp_path / "b.tif").attrs == {"imagej": {"info": "63x"}}
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert not {"LUTs", "Ranges", "min", "max"} & set(file.imagej_metadata)
    if "c" in part.dims:
        iso.write(tmp_path / "b.zarr", part)
        described = json.loads((tmp_path / "b.zarr" / "zarr.json").read_text())["attributes"]["ome"]["omero"]
        assert described["channels"][0]["window"]["end"] == 65535
        assert described["channels"][0]["color"] != "FF0000"


# What others write


def imagej_file(
    path: Path, shape: tuple, description: str, *, order: str = "<", resolution: object = None, **tags: Any
) -> None:
    """A file as ImageJ writes it: description and tags by hand."""
    values = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    with tifffile.TiffWriter(path, byteorder=order) as file:
        file.write(
            values, photometric="minisblack", metadata=None, description="ImageJ=1.54p\n" + description, software=False,
            resolution=resolution or (4, 4), resolutionunit=1,
            extratags=tifffile.tifffile.imagej_metadata_tag(tags, order) if tags else (),
        )  # fmt: skip


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_imagej_hyperstack(tmp_path: Path, order: str) -> None:
    description = (
        "images=24\nchannels=2\nslices=4\nframes=3\nhyperstack=true\nmode=composite\nunit=micron\nfinterval=2.5\n"
        "spacing=1.5\nloop=false\nmin=10.0\nmax=200.0\nxorigin=10\nyorigin=-2\nzorigin=1\n"
    )
    lut = np.stack([np.arange(256), np.zeros(256), np.arange(256)[::-1]]).astype(np.uint8)
    imagej_file(
        tmp_path / "a.tif", (24, 5, 6), description, order=order,
        Info="objective: 63x", Ranges=(10.0, 200.0, 0.0, 99.0), LUTs=[lut, lut], Labels=["red", "green"] * 12,
    )  # fmt: skip
    image = iso.read(tmp_path / "a.tif")
    assert image.dims == ("t", "c", "z", "y", "x")
    assert image.shape == (3, 2, 4, 5, 6)
    assert int(image[1, 1, 2, 0, 0]) == ((1 * 4 + 2) * 2 + 1) * 30
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.25, "x": 0.25}
    assert (spacing(image, "t"), image.t.attrs["units"]) == (2.5, "second")
    assert float(image.x[0]) == (0.5 - 10) * 0.25
    assert float(image.y[0]) == (0.5 + 2) * 0.25
    assert float(image.z[0]) == (0.5 - 1) * 1.5
    assert image.c.values.tolist() == ["red", "green"]
    known = image.attrs["imagej"]
    assert "mode" not in known  # composite is what several channels are
    assert known["info"] == "objective: 63x"
    assert known["ranges"] == [[10.0, 200.0], [0.0, 99.0]]
    assert known["luts"] == [lut.tolist()] * 2
    iso.write(tmp_path / "b.tif", image)
    assert_same(iso.read(tmp_path / "b.tif"), image)


@pytest.mark.parametrize(
    ("lines", "units"),
    [
        ("unit=nm\n", "nanometer"), ("unit=mm\n", "millimeter"), ("unit=\\u00B5m\n", "micrometer"),
        ("unit=um\n", "micrometer"), ("unit=cm\n", "centimeter"), ("unit=inch\n", "inch"),
    ],
)  # fmt: skip
def test_units_of_imagej_on_all_axes(tmp_path: Path, lines: str, units: str) -> None:
    imagej_file(tmp_path / "a.tif", (4, 5, 6), f"images=4\nslices=4\nspacing=3.0\n{lines}")
    image = iso.read(tmp_path / "a.tif")
    assert iso.info(image).units == dict.fromkeys("zyx", units)
    assert iso.voxel_size(image) == {"z": 3.0, "y": 0.25, "x": 0.25}


def test_other_units_on_other_axes(tmp_path: Path) -> None:
    imagej_file(tmp_path / "a.tif", (4, 5, 6), "images=4\nslices=4\nspacing=3000\nunit=micron\nzunit=nm\n")
    assert iso.voxel_size(iso.read(tmp_path / "a.tif")) == {"z": 3.0, "y": 0.25, "x": 0.25}


def test_the_depth_of_a_single_plane_is_kept(tmp_path: Path) -> None:
    plane = make("zyx")[2:3]
    iso.write(tmp_path / "a.tif", plane)
    assert iso.voxel_size(iso.read(tmp_path / "a.tif"))["z"] == 1.5
    imagej_file(tmp_path / "b.tif", (5, 6), "unit=micron\nspacing=1.5\n")
    flat = iso.read(tmp_path / "b.tif")
    assert flat.dims == ("y", "x")
    assert flat.attrs["imagej"]["single"]["z"][0] == 1.5
    iso.write(tmp_path / "c.tif", flat)
    assert iso.read(tmp_path / "c.tif").attrs == flat.attrs


def test_a_depth_of_one_is_left_out_by_imagej(tmp_path: Path) -> None:
    imagej_file(tmp_path / "a.tif", (4, 5, 6), "images=4\nslices=4\nunit=micron\n")
    assert iso.voxel_size(iso.read(tmp_path / "a.tif")) == {"z": 1.0, "y": 0.25, "x": 0.25}


def test_signed_16_bit_as_imagej_marks_it(tmp_path: Path) -> None:
    imagej_file(
        tmp_path / "a.tif", (4, 5, 6), "images=4\nslices=4\nunit=micron\ncf=0\nc0=-32768.0\nc1=1.0\nvunit=gray value\n"
    )
    image = iso.read(tmp_path / "a.tif")
    assert image.dtype == np.int16
    assert int(image[0, 0, 1]) == 1 - 32768


@pytest.mark.parametrize("line", ["spacing=0", "spacing=-2", "spacing=NaN", "spacing=abc"])
def test_an_impossible_calibration_is_said_and_can_be_mended(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.tif"
    imagej_file(path, (4, 5, 6), f"images=4\nslices=4\nunit=micron\n{line}\n")
    with pytest.warns(iso.CalibrationWarning, match=r"on z.*set_voxel_size"):
        image = iso.read(path)
    assert iso.voxel_size(image) == {"y": 0.25, "x": 0.25}
    with pytest.warns(iso.CalibrationWarning):
        recalibrate(path, lambda found: iso.set_voxel_size(found, z=2))
    assert iso.voxel_size(iso.read(path)) == {"z": 2.0, "y": 0.25, "x": 0.25}


def test_rgb(tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "ZYXS", "spacing": 2, "unit": "um"},
    )
    image = iso.read(tmp_path / "a.tif")
    assert image.dims == ("c", "z", "y", "x")
    np.testing.assert_array_equal(image.values, np.moveaxis(values, -1, 0))
    iso.write(tmp_path / "b.tif", image)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), values)
    assert_same(iso.read(tmp_path / "b.tif"), image)


def test_what_tifffile_writes_for_imagej(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((3, 2, 4, 5, 6), np.float32), imagej=True, resolution=(1 / 0.2, 1 / 0.2),
        metadata={"axes": "TZCYX", "spacing": 1.5, "unit": "um", "finterval": 3},
    )  # fmt: skip
    image = iso.read(tmp_path / "a.tif")
    assert dict(image.sizes) == {"t": 3, "c": 4, "z": 2, "y": 5, "x": 6}
    assert iso.voxel_size(image) == pytest.approx({"z": 1.5, "y": 0.2, "x": 0.2})


def test_tifffile_reads_what_we_write(tmp_path: Path) -> None:
    image = make("tczyx")
    iso.write(tmp_path / "a.tif", image)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_imagej
        assert file.series[0].axes == "TZCYX"
        assert file.imagej_metadata["spacing"] == 1.5
        assert file.imagej_metadata["unit"] == "micron"
        assert file.imagej_metadata["finterval"] == 2.5
        numerator, denominator = file.pages[0].tags["XResolution"].value
        assert denominator / numerator == pytest.approx(0.1596665040315075, rel=1e-15)
        np.testing.assert_array_equal(file.asarray(), image.transpose("t", "z", "c", "y", "x").values)
    iso.write(tmp_path / "a.ome.tif", image)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert file.is_ome
        assert file.series[0].axes == "TCZYX"
        np.testing.assert_array_equal(file.asarray(), image.values)


def test_ome_tiff_with_other_units(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((2, 3, 4, 5), np.uint8),
        metadata={
            "axes": "CZYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 0.2, "PhysicalSizeYUnit": "µm",
            "PhysicalSizeZ": 1500, "PhysicalSizeZUnit": "nm", "Channel": {"Name": ["a", "b"]},
        },
    )  # fmt: skip
    image = iso.read(tmp_path / "a.ome.tif")
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.2, "x": 0.2}
    assert image.c.values.tolist() == ["a", "b"]


def test_recalibrating_an_ome_tiff_keeps_what_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, np.arange(60, dtype=np.uint8).reshape(3, 4, 5),
        metadata={"axes": "ZYX", "PhysicalSizeX": 0.2, "Description": "made by µManager"}, compression="zlib",
    )  # fmt: skip
    before = tifffile.imread(path)
    recalibrate(path, lambda image: iso.set_voxel_size(image, z=1.5, y=0.2, x=0.2, unit="um", origin={"z": 7}))
    image = iso.read(path)
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.2, "x": 0.2}
    assert lower_edge(image, "z") == 7
    np.testing.assert_array_equal(image.values, before)
    with tifffile.TiffFile(path) as file:
        assert "made by µManager" in file.ome_metadata
        assert file.pages[0].compression == 8


def test_a_plain_tiff_in_inches_and_pages(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((4, 5), np.uint8), resolution=(300, 300), resolutionunit=2, metadata=None
    )
    assert iso.voxel_size(iso.read(tmp_path / "a.tif"))["x"] == pytest.approx(1 / 300)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        for _ in range(3):
            file.write(np.zeros((4, 5), np.uint8), contiguous=False, metadata=None)
    with pytest.warns(iso.CalibrationWarning, match="no calibration"):
        assert dict(iso.read(tmp_path / "b.tif").sizes) == {"z": 3, "y": 4, "x": 5}


def test_of_several_images_the_first_is_read_and_that_is_said(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(np.zeros((4, 5, 6), np.uint8), metadata={"axes": "ZYX", "PhysicalSizeX": 1, "PhysicalSizeY": 1,
                                                           "PhysicalSizeZ": 1})  # fmt: skip
        file.write(np.zeros((7, 8), np.uint8), metadata={"axes": "YX"})
    with pytest.warns(UserWarning, match="holds 2 images; the first is read"):
        assert iso.read(tmp_path / "a.ome.tif").shape == (4, 5, 6)

"""Who wrote a TIFF: each dialect with its own calibration; and numbers that cannot be are said, not believed."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr

import isoscale_ij as iso
from images import assert_same, make
from isoscale_ij.cli import main
from isoscale_ij.files import recalibrate
from isoscale_ij.image.calibration import lower_edge, mark_as_labels, spacing
from isoscale_ij.image.label_colors import glasbey
from isoscale_ij.remarks import heard
from made_tiffs import VALUES, lsm, micromanager, scanimage, scanimage_3, scanimage_volumes, stk

IMAGEJ = "ImageJ=1.53c\nimages=6\nslices=6\n"


def tiff(path: Path, values: Any = VALUES, *, resolution: Any = None, **options: Any) -> Path:
    options = {"photometric": "minisblack", "metadata": None, "software": False} | options
    tifffile.imwrite(path, values, resolution=resolution, **options)
    return path


def sizes(path: Path) -> tuple[dict[str, float], Any]:
    """Voxel sizes and the unit of x; warnings are not asked for."""
    with heard():
        image = iso.read(path)
    return iso.voxel_size(image), iso.info(image).units.get("x")


# SCIFIO


@pytest.mark.parametrize("unit", ["\\u00B5m", "um"])
def test_scifio(tmp_path: Path, unit: str) -> None:
    description = (
        f"SCIFIO=0.41.2\naxes=X,Y,Z\nlengths=24,20,6\nscales=0.1,0.1,1.5\nunits={unit},{unit},{unit}\nbitsPerPixel=8\n"
        f"images=6\nchannels=1\nslices=6\nframes=1\nhyperstack=true\nmode=composite\nunit={unit}\n"
    )
    path = tiff(tmp_path / "a.tif", description=description, resolution=((10**8, 1000),) * 2, resolutionunit=3)
    assert sizes(path) == ({"z": 1.5, "y": 0.1, "x": 0.1}, "micrometer")
    np.testing.assert_array_equal(iso.read(path).values, VALUES)


def test_scifio_has_its_own_order_of_planes(tmp_path: Path) -> None:
    """Channels last, which ImageJ's words beside it do not say."""
    description = (
        "SCIFIO=0.41.2\naxes=X,Y,Z,Channel\nlengths=24,20,3,2\nscales=0.1,0.1,1.5,1.0\nunits=um,um,um,null\n"
        "images=6\nchannels=2\nslices=3\nframes=1\nhyperstack=true\n"
    )
    image = iso.read(tiff(tmp_path / "a.tif", description=description))
    assert image.dims == ("c", "z", "y", "x")
    np.testing.assert_array_equal(image.values, VALUES.reshape(2, 3, 20, 24))
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.1, "x": 0.1}


# ImageJ


@pytest.mark.parametrize(("unit", "dots"), [(2, 10), (3, 10), (2, 72), (1, 10)])
def test_imagej_without_a_unit_means_pixels(imagej: Any, tmp_path: Path, unit: int, dots: int) -> None:
    path = tiff(
        tmp_path / "a.tif", description=IMAGEJ + "spacing=1.5\n", resolution=((dots, 1),) * 2, resolutionunit=unit
    )
    size = 1 / dots if dots != 72 else 1.0
    assert sizes(path) == ({"z": 1.5, "y": size, "x": size}, None)
    calibration = imagej.openImage(str(path)).getCalibration()
    assert (float(calibration.pixelWidth), float(calibration.pixelDepth)) == (pytest.approx(size), 1.5)


@pytest.mark.parametrize("resolution", [(0, 1), (1, 0), (0, 0)])
def test_a_resolution_that_cannot_be(tmp_path: Path, resolution: tuple[int, int]) -> None:
    path = tiff(tmp_path / "a.tif", description=IMAGEJ + "unit=micron\nspacing=1.5\n", resolution=(5, 5))
    with tifffile.TiffFile(path) as file:
        places = [file.pages[0].tags[name].valueoffset for name in ("XResolution", "YResolution")]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place : place + 8] = struct.pack("<II", *resolution)
    path.write_bytes(content)
    with heard() as remarks:
        image = iso.read(path)
    np.testing.assert_array_equal(image.values, VALUES)
    assert iso.voxel_size(image) == {"z": 1.5}
    assert sum("Treated as uncalibrated: y, x" in str(remark) for remark in remarks) == 1
    with heard():
        recalibrate(path, lambda found: iso.set_voxel_size(found, y=0.1, x=0.1))
    assert sizes(path) == ({"z": 1.5, "y": 0.1, "x": 0.1}, "micrometer")


@pytest.mark.parametrize(
    ("kind", "content"),
    [(11, struct.pack("<f", 10)), (12, struct.pack("<d", 10)), (3, struct.pack("<H", 10)), (4, struct.pack("<I", 10))],
)  # fmt: skip
def test_resolutions_of_other_types(tmp_path: Path, kind: int, content: bytes) -> None:
    path = tiff(tmp_path / "a.tif", VALUES[0], resolution=((1, 1), (1, 1)), resolutionunit=3)
    with tifffile.TiffFile(path) as file:
        tags = [file.pages[0].tags[name] for name in ("XResolution", "YResolution")]
    data = bytearray(path.read_bytes())
    for tag in tags:
        data[tag.offset + 2 : tag.offset + 4] = struct.pack("<H", kind)
        if len(content) > 4:
            data[tag.valueoffset : tag.valueoffset + 8] = content
        else:
            data[tag.offset + 8 : tag.offset + 12] = content.ljust(4, b"\0")
    path.write_bytes(data)
    assert sizes(path) == ({"y": 0.1, "x": 0.1}, "centimeter")


@pytest.mark.parametrize("origin", ["nan", "NaN", "inf", "Infinity", "-1e400", "1e20"])
def test_an_origin_that_cannot_be(tmp_path: Path, origin: str) -> None:
    path = tiff(
        tmp_path / "a.tif", resolution=(4, 4), description=f"{IMAGEJ}unit=micron\nspacing=2\nxorigin={origin}\n"
    )
    with heard() as remarks:
        image = iso.read(path)
    assert iso.voxel_size(image) == {"z": 2.0, "y": 0.25, "x": 0.25}
    assert lower_edge(image, "x") == 0
    assert [str(remark) for remark in remarks if "where x begins" in str(remark)]
    with heard():
        recalibrate(path, lambda found: iso.set_voxel_size(found, x=0.5))
    with tifffile.TiffFile(path) as file:
        assert "xorigin" not in file.pages[0].description
    assert iso.voxel_size(iso.read(path))["x"] == 0.5


def test_an_rgb_stack_as_tifffile_writes_it(imagej: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 255, (3, 8, 9, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, photometric="rgb")
    with heard():
        image = iso.read(tmp_path / "a.tif")
    with pytest.warns(iso.CalibrationWarning, match="no calibration"):
        direct = iso.imagej.from_imageplus(imagej.openImage(str(tmp_path / "a.tif")))
    assert image.dims == ("c", "z", "y", "x")
    np.testing.assert_array_equal(image.values, np.moveaxis(values, -1, 0))
    np.testing.assert_array_equal(direct.values, image.values)


def test_an_rgb_hyperstack(tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 255, (2, 3, 8, 9, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, photometric="rgb", metadata={"axes": "ZCYXS"})
    with heard():
        image = iso.read(tmp_path / "a.tif")
    assert dict(image.sizes) == {"c": 9, "z": 2, "y": 8, "x": 9}
    np.testing.assert_array_equal(image.values[4], values[:, 1, :, :, 1])


@pytest.mark.parametrize("lines", ["images=3\nslices=3\n", "images=6\nslices=2\n", "slices=5\n", "images=x\n", ""])
def test_a_description_that_disagrees_with_the_pages(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(VALUES):
            first = {"description": f"ImageJ=1.53c\nunit=um\nspacing=2\n{lines}"} if number == 0 else {}
            file.write(plane, photometric="minisblack", metadata=None, compression="zlib", resolution=(4, 4), **first)
    with heard() as remarks:
        image = iso.read(path)
    assert image.dims == ("z", "y", "x")
    np.testing.assert_array_equal(image.values, VALUES)
    assert iso.voxel_size(image) == {"z": 2.0, "y": 0.25, "x": 0.25}
    assert bool(remarks) == bool(lines)


@pytest.mark.parametrize("highest", [7, 300, 70_000])
def test_labels_have_their_colours_and_the_note_that_nobody_chose_them(
    imagej: Any, tmp_path: Path, highest: int
) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    labels.values[...] %= 7
    labels.values[0, 0, 0] = highest
    iso.write(tmp_path / "a.tif", labels)
    imp = imagej.openImage(str(tmp_path / "a.tif"))
    table = np.asarray(imp.getLuts()[0].getBytes()).view(np.uint8).reshape(3, 256)
    np.testing.assert_array_equal(table, glasbey().T)
    assert (imp.getDisplayRangeMin(), imp.getDisplayRangeMax()) == (0, max(255, highest))
    assert_same(iso.read(tmp_path / "a.tif"), labels)
    assert "luts" not in iso.imagej.from_imageplus(imp).attrs.get("imagej", {})
    chosen = labels.assign_attrs(imagej={"luts": [np.zeros((3, 256), int).tolist()], "ranges": [[0.0, 9.0]]})
    iso.write(tmp_path / "b.tif", chosen)
    assert_same(iso.read(tmp_path / "b.tif"), chosen)


# OME


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('PhysicalSizeX="0,1" PhysicalSizeY="0,1" PhysicalSizeZ="1,5"', {}),
        ('PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ=""', {"y": 0.1, "x": 0.1}),
        ('PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="nan"', {"y": 0.1, "x": 0.1}),
        ('PhysicalSizeX="0" PhysicalSizeY="-1" PhysicalSizeZ="inf"', {}),
    ],
)
def test_ome_sizes_that_are_no_numbers(tmp_path: Path, text: str, left: dict[str, float]) -> None:
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="24" SizeY="20" SizeZ="6" SizeC="1" SizeT="1" '
        f'{text}><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData/></Pixels></Image></OME>'
    )
    path = tiff(tmp_path / "a.ome.tif", description=xml.encode())
    with heard() as remarks:
        image = iso.read(path)
    assert iso.voxel_size(image) == left
    assert sum("Treated as uncalibrated" in str(remark) for remark in remarks) == 1
    stated = text.split('"')[5]
    assert any(stated in str(remark) for remark in remarks)
    assert main(["set-voxel-size", str(path), "--z", "1.5", "--y", "0.1", "--x", "0.1", "--unit", "um"]) == 0
    assert sizes(path) == ({"z": 1.5, "y": 0.1, "x": 0.1}, "micrometer")


@pytest.mark.parametrize("text", ["cells\0x", "a\x0bb", "a\x1b", "a\ud800", "a\ufffe"])
@pytest.mark.parametrize("where", ["name", "channel", "unit"])
def test_letters_that_no_xml_holds(tmp_path: Path, text: str, where: str) -> None:
    image = iso.as_image(np.zeros((2, 3, 4, 5), np.uint8), dims="czyx", voxel_size=1, unit="um")
    if where == "unit":  # as another program may leave it; as_image refuses such units
        for axis in "zyx":
            image[axis].attrs["units"] = text
    if where == "name":
        image.name = text
    elif where == "channel":
        image = image.assign_coords(c=[text, "GFP"])
    with pytest.raises(iso.FormatError, match=r"cannot hold|no file can hold"):
        iso.write(tmp_path / "a.ome.tif", image)
    assert not list(tmp_path.iterdir())
    try:
        iso.write(tmp_path / "a.tif", image)
    except iso.FormatError as error:
        assert text == "a\ud800"
        assert "no file can hold" in str(error)  # noqa: PT017
    else:
        with heard():
            again = iso.read(tmp_path / "a.tif")
        assert again.c.values.tolist() == image.c.values.tolist() if where == "channel" else True


def test_attributes_with_any_letter(tmp_path: Path) -> None:
    image = make("zyx").assign_attrs(note="a\0b\x1b\ud800\ufffe<&>\"'µ")
    for ending in (".tif", ".ome.tif"):
        iso.write(tmp_path / f"a{ending}", image)
        assert_same(iso.read(tmp_path / f"a{ending}"), image)


@pytest.mark.parametrize("dtype", ["longdouble"])
@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_types_that_no_file_holds(tmp_path: Path, dtype: str, ending: str) -> None:
    with pytest.raises(iso.FormatError, match=r"Got values of type.*up to 64 bits"):
        iso.write(tmp_path / f"a{ending}", np.zeros((3, 4, 5), dtype))


# Microscopes


def test_lsm(tmp_path: Path) -> None:
    path = lsm(tmp_path / "a.lsm")
    image = iso.read(path)  # no warning: thumbnails are no images
    np.testing.assert_array_equal(image.values, VALUES)
    assert sizes(path) == ({"z": 1.5, "y": 0.1, "x": 0.1}, "micrometer")
    with pytest.raises(iso.FormatError, match=r"in place.*microscope.*give an output"):
        recalibrate(path, lambda found: iso.set_voxel_size(found, z=2))


def test_an_lsm_that_does_not_know_z(tmp_path: Path) -> None:
    """1e-19 m, as a recorded one has it."""
    with pytest.warns(iso.CalibrationWarning, match="none on z"):
        image = iso.read(lsm(tmp_path / "a.lsm", z=1e-19))
    assert iso.voxel_size(image) == {"y": 0.1, "x": 0.1}


def test_stk(tmp_path: Path) -> None:
    path = stk(tmp_path / "a.stk")
    assert sizes(path) == ({"z": 1.5, "y": 0.1, "x": 0.1}, "micrometer")
    np.testing.assert_array_equal(iso.read(path).values, VALUES)
    with heard() as remarks:
        assert "z" not in iso.voxel_size(iso.read(stk(tmp_path / "b.stk", (3, 3, 3, 5, 3, 3))))
    assert "from 1.5 to 2.5" in str(remarks[0])


def test_ndtiff(real: Path) -> None:
    path = real / "formats" / "ndtiff_v2.tif"
    if not path.exists():
        pytest.skip("the file is not here")
    with heard():
        image = iso.read(path)
    assert dict(image.sizes) == {"t": 5, "c": 2, "y": 32, "x": 32}
    assert sizes(path) == ({"y": 1.0, "x": 1.0}, "micrometer")
    pages = tifffile.imread(path)
    np.testing.assert_array_equal(image.values[0, 1], pages[1])
    np.testing.assert_array_equal(image.values[4, 0], pages[8])


def test_micromanager(tmp_path: Path) -> None:
    for indexed in (False, True):
        image = iso.read(micromanager(tmp_path / f"{indexed}.tif", indexed=indexed)).squeeze()
        assert image.dims == ("c", "z", "y", "x")
        assert image.c.values.tolist() == ["DAPI", "GFP"]
        assert iso.voxel_size(image) == {"z": 0.75, "y": 0.1, "x": 0.1}
        np.testing.assert_array_equal(image.values, VALUES.reshape(2, 3, 20, 24))


def test_scanimage_in_fast_volumes(tmp_path: Path) -> None:
    image = iso.read(scanimage_volumes(tmp_path / "a.tif"))
    assert dict(image.sizes) == {"t": 2, "c": 2, "z": 4, "y": 20, "x": 24}
    pages = image.values[..., 0, 0] // 10
    np.testing.assert_array_equal(pages[0], [[0, 2, 4, 6], [1, 3, 5, 7]])
    np.testing.assert_array_equal(pages[1], [[10, 12, 14, 16], [11, 13, 15, 17]])  # 8 and 9 are the way back
    assert image.c.values.tolist() == ["red", "blue"]
    assert iso.voxel_size(image) == {"z": 2.5, "y": 0.5, "x": 0.5}
    assert spacing(image, "t") == pytest.approx(5 / 30)


def test_scanimage_with_repeats_of_each_slice(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.int16)[:, None, None] + np.zeros((6, 20, 24), np.int16)
    settings = {"hStackManager.enable": "true", "hStackManager.numSlices": "3", "hStackManager.framesPerSlice": "2"}
    image = iso.read(scanimage(tmp_path / "a.tif", values, **settings))
    np.testing.assert_array_equal(image.values[..., 0, 0], [[0, 2, 4], [1, 3, 5]])
    assert image.dims == ("t", "z", "y", "x")


def test_scanimage_without_a_stack(tmp_path: Path) -> None:
    """How many slices an earlier one had does not count."""
    image = iso.read(scanimage(tmp_path / "a.tif", VALUES.astype(np.int16)))
    assert dict(image.sizes) == {"t": 6, "y": 20, "x": 24}
    assert spacing(image, "t") == pytest.approx(1 / 30)
    assert iso.voxel_size(image) == {"y": 0.5, "x": 0.5}
    with pytest.raises(iso.FormatError, match=r"settings of ScanImage.*give an output"):
        recalibrate(tmp_path / "a.tif", lambda found: iso.set_voxel_size(found, x=2))


def test_a_scanimage_volume_that_was_not_finished(tmp_path: Path) -> None:
    settings = {
        "hStackManager.enable": "true",
        "hStackManager.actualNumSlices": "4",
        "hStackManager.framesPerSlice": "1",
    }
    with pytest.warns(UserWarning, match="2 of 4 frames of it are there; it is left out"):
        image = iso.read(scanimage(tmp_path / "a.tif", VALUES.astype(np.int16), **settings))
    np.testing.assert_array_equal(image.values, VALUES[:4])
    with pytest.raises(iso.FormatError, match="3 of the 4 frames"):
        iso.read(scanimage(tmp_path / "b.tif", VALUES[:3].astype(np.int16), **settings))
    with pytest.raises(iso.FormatError, match="4 channels do not divide"):
        iso.read(scanimage(tmp_path / "c.tif", VALUES.astype(np.int16), **{"hChannels.channelSave": "[1;2;3;4]"}))


def test_scanimage_3(tmp_path: Path) -> None:
    """Its 72 dpi are no size of pixels."""
    with heard() as remarks:
        image = iso.read(scanimage_3(tmp_path / "a.tif", VALUES.astype(np.uint16), 3, 2))
    np.testing.assert_array_equal(image.values, VALUES.reshape(3, 2, 20, 24).swapaxes(0, 1))
    assert iso.voxel_size(image) == {"z": 1.5}
    assert "none on y, x" in str(remarks[0])
    with heard():
        series = iso.read(scanimage_3(tmp_path / "b.tif", VALUES.astype(np.uint16), 1, 6))
    assert series.dims == ("t", "y", "x")
    assert spacing(series, "t") == 0.25


# Plain


def test_masks_of_one_bit(tmp_path: Path) -> None:
    mask = VALUES > 127
    path = tiff(tmp_path / "a.tif", mask, resolution=(10, 10), resolutionunit=3)
    with heard():
        image = iso.read(path)
    assert image.dtype == bool
    np.testing.assert_array_equal(image.values, mask)


def directory(*entries: tuple[int, int, int], following: int = 0) -> bytes:
    """A directory of short (3) and long (4) values."""
    packed = b"".join(
        struct.pack("<HHIHH" if kind == 3 else "<HHII", code, kind, 1, value, *((0,) if kind == 3 else ()))
        for code, kind, value in entries
    )
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def page(width: int, height: int, bits: int, at: int, size: int) -> list[tuple[int, int, int]]:
    return [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, at), (277, 3, 1),
        (278, 4, height), (279, 4, size),
    ]  # fmt: skip


def test_twelve_bits_need_imagecodecs(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    size = 20 * 24 * 3 // 2
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory(*page(24, 20, 12, 122, size)) + bytes(size))
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        with pytest.raises(iso.MissingDependencyError, match="pip install imagecodecs"):
            iso.read(path)
    else:
        with heard():
            assert iso.read(path).shape == (20, 24)


def test_planes_in_any_order(tmp_path: Path) -> None:
    path, size, start = tmp_path / "a.tif", 20 * 24, 8 + 6 * 20 * 24
    content = b"II*\0" + struct.pack("<I", start) + b"".join(plane.tobytes() for plane in VALUES[::-1])
    for number in range(6):
        following = start + (number + 1) * 114 if number < 5 else 0
        content += directory(*page(24, 20, 8, 8 + (5 - number) * size, size), following=following)
    path.write_bytes(content)
    with heard():
        np.testing.assert_array_equal(iso.read(path).values, VALUES)


def test_four_dimensions_without_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, VALUES.reshape(3, 2, 20, 24), photometric="minisblack")
    with pytest.raises(iso.FormatError, match=r"3 along \?, 2 along \?, 20 along y.*dims="):
        iso.read(path)
    assert main(["info", str(path)]) == 1
    assert "Traceback" not in capsys.readouterr().err
    tifffile.imwrite(path, VALUES.reshape(3, 2, 20, 24), photometric="minisblack", metadata={"axes": "TZYX"})
    with heard():
        assert iso.read(path).dims == ("t", "z", "y", "x")
    tifffile.imwrite(path, VALUES.reshape(1, 3, 2, 20, 24), photometric="minisblack")
    with heard():
        assert iso.read(path).dims == ("t", "c", "z", "y", "x")  # as any array of five dimensions


# Positions and sources


def test_positions_in_float32_far_from_0() -> None:
    positions = {
        "z": np.arange(3.0),
        "y": np.arange(8) * 0.5,
        "x": (45000 + np.arange(2048) * 0.103).astype(np.float32),
    }
    image = xr.DataArray(
        np.zeros((3, 8, 2048), np.uint8),
        coords={axis: (axis, values, {"units": "um"}) for axis, values in positions.items()},
        dims=list("zyx"),
    )
    image = iso.as_image(image)
    assert iso.voxel_size(image)["x"] == pytest.approx(0.103, abs=1e-5)
    assert image.x.dtype == np.float64
    assert spacing(iso.as_image(image), "x") == iso.voxel_size(image)["x"]
    with pytest.raises(iso.CalibrationError, match="unequal steps"):
        iso.as_image(image.assign_coords(x=image.x.copy(data=positions["x"].astype(np.float64))))


@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_a_result_does_not_replace_what_it_was_made_of(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    image, _ = iso.sample(shape=(8, 32, 32), n_objects=3)
    iso.write(path, image)
    before = path.read_bytes()
    read = iso.read(path)
    with heard(), warnings.catch_warnings():
        warnings.simplefilter("ignore", iso.SegmentationWarning)
        labels = iso.vol(read, spot_sigma=1.5, outline_sigma=1.0)
    results = {
        "rescaled": iso.rescale(read, 1.0), "labels": labels,
        "doubled": read * 2, "cast": read.astype("float32"), "part": read[::2], "again": iso.as_image(read),
        "calibrated": iso.set_voxel_size(read, z=3), "scaled by one": iso.rescale(read, factor=1),
        "twice": iso.rescale(iso.rescale(read, 1.0) + 1, 0.7),
    }  # fmt: skip
    for name, result in results.items():
        with pytest.raises(iso.ParameterError, match="read from, or was made of"):
            iso.write(path, result, overwrite=True)
        iso.write(tmp_path / f"{name}{ending}", result)
        assert "source" not in str(iso.read(tmp_path / f"{name}{ending}").attrs)
    assert path.read_bytes() == before
    iso.write(path, image, overwrite=True)  # which was never read

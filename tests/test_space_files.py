"""NRRD, NIfTI, MRC: directions, units and stacks that ITK and the libraries of those formats write."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

import isoscale_ij as iso

nrrd = pytest.importorskip("nrrd")
nibabel = pytest.importorskip("nibabel")
mrcfile = pytest.importorskip("mrcfile")

pytestmark = pytest.mark.filterwarnings("ignore::isoscale_ij.CalibrationWarning")
VALUES = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
TURNED, FLIPPED = (0, -1, 0, 1, 0, 0, 0, 0, 1), (-1, 0, 0, 0, -1, 0, 0, 0, 1)
ASLANT = (0.96, -0.28, 0, 0.28, 0.96, 0, 0, 0, 1)


def by_itk(path: Path, directions: tuple[float, ...] = (), **how: Any) -> Path:
    image = SimpleITK.GetImageFromArray(VALUES)
    image.SetSpacing((0.1, 0.2, 1.5))
    image.SetOrigin((10, 20, 30))
    if directions:
        image.SetDirection(directions)
    SimpleITK.WriteImage(image, str(path), **how)
    return path


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz"])
def test_an_image_that_lies_aslant_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(iso.FormatError, match="lies aslant in space"):
        iso.read(by_itk(tmp_path / f"a{ending}", ASLANT))


@pytest.mark.parametrize("ending", [".nrrd", ".nii"])
def test_axes_along_others_are_said_and_such_that_run_backwards_are_not(tmp_path: Path, ending: str) -> None:
    with pytest.warns(UserWarning, match="do not run as those of space do"):
        turned = iso.read(by_itk(tmp_path / f"a{ending}", TURNED))
    back = iso.read(by_itk(tmp_path / f"b{ending}", FLIPPED if ending == ".nrrd" else ()))  # ITK's x is -x of NIfTI
    for image in (turned, back):
        np.testing.assert_array_equal(image, VALUES)
        assert iso.voxel_size(image) == {"z": 1.5, "y": 0.2, "x": 0.1}
        assert [float(image[axis][0]) for axis in "zyx"] == [0.75, 0.1, 0.05]


@pytest.mark.parametrize("packed", [False, True])
def test_regions_of_an_nrrd(tmp_path: Path, packed: bool) -> None:
    path = by_itk(tmp_path / "a.nrrd", useCompression=packed)
    lazy = iso.read(path, chunks={"z": 2})
    np.testing.assert_array_equal(lazy[1:, ::2, 3:5], VALUES[1:, ::2, 3:5])
    assert [float(lazy[axis][0]) for axis in "zyx"] == [30, 20, 10]  # the origin is the centre of the first voxel


def test_units_channels_and_time_of_an_nrrd(tmp_path: Path) -> None:
    values = np.arange(3 * 4 * 5 * 2, dtype=">i2").reshape(3, 4, 5, 2)  # c, z, y, x, of which x is stored first
    header = {
        "kinds": ["domain", "domain", "domain", "list"], "encoding": "raw", "endian": "big",
        "spacings": [0.1, 0.2, 1.5, float("nan")], "units": ["um", "um", "um", ""],
    }  # fmt: skip
    nrrd.write(str(tmp_path / "a.nrrd"), values, header, index_order="C")
    image = iso.read(tmp_path / "a.nrrd")
    assert image.dims == ("c", "z", "y", "x")
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.2, "x": 0.1}
    assert image.x.attrs["units"] == "micrometer"
    np.testing.assert_array_equal(image, values)
    nrrd.write(str(tmp_path / "b.nrrd"), values, header | {"kinds": ["domain"] * 3 + ["covariant-vector"]})
    with pytest.raises(iso.FormatError, match="axis of the kind 'covariant-vector'"):
        iso.read(tmp_path / "b.nrrd")


def test_an_nrrd_whose_voxels_are_elsewhere_or_too_few(tmp_path: Path) -> None:
    path = by_itk(tmp_path / "a.nrrd", useCompression=True)
    content = path.read_bytes()
    begin = content.index(b"\n\n") + 2
    path.write_bytes(content[:begin] + gzip.compress(b"\0" * 20))
    with pytest.raises(iso.FormatError, match="holds 20 of 240 bytes"):
        iso.read(path)
    path.write_bytes(content[: begin - 1] + b"data file: ../secret.raw\n\n")
    with pytest.raises(iso.FormatError, match="its voxels in another file"):
        iso.read(path)
    path.write_bytes(content.replace(b"sizes: 6 5 4", b"sizes: 6000000 500000 400000"))
    with pytest.raises((iso.MemoryLimitError, iso.FormatError)):
        iso.read(path)


def test_an_nrrd_that_unpacks_to_more_than_it_says_is_read_as_it_says(tmp_path: Path) -> None:
    path = by_itk(tmp_path / "a.nrrd", useCompression=True)
    content = path.read_bytes()
    begin = content.index(b"\n\n") + 2
    path.write_bytes(content[:begin] + gzip.compress(VALUES.tobytes() + b"\0" * (200 << 20), 1))
    np.testing.assert_array_equal(iso.read(path), VALUES)


def test_time_scaling_and_units_of_a_nifti(tmp_path: Path) -> None:
    values = np.arange(6 * 5 * 4 * 3, dtype=np.int16).reshape(6, 5, 4, 3)
    stored = nibabel.Nifti1Image(values, np.diag([0.1, 0.2, 1.5, 1]))
    stored.header.set_xyzt_units("micron", "msec")
    stored.header["pixdim"][4] = 250
    nibabel.save(stored, tmp_path / "a.nii.gz")
    image = iso.read(tmp_path / "a.nii.gz")
    assert image.dims == ("t", "z", "y", "x")
    assert (image.x.attrs["units"], iso.voxel_size(image)) == ("micrometer", {"z": 1.5, "y": 0.2, "x": 0.1})
    assert (image.t.attrs["units"], image.t.attrs["spacing"]) == ("millisecond", 250)
    np.testing.assert_array_equal(image, values.T)
    stored = nibabel.Nifti2Image(values[..., 0].astype(np.float64) / 3, np.diag([0.1, 0.2, 1.5, 1]))
    stored.set_data_dtype(np.uint8)  # nibabel scales
    nibabel.save(stored, tmp_path / "b.nii")
    image = iso.read(tmp_path / "b.nii", chunks={"z": 1})
    assert image.dtype == np.float64
    np.testing.assert_allclose(image, values[..., 0].T / 3, atol=0.3)


def test_a_stack_of_pictures_and_another_order_of_axes_of_an_mrc(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(VALUES.astype(np.float32))
        file.voxel_size = (10, 20, 30)
    assert iso.voxel_size(iso.read(tmp_path / "a.mrc")) == {"z": 30.0, "y": 20.0, "x": 10.0}
    with mrcfile.open(tmp_path / "a.mrc", "r+") as file:
        file.set_image_stack()
    image = iso.read(tmp_path / "a.mrc")
    assert iso.voxel_size(image) == {"y": 20.0, "x": 10.0}
    with mrcfile.open(tmp_path / "a.mrc", "r+") as file:
        file.set_volume()
        file.header.mapc, file.header.mapr, file.header.maps = 2, 1, 3
    image = iso.read(tmp_path / "a.mrc")
    np.testing.assert_array_equal(image, VALUES.transpose(0, 2, 1))
    content = (tmp_path / "a.mrc").read_bytes()
    (tmp_path / "a.mrc").write_bytes(content[:-8])
    with pytest.raises(iso.FormatError):
        iso.read(tmp_path / "a.mrc")


def test_bytes_of_imod_have_no_sign(tmp_path: Path) -> None:
    for flags, expected in ((0, 200), (1, -56)):
        with mrcfile.new(tmp_path / f"{flags}.mrc") as file:
            file.set_data(np.full((2, 3, 4), -56, np.int8))
        content = bytearray((tmp_path / f"{flags}.mrc").read_bytes())
        content[152:160] = np.array([1146047817, flags], "<i4").tobytes()
        (tmp_path / f"{flags}.mrc").write_bytes(content)
        image = iso.read(tmp_path / f"{flags}.mrc")
        assert (image == expected).all()


@pytest.mark.parametrize(("module", "ending"), [("nrrd", ".nrrd"), ("nibabel", ".nii"), ("mrcfile", ".mrc")])
def test_a_library_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, ending: str) -> None:
    path = by_itk(tmp_path / f"a{ending}")
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(iso.MissingDependencyError, match=r'pip install "isoscale-ij\[n?[rim]'):
        iso.read(path)

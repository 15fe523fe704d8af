"""Any file into one of ours: nothing lost, in little memory, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from images import assert_same, make
from isoscale_ij.cli import main
from isoscale_ij.files import read_header
from isoscale_ij.files.converting import convert
from isoscale_ij.files.streaming import StreamedValues
from isoscale_ij.image.calibration import mark_as_labels
from known_files import library
from made_files import Axis, leica_image, lif


@pytest.mark.parametrize("ending", [".tif", ".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("dims", ["yx", "zyx", "czyx", "tczyx"])
def test_an_image_and_its_calibration(dims: str, ending: str, tmp_path: Path) -> None:
    image = make(dims, "int16", origin=3.5).assign_attrs(note="about it")
    for source in (".tif", ".ome.tif", ".ome.zarr"):
        iso.write(tmp_path / f"from{source}", image)
        convert(tmp_path / f"from{source}", tmp_path / f"of{source}{ending}")
        assert_same(iso.read(tmp_path / f"of{source}{ending}"), image, digits=14)


def test_labels_stay_labels(tmp_path: Path) -> None:
    labels = mark_as_labels(make("zyx", "int32"))
    iso.write(tmp_path / "a.ome.tif", labels)
    convert(tmp_path / "a.ome.tif", tmp_path / "b.tif")
    assert_same(iso.read(tmp_path / "b.tif"), labels)


def two(path: Path) -> Path:
    library("liffile")
    values = np.arange(60, dtype=np.uint8).reshape(3, 5, 4)
    axes = [Axis(1, 4, 3e-7), Axis(2, 5, 8e-7), Axis(3, 3, 4e-6)]
    left, right = (leica_image(axes, [{}], 8, name, f"block {at}") for at, name in enumerate(["left", "a: right?"]))
    return lif(path, (left, values), (right, values + 100))


def test_each_scene_in_a_file_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = two(tmp_path / "two.lif")
    assert main(["convert", str(path), str(tmp_path / "out.ome.tif"), "--scene", "all"]) == 0
    outputs = [tmp_path / name for name in ("out-0-left.ome.tif", "out-1-a_ right_.ome.tif")]
    assert capsys.readouterr().out.splitlines() == [str(output) for output in outputs]
    for scene, output in enumerate(outputs):
        assert_same(iso.read(output), iso.read(path, scene=scene))
    (tmp_path / "out-0-left.ome.tif").unlink()
    assert main(["convert", str(path), str(tmp_path / "out.ome.tif"), "--scene", "all"]) == 1
    assert not (tmp_path / "out-0-left.ome.tif").exists()  # the other one is there already: said before the work


def test_one_scene_and_one_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = two(tmp_path / "two.lif")
    assert main(["convert", str(path), str(tmp_path / "a.tif"), "--scene", "1"]) == 0
    assert int(iso.read(tmp_path / "a.tif").max()) == 159
    assert main(["convert", str(path), str(tmp_path / "b.tif"), "--scene", "middle"]) == 1
    assert "0 (left), 1 (a: right?)" in capsys.readouterr().err
    assert not (tmp_path / "b.tif").exists()


def test_several_files_into_a_folder(tmp_path: Path) -> None:
    path = two(tmp_path / "two.lif")
    iso.write(tmp_path / "a.ome.tif", make("zyx"))
    assert main(["convert", str(path), str(tmp_path / "a.ome.tif"), "--into", str(tmp_path / "all")]) == 0
    assert sorted(each.name for each in (tmp_path / "all").iterdir()) == ["a.ome.tif", "two.tif"]


def test_the_input_is_never_replaced(tmp_path: Path) -> None:
    iso.write(tmp_path / "a.tif", make("zyx"))
    (tmp_path / "link.tif").symlink_to(tmp_path / "a.tif")
    for output in ("a.tif", "link.tif"):
        with pytest.raises(iso.ParameterError, match="is the input"):
            convert(tmp_path / "a.tif", tmp_path / output, overwrite=True)


def test_progress_and_its_end(tmp_path: Path) -> None:
    image = make("tczyx")
    iso.write(tmp_path / "a.ome.tif", image)
    done: list[int] = []
    convert(tmp_path / "a.ome.tif", tmp_path / "b.tif", on_progress=lambda now, total, _: done.append(now))
    assert done == sorted(done)
    assert done[-1] == image.size

    def stop(now: int, total: int, step: str) -> None:
        if now > total / 3:
            raise iso.Cancelled("enough")

    with pytest.raises(iso.Cancelled):
        convert(tmp_path / "a.ome.tif", tmp_path / "c.tif", on_progress=stop)
    assert not (tmp_path / "c.tif").exists()


def test_a_source_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    path = two(tmp_path / "two.lif")
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    with pytest.raises(iso.FormatError, match=r"not complete|damaged"):
        convert(path, tmp_path / "b.tif", scene=1)
    assert not (tmp_path / "b.tif").exists()


@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_little_memory(ending: str, tmp_path: Path) -> None:
    library("liffile")
    shape = (200, 1024, 512)
    axes = [Axis(1, 512, 1e-4), Axis(2, 1024, 2e-4), Axis(3, 200, 1e-4)]
    path = lif(tmp_path / "large.lif", (leica_image(axes, [{}], 16, "large", "block 0"), np.zeros(shape, np.uint16)))
    code = (
        "import resource, sys; from isoscale_ij.files.converting import convert; import isoscale_ij as iso\n"
        "import isoscale_ij.files.lif, liffile, tifffile; iso.as_image; iso.read\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "convert(sys.argv[1], sys.argv[2])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / f"large{ending}")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) * 1024 < 0.75 * np.prod(shape) * 2  # the image has 210 MB
    assert iso.info(read_header(tmp_path / f"large{ending}")).shape == shape


def test_labels_are_never_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for the display range, which goes up to the highest label."""

    def whole(*_: object) -> None:
        raise AssertionError("all values were asked for at once")

    _, truth = iso.sample(shape=(8, 64, 64), n_objects=4)
    iso.write(tmp_path / "labels.ome.tif", truth)
    monkeypatch.setattr(StreamedValues, "__array__", whole)
    convert(tmp_path / "labels.ome.tif", tmp_path / "labels.tif")
    np.testing.assert_array_equal(iso.read(tmp_path / "labels.tif"), truth)

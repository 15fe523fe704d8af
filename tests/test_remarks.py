"""Remarks: at whose line they warn, and that one command does not take those of another."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from isoscale_ij import remarks

SIGMAS = {"spot_sigma": 1.4, "outline_sigma": 0.9}


@pytest.fixture
def flat() -> xr.DataArray:
    """An image on which a segmentation has something to say."""
    return iso.as_image(np.zeros((4, 20, 20), np.uint8), voxel_size=1, unit="um")


def where(call: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [Path(each.filename).name for each in caught]


def test_warnings_point_to_the_line_of_the_caller(flat: xr.DataArray) -> None:
    me = Path(__file__).name
    not_finite = iso.as_image(np.full((2, 4, 4), np.nan), voxel_size=1, unit="um")
    assert where(lambda: iso.voronoi_otsu_labeling(flat, **SIGMAS)) == [me]
    assert where(lambda: iso.vol(flat, **SIGMAS)) == [me]
    assert where(lambda: iso.rescale(not_finite, 0.5)) == [me]
    assert where(lambda: iso.as_image(np.zeros((20, 30, 3), np.uint8))) == [me]
    assert where(lambda: iso.vol(np.zeros((20, 30, 3), np.uint8), spot_sigma="1 px", outline_sigma="1 px")) == [me, me]


def test_also_through_a_file_and_through_imagej(flat: xr.DataArray, imagej: Any, tmp_path: Path) -> None:
    me = Path(__file__).name
    iso.write(tmp_path / "bare.tif", np.ones((3, 4, 5), np.uint8))
    assert where(lambda: iso.read(tmp_path / "bare.tif")) == [me]
    imp = iso.imagej.to_imageplus(flat)
    assert where(lambda: iso.vol(imp, **SIGMAS)) == [me]
    assert where(lambda: iso.vol(image=imp, **SIGMAS)) == [me]
    bare = imagej.createImage("a", "8-bit ramp", 6, 5, 4)
    assert where(lambda: iso.rescale(bare, factor=2)) == [me]


@pytest.mark.filterwarnings("ignore:not for you")
def test_remarks_can_be_heard_instead_and_only_by_the_own_thread(flat: xr.DataArray) -> None:
    with remarks.heard() as mine, remarks.heard() as inner:
        iso.vol(flat, **SIGMAS)
        other = threading.Thread(target=lambda: remarks.warn("not for you"), name="other")
        other.start()
        other.join()
    assert mine == []
    assert [remark.category for remark in inner] == [iso.SegmentationWarning]


def beside(work: Callable[[], Any], other: Callable[[], Any]) -> Any:
    """What `work` gives while `other` goes on beside it."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            other()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        return work()
    finally:
        stop.set()
        thread.join()


def test_compare_beside_another_thread_takes_none_of_its_warnings(nuclei: tuple, flat: xr.DataArray) -> None:
    image, _ = nuclei
    counted = {"calls": 0, "warnings": 0}

    def other() -> None:
        counted["calls"] += 1
        iso.vol(flat, **SIGMAS)

    def show(*_: Any, **__: Any) -> None:
        counted["warnings"] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        alone = iso.compare(image, **SIGMAS).table.remark.tolist()
        counted |= {"calls": 0, "warnings": 0}
        together = beside(lambda: iso.compare(image, **SIGMAS), other).table.remark.tolist()
    assert together == alone
    assert counted["calls"] == counted["warnings"] > 0


def test_two_commands_of_fiji_in_one_worker(nuclei: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from appose import NDArray
    from appose.python_worker import Task

    from isoscale_ij.fiji import worker

    image = nuclei[0].astype(np.float32)
    depth, height, width = image.shape
    described = {
        "width": width, "height": height, "slices": depth, "dtype": "float32", "title": "t",
        "sizes": iso.voxel_size(image), "units": dict.fromkeys("zyx", "um"),
    }  # fmt: skip
    options = {"channel": 1, "spot": 1.4, "outline": 0.9, "unit": "um"}

    def run(operation: str, values: Any, folder: Path | None = None) -> dict[str, Any]:
        task = Task("00000000-0000-0000-0000-000000000000")
        source, target = NDArray("float32", list(image.shape)), NDArray("float32", list(image.shape))
        source.ndarray()[...] = values
        request = {"image": described, "options": options, "folder": str(folder)}
        worker.run(task, operation, json.dumps(request), source, target if operation == "segment" else None)
        for block in (source, target):
            block.shm.unlink_on_dispose(False) if hasattr(block.shm, "unlink_on_dispose") else None
        return task.outputs

    (tmp_path / "alone").mkdir()
    (tmp_path / "beside").mkdir()
    alone = run("compare", image.values, tmp_path / "alone")["table"]["remark"]
    said: list[list[str]] = []
    together = beside(
        lambda: run("compare", image.values, tmp_path / "beside"), lambda: said.append(run("segment", 0)["warnings"])
    )
    assert together["table"]["remark"] == alone
    assert all(len(each) == 1 and "constant" in each[0] for each in said)
    capsys.readouterr()

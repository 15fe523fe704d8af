"""Commands in trouble: the image that is meant, bad input, cancelling, dying, lasting."""

from __future__ import annotations

import signal
import time
from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from commands import Commands, large, python_process
from images import make
from isoscale_ij.imagej import from_imageplus, to_imageplus
from isoscale_ij.imagej.jvm import classes

pytestmark = pytest.mark.usefixtures("no_block_is_left")


# Which image is worked on


def test_without_an_image(fiji: Commands) -> None:
    for name in ("Rescale to Isotropic", "Voronoi-Otsu Labeling", "Compare Scalings", "Set Voxel Size"):
        assert "No image is open" in fiji.run(name)["error"]


# Bad input


def test_an_image_without_a_voxel_size(fiji: Commands, imagej: Any) -> None:
    imp = imagej.createImage("a", "8-bit ramp", 16, 15, 4)
    for name in ("Rescale to Isotropic", "Voronoi-Otsu Labeling"):
        assert "Plugins > IsoScale > Set Voxel Size" in fiji.run(name, imp=imp)["error"]
    assert fiji.run("Voronoi-Otsu Labeling", imp=imp, unit="voxels", spot=1.0, outline=1.0)["error"] is None


def test_a_2d_image(fiji: Commands) -> None:
    image = iso.as_image(make("yx").values, "yx", voxel_size={"y": 0.5, "x": 0.25}, unit="um")
    found = fiji.run("Rescale to Isotropic", imp=to_imageplus(image))
    assert found["error"] is None
    np.testing.assert_array_equal(np.squeeze(from_imageplus(found["result"])), iso.rescale(image, "finest").values)
    assert int(found["result"].getNSlices()) == 1


def test_a_target_that_would_not_fit(fiji: Commands) -> None:
    error = fiji.run("Rescale to Isotropic", imp=to_imageplus(large()), target="own", size=0.005)["error"]
    assert "MB free" in error
    assert "larger voxel size" in error


def test_scalings_of_a_time_series(fiji: Commands) -> None:
    assert "2 time points" in fiji.run("Compare Scalings", imp=to_imageplus(make("tzyx")))["error"]


def test_a_closed_image(fiji: Commands) -> None:
    imp = to_imageplus(make("zyx"))
    imp.flush()
    assert "closed or empty" in fiji.run("Rescale to Isotropic", imp=imp)["error"]


def test_an_image_that_another_command_works_on(fiji: Commands) -> None:
    imp = to_imageplus(make("zyx"))
    assert imp.lockSilently()
    assert "another command" in fiji.run("Rescale to Isotropic", imp=imp)["error"]
    imp.unlock()
    assert fiji.run("Rescale to Isotropic", imp=imp)["error"] is None
    assert not imp.isLocked()


def test_an_impossible_voxel_size(fiji: Commands) -> None:
    imp = to_imageplus(make("zyx"))
    imp.getCalibration().pixelDepth = -1.0
    assert "Set Voxel Size" in fiji.run("Rescale to Isotropic", imp=imp)["error"]
    assert fiji.run("Set Voxel Size", imp=imp, z=1.5)["error"] is None
    assert fiji.run("Rescale to Isotropic", imp=imp)["error"] is None


def test_python_that_is_gone(fiji: Commands) -> None:
    import jpype

    system = jpype.JClass("java.lang.System")
    fiji.run("IsoScale Environment", action="show")
    worker = system.getProperties().remove("isoscale.worker")
    system.setProperty("isoscale.python", "/gone/bin/python")
    try:
        error = fiji.run("Rescale to Isotropic", imp=to_imageplus(make("zyx")))["error"]
        assert "/gone/bin/python" in error
        assert "isoscale-ij fiji install" in error
    finally:
        system.clearProperty("isoscale.python")
        system.getProperties().put("isoscale.worker", worker)


# Cancelling, dying, lasting


def test_escape_cancels_within_a_second(fiji: Commands, imagej: Any) -> None:
    import jpype

    imp = to_imageplus(large())
    running = fiji.start("Compare Scalings", imp=imp)
    time.sleep(0.4)
    begin = time.monotonic()
    while not running.isDone() and time.monotonic() - begin < 10:
        imagej.setKeyDown(jpype.JClass("java.awt.event.KeyEvent").VK_ESCAPE)
        time.sleep(0.01)
    assert str(running.get().getOutput("error")) == "cancelled"
    assert time.monotonic() - begin < 3  # a second on a machine that has nothing else to do
    assert not imp.isLocked()
    imagej.resetEscape()
    assert fiji.run("Rescale to Isotropic", imp=imp, target="own", size=1.0)["error"] is None


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there are no stopped processes on Windows")
def test_escape_ends_a_worker_that_does_not_answer(fiji: Commands, imagej: Any) -> None:
    import jpype

    worker = python_process(fiji)
    worker.suspend()
    running = fiji.start("Rescale to Isotropic", imp=to_imageplus(make("zyx")))
    deadline = time.monotonic() + 30
    while not running.isDone() and time.monotonic() < deadline:
        imagej.setKeyDown(jpype.JClass("java.awt.event.KeyEvent").VK_ESCAPE)
        time.sleep(0.05)
    assert str(running.get().getOutput("error")) == "cancelled"
    imagej.resetEscape()
    assert fiji.run("Rescale to Isotropic", imp=to_imageplus(make("zyx")))["error"] is None


def test_a_worker_that_is_killed_is_replaced(fiji: Commands) -> None:
    first = python_process(fiji)
    running = fiji.start("Compare Scalings", imp=to_imageplus(large()))
    time.sleep(0.3)
    first.kill()
    assert "ended in the middle" in str(running.get().getOutput("error"))
    second = python_process(fiji)
    assert second.pid != first.pid
    second.kill()
    second.wait(10)
    assert fiji.run("Rescale to Isotropic", imp=to_imageplus(make("zyx")))["error"] is None


def test_two_commands_at_once(fiji: Commands, nuclei: tuple[xr.DataArray, xr.DataArray]) -> None:
    image, _ = nuclei
    running = [
        fiji.start("Rescale to Isotropic", imp=to_imageplus(image)),
        fiji.start("Voronoi-Otsu Labeling", imp=to_imageplus(image)),
        fiji.start("Rescale to Isotropic", imp=to_imageplus(image), target="coarsest"),
    ]
    found = [future.get() for future in running]
    assert all(module.getOutput("error") is None for module in found)
    for index, size in ((0, "finest"), (2, "coarsest")):
        result = from_imageplus(found[index].getOutput("result"))
        np.testing.assert_array_equal(result.values, iso.rescale(image, size).values)


def test_many_runs_need_no_more_memory(fiji: Commands) -> None:
    import psutil

    imp = to_imageplus(large((8, 128, 128)))
    worker = psutil.Process(python_process(fiji).pid)
    for _ in range(40):
        fiji.run("Rescale to Isotropic", imp=imp, target="own", size=0.5)
    before = worker.memory_info().rss
    for _ in range(160):
        assert fiji.run("Rescale to Isotropic", imp=imp, target="own", size=0.5)["error"] is None
    assert worker.memory_info().rss < before + 20e6
    assert len(worker.open_files()) < 20
    assert len(list(worker.threads())) < 30
    assert classes().IJ.currentMemory() < 2.5e9

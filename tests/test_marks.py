"""Selections, overlays and points on another grid: scaled with ImageJ's classes, and on the slice they are on then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jpype
import numpy as np
import pytest
import tifffile

import isoscale_ij as iso
from isoscale_ij.remarks import heard


def java(name: str) -> Any:
    return jpype.JClass(name)


def floats(*values: float) -> Any:
    return jpype.JArray(jpype.JFloat)(values)


def stack(imagej: Any, *, channels: int = 1, slices: int = 6, frames: int = 1) -> Any:
    """An image of 0.5 x 0.5 x 2 µm, which is rescaled to 1 µm."""
    imp = imagej.createHyperStack("a", 48, 48, channels, slices, frames, 16)
    calibration = imp.getCalibration()
    calibration.setUnit("micron")
    calibration.pixelWidth = calibration.pixelHeight = 0.5
    calibration.pixelDepth = 2.0
    return imp


def box(roi: Any) -> tuple[float, float, float, float]:
    return roi.getXBase(), roi.getYBase(), roi.getFloatWidth(), roi.getFloatHeight()


def test_a_selection_and_an_overlay_and_its_slice(imagej: Any) -> None:
    imp = stack(imagej)
    overlay = java("ij.gui.Overlay")()
    outline = java("ij.gui.Roi")(10, 10, 20, 20)
    outline.setPosition(5)
    outline.setName("cell 1")
    outline.setStrokeColor(java("java.awt.Color").RED)
    outline.setStrokeWidth(3.0)
    overlay.add(outline)
    overlay.drawLabels(True)
    imp.setOverlay(overlay)
    imp.setRoi(10, 10, 20, 20)
    result = iso.rescale(imp, 1.0)
    assert (result.getWidth(), result.getNSlices()) == (24, 12)
    assert box(result.getRoi()) == (5, 5, 10, 10)
    scaled = result.getOverlay().get(0)
    assert box(scaled) == (5, 5, 10, 10)
    assert int(scaled.getPosition()) == 10  # the middle of slice 5 is at 9 µm
    assert (str(scaled.getName()), scaled.getStrokeColor(), scaled.getStrokeWidth()) == (
        "cell 1", java("java.awt.Color").RED, 3.0,
    )  # fmt: skip
    assert result.getOverlay().getDrawLabels()
    assert box(imp.getRoi()) == (10, 10, 20, 20)  # the image itself is left alone


@pytest.mark.parametrize(
    "make",
    [
        lambda: java("ij.gui.Roi")(10, 12, 20, 24),
        lambda: java("ij.gui.OvalRoi")(10, 12, 20, 24),
        lambda: java("ij.gui.Line")(10.0, 12.0, 30.0, 36.0),
        lambda: java("ij.gui.Arrow")(10.0, 12.0, 30.0, 36.0),
        lambda: java("ij.gui.PolygonRoi")(floats(10, 30, 20), floats(12, 12, 36), java("ij.gui.Roi").POLYGON),
        lambda: java("ij.gui.PolygonRoi")(floats(10, 30, 20), floats(12, 12, 36), java("ij.gui.Roi").POLYLINE),
        lambda: java("ij.gui.ShapeRoi")(java("ij.gui.Roi")(10, 12, 20, 24)).not_(
            java("ij.gui.ShapeRoi")(java("ij.gui.Roi")(16, 20, 4, 4))
        ),
    ],
    ids=["rectangle", "oval", "line", "arrow", "polygon", "polyline", "composite"],
)
def test_every_kind_of_outline(imagej: Any, make: Any) -> None:
    imp = stack(imagej)
    imp.setRoi(make())
    before = imp.getStatistics(java("ij.measure.Measurements").CENTROID | java("ij.measure.Measurements").AREA)
    result = iso.rescale(imp, 1.0)
    outline = result.getRoi()
    assert outline.getType() == imp.getRoi().getType()
    assert box(outline) == pytest.approx((5, 6, 10, 12))
    if outline.isArea():
        after = result.getStatistics(java("ij.measure.Measurements").CENTROID | java("ij.measure.Measurements").AREA)
        assert (after.xCentroid, after.yCentroid) == pytest.approx((before.xCentroid, before.yCentroid), abs=0.5)
        assert after.area == pytest.approx(before.area, rel=0.1)


def positions(imp: Any) -> list[tuple[float, float]]:
    """What ImageJ's Measure gives of points."""
    table = java("ij.measure.ResultsTable")()
    java("ij.plugin.filter.Analyzer")(imp, java("ij.measure.Measurements").CENTROID, table).measure()
    return [(table.getValue("X", row), table.getValue("Y", row)) for row in range(table.size())]


def test_points_stay_where_they_are(imagej: Any) -> None:
    """In micrometres as ImageJ measures them, and each on its own slice."""
    imp = stack(imagej)
    points = java("ij.gui.PointRoi")(10, 13)
    for slice_, x, y in [(2, 20.0, 21.0), (5, 5.0, 6.0)]:
        imp.setSlice(slice_)
        points.addPoint(imp, x, y)
    imp.setRoi(points)
    before = positions(imp)
    result = iso.rescale(imp, 1.0)
    scaled = result.getRoi()
    np.testing.assert_allclose(positions(result), before)
    assert before[0] == pytest.approx((5.0, 6.5))
    assert [int(scaled.getPointPosition(index)) for index in (1, 2)] == [4, 10]


def test_positions_in_hyperstacks(imagej: Any) -> None:
    imp = stack(imagej, channels=2, frames=3)
    overlay = java("ij.gui.Overlay")()
    for position in [(2, 5, 3), (0, 5, 0), (1, 0, 2)]:
        outline = java("ij.gui.Roi")(10, 10, 20, 20)
        outline.setPosition(*position)
        overlay.add(outline)
    plain = java("ij.gui.Roi")(10, 10, 20, 20)
    plain.setPosition(imp.getStackIndex(2, 5, 3))
    overlay.add(plain)
    imp.setOverlay(overlay)
    result = iso.rescale(imp, 1.0)
    outlines = [result.getOverlay().get(index) for index in range(4)]
    positions = [(each.getCPosition(), each.getZPosition(), each.getTPosition()) for each in outlines[:3]]
    assert positions == [(2, 10, 3), (0, 10, 0), (1, 0, 2)]
    assert int(outlines[3].getPosition()) == int(result.getStackIndex(2, 10, 3))


def test_text_keeps_its_size_and_a_picture_is_left_out(imagej: Any) -> None:
    imp = stack(imagej)
    overlay = java("ij.gui.Overlay")()
    text = java("ij.gui.TextRoi")(10.0, 20.0, "nucleus")
    overlay.add(text)
    picture = java("ij.gui.ImageRoi")(0, 0, imp.getProcessor().convertToByteProcessor())
    overlay.add(picture)
    imp.setOverlay(overlay)
    with pytest.warns(UserWarning, match="cannot scale it: Image 2"):
        result = iso.rescale(imp, 1.0)
    assert result.getOverlay().size() == 1
    scaled = result.getOverlay().get(0)
    assert str(scaled.getText()).strip() == "nucleus"
    assert (scaled.getXBase(), scaled.getYBase()) == (5, 10)


def test_names_of_slices_stay_while_the_slices_do(imagej: Any) -> None:
    imp = stack(imagej, slices=3)
    for index, label in enumerate(["low", "middle", "high"], start=1):
        imp.getStack().setSliceLabel(label, index)
    same = iso.rescale(imp, {"y": 1.0, "x": 1.0})
    assert [str(same.getStack().getSliceLabel(index)) for index in (1, 2, 3)] == ["low", "middle", "high"]
    assert iso.rescale(imp, 1.0).getStack().getSliceLabel(1) is None


def test_on_the_same_grid_nothing_happens(imagej: Any) -> None:
    imp = stack(imagej)
    imp.setRoi(java("ij.gui.OvalRoi")(10.0, 12.0, 21.0, 25.0))
    image = iso.imagej.from_imageplus(imp)
    assert iso.rescale(image, {}).attrs == image.attrs


def test_a_file_in_a_process_without_java(imagej: Any, tmp_path: Path) -> None:
    imp = stack(imagej)
    imp.setRoi(10, 10, 20, 20)
    imp.setOverlay(java("ij.gui.Overlay")(java("ij.gui.Roi")(1, 2, 3, 4)))
    imagej.saveAsTiff(imp, str(tmp_path / "a.tif"))
    assert main_without_java(tmp_path) == (
        "warning: What is drawn on the image (the selection and 1 outline of the overlay) belongs to its old grid, and "
        "is left out. To have it scaled, start ImageJ before: isoscale_ij.imagej.start()."
    )
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert not {"ROI", "Overlays"} & set(file.imagej_metadata)
    with heard() as remarks:  # here Java runs
        result = iso.rescale(iso.read(tmp_path / "a.tif"), 1.0)
    assert not remarks
    assert box(iso.imagej.to_imageplus(result).getRoi()) == (5, 5, 10, 10)


def main_without_java(folder: Path) -> str:
    command = ["rescale", str(folder / "a.tif"), str(folder / "b.tif"), "--voxel-size", "1um"]
    done = subprocess.run([sys.executable, "-m", "isoscale_ij", *command], capture_output=True, text=True, check=True)
    return next(line for line in done.stderr.splitlines() if line.startswith("warning"))

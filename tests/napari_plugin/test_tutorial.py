"""The tutorial in napari, done as its page says; its pictures are those of the page (``make napari-pictures``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import isoscale_ij as iso

PAGE = Path(__file__).resolve().parents[2] / "docs" / "napari-tutorial.md"


def test_the_tutorial(  # noqa: PLR0915  (a story is told in one go)
    viewer: Any, dock: Any, shot: Any, until: Any, notes: Any, tmp_path: Path
) -> None:
    taken: list[str] = []

    def picture(name: str) -> None:
        taken.append(f"napari-{name}.png")
        shot(name=f"napari-{name}", alone=True)

    def undock(widget: Any) -> None:
        viewer.window.remove_dock_widget(widget)

    image, truth = viewer.open_sample("isoscale-ij", "nuclei")
    viewer.layers.selection.active = image
    size = dock("Voxel size")
    viewer.reset_view()
    assert "z 1.5 µm" in size.about.text()
    picture("voxel-size")
    undock(size)

    label = dock("Label objects")
    viewer.reset_view()
    label.suggest.start.click()
    until(lambda: label.suggest.job is None)
    spot, outline = label.spot.text, label.outline.text
    assert spot.endswith(" µm")
    label.threshold.setCurrentText("local")
    label.preview.setChecked(True)
    until(lambda: "in view" in label.summary.text())
    picture("preview")
    label.runner.start.click()
    until(lambda: label.runner.job is None)
    labels = viewer.layers["nuclei labels"]
    expected = iso.vol(image, spot_sigma=spot, outline_sigma=outline, threshold="local")
    assert (labels.data == expected.data).all()
    undock(label)

    measure = dock("Measure")
    viewer.reset_view()
    assert measure.labels.layer == labels  # the active one
    measure.image.choose(image)
    measure.runner.start.click()
    until(lambda: measure.table is not None)
    measure.view.selectRow(int(measure.table["volume"].argmax()))
    viewer.dims.order = (1, 0, 2)  # from the side
    viewer.reset_view()
    picture("measure")
    measure.save(tmp_path / "nuclei.csv")
    undock(measure)

    compare = dock("Compare scalings")
    compare.choice.choose(image)
    compare.spot.setText(spot)
    compare.outline.setText(outline)
    compare.truth.choose(truth)
    compare.runner.start.click()
    until(lambda: compare.runner.job is None)
    labels.visible = False
    viewer.reset_view()
    picture("compare")
    table = compare.comparison.table.set_index("name")
    assert table.accuracy["raw, physical sigmas"] == pytest.approx(table.accuracy["upscaled to x"], abs=0.1)
    assert table.accuracy["raw, voxel sigmas"] < 0.2
    assert notes() == []
    assert re.findall(r"pictures/(napari-[\w-]+\.png)", PAGE.read_text(encoding="utf-8")) == taken

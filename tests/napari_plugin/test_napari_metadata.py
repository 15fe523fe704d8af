"""The ecosystem's widget for the metadata of layers, napari-metadata, and ours: each shows what the other has set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("napari_metadata", reason="napari-metadata is not installed: make setup-napari")


def test_each_shows_what_the_other_has_set(viewer: Any, dock: Any, until: Any, notes: Any) -> None:
    from qtpy.QtWidgets import QComboBox, QDoubleSpinBox

    layer = viewer.add_image(np.zeros((6, 32, 32)), name="bare")
    widget = dock("Voxel size")
    _, theirs = viewer.window.add_plugin_dock_widget("napari-metadata", "Layer metadata")

    def sizes() -> list[Any]:  # in theirs, scales stand after translations or before them: they are 1 at first
        return [box for box in theirs.findChildren(QDoubleSpinBox) if box.value() == 1.0]

    until(lambda: len(sizes()) == 3)
    for box, size in zip(sizes(), (1.5, 0.16, 0.16), strict=True):
        box.setValue(size)
    for box in theirs.findChildren(QComboBox):
        if (index := box.findText("micrometer")) >= 0:
            box.setCurrentIndex(index)
    assert tuple(layer.scale) == (1.5, 0.16, 0.16)
    assert "z 1.5 µm, y 0.16 µm" in widget.about.text()

    widget.sizes["z"].setText("2 um")
    widget.button.click()
    assert 2.0 in [box.value() for box in theirs.findChildren(QDoubleSpinBox)]
    assert notes() == []

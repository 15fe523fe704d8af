"""The widget *Voxel size*: what a layer is, and another calibration for it; its voxels stay as they are."""

from __future__ import annotations

from typing import Any

from napari.layers.utils._link_layers import get_linked_layers
from qtpy.QtWidgets import QLineEdit, QPushButton

from isoscale_ij import remarks
from isoscale_ij.errors import IsoscaleError
from isoscale_ij.image.calibration import set_voxel_size, voxel_size
from isoscale_ij.image.inspection import info
from isoscale_ij.image.units import symbol
from isoscale_ij.napari_plugin.form import EITHER, Form, LayerChoice
from isoscale_ij.napari_plugin.layers import OURS, header_of
from isoscale_ij.napari_plugin.running import attempt
from isoscale_ij.wording import short

_AXES = ("z", "y", "x")


class VoxelSize(Form):
    """Shows and sets the calibration of a layer, and of those that go with it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.choice = LayerChoice(napari_viewer, EITHER)
        self.rows.addRow("Layer", self.choice)
        self.about = self.text()
        self.sizes: dict[str, QLineEdit] = {
            axis: self.length(axis, "", "A number in the unit below, or a length with a unit: 160 nm") for axis in _AXES
        }
        self.unit = self.length("Unit", "um", "Of plain numbers: um, nm, mm, …")
        self.button = QPushButton("Set")
        self.button.setToolTip("Also sets linked layers, and other channels of the same file. No voxel is changed.")
        self.button.clicked.connect(lambda: attempt(self._set))
        self.rows.addRow(self.button)
        self._watched: Any = None
        self.choice.follow(self._show)

    def _show(self, _event: Any = None) -> None:
        layer = self.choice.layer
        if layer is not self._watched and layer is not None:
            layer.events.scale.connect(self._show)  # other widgets set it, too
            layer.events.units.connect(self._show)
            self._watched = layer
        if layer is None:
            self.about.setText("There is no image yet.")
            return
        try:
            with remarks.heard():
                described = info(layer)
        except IsoscaleError as error:  # another widget may be half through: no reason for a notification
            self.about.setText(str(error))
            return
        self.about.setText(described._repr_html_())
        sizes = voxel_size(header_of(layer))
        for axis, field in self.sizes.items():
            field.setEnabled(axis in described.dims)
            field.setText(short(sizes[axis]) if axis in sizes else "")
        unit = next((described.units[axis] for axis in reversed(_AXES) if axis in described.units), None)
        self.unit.setText(symbol(unit) if unit else "µm")

    def _set(self) -> None:
        layer = self.choice.layer
        if layer is None:
            return
        described = str(info(layer))
        known = voxel_size(header_of(layer))
        typed = {axis: field.text().strip() for axis, field in self.sizes.items()}
        # what was not typed anew is kept to its last digit
        sizes: dict[str, Any] = {
            axis: _number(text) for axis, text in typed.items() if text and text != short(known.get(axis, 0.0))
        }
        dims = self.viewer.dims
        seen = layer.world_to_data(dims.point)
        for each in self._with(layer):
            set_voxel_size(each, **sizes, unit=self.unit.text() or None)
        dims.point = (
            *dims.point[: dims.ndim - layer.ndim],
            *layer.data_to_world(seen)[-layer.ndim :],
        )  # the same plane
        self._show()
        if str(info(layer)) != described:
            self.viewer.reset_view()

    def _with(self, layer: Any) -> list[Any]:
        """The layer, those linked with it, and the other channels of its file."""
        source = layer.metadata.get(OURS, {}).get("source")
        of_file = [
            each
            for each in self.viewer.layers
            if source is not None
            and each.metadata.get(OURS, {}).get("source") == source
            and each.data.shape == layer.data.shape
        ]
        linked = [each for each in get_linked_layers(layer) if each in self.viewer.layers]
        return list(dict.fromkeys([layer, *of_file, *linked]))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text

"""The widget *Rescale*: a target voxel size, what would come of it, and the image on that grid."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox

from isoscale_ij.errors import IsoscaleError
from isoscale_ij.napari_plugin.form import EITHER, Form, LayerChoice
from isoscale_ij.napari_plugin.layers import image_of
from isoscale_ij.napari_plugin.running import Runner
from isoscale_ij.operations.choices import INTERPOLATIONS, TARGETS
from isoscale_ij.operations.rescaling import plan_rescale, rescale

_OWN = "own"
_WORDS = {"finest": "finest (smallest on all axes)", "coarsest": "coarsest (largest on all axes)", _OWN: "own size"}


class Rescale(Form):
    """Rescales a layer, of any number of axes; labels stay labels."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.choice = LayerChoice(napari_viewer, EITHER)
        self.rows.addRow("Layer", self.choice)
        self.target = QComboBox()
        for target in (*TARGETS, _OWN):
            self.target.addItem(_WORDS.get(target, f"like {target}"), target)
        self.rows.addRow("Voxel size", self.target)
        self.size = self.length("Own size", "1 um", "1 um for all axes, or z=2 um, y=1 um, x=1 um", self._predict)
        self.interpolation = QComboBox()
        self.interpolation.addItems(INTERPOLATIONS)
        self.rows.addRow("Interpolation", self.interpolation)
        self.antialias = QCheckBox("smooth before going to larger voxels")
        self.antialias.setChecked(True)
        self.rows.addRow("", self.antialias)
        self.plan = self.text()
        self.runner = Runner("Rescale", self._rescale)
        self.rows.addRow(self.runner)
        self.target.currentIndexChanged.connect(lambda _: self._predict())
        self.choice.follow(self._predict)

    def wanted(self) -> Any:
        """The target as :func:`isoscale_ij.rescale` takes it."""
        target = self.target.currentData()
        return _size(self.size.text()) if target == _OWN else target

    def _predict(self) -> None:
        self.size.setEnabled(self.target.currentData() == _OWN)
        layer = self.choice.layer
        try:
            self.plan.setText("There is no image yet." if layer is None else str(plan_rescale(layer, self.wanted())))
        except IsoscaleError as error:  # half a word is no reason for a notification
            self.plan.setText(str(error))

    def _rescale(self) -> None:
        layer, target = self.choice.layer, self.wanted()
        if layer is None:
            return
        plan_rescale(layer, target)  # says at once what is wrong
        image, name = image_of(layer), layer.name
        interpolation: Any = self.interpolation.currentText()
        antialias = self.antialias.isChecked()
        self.runner.run(
            lambda on_progress: rescale(
                image,
                target,
                interpolation=interpolation,
                antialias=antialias,
                on_progress=on_progress,
            ),
            lambda result: self._take(result, layer, name),
        )

    def _take(self, result: Any, layer: Any, name: str) -> None:
        made = self.add(result, name=f"{name} rescaled")
        for looks in ("contrast_limits_range", "contrast_limits", "colormap", "gamma", "blending"):
            if type(made) is type(layer) and hasattr(layer, looks):
                setattr(made, looks, getattr(layer, looks))


def _size(text: str) -> Any:
    """``1 um``, or ``z=2 um, y=1 um``."""
    if "=" not in text:
        return text
    pairs = [part.partition("=") for part in text.split(",")]
    return {axis.strip(): value.strip() for axis, _, value in pairs}

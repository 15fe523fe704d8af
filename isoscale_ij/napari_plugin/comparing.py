"""The widget *Compare scalings*: the same segmentation on several grids, as a table and as layers."""

from __future__ import annotations

from typing import Any

from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtWidgets import QComboBox

from isoscale_ij.comparison.coloring import colors_by_object
from isoscale_ij.comparison.comparing import compare
from isoscale_ij.comparison.report import Comparison
from isoscale_ij.napari_plugin.form import IMAGES, LABELS, Form, LayerChoice, channel_of, fill_channels
from isoscale_ij.napari_plugin.layers import image_of
from isoscale_ij.napari_plugin.running import Runner
from isoscale_ij.napari_plugin.table import Table

_SHOWN = ("name", "objects", "agreement", "accuracy", "seconds_rescale", "seconds_segment", "bytes", "remark")


class CompareScalings(Form):
    """Shows what each way of segmenting costs, and what it finds; an object has one colour in all layers."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.choice = LayerChoice(napari_viewer, IMAGES)
        self.rows.addRow("Image", self.choice)
        self.channel = QComboBox()
        self.rows.addRow("Channel", self.channel)
        self.spot = self.length("Spot sigma", "1.8 um", "About half the radius of an object")
        self.outline = self.length("Outline sigma", "0.9 um", "How smooth outlines are")
        self.truth = LayerChoice(napari_viewer, LABELS, optional=True)
        self.rows.addRow("Truth", self.truth)
        self.runner = Runner("Compare", self._compare)
        self.rows.addRow(self.runner)
        self.view = Table()
        self.view.setMinimumSize(360, 190)
        self.rows.addRow(self.view)
        self.comparison: Comparison | None = None
        self.choice.follow(lambda: fill_channels(self, self.channel, self.choice.layer))

    def _compare(self) -> None:
        layer, truth = self.choice.layer, self.truth.layer
        if layer is None:
            return
        image, true_labels = image_of(layer), None if truth is None else image_of(truth)
        options = {
            "spot_sigma": self.spot.text(), "outline_sigma": self.outline.text(), "channel": channel_of(self.channel)
        }  # fmt: skip
        self.runner.run(
            lambda on_progress: _compared(compare(image, truth=true_labels, **options, on_progress=on_progress)),
            self._show,
        )

    def _show(self, result: tuple[Comparison, dict[str, Any]]) -> None:
        self.comparison, colors = result
        table = self.comparison.table
        self.view.show_table(table[[column for column in _SHOWN if column in table.columns]])
        for name, labels in self.comparison.labels.items():
            layer = self.add(labels, name=name)
            own = colors[name]
            paint = own.of(own.labels) / 255
            shown: dict[int | None, Any] = {
                int(label): color for label, color in zip(own.labels, paint, strict=True) if label
            }
            layer.colormap = DirectLabelColormap(color_dict={None: (0, 0, 0, 0), 0: (0, 0, 0, 0), **shown})
            layer.visible = name == "raw, physical sigmas"


def _compared(comparison: Comparison) -> tuple[Comparison, dict[str, Any]]:
    """With the colours, which take as long as a row: so in the thread, too."""
    labels = comparison.labels
    return comparison, colors_by_object(labels, comparison.image, list(labels)[-1]) if labels else {}

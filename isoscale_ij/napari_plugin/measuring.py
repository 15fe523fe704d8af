"""The widget *Measure*: one row per label; a row selects its label, a label its row; and a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QFileDialog, QPushButton

from isoscale_ij.files import replacing
from isoscale_ij.napari_plugin.form import IMAGES, LABELS, Form, LayerChoice
from isoscale_ij.napari_plugin.layers import image_of
from isoscale_ij.napari_plugin.running import Runner, attempt
from isoscale_ij.napari_plugin.table import Table
from isoscale_ij.operations.measurement import measure
from isoscale_ij.operations.table_files import as_csv

if TYPE_CHECKING:
    import pandas as pd


class Measure(Form):
    """Measures the objects of a labels layer, in physical units."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.labels = LayerChoice(napari_viewer, LABELS)
        self.image = LayerChoice(napari_viewer, IMAGES, optional=True)
        self.rows.addRow("Labels", self.labels)
        self.rows.addRow("Brightness of", self.image)
        self.runner = Runner("Measure", self._measure)
        self.rows.addRow(self.runner)
        self.view = Table()
        self.view.setMinimumSize(360, 220)
        self.rows.addRow(self.view)
        self.button = QPushButton("Save as CSV …")
        self.button.setEnabled(False)
        self.button.clicked.connect(lambda: attempt(self._ask_where))
        self.rows.addRow(self.button)
        self.table: pd.DataFrame | None = None
        self._layer: Any = None

    def save(self, path: str | Path) -> None:
        """Write the table; a file that exists is replaced (its name was asked for)."""
        if self.table is not None:
            with replacing(Path(path), overwrite=True) as temporary:
                temporary.write_text(as_csv(self.table), encoding="utf-8")

    def _measure(self) -> None:
        layer, beside = self.labels.layer, self.image.layer
        if layer is None:
            return
        labels, image = image_of(layer), None if beside is None else image_of(beside)
        self.runner.run(lambda _: measure(labels, image), lambda table: self._show(table, layer))

    def _show(self, table: pd.DataFrame, layer: Any) -> None:
        self.table = table
        self.view.show_table(table)
        self.view.selectionModel().selectionChanged.connect(self._select_label)
        self.button.setEnabled(True)
        if self._layer is not None:
            self._layer.events.selected_label.disconnect(self._select_row)
        self._layer = layer
        layer.events.selected_label.connect(self._select_row)

    def _select_label(self, *_: Any) -> None:
        row = self.view.chosen()
        if row is None or self.table is None or self._layer not in self.viewer.layers:
            return
        record = self.table.iloc[row]
        if self._layer.selected_label != int(record["label"]):
            self._layer.selected_label = int(record["label"])
        self._go_to(record)

    def _select_row(self, _event: Any = None) -> None:
        if self.table is None:
            return
        rows = np.flatnonzero(self.table["label"].to_numpy() == self._layer.selected_label)
        chosen = self.view.chosen()
        if len(rows) and chosen not in rows:
            self.view.choose(int(rows[0]))

    def _go_to(self, record: Any) -> None:
        """Move the sliders to the object."""
        layer, beside = self._layer, self.viewer.dims.ndim - self._layer.ndim
        for index, axis in enumerate(image_of(layer).dims):
            world = beside + index
            if world in self.viewer.dims.displayed:
                continue
            if axis == "t":
                self.viewer.dims.set_point(world, layer.translate[index] + record["t"] * layer.scale[index])
            elif f"centroid_{axis}" in record:
                self.viewer.dims.set_point(world, float(record[f"centroid_{axis}"]))

    def _ask_where(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the table", "measurements.csv", "CSV (*.csv)")
        if path:
            self.save(path)

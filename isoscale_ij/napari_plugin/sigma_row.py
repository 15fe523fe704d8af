"""A row for a sigma: a length that is typed, and a slider that changes it while it is dragged."""

from __future__ import annotations

import math
from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QWidget

from isoscale_ij.errors import IsoscaleError
from isoscale_ij.image.units import VOXEL, convert, is_length, parse_length, symbol

_STEPS_PER_DECADE = 100
_DECADES = 2  # from the smallest voxel size up


class SigmaRow(QWidget):
    """What is typed counts; the slider goes from the size of the smallest voxel to 100 times that."""

    def __init__(self, text: str, tip: str, changed: Callable[[], None]) -> None:
        super().__init__()
        self.field = QLineEdit(text)
        self.field.setToolTip(tip)
        self.field.setMaximumWidth(110)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS_PER_DECADE * _DECADES)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.field)
        row.addWidget(self.slider)
        self._smallest, self._unit = 1.0, VOXEL
        self.slider.valueChanged.connect(self._dragged)
        self.field.textChanged.connect(self._follow)
        self.field.textChanged.connect(lambda _: changed())

    @property
    def text(self) -> str:
        """The length as it stands there."""
        return str(self.field.text()).strip()

    def scale(self, smallest: float, unit: str | None) -> None:
        """Fit the slider to voxels of a size; without a unit, lengths are in voxels."""
        self._smallest, self._unit = (smallest, unit) if unit is not None else (1.0, VOXEL)
        self._follow()

    def set(self, value: float) -> None:
        """A length in the unit of the image."""
        self.field.setText(f"{value:.3g} {symbol(self._unit)}")

    def _dragged(self, position: int) -> None:
        self.set(self._smallest * 10 ** (position / _STEPS_PER_DECADE))

    def _follow(self, _text: str = "") -> None:
        """Put the slider where the text is."""
        try:
            length = parse_length(self.text)
            unit = length.unit or self._unit
            same = unit == self._unit or (is_length(unit) and is_length(self._unit))
            value = convert(length.value, unit, self._unit) if same else 0.0
        except IsoscaleError:
            return
        if value > 0:
            self.slider.blockSignals(True)
            self.slider.setValue(round(_STEPS_PER_DECADE * math.log10(value / self._smallest)))
            self.slider.blockSignals(False)

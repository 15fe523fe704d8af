"""What the widgets are made of: a form, and a choice among the viewer's layers that follows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from isoscale_ij.image.axes import channel_names
from isoscale_ij.napari_plugin.layers import header_of

_NONE = "none"


class Form(QWidget):
    """A widget of rows, of one viewer."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self.rows = QFormLayout(self)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def length(self, name: str, text: str, tip: str, changed: Callable[[], None] | None = None) -> QLineEdit:
        """A row for a length, as ``1.8``, ``1.8 um`` or ``10 px``."""
        field = QLineEdit(text)
        field.setToolTip(tip)
        if changed is not None:
            field.textChanged.connect(lambda _: changed())
        self.rows.addRow(name, field)
        return field

    def text(self) -> QLabel:
        """A row for what is told."""
        label = QLabel()
        label.setWordWrap(True)
        self.rows.addRow(label)
        return label

    def add(self, image: Any, *, name: str | None = None) -> Any:
        """A result as a layer: a layer, or a calibrated image."""
        from napari.layers import Layer

        from isoscale_ij.napari_plugin.layers import like_layer

        layer = image if isinstance(image, Layer) else like_layer(image, None)
        if name is not None:
            layer.name = name
        self.viewer.add_layer(layer)  # which gives a stand-in of the layer to plugins
        return layer


class LayerChoice(QComboBox):
    """One of the viewer's layers, by name; at first that which is active."""

    def __init__(self, viewer: Any, types: Sequence[type], *, optional: bool = False) -> None:
        super().__init__()
        self._viewer, self._types, self._optional = viewer, tuple(types), optional
        self._changed: Callable[[], None] | None = None
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered):
            event.connect(self._fill)
        self._fill()
        active = viewer.layers.selection.active
        if not optional and isinstance(active, self._types):
            self.choose(active)
        self.currentIndexChanged.connect(self._tell)

    @property
    def layer(self) -> Any | None:
        """The layer, or None where none is chosen."""
        layer = self.currentData()
        return layer if layer is not None and layer in self._viewer.layers else None

    def choose(self, layer: Any) -> None:
        """Choose a layer."""
        for index in range(self.count()):
            if self.itemData(index) == layer:  # plugins are given stand-ins: equal, not the same
                self.setCurrentIndex(index)

    def follow(self, changed: Callable[[], None]) -> None:
        """Call a function now, and whenever another layer is chosen."""
        self._changed = changed
        changed()

    def _tell(self, _index: int = 0) -> None:
        if self._changed is not None:
            self._changed()

    def _fill(self, _event: Any = None) -> None:
        chosen = self.currentData()
        self.blockSignals(True)
        self.clear()
        if self._optional:
            self.addItem(_NONE, None)
        layers: list[Any] = [layer for layer in self._viewer.layers if isinstance(layer, self._types)]
        for layer in layers:
            self.addItem(layer.name, layer)
            layer.events.name.connect(self._rename)
        self.choose(chosen)
        self.blockSignals(False)
        if self.currentData() != chosen:
            self._tell()

    def _rename(self, event: Any) -> None:
        for index in range(self.count()):
            if self.itemData(index) == event.source:
                self.setItemText(index, event.source.name)


IMAGES, LABELS, EITHER = (Image,), (Labels,), (Image, Labels)


def fill_channels(form: Form, box: QComboBox, layer: Any | None) -> None:
    """Offer the channels of a layer that has several, in a row of a form that is there only then."""
    names = [] if layer is None else channel_names(header_of(layer))
    box.clear()
    box.addItems(names)
    form.rows.setRowVisible(box, len(names) > 1)


def channel_of(box: QComboBox) -> int | None:
    """The index of the channel that is chosen; None where there is none to choose."""
    return box.currentIndex() if box.count() > 1 else None

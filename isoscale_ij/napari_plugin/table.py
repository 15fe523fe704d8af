"""A table of pandas in a window: sorted by a click, of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QTableView

from isoscale_ij.image.units import symbol

if TYPE_CHECKING:
    import pandas as pd

_HERE = QModelIndex()


class _Model(QAbstractTableModel):
    """The rows and columns of a DataFrame; Qt's names of methods."""

    def __init__(self, table: pd.DataFrame) -> None:
        super().__init__()
        self.table = table
        units = table.attrs.get("units", {})
        self._heads = [_head(str(name), units.get(name)) for name in table.columns]

    def rowCount(self, _parent: QModelIndex = _HERE) -> int:  # noqa: N802
        return len(self.table)

    def columnCount(self, _parent: QModelIndex = _HERE) -> int:  # noqa: N802
        return len(self._heads)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self._heads[section] if orientation == Qt.Orientation.Horizontal else section + 1

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        value: Any = self.table.iloc[index.row(), index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _cell(value)
        if role == Qt.ItemDataRole.UserRole:  # sorted by
            return value.item() if hasattr(value, "item") else str(value)
        return None


class Table(QTableView):
    """Shows a DataFrame, one row selected at most."""

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSortingEnabled(True)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self.model_of_table: _Model | None = None

    def show_table(self, table: pd.DataFrame) -> None:
        """Show another table."""
        self.model_of_table = _Model(table)
        self._sorted.setSourceModel(self.model_of_table)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.resizeColumnsToContents()

    def chosen(self) -> int | None:
        """The row of the table that is selected."""
        rows = self.selectionModel().selectedRows()
        return self._sorted.mapToSource(rows[0]).row() if rows else None

    def choose(self, row: int) -> None:
        """Select a row of the table, and bring it into view."""
        if self.model_of_table is None or row == self.chosen():
            return
        index = self._sorted.mapFromSource(self.model_of_table.index(row, 0))
        self.selectRow(index.row())
        self.scrollTo(index)


def _head(name: str, unit: str | None) -> str:
    if unit is None:
        return name
    plain, power, exponent = unit.partition("^")
    return f"{name} [{symbol(plain)}{'³' if exponent == '3' else '²' if exponent == '2' else power + exponent}]"


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return " × ".join(f"{part:.4g}" for part in value)
    if isinstance(value, float):
        return "" if value != value else f"{value:.5g}"  # noqa: PLR0124  (NaN)
    return "" if str(value) == "<NA>" else str(value)

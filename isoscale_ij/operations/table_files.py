"""A table as text for a file: what a column is measured in stands in its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from isoscale_ij.image.units import VOXEL, symbol

if TYPE_CHECKING:
    import pandas as pd


def as_csv(table: pd.DataFrame) -> str:
    """Comma-separated values; the columns are called ``volume [um^3]``, or ``volume [voxel^3]`` without calibration."""
    units = table.attrs.get("units", {})
    names = {name: f"{name} [{_written(units[name])}]" for name in table.columns if name in units}
    return table.rename(columns=names).to_csv(index=False)


def as_json(table: pd.DataFrame) -> str:
    """An object with ``units`` (full names, by column) and ``rows``, an object each."""
    return json.dumps({"units": table.attrs.get("units", {}), "rows": rows(table)}, indent=2)


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """What JSON can hold of a table, a row an object; what is missing is None."""
    return json.loads(table.to_json(orient="records"))  # type: ignore[no-any-return]


def _written(unit: str) -> str:
    """A unit with the letters that every program has: ``um^3``."""
    name, power, exponent = unit.partition("^")
    short = name if name == VOXEL else symbol(name).replace("µ", "u").replace("Å", "angstrom")
    return f"{short}{power}{exponent}"

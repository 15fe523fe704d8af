"""Measurements as ImageJ's ResultsTable."""

from __future__ import annotations

from typing import Any

import pandas as pd

from isoscale_ij.imagej.jvm import classes


def to_results_table(table: pd.DataFrame) -> Any:
    """Make an ``ij.measure.ResultsTable`` of measurements.

    Parameters
    ----------
    table : DataFrame
        From :func:`isoscale_ij.measure`; numbers, truth values or text.

    Returns
    -------
    ij.measure.ResultsTable
        Show it with ``table.show("Results")``. What is missing is NaN; truth values are 1 and 0.

    Examples
    --------
    >>> from isoscale_ij import imagej, measure
    >>> imagej.to_results_table(measure(labels)).show("Results")  # doctest: +SKIP
    """
    results = classes().ResultsTable()
    results.setPrecision(4)
    for name, column in table.items():
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(float, na_value=float("nan"))
            results.setValues(str(name), values.tolist()) if len(values) else None
            if column.dtype.kind in "iub":
                results.setDecimalPlaces(results.getColumnIndex(str(name)), 0) if len(values) else None
        else:
            for row, value in enumerate(column):
                results.setValue(str(name), row, str(value))
    return results

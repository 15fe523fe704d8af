"""What a comparison gives: a table, label images, measurements; as text, and as files in a folder."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from isoscale_ij import hypertext, memory
from isoscale_ij.errors import ParameterError
from isoscale_ij.operations.table_files import as_csv, rows

if TYPE_CHECKING:
    import pandas as pd

_HEADS = {
    "name": "way", "shape": "voxels", "voxel_size": "voxel size", "bytes": "image", "seconds_rescale": "rescaling [s]",
    "seconds_segment": "labelling [s]", "peak_memory": "memory", "objects": "objects", "agreement": "agreement",
    "accuracy": "accuracy", "remark": "",
}  # fmt: skip
"""What is shown of the table to a reader, and the words above it."""


@dataclass
class Comparison:
    """What :func:`compare` gives.

    Attributes
    ----------
    table : DataFrame
        One row per way to segment, see :func:`compare`.
    image : DataArray
        The image that was segmented (one channel).
    labels : dict of DataArray
        The label image of each row that was computed, by the row's name, on its own grid.
    truth : DataArray or None
    measurements : dict of DataFrame
        Of each of `labels`.
    sources : list of Path
        The files that image and truth were read from.
    """

    table: pd.DataFrame
    image: xr.DataArray
    labels: dict[str, xr.DataArray]
    truth: xr.DataArray | None = None
    measurements: dict[str, pd.DataFrame] = field(default_factory=dict)
    sources: list[Path] = field(default_factory=list)

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> list[Path]:
        """Write the table (CSV, Markdown), the pictures, the label images and their measurements.

        Returns
        -------
        list of Path
            What was written.

        Raises
        ------
        ParameterError
            If one of the files exists and is not to be overwritten, or the image or the truth lies in the folder.
        """
        from isoscale_ij.comparison import figures
        from isoscale_ij.files import check_replaceable, replacing, write

        folder = Path(folder)
        check_folder(folder, self.sources)
        folder.mkdir(exist_ok=True)
        texts = {
            "comparison.csv": as_csv(self.table),
            "comparison.md": self.markdown(),
        }
        texts |= {f"measurements-{_file_name(name)}.csv": as_csv(table) for name, table in self.measurements.items()}
        pictures = figures.of_comparison(self.image, self.labels, self.truth)
        images = {f"labels-{_file_name(name)}.tif": labels for name, labels in self.labels.items()}
        paths = [folder / name for name in (*texts, *pictures, *images)]
        for path in paths:
            check_replaceable(path, overwrite=overwrite)
        for name, text in texts.items():
            with replacing(folder / name, overwrite=overwrite) as temporary:
                temporary.write_text(text, encoding="utf-8")
        for name, picture in pictures.items():
            with replacing(folder / name, overwrite=overwrite) as temporary:
                picture.savefig(temporary, format="png")
        for name, labels in images.items():
            write(folder / name, labels, overwrite=overwrite)
        return paths

    def markdown(self) -> str:
        """The table as Markdown."""
        columns, rows = self._cells()
        lines = [columns, ["---"] * len(columns), *rows]
        return "".join("| " + " | ".join(line) + " |\n" for line in lines)

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        columns = [str(column) for column in self.table.columns]
        return columns, [
            [_cell(column, value) for column, value in zip(columns, row, strict=True)] for row in self.table.to_numpy()
        ]

    def table_html(self) -> str:
        """The table as HTML, for readers: its headings are words, and what others tell is left out."""
        heads, rows = self._cells()
        kept = [number for number, head in enumerate(heads) if head in _HEADS]
        return hypertext.table([_HEADS[heads[n]] for n in kept], [[row[n] for n in kept] for row in rows])

    def _repr_html_(self) -> str:
        from isoscale_ij.comparison import drawing, figures

        table = self.table_html()
        if not self.labels:
            return table
        labels = figures.labels_side_by_side(self.image, self.labels, self.truth)
        return table + hypertext.picture(drawing.png(labels), "the labels of each row, in the same place")

    def __str__(self) -> str:
        columns = [c for c in self.table.columns if c not in ("voxel_size", "factors", "bytes", "median_volume")]
        rows = [columns, *([_cell(c, row[c]) for c in columns] for _, row in self.table.iterrows())]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )


def check_folder(folder: Path, sources: Sequence[Path]) -> None:
    """Raise if results cannot or must not be written into a folder: to be asked before a long computation."""
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"{folder} is a file; needed is a folder. Choose another one.")
    if any(source.parent.resolve() == folder.resolve() for source in sources):
        raise ParameterError(
            f"Got the folder {folder} for the results, which is that of the input; they could take its place. "
            "Choose a folder of their own."
        )
    place = folder if folder.exists() else folder.resolve().parent
    if not place.is_dir():
        raise FileNotFoundError(errno.ENOENT, "The folder does not exist; make it first", str(place))
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, "The folder cannot be written to; choose another", str(place))


def _cell(column: str, value: Any) -> str:
    """One value as it stands in a printed table."""
    import pandas as pd

    if not isinstance(value, tuple) and pd.isna(value):
        return ""
    if column in ("bytes", "peak_memory"):
        return memory.format_bytes(float(value))
    if column.startswith("seconds"):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return " x ".join(f"{part:.6g}" for part in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _file_name(name: str) -> str:
    plain = name.replace("µ", "u").replace(",", "")
    return "".join(character if character.isalnum() or character == "." else "-" for character in plain)


def as_json(comparison: Comparison) -> str:
    """The table as JSON, a row an object."""
    return json.dumps(rows(comparison.table), indent=2)

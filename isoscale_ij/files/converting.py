"""Any file that can be read into one that can be written, without ever having all of it in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from isoscale_ij import remarks
from isoscale_ij.errors import ParameterError
from isoscale_ij.files import check_output, formats, write
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.scenes import Scene
from isoscale_ij.files.streaming import StreamedValues
from isoscale_ij.image.calibration import CalibrationWarning
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.inspection import remarks as calibration_remarks
from isoscale_ij.image.sources import remember
from isoscale_ij.progress import OnProgress


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    scene: Scene = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> None:
    """Write the image of a file into a file of another format, with all of its calibration, some planes at a time.

    Parameters
    ----------
    source : path
        Anything that :func:`isoscale_ij.read` reads.
    target : path
        As for :func:`isoscale_ij.write`: its ending tells the format.
    scene : str or int, optional
        Which image of a file that holds several.
    overwrite : bool
        Whether an existing file may be replaced; `source` never is.
    on_progress : callable, optional
        Called with (done, total, step); it cancels by raising :class:`isoscale_ij.Cancelled`.

    Examples
    --------
    >>> convert("cells.czi", "cells.ome.tif")  # doctest: +SKIP
    """
    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise ParameterError(f"The output {target} is the input. Choose another name.")
    check_output(target, overwrite=overwrite)
    with of_reading(source):
        header = formats.of_file(source).header(source, scene)
        image = remember(header.image(lazy=StreamedValues(source, header, on_progress)), source)
    remarks.warn_of(remarks.Remark(text, CalibrationWarning) for text in calibration_remarks(Grid.of(image)))
    write(target, image, overwrite=overwrite)


def scene_outputs(target: Path, names: Sequence[str]) -> list[Path]:
    """A file for each scene: its name (or number, where it has none of its own) behind that of `target`.

    Examples
    --------
    >>> [path.name for path in scene_outputs(Path("cells.ome.tif"), ["left", "a/b", "", "left"])]
    ['cells-0-left.ome.tif', 'cells-1-a_b.ome.tif', 'cells-2.ome.tif', 'cells-3-left.ome.tif']
    """
    stem = formats.stem(target)
    ending = target.name[len(stem) :]
    if len(names) == 1:
        return [target]
    width = len(str(len(names) - 1))
    plain = [re.sub(r"[^\w .-]+", "_", name).strip(" .") for name in names]
    return [
        target.with_name("-".join(filter(None, (stem, str(number).zfill(width), name))) + ending)
        for number, name in enumerate(plain)
    ]

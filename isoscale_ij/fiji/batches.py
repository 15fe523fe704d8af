"""A file or a folder of files, each image in them through one operation, into another folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from isoscale_ij.errors import Cancelled, IsoscaleError, ParameterError
from isoscale_ij.files import check_output, check_replaceable, endings, read, replacing, scene_names, stem, write
from isoscale_ij.files.converting import scene_outputs
from isoscale_ij.operations.measurement import measure
from isoscale_ij.operations.table_files import as_csv


def each_file(
    source: str, folder: str, suffix: str, operation: Callable[[xr.DataArray], xr.DataArray],
    progress: Callable[[int, int, str], None], *, tables: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Read, operate, write; gives what was written. Nothing that exists is replaced.

    Of a file that holds several images, each gets results of its own. One file that cannot be done does not stop the
    others: they are said at the end.
    """
    place, output = Path(source), Path(folder)
    if not output.is_dir():
        raise ParameterError(f"Got {output} for the results; needed is a folder that exists.")
    if not place.exists():
        raise ParameterError(f"There is no file or folder {place}.")
    files = (
        sorted(path for path in place.iterdir() if path.name.lower().endswith(endings())) if place.is_dir() else [place]
    )
    if not files:
        raise ParameterError(f"The folder {place} has no image files: none ends in {', '.join(endings())}.")
    written: list[str] = []
    failed: list[str] = []
    for number, path in enumerate(files):
        progress(number, len(files), path.name)
        try:
            for scene, target in enumerate(scene_outputs(output / f"{stem(path)}.tif", scene_names(path))):
                written += _one_image(
                    path, scene, target.with_name(f"{target.stem}-{suffix}.tif"), operation, tables=tables
                )
        except Cancelled:
            raise
        except (IsoscaleError, OSError) as error:
            failed.append(f"{path.name}: {error}")
    if failed:
        done = f" {len(written)} files were written." if written else ""
        raise ParameterError(f"{len(failed)} of {len(files)} files could not be done: {' '.join(failed)}{done}")
    return {"written": written}


def _one_image(
    path: Path, scene: int, target: Path, operation: Callable[[xr.DataArray], xr.DataArray], *, tables: bool
) -> list[str]:
    check_output(target)
    table = target.with_suffix(".csv")
    if tables:
        check_replaceable(table, overwrite=False)
    image = read(path, scene=scene)
    result = operation(image)
    write(target, result)
    if not tables:
        return [str(target)]
    with replacing(table, overwrite=False) as temporary:
        temporary.write_text(as_csv(measure(result, image)), encoding="utf-8")
    return [str(target), str(table)]

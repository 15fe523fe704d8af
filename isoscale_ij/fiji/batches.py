"""A file or a folder of files, each image in them through one operation, into another folder."""

from __future__ import annotations

from collections.abc import Callable
from glob import escape
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
    output, files = _results_folder(folder), _images(source)
    written: list[str] = []
    failed: list[str] = []
    for number, path in enumerate(files):
        progress(number, len(files), path.name)
        try:
            for scene, named in enumerate(scene_outputs(output / f"{stem(path)}.tif", scene_names(path))):
                target = named.with_name(f"{named.stem}-{suffix}.tif")
                written += _one_image(path, scene, target, operation, tables=tables)
        except Cancelled:
            raise
        except (IsoscaleError, OSError) as error:
            failed.append(f"{path.name}: {error}")
    if failed:
        done = f" {len(written)} files were written." if written else ""
        raise ParameterError(f"{len(failed)} of {len(files)} files could not be done: {' '.join(failed)}{done}")
    return {"written": written}


def outlook(source: str, folder: str, suffix: str) -> str:
    """What :func:`each_file` would work on, in a sentence or two."""
    if not source.strip():
        return "Choose an image file, or a folder of them."
    files = _images(source)
    names = ", ".join(path.name for path in files[:3]) + (" …" if len(files) > 3 else ".")
    text = f"{len(files)} file{'s' if len(files) > 1 else ''}: {names}"
    if not folder.strip():
        return f"{text} Choose a folder for the results."
    output = _results_folder(folder)
    present = sum(any(output.glob(f"{escape(stem(path))}*-{suffix}.tif")) for path in files)
    return f"{text} Results of {present} are in {output.name} already, and stay as they are." if present else text


def _images(source: str) -> list[Path]:
    place = Path(source)
    if not place.exists():
        raise ParameterError(f"There is no file or folder {place}.")
    if not place.is_dir():
        return [place]
    files = sorted(path for path in place.iterdir() if path.name.lower().endswith(endings()))
    if not files:
        raise ParameterError(f"The folder {place} has no image files: none ends in {', '.join(endings())}.")
    return files


def _results_folder(folder: str) -> Path:
    output = Path(folder)
    if not output.is_dir():
        raise ParameterError(f"Got {output} for the results; needed is a folder that exists.")
    return output


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

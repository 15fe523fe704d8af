"""Whether all planes of an image are in its file, or files: what is not there must not be read as black.

Planes are counted, not bytes: a compressed plane may have any number of them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import ifds

LETTERS = {"s": "c", "i": "z", "q": "z"}  # tifffile's names of axes that we have another name for
_LISTED = 6
_AGAIN = "Copy or save it again."


def check_chain(path: Path, file: tifffile.TiffFile) -> None:
    """Raise a FormatError if the chain of directories does not come to its end."""
    if file.is_ndpi or (file.is_lsm and file.filehandle.size >= 2**32):  # these fold positions above 4 GiB
        return
    with path.open("rb") as plain:
        layout = ifds.layout(plain.read(4))
        if layout is None:
            return
        try:
            ifds.count(plain, layout)
        except FormatError as error:
            raise FormatError(f"{path} is truncated. {error} {_AGAIN}") from error


def check_planes(path: Path, series: Any) -> None:
    """Raise a FormatError that names the planes of a series that are not there."""
    keyframe = series.keyframe
    if series.dataoffset is not None:  # one block
        if series.dataoffset + series.nbytes > keyframe.parent.filehandle.size:
            raise FormatError(f"{path} ends too early: it is truncated. {_AGAIN}")
        return
    outer = series.shape[: len(series.shape) - len(keyframe.shape)]
    names = [LETTERS.get(axis, axis) for axis in series.axes.lower()[: len(outer)]]
    pages = list(series)
    needed = max(1, math.prod(outer))
    gone = [index for index, page in enumerate(pages[:needed]) if page is None]
    short = [index for index, page in enumerate(pages[:needed]) if page is not None and _is_cut_off(page)]
    beyond = range(len(pages), needed)  # which may be any number, and is not listed
    for first, count, what in (
        ([*gone[:_LISTED], *beyond[:_LISTED]], len(gone) + len(beyond), "are not there"),
        (short, len(short), "are cut off or lie behind the end of the file"),
    ):
        if count:
            shown = ", ".join(_place(names, outer, index) for index in first[:_LISTED])
            more = f" and {count - _LISTED} more" if count > _LISTED else ""
            raise FormatError(
                f"{path} is not complete: {count} of {needed} planes {what} ({shown}{more}; counted from 0). Without "
                f"them the image would be black there. {_AGAIN}"
            )
    empty = sum(_has_gaps(page) for page in pages[:needed])
    if empty:
        remarks.warn(f"{path}: in {empty} of {needed} planes there are parts that are not stored; they are read as 0.")


def check_page(path: Path, page: Any) -> None:
    """Raise a FormatError if a single page, whatever else is in its file, is not all there."""
    if _is_cut_off(page) or _has_gaps(page):
        raise FormatError(f"{path} is not complete: a plane is cut off, or parts of it are not stored. {_AGAIN}")


def _place(names: list[str], outer: tuple[int, ...], index: int) -> str:
    """Which plane it is: ``t=0 z=5``."""
    numbers = np.unravel_index(index, outer) if outer else ()
    return " ".join(f"{name}={number}" for name, number in zip(names, numbers, strict=True)) or "the only one"


def _is_cut_off(page: Any) -> bool:
    """Whether bytes of a plane lie behind the end of its file, or are fewer than uncompressed voxels need."""
    size = page.parent.filehandle.size
    ends = [at + count for at, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if not ends or len(page.databytecounts) < len(page.dataoffsets):
        return True
    keyframe = page.keyframe
    if keyframe.compression != 1 or keyframe.is_tiled:
        return bool(max(ends) > size)
    row = -(
        -keyframe.imagewidth
        * keyframe.bitspersample
        * (keyframe.samplesperpixel if keyframe.planarconfig == 1 else 1)
        // 8
    )
    needed = row * keyframe.imagelength * (keyframe.samplesperpixel if keyframe.planarconfig == 2 else 1)
    if len(ends) == 1:  # of a single strip some programs write a wrong length
        return bool(page.dataoffsets[0] + needed > size)
    return max(ends) > size or (0 < sum(page.databytecounts) < needed and all(page.databytecounts))


def _has_gaps(page: Any) -> bool:
    return page is not None and not all(page.databytecounts)

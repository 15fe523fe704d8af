"""Whether work that was interrupted can go on: what it was, and on which image, is written down before it begins.

In the folder of the work there are this note, what is made on the way, and marks of what is done; with an output that
is a folder itself, also a note and marks of the writing of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from isoscale_ij.errors import ParameterError
from isoscale_ij.execution.chunks.regions import Shape
from isoscale_ij.execution.chunks.settings import settings
from isoscale_ij.execution.chunks.store import write_whole
from isoscale_ij.execution.chunks.sweeps import version

_NAME = "work.json"
_WRITING = "writing"


def opened(folder: Path, work: dict[str, Any], block: Shape) -> Shape:
    """Begin work in a folder, or go on with the same; the size of its blocks.

    Raises
    ------
    ParameterError
        If other work was begun there.
    """
    path = folder / _NAME
    stated = json.loads(json.dumps(work | {"version": version()}))
    if not path.exists():
        write_whole(path, json.dumps({"work": stated, "block": list(block)}).encode())
        return block
    known = json.loads(path.read_text())
    if known["work"] != stated:
        differing = [key for key in stated if known["work"].get(key) != stated[key]]
        raise ParameterError(
            f"What was begun in {folder} was other work ({', '.join(differing)} differ), so it cannot go on. Give the "
            "same input and parameters, or remove that folder and begin anew without --resume."
        )
    return tuple(known["block"])


def kept_output(path: Path, shape: Shape, dtype: str) -> Path | None:
    """Where an output that is a folder is written, to be found there if this is interrupted; None where it is not kept.

    Raises
    ------
    ParameterError
        If other work was begun there.
    """
    options = settings()
    if not options.resume or options.folder is None:
        return None
    kept = path.with_name(f".{path.name}.begun")
    options.folder.mkdir(exist_ok=True)
    note = options.folder / _WRITING / _NAME
    if not (note.exists() and kept.exists()):  # one is of no use without the other
        for left in (note.parent, kept):
            shutil.rmtree(left, ignore_errors=True)
    opened(note.parent, {**options.work, "output": path.name, "shape": shape, "dtype": dtype}, ())
    return kept


def marks_of_output() -> Path | None:
    """The folder for marks of what is written of an output that is kept."""
    options = settings()
    return options.folder / _WRITING / "done" if options.resume and options.folder is not None else None

"""Whether work that was interrupted can go on: what it was, and on which image, is written down before it begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isoscale_ij.errors import ParameterError
from isoscale_ij.execution.chunks.regions import Shape
from isoscale_ij.execution.chunks.store import write_whole
from isoscale_ij.execution.chunks.sweeps import version

_NAME = "work.json"


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

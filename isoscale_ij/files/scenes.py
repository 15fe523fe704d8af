"""Which image is meant, of a file that holds several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from isoscale_ij import remarks
from isoscale_ij.errors import ParameterError

Scene: TypeAlias = str | int | None
"""The name of an image, its index, or None for the first."""


def chosen_scene(path: Path, names: Sequence[str], scene: Scene) -> int:
    """The index of the scene that is meant, out of their names; which may be empty, and the same.

    Raises
    ------
    ParameterError
        If there is no such scene, or several of that name. It lists them.

    Warns
    -----
    UserWarning
        If none was chosen and there are several: the first is read.
    """
    listed = ", ".join(f"{index} ({name})" if name else str(index) for index, name in enumerate(names))
    if scene is None:
        if len(names) > 1:
            remarks.warn(f"{path} holds {len(names)} images; the first is read. Others with scene=…: {listed}.")
        return 0
    if isinstance(scene, str):
        matching = [index for index, name in enumerate(names) if name == scene]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise ParameterError(f"Several images in {path} are named {scene!r}; choose one by its index: {listed}.")
        if scene.isdecimal() and int(scene) < len(names):  # as it comes from a command line
            return int(scene)
    elif not isinstance(scene, bool) and scene == int(scene) and 0 <= scene < len(names):
        return int(scene)
    raise ParameterError(f"Got the scene {scene!r}; {path} holds: {listed}.")


def scene_title(path: Path, endings: Sequence[str], names: Sequence[str], index: int) -> str:
    """The title of an image: the name of its file, and of several images in one its own."""
    stem = next((path.name[: -len(end)] for end in endings if path.name.lower().endswith(end)), path.stem)
    if len(names) == 1:
        return stem
    return f"{stem} {names[index] or index}"

"""What ``info`` says of a file that holds several images: a line for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files import described, scene_names
from isoscale_ij.image.inspection import ImageInfo
from isoscale_ij.image.units import symbol
from isoscale_ij.wording import short


def described_scenes(path: Path, scene: str | None) -> tuple[ImageInfo, list[dict[str, Any]]]:
    """The image that is meant; and all of them, where there are several and none was chosen."""
    names = [""] if scene is not None else scene_names(path)
    if len(names) == 1:
        return described(path, scene=scene), []
    scenes: list[dict[str, Any]] = []
    first = described(path, scene=0)
    for index, name in enumerate(names):
        try:
            with remarks.heard():  # they are made when the scene is read
                about = first if index == 0 else described(path, scene=index)
            scenes.append({"scene": index, "scene_name": name, **about.as_dict()})
        except FormatError as error:
            scenes.append({"scene": index, "scene_name": name, "error": str(error)})
    return first, scenes


def scene_rows(scenes: list[dict[str, Any]]) -> list[str]:
    """A line for each scene, under those of the first."""
    if not scenes:
        return []
    return [
        f"{'scenes:':12} {len(scenes)}; above is the first, another one with --scene",
        *(f"{'':12} {one['scene']} {one['scene_name']}".rstrip() + f": {_facts(one)}" for one in scenes),
    ]


def _facts(scene: dict[str, Any]) -> str:
    if "error" in scene:
        return str(scene["error"])
    sizes = ", ".join(
        f"{axis} {short(size)} {symbol(scene['units'].get(axis))}".rstrip()
        for axis, size in scene["voxel_size"].items()
    )
    facts = [f"{scene['shape']} ({' '.join(scene['dims'])}), {scene['dtype']}", sizes or "uncalibrated"]
    if scene["channels"]:
        facts.append(f"channels {', '.join(scene['channels'])}")
    return "; ".join(facts)

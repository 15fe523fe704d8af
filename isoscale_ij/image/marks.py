"""What is drawn on an image for ImageJ (selection, overlay) or written on its slices, when the grid becomes another.

ImageJ's own classes scale what is drawn, where they are at hand; where they are not, it goes, and that is said.
Names of slices go with the slices.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from isoscale_ij.remarks import Remark
from isoscale_ij.wording import counted

_SCALING = "isoscale_ij.imagej.drawings:scaled"  # known by its place alone: ImageJ is at an edge


def on_another_grid(
    attrs: Mapping[Any, Any], sizes: Mapping[str, int], new_sizes: Mapping[str, int], factors: Mapping[str, float]
) -> tuple[dict[Any, Any], list[Remark]]:
    """The attributes of an image for its like on another grid, and what is to be said of them.

    Parameters
    ----------
    attrs : mapping
    sizes, new_sizes : mapping
        Voxels on each axis.
    factors : mapping
        How many times more voxels a length takes, of the spatial axes.

    Examples
    --------
    >>> sizes, factors = {"z": 2, "y": 4, "x": 4}, {"z": 1.0, "y": 1.0, "x": 1.0}
    >>> on_another_grid({"imagej": {"roi": "…"}}, sizes, sizes, factors)
    ({'imagej': {'roi': '…'}}, [])
    """
    about = dict(attrs.get("imagej") or {})
    drawn = {key: about[key] for key in ("roi", "overlay") if key in about}
    remarks = []
    if drawn and any(factor != 1 for factor in factors.values()):
        about = {key: value for key, value in about.items() if key not in drawn}
        if _imagej_runs():
            scaled, lost = resolve_name(_SCALING)(drawn, sizes, new_sizes, factors)
            about |= scaled
            if lost:
                remarks.append(Remark(f"Left out of the overlay, as ImageJ cannot scale it: {', '.join(lost)}."))
        else:
            outlines = counted(len(drawn.get("overlay", [])), "outline")
            what = [
                text
                for key, text in (("roi", "the selection"), ("overlay", f"{outlines} of the overlay"))
                if key in drawn
            ]
            remarks.append(Remark(
                f"What is drawn on the image ({' and '.join(what)}) belongs to its old grid, and is left out. To have "
                "it scaled, start ImageJ before: isoscale_ij.imagej.start()."
            ))  # fmt: skip
    if sizes.get("z", 1) != new_sizes.get("z", 1):
        about.pop("slice_labels", None)  # the new slices are others; ImageJ's Scale… drops them, too
    others = {key: value for key, value in attrs.items() if key != "imagej"}
    return others | ({"imagej": about} if about else {}), remarks


def _imagej_runs() -> bool:
    """Whether ImageJ's classes are at hand; nothing is started for it."""
    jpype = sys.modules.get("jpype")
    if jpype is None or not jpype.isJVMStarted():
        return False
    try:
        jpype.JClass("ij.plugin.RoiScaler")
    except TypeError:  # a Java without ImageJ
        return False
    return True

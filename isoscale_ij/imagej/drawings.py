"""A selection and an overlay on another grid: outlines scaled by ImageJ's own classes, on the slice they are on then.

Lines keep their width on the screen, text its size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from isoscale_ij.imagej.appearance import roi_of, text_of
from isoscale_ij.imagej.jvm import classes

_POSITION_BITS = 8  # of a counter of points; above it is the slice of each


class _Change:
    """From one grid to another."""

    def __init__(self, sizes: Mapping[str, int], new_sizes: Mapping[str, int], factors: Mapping[str, float]) -> None:
        self.x, self.y, self._z = factors.get("x", 1.0), factors.get("y", 1.0), factors.get("z", 1.0)
        self._channels, self._slices = sizes.get("c", 1), sizes.get("z", 1)
        self._new_slices = new_sizes.get("z", 1)

    def slice(self, number: int) -> int:
        """The slice where the middle of another one is; they count from 1, and 0 is all of them."""
        return max(1, min(self._new_slices, math.floor((number - 0.5) * self._z) + 1)) if number > 0 else number

    def plane(self, number: int) -> int:
        """The same for a number that counts channels, slices and time points through."""
        if number <= 0:
            return number
        rest, channel = divmod(number - 1, self._channels)
        frame, index = divmod(rest, self._slices)
        return (frame * self._new_slices + self.slice(index + 1) - 1) * self._channels + channel + 1


def scaled(
    drawn: Mapping[str, Any], sizes: Mapping[str, int], new_sizes: Mapping[str, int], factors: Mapping[str, float]
) -> tuple[dict[str, Any], list[str]]:
    """Selection and overlay, as ``attrs["imagej"]`` has them, on another grid; and what of them cannot be scaled."""
    change = _Change(sizes, new_sizes, factors)
    result: dict[str, Any] = {}
    lost: list[str] = []
    if "roi" in drawn:
        outline = _scaled(roi_of(drawn["roi"]), change)
        if outline is None:
            lost.append("the selection")
        else:
            result["roi"] = text_of(classes().RoiEncoder.saveAsByteArray(outline))
    outlines = []
    for number, text in enumerate(drawn.get("overlay", []), start=1):
        old = roi_of(text)
        outline = _scaled(old, change)
        if outline is None:
            lost.append(str(old.getName() or f"{old.getTypeAsString()} {number}"))
            continue
        outline.setPrototypeOverlay(old.getPrototypeOverlay())
        outlines.append(text_of(classes().RoiEncoder.saveAsByteArray(outline)))
    if outlines:
        result["overlay"] = outlines
    return result, lost


def _scaled(roi: Any, change: _Change) -> Any:
    """One outline on another grid; None for pictures, which lie on pixels."""
    ij = classes()
    if roi is None or isinstance(roi, ij.ImageRoi):
        return None
    if isinstance(roi, ij.PointRoi):
        outline = _points(roi, change)
    elif isinstance(roi, ij.TextRoi):
        outline = roi.clone()
        outline.setLocation(roi.getXBase() * change.x, roi.getYBase() * change.y)
    elif roi.getClass() in (ij.Roi.class_, ij.OvalRoi.class_):
        corner = (roi.getXBase() * change.x, roi.getYBase() * change.y)
        size = (roi.getFloatWidth() * change.x, roi.getFloatHeight() * change.y)
        outline = (ij.OvalRoi if isinstance(roi, ij.OvalRoi) else ij.Roi)(*corner, *size)
        if roi.getCornerDiameter():
            outline.setCornerDiameter(round(roi.getCornerDiameter() * min(change.x, change.y)))
    else:
        outline = ij.RoiScaler.scale(roi, change.x, change.y, False)
    outline.copyAttributes(roi)
    outline.setName(roi.getName())
    if roi.hasHyperStackPosition():
        outline.setPosition(roi.getCPosition(), change.slice(int(roi.getZPosition())), roi.getTPosition())
    else:
        outline.setPosition(change.plane(int(roi.getPosition())))
    return outline


def _points(roi: Any, change: _Change) -> Any:
    import jpype

    ij = classes()
    polygon = roi.getFloatPolygon()
    count = int(polygon.npoints)
    at = [
        np.array(coordinates[:count], np.float32) * factor
        for coordinates, factor in ((polygon.xpoints, change.x), (polygon.ypoints, change.y))
    ]
    outline = ij.PointRoi(*(jpype.JArray(jpype.JFloat)(values.tolist()) for values in at))
    outline.setPointType(roi.getPointType())
    outline.setSize(roi.getSize())
    outline.setShowLabels(roi.getShowLabels())
    counters = roi.getCounters()
    if counters is not None:
        low = (1 << _POSITION_BITS) - 1
        moved = [
            (change.plane(int(counter) >> _POSITION_BITS) << _POSITION_BITS) | (int(counter) & low)
            for counter in list(counters)[:count]
        ]
        outline.setCounters(jpype.JArray(jpype.JInt)(moved))
    return outline

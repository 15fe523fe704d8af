"""What an ImagePlus looks like and carries along: lookup tables, display ranges, mode, info, ROI, overlay.

An image that says nothing of its looks gets the usual ones. What they were is noted in an image
property, so that they are not taken for somebody's choice on the way back.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.image import looks, properties
from isoscale_ij.image.hyperstack import Hyperstack
from isoscale_ij.imagej.jvm import classes

_MODES = {"composite": 1, "color": 2, "grayscale": 3}
_NO_FUNCTION, _CUSTOM_FUNCTION = 20, 22  # of ij.measure.Calibration


def put_on(imp: Any, layout: Hyperstack, *, seen: tuple[float, float]) -> Any:
    """The image with the looks in `layout`; `seen` are its extreme pixels. Several channels make another object."""
    about = layout.about
    if layout.channels > 1 and not layout.rgb and about.get("mode") != "plain":
        imp = classes().CompositeImage(imp, _MODES.get(about.get("mode", "composite"), 1))
    is_label_image = layout.properties.get(properties.KIND) == "labels"
    if not layout.rgb:
        luts = [np.array(lut, np.uint8) for lut in about.get("luts", [])]
        if not luts and is_label_image:
            luts = [np.array(looks.label_lut(), np.uint8)]
        ranges = about.get("ranges") or [_usual_range(layout, seen, is_label_image=is_label_image)] * layout.channels
        _set_looks(imp, luts, [(float(low), float(high)) for low, high in ranges])
    if about.get("info"):
        imp.setProperty("Info", about["info"])
    if "roi" in about:
        imp.setRoi(roi_of(about["roi"]))
    if "overlay" in about:
        imp.setOverlay(_overlay(about["overlay"]))
    kept = dict(layout.properties)
    usual = {key: value for key, value in _looks(imp, layout).items() if key not in about}
    if usual:
        kept[properties.LOOKS] = looks.noted(usual)
    imp.setProperties([text for pair in kept.items() for text in pair])
    return imp


def take_off(imp: Any, layout: Hyperstack) -> None:
    """Add what an ImagePlus looks like and carries along to what it says."""
    layout.about |= looks.chosen(_looks(imp, layout), layout.properties.pop(properties.LOOKS, None))
    info = imp.getInfoProperty()
    if info is not None:
        layout.about["info"] = str(info)
    labels = [imp.getStack().getSliceLabel(index + 1) for index in range(layout.planes)]
    if any(label is not None for label in labels):
        layout.about["slice_labels"] = ["" if label is None else str(label) for label in labels]
    if imp.getRoi() is not None:
        layout.about["roi"] = text_of(classes().RoiEncoder.saveAsByteArray(imp.getRoi()))
    overlay = classes().FileSaver.getOverlay(imp)
    if overlay is not None and len(overlay):
        layout.about["overlay"] = [text_of(roi) for roi in overlay]


def description(calibration: Any) -> dict[str, str]:
    """What ImageJ writes into files beside sizes: the function from pixels to values, the speed of an animation."""
    facts = {"fps": repr(float(calibration.fps))} if calibration.fps else {}
    if bool(calibration.loop):
        facts["loop"] = "true"
    function = int(calibration.getFunction())
    if function == _NO_FUNCTION:
        return facts
    facts["cf"] = str(function)
    for index, coefficient in enumerate(calibration.getCoefficients() or ()):
        facts[f"c{index}"] = repr(float(coefficient))
    facts["vunit"] = str(calibration.getValueUnit())
    if bool(calibration.zeroClip()):
        facts["zeroclip"] = "true"
    if function == _CUSTOM_FUNCTION:
        facts["ctable"] = json.dumps([float(value) for value in calibration.getCTable()])
    return facts


def set_description(calibration: Any, described: dict[str, str]) -> None:
    """The way back of :func:`description`."""
    if "ctable" in described:
        calibration.setCTable(json.loads(described["ctable"]), described.get("vunit"))
    elif "cf" in described:
        coefficients = [float(described[f"c{index}"]) for index in range(10) if f"c{index}" in described]
        calibration.setFunction(
            int(described["cf"]), coefficients or None, described.get("vunit"), described.get("zeroclip") == "true"
        )
    calibration.fps = float(described.get("fps", 0.0))
    calibration.loop = described.get("loop") == "true"


def _usual_range(layout: Hyperstack, seen: tuple[float, float], *, is_label_image: bool) -> tuple[float, float]:
    """Labels by their number, 8-bit images as they are, others from the least to the greatest value."""
    if is_label_image:
        low, high = looks.label_range(seen[1])
        return low, high
    if layout.dtype == "uint8":
        return 0.0, 255.0
    return seen if seen[1] > seen[0] else (seen[0], seen[0] + 1)


def _set_looks(imp: Any, luts: list[Any], ranges: list[tuple[float, float]]) -> None:
    """Lookup tables (3 x 256) and display ranges; one a channel of a composite, else the first."""
    if not imp.isComposite():
        if luts:
            imp.setLut(_lut(luts[0], *ranges[0]))
        imp.setDisplayRange(*ranges[0])
        return
    tables = list(imp.getLuts())
    for index, (low, high) in enumerate(ranges[: len(tables)]):
        if index < len(luts):
            tables[index] = _lut(luts[index], low, high)
        tables[index].min, tables[index].max = low, high
    imp.setLuts(tables)
    imp.setDisplayRange(*ranges[imp.getChannel() - 1])
    imp.updateAllChannelsAndDraw()


def _lut(table: Any, low: float, high: float) -> Any:
    import jpype

    lut = classes().LUT(*(jpype.JArray(jpype.JByte)(row.astype(np.int8)) for row in np.asarray(table)))
    lut.min, lut.max = low, high
    return lut


def _looks(imp: Any, layout: Hyperstack) -> dict[str, Any]:
    """Mode, lookup tables and display ranges as they are now, unless they are ImageJ's usual ones."""
    if layout.rgb:
        return {}
    looked: dict[str, Any] = {}
    if layout.channels > 1:
        mode = {1: "composite", 2: "color", 3: "grayscale"}.get(int(imp.getDisplayMode()), "composite")
        if not imp.isComposite():
            looked["mode"] = "plain"
        elif mode != "composite":
            looked["mode"] = mode
    luts = list(imp.getLuts())
    if imp.isComposite():
        ranges = [[float(lut.min), float(lut.max)] for lut in luts]
    else:
        ranges = [[float(imp.getDisplayRangeMin()), float(imp.getDisplayRangeMax())]]
    tables = [_table(lut) for lut in luts]
    usual = [_usual_table(index, composite=bool(imp.isComposite())) for index in range(len(tables))]
    if any((table != other).any() for table, other in zip(tables, usual, strict=True)):
        looked["luts"] = [table.tolist() for table in tables]
    if layout.dtype != "uint8" or any(ends != [0.0, 255.0] for ends in ranges):
        looked["ranges"] = ranges
    return looked


@cache
def _usual_table(channel: int, *, composite: bool) -> NDArray[np.uint8]:
    """The lookup table that ImageJ gives to a channel: red, green, blue, … in a composite, else grey."""
    colors = classes().CompositeImage.colors
    if not composite or channel >= len(colors):
        return np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    return _table(classes().LUT.createLutFromColor(colors[channel]))


def _table(lut: Any) -> NDArray[np.uint8]:
    return np.asarray(lut.getBytes()).view(np.uint8).reshape(3, 256)


def text_of(encoded: Any) -> str:
    """An encoded outline as text."""
    return base64.b64encode(np.asarray(encoded).view(np.uint8).tobytes()).decode()


def roi_of(text: str) -> Any:
    """The way back."""
    import jpype

    values = np.frombuffer(base64.b64decode(text), np.int8)
    return classes().RoiDecoder.openFromByteArray(jpype.JArray(jpype.JByte)(values))


def _overlay(texts: list[str]) -> Any:
    overlay = classes().Overlay()
    for index, text in enumerate(texts):
        roi = roi_of(text)
        settings = roi.getPrototypeOverlay()
        if index == 0 and settings is not None:
            overlay.drawLabels(settings.getDrawLabels())
            overlay.drawNames(settings.getDrawNames())
            overlay.drawBackgrounds(settings.getDrawBackgrounds())
            overlay.setLabelColor(settings.getLabelColor())
            overlay.setLabelFont(settings.getLabelFont(), settings.scalableLabels())
        overlay.add(roi)
    return overlay

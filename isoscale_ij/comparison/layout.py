"""Where panels lie on a sheet: at one scale, as large as there is room, and every text in a place of its own.

Panels may be flat, or narrower than what is written at them: a column is then wider than its panels, titles take
several lines, what stands at the side lies down, and the scale bar goes below.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.textpath import TextPath

from isoscale_ij.comparison import drawing
from isoscale_ij.comparison.drawing import DPI, FONT, SLIDE, SMALL_FONT, Picture, Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE, _GAP, _EDGE = 1.3 * FONT / 72, 0.08, 0.1  # inches, as all lengths on a sheet: of a line, between, around
_NARROW = 1.4  # a column with texts is not narrower, or they would be cut into pieces
_LINES = 3  # a text has no more; the rest of it is left out
_BAR_HEIGHT = 0.4  # of the scale bar with its plate
_SMALL = 0.8  # of the longest panel: rather than make it smaller, a sheet grows
_APART = re.compile(r"(?<!=) (?!=)(?!(?<=\d )\S{1,2}(?: |$))")  # spaces that lines may end at: not in "y = 12.5 µm"
_BETTER = 1.2  # another arrangement is taken only if its panels are so many times as large

Arrangement = Sequence[Sequence[int | None]]
"""Rows of the numbers of panels, None where there is none."""


@dataclass(frozen=True)
class Slot:
    """A panel that has no place yet: what it shows, and what is written above it, at its left and below it."""

    window: Window
    title: str = ""
    side: str = ""
    below: str = ""
    bar: bool = False


def arranged(
    slots: Sequence[Slot], arrangements: Sequence[Arrangement], ax: Any | None, what: str, *, heading: str = "",
    room: tuple[float, float] = SLIDE,
) -> list[Axes]:  # fmt: skip
    """Axes for panels with their texts, in the best of some arrangements; or in axes that are given.

    Parameters
    ----------
    slots : sequence of Slot
    arrangements : sequence of Arrangement
        An earlier one is taken where a later one is hardly better.
    ax : Axes or sequence of Axes, optional
        To draw into.
    what : str
        Who asks, for the message if these are not as many as are needed.
    heading : str
        Above all.
    room : tuple of float
        Inches: width and height of the sheet, which is as small as it can be.
    """
    if ax is not None:
        axes = drawing.given_axes(ax, len(slots), what)
        for number, (axis, slot) in enumerate(zip(axes, slots, strict=True)):
            _write(axis, slot.title or ("" if number else heading), slot.side, slot.below)
            if slot.bar:
                drawing.scale_bar(axis, slot.window)
        return axes
    smallest = _SMALL / max(max(slot.window.size) for slot in slots)
    found = [(_largest_scale(slots, each, heading, room), each) for each in arrangements]
    scale, best = found[0]
    for other, each in found[1:]:
        if other > _BETTER * scale:
            scale, best = other, each
    if scale < smallest:  # so many that no slide holds them: as many beside each other as its width holds
        scale = smallest
        best = next((each for each in arrangements if _Sheet(slots, each, scale, heading).width <= room[0]), best)
    return _Sheet(slots, best, scale, heading).drawn()


def side_by_side(count: int) -> list[Arrangement]:
    """A number of panels in equally long rows, the fewest rows first; no row has a single one, but where all have."""
    found: list[Arrangement] = []
    for lines in range(1, count + 1):
        columns = math.ceil(count / lines)
        left = count - (lines - 1) * columns
        if left > (columns > 1):
            numbers: list[int | None] = [*range(count), *[None] * (lines * columns - count)]
            found.append([numbers[line * columns : (line + 1) * columns] for line in range(lines)])
    return found


def stacked(arrangement: Arrangement, panels: int) -> Arrangement:
    """The same with `panels` below each other where there was one; they follow each other in number."""
    return [
        [None if number is None else panels * number + below for number in row]
        for row in arrangement
        for below in range(panels)
    ]


def wrapped(text: str, width: float) -> list[str]:
    """A text in lines that are not wider; what is too long for three of them ends in an ellipsis."""
    lines = [""]
    for word in _APART.split(text):
        rest = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(rest) > width:
            lines.append("")
            rest = word
        while text_width(rest) > width and len(rest) > 1:  # longer than a line by itself, as names of files are
            fitting = next((n for n in range(len(rest) - 1, 1, -1) if text_width(rest[:n]) <= width), 1)
            lines[-1:] = [rest[:fitting], ""]
            rest = rest[fitting:]
        lines[-1] = rest
    if len(lines) > _LINES:
        last = lines[_LINES - 1]
        while last and text_width(last + "…") > width:
            last = last[:-1]
        lines = [*lines[: _LINES - 1], last + "…"]
    return lines


@lru_cache(maxsize=10_000)
def text_width(text: str, size: float = FONT) -> float:
    """The width of a line as it is drawn, in inches."""
    if not text.strip():
        return 0.0
    plain = text.replace("$", "S")  # or it would be taken for a formula
    return float(TextPath((0, 0), plain, size=size).get_extents().width) / 72


def _fitted(text: str, width: float) -> str:
    return "\n".join(line for part in text.split("\n") for line in wrapped(part, width)) if text else ""


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _write(
    axis: Axes, title: str, side: str, below: str, *, lying: bool = False, higher: float = 0.0, lower: float = 0.0
) -> None:  # fmt: skip
    """The texts of a panel, so much higher and lower than usual; no name of an image is a formula."""
    axis.set_title(title, fontsize=FONT, pad=4 + 72 * higher, parse_math=False)
    axis.set_xlabel(below, fontsize=FONT, labelpad=3 + 72 * lower, parse_math=False)
    how: Any = {"rotation": 0, "ha": "right", "va": "center"} if lying else {}
    axis.set_ylabel(side, fontsize=FONT, parse_math=False, **how)


class _Sheet:
    """Panels at a scale (inches for a unit of length), and what room that needs."""

    def __init__(self, slots: Sequence[Slot], arrangement: Arrangement, scale: float, heading: str) -> None:
        self._slots, self._scale = slots, scale
        self._at = {n: (r, c) for r, row in enumerate(arrangement) for c, n in enumerate(row) if n is not None}
        self._rows, self._columns = len(arrangement), max(map(len, arrangement))
        sizes = [tuple(scale * length for length in slot.window.size) for slot in slots]
        self._within, self._below = self._bars(sizes)

        self._widths = [0.0] * self._columns
        for number, (_, column) in self._at.items():
            slot = slots[number]
            texts = [*slot.title.split("\n"), slot.below]
            least = min(_NARROW, max(map(text_width, texts))) + 2 * _GAP
            self._widths[column] = max(self._widths[column], sizes[number][1], least)
        self._titles = [_fitted(slot.title, self._widths[self._at[n][1]] - _GAP) for n, slot in enumerate(slots)]
        self._captions = [_fitted(slot.below, self._widths[self._at[n][1]] - _GAP) for n, slot in enumerate(slots)]

        self._sides = [slot.side for slot in slots]
        self._lying = [text_width(slot.side) > sizes[n][0] for n, slot in enumerate(slots)]
        self._beyond = [0.0] * len(slots)  # how far what lies at the side reaches above and below its panel
        self._left, heights = 0.0, [0.0] * self._rows
        self._above, under = [0.0] * self._rows, [0.0] * self._rows
        for number, (row, _) in self._at.items():
            height = sizes[number][0]
            if self._sides[number]:
                if self._lying[number]:
                    self._sides[number] = slots[number].side.replace(" at ", " at\n")
                    self._beyond[number] = max(0.0, _LINE * _lines(self._sides[number]) - height) / 2
                    height += 2 * self._beyond[number]
                    wide = max(map(text_width, self._sides[number].split("\n")))
                else:
                    wide = _LINE
                self._left = max(self._left, wide + _GAP)
            heights[row] = max(heights[row], height)
            self._above[row] = max(self._above[row], _LINE * _lines(self._titles[number]))
            lower = _BAR_HEIGHT * (number in self._below) + _LINE * _lines(self._captions[number])
            under[row] = max(under[row], lower)
        self._heights = heights
        self._pitch = [a + h + u + _GAP for a, h, u in zip(self._above, heights, under, strict=True)]

        across = self._left + sum(self._widths) + _GAP * (self._columns - 1)
        across = max(across, min(2.5 * _NARROW, text_width(heading)))
        self._heading = _fitted(heading, across)
        self._top = _LINE * _lines(self._heading)
        self.width = across + 2 * _EDGE
        self.height = self._top + sum(self._pitch) - _GAP + 2 * _EDGE
        self._sizes = sizes

    def _bars(self, sizes: Sequence[tuple[float, ...]]) -> tuple[set[int], set[int]]:
        """The panels that have a scale bar in them, and, where none has room for it, the one that has it below."""
        wanted = [number for number, slot in enumerate(self._slots) if slot.bar]
        within = {
            number
            for number in wanted
            if sizes[number][0] >= _BAR_HEIGHT + _GAP
            and sizes[number][1] >= text_width(drawing.bar_text(self._slots[number].window), SMALL_FONT) + 4 * _GAP
        }
        return within, set() if within else set(wanted[:1])

    def drawn(self) -> list[Axes]:
        """A figure of it; its axes, one for each slot."""
        figure = Picture(figsize=(self.width, self.height), dpi=DPI)
        if self._heading:
            figure.text(
                0.5, 1 - _EDGE / self.height, self._heading, ha="center", va="top", fontsize=FONT, parse_math=False
            )  # fmt: skip
        inner = self._left + sum(self._widths) + _GAP * (self._columns - 1)
        begin = _EDGE + self._left + (self.width - 2 * _EDGE - inner) / 2
        axes = []
        for number, slot in enumerate(self._slots):
            row, column = self._at[number]
            height, width = self._sizes[number]
            left = begin + sum(self._widths[:column]) + _GAP * column + (self._widths[column] - width) / 2
            down = _EDGE + self._top + sum(self._pitch[:row]) + self._above[row]
            bottom = self.height - down - (self._heights[row] + height) / 2
            axis = figure.add_axes(
                (left / self.width, bottom / self.height, width / self.width, height / self.height)
            )  # fmt: skip
            outside = number in self._below
            _write(
                axis, self._titles[number], self._sides[number], self._captions[number], lying=self._lying[number],
                higher=self._beyond[number], lower=self._beyond[number] + _BAR_HEIGHT * outside,
            )  # fmt: skip
            if outside or number in self._within:
                drawing.scale_bar(axis, slot.window, below=self._beyond[number] / height if outside else None)
            axes.append(axis)
        return axes


def _largest_scale(
    slots: Sequence[Slot], arrangement: Arrangement, heading: str, room: tuple[float, float]
) -> float:  # fmt: skip
    """The largest scale at which a sheet fits into a room; 0 where its texts alone do not."""
    low, high = 0.0, max(room) / min(max(slot.window.size) for slot in slots)
    for _ in range(24):
        middle = (low + high) / 2
        sheet = _Sheet(slots, arrangement, middle, heading)
        if sheet.width <= room[0] and sheet.height <= room[1]:
            low = middle
        else:
            high = middle
    return low

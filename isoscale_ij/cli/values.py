"""How lengths, factors and names of files are read as they are typed: what is wrong whatever the file is said at once.

Each function is a type of argparse. The text itself goes on where it can, so that its unit does; that it makes sense is
asked of the functions that the package itself asks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TypeVar

from isoscale_ij.cli.sentences import in_terminal
from isoscale_ij.errors import IsoscaleError, ParameterError
from isoscale_ij.image.possible import possible_size
from isoscale_ij.image.units import Length, known_unit, parse_length, refuse_decimal_comma
from isoscale_ij.memory import as_bytes
from isoscale_ij.operations.choices import TARGETS
from isoscale_ij.operations.sensible import (
    sensible_elongation,
    sensible_factor,
    sensible_sigma,
    sensible_threshold,
)

T = TypeVar("T")
Check = Callable[[Length, str], object]

SPATIAL = ("z", "y", "x")
CALIBRATED = ("t", *SPATIAL)
_ALL_AXES = "each axis"
_LENGTHS = "z=2um,y=1um,x=1um"
_WITH_UNITS = (
    "--spot-sigma", "--outline-sigma", "--voxel-size", "--voxel-sizes", "--origin", "--memory-limit",
    *(f"--{axis}" for axis in CALIBRATED),
)  # fmt: skip


def _type(read: Callable[[str], T]) -> Callable[[str], T]:
    """What argparse asks for: errors of the package, in words that can be typed, as errors of its own."""

    @wraps(read)
    def typed(text: str) -> T:
        try:
            return read(text)
        except IsoscaleError as error:
            raise argparse.ArgumentTypeError(in_terminal(str(error))) from None

    return typed


def size_of(axis: str) -> Callable[[str], str]:
    """The type of a voxel size on one axis, or of a time step."""

    def size(text: str) -> str:
        possible_size(parse_length(text).value, axis)
        return text

    return _type(size)


@_type
def voxel_size(text: str) -> str:
    """One of several voxel sizes."""
    if "," in text:
        raise ParameterError(
            f"Got {text!r}; needed are lengths with a space between them, as 1um 2um, and a point before decimals, as "
            "1.5um."
        )
    _possible(parse_length(text), _ALL_AXES)
    return text


@_type
def target(text: str) -> str | dict[str, str]:
    """A new voxel size: a length, one for each axis, or a word."""
    if text in TARGETS:
        return text
    if not any(character.isdigit() for character in text):
        raise ParameterError(
            f"Got {text!r}; needed is a length, as 1um, or one of {', '.join(TARGETS)}. For an isotropic image: finest "
            "(the smallest voxel size there is, on all axes), coarsest (the largest), or x (that of x)."
        )
    return _lengths(text, _possible)


@_type
def sigma(text: str) -> str | dict[str, str]:
    """A sigma, one for each axis, or auto."""
    return text if text == "auto" else _lengths(text, _not_negative)


@_type
def origin(text: str) -> str | dict[str, str]:
    """A lower edge, or one for each axis."""
    return _lengths(text, None, CALIBRATED)


@_type
def factor(text: str) -> float | dict[str, float]:
    """A factor, or one for each axis."""
    if "=" not in text:
        return sensible_factor(_number(text, "a factor", 'a number, or "z=2,y=1,x=1"'), _ALL_AXES)
    pairs = _pairs(text, "z=2,y=1,x=1", SPATIAL)
    return {axis: sensible_factor(_number(value, f"the factor on {axis}"), axis) for axis, value in pairs}


@_type
def threshold(text: str) -> str:
    """A way to find the threshold, or a number."""
    sensible_threshold(text)
    return text


@_type
def elongation(text: str) -> float:
    """How much longer than wide objects look."""
    return sensible_elongation(_number(text, "the elongation"))


@_type
def length_unit(text: str) -> str:
    """A unit of length."""
    known_unit(text, "unit")
    return text


@_type
def time_unit(text: str) -> str:
    """A unit of time."""
    known_unit(text, "time_unit")
    return text


@_type
def amount_of_memory(text: str) -> str:
    """Bytes, or with a unit."""
    as_bytes(text)
    return text


@_type
def output(text: str) -> Path:
    """The name of an image that is to be written."""
    from isoscale_ij.files.formats import of_output

    of_output(Path(text))
    return Path(text)


@_type
def picture(text: str) -> Path:
    """The name of a picture that is to be written."""
    if not text.lower().endswith(".png"):
        raise ParameterError(f"Got the picture {text}; needed is a name that ends in .png.")
    return Path(text)


def count_from(lowest: int) -> Callable[[str], int]:
    """The type of a whole number that is not less than another."""

    def count(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            needed = "above 0" if lowest == 1 else f"from {lowest} on"
            raise ParameterError(f"Got {text!r}; needed is a whole number {needed}.")
        return int(text)

    return _type(count)


def unit_apart(arguments: Sequence[str]) -> str | None:
    """What is said where a unit stands apart from its number, and would be taken for the name of a file."""
    words = [part for text in arguments for part in (text.split("=", 1) if text.startswith("--") else [text])]
    for option, number, unit in zip(words, words[1:], words[2:], strict=False):
        meant = [name for name in _WITH_UNITS if name.startswith(option) and len(option) > len("--")]
        if meant and _is_number(number) and not _is_number(unit) and not Path(unit).exists():
            try:
                (as_bytes if meant == ["--memory-limit"] else parse_length)(f"{number} {unit}")
            except IsoscaleError:
                continue
            return (
                f'got {option} {number} {unit}, where the unit stands apart: write {number}{unit} or "{number} {unit}"'
            )
    return None


def _lengths(text: str, check: Check | None, axes: Sequence[str] = SPATIAL) -> str | dict[str, str]:
    if "=" not in text:
        length = parse_length(text)
        if check:
            check(length, _ALL_AXES)
        return text
    pairs = _pairs(text, _LENGTHS, axes)
    for axis, value in pairs:
        length = parse_length(value, f"the length on {axis}")
        if check:
            check(length, axis)
    return dict(pairs)


def _possible(length: Length, axis: str) -> float:
    return possible_size(length.value, axis)


def _not_negative(length: Length, axis: str) -> Length:
    return sensible_sigma(length, f"the sigma on {axis}")


def _pairs(text: str, example: str, axes: Sequence[str]) -> list[tuple[str, str]]:
    from isoscale_ij.image.axes import our_axis

    parts = [part.partition("=") for part in text.split(",")]
    pairs = [(axis.strip(), value) for axis, _, value in parts]
    if not all(sign and axis for (axis, _), (_, sign, _) in zip(pairs, parts, strict=True)):
        raise ParameterError(
            f"Got {text!r}; needed is one for each axis, as {example!r}. Decimals follow a point: 1.5, not 1,5."
        )
    names = [our_axis(axis) for axis, _ in pairs]
    if not set(names) <= set(axes):
        other = next(axis for axis, _ in pairs if our_axis(axis) not in axes)
        raise ParameterError(f"Got the axis {other!r} in {text!r}; needed are axes out of {', '.join(axes)}.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ParameterError(f"Got {twice} twice in {text!r}; needed is one for each axis, as {example!r}.")
    return pairs


def _number(text: str, what: str, needed: str = "a number") -> float:
    refuse_decimal_comma(text, what)
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"Got {text!r} as {what}; needed is {needed}.") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

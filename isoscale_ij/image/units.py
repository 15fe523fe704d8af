"""Units and lengths: the one table of spellings, and how a length is written.

Names are those of OME-NGFF: ``micrometer``, ``nanometer``, ``second``, …
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from isoscale_ij.errors import CalibrationError, ParameterError

VOXEL = "voxel"
"""The unit of a length that counts voxels."""

LengthLike: TypeAlias = float | str
"""A number in the image's own unit, or a string with a unit: ``1.8``, ``"1.8 um"``, ``"10 px"``."""

_PREFIXES = {
    "yocto": ("y", -24), "zepto": ("z", -21), "atto": ("a", -18), "femto": ("f", -15), "pico": ("p", -12),
    "nano": ("n", -9), "micro": ("u", -6), "milli": ("m", -3), "centi": ("c", -2), "deci": ("d", -1),
    "": ("", 0), "hecto": ("h", 2), "kilo": ("k", 3), "mega": ("M", 6), "giga": ("G", 9),
}  # fmt: skip

_METERS: dict[str, float] = {f"{prefix}meter": 10.0**power for prefix, (_, power) in _PREFIXES.items()} | {
    "angstrom": 1e-10,
    "inch": 0.0254,
    "foot": 0.3048,
    "yard": 0.9144,
    "mile": 1609.344,
}
_SECONDS: dict[str, float] = {f"{prefix}second": 10.0**power for prefix, (_, power) in _PREFIXES.items()} | {
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
}

# Short forms in which upper and lower case differ in meaning (mm, Mm) are looked up first.
_SHORT = {f"{short}m": f"{prefix}meter" for prefix, (short, _) in _PREFIXES.items()} | {
    f"{short}s": f"{prefix}second" for prefix, (short, _) in _PREFIXES.items()
}
_SPELLINGS = {
    "micron": "micrometer", "microns": "micrometer",
    "å": "angstrom", "ångström": "angstrom",
    "in": "inch", "inches": "inch", '"': "inch", "ft": "foot", "feet": "foot", "yd": "yard", "mi": "mile",
    "sec": "second", "secs": "second", "msec": "millisecond", "usec": "microsecond",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "d": "day",
    "px": VOXEL, "pixel": VOXEL, "pixels": VOXEL, "voxel": VOXEL, "voxels": VOXEL,
}  # fmt: skip
_ABSENT = {"", "none", "null", "unknown", "gray value"}
_SYMBOLS = {
    "micrometer": "µm", "nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m", "angstrom": "Å",
    "inch": "in", "second": "s", "millisecond": "ms", "microsecond": "µs", "minute": "min", "hour": "h", VOXEL: "px",
}  # fmt: skip

_LENGTH = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf\w*))\s*(.*?)\s*", re.IGNORECASE)

_DECIMAL_COMMA = re.compile(r"\s*([-+]?\d*),(\d+\s*[^\d,]*)")


def canonical_unit(text: str | None) -> str | None:
    r"""The full name of a unit: ``micrometer`` for µm, μm, um, micron and the literal ``\u00B5m``.

    None where there is no unit, ``"voxel"`` for pixels and voxels. A unit that is not known is
    returned as it is.
    """
    if text is None:
        return None
    plain = text.strip().replace("\\u00B5", "u").replace("\\u00b5", "u").replace("µ", "u").replace("μ", "u")
    if plain in _SHORT:
        return _SHORT[plain]
    lower = plain.lower()
    if lower in _ABSENT:
        return None
    singular = lower.removesuffix("s").replace("metre", "meter")
    for name in (lower, singular):
        if name in _SPELLINGS:
            return _SPELLINGS[name]
        if name in _METERS or name in _SECONDS:
            return name
    return text.strip()


def is_length(unit: str | None) -> bool:
    """Whether the unit is a known unit of length."""
    return unit in _METERS


def is_time(unit: str | None) -> bool:
    """Whether the unit is a known unit of time."""
    return unit in _SECONDS


def known_unit(text: Any, what: str) -> str | None:
    """The full name of a unit that a caller states as the argument `what`; files may have others.

    Raises
    ------
    CalibrationError
        If it is not known.
    """
    if text is None:
        return None
    unit = canonical_unit(text) if isinstance(text, str) else None
    known = is_time(unit) if what == "time_unit" else is_length(unit) or unit == VOXEL
    if known or (isinstance(text, str) and unit is None):
        return unit
    needed = "s, ms, us, min, h" if what == "time_unit" else "um, nm, mm, cm, m, inch, px"
    raise CalibrationError(f"Got {text!r} as {what}; known are {needed} and their full names.")


def symbol(unit: str | None) -> str:
    """How the unit is written behind a number: ``µm``."""
    return "" if unit is None else _SYMBOLS.get(unit, unit)


def convert(value: float, unit: str | None, to: str | None) -> float:
    """`value` in the unit `to`; both canonical. The same unit changes nothing, not even the last bit.

    Raises
    ------
    CalibrationError
        If one of the units is not known, or one is a length and the other a time.
    """
    if unit == to:
        return value
    for table in (_METERS, _SECONDS):
        if unit in table and to in table:
            power = math.log10(table[unit] / table[to])
            if abs(power - round(power)) < 1e-9:  # powers of ten are exact where the numbers are
                return value * 10.0 ** round(power) if power > 0 else value / 10.0 ** -round(power)
            return value * table[unit] / table[to]
    mend = f"in {to}" if to else 'in voxels, as "2 px"'
    if is_time(unit) or is_time(to):  # no unit of the image makes a length of a time
        mend = f"it {mend}"
    else:
        mend = f"the length {mend}, or set the image's unit with set_voxel_size"
    raise CalibrationError(
        f"Got {value:g} {unit or 'without a unit'} where {to or 'a length without a unit'} is needed; the one cannot "
        f"be converted into the other. Give {mend}."
    )


def micrometers(meters: Any) -> float | str | None:
    """Metres as a file has them, in micrometres to the last digit; what is no number, as it stands there.

    Examples
    --------
    >>> micrometers("1.59666504031508e-07"), micrometers(3.2e-07), micrometers(0), micrometers("?")
    (0.159666504031508, 0.32, 0.0, '?')
    """
    if meters is None:
        return None
    text = str(float(meters)) if isinstance(meters, (int, float)) else str(meters).strip()
    try:
        return float(Decimal(text).scaleb(6))
    except InvalidOperation:
        return text


@dataclass(frozen=True)
class Length:
    """A length as it was given: a number, and its unit (None: the image's own, ``"voxel"``: voxels)."""

    value: float
    unit: str | None

    def __str__(self) -> str:
        return f"{self.value:g} {symbol(self.unit)}".strip()


def refuse_decimal_comma(text: str, what: str) -> None:
    """Raise a ParameterError if it is a number, with a unit or without, that has a comma before its decimals."""
    if comma := _DECIMAL_COMMA.fullmatch(text):
        raise ParameterError(
            f"Got {text!r} as {what}; needed is a point before decimals: write {'.'.join(comma.groups())!r}."
        )


def parse_length(text: object, what: str = "length") -> Length:
    """Read a number or a string such as ``"1.8 um"`` or ``"10 px"``.

    Parameters
    ----------
    text : float or str
    what : str
        What the length is for, as the message names it.

    Raises
    ------
    ParameterError
        If it is no length, or its unit is not known.
    CalibrationError
        If the number is NaN or infinite.
    """
    if isinstance(text, str):
        match = _LENGTH.fullmatch(text)
        refuse_decimal_comma(text, what)
        if not match:
            raise ParameterError(f'Got {text!r} as {what}; needed is a number with or without a unit, as "1.8 um".')
        unit = canonical_unit(match[2]) if match[2] else None
        if match[2] and not (unit == VOXEL or is_length(unit) or is_time(unit)):
            raise ParameterError(
                f"Got the unit {match[2]!r} in {text!r} as {what}; known are um, nm, mm, cm, m, inch, px and their "
                "full names, and s, ms, min, h for time."
            )
        value = float(match[1])
    else:
        try:
            value, unit = float(str(text) if isinstance(text, bool) else text), None  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise ParameterError(
                f'Got {text!r} as {what}; needed is a number, or a string with a unit, as "1.8 um".'
            ) from None
    if not math.isfinite(value):
        raise CalibrationError(f"Got {text!r} as {what}; needed is a finite number.")
    return Length(value, unit)

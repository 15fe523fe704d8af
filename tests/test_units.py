"""Units: spellings met in the wild, lengths, conversion."""

from __future__ import annotations

import pytest

from isoscale_ij.errors import CalibrationError, ParameterError
from isoscale_ij.image.units import canonical_unit, convert, parse_length


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *((spelling, "micrometer") for spelling in (
            "µm", "μm", "um", "micron", "microns", "Micron", "micrometer", "micrometers", "Micrometre", "\\u00B5m",
        )),
        ("nm", "nanometer"), ("mm", "millimeter"), ("Mm", "megameter"), ("cm", "centimeter"), ("m", "meter"),
        ("inch", "inch"), ("Å", "angstrom"),
        ("sec", "second"), ("s", "second"), ("ms", "millisecond"), ("min", "minute"),
        ("pixel", "voxel"), ("pixels", "voxel"), ("px", "voxel"), ("", None), (" ", None), (None, None),
        ("furlong", "furlong"),
    ],
)  # fmt: skip
def test_spellings(text: str | None, unit: str | None) -> None:
    assert canonical_unit(text) == unit


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1.8 um", 1.8, "micrometer"), ("1.8um", 1.8, "micrometer"), ("10px", 10, "voxel"), (2, 2.0, None),
        ("900 nm", 900, "nanometer"), (".5", 0.5, None), ("1e-3 mm", 1e-3, "millimeter"), ("-2 um", -2, "micrometer"),
    ],
)  # fmt: skip
def test_lengths(text: object, value: float, unit: str | None) -> None:
    length = parse_length(text)
    assert (length.value, length.unit) == (value, unit)


@pytest.mark.parametrize("text", ["", "um", "1.2.3", "3 furlongs", "1,5 um", None, [1], {}])
def test_what_is_no_length(text: object) -> None:
    with pytest.raises(ParameterError, match=r"needed|known"):
        parse_length(text)


@pytest.mark.parametrize("text", [float("nan"), float("inf"), "nan um", "-inf"])
def test_lengths_are_finite(text: object) -> None:
    with pytest.raises(CalibrationError, match="finite"):
        parse_length(text)


def test_conversion_is_exact_for_powers_of_ten() -> None:
    assert convert(900, "nanometer", "micrometer") == 0.9
    assert convert(0.1596665040315075, "micrometer", "micrometer") == 0.1596665040315075
    assert convert(1, "inch", "millimeter") == pytest.approx(25.4)
    assert convert(2, "minute", "second") == pytest.approx(120)


def test_a_length_is_no_time() -> None:
    with pytest.raises(CalibrationError, match=r"cannot be converted into the other\. Give it in micrometer\.$"):
        convert(1, "second", "micrometer")
    with pytest.raises(CalibrationError, match="furlong"):
        convert(1, "furlong", "micrometer")

"""What is said of a header is what is said of the image that is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import isoscale_ij as iso
from isoscale_ij.image.axes import CALIBRATED
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.header import Axis, Header
from isoscale_ij.image.inspection import info_of_header
from isoscale_ij.remarks import Remark, heard

UNITS = st.sampled_from([None, "um", "nm", "mm", "inch", "pixel", "furlong", "s"])
SIZES = st.one_of(st.none(), st.just("a lot"), st.floats(1e-3, 1e3), st.floats())
AXES = st.builds(Axis, SIZES, UNITS, st.one_of(st.just(0.0), st.floats(-1e6, 1e6), st.floats()))


def header(axes: dict[str, Axis], shape: tuple[int, ...] = (2, 3, 1, 4, 5), **others: Any) -> Header:
    return Header(("t", "c", "z", "y", "x"), shape, np.dtype(np.uint8), lambda _: np.zeros(shape), axes, **others)


def outcome(what: Any) -> tuple[Any, list[Remark]]:
    """What comes of it, an error as well; and what is remarked."""
    with heard() as remarks, np.errstate(all="ignore"):
        try:
            return what(), list(remarks)
        except iso.IsoscaleError as error:
            return type(error), list(remarks)


@given(st.dictionaries(st.sampled_from(CALIBRATED), AXES))
@example({"z": Axis(1500, "nm", 0.3), "y": Axis(0.16, "um", -0.1), "x": Axis(0.16, "um", 0.1)})
@example({"y": Axis(1e308, "um"), "x": Axis(1e-320, "nm")})
@example({"x": Axis(1e-323, "nm"), "y": Axis(1.0, "mm"), "z": Axis(1e-323, "nm")})
def test_it_has_the_grid_of_its_image(axes: dict[str, Axis]) -> None:
    about = header(axes)
    assert outcome(about.grid) == outcome(lambda: Grid.of(about.image(values=False)))
    assert outcome(lambda: info_of_header(about)) == outcome(lambda: iso.info(about.image(values=False)))


@pytest.mark.parametrize(
    "others",
    [
        {"channels": ["red", "green", "blue"], "name": "cells"},
        {"channels": ["too", "few"], "attrs": {"kind": "labels"}},
        {"attrs": {"channel": "DAPI"}},
        {"shape": (1, 1, 1, 1, 1)},
        {"shape": (2, 3, 0, 4, 5)},
        {"shape": (2, 3, 1, 4, 1 << 30)},
    ],
)
def test_it_is_described_as_its_image(others: dict[str, Any]) -> None:
    about = header({"y": Axis(0.2, "um"), "x": Axis(0.2, "um")}, **others)
    assert outcome(lambda: info_of_header(about)) == outcome(lambda: iso.info(about.image(values=False)))


def test_axes_and_types_that_no_image_has() -> None:
    for dims, dtype in ((("z", "y"), np.uint8), (("z", "y", "x"), np.complex64)):
        about = Header(dims, (3, 4, 5)[: len(dims)], np.dtype(dtype), lambda _: np.zeros(1))
        with pytest.raises(iso.FormatError, match="Got"):
            info_of_header(about)

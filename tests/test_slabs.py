"""Slabs of a rescaling are just what the whole would be, and no larger than they may be."""

from __future__ import annotations

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.slabs import slabs
from isoscale_ij.operations.rescaling import steps_of_rescaling


@pytest.mark.parametrize("size", ["finest", "coarsest", 0.7, {"z": 0.2}, {"z": 5.0}, {"x": 1.0}])
@pytest.mark.parametrize("interpolation", ["linear", "nearest", "cubic"])
def test_slabs_are_the_whole_bit_for_bit(size: object, interpolation: str, rng: np.random.Generator) -> None:
    values = rng.integers(0, 60_000, (23, 18, 20), np.uint16)
    image = iso.as_image(values, "zyx", voxel_size=(1.5, 0.4, 0.4), unit="um")
    expected = iso.rescale(image, size, interpolation=interpolation)
    made, (z, y, x) = steps_of_rescaling(image, size, interpolation=interpolation, antialias=True)
    assert made.shape == expected.shape
    bytes_in, bytes_out = values[0].nbytes, expected.values[0].nbytes
    for most in (1, 8 * (bytes_in + bytes_out), 10**9):
        cut = list(slabs(z, bytes_in, bytes_out, most))
        out = np.empty(expected.shape, np.uint16)
        for slab in cut:
            part = np.ascontiguousarray(values[slice(*slab.source)])
            get_engine("cpu").resample(part, (slab.of(z), y, x), out[slice(*slab.target)])
            used = (slab.source[1] - slab.source[0]) * bytes_in + (slab.target[1] - slab.target[0]) * bytes_out
            assert used <= most or slab.target[1] - slab.target[0] == 1
        assert [slab.target[0] for slab in cut] + [len(out)] == [0] + [slab.target[1] for slab in cut]
        np.testing.assert_array_equal(out, expected.values)
    assert len(cut) == 1

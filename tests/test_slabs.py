"""Slabs of a rescaling are just what the whole would be, and no larger than they may be."""

from __future__ import annotations

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.engines import get_engine
from isoscale_ij.execution.resampling import resample_slab
from isoscale_ij.operations.rescaling import prepared


@pytest.mark.parametrize("size", ["finest", "coarsest", 0.7, {"z": 0.2}, {"z": 5.0}, {"x": 1.0}])
@pytest.mark.parametrize("interpolation", ["linear", "nearest", "cubic"])
def test_slabs_are_the_whole_bit_for_bit(size: object, interpolation: str, rng: np.random.Generator) -> None:
    values = rng.integers(0, 60_000, (23, 18, 20), np.uint16)
    image = iso.as_image(values, "zyx", voxel_size=(1.5, 0.4, 0.4), unit="um")
    expected = iso.rescale(image, size, interpolation=interpolation)
    resampling = prepared(image, size, interpolation=interpolation).resampling
    assert resampling.shape == expected.shape
    bytes_in, bytes_out = values[0].nbytes, expected.values[0].nbytes
    for most in (1, 8 * (bytes_in + bytes_out), 10**9):
        cut = resampling.slabs(bytes_in, bytes_out, most)
        out = np.empty(expected.shape, np.uint16)
        for slab in cut:
            part = np.ascontiguousarray(values[slab.source])
            resample_slab(get_engine("cpu"), part, resampling, slab, out[slab.target])
            used = (slab.source.stop - slab.source.start) * bytes_in + (
                slab.target.stop - slab.target.start
            ) * bytes_out
            assert used <= most or slab.target.stop - slab.target.start == 1
        assert [slab.target.start for slab in cut] + [len(out)] == [0] + [slab.target.stop for slab in cut]
        np.testing.assert_array_equal(out, expected.values)
    assert len(cut) == 1

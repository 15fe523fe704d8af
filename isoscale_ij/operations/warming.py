"""A throw-away run of all there is, so that what follows does not pay for compiling and loading kernels."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from isoscale_ij import remarks
from isoscale_ij.image.calibration import as_image
from isoscale_ij.operations.measurement import measure
from isoscale_ij.operations.rescaling import rescale
from isoscale_ij.operations.segmentation import voronoi_otsu_labeling
from isoscale_ij.progress import tell_nothing


def run_in(dtypes: Iterable[Any], engine: str = "auto") -> float:
    """Rescale, segment and measure a tiny image of each type; returns the seconds that it took."""
    begin = time.perf_counter()
    z, y, x = np.meshgrid(*(np.arange(n) for n in (6, 24, 24)), indexing="ij")
    values = 100 * np.exp(-((z - 3) ** 2 + ((y - 8) / 4) ** 2 + ((x - 8) / 4) ** 2))
    values += 75 * np.exp(-((z - 3) ** 2 + ((y - 17) / 4) ** 2 + ((x - 17) / 4) ** 2))
    with remarks.heard():  # of this image nobody wants to know
        for dtype in dtypes:
            image = as_image(values.astype(dtype), "zyx", voxel_size=(2.0, 0.5, 0.5), unit="um")
            for size in ("finest", 1.0):
                rescale(image, size, engine=engine, on_progress=tell_nothing)
            if image.dtype.kind == "b":
                continue
            for sigma in (1.0, 2.0):  # with seeds between the slices, and on them
                labels = voronoi_otsu_labeling(
                    image, spot_sigma=sigma, outline_sigma=1.0, engine=engine, on_progress=tell_nothing
                )
            voronoi_otsu_labeling(
                image, spot_sigma=1.0, outline_sigma=1.0, threshold="local", borders="light", engine=engine,
                on_progress=tell_nothing,
            )  # fmt: skip
            rough = image.copy(data=np.random.default_rng(0).permuted(image.values.ravel()).reshape(image.shape))
            voronoi_otsu_labeling(  # labels in pieces, which are given to their neighbours
                rough, spot_sigma="1 px", outline_sigma="1 px", engine=engine, on_progress=tell_nothing
            )
            rescale(labels, "finest", engine=engine, on_progress=tell_nothing)
            measure(labels, image, engine=engine)
    return time.perf_counter() - begin

"""How time and memory grow: with the number of voxels, of threads, of objects.

Each row is measured in a process of its own: ``python scaling.py NAME NUMBER`` prints it as JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

import isoscale_ij as iso
from isoscale_ij.memory import watched

VOXELS = (1, 2, 4, 8, 16, 32)  # times the base volume
OBJECTS = (100, 1_000, 10_000, 100_000)
_BASE = (16, 256, 512)
_TILES = {1: (1, 1, 1), 2: (1, 2, 1), 4: (1, 2, 2), 8: (2, 2, 2), 16: (2, 4, 2), 32: (2, 4, 4)}
_REPEATS = 5


def tables(*, quick: bool) -> dict[str, list[dict[str, Any]]]:
    """All rows, by what grows."""
    threads = sorted({1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1})
    return {
        "voxels": [_row("voxels", times) for times in (VOXELS[:4] if quick else VOXELS)],
        "threads": [_row("threads", count, ISOSCALE_NUM_THREADS=str(count)) for count in threads],
        "objects": [_row("objects", count) for count in (OBJECTS[:3] if quick else OBJECTS)],
    }


def _row(what: str, number: int, **environment: str) -> dict[str, Any]:
    command = [sys.executable, __file__, what, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1])


def tiled(times: int) -> xr.DataArray:
    """The base volume beside itself, so that objects grow with voxels."""
    image, _ = iso.sample(shape=_BASE, seed=7)
    return iso.as_image(np.tile(image.values, _TILES[times]), "zyx", voxel_size=iso.voxel_size(image), unit="um")


def spots(count: int) -> xr.DataArray:
    """Half of a volume bright, with `count` peaks in it: the mask is the same however many there are."""
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (64, 512, 512)), indexing="ij", sparse=True)
    values = np.where(x < 256, 1000 - 0.25 * (z + y + x), 0).astype(np.float32)
    cells = np.argwhere(np.ones((32, 128, 63), bool)) * (2, 4, 4) + (1, 2, 2)
    places = cells[np.random.default_rng(0).choice(len(cells), count, replace=False)]
    values[tuple(places.T)] += 5000
    return iso.as_image(values, "zyx", voxel_size=(0.2, 0.2, 0.2), unit="um")


def _measure(what: str, number: int) -> dict[str, Any]:
    warnings.simplefilter("ignore", iso_warning())
    if what == "objects":
        image = spots(number)
        runs = {"vol": lambda: iso.vol(image, spot_sigma="0.6 px", outline_sigma="1 px", threshold=100)}
    else:
        image = tiled(number if what == "voxels" else 32)
        runs = {
            "rescale": lambda: iso.rescale(image, 1.0),
            "vol": lambda: iso.vol(image, spot_sigma=1.8, outline_sigma=0.9),
        }
    row: dict[str, Any] = {what: number, "voxels": image.size}
    for name, run in runs.items():
        row[f"{name}_seconds"], row[f"{name}_peak"], result = _timed(run)
    row["objects"] = int(result.max())
    return row


def iso_warning() -> type[Warning]:
    """What an unusual image is told: it is meant here."""
    from isoscale_ij.operations.segmentation import SegmentationWarning

    return SegmentationWarning


def _timed(run: Callable[[], Any]) -> tuple[float, int, Any]:
    """Median seconds, least peak above the result, and the result."""
    result = run()  # compiled, and memory touched
    times, peaks = [], []
    for _ in range(_REPEATS):
        del result
        with watched() as peak:
            begin = time.perf_counter()
            result = run()
            times.append(time.perf_counter() - begin)
        peaks.append(max(0, peak.bytes - result.nbytes))
    return statistics.median(times), min(peaks), result


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))

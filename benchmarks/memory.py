"""Whether the memory that is asked for beforehand is what is then used: on images that are hard to guess.

``python memory.py`` prints a table; each row is measured in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import isoscale_ij as iso
from isoscale_ij import memory

_SHAPE = (64, 256, 256)


def _noise() -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.random.default_rng(1).integers(0, 60_000, _SHAPE, np.uint16)


def _image(values: Any, size: Any = (1, 1, 1)) -> Any:
    return iso.as_image(values, "zyx", voxel_size=size, unit="um")


def _label(image: Any, spot: Any, outline: Any, **options: Any) -> Any:
    return iso.vol(image, spot_sigma=spot, outline_sigma=outline, **options)


CASES: dict[str, Callable[[], tuple[Any, Callable[[Any], Any]]]] = {
    "nuclei": lambda: (iso.sample(shape=(40, 384, 512), n_objects=120)[0], lambda i: _label(i, 1.8, 0.9)),
    "noise, blurred": lambda: (_image(_noise()), lambda i: _label(i, 1, 1)),
    "noise": lambda: (_image(_noise()), lambda i: _label(i, 0, 0)),
    "noise of few grey values": lambda: (_image((_noise() // 6000).astype(np.uint8)), lambda i: _label(i, 0, 0)),
    "two grey values": lambda: (
        _image((_noise() > 30_000).astype(np.uint8)), lambda i: _label(i, 0, 0, threshold=0.5)
    ),
    "seeds between slices": lambda: (_image(_noise()), lambda i: _label(i, {"z": 0.3, "y": 2, "x": 2}, 1)),
    "seeds between rows": lambda: (_image(_noise()), lambda i: _label(i, {"z": 2, "y": 0.3, "x": 0.3}, 1)),
    "float64": lambda: (_image(_noise().astype(np.float64)), lambda i: _label(i, 1, 1)),
    "rescaled to larger voxels": lambda: (_image(_noise()), lambda i: iso.rescale(i, 2.5)),
    "rescaled to smaller voxels": lambda: (_image(_noise()), lambda i: iso.rescale(i, {"z": 0.15})),
    "rescaled, float64": lambda: (_image(_noise().astype(np.float64)), lambda i: iso.rescale(i, 0.6)),
    "rescaled, other byte order": lambda: (_image(_noise().astype(">u2")), lambda i: iso.rescale(i, 0.6)),
}  # fmt: skip


def row(name: str) -> dict[str, Any]:
    """One case: the most that was asked for, and the most that was used, in bytes."""
    warnings.simplefilter("ignore")
    image, work = CASES[name]()
    work(image.isel(z=slice(0, 3), y=slice(0, 40), x=slice(0, 40)))  # loads the kernels
    asked: list[int] = []
    require = memory.require

    def note(needed: int, *rest: Any) -> None:
        asked.append(needed)
        require(needed, *rest)

    memory.require = note
    with memory.watched() as peak:
        work(image)
    return {"case": name, "asked": max(asked), "used": peak.bytes}


def main() -> None:
    """Print all rows."""
    print("| case | asked for (MB) | used (MB) | asked / used |\n| --- | --- | --- | --- |")
    for name in CASES:
        done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        asked, used = found["asked"] / 1e6, found["used"] / 1e6
        print(f"| {name} | {asked:.0f} | {used:.0f} | {asked / used:.2f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(row(sys.argv[1])))
    else:
        main()

"""The OpenCL engine beside pyclesperanto-prototype and pyclesperanto, on the same device in one run.

``make bench-opencl`` writes ``docs/benchmarks-opencl.md``. From memory to memory: transfers are included. The peers
scale without antialiasing and take one sigma for all axes, in voxels: there they do less than we do.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import isoscale_ij as iso
from isoscale_ij.engines import get_engine
from isoscale_ij.operations.agreement import agreement

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-opencl.md"
SHAPE, OBJECTS = (33, 256, 512), 50
SPOT, OUTLINE = 8, 4  # voxels, as the peers take them
_REPEATS = 5
_SLOW = 20.0  # seconds; what takes longer runs twice

Run = Callable[[], np.ndarray]


def scaling_runs(image: xr.DataArray) -> dict[str, Run]:
    """Rescaling to 1 µm."""
    plan = iso.plan_rescale(image, 1.0)
    depth, height, width = (new / old for new, old in zip(plan.shape, image.shape, strict=True))
    factors = {"factor_x": width, "factor_y": height, "factor_z": depth}
    runs = {
        "isoscale_ij, opencl": lambda: iso.rescale(image, 1.0, engine="opencl").values,
        "isoscale_ij, cpu": lambda: iso.rescale(image, 1.0, engine="cpu").values,
    }
    if prototype := _prototype():
        runs["pyclesperanto-prototype"] = lambda: np.asarray(
            prototype.scale(prototype.push(image.values), **factors, linear_interpolation=True, auto_size=True)
        )
    if cle := _pyclesperanto():
        runs["pyclesperanto"] = lambda: np.asarray(
            cle.pull(cle.scale(cle.push(image.values), **factors, interpolate=True, resize=True))
        )
    return runs


def labelling_runs(image: xr.DataArray) -> dict[str, Run]:
    """Voronoi-Otsu-Labeling with sigmas in voxels."""
    sigmas = {"spot_sigma": f"{SPOT} px", "outline_sigma": f"{OUTLINE} px"}
    runs = {
        "isoscale_ij, opencl": lambda: iso.vol(image, **sigmas, engine="opencl").values,
        "isoscale_ij, cpu": lambda: iso.vol(image, **sigmas, engine="cpu").values,
    }
    theirs = {"spot_sigma": SPOT, "outline_sigma": OUTLINE}
    if prototype := _prototype():
        runs["pyclesperanto-prototype"] = lambda: np.asarray(
            prototype.voronoi_otsu_labeling(prototype.push(image.values), **theirs)
        )
    if cle := _pyclesperanto():
        runs["pyclesperanto"] = lambda: np.asarray(
            cle.pull(cle.voronoi_otsu_labeling(cle.push(image.values), **theirs))
        )
    return runs


def _prototype() -> Any:
    try:
        import pyclesperanto_prototype
    except ImportError:
        return None
    pyclesperanto_prototype.select_device(_device_name())
    return pyclesperanto_prototype


def _pyclesperanto() -> Any:
    try:
        import pyclesperanto

        pyclesperanto.select_device(_device_name())
        pyclesperanto.push(np.zeros((2, 2, 2), np.float32))
    except (ImportError, AttributeError, RuntimeError) as trouble:  # it finds drivers in its own way, or none
        print(f"pyclesperanto: left out ({str(trouble).splitlines()[0]})")
        return None
    return pyclesperanto


def _device_name() -> str:
    return str(get_engine("opencl").device.info.device.name)


def measured(runs: dict[str, Run]) -> dict[str, tuple[float, np.ndarray]]:
    """Median seconds and the result of each, in turn; the first round compiles and does not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    results: dict[str, np.ndarray] = {}
    for _ in range(_REPEATS + 1):
        for name, run in runs.items():
            if len(times[name]) > 1 and times[name][-1] > _SLOW:
                continue
            begin = time.perf_counter()
            results[name] = run()
            times[name].append(time.perf_counter() - begin)
    return {name: (statistics.median(values[1:]), results[name]) for name, values in times.items()}


def lines(title: str, found: dict[str, tuple[float, np.ndarray]], same: Callable[..., str]) -> list[str]:
    """A table of one task."""
    ours, expected = found["isoscale_ij, opencl"]
    rows = [f"## {title}", "", "| | time | against ours | agreement |", "| --- | --- | --- | --- |"]
    rows += [
        f"| {name} | {seconds:.4g} s | {seconds / ours:.3g}× | {same(expected, result)} |"
        for name, (seconds, result) in found.items()
    ]
    return [*rows, ""]


def _close(ours: np.ndarray, theirs: np.ndarray) -> str:
    if ours.shape != theirs.shape:
        return f"other shape: {theirs.shape}"
    return f"differ by {np.abs(ours - theirs.astype(np.float64)).mean() / np.ptp(ours):.1e} of the range on average"


def _objects(ours: np.ndarray, theirs: np.ndarray) -> str:
    score = agreement(theirs.astype(np.int32), ours).average_precision
    return f"{len(np.unique(theirs)) - 1} objects, AP@0.5 {score:.3f}"


def main() -> None:
    """Both tasks, printed and written."""
    warnings.simplefilter("ignore")
    image, _ = iso.sample(shape=SHAPE, seed=7, n_objects=OBJECTS)
    device = get_engine("opencl").device.info
    about = (
        f"Made by `make bench-opencl` with isoscale_ij {iso.__version__} on {device}, beside the engine for "
        f"{os.cpu_count()} processor cores; the synthetic volume of nuclei, {SHAPE}, uint16, 1.5 x 0.16 x 0.16 µm. "
        "From memory to memory, transfers included; medians, in turn. The peers scale without antialiasing, and "
        "flood where we measure distances."
    )
    text = [
        "# Benchmarks of the OpenCL engine",
        "",
        about,
        "",
        *lines("Rescale to 1 µm", measured(scaling_runs(image)), _close),
        *lines(f"VOL, spot sigma {SPOT} px, outline sigma {OUTLINE} px", measured(labelling_runs(image)), _objects),
    ]
    print("\n".join(text))
    PAGE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()

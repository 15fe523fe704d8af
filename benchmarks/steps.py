"""Where the time of Voronoi-Otsu-Labeling goes: seconds, bytes moved and multiply-adds of each step, beside the limit.

The limit of a step is the time that its bytes take to be moved, or its multiply-adds to be done, whichever is longer,
at the rates that :mod:`machine` measures on all cores.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from subjects import OUTLINE, SPOT, volume

import isoscale_ij as iso
from isoscale_ij.engines.cpu.engine import CpuEngine
from isoscale_ij.engines.taps import gaussian_weights
from isoscale_ij.execution.in_memory import InMemorySteps

_REPEATS = 5
_FLOAT, _MASK, _LABEL = 4, 1, 4  # bytes a voxel
_HOLDING = "keep_mask, values held"
_MOVED = {  # bytes a voxel that a step has to read and write at least
    "extrema": _FLOAT, "histogram": _FLOAT, "keep_mask": _FLOAT + _MASK, _HOLDING: 3 * _FLOAT + _MASK,
    "find_seeds": _FLOAT + _MASK, "assign": _MASK + _LABEL, "flood": _MASK + _FLOAT + _LABEL, "join_pieces": _LABEL,
    "peaks": _LABEL + _FLOAT, "cut": 2 * _LABEL + _FLOAT, "keep_pieces": _LABEL, "census": _LABEL,
}  # fmt: skip
_NAMES = ["blur", *(name for name in _MOVED if name != _HOLDING)]


def rows(here: dict[str, Any], *, quick: bool) -> list[dict[str, Any]]:
    """The steps of the default, of a threshold for each object, and of borders along the light."""
    image = volume(quick=quick)
    return [
        {"way": way, **row}
        for way, options in (
            ("default", {}), ('threshold="local"', {"threshold": "local"}), ('borders="light"', {"borders": "light"}),
        )
        for row in _of(image, options, here)
    ]  # fmt: skip


def table(found: list[dict[str, Any]], voxels: int) -> str:
    """The rows for the page."""
    lines = ["| | step | ms | ns a voxel | moved | multiply-adds | of the limit |", "|---|---|---|---|---|---|---|"]
    for row in found:
        sums = f"{row['sums'] / 1e9:.1f} G, {row['sums'] / row['seconds'] / 1e9:.0f} G/s" if row["sums"] else ""
        lines.append(
            f"| {row['way']} | {row['step']} | {row['seconds'] * 1e3:.1f} | {row['seconds'] / voxels * 1e9:.2f} | "
            f"{row['bytes'] / 1e6:.0f} MB | {sums} | {row['seconds'] / row['limit']:.1f}× |"
        )
    return "\n".join(lines)


def _of(image: Any, options: dict[str, Any], here: dict[str, Any]) -> list[dict[str, Any]]:
    times: list[dict[str, list[float]]] = []
    sums: dict[int, int] = {}
    whole = []
    for _ in range(_REPEATS + 1):
        seen: dict[str, list[float]] = {}
        with _watched(seen, sums):
            begin = time.perf_counter()
            iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE, engine="cpu", **options)
            whole.append(time.perf_counter() - begin)
        times.append(seen)
    found = [
        (name, [sum(seen[name]) for seen in times[1:]], image.size * _MOVED[name], 0)
        for name in times[-1]
        if name != "blur"
    ]
    blurs = ("blur (outline)", "blur (spots)")
    read_and_written = image.nbytes + image.size * _FLOAT
    found[:0] = [
        (name, [seen["blur"][k] for seen in times[1:]], read_and_written, sums[k]) for k, name in enumerate(blurs)
    ]
    least = sum(part[2] for part in found)
    found.append(("all", whole[1:], least, sum(part[3] for part in found)))
    return [
        {
            "step": name, "seconds": statistics.median(seconds), "bytes": moved, "sums": made,
            "limit": max(moved / here["copy_gb_per_s_all"], made / here["multiply_adds_g_per_s_all"]) / 1e9,
        }
        for name, seconds, moved, made in found
    ]  # fmt: skip


class _watched:  # noqa: N801  (used as a function)
    """Within, the steps tell how long they take, and the blurs how many multiply-adds they are."""

    def __init__(self, seen: dict[str, list[float]], sums: dict[int, int]) -> None:
        self._seen, self._sums, self._count = seen, sums, 0
        self._steps = {name: getattr(InMemorySteps, name) for name in _NAMES}
        self._blur = CpuEngine.blur

    def __enter__(self) -> None:
        for name, step in self._steps.items():
            setattr(InMemorySteps, name, self._timed(name, step))

        def blur(engine: CpuEngine, source: np.ndarray, sigmas: tuple[float, float, float], *rest: Any) -> None:
            taps = sum(len(gaussian_weights(s, n)) for s, n in zip(sigmas, source.shape, strict=True) if s > 0)
            self._sums[self._count] = taps * source.size
            self._count += 1
            self._blur(engine, source, sigmas, *rest)

        CpuEngine.blur = blur  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        for name, step in self._steps.items():
            setattr(InMemorySteps, name, step)
        CpuEngine.blur = self._blur  # type: ignore[method-assign]

    def _timed(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return step(*arguments, **options)
            finally:
                spent = time.perf_counter() - begin
                self._seen.setdefault(_HOLDING if options.get("hold") else name, []).append(spent)

        return run

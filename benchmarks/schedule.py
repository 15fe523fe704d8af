"""How long work in chunks takes on a cluster: the sweeps' measured seconds a voxel, through a simulated schedule.

A sweep ends when its last block does; a scheduler hands out so many tasks a second; blocks differ, and some workers are
slow. ``python benchmarks/schedule.py`` prints the table of ``docs/scaling.md``.
"""

from __future__ import annotations

import heapq

import numpy as np

CPU_SECONDS = {  # for a million voxels, one core; 66 x 1024 x 1850 voxels in blocks of 66 x 512 x 256
    "limits": 0.013, "histogram": 0.010, "mask": 0.011, "peaks": 0.014, "labels": 0.011, "joins": 0.001,
    "contacts": 0.005, "rewriting": 0.006, "writing": 0.022,
}  # fmt: skip
OF_THE_IMAGE = ("limits", "histogram", "mask", "peaks")  # sweeps that read it
BLOCK = 17e6  # voxels
TASKS_A_SECOND = 300.0  # that one dask scheduler hands out, results and summaries included
SPREAD = 0.3  # of the logarithm of a block's time
BYTES_A_SECOND = 100e6  # that storage gives each core, of 2 bytes a voxel, twice read because of what lies around
MOST = 200_000  # tasks that are simulated; of more, the first ones stand for all


def sweep(tasks: int, cores: int, seconds: float, rng: np.random.Generator) -> float:
    """When the last of some tasks is done."""
    simulated = min(tasks, max(MOST, 20 * cores))
    durations = seconds * rng.lognormal(-(SPREAD**2) / 2, SPREAD, simulated)
    free = [0.0] * min(cores, simulated)
    end = 0.0
    for number, duration in enumerate(durations):
        begin = max(heapq.heappop(free), number / TASKS_A_SECOND)
        heapq.heappush(free, begin + duration)
        end = max(end, begin + duration)
    return end * tasks / simulated


def hours(bytes_: float, cores: int, block: float = BLOCK) -> float:
    """Of all sweeps over an image of 2 bytes a voxel."""
    rng = np.random.default_rng(0)
    tasks = int(np.ceil(bytes_ / 2 / block))
    total = 0.0
    for name, seconds in CPU_SECONDS.items():
        reading = 2 * 2 * block / BYTES_A_SECOND if name in OF_THE_IMAGE else 0.0
        total += sweep(tasks, cores, max(seconds * block / 1e6, reading), rng)
    return total / 3600


def main() -> None:
    print("| image | blocks | 2 cores | 16 cores | 128 cores | 1024 cores |\n| --- | --- | --- | --- | --- | --- |")
    for name, size, block in (
        ("20 GB", 20e9, BLOCK), ("100 GB", 1e11, BLOCK), ("1 TB", 1e12, BLOCK), ("10 TB", 1e13, BLOCK),
        ("1 PB, blocks ten times as large", 1e15, 10 * BLOCK),
    ):  # fmt: skip
        times = [hours(size, cores, block) for cores in (2, 16, 128, 1024)]
        shown = [f"{60 * h:.0f} min" if h < 1 else f"{h:.0f} h" if h < 72 else f"{h / 24:.0f} d" for h in times]
        print(f"| {name} | {size / 2 / block:,.0f} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()

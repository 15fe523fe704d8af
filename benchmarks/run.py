"""isoscale_ij beside its peers: each task in a fresh process, the two in turn, several times.

``make bench`` writes ``docs/benchmarks.md`` and ``docs/benchmarks.json``; ``make bench QUICK=1`` takes a
quarter of the volume and writes nothing. Times are medians on this machine; what counts is the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from tasks import TASKS, Task, volume

import isoscale_ij as iso
from isoscale_ij.memory import format_bytes, watched

DOCS = Path(__file__).resolve().parents[1] / "docs"
SLOW = 20.0  # seconds; a peer that takes longer runs once


def measure(task: Task, *, quick: bool) -> dict[str, Any]:
    """Times, peak memory above input and output, and agreement of one task."""
    image = volume(quick=quick)
    ours, peer = task.ours(image), task.peer(image)
    mine = ours()  # compiles, and touches memory for the first time
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    peaks = {}
    repeats = 3 if quick else 5
    theirs = None
    for repeat in range(repeats):
        for name, run in (("ours", ours), ("peer", peer)):
            if name == "peer" and repeat and times["peer"][0] > SLOW:
                continue
            result = None
            with watched() as peak:
                begin = time.perf_counter()
                result = run()
                times[name].append(time.perf_counter() - begin)
            beside = peak.bytes - (0 if task.writes_into else getattr(result, "nbytes", 0))
            peaks[name] = max(0, min(beside, peaks.get(name, beside)))
            if name == "peer":
                theirs = result
            del result
    seconds = {name: statistics.median(values) for name, values in times.items()}
    return {
        "task": task.name, "peer": task.peer_name, "target": task.target,
        "seconds": seconds["ours"], "peer_seconds": seconds["peer"], "ratio": seconds["peer"] / seconds["ours"],
        "peak": peaks["ours"], "peer_peak": peaks["peer"], "agreement": task.agreement(mine, theirs),
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """What memory can do here: the rate of a copy, and of the first touch of new memory."""
    source = np.ones(1 << 27, np.uint8)
    target = np.ones_like(source)
    copies, touches = [], []
    for _ in range(7):
        begin = time.perf_counter()
        np.copyto(target, source)
        copies.append(2 * source.nbytes / (time.perf_counter() - begin) / 1e9)
        begin = time.perf_counter()
        np.empty_like(source).fill(1)
        touches.append(source.nbytes / (time.perf_counter() - begin) / 1e9)
    return {
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "copy_gb_per_s": statistics.median(copies),
        "first_touch_gb_per_s": statistics.median(touches),
    }


def markdown(rows: list[dict[str, Any]], here: dict[str, Any], shape: tuple[int, ...]) -> str:
    """The page for the documentation."""
    about = (
        f"Made by `make bench` with isoscale_ij {iso.__version__} on {here['cores']} cores, {here['system']}, "
        f"Python {here['python']}, NumPy {here['numpy']}; the synthetic volume of nuclei, {shape}, uint16, "
        "1.5 x 0.16 x 0.16 µm. Each task in a fresh process, the two in turn; medians. Memory is the peak above "
        f"input and output. Memory is copied here at {here['copy_gb_per_s']:.1f} GB/s (read and written), and new "
        f"memory touched at {here['first_touch_gb_per_s']:.1f} GB/s, on one core."
    )
    lines = [
        "# Benchmarks",
        "",
        about,
        "",
        "| task | peer | isoscale_ij | peer | ratio | to reach | memory | peer | agreement |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['task']} | {r['peer']} | {r['seconds']:.3g} s | {r['peer_seconds']:.3g} s | **{r['ratio']:.0f}×** | "
        f"{r['target']} | {format_bytes(r['peak'])} | {format_bytes(r['peer_peak'])} | {r['agreement']} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all tasks, or one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--task", type=int, help="one task, its figures as JSON")
    options = parser.parse_args()
    if options.task is not None:
        print(json.dumps(measure(TASKS[options.task], quick=options.quick)))
        return
    rows = []
    for number, task in enumerate(TASKS):
        command = [sys.executable, __file__, "--task", str(number), *(["--quick"] if options.quick else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
            print(f"{task.name} against {task.peer_name}: skipped ({why})")
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(
            f"{row['task']:34} {row['peer']:30} {row['seconds']:8.4f} s {row['peer_seconds']:8.3f} s "
            f"{row['ratio']:7.1f}x (to reach {row['target']}) {format_bytes(row['peak']):>9} "
            f"{format_bytes(row['peer_peak']):>9} "
            f"{row['agreement']}",
            flush=True,
        )
    here = machine()
    before = DOCS / "benchmarks.json"
    if before.exists():
        known = {(row["task"], row["peer"]): row["ratio"] for row in json.loads(before.read_text())["rows"]}
        for row in rows:
            was = known.get((row["task"], row["peer"]))
            if was and not options.quick and row["ratio"] < 0.7 * was:
                print(f"slower than before: {row['task']} against {row['peer']}: {was:.0f}x, now {row['ratio']:.0f}x")
    if not options.quick:
        (DOCS / "benchmarks.md").write_text(markdown(rows, here, volume(quick=False).shape))
        before.write_text(json.dumps({"machine": here, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""isoscale_ij beside its peers: each task in a fresh process, the two in turn, several times.

``make bench`` writes ``docs/benchmarks.md`` and ``docs/benchmarks.json``; ``make bench QUICK=1`` takes a
quarter of the volume and writes nothing but to the screen. Times are medians on this machine; what counts is the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import files
import report
import scaling
import steps
from machine import machine
from subjects import WRONG, volume
from tasks import TASKS, Task

import commands as whole_commands
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
    repeats = 3 if quick else 7
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
    agreement = task.agreement(mine, theirs)
    ratio = 0.0 if agreement.startswith(WRONG) else seconds["peer"] / seconds["ours"]
    return {
        "task": task.name, "peer": task.peer_name, "target": task.target,
        "seconds": seconds["ours"], "peer_seconds": seconds["peer"], "ratio": ratio,
        "peak": peaks["ours"], "peer_peak": peaks["peer"], "agreement": agreement,
        "bytes_in": task.bytes_moved or image.nbytes, "new": not task.writes_into,
        "bytes_out": task.bytes_moved or mine.nbytes,
    }  # fmt: skip


def main() -> None:
    """Run all tasks, or one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--task", type=int, help="one task, its figures as JSON")
    options = parser.parse_args()
    if options.task is not None:
        print(json.dumps(measure(TASKS[options.task], quick=options.quick)))
        return
    rows = [row for number in range(len(TASKS)) if (row := in_a_fresh_process(number, quick=options.quick))]
    commands = whole_commands.rows()
    for row in commands:
        print(f"{row['task']:34} {row['peer']:30} {row['seconds']:8.4f} s {row['peer_seconds']:8.3f} s", flush=True)
    growth = scaling.tables(quick=options.quick)
    here = machine()
    profile = steps.rows(here, quick=options.quick)
    stored = files.rows(quick=options.quick)
    print(files.table(stored), flush=True)
    print(steps.table(profile, volume(quick=options.quick).size), flush=True)
    text = report.page(rows, commands, growth, profile, stored, here, volume(quick=options.quick))
    known = DOCS / "benchmarks.json"
    if options.quick:
        print(text)
        return
    if known.exists():
        print("\n".join(report.slower(rows, json.loads(known.read_text(encoding="utf-8"))["rows"])))
    report.draw(rows, growth, DOCS / "pictures")
    (DOCS / "benchmarks.md").write_text(text, encoding="utf-8")
    found = {"machine": here, "rows": rows, "commands": commands, "scaling": growth, "steps": profile, "files": stored}
    known.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def in_a_fresh_process(number: int, *, quick: bool) -> dict[str, Any] | None:
    """The figures of one task; None, and a line that says why, where its peer is not here."""
    command = [sys.executable, __file__, "--task", str(number), *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    task = TASKS[number]
    if done.returncode:
        why = (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
        print(f"{task.name} against {task.peer_name}: skipped ({why})", flush=True)
        return None
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{row['task']:34} {row['peer']:30} {row['seconds']:8.4f} s {row['peer_seconds']:8.3f} s "
        f"{row['ratio']:7.1f}x (to reach {row['target']}) {format_bytes(row['peak']):>9} "
        f"{format_bytes(row['peer_peak']):>9} {row['agreement']}",
        flush=True,
    )
    return row


if __name__ == "__main__":
    main()

"""Commands that write, killed and interrupted at random moments, without room, without memory, two at a time.

Afterwards an output is whole or not there, and inputs are as they were.
"""

from __future__ import annotations

import hashlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import isoscale_ij as iso

_CLI = [sys.executable, "-m", "isoscale_ij"]
COMMANDS: dict[str, Callable[[Path], tuple[list[str], list[str]]]] = {
    "rescale": lambda f: (["rescale", f"{f}/in.tif", f"{f}/out.tif", "--voxel-size", "finest"], ["out.tif"]),
    "rescale, OME": lambda f: (["rescale", f"{f}/in.tif", f"{f}/out.ome.tif", "--factor", "3"], ["out.ome.tif"]),
    "segment": lambda f: (
        ["segment", f"{f}/in.tif", f"{f}/out.tif", "--spot-sigma", "1.8um", "--outline-sigma", "0.9um"], ["out.tif"],
    ),
    "measure": lambda f: (["measure", f"{f}/labels.tif", f"{f}/in.tif", "--output", f"{f}/out.csv"], ["out.csv"]),
    "set-voxel-size": lambda f: (["set-voxel-size", f"{f}/in.tif", f"{f}/out.tif", "--z", "2um"], ["out.tif"]),
    "set-voxel-size in place": lambda f: (["set-voxel-size", f"{f}/place.tif", "--z", "2um"], ["place.tif"]),
    "sample": lambda f: (["sample", f"{f}/out.tif", "--shape", "40", "300", "300"], ["out.tif"]),
}  # fmt: skip


def _inputs(folder: Path) -> None:
    image, truth = iso.sample(shape=(24, 160, 200), seed=3, n_objects=40)
    for name, what in {"in.tif": image, "place.tif": image, "labels.tif": truth}.items():
        iso.write(folder / name, what)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _whole(path: Path) -> bool:
    if path.suffix == ".csv":
        lines = path.read_text(encoding="utf-8").splitlines()
        return len({line.count(",") for line in lines}) == 1 and len(lines) > 2
    np.asarray(iso.read(path))
    return True


def interrupted(times: int, how: signal.Signals, seed: int = 0) -> dict[str, Any]:
    """Each command so often, with a signal at a random moment of the time that it takes undisturbed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so do their own
    chance = random.Random(seed)
    wrong: list[str] = []
    cut_short = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _inputs(folder)
        inputs = {path: _digest(path) for path in (folder / "in.tif", folder / "labels.tif")}
        original = (folder / "place.tif").read_bytes()
        for what, parts in COMMANDS.items():
            arguments, outputs = parts(folder)
            whole_run = min(_seconds(arguments, folder, outputs) for _ in range(2))
            for _ in range(times):
                for output in outputs:
                    (folder / output).unlink(missing_ok=True)
                (folder / "place.tif").write_bytes(original)
                process = subprocess.Popen(
                    [*_CLI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
                time.sleep(chance.uniform(0.3, 1.0) * whole_run)
                process.send_signal(how)
                _, err = process.communicate(timeout=60)
                cut_short += process.returncode != 0
                for output in outputs:
                    path = folder / output
                    if path.exists() and not _whole(path):
                        wrong.append(f"{what}: half a file")
                if any(_digest(path) != digest for path, digest in inputs.items()):
                    wrong.append(f"{what}: an input has changed")
                if how == signal.SIGINT and "Traceback" in err:
                    wrong.append(f"{what}: a traceback")
                left = [path for path in folder.iterdir() if ".partial" in path.name]
                if left and how == signal.SIGINT:
                    wrong.append(f"{what}: {left[0].name} was left")
                for path in left:
                    path.unlink()
    if cut_short == 0:
        wrong.append("no run was cut short")
    return {"runs": times * len(COMMANDS), "cut short": cut_short, "wrong": wrong}


def _seconds(arguments: list[str], folder: Path, outputs: list[str]) -> float:
    """What a command takes that nobody disturbs."""
    for output in outputs:
        if output != "place.tif":
            (folder / output).unlink(missing_ok=True)
    begin = time.perf_counter()
    subprocess.run([*_CLI, *arguments], capture_output=True, check=True)
    return time.perf_counter() - begin


def without_room() -> dict[str, Any]:
    """Each command where no file may grow beyond 100 kB."""
    return _limited(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))


def without_memory() -> dict[str, Any]:
    """Each command where it may have little more memory than it takes to start."""
    return _limited(lambda: resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20)), may_succeed=True)


def _limited(limit: Callable[[], None], *, may_succeed: bool = False) -> dict[str, Any]:
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _inputs(folder)
        before = {path: _digest(path) for path in folder.iterdir()}
        for what, parts in COMMANDS.items():
            arguments, outputs = parts(folder)
            done = subprocess.run([*_CLI, *arguments], check=False, capture_output=True, text=True, preexec_fn=limit)
            if done.returncode == 0 and (may_succeed or what in ("measure", "set-voxel-size in place")):
                (folder / "place.tif").write_bytes((folder / "in.tif").read_bytes())
            elif done.returncode != 1 or "Traceback" in done.stderr:
                wrong.append(f"{what}: exit {done.returncode}, {done.stderr.strip()[-200:]}")
            elif any((folder / output).exists() for output in outputs if output != "place.tif"):
                wrong.append(f"{what}: failed, and left an output")
            for output in outputs:
                if output != "place.tif":
                    (folder / output).unlink(missing_ok=True)
            if any(_digest(path) != digest for path, digest in before.items() if path.exists()):
                wrong.append(f"{what}: an input has changed")
    return {"runs": len(COMMANDS), "wrong": wrong}


def two_writers(times: int) -> dict[str, Any]:
    """Two processes write one output at the same time: one of them is whole in the end."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _inputs(folder)
        for _ in range(times):
            (folder / "out.tif").unlink(missing_ok=True)
            processes = [
                subprocess.Popen(
                    [*_CLI, "rescale", f"{folder}/in.tif", f"{folder}/out.tif", "--voxel-size", size, "--overwrite"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                )
                for size in ("0.5um", "1um")
            ]  # fmt: skip
            errors = [process.communicate(timeout=120)[1] for process in processes]
            if any("Traceback" in error for error in errors):
                wrong.append("a traceback")
            if iso.voxel_size(iso.read(folder / "out.tif"))["x"] not in (0.5, 1.0):
                wrong.append("neither of the two")
    return {"runs": times, "wrong": wrong}


def many_images(count: int) -> dict[str, Any]:
    """So many images through one process: memory and open files stay what they were."""
    import psutil

    process = psutil.Process()
    seen: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "image.tif"
        image, _ = iso.sample(shape=(8, 64, 64), seed=2, n_objects=6)
        for number in range(count):
            iso.write(path, image, overwrite=True)
            back = iso.read(path)
            labels = iso.vol(iso.rescale(back, {"z": 1.0}), spot_sigma=1.4, outline_sigma=0.9)
            iso.measure(labels)
            if number % (count // 4) == count // 4 - 1:
                seen.append((process.memory_info().rss, process.num_fds()))
    grown = (seen[-1][0] - seen[0][0]) / 1e6
    wrong = [f"{grown:.0f} MB more"] if grown > 40 else []
    if seen[-1][1] > seen[0][1]:
        wrong.append(f"{seen[-1][1] - seen[0][1]} files left open")
    return {"images": count, "grown by MB": round(grown, 1), "wrong": wrong}

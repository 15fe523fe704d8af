"""Whole commands on a small file, from the start of Python to the file that is written."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import isoscale_ij as iso

_REPEATS = 5
_PLAIN = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "python"  # an environment as users have it

_PEER_INFO = """
import sys, tifffile
with tifffile.TiffFile(sys.argv[1]) as tif:
    print(tif.series[0].shape, tif.imagej_metadata)
"""
_PEER_RESCALE = """
import sys, numpy as np, tifffile
from skimage.transform import resize
values = tifffile.imread(sys.argv[1])
shape = [int(n) for n in sys.argv[3].split(",")]
scaled = resize(values, shape, order=1, anti_aliasing=True, preserve_range=True)
tifffile.imwrite(sys.argv[2], scaled.astype(values.dtype), imagej=True)
"""
_PEER_SEGMENT = """
import sys, warnings
warnings.simplefilter("ignore")
import tifffile
from napari_segment_blobs_and_things_with_membranes import voronoi_otsu_labeling
labels = voronoi_otsu_labeling(tifffile.imread(sys.argv[1]), spot_sigma=6, outline_sigma=3)
tifffile.imwrite(sys.argv[2], labels.astype("uint16"), imagej=True)
"""
_NO_CACHE = "first segmentation, compiling"


def rows() -> list[dict[str, Any]]:
    """Seconds of each command beside a script that does the same with other libraries, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.tif"
        image, _ = iso.sample(shape=(16, 128, 128), seed=3)
        iso.write(path, image)
        shape = ",".join(str(n) for n in iso.plan_rescale(image, 1.0).shape)
        ours, theirs = str(Path(folder) / "ours.tif"), str(Path(folder) / "theirs.tif")
        command = [str(_PLAIN if _PLAIN.exists() else sys.executable), "-m", "isoscale_ij"]
        script = [sys.executable, "-c"]
        segment = [*command, "segment", str(path), ours, "--spot-sigma", "1.8", "--outline-sigma", "0.9"]
        tasks = [
            ("info", "tifffile", 0.6, [*command, "info", str(path)], [*script, _PEER_INFO, str(path)]),
            (
                "rescale to 1 µm", "tifffile and scikit-image", 1.0,
                [*command, "rescale", str(path), ours, "--voxel-size", "1.0"],
                [*script, _PEER_RESCALE, str(path), theirs, shape],
            ),
            ("segment", "tifffile and nsbatwm", 1.0, segment, [*script, _PEER_SEGMENT, str(path), theirs]),
            (_NO_CACHE, "tifffile and nsbatwm", 5.0, segment, [*script, _PEER_SEGMENT, str(path), theirs]),
        ]  # fmt: skip
        return [_row(*task) for task in tasks]


def _row(name: str, peer: str, most: float, ours: list[str], theirs: list[str]) -> dict[str, Any]:
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    for repeat in range(_REPEATS + 1):
        for who, command in (("ours", ours), ("peer", theirs)):
            seconds = _seconds(command, compiling=who == "ours" and name == _NO_CACHE)
            if repeat:  # the first one fills the caches
                times[who].append(seconds)
    seconds = {who: statistics.median(values) for who, values in times.items()}
    return {
        "task": f"command: {name}", "peer": peer, "target": f"{most} s", "seconds": seconds["ours"],
        "peer_seconds": seconds["peer"], "ratio": seconds["peer"] / seconds["ours"],
    }  # fmt: skip


def _seconds(command: list[str], *, compiling: bool) -> float:
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, **({"NUMBA_CACHE_DIR": cache} if compiling else {})}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as users have it: modules are compiled once
        for name in ("ours.tif", "theirs.tif"):  # nothing is overwritten without being asked
            for argument in command:
                if argument.endswith(name):
                    Path(argument).unlink(missing_ok=True)
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return time.perf_counter() - begin

"""Writing and reading a gigabyte: our formats beside the library that each is written with, and beside plain bytes."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import isoscale_ij as iso

_REPEATS = 3
_SHAPE = (256, 1024, 2048)  # uint16: 1.07 GB
_ENDINGS = {"ImageJ TIFF": ".tif", "OME-TIFF": ".ome.tif", "OME-Zarr": ".ome.zarr"}


def rows(*, quick: bool) -> list[dict[str, Any]]:
    """Bytes a second, written until they are on the disk, and read while the system still has them in memory."""
    shape = (_SHAPE[0] // 8, *_SHAPE[1:]) if quick else _SHAPE
    values = np.random.default_rng(0).integers(0, 4096, shape, np.uint16)
    image = iso.as_image(values, "zyx", voxel_size=(1.5, 0.16, 0.16), unit="um")
    found = []
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        plain = _rates(folder / "plain", values.nbytes, values.tofile, lambda path: np.fromfile(path, np.uint16))
        for what, ending in _ENDINGS.items():
            peer, write, read = _peer(what, values)
            ours = _rates(
                folder / f"ours{ending}", values.nbytes,
                lambda path: iso.write(path, image, overwrite=True), lambda path: iso.read(path).values,
            )  # fmt: skip
            theirs = _rates(folder / f"theirs{ending}", values.nbytes, write, read)
            found.append({"what": what, "peer": peer, "ours": ours, "theirs": theirs, "plain": plain})
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The rows for the page."""
    lines = [
        "| format | | isoscale_ij | peer | plain bytes | of the plain rate | of the peer's |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        for way in ("written", "read"):
            ours, theirs, plain = (row[who][way] / 1e9 for who in ("ours", "theirs", "plain"))
            lines.append(
                f"| {row['what']} | {way} | {ours:.2f} GB/s | {row['peer']}: {theirs:.2f} GB/s | {plain:.2f} GB/s | "
                f"{ours / plain:.2f} | {ours / theirs:.2f} |"
            )
    return "\n".join(lines)


def _peer(what: str, values: np.ndarray) -> tuple[str, Callable[[Path], Any], Callable[[Path], Any]]:
    if what == "OME-Zarr":
        import zarr

        def save(path: Path) -> None:
            zarr.create_array(path, data=values, chunks=(64, 256, 256), shards=(64, 1024, 2048), overwrite=True)

        return "zarr", save, lambda path: zarr.open_array(path, mode="r")[:]
    import tifffile

    axes = {"metadata": {"axes": "ZYX"}}
    kind = {"imagej": True} if what == "ImageJ TIFF" else {"ome": True}
    return "tifffile", lambda path: tifffile.imwrite(path, values, **kind, **axes), tifffile.imread


def _rates(
    path: Path, nbytes: int, write: Callable[[Path], Any], read: Callable[[Path], Any]
) -> dict[str, float]:  # fmt: skip
    times: dict[str, list[float]] = {"written": [], "read": []}
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        write(path)
        _to_disk(path)
        times["written"].append(time.perf_counter() - begin)
        read(path)  # until it is in memory
        begin = time.perf_counter()
        read(path)
        times["read"].append(time.perf_counter() - begin)
    return {way: nbytes / statistics.median(seconds) for way, seconds in times.items()}


def _to_disk(path: Path) -> None:
    for file in (path, *path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

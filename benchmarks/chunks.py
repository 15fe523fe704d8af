"""Chunked against in memory, beside dask-image and scikit-image on the same chunks; and files that grow.

The tables are those of ``docs/scaling.md``.

``python benchmarks/chunks.py`` prints tables in Markdown. ``--grow 0.5 1 2`` (GB) writes noise with nuclei tiled over
it into an OME-Zarr, and goes from there to labels and to an isotropic image in OME-Zarrs, in chunks with a memory limit
(``--limit "1 GB"``) and, up to ``--fits 1`` (GB), in memory; ``--workers 2`` adds a LocalCluster. Each row is a fresh
process; CPU seconds are beside the wall's, for machines that are shared. Peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import isoscale_ij as iso
from isoscale_ij.execution.chunks.lazy import as_dask
from isoscale_ij.execution.chunks.settings import working_in
from isoscale_ij.memory import format_bytes

SIGMAS = {"spot_sigma": 1.8, "outline_sigma": 0.9}
TILE = (66, 512, 1024)


class Tiled:
    """A small volume, mirrored over a large one."""

    def __init__(self, tile: np.ndarray, shape: tuple[int, ...]) -> None:
        self.tile, self.shape, self.dtype, self.ndim = tile, shape, tile.dtype, 3

    def __getitem__(self, region: Any) -> np.ndarray:
        index = []
        for part, n, whole in zip(region, self.tile.shape, self.shape, strict=True):
            places = np.arange(*part.indices(whole)) % (2 * n)
            index.append(np.where(places < n, places, 2 * n - 1 - places))
        return self.tile[np.ix_(*index)]


def volume(path: Path, gigabytes: float) -> None:
    """An OME-Zarr of about that size, uncompressed."""
    image, _ = iso.sample(shape=TILE, seed=1)
    voxels = gigabytes * 1e9 / image.dtype.itemsize
    times = max(1, round((voxels / image.size) ** 0.5))
    shape = (TILE[0], TILE[1] * times, max(1, round(voxels / (TILE[0] * TILE[1] * times))))
    values = image.values if gigabytes == 0 else as_dask(Tiled(image.values, shape), (TILE[0], 256, 256))
    sizes = {"z": 1.5, "y": 0.16, "x": 0.16}
    iso.write(path, iso.as_image(values, tuple("zyx"), voxel_size=sizes, unit="um"))


def in_memory(path: Path, limit: str | None) -> Any:
    image = iso.read(path)
    return lambda: iso.vol(image, **SIGMAS, memory_limit=limit)


def in_chunks(path: Path, limit: str | None) -> Any:
    image = iso.read(path, chunks="auto")
    return lambda: iso.vol(image, **SIGMAS, memory_limit=limit)


def labels(path: Path, limit: str | None) -> Any:
    def run() -> Any:
        output = path.with_name("labels.ome.zarr")
        chunks = "auto" if limit else None
        iso.write(output, iso.vol(iso.read(path, chunks=chunks), **SIGMAS, memory_limit=limit), overwrite=True)

    return run


def local_labels(path: Path, limit: str | None) -> Any:
    def run() -> Any:
        output = path.with_name("labels.ome.zarr")
        image = iso.read(path, chunks="auto" if limit else None)
        iso.write(output, iso.vol(image, **SIGMAS, threshold="local", memory_limit=limit), overwrite=True)

    return run


def isotropic(path: Path, limit: str | None) -> Any:
    def run() -> Any:
        image = iso.rescale(iso.read(path, chunks="auto" if limit else None), 1.0, memory_limit=limit)
        iso.write(path.with_name("isotropic.ome.zarr"), image, overwrite=True)

    return run


def dask_image(path: Path, limit: str | None) -> Any:  # noqa: ARG001  (as the others)
    """Gaussian, threshold, label: what dask-image has of the same."""
    from dask_image.ndfilters import gaussian_filter
    from dask_image.ndmeasure import label

    image = iso.read(path, chunks={"y": 256, "x": 256}).data.astype(np.float32)
    return label(gaussian_filter(image, (0.6, 5.6, 5.6)) > 150)[0].compute


def scikit_image(path: Path, limit: str | None) -> Any:  # noqa: ARG001
    """Gaussian by map_overlap."""
    from skimage.filters import gaussian

    image = iso.read(path, chunks={"y": 256, "x": 256}).data.astype(np.float32)
    depth = (3, 23, 23)
    return (image.map_overlap(gaussian, depth=depth, sigma=(0.6, 5.6, 5.6), dtype=np.float32) > 150).compute


WAYS = {
    way.__name__: way
    for way in (in_memory, in_chunks, labels, local_labels, isotropic, dask_image, scikit_image)
}  # fmt: skip


def one(way: str, path: Path, limit: str | None, repeats: int, workers: int) -> dict[str, Any]:
    """Run one way here; the fastest of some runs, the first of which loads kernels."""
    warnings.simplefilter("ignore")
    client = None
    if workers:
        from distributed import Client, LocalCluster

        client = Client(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))
    with working_in(path.parent):
        small, _ = iso.sample(shape=(16, 64, 64), seed=1)
        iso.vol(small, **SIGMAS)  # loads the kernels
        run = WAYS[way](path, limit)
        rows = []
        for _ in range(repeats):
            begin, cpu = time.perf_counter(), time.process_time()
            run()
            rows.append((time.perf_counter() - begin, time.process_time() - cpu))
    if client:
        client.close()
    wall, cpu = min(rows)
    return {"way": way, "wall": wall, "cpu": cpu, "peak": peak_memory()}


def peak_memory() -> int:
    """Of this process, as Linux says it; what getrusage says, a process takes over from the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measured(way: str, path: Path, limit: str | None = None, repeats: int = 3, workers: int = 0) -> dict[str, Any]:
    """One way in a process of its own."""
    arguments = [way, str(path), limit or "", str(repeats), str(workers)]
    done = subprocess.run([sys.executable, __file__, "--one", *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def show(rows: list[dict[str, Any]]) -> None:
    print("| what | wall (s) | CPU (s) | peak memory |\n| --- | --- | --- | --- |")
    for row in rows:
        peak = format_bytes(row["peak"])
        print(f"| {row['what']} | {row['wall']:.1f} | {row['cpu']:.1f} | {peak} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=5)
    parser.add_argument("--grow", nargs="*", type=float)
    parser.add_argument("--limit", default="1 GB")
    parser.add_argument("--fits", type=float, default=1.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    if options.one:
        way, path, limit, repeats, workers = options.one
        print(json.dumps(one(way, Path(path), limit or None, int(repeats), int(workers))))
        return
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        if options.grow is None:
            volume(folder / "v.ome.zarr", 0)
            rows = [measured(way, folder / "v.ome.zarr") | {"what": way} for way in ("in_memory", "in_chunks")]
            if options.workers:
                row = measured("in_chunks", folder / "v.ome.zarr", workers=options.workers)
                rows.append(row | {"what": f"in_chunks, {options.workers} workers"})
            peers = {"dask_image": "dask_image", "scikit_image": "skimage"}
            for way, module in peers.items():
                if importlib.util.find_spec(module):
                    rows += [measured(way, folder / "v.ome.zarr") | {"what": way}]
            show(rows)
            return
        rows = []
        for gigabytes in options.grow:
            path = folder / f"{gigabytes}.ome.zarr"
            volume(path, gigabytes)
            for way in ("labels", "local_labels", "isotropic"):
                for limit in (options.limit, None) if gigabytes <= options.fits else (options.limit,):
                    where = "in chunks" if limit else "in memory"
                    row = measured(way, path, limit, 1) | {"what": f"{way} {where}, {gigabytes:g} GB"}
                    rows.append(row)
                    show([row])
            shutil.rmtree(path)
        show(rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

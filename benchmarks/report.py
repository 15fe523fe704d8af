"""What is written of a run: the page, its pictures, and what has become slower since the last one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import files
import steps
import xarray as xr
from machine import least_seconds

import isoscale_ij as iso
from isoscale_ij.memory import format_bytes

_SLOWER = 0.7  # of the last ratio: more than the noise of the machine


def slower(rows: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[str]:
    """A line for each task whose ratio to its peer has fallen; never by absolute time."""
    known = {(row["task"], row["peer"]): row["ratio"] for row in before}
    return [
        f"slower than before: {row['task']} against {row['peer']}: {was:.2g}x, now {row['ratio']:.2g}x"
        for row in rows
        if (was := known.get((row["task"], row["peer"]))) and row["ratio"] < _SLOWER * was
    ]


def page(
    rows: list[dict[str, Any]], commands: list[dict[str, Any]], scaling: dict[str, list[dict[str, Any]]],
    profile: list[dict[str, Any]], stored: list[dict[str, Any]], here: dict[str, Any], image: xr.DataArray,
) -> str:  # fmt: skip
    """The page for the documentation."""
    about = (
        f"Made by `make bench` with isoscale_ij {iso.__version__} on {here['cores']} cores, {here['system']}, "
        f"Python {here['python']}, NumPy {here['numpy']}; the synthetic volume of nuclei, {image.shape}, uint16, "
        "1.5 x 0.16 x 0.16 µm. Each task in a fresh process, the two in turn; medians. Memory is the peak above "
        "input and output.\n\n"
        "*Limit* is how many times the least time was needed that the bytes of input and output take here: "
        f"memory is copied at {here['copy_gb_per_s']:.0f} GB/s (read and written) by one core and at "
        f"{here['copy_gb_per_s_all']:.0f} by all, and new memory touched for the first time at "
        f"{here['first_touch_gb_per_s']:.0f} and {here['first_touch_gb_per_s_all']:.0f} GB/s."
    )
    parts = ["# Benchmarks", about, "![](pictures/benchmarks.png)", _table(rows, here)]
    parts += [
        "## Where the time goes",
        (
            "The steps of Voronoi-Otsu-Labeling (sigmas of 1.8 and 0.9 µm), medians. *Of the limit*: how many times "
            "the time is needed that the bytes take to be moved, or the multiply-adds at the "
            f"{here['multiply_adds_g_per_s_all']:.0f} G/s that all cores do where nothing has to be moved, whichever "
            "is longer. Of the spots' blur, the axis that is made finer is blurred while seeds are sought."
        ),
        steps.table(profile, image.size),
    ]
    parts += [
        "## Files of a gigabyte",
        (
            "Noise of 12 bits in uint16, which hardly packs. Written until it is on the disk, read while the system "
            "still has it in memory; *plain bytes* are NumPy's tofile and fromfile. OME-Zarr packs, and has all of its "
            "smaller sizes as well."
        ),
        files.table(stored),
    ]
    parts += ["## Whole commands on a small file", _commands(commands)]
    parts += ["## How it grows", "![](pictures/scaling.png)", *_growth(scaling)]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[dict[str, Any]], here: dict[str, Any]) -> str:
    lines = [
        "| task | peer | isoscale_ij | peer | ratio | to reach | limit | memory | peer | agreement |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in rows:
        least = least_seconds(here, r["bytes_in"], r["bytes_out"], new=r["new"])
        lines.append(
            f"| {r['task']} | {r['peer']} | {r['seconds']:.3g} s | {r['peer_seconds']:.3g} s | **{r['ratio']:.3g}×** | "
            f"{r['target']} | {r['seconds'] / least:.1f}× | {format_bytes(r['peak'])} | "
            f"{format_bytes(r['peer_peak'])} | {r['agreement']} |"
        )
    return "\n".join(lines)


def _commands(rows: list[dict[str, Any]]) -> str:
    lines = ["| command | isoscale_ij | to reach | a script with | needs |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {r['task'].removeprefix('command: ')} | {r['seconds']:.2f} s | {r['target']} | {r['peer']} | "
        f"{r['peer_seconds']:.2f} s |"
        for r in rows
    ]
    return "\n".join(lines)


def _growth(scaling: dict[str, list[dict[str, Any]]]) -> list[str]:
    voxels = ["| voxels | rescale to 1 µm | memory | VOL in µm | memory | VOL, ns a voxel |", "| --- " * 6 + "|"]
    voxels += [
        f"| {r['voxels'] / 1e6:.1f} million | {r['rescale_seconds'] * 1e3:.1f} ms | "
        f"{format_bytes(r['rescale_peak'])} | "
        f"{r['vol_seconds'] * 1e3:.0f} ms | {format_bytes(r['vol_peak'])} | "
        f"{r['vol_seconds'] / r['voxels'] * 1e9:.1f} |"
        for r in scaling["voxels"]
    ]
    first = scaling["threads"][0]
    threads = ["| threads | rescale to 1 µm | VOL in µm |", "| --- | --- | --- |"]
    threads += [
        f"| {r['threads']} | {first['rescale_seconds'] / r['rescale_seconds']:.2f}× | "
        f"{first['vol_seconds'] / r['vol_seconds']:.2f}× |"
        for r in scaling["threads"]
    ]
    objects = ["| objects | VOL of 16.8 million voxels | memory |", "| --- | --- | --- |"]
    objects += [
        f"| {r['objects']:,} | {r['vol_seconds'] * 1e3:.0f} ms | {format_bytes(r['vol_peak'])} |"
        for r in scaling["objects"]
    ]
    return ["\n".join(lines) for lines in (voxels, threads, objects)]


def draw(rows: list[dict[str, Any]], scaling: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Two pictures: how many times as fast as each peer, and how time grows."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    folder.mkdir(exist_ok=True)
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(rows) + 1), layout="constrained")
    names = [f"{row['task']}\n{row['peer']}" for row in rows]
    axes.barh(names, [row["ratio"] for row in rows], color="#3b6ea5")
    for index, row in enumerate(rows):
        axes.text(row["ratio"] * 1.05, index, f"{row['ratio']:.3g}×", va="center", fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", xlabel="times as fast as the peer, in one run")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7)
    figure.savefig(folder / "benchmarks.png", dpi=110)

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for name in ("rescale", "vol"):
        left.plot(
            [row["voxels"] for row in scaling["voxels"]], [row[f"{name}_seconds"] for row in scaling["voxels"]],
            "o-", label={"rescale": "rescale to 1 µm", "vol": "VOL in µm"}[name],
        )  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="voxels", ylabel="seconds", ylim=(1e-4, None))
    left.xaxis.set_minor_formatter(NullFormatter())
    left.legend(frameon=False)
    right.plot([row["objects"] for row in scaling["objects"]], [row["vol_seconds"] for row in scaling["objects"]], "o-")
    right.set(xscale="log", xlabel="objects in 16.8 million voxels", ylabel="seconds of VOL", ylim=(0, None))
    figure.savefig(folder / "scaling.png", dpi=110)

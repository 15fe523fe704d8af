"""``isoscale-ij demo``: all of it on the synthetic volume, written into a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isoscale_ij.cli.story import Chapter, page
from isoscale_ij.cli.streams import result
from isoscale_ij.comparison import figures
from isoscale_ij.comparison.comparing import compare
from isoscale_ij.comparison.report import Comparison, check_folder
from isoscale_ij.diagnosis import kernels_are_compiled
from isoscale_ij.errors import ParameterError
from isoscale_ij.files import check_replaceable, replacing, write
from isoscale_ij.image.calibration import voxel_size
from isoscale_ij.image.inspection import info
from isoscale_ij.operations.rescaling import rescale
from isoscale_ij.operations.synthetic import sample
from isoscale_ij.operations.warming import run_in
from isoscale_ij.wording import counted

SPOT_SIGMA, OUTLINE_SIGMA = "1.4 um", "0.9 um"
_SHAPE = (32, 176, 192)  # so that all files, the upscaled ones too, are less than 60 MB
_WAYS = ("raw-voxel-sigmas", "raw-physical-sigmas", "1-um", "2-um", "upscaled-to-x")
FILES = (
    "index.html", "nuclei.tif", "nuclei-truth.tif", "nuclei-1um.tif", "nuclei-2um.tif", "nuclei-upscaled.tif",
    "comparison.csv", "comparison.md", "sections-1um.png", "sections.png", "labels.png",
    "loss-of-detail.png", "outlines.png", "one-object.png",
    *(f"labels-{way}.tif" for way in _WAYS), *(f"measurements-{way}.csv" for way in _WAYS),
)  # fmt: skip
"""What is written, at most: where there is little memory, the comparison leaves some ways out."""


def demonstrate(folder: Path, *, overwrite: bool, say: Callable[[str], None]) -> None:
    """Write the sample, the rescaled images, labels, measurements, the comparison and pictures into `folder`.

    Raises
    ------
    ParameterError
        Before anything is done, if one of the files exists and is not to be overwritten, or `folder` is a file.
    """
    check_folder(folder, [])
    _check_files(folder, overwrite=overwrite)
    begin = time.perf_counter()

    def step(text: str) -> None:
        say(f"[{time.perf_counter() - begin:5.1f} s] {text}")

    folder.mkdir(exist_ok=True)
    if not kernels_are_compiled():
        step("compiling the kernels; this happens once")
        run_in([np.uint16])
    step("making a synthetic volume of nuclei")
    image, truth = sample(shape=_SHAPE)
    write(folder / "nuclei.tif", image, overwrite=overwrite)
    write(folder / "nuclei-truth.tif", truth, overwrite=overwrite)
    result(info(image))
    for target, name in ((1.0, "1um"), (2.0, "2um"), ("x", "upscaled")):
        scaled = rescale(image, target)
        step(f"rescaled to {' x '.join(f'{size:.4g}' for size in voxel_size(scaled).values())} µm: {scaled.shape}")
        write(folder / f"nuclei-{name}.tif", scaled, overwrite=overwrite)
        del scaled
    step(f"segmenting on each of these grids (spot sigma {SPOT_SIGMA}, outline sigma {OUTLINE_SIGMA})")
    last = ""

    def on_progress(done: int, total: int, what: str) -> None:
        nonlocal last
        name = what.partition(":")[0]
        if name not in (last, "done"):
            step(f"  {name} ({100 * done // total} %)")
        last = name

    comparison = compare(
        image, spot_sigma=SPOT_SIGMA, outline_sigma=OUTLINE_SIGMA, truth=truth, on_progress=on_progress
    )
    step("drawing the pictures")
    comparison.save(folder, overwrite=overwrite)
    with replacing(folder / "sections-1um.png", overwrite=overwrite) as temporary:
        figures.sections(image, 1.0).savefig(temporary, format="png")
    with replacing(folder / "index.html", overwrite=overwrite) as temporary:
        temporary.write_text(page("One volume, five ways to segment it", _chapters(comparison)), encoding="utf-8")
    result(f"\n{comparison}\n")
    step(f"done; everything is in {folder}{'/' if folder.name else ''}, and index.html there tells it")
    result(
        "For a file of your own:\n"
        "  isoscale-ij info my.tif\n"
        "  isoscale-ij rescale my.tif isotropic.tif --voxel-size 1um\n"
        "  isoscale-ij segment my.tif labels.tif --spot-sigma 2um --outline-sigma 1um\n"
        "  isoscale-ij compare my.tif --spot-sigma 2um --outline-sigma 1um"
    )


def _check_files(folder: Path, *, overwrite: bool) -> None:
    there = [name for name in FILES if (folder / name).exists()]
    if there and not overwrite:
        some = ", ".join(there[:3]) + (", …" if len(there) > 3 else "")
        raise ParameterError(
            f"{counted(len(there), 'file')} that the demo writes {'is' if len(there) == 1 else 'are'} in {folder} "
            f"already: {some}. Choose another folder, as isoscale-ij demo NEW, or allow it with --overwrite."
        )
    for name in there:
        check_replaceable(folder / name, overwrite=overwrite)


def _chapters(comparison: Comparison) -> list[Chapter]:
    """The story, with the numbers of this run."""
    rows = comparison.table.set_index("name")
    raw, wrong, up = (rows.loc[name] for name in ("raw, physical sigmas", "raw, voxel sigmas", "upscaled to x"))
    nuclei = int(comparison.truth.max()) if comparison.truth is not None else 0
    sigmas = f"--spot-sigma {SPOT_SIGMA.replace(' ', '')} --outline-sigma {OUTLINE_SIGMA.replace(' ', '')}"
    return [
        Chapter(
            "A stack of slices",
            "A microscope's voxels are longer in z than in x and y: here 1.5 µm against 0.16 µm. Above, the volume as "
            "it is, seen from the top and from the side, at true proportions; below, on voxels of 1 µm.",
            "sections-1um.png", command="isoscale-ij info my.tif",
        ),
        Chapter(
            "Larger voxels show less",
            "One slice on voxels 1, 2, 4 and 8 times as large. Each new voxel is an average of those that it covers.",
            "loss-of-detail.png", command="isoscale-ij rescale my.tif smaller.tif --voxel-size 1um",
        ),
        Chapter(
            "The same objects, sought on five grids",
            f"There are {nuclei} nuclei. With as many voxels of sigma on every axis of the raw grid, {wrong.objects} "
            f"are found; with sigmas in µm on the same grid {raw.objects}, and after upscaling {up.objects}. Every "
            "panel shows the same planes, and an object keeps its colour.",
            "labels.png", command=f"isoscale-ij segment my.tif labels.tif {sigmas}",
        ),
        Chapter(
            "Where the borders are drawn", "The outlines of the same labels over the image.", "outlines.png",
        ),
        Chapter(
            "One nucleus through the grids", "What each grid sees of it, and its borders there.", "one-object.png",
        ),
        Chapter(
            "What it costs",
            f"The raw grid in µm takes {raw.seconds_segment:.2g} s and the upscaled one "
            f"{up.seconds_rescale + up.seconds_segment:.2g} s. Agreement is that with the upscaled row, accuracy that "
            "with the truth: average precision at an overlap of one half.",
            html=comparison.table_html(), command=f"isoscale-ij compare my.tif {sigmas}",
        ),
    ]  # fmt: skip

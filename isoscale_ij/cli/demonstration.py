"""``isoscale-ij demo``: all of it on the synthetic volume, written into a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from isoscale_ij.cli.streams import result
from isoscale_ij.comparison import figures
from isoscale_ij.comparison.comparing import compare
from isoscale_ij.files import replacing, write
from isoscale_ij.image.calibration import voxel_size
from isoscale_ij.image.inspection import info
from isoscale_ij.operations.rescaling import rescale
from isoscale_ij.operations.synthetic import sample

SPOT_SIGMA, OUTLINE_SIGMA = "1.4 um", "0.9 um"


def demonstrate(folder: Path, *, say: Callable[[str], None]) -> None:
    """Write the sample, the rescaled images, labels, measurements, the comparison and pictures into `folder`.

    What stands there under the same names is replaced.
    """
    begin = time.perf_counter()

    def step(text: str) -> None:
        say(f"[{time.perf_counter() - begin:5.1f} s] {text}")

    folder.mkdir(exist_ok=True)
    step("making a synthetic volume of nuclei")
    image, truth = sample()
    write(folder / "nuclei.tif", image, overwrite=True)
    write(folder / "nuclei-truth.tif", truth, overwrite=True)
    result(info(image))
    for target, name in ((1.0, "1um"), (2.0, "2um"), ("x", "upscaled")):
        scaled = rescale(image, target)
        step(f"rescaled to {' x '.join(f'{size:.4g}' for size in voxel_size(scaled).values())} µm: {scaled.shape}")
        write(folder / f"nuclei-{name}.tif", scaled, overwrite=True)
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
    comparison.save(folder, overwrite=True)
    with replacing(folder / "sections-1um.png", overwrite=True) as temporary:
        figures.sections(image, 1.0).savefig(temporary, format="png")
    result(f"\n{comparison}\n")
    step(f"done; everything is in {folder}{'/' if folder.name else ''}")
    result(
        "For a file of your own:\n"
        "  isoscale-ij info my.tif\n"
        "  isoscale-ij rescale my.tif isotropic.tif --voxel-size 1um\n"
        "  isoscale-ij segment my.tif labels.tif --spot-sigma 2um --outline-sigma 1um\n"
        "  isoscale-ij compare my.tif --spot-sigma 2um --outline-sigma 1um"
    )

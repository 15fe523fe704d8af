"""How well objects are found: every set of images with truth that is here, by every way to segment; docs/quality.md.

Run by `make quality`. The synthetic sets are always there; real ones are looked for in ../shared/data. One rule gives
the sigmas of all: spot 0.45 of the radius of a middling true object, outline half of that.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij.operations.agreement import agreement

HERE = Path(__file__).resolve().parents[1]
DATA = HERE.parent / "shared" / "data"
SEEDS = (11, 12, 13)
PICTURES = {  # sets of which the first image is drawn, and the name of the picture
    "synthetic, as they are": "quality.png",
    "synthetic, brightness spread (log-normal 0.6)": "quality-brightness.png",
    "synthetic, bleaching along z (to 1/3)": "quality-bleaching.png",
}
SHAPE = (32, 288, 288)
GROUND = 110.0


@dataclass(frozen=True)
class Case:
    """An image with its truth."""

    of: str
    image: Any
    truth: np.ndarray

    @property
    def radius(self) -> float:
        """Of the ball as large as the middling true object."""
        sizes = np.bincount(self.truth.ravel())[1:]
        volume = float(np.median(sizes[sizes > 0])) * float(np.prod(list(iso.voxel_size(self.image).values())))
        return (volume * 0.75 / np.pi) ** (1 / 3)


def synthetic() -> Iterator[Case]:
    """The made-up nuclei, and the same made harder in one way at a time."""
    harder: dict[str, Callable[[Any, np.ndarray, np.random.Generator], np.ndarray]] = {
        "as they are": lambda v, _t, _r: v,
        "more noise (sigma 30)": lambda v, _t, r: v + r.normal(0, 30, v.shape),
        "brightness spread (log-normal 0.6)": _spread,
        "background rising by 150 along x": lambda v, _t, _r: v + np.linspace(0, 150, v.shape[2]),
        "bleaching along z (to 1/3)": lambda v, _t, _r: (
            GROUND + (v - GROUND) * np.geomspace(1, 1 / 3, len(v))[:, None, None]
        ),
    }
    for name, change in harder.items():
        for seed in SEEDS:
            yield _made(f"synthetic, {name}", seed, None, change)
    for name, share in (("twice as dense", 2.0), ("a third as dense", 1 / 3)):
        for seed in SEEDS:
            usual = int(iso.sample(shape=SHAPE, seed=seed)[1].max())
            yield _made(f"synthetic, {name}", seed, max(3, round(share * usual)), harder["as they are"])


def _made(name: str, seed: int, count: int | None, change: Callable[..., np.ndarray]) -> Case:
    image, truth = iso.sample(shape=SHAPE, seed=seed, n_objects=count)
    changed = change(image.to_numpy().astype(np.float64), truth.to_numpy(), np.random.default_rng(seed))
    return Case(name, image.copy(data=np.clip(np.rint(changed), 0, 65535).astype(np.uint16)), truth.to_numpy())


def _spread(values: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each nucleus, with the light around it, so many times as bright."""
    factors = rng.lognormal(0, 0.6, int(truth.max()) + 1)
    nearest = ndimage.distance_transform_edt(truth == 0, (1.5, 0.16, 0.16), return_distances=False, return_indices=True)
    around = ndimage.gaussian_filter(factors[truth[tuple(nearest)]], (0.5, 3, 3))
    return GROUND + (values - GROUND) * around


def embryos() -> Iterator[Case]:
    """Mouse embryos of BBBC050, where they are."""
    for path in sorted((DATA / "bbbc050").glob("*[0-9].tif")):
        import tifffile

        truth = tifffile.imread(path.with_name(path.stem + ".gt.tif")).astype(np.int32)
        image = iso.as_image(tifffile.imread(path), "zyx", voxel_size=(1.75, 0.8, 0.8), unit="um")
        yield Case("BBBC050, mouse embryos", image, truth)


def ways() -> dict[str, Callable[[Case, float, float], np.ndarray]]:
    def ours(**options: Any) -> Callable[[Case, float, float], np.ndarray]:
        return lambda case, spot, outline: iso.vol(
            case.image, spot_sigma=spot, outline_sigma=outline, **options
        ).to_numpy()

    found = {
        "otsu": ours(),
        "local": ours(threshold="local"),
        "otsu, light": ours(borders="light"),
        "local, light": ours(threshold="local", borders="light"),
        "local, light, elongation 1.4": ours(threshold="local", borders="light", elongation=1.4),
    }

    def suggested(case: Case, _spot: float, _outline: float) -> np.ndarray:
        found = iso.suggest_sigmas(case.image)
        print("  suggested", found.spot_sigma, "confident" if found.confident else "not confident")
        if found.spot_sigma is None:
            return np.zeros(case.truth.shape, np.int32)
        return ours(threshold="local")(case, found.spot_sigma, found.outline_sigma)

    found["local, suggested sigmas"] = suggested
    try:
        from napari_segment_blobs_and_things_with_membranes import voronoi_otsu_labeling
    except ImportError:
        return found

    def nsbatwm(case: Case, spot: float, outline: float) -> np.ndarray:
        size = np.array(list(iso.voxel_size(case.image).values()))
        return np.asarray(
            voronoi_otsu_labeling(case.image.to_numpy(), spot_sigma=spot / size, outline_sigma=outline / size), np.int32
        )

    return {**found, "nsbatwm, sigmas per axis": nsbatwm}


def measured(*, quick: bool) -> pd.DataFrame:
    rows = []
    seen: dict[str, int] = {}
    for case in (case for each in (synthetic, embryos) for case in each()):
        seen[case.of] = seen.get(case.of, 0) + 1
        if quick and seen[case.of] > 1:
            continue
        true = len(np.unique(case.truth)) - 1
        for name, way in ways().items():
            labels = way(case, 0.45 * case.radius, 0.225 * case.radius)
            count = len(np.unique(labels)) - 1
            scores = [agreement(case.truth, labels, at).average_precision for at in (0.5, 0.75)]
            rows.append((case.of, name, *scores, abs(count - true) / true))
            print(*rows[-1], flush=True)
    return pd.DataFrame(rows, columns=["set", "method", "AP@0.5", "AP@0.75", "count error"])


def written(table: pd.DataFrame) -> str:
    mean = table.groupby(["set", "method"], sort=False).mean()
    number = table.groupby(["set", "method"], sort=False).size()
    lines = ["| set | images | method | AP@0.5 | AP@0.75 | count error |", "|---|---|---|---|---|---|"]
    for (of, method), row in mean.iterrows():
        scores = " | ".join(f"{row[name]:.3f}" for name in ("AP@0.5", "AP@0.75"))
        lines.append(f"| {of} | {number[of, method]} | {method} | {scores} | {row['count error']:.0%} |")
    lost = _against_otsu(table)
    return "\n".join([*lines, "", *lost])


def _against_otsu(table: pd.DataFrame) -> list[str]:
    """Of how many images each way is better or worse than one threshold for all, by more than 0.01."""
    table = table.assign(image=table.groupby(["set", "method"]).cumcount())
    wide = table.pivot_table(index=["set", "image"], columns="method", values="AP@0.5", sort=False)
    lines = ["| method | images better than `otsu` | worse | most lost |", "|---|---|---|---|"]
    for method in wide.columns.drop("otsu"):
        change = wide[method] - wide["otsu"]
        lines.append(
            f"| {method} | {int((change > 0.01).sum())} of {len(change)} | {int((change < -0.01).sum())} "
            f"| {max(0.0, -float(change.min())):.3f} |"
        )
    return lines


def draw() -> None:
    """The truth, and what some of the ways find, over the image, for the documentation."""
    from isoscale_ij.comparison import figures
    from isoscale_ij.image.calibration import mark_as_labels

    left = dict(PICTURES)
    for case in synthetic():
        if case.of not in left:
            continue
        found = {name: ways()[name](case, 0.45 * case.radius, 0.225 * case.radius) for name in ("otsu", "local")}
        grid = case.image.copy(data=case.truth)
        figure = figures.labels_side_by_side(
            case.image, {name: mark_as_labels(grid.copy(data=labels)) for name, labels in found.items()},
            mark_as_labels(grid), outlines=True,
        )  # fmt: skip
        figure.savefig(HERE / "docs" / "pictures" / left.pop(case.of), dpi=75)


def main() -> None:
    if "--pictures" in sys.argv:
        draw()
        return
    quick = "--quick" in sys.argv  # one image of each set; nothing is written
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = measured(quick=quick)
    if quick:
        print(written(table))
        return
    draw()
    page = HERE / "docs" / "quality.md"
    text = page.read_text(encoding="utf-8")
    begin, end = text.index("<!-- measured -->"), text.index("<!-- end -->")
    page.write_text(f"{text[:begin]}<!-- measured -->\n{written(table)}\n{text[end:]}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Which sigmas to try first: found from the sizes of the objects that a sweep over sigmas finds.

A spot sigma that is small beside the objects finds pieces of them, a large one clumps. For most of the way between,
the objects found have a size of their own, R, whatever the sigma. What is suggested is the smallest sigma that is as
large as 0.35 of R: there, the objects found are those that the sigma looks for. On embryos and synthetic nuclei this is
within the plateau of the best results, at its lower end; twice that sigma joins neighbours where they are dense.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.carrying import takes_images
from isoscale_ij.engines import get_engine
from isoscale_ij.errors import ParameterError
from isoscale_ij.image.axes import choose_channel
from isoscale_ij.image.calibration import as_image
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.units import convert, parse_length, symbol
from isoscale_ij.operations.labelling import labelled
from isoscale_ij.operations.sigmas import SigmaLike
from isoscale_ij.progress import OnProgress
from isoscale_ij.wording import counted, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SHARE_OF_RADIUS = 0.35
"""The spot sigma that is suggested, as a share of the radius of the objects that it finds."""
OUTLINE_SHARE = 0.5
"""The outline sigma, as a share of the spot sigma."""
_STEPS, _REFINED = 11, 3  # runs of the sweep, and between the two sigmas that the answer lies between
_NEAR = 1.3  # as far below and above the answer, the number of objects is looked at:
_STEADY, _RUNAWAY = 1.35, 2.2  # within the one it is steady; beyond the other there is nothing of one size
_VOXELS = 1 << 24  # of a larger image the middle is looked at


@dataclass(frozen=True)
class Suggestion:
    """What :func:`suggest_sigmas` gives; it prints as a sentence or two.

    Attributes
    ----------
    spot_sigma, outline_sigma : float, str or None
        In the image's unit; as ``"3.2 px"`` where that has no calibration. None where there is no answer.
    curve : DataFrame
        The sweep: ``spot_sigma``, ``objects``, ``radius`` (of the object that the middling labelled voxel lies in).
    confident : bool
        Whether the number of objects is steady around the answer.
    reason : str
        A sentence: why that, or why nothing.
    unit : str
    """

    spot_sigma: float | str | None
    outline_sigma: float | str | None
    curve: pd.DataFrame
    confident: bool
    reason: str
    unit: str

    def __str__(self) -> str:
        if self.spot_sigma is None:
            return self.reason
        sigmas = [value if isinstance(value, str) else f"{short(value)} {self.unit}" for value in self._sigmas()]
        return f"spot sigma {sigmas[0]}, outline sigma {sigmas[1]}\n{self.reason}"

    def figure(self) -> Figure:
        """The number of objects and their radius against the spot sigma, with the answer."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), dpi=130, layout="constrained")
        axes = figure.subplots()
        axes.loglog(self.curve["spot_sigma"], self.curve["objects"], "o-", label="objects")
        axes.set(xlabel=f"spot sigma [{self.unit}]", ylabel="objects", title=self.reason)
        axes.title.set(fontsize=8, wrap=True)
        radius = axes.twinx()
        radius.plot(self.curve["spot_sigma"], self.curve["radius"], "s--", color="tab:orange", label="radius")
        radius.set(ylabel=f"radius [{self.unit}]", yscale="log")
        if self.spot_sigma is not None:
            axes.axvline(parse_length(self.spot_sigma, "sigma").value, color="black", linewidth=0.8)
        figure.legend(loc="outside lower center", ncols=2)
        return figure

    def _sigmas(self) -> tuple[float | str, float | str]:
        assert self.spot_sigma is not None
        assert self.outline_sigma is not None
        return self.spot_sigma, self.outline_sigma


@takes_images("image")
def suggest_sigmas(
    image: Any,
    *,
    channel: str | int | None = None,
    engine: str = "auto",
    on_progress: OnProgress | None = None,
    memory_limit: float | str | None = None,
) -> Suggestion:
    """What sigmas to try first in :func:`voronoi_otsu_labeling`, and how sure that is.

    Segments the image (of a large one the middle, of a series the first time point) with at most 14 spot sigmas, and
    a threshold for each object. Suggested is the smallest spot sigma that is 0.35 of the radius of the objects that
    it finds, and half of that for outlines.

    Parameters
    ----------
    image : DataArray or array_like
        2D or 3D, with or without t and c; see :func:`as_image`.
    channel : str or int, optional
        Which channel to look at; needed where there are several.
    engine : {"auto", "cpu", "opencl"}
        What to compute with.
    on_progress : callable, optional
        Called with (done, total, step); cancels by raising :class:`Cancelled`.
    memory_limit : float or str, optional
        Bytes, or as ``"2 GB"``; by default a share of the machine's free memory.

    Returns
    -------
    Suggestion
        Sigmas in the image's unit, the curve of the sweep, and whether the number of objects is steady there; where
        no sigma finds objects of its own size, a sentence instead of numbers.

    Notes
    -----
    It is a start, not the truth: where objects are dense, half as large or twice as large as each other, or lie on an
    uneven background, look at the result, and at ``suggestion.figure()``.

    Examples
    --------
    >>> import isoscale_ij
    >>> image, truth = isoscale_ij.sample(shape=(16, 160, 160), seed=1)
    >>> suggestion = suggest_sigmas(image)
    >>> 1 < suggestion.spot_sigma < 2.2
    True
    """
    import pandas as pd

    image = choose_channel(as_image(image), channel)
    image = _middle(image.isel(t=0) if "t" in image.dims else image).compute()  # of a lazy image, that part is read
    grid = Grid.of(image)
    unit, sizes = _sizes(grid)
    lowest, highest = _limits(grid, sizes)
    rows: dict[float, tuple[int, float]] = {}

    def run(sigma: float) -> bool:
        """Segment; whether the sigma is as large as the objects ask for."""
        if on_progress:
            on_progress(len(rows), _STEPS + _REFINED, "suggest")
        rows[sigma] = _found(image, sigma, unit, sizes, engine, memory_limit)
        return sigma >= SHARE_OF_RADIUS * rows[sigma][1]

    below: float | None = None
    above: float | None = None
    for sigma in np.geomspace(lowest, highest, _STEPS).tolist() if highest > lowest else []:
        large_enough = run(sigma)
        if above is not None:  # one more, for the curve
            break
        if large_enough:
            above = sigma
        else:
            below = sigma
    if below is not None and above is not None:
        for _ in range(_REFINED):
            middle = math.sqrt(below * above)
            below, above = (below, middle) if run(middle) else (middle, above)
    if on_progress:
        on_progress(_STEPS + _REFINED, _STEPS + _REFINED, "done")
    curve = pd.DataFrame([(sigma, *rows[sigma]) for sigma in sorted(rows)], columns=["spot_sigma", "objects", "radius"])
    return _suggestion(curve, below, above, unit)


def resolved(image: xr.DataArray, spot: SigmaLike, outline: SigmaLike, **options: Any) -> tuple[SigmaLike, SigmaLike]:
    """The two sigmas; what is "auto" for the spot is suggested, for the outline half of the spot's."""
    if isinstance(spot, str) and spot == "auto":
        suggestion = suggest_sigmas(image, **options)
        if suggestion.spot_sigma is None:
            raise ParameterError(f'Got "auto" as spot_sigma. {suggestion.reason} Give the sigma yourself.')
        spot = suggestion.spot_sigma
    return spot, _times(spot, OUTLINE_SHARE) if isinstance(outline, str) and outline == "auto" else outline


def _times(sigma: SigmaLike, factor: float) -> SigmaLike:
    if isinstance(sigma, Mapping):
        return {axis: _length_times(value, factor) for axis, value in sigma.items()}
    if isinstance(sigma, str) or np.ndim(sigma) == 0:
        return _length_times(sigma, factor)  # type: ignore[arg-type]
    return [_length_times(value, factor) for value in np.asarray(sigma, object).tolist()]


def _length_times(length: float | str, factor: float) -> float | str:
    parsed = parse_length(length, "spot_sigma")
    return f"{parsed.value * factor!r} {parsed.unit}" if parsed.unit else parsed.value * factor


def _middle(image: xr.DataArray) -> xr.DataArray:
    """Of an image that is too large for a sweep the middle, along y and x."""
    if image.size <= _VOXELS:
        return image
    share = math.sqrt(_VOXELS / image.size)
    parts = {}
    for axis in ("y", "x"):
        count = max(1, round(image.sizes[axis] * share))
        begin = (image.sizes[axis] - count) // 2
        parts[axis] = slice(begin, begin + count)
    return image.isel(parts)


def _sizes(grid: Grid) -> tuple[str, dict[str, float]]:
    """The unit that sigmas are suggested in, and the voxel size in it."""
    unit = grid.unit
    if unit is None or any(grid.units.get(axis) is None for axis in grid.spatial if grid.sizes[axis] > 1):
        return "px", dict.fromkeys(grid.spatial, 1.0)
    return symbol(unit), {
        axis: convert(grid.spacings[axis], grid.units[axis] or unit, unit) if axis in grid.spacings else 1.0
        for axis in grid.spatial
    }


def _limits(grid: Grid, sizes: dict[str, float]) -> tuple[float, float]:
    """The smallest and the largest spot sigma to look at: from what voxels resolve to a quarter of the image."""
    extents = {axis: grid.sizes[axis] * size for axis, size in sizes.items() if grid.sizes[axis] > 1}
    if not {"y", "x"} <= set(extents):
        return 0.0, 0.0
    lowest = max(sizes["x"], sizes["y"], sizes["z"] / 4 if "z" in extents else 0.0)
    return lowest, min(extents["y"] / 4, extents["x"] / 4, extents.get("z", math.inf))


def _found(
    image: xr.DataArray, sigma: float, unit: str, sizes: dict[str, float], engine: str, memory_limit: float | str | None
) -> tuple[int, float]:
    """How many objects a spot sigma finds, and the radius of the one that the middling labelled voxel lies in."""
    labels, _ = labelled(
        image, spot_sigma=f"{sigma!r} {unit}", outline_sigma=f"{sigma * OUTLINE_SHARE!r} {unit}", threshold="local",
        engine=engine, memory_limit=memory_limit,
    )  # fmt: skip
    values: NDArray[np.int32] = np.asarray(labels.data)
    count = int(values.max(initial=0))
    if not count:
        return 0, 0.0
    voxels = np.sort(get_engine(engine, values.size).census(values.reshape(-1, *values.shape[-2:]), count)[0][1:])
    middling = voxels[np.searchsorted(np.cumsum(voxels), voxels.sum() / 2)]
    content = float(middling * math.prod(sizes.values()))
    return count, math.sqrt(content / math.pi) if "z" not in sizes else (content * 3 / (4 * math.pi)) ** (1 / 3)


def _suggestion(curve: pd.DataFrame, below: float | None, above: float | None, unit: str) -> Suggestion:
    """What the sweep says."""

    def nothing(reason: str) -> Suggestion:
        return Suggestion(None, None, curve, False, reason, unit)

    if len(curve) == 0 or not curve["objects"].any():
        return nothing("No sigma finds any object: is the image constant, or all of it background?")
    if above is None:
        return nothing("Objects look larger than a quarter of the image: no sigma that fits it finds them whole.")
    if below is None or not curve.loc[curve["spot_sigma"] == above, "objects"].item():
        return nothing("Objects are hardly larger than voxels: no sigma finds any that are larger than itself.")
    answer = float(f"{math.sqrt(below * above):.3g}")
    some = curve[curve["objects"] > 0]
    around = np.interp(
        np.log([answer / _NEAR, answer, answer * _NEAR]), np.log(some["spot_sigma"]), np.log(some["objects"])
    )
    change, count = math.exp(around[0] - around[2]), round(math.exp(around[1]))
    if change > _RUNAWAY:
        return nothing(
            f"There is nothing of one size: around a spot sigma of {answer:g} {unit} the number of objects falls from "
            f"{math.exp(around[0]):.0f} to {math.exp(around[2]):.0f}."
        )
    radius = answer / SHARE_OF_RADIUS
    reason = f"It finds about {counted(count, 'object')} of some {radius:.3g} {unit} radius; "
    confident = change <= _STEADY
    reason += (
        "their number is steady around it."
        if confident
        else "their number changes with the sigma, as where objects are dense or differ in size: look at the result."
    )
    outline = OUTLINE_SHARE * answer
    if unit == "px":
        return Suggestion(f"{answer:g} px", f"{outline:g} px", curve, confident, reason, unit)
    return Suggestion(answer, outline, curve, confident, reason, unit)

"""Which sigmas to try first: a sweep over spot sigmas, and where the number of objects is steady in it.

A spot sigma that is small beside the objects finds pieces of them, a large one clumps. Between lies a plateau, on which
the number of objects hardly changes; it counts where they are of a size that the sigma can look for: 1.1 to 4.5
times as large in radius. What is suggested lies a little above the middle of the first plateau, whose width tells how
sure it is: on embryos and synthetic nuclei, nearly all answers from a wide one are as good as the best sigma of all,
and nearly none from a narrow one (docs/quality.md has the figures).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import hypertext, remarks
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
from isoscale_ij.remarks import Remark
from isoscale_ij.wording import counted, in_lines, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

OUTLINE_SHARE = 0.5
"""The outline sigma, as a share of the spot sigma."""
_LINE = 75  # letters of a title that the picture has room for
_STEPS, _REFINED = 11, 3  # runs of the sweep, and of where the plateau ends
_STEADY = 1.25  # on a plateau, the most objects are so many times the fewest
_LARGEST, _SMALLEST = 4.5, 1.1  # radius of the objects by the sigma, between which a plateau counts
_PLACE = 0.55  # of the plateau's width, where the answer is
_WIDE, _NARROW = 1.75, 1.25  # its end by its beginning: from the one on it is sure, below the other it is none
_POINTS = 241  # of the curve between what was run
_DPI_OF_NOTEBOOK = 80
_VOXELS = 1 << 24  # of a larger image the middle is looked at

_Rows = dict[float, tuple[int, float]]
"""How many objects each spot sigma finds, and their radius."""


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
        Whether the number of objects is steady around the answer, and nothing makes that segmentation doubtful.
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
        spot, outline = self._named()
        return f"spot sigma {spot}, outline sigma {outline}\n{self.reason}"

    def _repr_html_(self) -> str:
        from io import BytesIO

        file = BytesIO()
        self.figure().savefig(file, format="png", dpi=_DPI_OF_NOTEBOOK)
        sigmas = zip(("spot sigma", "outline sigma"), self._named(), strict=False)  # none where there is no answer
        table = hypertext.pairs("Suggestion", [*sigmas, ("", self.reason)])
        return table + hypertext.picture(file.getvalue(), "objects for each spot sigma")

    def figure(self) -> Figure:
        """The number of objects and their radius against the spot sigma, with the answer."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullFormatter

        figure = Figure(figsize=(6.4, 4.4), dpi=130, layout="constrained")
        axes = figure.subplots()
        some = self.curve[self.curve["objects"] > 0]  # a logarithmic axis has no 0
        radius = axes.twinx()
        axes.plot(some["spot_sigma"], some["objects"], "o-", label="objects")
        radius.plot(some["spot_sigma"], some["radius"], "s--", color="tab:orange", label="radius")
        axes.set(xlabel=f"spot sigma [{self.unit}]", ylabel="objects")
        radius.set(ylabel=f"radius [{self.unit}]")
        axes.set_title(in_lines(self.reason, _LINE), fontsize=10)
        if len(some):
            axes.set(xscale="log", yscale="log")
            radius.set(yscale="log")
            for axis in (axes.xaxis, axes.yaxis, radius.yaxis):
                axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter(NullFormatter())
        if self.spot_sigma is not None:
            axes.axvline(parse_length(self.spot_sigma, "sigma").value, color="black", linewidth=0.8)
        figure.legend(loc="outside lower center", ncols=2)
        return figure

    def _named(self) -> list[str]:
        """The two sigmas with their unit."""
        sigmas = (self.spot_sigma, self.outline_sigma)
        return [value if isinstance(value, str) else f"{short(value)} {self.unit}" for value in sigmas if value]


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
    a threshold for each object. Suggested is a spot sigma around which the number of objects is steady, and half of
    that for outlines.

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

    Warns
    -----
    SegmentationWarning
        If something makes the segmentation with the answer doubtful: hot voxels, dim objects that are left out.

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
    series = image.sizes.get("t", 1) > 1
    image = _middle(image.isel(t=0) if "t" in image.dims else image).compute()  # of a lazy image, that part is read
    grid = Grid.of(image)
    unit, sizes = _sizes(grid)
    lowest, highest = _limits(grid, sizes)
    rows: _Rows = {}
    doubts: dict[float, list[Remark]] = {}

    def run(sigma: float) -> None:
        if on_progress:
            on_progress(len(rows), _STEPS + _REFINED, "suggest")
        rows[sigma], doubts[sigma] = _objects(image, sigma, unit, sizes, engine, memory_limit)

    for sigma in np.geomspace(lowest, highest, _STEPS).tolist() if highest > lowest else []:
        run(sigma)
        count, radius = rows[sigma]
        if count and radius < _SMALLEST * sigma:  # larger ones look for what is not there
            break
    for _ in range(_REFINED):
        if middle := _between(rows):
            run(middle)
    if on_progress:
        on_progress(_STEPS + _REFINED, _STEPS + _REFINED, "done")
    curve = pd.DataFrame([(sigma, *rows[sigma]) for sigma in sorted(rows)], columns=["spot_sigma", "objects", "radius"])
    suggestion, at = _suggestion(curve, unit)
    if series and suggestion.spot_sigma is None:
        first = "Of a series, the first time point is looked at"
        mend = "choose another one with image.isel(t=…) (command line: --time)."
        suggestion = replace(suggestion, reason=f"{suggestion.reason} {first}; {mend}")
    if not curve["objects"].any() or not (doubt := doubts[min(doubts, key=lambda sigma: abs(math.log(sigma / at)))]):
        return suggestion
    if suggestion.spot_sigma is None:
        return replace(suggestion, reason=" ".join([suggestion.reason, *(remark.text for remark in doubt)]))
    remarks.warn_of(doubt)
    return replace(suggestion, confident=False)


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
    return f"{parsed.value * factor!r} {symbol(parsed.unit)}" if parsed.unit else parsed.value * factor


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


def _objects(
    image: xr.DataArray, sigma: float, unit: str, sizes: dict[str, float], engine: str, memory_limit: float | str | None
) -> tuple[tuple[int, float], list[Remark]]:
    """How many objects a spot sigma finds, the radius of that which the middling labelled voxel lies in, and doubts."""
    labels, doubts = labelled(
        image, spot_sigma=f"{sigma!r} {unit}", outline_sigma=f"{sigma * OUTLINE_SHARE!r} {unit}", threshold="local",
        engine=engine, memory_limit=memory_limit,
    )  # fmt: skip
    values: NDArray[np.int32] = np.asarray(labels.data)
    count = int(values.max(initial=0))
    if not count:
        return (0, 0.0), doubts
    voxels = np.sort(get_engine(engine, values.size).census(values.reshape(-1, *values.shape[-2:]), count)[0][1:])
    middling = voxels[np.searchsorted(np.cumsum(voxels), voxels.sum() / 2)]
    content = float(middling * math.prod(sizes.values()))
    radius = math.sqrt(content / math.pi) if "z" not in sizes else (content * 3 / (4 * math.pi)) ** (1 / 3)
    return (count, radius), doubts


@dataclass(frozen=True)
class _Plateau:
    """Where the number of objects is steady: from where to where, the answer on it, and what it finds there."""

    begin: float
    end: float
    answer: float
    objects: float
    radius: float


def _plateau(rows: _Rows) -> _Plateau | None:
    """The first one, as wide as it is, along straight lines between what was run, by logarithms."""
    sigmas = [sigma for sigma in sorted(rows) if rows[sigma][0]]
    if len(sigmas) < 2:
        return None
    known = np.log(sigmas)
    at = np.linspace(known[0], known[-1], _POINTS)
    objects, radii = (np.interp(at, known, np.log([rows[sigma][k] for sigma in sigmas])) for k in (0, 1))
    counts = (radii - at <= math.log(_LARGEST)) & (radii - at >= math.log(_SMALLEST))
    widest = (0, 0)
    for begin in np.flatnonzero(counts).tolist():
        if begin > widest[1] and at[widest[1]] - at[widest[0]] >= math.log(_NARROW):
            break  # what comes behind a plateau is clumps
        for end in range(begin + 1, _POINTS):
            if not counts[end] or np.ptp(objects[begin : end + 1]) > math.log(_STEADY):
                break
            if end - begin > widest[1] - widest[0]:
                widest = begin, end
    begin, end = widest
    if begin == end:
        return None
    answer = begin + round(_PLACE * (end - begin))
    return _Plateau(*np.exp([at[begin], at[end], at[answer], objects[answer], radii[answer]]).tolist())


def _between(rows: _Rows) -> float | None:
    """Where one more run tells most: in the middle of the wider of the two gaps that the plateau ends in."""
    plateau, sigmas = _plateau(rows), sorted(rows)
    gaps = [] if plateau is None else [
        (above / below, math.sqrt(below * above))
        for below, above in pairwise(sigmas)
        if any(below < edge < above for edge in (plateau.begin, plateau.end))
    ]  # fmt: skip
    return max(gaps)[1] if gaps else None


def _suggestion(curve: pd.DataFrame, unit: str) -> tuple[Suggestion, float]:
    """What the sweep says, and of which spot sigma; of the smallest, if it says nothing."""
    smallest = float(curve["spot_sigma"].min()) if len(curve) else math.nan

    def nothing(reason: str) -> tuple[Suggestion, float]:
        return Suggestion(None, None, curve, False, reason, unit), smallest

    if len(curve) == 0 or not curve["objects"].any():
        return nothing("No sigma finds any object: is the image constant, or all of it background?")
    sigma, objects, radius = (curve[name].to_numpy() for name in ("spot_sigma", "objects", "radius"))
    some = objects > 0
    if (radius[some] > _LARGEST * sigma[some]).all():
        return nothing("Objects look larger than a quarter of the image: no sigma that fits it finds them whole.")
    if (radius[some] < _SMALLEST * sigma[some]).all():
        return nothing("Objects are hardly larger than voxels: no sigma finds any that are larger than itself.")
    plateau = _plateau({s: (int(n), float(r)) for s, n, r in zip(sigma, objects, radius, strict=True)})
    if plateau is None or plateau.end < _NARROW * plateau.begin:
        few, many = objects[some].min(), objects.max()
        return nothing(
            f"There is nothing of one size: with the sigma, the number of objects falls from {many} to {few}."
        )
    answer = float(f"{plateau.answer:.3g}")
    confident = plateau.end >= _WIDE * plateau.begin
    reason = (
        f"It finds about {counted(round(plateau.objects), 'object')} of some {plateau.radius:.3g} {unit} radius; "
        f"their number is steady from {plateau.begin:.3g} to {plateau.end:.3g} {unit}"
    )
    reason += (
        "." if confident else ", which is little, as where objects are dense or differ in size: look at the result."
    )
    outline = OUTLINE_SHARE * answer
    if unit == "px":
        return Suggestion(f"{answer:g} px", f"{outline:g} px", curve, confident, reason, unit), answer
    return Suggestion(answer, outline, curve, confident, reason, unit), answer

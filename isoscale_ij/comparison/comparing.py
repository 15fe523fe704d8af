"""The same segmentation on several grids of one image: what each way costs, and what it finds.

The story is that of a tutorial of the BiAPoL group (2023), which rescales before it segments; the
row that the tutorial could not show segments the image as it is, in physical units.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import memory, remarks
from isoscale_ij.carrying import takes_images
from isoscale_ij.comparison.coloring import at_points_of
from isoscale_ij.comparison.report import Comparison
from isoscale_ij.engines import get_engine
from isoscale_ij.errors import CalibrationError, MemoryLimitError, ParameterError
from isoscale_ij.execution.chunks.settings import working_in
from isoscale_ij.image.axes import SPATIAL, choose_channel
from isoscale_ij.image.calibration import as_image, length_unit, spacing, voxel_size
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.labels import whole_numbers
from isoscale_ij.image.units import LengthLike, convert, is_length, parse_length, symbol
from isoscale_ij.operations.agreement import agreement
from isoscale_ij.operations.choices import Borders, Threshold
from isoscale_ij.operations.label_sums import values_are_scattered
from isoscale_ij.operations.measurement import measure
from isoscale_ij.operations.rescaling import plan_rescale, rescale
from isoscale_ij.operations.segmentation import voronoi_otsu_labeling
from isoscale_ij.operations.sigmas import SigmaLike, resolve_sigmas
from isoscale_ij.operations.warming import run_in
from isoscale_ij.progress import OnProgress, notebook_bar, tell_nothing

_BYTES_BESIDE_SCALED = 5  # a voxel of labels, and of their mask
_SIGNIFICANT = 2  # digits of the default sizes


@dataclass(frozen=True)
class _Way:
    """One way to segment: on which grid, with which sigmas."""

    name: str
    target: Any  # for rescale; None: the grid as it is
    in_voxels: bool = False


@takes_images("image", "truth")
def compare(
    image: Any,
    *,
    spot_sigma: SigmaLike,
    outline_sigma: SigmaLike,
    threshold: float | Threshold = "otsu",
    borders: Borders = "distance",
    elongation: float = 1.0,
    truth: Any | None = None,
    voxel_sizes: Sequence[LengthLike] | None = None,
    channel: str | int | None = None,
    engine: str = "auto",
    on_progress: OnProgress | None = None,
    memory_limit: float | str | None = None,
) -> Comparison:
    """Segment one image on several grids, and tell what each costs and finds.

    The rows are: the raw grid with the same number of voxels as sigma on every axis (what people
    do); the raw grid with sigmas in physical units; rescaled to each of `voxel_sizes`; upscaled to
    the size of x.

    Parameters
    ----------
    image : DataArray
        A calibrated volume (z, y, x), with or without c.
    spot_sigma, outline_sigma : length
        In the image's unit, or as ``"2 um"``; see :func:`voronoi_otsu_labeling`. A spot sigma is about half the
        radius of an object.
    threshold, borders, elongation
        As for :func:`voronoi_otsu_labeling`; the same in all rows.
    truth : DataArray, optional
        True labels on the grid of `image`.
    voxel_sizes : sequence of length, optional
        By default 1 and 2 µm, or for other scales two round sizes between x and z.
    channel : str or int, optional
        Which channel to segment; needed where there are several.
    engine : {"auto", "cpu", "opencl"}
        What to compute with.
    on_progress : callable, optional
        Called with (done, total, step); cancels by raising :class:`Cancelled`.
    memory_limit : float or str, optional
        Rows that would need more are skipped, and say so.

    Returns
    -------
    Comparison
        Its ``table`` has the columns ``name``, ``shape``, ``voxel_size``, ``factors``, ``bytes`` (of the
        image that is segmented), ``seconds_rescale``, ``seconds_segment``, ``peak_memory`` (bytes
        above what was in use before the row), ``objects``, ``median_volume``, ``agreement`` (average
        precision at an IoU of 0.5 with the upscaled row, on the raw grid by nearest point),
        ``accuracy`` (the same with `truth`, where it is given) and ``remark``.

    Raises
    ------
    CalibrationError
        If the image is not calibrated.
    ParameterError
        If it is not a single volume, or `truth` has another shape.

    Examples
    --------
    >>> import isoscale_ij
    >>> image, truth = isoscale_ij.sample(shape=(10, 64, 64), n_objects=4)
    >>> comparison = compare(image, spot_sigma=1.8, outline_sigma=0.9, truth=truth)
    >>> list(comparison.table.name)
    ['raw, voxel sigmas', 'raw, physical sigmas', '1 µm', '2 µm', 'upscaled to x']
    """
    import pandas as pd

    on_progress = on_progress or notebook_bar()
    image = _in_memory(as_image(image), memory_limit)
    truth = None if truth is None else _in_memory(as_image(truth), memory_limit)
    sources = [Path(each.encoding["source"]) for each in (image, truth) if each is not None and _has_source(each)]
    image = choose_channel(image, channel)
    _check(image)
    if truth is not None and truth.shape != image.shape:
        raise ParameterError(f"Got a truth of shape {truth.shape}; needed is that of the image, {image.shape}.")
    true_labels = None if truth is None else whole_numbers(truth.to_numpy())
    if true_labels is not None and values_are_scattered(true_labels, memory_limit):
        remarks.warn("What was given as truth looks like grey values, and each of them counts as an object.")
    for sigma, what in ((spot_sigma, "spot_sigma"), (outline_sigma, "outline_sigma")):
        resolve_sigmas(Grid.of(image), sigma, what)
    run_in([image.dtype], get_engine(engine, image.size).name)  # the first row does not pay for loading the kernels
    ways = list(_ways(image, voxel_sizes))
    options = {"threshold": threshold, "borders": borders, "elongation": elongation}
    rows, labels, measured = [], {}, {}
    on_raw: dict[str, NDArray[np.integer]] = {}
    for number, way in enumerate(ways):
        row: dict[str, Any] = {"name": way.name, "remark": ""}
        try:
            with working_in(by_itself=False):  # a row that is too large says so
                segmented = _segment(
                    image, way, (spot_sigma, outline_sigma), options, row, engine, memory_limit,
                    _part(on_progress, number, len(ways), way.name),
                )  # fmt: skip
        except (MemoryLimitError, ParameterError) as error:
            row["remark"] = f"skipped: {error}"
        else:
            table = measure(segmented, engine=engine, memory_limit=memory_limit)
            row["objects"] = len(table)
            row["median_volume"] = float(table["volume"].median()) if len(table) else float("nan")
            labels[way.name], measured[way.name] = segmented, table
            on_raw[way.name] = at_points_of(segmented, image)
        rows.append(row)
    upscaled = on_raw.get(ways[-1].name)
    for row in rows:
        mine = on_raw.get(row["name"])
        if mine is not None and upscaled is not None:
            row["agreement"] = agreement(upscaled, mine).average_precision
        if mine is not None and true_labels is not None:
            row["accuracy"] = agreement(true_labels, mine).average_precision
    columns = [
        "name", "shape", "voxel_size", "factors", "bytes", "seconds_rescale", "seconds_segment", "peak_memory",
        "objects", "median_volume", "agreement", *(["accuracy"] if truth is not None else []), "remark",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table["objects"] = table["objects"].astype("Int64")
    table.attrs["units"] = {"median_volume": f"{length_unit(image)}^3", "peak_memory": "byte", "bytes": "byte"}
    if on_progress:
        on_progress(100, 100, "done")
    return Comparison(table, image, labels, truth, measured, sources)


def _in_memory(image: xr.DataArray, memory_limit: float | str | None) -> xr.DataArray:
    """The image, read if it is lazy: pictures and agreement need it whole."""
    if isinstance(image.data, np.ndarray) or not hasattr(image.data, "dask"):
        return image
    nbytes = image.size * image.dtype.itemsize
    mend = "Compare a part of it, for example image.isel(z=slice(0, 50))."
    memory.require(nbytes, memory_limit, "The image that is to be compared", mend)
    return image.compute()


def _has_source(image: xr.DataArray) -> bool:
    return isinstance(image.encoding.get("source"), str)


def _check(image: xr.DataArray) -> None:
    if set(image.dims) != set(SPATIAL):
        mend = (
            "Choose a time point with image.isel(t=…) (command line: --time)."
            if "t" in image.dims
            else "A single plane is segmented as it is, with voronoi_otsu_labeling (command line: isoscale-ij segment)."
        )
        raise ParameterError(
            f"Got an image with the axes {' '.join(map(str, image.dims))}; needed is one volume, z y x. {mend}"
        )
    missing = [axis for axis in SPATIAL if spacing(image, axis) is None]
    if missing or length_unit(image) is None:
        raise CalibrationError(
            f"The image has {'no voxel size on ' + ', '.join(missing) if missing else 'a voxel size without a unit'}. "
            "Set it with set_voxel_size (command line: isoscale-ij set-voxel-size)."
        )


def _ways(image: xr.DataArray, sizes: Sequence[LengthLike] | None) -> Iterator[_Way]:
    unit = length_unit(image)
    yield _Way("raw, voxel sigmas", None, in_voxels=True)
    yield _Way("raw, physical sigmas", None)
    for size in _default_sizes(image) if sizes is None else sizes:
        length = parse_length(size, "voxel_sizes")
        yield _Way(f"{length.value:g} {symbol(length.unit or unit)}", size)
    yield _Way("upscaled to x", "x")


def _default_sizes(image: xr.DataArray) -> list[float]:
    """1 and 2 µm where they lie between, or near, the sizes of x and z; otherwise sizes in proportion."""
    unit, sizes = length_unit(image), voxel_size(image)
    if is_length(unit):
        micrometer = convert(1.0, "micrometer", unit)
        if sizes["x"] < micrometer and sizes["z"] > micrometer / 4:
            return [micrometer, 2 * micrometer]
    middle = float(f"{np.sqrt(sizes['x'] * max(sizes.values())):.{_SIGNIFICANT}g}")
    return [middle, 2 * middle]


def _segment(
    image: xr.DataArray, way: _Way, sigmas: tuple[SigmaLike, SigmaLike], options: Mapping[str, Any],
    row: dict[str, Any], engine: str, memory_limit: float | str | None, on_progress: OnProgress | None,
) -> xr.DataArray:  # fmt: skip
    """One row: rescale, segment, and note what that took."""
    if way.in_voxels:
        spot, outline = (f"{resolve_sigmas(Grid.of(image), sigma, 'sigma').voxels[2]!r} px" for sigma in sigmas)
    else:
        spot, outline = sigmas  # type: ignore[assignment]
    plan = plan_rescale(image, way.target) if way.target is not None else plan_rescale(image, factor=1)
    row |= {
        "shape": plan.shape,
        "voxel_size": tuple(plan.voxel_size.values()),
        "factors": tuple(float(f"{factor:.5g}") for factor in plan.factors.values()),
        "bytes": plan.nbytes,
    }
    beside = 0 if way.target is None else plan.nbytes
    memory.require(
        beside + _BYTES_BESIDE_SCALED * int(np.prod(plan.shape)), memory_limit, f'The row "{way.name}"',
        "The raw grid with physical sigmas needs no more than the image.",
    )  # fmt: skip
    with memory.watched() as peak:
        begin = time.perf_counter()
        scaled = (
            image
            if way.target is None
            else rescale(image, way.target, engine=engine, memory_limit=memory_limit, on_progress=tell_nothing)
        )
        row["seconds_rescale"] = 0.0 if way.target is None else time.perf_counter() - begin
        begin = time.perf_counter()
        with remarks.heard() as heard:
            labels = voronoi_otsu_labeling(
                scaled, spot_sigma=spot, outline_sigma=outline, **options, engine=engine, on_progress=on_progress,
                memory_limit=memory_limit,
            )  # fmt: skip
        row["seconds_segment"] = time.perf_counter() - begin
    row["peak_memory"] = peak.bytes
    if heard:
        row["remark"] = " ".join(map(str, heard))
    return labels


def _part(on_progress: OnProgress | None, number: int, count: int, name: str) -> Callable[[int, int, str], None] | None:
    if on_progress is None:
        return None
    return lambda done, total, step: on_progress(int((number + done / total) / count * 100), 100, f"{name}: {step}")

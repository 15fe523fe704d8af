"""One row per label, in physical units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.carrying import takes_images
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.protocol import Tally
from isoscale_ij.errors import ParameterError
from isoscale_ij.execution.chunks.readers import is_lazy
from isoscale_ij.execution.places import slices_of, taken
from isoscale_ij.image.axes import SPATIAL, channel_names
from isoscale_ij.image.calibration import as_image, axis_unit, is_labels, length_unit, spacing
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.labels import as_integers
from isoscale_ij.image.units import Length
from isoscale_ij.operations.label_sums import label_sums, scattered
from isoscale_ij.operations.shapes import principal_axes, sphericity, whole_weights
from isoscale_ij.remarks import Remark

if TYPE_CHECKING:
    import pandas as pd

_SAME, _APART = 1e-3, 0.75  # of a voxel: sizes differ, and places, half a voxel being a common misunderstanding
_COLUMNS = 30  # of a table, at most, without intensities
_PER_CHANNEL = 5
_DONE: NDArray[Any] = np.empty(0, np.int32)


@dataclass(frozen=True)
class _Place:
    """An axis in space, and where its voxels are."""

    axis: str
    column: int  # of the sums
    count: int
    size: float  # 1 without calibration
    first: float  # the position of the first centre; 0 without calibration
    calibrated: bool


@takes_images("labels", "image")
def measure(
    labels: Any, image: Any | None = None, *, engine: str = "auto", memory_limit: float | str | None = None
) -> pd.DataFrame:
    """Size, place and brightness of each label.

    Parameters
    ----------
    labels : DataArray or array_like of int
        A label image, 2D or 3D, with or without t; 0 is background. Whole numbers of a real type are taken as well.
    image : DataArray or array_like, optional
        Intensities on the same grid, with or without c, for the mean intensities.
    engine : {"auto", "cpu", "opencl"}
        What to compute with.
    memory_limit : float or str, optional
        Bytes, or as ``"2 GB"``; by default a share of the machine's free memory. What is needed follows how
        many labels there are: some 300 bytes each.

    Returns
    -------
    DataFrame
        One row per label and time point. Columns: ``label``, ``t`` (index of the time point),
        ``n_voxels``, ``volume`` (2D: ``area``), ``equivalent_diameter`` (of the ball
        or disk of that size), ``centroid_z``, ``centroid_y``, ``centroid_x``; ``min_z`` … ``max_x``
        (the box that the voxels fill, edge to edge), ``n_slices`` (3D), ``touches_border``;
        ``surface_area`` and ``sphericity`` (2D: ``perimeter`` and ``circularity``), ``axis_1_length`` … and their
        directions ``axis_1_z``, ``axis_1_y``, ``axis_1_x`` …, longest axis first;
        ``mean_intensity``, ``max_intensity``, ``min_intensity``, ``std_intensity``, ``total_intensity`` or, for several
        channels, ``mean_intensity_NAME`` and so on.
        Lengths are in the unit of the image, positions as in its coordinates; without calibration in
        voxels, counted from the centre of the first. ``attrs["units"]`` maps columns to units.

    Raises
    ------
    ParameterError
        If `labels` are no whole numbers, are negative, `image` has another shape or voxel size, or the two are
        swapped.
    MemoryLimitError
        If the table would need more memory than allowed.

    Warns
    -----
    UserWarning
        If `labels` look like grey values, have a voxel size on some axes only, or `image` lies elsewhere.

    Notes
    -----
    An object counts as touching the border in z only where there is more than one slice.

    Volumes, surfaces and lengths are in voxels unless every axis of z, y, x has a voxel size. Intensities of an object
    that holds a NaN are NaN.

    Surfaces are by Crofton's formula: from how often lines in 13 directions (in the plane, 4) leave the object, each
    direction weighed by the part of the sphere that it stands for on this grid. Balls come out within 3 %, where
    marching cubes around the same voxels give up to 10 % too much on an isotropic grid and 23 % where voxels are six
    times as long as wide. What the image's border cuts off is closed there. Sphericity is the surface of the ball of
    the same volume divided by the object's, and may come out a little above 1 for what is round; circularity is
    4π area / perimeter².

    Axes are those of the ellipsoid with the same second moments of voxel centres, as of scikit-image, full lengths.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.zeros((4, 10, 10), np.int32)
    >>> values[1:3, 2:6, 2:6] = 1
    >>> table = measure(as_image(values, voxel_size=(2, 1, 1), unit="um"))
    >>> float(table.volume[0]), float(table.centroid_z[0]), table.attrs["units"]["volume"]
    (64.0, 4.0, 'micrometer^3')
    """
    import pandas as pd

    labels = as_image(labels)
    image = None if image is None else as_image(image)
    _check_order(labels, image)
    if labels.dtype.kind not in "iuf" or "c" in labels.dims:
        raise ParameterError(
            f"Got labels of type {labels.dtype} with the axes {' '.join(map(str, labels.dims))}; "
            "needed are integers without c."
        )
    channels, places = _channels(labels, image), _places(labels)
    remarks.warn_of([*_of_calibration(places), *([] if image is None else _of_grids(labels, image))])
    sizes = _sizes(places)
    weights, unit = whole_weights(sizes)
    grey = False
    parts: list[dict[str, Any]] = []
    for t in range(labels.sizes.get("t", 1)):
        stored = _volume(labels, t)
        values = as_integers(stored)
        beside = 0 if values is stored else values.nbytes
        intensities = [_volume(channel, t) for channel in channels.values()]
        origins = [origin if np.isfinite(origin := float(each[0].flat[0])) else 0.0 for each in intensities]
        present, sums = label_sums(
            values, intensities, origins, weights, get_engine(engine), _COLUMNS + _PER_CHANNEL * len(channels),
            memory_limit, beside,
        )  # fmt: skip
        grey = grey or scattered(sums, (*(1,) * (3 - len(places)), *(place.count for place in places)))
        shapes = _shapes(places, sizes, sums, unit)
        sums = replace(
            sums, product_sums=_DONE, exposure=_DONE
        )  # of millions of labels, all sums and the table are too much at once
        centroids = _centroids(places, sums)
        sums = replace(sums, index_sums=_DONE)
        boxes = _boxes(places, sums)
        sums = replace(sums, lowest=_DONE, highest=_DONE, n_slices=_DONE)
        columns = _first_columns(sizes, t, present, sums) | centroids | boxes | shapes
        for channel, (name, origin) in enumerate(zip(channels, origins, strict=True)):
            columns |= _brightness(sums, channel, name, origin)
        parts.append(columns)
        del sums, columns, centroids, boxes, shapes
    # Column by column, and never copied again: of millions of labels the table is what takes the memory.
    table = pd.DataFrame({name: _joined([part.pop(name) for part in parts]) for name in list(parts[0])}, copy=False)
    table.attrs["units"] = _units(labels, places)
    if grey:
        remarks.warn(
            "What was given as labels looks like grey values, and each of them was counted as an object. Labels come "
            "first: measure(labels, image) (command line: isoscale-ij measure LABELS IMAGE)."
        )
    return table


def _check_order(labels: xr.DataArray, image: xr.DataArray | None) -> None:
    """Refuse two arguments that are swapped."""
    if image is not None and is_labels(image) and not is_labels(labels):
        raise ParameterError(
            "Got an image first and labels second; needed are the labels first: measure(labels, image) (command line: "
            "isoscale-ij measure LABELS IMAGE)."
        )


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _channels(labels: xr.DataArray, image: xr.DataArray | None) -> dict[str, xr.DataArray]:
    """The intensities by the end of their columns' names."""
    if image is None:
        return {}
    sizes = {axis: size for axis, size in image.sizes.items() if axis != "c"}
    if sizes != dict(labels.sizes):
        raise ParameterError(
            f"Got labels of {dict(labels.sizes)} and an image of {sizes}; needed is the same grid. "
            "Rescale the one like the other."
        )
    names = channel_names(image)
    if not names:
        return {"intensity": image}
    if len(names) == 1:
        return {"intensity": _at(image, 0)}
    if len(set(names)) < len(names):  # no channel may take the column of another
        names = [f"{name}_{index}" for index, name in enumerate(names)]
    return {f"intensity_{name}": _at(image, index) for index, name in enumerate(names)}


def _of_calibration(places: list[_Place]) -> list[Remark]:
    """What is said of labels that have a voxel size on some axes."""
    missing = [place.axis for place in places if not place.calibrated]
    if len(missing) in (0, len(places)):
        return []
    return [
        Remark(
            f"The labels have no voxel size in {', '.join(missing)}: volumes, surfaces and lengths are in voxels, "
            "positions on the other axes in their unit. Set it with set_voxel_size (command line: set-voxel-size)."
        )
    ]


def _of_grids(labels: xr.DataArray, image: xr.DataArray) -> list[Remark]:
    """What is said of an image that lies elsewhere than the labels; an error if its voxels have another size."""
    ours, theirs = Grid.of(labels), Grid.of(image)
    for axis, what, own, other in ours.differences(theirs, size=_SAME, place=_APART):
        unit = ours.units[axis]
        if axis in SPATIAL and what == "size":
            raise ParameterError(
                f"Got labels with a voxel size of {Length(own, unit)} in {axis} and an image with "
                f"{Length(theirs.spacings[axis], theirs.units[axis])}; needed is the same. Set the right one on both "
                "with set_voxel_size (command line: set-voxel-size), or rescale the one like the other."
            )
        if axis in SPATIAL:
            return [
                Remark(
                    f"The image begins {Length(other - own, unit)} from where the labels begin in {axis}, and voxels "
                    "were taken together by their numbers; positions are those of the labels. Is it the right image?"
                )
            ]
    return []


def _at(image: xr.DataArray, channel: int) -> xr.DataArray:
    """One channel; of a lazy image, what reads it stays known."""
    chosen = image.isel(c=channel)
    return chosen.copy(data=taken(image.data, image.dims.index("c"), channel)) if is_lazy(image.data) else chosen


def _volume(image: xr.DataArray, t: int) -> Any:
    """A volume (z, y, x); of a lazy image, slice by slice."""
    if is_lazy(image.data):
        return slices_of(image.data, (t,) if "t" in image.dims else (), has_z="z" in image.dims)
    values = np.asarray(image.data[t] if "t" in image.dims else image.data)
    return values if "z" in image.dims else values[np.newaxis]


def _places(labels: xr.DataArray) -> list[_Place]:
    """The axes in space, z first."""
    places = []
    for axis in SPATIAL:
        if axis in labels.dims:
            size = spacing(labels, axis)
            first = 0.0 if size is None else float(labels.coords[axis].to_numpy()[0])
            places.append(
                _Place(axis, SPATIAL.index(axis), labels.sizes[axis], size or 1.0, first, calibrated=size is not None)
            )
    return places


def _sizes(places: list[_Place]) -> list[float]:
    """Voxel sizes that volumes, surfaces and lengths are worked out with: 1 on all axes, unless all have one."""
    return [place.size if all(each.calibrated for each in places) else 1.0 for place in places]


def _shapes(places: list[_Place], sizes: list[float], sums: Tally, unit: float) -> dict[str, NDArray[Any]]:
    area = sums.exposure.astype(np.float64) * unit
    round_ = sphericity(area, sums.n_voxels * np.prod(sizes), len(sizes))
    names = ("surface_area", "sphericity") if len(sizes) == 3 else ("perimeter", "circularity")
    columns = dict(zip(names, (area, round_ if len(sizes) == 3 else round_**2), strict=True))
    lengths, directions = principal_axes(sums.n_voxels, sums.index_sums, sums.product_sums, sizes)
    for number in range(len(sizes)):
        columns[f"axis_{number + 1}_length"] = lengths[number]
        for column, place in enumerate(places):
            columns[f"axis_{number + 1}_{place.axis}"] = directions[number, column]
    return columns


def _brightness(sums: Tally, channel: int, name: str, origin: float) -> dict[str, NDArray[Any]]:
    total = sums.intensity_sums[channel]
    mean = total / sums.n_voxels
    with np.errstate(invalid="ignore"):  # of what is not finite
        variance = sums.intensity_squares[channel] / sums.n_voxels - (mean - origin) ** 2
    no_number = np.isnan(total)
    return {
        f"mean_{name}": mean,
        f"max_{name}": np.where(no_number, np.nan, sums.intensity_highest[channel]),
        f"min_{name}": np.where(no_number, np.nan, sums.intensity_lowest[channel]),
        f"std_{name}": np.sqrt(np.clip(variance, 0, None)),
        f"total_{name}": total.copy(),
    }


def _first_columns(
    sizes: list[float], t: int, present: NDArray[np.integer], sums: Tally
) -> dict[str, NDArray[Any]]:  # fmt: skip
    count = sums.n_voxels
    content = count * np.prod(sizes)
    flat = len(sizes) == 2
    label = present if present.dtype == np.uint64 else present.astype(np.int64, copy=False)
    columns: dict[str, NDArray[Any]] = {"label": label, "t": np.full(len(present), t), "n_voxels": count}
    columns["area" if flat else "volume"] = content
    columns["equivalent_diameter"] = 2 * np.sqrt(content / np.pi) if flat else 2 * np.cbrt(content * 3 / (4 * np.pi))
    return columns


def _centroids(places: list[_Place], sums: Tally) -> dict[str, NDArray[Any]]:
    return {
        f"centroid_{place.axis}": place.first + sums.index_sums[:, place.column] / sums.n_voxels * place.size
        for place in places
    }


def _boxes(places: list[_Place], sums: Tally) -> dict[str, NDArray[Any]]:
    """From where to where each label goes, through how many slices, and whether that is the image's border."""
    columns: dict[str, NDArray[Any]] = {}
    border = np.zeros(len(sums.n_voxels), bool)
    for place in places:
        lowest, highest = sums.lowest[:, place.column], sums.highest[:, place.column]
        columns[f"min_{place.axis}"] = place.first + (lowest - 0.5) * place.size
        columns[f"max_{place.axis}"] = place.first + (highest + 0.5) * place.size
        if place.count > 1:
            border |= (lowest == 0) | (highest == place.count - 1)
    if len(places) == 3:
        columns["n_slices"] = sums.n_slices.astype(np.int64)
    return columns | {"touches_border": border}


def _units(labels: xr.DataArray, places: list[_Place]) -> dict[str, str]:
    """The unit of each column that has one."""
    calibrated = all(place.calibrated for place in places)
    unit = (length_unit(labels) or "unknown") if calibrated else "voxel"
    power = len(places)
    units = {"area" if power == 2 else "volume": f"{unit}^{power}", "equivalent_diameter": unit}
    units |= {"perimeter": unit} if power == 2 else {"surface_area": f"{unit}^2"}
    units |= {f"axis_{number}_length": unit for number in range(1, power + 1)}
    for place in places:
        own = (axis_unit(labels, place.axis) or "unknown") if place.calibrated else "voxel"
        units |= {f"{what}_{place.axis}": own for what in ("centroid", "min", "max")}
    return units

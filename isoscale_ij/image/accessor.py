"""``image.iso``: the functions of the package on a DataArray, where a notebook's completion finds them.

xarray learns of it with the first image: what makes a DataArray, or is given one, loads this module.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

import isoscale_ij
from isoscale_ij import hypertext
from isoscale_ij.errors import IsoscaleError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@xr.register_dataarray_accessor("iso")  # type: ignore[no-untyped-call]
class Iso:
    """What isoscale_ij does with this image; see the functions of the same names.

    Examples
    --------
    >>> image, _ = isoscale_ij.sample(shape=(8, 64, 64))
    >>> image.iso.voxel_size["z"]
    1.5
    >>> image.iso.rescale(1.0).iso.info().shape
    (12, 10, 10)
    """

    def __init__(self, image: xr.DataArray) -> None:
        self._image = image

    def __repr__(self) -> str:
        """What :meth:`info` prints; why not, of an array that is no image."""
        try:
            return str(self.info())
        except IsoscaleError as error:
            return f"<no image: {error}>"

    def _repr_html_(self) -> str | None:
        """What it is, and a small picture of it where its values are in memory."""
        try:
            about = self.info()._repr_html_()
        except IsoscaleError:
            return None  # a notebook then shows the text
        if not isinstance(self._image.data, np.ndarray):
            return about
        draw = resolve_name("isoscale_ij.comparison.figures:thumbnail")
        return about + hypertext.picture(draw(self._image), "sections through the middle")

    @property
    def voxel_size(self) -> dict[str, float]:
        """Voxel size of z, y and x: :func:`isoscale_ij.voxel_size`."""
        return isoscale_ij.voxel_size(isoscale_ij.as_image(self._image))

    def info(self) -> isoscale_ij.ImageInfo:
        """Shape, type and calibration: :func:`isoscale_ij.info`."""
        return isoscale_ij.info(self._image)

    def set_voxel_size(self, **options: Any) -> xr.DataArray:
        """The same voxels with another calibration: :func:`isoscale_ij.set_voxel_size`."""
        return isoscale_ij.set_voxel_size(self._image, **options)

    def plan_rescale(self, voxel_size: Any = None, **options: Any) -> isoscale_ij.RescalePlan:
        """What rescaling would give: :func:`isoscale_ij.plan_rescale`."""
        return isoscale_ij.plan_rescale(self._image, voxel_size, **options)

    def rescale(self, voxel_size: Any = None, **options: Any) -> xr.DataArray:
        """On voxels of another size: :func:`isoscale_ij.rescale`."""
        return isoscale_ij.rescale(self._image, voxel_size, **options)

    def vol(self, **options: Any) -> xr.DataArray:
        """Labels of bright, round objects: :func:`isoscale_ij.voronoi_otsu_labeling`."""
        return isoscale_ij.vol(self._image, **options)

    voronoi_otsu_labeling = vol

    def suggest_sigmas(self, **options: Any) -> isoscale_ij.Suggestion:
        """What sigmas to try first: :func:`isoscale_ij.suggest_sigmas`."""
        return isoscale_ij.suggest_sigmas(self._image, **options)

    def measure(self, image: Any | None = None, **options: Any) -> pd.DataFrame:
        """One row per label of this label image: :func:`isoscale_ij.measure`."""
        return isoscale_ij.measure(self._image, image, **options)

    def compare(self, **options: Any) -> isoscale_ij.Comparison:
        """The same segmentation on several grids: :func:`isoscale_ij.compare`."""
        return isoscale_ij.compare(self._image, **options)

    def write(self, path: Any, **options: Any) -> None:
        """Into a file: :func:`isoscale_ij.write`."""
        isoscale_ij.write(path, self._image, **options)

    def show(self, labels: Any | None = None, **options: Any) -> Figure:
        """A picture at true proportions, with the outlines of labels: ``comparison.figures.show``."""
        draw = resolve_name("isoscale_ij.comparison.figures:show")  # loaded here, and above this room
        picture: Figure = draw(self._image, labels, **options)
        return picture

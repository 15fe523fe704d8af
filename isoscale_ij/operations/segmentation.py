"""Voronoi-Otsu-Labeling in physical units, on the image's own grid: the public function.

References
----------
Voronoi-Otsu-Labeling: R. Haase, clEsperanto (https://clij.github.io).
"""

from __future__ import annotations

from typing import Any

import xarray as xr

from isoscale_ij import remarks
from isoscale_ij.carrying import takes_images
from isoscale_ij.image.calibration import as_image
from isoscale_ij.operations.choices import Borders, Threshold
from isoscale_ij.operations.labelling import SegmentationWarning, labelled
from isoscale_ij.operations.sigmas import SigmaLike
from isoscale_ij.operations.suggestion import resolved
from isoscale_ij.progress import OnProgress

__all__ = ["SegmentationWarning", "vol", "voronoi_otsu_labeling"]


@takes_images("image")
def voronoi_otsu_labeling(
    image: Any,
    *,
    spot_sigma: SigmaLike,
    outline_sigma: SigmaLike,
    threshold: float | Threshold = "otsu",
    borders: Borders = "distance",
    elongation: float = 1.0,
    channel: str | int | None = None,
    engine: str = "auto",
    on_progress: OnProgress | None = None,
    memory_limit: float | str | None = None,
) -> xr.DataArray:
    """Label bright, round objects, such as nuclei (Voronoi-Otsu-Labeling, VOL).

    1. *Mask*: what is strictly above Otsu's threshold after a Gaussian blur with `outline_sigma`.
    2. *Seeds*: the local maxima, in the mask, after a Gaussian blur with `spot_sigma`. A plateau is
       one seed. Where an axis is too coarse for the spot sigma (less than half a voxel; or less than
       two, where its voxels are five times as long as the shortest), maxima are sought between
       the voxels, in the linearly interpolated image.
    3. *Labels*: each mask voxel takes the nearest seed, by true distance; at a tie the lower label.
       Every label is one piece with its seed in it: a part cut off goes to the neighbouring label
       that it shares most faces with; what touches no part with a seed is background.

    The image is segmented as it is: there is no need to rescale it first. Each time point is
    segmented on its own.

    Parameters
    ----------
    image : DataArray or array_like
        2D or 3D, with or without t and c; see :func:`as_image`.
    spot_sigma : length, mapping or sequence
        About half the radius of an object: a larger one finds fewer and larger objects, one that is too large none.
        In the image's unit (``2.0``), with a unit (``"2 um"``, ``"10 px"``), or for each axis. Or ``"auto"``: what
        :func:`suggest_sigmas` suggests.
    outline_sigma : length, mapping or sequence
        How smooth outlines are; less than `spot_sigma`. ``"auto"``: half of that.
    threshold : {"otsu", "local"} or float
        ``"otsu"``: one for the whole image. ``"local"``: one for each object, so that dim objects beside bright ones
        keep their size; see Notes. Or a grey value of the blurred image.
    borders : {"distance", "light"}
        Where objects touch: half way between their seeds, or along the dark valleys between them; see Notes.
    elongation : float
        How much longer than wide objects look along z, as light spreads farther there: `outline_sigma` is so many times
        as long in z. Seeds and distances stay as they are. ``outline_sigma={"z": …, "y": …, "x": …}`` says the same.
    channel : str or int, optional
        Which channel to segment; needed where there are several.
    engine : {"auto", "cpu", "opencl"}
        What to compute with; ``"auto"`` takes a GPU where there is one and the image is large. What goes in chunks is
        computed on the processor.
    on_progress : callable, optional
        Called with (done, total, step); cancels by raising :class:`Cancelled`.
    memory_limit : float or str, optional
        Bytes, or as ``"2 GB"``; by default a share of the machine's free memory.

    Returns
    -------
    DataArray of int32
        Labels 1 … N without gaps in the order of their seeds (z, then y, then x), 0 for background;
        on the grid of `image`, without c. ``attrs`` holds ``kind="labels"``, the threshold (one for
        each time point) and the sigmas.

    Raises
    ------
    CalibrationError
        If a sigma is physical and the image has no voxel size or unit.
    ParameterError
        For negative sigmas and ones larger than the image, values that are NaN or infinite, an
        unknown channel, a label image.
    MemoryLimitError
        If the work would need more memory than allowed.

    Warns
    -----
    SegmentationWarning
        If the image is constant, no object is found, less than 0.1 % or more than 40 % of it is foreground, a few
        outliers hold most of its range; if of ten objects or more one holds most of the foreground, or one is five
        times as bright as the middling one (with one threshold for all), or if of twenty or more nearly all touch
        the border.

    Notes
    -----
    With both sigmas in voxels, distances are measured in voxels. The mask's threshold is the centre
    of the winning one of 256 bins from the lowest to the highest value.

    With ``threshold="local"``, b is the image after the blur with `outline_sigma`, T Otsu's threshold, and the
    background g the median of b where it is below T (to 1/65536 of that range). The mask is where
    b > g + 0.5 (T - g). Of the labels that steps 2 and 3 give then, those whose peak in b is not above T go. Of the
    others what is above g + 0.3 (peak - g) stays, as far as it hangs together with the seed; a label whose seed
    is not above that goes. The share 0.5 decides how dim a rim may be before objects are told apart, 0.3 where an
    object ends between the background and its peak: half the height of an edge, made lower by what the
    blur takes off the peak of a small object.

    With ``borders="light"``, step 3 floods the mask from the seeds, the brightest voxels of b first (a watershed). A
    voxel goes to the label of the neighbour, by faces, that is reached first; in a hollow, which fills at the level of
    its rim, to the label from which the way along faces is shortest in physical length, at a tie to the lower.

    Examples
    --------
    >>> import isoscale_ij
    >>> image, truth = isoscale_ij.sample(shape=(12, 96, 96), seed=1)
    >>> labels = voronoi_otsu_labeling(image, spot_sigma="1.8 um", outline_sigma="0.9 um")
    >>> labels.dtype.name, labels.attrs["kind"]
    ('int32', 'labels')
    """
    image = as_image(image)
    spot_sigma, outline_sigma = resolved(
        image, spot_sigma, outline_sigma, channel=channel, engine=engine, on_progress=on_progress,
        memory_limit=memory_limit,
    )  # fmt: skip
    labels, notes = labelled(
        image, spot_sigma=spot_sigma, outline_sigma=outline_sigma, threshold=threshold, borders=borders,
        elongation=elongation, channel=channel, engine=engine, on_progress=on_progress, memory_limit=memory_limit,
    )  # fmt: skip
    remarks.warn_of(notes)
    return labels


vol = voronoi_otsu_labeling

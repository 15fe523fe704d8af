"""What makes a segmentation doubtful, in sentences: what was seen, what may be the reason, what to do."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.execution.protocol import VolumeSteps
from isoscale_ij.operations.thresholds import BINS

FEW, _MANY = 0.001, 0.4  # shares of the voxels; less or more foreground than that is pointed out
_PEAKY = 8.0  # a range so many times that of the blurred image is looked at for outliers
_OUTLIERS = 1e-4  # the upper half of the range holds fewer of the voxels: some outliers made the range

_SOME, _SEVERAL = 10, 20  # objects; of fewer, what is usual cannot be said
_MOST = 0.5  # of the foreground in one object
_NEARLY_ALL = 0.9  # of the objects at the border
_FEW_LEFT = 3  # places that are left out; of fewer, nothing is said
_BRIGHT = 5.0  # times as high above the background as the middling object


def too_little_or_much(share: float, threshold: float, where: str, *, given: bool = False) -> str | None:
    """What is said if hardly anything, or too much, of an image is foreground; `given`: above the user's threshold."""
    if given and not FEW <= share <= _MANY:
        part, way = (f"Only {share:.3%}", "lower") if share < FEW else (f"{share:.0%}", "higher")
        return (
            f"{part} of the image{where} is above the threshold {threshold:.4g}, which was given; it is compared with "
            f"the blurred image. Give a {way} one, or otsu or local to have it found."
        )
    if share < FEW:
        return (
            f"Only {share:.3%} of the image{where} is above the threshold {threshold:.4g}. Is there a bright spot "
            "or a line of hot voxels? Remove it, or give the threshold yourself."
        )
    if share > _MANY:
        return (
            f"{share:.0%} of the image{where} is above the threshold {threshold:.4g}. Is part of it padded with "
            "zeros, or the background bright? Crop it, or give the threshold yourself."
        )
    return None


def outliers(steps: VolumeSteps, counts: NDArray[np.int64], limits: tuple[float, float], where: str) -> str | None:
    """What is said if few voxels hold half of the blurred image's range, or of the image's, if the blur hides them."""
    size = math.prod(steps.shape)
    upper = int(counts[BINS // 2 :].sum())
    if upper >= _OUTLIERS * size:
        blurred = limits[1] - limits[0]
        limits = steps.source_range()
        if limits[1] - limits[0] > _PEAKY * blurred:
            upper = steps.source_above(sum(limits) / 2)
    if upper >= _OUTLIERS * size:
        return None
    return (
        f"The values{where} go from {limits[0]:.5g} to {limits[1]:.5g}, but only {upper} of {size} voxels lie in "
        "the upper half of that range: a few outliers decide the result. Remove hot voxels first, for example "
        "with a median filter, or give the threshold yourself."
    )


def odd_sizes(sizes: NDArray[np.int64], touches: NDArray[np.bool_], where: str) -> list[str]:
    """What is said of the sizes of objects, and of how many touch the border; the first entries are background's."""
    count, largest = len(sizes) - 1, int(sizes.argmax())
    texts = []
    if count >= _SOME and sizes[largest] > _MOST * sizes.sum():
        texts.append(
            f"One object of {count}{where} (label {largest}) holds {sizes[largest] / sizes.sum():.0%} of the "
            "foreground. Have objects run together, or is the background bright on one side? Look at it, and try a "
            "smaller spot sigma or a higher threshold."
        )
    if count >= _SEVERAL and touches.sum() > _NEARLY_ALL * count:
        texts.append(
            f"{int(touches.sum())} of {count} objects{where} touch the border, so their sizes are not whole. Is the "
            "image cropped too closely, or the spot sigma too small?"
        )
    return texts


def left_out(candidates: int, kept: int, threshold: float, where: str) -> str | None:
    """What is said if most of what stands out from the background is dimmer than the threshold of the whole image."""
    left = candidates - kept
    if left < _FEW_LEFT or left <= kept:
        return None
    return (
        f"{left} of {candidates} places that stand out from the background{where} are nowhere above the threshold "
        f"{threshold:.4g} of the whole image, and were left out. If they are objects, give a lower threshold yourself."
    )


def too_bright(heights: NDArray[np.floating], ground: float, where: str) -> str | None:
    """What is said if one object is so bright that one threshold for all may miss the others."""
    if len(heights) < _SOME:
        return None
    brightest, middling = float(heights.max()) - ground, float(np.median(heights)) - ground
    if not brightest > _BRIGHT * middling > 0:
        return None
    return (
        f"The brightest object{where} is {brightest / middling:.0f} times as bright as the middling one: one threshold "
        'for all may miss dim ones. Try threshold="local", or give the threshold yourself.'
    )

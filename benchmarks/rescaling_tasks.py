"""Rescaling: ours, and that of scikit-image, OpenCV, torch, scipy and SimpleITK."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import ndimage
from subjects import Run

import isoscale_ij as iso


def rescale_ours(size: object, **options: object) -> Callable[[xr.DataArray], Run]:
    def prepare(image: xr.DataArray) -> Run:
        return lambda: iso.rescale(image, size, **options).values

    return prepare


def upscale_ours(image: xr.DataArray) -> Run:
    out = np.empty(iso.plan_rescale(image, "x").shape, image.dtype)
    return lambda: iso.rescale(image, "x", out=out).values


def skimage_resize(size: float) -> Callable[[xr.DataArray], Run]:
    def prepare(image: xr.DataArray) -> Run:
        from skimage.transform import resize

        shape = iso.plan_rescale(image, size).shape
        return lambda: resize(image.values, shape, order=1, anti_aliasing=True, preserve_range=True)

    return prepare


def opencv_resize(image: xr.DataArray) -> Run:
    """Slice by slice, means of areas; then along z, of which OpenCV knows nothing, as the rows of one picture."""
    import cv2

    depth, height, width = iso.plan_rescale(image, 1.0).shape

    def run() -> np.ndarray:
        small = np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in image.values])
        flat = small.reshape(len(small), -1)
        return cv2.resize(flat, (flat.shape[1], depth), interpolation=cv2.INTER_LINEAR).reshape(depth, height, width)

    return run


def torch_interpolate(image: xr.DataArray) -> Run:
    import torch

    shape = iso.plan_rescale(image, 1.0).shape

    def run() -> np.ndarray:
        slices = torch.from_numpy(image.values.astype(np.float32))[:, None]
        small = torch.nn.functional.interpolate(slices, size=shape[1:], mode="bilinear", antialias=True)
        deep = small[:, 0].permute(1, 2, 0).reshape(1, -1, 1, image.shape[0])
        along_z = torch.nn.functional.interpolate(deep, size=(1, shape[0]), mode="bilinear")
        return along_z.reshape(shape[1], shape[2], shape[0]).permute(2, 0, 1).numpy()

    return run


def scipy_zoom(image: xr.DataArray) -> Run:
    shape = iso.plan_rescale(image, "x").shape
    factors = [new / old for new, old in zip(shape, image.shape, strict=True)]
    out = np.empty(shape, image.dtype)
    return lambda: ndimage.zoom(image.values, factors, order=1, grid_mode=True, mode="nearest", output=out)


def simpleitk_resample(image: xr.DataArray) -> Run:
    import SimpleITK

    plan = iso.plan_rescale(image, "x")
    source = SimpleITK.GetImageFromArray(image.values)
    source.SetSpacing(tuple(iso.voxel_size(image).values())[::-1])
    new = tuple(plan.voxel_size.values())[::-1]
    kept = []  # a view does not keep its image alive

    def run() -> np.ndarray:
        filtered = SimpleITK.Resample(
            source, [int(n) for n in plan.shape[::-1]], SimpleITK.Transform(), SimpleITK.sitkLinear,
            tuple((b - a) / 2 for a, b in zip(source.GetSpacing(), new, strict=True)), new,
        )  # fmt: skip
        kept[:] = [filtered]
        return SimpleITK.GetArrayViewFromImage(filtered)

    return run

"""What is compared: for each task, our way, a peer's way, and how well their results agree."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij.operations.agreement import agreement

SPOT, OUTLINE = 1.8, 0.9  # µm
_COLUMNS = (  # of regionprops_table
    "label", "area", "equivalent_diameter_area", "centroid", "bbox", "inertia_tensor_eigvals", "intensity_mean",
    "intensity_max", "intensity_min", "intensity_std",
)  # fmt: skip
_STACK_BYTES = 2 * 200 * 1024 * 1024
FULL, QUARTER = (66, 512, 1024), (66, 256, 512)

Run = Callable[[], Any]


def volume(*, quick: bool) -> xr.DataArray:
    """The synthetic volume that all tasks work on."""
    image, _ = iso.sample(shape=QUARTER if quick else FULL, seed=7, n_objects=105 if quick else 420)
    return image


@dataclass(frozen=True)
class Task:
    """One comparison. `ours` and `peer` prepare; what they return is what is timed."""

    name: str
    peer_name: str
    target: str  # the ratio to reach
    ours: Callable[[xr.DataArray], Run]
    peer: Callable[[xr.DataArray], Run]
    agreement: Callable[[np.ndarray, np.ndarray], str]
    writes_into: bool = False  # the result is written into memory that is there already
    bytes_moved: int = 0  # in and out, where it is not the volume that is worked on


WRONG = "DISAGREE:"  # begins what is said of results that are not the same thing; such a ratio does not count
_ALIKE, _SAME = 0.05, 0.9  # of the range on average; average precision


def _close(mine: np.ndarray, theirs: np.ndarray) -> str:
    """Largest and mean difference, in shares of the range, away from the edges."""
    if mine.shape != theirs.shape:
        return f"{WRONG} another shape, {theirs.shape}"
    core = tuple(slice(n // 8, -(n // 8) or None) for n in mine.shape)
    a, b = mine[core].astype(np.float32), theirs[core].astype(np.float32)
    span = float(np.ptp(a))
    share = np.abs(a - b).mean() / span
    return f"{'' if share < _ALIKE else WRONG + ' '}differ by {share:.1e} of the range on average"


def _same_objects(mine: np.ndarray, theirs: np.ndarray) -> str:
    found = agreement(theirs.astype(np.int32), mine)
    score = found.average_precision
    verdict = "" if score > _SAME else WRONG + " "
    return f"{verdict}AP@0.5 {score:.3f}; {mine.max()} and {len(np.unique(theirs)) - 1} objects"


def _objects_only(mine: np.ndarray, theirs: np.ndarray) -> str:
    return f"{mine.max()} and {len(np.unique(theirs)) - 1} objects"


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


def vol_ours(**options: Any) -> Callable[[xr.DataArray], Run]:
    return lambda image: lambda: iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE, **options).values


def vol_in_voxels_ours(image: xr.DataArray) -> Run:
    return lambda: iso.vol(image, spot_sigma="10 px", outline_sigma="5 px").values


def vol_written_straight(image: xr.DataArray) -> Run:
    """The same with scikit-image and scipy's anisotropic distance transform, as one would write it."""

    def run() -> np.ndarray:
        spacing, outline, spots = _blurred(image)
        return _nearest(*_seeds(spots, outline > _otsu(outline)), spacing)

    return run


def local_written_straight(image: xr.DataArray) -> Run:
    """A threshold for each object, likewise."""
    from skimage.measure import label

    def run() -> np.ndarray:
        spacing, outline, spots = _blurred(image)
        threshold = _otsu(outline)
        ground = np.median(outline[outline <= threshold])
        seeds, mask = _seeds(spots, outline > ground + 0.5 * (threshold - ground))
        labels = _nearest(seeds, mask, spacing)
        peaks = ndimage.maximum(outline, labels, np.arange(labels.max() + 1))
        limits = np.where(peaks > threshold, ground + 0.3 * (peaks - ground), np.inf)
        labels[outline <= limits[labels]] = 0
        pieces = label(labels, connectivity=1)
        kept = np.zeros(pieces.max() + 1, bool)
        kept[pieces[seeds > 0]] = True
        kept[0] = False
        return np.where(kept[pieces], labels, 0)

    return run


def light_written_straight(image: xr.DataArray) -> Run:
    """Borders that follow the light: scikit-image's watershed from the seeds."""
    from skimage.segmentation import watershed

    def run() -> np.ndarray:
        _, outline, spots = _blurred(image)
        seeds, mask = _seeds(spots, outline > _otsu(outline))
        return np.asarray(watershed(-outline, seeds, mask=mask))

    return run


def _blurred(image: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The voxel size, and the image after both blurs."""
    spacing = np.array(list(iso.voxel_size(image).values()))
    values = image.values.astype(np.float32)
    outline, spots = (ndimage.gaussian_filter(values, sigma / spacing, mode="nearest") for sigma in (OUTLINE, SPOT))
    return spacing, outline, spots


def _otsu(values: np.ndarray) -> float:
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(values))


def _seeds(spots: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from skimage.measure import label
    from skimage.morphology import local_maxima

    return label(local_maxima(spots) & mask), mask


def _nearest(seeds: np.ndarray, mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    nearest = ndimage.distance_transform_edt(seeds == 0, sampling=spacing, return_distances=False, return_indices=True)
    return np.where(mask, seeds[tuple(nearest)], 0)


def measure_ours(image: xr.DataArray) -> Run:
    labels = iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE)
    return lambda: iso.measure(labels, image)


def regionprops_table(image: xr.DataArray) -> Run:
    """The columns of `measure` that scikit-image has; it has neither surfaces nor principal axes on such a grid."""
    from skimage import measure

    labels = iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE)
    spacing = tuple(iso.voxel_size(image).values())
    return lambda: measure.regionprops_table(labels.values, image.values, _COLUMNS, spacing=spacing)


def regionprops_with_surfaces(image: xr.DataArray) -> Run:
    """The same, and the surface of each object: by marching cubes, which is the way there is in scikit-image."""
    from skimage import measure

    labels = iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE)
    spacing = tuple(iso.voxel_size(image).values())

    def surface_area(mask: np.ndarray) -> float:
        vertices, faces, *_ = measure.marching_cubes(np.pad(mask, 1).astype(np.uint8), 0.5, spacing=spacing)
        return float(measure.mesh_surface_area(vertices, faces))

    return lambda: measure.regionprops_table(
        labels.values, image.values, _COLUMNS, spacing=spacing, extra_properties=(surface_area,)
    )


def _nsbatwm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import napari_segment_blobs_and_things_with_membranes as nsbatwm
    return nsbatwm


def nsbatwm_in_voxels(image: xr.DataArray) -> Run:
    nsbatwm = _nsbatwm()
    return lambda: np.asarray(nsbatwm.voronoi_otsu_labeling(image.values, spot_sigma=10, outline_sigma=5))


def upscale_then_nsbatwm(image: xr.DataArray) -> Run:
    nsbatwm = _nsbatwm()
    shape = iso.plan_rescale(image, "x").shape
    size = iso.voxel_size(image)["x"]

    def run() -> np.ndarray:
        factors = [new / old for new, old in zip(shape, image.shape, strict=True)]
        upscaled = ndimage.zoom(image.values, factors, order=1, grid_mode=True, mode="nearest")
        return np.asarray(nsbatwm.voronoi_otsu_labeling(upscaled, spot_sigma=SPOT / size, outline_sigma=OUTLINE / size))

    return run


def _same_table(mine: Any, theirs: Any) -> str:
    volumes, means = (
        np.allclose(mine["volume"], theirs["area"]),
        np.allclose(mine.mean_intensity, theirs["intensity_mean"]),
    )
    return f"{len(mine)} objects, volumes and means alike" if volumes and means else f"{WRONG} other volumes or means"


def _imagej() -> Any:
    return iso.imagej.start(max_heap="6 GB")


def _stack() -> xr.DataArray:
    """200 planes of 1024 x 1024, uint16."""
    values = np.random.default_rng(0).integers(0, 60_000, (200, 1024, 1024), np.uint16)
    return iso.as_image(values, "zyx", voxel_size=(1.5, 0.16, 0.16), unit="um")


def imageplus_ours(_: xr.DataArray) -> Run:
    _imagej()
    image = _stack()
    return lambda: iso.imagej.to_imageplus(image)


def imageplus_by_assignment(_: xr.DataArray) -> Run:
    """New Java arrays, and values assigned to them, as pyimagej's copies are made."""
    import jpype

    _imagej()
    values = _stack().values.view(np.int16)

    def run() -> Any:
        stack = jpype.JClass("ij.ImageStack")(1024, 1024)
        for plane in values:
            array = jpype.JArray(jpype.JShort)(plane.size)
            array[:] = plane.reshape(-1)
            stack.addSlice(None, array)
        return stack

    return run


def java_arrays_ours(_: xr.DataArray) -> Run:
    from isoscale_ij.imagej import pixels

    return _into_java_arrays(pixels.fill)


def java_arrays_by_assignment(_: xr.DataArray) -> Run:
    return _into_java_arrays(lambda array, plane: array.__setitem__(slice(None), plane.view(np.int16).reshape(-1)))


def _into_java_arrays(copy: Callable[[Any, np.ndarray], object]) -> Run:
    values, arrays = _java_arrays()

    def run() -> Any:
        for array, plane in zip(arrays, values, strict=True):
            copy(array, plane)
        return values

    return run


def _java_arrays() -> Any:
    import jpype

    _imagej()
    values = _stack().values
    return values, [jpype.JArray(jpype.JShort)(plane.size) for plane in values]


def image_ours(_: xr.DataArray) -> Run:
    _imagej()
    imp = iso.imagej.to_imageplus(_stack())
    return lambda: iso.imagej.from_imageplus(imp).values


def image_by_asarray(_: xr.DataArray) -> Run:
    """What JPype gives, gathered."""
    _imagej()
    stack = iso.imagej.to_imageplus(_stack()).getStack()
    return lambda: np.stack([np.asarray(stack.getPixels(index + 1)) for index in range(stack.size())])


def scale_of_imagej(image: xr.DataArray) -> Run:
    """ImageJ's Scale…, with averaging, on an image that is in ImageJ already."""
    import jpype

    _imagej()
    imp, shape = iso.imagej.to_imageplus(image), iso.plan_rescale(image, 1.0).shape
    scaler = jpype.JClass("ij.plugin.Scaler")

    def run() -> np.ndarray:
        scaled = scaler.resize(imp, shape[2], shape[1], shape[0], "bilinear average")
        return iso.imagej.from_imageplus(scaled).values

    return run


def _same_pixels(mine: Any, theirs: Any) -> str:
    same = np.array_equal(_values(mine).ravel(), _values(theirs).ravel())
    return "the same pixels" if same else f"{WRONG} other pixels"


def _values(found: Any) -> np.ndarray:
    """The first plane of whatever holds pixels."""
    if isinstance(found, np.ndarray):
        return found.reshape(200, -1)[0].view(np.int16)
    stack = found.getStack() if hasattr(found, "getStack") else found
    return np.asarray(stack.getPixels(1))


TASKS = [
    Task("rescale to 1 µm, antialiased", "scikit-image resize", "50×", rescale_ours(1.0), skimage_resize(1.0), _close),
    Task("rescale to 1 µm, antialiased", "torch interpolate", "4×", rescale_ours(1.0), torch_interpolate, _close),
    Task("rescale to 1 µm, antialiased", "OpenCV, slice by slice", "1×", rescale_ours(1.0), opencv_resize, _close),
    Task(
        "rescale to 0.5 µm, antialiased", "scikit-image resize", "50×", rescale_ours(0.5), skimage_resize(0.5), _close
    ),
    Task("rescale to 2 µm, antialiased", "scikit-image resize", "50×", rescale_ours(2.0), skimage_resize(2.0), _close),
    Task("upscale z ×9.39 into warm memory", "scipy zoom", "15×", upscale_ours, scipy_zoom, _close, writes_into=True),
    Task(
        "upscale z ×9.39 into warm memory",
        "SimpleITK",
        "3×",
        upscale_ours,
        simpleitk_resample,
        _close,
        writes_into=True,
    ),
    Task("VOL in µm", "scikit-image and scipy EDT", "12×", vol_ours(), vol_written_straight, _same_objects),
    Task(
        "VOL in µm, a threshold for each object",
        "scikit-image and scipy EDT",
        "15×",
        vol_ours(threshold="local"),
        local_written_straight,
        _same_objects,
    ),
    Task(
        "VOL in µm, borders along the light",
        "scikit-image watershed",
        "15×",
        vol_ours(borders="light"),
        light_written_straight,
        _same_objects,
    ),
    Task(
        "a table of the objects",
        "scikit-image regionprops",
        "20×",
        measure_ours,
        regionprops_table,
        _same_table,
        writes_into=True,
        bytes_moved=FULL[0] * FULL[1] * FULL[2] * 6,
    ),
    Task(
        "a table of the objects, with their surfaces",
        "scikit-image regionprops and marching cubes",
        "20×",
        measure_ours,
        regionprops_with_surfaces,
        _same_table,
        writes_into=True,
        bytes_moved=FULL[0] * FULL[1] * FULL[2] * 6,
    ),
    Task("VOL in voxels", "nsbatwm", "8×", vol_in_voxels_ours, nsbatwm_in_voxels, _same_objects),
    Task(
        "objects in µm of a coarse stack",
        "upscale, then nsbatwm",
        "100×",
        vol_ours(),
        upscale_then_nsbatwm,
        _objects_only,
    ),
    Task("rescale to 1 µm, antialiased", "ImageJ Scale…, averaging", "25×", rescale_ours(1.0), scale_of_imagej, _close),
    Task(
        "419 MB to a new ImagePlus",
        "values assigned to new arrays",
        "3×",
        imageplus_ours,
        imageplus_by_assignment,
        _same_pixels,
        bytes_moved=_STACK_BYTES,
    ),
    Task(
        "419 MB into Java arrays that exist",
        "values assigned",
        "8 GB/s",
        java_arrays_ours,
        java_arrays_by_assignment,
        _same_pixels,
        writes_into=True,
        bytes_moved=_STACK_BYTES,
    ),
    Task(
        "419 MB from an ImagePlus",
        "np.asarray, gathered",
        "8 GB/s",
        image_ours,
        image_by_asarray,
        _same_pixels,
        bytes_moved=_STACK_BYTES,
    ),
]

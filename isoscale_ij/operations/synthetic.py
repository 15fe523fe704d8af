"""Made-up images with a known truth, for demonstrations, tests and benchmarks."""

from __future__ import annotations

import math
import operator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import memory
from isoscale_ij.engines import get_engine
from isoscale_ij.errors import ParameterError
from isoscale_ij.image.axes import SPATIAL, per_axis
from isoscale_ij.image.calibration import VoxelSizeLike, as_image, mark_as_labels
from isoscale_ij.image.possible import possible_size
from isoscale_ij.image.units import convert, parse_length

REFERENCE_VOXEL = {"z": 1.5, "y": 0.1596665040315075, "x": 0.1596665040315075}
REFERENCE_SHAPE = (48, 320, 320)
_UNIT = "micrometer"

_RADII = (3.0, 5.0)  # µm
_DENSITY = 1 / 1400.0  # nuclei in a µm³
_OVERLAP = 0.88  # centres may come as near as this share of the sum of the radii
_POINT_SPREAD = (1.1, 0.2, 0.2)  # sigmas in µm, z y x
_FINEST_SLICE = 0.5  # µm; the object is drawn on slices no thicker, blurred, and then sampled
_BACKGROUND, _BRIGHTNESS, _READ_NOISE = 110.0, (90.0, 260.0), 4.0
_DRAWN_BYTES, _BYTES = 8, 44  # at most at a time: a voxel of a fine slice, and one of the volume
_FEWEST_TRIES, _TRIES = 5000, 400


def sample(
    name: str = "nuclei",
    *,
    shape: tuple[int, int, int] = REFERENCE_SHAPE,
    voxel_size: VoxelSizeLike | None = None,
    n_objects: int | None = None,
    seed: int = 0,
) -> tuple[xr.DataArray, xr.DataArray]:
    """A synthetic anisotropic volume and its true labels.

    Nuclei are ellipsoids of 3 to 5 µm radius, in clusters, some touching; textured, dimmer with
    depth, blurred by a microscope's point spread, on an uneven background, with photon and
    read-out noise.

    Parameters
    ----------
    name : {"nuclei"}
        What to make.
    shape : (int, int, int)
        Voxels in z, y, x.
    voxel_size : length, sequence or mapping, optional
        For z, y, x: numbers in micrometers, or strings as ``"500 nm"``; by default 1.5, 0.1596665040315075,
        0.1596665040315075, on axes that a mapping does not name as well.
    n_objects : int, optional
        Nuclei to place; by default as many as suit the volume. Fewer where they do not fit.
    seed : int
        The same seed gives the same volume; with the same extent, the same nuclei on any grid.

    Returns
    -------
    image : DataArray of uint16, (z, y, x), in micrometers
    truth : DataArray of int32, (z, y, x), ``attrs["kind"] == "labels"``
        The voxels whose centre lies in nucleus 1, 2, …; 0 elsewhere.

    Raises
    ------
    ParameterError
        For an unknown name, an impossible shape or number of objects.
    CalibrationError
        For a voxel size that none can have.
    MemoryLimitError
        If the machine has too little memory free for the shape.

    Examples
    --------
    >>> image, truth = sample(shape=(8, 64, 64), seed=3)
    >>> image.shape, image.dtype.name
    ((8, 64, 64), 'uint16')
    """
    if name != "nuclei":
        raise ParameterError(f'Got the sample {name!r}; there is one: "nuclei".')
    shape = _checked(shape)
    if n_objects is not None and n_objects < 0:
        raise ParameterError(f"Got {n_objects} objects; needed are 0 or more.")
    size = REFERENCE_VOXEL | ({} if voxel_size is None else _in_micrometers(voxel_size))
    spacing = np.array([size[axis] for axis in "zyx"], np.float64)
    finer = max(1, int(np.ceil(spacing[0] / _FINEST_SLICE)) | 1)  # odd: a slice's centre is a fine slice's
    memory.require(
        math.prod(shape) * (_DRAWN_BYTES * finer + _BYTES), None, f"A sample of {shape}", "Choose a smaller shape."
    )
    rng = np.random.default_rng(seed)
    extent = np.array(shape) * spacing
    count = max(1, round(float(np.prod(extent)) * _DENSITY)) if n_objects is None else n_objects
    nuclei = _place(rng, extent, count)

    fine_spacing = spacing / (finer, 1, 1)
    drawn = np.zeros((shape[0] * finer, *shape[1:]), np.float32)
    truth = np.zeros(shape, np.int32)
    depth_in_nucleus = np.full(shape, np.inf, np.float32)
    for label, nucleus in enumerate(nuclei, start=1):
        box, inside = nucleus.depth(shape, spacing)
        nearer = (inside <= 1) & (inside < depth_in_nucleus[box])
        truth[box][nearer] = label
        depth_in_nucleus[box][nearer] = inside[nearer]
        box, inside = nucleus.depth(drawn.shape, fine_spacing)
        np.maximum(drawn[box], nucleus.brightness(inside), out=drawn[box])
    z_sigma, y_sigma, x_sigma = _POINT_SPREAD / fine_spacing
    get_engine().blur(drawn.copy(), (z_sigma, y_sigma, x_sigma), drawn)
    sections = drawn[finer // 2 :: finer]

    noise = np.random.default_rng([seed, 1])
    z, y, x = (np.linspace(0, 1, n, dtype=np.float32) for n in shape)
    uneven = 8 * np.sin(2.1 * y + 0.4)[:, None] * np.cos(3.3 * x - 0.2)[None, :]
    expected = _BACKGROUND + uneven + sections * (1 - 0.3 * z)[:, None, None]
    counted = noise.poisson(expected) + noise.normal(0, _READ_NOISE, shape)
    values = np.clip(np.round(counted), 0, 65535).astype(np.uint16)

    image = as_image(values, "zyx", voxel_size=size, unit=_UNIT).rename(name)
    labels = as_image(truth, "zyx", voxel_size=size, unit=_UNIT).rename(f"{name} truth")
    return image, mark_as_labels(labels)


def _checked(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    try:
        z, y, x = map(operator.index, shape)
    except (TypeError, ValueError):
        z = y = x = 0
    if min(z, y, x) < 1:
        raise ParameterError(f"Got the shape {shape!r}; needed are three whole numbers of voxels, z, y, x, above 0.")
    return z, y, x


def _in_micrometers(voxel_size: VoxelSizeLike) -> dict[str, float]:
    sizes = {}
    for axis, value in per_axis(SPATIAL, voxel_size, "voxel_size").items():
        length = parse_length(value, f"the voxel size on {axis}")
        sizes[axis] = possible_size(convert(length.value, length.unit or _UNIT, _UNIT), axis)
    return sizes


class _Nucleus:
    """An ellipsoid with a texture."""

    def __init__(self, rng: np.random.Generator, centre: NDArray[np.float64], radii: NDArray[np.float64]) -> None:
        self.centre, self.radii = centre, radii
        self.axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        self._amplitude = rng.uniform(*_BRIGHTNESS)
        self._waves = rng.normal(0, 1.6, (5, 3))
        self._phases = rng.uniform(0, 2 * np.pi, 5)
        self._texture: NDArray[np.float32] | None = None

    def depth(
        self, shape: tuple[int, ...], spacing: NDArray[np.float64]
    ) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
        """The box of voxels around the nucleus, and how deep they lie: 0 at the centre, 1 on the surface."""
        reach = self.radii.max()
        lower = np.clip(np.floor((self.centre - reach) / spacing), 0, shape).astype(int)
        upper = np.clip(np.ceil((self.centre + reach) / spacing), lower, shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
        points = [
            ((np.arange(a, b) + 0.5) * s - c).astype(np.float32)
            for a, b, s, c in zip(lower, upper, spacing, self.centre, strict=True)
        ]
        z, y, x = np.meshgrid(*points, indexing="ij", sparse=True)
        directions = (self.axes / self.radii[:, None]).astype(np.float32)
        inside = sum(((d[0] * z + d[1] * y + d[2] * x) ** 2 for d in directions), np.float32(0))
        waves = self._waves.astype(np.float32)
        texture = sum(
            (np.sin(w[0] * z + w[1] * y + w[2] * x + np.float32(p)) for w, p in zip(waves, self._phases, strict=True)),
            np.float32(0),
        )
        self._texture = np.asarray(texture, np.float32)
        return box, np.asarray(inside, np.float32)

    def brightness(self, inside: NDArray[np.float32]) -> NDArray[np.float32]:
        """How bright the voxels are that were asked for last; 0 outside."""
        assert self._texture is not None
        values = self._amplitude * (1 - 0.25 * inside) * (1 + 0.11 * self._texture)
        return np.where(inside <= 1, values, 0).astype(np.float32)


def _place(rng: np.random.Generator, extent: NDArray[np.float64], count: int) -> list[_Nucleus]:
    """Nuclei drawn around cluster centres; one that comes too near to another is drawn again."""
    clusters = rng.uniform(0.15, 0.85, (max(1, count // 40), 3)) * extent
    centres: list[NDArray[np.float64]] = []
    mean_radii: list[float] = []
    nuclei: list[_Nucleus] = []
    for _ in range(_FEWEST_TRIES + _TRIES * count):
        if len(nuclei) == count:
            break
        centre = clusters[rng.integers(len(clusters))] + rng.normal(0, 13, 3)
        radii = rng.uniform(*_RADII) * rng.uniform(0.85, 1.15, 3)
        margin = np.minimum(radii * 0.9, extent / 2)
        if (centre < margin).any() or (centre > extent - margin).any():
            continue
        if centres:
            distance = np.linalg.norm(np.array(centres) - centre, axis=1)
            if (distance < _OVERLAP * (np.array(mean_radii) + radii.mean())).any():
                continue
        centres.append(centre)
        mean_radii.append(float(radii.mean()))
        nuclei.append(_Nucleus(rng, centre, radii))
    return nuclei

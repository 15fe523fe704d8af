"""What is installed here, what it can do, and whether the kernels are compiled."""

from __future__ import annotations

import platform
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from isoscale_ij import __version__
from isoscale_ij.memory import format_bytes, free_memory

_PACKAGES = ("numpy", "xarray", "numba", "scipy", "tifffile", "pandas", "matplotlib")


def diagnose() -> dict[str, str]:
    """Versions, memory and engines, as what they are called and what was found."""
    from isoscale_ij.engines import engine_names
    from isoscale_ij.engines.cpu import cache, compiling
    from isoscale_ij.engines.cpu.threads import thread_count

    found = {"isoscale_ij": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed: pip install isoscale-ij"
    found |= _java()
    found["free memory"] = format_bytes(free_memory())
    found["engines"] = ", ".join(engine_names()[1:])
    found["opencl"] = _opencl()
    found["threads"] = str(thread_count())
    found["fused multiply-add"] = "yes" if compiling.HAS_FUSED_MULTIPLY_ADD else "no"
    found["compiled kernels"] = cache.cache_folder() or "kept in memory only: no cache folder can be written"
    found["kernels are compiled"] = "yes" if kernels_are_compiled() else "no: the first run compiles them (--warm-up)"
    return found


def _opencl() -> str:
    """The OpenCL devices, and whether they can be used."""
    from isoscale_ij.engines.opencl.devices import INSTALL, devices, is_installed

    if not is_installed():
        return f"pyopencl is not installed; for GPUs: {INSTALL}"
    return "; ".join(map(str, devices())) or f"no driver is installed; for GPUs: {INSTALL}"


def _java() -> dict[str, str]:
    """Java, ImageJ and what connects them; nothing is started, nothing is fetched."""
    from isoscale_ij.imagej import jvm

    found = {}
    for package in ("scyjava", "jpype1", "pyimagej", "appose"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = f"not installed; for ImageJ from Python: {jvm.INSTALL}"
    java = jvm.find_java()
    if java is None:
        found["java"] = "none here; isoscale_ij.imagej.start() fetches one, or install a JDK and set JAVA_HOME"
    else:
        found["java"] = f"{jvm.java_version(java) or 'does not run'} ({java})"
    found["imagej"] = jvm.running_version() or f"{jvm.IMAGEJ_VERSION}, which isoscale_ij.imagej.start() fetches once"
    return found


def kernels_are_compiled() -> bool:
    """Whether the machine code of a segmentation lies in the cache."""
    from isoscale_ij.engines.cpu import cache

    return cache.is_cached()


def warm_up() -> float:
    """Run every kernel on the usual types, so that their machine code is in the cache; returns seconds."""
    from isoscale_ij.image.calibration import as_image
    from isoscale_ij.operations.measurement import measure
    from isoscale_ij.operations.rescaling import rescale
    from isoscale_ij.operations.segmentation import voronoi_otsu_labeling

    begin = time.perf_counter()
    z, y, x = np.meshgrid(*(np.arange(n) for n in (6, 24, 24)), indexing="ij")
    values = 200 * np.exp(-((z - 3) ** 2 + ((y - 8) / 4) ** 2 + ((x - 8) / 4) ** 2))
    values += 150 * np.exp(-((z - 3) ** 2 + ((y - 17) / 4) ** 2 + ((x - 17) / 4) ** 2))
    for dtype in (np.uint8, np.uint16, np.float32):
        image = as_image(values.astype(dtype), "zyx", voxel_size=(2.0, 0.5, 0.5), unit="um")
        for size in ("finest", 1.0):
            rescale(image, size)
    for sigma in (1.0, 2.0):  # with seeds between the slices, and on them
        labels = voronoi_otsu_labeling(image, spot_sigma=sigma, outline_sigma=1.0)
    rescale(labels, "finest")
    measure(labels, image)
    return time.perf_counter() - begin

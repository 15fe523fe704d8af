"""What is installed here, what it can do, and whether the kernels are compiled."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from isoscale_ij import __version__
from isoscale_ij.memory import format_bytes, free_memory

_PACKAGES = (
    "numpy", "xarray", "numba", "scipy", "tifffile", "pandas", "matplotlib", "psutil", "platformdirs", "lazy-loader",
)  # fmt: skip
_EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dask": ("OME-Zarr, and images larger than the memory", ("dask", "distributed", "zarr")),
    "czi": ("CZI, with Python 3.12 or later", ("czifile",)),
    "nd2": ("ND2", ("nd2",)),
    "lif": ("LIF and XLEF", ("liffile",)),
    "ims": ("IMS", ("h5py",)),
    "mrc": ("MRC", ("mrcfile",)),
    "nrrd": ("NRRD", ("pynrrd",)),
    "nifti": ("NIfTI", ("nibabel",)),
    "bioio": ("formats that are not known here", ("bioio",)),
    "napari": ("napari", ("napari", "pyside6", "qtpy")),
    "notebook": ("bars in notebooks", ("tqdm", "ipywidgets")),
    "opencl": ("GPUs", ("pyopencl",)),
    "clesperanto": ("clEsperanto's arrays, with NumPy below 2", ("pyclesperanto-prototype",)),
    "imagej": ("ImageJ from Python", ("scyjava", "jpype1", "pyimagej", "appose", "filelock")),
}
"""What the optional packages are for, and which they are, by the name of the extra that installs them."""


def diagnose() -> dict[str, str]:
    """Versions, memory and engines, as what they are called and what was found."""
    from isoscale_ij.engines import usable_engines
    from isoscale_ij.engines.cpu import cache, compiling
    from isoscale_ij.engines.cpu.threads import thread_count

    facts = {"isoscale_ij": __version__, "python": platform.python_version(), "system": platform.platform()}
    facts |= {package: _version(package, "not installed: pip install isoscale-ij") for package in _PACKAGES}
    for extra, (purpose, packages) in _EXTRAS.items():
        missing = f"not installed; for {purpose}: pip install 'isoscale-ij[{extra}]'"
        facts |= {package: _version(package, missing) for package in packages}
    facts |= _java()
    facts["free memory"] = format_bytes(free_memory())
    facts["engines"] = ", ".join(usable_engines())
    facts["opencl"] = _opencl()
    facts["threads"] = str(thread_count())
    facts["fused multiply-add"] = "yes" if compiling.HAS_FUSED_MULTIPLY_ADD else "no"
    facts["compiled kernels"] = cache.cache_folder() or "kept in memory only: no cache folder can be written"
    facts["kernels are compiled"] = "yes" if kernels_are_compiled() else "no: the first run compiles them (--warm-up)"
    return facts


def _version(package: str, missing: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return missing


def _opencl() -> str:
    """The OpenCL devices, and whether they can be used."""
    from isoscale_ij.engines.opencl.devices import INSTALL, devices, is_installed

    if not is_installed():
        return f"pyopencl is not installed; for GPUs: {INSTALL}"
    return "; ".join(map(str, devices())) or f"no driver is installed; for GPUs: {INSTALL}"


def _java() -> dict[str, str]:
    """Java and ImageJ; nothing is started, nothing is fetched."""
    from isoscale_ij.imagej import jvm

    facts = {}
    java = jvm.find_java()
    if java is None:
        facts["java"] = "none here; isoscale_ij.imagej.start() fetches one, or install a JDK and set JAVA_HOME"
    else:
        facts["java"] = f"{jvm.java_version(java) or 'does not run'} ({java})"
    facts["imagej"] = jvm.running_version() or f"{jvm.IMAGEJ_VERSION}, which isoscale_ij.imagej.start() fetches once"
    return facts


def kernels_are_compiled() -> bool:
    """Whether the machine code of a segmentation lies in the cache."""
    from isoscale_ij.engines.cpu import cache

    return cache.is_cached()


def warm_up() -> float:
    """Run every kernel on the usual types, so that their machine code is in the cache; returns seconds."""
    from isoscale_ij.operations.warming import run_in

    return run_in((np.uint8, np.uint16, np.float32))

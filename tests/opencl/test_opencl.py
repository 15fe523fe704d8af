"""The OpenCL engine as a whole: the processor's bits, in blocks as well, whatever happens to the device.

Its steps are tested with those of every engine (``tests/test_engine.py``, ``ISOSCALE_TEST_ENGINE=opencl``). Runs in
its own environment (``make setup-opencl``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.opencl import devices as opencl_devices
from isoscale_ij.errors import MissingDependencyError, ParameterError

cl = pytest.importorskip("pyopencl", reason="needs the environment of make setup-opencl")
if not any(not device.trouble for device in opencl_devices.devices()):
    pytest.skip("no OpenCL device can be used here", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::isoscale_ij.operations.segmentation.SegmentationWarning")
CONTEXTS: list[Any] = []
WAYS: list[dict[str, Any]] = [
    {"spot_sigma": 1.8, "outline_sigma": 0.9},
    {"spot_sigma": 0.7, "outline_sigma": 0.9},  # seeds between the slices
    {"spot_sigma": {"z": 1.5, "y": 0.06, "x": 0.5}, "outline_sigma": 0},  # and between the rows
    {"spot_sigma": "5 px", "outline_sigma": "2 px"},
    {"spot_sigma": 0, "outline_sigma": 0, "threshold": 300},  # plateaus
]


@pytest.fixture
def engine() -> Any:
    return get_engine("opencl")


def same(image: xr.DataArray, **options: Any) -> None:
    ours, theirs = (iso.vol(image, engine=name, **options) for name in ("opencl", "cpu"))
    assert ours.max() > 1
    assert ours.attrs["threshold"] == theirs.attrs["threshold"]
    xr.testing.assert_identical(ours, theirs)


@pytest.mark.parametrize("way", WAYS)
def test_labels_are_those_of_the_processor(nuclei: tuple, way: dict) -> None:
    same(nuclei[0], **way)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float32", "float64", ">u2"])
def test_labels_of_any_type(nuclei: tuple, dtype: str) -> None:
    image = nuclei[0] // 64
    image.attrs = nuclei[0].attrs
    same(image.astype(dtype), **WAYS[0])


@pytest.mark.parametrize("dims", ["yx", "tyx", "tzyx"])
def test_labels_of_planes_and_time_series(nuclei: tuple, dims: str) -> None:
    values = nuclei[0].values
    values = {"yx": values[8], "tyx": values[6:10], "tzyx": np.stack([values, values[::-1]])}[dims]
    same(iso.as_image(values, dims), spot_sigma="3 px", outline_sigma="1 px")


@pytest.mark.parametrize("size", [0.33, 1.0, "finest", "coarsest", {"z": 0.4}, {"x": 0.5}])
@pytest.mark.parametrize("interpolation", ["linear", "cubic", "nearest"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint64", "float16", "float32", "float64"])
def test_rescaled_values_are_those_of_the_processor(nuclei: tuple, size: Any, interpolation: str, dtype: str) -> None:
    image = nuclei[0].astype(dtype)
    ours, theirs = (iso.rescale(image, size, interpolation=interpolation, engine=e) for e in ("opencl", "cpu"))
    xr.testing.assert_identical(ours, theirs)


def test_labels_and_booleans_are_rescaled(nuclei: tuple) -> None:
    for image in (nuclei[1], nuclei[1] > 0):
        xr.testing.assert_identical(iso.rescale(image, 0.5, engine="opencl"), iso.rescale(image, 0.5, engine="cpu"))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_larger_than_the_memory_goes_through_in_blocks(
    nuclei: tuple, way: dict, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOSCALE_OPENCL_MEMORY", "4e5")
    assert not engine.on_device.holds(nuclei[0].shape, nuclei[0].dtype)
    same(nuclei[0], **way)
    xr.testing.assert_identical(
        iso.rescale(nuclei[0], "finest", engine="opencl"), iso.rescale(nuclei[0], "finest", engine="cpu")
    )


def test_less_memory_than_promised_means_smaller_blocks(
    nuclei: tuple, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the refusal is made up: a driver may grant more than the hardware has."""
    refused, empty = [], engine.device.empty

    def grudging(shape: tuple, dtype: Any) -> Any:
        if np.prod(shape) * np.dtype(dtype).itemsize > 2e6:
            refused.append(shape)
            raise cl.MemoryError("clCreateBuffer failed: MEM_OBJECT_ALLOCATION_FAILURE")
        return empty(shape, dtype)

    image = iso.rescale(nuclei[0], {"z": 0.5})
    monkeypatch.setattr(engine.device, "empty", grudging)
    with pytest.warns(RuntimeWarning, match=r"a whole volume .*MEM_OBJECT_ALLOCATION_FAILURE"):
        same(image, **WAYS[0])
    assert refused


def test_a_device_that_is_lost_is_replaced_by_the_processor(
    nuclei: tuple, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any, **__: Any) -> None:
        raise cl.RuntimeError("clEnqueueNDRangeKernel failed: DEVICE_NOT_AVAILABLE")

    monkeypatch.setattr(engine.device, "run", lost)
    with pytest.warns(RuntimeWarning, match=r"DEVICE_NOT_AVAILABLE\); the processor goes on"):
        same(nuclei[0], **WAYS[0])
    with pytest.warns(RuntimeWarning, match="failed at resampling"):
        scaled = iso.rescale(nuclei[0], 1.0, engine="opencl")
    xr.testing.assert_identical(scaled, iso.rescale(nuclei[0], 1.0, engine="cpu"))


def test_a_device_without_double_precision(nuclei: tuple, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.device, "info", replace(engine.device.info, has_double=False))
    monkeypatch.setattr(engine.device, "_kernels", {})
    for way in WAYS[:2]:
        same(nuclei[0], **way)
    for dtype in ("uint16", "float64"):
        image = nuclei[0].astype(dtype)
        xr.testing.assert_identical(iso.rescale(image, 1.0, engine="opencl"), iso.rescale(image, 1.0, engine="cpu"))


def test_from_several_threads(nuclei: tuple) -> None:
    from concurrent.futures import ThreadPoolExecutor

    expected = iso.vol(nuclei[0], engine="cpu", **WAYS[0])
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: iso.vol(nuclei[0], engine="opencl", **WAYS[0]), range(8)):
            xr.testing.assert_identical(found, expected)


def test_cancelling_leaves_the_device_usable(nuclei: tuple) -> None:
    def cancel(done: int, total: int, step: str) -> None:
        if step == "labels":
            raise iso.Cancelled

    with pytest.raises(iso.Cancelled):
        iso.vol(nuclei[0], engine="opencl", on_progress=cancel, **WAYS[0])
    same(nuclei[0], **WAYS[0])


def test_the_device_is_chosen_by_name_or_number(monkeypatch: pytest.MonkeyPatch) -> None:
    present = opencl_devices.devices()
    usable = [number for number, device in enumerate(present) if not device.trouble]
    for wanted in (str(usable[0]), present[usable[0]].name.upper()):
        monkeypatch.setenv("ISOSCALE_OPENCL_DEVICE", wanted)
        assert get_engine("opencl").device.info == present[usable[0]]
    for wanted in ("99", "no such device"):
        monkeypatch.setenv("ISOSCALE_OPENCL_DEVICE", wanted)
        with pytest.raises(
            ParameterError, match=rf"ISOSCALE_OPENCL_DEVICE='{wanted}'; here are 0: .*name, or a number"
        ):
            get_engine("opencl")


def test_a_driver_that_does_not_know_the_hardware_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [number for number, device in enumerate(opencl_devices.devices()) if device.trouble]
    if not broken:
        pytest.skip("all drivers here can be used")
    assert not get_engine("opencl").device.info.trouble
    monkeypatch.setenv("ISOSCALE_OPENCL_DEVICE", str(broken[0]))
    with pytest.raises(
        MissingDependencyError, match=r"a device that cannot be used \(.*compiles nothing.*Choose another of 0: "
    ):
        get_engine("opencl")


def test_auto_never_takes_a_processor() -> None:
    has_gpu = any(device.is_gpu for device in opencl_devices.devices())
    assert get_engine("auto", 1 << 40).name == ("opencl" if has_gpu else "cpu")
    assert get_engine("auto", 1000).name == "cpu"


def test_without_a_driver() -> None:
    """In a process that finds no driver: automatic is the processor, by name is an error that helps."""
    code = """
import numpy as np, pyopencl, isoscale_ij as iso
def none(): raise pyopencl.LogicError("clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR")
pyopencl.get_platforms = none
image = iso.as_image(np.zeros((2, 8, 8)), voxel_size=1, unit='um')
print(iso.rescale(image, 2.0).shape)
try: iso.rescale(image, 2.0, engine='opencl')
except iso.MissingDependencyError as error: print(error)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[0] == "(1, 4, 4)"
    assert "no OpenCL driver here. Install: pip install" in lines[1]


def test_a_home_that_cannot_be_written(nuclei: tuple, tmp_path: Path) -> None:
    """Pyopencl keeps what it compiles in the user's cache folder."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "file"), "HOME": str(tmp_path / "file")}
    code = (
        "import numpy as np, isoscale_ij as iso\n"
        "print(iso.rescale(np.ones((4, 8, 8), np.uint8), factor=0.5, engine='opencl').values.sum())"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.strip() == "32", done.stderr


def test_doctor_lists_the_devices() -> None:
    command = [sys.executable, "-m", "isoscale_ij", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for device in opencl_devices.devices():
        assert str(device) in done.stdout


def on_device(image: xr.DataArray) -> xr.DataArray:
    import pyopencl.array

    context = cl.Context([get_engine("opencl").device.info.device])
    CONTEXTS.append(context)  # some drivers forget a context that nobody holds
    queue = cl.CommandQueue(context)
    held = iso.as_image(pyopencl.array.to_device(queue, image.values), image.dims)
    return iso.set_voxel_size(held, **iso.voxel_size(image), unit="um")


def count_copies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each larger copy from or to a device from now on."""
    copies: list[int] = []
    enqueue = cl.enqueue_copy

    def counted(queue: Any, target: Any, source: Any, **options: Any) -> Any:
        copies.append(getattr(target, "nbytes", 0) or getattr(source, "nbytes", 0))
        return enqueue(queue, target, source, **options)

    monkeypatch.setattr(cl, "enqueue_copy", counted)
    return copies


@pytest.mark.parametrize("dims", ["zyx", "yx"])
def test_what_is_on_the_device_stays_there(nuclei: tuple, dims: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = nuclei[0] if dims == "zyx" else nuclei[0].isel(z=8, drop=True)
    there = on_device(here)
    copies = count_copies(monkeypatch)
    seen: list[int] = []
    scaled = iso.rescale(there, 0.5, on_progress=lambda done, total, step: seen.append(done))
    assert (seen[0], seen[-1]) == (0, 100)
    assert type(scaled.data).__name__ == "DeviceArray"
    assert max(copies, default=0) < 1e5  # tables of weights only
    labels = iso.vol(scaled, spot_sigma=1.2, outline_sigma=0.5)
    assert type(labels.data).__name__ == "DeviceArray"
    expected = iso.rescale(here, 0.5)
    np.testing.assert_array_equal(scaled.values, expected.values)
    np.testing.assert_array_equal(scaled.data.as_array().get(), expected.values)
    assert iso.voxel_size(scaled) == iso.voxel_size(expected)
    expected_labels = iso.vol(expected, spot_sigma=1.2, outline_sigma=0.5)
    np.testing.assert_array_equal(labels.values, expected_labels.values)
    assert labels.max() > 1
    assert len(iso.measure(labels)) == labels.values.max()


def test_an_engine_of_a_wrong_name_is_an_error_on_the_device_too(nuclei: tuple) -> None:
    for run in (iso.rescale, iso.vol):
        options: dict[str, Any] = {"voxel_size": 1.0} if run is iso.rescale else WAYS[0]
        with pytest.raises(ParameterError, match="Got the engine 'gpu'"):
            run(on_device(nuclei[0]), engine="gpu", **options)


def test_bad_values_on_the_device(nuclei: tuple) -> None:
    image = nuclei[0].astype("float32")
    image[3, 4, 5] = np.nan
    with pytest.raises(ParameterError, match="Got 1 values that are NaN or infinite"):
        iso.vol(on_device(image), **WAYS[0])
    with pytest.warns(UserWarning, match="1 of 172032 values are NaN"):
        scaled = iso.rescale(on_device(image), 1.0)
    with pytest.warns(UserWarning, match="NaN"):
        np.testing.assert_array_equal(scaled.values, iso.rescale(image, 1.0).values)


def test_arrays_of_pyclesperanto_prototype_go_in_and_out(nuclei: tuple) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cle = pytest.importorskip("pyclesperanto_prototype")
        cle.select_device(get_engine("opencl").device.info.device.name)
        pushed = cle.push(nuclei[0].values)
        image = iso.as_image(pushed, "zyx", voxel_size=(1.5, 0.16, 0.16), unit="um")
        found = iso.rescale(image, 1.0).data.as_array()
        assert type(found) is type(pushed)
        doubled = np.asarray(cle.multiply_image_and_scalar(found, scalar=2))
    expected = iso.rescale(image.copy(data=nuclei[0].values.astype(np.float32)), 1.0)
    np.testing.assert_allclose(doubled, 2 * expected.values, rtol=1e-6)


def test_the_example_of_the_readme(nuclei: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyclesperanto_prototype")
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    [example] = [part.split("```")[0] for part in text.split("```python\n") if "pyclesperanto_prototype as" in part]
    monkeypatch.chdir(tmp_path)
    iso.write("my.tif", nuclei[0])
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(example, "README.md", "exec"), names)  # noqa: S102
    expected = iso.vol(iso.rescale(nuclei[0].astype("float32"), 1.0), spot_sigma=1.8, outline_sigma=0.9)
    np.testing.assert_array_equal(np.asarray(names["cle_labels"]), expected.values)


def test_the_page_on_pyclesperanto(nuclei: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyclesperanto_prototype")
    text = (Path(__file__).resolve().parents[2] / "docs" / "pyclesperanto.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    iso.write("my.tif", nuclei[0])
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in text.split("```python\n")[1:]:
            exec(compile(part.split("```")[0], "pyclesperanto.md", "exec"), names)  # noqa: S102
    written = iso.read("labels.tif")
    assert written.values.max() == names["largest"] > 2
    assert iso.voxel_size(written) == iso.voxel_size(nuclei[0])


def test_the_blur_is_that_of_pyclesperanto_prototype(nuclei: tuple, engine: Any) -> None:
    """Where its meaning is ours: away from the edges, with a sigma that is the same on all axes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cle = pytest.importorskip("pyclesperanto_prototype")
        cle.select_device(engine.device.info.device.name)
        if cle.get_device().device != engine.device.info.device:
            pytest.skip("pyclesperanto-prototype takes another device of that name")
        theirs = np.asarray(cle.gaussian_blur(nuclei[0].values, sigma_x=2, sigma_y=2, sigma_z=1))
    ours = np.empty(nuclei[0].shape, np.float32)
    engine.blur(nuclei[0].values, (1, 2, 2), ours)
    core = (slice(5, -5), slice(12, -12), slice(12, -12))
    assert np.abs(ours - theirs)[core].max() < 1e-3 * np.ptp(ours)

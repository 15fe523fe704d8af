"""Starting Java: what comes, what is said when it does not, and that Python ends. A process each."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HEADER = "import isoscale_ij as iso\n"


def run(code: str, *, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", HEADER + code], capture_output=True, text=True, timeout=timeout, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_python_ends_after_a_filter_with_many_threads() -> None:
    done = run(
        "import numpy as np\n"
        "IJ = iso.imagej.start()\n"
        "imp = iso.imagej.to_imageplus(iso.as_image(np.ones((8, 64, 64), np.float32), voxel_size=1, unit='um'))\n"
        "IJ.run(imp, 'Gaussian Blur 3D...', 'x=2 y=2 z=2')\n"
        "print(IJ.getVersion(), imp.getStackSize())\n",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    version, slices = done.stdout.split()
    assert (version[:4], slices) == ("1.54", "8")


def test_a_java_that_something_else_started_is_joined() -> None:
    done = run(
        "import scyjava\n"
        "from scyjava import config\n"
        "config.set_java_constraints(fetch='auto')\n"
        "config.endpoints.append('net.imagej:ij:1.54p')\n"
        "config.enable_headless_mode()\n"
        "scyjava.start_jvm()\n"
        "print(iso.imagej.start().getVersion()[:4])\n"
    )
    assert done.stdout.strip() == "1.54", done.stderr


def test_a_java_without_imagej_is_said() -> None:
    done = run("import jpype\njpype.startJVM()\niso.imagej.start()\n")
    assert "MissingDependencyError" in done.stderr
    assert "Restart Python, and call isoscale_ij.imagej.start() before anything else" in done.stderr


def test_a_conversion_before_the_start_says_what_to_call() -> None:
    done = run("import numpy as np\niso.imagej.to_imageplus(np.zeros((4, 4, 4)))\n")
    assert "No Java runs in this process. Start it with isoscale_ij.imagej.start()" in done.stderr


def test_a_java_that_was_shut_down_is_said() -> None:
    done = run("import jpype\niso.imagej.start()\njpype.shutdownJVM()\niso.imagej.start()\n")
    assert "Restart Python" in done.stderr


def test_no_java_and_none_to_fetch(tmp_path: Path) -> None:
    bare = {"PATH": str(tmp_path), "JAVA_HOME": "", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = run("iso.imagej.start(fetch='never')\n", **bare)
    assert "There is no Java here" in done.stderr, done.stderr
    assert "adoptium.net" in done.stderr
    assert "JAVA_HOME" in done.stderr


def test_no_network_on_the_first_start(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    done = run(
        "iso.imagej.start()\n",
        HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path), M2_REPO=str(tmp_path), JGO_CACHE_DIR=str(tmp_path),
        http_proxy=nowhere, https_proxy=nowhere,
        HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, no_proxy="", NO_PROXY="",
    )  # fmt: skip
    assert "MissingDependencyError" in done.stderr, done.stderr[-2000:]
    assert "Connect to the network for the first start" in done.stderr


def test_first_starts_at_the_same_time(tmp_path: Path, imagej: object) -> None:
    """Two notebooks, say; before, one of them was left without what both were fetching."""
    fresh = {"XDG_CACHE_HOME": str(tmp_path), "M2_REPO": str(tmp_path), "JGO_CACHE_DIR": str(tmp_path)}
    with ThreadPoolExecutor(3) as pool:
        started = list(pool.map(lambda _: run("print(iso.imagej.start().getVersion()[:4])\n", **fresh), range(3)))
    assert [done.stdout.strip() for done in started] == ["1.54"] * 3, [done.stderr[-500:] for done in started]


def test_later_starts_need_no_network(imagej: object) -> None:
    nowhere = "http://127.0.0.1:9"
    done = run(
        "print(iso.imagej.start().getVersion()[:4])\n",
        http_proxy=nowhere, https_proxy=nowhere, HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, no_proxy="", NO_PROXY="",
    )  # fmt: skip
    assert done.stdout.strip() == "1.54", done.stderr[-2000:]


def test_without_the_packages_that_talk_to_java() -> None:
    done = run("import sys\nsys.modules['jpype'] = None\niso.imagej.start()\n")
    assert "pip install 'isoscale-ij[imagej]'" in done.stderr


def test_wrong_arguments() -> None:
    import isoscale_ij as iso

    with pytest.raises(iso.ParameterError, match="auto, never or always"):
        iso.imagej.start(fetch="perhaps")


def test_the_doctor_knows_java_and_imagej() -> None:
    import json

    done = subprocess.run(
        [sys.executable, "-m", "isoscale_ij", "doctor", "--json"], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["java"].split()[0].split(".")[0].isdigit()
    assert "1.54p" in found["imagej"]
    assert found["scyjava"][0].isdigit()


def test_what_is_left_to_pyimagej(imagej: object) -> None:
    import numpy as np
    from scyjava._convert import java_converters

    import isoscale_ij as iso
    from images import make

    image = make("zyx")
    plain = image.drop_vars(["z", "y", "x"])
    left = [
        plain, plain.rename(z="pln", y="row", x="col"), image.astype("float64") + 1 / 3, image.values,
        image.astype("uint32") + np.uint32(2**31 + 1), image.astype("int64") + 2**40, image.astype("complex64"),
    ]  # fmt: skip
    iso.imagej.register_converters()
    try:
        ours = next(converter for converter in java_converters if converter.name == "calibrated image")
        assert not any(ours.supports(value) for value in left)
        assert not ours.supports(image, type="Dataset")
        for taken in (image, image.astype("float64"), image.astype("int32")):
            assert ours.supports(taken)
            assert ours.convert(taken).getCalibration().pixelDepth == 1.5
    finally:
        iso.imagej.unregister_converters()


def test_converters_can_be_registered_and_taken_back(imagej: object) -> None:
    import scyjava

    import isoscale_ij as iso
    from images import assert_same, make
    from isoscale_ij.imagej.jvm import classes

    image = make("czyx")
    imp = iso.imagej.to_imageplus(image)
    with pytest.raises(TypeError, match="Unsupported type"):  # without pyimagej, nobody knows it
        scyjava.to_python(imp)
    iso.imagej.register_converters()
    iso.imagej.register_converters()  # twice is once
    try:
        assert_same(scyjava.to_python(imp), image)
        assert isinstance(scyjava.to_java(image), classes().ImagePlus)
        imp.getCalibration().pixelDepth = 7.0
        assert iso.voxel_size(scyjava.to_python(imp))["z"] == 7.0  # what is edited is seen
    finally:
        iso.imagej.unregister_converters()
    with pytest.raises(TypeError, match="Unsupported type"):
        scyjava.to_python(imp)

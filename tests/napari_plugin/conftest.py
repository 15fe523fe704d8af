"""A real viewer for each test, on a screen that nobody sees; skipped, with the reason, where there can be none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # those of what napari stands on
    pytest.importorskip("napari", reason="napari is not installed: make setup-napari")

_PROBE = """
from qtpy.QtGui import QGuiApplication, QOpenGLContext
app = QGuiApplication([])
print("yes" if QOpenGLContext().create() else "no")
"""
_PACKAGES = (
    "xvfb libgl1-mesa-dri libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 "
    "libxcb-render-util0 libxcb-xinerama0 libxcb-shape0"
)
_SHOTS = os.environ.get("ISOSCALE_SCREENSHOTS")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")


@pytest.fixture(scope="session", autouse=True)
def _screen() -> Iterator[None]:
    """One of Xvfb's, where there is no other."""
    server = None
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        found = shutil.which("Xvfb")
        if found is None:
            pytest.skip(f"there is no screen, and no Xvfb to make one (Debian: {_PACKAGES})")
        ours, theirs = os.pipe()
        server = subprocess.Popen(
            [found, "-displayfd", str(theirs), "-screen", "0", "1500x1000x24", "-nolisten", "tcp"],
            pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        with os.fdopen(ours) as number:
            os.environ["DISPLAY"] = ":" + number.readline().strip()
    try:
        probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False, timeout=60)
        if probe.stdout.strip() != "yes":
            pytest.skip(f"Qt has no OpenGL here, and napari's canvas needs it: {probe.stderr.strip()[:600]}")
        yield
    finally:
        if server is not None:
            os.environ.pop("DISPLAY")
            server.terminate()
            server.wait()


@pytest.fixture
def viewer() -> Iterator[Any]:
    import napari
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    made = napari.Viewer(show=True)
    made.window.resize(1300, 860)
    yield made
    made.close()
    process()


@pytest.fixture
def notes() -> Callable[[], list[str]]:
    """What napari has notified of, and forget it."""
    from napari.utils.notifications import notification_manager

    def taken() -> list[str]:
        texts = [str(record.message) for record in notification_manager.records]
        notification_manager.records.clear()
        return texts

    return taken


@pytest.fixture
def shot(request: pytest.FixtureRequest, viewer: Any) -> Callable[[], Any]:
    """A picture of the window; kept in ISOSCALE_SCREENSHOTS, where that names a folder, under the test's name."""

    def take(name: str = "", *, alone: bool = False) -> Any:
        for _ in range(5):
            process()
            time.sleep(0.02)
        picture = viewer.screenshot(canvas_only=False, flash=False)
        if _SHOTS:
            from PIL import Image

            Path(_SHOTS).mkdir(parents=True, exist_ok=True)
            file = name if alone else request.node.name + name
            Image.fromarray(picture).convert("RGB").save(Path(_SHOTS) / f"{file}.png", optimize=True)
        return picture

    return take


def process() -> None:
    """Let Qt do what it has to."""
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    """Let the window live until something is so."""

    def wait(what: Callable[[], Any], seconds: float = 240) -> None:  # kernels may have to be compiled first
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it has not come"
            process()
            time.sleep(0.005)

    return wait


@pytest.fixture
def dock(viewer: Any) -> Callable[[str], Any]:
    """Open a widget of the plugin as the menu does."""

    def opened(name: str) -> Any:
        _, widget = viewer.window.add_plugin_dock_widget("isoscale-ij", name)
        process()
        return widget

    return opened

"""The commands of the jar, run by SciJava's own services as Fiji runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jpype
import numpy as np
import xarray as xr

import isoscale_ij as iso

SERVICES = (
    "script.ScriptService", "menu.MenuService", "module.ModuleService", "log.LogService", "convert.ConvertService",
    "app.StatusService", "command.CommandService",
)  # fmt: skip


WRAPPERS: dict[type, Callable[[Any], Any]] = {
    bool: jpype.JBoolean,
    float: jpype.JDouble,
    int: jpype.JInt,
}


class Commands:
    """SciJava with Groovy: what the menu has, and running it with named inputs."""

    def __init__(self) -> None:
        for service in SERVICES:
            jpype.JClass(f"org.scijava.{service}")
        self.context = jpype.JClass("org.scijava.Context")(False)
        scripts = self.context.service("org.scijava.script.ScriptService")
        groovy = jpype.JClass("org.codehaus.groovy.jsr223.GroovyScriptEngineFactory")
        scripts.getIndex().add(groovy(), False)
        self.infos = {str(info.getMenuPath().getLeaf().getName()): info for info in scripts.getScripts()}
        self.modules = self.context.service("org.scijava.module.ModuleService")
        self.context.service("org.scijava.log.LogService").setLevel(0)  # what goes wrong is asked for

    def start(self, name: str, **inputs: Any) -> Any:
        """A future of the module."""
        given = jpype.JClass("java.util.HashMap")()
        for key, value in {**DEFAULTS.get(name, {}), **inputs}.items():
            if isinstance(value, Path):
                given.put(key, jpype.JClass("java.io.File")(str(value)))
            else:
                given.put(key, WRAPPERS.get(type(value), lambda same: same)(value))
        return self.modules.run(self.infos[name], True, given)

    def run(self, name: str, **inputs: Any) -> dict[str, Any]:
        """The outputs of a command."""
        module = self.start(name, **inputs).get()
        found = {str(item.getName()): module.getOutput(str(item.getName())) for item in self.infos[name].outputs()}
        if found.get("error") is not None:
            found["error"] = str(found["error"])
        return found


_RESCALE = {"target": "finest", "size": "1", "unit": "image", "interpolation": "auto", "antialias": True}
_SIGMAS = {"channel": 1, "spot": 1.5, "outline": 0.9, "unit": "image unit"}
DEFAULTS: dict[str, dict[str, Any]] = {
    "Rescale File": _RESCALE,
    "Voronoi-Otsu Labeling": _SIGMAS,
    "Compare Scalings": _SIGMAS,
    "Label File": _SIGMAS,
    "Rescale": _RESCALE,
    "Label": _SIGMAS | {"threshold": "otsu"},
}


def large(shape: tuple[int, int, int] = (40, 512, 512)) -> xr.DataArray:
    values = np.random.default_rng(0).integers(0, 60_000, shape, np.uint16)
    return iso.as_image(values, "zyx", voxel_size=(1.5, 0.2, 0.2), unit="um")


def shared_blocks() -> set[str]:
    """Blocks of shared memory named by us; not those of a Fiji that runs beside these tests and still lives."""
    import psutil

    mine = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    blocks = set()
    for path in Path("/dev/shm").glob("iso-*"):  # noqa: S108
        owner = int(path.name.split("-")[1])
        if owner in mine or not psutil.pid_exists(owner):
            blocks.add(path.name)
    return blocks


def wait_until(true: Any, timeout: float = 120) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def is_worker(process: Any) -> bool:
    """Whether it is a Python process behind Fiji, and lives."""
    import psutil

    try:
        return "appose.python_worker" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def python_process(fiji: Commands) -> Any:
    import psutil

    fiji.run("IsoScale Environment", action="show")
    workers = [process for process in psutil.Process().children(recursive=True) if is_worker(process)]
    assert len(workers) == 1
    return workers[0]

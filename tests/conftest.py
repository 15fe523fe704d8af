"""What several tests need."""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from isoscale_ij.fiji import lifetime

if TYPE_CHECKING:
    from commands import Commands  # needs Java, which not every environment has

if find_spec("hypothesis"):  # which not every environment has, either
    from hypothesis import settings

    settings.register_profile("any machine", deadline=None)  # no test depends on a clock
    settings.load_profile("any machine")
lifetime.IDLE_SECONDS = math.inf  # a command of the worker, done in this process, must not end it after ten minutes
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def real(request: pytest.FixtureRequest) -> Path:
    """The folder of real images; a test that needs it is skipped where there is none."""
    if not DATA.is_dir():
        pytest.skip("the folder of real images (../shared/data) is not here")
    return DATA


@pytest.fixture(scope="session")
def nuclei() -> tuple[xr.DataArray, xr.DataArray]:
    """A small synthetic volume and its truth."""
    return iso.sample(shape=(16, 96, 112), seed=5, n_objects=14)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20231)


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path) -> object:
    """No test leaves the temporary file of an interrupted write."""
    yield
    assert not [path for path in tmp_path.rglob("*") if ".partial" in path.name]


@pytest.fixture(scope="session")
def imagej(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """ImageJ 1 (``ij.IJ``) on a real Java, without a display, with preferences of its own.

    Beside it is what Fiji has: SciJava, Groovy, Appose, and the jar of our commands.
    """
    import jpype
    from scyjava import config

    from isoscale_ij.fiji import jar

    folder = tmp_path_factory.mktemp("java")
    jar.build(folder / jar.name(), {"python": sys.executable})
    jpype.addClassPath(str(folder / jar.name()))
    config.endpoints[:] = [  # the first one's versions hold for all
        "org.scijava:scijava-common:2.100.1", "org.apache.groovy:groovy-jsr223:4.0.28", "org.apposed:appose:0.9.0",
    ]  # fmt: skip
    return iso.imagej.start(options=[f"-Djava.util.prefs.userRoot={folder}"], max_heap="3 GB")


@pytest.fixture(scope="session")
def fiji(imagej: Any) -> Commands:
    """The commands as Fiji finds and runs them: SciJava's services, real Groovy."""
    from commands import Commands

    commands = Commands()
    commands.run("IsoScale Environment", action="show")  # Groovy is compiled, Python runs
    return commands


@pytest.fixture
def no_block_is_left(fiji: Commands) -> Any:
    """No shared memory stays behind."""
    from commands import shared_blocks, wait_until

    before = shared_blocks()
    yield
    assert wait_until(lambda: shared_blocks() <= before, 10)

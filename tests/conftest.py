"""What several tests need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso

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
    """ImageJ 1 (``ij.IJ``) on a real Java, without a display, with preferences of its own."""
    preferences = tmp_path_factory.mktemp("java-preferences")
    return iso.imagej.start(options=[f"-Djava.util.prefs.userRoot={preferences}"], max_heap="3 GB")

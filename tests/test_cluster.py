"""The same on dask.distributed: workers of its own, one of them really killed, a scheduler that is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.cli import main
from isoscale_ij.execution.chunks import sweeps
from isoscale_ij.execution.chunks.settings import working_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning")
OPTIONS: dict[str, Any] = {"spot_sigma": "1.8 um", "outline_sigma": "0.9 um"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    folder = tmp_path_factory.mktemp("dask")
    with (
        dask.config.set({"temporary-directory": str(folder), "distributed.admin.log-length": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def nuclei_zarr(tmp_path: Path) -> tuple[Path, Any]:
    image, _ = iso.sample(shape=(33, 160, 192), seed=3)
    iso.write(tmp_path / "nuclei.ome.zarr", image)
    return tmp_path / "nuclei.ome.zarr", image


def test_a_worker_that_is_killed_changes_nothing(
    client: Any, nuclei_zarr: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, image = nuclei_zarr
    killed: list[str] = []
    submit = client.submit

    def submit_and_kill(function: Any, task: Any, *arguments: Any, **options: Any) -> Any:
        future = submit(function, task, *arguments, **options)
        if task.__name__ in ("keep_mask", "assign") and task.__name__ not in killed:
            killed.append(task.__name__)
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        return future

    monkeypatch.setattr(client, "submit", submit_and_kill)
    whole = iso.vol(image, threshold="local", **OPTIONS)
    with working_in(tmp_path, block=(33, 80, 96)):
        labels = iso.vol(iso.read(path, chunks={"y": 64, "x": 64}), threshold="local", **OPTIONS)
    assert killed == ["keep_mask", "assign"]
    np.testing.assert_array_equal(labels.values, whole.values)
    assert labels.attrs == whole.attrs
    iso.write(tmp_path / "labels.ome.zarr", labels)
    np.testing.assert_array_equal(iso.read(tmp_path / "labels.ome.zarr").values, whole.values)


def test_workers_of_another_version(client: Any, nuclei_zarr: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = nuclei_zarr
    monkeypatch.setattr(sweeps, "version", lambda: "9.9.9")
    monkeypatch.setattr(client, "run", lambda function: {"tcp://worker": "0.0.1"})
    with pytest.raises(iso.ParameterError, match=r"version 0\.0\.1 .* here is 9\.9\.9"):
        iso.vol(iso.read(path, chunks="auto"), **OPTIONS)


def test_workers_on_the_command_line(nuclei_zarr: tuple, tmp_path: Path) -> None:
    path, image = nuclei_zarr
    arguments = ["segment", path, tmp_path / "labels.ome.zarr", "--spot-sigma", "1.8um", "--outline-sigma", "0.9um"]
    done = subprocess.run(
        [sys.executable, "-m", "isoscale_ij", *map(str, arguments), "--workers", "2"],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(iso.read(tmp_path / "labels.ome.zarr").values, iso.vol(image, **OPTIONS).values)
    assert {each.name for each in tmp_path.iterdir()} == {"labels.ome.zarr", "nuclei.ome.zarr"}


def test_a_scheduler_that_is_not_there(
    nuclei_zarr: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path, _ = nuclei_zarr
    monkeypatch.setattr("isoscale_ij.cli.workplace._SECONDS_TO_CONNECT", 1)
    arguments = ["segment", path, tmp_path / "l.tif", "--spot-sigma", "2um", "--outline-sigma", "1um"]
    assert main([*map(str, arguments), "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "No scheduler answers at tcp://127.0.0.1:1" in capsys.readouterr().err


def test_a_command_that_was_interrupted_goes_on(
    nuclei_zarr: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path, image = nuclei_zarr
    out = tmp_path / "labels.tif"
    arguments = list(map(str, ["segment", path, out, "--spot-sigma", "1.8um", "--outline-sigma", "0.9um", "--resume"]))

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("isoscale_ij.execution.chunks.steps.ChunkedSteps.join_pieces", interrupted)
        assert main(arguments) != 0
    begun = tmp_path / "labels.tif.begun"
    assert (begun / "done").is_dir()
    with monkeypatch.context() as patch:  # what is done is not done again
        patch.setattr("isoscale_ij.execution.chunks.tasks.keep_mask", _named("keep_mask"))
        assert main([*arguments[:4], "2um", *arguments[5:]]) == 1
        assert "spot_sigma" in capsys.readouterr().err
        assert main(arguments) == 0
    np.testing.assert_array_equal(iso.read(out).values, iso.vol(image, **OPTIONS).values)
    assert not begun.exists()


def _named(name: str) -> Any:
    def never(*_: Any) -> Any:
        raise AssertionError(name)

    never.__name__ = name
    return never

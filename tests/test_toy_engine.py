"""CONTRIBUTING's recipe for an engine, followed to the letter: one module, one line."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij import engines
from isoscale_ij.engines.cpu.engine import CpuEngine

calls: list[str] = []


class ToyEngine(CpuEngine):
    """The steps of the processor, which notes what it is asked for."""

    name = "toy"

    def blur(self, *arguments: object, **options: object) -> None:  # noqa: D102
        calls.append("blur")
        super().blur(*arguments, **options)

    def resample(self, *arguments: object, **options: object) -> None:  # noqa: D102
        calls.append("resample")
        super().resample(*arguments, **options)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the recipe, and its line in ``engines.DOORS``."""
    module = ModuleType("toy_engine", "A toy engine.")
    module.NAME = "toy"
    module.usable = lambda: True
    module.suits = lambda voxels: voxels == 7 * 8 * 9
    module.make = ToyEngine
    module.holding = lambda values: None
    monkeypatch.setitem(sys.modules, "toy_engine", module)
    monkeypatch.setattr(engines, "DOORS", ["toy_engine", *engines.DOORS])
    calls.clear()
    return module


def test_it_is_chosen_by_its_name(door: ModuleType, nuclei: tuple) -> None:
    options = {"spot_sigma": 1.8, "outline_sigma": 0.9}
    np.testing.assert_array_equal(iso.vol(nuclei[0], engine="toy", **options), iso.vol(nuclei[0], **options))
    assert calls == ["blur", "blur"]
    with pytest.raises(iso.ParameterError, match="'auto', 'cpu', 'opencl', 'toy'"):
        iso.vol(nuclei[0], engine="abacus", **options)


def test_it_is_chosen_where_it_suits(door: ModuleType) -> None:
    image = iso.as_image(np.ones((7, 8, 9), np.uint8), voxel_size=1, unit="um")
    iso.rescale(image, {"z": 2.0})
    assert calls == ["resample"]
    iso.rescale(image[1:], {"z": 2.0})
    assert calls == ["resample"]


def test_the_command_line_offers_it(door: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    from isoscale_ij.cli import main

    with pytest.raises(SystemExit):
        main(["rescale", "--help"])
    assert "{auto,cpu,opencl,toy}" in capsys.readouterr().out.replace("\n", "").replace(" ", "")

"""The profile of ``make bench`` names steps as they are: one that is gone, or new, is noticed here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import isoscale_ij as iso

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
steps = pytest.importorskip("steps", reason="needs the environment of make setup-peers")


@pytest.mark.filterwarnings("ignore")
def test_each_way_has_the_steps_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "volume", lambda *, quick: iso.sample(shape=(16, 96, 112), seed=5, n_objects=14)[0])
    rows = steps.rows({"copy_gb_per_s_all": 10.0, "multiply_adds_g_per_s_all": 50.0}, quick=True)
    taken = {way: {row["step"] for row in rows if row["way"] == way} for way in {row["way"] for row in rows}}
    common = {"blur (outline)", "blur (spots)", "extrema", "histogram", "find_seeds", "census", "all"}
    assert all(common <= found for found in taken.values())
    assert {"keep_mask", "assign", "join_pieces"} <= taken["default"]
    assert {"keep_mask, values held", "peaks", "cut", "keep_pieces"} <= taken['threshold="local"']
    assert {"keep_mask, values held", "flood"} <= taken['borders="light"']

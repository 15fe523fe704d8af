"""The same segmentation as napari-segment-blobs-and-things-with-membranes, where the two mean the same.

With sigmas in voxels the two differ only in how a clump is divided: theirs floods by city-block
steps, ours by distance. Runs in its own environment (``make setup-peers``).
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import isoscale_ij as iso
from isoscale_ij.operations.agreement import agreement

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    nsbatwm = pytest.importorskip(
        "napari_segment_blobs_and_things_with_membranes", reason="needs the environment of make setup-peers"
    )

pytestmark = pytest.mark.filterwarnings("ignore")
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def _compare(values: np.ndarray, spot: float, outline: float) -> None:
    theirs = np.asarray(nsbatwm.voronoi_otsu_labeling(values, spot_sigma=spot, outline_sigma=outline))
    ours = iso.vol(iso.as_image(values), spot_sigma=f"{spot} px", outline_sigma=f"{outline} px").values
    assert ours.max() == len(np.unique(theirs)) - 1
    overlap = np.count_nonzero((ours > 0) & (theirs > 0)) / np.count_nonzero((ours > 0) | (theirs > 0))
    assert overlap >= 0.999
    assert agreement(theirs.astype(np.int32), ours).average_precision >= 0.95


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("spot", "outline"), [(10, 5), (6, 2), (4, 4)])
def test_synthetic_nuclei(seed: int, spot: float, outline: float) -> None:
    image, _ = iso.sample(shape=(120, 240, 240), voxel_size={"z": 0.4, "y": 0.25, "x": 0.25}, seed=seed)
    _compare(image.values, spot, outline)


@pytest.mark.parametrize(("spot", "outline"), [(3, 1.5), (2, 1)])
def test_real_nuclei(spot: float, outline: float) -> None:
    path = DATA / "xyz_8bit__nuclei_autothresh.tif"
    if not path.exists():
        pytest.skip("the folder of real images (../shared/data) is not here")
    _compare(iso.read(path).values, spot, outline)

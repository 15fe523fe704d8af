"""Files whose calibration is known, in every format: what is true of them, and the table of it in docs/formats.md.

``python tests/known_files.py`` writes that page. What is true was found in the makers' own metadata, and with other
readers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "formats"
RECORDED, WRITTEN, BY_HAND = "recorded", "written by the maker's library", "made by hand"


@dataclass(frozen=True)
class Known:
    """One image of one file; None where the file does not say it.

    `make` writes the file into a folder where it is made by hand or by another library; a real one is in
    ``../shared``. `lower` is where the image begins, where the file says that.
    """

    format: str
    file: str
    origin: str
    sizes: dict[str, int]
    voxel_size: dict[str, float]
    total: int | None
    unit: str | None = "micrometer"
    step: float | None = None
    channels: list[str] | None = None
    lower: dict[str, float] | None = None
    scene: int = 0
    scenes: int = 1
    attrs: dict[str, Any] = field(default_factory=dict)
    needs: str | None = None
    make: Callable[[Path], Path] | None = None

    def __str__(self) -> str:
        return f"{self.file}-{self.scene}" if self.scenes > 1 else self.file

    def path(self, folder: Path) -> Path:
        """The file; a test is skipped where it or its library is not there."""
        if self.needs:
            library(self.needs)
        if self.make is not None:
            return self.make(folder)
        path = REAL / self.file
        if not path.exists():
            pytest.skip(f"the real file {self.file} (../shared/data/formats) is not here")
        return path


def library(name: str) -> Any:
    """A library, or a skipped test where it is not to be had."""
    from isoscale_ij.errors import MissingDependencyError
    from isoscale_ij.files import czi

    if name == "czifile":
        try:
            with czi._opened(REAL / "no file"):
                pass
        except MissingDependencyError as error:
            pytest.skip(str(error))
        except OSError:
            pass
    return pytest.importorskip(name)


KNOWN: list[Known] = [
    Known(
        "CZI", "czirw_ref.czi", WRITTEN, {"z": 6, "y": 64, "x": 80},
        {"z": 1.5, "y": 0.159666504031508, "x": 0.159666504031508}, 11228068,
        attrs={"channel": "DAPI"}, needs="czifile",
    ),
    Known(
        "CZI", "czirw_scenes2.czi", WRITTEN, {"c": 2, "z": 4, "y": 32, "x": 40}, {"z": 1.0, "y": 0.2, "x": 0.2},
        2135090, channels=["DAPI", "GFP"], scenes=2, needs="czifile",
    ),
    Known(
        "CZI", "czirw_scenes2.czi", WRITTEN, {"c": 2, "z": 4, "y": 32, "x": 40}, {"z": 1.0, "y": 0.2, "x": 0.2},
        12374909, channels=["DAPI", "GFP"], scene=1, scenes=2, attrs={"stage_position": {"x": 10.0, "y": 0.0}},
        needs="czifile",
    ),
    Known(
        "CZI", "czirw_zstd.czi", WRITTEN, {"z": 5, "y": 64, "x": 64}, {"z": 0.75, "y": 0.3, "x": 0.3}, 6891439,
        attrs={"channel": "DAPI"}, needs="czifile",
    ),
    Known(
        "CZI", "zen_2d_stage_offset.czi", RECORDED, {"y": 325, "x": 475},
        {"y": 1.0833333333333333, "x": 1.0833333333333333}, 563709458, needs="czifile",
        attrs={"channel": "Bright",
               "stage_position": {"x": 39856 * 1.0833333333333333, "y": 39272 * 1.0833333333333333}},
    ),
    Known(
        "CZI", "gpl3-repo/zen_CD_t3_c2_z5.czi", RECORDED, {"t": 3, "c": 2, "z": 5, "y": 170, "x": 240},
        {"z": 0.32, "y": 0.090576674152210312, "x": 0.090576674152210312}, 1308355531, step=60.075,
        channels=["LED555", "LED470"], needs="czifile",
    ),
    Known(
        "ND2", "cluster.nd2", RECORDED, {"t": 3, "c": 2, "z": 10, "y": 31, "x": 38},
        {"z": 0.5, "y": 0.16780898323268245, "x": 0.16780898323268245}, 4832891, step=(21740.2 - 445.1) / 2000,
        channels=["5-FAM/pH 9.0", "FM 4-64/2% CHAPS"], needs="nd2",
    ),
    Known(
        "LIF", "gpl3-repo/las_xz.lif", RECORDED, {"t": 20, "c": 2, "z": 128, "y": 1, "x": 128},
        {"z": 17.81540 / 127, "x": 17.81554 / 127}, 5529504, step=0.53, channels=["FITC", "TRITC"], scenes=3,
        needs="liffile",
    ),
    Known(
        "LIF", "gpl3-repo/las_xz.lif", RECORDED, {"c": 2, "z": 128, "y": 23, "x": 128},
        {"z": 17.81540 / 127, "y": 5.039354 / 22, "x": 17.81554 / 127}, 4624148, channels=["FITC", "TRITC"], scene=1,
        scenes=3, needs="liffile",
    ),
    Known(
        "LIF", "gpl3-repo/las_xz.lif", RECORDED, {"c": 2, "z": 512, "y": 1, "x": 512},
        {"z": 52.47841 / 511, "x": 52.47828 / 511}, 4310826, channels=["FITC", "TRITC"], scene=2, scenes=3,
        needs="liffile",
    ),
    Known(
        "IMS", "Minimal_IMS_File.ims", WRITTEN, {"z": 1, "y": 128, "x": 128},
        {"z": 0.1, "y": 0.0546875, "x": 0.0546875}, None, unit=None, lower={"z": 0.0, "y": 3.0, "x": 3.0},
        needs="h5py",
    ),
]  # fmt: skip

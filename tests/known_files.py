"""Files whose calibration is known, in every format: what is true of them, and the table of it in docs/formats.md.

``python tests/known_files.py`` writes that page. What is true was found in the makers' own metadata, and with other
readers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import made_files
import made_tiffs
from images import ome_set

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "formats"
RECORDED, WRITTEN, BY_ITK, BY_HAND = "recorded", "written by the maker's library", "written by ITK", "made by hand"


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


_STACK = {"sizes": {"z": 6, "y": 20, "x": 24}, "voxel_size": {"z": 1.5, "y": 0.1, "x": 0.1}}
_TOTAL = int(made_tiffs.VALUES.sum())


def _ims(folder: Path) -> Path:
    values = np.arange(2 * 2 * 3 * 17 * 20, dtype=np.uint16).reshape(2, 2, 3, 17, 20)
    extent = {"x": (10.0, 12.0), "y": (-2.0, -0.3), "z": (0.0, 4.5)}
    moments = ["2026-01-01 23:59:50.000", "2026-01-02 00:00:00.500"]
    return made_files.ims(
        folder / "padded.ims", values, extent, unit="um", channels=["DAPI", "GFP"], moments=moments, compression="gzip"
    )


def _itk(ending: str) -> Callable[[Path], Path]:
    """Written by ITK, which knows no unit."""

    def make(folder: Path) -> Path:
        sitk = pytest.importorskip("SimpleITK")
        image = sitk.GetImageFromArray(made_tiffs.VALUES.astype(np.uint16))
        image.SetSpacing((0.1, 0.1, 1.5))
        image.SetOrigin((10.05, 20.05, 30.75))
        sitk.WriteImage(image, str(folder / f"itk{ending}"))
        return folder / f"itk{ending}"

    return make


def _lof(folder: Path) -> Path:
    values = np.arange(3 * 2 * 5 * 4, dtype=np.uint8).reshape(3, 2, 5, 4)
    axes = [made_files.Axis(1, 4, 3e-7), made_files.Axis(2, 5, 8e-7), made_files.Axis(3, 3, -4e-6, 2e-6)]
    xml = made_files.leica_image(axes, [{"dye": "DAPI"}, {"dye": "GFP"}], 8, "stack", "block 0")
    return made_files.lof(folder / "stack.lof", xml, values)


def _xlef(folder: Path) -> Path:
    values = np.arange(3 * 2 * 5 * 4, dtype=np.uint16).reshape(3, 2, 5, 4)
    axes = [made_files.Axis(1, 4, 3e-7), made_files.Axis(2, 5, 8e-7), made_files.Axis(3, 3, -4e-6, 2e-6)]
    xml = made_files.leica_image(axes, [{"dye": "DAPI"}, {"dye": "GFP"}], 16, "stack", "block 0")
    return made_files.xlef(folder, xml, values)


def _dv(folder: Path) -> Path:
    values = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)
    return made_files.dv(folder / "stack.dv", values, (1.5, 0.1, 0.1))


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
    Known(
        "IMS", "padded.ims", BY_HAND, {"t": 2, "c": 2, "z": 3, "y": 17, "x": 20}, {"z": 1.5, "y": 0.1, "x": 0.1},
        4079 * 4080 // 2, step=10.5, channels=["DAPI", "GFP"],
        lower={"z": 0.0, "y": -2.0, "x": 10.0}, needs="h5py", make=_ims,
    ),
    Known(
        "LIF", "stack.lof", BY_HAND, {"c": 2, "z": 3, "y": 5, "x": 4}, {"z": 2.0, "y": 0.2, "x": 0.1}, 119 * 60,
        channels=["DAPI", "GFP"], needs="liffile", make=_lof,
    ),
    *(
        Known(
            "XLEF", "project.xlef", BY_HAND, {"c": 2, "z": 3, "y": 5, "x": 4}, {"z": 2.0, "y": 0.2, "x": 0.1}, 119 * 60,
            channels=["DAPI", "GFP"], scene=scene, scenes=2, needs="liffile", make=_xlef,
        )
        for scene in (0, 1)
    ),
    Known(
        "DV, through bioio", "stack.dv", BY_HAND, {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6},
        {"z": 1.5, "y": 0.1, "x": 0.1}, 719 * 360, needs="bioio_dv", make=_dv,
    ),
    Known(
        "Micro-Manager", "ndtiff_v2.tif", RECORDED, {"t": 5, "c": 2, "y": 32, "x": 32}, {"y": 1.0, "x": 1.0}, None,
        channels=["DAPI", "FITC"],
    ),
    Known(
        "Micro-Manager", "micromanager.tif", BY_HAND, {"c": 2, "z": 3, "y": 20, "x": 24},
        {"z": 0.75, "y": 0.1, "x": 0.1}, _TOTAL, channels=["DAPI", "GFP"],
        make=lambda folder: made_tiffs.micromanager(folder / "micromanager.tif"),
    ),
    Known(
        "NRRD", "itk.nrrd", BY_ITK, **_STACK, total=_TOTAL, unit=None, lower={"z": 30.0, "y": 20.0, "x": 10.0},
        needs="nrrd", make=_itk(".nrrd"),
    ),
    Known(
        "NIfTI", "itk.nii.gz", BY_ITK, **_STACK, total=_TOTAL, unit="millimeter", needs="nibabel", make=_itk(".nii.gz"),
    ),
    Known("MRC", "itk.mrc", BY_ITK, **_STACK, total=_TOTAL, unit="angstrom", needs="mrcfile", make=_itk(".mrc")),
    Known("LSM", "a.lsm", BY_HAND, **_STACK, total=_TOTAL, make=lambda folder: made_tiffs.lsm(folder / "a.lsm")),
    Known("STK", "a.stk", BY_HAND, **_STACK, total=_TOTAL, make=lambda folder: made_tiffs.stk(folder / "a.stk")),
    Known(
        "SCIFIO TIFF", "scifio.tif", BY_HAND, **_STACK, total=_TOTAL,
        make=lambda folder: made_tiffs.scifio(folder / "scifio.tif"),
    ),
    Known(
        "ScanImage", "volumes.tif", BY_HAND, {"t": 2, "c": 2, "z": 4, "y": 20, "x": 24},
        {"z": 2.5, "y": 0.5, "x": 0.5}, 480 * 10 * (2 * 28 + 8 * 10), step=5 / 30, channels=["red", "blue"],
        make=lambda folder: made_tiffs.scanimage_volumes(folder / "volumes.tif"),
    ),
    Known(
        "OME-TIFF", "s0.ome.tif (a set of three)", BY_HAND, {"z": 6, "y": 5, "x": 6}, {"z": 1.5, "y": 0.1, "x": 0.1},
        90 * 181, make=lambda folder: ome_set(folder)[0],
    ),
    Known(
        "OME-TIFF", "s.companion.ome", BY_HAND, {"z": 6, "y": 5, "x": 6}, {"z": 1.5, "y": 0.1, "x": 0.1}, 90 * 181,
        make=lambda folder: ome_set(folder, companion=True)[0].with_name("s.companion.ome"),
    ),
    Known(
        "OME-TIFF", "pyramid.ome.tif", BY_HAND, {"z": 6, "y": 20, "x": 24}, {"z": 1500.0, "y": 100.0, "x": 100.0},
        _TOTAL, unit="nanometer", make=lambda folder: made_tiffs.ome_pyramid(folder / "pyramid.ome.tif"),
    ),
]  # fmt: skip


# The page of it

PAGE = ROOT / "docs" / "formats.md"
BEGIN, END = "<!-- from here: python tests/known_files.py -->", "<!-- to here -->"
_COLUMNS = ("voxel size", "unit", "origin", "time", "channels", "scenes", "header alone", "by region")


def claims(known: Known) -> set[str]:
    """What is tested with a file."""
    facts = {
        "voxel size": known.voxel_size, "unit": known.unit, "origin": known.lower, "time": known.step,
        "channels": known.channels or known.attrs.get("channel"), "scenes": known.scenes > 1,
    }  # fmt: skip
    return {what for what, value in facts.items() if value} | {"header alone", "by region"}


def table() -> str:
    """Each format with what was seen to be right, and on what kind of file; then the files."""
    lines = [f"| format | {' | '.join(_COLUMNS)} |", f"| --- |{' --- |' * len(_COLUMNS)}"]
    for name in dict.fromkeys(known.format for known in KNOWN):
        files = [known for known in KNOWN if known.format == name]
        cells = []
        for column in _COLUMNS:
            origins = [known.origin for known in files if column in claims(known)]
            best = next((origin for origin in (RECORDED, WRITTEN, BY_ITK, BY_HAND) if origin in origins), "–")
            cells.append(_SHORT.get(best, best))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| file | format | how it came to be | image |", "| --- | --- | --- | --- |"]
    for known in KNOWN:
        scene = f", scene {known.scene} of {known.scenes}" if known.scenes > 1 else ""
        sizes = " ".join(f"{axis} {size}" for axis, size in known.sizes.items())
        lines.append(f"| {known.file.rpartition('/')[2]}{scene} | {known.format} | {known.origin} | {sizes} |")
    return "\n".join(lines)


_SHORT = {WRITTEN: "maker's library"}


def page(text: str) -> str:
    """The page with the table of today."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

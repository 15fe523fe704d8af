"""What a notebook shows by itself; ``image.iso``; the bar of tqdm."""

from __future__ import annotations

import json
from dataclasses import replace
from inspect import isfunction, signature
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr

import isoscale_ij as iso
from isoscale_ij import progress
from isoscale_ij.image.accessor import Iso
from test_package import python

SIGMAS = {"spot_sigma": 1.4, "outline_sigma": "0.9 um"}


def texts_of(html: str) -> list[str]:
    """The texts in it; it has to be well-formed."""
    return list(ElementTree.fromstring(f"<div>{html}</div>").itertext())


def test_info_and_plan_are_small_tables(nuclei: tuple) -> None:
    texts = texts_of(iso.info(nuclei[0])._repr_html_())
    assert "z 1.5 µm, y 0.159667 µm, x 0.159667 µm" in texts
    assert any("(16, 96, 112) (z y x), uint16" in text for text in texts)
    assert texts_of(iso.info(nuclei[1])._repr_html_())[0] == "Labels"
    plan = iso.plan_rescale(nuclei[0], 1.0)
    texts = texts_of(plan._repr_html_())
    assert texts[texts.index("voxel size") + 1] == "z 1 µm, y 1 µm, x 1 µm"
    assert "not known (uncalibrated)" in iso.plan_rescale(np.zeros((4, 8, 8)), factor=2)._repr_html_()
    named = iso.as_image(np.zeros((4, 8, 8))).rename("<script>")
    assert "<script>" not in iso.info(named)._repr_html_()


def test_a_comparison_is_its_table_and_its_labels(nuclei: tuple) -> None:
    comparison = iso.compare(nuclei[0], **SIGMAS, truth=nuclei[1])
    html = comparison._repr_html_()
    texts = texts_of(html)
    assert set(comparison.table["name"]) < set(texts)
    assert html.count('src="data:image/png;base64,') == 1
    assert len(html) < 2_000_000
    skipped = iso.Comparison(comparison.table, comparison.image, {})
    assert "<img" not in skipped._repr_html_()


def test_a_suggestion_is_two_sigmas_a_sentence_and_its_curve(nuclei: tuple) -> None:
    suggestion = iso.suggest_sigmas(nuclei[0])
    html = suggestion._repr_html_()
    texts = texts_of(html)
    assert float(texts[texts.index("spot sigma") + 1].split()[0]) == pytest.approx(suggestion.spot_sigma, rel=1e-3)
    assert suggestion.reason in texts
    assert html.count('src="data:image/png;base64,') == 1
    flat = iso.suggest_sigmas(np.full((6, 30, 30), 7, np.uint8))._repr_html_()
    assert "spot sigma" not in texts_of(flat)
    assert "No sigma finds any object" in flat


def test_the_sentence_above_the_curve_has_no_line_of_a_single_word(nuclei: tuple) -> None:
    known = iso.suggest_sigmas(nuclei[0])
    sure = "It finds about 97 objects of some 6.32 µm radius; their number is steady from 1.38 to 5.57 µm."
    doubtful = f"{sure[:-1]}, which is little, as where objects are dense or differ in size: look at the result."
    for reason in (sure, doubtful, "No sigma finds any object."):
        figure = replace(known, reason=reason).figure()
        figure.draw_without_rendering()
        title = figure.axes[0].title
        assert title.get_text().replace("\n", " ") == reason
        assert min(len(line) for line in title.get_text().splitlines()) > 20
        box = title.get_window_extent()
        assert figure.bbox.x0 < box.x0 < box.x1 < figure.bbox.x1


@pytest.mark.parametrize("kind", [0, 1])
def test_an_image_or_labels_as_a_table_and_a_small_picture(nuclei: tuple, kind: int) -> None:
    html = nuclei[kind].iso._repr_html_()
    assert texts_of(html)[0] == ("Image", "Labels")[kind]
    assert html.count('src="data:image/png;base64,') == 1
    assert len(html) < 200_000


def test_the_accessor_is_thin(nuclei: tuple, tmp_path: Path) -> None:
    image, truth = nuclei
    assert image.iso.voxel_size == iso.voxel_size(image)
    assert image.iso.info() == iso.info(image)
    assert image.iso.set_voxel_size(z="2 um").iso.voxel_size["z"] == 2
    assert image.iso.plan_rescale("x") == iso.plan_rescale(image, "x")
    assert image.iso.rescale(1.0, interpolation="nearest").identical(iso.rescale(image, 1.0, interpolation="nearest"))
    labels = image.iso.vol(**SIGMAS)
    assert labels.identical(iso.vol(image, **SIGMAS))
    assert labels.iso.measure(image).equals(iso.measure(labels, image))
    assert len(image.iso.compare(**SIGMAS, voxel_sizes=[]).table) == 3
    labels.iso.write(tmp_path / "labels.tif")
    labels.iso.write(tmp_path / "labels.tif", overwrite=True)
    assert image.iso.show(labels, at={"z": "6 um"})._repr_png_().startswith(b"\x89PNG")
    assert Iso(truth).info().kind == "labels"


def test_what_takes_an_image_is_a_method_of_images(nuclei: tuple, tmp_path: Path) -> None:
    functions = {name: getattr(iso, name) for name in iso.__all__ if isfunction(getattr(iso, name))}
    taking = {name for name, each in functions.items() if {"image", "labels"} & set(signature(each).parameters)}
    assert {"suggest_sigmas", "plan_rescale", "measure", "write", "voronoi_otsu_labeling"} <= taking
    assert taking <= set(dir(Iso))
    image, truth = nuclei
    assert str(image.iso.suggest_sigmas()) == str(iso.suggest_sigmas(image))
    truth.iso.write(tmp_path / "labels.ome.zarr", version="0.4")
    assert truth.iso.measure(image=image).equals(iso.measure(truth, image))


def test_the_accessor_says_what_the_image_is(nuclei: tuple) -> None:
    assert repr(nuclei[0].iso) == str(nuclei[0].iso) == str(iso.info(nuclei[0]))
    series = xr.DataArray(np.zeros(3), dims="wavelength")  # it has .iso, like every DataArray
    assert repr(series.iso).startswith("<no image: ")
    assert series.iso._repr_html_() is None


def test_the_accessor_comes_with_the_first_image() -> None:
    code = """
import sys
import isoscale_ij as iso
assert "xarray" not in sys.modules
image = iso.as_image([[1, 2], [3, 4]], voxel_size=1, unit="um")
print(image.iso.voxel_size, "matplotlib" in sys.modules, "numba" in sys.modules)
"""
    assert python(code) == "{'y': 1.0, 'x': 1.0} False False"


def test_outside_of_a_notebook_there_is_no_bar() -> None:
    assert progress.notebook_bar() is None


_CELLS = [
    "import isoscale_ij as iso; image, truth = iso.sample(shape=(8, 64, 64), n_objects=4)",
    "from isoscale_ij import progress; progress._PATIENCE = 0",
    "labels = iso.vol(image, spot_sigma=1.4, outline_sigma=0.9)",
    "iso.info(image)",
    "image.iso.show(labels)",
    "iso.compare(image, spot_sigma=1.4, outline_sigma=0.9, truth=truth)",
    "from concurrent.futures import ThreadPoolExecutor as Pool; Pool(1).submit(progress.notebook_bar).result() is None",
]


def test_in_a_real_notebook(tmp_path: Path) -> None:
    """A kernel runs it: values show themselves without magics, and longer work has one bar."""
    pytest.importorskip("ipykernel")
    (tmp_path / "cells.json").write_text(json.dumps(_CELLS))
    code = f"""
import json, warnings
warnings.simplefilter("ignore")  # those of Jupyter
import nbformat
from nbclient import NotebookClient
cells = json.load(open({str(tmp_path / "cells.json")!r}))
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(book, timeout=100, kernel_name="python3").execute()
print(json.dumps([[output.get("data", {{}}) for output in cell.outputs] for cell in book.cells]))
"""
    _, _, bar, info, picture, comparison, thread = json.loads(python(code).splitlines()[-1])
    widget = "application/vnd.jupyter.widget-view+json"
    for outputs in (bar, comparison):
        assert sum(widget in output for output in outputs) == 1
    assert "<table>" in info[0]["text/html"]
    assert "image/png" in picture[-1]
    assert "data:image/png;base64" in comparison[-1]["text/html"]
    assert thread[-1]["text/plain"] == "True"

"""What the documentation says runs, and is true."""

from __future__ import annotations

import importlib.util
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from xml.etree import ElementTree

import pytest

import isoscale_ij as iso

ROOT = Path(__file__).resolve().parents[1]


def run_page(page: str, pictures: Path) -> dict[str, Any]:
    """Run a page of the documentation; what it defined."""
    spec = importlib.util.spec_from_file_location("render", ROOT / "docs" / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names: dict[str, Any] = {}
    text = module.render(page, pictures, names)
    written = (ROOT / "docs" / f"{page}.md").read_text()
    headings = re.findall(r"^#+ .*", text, re.MULTILINE)
    assert headings == re.findall(r"^#+ .*", written, re.MULTILINE), "make walkthrough"
    assert outputs(text) == outputs(written), "make walkthrough"
    return names


def outputs(page: str) -> list[str]:
    """What a page says was printed, but for what depends on the machine: times, memory, ImageJ's numbers of images."""
    blocks: list[str] = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    blocks = [block for block in blocks if not re.search(r" \d+\.\d+ s\b|seconds_|of the time", block)]
    return [re.sub(r"\(-\d+\)", "", block) for block in blocks]


def test_the_walkthrough_runs(tmp_path: Path) -> None:
    run_page("walkthrough", tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").iterdir())) == 3


def test_the_imagej_page_runs_and_every_number_is_right(imagej: Any, tmp_path: Path) -> None:
    names = run_page("imagej", tmp_path / "pictures")
    image, labels = names["image"], iso.imagej.from_imageplus(names["labels"])
    assert iso.voxel_size(image) == {"z": 1.5, "y": 0.16, "x": 0.16}
    assert image.c.values.tolist() == ["DAPI", "membrane"]
    assert iso.voxel_size(names["blurred"]) == {"z": 0.5, "y": 0.5, "x": 0.5}
    assert [float(names["blurred"][axis][0]) for axis in "zyx"] == [0.25] * 3  # the lower edge stayed at 0
    assert iso.voxel_size(labels) == iso.voxel_size(image)
    assert iso.info(labels).units == dict.fromkeys("zyx", "micrometer")
    expected = iso.vol(image, spot_sigma=1.4, outline_sigma=0.9, channel="DAPI")
    assert (labels == expected).all()
    assert names["results"].size() == int(labels.max()) > 20
    volumes = list(names["results"].getColumn("volume"))
    assert volumes == pytest.approx(iso.measure(expected)["volume"].tolist(), rel=1e-6)


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """What a link may name in a page: its headings, as they are written in links."""
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name) if name else page
        assert other.is_file(), target
        assert not anchor or anchor in anchors(other), target


def test_each_page_is_in_the_site_and_each_picture_in_a_page() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [page.name for page in PAGES[3:] if f" {page.name}\n" not in site] == []
    pictures = [path.name for path in (ROOT / "docs" / "pictures").iterdir()]
    assert [name for name in pictures if f"pictures/{name}" not in texts] == []


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    paths = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    objects = [resolve_name(path) for path in paths]
    objects += [each for name, each in vars(iso.errors).items() if name in iso.__all__]
    for place, names in ((iso, iso.__all__), (iso.imagej, iso.imagej.__all__)):
        missing = [name for name in names if not any(getattr(place, name) is each for each in objects)]
        assert set(missing) <= {"imagej", "__version__"}, missing


def test_the_drawings_are_those_of_the_pages(tmp_path: Path) -> None:
    drawings = runpy.run_path(str(ROOT / "docs" / "drawings.py"))
    drawings["draw"](tmp_path)
    for name in drawings["DRAWINGS"]:
        assert (ROOT / "docs" / "pictures" / name).is_file(), "make walkthrough"
        if name.endswith(".svg"):
            ElementTree.parse(tmp_path / name)


@pytest.mark.parametrize("page", ["README.md", "docs/command-line.md"])
def test_the_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(python|bash)\n(.*?)```", text, re.DOTALL)
    commands = [
        line
        for language, block in blocks
        if language == "bash"
        for line in block.splitlines()
        if line.startswith("isoscale-ij")
    ]
    assert len(commands) >= 6
    script = [sys.executable, "-m", "isoscale_ij"]
    (tmp_path / "stacks").mkdir()
    for name in ("my.tif", "embryo.ome.zarr", "stacks/a.tif", "stacks/b.tif"):
        subprocess.run([*script, "sample", name, "--shape", "12", "96", "96"], check=True, capture_output=True)
    for command in commands:
        arguments = shlex.split(command, comments=True)[1:]
        done = subprocess.run([*script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    examples = [block for language, block in blocks if language == "python" and "pyclesperanto" not in block]
    for block in examples:
        for _ in range(2):  # as a cell of a notebook is run again
            exec(compile(block, page, "exec"), {})  # noqa: S102

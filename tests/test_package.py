"""The package as a whole: light to import, its lists in step, its house in order."""

from __future__ import annotations

import ast
import pickle
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

import isoscale_ij as iso
from isoscale_ij.operations.choices import INTERPOLATIONS, TARGETS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "isoscale_ij"


def python(code: str, **environment: str) -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return done.stdout.strip()


def test_importing_starts_nothing_heavy() -> None:
    heavy = ["numba", "matplotlib", "dask", "scipy", "pandas", "jpype", "pyopencl", "tifffile", "xarray", "numpy"]
    loaded = python(f"import sys, isoscale_ij; print([m for m in {heavy} if m in sys.modules])")
    assert loaded == "[]"


def test_info_needs_neither_kernels_nor_pictures() -> None:
    code = (
        "import sys, isoscale_ij; isoscale_ij.info; isoscale_ij.read; "
        "print([m for m in ('numba', 'matplotlib') if m in sys.modules])"
    )
    assert python(code) == "[]"


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        (["info", "small.tif"], ["numba", "xarray", "pandas", "scipy", "psutil", "isoscale_ij.execution"]),
        (["rescale", "small.tif", "scaled.tif", "--voxel-size", "1.0"], []),
        (["segment", "small.tif", "labels.tif", "--spot-sigma", "1.4", "--outline-sigma", "0.9"], []),
    ],
)
def test_a_command_loads_no_more_than_it_needs(command: list[str], unneeded: list[str], tmp_path: Path) -> None:
    image, _ = iso.sample(shape=(8, 64, 64), n_objects=4)
    iso.write(tmp_path / "small.tif", image)
    heavy = [*unneeded, "dask", "distributed", "zarr", "matplotlib", "pyopencl", "jpype"]
    code = f"""
import os, sys
from isoscale_ij.cli.main import main
os.chdir({str(tmp_path)!r})
status = main({command})
print([status, *(module for module in {heavy} if module in sys.modules)])
"""
    assert python(code).splitlines()[-1] == "[0]"


@pytest.mark.parametrize("package", [iso, iso.imagej])
def test_each_public_name_is_there_under_its_name(package: Any) -> None:
    for name in package.__all__:
        assert getattr(package, name).__name__ in (name, "voronoi_otsu_labeling", f"{package.__name__}.{name}")
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="frobnicate"):
        package.frobnicate  # noqa: B018


def test_the_names_are_those_of_the_stub() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    names = {alias.asname for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(iso.__all__)


def test_errors_are_shown_under_their_public_name() -> None:
    for name in iso.__all__:
        value = getattr(iso, name)
        if isinstance(value, type) and issubclass(value, (Exception, Warning)):
            assert f"{value.__module__}.{value.__qualname__}" == f"isoscale_ij.{name}"
            assert pickle.loads(pickle.dumps(value("why"))).args == ("why",)  # noqa: S301
    assert python("import isoscale_ij as iso, traceback\ntry: iso.as_image(None)\n"
                  "except iso.ParameterError as e: print(traceback.format_exception_only(e)[0])"
                  ).startswith("isoscale_ij.ParameterError: Got None")  # fmt: skip


def test_errors_are_also_the_usual_ones() -> None:
    for error, usual in (
        (iso.CalibrationError, ValueError), (iso.FormatError, ValueError), (iso.ParameterError, ValueError),
        (iso.MemoryLimitError, MemoryError), (iso.MissingDependencyError, ImportError), (iso.Cancelled, Exception),
    ):  # fmt: skip
        assert issubclass(error, usual)
        assert issubclass(error, iso.IsoscaleError)


def test_the_wheel_has_the_version_the_types_and_the_commands_of_fiji(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"isoscale_ij-{iso.__version__}-")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "isoscale_ij/py.typed", "isoscale_ij/__init__.pyi", "isoscale_ij/imagej/__init__.pyi",
        "isoscale_ij/fiji/fiji_scripts/isoscale/Operations.groovy", "isoscale_ij/engines/opencl/kernels.cl",
        "isoscale_ij/napari_plugin/napari.yaml",
    } <= names  # fmt: skip


def test_the_readme_of_a_package_has_no_link_into_the_repository() -> None:
    package = runpy.run_path(str(ROOT / ".ci" / "readme.py"))["for_a_package"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    link = re.compile(r"\]\(([^)]+)\)")
    plain = package(readme, None, "1.2")
    assert all("://" in target for target in link.findall(plain))
    assert "The walk-through does it step by step" in plain
    assert "*Every panel" not in plain  # it is the caption of a picture
    full = package(readme, "https://example.org/iso", "1.2")
    assert len(link.findall(full)) == len(link.findall(readme))
    assert "](https://example.org/iso/raw/v1.2/docs/pictures/walkthrough-3.png)" in full
    assert "](https://example.org/iso/blob/v1.2/docs/walkthrough.md)" in full
    assert all("://" in target for target in link.findall(full))


def test_the_version_stands_once() -> None:
    sources = [ROOT / "pyproject.toml", *PACKAGE.rglob("*.py"), *(ROOT / "fiji_scripts").rglob("*.groovy")]
    assert [path.name for path in sources if f'"{iso.__version__}"' in path.read_text()] == ["__init__.py"]


def test_choices_are_the_same_in_fiji_and_on_the_command_line() -> None:
    for path in (ROOT / "fiji_scripts" / "scripts").rglob("*.groovy"):
        for choices, name in re.findall(r"#@.*choices=\{(.*?)\}.*\)\s+(\w+)", path.read_text()):
            listed = tuple(re.findall(r'"([^"]*)"', choices))
            if name == "interpolation":
                assert listed == INTERPOLATIONS, path
            elif name == "target":
                assert set(listed) == {*TARGETS, "own"}, path


def test_the_conda_environment_is_in_step() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = {re.split(r"[ <>=]", entry)[0] for entry in environment["dependencies"] if isinstance(entry, str)}
    names = {"matplotlib": "matplotlib-base"}
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["imagej"], *extras["opencl"], *extras["clesperanto"]]
    needed = {re.split(r"[ <>=;\[]", entry)[0] for entry in wanted}
    assert {names.get(name, name) for name in needed} <= conda
    assert f"python {project['requires-python']}" in environment["dependencies"]
    assert "numpy >=1.26,<2" in environment["dependencies"]  # so that pyclesperanto-prototype is in the same one
    assert extras["clesperanto"][0].replace(">=", " >=") in environment["dependencies"]


def test_the_conda_recipe_is_in_step() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text())
    assert conda["context"]["version"] == iso.__version__
    assert project["requires-python"] == f">={conda['context']['python_min']}"
    wanted = {
        entry.replace(">=", " >=").replace("matplotlib ", "matplotlib-base ") for entry in project["dependencies"]
    }
    assert set(conda["requirements"]["run"]) == {"python >=${{ python_min }}", *wanted}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert {entry.replace(">=", " >=") for entry in build} <= set(conda["requirements"]["host"])
    ((name, command),) = project["scripts"].items()
    assert conda["build"]["python"]["entry_points"] == [f"{name} = {command}"]
    assert (conda["about"]["summary"], conda["about"]["license"]) == (project["description"], project["license"])


def recipe(target: str) -> list[str]:
    """What make runs for a target, the names of programs filled in."""
    text = (ROOT / "Makefile").read_text().replace("$(RUN)", ".venv/bin/python")
    (lines,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    return [line.strip() for line in lines.splitlines()]


def test_the_hooks_of_pre_commit_are_what_make_check_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == recipe("check")
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in hooks)


def test_the_citation_is_in_step() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (citation["title"], citation["license"]) == (project["name"], project["license"])
    assert citation["abstract"] == project["description"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in project["authors"]]


def test_the_workflows_are_valid() -> None:
    """By the schema of GitHub's workflows that comes with check-jsonschema; nothing is fetched."""
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *workflows], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(workflows) >= 2


def test_the_workflows_run_what_make_has() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert {"name", "jobs", True} <= set(workflow), path  # YAML takes "on" for true
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                for target in re.findall(r"make ([\w -]+)", step.get("run", "")):
                    assert set(target.split()) <= targets, (path, target)


def test_the_lowest_versions_are_those_of_the_project() -> None:
    said = python(f"import runpy; runpy.run_path({str(ROOT / '.ci' / 'lowest.py')!r}, run_name='__main__')")
    lowest = dict(line.split("==") for line in said.splitlines())
    assert lowest["numpy"] == "1.26"
    assert lowest["numba"] == "0.60"
    assert {"xarray", "scipy", "tifffile", "pandas", "matplotlib", "pyimagej", "appose"} <= set(lowest)


def test_every_module_says_why_it_is_there_and_is_not_too_long() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert ast.get_docstring(ast.parse(text)), path
        assert text.count("\n") <= 400, path


def test_the_picture_of_the_house_names_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    house = text[text.index("## The house") : text.index("## Rules that are easy to break")]
    for row in re.findall(r"^(?:\||\* ).*(?:\n  .*)*", house, re.MULTILINE):
        folder, *_ = [*re.findall(r"`([\w/]+/)`", row.partition("|")[2].partition("|")[0]), ""]
        for name in re.findall(r"`([\w/.]+(?:\.pyi?|\.groovy|/))`", row):
            roots = [ROOT, PACKAGE, ROOT / folder, PACKAGE / folder, ROOT / "fiji_scripts/isoscale"]
            assert any((root / name).exists() for root in roots), name
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == {room for room in rooms if f"| `{room}/` |" in house}


def test_docstring_examples_run() -> None:
    import doctest
    from importlib import import_module

    from isoscale_ij.engines.opencl.devices import is_installed

    ran = 0
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if ".napari_plugin" in name and not find_spec("napari"):
            continue
        if name.endswith("__main__") or (".opencl" in name and not is_installed()):
            continue
        result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
        assert result.failed == 0, name
        ran += result.attempted
    assert ran > 15


def test_threads_after_a_fork_and_side_by_side() -> None:
    code = """
import os, threading, warnings
import numpy as np, isoscale_ij as iso
warnings.simplefilter("ignore")
image, _ = iso.sample(shape=(8, 64, 64), n_objects=5)
segment = lambda: iso.vol(image, spot_sigma=1.4, outline_sigma=0.9).values
expected = segment()
found = []
threads = [threading.Thread(target=lambda: found.append(segment())) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
assert len(found) == 4 and all(np.array_equal(expected, f) for f in found)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(segment(), expected) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    if sys.platform == "win32":
        pytest.skip("there is no fork on Windows")
    assert python(code) == "0"


_SEGMENT = """
import hashlib, threading, isoscale_ij as iso
image, _ = iso.sample(shape=(8, 96, 96), n_objects=20)
labels = iso.vol(image, spot_sigma=1.4, outline_sigma=0.9).values
threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("isoscale")]
print(hashlib.sha256(labels.tobytes()).hexdigest(), labels.max(), len(threads))
"""


def test_two_processes_compile_at_once(tmp_path: Path) -> None:
    """Both write the same cache; both are right, and so is a third that reads it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: python(_SEGMENT, NUMBA_CACHE_DIR=str(tmp_path)), range(2)))
    assert found[0] == found[1] == python(_SEGMENT, NUMBA_CACHE_DIR=str(tmp_path))


@pytest.mark.parametrize("name", ["ISOSCALE_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
def test_the_usual_ways_to_limit_threads(name: str) -> None:
    digest, count, threads = python(_SEGMENT, **{name: "1"}).split()
    assert (int(count) > 1, threads) == (True, "0")
    assert python(_SEGMENT, ISOSCALE_NUM_THREADS="3").split() == [digest, count, "3"]


def test_without_a_cache_folder_that_can_be_written(tmp_path: Path) -> None:
    """Kernels then live in memory; nothing fails."""
    code = """
from numba.core import caching
caching.CacheImpl._locator_classes = caching.FunctionCache._impl_class._locator_classes = []
import numpy as np, isoscale_ij as iso
print(iso.rescale(iso.as_image(np.ones((2, 4, 4), np.uint8), voxel_size=1, unit="um"), 0.5).shape)
"""
    assert python(code) == "(4, 8, 8)"

"""Into a Fiji folder and out again: nothing of Fiji's own is touched, and what is wrong is said."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import isoscale_ij as iso
from isoscale_ij.fiji import installing, jar


def class_path() -> list[Path]:
    import os

    import jpype

    return [Path(p) for p in str(jpype.JClass("java.lang.System").getProperty("java.class.path")).split(os.pathsep)]


@pytest.fixture
def folder(imagej: Any, tmp_path: Path) -> Path:
    """A folder as Fiji's is, with the real jars."""
    jars = tmp_path / "Fiji.app" / "jars"
    jars.mkdir(parents=True)
    (tmp_path / "Fiji.app" / "plugins").mkdir()
    for path in class_path():
        if "isoscale" not in path.name and "jpype" not in path.name and path.suffix == ".jar":
            (jars / path.name).symlink_to(path)
    return tmp_path / "Fiji.app"


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_in_and_out(folder: Path) -> None:
    before = listing(folder)
    assert "not installed" in installing.status(folder)["isoscale"]
    done = installing.install(folder)
    assert "Plugins > IsoScale" in done[-1]
    assert listing(folder) - before == {f"jars/{jar.name()}"}
    found = installing.status(folder)
    assert found["isoscale"] == iso.__version__
    assert found["imagej"] == "1.54p"
    assert found["appose"] == "0.9.0"
    assert found["python"] == sys.executable
    assert found["java"][0].isdigit()
    installing.install(folder)  # again is the same
    assert len(listing(folder) - before) == 1
    assert jar.name() in installing.uninstall(folder)[0]
    assert listing(folder) == before
    assert "not in this Fiji" in installing.uninstall(folder)[0]


def test_an_older_jar_is_replaced(folder: Path) -> None:
    old = folder / "plugins" / "isoscale-ij-0.0.1.jar"
    jar.build(old, {})
    jar.build(folder / "jars" / "isoscale-ij-0.0.2.jar", {})
    assert installing.status(folder)["isoscale"].startswith(
        "2 jars (isoscale-ij-0.0.2.jar, isoscale-ij-0.0.1.jar); run"
    )
    assert any("isoscale-ij-0.0.1.jar was replaced" in line for line in installing.install(folder))
    assert not old.exists()


def test_appose_is_added_where_it_is_missing_and_taken_out_again(folder: Path) -> None:
    (folder / "jars" / "appose-0.9.0.jar").unlink()
    before = listing(folder)
    assert "none" in installing.status(folder)["appose"]
    installing.install(folder)
    assert installing.status(folder)["appose"] == "0.9.0"
    added = listing(folder) - before
    assert f"jars/{jar.name()}" in added
    assert "jars/appose-0.9.0.jar" in added
    assert not any("groovy-4" in name or "jna-5" in name for name in added)  # Fiji has them already
    installing.uninstall(folder)
    assert listing(folder) == before


def test_appose_that_is_too_old(folder: Path) -> None:
    (folder / "jars" / "appose-0.9.0.jar").rename(folder / "jars" / "appose-0.3.0.jar")
    before = listing(folder)
    with pytest.raises(iso.MissingDependencyError, match=r"appose-0\.3\.0\.jar in Fiji is too old"):
        installing.install(folder)
    assert listing(folder) == before


@pytest.mark.parametrize("here", ["0.10.1", "0.7.0"])
def test_appose_of_python_that_is_too_old(folder: Path, monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    monkeypatch.setattr(installing, "version", lambda _: here)
    before = listing(folder)
    with pytest.raises(iso.MissingDependencyError, match=rf"Got appose {here}.*needed is 0\.12 or newer: pip install"):
        installing.install(folder)
    assert listing(folder) == before


def test_a_folder_that_is_no_fiji(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none"):
        for action in (installing.install, installing.uninstall, installing.status):
            with pytest.raises(iso.FormatError, match="is no Fiji"):
                action(place)


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(iso.ParameterError, match=r"cannot be written.*folder of your own"):
        installing.install(folder)


def test_python_that_is_gone(folder: Path) -> None:
    installing.install(folder)
    path = folder / "jars" / jar.name()
    jar.build(path, {"python": "/gone/python"})
    assert "which is gone; run isoscale-ij fiji install" in installing.status(folder)["python"]


def test_the_jar_has_scripts_only_and_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.jar", "b.jar"):
        jar.build(tmp_path / name, {"python": r"C:\Users\Zoë\python.exe"})
    assert (tmp_path / "a.jar").read_bytes() == (tmp_path / "b.jar").read_bytes()
    assert jar.properties(tmp_path / "a.jar")["python"] == r"C:\Users\Zoë\python.exe"
    with zipfile.ZipFile(tmp_path / "a.jar") as built:
        names = built.namelist()
    assert "scripts/Plugins/IsoScale/Rescale_to_Isotropic.groovy" in names
    assert "scripts/" in names
    assert {Path(name).suffix for name in names} <= {".groovy", ".MF", ".properties", ""}
    assert jar.properties(tmp_path / "none.jar") == {}


def test_javas_properties_read_what_we_write(imagej: Any, tmp_path: Path) -> None:
    import jpype

    python = r"C:\Users\Zoë\new\python.exe"
    jar.build(tmp_path / "a.jar", {"python": python})
    with zipfile.ZipFile(tmp_path / "a.jar") as built:
        text = built.read(jar.PROPERTIES).decode("latin-1")
    found = jpype.JClass("java.util.Properties")()
    found.load(jpype.JClass("java.io.StringReader")(text))
    assert str(found.getProperty("python")) == python


def test_the_command_line(folder: Path) -> None:
    script = [sys.executable, "-m", "isoscale_ij", "fiji"]
    done = subprocess.run([*script, "install", str(folder)], capture_output=True, text=True, check=True)
    assert "Restart Fiji" in done.stdout
    status = subprocess.run([*script, "status", str(folder), "--json"], capture_output=True, text=True, check=True)
    assert json.loads(status.stdout)["isoscale"] == iso.__version__
    subprocess.run([*script, "uninstall", str(folder)], capture_output=True, text=True, check=True)
    wrong = subprocess.run([*script, "install", str(folder.parent)], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "is no Fiji" in wrong.stderr


def test_scripts_are_thin_and_need_no_jython() -> None:
    scripts = sorted(jar.scripts_folder().rglob("scripts/**/*.*"))
    assert len(scripts) == 9
    for path in scripts:
        assert path.suffix == ".groovy"
        code = [line for line in path.read_text().splitlines() if line and not line.startswith(("#@", "import"))]
        assert len(code) <= 6, path

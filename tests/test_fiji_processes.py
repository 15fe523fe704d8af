"""Plain Java as the parent, as in Fiji: the worker comes, stays, ends; nothing is left behind, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from commands import is_worker, shared_blocks, wait_until

SCRIPT = """
import org.scijava.Context
import org.scijava.module.ModuleService
import org.scijava.script.ScriptService
import ij.ImagePlus
import ij.ImageStack

context = new Context(false)
scripts = context.service(ScriptService)
scripts.getIndex().add(new org.codehaus.groovy.jsr223.GroovyScriptEngineFactory(), false)
infos = scripts.getScripts().collectEntries { [it.getMenuPath().getLeaf().getName(), it] }
modules = context.service(ModuleService)
run = { String name, Map inputs ->
    def module = modules.run(infos[name], true, inputs as Map<String, Object>).get()
    if (module.getOutput("error") != null) println "ERROR " + module.getOutput("error")
    return module
}
stack = new ImageStack(width, width)
slices.times { stack.addSlice(null, new short[width * width]) }
stack.setVoxel((int) (width / 2), (int) (width / 2), (int) (slices / 2), 1000)
imp = new ImagePlus("plain", stack)
imp.getCalibration().with { pixelWidth = 0.2d; pixelHeight = 0.2d; pixelDepth = 0.4d; setUnit("micron") }
rescale = { double size ->
    run("Rescale to Isotropic",
        [imp: imp, target: "own", size: size, unit: "image", interpolation: "auto", antialias: true])
}
"""


class PlainJava:
    """A Java process without any Python around it, which runs a Groovy script."""

    def __init__(
        self, folder: Path, body: str, *, width: int = 64, slices: int = 8, jars: list[Path], **env: str
    ) -> None:
        import jpype

        java = shutil.which("java") or str(Path(jpype.getDefaultJVMPath()).parents[2] / "bin" / "java")
        classpath = [str(jpype.JClass("java.lang.System").getProperty("java.class.path"))]
        paths = [path for path in classpath[0].split(os.pathsep) if "isoscale" not in Path(path).name]
        paths = [path for path in paths if "org.jpype" not in path] + [str(jar) for jar in jars]
        script = folder / "plain.groovy"
        script.write_text(f"width = {width}; slices = {slices}\n{SCRIPT}\n{body}\nSystem.exit(0)\n")
        self.process = subprocess.Popen(
            [java, "-Djava.awt.headless=true", f"-Djava.util.prefs.userRoot={folder}", "-cp", os.pathsep.join(paths),
             "groovy.ui.GroovyMain", str(script)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **env},
        )  # fmt: skip

    def workers(self) -> list[psutil.Process]:
        """The Python processes that it has started."""
        try:
            return [child for child in psutil.Process(self.process.pid).children(recursive=True) if is_worker(child)]
        except psutil.NoSuchProcess:
            return []

    def output(self, timeout: float = 120) -> str:
        """What it prints, once it has ended."""
        return self.process.communicate(timeout=timeout)[0]


@pytest.fixture
def jar(imagej: Any, tmp_path: Path) -> Path:
    import sys

    from isoscale_ij.fiji import jar as building

    path = tmp_path / building.name()
    building.build(path, {"python": sys.executable})
    return path


@pytest.fixture(autouse=True)
def _nothing_is_left(imagej: Any) -> Any:
    before = shared_blocks()
    yield
    assert wait_until(lambda: shared_blocks() <= before, 20)


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_command_and_the_end_of_fiji(jar: Path, tmp_path: Path) -> None:
    java = PlainJava(
        tmp_path, "r = rescale(0.1d).getOutput('result'); println r.toString() + ' ' + r.getCalibration(); sleep(1500)",
        jars=[jar],
    )  # fmt: skip
    assert wait_until(java.workers, 120)  # Java may be slow to start
    worker = java.workers()[0]
    text = java.output()
    assert "128x128x1x32x1" in text, text
    assert "w=0.1, h=0.1, d=0.1, unit=micron" in text
    assert wait_until(lambda: gone(worker))  # it ends with Fiji


@pytest.mark.parametrize("moment", [0.2, 0.45, 0.6, 0.75])
def test_fiji_that_is_killed_in_the_middle(jar: Path, tmp_path: Path, moment: float) -> None:
    java = PlainJava(
        tmp_path, "rescale(0.2d); println 'ready'; while (true) rescale(0.05d)", width=400, slices=40, jars=[jar]
    )
    assert java.process.stdout is not None
    for line in java.process.stdout:
        if "ready" in line:
            break
    time.sleep(moment)
    workers = java.workers()
    os.kill(java.process.pid, signal.SIGKILL)
    java.process.wait(20)
    java.process.stdout.close()
    assert workers
    assert wait_until(lambda: all(gone(worker) for worker in workers))


def test_an_idle_worker_ends_and_the_next_command_starts_another(jar: Path, tmp_path: Path) -> None:
    java = PlainJava(
        tmp_path,
        "rescale(0.1d); sleep(4000); println rescale(0.1d).getOutput('result')",
        jars=[jar], ISOSCALE_IDLE_SECONDS="1",
    )  # fmt: skip
    assert wait_until(java.workers, 120)  # Java may be slow to start
    first = java.workers()[0]
    assert wait_until(lambda: gone(first))
    text = java.output()
    assert "128x128x1x32x1" in text
    assert "ERROR" not in text


def test_without_an_installer_the_jar_makes_its_own_environment(imagej: Any, tmp_path: Path) -> None:
    """As far as that goes without a network: the builder starts, and what it could not fetch is said."""
    from isoscale_ij.fiji import jar as building

    building.build(tmp_path / building.name(), {})
    nowhere = "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=9 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9"
    java = PlainJava(
        tmp_path, "rescale(0.1d)", jars=[tmp_path / building.name()],
        JAVA_TOOL_OPTIONS=f"{nowhere} -Duser.home={tmp_path}", HOME=str(tmp_path),
    )  # fmt: skip
    text = java.output()
    assert "ERROR The Python environment could not be made" in text, text
    assert "isoscale-ij fiji install" in text


def test_two_jars_are_said(jar: Path, tmp_path: Path) -> None:
    other = tmp_path / "isoscale-ij-0.0.1.jar"
    shutil.copyfile(jar, other)
    text = PlainJava(tmp_path, "rescale(0.1d)", jars=[jar, other]).output()
    assert "ERROR There are two IsoScale jars" in text, text


def test_another_version_of_the_python_package_is_said(imagej: Any, tmp_path: Path) -> None:
    import sys
    import zipfile

    from isoscale_ij.fiji import jar as building

    path = tmp_path / "isoscale-ij-9.9.9.jar"
    building.build(tmp_path / "built.jar", {"python": sys.executable})
    with zipfile.ZipFile(tmp_path / "built.jar") as built, zipfile.ZipFile(path, "w") as changed:
        for entry in built.infolist():
            content = built.read(entry)
            if entry.filename == building.PROPERTIES:
                content = content.replace(b"version=", b"version=9.9.9\nwas=")
            changed.writestr(entry, content)
    text = PlainJava(tmp_path, "rescale(0.1d)", jars=[path]).output()
    assert "ERROR The IsoScale jar in Fiji is version 9.9.9" in text, text
    assert "isoscale-ij fiji install" in text


def test_a_fiji_without_appose_is_said(jar: Path, tmp_path: Path) -> None:
    import jpype

    system = jpype.JClass("java.lang.System")
    was = str(system.getProperty("java.class.path"))
    system.setProperty("java.class.path", os.pathsep.join(p for p in was.split(os.pathsep) if "appose" not in p))
    try:
        text = PlainJava(tmp_path, "rescale(0.1d)", jars=[jar]).output()
    finally:
        system.setProperty("java.class.path", was)
    assert "ERROR Fiji has no Appose" in text, text

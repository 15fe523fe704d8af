"""Starting Java with ImageJ, or joining the one that runs.

A Python process has one Java machine, and it starts only once; so what is missing from it later has
to be said with what to do about it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from isoscale_ij.errors import MissingDependencyError, ParameterError
from isoscale_ij.memory import as_bytes, format_bytes

IMAGEJ_VERSION = "1.54p"
ENDPOINT = f"net.imagej:ij:{IMAGEJ_VERSION}"
_PATCHER = "net.imagej:ij1-patcher:1.2.6"  # with it, commands that have dialogs run without a display
INSTALL = "pip install 'isoscale-ij[imagej]'"
_JAVA = "17"  # what is fetched where there is no Java


def start(
    *, headless: bool = True, max_heap: float | str | None = None, options: Sequence[str] = (), fetch: str = "auto"
) -> Any:
    """Start Java with ImageJ 1, or join the Java that pyimagej or napari-imagej has started.

    ImageJ comes from Maven Central and is kept in the user's cache folder; later starts need no
    network. With a gateway of ImageJ2 in mind, call ``imagej.init(...)`` first, then this. Without a
    display, commands that have dialogs (``"Scale..."``) run with the options they are given, as in Fiji.

    Parameters
    ----------
    headless : bool
        Whether Java may open no windows.
    max_heap : int or str, optional
        The most memory that Java may take, in bytes or as ``"8 GB"``; by default a quarter of the machine's.
    options : sequence of str
        Further options of the Java machine, for example ``-Dplugins.dir=…``.
    fetch : {"auto", "never", "always"}
        Whether a JDK is downloaded: ``"auto"`` if there is none.

    Returns
    -------
    class
        ``ij.IJ``, the entry into ImageJ: ``IJ.openImage(path)``, ``IJ.run(imp, command, options)``.

    Raises
    ------
    MissingDependencyError
        If scyjava, Java or ImageJ is missing and cannot be had, or Java runs already without ImageJ.

    Examples
    --------
    >>> import isoscale_ij
    >>> IJ = isoscale_ij.imagej.start()  # doctest: +SKIP
    >>> imp = IJ.openImage("cells.tif")  # doctest: +SKIP
    """
    if fetch not in ("auto", "never", "always"):
        raise ParameterError(f"Got fetch={fetch!r}; needed is auto, never or always.")
    jpype = _jpype()
    if not jpype.isJVMStarted():
        _start(headless=headless, max_heap=max_heap, options=options, fetch=fetch)
    gateway: Any = classes().IJ
    _end_threads_at_exit()
    return gateway


def is_running() -> bool:
    """Whether this process has a Java machine; nothing is loaded to find out."""
    import sys

    jpype = sys.modules.get("jpype")
    return jpype is not None and bool(jpype.isJVMStarted())


class Classes:
    """The classes of ImageJ that are used here."""

    def __init__(self, jpype: Any) -> None:
        for name in (
            "ij.IJ", "ij.ImagePlus", "ij.ImageStack", "ij.CompositeImage", "ij.gui.ImageRoi", "ij.gui.OvalRoi",
            "ij.gui.Overlay", "ij.gui.PointRoi", "ij.gui.Roi", "ij.gui.TextRoi", "ij.io.FileSaver", "ij.io.RoiDecoder",
            "ij.io.RoiEncoder", "ij.measure.Calibration", "ij.measure.ResultsTable", "ij.plugin.RoiScaler",
            "ij.process.LUT", "ij.util.ThreadUtil",
        ):  # fmt: skip
            setattr(self, name.rpartition(".")[2], jpype.JClass(name))

    def __getattr__(self, name: str) -> Any:  # what the type checker sees of them
        raise AttributeError(name)


@cache
def classes() -> Classes:
    """ImageJ's classes, in the Java that runs.

    Raises
    ------
    MissingDependencyError
        If no Java runs, or one that has no ImageJ.
    """
    if not is_running():
        raise MissingDependencyError("No Java runs in this process. Start it with isoscale_ij.imagej.start().")
    jpype = _jpype()
    try:
        return Classes(jpype)
    except TypeError as error:
        raise MissingDependencyError(
            f"The Java that runs in this process has no ImageJ on its class path ({error}). It was started by "
            "something else. Restart Python, and call isoscale_ij.imagej.start() before anything else starts Java, or "
            f"add {ENDPOINT!r} to scyjava.config.endpoints."
        ) from error


def _jpype() -> Any:
    try:
        import jpype
    except ImportError as error:
        raise MissingDependencyError(f"JPype is not installed, which talks to Java: {INSTALL}") from error
    return jpype


def _start(*, headless: bool, max_heap: float | str | None, options: Sequence[str], fetch: str) -> None:
    if find_spec("scyjava") is None:
        raise MissingDependencyError(f"scyjava is not installed, which starts Java: {INSTALL}")
    import scyjava
    from scyjava import config

    config.set_java_constraints(fetch=fetch, version=_JAVA)
    config.set_cache_dir(cache_folder())
    jvm_options = [*config.get_options(), *options]
    if headless:
        config.enable_headless_mode()
    config.add_options(_memory_options(max_heap, jvm_options))
    config.add_options(list(options))
    # What pyimagej adds when it is imported serves its gateway only, and is not on Maven Central.
    before, config.endpoints[:] = list(config.endpoints), [e for e in config.endpoints if "imglib2-imglyb" not in e]
    has_imagej = any(endpoint.startswith(("net.imagej:", "sc.fiji:")) for endpoint in config.endpoints)
    if not has_imagej:
        config.endpoints += [ENDPOINT, _PATCHER] if headless else [ENDPOINT]
        config.add_option("--add-opens=java.base/java.lang=ALL-UNNAMED")  # for the patcher
    try:
        with _alone():
            scyjava.start_jvm()
        if headless and not has_imagej:
            scyjava.jimport("net.imagej.patcher.LegacyInjector").preinit()
    except Exception as error:
        raise MissingDependencyError(_why_not(error)) from error
    finally:
        config.endpoints[:] = before
    classes.cache_clear()


@contextmanager
def _alone() -> Iterator[None]:
    """No other process fetches meanwhile: two that fetch the same file at once leave one of them without it."""
    folder, lock = cache_folder(), None
    with suppress(ImportError, OSError, NotImplementedError):  # where nothing can be locked, it goes without
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "starting.lock")
        lock.acquire()
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _memory_options(max_heap: float | str | None, jvm_options: Sequence[str]) -> list[str]:
    """How Java keeps its memory: with its defaults, new large arrays take 5 to 20 times longer."""
    options = []
    if max_heap is not None:
        megabytes = as_bytes(max_heap) // 2**20
        options += [f"-Xmx{megabytes}m", f"-Xms{megabytes * 2 // 3}m"]
    elif not any(option.startswith(("-Xm", "-XX:InitialRAM", "-XX:MaxRAM")) for option in jvm_options):
        options.append("-XX:InitialRAMPercentage=16.7")  # two thirds of the most it takes, reserved and not yet used
    if not any(option.startswith("-XX:+Use") and option.endswith("GC") for option in jvm_options):
        options.append("-XX:+UseParallelGC")
    return options


def _why_not(error: Exception) -> str:
    """What kept Java from starting, and how to mend it."""
    import jpype

    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and "restarted" in text:
        return "Java was shut down in this process and cannot start again. Restart Python."
    java = find_java()
    if java is None:
        return (
            f"There is no Java here, and none could be fetched ({text}). Install a JDK of version 11 or newer, for "
            "example from adoptium.net, and set JAVA_HOME to its folder; or connect to the network once."
        )
    if jpype.isJVMStarted():
        return f"Java started, but not as it should: {text}. Restart Python."
    return (
        f"ImageJ ({ENDPOINT}) could not be fetched from Maven Central, or Java ({java}) did not start: {text}. "
        "Connect to the network for the first start; later ones need none."
    )


def cache_folder() -> Path:
    """Where the links to what was fetched are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("isoscale-ij", appauthor=False) / "java"


def find_java() -> Path | None:
    """The ``java`` that would be started: JAVA_HOME's, or the one on the path."""
    import shutil

    home = os.environ.get("JAVA_HOME")
    inside = Path(home) / "bin" / ("java.exe" if os.name == "nt" else "java") if home else None
    if inside is not None and inside.is_file():
        return inside
    program = shutil.which("java")
    return Path(program) if program else None


def java_version(java: Path) -> str | None:
    """What ``java -version`` says, or None if it does not run."""
    import re
    import subprocess

    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "([^"]+)"', done.stderr + done.stdout)
    return match[1] if match and done.returncode == 0 else None


def running_version() -> str | None:
    """The version of ImageJ in the Java that runs; None where none runs."""
    if not is_running():
        return None
    try:
        return f"{classes().IJ.getVersion()}, running"
    except MissingDependencyError as error:
        return str(error)


def require_heap(needed: int, what: str) -> None:
    """Raise a MemoryLimitError if Java's memory does not hold `needed` bytes more."""
    import jpype

    from isoscale_ij.errors import MemoryLimitError

    runtime = jpype.JClass("java.lang.Runtime").getRuntime()

    def free() -> int:
        return int(runtime.maxMemory()) - int(runtime.totalMemory()) + int(runtime.freeMemory())

    if needed > free():
        runtime.gc()
        if needed > free():
            raise MemoryLimitError(
                f"{what} needs {format_bytes(needed)} of Java's memory, of which {format_bytes(free())} of "
                f"{format_bytes(int(runtime.maxMemory()))} are free. Close images in ImageJ, or restart Python and "
                'give Java more: isoscale_ij.imagej.start(max_heap="16 GB"); in Fiji: Edit > Options > Memory.'
            )


@cache
def _end_threads_at_exit() -> None:
    """ImageJ's filters leave threads behind that would keep Java, and with it Python, from ending."""
    from scyjava import when_jvm_stops

    when_jvm_stops(classes().ThreadUtil.threadPoolExecutor.shutdownNow)

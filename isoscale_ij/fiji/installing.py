"""Putting the commands into a Fiji folder, taking them out again, and saying what is there."""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import isoscale_ij
from isoscale_ij.errors import FormatError, MissingDependencyError, ParameterError
from isoscale_ij.fiji import jar
from isoscale_ij.files.atomic import replacing

APPOSE = "org.apposed:appose:0.9.0"
_OLDEST_APPOSE = (0, 7)  # of Fiji
_OLDEST_HERE = (0, 12)  # older ones take a task that has not begun for one that died, now and then
_IMAGEJ = re.compile(r"ij-(\d[\w.]*)\.jar")
_VERSIONED = re.compile(r"(.+?)-\d[\w.\-]*\.jar")


def install(folder: str | os.PathLike[str]) -> list[str]:
    """Put the commands into a Fiji; the Python that runs this is the one they will use.

    Parameters
    ----------
    folder : path
        The folder of a Fiji: the one with ``jars`` in it.

    Returns
    -------
    list of str
        What was done, and what to click, a line each.

    Raises
    ------
    FormatError
        If the folder is no Fiji.
    ParameterError
        If it cannot be written.
    MissingDependencyError
        If Appose is missing or too old, here or in Fiji, and cannot be fetched.
    """
    jars = _jars(folder)
    _check_appose_here()
    if not os.access(jars, os.W_OK):
        raise ParameterError(f"{jars} cannot be written. Ask who installed Fiji, or copy Fiji to a folder of your own.")
    before = _ours(folder)
    added = {name for path in before for name in jar.properties(path).get("added", "").split(",") if name}
    lines = []
    appose = _appose(jars)
    if appose is None:
        added |= set(_fetch_appose(jars))
        lines.append(f"Appose, which Fiji did not have, was added ({len(added)} files).")
    elif appose[1] < _OLDEST_APPOSE:
        raise MissingDependencyError(f"{appose[0].name} in Fiji is too old for IsoScale. Update Fiji, then try again.")
    target = jars / jar.name()
    settings = {"python": sys.executable, "added": ",".join(sorted(added))}
    with replacing(target, overwrite=True) as temporary:
        jar.build(temporary, settings)
    for path in before:
        if path != target:
            path.unlink()
            lines.append(f"{path.name} was replaced.")
    return [
        *lines,
        f"{target} is there; its commands will use {sys.executable}.",
        "Restart Fiji and open an image; the commands are in Plugins > IsoScale.",
    ]


def uninstall(folder: str | os.PathLike[str]) -> list[str]:
    """Take out what :func:`install` has put into a Fiji, and nothing else."""
    jars = _jars(folder)
    jars_here = _ours(folder)
    if not jars_here:
        return ["IsoScale is not in this Fiji."]
    names = [name for path in jars_here for name in jar.properties(path).get("added", "").split(",") if name]
    removed = []
    for path in [*jars_here, *(jars / name for name in names)]:
        if path.exists():
            path.unlink()
            removed.append(path.name)
    return [f"Removed: {', '.join(removed)}. Restart Fiji."]


def status(folder: str | os.PathLike[str]) -> dict[str, str]:
    """What is in a Fiji: ImageJ, Appose, IsoScale and its Python; with what to do where something is wrong."""
    from isoscale_ij.imagej.jvm import find_java, java_version

    jars = _jars(folder)
    again = f"run isoscale-ij fiji install {folder}"
    status = {"fiji": str(Path(folder).resolve()), "imagej": _imagej(jars) or "none"}
    appose = _appose(jars)
    status["appose"] = ".".join(map(str, appose[1])) if appose else f"none; {again}"
    java = next(iter(sorted(Path(folder).glob("java/*/*/**/bin/java*"))), None)
    if java is not None:
        status["java"] = f"{java_version(java) or 'does not run'} (Fiji's own)"
    else:
        system = find_java()
        version = None if system is None else java_version(system)
        status["java"] = f"{version} ({system})" if version else "none; download a Fiji that brings its own Java"
    jars_here = _ours(folder)
    if not jars_here:
        status["isoscale"] = f"not installed; {again}"
        return status
    if len(jars_here) > 1:
        status["isoscale"] = f"{len(jars_here)} jars ({', '.join(path.name for path in jars_here)}); {again}"
        return status
    written = jar.properties(jars_here[0])
    status["isoscale"] = written.get("version", "unknown")
    if status["isoscale"] != isoscale_ij.__version__:
        status["isoscale"] += f"; this Python has {isoscale_ij.__version__}: {again}"
    python = written.get("python")
    if python is None:
        status["python"] = "made by Fiji itself when a command first runs"
    else:
        status["python"] = python if os.access(python, os.X_OK) else f"{python}, which is gone; {again}"
    return status


def _jars(folder: str | os.PathLike[str]) -> Path:
    jars = Path(folder) / "jars"
    if not jars.is_dir() or _imagej(jars) is None:
        raise FormatError(
            f"{folder} is no Fiji. Needed is the folder that Fiji was unpacked into: the one that has a folder 'jars' "
            "with ij-….jar in it, often called Fiji.app or Fiji."
        )
    return jars


def _imagej(jars: Path) -> str | None:
    versions = [match[1] for path in jars.iterdir() if (match := _IMAGEJ.fullmatch(path.name))]
    return versions[0] if versions else None


def _ours(folder: str | os.PathLike[str]) -> list[Path]:
    return sorted(
        path for place in ("jars", "plugins") for path in Path(folder, place).glob("isoscale*.jar") if path.is_file()
    )


def _check_appose_here() -> None:
    try:
        here = version("appose")
    except PackageNotFoundError:
        here = ""
    if tuple(int(part) for part in here.split(".") if part.isdecimal()) < _OLDEST_HERE:
        needed = ".".join(map(str, _OLDEST_HERE))
        raise MissingDependencyError(
            f"Got {f'appose {here}' if here else 'no appose'} in this Python; needed is {needed} or newer: pip install "
            "'isoscale-ij[imagej]'"
        )


def _appose(jars: Path) -> tuple[Path, tuple[int, ...]] | None:
    for path in sorted(jars.rglob("appose-*.jar")):
        numbers = re.findall(r"\d+", path.name)
        return path, tuple(map(int, numbers[:3]))
    return None


def _fetch_appose(jars: Path) -> list[str]:
    """Appose and what it stands on, as far as Fiji has none of it, from Maven Central."""
    from isoscale_ij.imagej.jvm import INSTALL, cache_folder

    try:
        import jgo
    except ImportError as error:
        raise MissingDependencyError(f"Fiji has no Appose, and jgo, which fetches it, is missing: {INSTALL}") from error
    try:
        built = jgo.build(APPOSE, cache_dir=cache_folder())
    except Exception as error:
        text = " ".join(str(error).split())
        raise MissingDependencyError(
            f"Fiji has no Appose, and it could not be fetched ({text}). Connect to the network and try again, or "
            "update Fiji: newer ones bring it."
        ) from error
    present = {match[1] for path in jars.rglob("*.jar") if (match := _VERSIONED.fullmatch(path.name))}
    added = []
    for path in sorted([*Path(built.jars_dir).glob("*.jar"), *Path(built.modules_dir).glob("*.jar")]):
        match = _VERSIONED.fullmatch(path.name)
        if match and match[1] not in present:
            shutil.copyfile(path, jars / path.name)
            added.append(path.name)
    return added

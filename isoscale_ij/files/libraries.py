"""The libraries that read files of microscopes: imported when such a file is met, or the line that installs them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from isoscale_ij.errors import MissingDependencyError


def library(module: str, extra: str, what: str, *, least: str = "", python: tuple[int, int] = (0, 0)) -> ModuleType:
    """Import the library that reads a kind of file.

    Parameters
    ----------
    module : str
    extra : str
        The extra of this package that installs it.
    what : str
        Which files it reads, as messages say it.
    least : str, optional
        The lowest version that reads them rightly.
    python : tuple of int, optional
        The lowest Python for which there is that version.

    Raises
    ------
    MissingDependencyError
        If it is not installed or too old; the message has the line that installs it.
    """
    install = f'pip install "isoscale-ij[{extra}]"'
    needed = f"{module} {least} or newer" if least else module
    if sys.version_info < python:
        raise MissingDependencyError(
            f"Reading {what} needs {needed}, which needs Python {python[0]}.{python[1]} or newer; this is Python "
            f"{sys.version_info.major}.{sys.version_info.minor}. With a newer Python: {install}. Or save the image as "
            "OME-TIFF."
        )
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(f"Reading {what} needs {needed}, which is not installed: {install}") from error
    version = str(getattr(imported, "__version__", ""))
    if least and _numbers(version) < _numbers(least):
        raise MissingDependencyError(f"Reading {what} needs {needed}; installed is {version or 'none'}: {install}")
    return imported


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]

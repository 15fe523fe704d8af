"""Whatever a reader or a writer raises on a strange file is an error of ours, with its cause; the system's stay."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isoscale_ij.errors import FormatError, IsoscaleError, MemoryLimitError, MissingDependencyError

_OF_THE_FILE = (None, errno.EINVAL, errno.EOVERFLOW)  # an OSError that a damaged position gives


@contextmanager
def of_reading(path: Path, reader: str = "") -> Iterator[None]:
    """Turns what goes wrong while a file is read, within, into an error that names the file, and its `reader` if given.

    Raises
    ------
    FormatError
        For any exception that a damaged or strange file can lead to.
    MissingDependencyError
        If a codec is not installed.
    MemoryLimitError
        If there is too little memory for what the file says that it holds.
    OSError
        If the file cannot be opened, or the system cannot read it.
    """
    try:
        yield
    except (IsoscaleError, Warning):  # a warning is one where the caller wants it so
        raise
    except MemoryError as error:
        raise MemoryLimitError(
            f"{path} says that it holds more than there is memory for ({error or 'out of memory'}). Close other "
            "programs; or the file is damaged."
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in _OF_THE_FILE:
            raise
        if "imagecodecs" in str(error):
            raise MissingDependencyError(
                f"The voxels of {path} are packed in a way that needs imagecodecs: pip install imagecodecs. ({error})"
            ) from error
        what = (f"{reader} says: " if reader else "") + (str(error) or type(error).__name__)
        raise FormatError(f"{path} is damaged, or not of its format: {what}. Copy or save it again.") from error


@contextmanager
def of_writing(path: Path) -> Iterator[None]:
    """Turns what goes wrong while a file is written, within, into an error that names the file.

    Raises
    ------
    FormatError
        For any exception that a value, a name or a unit can lead to which the format cannot hold.
    OSError
        If the system cannot write it.
    """
    try:
        yield
    except (IsoscaleError, OSError, MemoryError, Warning):
        raise
    except UnicodeError as error:
        raise FormatError(
            f"{path} was not written: a name, a unit or an attribute has letters that no file can hold ({error})."
        ) from error
    except Exception as error:
        raise FormatError(f"{path} was not written: {str(error) or type(error).__name__}.") from error

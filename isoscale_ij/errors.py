"""The errors that isoscale_ij raises. A message says what was got, what is needed, how to mend it."""

from __future__ import annotations

PUBLIC = "isoscale_ij"
"""Where errors and warnings are shown to be: what a reader of a traceback can import and catch."""


class IsoscaleError(Exception):
    """What all errors of isoscale_ij have in common."""

    __module__ = PUBLIC


class CalibrationError(IsoscaleError, ValueError):
    """A voxel size, a unit or a position is missing, impossible or contradictory."""

    __module__ = PUBLIC


class FormatError(IsoscaleError, ValueError):
    """A file or an array is not what can be read or written."""

    __module__ = PUBLIC


class ParameterError(IsoscaleError, ValueError):
    """An argument does not make sense, or not for this image."""

    __module__ = PUBLIC


class MemoryLimitError(IsoscaleError, MemoryError):
    """The result, or the work on it, would need more memory than allowed."""

    __module__ = PUBLIC
    # By which dask brings errors back from its workers; MemoryError's own would refuse.
    __new__ = Exception.__new__  # type: ignore[assignment]


class MissingDependencyError(IsoscaleError, ImportError):
    """Something optional is not installed."""

    __module__ = PUBLIC


class Cancelled(IsoscaleError):  # noqa: N818  (it is not an error: the caller asked for it)
    """Raised by a progress callback to stop; nothing is left behind."""

    __module__ = PUBLIC

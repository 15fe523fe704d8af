"""Where the compiled kernels are kept on disk, and whether they are there."""

from __future__ import annotations

from pathlib import Path

from isoscale_ij.engines.cpu import pieces
from isoscale_ij.engines.cpu.compiling import registered

_LAST = f"{pieces.__name__.rpartition('.')[2]}.*.nbc"  # a file of the last step: once it is there, all are


def cache_folder() -> str | None:
    """Where compiled kernels are kept on disk; None where no folder can be written."""
    path = getattr(getattr(registered[0], "_cache", None), "cache_path", None) if registered else None
    return None if path is None else str(path)


def is_cached() -> bool:
    """Whether a kernel of the last step lies in the cache; a stale one counts, and is compiled again."""
    folder = cache_folder()
    return folder is not None and Path(folder).is_dir() and any(Path(folder).glob(_LAST))

"""How work in chunks is done where nothing else is said: in which folder, whether it goes on where it stopped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isoscale_ij.execution.chunks.regions import Shape


@dataclass(frozen=True)
class Settings:
    """What :func:`working_in` says."""

    folder: Path | None = None
    resume: bool = False
    block: Shape | None = None
    by_itself: bool = True
    work: Mapping[str, Any] = field(default_factory=dict)


_settings: ContextVar[Settings | None] = ContextVar("settings", default=None)


@contextmanager
def working_in(
    folder: Path | None = None,
    *,
    resume: bool = False,
    block: Shape | None = None,
    work: Mapping[str, Any] | None = None,
    by_itself: bool = True,
) -> Iterator[None]:
    """Within, work in chunks keeps what it makes in a folder.

    Parameters
    ----------
    folder : Path, optional
        By default a temporary one, where dask's ``temporary_directory`` says.
    resume : bool
        Whether the folder stays until the work is done, and what is done already in it is taken over.
    block : tuple of int, optional
        Voxels of a block along z, y and x; by default what fits into the memory.
    work : mapping, optional
        What is done, and on which input, in plain values: work that was begun goes on only where this is the same.
    by_itself : bool
        Whether what would need too much memory goes in chunks by itself; otherwise it is refused.
    """
    token = _settings.set(Settings(folder, resume, block, by_itself, work or {}))
    try:
        yield
    finally:
        _settings.reset(token)


def settings() -> Settings:
    """The settings of the block of code that this runs in."""
    return _settings.get() or Settings()


def temporary_folder() -> Path:
    """A new folder for what is made on the way; whoever asks removes it."""
    import dask

    parent = settings().folder or dask.config.get("temporary-directory", None)
    return Path(tempfile.mkdtemp(prefix="isoscale-", dir=parent))

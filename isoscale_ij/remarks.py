"""Remarks: what a user should know of a result. They are values until a public function warns of them.

``warnings.catch_warnings`` changes the whole process: two threads that use it take each other's
warnings. Who wants the remarks of one piece of work instead of warnings opens :func:`heard`,
which is seen by that thread (and task) alone.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = str(Path(__file__).parent) + os.sep
_listener: ContextVar[list[Remark] | None] = ContextVar("isoscale-remarks", default=None)


@dataclass(frozen=True)
class Remark:
    """One sentence or two for the user, and the kind of warning that they become."""

    text: str
    category: type[Warning] = UserWarning

    def __str__(self) -> str:
        return self.text


def warn_of(remarks: Iterable[Remark]) -> None:
    """Hand remarks to who listens, or else warn at the first line outside this package; each once."""
    listener = _listener.get()
    for remark in dict.fromkeys(remarks):
        if listener is not None:
            listener.append(remark)
        else:
            warnings.warn(remark.text, remark.category, stacklevel=_level_outside())


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Make a remark of a text, and hand it on at once."""
    warn_of([Remark(text, category)])


@contextmanager
def heard() -> Iterator[list[Remark]]:
    """Take the remarks of what is done within, in this thread; no warning is given of them."""
    remarks: list[Remark] = []
    token = _listener.set(remarks)
    try:
        yield remarks
    finally:
        _listener.reset(token)


def _level_outside() -> int:
    """The stack level, for a warning given by the caller of this, of the first frame outside the package."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001  (the way there is; traceback reads all source lines)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level

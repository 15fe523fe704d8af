"""What tifffile says in its log, which would else be lost or reach the user as a stray line.

It is heard by the thread that reads, and becomes a remark of ours; what belongs to nobody's reading here
goes the way of every log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from isoscale_ij import remarks

_OF_NO_USE = "NDTiff.index not found"  # which nothing here needs; older ones say it of every file of Micro-Manager
_MOST = 3  # remarks of one file; damaged ones give hundreds of lines
_listener: ContextVar[list[str] | None] = ContextVar("isoscale-tiff-log", default=None)


class _Ear(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record goes on to the log."""
        listener = _listener.get()
        if listener is None:
            return True
        if record.levelno >= logging.WARNING and _OF_NO_USE not in record.getMessage():
            listener.append(re.sub(r"<tifffile\.\S+ .*?>\s*", "", record.getMessage()))
        return False


@contextmanager
def heard() -> Iterator[list[str]]:
    """The messages of what is done within, warnings and errors; they go nowhere else."""
    logger = logging.getLogger("tifffile")
    if not any(isinstance(one, _Ear) for one in logger.filters):
        logger.addFilter(_Ear())
    messages: list[str] = []
    token = _listener.set(messages)
    try:
        yield messages
    finally:
        _listener.reset(token)


def pass_on(path: Path, messages: list[str]) -> None:
    """Make remarks of messages, each once and not too many."""
    different = list(dict.fromkeys(messages))
    for message in different[:_MOST]:
        remarks.warn(f"{path}: the reader of TIFF files says: {message.strip()}")
    if len(different) > _MOST:
        remarks.warn(f"{path}: the reader of TIFF files says {len(different) - _MOST} more things like these.")

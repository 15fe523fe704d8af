"""Whole lines on standard output, whatever number of threads writes them.

Appose's worker answers with one line of JSON a message, by ``print`` from the thread of each task.
Two such calls at once may mix their lines, and what is mixed is lost: the command would wait for ever.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, TextIO


class WholeLines:
    """A text stream that hands on nothing but whole lines, one thread after the other."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock, self._begun = stream, threading.Lock(), threading.local()

    def write(self, text: str) -> int:
        """Keep the beginning of a line until its end is written, by the same thread."""
        begun = getattr(self._begun, "text", "") + text
        lines, newline, self._begun.text = begun.rpartition("\n")
        if newline:
            with self._lock:
                self._stream.write(lines + newline)
                self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: whole lines are flushed when they are written."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def write_whole_lines() -> None:
    """From now on, standard output of this process takes whole lines only."""
    if not isinstance(sys.stdout, WholeLines):
        sys.stdout = WholeLines(sys.stdout)

"""What is printed, whatever the terminal can show: results on stdout, all else on stderr.

No letter, and no stream that somebody has closed, may cost the work that is being reported.
"""

from __future__ import annotations

import codecs
import os
import sys
from typing import TextIO

_IN_PLAIN_LETTERS = {
    "µ": "u", "μ": "u", "×": "x", "³": "^3", "²": "^2", "Å": "angstrom", "…": "...", "–": "-", "“": '"', "”": '"',
}  # fmt: skip
_HANDLER = "isoscale_ij.plain"


def prepare() -> None:
    """Let both streams take any text; what is closed is opened to nowhere, so that no file takes its place."""
    codecs.register_error(_HANDLER, _plain)
    while (nowhere := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(nowhere)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)


def say(text: str, *, end: str = "\n") -> None:
    """Print to stderr."""
    _print(text + end, "stderr")


def result(text: object) -> None:
    """Print to stdout. Whoever read it may have had enough: the work goes on."""
    _print(f"{text}\n", "stdout")


def _print(text: str, name: str) -> None:
    stream: TextIO = getattr(sys, name)
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        setattr(sys, name, _nowhere())
    except (OSError, ValueError):  # the disk is full, or the stream was closed
        setattr(sys, name, _nowhere())
        if name == "stdout":
            raise


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  (as long as the process)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for letters that an encoding lacks; bytes of file names that are no text go out as they came."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    if all("\udc80" <= letter <= "\udcff" for letter in letters):
        return letters.encode("ascii", "surrogateescape"), error.end
    return "".join(_IN_PLAIN_LETTERS.get(letter, "?") for letter in letters), error.end

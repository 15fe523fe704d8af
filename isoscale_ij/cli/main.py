"""The way into the command line: what is typed, what goes wrong, and the exit status.

Progress and warnings go to stderr, results to stdout. Exit status: 0 done, 1 the data or the
machine would not, 2 wrong usage, 130 cancelled.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isoscale_ij.cli import streams
from isoscale_ij.cli.commands import RUNS
from isoscale_ij.cli.inputs import reason
from isoscale_ij.cli.parser import parser
from isoscale_ij.cli.sentences import in_terminal
from isoscale_ij.errors import Cancelled, IsoscaleError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    streams.prepare()
    options = _parsed(arguments)
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", UserWarning)
    try:
        options.run(options)
    except (KeyboardInterrupt, Cancelled):
        streams.say("cancelled; nothing more was written")
        return 130
    except (IsoscaleError, OSError, MemoryError) as error:
        streams.say(f"isoscale-ij: {reason(error)}")
        return 1
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; files may stand before, between and behind them, which argparse sees for the first alone."""
    whole = parser(RUNS)
    options, rest = whole.parse_known_args(arguments)
    wrong = getattr(options, "wrong", whole.error)
    if not any(text.startswith("-") for text in rest):
        rest = _behind(options, rest, wrong)
    if rest:
        wrong(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _behind(options: argparse.Namespace, rest: list[str], wrong: Callable[[str], None]) -> list[str]:
    """Take what stands behind an option as a file, where the command has room for it; what is left."""
    files = getattr(options, "files", getattr(options, "inputs", None))
    if files is not None:
        files += rest
        return []
    later: tuple[str, Callable[[str], Path]] | None = getattr(options, "later", None)
    if not rest or later is None:
        return rest
    name, read = later
    if getattr(options, name) is not None:
        return rest
    try:
        setattr(options, name, read(rest[0]))
    except argparse.ArgumentTypeError as error:
        wrong(str(error))
    return rest[1:]


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    streams.say(f"warning: {in_terminal(str(message))}")

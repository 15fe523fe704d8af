"""The progress of a command, on stderr."""

from __future__ import annotations

import sys
import time


class Bar:
    """Progress on stderr: a bar on a terminal, a line a step elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ""
        self._drawn = 0.0
        self._announce_compiling()

    def __call__(self, done: int, total: int, step: str) -> None:  # noqa: D102
        if self._terminal:
            finished = done >= total
            if finished or time.monotonic() - self._drawn > 0.05:
                self._drawn = time.monotonic()
                filled = 30 * done // total
                sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {100 * done // total:3d} % {step[:44]:44}")
                if finished and step == "done":
                    sys.stderr.write("\r" + " " * 86 + "\r")
                sys.stderr.flush()
        elif step not in (self._last, "done"):
            _line(step)
        self._last = step

    @staticmethod
    def _announce_compiling() -> None:
        from isoscale_ij.diagnosis import kernels_are_compiled

        if not kernels_are_compiled():
            _line("compiling the kernels; this happens once, and takes some seconds …")


def _line(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

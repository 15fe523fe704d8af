"""The progress of a command, on stderr."""

from __future__ import annotations

import gc
import sys
import time

from isoscale_ij.cli.streams import say


class Bar:
    """Progress on stderr: a bar on a terminal, a line a step elsewhere."""

    def __init__(self, *, kernels: bool = True) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ""
        self._drawn = 0.0
        if kernels:
            self._announce_compiling()

    def __call__(self, done: int, total: int, step: str) -> None:  # noqa: D102
        if self._terminal:
            finished = done >= total
            if finished or time.monotonic() - self._drawn > 0.05:
                self._drawn = time.monotonic()
                filled = 30 * done // total
                bar = f"[{'#' * filled}{'.' * (30 - filled)}] {100 * done // total:3d} % {step[:44]:44}"
                cleared = "\r" + " " * 86 + "\r" if finished and step == "done" else ""
                say(f"\r{bar}{cleared}", end="")
        elif step not in (self._last, "done"):
            say(step)
        self._last = step

    @staticmethod
    def _announce_compiling() -> None:
        from isoscale_ij.diagnosis import kernels_are_compiled

        if not kernels_are_compiled():
            say("compiling the kernels; this happens once, and takes some seconds …")
            gc.freeze()  # what compiling leaves behind is looked through again and again, what is imported need not be

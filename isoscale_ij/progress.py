"""Telling a caller how far the work is, and letting it cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[int, int, str], None]
"""Called with (done, total, step). It cancels by raising :class:`isoscale_ij.Cancelled`."""

TOTAL = 100


class Progress:
    """One bar over several rounds (channels, time points) of several steps, which never runs backwards.

    Parameters
    ----------
    on_progress : callable or None
    steps : dict
        The steps of a round, in order, with the share of the time that each is likely to take.
    rounds : int
        How often the steps are gone through.
    """

    def __init__(self, on_progress: OnProgress | None, steps: dict[str, float], rounds: int = 1) -> None:
        self._on_progress = on_progress
        self._steps = steps
        self._rounds = rounds
        self._begun = 0.0

    def step(self, name: str, in_round: int = 0) -> Callable[[float], None] | None:
        """A callback for the share of one step that is done."""
        if self._on_progress is None:
            return None
        names = list(self._steps)
        whole = sum(self._steps.values())
        begin = sum(self._steps[other] for other in names[: names.index(name)]) / whole
        share = self._steps[name] / whole

        def report(done: float) -> None:
            assert self._on_progress is not None
            self._begun = max(self._begun, (in_round + begin + share * done) / self._rounds)
            self._on_progress(int(self._begun * TOTAL), TOTAL, name)

        report(0.0)
        return report

    def whole(self, name: str) -> Callable[[float], None] | None:
        """A callback for the share of all rounds that is done, where they run side by side."""
        if self._on_progress is None:
            return None

        def report(done: float) -> None:
            assert self._on_progress is not None
            self._begun = max(self._begun, done)
            self._on_progress(int(self._begun * TOTAL), TOTAL, name)

        report(0.0)
        return report

    def silent(self) -> Progress:
        """The same steps, of which nothing is told: for rounds side by side."""
        return Progress(None, self._steps, self._rounds)

    def finish(self) -> None:
        """Say that all is done."""
        if self._on_progress is not None:
            self._on_progress(TOTAL, TOTAL, "done")

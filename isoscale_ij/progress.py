"""Telling a caller how far the work is, and letting it cancel; in a notebook, by tqdm's bar."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[int, int, str], None]
"""Called with (done, total, step). It cancels by raising :class:`isoscale_ij.Cancelled`."""

TOTAL = 100
_PATIENCE = 1.0  # seconds, before a bar appears: what is done by then needs none


def notebook_bar() -> OnProgress | None:
    """A bar below the cell of a notebook, where tqdm and ipywidgets are installed; None anywhere else."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel") or threading.current_thread() is not threading.main_thread():
        return None
    try:
        from tqdm.notebook import tqdm

        bar = tqdm(total=TOTAL, delay=_PATIENCE, leave=False)
    except ImportError:  # ipywidgets may be missing, too
        return None

    def report(done: int, total: int, step: str) -> None:
        bar.total = total
        bar.set_description(step, refresh=False)
        bar.update(done - int(bar.n))
        if done >= total:
            bar.close()

    return report


def tell_nothing(done: int, total: int, step: str) -> None:
    """What is called where a part of the work is not told of."""


class Progress:
    """One bar over several rounds (channels, time points) of several steps, which never runs backwards.

    Parameters
    ----------
    on_progress : callable or None
        None: nothing is told, but in a notebook.
    steps : dict
        The steps of a round, in order, with the share of the time that each is likely to take.
    rounds : int
        How often the steps are gone through.
    """

    def __init__(self, on_progress: OnProgress | None, steps: dict[str, float], rounds: int = 1) -> None:
        self._on_progress = on_progress or notebook_bar()
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
        silent = Progress(tell_nothing, self._steps, self._rounds)
        silent._on_progress = None
        return silent

    def finish(self) -> None:
        """Say that all is done."""
        if self._on_progress is not None:
            self._on_progress(TOTAL, TOTAL, "done")

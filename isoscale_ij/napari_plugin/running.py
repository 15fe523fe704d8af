"""Longer work in a thread of its own: progress and its end come back to the window, which can cancel it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from isoscale_ij import remarks
from isoscale_ij.errors import Cancelled, IsoscaleError
from isoscale_ij.progress import OnProgress

Work = Callable[[OnProgress], Any]


class _Messages(QObject):
    """What a thread says to the window: signals cross threads, calls must not."""

    progress = Signal(int, int, str)
    ended = Signal(object)


class Job:
    """One piece of work in a thread; it ends by itself, or where it next tells of its progress once cancelled.

    Parameters
    ----------
    work : function
        Takes `on_progress`, gives the result.
    done : function
        Is given the result, in the window's thread.
    failed : function
        Is given the error.
    progress : function, optional
        Is told how far it is.
    quiet : bool
        Whether remarks are kept back.
    """

    def __init__(
        self, work: Work, done: Callable[[Any], None], failed: Callable[[Exception], None],
        progress: Callable[[int, int, str], None] | None = None, *, quiet: bool = False,
    ) -> None:  # fmt: skip
        self.messages = _Messages()
        self._cancelled = threading.Event()
        self._done, self._failed, self._quiet = done, failed, quiet
        queued = Qt.ConnectionType.QueuedConnection
        if progress is not None:
            self.messages.progress.connect(progress, queued)
        self.messages.ended.connect(self._end, queued)
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True, name="isoscale-napari")
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Ask it to end; nothing more is heard of it."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(seconds)

    def _run(self, work: Work) -> None:
        def on_progress(done: int, total: int, step: str) -> None:
            if self._cancelled.is_set():
                raise Cancelled("It was cancelled.")
            self.messages.progress.emit(done, total, step)

        heard: list[remarks.Remark] = []
        outcome: Any
        try:
            with remarks.heard() as heard:
                outcome = work(on_progress)
        except Exception as error:  # noqa: BLE001  (it goes on in the window's thread)
            outcome = error
        if not self._cancelled.is_set():
            self.messages.ended.emit((outcome, list(heard)))

    def _end(self, message: tuple[Any, list[remarks.Remark]]) -> None:
        outcome, heard = message
        if self._cancelled.is_set():
            return
        if isinstance(outcome, Exception):
            self._failed(outcome)
        else:
            for remark in () if self._quiet else dict.fromkeys(heard):
                warn(str(remark))
            self._done(outcome)


class Runner(QWidget):
    """A button that starts work, a bar that tells how far it is, and a button that cancels it."""

    def __init__(self, text: str, start: Callable[[], None]) -> None:
        super().__init__()
        self.start = QPushButton(text)
        self.bar = QProgressBar()
        self.cancel = QPushButton("Cancel")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.start, self.bar, self.cancel):
            row.addWidget(widget)
        self.start.clicked.connect(lambda: attempt(start))
        self.cancel.clicked.connect(self.stop)
        self.job: Job | None = None
        self._window: Any = None
        self._ends: list[Callable[[], None]] = []
        self._show(running=False)

    def run(self, work: Work, done: Callable[[Any], None]) -> None:
        """Begin work; `done` is given what comes out."""
        if self.job is not None:
            return
        self.watch(self.stop)

        def end(result: Any) -> None:
            self._finish()
            attempt(lambda: done(result))

        def fail(error: Exception) -> None:
            self._finish()
            say(error)

        self.bar.setValue(0)
        self._show(running=True)
        self.job = Job(work, end, fail, self._tell)

    def watch(self, end: Callable[[], None]) -> None:
        """Call `end` when the window is closed: what it began ends with it."""
        if end not in self._ends:
            self._ends.append(end)
        if self._window is None:
            self._window = self.window()
            self._window.installEventFilter(self)

    def stop(self) -> None:
        """Cancel the work, if there is any."""
        if self.job is not None:
            self.job.cancel()
            self._finish()

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  (Qt's name)
        """See :meth:`watch`."""
        if event.type() == QEvent.Type.Close:
            for end in self._ends:
                end()
        return bool(super().eventFilter(watched, event))

    def _tell(self, done: int, total: int, step: str) -> None:
        if self.job is not None:
            self.bar.setRange(0, total)
            self.bar.setValue(done)
            self.bar.setFormat(f"{step}: %p %")

    def _finish(self) -> None:
        self.job = None
        self._show(running=False)

    def _show(self, *, running: bool) -> None:
        self.start.setVisible(not running)
        self.bar.setVisible(running)
        self.cancel.setVisible(running)


def attempt(action: Callable[[], Any]) -> Any:
    """Do something; what is wrong with the input becomes a sentence in napari's notification, remarks a warning."""
    try:
        with remarks.heard() as heard:
            result = action()
    except (IsoscaleError, OSError) as error:
        say(error)
        return None
    for remark in dict.fromkeys(heard):
        warn(str(remark))
    return result


def say(error: Exception) -> None:
    """Show what went wrong: a sentence for what users can mend, napari's own report for all else."""
    if isinstance(error, Cancelled):
        return
    if not isinstance(error, (IsoscaleError, OSError)):
        raise error
    from napari.utils.notifications import show_error

    show_error(str(error))


def warn(text: str) -> None:
    """Show a remark."""
    from napari.utils.notifications import show_warning

    show_warning(text)

"""How long the Python process behind Fiji's commands lives: until it is idle for long, or Fiji is gone.

A Fiji that was killed cannot remove its shared memory; the last thing this process does is to remove it.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IDLE_SECONDS = float(os.environ.get("ISOSCALE_IDLE_SECONDS", "600"))
_MEMORY = Path("/dev/shm")  # noqa: S108  (where Linux keeps it; elsewhere it cannot be listed)


class Lifetime:
    """Watches, from its first command on, whether this process is still needed."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._lock = threading.Lock()
        self._commands, self._last_use = 0, time.monotonic()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While a command runs, the process is not idle."""
        with self._lock:
            self._commands += 1
            if self._watcher is None:
                atexit.register(self.tidy_up, patience=2.0)
                self._watcher = threading.Thread(target=self._watch, name="isoscale-lifetime", daemon=True)
                self._watcher.start()
        try:
            yield
        finally:
            with self._lock:
                self._commands -= 1
                self._last_use = time.monotonic()

    def tidy_up(self, *, patience: float = 0.0) -> None:
        """Remove what Fiji has left in shared memory, if it is gone; its end is seen a little after that of input."""
        deadline = time.monotonic() + patience
        while not self._fiji_is_gone():
            if time.monotonic() >= deadline:
                return
            time.sleep(0.05)
        for path in _MEMORY.glob(f"iso-{self._parent}-*"):
            path.unlink(missing_ok=True)

    def _fiji_is_gone(self) -> bool:
        return os.getppid() != self._parent

    def _watch(self) -> None:
        while True:
            time.sleep(min(2.0, IDLE_SECONDS / 4))
            with self._lock:
                idle = not self._commands and time.monotonic() - self._last_use > IDLE_SECONDS
            if idle or self._fiji_is_gone():
                self.tidy_up()
                os._exit(0)


_this_process = Lifetime()
busy = _this_process.busy

"""How much memory there is, how much is used, and saying so before it is not enough."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import SupportsFloat, SupportsIndex

from isoscale_ij.errors import MemoryLimitError, ParameterError

SHARE_OF_FREE = 0.8  # used at most, unless the caller says otherwise

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_GROUP_USED = Path("/sys/fs/cgroup/memory.current")


def free_memory() -> int:
    """Bytes that this process may still use: the machine's, or its control group's where that is less."""
    import psutil  # here, since what only reads a header asks for no memory

    free = int(psutil.virtual_memory().available)
    try:
        return min(free, int(_GROUP_LIMIT.read_text()) - int(_GROUP_USED.read_text()))
    except (OSError, ValueError):  # no such file here, or "max"
        return free


def as_bytes(size: float | str) -> int:
    """Read a number of bytes, or a string such as ``"2 GB"``."""
    number = math.nan
    if isinstance(size, str):
        match = _SIZE.fullmatch(size)
        if match and match[2].lower() in _UNITS:
            number = float(match[1]) * _UNITS[match[2].lower()]
    elif isinstance(size, (SupportsFloat, SupportsIndex)) and not isinstance(size, bool):
        number = float(size)
    if not 0 < number < math.inf:
        raise ParameterError(f'Got {size!r} as an amount of memory; needed is a number of bytes above 0, or as "2 GB".')
    return int(number)


def format_bytes(count: float) -> str:
    """``1234567`` as ``1.2 MB``."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB" if size < 1000 else f"{size:.0f} TB"


def limit_in_bytes(limit: float | str | None) -> int:
    """The limit that a caller gave, or a share of what is free."""
    return int(SHARE_OF_FREE * free_memory()) if limit is None else as_bytes(limit)


def require(needed: int, limit: float | str | None, what: str, mend: str) -> None:
    """Raise a MemoryLimitError if `needed` bytes are more than the limit."""
    allowed = limit_in_bytes(limit)
    if needed > allowed:
        whose = "the machine has free" if limit is None else "memory_limit allows"
        raise MemoryLimitError(f"{what} would need {format_bytes(needed)}; {whose} {format_bytes(allowed)}. {mend}")


@dataclass
class Peak:
    """The most memory in use above what was in use before, in bytes."""

    bytes: int = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Watch the process's memory, looking every 2 ms; the peak is known at the end."""
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    peak, stop = Peak(), Event()

    def look() -> None:
        peak.bytes = max(peak.bytes, process.memory_info().rss - before)

    def watch() -> None:
        while not stop.wait(0.002):
            look()

    watcher = Thread(target=watch, name="isoscale-memory", daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        look()
        stop.set()
        watcher.join()

"""Blurred blocks that are kept in this process's memory, as far as there is room, for the sweeps that follow."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from numpy.typing import NDArray

_lock = Lock()
_blocks: dict[Hashable, NDArray[Any]] = {}
_room = 0  # bytes that are left


@contextmanager
def room(nbytes: int) -> Iterator[None]:
    """Within, so many bytes of blocks are kept; the first that come, since each sweep goes over all of them anew."""
    global _room  # noqa: PLW0603  (what a process keeps is the process's)
    with _lock:
        _room += nbytes
    try:
        yield
    finally:
        with _lock:
            _blocks.clear()
            _room = 0


def kept(key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """What was made under that key, or is made now; nobody may change it."""
    global _room  # noqa: PLW0603
    values = _blocks.get(key)
    if values is None:
        values = make()
        with _lock:
            if values.nbytes <= _room and key not in _blocks:
                _blocks[key] = values
                _room -= values.nbytes
    return values


def forget(unneeded: Callable[[Any], bool]) -> None:
    """Make room: of what is kept, drop what is not needed any more, by its key."""
    global _room  # noqa: PLW0603
    with _lock:
        for key in [key for key in _blocks if unneeded(key)]:
            _room += _blocks.pop(key).nbytes

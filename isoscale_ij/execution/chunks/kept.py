"""What is kept in this process's memory, as far as there is room: blurred blocks, and tiles of the image.

Of blurred blocks the first that come, since each sweep goes over all of them anew. Of tiles those that were looked at
last, since what lies around a block is in its neighbours, which come next.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Lock
from typing import Any

from numpy.typing import NDArray

Make = Callable[[], NDArray[Any]]

_lock = Lock()
_blocks: dict[Hashable, NDArray[Any]] = {}
_room = 0  # bytes that are left for blocks
_tiles: OrderedDict[Hashable, Future[NDArray[Any]]] = OrderedDict()
_most = 0  # bytes of tiles


@contextmanager
def room(blocks: int, tiles: int) -> Iterator[None]:
    """Within, so many bytes of blocks and of tiles are kept."""
    global _room, _most  # noqa: PLW0603  (what a process keeps is the process's)
    with _lock:
        _room += blocks
        _most += tiles
    try:
        yield
    finally:
        with _lock:
            _blocks.clear()
            _tiles.clear()
            _room = _most = 0


def kept(key: Hashable, make: Make) -> NDArray[Any]:
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


def forget() -> None:
    """Make room for other blocks: those that are kept are not needed any more."""
    global _room  # noqa: PLW0603
    with _lock:
        _room += sum(values.nbytes for values in _blocks.values())
        _blocks.clear()


def keeps_tiles(nbytes: int) -> bool:
    """Whether there is room for so many bytes of tiles."""
    return nbytes <= _most


def tile(key: Hashable, make: Make) -> NDArray[Any]:
    """A tile that was read lately, or is read now, by one thread for all that want it; nobody may change it."""
    with _lock:
        wanted = _tiles.get(key)
        first = wanted is None
        if wanted is None:
            wanted = _tiles[key] = Future()
        _tiles.move_to_end(key)
    if first:
        try:
            wanted.set_result(make())
        except BaseException as error:
            with _lock:
                _tiles.pop(key, None)
            wanted.set_exception(error)
            raise
        _drop_tiles()
    return wanted.result()


def _drop_tiles() -> None:
    """Those that were looked at least lately, beyond what there is room for."""
    with _lock:
        done = [(key, each.result().nbytes) for key, each in _tiles.items() if each.done()]
        over = sum(nbytes for _, nbytes in done) - _most
        for key, nbytes in done:
            if over <= 0:
                return
            del _tiles[key]
            over -= nbytes

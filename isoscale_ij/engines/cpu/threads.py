"""The thread pool that drives the compiled kernels.

A kernel works on a half-open range of slices and releases the GIL. :func:`for_ranges` cuts the
work into ranges, runs them on a pool shared by the process, and reports progress from the
calling thread, so that a callback may raise to cancel. What is called from within such a range
runs there and then: many small volumes are shared out whole, a large one is cut up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Lock, local

_LIMITS = ("ISOSCALE_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
_POLL_SECONDS = 0.2

_pool: ThreadPoolExecutor | None = None
_lock = Lock()
_here = local()  # .inside: this thread belongs to the pool and works on a range


def thread_count() -> int:
    """Threads to use: the first limit set in the environment, else the cores this process may use."""
    for name in _LIMITS:
        text = os.environ.get(name, "")
        if text.strip().isdigit() and int(text) > 0:
            return int(text)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def _shared_pool() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603  (one pool a process is the point)
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(thread_count(), thread_name_prefix="isoscale")
        return _pool


def _forget_pool() -> None:
    """A forked child has none of its parent's threads: it starts its own pool when it needs one."""
    global _pool, _lock
    _pool, _lock = None, Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def for_ranges(
    work: Callable[[int, int], None],
    count: int,
    *,
    size: int | None = None,
    on_part: Callable[[float], None] | None = None,
) -> None:
    """Call ``work(first, last)`` for ranges that cover ``0 … count``, several at a time.

    Parameters
    ----------
    work : callable
        Works on the items ``first <= i < last``. Ranges never overlap.
    count : int
        How many items there are.
    size : int, optional
        Items in a range; by default about four ranges for each thread.
    on_part : callable, optional
        Called in this thread with the share of the items that is done, from 0 to 1, at least
        five times a second. What it raises stops the work that has not begun, and is raised
        here once nothing runs any more.
    """
    if getattr(_here, "inside", False):  # the pool's threads wait for nobody
        work(0, count)
        return
    threads = thread_count()
    size = size or max(1, -(-count // (4 * threads)))
    ranges = [(first, min(first + size, count)) for first in range(0, count, size)]
    if threads == 1 or len(ranges) == 1:
        for first, last in ranges:
            if on_part:
                on_part(first / count)
            work(first, last)
        if on_part:
            on_part(1.0)
        return
    pool = _shared_pool()
    pending: set[Future[None]] = {pool.submit(_work_inside, work, first, last) for first, last in ranges}
    total = len(pending)
    try:
        while pending:
            done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            if on_part:
                on_part(1 - len(pending) / total)
    except BaseException:
        for future in pending:
            future.cancel()
        wait(pending)
        raise


@contextmanager
def in_this_thread() -> Iterator[None]:
    """Within, :func:`for_ranges` runs in the calling thread: for work that is shared out among threads as a whole."""
    before = getattr(_here, "inside", False)
    _here.inside = True
    try:
        yield
    finally:
        _here.inside = before


def _work_inside(work: Callable[[int, int], None], first: int, last: int) -> None:
    with in_this_thread():
        work(first, last)

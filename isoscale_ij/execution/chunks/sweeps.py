"""Runs the tasks of a sweep: in threads here, or on the workers of a dask.distributed client."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.threads import in_this_thread, thread_count
from isoscale_ij.engines.protocol import OnPart
from isoscale_ij.errors import ParameterError
from isoscale_ij.execution.chunks.store import load_arrays, save_arrays

Summary = dict[str, NDArray[Any]]
Task = Callable[..., Summary]
Job = tuple[int, tuple[Any, ...]]  # the block, and what else its task is given

_POLL_SECONDS = 0.2
_AHEAD = 2  # tasks for each thread that are handed out at a time
_RETRIES = 5  # of a task whose worker was lost


@dataclass
class Sweeps:
    """Runs sweeps, one after the other.

    Attributes
    ----------
    client : distributed.Client, optional
        Where tasks run; without one, in threads here.
    marks : Path, optional
        A folder where the summary of each task is kept when it is done: a task that has one is not run again.
    threads : int
        How many tasks run at a time here.
    """

    client: Any = None
    marks: Path | None = None
    threads: int = field(default_factory=thread_count)
    _count: int = 0

    def run(
        self, task: Task, jobs: Iterable[Job], count: int, on_part: OnPart | None = None
    ) -> Iterator[tuple[int, Summary]]:
        """Run ``task(number, *arguments)`` for each job; gives (number, summary) as they come, in any order.

        Parameters
        ----------
        task : function
            Of a module, so that it can be sent.
        jobs : iterable of (number, arguments)
            Asked for a few at a time.
        count : int
            How many there are.
        on_part : callable, optional
            Told the share that is done; may raise to stop.
        """
        self._count += 1
        marks = None if self.marks is None else self.marks / f"{self._count:02}-{task.__name__.strip('_')}"
        known: deque[tuple[int, Summary]] = deque()
        share = [0.0]  # done; what polls looks at it

        def unfinished() -> Iterator[Job]:
            for number, arguments in jobs:
                if marks is not None and (marks / f"{number}.arrays").exists():
                    known.append((number, load_arrays(marks / f"{number}.arrays")))
                else:
                    yield number, arguments

        def poll() -> None:
            if on_part:
                on_part(share[0])

        here = self.client is None
        if marks is not None:
            marks.mkdir(parents=True, exist_ok=True)
        finished = (
            self._here(task, unfinished(), count, marks, poll) if here else
            self._on_cluster(task, unfinished(), marks, poll)
        )  # fmt: skip
        with closing(finished):  # whatever ends this, nothing runs any more
            for number, pair in enumerate(finished, 1):
                yield from _emptied(known)
                share[0] = min(1.0, number / count)
                poll()
                yield pair
        yield from _emptied(known)

    def _here(
        self, task: Task, jobs: Iterator[Job], count: int, marks: Path | None, poll: Callable[[], object]
    ) -> Generator[tuple[int, Summary], None, None]:
        if count == 1 or self.threads == 1:  # kernels share out the one block
            for number, arguments in jobs:
                yield number, _marked(task, number, arguments, marks)
            return
        with ThreadPoolExecutor(min(count, self.threads), thread_name_prefix="isoscale-blocks") as pool:
            pending: dict[Future[Summary], int] = {}
            try:
                while True:
                    for number, arguments in islice(jobs, _AHEAD * self.threads - len(pending)):
                        pending[pool.submit(_alone, task, number, arguments, marks)] = number
                    if not pending:
                        return
                    done, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                    if not done:
                        poll()
                    for future in done:
                        yield pending.pop(future), future.result()
            finally:
                for future in pending:
                    future.cancel()

    def _on_cluster(
        self, task: Task, jobs: Iterator[Job], marks: Path | None, poll: Callable[[], object]
    ) -> Generator[tuple[int, Summary], None, None]:
        from distributed import wait as wait_for

        at_a_time = _AHEAD * max(1, sum(self.client.nthreads().values()))
        pending: dict[Any, int] = {}
        try:
            while True:
                for number, arguments in islice(jobs, at_a_time - len(pending)):
                    future = self.client.submit(_alone, task, number, arguments, marks, pure=False, retries=_RETRIES)
                    pending[future] = number
                if not pending:
                    return
                try:
                    done = wait_for(  # type: ignore[no-untyped-call]
                        list(pending), timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED"
                    ).done
                except TimeoutError:
                    poll()
                    continue
                for future in done:
                    yield pending.pop(future), future.result()
        finally:
            self.client.cancel(list(pending))


def _emptied(queue: deque[tuple[int, Summary]]) -> Iterator[tuple[int, Summary]]:
    while queue:
        yield queue.popleft()


def _alone(task: Task, number: int, arguments: tuple[Any, ...], marks: Path | None) -> Summary:
    """A task in one thread: others work on other blocks."""
    with in_this_thread():
        return _marked(task, number, arguments, marks)


def _marked(task: Task, number: int, arguments: tuple[Any, ...], marks: Path | None) -> Summary:
    summary = task(number, *arguments)
    if marks is not None:
        save_arrays(marks / f"{number}.arrays", summary)
    return summary


def current_client() -> Any:
    """The dask.distributed client that the caller works with, its workers' version compared with ours; or None."""
    if "distributed" not in sys.modules:
        return None
    from distributed import default_client

    try:
        client = default_client()  # type: ignore[no-untyped-call]
    except ValueError:
        return None
    versions = set(client.run(version).values()) - {version()}
    if versions:
        raise ParameterError(
            f"The workers have version {', '.join(sorted(map(str, versions)))} of isoscale_ij, here is {version()}; "
            "needed is the same, or results may differ. Install it there: pip install isoscale-ij==" + version()
        )
    return client


def bytes_for_a_task(client: Any) -> float | None:
    """The memory that each thread of the workers has; None where that is not said."""
    workers = client.scheduler_info()["workers"].values()
    shares = [worker["memory_limit"] / worker["nthreads"] for worker in workers if worker.get("memory_limit")]
    return min(shares) if shares else None


def version() -> str:
    """Of this package, where it runs."""
    from isoscale_ij import __version__

    return __version__


def scalar(value: float) -> NDArray[Any]:
    """A number in a summary."""
    return np.asarray(value)

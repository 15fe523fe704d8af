"""Lines of many threads arrive whole."""

from __future__ import annotations

import io
import threading

from isoscale_ij.fiji.lines import WholeLines


def test_lines_of_many_threads_arrive_whole() -> None:
    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            for letter in text:  # gives other threads every chance
                super().write(letter)
            return len(text)

    target = Slow()
    stream = WholeLines(target)  # type: ignore[arg-type]

    def tell(name: str) -> None:
        for number in range(200):
            print(name * 20, number, file=stream, flush=True)

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = target.getvalue().splitlines()
    assert sorted(lines) == sorted(f"{name * 20} {number}" for name in "abcd" for number in range(200))

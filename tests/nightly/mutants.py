"""What mutation testing left: ``make mutants`` runs mutmut, and writes its survivors to docs/trust.md.

mutmut changes one thing at a time (a sign, a bound, a constant, a word) in the functions of the modules that
pyproject.toml names, and runs the tests that reach it. A mutant that no test minds survives. Those in which only the
words of a message differ are counted and not listed.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

from nightly.run import MUTANTS, REPORT

KILLED, SURVIVED, UNREACHED = "caught", "survived", "reached by no quick test"
_STATES = {1: KILLED, 3: KILLED, 0: SURVIVED, 33: UNREACHED}  # by the exit code of pytest, as mutmut has it
_TEXT = re.compile(r"""[fr]?("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")


def main() -> None:
    """Write the section of the report."""
    from mutmut.__main__ import get_diff_for_mutant

    counts: dict[str, Counter[str]] = {}
    listed = []
    for path in sorted(Path("mutants").rglob("*.meta")):
        module = path.name.removesuffix(".py.meta")
        for name, code in json.loads(path.read_text())["exit_code_by_key"].items():
            state = _STATES.get(code, KILLED)  # a crash, and what takes too long, are noticed as well
            if state == SURVIVED:
                before, after = _changed(get_diff_for_mutant(name))
                if (
                    _TEXT.sub("…", before) == _TEXT.sub("…", after)
                    or "Error(None)" in after
                    or re.fullmatch(r"\s*None", after)
                ):
                    state = "survived, words of a message"
                else:
                    listed.append(f"| {module} | `{before.strip()}` | `{after.strip()}` |".replace("\n", " "))
            counts.setdefault(module, Counter())[state] += 1
    text = REPORT.read_text(encoding="utf-8")
    REPORT.write_text(f"{text.partition(MUTANTS)[0].rstrip()}\n\n{section(counts, listed)}", encoding="utf-8")


def section(counts: dict[str, Counter[str]], listed: list[str]) -> str:
    """The table, and the list."""
    states = [KILLED, SURVIVED, "survived, words of a message", UNREACHED]
    total = sum(counts.values(), Counter())
    share = total[KILLED] / max(1, total[KILLED] + total[SURVIVED])
    rows = [f"| {name} | {' | '.join(str(each[state]) for state in states)} |" for name, each in counts.items()]
    about = (
        "By `make mutants` (mutmut): of the changes that a quick test reaches and that are more than words of a "
        f"message, {share:.0%} are caught."
    )
    left = (
        "What survives is mostly the same by another way (a bound that no number meets, a default that nobody uses, a "
        "value that is looked up and not needed). All of it:"
    )
    header = [f"| module | {' | '.join(states)} |", "| --- " * (len(states) + 1) + "|"]
    changes = ["| module | was | became |", "| --- | --- | --- |"]
    return "\n".join([MUTANTS, "", about, "", *header, *rows, "", left, "", *changes, *listed, ""])


def _changed(diff: str) -> tuple[str, str]:
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return tuple("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())

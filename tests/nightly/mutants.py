"""What mutation testing left: ``make mutants`` runs mutmut, and writes its survivors to docs/trust.md.

mutmut changes one thing at a time (a sign, a bound, a constant, a word) in the functions of the modules that
pyproject.toml names, and runs the tests that reach it; functions with a decorator it leaves out. A mutant that no test
minds survives. Those in which only the words of a message differ are counted and not listed; the others are listed by
why that is, as ``REASONS`` has it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

from nightly.run import MUTANTS, REPORT

KILLED, SURVIVED, UNREACHED = "caught", "survived", "reached by no quick test"
WORDS = "survived, words of a message"
_STATES = {1: KILLED, 3: KILLED, 0: SURVIVED, 33: UNREACHED}  # by the exit code of pytest, as mutmut has it
_TEXT = re.compile(r"""[fr]?("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")

REASONS = {
    "The same: what goes side by side is of one length.": [r"strict=True.*→.*(strict=(None|False)|, )\)"],
    "The same: said for type checkers alone.": [r"→.*cast\("],
    "The same: the type is float64 either way.": [
        r"→.*(astype|np\.dtype)\(None\)", r'→.*\(coord\.dtype\.kind == "f"\) or True',
    ],
    "The same: what is left out or done besides makes no difference to what follows.": [
        r"None if \(value is None\) and False", r"not in image\.dims and coord is None",
        r"\{\"units\": target\} if \(target\)", r"assign_coords\(coords\) if \(coords\) or True",
        r"_attributes_agree\(coord, size, None\)", r"attrs\.get\(None\)", r"coord\.size > 1.*→.*coord\.size (>= 1|> 2)",
        r"canonical_unit\(match\[2\]\) if \(match", r"isinstance\(text, bool\)", r'grid\.sizes\.get\("z", 2\)',
        r"z, y, x = \(2\.0 if spot\.in_voxels", r"xr\.DataArray\(labels, (dims=None, )?coords=",
        r"changes\.get\(axis", r"- 1\) / 2", r"power >= 0", r"if step <= 0",
    ],
    "A tolerance, or a bound that no number meets: what is measured or computed lies far on one side of it.": [
        r"rounding = 3", r"_UNEQUAL_STEP", r"_SAME_SPACING", r"1e-9", r"_EXACT", r"→.*1 < sigma < _UNRESOLVED",
    ],
    "The words of a message, in another way.": [r"\.lstrip\(\)"],
}  # fmt: skip
"""Why no test minds, and what is then found in "was → became": the first that fits counts."""
OPEN = "Not looked into: a test may be missing."


def main() -> None:
    """Write the section of the report."""
    from mutmut.__main__ import get_diff_for_mutant

    counts: dict[str, Counter[str]] = {}
    listed: dict[str, list[str]] = {}
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
                    state = WORDS
                else:
                    row = f"| {module} | `{before.strip()}` | `{after.strip()}` |".replace("\n", " ")
                    listed.setdefault(reason(before, after), []).append(row)
            counts.setdefault(module, Counter())[state] += 1
    text = REPORT.read_text(encoding="utf-8")
    REPORT.write_text(f"{text.partition(MUTANTS)[0].rstrip()}\n\n{section(counts, listed)}", encoding="utf-8")


def reason(before: str, after: str) -> str:
    """Why no test minds that change."""
    change = f"{before} → {after}".replace("\n", " ")
    return next((why for why, found in REASONS.items() if any(re.search(each, change) for each in found)), OPEN)


def section(counts: dict[str, Counter[str]], listed: dict[str, list[str]]) -> str:
    """The table, and the lists."""
    states = [KILLED, SURVIVED, WORDS, UNREACHED]
    rows = [
        f"| {name} | {' | '.join(str(each[state]) for state in states)} | {_share(each)} |"
        for name, each in counts.items()
    ]
    about = (
        "By `make mutants` (mutmut): of the changes that a quick test reaches and that are more than words of a "
        f"message, {_share(sum(counts.values(), Counter()))} are caught."
    )
    header = [f"| module | {' | '.join(states)} | caught of those |", "| --- " * (len(states) + 2) + "|"]
    left = "What survives, by the reason why no test minds:"
    lists = []
    for why in (*REASONS, OPEN):
        if why in listed:
            lists += [f"### {why.removesuffix('.')}", "", "| module | was | became |", "| --- | --- | --- |"]
            lists += [*listed[why], ""]
    return "\n".join([MUTANTS, "", about, "", *header, *rows, "", left, "", *lists])


def _share(count: Counter[str]) -> str:
    return f"{count[KILLED] / max(1, count[KILLED] + count[SURVIVED]):.0%}"


def _changed(diff: str) -> tuple[str, str]:
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return tuple("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())

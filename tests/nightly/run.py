"""Runs all that is tried at night, and writes what was tried and what came out to docs/trust.md.

``python tests/nightly/run.py [--minutes N]``: so long files are damaged, in a process beside those of the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from nightly import interruptions  # noqa: E402

REPORT = ROOT / "docs" / "trust.md"
MUTANTS = "## What the tests would not have noticed"
"""Begins what mutants.py writes there."""


def laws(examples: int) -> dict[str, Any]:
    """The laws, each with so many examples."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/nightly/test_laws.py", "--timeout=0"],
        cwd=ROOT, env={**os.environ, "ISOSCALE_EXAMPLES": str(examples)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    return {
        "laws": int(passed[1]) if passed else 0,
        "examples": examples,
        "wrong": failed or ([] if passed else ["none ran"]),
    }


def main() -> int:
    """Run it all; 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    damage = [sys.executable, "tests/nightly/damage.py", "run", str(options.cases), str(60 * options.minutes)]
    damaging = subprocess.Popen(damage, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    per_command = -(-options.kills // len(interruptions.COMMANDS))
    found = {
        "killed (SIGKILL)": interruptions.interrupted(per_command, signal.SIGKILL),
        "interrupted (Ctrl-C)": interruptions.interrupted(-(-per_command // 2), signal.SIGINT, seed=1),
        "a disk without room": interruptions.without_room(),
        "too little memory": interruptions.without_memory(),
        "two writers of one file": interruptions.two_writers(20),
        "many images in one process": interruptions.many_images(2000),
        "laws": laws(options.examples),
    }
    found["damaged files"] = json.loads(damaging.communicate()[0])
    known = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    _, heading, mutants = known.partition(MUTANTS)
    REPORT.write_text(report(found) + (f"\n{heading}{mutants}" if heading else ""), encoding="utf-8")
    return int(any(part["wrong"] for part in found.values()))


def report(found: dict[str, dict[str, Any]]) -> str:
    """What stands in docs/trust.md."""
    import isoscale_ij

    made = (
        f"Made by `make nightly` with isoscale_ij {isoscale_ij.__version__} on {platform.system()}, Python "
        f"{platform.python_version()}, {datetime.now(tz=UTC):%Y-%m-%d}. What is promised: an input is never changed "
        "unless it is asked for, an output is whole or not there, what cannot be right is an error in one sentence, "
        "memory stays within the limit, and results depend on nothing but image and parameters."
    )
    lines = [
        "# What was tried",
        "",
        made,
        "",
        "| what | how much | what was wrong |",
        "| --- | --- | --- |",
    ]
    for name, part in found.items():
        amount = ", ".join(f"{key}: {value}" for key, value in part.items() if key != "wrong")
        wrong = part["wrong"]
        faults = [f"{key}: {value}" for key, value in wrong.items()] if isinstance(wrong, dict) else wrong
        lines.append(f"| {name} | {amount} | {'; '.join(faults) or 'nothing'} |")
    return "\n".join([*lines, "", _WHAT, ""])


_WHAT = """\
*Damaged files*: files of every format and dialect that is written here, and real ones where they are at hand, cut,
overwritten, moved and swapped in one to twenty places; read, shown by `info`, or recalibrated in place. Right is an
image or one of our errors, within 10 s and 1 GB. Each case has a number: `python tests/nightly/damage.py one NUMBER`.

*Killed, interrupted*: every command that writes, at a random moment. *Laws*: what has to hold for any image (by
hypothesis): calibration, rescaling, Voronoi-Otsu-Labeling against plain versions, files there and back.

Every change is tested besides by `make test`, against scipy, scikit-image, SimpleITK, ImageJ and plain versions of each
step. Which inputs are defended against is in the project's SECURITY.md."""


if __name__ == "__main__":
    sys.exit(main())

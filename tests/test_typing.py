"""The types of the public names, as mypy and pyright reveal them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "tests" / "typing" / "public_names.py"


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.stdout, done.stderr
    return done.stdout


def mypy() -> dict[int, tuple[str, str]]:
    """What mypy says of each line: whether it is an error, and the text."""
    found = re.findall(r"^.*public_names\.py:(\d+): (note|error): (.*)$", run("mypy", str(FILE)), re.MULTILINE)
    found.sort(key=lambda each: each[1], reverse=True)  # an error has notes of its own, and counts more
    return {int(line): (kind, text) for line, kind, text in found}


def pyright() -> dict[int, tuple[str, str]]:
    """What pyright says, without its fork's own rules."""
    settings = ROOT / "tests" / "typing" / "pyrightconfig.json"
    said = json.loads(run("basedpyright", "--outputjson", "-p", str(settings), "--pythonpath", sys.executable))[
        "generalDiagnostics"
    ]
    kinds = {"information": "note", "error": "error"}
    return {
        message["range"]["start"]["line"] + 1: (kinds[message["severity"]], message["message"])
        for message in said
        if message["severity"] in kinds
    }


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_what_type_checkers_see(checker: Callable[[], dict[int, tuple[str, str]]]) -> None:
    said = checker()
    for number, line in enumerate(FILE.read_text().splitlines(), start=1):
        _, _, expected = line.partition("#: ")
        kind, text = said.pop(number, ("nothing", ""))
        if not expected:
            assert kind == "nothing", (number, text)
        elif expected == "error":
            assert kind == "error", (number, line)
        else:
            assert (kind, expected in text) == ("note", True), (number, line, kind, text)
    assert not said

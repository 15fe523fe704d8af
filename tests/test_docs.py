"""What the documentation says runs, and is true."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_walkthrough_runs(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("render", ROOT / "docs" / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.render(tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").iterdir())) == 3
    written = (ROOT / "docs" / "walkthrough.md").read_text()
    headings = re.findall(r"^#+ .*", text, re.MULTILINE)
    assert headings == re.findall(r"^#+ .*", written, re.MULTILINE), "make walkthrough"


def test_the_examples_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text()
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(python|bash)\n(.*?)```", text, re.DOTALL)
    commands = [
        line
        for language, block in blocks
        if language == "bash"
        for line in block.splitlines()
        if line.startswith("isoscale-ij")
    ]
    assert len(commands) >= 6
    script = [sys.executable, "-m", "isoscale_ij"]
    subprocess.run([*script, "sample", "my.tif", "--shape", "12", "96", "96"], check=True, capture_output=True)
    for command in commands:
        arguments = command.partition("#")[0].split()[1:]
        done = subprocess.run([*script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    for name in ("labels.tif", "isotropic.tif"):
        (tmp_path / name).unlink(missing_ok=True)
    examples = [block for language, block in blocks if language == "python"]
    assert examples
    for block in examples:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102

"""Runs ``docs/walkthrough.py`` and writes what it says and shows into ``docs/walkthrough.md``.

``make walkthrough`` does that. Pictures go into ``docs/pictures``.
"""

from __future__ import annotations

import ast
import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import jupytext
from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """What a cell prints, and the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, "walkthrough.py", "exec"), names)  # noqa: S102  (our own file)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "walkthrough.py", "eval"), names)  # noqa: S307
    return printed.getvalue(), value


def render(pictures: Path) -> str:
    """The walk-through as Markdown; its pictures are written into a folder."""
    pictures.mkdir(exist_ok=True)
    names: dict[str, Any] = {"__name__": "walkthrough"}
    parts, count = [], 0
    for cell in jupytext.read(DOCS / "walkthrough.py").cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        text, value = run_cell(cell.source, names)
        if text:
            parts.append(f"```text\n{text.rstrip()}\n```")
        if isinstance(value, Figure):
            count += 1
            value.savefig(pictures / f"walkthrough-{count}.png", dpi=90)
            parts.append(f"![]({pictures.name}/walkthrough-{count}.png)")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (DOCS / "walkthrough.md").write_text(render(DOCS / "pictures"), encoding="utf-8")

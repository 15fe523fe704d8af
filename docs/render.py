"""Runs the pages that are programs and writes what they say and show: ``docs/imagej.py`` into ``docs/imagej.md``.

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
PAGES = ("walkthrough", "imagej")


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """What a cell prints, and the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, "page.py", "exec"), names)  # noqa: S102  (our own file)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "page.py", "eval"), names)  # noqa: S307
    return printed.getvalue(), value


def render(page: str, pictures: Path, names: dict[str, Any]) -> str:
    """A page as Markdown; its pictures are written into a folder, what it defined is then in `names`."""
    pictures.mkdir(exist_ok=True)
    names["__name__"] = page
    parts, count = [], 0
    for cell in jupytext.read(DOCS / f"{page}.py").cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        text, value = run_cell(cell.source, names)
        if text:
            parts.append(f"```text\n{text.rstrip()}\n```")
        if isinstance(value, Figure):
            count += 1
            value.savefig(pictures / f"{page}-{count}.png", dpi=90)
            parts.append(f"![]({pictures.name}/{page}-{count}.png)")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    for name in PAGES:
        (DOCS / f"{name}.md").write_text(render(name, DOCS / "pictures", {}), encoding="utf-8")

"""README as the page of a package: there, a link into the repository needs its address, or is no link.

The build takes the address from ``project.urls``, ``Source``. Without one, links become their text, and pictures
go with their captions.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)(\n\n\*.*?\*(?=\n\n))?", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def for_a_package(text: str, source: str | None, version: str) -> str:
    """README with links that work anywhere."""

    def picture(match: re.Match[str]) -> str:
        alt, target, caption = match.groups()
        if "://" in target:
            return match[0]
        return f"![{alt}]({source}/raw/v{version}/{target}){caption or ''}" if source else ""

    def link(match: re.Match[str]) -> str:
        text, target = match.groups()
        if "://" in target:
            return match[0]
        if not source:
            return text
        where = source if target.startswith("#") else f"{source}/blob/v{version}/"
        return f"[{text}]({where}{target})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(link, _PICTURE.sub(picture, text)))


class Readme(MetadataHookInterface):
    """What hatchling asks for the description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in ``readme``."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = for_a_package(text, metadata.get("urls", {}).get("Source"), metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}

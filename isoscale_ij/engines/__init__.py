"""What the steps are computed with: one engine a kind of machine, chosen by name.

An engine implements :class:`isoscale_ij.engines.protocol.Engine`.
"""

from __future__ import annotations

from isoscale_ij.engines.protocol import Engine
from isoscale_ij.errors import ParameterError

ENGINES = ("auto", "cpu")


def get_engine(name: str = "auto") -> Engine:
    """The engine called `name`; ``"auto"`` is the one that suits this machine best."""
    if name in ("auto", "cpu"):
        from isoscale_ij.engines.cpu import CpuEngine  # compiled code: loaded when first needed

        return CpuEngine()
    raise ParameterError(f"Got the engine {name!r}; needed is one of {', '.join(map(repr, ENGINES))}.")

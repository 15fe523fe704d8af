"""What the steps are computed with: one engine a kind of machine, chosen by name or by what it is good at.

An engine implements :class:`isoscale_ij.engines.protocol.Engine`. It stands behind a door, a module
that is light to import and is listed in :data:`DOORS`. A door has

``NAME``
    What the engine is called.
``usable()``
    Whether all that it needs is here.
``suits(voxels)``
    Whether it is what a job of so many voxels is best done with here.
``make()``
    The engine; says what is missing where it cannot be had.
``holding(values)``
    The engine in whose own memory `values` lie, or None.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from isoscale_ij.errors import ParameterError

if TYPE_CHECKING:  # the command line asks for the names alone: nothing heavy is loaded for them
    from isoscale_ij.engines.protocol import Engine

DOORS = ["isoscale_ij.engines.opencl", "isoscale_ij.engines.cpu"]
"""In the order in which ``"auto"`` asks them; the last one suits every job."""

AUTO = "auto"


class _Door(Protocol):
    NAME: str

    def usable(self) -> bool: ...
    def suits(self, voxels: int) -> bool: ...
    def make(self) -> Engine: ...
    def holding(self, values: object) -> Engine | None: ...


def engine_names() -> list[str]:
    """What an engine can be asked for by: ``"auto"``, then the engines."""
    return [AUTO, *(door.NAME for door in reversed(_doors()))]


def usable_engines() -> list[str]:
    """The names of the engines that can work here."""
    return [door.NAME for door in reversed(_doors()) if door.usable()]


def get_engine(name: str = AUTO, voxels: int = 0) -> Engine:
    """The engine called `name`; ``"auto"`` is the first that suits this machine, and a job of so many voxels."""
    for door in _doors():
        if name == door.NAME or (name == AUTO and door.suits(voxels)):
            return door.make()
    raise ParameterError(f"Got the engine {name!r}; needed is one of {', '.join(map(repr, engine_names()))}.")


def engine_holding(values: object, name: str = AUTO) -> Engine | None:
    """The engine in whose own memory `values` are and may stay, if that is the one asked for; else None."""
    for door in _doors():
        if name in (AUTO, door.NAME) and (engine := door.holding(values)):
            return engine
    return None


def _doors() -> list[_Door]:
    return [cast("_Door", import_module(module)) for module in DOORS]

"""ImageJ from Python: starting or joining its Java, and images to and from it without losing anything.

Only classes of ImageJ 1 (``ij.*``) are used, so the same code works in a plain ImageJ, in pyimagej's
Java and in Fiji. Nothing is loaded and no Java is started before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isoscale_ij.imagej.conversion import from_imageplus as from_imageplus
    from isoscale_ij.imagej.conversion import to_imageplus as to_imageplus
    from isoscale_ij.imagej.gateway import register_converters as register_converters
    from isoscale_ij.imagej.gateway import unregister_converters as unregister_converters
    from isoscale_ij.imagej.jvm import start as start
    from isoscale_ij.imagej.tables import to_results_table as to_results_table

_HOME = {
    "conversion": ("from_imageplus", "to_imageplus"),
    "gateway": ("register_converters", "unregister_converters"),
    "jvm": ("start",),
    "tables": ("to_results_table",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  (a test keeps it in step with the imports above)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})

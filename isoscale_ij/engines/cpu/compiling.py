"""How the kernels of the CPU engine are compiled: two decorators, and the one arithmetic step they share.

Kernels are serial functions over a range of slices or rows that release the GIL; threads come
from :mod:`.threads`. Such functions compile in about a second each, load from numba's cache in
milliseconds, and may be called from several Python threads at once.

Floating-point operations are never reordered or contracted by the compiler. Every sum runs in
the order in which it is written, so a result does not depend on how the work was cut up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from numba import njit, types
from numba.extending import intrinsic

registered: list[Any] = []
"""The kernels that are kept on disk."""

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,  # kernels make no arrays: nothing is compiled that counts references to them
    "no_cfunc_wrapper": True,  # nor is a way in that only C would take
}


def _features() -> dict[str, bool]:
    """What this processor can do; nothing where LLVM does not know it, as of some of ARM's."""
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:
        return {}


FEATURES = _features()
HAS_FUSED_MULTIPLY_ADD = bool(FEATURES.get("fma") or llvm.get_process_triple().startswith(("aarch64", "arm64")))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on first use; keep the machine code on disk where that is possible."""
    try:
        dispatcher = njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # neither the package's nor the user's cache folder can be written
        return njit(**_OPTIONS)(function)
    registered.append(dispatcher)
    return dispatcher


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` as a part of what calls it: for what is called in one place of a kernel, or next to nothing.

    By itself it would be compiled twice: once alone, once more where it is called.
    """
    return njit(inline="always", **_OPTIONS)(function)


@intrinsic  # type: ignore[untyped-decorator]
def multiply_add(typing_context: Any, factor: Any, value: Any, addend: Any) -> Any:
    """``factor * value + addend``, rounded once where the processor can, the same on every path.

    Asking the compiler to contract where it likes would let two loops over the same numbers
    differ in the last bit; asking for the instruction by name does not.
    """
    del typing_context
    if not (isinstance(factor, types.Float) and factor == value == addend):
        return None
    signature = factor(factor, factor, factor)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        factor, value, addend = arguments
        if HAS_FUSED_MULTIPLY_ADD:
            return builder.fma(factor, value, addend)
        return builder.fadd(builder.fmul(factor, value), addend)

    return signature, generate

"""What the intrinsics of kernels are made of: vectors in registers, loaded, stored, turned, and loops over them.

Functions here write the intermediate code of LLVM; `builder` is llvmlite's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from isoscale_ij.engines.cpu.compiling import FEATURES, HAS_FUSED_MULTIPLY_ADD

LANES = 16 if FEATURES.get("avx512f") else 8 if FEATURES.get("avx2") else 4
"""Values of float32 in a vector."""

FLOAT, DOUBLE, INDEX, INT = ir.FloatType(), ir.DoubleType(), ir.IntType(64), ir.IntType(32)


def load_as(builder: Any, wanted: Any, dtype: Any, address: Any, offset: int) -> Any:
    """A vector of values of a type, as vector of floats."""
    stored = DOUBLE if dtype == types.float64 else FLOAT if dtype == types.float32 else ir.IntType(dtype.bitwidth)
    values = load(builder, address, offset, stored, dtype.bitwidth // 8)
    if stored == wanted.element:
        return values
    if stored in (FLOAT, DOUBLE):
        return (builder.fpext if stored == FLOAT else builder.fptrunc)(values, wanted)
    return (builder.sitofp if dtype.signed else builder.uitofp)(values, wanted)


def looped(
    builder: Any, first: Any, last: Any, begin: list[list[Any]],
    products: Callable[[Any, list[list[Any]]], list[list[Any]]],
) -> list[list[Any]]:  # fmt: skip
    """The loop over the weights from `first` to `last`, and what it makes of the sums at its beginning."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("weights", "weight", "summed"))
    builder.branch(head)
    builder.position_at_end(head)
    k = builder.phi(INDEX)
    k.add_incoming(first, before)
    total = [[builder.phi(value.type) for value in row] for row in begin]
    builder.cbranch(builder.icmp_signed("<", k, last), body, after)
    builder.position_at_end(body)
    more = products(k, total)
    k.add_incoming(builder.add(k, INDEX(1)), body)
    builder.branch(head)
    for row, old, new in zip(total, begin, more, strict=True):
        for each, start, value in zip(row, old, new, strict=True):
            each.add_incoming(start, before)
            each.add_incoming(value, body)
    builder.position_at_end(after)
    return total


def address_of(context: Any, builder: Any, of_type: Any, array: Any, offset: Any) -> Any:
    """Where an element of an array lies, counted from its first one."""
    return builder.gep(context.make_array(of_type)(context, builder, array).data, [offset])


def load(builder: Any, address: Any, offset: int, stored: Any = FLOAT, size: int = 4) -> Any:
    """A vector; addresses are those of its elements, and no better aligned than they are."""
    pointer = ir.VectorType(stored, LANES).as_pointer()
    return builder.load(builder.bitcast(builder.gep(address, [INDEX(offset)]), pointer), align=size)


def store(builder: Any, address: Any, step: Any, sums: list[list[Any]]) -> None:
    """Rows of vectors, `step` apart."""
    for r, row in enumerate(sums):
        begin = builder.gep(address, [builder.mul(INDEX(r), step)])
        for c, vector in enumerate(row):
            at = builder.bitcast(builder.gep(begin, [INDEX(c * LANES)]), vector.type.as_pointer())
            builder.store(vector, at, align=8 if vector.type.element == DOUBLE else 4)


def store_turned(builder: Any, address: Any, step: Any, sums: list[list[Any]]) -> None:
    """Four rows of vectors as rows of four."""
    for c in range(len(sums[0])):
        for column, vector in enumerate(fours(builder, [row[c] for row in sums])):
            for group in range(0, LANES, 4):
                four = _pick(builder, vector, vector, [group, group + 1, group + 2, group + 3])
                place = builder.gep(address, [builder.mul(INDEX(c * LANES + group + column), step)])
                builder.store(four, builder.bitcast(place, four.type.as_pointer()), align=4)


def fours(builder: Any, rows: list[Any]) -> list[Any]:
    """Four vectors, turned by fours: the first has the first values of each four in the rows, and so on.

    A processor mixes two vectors within stretches of four in one step.
    """
    a, b, c, d = rows
    low, high = _by_four((0, 1), (0, 1), (0, 2, 1, 3)), _by_four((2, 3), (2, 3), (0, 2, 1, 3))
    left, right = _by_four((0, 1), (0, 1), (0, 1, 2, 3)), _by_four((2, 3), (2, 3), (0, 1, 2, 3))
    a, b, c, d = (_pick(builder, *each) for each in ((a, b, low), (a, b, high), (c, d, low), (c, d, high)))
    return [_pick(builder, *each) for each in ((a, c, left), (a, c, right), (b, d, left), (b, d, right))]


def turned(builder: Any, block: list[list[Any]]) -> list[list[Any]]:
    """The transpose of a block as wide as it is high: of four by four first, then of larger and larger parts."""
    rows = [row[0] for row in block]
    for r in range(0, LANES, 4):
        rows[r : r + 4] = fours(builder, rows[r : r + 4])
    apart = 4
    while apart < LANES:
        near = [lane if not lane & apart else lane - apart + LANES for lane in range(LANES)]
        far = [lane + apart if not lane & apart else lane + LANES for lane in range(LANES)]
        for r in range(LANES):
            if not r & apart:
                a, b = rows[r], rows[r + apart]
                rows[r], rows[r + apart] = _pick(builder, a, b, near), _pick(builder, a, b, far)
        apart *= 2
    return [[row] for row in rows]


def _by_four(of_a: tuple[int, int], of_b: tuple[int, int], order: tuple[int, ...]) -> list[int]:
    """Lanes of two vectors, the same within each four."""
    four = [*of_a, *(lane + LANES for lane in of_b)]
    return [group + four[lane] for group in range(0, LANES, 4) for lane in order]


def _pick(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT, len(lanes)), lanes))


def spread(builder: Any, value: Any, lanes: int = LANES) -> Any:
    """A vector of the same value."""
    unset = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(unset, value, INT(0))
    return builder.shuffle_vector(first, unset, ir.Constant(ir.VectorType(INT, lanes), [0] * lanes))


def add_product(builder: Any, factor: Any, value: Any, addend: Any) -> Any:
    """``factor * value + addend``, as :func:`.compiling.multiply_add`."""
    if not HAS_FUSED_MULTIPLY_ADD:
        return builder.fadd(builder.fmul(factor, value), addend)
    of_vectors = ir.FunctionType(factor.type, [factor.type] * 3)
    name = f"llvm.fma.v{LANES}f{64 if factor.type.element == DOUBLE else 32}"
    return builder.call(cgutils.get_or_insert_function(builder.module, of_vectors, name), [factor, value, addend])

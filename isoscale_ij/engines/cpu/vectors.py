"""Whole vectors in registers: the innermost loops of blurring, of resampling, and of the search for the nearest seed.

A compiler makes vectors of a loop over neighbours, and keeps the sums in memory, which is loaded and stored for each
weight. Here the sums of a block of rows and columns stay in registers until all weights are through. Numba has no
vectors, so the loops are written in its intermediate code. How much that makes is in docs/benchmarks.md.

Each sum is that of its products in the order of the weights, beginning with 0 (in resampling with -0, to which a
product is added without a change, whatever its sign) and rounded as by :func:`.compiling.multiply_add`: wherever it
stands in a block, it is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from isoscale_ij.engines.cpu.registers import (
    DOUBLE,
    FLOAT,
    INDEX,
    INT,
    LANES,
    add_product,
    address_of,
    load,
    load_as,
    looped,
    spread,
    store,
    store_turned,
    turned,
)  # fmt: skip

_VECTORS = 2 if LANES == 8 else 4  # side by side in a block: AVX2 has 16 registers, the others 32

ROWS = 4
"""Rows of a block."""

COLUMNS = LANES * _VECTORS
"""Columns of a block."""

AT_ONCE = 16
"""Voxels of a row that :func:`nearest_of` finds the nearest seeds of."""

SIDE = LANES
"""Rows and columns of a block of :func:`turn`, and columns of one of :func:`sum_turned`."""

_VECTOR, _BYTES = ir.VectorType(FLOAT, LANES), ir.IntType(8).as_pointer()


@intrinsic  # type: ignore[untyped-decorator]
def sum_rows(
    typing_context: Any, sums: Any, sums_at: Any, sums_step: Any, values: Any, values_at: Any, offsets: Any,
    weights: Any, count: Any,
) -> Any:  # fmt: skip
    """Sums of the same rows of values with four weights each: a block of four rows.

    ``sums[sums_at + r * sums_step + c]`` is the sum over ``k < count`` of
    ``weights[k, r] * values[values_at + offsets[k] + c]``, for ``r < ROWS`` and ``c < COLUMNS``.
    All are C-contiguous, float32 and (`offsets`) int64; places are counted from their first elements, and not checked.
    """
    del typing_context
    return _sums_of_rows(sums, values, offsets, weights, store)


@intrinsic  # type: ignore[untyped-decorator]
def sum_rows_turned(
    typing_context: Any, sums: Any, sums_at: Any, sums_step: Any, values: Any, values_at: Any, offsets: Any,
    weights: Any, count: Any,
) -> Any:  # fmt: skip
    """The same sums as of :func:`sum_rows`, stored with columns for rows: at ``sums[sums_at + c * sums_step + r]``."""
    del typing_context
    return _sums_of_rows(sums, values, offsets, weights, store_turned)


def _sums_of_rows(sums: Any, values: Any, offsets: Any, weights: Any, store: Callable[..., None]) -> Any:
    """What numba needs to know of such an intrinsic: its signature, and what makes its code."""
    if not (isinstance(offsets, types.Array) and offsets.layout == "C" and offsets.dtype == types.int64):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, sums_at, sums_step, values, values_at, offsets, weights, count = arguments
        of_type = signature.args
        base = address_of(context, builder, of_type[3], values, values_at)
        places = address_of(context, builder, of_type[5], offsets, INDEX(0))
        table = address_of(context, builder, of_type[6], weights, INDEX(0))

        def products(k: Any, total: list[list[Any]]) -> list[list[Any]]:
            at = builder.gep(base, [builder.load(builder.gep(places, [k]))])
            row = [load(builder, at, column * LANES) for column in range(_VECTORS)]
            here = builder.gep(table, [builder.mul(k, INDEX(ROWS))])
            factors = [spread(builder, builder.load(builder.gep(here, [INDEX(r)]))) for r in range(ROWS)]
            return [
                [add_product(builder, factors[r], row[c], total[r][c]) for c in range(_VECTORS)] for r in range(ROWS)
            ]

        out = address_of(context, builder, of_type[0], sums, sums_at)
        store(builder, out, sums_step, _summed(builder, count, _VECTORS, products))
        return context.get_dummy_value()

    return _signature(sums, values, offsets, weights, 2), generate


@intrinsic  # type: ignore[untyped-decorator]
def sum_row(
    typing_context: Any, sums: Any, sums_at: Any, values: Any, values_at: Any, step: Any, weights: Any,
    weights_at: Any, count: Any,
) -> Any:  # fmt: skip
    """Sums of rows of values, converted on the way: a block of one row.

    ``sums[sums_at + c]`` is the sum over ``k < count`` of
    ``weights[weights_at + k] * values[values_at + k * step + c]``, for ``c < COLUMNS``.
    All are C-contiguous, sums and weights of one floating type, values of any type of numbers. Places are counted from
    the first elements, and not checked.
    """
    del typing_context
    return _of_one_row(_VECTORS, sums, values, weights)


@intrinsic  # type: ignore[untyped-decorator]
def sum_turned(
    typing_context: Any, sums: Any, sums_at: Any, values: Any, values_at: Any, step: Any, weights: Any,
    weights_at: Any, count: Any,
) -> Any:  # fmt: skip
    """The same as :func:`sum_row`, of rows that were turned: for ``c < SIDE``."""
    del typing_context
    return _of_one_row(1, sums, values, weights)


@intrinsic  # type: ignore[untyped-decorator]
def sum_two_rows(
    typing_context: Any, sums: Any, sums_at: Any, held: Any, held_at: Any, next_at: Any, values: Any, values_at: Any,
    step: Any, weights: Any, weights_at: Any, next_weights_at: Any, begin: Any, next_begin: Any, both: Any, end: Any,
) -> Any:  # fmt: skip
    """Two sums as those of :func:`sum_row`, over rows that both need, read once; the second is held until it goes on.

    The first goes on from ``held[held_at + c]``, over ``begin <= k < end``, into ``sums[sums_at + c]``. The second
    begins, over ``next_begin <= k < end``, into ``held[next_at + c]``. From `both` on they share rows; where a sum
    begins later than that, the loop before it is empty. Here ``weights_at + k`` may not begin at the first weight: k
    counts the rows of `values`.
    """
    del typing_context
    if not all(isinstance(array, types.Array) and array.layout == "C" for array in (sums, held, values, weights)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (
            sums, sums_at, held, held_at, next_at, values, values_at, step, weights, weights_at, next_weights_at,
            begin, next_begin, both, end,
        ) = arguments  # fmt: skip
        of_type = signature.args
        base = address_of(context, builder, of_type[5], values, values_at)
        tables = [address_of(context, builder, of_type[8], weights, at) for at in (weights_at, next_weights_at)]
        vector = _vector_of(of_type[0])

        def summed(first: Any, last: Any, begin: list[list[Any]], of: list[Any]) -> list[list[Any]]:
            return looped(builder, first, last, begin, _of_rows(builder, vector, of_type[5].dtype, base, step, of))

        before = address_of(context, builder, of_type[2], held, held_at)
        size = 8 if vector.element == DOUBLE else 4
        going_on = [[load(builder, before, c * LANES, vector.element, size) for c in range(_VECTORS)]]
        going_on = summed(begin, both, going_on, tables[:1])
        begun = summed(next_begin, both, [[ir.Constant(vector, [-0.0] * LANES)] * _VECTORS], tables[1:])
        done, more = summed(both, end, going_on + begun, tables)
        store(builder, address_of(context, builder, of_type[0], sums, sums_at), INDEX(0), [done])
        store(builder, address_of(context, builder, of_type[2], held, next_at), INDEX(0), [more])
        return context.get_dummy_value()

    index = types.int64
    places = (index,) * 4
    return types.void(sums, index, held, index, index, values, index, index, weights, index, index, *places), generate


@intrinsic  # type: ignore[untyped-decorator]
def turn(typing_context: Any, out: Any, out_at: Any, out_step: Any, values: Any, values_at: Any, step: Any) -> Any:
    """Rows become columns, in a block of SIDE by SIDE.

    ``out[out_at + c * out_step + r]`` is ``values[values_at + r * step + c]``. Both are C-contiguous and of one type.
    """
    del typing_context
    if not all(isinstance(array, types.Array) and array.layout == "C" for array in (out, values)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, out_at, out_step, values, values_at, step = arguments
        of_type = signature.args
        stored, size = (DOUBLE, 8) if of_type[0].dtype == types.float64 else (FLOAT, 4)
        base = address_of(context, builder, of_type[3], values, values_at)
        block = [
            [load(builder, builder.gep(base, [builder.mul(INDEX(r), step)]), 0, stored, size)] for r in range(SIDE)
        ]
        store(builder, address_of(context, builder, of_type[0], out, out_at), out_step, turned(builder, block))
        return context.get_dummy_value()

    index = types.int64
    return types.void(out, index, index, values, index, index), generate


@intrinsic  # type: ignore[untyped-decorator]
def nearest_of(
    typing_context: Any, owners: Any, across: Any, begins: Any, numbers: Any, count: Any, first: Any, finer: Any,
    unit: Any,
) -> Any:  # fmt: skip
    """The numbers of the nearest of some seeds, for AT_ONCE voxels of a row; of several the lowest.

    ``owners[c]`` is the ``numbers[k]``, ``k < count``, of which ``across[k] + d * d`` with
    ``d = (begins[k] + first + c * finer) * unit`` is least. All are C-contiguous: int32 (`owners`, `numbers`) and
    float64; whole numbers but for `across` and `unit`. Nothing is checked.
    """
    del typing_context
    arrays = ((owners, types.int32), (across, types.float64), (begins, types.float64), (numbers, types.int32))
    if not all(isinstance(a, types.Array) and a.layout == "C" and a.dtype == dtype for a, dtype in arrays):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        of_type, count = signature.args, arguments[4]
        out, squares, places, names = (
            address_of(context, builder, of_type[k], arguments[k], INDEX(0)) for k in range(4)
        )
        first, finer, unit = (spread(builder, number, AT_ONCE) for number in arguments[5:])
        lanes = ir.Constant(first.type, [float(lane) for lane in range(AT_ONCE)])
        offset = builder.fadd(first, builder.fmul(lanes, finer))
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("seeds", "seed", "found"))
        builder.branch(head)
        builder.position_at_end(head)
        k, least = builder.phi(INDEX), builder.phi(first.type)
        owner = builder.phi(ir.VectorType(INT, AT_ONCE))
        k.add_incoming(INDEX(0), before)
        least.add_incoming(ir.Constant(first.type, [float("inf")] * AT_ONCE), before)
        owner.add_incoming(ir.Constant(owner.type, [0] * AT_ONCE), before)
        builder.cbranch(builder.icmp_signed("<", k, count), body, after)
        builder.position_at_end(body)
        square, place, name = (
            spread(builder, builder.load(builder.gep(each, [k])), AT_ONCE) for each in (squares, places, names)
        )
        along = builder.fmul(builder.fadd(place, offset), unit)
        distance = builder.fadd(square, builder.fmul(along, along))
        same = builder.and_(builder.fcmp_ordered("==", distance, least), builder.icmp_signed("<", name, owner))
        closer = builder.or_(builder.fcmp_ordered("<", distance, least), same)
        k.add_incoming(builder.add(k, INDEX(1)), body)
        least.add_incoming(builder.select(closer, distance, least), body)
        owner.add_incoming(builder.select(closer, name, owner), body)
        builder.branch(head)
        builder.position_at_end(after)
        builder.store(owner, builder.bitcast(out, owner.type.as_pointer()), align=4)
        return context.get_dummy_value()

    index, number = types.int64, types.float64
    return types.void(owners, across, begins, numbers, index, number, number, number), generate


@intrinsic  # type: ignore[untyped-decorator]
def fetch(typing_context: Any, values: Any, at: Any) -> Any:
    """Ask for what is needed soon: the cache line with the element `at` of a C-contiguous array."""
    del typing_context, at
    return _asked_for(values, 2)


@intrinsic  # type: ignore[untyped-decorator]
def fetch_near(typing_context: Any, values: Any, at: Any) -> Any:
    """The same for what is needed next, into the nearest cache, which holds less and waits for fewer at a time."""
    del typing_context, at
    return _asked_for(values, 3)


def _asked_for(values: Any, level: int) -> Any:
    """The signature of a prefetch, and what generates it."""
    if not (isinstance(values, types.Array) and values.layout == "C"):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.bitcast(address_of(context, builder, signature.args[0], *arguments), _BYTES)
        function = ir.FunctionType(ir.VoidType(), [_BYTES, INT, INT, INT])
        prefetch = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0")
        builder.call(prefetch, [pointer, INT(0), INT(level), INT(1)])  # to read, data
        return context.get_dummy_value()

    return types.void(values, types.int64), generate


def _of_one_row(vectors: int, sums: Any, values: Any, weights: Any) -> Any:
    """The signature of weighted sums of rows, so many vectors wide, and what generates them."""
    if not all(isinstance(array, types.Array) and array.layout == "C" for array in (sums, values, weights)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, sums_at, values, values_at, step, weights, weights_at, count = arguments
        of_type = signature.args
        base = address_of(context, builder, of_type[2], values, values_at)
        table = address_of(context, builder, of_type[5], weights, weights_at)
        vector = _vector_of(of_type[0])
        begin = [[ir.Constant(vector, [-0.0] * LANES)] * vectors]
        products = _of_rows(builder, vector, of_type[2].dtype, base, step, [table])
        out = address_of(context, builder, of_type[0], sums, sums_at)
        store(builder, out, INDEX(0), looped(builder, INDEX(0), count, begin, products))
        return context.get_dummy_value()

    index = types.int64
    return types.void(sums, index, values, index, index, weights, index, index), generate


def _vector_of(sums: Any) -> Any:
    return ir.VectorType(DOUBLE if sums.dtype == types.float64 else FLOAT, LANES)


def _of_rows(
    builder: Any, vector: Any, dtype: Any, base: Any, step: Any, tables: list[Any]
) -> Callable[[Any, list[list[Any]]], list[list[Any]]]:
    """Adds the products of a row of values, converted once, with a weight of each table."""

    def products(k: Any, total: list[list[Any]]) -> list[list[Any]]:
        factors = [spread(builder, builder.load(builder.gep(table, [k]))) for table in tables]
        at = builder.gep(base, [builder.mul(k, step)])
        row = [load_as(builder, vector, dtype, at, c * LANES) for c in range(len(total[0]))]
        return [
            [add_product(builder, factor, value, addend) for value, addend in zip(row, sums, strict=True)]
            for factor, sums in zip(factors, total, strict=True)
        ]

    return products


def _signature(sums: Any, values: Any, places: Any, weights: Any, dimensions: int) -> Any:
    """Of both; None where arrays are no C-contiguous float32."""
    for array in (sums, values, weights):
        if not (isinstance(array, types.Array) and array.layout == "C" and array.dtype == types.float32):
            return None
    if weights.ndim != dimensions:
        return None
    return types.void(sums, types.int64, types.int64, values, types.int64, places, weights, types.int64)


def _summed(
    builder: Any, count: Any, vectors: int, products: Callable[[Any, list[list[Any]]], list[list[Any]]]
) -> list[list[Any]]:
    """The sums of a block of rows, over all weights."""
    begin = [[ir.Constant(_VECTOR, [0.0] * LANES)] * vectors] * ROWS
    return looped(builder, INDEX(0), count, begin, products)

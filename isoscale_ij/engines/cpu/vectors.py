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

from isoscale_ij.engines.cpu.compiling import FEATURES, HAS_FUSED_MULTIPLY_ADD

_LANES = 16 if FEATURES.get("avx512f") else 8 if FEATURES.get("avx2") else 4  # float32 in a vector
_VECTORS = 2 if _LANES == 8 else 4  # side by side in a block: AVX2 has 16 registers, the others 32

ROWS = 4
"""Rows of a block."""

COLUMNS = _LANES * _VECTORS
"""Columns of a block."""

AT_ONCE = 16
"""Voxels of a row that :func:`nearest_of` finds the nearest seeds of."""

SIDE = _LANES
"""Rows and columns of a block of :func:`turn`, and columns of one of :func:`sum_turned`."""

_FLOAT, _DOUBLE, _INDEX, _INT = ir.FloatType(), ir.DoubleType(), ir.IntType(64), ir.IntType(32)
_VECTOR, _BYTES = ir.VectorType(_FLOAT, _LANES), ir.IntType(8).as_pointer()


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
    return _sums_of_rows(sums, values, offsets, weights, _store)


@intrinsic  # type: ignore[untyped-decorator]
def sum_rows_turned(
    typing_context: Any, sums: Any, sums_at: Any, sums_step: Any, values: Any, values_at: Any, offsets: Any,
    weights: Any, count: Any,
) -> Any:  # fmt: skip
    """The same sums as of :func:`sum_rows`, stored with columns for rows: at ``sums[sums_at + c * sums_step + r]``."""
    del typing_context
    return _sums_of_rows(sums, values, offsets, weights, _store_turned)


def _sums_of_rows(sums: Any, values: Any, offsets: Any, weights: Any, store: Callable[..., None]) -> Any:
    """What numba needs to know of such an intrinsic: its signature, and what makes its code."""
    if not (isinstance(offsets, types.Array) and offsets.layout == "C" and offsets.dtype == types.int64):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, sums_at, sums_step, values, values_at, offsets, weights, count = arguments
        of_type = signature.args
        base = _address(context, builder, of_type[3], values, values_at)
        places = _address(context, builder, of_type[5], offsets, _INDEX(0))
        table = _address(context, builder, of_type[6], weights, _INDEX(0))

        def products(k: Any, total: list[list[Any]]) -> list[list[Any]]:
            at = builder.gep(base, [builder.load(builder.gep(places, [k]))])
            row = [_load(builder, at, column * _LANES) for column in range(_VECTORS)]
            here = builder.gep(table, [builder.mul(k, _INDEX(ROWS))])
            factors = [_spread(builder, builder.load(builder.gep(here, [_INDEX(r)]))) for r in range(ROWS)]
            return [
                [_multiply_add(builder, factors[r], row[c], total[r][c]) for c in range(_VECTORS)] for r in range(ROWS)
            ]

        out = _address(context, builder, of_type[0], sums, sums_at)
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
        base = _address(context, builder, of_type[5], values, values_at)
        tables = [_address(context, builder, of_type[8], weights, at) for at in (weights_at, next_weights_at)]
        vector = _vector_of(of_type[0])

        def summed(first: Any, last: Any, begin: list[list[Any]], of: list[Any]) -> list[list[Any]]:
            return _looped(builder, first, last, begin, _of_rows(builder, vector, of_type[5].dtype, base, step, of))

        before = _address(context, builder, of_type[2], held, held_at)
        size = 8 if vector.element == _DOUBLE else 4
        going_on = [[_load(builder, before, c * _LANES, vector.element, size) for c in range(_VECTORS)]]
        going_on = summed(begin, both, going_on, tables[:1])
        begun = summed(next_begin, both, [[ir.Constant(vector, [-0.0] * _LANES)] * _VECTORS], tables[1:])
        done, more = summed(both, end, going_on + begun, tables)
        _store(builder, _address(context, builder, of_type[0], sums, sums_at), _INDEX(0), [done])
        _store(builder, _address(context, builder, of_type[2], held, next_at), _INDEX(0), [more])
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
        stored, size = (_DOUBLE, 8) if of_type[0].dtype == types.float64 else (_FLOAT, 4)
        base = _address(context, builder, of_type[3], values, values_at)
        block = [
            [_load(builder, builder.gep(base, [builder.mul(_INDEX(r), step)]), 0, stored, size)] for r in range(SIDE)
        ]
        _store(builder, _address(context, builder, of_type[0], out, out_at), out_step, _turned(builder, block))
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
            _address(context, builder, of_type[k], arguments[k], _INDEX(0)) for k in range(4)
        )
        first, finer, unit = (_spread(builder, number, AT_ONCE) for number in arguments[5:])
        lanes = ir.Constant(first.type, [float(lane) for lane in range(AT_ONCE)])
        offset = builder.fadd(first, builder.fmul(lanes, finer))
        before = builder.block
        head, body, after = (builder.append_basic_block(name) for name in ("seeds", "seed", "found"))
        builder.branch(head)
        builder.position_at_end(head)
        k, least = builder.phi(_INDEX), builder.phi(first.type)
        owner = builder.phi(ir.VectorType(_INT, AT_ONCE))
        k.add_incoming(_INDEX(0), before)
        least.add_incoming(ir.Constant(first.type, [float("inf")] * AT_ONCE), before)
        owner.add_incoming(ir.Constant(owner.type, [0] * AT_ONCE), before)
        builder.cbranch(builder.icmp_signed("<", k, count), body, after)
        builder.position_at_end(body)
        square, place, name = (
            _spread(builder, builder.load(builder.gep(each, [k])), AT_ONCE) for each in (squares, places, names)
        )
        along = builder.fmul(builder.fadd(place, offset), unit)
        distance = builder.fadd(square, builder.fmul(along, along))
        same = builder.and_(builder.fcmp_ordered("==", distance, least), builder.icmp_signed("<", name, owner))
        closer = builder.or_(builder.fcmp_ordered("<", distance, least), same)
        k.add_incoming(builder.add(k, _INDEX(1)), body)
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
    del typing_context
    if not (isinstance(values, types.Array) and values.layout == "C"):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.bitcast(_address(context, builder, signature.args[0], *arguments), _BYTES)
        function = ir.FunctionType(ir.VoidType(), [_BYTES, _INT, _INT, _INT])
        prefetch = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0")
        builder.call(prefetch, [pointer, _INT(0), _INT(2), _INT(1)])  # to read, into the second cache, data
        return context.get_dummy_value()

    return types.void(values, types.int64), generate


def _of_one_row(vectors: int, sums: Any, values: Any, weights: Any) -> Any:
    """The signature of weighted sums of rows, so many vectors wide, and what generates them."""
    if not all(isinstance(array, types.Array) and array.layout == "C" for array in (sums, values, weights)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, sums_at, values, values_at, step, weights, weights_at, count = arguments
        of_type = signature.args
        base = _address(context, builder, of_type[2], values, values_at)
        table = _address(context, builder, of_type[5], weights, weights_at)
        vector = _vector_of(of_type[0])
        begin = [[ir.Constant(vector, [-0.0] * _LANES)] * vectors]
        products = _of_rows(builder, vector, of_type[2].dtype, base, step, [table])
        out = _address(context, builder, of_type[0], sums, sums_at)
        _store(builder, out, _INDEX(0), _looped(builder, _INDEX(0), count, begin, products))
        return context.get_dummy_value()

    index = types.int64
    return types.void(sums, index, values, index, index, weights, index, index), generate


def _vector_of(sums: Any) -> Any:
    return ir.VectorType(_DOUBLE if sums.dtype == types.float64 else _FLOAT, _LANES)


def _of_rows(
    builder: Any, vector: Any, dtype: Any, base: Any, step: Any, tables: list[Any]
) -> Callable[[Any, list[list[Any]]], list[list[Any]]]:
    """Adds the products of a row of values, converted once, with a weight of each table."""

    def products(k: Any, total: list[list[Any]]) -> list[list[Any]]:
        factors = [_spread(builder, builder.load(builder.gep(table, [k]))) for table in tables]
        at = builder.gep(base, [builder.mul(k, step)])
        row = [_load_as(builder, vector, dtype, at, c * _LANES) for c in range(len(total[0]))]
        return [
            [_multiply_add(builder, factor, value, addend) for value, addend in zip(row, sums, strict=True)]
            for factor, sums in zip(factors, total, strict=True)
        ]

    return products


def _turned(builder: Any, block: list[list[Any]]) -> list[list[Any]]:
    """The transpose: of four by four within the quarters that any processor shuffles in one step, then of quarters."""
    rows = [row[0] for row in block]

    def pick(a: Any, b: Any, lanes: list[int]) -> Any:
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, SIDE), lanes))

    def by_four(of_a: tuple[int, int], of_b: tuple[int, int], order: tuple[int, ...]) -> list[int]:
        four = [*of_a, *(lane + SIDE for lane in of_b)]
        return [group + four[lane] for group in range(0, SIDE, 4) for lane in order]

    low, high = by_four((0, 1), (0, 1), (0, 2, 1, 3)), by_four((2, 3), (2, 3), (0, 2, 1, 3))
    left, right = by_four((0, 1), (0, 1), (0, 1, 2, 3)), by_four((2, 3), (2, 3), (0, 1, 2, 3))
    for r in range(0, SIDE, 4):
        a, b, c, d = rows[r : r + 4]
        a, b, c, d = pick(a, b, low), pick(a, b, high), pick(c, d, low), pick(c, d, high)
        rows[r : r + 4] = pick(a, c, left), pick(a, c, right), pick(b, d, left), pick(b, d, right)
    apart = 4
    while apart < SIDE:
        near = [lane if not lane & apart else lane - apart + SIDE for lane in range(SIDE)]
        far = [lane + apart if not lane & apart else lane + SIDE for lane in range(SIDE)]
        for r in range(SIDE):
            if not r & apart:
                a, b = rows[r], rows[r + apart]
                rows[r], rows[r + apart] = pick(a, b, near), pick(a, b, far)
        apart *= 2
    return [[row] for row in rows]


def _load_as(builder: Any, wanted: Any, dtype: Any, address: Any, offset: int) -> Any:
    """A vector of values of a type, as vector of floats."""
    stored = _DOUBLE if dtype == types.float64 else _FLOAT if dtype == types.float32 else ir.IntType(dtype.bitwidth)
    values = _load(builder, address, offset, stored, dtype.bitwidth // 8)
    if stored == wanted.element:
        return values
    if stored in (_FLOAT, _DOUBLE):
        return (builder.fpext if stored == _FLOAT else builder.fptrunc)(values, wanted)
    return (builder.sitofp if dtype.signed else builder.uitofp)(values, wanted)


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
    begin = [[ir.Constant(_VECTOR, [0.0] * _LANES)] * vectors] * ROWS
    return _looped(builder, _INDEX(0), count, begin, products)


def _looped(
    builder: Any, first: Any, last: Any, begin: list[list[Any]],
    products: Callable[[Any, list[list[Any]]], list[list[Any]]],
) -> list[list[Any]]:  # fmt: skip
    """The loop over the weights from `first` to `last`, and what it makes of the sums at its beginning."""
    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("weights", "weight", "summed"))
    builder.branch(head)
    builder.position_at_end(head)
    k = builder.phi(_INDEX)
    k.add_incoming(first, before)
    total = [[builder.phi(value.type) for value in row] for row in begin]
    builder.cbranch(builder.icmp_signed("<", k, last), body, after)
    builder.position_at_end(body)
    more = products(k, total)
    k.add_incoming(builder.add(k, _INDEX(1)), body)
    builder.branch(head)
    for row, old, new in zip(total, begin, more, strict=True):
        for each, start, value in zip(row, old, new, strict=True):
            each.add_incoming(start, before)
            each.add_incoming(value, body)
    builder.position_at_end(after)
    return total


def _address(context: Any, builder: Any, of_type: Any, array: Any, offset: Any) -> Any:
    return builder.gep(context.make_array(of_type)(context, builder, array).data, [offset])


def _load(builder: Any, address: Any, offset: int, stored: Any = _FLOAT, size: int = 4) -> Any:
    """A vector; addresses are those of its elements, and no better aligned than they are."""
    pointer = ir.VectorType(stored, _LANES).as_pointer()
    return builder.load(builder.bitcast(builder.gep(address, [_INDEX(offset)]), pointer), align=size)


def _store(builder: Any, address: Any, step: Any, sums: list[list[Any]]) -> None:
    for r, row in enumerate(sums):
        begin = builder.gep(address, [builder.mul(_INDEX(r), step)])
        for c, vector in enumerate(row):
            at = builder.bitcast(builder.gep(begin, [_INDEX(c * _LANES)]), vector.type.as_pointer())
            builder.store(vector, at, align=8 if vector.type.element == _DOUBLE else 4)


def _store_turned(builder: Any, address: Any, step: Any, sums: list[list[Any]]) -> None:
    """Four rows of vectors as rows of four: neighbours of two rows side by side, then pairs of the two pairs."""

    def taken(one: Any, other: Any, places: list[int]) -> Any:
        return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_INT, len(places)), places))

    of_four = range(0, _LANES, ROWS)  # a processor mixes two vectors within stretches of four
    for c in range(len(sums[0])):
        pairs = [
            [
                taken(one, other, [k for q in of_four for i in (0, 1) for k in (q + i + h, _LANES + q + i + h)])
                for h in (0, 2)
            ]
            for one, other in ((sums[0][c], sums[1][c]), (sums[2][c], sums[3][c]))
        ]
        for column in range(ROWS):
            h, i = divmod(column, 2)
            places = [
                k for q in of_four for k in (q + 2 * i, q + 2 * i + 1, _LANES + q + 2 * i, _LANES + q + 2 * i + 1)
            ]
            fours = taken(pairs[0][h], pairs[1][h], places)
            for q in of_four:
                four = taken(fours, fours, [q, q + 1, q + 2, q + 3])
                place = builder.gep(address, [builder.mul(_INDEX(c * _LANES + q + column), step)])
                builder.store(four, builder.bitcast(place, four.type.as_pointer()), align=4)


def _spread(builder: Any, value: Any, lanes: int = _LANES) -> Any:
    """A vector of the same value."""
    unset = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(unset, value, _INT(0))
    return builder.shuffle_vector(first, unset, ir.Constant(ir.VectorType(_INT, lanes), [0] * lanes))


def _multiply_add(builder: Any, factor: Any, value: Any, addend: Any) -> Any:
    if not HAS_FUSED_MULTIPLY_ADD:
        return builder.fadd(builder.fmul(factor, value), addend)
    of_vectors = ir.FunctionType(factor.type, [factor.type] * 3)
    name = f"llvm.fma.v{_LANES}f{64 if factor.type.element == _DOUBLE else 32}"
    return builder.call(cgutils.get_or_insert_function(builder.module, of_vectors, name), [factor, value, addend])

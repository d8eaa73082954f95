"""Stacks of small matrices, factored and solved many at a time by XLA's own loops: a matrix to a lane.

LAPACK is called for each matrix, which for 8 by 8 takes longer than the arithmetic. Here the stack's axis runs fastest,
so that an operation on one number of a matrix is one on that number of all of them, which XLA vectorises; as many
matrices are taken at a time as stay in the first cache. Loops keep the program short: written out, the exchanges of
rows take LLVM minutes from five rows on (docs/decisions/156).

The algorithms are those of LAPACK without blocks: the same pivots, and errors of the same size.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base.dimensions import is_symbolic
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import div, full_like, minimum, sub
from bevel.ops.complex import abs_
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.indexing import DynamicSlice, DynamicUpdateSlice
from bevel.ops.logic import eq, gt, select
from bevel.ops.loops import Written, after, counted, index, now, turns
from bevel.ops.powers import sqrt
from bevel.ops.shapes import BroadcastInDim, full, transpose

MANY = 256  # matrices: fewer are not worth the longer compilation
LARGEST = 12  # rows and columns: with 16 and more LAPACK is as fast, but for LU
LARGEST_DEFINITE = 8  # rows of what Cholesky's factorisation takes so
_BYTES = 512  # of one number of all matrices that are taken at a time
_INT32 = np.dtype("int32")
_ZERO = np.int32(0)


def are_many(*avals, largest=LARGEST) -> bool:
    """Are these stacks of small real matrices, and of so many that each is to be a lane?"""
    return all(
        [
            aval.dtype.name in ("float32", "float64")
            and not is_symbolic(aval.shape)
            and max(aval.shape[-2:]) <= largest
            and math.prod(aval.shape[:-2]) >= MANY
            and aval.size > 0
            for aval in avals
        ]
    )


def fit(out, *avals, largest=LARGEST) -> bool:
    """Does the program being written take these stacks so? Not where XLA cuts it into parts for several devices."""
    return out.platform == "cpu" and out.module.layout is None and are_many(*avals, largest=largest)


# ---- a stack in parts


def by_parts(out, write, operands, avals, results):
    """What `write(emitter, *operands) → results`, all Written, gives of arrays whose stack axes have become one, the
    last.

    avals, results   of operands and results, with the stack's axes in front; the first operand holds matrices
    """
    depth = len(avals[0].shape) - 2
    count = math.prod(avals[0].shape[:depth])
    lanes = min(count, _BYTES // avals[0].dtype.itemsize)
    flat, made = [[x.with_shape((count, *x.shape[depth:])) for x in group] for group in (avals, results)]

    def step(e, i, given, written):
        # the last part ends with the stack, and takes some matrices once more
        [start] = now(e, lambda i: [minimum(mul(i, np.int32(lanes)), np.int32(count - lanes))], i)
        parts = write(e, *now(e, lambda start, *xs: [_taken(x, start, lanes) for x in xs], start, *given))
        put = lambda start, *xs: [_put(x, y, start) for x, y in zip(xs[: len(made)], xs[len(made) :], strict=True)]
        return now(e, put, start, *written, *parts)

    given = [Written(aval, out.reshape(x, aval)) for x, aval in zip(operands, flat, strict=True)]
    empty = [Written(aval, out.constant(0, aval)) for aval in made]
    values = counted(out, index(out, 0), index(out, -(-count // lanes)), step, given, empty)
    return [out.reshape(x.value, aval) for x, aval in zip(values, results, strict=True)]


def _taken(x, start, lanes):
    shape = get_aval(x).shape
    rank = len(shape)
    part = DynamicSlice((lanes, *shape[1:]))(x, start, *[_ZERO] * (rank - 1))
    return transpose(part, (*range(1, rank), 0))


def _put(x, part, start):
    rank = len(get_aval(x).shape)
    return DynamicUpdateSlice()(x, transpose(part, (rank - 1, *range(rank - 1))), start, *[_ZERO] * (rank - 1))


# ---- the words of a step: of matrices [m, n, lanes], rows are [1, n, lanes] and numbers [1, 1, lanes]


def _row(a, i):
    _, n, lanes = get_aval(a).shape
    return DynamicSlice((1, n, lanes))(a, i, _ZERO, _ZERO)


def _column(a, j):
    m, _, lanes = get_aval(a).shape
    return DynamicSlice((m, 1, lanes))(a, _ZERO, j, _ZERO)


def _number(a, i, j):
    return DynamicSlice((1, 1, get_aval(a).shape[-1]))(a, i, j, _ZERO)


def _set(a, x, i, j=_ZERO):
    return DynamicUpdateSlice()(a, x, i, j, _ZERO)


def _wide(x, like):
    """A number for each lane, at the shape of a row or of a matrix."""
    return BroadcastInDim(get_aval(like).shape, (0, 1, 2))(x)


def _all(number, like):
    """A computed integer at the shape of `like`."""
    return full(get_aval(like).shape, number, _INT32)


def _columns(row):
    """The place of each element in its row."""
    return BroadcastInDim(get_aval(row).shape, (1,))(np.arange(get_aval(row).shape[1], dtype=np.int32))


# ---- LU


def lu(out, a, aval, results):
    """(the factors, the row that each was exchanged with, the order of rows) of a stack, as LAPACK's getrf."""
    columns = [results[0], *[x.with_shape((*x.shape, 1)) for x in results[1:]]]
    values = by_parts(out, _factored, [a], [aval], columns)
    return [out.reshape(x, result) for x, result in zip(values, results, strict=True)]


def _factored(out, a):
    m, n, lanes = a.aval.shape
    rows = np.arange(m, dtype=np.int32)
    [pivots, order] = now(
        out, lambda: [full((min(m, n), 1, lanes), 0, _INT32), BroadcastInDim((m, 1, lanes), (0,))(rows)]
    )

    def step(e, k, kept, carried):
        a, pivots, order = carried
        found = now(e, _begin, k, a, order)
        behind = after(e, k)
        row, _, pivot, place = turns(e, behind, index(e, m), _find, [k, a, order], found)
        pivots, *exchanged = now(e, _exchange, k, a, pivots, order, row, pivot, place)
        old_row, old_place, a, order = exchanged
        a, order = turns(e, behind, index(e, m), _eliminate, [k, old_row, old_place, row, pivot], [a, order])
        return [a, pivots, order]

    return counted(out, index(out, 0), index(out, min(m, n)), step, [], [a, pivots, order])


def _begin(k, a, order):
    row = _row(a, k)
    size = abs_(_number(row, _ZERO, k))
    return [row, size, _all(k, size), _row(order, k)]


def _find(i, k, a, order, row, size, pivot, place):
    """The row with the largest element in column k, and the first such one: its number, and its place in A."""
    candidate = _row(a, i)
    new = abs_(_number(candidate, _ZERO, k))
    is_larger = gt(new, size)
    return [
        select(_wide(is_larger, row), candidate, row),
        select(is_larger, new, size),
        select(is_larger, _all(i, pivot), pivot),
        select(is_larger, _row(order, i), place),
    ]


def _exchange(k, a, pivots, order, row, pivot, place):
    return [_set(pivots, pivot, k), _row(a, k), _row(order, k), _set(a, row, k), _set(order, place, k)]


def _eliminate(i, k, old_row, old_place, row, pivot, a, order):
    is_pivot = eq(pivot, _all(i, pivot))
    mine = select(_wide(is_pivot, row), old_row, _row(a, i))
    first, divisor = _number(mine, _ZERO, k), _number(row, _ZERO, k)
    # where the pivot is zero, so is all below it
    factor = _wide(select(eq(divisor, full_like(divisor, 0)), first, div(first, divisor)), row)
    column, here = _columns(row), _all(k, row)
    mine = select(gt(column, here), sub(mine, mul(factor, row)), select(eq(column, here), factor, mine))
    return [_set(a, mine, i), _set(order, select(is_pivot, old_place, _row(order, i)), i)]


# ---- triangles


def triangular(out, op, a, b, avals, result):
    """x with op(A) x = b, or x op(A) = b, of stacks: see TriangularSolve."""
    # x op(A) = b is op(A)ᵀ xᵀ = bᵀ
    is_left = op.left_side
    is_transposed = op.transpose_a == is_left
    is_forward = op.is_lower != is_transposed

    def coefficient(a, i, j):
        return _number(a, j, i) if is_transposed else _number(a, i, j)

    def subtract(j, i, a, x, rest):
        return [sub(rest, mul(_wide(coefficient(a, i, j), rest), _row(x, j)))]

    def finish(i, a, x, rest):
        return [_set(x, rest if op.unit_diagonal else div(rest, _wide(coefficient(a, i, i), rest)), i)]

    def write(e, a, x):
        if not is_left:
            [x] = now(e, lambda x: [transpose(x, (1, 0, 2))], x)
        n = a.aval.shape[0]

        def step(e, turn, kept, carried):
            [a], [x] = kept, carried
            [i] = [turn] if is_forward else now(e, lambda t: [sub(np.int32(n - 1), t)], turn)
            [rest] = now(e, lambda i, x: [_row(x, i)], i, x)
            first, stop = (index(e, 0), i) if is_forward else (after(e, i), index(e, n))
            [rest] = turns(e, first, stop, subtract, [i, a, x], [rest])
            return now(e, finish, i, a, x, rest)

        [x] = counted(e, index(e, 0), index(e, n), step, [a], [x])
        return [x] if is_left else now(e, lambda x: [transpose(x, (1, 0, 2))], x)

    return by_parts(out, write, [a, b], avals, [result])[0]


# ---- Cholesky


def cholesky(out, a, aval):
    """(L, with any numbers above its diagonal, whether A is positive definite, as an integer) of a stack."""
    is_definite = aval.with_shape((*aval.shape[:-2], 1, 1)).with_dtype(_INT32)
    return by_parts(out, _rooted, [a], [aval], [aval, is_definite])


def _rooted(out, a):
    # A = R D⁻¹ Rᵀ, by rows of Rᵀ, D its diagonal, which are divided by √D at last: rows lie together, and A's lower
    # triangle is Aᵀ's upper one. With roots taken on the way XLA would copy A at each step.
    n, _, lanes = a.aval.shape

    def begin(k, a):
        return [_row(a, k), _number(a, k, k)]

    def subtract(i, row, pivot, a):
        mine = _row(a, i)
        factor = _wide(div(_number(row, _ZERO, i), pivot), row)
        return [_set(a, sub(mine, mul(factor, row)), i)]

    def step(e, k, kept, carried):
        return turns(e, after(e, k), index(e, n), subtract, now(e, begin, k, *carried), carried)

    def divide(k, a, is_definite):
        row, root = _row(a, k), sqrt(_number(a, k, k))
        row = select(eq(_columns(row), _all(k, row)), _wide(root, row), div(row, _wide(root, row)))
        return [_set(a, row, k), mul(is_definite, convert(gt(root, full_like(root, 0)), _INT32))]

    turned = lambda a: [transpose(a, (1, 0, 2))]
    a = counted(out, index(out, 0), index(out, n), step, [], now(out, turned, a))
    yes = now(out, lambda: [full((1, 1, lanes), 1, _INT32)])
    a, is_definite = turns(out, index(out, 0), index(out, n), divide, [], [*a, *yes])
    return [*now(out, turned, a), is_definite]

"""Factorisations of general matrices: LU and QR."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import primitive
from bevel.core.tangents import Zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.builder import i64, i64s
from bevel.ops import lanes
from bevel.ops.arithmetic import add, sub
from bevel.ops.complex import Complex, imag
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.indexing import take_along
from bevel.ops.lapack_calls import call, info_aval, masked, on_cuda, or_nan, part, repeated, succeeded, widened
from bevel.ops.linalg_reflections import householder_product
from bevel.ops.matrices import (
    INT32,
    MatrixPrimitive,
    adjoint,
    check_dtype,
    check_matrix,
    check_matrix_shape,
    constant_like,
    diagonal_part,
    each,
    eye_like,
    has_no_work,
    is_complex,
    lower_triangle,
    matmul,
    shape_of,
    upper_triangle,
)
from bevel.ops.shapes import BroadcastInDim
from bevel.ops.triangular import solve


def rows_taken(x, order):
    """x[..., order, :], one order [..., m] for each batch index. Linear in x."""
    shape = shape_of(x)
    rank = len(shape)
    return take_along(x, BroadcastInDim(shape, tuple(range(rank - 1)))(order), rank - 2)


def columns_taken(x, order):
    """x[..., :, order], one order [..., n] for each batch index. Linear in x."""
    shape = shape_of(x)
    rank = len(shape)
    return take_along(x, BroadcastInDim(shape, (*range(rank - 2), rank - 1))(order), rank - 1)


@primitive
class Lu(MatrixPrimitive):
    """A = P L U with row exchanges, L having ones on its diagonal and U being upper triangular.

    A       [..., m, n]
    gives   L below and U on and above the diagonal of one matrix [..., m, n]; the row that each row was exchanged
            with in turn, int32 [..., min(m, n)]; and the order of A's rows after all exchanges, int32 [..., m]
    raises  ShapeError for what is no matrix

    Singular matrices are no failure: U has a zero on its diagonal. Lowers to LAPACK's getrf on CPUs, of many small
    matrices to loops (`lanes`).
    """

    multiple_results = True
    gaps: ClassVar = {"0-special": "on gpu: cuSOLVER passes over NaN when it looks for a pivot"}

    def infer(self, a):
        check_matrix("lu", a)
        *batch, m, n = a.shape
        return [
            ShapedArray(a.shape, a.dtype, a.weak_type),
            ShapedArray((*batch, min(m, n)), INT32),
            ShapedArray((*batch, m), INT32),
        ]

    def writes_loops(self, operands):
        return lanes.are_many(*operands)

    def jvp(self, primals, tangents):
        # With rows in order, A = L U. Grow L and U to square matrices by an identity: L⁻¹ dA U⁻¹ = L⁻¹ dL + dU U⁻¹ is
        # then a strictly lower plus an upper triangular matrix, also where A is not square (de Hoog, Anderssen, Lukas
        # 2011, "Differentiation of matrix functionals using triangular factorization").
        [a], [da] = primals, tangents
        both, pivots, order = self(a)
        m, n = shape_of(a)[-2:]
        k = min(m, n)
        da = rows_taken(da, order) if get_aval(a).size else da
        rank = len(shape_of(a))
        l_part = lower_triangle(slice_in_dim(both, 0, k, rank - 1), -1)
        l_part = pad(l_part, 0, [(0, 0, 0)] * (rank - 1) + [(0, m - k, 0)])
        l_full = add(l_part, eye_like(l_part))
        u_part = upper_triangle(slice_in_dim(both, 0, k, rank - 2))
        u_part = pad(u_part, 0, [(0, 0, 0)] * (rank - 2) + [(0, n - k, 0), (0, 0, 0)])
        u_full = add(u_part, constant_like(u_part, np.diag(np.arange(n) >= k)))
        inner = solve(l_full, da, left_side=True, lower=True, unit_diagonal=True)
        inner = solve(u_full, inner, left_side=False, lower=False)
        d_both = add(matmul(l_full, lower_triangle(inner, -1)), matmul(upper_triangle(inner), u_full))
        zeros = [zero_of(x) for x in (pivots, order)]
        return [both, pivots, order], [d_both, *zeros]

    def lower(self, out, a):
        aval, pivots_aval, order_aval = out.avals
        batch = aval.shape[:-2]
        if not aval.size:
            order = out.op("stablehlo.iota", [], {"iota_dimension": i64(len(batch))}, aval=order_aval)
            return [a, out.constant(0, pivots_aval), order]
        if lanes.fit(out, aval):
            return lanes.lu(out, a, aval, out.avals)
        both, pivots, info = call(out, "getrf", [a], [aval], [aval, pivots_aval, info_aval(batch)], batch, {}, [(0, 0)])
        both = or_nan(out, succeeded(out, info, batch, "GE"), batch, both, aval)
        pivots = out.op("stablehlo.subtract", [pivots, out.constant(1, pivots_aval)], aval=pivots_aval)
        return [both, pivots, permutation(out, pivots, pivots_aval, order_aval)]

    def reference(self, a):
        from scipy.linalg.lapack import get_lapack_funcs  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            m, n = a.shape
            if not a.size:
                return a, np.zeros(min(m, n), np.int32), np.arange(m, dtype=np.int32)
            [getrf] = get_lapack_funcs(("getrf",), (a,))
            both, pivots, _ = getrf(a)
            return both.astype(a.dtype), pivots.astype(np.int32), _order(pivots, m)

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Lu(), [array(3, 3)]
        yield Lu(), [array(2, 4, 2)]
        yield Lu(), [array(2, 3)]
        yield Lu(), [array(2, 2, dtype="complex64")]
        yield Lu(), [array(1, 1)]
        yield Lu(), [array(0, 2)]
        yield Lu(), [array(2, 0)]

    @staticmethod
    def refusals(array):
        yield Lu(), [array(3)], "takes matrices"
        yield Lu(), [array(2, 2, dtype="int32")], "takes float32, float64"


def _order(pivots, size):
    order = np.arange(size, dtype=np.int32)
    for i, j in enumerate(pivots):
        order[[i, j]] = order[[j, i]]
    return order


def permutation(out, pivots, pivots_aval, order_aval):
    """Writes the order of rows after exchanging row i with row pivots[i], for i = 0, 1, …"""
    *batch, k = pivots_aval.shape
    size = order_aval.shape[-1]
    axis = len(batch)
    scalar, one = ShapedArray((), INT32), ShapedArray((*batch, 1), INT32)
    order = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=order_aval)
    if not k or not order_aval.size:
        return order
    if on_cuda(out):
        return call(out, "pivots_to_permutation", [pivots], [pivots_aval], [order_aval], tuple(batch))[0]
    avals = [scalar, order_aval, pivots_aval]
    loop = out.ops("stablehlo.while", [out.constant(0, scalar), order, pivots], avals=avals, regions=2)
    e, [i, order, pivots] = out.block(loop, 0, avals)
    e.finish([e.compare("LT", i, e.constant(k, scalar), scalar)])
    e, [i, order, pivots] = out.block(loop, 1, avals)
    zero = e.constant(0, scalar)
    starts = [*[zero] * axis, i]
    sizes = {"slice_sizes": i64s(*one.shape)}
    here = e.op("stablehlo.dynamic_slice", [order, *starts], sizes, aval=one)
    target = e.op("stablehlo.dynamic_slice", [pivots, *starts], sizes, aval=one)
    # the exchange by a mask: no gather for each batch element
    axes = tuple(range(axis + 1))
    places = e.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=order_aval)
    is_there = e.compare("EQ", places, e.broadcast(target, order_aval, axes), order_aval)
    only = e.op("stablehlo.select", [is_there, order, e.constant(0, order_aval)], aval=order_aval)
    there = e.reshape(e.reduce(only, (axis,), 0, ShapedArray(tuple(batch), INT32), "stablehlo.add"), one)
    order = e.op("stablehlo.select", [is_there, e.broadcast(here, order_aval, axes), order], aval=order_aval)
    order = e.op("stablehlo.dynamic_update_slice", [order, there, *starts], aval=order_aval)
    e.finish([e.op("stablehlo.add", [i, e.constant(1, scalar)], aval=scalar), order, pivots])
    assert size >= k
    return loop.results[1]


@primitive
class LuPivotsToPermutation(MatrixPrimitive):
    """The order of `permutation_size` rows after exchanging row i with row pivots[i], for i = 0, 1, …

    pivots  int32 [..., k], k at most the size; gives int32 [..., permutation_size]
    """

    permutation_size: int
    is_differentiable = False

    def infer(self, pivots):
        if pivots.dtype != INT32:
            raise DTypeError(f"lu_pivots_to_permutation takes int32 pivots; got {pivots.str_short()}.")
        if not pivots.shape:
            raise ShapeError(f"lu_pivots_to_permutation takes pivots of shape [..., k]; got {pivots.str_short()}.")
        if self.permutation_size < pivots.shape[-1]:
            raise ShapeError(
                f"lu_pivots_to_permutation of {pivots.str_short()} gives at least {pivots.shape[-1]} rows; "
                f"permutation_size is {self.permutation_size}."
            )
        return ShapedArray((*pivots.shape[:-1], self.permutation_size), INT32)

    def lower(self, out, pivots):
        return permutation(out, pivots, out.in_avals[0], out.avals[0])

    def reference(self, pivots):
        return each(lambda p: _order(p, self.permutation_size), pivots, core=1)

    @staticmethod
    def samples(array):
        yield LuPivotsToPermutation(4), [np.asarray([2, 2, 3], np.int32)]
        yield LuPivotsToPermutation(3), [np.asarray([[1, 2], [2, 1]], np.int32)]
        yield LuPivotsToPermutation(2), [np.zeros((0,), np.int32)]
        yield LuPivotsToPermutation(2), [np.asarray([1], np.int32)]

    @staticmethod
    def refusals(array):
        yield LuPivotsToPermutation(2), [np.zeros(3, np.int32)], "at least 3 rows"
        yield LuPivotsToPermutation(2), [array(2)], "takes int32 pivots"
        yield LuPivotsToPermutation(2), [np.int32(1)], "shape [..., k]"


# ---- QR


def solve_general(a, b):
    """x with A x = b, by LU. Linear in b."""
    both, _, order = Lu()(a)
    x = solve(both, rows_taken(b, order), left_side=True, lower=True, unit_diagonal=True)
    return solve(both, x, left_side=True, lower=False)


def _others_tangent(q, dq):
    """The tangent of those columns of the whole Q that stand beyond A's, from its first ones [..., m, n] and theirs.

    LAPACK's Q is a product of n reflections, 1 - V T Vᴴ. Its first columns, Q₁ = E₁ - V T V₁ᴴ, fix the others: with
    S = 1 - Q₁₁, of Q₁'s upper square, they are Q₂ = E₂ + (E₁ - Q₁) Y where Sᴴ Y = Q₂₁ᴴ, of its lower part (Ballard et
    al. 2014, "Reconstructing Householder vectors from tall-skinny QR"). NaN where a reflection is none, and S singular.
    """
    *_, m, n = shape_of(q)
    rank = len(shape_of(q))
    top, bottom = slice_in_dim(q, 0, n, rank - 2), slice_in_dim(q, n, m, rank - 2)
    d_top, d_bottom = slice_in_dim(dq, 0, n, rank - 2), slice_in_dim(dq, n, m, rank - 2)
    s = adjoint(sub(eye_like(top), top))
    y = solve_general(s, adjoint(bottom))
    dy = solve_general(s, add(adjoint(d_bottom), matmul(adjoint(d_top), y)))
    return sub(matmul(sub(eye_like(q), q), dy), matmul(dq, y))


@primitive
class Qr(MatrixPrimitive):
    """A = Q R, Q with orthonormal columns and R upper triangular; with pivoting, A[:, p] = Q R.

    A               [..., m, n]
    pivoting        also gives p, int32 [..., n], which makes the diagonal of R fall in magnitude
    full_matrices   Q is [..., m, m] and R [..., m, n]; else, with k = min(m, n), [..., m, k] and [..., k, n]
    use_magma       a wish for the MAGMA library on GPUs, which CPUs disregard

    Lowers to LAPACK's geqrf (geqp3) and orgqr on CPUs.
    """

    pivoting: bool
    full_matrices: bool
    use_magma: object = None
    multiple_results = True
    gaps: ClassVar = {"9-second": "some engines: the difference of 0 and 0 is one of rounding"}

    def infer(self, a):
        check_matrix_shape("qr", a)
        if not has_no_work(a):
            check_dtype("qr", a)
        if self.use_magma not in (None, True, False):
            raise DTypeError(f"qr takes use_magma None, True or False; got {self.use_magma!r}.")
        *batch, m, n = a.shape
        k = m if self.full_matrices else min(m, n)
        q, r = ShapedArray((*batch, m, k), a.dtype), ShapedArray((*batch, k, n), a.dtype)
        return [q, r, ShapedArray((*batch, n), INT32)] if self.pivoting else [q, r]

    def jvp(self, primals, tangents):
        # A = Q R gives dA R⁻¹ = dQ + Q dR R⁻¹. With Ω = Qᴴ dQ, anti-Hermitian as Qᴴ Q = 1, Qᴴ dA R⁻¹ = Ω + dR R⁻¹,
        # whose second part is upper triangular with real diagonal: so Ω's part below the diagonal is that of M = Qᴴ dA
        # R⁻¹, and its diagonal the imaginary part of M's. Then dR = (M - Ω) R, dQ = dA R⁻¹ - Q (M - Ω).
        # (Walter, Lehmann 2010, arXiv:1001.1654; Liao et al. 2019, arXiv:1903.09650, for complex numbers.)
        [a], [da] = primals, tangents
        results = self(a)
        q, r = results[:2]
        *_, m, n = shape_of(a)
        if not get_aval(a).size:
            return list(results), [zero_of(x) for x in results]
        da = columns_taken(da, results[2]) if self.pivoting else da
        rank = len(shape_of(a))
        k = min(m, n)
        is_wider = shape_of(q)[-1] > k
        q, r = (slice_in_dim(q, 0, k, rank - 1), slice_in_dim(r, 0, k, rank - 2)) if is_wider else (q, r)
        # a wide A: its first k columns determine Q, and R's other columns are Qᴴ A
        r_square, first = slice_in_dim(r, 0, k, rank - 1), slice_in_dim(da, 0, k, rank - 1)
        solved = solve(r_square, first, left_side=False, lower=False)
        inner = matmul(adjoint(q), solved)
        below = lower_triangle(inner, -1)
        omega = sub(below, adjoint(below))
        if is_complex(a):
            part_ = imag(diagonal_part(inner))
            omega = add(omega, Complex()(sub(part_, part_), part_))
        upper = sub(inner, omega)
        dq = sub(solved, matmul(q, upper))
        dr = matmul(upper, r_square)
        if n > m:
            # R₂ = Qᴴ A₂, and Qᴴ dQ = Ω: dR₂ = Qᴴ dA₂ - Ω R₂
            rest = matmul(adjoint(q), slice_in_dim(da, k, n, rank - 1))
            rest = sub(rest, matmul(omega, slice_in_dim(r, k, n, rank - 1)))
            dr = Concatenate(rank - 1)(dr, rest)
        if is_wider:
            dq = Concatenate(rank - 1)(dq, _others_tangent(q, dq))
            dr = pad(dr, 0, [(0, 0, 0)] * (rank - 2) + [(0, m - k, 0), (0, 0, 0)])
        tangent = [dq, dr]
        if self.pivoting:
            tangent.append(Zero(get_aval(results[2]).to_tangent_aval()))
        return list(results), tangent

    def lower(self, out, a):
        [aval] = out.in_avals
        q_aval, r_aval = out.avals[:2]
        *batch, m, n = aval.shape
        batch = tuple(batch)
        k = min(m, n)
        columns = out.avals[2] if self.pivoting else None
        if not aval.size:
            results = [repeated(out, np.eye(*q_aval.shape[-2:]), q_aval), out.constant(0, r_aval)]
            if columns is not None:
                results.append(out.op("stablehlo.iota", [], {"iota_dimension": i64(len(batch))}, aval=columns))
            return results
        taus_aval = ShapedArray((*batch, k), aval.dtype)
        if self.pivoting:
            results = [aval, columns, taus_aval]
            free = out.constant(0, columns)  # no column is bound to its place
            aliases = [(0, 0), (1, 1)]
            packed, order, taus = call(out, "geqp3", [a, free], [aval, columns], results, batch, {}, aliases)
            order = out.op("stablehlo.subtract", [order, out.constant(1, columns)], aval=columns)
        else:
            packed, taus = call(out, "geqrf", [a], [aval], [aval, taus_aval], batch, {}, [(0, 0)])
        q_columns = q_aval.shape[-1]
        if q_columns <= n:
            reflections = part(out, packed, aval, m, q_columns)
        else:
            reflections = widened(out, packed, aval, m, q_columns)
        q = householder_product(out, reflections, q_aval, taus, taus_aval)
        r = masked(out, part(out, packed, aval, r_aval.shape[-2], n), r_aval, "LE")
        return [q, r, order] if self.pivoting else [q, r]

    def reference(self, a):
        from scipy.linalg import qr  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            m, n = a.shape
            k = m if self.full_matrices else min(m, n)
            if not a.size:
                parts = np.eye(m, k, dtype=a.dtype), np.zeros((k, n), a.dtype), np.arange(n)
            else:
                parts = qr(a, mode="full" if self.full_matrices else "economic", pivoting=self.pivoting)
            if not self.pivoting:
                return parts[0].astype(a.dtype), parts[1].astype(a.dtype)
            return parts[0].astype(a.dtype), parts[1].astype(a.dtype), parts[2].astype(np.int32)

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Qr(False, False), [array(3, 2)]
        yield Qr(False, True), [array(3, 2)]
        yield Qr(False, True), [array(2, 2, 2)]
        yield Qr(False, False), [array(2, 3)]
        yield Qr(True, False), [array(3, 3)]
        yield Qr(False, False), [array(3, 2, dtype="complex64")]
        yield Qr(False, False), [array(2, 0)]
        yield Qr(True, True), [array(0, 2)]
        yield Qr(False, False, False), [array(2, 2)]
        yield Qr(False, False), [array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Qr(False, False), [array(3)], "takes matrices"
        yield Qr(False, False), [array(2, 2, dtype="float16")], "takes float32, float64"
        yield Qr(False, False, "yes"), [array(2, 2)], "use_magma"

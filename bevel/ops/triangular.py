"""Cholesky's factorisation, and systems whose matrix is triangular."""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np

from bevel.base.dimensions import is_symbolic
from bevel.base.errors import ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.engine import blas_threads, lapack
from bevel.engine.builder import boolean, i64, parsed
from bevel.ops import lanes
from bevel.ops.arithmetic import add, div, full_like, neg, sub
from bevel.ops.convert import convert
from bevel.ops.elementwise import add_tangents, mul
from bevel.ops.lapack_calls import (
    call,
    info_aval,
    lies_by_columns,
    masked,
    on_cuda,
    or_nan,
    succeeded,
    transposed,
)  # fmt: skip
from bevel.ops.logic import and_, gt, select
from bevel.ops.matrices import (
    MatrixPrimitive,
    Renamed,
    adjoint,
    assembled,
    check_dtype,
    check_matrix,
    check_matrix_shape,
    check_one_dtype,
    conjugate,
    diagonal_part,
    each,
    is_complex,
    lower_triangle,
    matmul,
    matrix_transpose,
    parts,
    real_dtype,
    real_part,
    scale,
    shape_of,
    solved,
    upper_triangle,
    with_words,
)
from bevel.ops.powers import sqrt
from bevel.ops.shapes import move_axis, reshape


@primitive
class Cholesky(MatrixPrimitive):
    """The lower triangle L with real positive diagonal for which L Lᴴ = A, A Hermitian and positive definite.

    A       [..., n, n] of float32, float64, complex64 or complex128; only its lower triangle is read, and the
            imaginary part of the diagonal is not
    gives   L, zero above the diagonal; NaN in the whole lower triangle where A is not positive definite
    raises  ShapeError where A is not square

    Real ones of up to 3 rows, and many of 4, are written out (15x and 8x faster than LAPACK by the thousand:
    benchmarks/rows/linear_algebra). Others lower to LAPACK's potrf on CPUs, cuSOLVER's on GPUs, to stablehlo.cholesky
    elsewhere.
    """

    def infer(self, a):
        check_matrix("cholesky", a, square=True)
        return a

    def writes_loops(self, operands):
        return lanes.are_many(*operands, largest=lanes.LARGEST_DEFINITE) and not _is_written_out(*operands)

    def jvp(self, primals, tangents):
        # A = L Lᴴ gives L⁻¹ dA L⁻ᴴ = L⁻¹ dL + (L⁻¹ dL)ᴴ. L⁻¹ dL is lower triangular with real diagonal, so it is the
        # lower triangle of the left side with its diagonal halved (Murray 2016, arXiv:1602.07527, eq. 8).
        # As only the lower triangle of A is read, that of dA is mirrored first.
        [a], [da] = primals, tangents
        factor = self(a)
        below = lower_triangle(da, -1)
        diagonal = diagonal_part(da)
        if is_complex(da):
            diagonal = convert(real_part(diagonal), get_aval(da).dtype)
        da = add(add(below, adjoint(below)), diagonal)
        inner = solve(factor, da, left_side=True, lower=True)
        inner = solve(factor, inner, left_side=False, lower=True, transpose_a=True, conjugate_a=True)
        half = sub(lower_triangle(inner), scale(diagonal_part(inner), 0.5))
        return factor, lower_triangle(matmul(factor, half))  # also where there is NaN

    def lower(self, out, a):
        [aval] = out.in_avals
        if not aval.size:
            return a
        batch = aval.shape[:-2]
        if _is_written_out(aval):
            return out.module.compose(out, lambda a: [_written_out(a)], [aval], [a])[0]
        if lanes.fit(out, aval, largest=lanes.LARGEST_DEFINITE):
            factor, is_definite = lanes.cholesky(out, a, aval)
            whole = info_aval(batch)
            ok = out.compare("EQ", out.reshape(is_definite, whole), out.constant(1, whole), whole)
            return masked(out, or_nan(out, ok, batch, factor, aval), aval, "GE")
        if out.platform == "cpu" or on_cuda(out):
            # The matrix by rows is Aᵀ by columns, and the upper factor of Aᵀ by columns is L by rows. No copies are
            # then needed, which for small matrices are a third of the time; for large ones potrf is slower upwards.
            rows = aval.shape[-1] <= _BY_ROWS
            avals, uplo = [aval, info_aval(batch)], {"uplo": "U" if rows else "L"}
            factor, info = call(out, "potrf", [a], [aval], avals, batch, uplo, [(0, 0)], by_rows=rows)
            factor = or_nan(out, succeeded(out, info, batch), batch, factor, aval)
        else:
            factor = out.op("stablehlo.cholesky", [a], {"lower": boolean(True)}, aval=aval)
        return masked(out, factor, aval, "GE")

    def reference(self, a):
        def one(a):
            mirrored = np.tril(a, -1) + np.tril(a, -1).conj().T + np.diag(np.diag(a).real)
            try:
                return np.linalg.cholesky(mirrored).astype(a.dtype)
            except np.linalg.LinAlgError:
                return np.tril(np.full_like(a, np.nan))

        return each(one, a) if a.size else a

    @staticmethod
    def samples(array):
        yield Cholesky(), [definite(array, 3)]
        yield Cholesky(), [definite(array, 2, 2)]
        yield Cholesky(), [definite(array, 3, dtype="complex64")]
        yield Cholesky(), [definite(array, 1)]
        yield Cholesky(), [array(0, 0)]
        yield Cholesky(), [np.stack([np.eye(2, dtype=np.float32), np.diag(np.float32([1, -1])) * np.float32(np.nan)])]

    @staticmethod
    def refusals(array):
        yield Cholesky(), [array(2, 3)], "takes square matrices"
        yield Cholesky(), [array(3)], "takes square matrices"
        yield Cholesky(), [array(2, 2, dtype="int32")], "takes float32, float64"
        yield Cholesky(), [array(2, 2, dtype="bfloat16")], "takes float32, float64"


_OF_16_BITS = ("float16", "bfloat16")
_BY_ROWS = 32  # the largest matrices that are factored as they lie in memory
_MANY = 256  # 4 by 4 matrices: fewer aren't worth the longer compilation


def _is_written_out(aval):
    n = aval.shape[-1]
    return aval.dtype.kind == "f" and (n <= 3 or (n == 4 and aval.size >= _MANY * n * n))


def _written_out(a):
    """The columns of L in turn, as in potrf: l_jj = √(a_jj - Σ l_jk²), l_ij = (a_ij - Σ l_ik l_jk) / l_jj, k < j."""
    n = shape_of(a)[-1]
    entries = parts(a)
    zero = full_like(entries[0][0], 0)
    factor = [[zero] * n for _ in range(n)]
    is_definite = None
    for j in range(n):
        pivot = entries[j][j]
        for k in range(j):
            pivot = sub(pivot, mul(factor[j][k], factor[j][k]))
        is_positive = gt(pivot, 0.0)
        is_definite = is_positive if is_definite is None else and_(is_definite, is_positive)
        factor[j][j] = sqrt(pivot)
        for i in range(j + 1, n):
            entry = entries[i][j]
            for k in range(j):
                entry = sub(entry, mul(factor[i][k], factor[j][k]))
            factor[i][j] = div(entry, factor[j][j])
    nan = full_like(zero, np.nan)
    rows = [[select(is_definite, x, nan) for x in row[: i + 1]] + row[i + 1 :] for i, row in enumerate(factor)]
    return assembled(rows)


def definite(array, n, *batch, dtype="float32"):
    """A Hermitian positive definite matrix for samples, far from singular."""
    a = array(*batch, n, n, dtype=dtype)
    return (a @ np.swapaxes(a, -1, -2).conj() * 0.25 + 1.5 * np.eye(n)).astype(a.dtype)


# XLA's threads share operations that wait to be run as soon as these are more than eight (docs/decisions/169)
_PARTS = 10
_LONG = 40_000_000  # rows · rows · right-hand sides · bytes of a number: 0.3 ms of one thread
_WIDE = 24  # right-hand sides of a part, at least


def _is_long(a_aval, b_aval):
    """Whether solving one system takes so long that two threads are quicker, and OpenBLAS does not bring them."""
    if len(b_aval.shape) > 2 or is_symbolic(b_aval.shape):
        return False
    rows = a_aval.shape[-1]
    columns = b_aval.size // rows
    if columns < _PARTS * _WIDE or rows * b_aval.size * b_aval.dtype.itemsize < _LONG:
        return False
    if max(rows**3, rows * b_aval.size) >= blas_threads.WORTH_SHARING:
        return False
    lapack.ensure("cpu")
    return blas_threads.is_one()


@with_words
@primitive
class TriangularSolve(Renamed):
    """x with op(A) x = b (`left_side`), or x op(A) = b, for triangular A.

    a, b            [..., n, n], and [..., n, k] (or [..., k, n] from the right), with the same batch axes
    is_lower        which triangle of A is read: the other one is taken for zeros
    transpose_a     op(A) is Aᵀ; conjugate_a: conj(A); both: Aᴴ
    unit_diagonal   the diagonal is taken for ones and not read
    raises          ShapeError where sizes disagree

    Lowers to BLAS's trsm on CPUs, to stablehlo.triangular_solve elsewhere and for 16-bit floats.
    """

    left_side: bool
    is_lower: bool
    transpose_a: bool
    conjugate_a: bool
    unit_diagonal: bool
    gaps: ClassVar = {"0-special": "BLAS divides by blocks, so NaN and infinity spread in another order"}

    def infer(self, a, b):
        check_matrix_shape("triangular_solve", a, square=True)
        if a.dtype.name not in _OF_16_BITS:
            check_dtype("triangular_solve", a)
        if len(b.shape) != len(a.shape) or a.shape[:-2] != b.shape[:-2]:
            raise ShapeError(
                f"triangular_solve needs a and b with the same batch axes; got {a.str_short()} and {b.str_short()}."
            )
        check_one_dtype("triangular_solve", a, b)
        if b.shape[-2 if self.left_side else -1] != a.shape[-1]:
            side = "rows" if self.left_side else "columns"
            raise ShapeError(
                f"triangular_solve with a {a.str_short()} needs b with {a.shape[-1]} {side}; got {b.str_short()}."
            )
        return b

    def writes_loops(self, operands):
        return lanes.are_many(*operands)

    def read(self, a):
        """What the op reads of a matrix: its triangle, without the diagonal where that is taken for ones."""
        k = 1 if self.unit_diagonal else 0
        return lower_triangle(a, -k) if self.is_lower else upper_triangle(a, k)

    def jvp(self, primals, tangents):
        # op(A) x = b gives op(A) dx = db - op(dA) x, dA being as triangular as A
        [a, b], [da, db] = primals, tangents
        x = self(a, b)
        along_b = db if is_zero(db) else self(a, db)
        if is_zero(da):
            return x, along_b
        da = self.read(da)
        da = matrix_transpose(da) if self.transpose_a else da
        da = conjugate(da) if self.conjugate_a else da
        product = matmul(da, x) if self.left_side else matmul(x, da)
        return x, add_tangents(neg(self(a, product)), along_b)

    def transpose(self, ct, a, b):
        if is_linear(a):  # only where there is nothing to solve
            return [Zero(a.aval), Zero(b.aval) if is_linear(b) else None]
        if is_zero(ct):
            return [None, Zero(b.aval)]
        return [None, self.replace(transpose_a=not self.transpose_a)(a, ct)]

    def batch(self, operands, axes):
        [a, b], [a_axis, b_axis] = operands, axes
        if a_axis is None and len(shape_of(a)) == 2:
            # many right-hand sides of one matrix are one wider right-hand side
            place = 2 if self.left_side else 0
            b = move_axis(b, b_axis, place)
            shape = shape_of(b)
            if self.left_side:
                x = self(a, reshape(b, (shape[0], shape[1] * shape[2])))
            else:
                x = self(a, reshape(b, (shape[0] * shape[1], shape[2])))
            return reshape(x, shape), place
        return super().batch(operands, axes)

    def lower(self, out, a, b):
        a_aval, b_aval = out.in_avals
        if not b_aval.size:
            return b
        if b_aval.dtype.name in _OF_16_BITS and on_cuda(out):  # cuBLAS has no trsm of 16 bits
            return out.module.compose(out, lambda a, b: [self._widened(a, b)], [a_aval, b_aval], [a, b])[0]
        if out.platform != "cpu" or b_aval.dtype.name in _OF_16_BITS:
            op = ("ADJOINT" if self.conjugate_a else "TRANSPOSE") if self.transpose_a else "NO_TRANSPOSE"
            attributes = {
                "left_side": boolean(self.left_side),
                "lower": boolean(self.is_lower),
                "unit_diagonal": boolean(self.unit_diagonal),
                "transpose_a": parsed(f"#stablehlo<transpose {op}>"),
            }
            a = _conjugated(out, a, a_aval) if self.conjugate_a and not self.transpose_a else a
            return out.op("stablehlo.triangular_solve", [a, b], attributes, aval=b_aval)
        if lanes.fit(out, a_aval, b_aval):
            return lanes.triangular(out, self, a, b, out.in_avals, b_aval)
        if _is_long(a_aval, b_aval):
            return self._in_parts(out, a, b, a_aval, b_aval)
        return self._by_blas(out, a, b, a_aval, b_aval)

    def _in_parts(self, out, a, b, a_aval, b_aval):
        """Right-hand sides in parts that do not depend on one another, for XLA's threads to share."""
        axis = 1 if self.left_side else 0
        size = b_aval.shape[axis]
        ends = [size * i // _PARTS for i in range(_PARTS + 1)]
        solved = []
        for start, end in itertools.pairwise(ends):
            part = b_aval.with_shape([end - start if i == axis else d for i, d in enumerate(b_aval.shape)])
            solved.append(self._by_blas(out, a, out.slice(b, b_aval, axis, start, end), a_aval, part))
        return out.op("stablehlo.concatenate", solved, {"dimension": i64(axis)}, aval=b_aval)

    def _widened(self, a, b):
        wide = np.dtype("float32")
        return convert(self(convert(a, wide), convert(b, wide)), get_aval(b).dtype)

    def _by_blas(self, out, a, b, a_aval, b_aval):
        """Writes a call of trsm on matrices as they lie in memory, by rows, where BLAS reads columns: on transposes.

        op(A) x = b is xᵀ op(A)ᵀ = bᵀ: the side changes. Of Aᵀ, whose other triangle is read, op(A)ᵀ is op(Aᵀ), with the
        same op. A factor from getrf lies by columns already; of A itself, op(A)ᵀ is Aᵀ, A or, without a name in BLAS,
        conj(A). Copies into columns and back take longer than solving (benchmarks/rows/linear_algebra). A vector lies
        by rows as it does by columns: its side stays, as XLA copies where rows become columns, of one or of many.
        """
        trans = "N"
        if self.transpose_a:
            trans = "C" if self.conjugate_a else "T"
        elif self.conjugate_a:
            a = _conjugated(out, a, a_aval)
        is_lower = self.is_lower
        *batch, rows, columns = b_aval.shape
        is_vector = self.left_side and columns == 1 and trans != "C"
        by_columns = trans != "C" and lies_by_columns(a)
        if by_columns != is_vector:
            trans = "N" if trans == "T" else "T"
        if not by_columns:
            a, is_lower = transposed(out, a, a_aval), not is_lower
        attributes = {
            "side": "R" if self.left_side and not is_vector else "L",
            "uplo": "L" if is_lower else "U",
            "trans_x": trans,
            "diag": "U" if self.unit_diagonal else "N",
        }
        turned = b_aval if is_vector else b_aval.with_shape((*batch, columns, rows))
        b = b if is_vector else transposed(out, b, b_aval)
        x = call(out, "trsm", [a, b], [a_aval, turned], [turned], tuple(batch), attributes, [(0, 1)])[0]
        return x if is_vector else transposed(out, x, turned)

    def reference(self, a, b):
        if a.dtype.name in _OF_16_BITS:
            return self.reference(a.astype(np.float32), b.astype(np.float32)).astype(b.dtype)
        a = np.tril(a) if self.is_lower else np.triu(a)
        if self.unit_diagonal:
            a = np.where(np.eye(a.shape[-1], dtype=bool), np.ones((), a.dtype), a)
        a = a.conj() if self.conjugate_a else a
        a = np.swapaxes(a, -1, -2) if self.transpose_a else a
        cells = [solved(a[i], b[i]) if self.left_side else solved(a[i].T, b[i].T).T for i in np.ndindex(*b.shape[:-2])]
        return np.stack(cells).reshape(b.shape) if cells else b

    @staticmethod
    def samples(array):
        def triangle(*shape, dtype="float32"):
            return (array(*shape, dtype=dtype) * 0.5 + 1.5 * np.eye(shape[-1])).astype(dtype)

        yield TriangularSolve(True, True, False, False, False), [triangle(3, 3), array(3, 2)]
        yield TriangularSolve(False, True, False, False, False), [triangle(2, 3, 3), array(2, 2, 3)]
        yield TriangularSolve(True, False, True, False, True), [triangle(3, 3), array(3, 1)]
        yield (
            TriangularSolve(True, False, True, True, False),
            [triangle(2, 2, dtype="complex64"), array(2, 2, dtype="complex64")],
        )
        yield (
            TriangularSolve(False, True, False, True, False),
            [triangle(2, 2, dtype="complex64"), array(1, 2, dtype="complex64")],
        )
        yield TriangularSolve(True, True, False, False, False), [array(0, 0), array(0, 2)]
        yield TriangularSolve(True, True, False, False, False), [triangle(1, 1), array(1, 0)]
        bfloat16 = [triangle(2, 2, dtype="bfloat16"), array(2, 1, dtype="bfloat16")]
        yield TriangularSolve(True, True, False, False, False), bfloat16
        yield TriangularSolve(True, True, False, False, False), [triangle(1, 1), array(1, 1)]

    @staticmethod
    def refusals(array):
        op = TriangularSolve(True, True, False, False, False)
        yield op, [array(2, 3), array(2, 1)], "takes square matrices"
        yield op, [array(3, 3), array(2, 3)], "with 3 rows"
        yield op, [array(3, 3), array(1, 3, 3)], "the same batch axes"
        yield op, [array(3, 3), array(3, 3, dtype="complex64")], "of one dtype"
        yield TriangularSolve(False, True, False, False, False), [array(3, 3), array(3, 2)], "with 3 columns"


def _conjugated(out, a, aval):
    if aval.dtype.kind != "c":
        return a
    part = aval.with_dtype(real_dtype(aval.dtype))
    turned = out.op("stablehlo.negate", [out.op("stablehlo.imag", [a], aval=part)], aval=part)
    return out.op("stablehlo.complex", [out.op("stablehlo.real", [a], aval=part), turned], aval=aval)


def solve(a, b, *, left_side, lower, transpose_a=False, conjugate_a=False, unit_diagonal=False):
    """Applies TriangularSolve; a conjugate of real numbers is not asked for."""
    return TriangularSolve(left_side, lower, transpose_a, conjugate_a and is_complex(a), unit_diagonal)(a, b)

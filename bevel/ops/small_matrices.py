"""Closed forms for matrices of up to 4 by 4: inverses, and of up to 3 by 3 solutions.

Many small matrices cost a library call each one overhead that is far above the arithmetic; written out, the whole batch
is one loop over vectors (benchmarks/rows/linear_algebra).

How exact that is. A⁻¹ = adj(A) / det(A), where each number of adj(A) and of det(A) is a sum of products of numbers
of A. In an arithmetic of unit roundoff u such a sum is off by a few u times the sum of the magnitudes. So adj(A) is
off by about u ‖A‖ⁿ⁻¹, where ‖adj(A)‖ >= ‖A‖ⁿ⁻¹ / κⁿ⁻², and det(A) by u ‖A‖ⁿ, where |det(A)| >= ‖A‖ⁿ / κⁿ⁻¹, κ being
the condition number: the inverse is off by about u κⁿ⁻¹, relative to its norm. LAPACK's elimination with row
exchanges, in a precision of roundoff v, is off by about v κ. Therefore

- float32 and complex64 are computed in double precision: u = v², and v² κ² < v κ wherever κ < 1 / v, which is wherever
  LAPACK's answer has a digit. The closed form is exact to its last rounding for κ up to 10⁴.
- float64 and complex128 are computed so for n <= 2, where both bounds are u κ; 3 by 3 ones go to LAPACK.
- 4 by 4 ones are written by the minors of two rows (Laplace): with s those of the upper two and c those of the lower
  two, det(A) is a sum of products s c, and a number of adj(A) is one of products of a number of A with s or c. Let
  σ₁ >= σ₂ >= σ₃ >= σ₄ be the singular values. Minors are at most σ₁ σ₂ and off by about u σ₁², so det(A) is off by
  u σ₁³ σ₂, which is u σ₁² / (σ₃ σ₄) of it, and adj(A), whose norm is σ₁ σ₂ σ₃, by u σ₁³: both at most u κ². So the
  inverse is as exact as that of 3 by 3. The solution is not: where b lies along what A makes largest, x is of size
  ‖b‖ / σ₁, and adj(A) b / det(A) off by u κ³ of that; so solutions of four equations go to LAPACK.
"""

from __future__ import annotations

import itertools

import numpy as np

from bevel.base.errors import ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, div, full_like, neg, sub
from bevel.ops.convert import ConvertElementType
from bevel.ops.elementwise import mul
from bevel.ops.linalg_factorizations import Lu, rows_taken
from bevel.ops.matrices import (
    LETTERS,
    MatrixPrimitive,
    assembled,
    check_dtype,
    check_matrix,
    each,
    eye_like,
    matmul,
    matrix_transpose,
    parts,
    solved,
)
from bevel.ops.shapes import BroadcastInDim, instantiate
from bevel.ops.triangular import solve

LARGEST, LARGEST_INVERSE = 3, 4  # rows of what is solved, and of what is inverted
_DOUBLE = {"float32": np.dtype("float64"), "complex64": np.dtype("complex128")}


def has_closed_form(n, dtype, largest=LARGEST) -> bool:
    """Is the closed form as exact as elimination, for n by n matrices? largest: LARGEST_INVERSE for A⁻¹."""
    if n == 4 and dtype.kind == "c":
        return False  # as exact, but it compiles for twice as long, and runs in two thirds of LAPACK's time
    return dtype.name in LETTERS and 1 <= n <= (largest if dtype.name in _DOUBLE else 2)


def _adjugate(a):
    """(adj(A) as rows, det(A)) for rows of numbers."""
    n = len(a)
    if n == 2:
        (p, q), (r, s) = a
        return [[s, neg(q)], [neg(r), p]], sub(mul(p, s), mul(q, r))
    if n == 4:
        return _adjugate_by_minors(a)

    def cofactor(i, j):
        (p, q), (r, s) = [[a[(i + k) % 3][(j + m) % 3] for m in (1, 2)] for k in (1, 2)]
        return sub(mul(p, s), mul(q, r))

    cofactors = [[cofactor(i, j) for j in range(3)] for i in range(3)]
    det = add(add(mul(a[0][0], cofactors[0][0]), mul(a[0][1], cofactors[0][1])), mul(a[0][2], cofactors[0][2]))
    return [[cofactors[j][i] for j in range(3)] for i in range(3)], det


def _adjugate_by_minors(a):
    """`_adjugate` of four rows, by the minors of two of them."""

    def minors(p, q):
        return {(i, j): sub(mul(p[i], q[j]), mul(p[j], q[i])) for i, j in itertools.combinations(range(4), 2)}

    upper, lower = minors(*a[:2]), minors(*a[2:])
    det = None
    for (i, j), minor in upper.items():
        others = tuple([k for k in range(4) if k not in (i, j)])
        term = mul(minor, lower[others])
        signed = sub if (i + j) % 2 == 0 else add
        det = term if det is None else signed(det, term)
    rows = []
    for j in range(4):
        # the cofactor of a_ij: by the other row of its pair, and the minors of the other pair
        p, q, r = [k for k in range(4) if k != j]
        row = []
        for i in range(4):
            other, pair = a[i ^ 1], lower if i < 2 else upper
            x = add(sub(mul(other[p], pair[q, r]), mul(other[q], pair[p, r])), mul(other[r], pair[p, q]))
            row.append(neg(x) if (i + j) % 2 else x)
        rows.append(row)
    return rows, det


def _in_double(x):
    wide = _DOUBLE.get(get_aval(x).dtype.name)
    return x if wide is None else ConvertElementType(wide, False)(x)


def _rounded(x, dtype):
    return x if get_aval(x).dtype == dtype else ConvertElementType(dtype, False)(x)


def _by_elimination(a, b):
    both, _, order = Lu()(a)
    x = solve(both, rows_taken(b, order), left_side=True, lower=True, unit_diagonal=True)
    return solve(both, x, left_side=True, lower=False)


def _check_small(name, a, largest):
    check_matrix(name, a, square=True)
    if not 1 <= a.shape[-1] <= largest:
        raise ShapeError(f"{name} takes matrices of 1 to {largest} rows; got {a.str_short()}.")


@primitive
class SmallInverse(MatrixPrimitive):
    """A⁻¹ of matrices [..., n, n], n up to 4; inf or NaN where there is none."""

    def infer(self, a):
        _check_small("small_inverse", a, LARGEST_INVERSE)
        return a

    def jvp(self, primals, tangents):
        # A X = 1 gives dX = -X dA X
        [a], [da] = primals, tangents
        x = self(a)
        return x, neg(matmul(x, matmul(da, x)))

    def lower(self, out, a):
        [aval] = out.in_avals

        def inverse(a):
            if aval.shape[-1] == 1:
                return [div(full_like(a, 1), a)]
            if not has_closed_form(aval.shape[-1], aval.dtype, LARGEST_INVERSE):
                return [_by_elimination(a, eye_like(a))]
            rows, det = _adjugate(parts(_in_double(a)))
            return [assembled([[_rounded(div(x, det), aval.dtype) for x in row] for row in rows])]

        return out.module.compose(out, inverse, [aval], [a])[0] if aval.size else a

    def reference(self, a):
        return each(lambda a: solved(a, np.eye(*a.shape, dtype=a.dtype)), a) if a.size else a

    @staticmethod
    def samples(array):
        yield SmallInverse(), [_regular(array, 2)]
        yield SmallInverse(), [_regular(array, 3, 2)]
        yield SmallInverse(), [_regular(array, 3, dtype="complex64")]
        yield SmallInverse(), [_regular(array, 1)]
        yield SmallInverse(), [array(0, 2, 2)]
        yield SmallInverse(), [_regular(array, 4, 2)]
        yield SmallInverse(), [_regular(array, 4, dtype="complex64")]

    @staticmethod
    def refusals(array):
        yield SmallInverse(), [array(2, 3)], "takes square matrices"
        yield SmallInverse(), [array(5, 5)], "1 to 4 rows"


@primitive
class SmallSolve(MatrixPrimitive):
    """x with A x = b, for A [..., n, n], n up to 3, and b [..., n, k]; inf or NaN where A is singular. Linear in b."""

    def infer(self, a, b):
        _check_small("small_solve", a, LARGEST)
        check_matrix("small_solve", b)
        check_dtype("small_solve", a, b)
        if b.shape[:-1] != a.shape[:-1]:
            raise ShapeError(f"small_solve of {a.str_short()} needs b of the same rows; got {b.str_short()}.")
        return b

    def jvp(self, primals, tangents):
        # A x = b gives A dx = db - dA x
        [a, b], [da, db] = primals, tangents
        x = self(a, b)
        if is_zero(da):
            return x, Zero(get_aval(x)) if is_zero(db) else self(a, db)
        right = neg(matmul(da, x))
        return x, self(a, right if is_zero(db) else add(instantiate(db), right))

    def transpose(self, ct, a, b):
        assert is_linear(b)
        return [None, self(matrix_transpose(a), ct)]

    def lower(self, out, a, b):
        a_aval, aval = out.in_avals

        def solution(a, b):
            if a_aval.shape[-1] == 1:
                return [div(b, BroadcastInDim(aval.shape, tuple(range(len(aval.shape))))(a))]
            if not has_closed_form(a_aval.shape[-1], aval.dtype):
                return [_by_elimination(a, b)]
            rows, det = _adjugate(parts(_in_double(a)))
            columns = parts(_in_double(b))
            results = []
            for row in rows:
                sums = []
                for j in range(len(columns[0])):
                    terms = [mul(x, column[j]) for x, column in zip(row, columns, strict=True)]
                    total = terms[0]
                    for term in terms[1:]:
                        total = add(total, term)
                    sums.append(_rounded(div(total, det), aval.dtype))
                results.append(sums)
            return [assembled(results)]

        return out.module.compose(out, solution, [a_aval, aval], [a, b])[0] if aval.size else b

    def reference(self, a, b):
        cells = [solved(a[i], b[i]) for i in np.ndindex(*b.shape[:-2])]
        return np.stack(cells).reshape(b.shape) if b.size else b

    @staticmethod
    def samples(array):
        yield SmallSolve(), [_regular(array, 2), array(2, 1)]
        yield SmallSolve(), [_regular(array, 3, 2), array(2, 3, 2)]
        yield SmallSolve(), [_regular(array, 2, dtype="complex64"), array(2, 1, dtype="complex64")]
        yield SmallSolve(), [_regular(array, 2), array(2, 0)]
        yield SmallSolve(), [_regular(array, 1), array(1, 2)]
        yield SmallSolve(), [_regular(array, 1), array(1, 1)]

    @staticmethod
    def refusals(array):
        yield SmallSolve(), [array(2, 2), array(3, 1)], "of the same rows"
        yield SmallSolve(), [array(4, 4), array(4, 1)], "1 to 3 rows"


def _regular(array, n, *batch, dtype="float32"):
    """Matrices far from singular, for samples."""
    return (array(*batch, n, n, dtype=dtype) * 0.25 + 2 * np.eye(n)).astype(dtype)


__all__ = ["LARGEST", "LARGEST_INVERSE", "SmallInverse", "SmallSolve", "has_closed_form"]

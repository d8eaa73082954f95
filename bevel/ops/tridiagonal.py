"""Systems whose matrix has three diagonals."""

from __future__ import annotations

import numpy as np

from bevel.base.errors import ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, neg
from bevel.ops.cutting import pad
from bevel.ops.elementwise import add_tangents, mul
from bevel.ops.lapack_calls import call, info_aval, on_cuda, or_nan, succeeded
from bevel.ops.matrices import (
    MatrixPrimitive,
    as_columns,
    check_dtype,
    check_one_dtype,
    has_no_work,
    shape_of,
    solved,
)
from bevel.ops.shapes import instantiate


@primitive
class TridiagonalSolve(MatrixPrimitive):
    """x with A x = b for A with three diagonals: dl[i] x[i-1] + d[i] x[i] + du[i] x[i+1] = b[i].

    dl, d, du          [..., n]; dl[0] and du[n-1] are not read
    b                  [..., n, k]
    perturb_singular   pivots that are 0 become the smallest number that is not: no NaN
    raises             ShapeError where sizes disagree

    NaN where A is singular. Lowers to LAPACK's gtsv on CPUs, to cuSPARSE's gtsv2 on GPUs.
    """

    perturb_singular: bool = False

    def infer(self, dl, d, du, b):
        check = check_one_dtype if has_no_work(b) else check_dtype
        check("tridiagonal_solve", dl, d, du, b)
        if not d.shape or dl.shape != d.shape or du.shape != d.shape:
            raise ShapeError(
                "tridiagonal_solve needs three diagonals of one shape [..., n]; got "
                f"{dl.str_short()}, {d.str_short()}, {du.str_short()}."
            )
        if b.shape[:-1] != d.shape or len(b.shape) < 2:
            raise ShapeError(
                f"tridiagonal_solve with diagonals {d.str_short()} needs b of shape [..., n, k]; got {b.str_short()}."
            )
        return b

    def jvp(self, primals, tangents):
        # A x = b gives A dx = db - dA x
        dl, d, du, b = primals
        ddl, dd, ddu, db = tangents
        x = self(dl, d, du, b)
        right = db
        if not (is_zero(ddl) and is_zero(dd) and is_zero(ddu)):
            ddl, dd, ddu = [instantiate(t) for t in (ddl, dd, ddu)]
            right = add_tangents(neg(tridiagonal_product(ddl, dd, ddu, x)), db)
        return x, self(dl, d, du, right)

    def transpose(self, ct, dl, d, du, b):
        if is_zero(ct) or not get_aval(ct).size:
            return [Zero(x.aval) if is_linear(x) else None for x in (dl, d, du, b)]
        # Aᵀ has du one row down as its lower diagonal, and dl one row up as its upper one
        return [None, None, None, self(_shifted(du, 1), d, _shifted(dl, -1), ct)]

    def lower(self, out, dl, d, du, b):
        *diagonals, aval = out.in_avals
        if not aval.size:
            return b
        batch = aval.shape[:-2]
        n = aval.shape[-2]
        # LAPACK wants n - 1 numbers on the outer diagonals, and jaxlib gives dl from its first element on
        results = [*diagonals, aval, info_aval(batch)]
        if n == 1 and not self.perturb_singular:
            wide = diagonals[0].with_shape(aval.shape)
            places = (*range(len(batch)), len(batch))
            return out.op("stablehlo.divide", [b, out.broadcast(d, wide, places)], aval=aval)
        if self.perturb_singular:
            return call(out, "gtsv_perturbed", [dl, d, du, b], [*diagonals, aval], [aval], batch)[0]
        if on_cuda(out):
            return call(out, "gtsv", [dl, d, du, b], [*diagonals, aval], [aval], batch, {}, [(0, 3)])[0]
        aliases = [(i, i) for i in range(4)]
        *_, x, info = call(out, "gtsv", [dl, d, du, b], [*diagonals, aval], results, batch, {}, aliases)
        return or_nan(out, succeeded(out, info, batch), batch, x, aval)

    def reference(self, dl, d, du, b):
        def one(dl, d, du, b):
            a = np.diag(d) + (np.diag(dl[1:], -1) + np.diag(du[:-1], 1) if d.size > 1 else 0)
            return solved(a, b)

        cells = [one(dl[i], d[i], du[i], b[i]) for i in np.ndindex(*b.shape[:-2])]
        return np.stack(cells).reshape(b.shape) if cells else b

    @staticmethod
    def samples(array):
        def diagonal(*shape, dtype="float32"):
            return (array(*shape, dtype=dtype) * 0.25 + 2).astype(dtype)

        yield TridiagonalSolve(), [array(4) * np.float32(0.3), diagonal(4), array(4) * np.float32(0.3), array(4, 2)]
        yield (
            TridiagonalSolve(),
            [array(2, 3) * np.float32(0.3), diagonal(2, 3), array(2, 3) * np.float32(0.3), array(2, 3, 1)],
        )
        yield TridiagonalSolve(), [array(1), diagonal(1), array(1), array(1, 2)]
        complexes = [array(3, dtype="complex64") * np.complex64(0.3) for _ in range(2)]
        yield (
            TridiagonalSolve(),
            [complexes[0], diagonal(3, dtype="complex64"), complexes[1], array(3, 1, dtype="complex64")],
        )
        yield TridiagonalSolve(), [array(3) * np.float32(0.3), diagonal(3), array(3) * np.float32(0.3), array(3, 0)]
        yield TridiagonalSolve(), [array(1), diagonal(1), array(1), array(1, 1)]

    @staticmethod
    def refusals(array):
        yield TridiagonalSolve(), [array(3), array(4), array(4), array(4, 1)], "three diagonals of one shape"
        yield TridiagonalSolve(), [array(4), array(4), array(4), array(3, 1)], "shape [..., n, k]"


def _shifted(x, by):
    """x moved along its last axis by one place, filled with zero."""
    rank = len(shape_of(x))
    config = [(0, 0, 0)] * (rank - 1) + [(by, -by, 0)]
    return pad(x, 0, config)


def tridiagonal_product(dl, d, du, x):
    """A x for A with three diagonals, linear in each."""
    rank = len(shape_of(x))
    k = shape_of(x)[-1]
    down = pad(x, 0, [(0, 0, 0)] * (rank - 2) + [(1, -1, 0), (0, 0, 0)])
    up = pad(x, 0, [(0, 0, 0)] * (rank - 2) + [(-1, 1, 0), (0, 0, 0)])
    return add(add(mul(as_columns(dl, k), down), mul(as_columns(d, k), x)), mul(as_columns(du, k), up))

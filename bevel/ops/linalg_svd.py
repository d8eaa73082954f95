"""The singular value decomposition."""

from __future__ import annotations

import enum

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import min_dim
from bevel.base.errors import DTypeError, MissingRuleError
from bevel.core.primitive import primitive
from bevel.core.tangents import zero_of
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import add, div, full_like, sub
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.lapack_calls import call, info_aval, on_cuda, or_nan, part, repeated, succeeded
from bevel.ops.linalg_eigen import check_subset, without_derivative
from bevel.ops.logic import eq
from bevel.ops.matrices import (
    MatrixPrimitive,
    adjoint,
    as_columns,
    as_rows,
    check_dtype,
    check_matrix_shape,
    diagonal_of,
    diagonal_part,
    each,
    eye_like,
    has_no_work,
    is_complex,
    matmul,
    phases_of_columns,
    real_dtype,
    real_part,
    scale,
    shape_of,
)

_DERIVATIVES = ("jvp", "linearize", "vjp", "second", "batch-jvp")
_JACOBI_SIZE = 1024  # up to this size Jacobi's method is the quicker one on GPUs


class SvdAlgorithm(enum.Enum):
    """How svd is computed. CPUs have DIVIDE_AND_CONQUER (LAPACK's gesdd, the default) and QR (gesvd)."""

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


@primitive
class Svd(MatrixPrimitive):
    """A = U diag(s) Vᴴ, with U and V of orthonormal columns, and s real, not negative and falling.

    A              [..., m, n]; k = min(m, n)
    gives          s [..., k]; with compute_uv also U [..., m, k] and Vᴴ [..., k, n], or square ones by full_matrices;
                   NaN where LAPACK fails
    subset_by_index   (start, end) of the singular values wanted: all, on CPUs and GPUs
    algorithm      an SvdAlgorithm or None

    Derivatives of U and V are infinite where singular values are equal; columns beyond k have none.
    Lowers to LAPACK's gesdd (gesvd for SvdAlgorithm.QR) on CPUs.
    """

    full_matrices: bool
    compute_uv: bool
    subset_by_index: object = None
    algorithm: object = None
    multiple_results = True
    gaps = {
        **{f"2-{law}": "columns of U beyond those of A are not determined by it" for law in _DERIVATIVES},
        **{
            f"4-{law}": (
                "singular vectors of complex matrices have a free phase, which the rule keeps and LAPACK does not"
            )
            for law in ("jvp", "second")
        },
    }

    def infer(self, a):
        check_matrix_shape("svd", a)
        if not has_no_work(a):
            check_dtype("svd", a)
        *batch, m, n = a.shape
        k = min_dim(m, n)
        check_subset("svd", self.subset_by_index, k)
        if self.algorithm is not None and not isinstance(self.algorithm, SvdAlgorithm):
            raise DTypeError(f"svd takes an SvdAlgorithm or None; got {self.algorithm!r}.")
        s = ShapedArray((*batch, k), real_dtype(a.dtype))
        if not self.compute_uv:
            return [s]
        left, right = (m, n) if self.full_matrices else (k, k)
        return [s, ShapedArray((*batch, m, left), a.dtype), ShapedArray((*batch, right, n), a.dtype)]

    def jvp(self, primals, tangents):
        # With M = Uᴴ dA V: ds is the real part of M's diagonal; dU = U (F ∘ (M S + S Mᴴ)) and dV = V (F ∘ (S M + Mᴴ
        # S)), Fᵢⱼ = 1 / (sⱼ² - sᵢ²) off the diagonal, plus what leaves the span of U (or V): (1 - U Uᴴ) dA V S⁻¹
        # (Townsend 2016, "Differentiating the singular value decomposition"). For complex A the diagonal of M has an
        # imaginary part, which turns the phase of U's columns (Wan, Zhang 2019, arXiv:1909.02659).
        [a], [da] = primals, tangents
        *_, m, n = shape_of(a)
        k = min_dim(m, n)
        if not get_aval(a).size:
            results = self(a)
            return list(results), [zero_of(x) for x in results]
        if self.compute_uv and self.full_matrices and m != n:
            raise without_derivative(
                f"svd with full_matrices=True of {get_aval(a).str_short()}",
                "Singular vectors beyond the first min(m, n) are not determined by it. Use full_matrices=False.",
            )
        s, u, vh = Svd(False, True, self.subset_by_index, self.algorithm)(a)
        results = [s, u, vh] if self.compute_uv else [s]
        if not k or not get_aval(a).size:
            return results, [zero_of(x) for x in results]
        v = adjoint(vh)
        along_v = matmul(da, v)
        inner = matmul(adjoint(u), along_v)
        ds = real_part(diagonal_of(inner))
        if not self.compute_uv:
            return results, [ds]
        dtype = get_aval(a).dtype
        rows, columns = as_rows(s, k), as_columns(s, k)  # S by columns (M S), S by rows (S M)
        one = eye_like(rows)
        # as a product, which keeps the digits that the difference of squares would lose
        gaps = mul(add(rows, columns), sub(rows, columns))
        factors = convert(sub(div(full_like(gaps, 1), add(gaps, one)), one), dtype)
        zero = convert(eq(s, 0.0), real_dtype(dtype))
        inverse = sub(div(full_like(s, 1), add(s, zero)), zero)
        rows, columns = convert(rows, dtype), convert(columns, dtype)
        by_columns, by_rows = mul(inner, rows), mul(inner, columns)
        du = matmul(u, mul(factors, add(by_columns, adjoint(by_columns))))
        dv = matmul(v, mul(factors, add(by_rows, adjoint(by_rows))))
        if is_complex(a):
            phase = scale(diagonal_part(sub(inner, adjoint(inner))), 0.5)
            du = add(du, matmul(u, mul(phase, convert(as_rows(inverse, k), dtype))))
        if m > n:
            outside = sub(along_v, matmul(u, inner))
            du = add(du, mul(outside, convert(as_rows(inverse, m), dtype)))
        if n > m:
            along_u = matmul(adjoint(da), u)
            outside = sub(along_u, matmul(v, matmul(vh, along_u)))
            dv = add(dv, mul(outside, convert(as_rows(inverse, n), dtype)))
        return results, [ds, du, adjoint(dv)]

    def lower(self, out, a):
        [aval] = out.in_avals
        *batch, m, n = aval.shape
        batch, k = tuple(batch), min_dim(m, n)
        if not aval.size:
            results = [out.constant(0, out.avals[0])]
            return results + [repeated(out, np.eye(*x.shape[-2:]), x) for x in out.avals[1:]]
        left, right = (m, n) if self.full_matrices or not self.compute_uv else (k, k)
        s = out.avals[0]
        u, vh = ShapedArray((*batch, m, left), aval.dtype), ShapedArray((*batch, right, n), aval.dtype)
        if on_cuda(out):
            values = self._on_cuda(out, a, aval)
            return values if self.compute_uv else values[:1]
        if self.algorithm in (SvdAlgorithm.JACOBI, SvdAlgorithm.POLAR):
            raise MissingRuleError(
                f"svd by the algorithm {self.algorithm.name} is written for GPUs, not for {out.platform!r}.\n"
                "Leave it out, or use SvdAlgorithm.QR."
            )
        mode = ("A" if self.full_matrices else "S") if self.compute_uv else "N"
        routine = "gesvd" if self.algorithm is SvdAlgorithm.QR else "gesdd"
        avals = [aval, s, u, vh, info_aval(batch)]
        _, *values, info = call(out, routine, [a], [aval], avals, batch, {"mode": mode}, [(0, 0)])
        ok = succeeded(out, info, batch)
        values = [or_nan(out, ok, batch, v, x) for v, x in zip(values, (s, u, vh), strict=True)]
        return values if self.compute_uv else values[:1]

    def _on_cuda(self, out, a, aval):
        """[s, U, Vᴴ] by cuSOLVER: by Jacobi's method for small matrices, by QR for others, unless one is asked for."""
        *batch, m, n = aval.shape
        batch, k = tuple(batch), min_dim(m, n)
        s = out.avals[0]
        algorithm = self.algorithm
        if algorithm in (None, SvdAlgorithm.DEFAULT):
            algorithm = SvdAlgorithm.JACOBI if max(m, n) <= _JACOBI_SIZE else SvdAlgorithm.QR
        if algorithm is SvdAlgorithm.DIVIDE_AND_CONQUER:
            raise MissingRuleError("cuSOLVER has no svd by divide and conquer. Leave the algorithm out, or use QR.")
        left, right = (m, n) if self.full_matrices else (k, k)
        u, vh = aval.with_shape((*batch, m, left)), aval.with_shape((*batch, right, n))
        words = {"compute_uv": self.compute_uv, "full_matrices": self.full_matrices}
        if algorithm is SvdAlgorithm.QR:
            # cuSOLVER takes tall matrices: a wide one is its transpose, read by rows, and U and Vᵀ change places
            is_wide = m < n
            parts = [vh, u] if is_wide else [u, vh]
            avals = [aval, s, *parts, info_aval(batch)]
            words["transposed"] = is_wide
            _, values, *found, info = call(out, "gesvd", [a], [aval], avals, batch, words, [(0, 0)], by_rows=is_wide)
            left_value, right_value = found[::-1] if is_wide else found
        else:
            # V comes in the place of Vᴴ, and Jacobi's method gives square U and V
            is_jacobi = algorithm is SvdAlgorithm.JACOBI
            columns = (m, n) if is_jacobi else (left, right)
            wide_u, wide_v = aval.with_shape((*batch, m, columns[0])), aval.with_shape((*batch, n, columns[1]))
            avals = [aval, s, wide_u, wide_v, info_aval(batch)]
            name = "gesvdj" if is_jacobi else "gesvdp"
            _, values, left_value, right_value, info = call(out, name, [a], [aval], avals, batch, words, [(0, 0)])
            left_value = part(out, left_value, wide_u, m, left)
            right_value = part(out, right_value, wide_v, n, right)
            narrow = aval.with_shape((*batch, n, right))
            right_value = out.module.compose(out, lambda v: [adjoint(v)], [narrow], [right_value])[0]
        ok = succeeded(out, info, batch)
        return [or_nan(out, ok, batch, v, x) for v, x in ((values, s), (left_value, u), (right_value, vh))]

    def reference(self, a):
        from scipy.linalg import svd  # SciPy is for references alone, and loads in 0.2 s

        driver = "gesvd" if self.algorithm is SvdAlgorithm.QR else "gesdd"

        def one(a):
            *_, m, n = a.shape
            k = min_dim(m, n)
            if not a.size:
                left, right = (m, n) if self.full_matrices else (k, k)
                parts = np.eye(m, left), np.zeros(0), np.eye(right, n)
            else:
                parts = svd(a, full_matrices=self.full_matrices, lapack_driver=driver)
            u, s, vh = parts
            s = s.astype(a.real.dtype)
            return (s, u.astype(a.dtype), vh.astype(a.dtype)) if self.compute_uv else (s,)

        return list(each(one, a))

    def canonical(self, s, u=None, vh=None):
        """A pair of singular vectors is determined up to a number of modulus 1; those beyond the last pair, each up to
        one of its own where they are one, as in the samples."""
        if u is None:
            return (s,)
        left, k = phases_of_columns(u), s.shape[-1]
        right = np.swapaxes(phases_of_columns(np.swapaxes(vh, -1, -2)), -1, -2)
        right[..., :k, :] = np.conj(np.swapaxes(left[..., :k], -1, -2))
        return s, u * left, vh * right

    @staticmethod
    def samples(array):
        yield Svd(False, True), [array(3, 2)]
        yield Svd(False, True), [array(2, 2, 3)]
        yield Svd(True, True), [array(3, 2)]
        yield Svd(True, False), [array(2, 3)]
        yield Svd(False, True), [array(3, 2, dtype="complex64")]
        yield Svd(True, True, None, SvdAlgorithm.QR), [array(2, 2)]
        yield Svd(True, True, (0, 0)), [array(0, 2)]
        yield Svd(False, True), [array(2, 0)]
        yield Svd(False, True), [array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Svd(True, True), [array(3)], "takes matrices"
        yield Svd(True, True), [array(2, 2, dtype="float16")], "takes float32, float64"
        yield Svd(True, True, None, "QR"), [array(2, 2)], "SvdAlgorithm or None"

"""Eigenvalues and singular values, and the forms of matrices on the way to them."""

from __future__ import annotations

import enum

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, MissingRuleError
from bevel.core.primitive import primitive
from bevel.core.tangents import zero_of
from bevel.core.trace import get_aval
from bevel.ops.arg_reductions import Argmax
from bevel.ops.arithmetic import add, div, full_like, sub
from bevel.ops.complex import Complex, abs_, conj, imag, real
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.lapack_calls import call, info_aval, on_cuda, or_nan, succeeded
from bevel.ops.linalg_factorizations import solve_general
from bevel.ops.logic import eq
from bevel.ops.matrices import (
    MatrixPrimitive,
    Renamed,
    adjoint,
    as_columns,
    as_rows,
    check_matrix,
    diagonal_of,
    diagonal_part,
    each,
    eye_like,
    is_complex,
    lower_triangle,
    matmul,
    phases_of_columns,
    real_dtype,
    real_part,
    shape_of,
    upper_triangle,
    with_words,
)
from bevel.ops.shapes import reduce_sum, reshape
from bevel.ops.taking import take_along

_DERIVATIVES = ("jvp", "linearize", "vjp", "second", "batch-jvp")


class EighImplementation(enum.Enum):
    """How eigh is computed, where there is a choice (not on CPUs)."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


class EigImplementation(enum.Enum):
    """Which library computes eig. CPUs have LAPACK."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


def check_subset(name, subset, count):
    if subset is not None and tuple(subset) != (0, count):
        raise MissingRuleError(
            f"{name} computes all values on CPUs and GPUs; subset_by_index={tuple(subset)} asks for some of {count}.\n"
            "Cut them out of the result."
        )


def as_complex(x, dtype):
    """A real or complex array as complex numbers of a dtype."""
    return convert(x, dtype)


def without_derivative(name, way):
    return MissingRuleError(f"{name} has no derivative rule. {way}")


def _reciprocal_differences(w):
    """1 / (w_j - w_i) for i ≠ j, 0 on the diagonal; infinite where two are equal."""
    n = shape_of(w)[-1]
    differences = sub(as_rows(w, n), as_columns(w, n))
    one = eye_like(differences)
    return sub(div(full_like(differences, 1), add(differences, one)), one)


@with_words
@primitive
class Eigh(Renamed):
    """Eigenvectors and eigenvalues of a Hermitian matrix: A V = V diag(w), Vᴴ V = 1.

    A                 [..., n, n]; of it only the lower (or upper) triangle is read
    gives             V [..., n, n], eigenvectors as columns; w [..., n], real and rising; NaN where LAPACK fails
    sort_eigenvalues  False allows any order; LAPACK gives them in order anyway
    subset_by_index   (start, end) of the eigenvalues wanted: all, on CPUs and GPUs
    algorithm         an EighImplementation, a wish that CPUs disregard

    Derivatives of eigenvectors are infinite where eigenvalues are equal: there eigenvectors may turn freely.
    Those of eigenvalues alone are finite. Lowers to LAPACK's syevd (heevd) on CPUs.
    """

    is_lower: bool
    sort_eigenvalues: bool
    subset_by_index: object = None
    algorithm: object = None
    multiple_results = True
    gaps = {
        f"2-{law}": "eigenvectors of complex matrices have a free phase, which the rule keeps and LAPACK does not"
        for law in ("jvp", "second")
    }

    def infer(self, a):
        check_matrix("eigh", a, square=True)
        check_subset("eigh", self.subset_by_index, a.shape[-1])
        if self.algorithm is not None and not isinstance(self.algorithm, EighImplementation):
            raise DTypeError(f"eigh takes an EighImplementation or None; got {self.algorithm!r}.")
        if not isinstance(self.sort_eigenvalues, bool):
            raise DTypeError(f"eigh takes sort_eigenvalues True or False; got {self.sort_eigenvalues!r}.")
        return [ShapedArray(a.shape, a.dtype), ShapedArray(a.shape[:-1], real_dtype(a.dtype))]

    def jvp(self, primals, tangents):
        # With M = Vᴴ dA V: dw is M's diagonal, and dV = V (F ∘ M), Fᵢⱼ = 1 / (wⱼ - wᵢ) off the diagonal (Giles 2008,
        # "An extended collection of matrix derivative results", 3.1). dA is mirrored from the triangle that is read.
        [a], [da] = primals, tangents
        v, w = self(a)
        if not get_aval(a).size:
            return [v, w], [zero_of(x) for x in (v, w)]
        read = lower_triangle(da, -1) if self.is_lower else upper_triangle(da, 1)
        diagonal = diagonal_part(da)
        if is_complex(da):
            diagonal = convert(real(diagonal), get_aval(da).dtype)
        da = add(add(read, adjoint(read)), diagonal)
        turned = matmul(adjoint(v), matmul(da, v))
        factors = _reciprocal_differences(w)
        if is_complex(a):
            factors = convert(factors, get_aval(a).dtype)
        dw = real_part(diagonal_of(turned))
        return [v, w], [matmul(v, mul(factors, turned)), dw]

    def lower(self, out, a):
        aval, values = out.avals
        batch = aval.shape[:-2]
        if not aval.size:
            return [a, out.constant(0, values)]
        attributes = {"mode": "V", "uplo": "L" if self.is_lower else "U"}
        if on_cuda(out):
            ways = {EighImplementation.QR: 1, EighImplementation.JACOBI: 2}
            attributes["algorithm"] = ways.get(self.algorithm, 0)
        v, w, info = call(out, "syevd", [a], [aval], [aval, values, info_aval(batch)], batch, attributes, [(0, 0)])
        ok = succeeded(out, info, batch)
        return [or_nan(out, ok, batch, v, aval), or_nan(out, ok, batch, w, values)]

    def reference(self, a):
        from scipy.linalg import eigh  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            if not a.size:
                return a, np.zeros(0, a.real.dtype)
            w, v = eigh(a, lower=self.is_lower, driver="evd")
            return v.astype(a.dtype), w.astype(a.real.dtype)

        return list(each(one, a))

    def canonical(self, v, w):
        """An eigenvector is determined up to a number of modulus 1, which LAPACK and cuSOLVER choose otherwise."""
        return v * phases_of_columns(v), w

    @staticmethod
    def samples(array):
        yield Eigh(True, True), [array(3, 3)]
        yield Eigh(False, True), [array(2, 2, 2)]
        yield Eigh(True, False), [array(2, 2, dtype="complex64")]
        yield Eigh(True, True, None, EighImplementation.QR), [array(1, 1)]
        yield Eigh(True, True, (0, 0)), [array(0, 0)]

    @staticmethod
    def refusals(array):
        yield Eigh(True, True), [array(2, 3)], "takes square matrices"
        yield Eigh(True, True), [array(2, 2, dtype="int32")], "takes float32, float64"
        yield Eigh(True, True, None, "qr"), [array(2, 2)], "EighImplementation or None"


def _turned(v, da):
    """V⁻¹ dA V."""
    return solve_general(v, matmul(da, v))


def _moved(w, v, da):
    """dw and dV, of A V = V diag(w), where columns keep their norm and the largest component of each its phase."""
    inner = _turned(v, da)
    dv = matmul(v, mul(_reciprocal_differences(w), inner))
    axis = len(shape_of(v)) - 2
    along = reduce_sum(mul(conj(v), dv), (axis,))
    # the component that LAPACK made real, also where rounding finds another as large
    is_real = convert(eq(imag(v), 0), real_dtype(get_aval(v).dtype))
    size = mul(abs_(v), add(mul(is_real, 1e-3), 1))
    index = reshape(Argmax((axis,), np.dtype("int32"))(size), (*shape_of(v)[:-2], 1, shape_of(v)[-1]))
    turn = imag(reshape(div(take_along(dv, index, axis), take_along(v, index, axis)), shape_of(along)))
    return diagonal_of(inner), sub(dv, mul(v, as_rows(Complex()(real(along), turn), shape_of(v)[-1])))


@primitive
class Eig(MatrixPrimitive):
    """Eigenvalues and eigenvectors of any square matrix: A V = V diag(w), Uᴴ A = diag(w) Uᴴ.

    A      [..., n, n]
    gives  w complex [..., n], in no particular order; then, as asked for, the left eigenvectors U and the right ones V,
           [..., n, n], as columns of norm 1; NaN where LAPACK fails
    enable_eigvec_derivs   allows derivatives of eigenvectors: they hold where eigenvalues differ, keep norms and, as
                           LAPACK does, the largest component of each real
    implementation         an EigImplementation or None: CPUs have LAPACK

    Lowers to LAPACK's geev on CPUs.
    """

    compute_left_eigenvectors: bool
    compute_right_eigenvectors: bool
    enable_eigvec_derivs: bool = False
    implementation: object = None
    multiple_results = True
    gaps = {
        **{
            f"{i}-{law}": "eigenvectors have derivatives only where asked for"
            for i in (2, 3, 4)
            for law in _DERIVATIVES
        }
    }

    def infer(self, a):
        check_matrix("eig", a, square=True)
        if self.implementation is not None and not isinstance(self.implementation, EigImplementation):
            raise DTypeError(f"eig takes an EigImplementation or None; got {self.implementation!r}.")
        dtype = dtypes.to_complex_dtype(a.dtype) if a.dtype.kind != "c" else a.dtype
        vectors = ShapedArray(a.shape, dtype)
        count = self.compute_left_eigenvectors + self.compute_right_eigenvectors
        return [ShapedArray(a.shape[:-1], dtype), *[vectors] * count]

    def jvp(self, primals, tangents):
        # A V = V W gives, with M = V⁻¹ dA V, dw = diag(M) and dV = V (F ∘ M) + V D, Fᵢⱼ = 1 / (wⱼ - wᵢ) off the
        # diagonal (Giles 2008, 3.1). D is free: its real part, -Re diag(Vᴴ V (F ∘ M)), keeps norms, Re(vᴴ dv) being 0
        # then, and its imaginary part keeps the phase of one component of each column (Boeddeker et al. 2017,
        # arXiv:1701.00392): of the largest, which LAPACK makes real. Left eigenvectors are the right ones of Aᴴ, whose
        # eigenvalues are conj(w).
        [a], [da] = primals, tangents
        if not get_aval(a).size:
            results = self(a)
            return list(results), [zero_of(x) for x in results]
        asked = self.compute_left_eigenvectors or self.compute_right_eigenvectors
        if asked and not self.enable_eigvec_derivs:
            raise without_derivative(
                "eig with eigenvectors",
                "Eigenvectors have derivatives only where eigenvalues differ, up to a phase. Say "
                "enable_eigvec_derivs=True where that holds, or take eigenvalues alone.",
            )
        if not asked:
            w, v = Eig(False, True, True, self.implementation)(a)
            return [w], [diagonal_of(_turned(v, as_complex(da, get_aval(w).dtype)))]
        w, *vectors = self(a)
        da, slopes = as_complex(da, get_aval(w).dtype), []
        if self.compute_left_eigenvectors:
            dw, du = _moved(conj(w), vectors[0], adjoint(da))
            dw, slopes = conj(dw), [du]
        if self.compute_right_eigenvectors:
            dw, dv = _moved(w, vectors[-1], da)
            slopes.append(dv)
        return [w, *vectors], [dw, *slopes]

    def lower(self, out, a):
        [aval] = out.in_avals
        batch = aval.shape[:-2]
        w_aval = out.avals[0]
        if not aval.size:
            return [out.constant(0, x) for x in out.avals]
        vectors = w_aval.with_shape(aval.shape)
        attributes = {
            "compute_left": "V" if self.compute_left_eigenvectors else "N",
            "compute_right": "V" if self.compute_right_eigenvectors else "N",
        }
        if on_cuda(out):
            ways = {EigImplementation.MAGMA: "on", EigImplementation.LAPACK: "off"}
            attributes["magma"] = ways.get(self.implementation, "auto")
        if aval.dtype.kind == "c":
            avals = [w_aval, vectors, vectors, info_aval(batch)]
            w, left, right, info = call(out, "geev", [a], [aval], avals, batch, attributes)
        else:
            part = w_aval.with_dtype(aval.dtype)
            avals = [part, part, vectors, vectors, info_aval(batch)]
            x, y, left, right, info = call(out, "geev", [a], [aval], avals, batch, attributes)
            w = out.op("stablehlo.complex", [x, y], aval=w_aval)
        ok = succeeded(out, info, batch)
        results = [or_nan(out, ok, batch, w, w_aval)]
        if self.compute_left_eigenvectors:
            results.append(or_nan(out, ok, batch, left, vectors))
        if self.compute_right_eigenvectors:
            results.append(or_nan(out, ok, batch, right, vectors))
        return results

    def reference(self, a):
        from scipy.linalg import eig  # SciPy is for references alone, and loads in 0.2 s

        dtype = np.result_type(a.dtype, np.complex64)

        def one(a):
            if a.size:
                w, left, right = eig(a, left=True, right=True)
            else:
                w, left, right = np.zeros(0), a, a
            vectors = [left] * self.compute_left_eigenvectors + [right] * self.compute_right_eigenvectors
            return (w.astype(dtype), *[v.astype(dtype) for v in vectors])

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Eig(False, False), [array(3, 3)]
        yield Eig(False, False), [array(2, 2, 2, dtype="complex64")]
        yield Eig(True, True), [array(3, 3)]
        yield Eig(True, False), [array(2, 2)]
        yield Eig(False, True, False, EigImplementation.LAPACK), [array(2, 2, dtype="complex64")]
        yield Eig(True, True), [array(0, 0)]
        real_values = np.diag(np.float32([1, 2, 4])) + array(3, 3) * np.float32(0.1)
        yield Eig(False, True, True), [real_values.astype(np.float32)]
        yield Eig(False, False), [array(1, 1)]
        yield Eig(True, True, True), [real_values.astype(np.float32)]
        yield Eig(True, True, True), [array(2, 3, 3, dtype="complex64")]
        yield Eig(False, True, True), [np.float32([[1.1, 2.03, 0.2], [-2.9, 1.3, 0.5], [0.1, 1.07, 4.2]])]

    @staticmethod
    def refusals(array):
        yield Eig(True, True), [array(2, 3)], "takes square matrices"
        yield Eig(False, False, False, "lapack"), [array(2, 2)], "EigImplementation or None"

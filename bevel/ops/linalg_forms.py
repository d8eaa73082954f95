"""The forms of matrices on the way to eigenvalues: Schur's, Hessenberg's, and tridiagonal ones. No derivatives."""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import MissingRuleError, ShapeError
from bevel.core.primitive import primitive
from bevel.ops.lapack_calls import call, info_aval, or_nan, succeeded
from bevel.ops.matrices import MatrixPrimitive, Renamed, check_matrix, each, real_dtype, with_words

_DERIVATIVES = ("jvp", "linearize", "vjp", "second", "batch-jvp")
_NUMERICAL = ("infer", "reference", "dtypes", "jit")


def _on_cpus_alone(*positions):
    """Gaps of the samples that call LAPACK, of which the first is tried with special values."""
    laws = [f"{i}-{law}" for i in positions for law in _NUMERICAL]
    return dict.fromkeys([*laws, "0-special"], "on gpu: cuSOLVER has no such routine")


def _without_derivative(name, way):
    return MissingRuleError(f"{name} has no derivative rule. {way}")


@primitive
class Schur(MatrixPrimitive):
    """Schur's form: A = Z T Zᴴ with T upper triangular, Z unitary; of real A with 2 by 2 blocks for complex pairs.

    A      [..., n, n]
    gives  T, and Z where compute_schur_vectors; NaN where LAPACK fails

    Sorting by a callable is not written, nor derivatives. Lowers to LAPACK's gees on CPUs.
    """

    compute_schur_vectors: bool = True
    sort_eig_vals: bool = False
    select_callable: object = None
    multiple_results = True
    gaps = {**dict.fromkeys(_DERIVATIVES, "no derivative, as in JAX"), **_on_cpus_alone(0, 1, 2, 4)}

    def infer(self, a):
        check_matrix("schur", a, square=True)
        if self.sort_eig_vals or self.select_callable is not None:
            raise MissingRuleError(
                "schur does not sort eigenvalues so far: leave sort_eig_vals and select_callable out."
            )
        return [ShapedArray(a.shape, a.dtype)] * (1 + self.compute_schur_vectors)

    def jvp(self, primals, tangents):
        raise _without_derivative("schur", "A function of the eigenvalues may use eig or eigh.")

    def lower(self, out, a):
        [aval] = out.in_avals
        batch = aval.shape[:-2]
        if not aval.size:
            return [a] * len(out.avals)
        values = aval.with_shape(aval.shape[:-1])
        avals = [aval, aval, *[values] * (1 if aval.dtype.kind == "c" else 2), info_aval(batch), info_aval(batch)]
        attributes = {"mode": "V" if self.compute_schur_vectors else "N", "sort": "N"}
        t, z, *_, info = call(out, "gees", [a], [aval], avals, batch, attributes, [(0, 0)])
        ok = succeeded(out, info, batch)
        return [or_nan(out, ok, batch, x, aval) for x in (t, z)][: len(out.avals)]

    def reference(self, a):
        from scipy.linalg import schur  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            t, z = schur(a, output="complex" if np.iscomplexobj(a) else "real") if a.size else (a, a)
            return (t.astype(a.dtype), z.astype(a.dtype))[: 1 + self.compute_schur_vectors]

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Schur(), [array(3, 3)]
        yield Schur(False), [array(2, 2, 2)]
        yield Schur(), [array(2, 2, dtype="complex64")]
        yield Schur(), [array(0, 0)]
        yield Schur(), [array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Schur(), [array(2, 3)], "takes square matrices"


@primitive
class Hessenberg(MatrixPrimitive):
    """The reduction A = Q H Qᴴ to Hessenberg's form, as LAPACK packs it.

    A      [..., n, n]
    gives  H on and above the first subdiagonal, and below it the reflections that make up Q; their factors [..., n-1]

    No derivative. Lowers to LAPACK's gehrd on CPUs.
    """

    multiple_results = True
    gaps = {**dict.fromkeys(_DERIVATIVES, "no derivative, as in JAX"), **_on_cpus_alone(0, 1)}

    def infer(self, a):
        check_matrix("hessenberg", a, square=True)
        if not a.shape[-1]:
            raise ShapeError(f"hessenberg takes matrices of at least one row; got {a.str_short()}.")
        return [ShapedArray(a.shape, a.dtype), ShapedArray((*a.shape[:-2], a.shape[-1] - 1), a.dtype)]

    def jvp(self, primals, tangents):
        raise _without_derivative("hessenberg", "A function of the eigenvalues may use eig or eigh.")

    def lower(self, out, a):
        aval, taus_aval = out.avals
        *batch, n, _ = aval.shape
        batch = tuple(batch)
        if not taus_aval.size:
            return [a, out.constant(0, taus_aval)]
        avals = [aval, taus_aval, info_aval(batch)]
        h, taus, info = call(out, "gehrd", [a], [aval], avals, batch, {"low": 1, "high": n}, [(0, 0)])
        ok = succeeded(out, info, batch)
        return [or_nan(out, ok, batch, h, aval), or_nan(out, ok, batch, taus, taus_aval)]

    def reference(self, a):
        from scipy.linalg.lapack import get_lapack_funcs  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            if a.shape[0] == 1:
                return a, np.zeros(0, a.dtype)
            [gehrd] = get_lapack_funcs(("gehrd",), (a,))
            h, taus, _ = gehrd(a)
            return h.astype(a.dtype), taus.astype(a.dtype)

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Hessenberg(), [array(4, 4)]
        yield Hessenberg(), [array(2, 3, 3, dtype="complex64")]
        yield Hessenberg(), [array(1, 1)]
        yield Hessenberg(), [array(0, 2, 2)]

    @staticmethod
    def refusals(array):
        yield Hessenberg(), [array(2, 3)], "takes square matrices"
        yield Hessenberg(), [array(0, 0)], "at least one row"


@with_words
@primitive
class Tridiagonal(Renamed):
    """The reduction A = Q T Qᴴ of a Hermitian matrix to a real tridiagonal one, as LAPACK packs it.

    A      [..., n, n], of which one triangle is read
    gives  the packed reflections [..., n, n], T's diagonal [..., n] and off-diagonal [..., n-1], both real, and the
           reflections' factors [..., n-1]

    No derivative. Lowers to LAPACK's sytrd (hetrd) on CPUs.
    """

    is_lower: bool = True
    multiple_results = True
    gaps = dict.fromkeys(_DERIVATIVES, "no derivative, as in JAX")

    def infer(self, a):
        check_matrix("tridiagonal", a, square=True)
        *batch, n, _ = a.shape
        if not n:
            raise ShapeError(f"tridiagonal takes matrices of at least one row; got {a.str_short()}.")
        real_ = real_dtype(a.dtype)
        return [
            ShapedArray(a.shape, a.dtype),
            ShapedArray((*batch, n), real_),
            ShapedArray((*batch, n - 1), real_),
            ShapedArray((*batch, n - 1), a.dtype),
        ]

    def jvp(self, primals, tangents):
        raise _without_derivative("tridiagonal", "A function of the eigenvalues may use eigh.")

    def lower(self, out, a):
        aval = out.avals[0]
        batch = aval.shape[:-2]
        if not aval.size:
            return [a, *[out.constant(0, x) for x in out.avals[1:]]]
        avals = [*out.avals, info_aval(batch)]
        if aval.shape[-1] == 1:
            value = out.reshape(a, aval.with_shape(aval.shape[:-1]))
            if aval.dtype.kind == "c":
                value = out.op("stablehlo.real", [value], aval=out.avals[1])
            return [a, value, *[out.constant(0, x) for x in out.avals[2:]]]
        attributes = {"uplo": "L" if self.is_lower else "U"}
        *values, info = call(out, "sytrd", [a], [aval], avals, batch, attributes, [(0, 0)])
        ok = succeeded(out, info, batch)
        return [or_nan(out, ok, batch, v, x) for v, x in zip(values, out.avals, strict=True)]

    def reference(self, a):
        from scipy.linalg.lapack import get_lapack_funcs  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            if a.shape[0] == 1:
                none = np.zeros(0, a.dtype)
                return a, a[0].real, none.real, none
            [sytrd] = get_lapack_funcs(("hetrd" if np.iscomplexobj(a) else "sytrd",), (a,))
            packed, d, e, taus, _ = sytrd(a, lower=self.is_lower)
            return packed.astype(a.dtype), d.astype(a.real.dtype), e.astype(a.real.dtype), taus.astype(a.dtype)

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Tridiagonal(True), [array(4, 4)]
        yield Tridiagonal(False), [array(2, 3, 3)]
        yield Tridiagonal(True), [array(3, 3, dtype="complex64")]
        yield Tridiagonal(True), [array(1, 1)]
        yield Tridiagonal(True), [array(0, 2, 2)]

    @staticmethod
    def refusals(array):
        yield Tridiagonal(True), [array(2, 3)], "takes square matrices"
        yield Tridiagonal(True), [array(0, 0)], "at least one row"

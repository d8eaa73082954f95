"""Products of Householder reflections: as a matrix, and applied to one."""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import MissingRuleError, ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.lapack_calls import call, repeated
from bevel.ops.matrices import MatrixPrimitive, Renamed, check_dtype, check_matrix, conjugate, each, with_words

_DERIVATIVES = ("jvp", "linearize", "vjp", "second", "batch-jvp")
_SKIPPED = {"0-special": "on cpu: LAPACK leaves out what a factor of 0 multiplies, NaN and infinity too"}


def _without_derivative(name):
    return MissingRuleError(f"{name} has no derivative rule in the reflections. Differentiate qr, which has one.")


@primitive
class Geqrf(MatrixPrimitive):
    """The decomposition A = Q R as LAPACK packs it: R, and below its diagonal the reflections that make up Q.

    A      [..., m, n]
    gives  packed [..., m, n], and the reflections' factors [..., min(m, n)]

    No derivative. Lowers to LAPACK's geqrf on CPUs.
    """

    multiple_results = True
    gaps = {
        **dict.fromkeys(_DERIVATIVES, "no derivative, as in JAX: differentiate qr"),
        "0-special": "on gpu: cuSOLVER takes a column with NaN for one that needs no reflection",
    }

    def infer(self, a):
        check_matrix("geqrf", a)
        *batch, m, n = a.shape
        return [ShapedArray(a.shape, a.dtype), ShapedArray((*batch, min(m, n)), a.dtype)]

    def jvp(self, primals, tangents):
        raise _without_derivative("geqrf")

    def lower(self, out, a):
        aval, taus = out.avals
        if not aval.size:
            return [a, out.constant(0, taus)]
        return call(out, "geqrf", [a], [aval], [aval, taus], aval.shape[:-2], {}, [(0, 0)])

    def reference(self, a):
        from scipy.linalg.lapack import get_lapack_funcs  # SciPy is for references alone, and loads in 0.2 s

        def one(a):
            if not a.size:
                return a, np.zeros(0, a.dtype)
            [geqrf] = get_lapack_funcs(("geqrf",), (a,))
            packed, taus, _, _ = geqrf(a)
            return packed.astype(a.dtype), taus.astype(a.dtype)

        return list(each(one, a))

    @staticmethod
    def samples(array):
        yield Geqrf(), [array(3, 2)]
        yield Geqrf(), [array(2, 2, 3, dtype="complex64")]
        yield Geqrf(), [array(0, 2)]
        yield Geqrf(), [array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Geqrf(), [array(3)], "takes matrices"


@primitive
class HouseholderProduct(MatrixPrimitive):
    """The first n columns of H₁ H₂ … H_k, where Hᵢ = 1 - τᵢ vᵢ vᵢᴴ and vᵢ is column i of A below its diagonal's 1.

    A     [..., m, n] with m >= n, what is on and above its diagonal is not read
    taus  [..., k] with k <= n

    Lowers to LAPACK's orgqr on CPUs. It has no derivative rule, as in JAX: differentiate `qr`.
    """

    gaps = dict.fromkeys(_DERIVATIVES, "no derivative, as in JAX: differentiate qr") | _SKIPPED

    def infer(self, a, taus):
        check_matrix("householder_product", a)
        check_dtype("householder_product", a, taus)
        m, n = a.shape[-2:]
        if m < n:
            raise ShapeError(
                f"householder_product takes matrices with at least as many rows as columns; got {a.str_short()}."
            )
        if len(taus.shape) != len(a.shape) - 1 or taus.shape[:-1] != a.shape[:-2] or taus.shape[-1] > n:
            raise ShapeError(
                f"householder_product of {a.str_short()} needs taus [..., k] with k <= {n} and the same batch axes; "
                f"got {taus.str_short()}."
            )
        return a

    def jvp(self, primals, tangents):
        raise _without_derivative("householder_product")

    def lower(self, out, a, taus):
        a_aval, taus_aval = out.in_avals
        return householder_product(out, a, a_aval, taus, taus_aval)

    def reference(self, a, taus):
        cells = [_reflections(a[i], taus[i]) for i in np.ndindex(*a.shape[:-2])]
        return np.stack(cells).reshape(a.shape) if cells else a

    @staticmethod
    def samples(array):
        yield HouseholderProduct(), [array(3, 2), array(2)]
        yield HouseholderProduct(), [array(2, 3, 3), array(2, 3)]
        yield HouseholderProduct(), [array(3, 3, dtype="complex64"), array(2, dtype="complex64")]
        yield HouseholderProduct(), [array(2, 0), array(0)]
        yield HouseholderProduct(), [array(1, 1), array(1)]

    @staticmethod
    def refusals(array):
        yield HouseholderProduct(), [array(2, 3), array(2)], "as many rows as columns"
        yield HouseholderProduct(), [array(3, 2), array(3)], "k <= 2"
        yield HouseholderProduct(), [array(3), array(3)], "takes matrices"


def _reflections(a, taus):
    m, n = a.shape
    product = np.eye(m, dtype=a.dtype)
    for i, tau in enumerate(taus):
        v = np.concatenate([np.zeros(i), [1], a[i + 1 :, i]]).astype(a.dtype)
        product = product @ (np.eye(m, dtype=a.dtype) - tau * np.outer(v, v.conj()))
    return product[:, :n].astype(a.dtype)


def householder_product(out, a, a_aval, taus, taus_aval):
    batch = a_aval.shape[:-2]
    if not a_aval.size:
        return a
    if not taus_aval.size:
        return repeated(out, np.eye(*a_aval.shape[-2:]), a_aval)
    return call(out, "orgqr", [a, taus], [a_aval, taus_aval], [a_aval], batch, {}, [(0, 0)])[0]


@with_words
@primitive
class Ormqr(Renamed):
    """Q C, Qᴴ C, C Q or C Qᴴ, without writing Q = H₁ H₂ … H_k out.

    a          [..., m, n], the reflections as `qr` packs them: vᵢ below the diagonal's 1 in column i
    taus       [..., k], k <= n <= m, their factors
    c          [..., m, p] (left) or [..., p, m]
    transpose  Qᴴ in the place of Q

    Linear in c; no derivative in the reflections. Lowers to LAPACK's ormqr (unmqr) on CPUs.
    """

    left: bool = True
    is_transposed: bool = False
    gaps = dict.fromkeys(_DERIVATIVES, "no derivative in the reflections: differentiate qr") | _SKIPPED

    def infer(self, a, taus, c):
        check_matrix("ormqr", a)
        check_matrix("ormqr", c)
        check_dtype("ormqr", a, taus, c)
        m, n = a.shape[-2:]
        batch = a.shape[:-2]
        if taus.shape[:-1] != batch or not taus.shape or taus.shape[-1] > n or n > m:
            raise ShapeError(
                f"ormqr of {a.str_short()} needs taus [..., k] with k <= {n} <= {m} and the same batch axes; got "
                f"{taus.str_short()}."
            )
        axis = -2 if self.left else -1
        if c.shape[:-2] != batch or c.shape[axis] != m:
            what = "rows" if self.left else "columns"
            raise ShapeError(
                f"ormqr of {a.str_short()} needs c with {m} {what} and the same batch axes; got {c.str_short()}."
            )
        return c

    def jvp(self, primals, tangents):
        a, taus, c = primals
        if not (is_zero(tangents[0]) and is_zero(tangents[1])):
            raise _without_derivative("ormqr")
        result = self(a, taus, c)
        return result, Zero(get_aval(result)) if is_zero(tangents[2]) else self(a, taus, tangents[2])

    def transpose(self, ct, a, taus, c):
        # the transpose of C → Q C is C → Qᵀ C = conj(Qᴴ conj(C)), and so for the other three
        assert is_linear(c)
        swapped = Ormqr(self.left, not self.is_transposed)
        return [None, None, conjugate(swapped(a, taus, conjugate(ct)))]

    def lower(self, out, a, taus, c):
        _, taus_aval, aval = out.in_avals
        if not aval.size or not taus_aval.size:
            return c
        attributes = {"left": bool(self.left), "transpose": bool(self.is_transposed)}
        return call(out, "ormqr", [a, taus, c], list(out.in_avals), [aval], aval.shape[:-2], attributes, [(0, 2)])[0]

    def reference(self, a, taus, c):
        def whole(a, taus):
            m, n = a.shape
            q = _reflections(np.concatenate([a, np.zeros((m, m - n), a.dtype)], 1), taus)
            return q.conj().T if self.is_transposed else q

        if not c.size:
            return c
        qs = np.stack([whole(a[i], taus[i]) for i in np.ndindex(*a.shape[:-2])]).reshape(*a.shape[:-1], a.shape[-2])
        return (qs @ c if self.left else c @ qs).astype(c.dtype)

    @staticmethod
    def samples(array):
        yield Ormqr(True, False), [array(3, 2), array(2), array(3, 4)]
        yield Ormqr(False, True), [array(2, 3, 3), array(2, 2), array(2, 1, 3)]
        yield (
            Ormqr(True, True),
            [array(3, 2, dtype="complex64"), array(2, dtype="complex64"), array(3, 1, dtype="complex64")],
        )
        yield Ormqr(True, False), [array(2, 0), array(0), array(2, 2)]
        yield Ormqr(True, False), [array(1, 1), array(1), array(1, 1)]

    @staticmethod
    def refusals(array):
        yield Ormqr(), [array(3, 2), array(2), array(2, 2)], "needs c with 3 rows"
        yield Ormqr(False), [array(3, 2), array(2), array(2, 2)], "needs c with 3 columns"
        yield Ormqr(), [array(3, 2), array(3), array(3, 2)], "k <= 2"


__all__ = ["Geqrf", "HouseholderProduct", "Ormqr", "householder_product"]

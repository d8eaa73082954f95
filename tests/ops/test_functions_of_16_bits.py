"""Functions of bfloat16 and float16 that CPUs compute in float32, of each number that there is."""

import numpy as np
import pytest
import scipy.special

import bevel
import bevel.numpy as jnp
from bevel import lax

EXACT = {
    "sinh": np.sinh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "log1p": np.log1p,
    "erf_inv": scipy.special.erfinv, "bessel_i0e": scipy.special.i0e, "bessel_i1e": scipy.special.i1e,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", EXACT)
def test_the_result_is_rounded_once(name, dtype):
    x = np.arange(1 << 16, dtype=np.uint16).view(getattr(jnp, dtype))
    got = np.asarray(bevel.jit(getattr(lax, name))(x))
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64)).astype(np.float32)
        tiny = float(jnp.finfo(x.dtype).tiny)
        is_normal = ~(abs(x.astype(np.float64)) < tiny) & ~(abs(exact) < tiny)  # XLA takes what is below for zero
        nearest = exact.astype(x.dtype)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(np.isnan(got[is_normal]), np.isnan(exact[is_normal]))
    found, wanted = [a[is_normal & ~np.isnan(exact)].astype(np.float64) for a in (got, nearest)]
    is_infinite = np.isinf(wanted) | np.isinf(found)
    np.testing.assert_array_equal(found[is_infinite], wanted[is_infinite])
    found, wanted = found[~is_infinite], wanted[~is_infinite]
    errors = abs(found - wanted) / np.spacing(abs(wanted).astype(np.float32)) / 2.0 ** (23 - jnp.finfo(x.dtype).nmant)
    assert np.count_nonzero(errors) <= 0.005 * errors.size and errors.max() <= 1
    np.testing.assert_array_equal(np.signbit(got[:1]), np.signbit(nearest[:1]))

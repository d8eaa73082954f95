"""jsp.fft beside SciPy's."""

import numpy as np
import pytest
import scipy.fft as reference

import bevel
import bevel.numpy as jnp
from bevel.scipy import fft
from bevel.testing import check_grads

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_is_scipys(kind, norm):
    for n in (2, 3, 6) if kind == 1 else (1, 2, 5, 6):
        x = RNG.standard_normal((2, n)).astype("float32")
        for name in ("dct", "idct"):
            got = getattr(fft, name)(x, type=kind, norm=norm)
            assert got.dtype == "float32"
            np.testing.assert_allclose(got, getattr(reference, name)(x, kind, norm=norm), rtol=1e-4, atol=1e-4)


def test_axes_lengths_and_dtypes():
    x = RNG.standard_normal((3, 4, 5)).astype("float32")
    for name in ("dctn", "idctn"):
        for case in ({}, {"axes": (0, 2)}, {"s": (2, 6)}, {"s": (7,), "axes": (1,)}):
            got = getattr(fft, name)(x, **case, norm="ortho")
            np.testing.assert_allclose(got, getattr(reference, name)(x, **case, norm="ortho"), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fft.dct(x, n=3, axis=1), reference.dct(x, n=3, axis=1), rtol=1e-4, atol=1e-4)
    z = (x + 1j * x[::-1]).astype("complex64")
    np.testing.assert_allclose(fft.idct(z), reference.idct(z), rtol=1e-4, atol=1e-4)
    assert fft.dct(jnp.ones(4, "float16")).dtype == "float32"
    assert fft.dct(jnp.ones(4, "int32")).dtype == "float32"
    with bevel.enable_x64(True):
        assert fft.dct(np.ones(4)).dtype == "float64"
    assert fft.dct(jnp.ones((0, 3))).shape == (0, 3)


def test_derivatives():
    x = jnp.asarray(RNG.standard_normal((2, 5)))
    check_grads(lambda x: fft.idct(fft.dct(x) ** 2, axis=0), (x,), order=2, rtol=2e-2)
    np.testing.assert_allclose(bevel.vmap(fft.dct, in_axes=1)(x), fft.dct(x.T), rtol=1e-5, atol=1e-5)


def test_refusals():
    with pytest.raises(NotImplementedError, match="types 1, 2, 3 and 4"):
        fft.dct(jnp.ones(3), type=5)
    with pytest.raises(ValueError, match="norm='x' is not implemented"):
        fft.idct(jnp.ones(3), norm="x")
    with pytest.raises(ValueError, match="at least 2 places"):
        fft.dct(jnp.ones(1), type=1)
    with pytest.raises(ValueError, match="s must|lengths s"):
        fft.dctn(jnp.ones((3, 4)), s=(2, 2, 2))

"""jsp.linalg beside SciPy's: named matrices, functions of matrices, Sylvester's equation, derivatives, refusals."""

import numpy as np
import pytest
import scipy.linalg as reference

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.scipy import linalg
from bevel.testing import check_grads

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers():
    """Each test draws the same numbers, whatever ran before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def real(*shape):
    return RNG.standard_normal(shape).astype("float32")


def close(got, expected, tolerance=1e-4):
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * max(np.abs(expected).max(initial=0), 1))


SIZED = [
    ("pascal", 6, {}), ("pascal", 5, {"kind": "lower"}), ("pascal", 5, {"kind": "upper"}), ("pascal", 0, {}),
    ("invpascal", 6, {}), ("invpascal", 4, {"kind": "lower"}), ("invpascal", 4, {"kind": "upper"}),
    ("invhilbert", 6, {}), ("hilbert", 4, {}), ("hadamard", 1, {}), ("hadamard", 8, {}), ("helmert", 5, {}),
    ("helmert", 4, {"full": True}), ("dft", 5, {}), ("dft", 4, {"scale": "sqrtn"}), ("dft", 3, {"scale": "n"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "n", "options"), SIZED)
def test_matrices_of_a_size(name, n, options):
    expected = getattr(reference, name)(n, **options)
    got = getattr(linalg, name)(n, **options)
    assert got.dtype == {"hadamard": "int32", "dft": "complex64"}.get(name, "float32")
    close(got, np.asarray(expected, got.dtype), 1e-6)


def test_matrices_of_vectors():
    for n in (2, 3, 4, 6, 7):
        a = real(2, n) + 2
        close(linalg.companion(a), np.stack([reference.companion(row) for row in a]), 1e-5)
        close(linalg.fiedler(a), np.stack([reference.fiedler(row) for row in a]), 1e-5)
        if n > 2:  # SciPy wants more coefficients
            close(linalg.fiedler_companion(a), np.stack([reference.fiedler_companion(row) for row in a]), 1e-5)
        close(linalg.leslie(a, a[:, 1:]), np.stack([reference.leslie(row, row[1:]) for row in a]), 1e-5)
        for mode in ("full", "same", "valid"):
            for columns in (1, 3, 8):
                expected = reference.convolution_matrix(a[0], columns, mode)
                close(linalg.convolution_matrix(a[0], columns, mode), expected, 1e-6)
    assert linalg.fiedler_companion(jnp.ones(1)).shape == (0, 0)


def spd(n):
    a = real(n, n)
    return a @ a.T + n * np.eye(n, dtype="float32")


def test_square_root():
    for a in (real(5, 5), spd(4), real(3, 3) + 1j * real(3, 3), np.array([[0.0, 1], [-1, 0]]), np.zeros((2, 2))):
        a = a.astype("complex64" if np.iscomplexobj(a) else "float32")
        x = linalg.sqrtm(a)
        assert x.dtype == "complex64"
        close(x @ x, a)
        assert (np.linalg.eigvals(x).real > -1e-6).all()
    assert np.isnan(linalg.sqrtm(jnp.array([[0.0, 1.0], [0.0, 0.0]]))).any()
    check_grads(linalg.sqrtm, (jnp.asarray(spd(3)),), order=2)
    both = np.stack([spd(3), 4 * np.eye(3)])
    close(linalg.sqrtm(both), np.stack([linalg.sqrtm(x) for x in both]))


def test_function_of_a_matrix():
    a = real(5, 5)
    close(linalg.funm(a, jnp.exp), reference.expm(a), 1e-3)
    close(linalg.funm(np.diag([2.0, 2.0, 3.0]).astype("float32"), jnp.sin), np.diag(np.sin([2, 2, 3.0])))
    result, error = linalg.funm(a, jnp.sin, disp=False)
    close(result, reference.sinm(a), 1e-3)
    assert 0 < error < 1e-3


def test_complex_form():
    for n in (1, 2, 6):
        a = real(n, n)
        t, z = linalg.schur(a)
        s, u = linalg.rsf2csf(t, z)
        close(u @ s @ np.conj(u).T, a)
        close(u @ np.conj(u).T, np.eye(n))
        assert not np.tril(s, -1).any()
        if n > 1:
            close(s, reference.rsf2csf(t, z)[0])


@pytest.mark.parametrize("method", ["schur", "eigen"])
def test_sylvester(method):
    a, b, c = real(3, 3), real(2, 4, 4), real(3, 4)
    x = linalg.solve_sylvester(a, b, c, method=method)
    close(a @ x + x @ b, np.broadcast_to(c, (2, 3, 4)), 1e-3)
    z = linalg.solve_sylvester(a + 1j * a.T, b[0], c, method=method)
    close((a + 1j * a.T) @ z + z @ b[0], c, 1e-3)
    assert np.isnan(linalg.solve_sylvester(jnp.eye(2), -jnp.eye(3), jnp.ones((2, 3)), method=method)).all()
    solve = lambda a, b, c: linalg.solve_sylvester(a, b, c, method=method)
    small = [jnp.asarray(x) for x in (real(2, 2) + 3 * np.eye(2), real(2, 2) + 3 * np.eye(2), real(2, 2))]
    check_grads(solve, small, order=2 if method == "schur" else 1)


def test_exponentials_derivative():
    a, e = real(2, 4, 4), real(2, 4, 4)
    expected = [reference.expm_frechet(a[i].astype(float), e[i].astype(float)) for i in range(2)]
    value, derivative = linalg.expm_frechet(a, e)
    close(value, np.stack([x for x, _ in expected]))
    close(derivative, np.stack([x for _, x in expected]))
    close(linalg.expm_frechet(a, e, compute_expm=False), derivative)


@pytest.mark.parametrize("method", ["qdwh", "svd"])
def test_polar(method):
    for a, side in ((real(5, 3), "right"), (real(3, 5), "left"), (real(4, 4) + 1j * real(4, 4), "left")):
        u, p = linalg.polar(a, side, method=method)
        for got, expected in zip((u, p), reference.polar(a, side), strict=True):
            close(got, expected)
    u, _ = linalg.polar(real(2, 3, 2), method=method)
    close(u.mT @ u, np.stack([np.eye(2)] * 2))


@pytest.mark.slow
def test_polar_derivatives():
    tall = jnp.asarray(real(3, 2))
    check_grads(linalg.polar, (tall,), order=2)
    check_grads(lambda x: linalg.polar(x, method="svd"), (tall,), order=2)
    check_grads(linalg.polar, (2 * jnp.eye(2),), order=2)  # equal singular values are no harm


def test_qdwh():
    a = np.diag([1, 1e-3, 1e-6]).astype("float32") @ reference.orth(real(3, 3))
    u, h, steps, converged = lax.linalg.qdwh(a)
    close(u, reference.polar(a)[0])
    close(u @ h, a, 1e-5)
    assert converged
    assert steps <= 6
    assert not lax.linalg.qdwh(a, max_iterations=1)[3]
    inner = lax.linalg.qdwh(jnp.ones((4, 3)), dynamic_shape=(3, 2))
    close(inner[1][:2, :2], lax.linalg.qdwh(jnp.ones((3, 2)))[1])
    assert not inner[0][3].any()


def test_qr_multiply():
    for shape in ((4, 3), (3, 4), (3, 3)):
        a = real(*shape) + 1j * real(*shape)
        for mode in ("left", "right"):
            for conjugate in (False, True):
                c = real(min(shape), 2) if mode == "left" else real(2, shape[0])
                case = {"mode": mode, "conjugate": conjugate}
                expected = reference.qr_multiply(a, c, **case, pivoting=True)
                got = linalg.qr_multiply(a, c, **case, pivoting=True)
                for x, y in zip(got, expected, strict=True):
                    close(x, y)
    assert linalg.qr_multiply(jnp.ones((3, 2)), jnp.ones(3))[0].shape == (2,)


def test_ormqr():
    a, c = real(2, 4, 3) + 1j * real(2, 4, 3), real(2, 4, 2).astype("complex64")
    packed, taus = jnp.linalg.qr(a, mode="raw")
    q = jnp.linalg.qr(a, mode="complete")[0]
    close(lax.linalg.ormqr(packed.mT, taus, c), q @ c)
    close(lax.linalg.ormqr(packed.mT, taus, c, transpose=True), np.conj(q).mT @ c)
    close(lax.linalg.ormqr(packed.mT, taus, c.mT, left=False), c.mT @ q)


def test_tridiagonal_eigenvalues():
    d, e = real(9), real(8)
    expected = reference.eigh_tridiagonal(d, e, eigvals_only=True)
    close(linalg.eigh_tridiagonal(d, e, eigvals_only=True), expected, 1e-5)
    chosen = linalg.eigh_tridiagonal(d, e, eigvals_only=True, select="i", select_range=(2, 4))
    close(chosen, expected[2:5], 1e-5)
    w, v = linalg.eigh_tridiagonal(d, e * 1j, select="i", select_range=(7, 8))
    whole = np.diag(d) + np.diag(e * 1j, -1) + np.diag(e * -1j, 1)
    close(whole @ v, v * w, 1e-4)
    close(linalg.eigh_tridiagonal(jnp.zeros(3), jnp.zeros(2), eigvals_only=True), np.zeros(3), 1e-30)
    close(linalg.eigh_tridiagonal(jnp.ones(1), jnp.ones(0), eigvals_only=True), np.ones(1), 1e-6)
    assert abs(linalg.eigh_tridiagonal(d, e, eigvals_only=True, tol=0.1) - expected).max() < 0.1
    apart, beside = jnp.arange(5.0), jnp.array([0.5, -0.4, 0.3, 0.6])
    check_grads(lambda d, e: linalg.eigh_tridiagonal(d, e, eigvals_only=True), (apart, beside), order=2)
    with bevel.enable_x64(True):
        d, e = RNG.standard_normal(40), RNG.standard_normal(39)
        close(linalg.eigh_tridiagonal(d, e, eigvals_only=True), reference.eigh_tridiagonal(d, e, True), 1e-13)


REFUSED = [
    (lambda: linalg.companion(jnp.ones(1)), "must be at least 2"),
    (lambda: linalg.fiedler_companion(jnp.ones(0)), "nonzero length"),
    (lambda: linalg.leslie(jnp.ones(3), jnp.ones(3)), "one less than"),
    (lambda: linalg.convolution_matrix(jnp.ones(3), 0), "positive integer"),
    (lambda: linalg.convolution_matrix(jnp.ones(3), 2, "x"), "mode must be one of"),
    (lambda: linalg.hadamard(3), "positive power of 2"),
    (lambda: linalg.helmert(0), "positive integer"),
    (lambda: linalg.pascal(3, "x"), "expected kind"),
    (lambda: linalg.dft(3, "x"), "scale must be"),
    (lambda: linalg.dft(3, dtype="float32"), "must be a complex"),
    (lambda: linalg.sqrtm(jnp.eye(2), blocksize=2), "no blocked version"),
    (lambda: linalg.funm(jnp.ones((2, 2, 2)), jnp.exp), "expected square"),
    (lambda: linalg.rsf2csf(jnp.ones((2, 3)), jnp.eye(2)), "must be square"),
    (lambda: linalg.solve_sylvester(jnp.eye(2), jnp.eye(3), jnp.ones((3, 2))), "Incompatible shapes"),
    (lambda: linalg.solve_sylvester(jnp.eye(2), jnp.eye(2), jnp.eye(2), method="x"), "Unrecognized method"),
    (lambda: linalg.expm_frechet(jnp.eye(2), jnp.eye(3)), "to be the same shape"),
    (lambda: linalg.polar(jnp.ones((2, 3))), "Say method='svd'"),
    (lambda: linalg.polar(jnp.ones((3, 2)), method="x"), "takes method"),
    (lambda: linalg.qr_multiply(jnp.ones((3, 2)), jnp.ones((5, 5))), "Q has 3 rows"),
    (lambda: linalg.eigh_tridiagonal(jnp.ones(3), jnp.ones(3)), "shape .n-1."),
    (lambda: linalg.eigh_tridiagonal(jnp.ones(3), jnp.ones(2), select="v"), "not implemented"),
    (lambda: linalg.eigh_tridiagonal(jnp.ones(3, int), jnp.ones(2, int)), "Only float32 and float64"),
    (lambda: lax.linalg.qdwh(jnp.ones((2, 3))), "must have M >= N"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_refusals(call, words):
    with pytest.raises((TypeError, ValueError, NotImplementedError), match=words):
        call()

"""jnp.linalg means what NumPy's linalg means: eagerly, under jit, batched; with slopes that are differences."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.numpy import linalg


def numbers(*shape, dtype="float32"):
    """Short decimals, the same at each run."""
    rng = np.random.default_rng(sum(shape) + len(shape) + len(dtype))
    values = np.round(rng.uniform(-3, 3, shape), 2)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * np.round(rng.uniform(-3, 3, shape), 2)
    return np.asarray(values).astype(dtype)


def leaves(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def assert_same(ours, numpys, *, tolerance):
    """Shapes, values and kinds of dtype agree."""
    for mine, theirs in zip(leaves(ours), leaves(numpys), strict=True):
        mine, theirs = np.asarray(mine), np.asarray(theirs)
        assert mine.shape == theirs.shape
        assert mine.dtype.kind == theirs.dtype.kind
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * max(1, np.abs(theirs).max(initial=0)))


SQUARE = numbers(4, 4) + 2 * np.eye(4, dtype=np.float32)
COMPLEX = numbers(3, 3, dtype="complex64")
TALL, WIDE, VECTOR = numbers(5, 3), numbers(3, 5), numbers(4)
BATCH = numbers(2, 3, 3)
SYMMETRIC = SQUARE + SQUARE.T
DEFINITE = (SQUARE @ SQUARE.T + np.eye(4)).astype(np.float32)

ROWS = [
    *[("det", (x,), {}) for x in (SQUARE, COMPLEX, BATCH, numbers(2, 2), numbers(1, 1), np.zeros((0, 0), np.float32))],
    *[("slogdet", (x,), {}) for x in (SQUARE, COMPLEX, BATCH, -np.eye(3, dtype=np.float32))],
    *[("inv", (x,), {}) for x in (SQUARE, COMPLEX, BATCH)],
    ("solve", (SQUARE, VECTOR), {}),
    ("solve", (SQUARE, numbers(4, 2)), {}),
    ("solve", (SQUARE, numbers(2, 4, 3)), {}),
    ("solve", (BATCH, numbers(3, 2)), {}),
    ("cholesky", (DEFINITE,), {}),
    ("eigvalsh", (SYMMETRIC,), {}),
    *[("svd", (x,), {"compute_uv": False}) for x in (TALL, WIDE, BATCH, COMPLEX)],
    *[("pinv", (x,), {}) for x in (TALL, WIDE, COMPLEX, BATCH)],
    *[("matrix_rank", (x,), {}) for x in (TALL, np.ones((3, 3), np.float32), VECTOR, BATCH)],
    *[("matrix_power", (SQUARE, n), {}) for n in (-2, 0, 1, 5)],
    *[("norm", (x,), {}) for x in (VECTOR, TALL, BATCH, COMPLEX)],
    *[("norm", (VECTOR,), {"ord": o}) for o in (0, 1, 2, 3, 0.5, np.inf, -np.inf)],
    *[("norm", (TALL,), {"ord": o}) for o in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)],
    *[("norm", (BATCH,), {"ord": o, "axis": (0, 2), "keepdims": True}) for o in (None, "nuc", 1, np.inf)],
    ("norm", (BATCH,), {"axis": 1}),
    ("norm", (BATCH,), {"axis": -1, "keepdims": True}),
    *[("cond", (SQUARE,), {"p": p}) for p in (None, 2, -2, 1, "fro", np.inf)],
    ("multi_dot", ([VECTOR, SQUARE, SYMMETRIC, VECTOR],), {}),
    ("multi_dot", ([TALL, WIDE, TALL],), {}),
    ("tensorinv", (numbers(4, 6, 8, 3) + 3 * np.eye(24, dtype=np.float32).reshape(4, 6, 8, 3),), {}),
    ("tensorsolve", (np.eye(6, dtype=np.float32).reshape(2, 3, 6), numbers(2, 3)), {}),
]


@pytest.mark.parametrize("name, args, kwargs", ROWS, ids=[f"{i}-{row[0]}" for i, row in enumerate(ROWS)])
def test_means_what_numpy_means(name, args, kwargs):
    expected = getattr(np.linalg, name)(*args, **kwargs)
    function = getattr(linalg, name)
    assert_same(function(*args, **kwargs), expected, tolerance=2e-3)
    if isinstance(args[0], np.ndarray):
        jitted = bevel.jit(lambda x: function(x, *args[1:], **kwargs))
        assert_same(jitted(args[0]), expected, tolerance=2e-3)
        if name not in ("tensorinv", "tensorsolve", "multi_dot") and args[0].ndim == 2 and args[0].size:
            one = bevel.vmap(lambda x: function(x, *args[1:], **kwargs))(np.stack([args[0], args[0]]))
            for got, wanted in zip(leaves(one), leaves(expected), strict=True):
                assert_same(got, np.stack([wanted, wanted]), tolerance=2e-3)


def test_decompositions_give_named_results_that_make_up_the_matrix():
    u, s, vh = linalg.svd(TALL, full_matrices=False)
    assert np.allclose(np.asarray(u * s @ vh), TALL, atol=1e-5)
    result = linalg.svd(SYMMETRIC, hermitian=True)
    assert np.allclose(np.asarray(result.U * result.S @ result.Vh), SYMMETRIC, atol=1e-4)
    q, r = linalg.qr(TALL)
    assert np.allclose(np.asarray(q @ r), TALL, atol=1e-5)
    result = linalg.eigh(SYMMETRIC)
    assert np.allclose(
        np.asarray(SYMMETRIC @ result.eigenvectors), np.asarray(result.eigenvectors * result.eigenvalues), atol=1e-4
    )
    values, vectors = linalg.eig(SQUARE)
    assert np.allclose(np.asarray(SQUARE @ vectors), np.asarray(vectors * values), atol=1e-4)
    upper = linalg.cholesky(DEFINITE, upper=True)
    assert np.allclose(np.asarray(upper.T @ upper), DEFINITE, rtol=1e-4)


def test_least_squares_are_numpys():
    for a in (TALL, WIDE, np.ones((4, 2), np.float32)):
        b = numbers(a.shape[0])
        x, _, rank, s = linalg.lstsq(a, b)
        theirs, _, their_rank, their_s = np.linalg.lstsq(a, b, rcond=None)
        assert_same(x, theirs, tolerance=1e-4)
        assert int(rank) == their_rank
        np.testing.assert_allclose(np.asarray(s), their_s, atol=1e-5)


LOSSES = {
    "det": (linalg.det, SQUARE),
    "det of a singular matrix": (linalg.det, np.diag(np.float32([1, 2, 0, 3]))),
    "slogdet": (lambda a: linalg.slogdet(a)[1], SQUARE),
    "inv": (lambda a: jnp.sin(linalg.inv(a)).sum(), SQUARE),
    "solve": (lambda a: jnp.sin(linalg.solve(a, VECTOR)).sum(), SQUARE),
    "pinv": (lambda a: jnp.sin(linalg.pinv(a)).sum(), TALL),
    "lstsq": (lambda a: jnp.sin(linalg.lstsq(a, numbers(5))[0]).sum(), TALL),
    "cholesky": (lambda a: jnp.sin(linalg.cholesky(a)).sum(), DEFINITE),
    "eigh": (lambda a: (jnp.sin(linalg.eigvalsh(a))).sum(), SYMMETRIC),
    "nuclear norm": (lambda a: linalg.norm(a, ord="nuc"), TALL),
    "qr": (lambda a: jnp.sin(linalg.qr(a)[1]).sum(), TALL),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_slopes(name):
    loss, a = LOSSES[name]
    with bevel.enable_x64(True):
        a = a.astype(np.float64)
        direction = numbers(*a.shape, dtype="float64")
        step = 1e-6
        slope = (float(loss(jnp.asarray(a + step * direction))) - float(loss(jnp.asarray(a - step * direction)))) / (
            2 * step
        )
        gradient = np.asarray(bevel.grad(loss)(jnp.asarray(a)))
        assert np.isclose((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: linalg.inv(TALL),
        lambda: linalg.solve(SQUARE, numbers(3)),
        lambda: linalg.norm(TALL, ord=3),
        lambda: linalg.norm(VECTOR, ord="fro"),
        lambda: linalg.cholesky(VECTOR),
        lambda: linalg.eigh(SQUARE, UPLO="X"),
        lambda: linalg.outer(SQUARE, VECTOR),
        lambda: linalg.multi_dot([SQUARE]),
    ],
)
def test_refuses(call):
    with pytest.raises(ValueError):
        call()


def test_is_an_attribute_of_the_package():
    assert jnp.linalg is linalg


@pytest.mark.parametrize("n", [2, 3, 4])
def test_closed_forms_are_as_exact_as_elimination(n):
    """In float32, against float64: exact to the last rounding for moderate conditions, and no worse than LAPACK beyond."""
    rng = np.random.default_rng(0)
    for condition in (1.0, 1e2, 1e4, 1e6):
        u, v = [np.linalg.qr(rng.standard_normal((200, n, n)))[0] for _ in range(2)]
        a = (u * np.geomspace(1, 1 / condition, n) @ v).astype("float32")
        exact = np.linalg.inv(a.astype("float64"))
        size = np.linalg.norm(exact, axis=(1, 2))
        error = np.linalg.norm(jnp.linalg.inv(a) - exact, axis=(1, 2)) / size
        assert error.max() < max(2e-7, 3e-15 * condition ** (n - 1))
        lapack = np.linalg.norm(np.linalg.inv(a) - exact, axis=(1, 2)) / size
        assert error.max() <= 2 * lapack.max() + 1e-7
        if n == 4:
            assert np.median(error) < 1e-7 and error.max() < max(2e-7, 1e-15 * condition**2)
        if n == 4:  # solutions are LAPACK's, in single precision, where NumPy's is in double
            continue
        b = rng.standard_normal((200, n, 1)).astype("float32")
        x = np.linalg.solve(a.astype("float64"), b)
        wrong = np.linalg.norm(jnp.linalg.solve(a, b) - x, axis=(1, 2)) / np.linalg.norm(x, axis=(1, 2))
        others = np.linalg.norm(np.linalg.solve(a, b) - x, axis=(1, 2)) / np.linalg.norm(x, axis=(1, 2))
        assert wrong.max() <= 2 * others.max() + 2e-7


def test_inverses_of_four_rows_are_exact_for_all_sorts_of_singular_values():
    rng = np.random.default_rng(1)
    for small in range(1, 4):
        u, v = [np.linalg.qr(rng.standard_normal((200, 4, 4)))[0] for _ in range(2)]
        a = (u * np.where(np.arange(4) < 4 - small, 1, 1e-5) @ v).astype("float32")
        exact = np.linalg.inv(a.astype("float64"))
        error = np.linalg.norm(jnp.linalg.inv(a) - exact, axis=(1, 2)) / np.linalg.norm(exact, axis=(1, 2))
        assert error.max() < 1e-6  # of LAPACK 2e-3
    moved = np.tile(np.eye(4, dtype="float32"), (3, 1, 1))
    moved[:, :3, 3] = np.float32([[1e7, -3, 5], [2e-9, 1, 1], [1e30, 0, 1]])
    back = moved.copy()
    back[:, :3, 3] *= -1
    assert np.array_equal(jnp.linalg.inv(moved), back)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("n", [1, 2])
def test_logarithms_of_small_determinants_know_no_overflow(n, dtype):
    a = np.random.default_rng(0).standard_normal((3, n, n)).astype(dtype) * np.float32([1, 1e30, 1e-30])[:, None, None]
    sign, logarithm = jnp.linalg.slogdet(a)
    expected = np.linalg.slogdet(a.astype("complex128" if dtype == "complex64" else "float64"))
    assert np.allclose(sign, expected[0]) and np.allclose(logarithm, expected[1], rtol=1e-5)
    assert jnp.linalg.slogdet(a * 0)[1].tolist() == [-np.inf] * 3
    assert "getrf" not in bevel.jit(jnp.linalg.slogdet).lower(a).as_text()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_slopes_of_logarithms_of_determinants_are_inverses(n):
    a = np.random.default_rng(n).standard_normal((4, n, n)).astype("float32") + 3 * np.eye(n, dtype="float32")
    slope = bevel.grad(lambda a: jnp.linalg.slogdet(a)[1].sum())(a)
    assert np.allclose(slope, np.linalg.inv(a.astype("float64")).swapaxes(1, 2), rtol=1e-4, atol=1e-5)


def test_many_four_by_four_factors():
    a = np.random.default_rng(0).standard_normal((300, 4, 4)).astype("float32")
    a = a @ a.swapaxes(1, 2) + np.eye(4, dtype="float32")
    a[7] = -np.eye(4)
    factor = jnp.linalg.cholesky(a)
    assert np.isnan(np.asarray(factor)[7][np.tril_indices(4)]).all()
    good = [i for i in range(300) if i != 7]
    np.testing.assert_allclose(np.asarray(factor)[good], np.linalg.cholesky(a[good]), rtol=1e-4, atol=1e-5)
    assert np.isnan(jnp.linalg.cholesky(-jnp.eye(3))[0, 0])
    assert np.isinf(jnp.linalg.inv(jnp.zeros((1, 1)))).all()


def test_singular_tridiagonal_systems():
    from bevel import lax

    zeros, ones = jnp.zeros((2, 3)), jnp.ones((2, 3, 1))
    assert np.isnan(lax.linalg.tridiagonal_solve(zeros, zeros, zeros, ones)).all()
    moved = lax.linalg.tridiagonal_solve(zeros, zeros, zeros, ones, perturb_singular=True)
    assert np.isfinite(moved).all()
    d, b = jnp.array([2.0, 3.0, 4.0]), jnp.array([[1.0], [2.0], [3.0]])
    same = [lax.linalg.tridiagonal_solve(d * 0, d, d * 0 + 1, b, perturb_singular=p) for p in (False, True)]
    np.testing.assert_allclose(*same, rtol=1e-6)


def test_update_of_a_factor():
    from bevel import lax
    from bevel.testing import check_grads

    rng = np.random.default_rng(0)
    a = rng.standard_normal((5, 5))
    r = np.linalg.cholesky(a @ a.T + np.eye(5)).T.astype("float32")
    w = rng.standard_normal(5).astype("float32")
    updated = np.asarray(lax.linalg.cholesky_update(r, w))
    assert not np.tril(updated, -1).any()
    np.testing.assert_allclose(updated.T @ updated, r.T @ r + np.outer(w, w), rtol=1e-5, atol=1e-5)
    check_grads(lambda w: lax.linalg.cholesky_update(jnp.asarray(r), w), (jnp.asarray(w),), order=1)
    assert np.isfinite(lax.linalg.cholesky_update(jnp.zeros((2, 2)), jnp.zeros(2))).all()


def test_edges_are_numpys():
    for order in (1, np.inf, 2, "fro", "nuc"):
        assert jnp.linalg.norm(jnp.zeros((0, 3)), order) == 0
    sign, logarithm = jnp.linalg.slogdet(jnp.array([[np.inf, 1.0], [1.0, 1.0]]))
    assert (sign, logarithm) == (1, np.inf)
    assert np.isinf(jnp.linalg.cond(jnp.zeros((3, 3)), -2))
    with pytest.raises(ValueError, match="must not be empty"):
        jnp.linalg.cond(jnp.zeros((0, 0)))
    assert jnp.fft.fftn(jnp.ones((2, 2)), axes=()).dtype == "complex64"


@pytest.mark.parametrize("dtype", ["int8", "uint32", "int64", "bool", "int4"])
def test_a_vector_norm_of_integers_is_of_the_default_float(dtype):
    """Under JAX that of order 2 is: the root of a sum in the default int. NumPy's are float64."""
    for wide, expected in ((False, "float32"), (True, "float64")):
        with bevel.enable_x64(wide):
            x = jnp.ones((3, 2), "int32" if dtype == "int64" and not wide else dtype)
            for order in (2, 1, 3, np.inf):
                assert jnp.linalg.vector_norm(x, ord=order, axis=0).dtype == expected

"""Linear algebra on an NVIDIA GPU gives what it gives on the CPU. Skipped where there is none."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.base.errors import BevelError
from bevel.scipy import linalg as scipy_linalg


def _gpu():
    try:
        return bevel.devices("cuda")[0]
    except (BevelError, RuntimeError):
        return None


pytestmark = pytest.mark.skipif(_gpu() is None, reason="no NVIDIA GPU here")
RNG = np.random.default_rng(0)
DTYPES = ["float32", "float64", "complex64", "complex128"]


def matrices(dtype, *shape):
    a = RNG.standard_normal(shape)
    return (a + 1j * RNG.standard_normal(shape) if dtype.startswith("complex") else a).astype(dtype)


def definite(dtype, *shape):
    a = matrices(dtype, *shape)
    return (a @ np.swapaxes(a, -1, -2).conj() + shape[-1] * np.eye(shape[-1])).astype(dtype)


def cases(dtype):
    square, tall, wide, spd = [
        matrices(dtype, 2, 5, 5), matrices(dtype, 2, 5, 3), matrices(dtype, 2, 3, 5), definite(dtype, 2, 5, 5)
    ]  # fmt: skip

    def qr(a, **options):
        q, r, *_ = lax.linalg.qr(a, **options)
        return q @ r, jnp.abs(r)

    def svd(a, **options):
        u, s, vh = lax.linalg.svd(a, **options)
        k = s.shape[-1]
        return (u[..., :, :k] * s[..., None, :].astype(u.dtype)) @ vh[..., :k, :], s, jnp.abs(u.mT.conj() @ u)

    def eigh(a, **options):
        v, w = lax.linalg.eigh(a, **options)
        return (v * w[..., None, :].astype(v.dtype)) @ v.mT.conj(), w

    def eig(a):
        w, v = lax.linalg.eig(a, compute_left_eigenvectors=False)
        return jnp.abs(a @ v - v * w[..., None, :]), jnp.sort(jnp.abs(w))

    def packed(a, c):
        h, taus = jnp.linalg.qr(a, mode="raw")
        return lax.linalg.ormqr(h.mT, taus, c), lax.linalg.ormqr(h.mT, taus, c, transpose=True)

    def tridiagonal(a):
        return [jnp.abs(x) for x in lax.linalg.tridiagonal(a)[1:3]]

    diagonals = [matrices(dtype, 2, 6), matrices(dtype, 2, 6) + 4, matrices(dtype, 2, 6), matrices(dtype, 2, 6, 2)]
    algorithms = [lax.linalg.SvdAlgorithm.QR]  # Jacobi's is what the others are by
    yield "cholesky", jnp.linalg.cholesky, [spd]
    yield "cholesky fails", jnp.linalg.cholesky, [-spd]
    yield "lu", lax.linalg.lu, [square]
    yield "lu, tall", lax.linalg.lu, [tall]
    yield "solve", jnp.linalg.solve, [square, tall]
    yield "inverse of small ones", jnp.linalg.inv, [definite(dtype, 7, 3, 3)]
    yield "inverse", jnp.linalg.inv, [square]
    yield "det", jnp.linalg.det, [square]
    for name, a in (("tall", tall), ("wide", wide)):
        yield f"qr, {name}", lambda a: qr(a, full_matrices=False), [a]
        yield f"qr, {name}, full", lambda a: qr(a)[0], [a]
        for full in (False, True):
            yield f"svd, {name}, {full}", lambda a, full=full: svd(a, full_matrices=full), [a]
    yield "qr, pivoting", lambda a: lax.linalg.qr(a, pivoting=True)[2], [square]
    yield "singular values", lambda a: lax.linalg.svd(a, compute_uv=False), [wide]
    yield "ormqr", packed, [tall, square]
    yield "eigh", eigh, [spd]
    yield "eigh, upper", lambda a: eigh(a, lower=False, symmetrize_input=False), [spd]
    yield "eig", eig, [square]
    yield "tridiagonal", tridiagonal, [spd]
    yield "tridiagonal_solve", lax.linalg.tridiagonal_solve, diagonals
    yield "polar", scipy_linalg.polar, [tall[0]]
    if dtype == "float32":
        for algorithm in algorithms:
            for name, a in (("tall", tall), ("wide", wide)):
                yield (
                    f"svd by {algorithm.name}, {name}",
                    (lambda a, algorithm=algorithm: svd(a, full_matrices=False, algorithm=algorithm)[:2]),
                    [a],
                )
        loss = lambda a: jnp.sum(jnp.linalg.solve(a, a[..., :1]) ** 2 + jnp.linalg.det(a))
        yield "gradient", bevel.grad(loss), [square[0]]
        yield "expm", scipy_linalg.expm, [square]
        yield "fft", lambda a: (jnp.fft.fftn(a), jnp.fft.rfft(a), jnp.fft.irfft(a.astype("complex64"))), [square]
        yield "gradient of rfft", bevel.grad(lambda a: jnp.sum(jnp.abs(jnp.fft.rfft(a)) ** 3)), [square]


@pytest.mark.parametrize("dtype", DTYPES)
def test_gpu_is_cpu(dtype):
    with bevel.enable_x64(True):
        wrong = []
        for name, function, operands in cases(dtype):
            found = []
            for device in (bevel.devices("cpu")[0], _gpu()):
                given = [bevel.device_put(jnp.asarray(x), device) for x in operands]
                try:
                    found.append([np.asarray(x) for x in bevel.tree.leaves(bevel.jit(function)(*given))])
                except Exception as error:  # all cases are tried: a GPU is lent for minutes
                    wrong.append(f"{name} on {device}: {type(error).__name__} {str(error)[:300]}")
            if len(found) == 2:
                for x, y in zip(*found, strict=True):
                    tolerance = 1e-3 if x.dtype.itemsize < 8 or x.dtype == "complex64" else 1e-9
                    if x.shape != y.shape or not np.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True):
                        wrong.append(f"{name}: {np.abs(x - y).max() if x.shape == y.shape else (x.shape, y.shape)}")
        assert not wrong, "\n".join(wrong)

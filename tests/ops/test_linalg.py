"""LAPACK through compiled programs: every law of every op, and what LAPACK does with what it cannot factor."""

import functools

import numpy as np
import pytest

import bevel
from bevel.base.errors import BevelError
from bevel.core.primitive import registered
from bevel.engine import blas_threads
from bevel.lax import linalg
from bevel.tools.laws.check import check_primitive

OPS = [
    cls
    for cls in list(registered.values())
    if cls.__module__
    in (
        "bevel.ops.triangular",
        "bevel.ops.tridiagonal",
        "bevel.ops.linalg_factorizations",
        "bevel.ops.linalg_eigen",
        "bevel.ops.linalg_forms",
    )
]
A = np.asarray([[4, 1, 0.5], [1, 3, 0.2], [0.5, 0.2, 2]], np.float32)


@pytest.mark.parametrize("cls", OPS, ids=lambda cls: cls.__name__)
def test_obeys_every_law(cls):
    assert check_primitive(cls) > 20


def test_factors_make_up_the_matrix():
    both, pivots, order = [np.asarray(x) for x in linalg.lu(A)]
    assert np.allclose((np.tril(both, -1) + np.eye(3)) @ np.triu(both), A[order], atol=1e-6)
    assert np.array_equal(np.asarray(linalg.lu_pivots_to_permutation(pivots, 3)), order)
    q, r, columns = [np.asarray(x) for x in linalg.qr(A, pivoting=True)]
    assert np.allclose(q @ r, A[:, columns], atol=1e-6)
    u, s, vh = [np.asarray(x) for x in linalg.svd(A)]
    assert np.allclose(u * s @ vh, A, atol=1e-5)
    vectors, values = [np.asarray(x) for x in linalg.eigh(A)]
    assert np.allclose(vectors * values @ vectors.T, A, atol=1e-5)
    values, left, right = [np.asarray(x) for x in linalg.eig(A)]
    assert np.allclose(A @ right, right * values, atol=1e-5)
    assert np.allclose(left.conj().T @ A, values[:, None] * left.conj().T, atol=1e-5)
    t, z = [np.asarray(x) for x in linalg.schur(A)]
    assert np.allclose(z @ t @ z.T, A, atol=1e-5)
    low = np.asarray(linalg.cholesky(A))
    assert np.allclose(low @ low.T, A, atol=1e-5)


def test_failures_are_nan_for_the_failed_matrix_alone():
    two = np.stack([A, -A])
    factor = np.asarray(linalg.cholesky(two))
    assert np.isfinite(factor[0]).all()
    assert np.isnan(factor[1][np.tril_indices(3)]).all()
    assert (factor[1][np.triu_indices(3, 1)] == 0).all()
    values = np.asarray(linalg.eigh(np.stack([A, A * np.nan]))[1])
    assert np.isfinite(values[0]).all() and np.isnan(values[1]).all()
    assert np.isnan(np.asarray(linalg.svd(A * np.nan, compute_uv=False))).all()


def test_cholesky_differentiates_symmetrically_through_symmetrized_input():
    gradient = np.asarray(bevel.grad(lambda a: linalg.cholesky(a).sum())(A))
    assert np.allclose(gradient, gradient.T)


def test_eigenvalues_have_derivatives_where_they_repeat_and_eigenvectors_have_none():
    eye = np.eye(3, dtype=np.float32)
    assert np.allclose(np.asarray(bevel.grad(lambda a: linalg.eigh(a)[1].sum())(eye)), eye)
    assert np.isnan(np.asarray(bevel.grad(lambda a: linalg.eigh(a)[0].sum())(eye))).any()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: linalg.cholesky(A[:2]), "square matrices"),
        (lambda: linalg.eigh(A[0]), "square matrices"),
        (lambda: linalg.svd(A.astype("int32")), "takes float32"),
        (lambda: linalg.eigh(A, subset_by_index=(0, 2)), "Cut them out"),
        (lambda: linalg.schur(A, sort_eig_vals=True), "does not sort"),
        (lambda: bevel.grad(lambda a: linalg.svd(a)[0].sum())(A[:2]), "full_matrices=False"),
        (lambda: bevel.grad(lambda a: abs(linalg.eig(a)[0]).sum())(A), "enable_eigvec_derivs"),
    ],
)
def test_refuses_in_these_words(call, words):
    with pytest.raises(BevelError, match=words):
        call()


# ---- many right-hand sides


def calls_of_blas(function, *operands):
    return bevel.jit(lambda *args: function(*args)).lower(*operands).as_text().count("lapack_strsm")


@pytest.mark.parametrize("words", [{"left_side": True}, {"left_side": False}, {"left_side": True, "transpose_a": True}])
def test_many_right_hand_sides_are_solved_in_parts(words, monkeypatch):
    monkeypatch.setattr(blas_threads, "is_one", lambda: True)
    a = np.tri(200, dtype=np.float32) / 200 + np.eye(200, dtype=np.float32)
    b = np.random.RandomState(0).randn(200, 503).astype(np.float32)
    b = b if words["left_side"] else b.T
    solve = functools.partial(linalg.triangular_solve, lower=True, **words)
    assert calls_of_blas(solve, a, b) == 10
    x = np.asarray(bevel.jit(solve)(a, b), np.float64)
    wide = a.T if words.get("transpose_a") else a
    assert np.allclose(wide @ x if words["left_side"] else x @ wide, b, atol=1e-4)
    tangent = bevel.jvp(bevel.jit(solve), (a, b), (a, b))[1]
    assert np.allclose(tangent, np.zeros_like(b), atol=1e-4)  # da = a and db = b: x stays


def test_few_right_hand_sides_are_not_nor_are_stacks_nor_where_blas_has_threads(monkeypatch):
    a, b = np.eye(200, dtype=np.float32), np.ones((200, 503), np.float32)
    solve = functools.partial(linalg.triangular_solve, lower=True, left_side=True)
    monkeypatch.setattr(blas_threads, "is_one", lambda: True)
    assert calls_of_blas(solve, a, b[:, :200]) == 1
    assert calls_of_blas(solve, a[:100, :100], b[:100]) == 1
    assert calls_of_blas(solve, np.stack([a, a]), np.stack([b, b])) == 1
    monkeypatch.setattr(blas_threads, "is_one", lambda: False)
    assert calls_of_blas(solve, a, b) == 1

"""Stacks of many small matrices, which loops factor and solve a matrix to a lane: beside LAPACK, which takes fewer."""

import numpy as np
import pytest
from scipy.linalg import lapack

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.ops import lanes
from bevel.ops.linalg_factorizations import Lu
from bevel.ops.triangular import Cholesky, TriangularSolve
from bevel.transforms.summary import summarize

DTYPES = ["float32", "float64"]


@pytest.fixture(params=DTYPES)
def dtype(request):
    with bevel.enable_x64(request.param == "float64"):
        yield np.dtype(request.param)


def stacks(count, m, n, dtype):
    """Matrices of all sorts, `count` of each: at random, with columns of many sizes, singular, all but singular."""
    rng = np.random.default_rng(m * 17 + n)
    plain = rng.standard_normal((count, m, n))
    graded = plain * np.geomspace(1, 1e-6, n)
    singular = plain.copy()
    singular[:, :, -1] = singular[:, :, 0]
    singular[::2, :, 0] = 0
    u, _, vh = np.linalg.svd(plain, full_matrices=False)
    close = u * np.geomspace(1, np.finfo(dtype).eps, min(m, n)) @ vh
    whole = rng.integers(-1, 2, (count, m, n))  # many pivots of one size
    return np.concatenate([plain, graded, singular, close, whole]).astype(dtype)


def by_lapack(a):
    [getrf] = lapack.get_lapack_funcs(("getrf",), (a,))
    return [np.stack(x) for x in zip(*[getrf(x)[:2] for x in a], strict=True)]


def assert_in_lanes(function, *operands):
    """No call of LAPACK is in the program, which counts as one with loops."""
    assert "lapack" not in bevel.jit(function).lower(*operands).as_text()
    assert summarize(bevel.make_jaxpr(function)(*operands)).loops > 0


@pytest.mark.parametrize("m, n", [(1, 1), (2, 2), (4, 4), (5, 3), (3, 5), (8, 8), (12, 12)])
def test_factors_are_lapacks(m, n, dtype):
    a = stacks(60, m, n, dtype)
    assert_in_lanes(lax.linalg.lu, a)
    both, pivots, order = map(np.asarray, lax.linalg.lu(a))
    lapacks, lapack_pivots = by_lapack(a)
    k = min(m, n)
    exact = a.astype("float64")

    def residual(both, order):
        both = both.astype("float64")
        product = (np.tril(both[:, :, :k], -1) + np.eye(m, k)) @ np.triu(both[:, :k])
        return np.abs(np.take_along_axis(exact, order[:, :, None], 1) - product).max((1, 2))

    orders = np.stack([np.asarray(lax.linalg.lu_pivots_to_permutation(p, m)) for p in lapack_pivots.astype("int32")])
    assert np.array_equal(order, np.asarray(lax.linalg.lu_pivots_to_permutation(pivots, m)))
    scale = np.finfo(dtype).eps * np.abs(a).max()
    assert residual(both, order).max() <= 2 * residual(lapacks, orders).max() + 2 * scale
    # pivots that differ by a rounding may be exchanged; no others are
    assert np.mean((pivots == lapack_pivots).all(1)) > 0.9
    plain = slice(60)
    assert np.array_equal(pivots[plain], lapack_pivots[plain])
    assert np.allclose(
        both[plain], lapacks[plain], rtol=0, atol=200 * np.finfo(dtype).eps * np.abs(lapacks[plain]).max()
    )


def test_a_column_of_zeros_is_passed_over_and_numbers_below_the_least_normal_one_divide(dtype):
    a = np.tile(np.eye(3, dtype=dtype), (300, 1, 1))
    a[0] = [[0, 1, 2], [0, 3, 4], [0, 5, 6]]
    a[1] = 0
    a[2, 0] = np.finfo(dtype).tiny, 1, 1
    both, pivots, _ = map(np.asarray, lax.linalg.lu(a))
    lapacks, lapack_pivots = by_lapack(a[:3])
    assert np.array_equal(pivots[:3], lapack_pivots)
    assert np.allclose(both[:3], lapacks, rtol=4 * np.finfo(dtype).eps)


def test_the_last_part_of_a_stack_and_stacks_of_several_axes(dtype):
    for shape in ((256,), (257,), (3, 129), (2, 2, 100)):
        a = np.random.default_rng(1).standard_normal((*shape, 3, 3)).astype(dtype)
        x = np.asarray(jnp.linalg.solve(a, a @ np.ones((3, 2), dtype)))
        assert_in_lanes(Lu(), a)
        assert np.abs(np.asarray(Lu()(a)[0]) - by_lapack(a.reshape(-1, 3, 3))[0].reshape(a.shape)).max() < 1e-3
        assert np.median(np.abs(x - 1)) < 20 * np.finfo(dtype).eps


@pytest.mark.parametrize("n", [4, 5, 8])
def test_solutions_have_no_larger_residual_than_lapacks(n, dtype):
    a = stacks(150, n, n, dtype)
    a = a[[np.linalg.matrix_rank(x) == n for x in a]]
    rng = np.random.default_rng(2)
    right = rng.standard_normal((len(a), n, 2)).astype(dtype)
    largest = a @ np.linalg.svd(a)[2][:, -1, :, None].astype(dtype)  # what A makes least of
    b = np.concatenate([right, largest], 2)
    assert len(a) >= lanes.MANY
    assert_in_lanes(jnp.linalg.solve, a, b)
    [gesv] = lapack.get_lapack_funcs(("gesv",), (a, b))
    lapacks = np.stack([gesv(x, y)[2] for x, y in zip(a, b, strict=True)])

    def backward_error(x):
        exact = a.astype("float64")
        size = np.linalg.norm(exact, axis=(1, 2))[:, None] * np.linalg.norm(x, axis=1) + np.linalg.norm(b, axis=1)
        return np.linalg.norm(exact @ x.astype("float64") - b, axis=1) / size

    ours = backward_error(np.asarray(jnp.linalg.solve(a, b)))
    assert ours.max() <= 2 * backward_error(lapacks).max()
    assert np.median(ours) <= 1.5 * np.median(backward_error(lapacks))


@pytest.mark.parametrize("function", [jnp.linalg.solve, lambda a, b: jnp.linalg.det(a), lambda a, b: jnp.linalg.inv(a)])
def test_singular_matrices_and_nan_give_what_a_few_of_them_give(function, dtype):
    a = np.tile(np.eye(5, dtype=dtype) * 2, (300, 1, 1))
    b = np.ones((300, 5, 1), dtype)
    a[0] = 0
    a[1, :, 2] = 0
    a[2, 1] = a[2, 0]
    a[3, 4, 1] = np.nan
    a[4, 0, 0] = np.nan
    a[5, 2, 2] = np.inf
    many = np.asarray(function(a, b))
    assert np.isfinite(many[6:]).all()
    for i in range(6):
        few = np.asarray(function(a[i], b[i]))
        assert np.isfinite(many[i]).all() == np.isfinite(few).all(), i


@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("is_lower", [False, True])
@pytest.mark.parametrize("is_left", [False, True])
def test_triangles(is_left, is_lower, is_transposed, dtype):
    rng = np.random.default_rng(3)
    for n, k, has_ones in ((1, 1, False), (3, 1, True), (4, 6, False), (8, 3, False), (7, 2, True)):
        op = TriangularSolve(is_left, is_lower, is_transposed, False, has_ones)
        a = (rng.standard_normal((259, n, n)) * 0.3 + 2 * np.eye(n)).astype(dtype)
        b = rng.standard_normal((259, n, k) if is_left else (259, k, n)).astype(dtype)
        seen = np.tril(a) if is_lower else np.triu(a)
        seen = np.where(np.eye(n, dtype=bool), 1, seen) if has_ones else seen
        seen = (np.swapaxes(seen, 1, 2) if is_transposed else seen).astype("float64")
        exact = np.linalg.solve(seen, b) if is_left else b @ np.linalg.inv(seen)
        unseen = np.where(seen if not is_transposed else np.swapaxes(seen, 1, 2), a, dtype.type(np.nan))
        assert_in_lanes(op, a, b)
        x = np.asarray(op(unseen, b))
        assert np.abs(x - exact).max() < 100 * np.finfo(dtype).eps * np.abs(exact).max()


@pytest.mark.parametrize("n", [5, 8])
def test_roots_are_right_and_tell_of_matrices_that_have_none(n, dtype):
    rng = np.random.default_rng(4)
    m = rng.standard_normal((300, n, n)) * np.geomspace(1, 1e-2, n)[:, None]
    a = (m @ np.swapaxes(m, 1, 2) + 1e-3 * np.eye(n)).astype(dtype)
    a[0] = -a[0]
    a[1, 2, 2] = 0
    a[2, 3, 1] = np.nan
    a[3, n - 1, n - 1] = -1
    below = np.where(np.tril(np.ones((n, n), bool)), a, dtype.type(np.nan))  # what is above is not read
    assert_in_lanes(Cholesky(), a)
    factors = np.asarray(Cholesky()(below))
    assert np.isnan(factors[:4][:, *np.tril_indices(n)]).all()
    assert (factors[:, *np.triu_indices(n, 1)] == 0).all()
    few = np.stack([np.asarray(Cholesky()(x)) for x in a[4:]])
    wrong, others = [np.abs(x @ np.swapaxes(x, 1, 2) - a[4:]).max((1, 2)) for x in np.longdouble([factors[4:], few])]
    assert wrong.max() <= 2 * others.max()


def test_derivatives_are_those_of_a_few(dtype):
    rng = np.random.default_rng(5)
    a = (rng.standard_normal((260, 5, 5)) + 3 * np.eye(5)).astype(dtype)
    b = rng.standard_normal((260, 5, 2)).astype(dtype)

    def loss(a, b):
        s = a @ jnp.swapaxes(a, -1, -2)
        return (
            jnp.sum(jnp.sin(jnp.linalg.solve(a, b))) + jnp.linalg.slogdet(a)[1].sum()
            + jnp.sum(jnp.linalg.cholesky(s)) + jnp.sum(jnp.linalg.inv(a) ** 2)
        )  # fmt: skip

    many = bevel.grad(loss, (0, 1))(a, b)
    mapped = bevel.jit(bevel.vmap(bevel.grad(loss, (0, 1))))(a, b)
    for i in (0, 128, 259):
        few = bevel.grad(loss, (0, 1))(a[i], b[i])
        for x, y, z in zip(many, mapped, few, strict=True):
            assert np.allclose(x[i], z, rtol=0, atol=2e4 * np.finfo(dtype).eps)
            assert np.allclose(y[i], z, rtol=0, atol=2e4 * np.finfo(dtype).eps)


def test_inside_a_scan():
    a = np.random.default_rng(6).standard_normal((2, 256, 4, 4)).astype("float32")
    whole = bevel.lax.scan(lambda total, x: (total + jnp.linalg.det(x), jnp.linalg.inv(x)[0]), jnp.zeros(256), a)
    assert np.allclose(whole[0], np.linalg.det(a).sum(0), rtol=1e-4, atol=1e-4)


def test_several_devices_leave_their_parts_to_lapack():
    mesh = bevel.make_mesh((4,), ("x",))
    a = np.random.default_rng(7).standard_normal((1024, 4, 4)).astype("float32")
    apart = bevel.device_put(a, bevel.sharding.NamedSharding(mesh, bevel.sharding.PartitionSpec("x")))
    assert np.allclose(jnp.linalg.det(apart), np.linalg.det(a), rtol=1e-3, atol=1e-4)
    assert "lapack" in bevel.jit(jnp.linalg.det).lower(apart).as_text()

"""Extrema, their places, and sums of integers, of arrays so long, or so short, that CPUs reduce them in forms of their own."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp

_RANDOM = np.random.default_rng(0)


def _variants(size, dtype):
    """Numbers without order; equal ones; and, of floats, zeros of both signs, infinities and NaN of both signs."""
    x = (_RANDOM.integers(-1000, 1000, size) if np.dtype(dtype).kind != "u" else _RANDOM.integers(0, 9, size)).astype(
        dtype
    )
    yield x
    yield np.where(
        np.arange(size) % (size // 3) == 5, np.iinfo(dtype).max if np.dtype(dtype).kind != "f" else np.inf, x
    )
    if np.dtype(dtype).kind != "f":
        yield np.where(np.arange(size) > size - 4, np.iinfo(dtype).min, x)
        return
    yield -abs(x) - 1
    yield np.full(size, -np.inf, dtype)
    yield np.where(np.arange(size) % 2 == 1, -0.0, 0.0).astype(dtype)
    for place in (0, size // 2, size - 1):
        for sign in (1, -1):
            hole = x.copy()
            hole[[place, size - 1]] = np.copysign(np.nan, sign)
            yield hole


@pytest.mark.parametrize(
    "size, dtype",
    [
        (1000, "float32"), (1000, "float16"), (997, "float32"), (1000, "uint32"), (1000, "int16"), (8000, "float32"),
        (20_011, "float32"), (40_000, "float64"), (100_003, "float32"), (200_000, "float32"), (50_000, "int32"),
    ],
)  # fmt: skip
def test_extrema_and_their_places(size, dtype):
    with bevel.enable_x64(dtype == "float64"):
        for x in _variants(size, dtype):
            assert x.dtype == dtype
            for name in ("max", "min", "argmax", "argmin"):
                np.testing.assert_array_equal(getattr(jnp, name)(jnp.asarray(x)), getattr(np, name)(x), name)


@pytest.mark.parametrize(
    "shape, axes", [((9000,), None), ((64, 512), None), ((3, 40_960), 1), ((5, 10_007), 1), ((8200, 4), 0)]
)
@pytest.mark.parametrize("dtype", ["int32", "uint16"])
def test_integers_are_combined_with_their_overflow(shape, axes, dtype):
    x = _RANDOM.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    x |= np.ones((), dtype)  # a product of odd numbers is odd, and no zero
    several = range(x.ndim) if axes is None else (axes,)
    np.testing.assert_array_equal(bevel.lax.reduce_sum(x, several), x.sum(axes, dtype=dtype))
    np.testing.assert_array_equal(bevel.lax.reduce_prod(x, several), x.prod(axes, dtype=dtype))
    alike = np.full_like(x, 0b1010)
    alike.flat[-2] = 0b0110
    for name in ("and", "or", "xor"):
        for y in (x, alike):
            found = getattr(bevel.lax, f"reduce_{name}")(y, several)
            np.testing.assert_array_equal(found, getattr(np, f"bitwise_{name}").reduce(y, axis=axes), name)


@pytest.mark.parametrize(
    "shape, axes",
    [
        ((1000, 17), 1),
        ((30, 40, 32), 2),
        ((700, 3, 8), (1, 2)),
        ((150, 33), 1),
        ((100, 100), 1),
        ((20, 1000), 1),
        ((4, 2000), 1),
        ((2, 3, 700), (1, 2)),
        ((3, 900, 3), 1),
        ((30, 20, 40), (0, 2)),
    ],
)
@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_extrema_of_rows(shape, axes, computed, dtype):
    x = _RANDOM.standard_normal(shape).astype(dtype)
    x[0], x[-1, -1:], x[1, :1] = np.inf, np.copysign(np.nan, -1), -np.inf
    before = (lambda x: 2 * x) if computed else (lambda x: x)
    for name in ("max", "min"):
        found = bevel.jit(lambda x, name=name: getattr(jnp, name)(before(x), axes))(x)
        assert found.dtype == dtype
        wide = before(x).astype(
            np.float32
        )  # NumPy warns of NaN in narrow floats, and does not know two of them for equal
        np.testing.assert_array_equal(found.astype(np.float32), getattr(np, name)(wide, axes))


@pytest.mark.parametrize("shape, axes", [((64, 128, 128), (2,)), ((8, 16, 64, 128), (2, 3)), ((64, 128, 128), (0, 2))])
def test_truths_of_several_axes(shape, axes):
    x = np.zeros(shape, bool)
    x[0, ..., 3], x[-1] = True, True
    np.testing.assert_array_equal(jnp.any(x, axes), x.any(axes))
    np.testing.assert_array_equal(bevel.jit(lambda x: jnp.all(x > 0, axes))(x.astype("float32")), x.all(axes))


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["nanmax", "nanmin"])
def test_extrema_of_what_is_not_nan(axis, name):
    ours, theirs, least = getattr(jnp, name), getattr(np, name), -np.inf if name == "nanmax" else np.inf
    x = _RANDOM.standard_normal((100, 200)).astype(np.float32)
    x[3], x[:, 5], x[:, 7], x[8, ::2] = np.nan, np.nan, least, np.nan
    for y in (x, np.full_like(x, np.nan), np.full_like(x, least), np.ones_like(x)):
        np.testing.assert_array_equal(ours(y, axis), theirs(y, axis))
        mapped = bevel.vmap(lambda x: ours(x, axis))(np.stack([y, x]))
        np.testing.assert_array_equal(mapped, [theirs(v, axis) for v in (y, x)])
    slope = bevel.jit(bevel.grad(lambda x: ours(x)))(jnp.where(x == least, 0, x))
    assert slope.sum() == 1


@pytest.mark.parametrize("shape, axes", [((4, 5000), 0), ((32, 300), 0), ((50, 3, 100), 1), ((2, 3, 2000), (0, 1))])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_a_few_long_rows(shape, axes, dtype):
    with bevel.enable_x64(dtype == "float64"):
        x = _RANDOM.standard_normal(shape).astype(dtype)
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        for before in (lambda x: x, lambda x: x * x - 1):
            found = bevel.jit(lambda x, before=before: jnp.sum(before(x), axes))(x)
            assert found.dtype == dtype
            np.testing.assert_allclose(found, before(x).sum(axes), tolerance, tolerance)
        assert (bevel.grad(lambda x: jnp.sum(jnp.sum(x, axes)))(x) == 1).all()
        x.flat[3], x.flat[-1] = np.nan, np.inf
        np.testing.assert_allclose(jnp.sum(x, axes), x.sum(axes), tolerance, tolerance)

"""Sorting, searching, counting and sets mean what NumPy means; with `size` they run under jit."""

import numpy
import numpy as np
import pytest

import bevel
import bevel.numpy as jnp

SAME = """
[np.sort(f(3, 4), axis=a) for a in (0, -1, None)]
np.sort(f(3, 0))
np.sort(v([3.0, np.nan, -np.inf, 1.0]))
np.sort(f(4, dtype="complex64"))
[np.argsort(f(3, 4), axis=a) for a in (0, -1, None)]
np.lexsort((f(5, dtype="int32"), f(5, dtype="bool")))
np.lexsort(f(3, 5, dtype="int8"))
np.sort_complex(f(4))
np.searchsorted(v([1.0, 2.0, 2.0, 5.0]), f(3, 4))
np.searchsorted(v([1.0, 2.0, 2.0, np.nan]), v([np.nan, 2.0, np.inf]), side="right")
np.searchsorted(np.arange(50.0), f(30, low=-5, high=60), side="right")
np.searchsorted(v([3, 1, 2]), v([2]), sorter=v([1, 2, 0]))
np.digitize(f(3, 4), v([-1.0, 0.0, 2.0]))
np.digitize(f(3, 4), v([2.0, 0.0, -1.0]), right=True)
np.isin(f(3, 4, dtype="int8"), v([1, 2]))
np.isin(f(30, dtype="int8"), np.arange(40), invert=True)
np.histogram(f(20), bins=v([-2.0, 0.0, 1.0]))[0].astype(float)
np.histogram(f(20), bins=4, range=(-2, 2), density=True)
np.histogram(f(20), bins=4, weights=f(20))
np.histogram_bin_edges(f(20), 5)
np.histogram2d(f(20), f(20), bins=3, range=((-3, 3), (-3, 3)), weights=f(20))
np.histogramdd(f(20, 2), bins=3, weights=f(20), density=True)
"""
EAGER = """
np.nonzero(f(3, 4) > 0)
np.flatnonzero(f(3, 4, dtype="int32"))
np.argwhere(f(3, 4) > 0)
np.bincount(v([1, 1, 3]), minlength=6)
np.bincount(v([1, 1, 3]), weights=f(3))
np.unique(f(20, dtype="int8"))
np.unique(f(4, 5, dtype="int8"), return_index=True, return_inverse=True, return_counts=True)
np.unique(v([[1, 2], [0, 5], [1, 2]]), axis=0, return_counts=True)
np.unique(v([1.0, np.nan, np.nan]))
np.unique(v([1.0, np.nan, np.nan]), equal_nan=False)
np.unique(v([]), return_index=True)
np.union1d(f(5, dtype="int8"), f(6, dtype="int8"))
np.intersect1d(f(9, dtype="int8"), f(6, dtype="int8"))
np.intersect1d(f(9, dtype="int8"), f(6, dtype="int8"), return_indices=True)
np.setdiff1d(f(9, dtype="int8"), f(3, dtype="int8"))
np.setxor1d(f(9, dtype="int8"), f(6, dtype="int8"))
"""


@pytest.mark.parametrize("source", SAME.strip().splitlines())
def test_means_what_numpy_means(source, means_the_same):
    means_the_same(source)


@pytest.mark.parametrize("source", EAGER.strip().splitlines())
def test_means_what_numpy_means_eagerly(source, means_the_same):
    means_the_same(source, jit=False)


@pytest.mark.parametrize("method", ["compare_all", "scan", "scan_unrolled", "sort"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("count", [1, 2, 16, 17, 32, 33, 100])
def test_each_method_finds_the_same_place(method, side, count):
    random = numpy.random.default_rng(count)
    a = numpy.sort(random.integers(0, 20, count)).astype("float32")
    v = numpy.concatenate([random.integers(-1, 22, 40), [numpy.nan, numpy.inf, -numpy.inf]]).astype("float32")
    assert numpy.array_equal(jnp.searchsorted(a, v, side, method=method), numpy.searchsorted(a, v, side))


def test_places_have_the_dtype_that_the_profile_asks_for():
    a = jnp.arange(3.0)
    with bevel.enable_x64():
        for profile, dtype in (("compat", "int32"), ("default", "int64")):
            with bevel.sharp_edges(profile):
                assert jnp.searchsorted(a, a).dtype == jnp.digitize(a, a).dtype == jnp.argpartition(a, 1).dtype == dtype
                assert jnp.argsort(a).dtype == "int64"


def test_nans_of_one_side_count_as_one():
    x, y = jnp.array([jnp.nan, jnp.nan, 1.0]), jnp.array([1.0, jnp.nan, 2.0])
    for size in (None, 4):
        assert numpy.isnan(jnp.setxor1d(x, y, size=size, fill_value=-1)).sum() == 2
        assert numpy.isnan(jnp.setdiff1d(x, y, size=size, fill_value=-1)).sum() == 1


def test_equal_elements_keep_their_order():
    assert jnp.argsort(jnp.array([1, 1, 1, 0])).tolist() == [3, 0, 1, 2]
    assert jnp.argsort(jnp.array([1, 1, 1, 0]), descending=True).tolist() == [0, 1, 2, 3]
    assert jnp.argsort(jnp.array([0.0, -0.0, 0.0])).tolist() == [0, 1, 2]


def test_partition_puts_the_kth_at_its_place():
    x = numpy.random.default_rng(0).permutation(9)
    for k in (0, 4, -1):
        y = numpy.asarray(jnp.partition(x, k))
        assert y[k] == k % 9 and (y[: k % 9] < y[k]).all() and sorted(y) == list(range(9))
        assert (x[jnp.argpartition(x, k)] == y).all()


@pytest.mark.parametrize(
    ("source", "gives"),
    [
        ("np.nonzero(x > 2, size=4)", [[0, 0, 1, 1], [0, 3, 1, 2]]),
        ("np.nonzero(x > 2, size=7, fill_value=-1)", [[0, 0, 1, 1, -1, -1, -1], [0, 3, 1, 2, -1, -1, -1]]),
        ("np.nonzero(x > 2, size=2)", [[0, 0], [0, 3]]),
        ("np.flatnonzero(x, size=3)", [0, 2, 3]),
        ("np.argwhere(x > 4, size=2, fill_value=9)", [[1, 2], [9, 9]]),
        ("np.unique(x, size=5)", [0, 1, 3, 4, 5]),
        ("np.unique(x, size=7)", [0, 1, 3, 4, 5, 0, 0]),
        ("np.unique(x, size=7, fill_value=-1)", [0, 1, 3, 4, 5, -1, -1]),
        ("np.bincount(x[0], length=4)", [1, 1, 0, 2]),
        ("np.setdiff1d(x, np.array([3, 0]), size=4, fill_value=-1)", [1, 4, 5, -1]),
        ("np.union1d(x, np.array([9]), size=4)", [0, 1, 3, 4]),
        ("np.intersect1d(x, np.array([9, 5, 1]), size=3, fill_value=-1)", [1, 5, -1]),
        ("np.setxor1d(x, np.array([9, 5, 1]), size=5, fill_value=-1)", [0, 3, 4, 9, -1]),
        ("np.setxor1d(x + 2, np.array([9, 5, 1]), size=6)", [1, 2, 3, 6, 7, 9]),
        ("np.setxor1d(x + 2, np.array([9, 5, 1]), size=8)", [1, 2, 3, 6, 7, 9, 1, 1]),
        ("np.setxor1d(x, x, size=2)", [0, 0]),
        ("np.compress(x[0] > 0, x, axis=1, size=4, fill_value=8)", [[3, 1, 3, 8], [1, 5, 1, 8]]),
    ],
)
def test_a_size_makes_it_run_under_jit(source, gives):
    x = jnp.array([[3, 0, 1, 3], [1, 4, 5, 1]])
    for call in (lambda x: eval(source, {"np": jnp, "x": x}), bevel.jit(lambda x: eval(source, {"np": jnp, "x": x}))):
        result = call(x)
        result = [r.tolist() for r in result] if isinstance(result, tuple) else result.tolist()
        assert result == gives


@pytest.mark.parametrize("name", ["nonzero", "flatnonzero", "argwhere", "unique", "bincount"])
def test_without_a_size_jit_gets_a_letter(name):
    with pytest.raises(TypeError, match="depends on values"):
        bevel.jit(getattr(jnp, name))(jnp.arange(3))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("np.sort(x, axis=5)", ValueError, "axis 5 is out of bounds"),
        ("np.sort(x, kind='quicksort')", TypeError, "stable"),
        ("np.searchsorted(x, 1)", ValueError, "1-dimensional"),
        ("np.searchsorted(x[0], 1, side='middle')", ValueError, "'left' or 'right'"),
        ("np.nonzero(np.array(1))", ValueError, "rank 0"),
        ("np.bincount(x[0])", TypeError, "integer type"),
        ("np.histogram(x, bins='auto')", TypeError, "auto"),
    ],
)
def test_refuses_with_a_letter(source, error, words):
    with pytest.raises(error, match=words):
        eval(source, {"np": jnp, "x": jnp.arange(6.0).reshape(2, 3)})


SHAPED_BY_VALUES = {
    "nonzero": (lambda x: x[jnp.nonzero(x)], [0, 1, 1, 0]),
    "the method": (lambda x: x[x.nonzero()], [0, 1, 1, 0]),
    "argwhere": (lambda x: x[jnp.argwhere(x)[:, 0]], [0, 1, 1, 0]),
    "flatnonzero": (lambda x: x[jnp.flatnonzero(x)], [0, 1, 1, 0]),
    "trim_zeros": (jnp.trim_zeros, [0, 1, 1, 0]),
    "extract": (lambda x: jnp.extract(x, x), [0, 1, 1, 0]),
    "compress": (lambda x: jnp.compress(x, x), [0, 1, 1, 0]),
    "arange": (lambda x: jnp.arange(x[2]) * x[1], [0, 1, 0, 0]),
    "a mask": (lambda x: x[x > 1], [0, 0, 1, 0]),
}


@pytest.mark.parametrize("what", SHAPED_BY_VALUES)
def test_known_values_decide_a_shape_in_derivatives_too(what):
    """`grad` outside of jit knows the numbers, at any depth."""
    f, slope = SHAPED_BY_VALUES[what]
    x = jnp.array([0.0, 1, 2, 0])
    assert bevel.grad(lambda x: f(x).sum())(x).tolist() == slope
    assert bevel.jvp(bevel.grad(lambda x: (f(x) ** 2).sum()), (x,), (x,))[1].shape == (4,)


@pytest.mark.parametrize("dtype", ["int32", "float32", "complex64", "bool", "uint8"])
@pytest.mark.parametrize("count", [1, 32, 33])
def test_isin_finds_the_same_among_few_and_among_many(dtype, count):
    x = numpy.arange(-50, 50).reshape(4, 25).astype(dtype)
    sought = numpy.arange(count).astype(dtype)
    if dtype in ("float32", "complex64"):
        x[0, :2], sought[0] = [numpy.nan, -0.0], numpy.nan  # which is found nowhere
    for invert in (False, True):
        numpy.testing.assert_array_equal(jnp.isin(x, sought, invert=invert), numpy.isin(x, sought, invert=invert))
        by_column = bevel.vmap(lambda row: jnp.isin(row, sought, invert=invert))(x)  # noqa: B023
        numpy.testing.assert_array_equal(by_column, numpy.isin(x, sought, invert=invert))


@pytest.mark.parametrize(
    "dtype, n", [("int32", 1), ("uint8", 50), ("float32", 3000), ("bfloat16", 300), ("complex64", 40)]
)
def test_unique_without_places_has_the_bits_of_unique_with_places(dtype, n):
    """Where nobody asks where elements stand, they are sorted alone. Of zeros of both signs, and NaNs, the first stays."""
    random = np.random.default_rng(0)
    x = random.integers(0, 40, n).astype(getattr(jnp, dtype))
    if dtype in ("float32", "bfloat16"):
        x[x == 0] = random.choice([0.0, -0.0], (x == 0).sum())
        x[random.integers(0, n, n // 5)] = np.nan
    for options in ({}, {"equal_nan": False}, {"size": 3}, {"size": 60}, {"size": 60, "fill_value": 7}):
        values, _, _, counts = jnp.unique(x, True, True, True, **options)
        for few in (jnp.unique(x, **options), *jnp.unique(x, return_counts=True, **options)[:1]):
            assert np.asarray(few).tobytes() == np.asarray(values).tobytes()
        np.testing.assert_array_equal(jnp.unique(x, return_counts=True, **options)[1], counts)


def test_unique_without_places_looks_for_none():
    x = jnp.arange(5)
    text = str(bevel.make_jaxpr(lambda x: jnp.unique(x, return_counts=True, size=5))(x))
    assert "scatter" not in text and "num_keys=1" in text
    assert "scatter" in str(bevel.make_jaxpr(lambda x: jnp.unique(x, return_inverse=True, size=5))(x))

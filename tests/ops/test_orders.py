"""NaN, signed zeros and ties, where derivatives have no say and so the laws' samples have none."""

import math

import ml_dtypes
import numpy as np
import pytest

import bevel
from bevel.base import settings
from bevel.ops.arg_reductions import Argmax, Argmin
from bevel.ops.reductions import ReduceAnd, ReduceMax, ReduceMin, ReduceOr
from bevel.ops.sort import Sort, TopK
from bevel.ops.sort_forms import WORTH_CALLING

INT32 = np.dtype("int32")
SHAPES = [
    ((8, 512), 1),
    ((512, 8), 0),
    ((64, 64), 1),
    ((4, 4096), 1),
    ((3, 1009), 1),
    ((2048,), 0),
    ((5000,), 0),
    ((30, 100), 1),
    ((100, 30), 0),
    ((3, 70, 29), 1),
    ((3, 29, 70), 2),
    ((5003,), 0),
    # blocks
    ((64, 512), 1),
    ((512, 64), 0),
    ((4, 8192), 1),
    ((3, 16381), 1),
    # strips: 2^17 and beyond
    ((131072,), 0),
    ((1, 131101), 1),
]


@pytest.mark.parametrize("shape, axis", SHAPES)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_a_nan_wins_wherever_it_stands(shape, axis, special):
    """XLA's library for large reductions on CPUs skips NaN, so that each size and axis wants its own look."""
    random = np.random.RandomState(1)
    x = random.randn(*shape).astype(np.float32)
    for _ in range(3):
        x[tuple(random.randint(0, d) for d in shape)] = special
    np.testing.assert_array_equal(ReduceMax((axis,))(x), np.max(x, axis))
    np.testing.assert_array_equal(ReduceMin((axis,))(x), np.min(x, axis))
    np.testing.assert_array_equal(Argmax((axis,), INT32)(x), np.argmax(x, axis))
    np.testing.assert_array_equal(Argmin((axis,), INT32)(x), np.argmin(x, axis))


@pytest.mark.parametrize("size", [1 << 17, (1 << 17) + 29])
def test_the_first_of_equals_is_found_in_strips(size):
    x = np.zeros(size, np.float32)
    for places in (
        [size - 1],
        [size - 2, size - 1],
        [size // 2, size - 1],
        [7, size // 16, size // 16 + 1],
        range(size),
    ):
        x[:] = 0
        x[list(places)] = 1
        assert int(Argmax((0,), INT32)(x)) == int(Argmin((0,), INT32)(-x)) == places[0]
        x[size - 1] = x[size // 3] = np.nan
        assert int(Argmax((0,), INT32)(x)) == int(Argmin((0,), INT32)(x)) == size // 3


@pytest.mark.parametrize("axes", [(0, 2), (1,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("name", ["float32", "bfloat16", "int32", "uint16"])
def test_extrema_over_several_axes(axes, name):
    """Large arrays are folded axis by axis, in parts that overlap where they are uneven."""
    x = np.random.RandomState(3).randint(0, 1000, (37, 17, 41)).astype(getattr(ml_dtypes, name, name))
    x[36, 16, 40] = 2000
    x[0, 0, 0] = np.nan if name in ("float32", "bfloat16") else 0
    wide = x.astype(np.float64)
    np.testing.assert_array_equal(np.asarray(ReduceMax(axes)(x)).astype(np.float64), wide.max(axes))
    np.testing.assert_array_equal(np.asarray(ReduceMin(axes)(x)).astype(np.float64), wide.min(axes))


@pytest.mark.parametrize("shape, axis", [((5000,), 0), ((100, 100), 0), ((100, 100), 1), ((700, 7), 1), ((300, 20), 1)])
@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_extrema_of_what_is_computed(shape, axis, name):
    """Work before a fold is done in its loop; 16-bit floats are folded as integers, -0 before 0, NaN at the end."""
    random = np.random.RandomState(5)
    x = random.randint(-8, 8, shape).astype(getattr(ml_dtypes, name, name))
    x[random.rand(*shape) < 0.5] = -0.0
    for special in (-math.inf, math.inf, math.nan, math.copysign(math.nan, -1)):
        x[tuple(random.randint(0, d) for d in shape)] = special
        for op, ufunc in ((ReduceMax((axis,)), np.maximum), (ReduceMin((axis,)), np.minimum)):
            alone, after = bevel.jit(lambda x, op=op: (op(x), op(2 * x + 1)))(x)
            exact = ufunc.reduce(x.astype(np.float64), axis)
            np.testing.assert_array_equal(np.asarray(alone).astype(np.float64), exact)
            np.testing.assert_array_equal(np.asarray(after).astype(np.float64), 2 * exact + 1)


def test_infinities_of_both_signs_are_no_nan():
    x = np.zeros((8, 512), np.float32)
    x[:, 3], x[:, 400] = np.inf, -np.inf
    np.testing.assert_array_equal(ReduceMax((1,))(x), np.full(8, np.inf))
    np.testing.assert_array_equal(ReduceMin((1,))(x), np.full(8, -np.inf))


@pytest.mark.parametrize(
    "shape, axis",
    [
        ((8, 512), 1), ((512, 8), 0), ((40, 100), 1), ((3, 100, 4), 1), ((3, 1009), 1), ((700, 17), 1), ((9001,), 0),
        ((2, 70_001), 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["int32", "uint32", "int8", "uint8", "int16", "uint16", "bool", "int64"])
def test_the_first_of_equal_integers_is_found(shape, axis, name):
    x = np.random.RandomState(1).randint(0, 2**31 if name == "uint32" else 5, shape).astype(name)
    x[tuple(d // 2 for d in shape)] = x.max() if name == "bool" else np.iinfo(name).max
    with bevel.enable_x64(name == "int64"):
        np.testing.assert_array_equal(Argmax((axis,), INT32)(x), np.argmax(x, axis))
        np.testing.assert_array_equal(Argmin((axis,), INT32)(x), np.argmin(x, axis))
        x[...] = x.min()  # the least of a dtype everywhere
        assert not np.any(Argmax((axis,), INT32)(x))


@pytest.mark.parametrize(
    "shape, axis", [((90, 100), 1), ((100, 90), 0), ((450, 20), 1), ((20, 600), 1), ((3, 70_001), 1)]
)
@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_the_first_of_equal_floats_is_found(shape, axis, name):
    """Packed with their places, zeros of both signs are alike, and so are all NaN: what is given, moved, computed."""
    random = np.random.RandomState(7)
    x = random.randint(-3, 3, shape).astype(getattr(ml_dtypes, name, name))
    x[random.rand(*shape) < 0.3] = -0.0
    zeros = np.where(random.rand(*shape) < 0.5, -0.0, 0.0).astype(x.dtype)
    holed = x.copy()
    for special in (-math.inf, math.inf, math.nan, math.copysign(math.nan, -1), math.nan):
        holed[tuple(random.randint(0, d) for d in shape)] = special
    for numbers in (x, zeros, holed):
        for op, find in ((Argmax((axis,), INT32), np.argmax), (Argmin((axis,), INT32), np.argmin)):
            alone, moved, computed = bevel.jit(lambda x, op=op: (op(x), op(x[::-1]), op(2 * x + 1)))(numbers)
            wide = numbers.astype(np.float64)
            np.testing.assert_array_equal(alone, find(wide, axis))
            np.testing.assert_array_equal(moved, find(wide[::-1], axis))
            np.testing.assert_array_equal(computed, find(2 * wide + 1, axis))


@pytest.mark.parametrize("shape", [(64, 256), (4, 100), (2, 5), (30_000,)])
def test_what_is_computed_in_16_bits_is_rounded_before_it_is_compared(shape):
    """XLA's CPU compiler computes bfloat16 in float32, in which numbers differ that are equal once rounded."""
    x = np.ones(shape, ml_dtypes.bfloat16)
    tiny = np.linspace(0, 2**-12, shape[-1]).astype(ml_dtypes.bfloat16)
    assert not np.any(bevel.jit(lambda x, y: bevel.lax.argmax(x + y, len(shape) - 1, INT32))(x, tiny))


def special_values(repeats):
    bits = np.asarray([0x7FC00001, 0xFFC00002, 0x7F800003], np.uint32).view(np.float32)
    numbers = np.asarray([0, -0.0, np.nan, 1, -np.inf, np.inf, -0.0, 0, -1], np.float32)
    return np.tile(np.concatenate([numbers, bits]), repeats)


@pytest.mark.parametrize("repeats", [1, 60, 600])  # sorted by a comparator, as packed integers, and by NumPy
def test_sort_gives_each_value_back_bit_for_bit(repeats):
    x = special_values(repeats)
    order = np.lexsort([x])
    values, index = Sort(0)(x, np.arange(x.size, dtype=np.int32))
    np.testing.assert_array_equal(index, order)
    np.testing.assert_array_equal(np.asarray(values).view(np.uint32), x[order].view(np.uint32))
    [alone] = Sort(0)(x)
    np.testing.assert_array_equal(np.asarray(alone).view(np.uint32), x[order].view(np.uint32))


@pytest.mark.parametrize("k", [5, 700])  # few by a heap, many by sorting
def test_top_k_is_in_the_total_order(k):
    x = special_values(60)
    bits = x.view(np.int32)
    order = np.argsort(~np.where(bits < 0, bits ^ np.int32(2**31 - 1), bits), kind="stable")[:k]
    values, index = TopK(k, 0)(x)
    np.testing.assert_array_equal(index, order)
    np.testing.assert_array_equal(np.asarray(values).view(np.uint32), x[order].view(np.uint32))


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float8_e4m3fn", "int8", "uint16", "bool", "float32"])
@pytest.mark.parametrize("shape, k, is_kept", [((6, 1000), 10, True), ((6, 1000), 60, False), ((20_000,), 3, True)])
def test_top_k_keeps_few_of_any_narrow_dtype_and_sorts_for_many(name, shape, k, is_kept):
    """A heap of 60 of each 1,000 would take longer than to sort them; of 16 bits it is kept in float32."""
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    random = np.random.RandomState(4)
    x = random.randint(0, 2 if name == "bool" else 100, shape).astype(dtype)
    if dtype.kind not in "biu":
        x = (random.randint(-50, 50, shape) / 8).astype(dtype)
        x.reshape(-1)[::97], x.reshape(-1)[5::101], x.reshape(-1)[7::103] = np.nan, -0.0, 0.0
    op = TopK(k, len(shape) - 1)
    values, index = bevel.jit(op)(x)
    expected, places = op.reference(x)
    np.testing.assert_array_equal(index, places)
    np.testing.assert_array_equal(np.asarray(values).astype(np.float32), expected.astype(np.float32))
    assert values.dtype == dtype
    assert ("chlo.top_k" in bevel.jit(op).lower(x).as_text()) is is_kept


NAMES = ["bool", "int8", "uint32", "int64", "uint64", "bfloat16", "float32", "float64"]
ONE_OF_THEM = pytest.param("float32", marks=pytest.mark.smoke)


@pytest.mark.parametrize("name", [ONE_OF_THEM, *[name for name in NAMES if name != "float32"], "complex64"])
def test_large_arrays_are_sorted_as_small_ones(name):
    """On both sides of the size from which NumPy sorts, and for the three forms: values alone, one key, two keys."""
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    random = np.random.RandomState(2)
    for shape, axis in (((WORTH_CALLING - 1,), 0), ((128, WORTH_CALLING // 64), 0), ((WORTH_CALLING // 64, 128), 1)):
        if dtype.kind in "biu":
            x = random.randint(0, 100, shape).astype(dtype)
            if dtype.itemsize == 8:
                x = x << np.asarray(57).astype(dtype)  # the highest bit too
        else:
            x = special_values(math.prod(shape) // 12 + 1)[: math.prod(shape)].reshape(shape)
            with np.errstate(invalid="ignore"):
                x = random.permutation(x.ravel()).reshape(shape).astype(dtype)
        places = np.arange(x.size, dtype=np.int32).reshape(shape)
        with settings.enable_x64(True):
            for op, operands in (
                (Sort(axis), [x]),
                (Sort(axis), [x, places]),
                (Sort(axis, True, 2), [places % 5, x, places]),
            ):
                for result, expected in zip(op(*operands), op.reference(*operands), strict=True):
                    assert np.asarray(result).tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("shape, axes", [((64, 96), (0,)), ((64, 96), (1,)), ((64, 96), (0, 1)), ((5000,), (0,))])
def test_truths_of_large_arrays(shape, axes):
    """Large ones are reduced as bytes."""
    random = np.random.RandomState(2)
    for share in (0.0, 0.0005, 0.9995, 1.0):
        x = random.rand(*shape) < share
        np.testing.assert_array_equal(ReduceOr(axes)(x), np.any(x, axes))
        np.testing.assert_array_equal(ReduceAnd(axes)(x), np.all(x, axes))


@pytest.mark.skipif(bevel.default_backend() != "cpu", reason="it is a form for CPUs")
@pytest.mark.parametrize("shape, axis", [((10_000,), None), ((100, 1000), 1)])
def test_counting_has_no_windows(shape, axis):
    """XLA cuts axes longer than 32 into windows, in a kernel more, unless they are cut into short ones."""
    mask = np.random.RandomState(3).rand(*shape) < 0.5
    program = bevel.jit(lambda x: bevel.numpy.sum(x, axis)).lower(mask).compile()
    assert "reduce-window" not in program.as_text()
    np.testing.assert_array_equal(program(mask), mask.sum(axis))


@pytest.mark.parametrize(
    "shape, axis", [((100, 96), 0), ((64, 400), 1), ((80, 400), None), ((20, 20, 40), (0, 1)), ((9, 1009), 1)]
)
def test_truths_are_counted_exactly(shape, axis):
    """Blocks of them are summed as bytes, which must not overflow."""
    random = np.random.RandomState(3)
    for share in (0.0, 0.3, 1.0):
        x = random.rand(*shape) < share
        for dtype in ("int32", "float32"):
            found = bevel.jit(lambda x: bevel.numpy.sum(x, axis, dtype=dtype))(x)  # noqa: B023
            np.testing.assert_array_equal(found, np.sum(x, axis, dtype=dtype))
            assert found.dtype == dtype

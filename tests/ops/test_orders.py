"""NaN, signed zeros and ties, where derivatives have no say and so the laws' samples have none."""

import numpy as np
import pytest

import bevel  # noqa: F401  (puts the evaluating interpreter in place)
from bevel.ops.reductions import Argmax, Argmin, ReduceMax, ReduceMin
from bevel.ops.sort import Sort, TopK

INT32 = np.dtype("int32")
SHAPES = [((8, 512), 1), ((512, 8), 0), ((64, 64), 1), ((4, 4096), 1), ((3, 1009), 1), ((2048,), 0), ((5000,), 0)]


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


def test_infinities_of_both_signs_are_no_nan():
    x = np.zeros((8, 512), np.float32)
    x[:, 3], x[:, 400] = np.inf, -np.inf
    np.testing.assert_array_equal(ReduceMax((1,))(x), np.full(8, np.inf))
    np.testing.assert_array_equal(ReduceMin((1,))(x), np.full(8, -np.inf))


def special_values(repeats):
    bits = np.asarray([0x7FC00001, 0xFFC00002, 0x7F800003], np.uint32).view(np.float32)
    numbers = np.asarray([0, -0.0, np.nan, 1, -np.inf, np.inf, -0.0, 0, -1], np.float32)
    return np.tile(np.concatenate([numbers, bits]), repeats)


@pytest.mark.parametrize("repeats", [1, 60])  # sorted by a comparator, and as packed integers
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

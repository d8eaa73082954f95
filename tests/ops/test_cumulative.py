"""Long axes, which are cut into pieces: each form, both directions, whole numbers exactly and floats closely."""

import re

import numpy as np
import pytest

import bevel
from bevel import lax
from bevel.ops.cumulative import Cummax, Cumsum

# one piece; two, and one element more than they hold; pieces left over by the streams; rows of several pieces; rows
# whose length has no divisors, filled up and not
SHAPES = [((4096,), 0), ((4097,), 0), ((20_011,), 0), ((3, 8195), 1), ((7, 97), 1), ((5, 61), 1), ((5000, 3), 0)]


@pytest.mark.parametrize("shape, axis", SHAPES)
@pytest.mark.parametrize("reverse", [False, True])
def test_pieces_are_joined(shape, axis, reverse):
    x = np.random.RandomState(0).randint(-50, 50, shape).astype(np.int32)
    turned = np.flip(x, axis) if reverse else x
    for op, ufunc in ((Cumsum, np.add), (Cummax, np.maximum)):
        expected = ufunc.accumulate(turned, axis)
        expected = np.flip(expected, axis) if reverse else expected
        np.testing.assert_array_equal(op(axis, reverse)(x), expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_long_row_goes_by_turns_of_eight_and_its_pieces_are_joined_apart(reverse):
    """Else the engine bounds an index for every element, and looks up its piece for every element."""
    program = bevel.jit(lambda x: lax.cumsum(x, reverse=reverse)).lower(np.zeros(100_000, np.float32)).as_text()
    assert "tensor<12500x8xf32>" in program
    assert re.search(r"call @apart.*tensor<1x25x1xf32>, tensor<1x25x4000x1xf32>", program)


def test_rounding_errors_stay_those_of_short_stretches():
    x = np.random.RandomState(0).rand(100_003).astype(np.float32)
    expected = np.cumsum(x, dtype=np.float64)
    assert np.max(np.abs(np.asarray(Cumsum(0)(x)) / expected - 1)) < 2e-6  # NumPy's own float32 sum: 4e-5


def test_what_is_not_finite_stays_where_it_is():
    x = np.ones(10_000, np.float32)
    x[7000], x[9000] = np.inf, np.nan
    y = np.asarray(Cumsum(0)(x))
    assert np.isfinite(y[:7000]).all() and np.isinf(y[7000:9000]).all() and np.isnan(y[9000:]).all()

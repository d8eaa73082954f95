"""Reductions over segments agree with a loop over rows."""

import importlib

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import segments

DATA = np.asarray([[1.0, -2.0], [3.0, 0.5], [-1.5, 4.0], [2.0, 2.0], [7.0, -7.0], [0.25, 9.0]], np.float32)
IDS = np.asarray([2, 0, -1, 2, 9, 0])
WAYS = {
    "segment_sum": (np.add, 0),
    "segment_prod": (np.multiply, 1),
    "segment_min": (np.minimum, np.inf),
    "segment_max": (np.maximum, -np.inf),
}


def loop(name, data, ids, count, clip=False):
    combine, first = WAYS[name]
    result = np.full((count, *data.shape[1:]), first, np.float64)
    for row, i in zip(data, ids, strict=True):
        i = min(max(i, 0), count - 1) if clip else i
        if 0 <= i < count:
            result[i] = combine(result[i], row)
    return result


@pytest.mark.parametrize("name", WAYS)
def test_as_a_loop_over_rows(name):
    function = getattr(segments, name)
    np.testing.assert_allclose(function(DATA, IDS, 4), loop(name, DATA, IDS, 4), rtol=1e-6)
    np.testing.assert_allclose(function(DATA, IDS, 4, bucket_size=4), loop(name, DATA, IDS, 4), rtol=1e-6)
    np.testing.assert_allclose(function(DATA, IDS, 4, mode="clip"), loop(name, DATA, IDS, 4, True), rtol=1e-6)
    order = np.argsort(IDS)
    np.testing.assert_allclose(
        function(DATA[order], IDS[order], 4, indices_are_sorted=True), loop(name, DATA, IDS, 4), rtol=1e-6
    )
    assert function(DATA, IDS).shape == (10, 2)  # as many as the largest number asks
    jitted = bevel.jit(lambda d, i: bevel.vmap(lambda d: function(d, i, 4), in_axes=1, out_axes=1)(d))
    np.testing.assert_allclose(jitted(DATA, IDS), loop(name, DATA, IDS, 4), rtol=1e-6)
    assert function(np.zeros((0, 2), np.float32), np.zeros(0, int), 3).shape == (3, 2)
    for few in (DATA[:1], np.float32(1.5)):  # one row, or a number, for all
        all_rows = np.broadcast_to(few, (6, *np.shape(few)[1:]))
        np.testing.assert_allclose(function(few, IDS, 4), loop(name, all_rows, IDS, 4), rtol=1e-6)


def test_empty_segments_of_integers_and_booleans():
    info = np.iinfo(np.int32)
    data, ids = jnp.array([5, -3]), jnp.array([0, 0])
    assert segments.segment_min(data, ids, 2).tolist() == [-3, info.max]
    assert segments.segment_max(data, ids, 2).tolist() == [5, info.min]
    assert segments.segment_max(data > 0, ids, 2).tolist() == [True, False]


def test_into_no_segments_nothing_is_written():
    rows, numbers = jnp.ones((3, 2)), jnp.array([0, 1, -1])
    assert segments.segment_sum(rows, numbers, 0).shape == (0, 2)
    assert bevel.jit(lambda i: jnp.zeros(0).at[i].add(1.0))(numbers).shape == (0,)
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 0 with size 0"):
        jnp.zeros(0).at[3].add(1.0)


def test_gradients_go_back_to_the_rows():
    weights = jnp.arange(8.0).reshape(4, 2)
    slope = bevel.grad(lambda d: (segments.segment_sum(d, IDS, 4) * weights).sum())(DATA)
    np.testing.assert_array_equal(slope, [[4, 5], [0, 1], [0, 0], [4, 5], [0, 0], [0, 1]])
    slope = bevel.grad(lambda d: segments.segment_max(d, IDS, 4)[2, 0])(DATA)
    np.testing.assert_array_equal(slope, (np.arange(12).reshape(6, 2) == 6).astype(float))


def test_refusals_are_letters():
    with pytest.raises(ValueError, match=r"segment_sum: num_segments must be non-negative; got -1 at .*test_segments"):
        segments.segment_sum(DATA, IDS, -1)
    with pytest.raises(ValueError, match=r"one number a row.*data of shape \(6, 2\) and segment_ids of shape \(5,\)"):
        segments.segment_sum(DATA, IDS[:5], 3)
    with pytest.raises(TypeError, match="num_segments, the size of its result"):
        bevel.jit(segments.segment_sum)(DATA, IDS)
    with pytest.raises(ValueError, match="bucket_size is at least 1"):
        segments.segment_sum(DATA, IDS, 3, bucket_size=0)


def test_ops_shows_them_under_the_name_that_users_of_jax_know():
    ops = importlib.import_module("bevel.ops")
    assert ops.segment_sum is segments.segment_sum and "segment_max" in dir(ops)
    with pytest.raises(AttributeError):
        _ = ops.segment_median

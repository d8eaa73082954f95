"""Pieces of unequal size go where they are sent: against a loop in NumPy, with their gradients."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.sharding import Mesh, PartitionSpec
from bevel.testing import check_grads

EXAMPLES, PIECES, ROWS, ROOM = 4, 8, 11, 13


def by_loop(x, y, starts, sizes, places, groups):
    """What each example gets, piece after piece."""
    y = np.array(y)
    for group in groups:
        slots = starts.shape[1] // len(group)
        for source in group:
            for k in range(starts.shape[1]):
                for i in range(sizes[source, k]):
                    if places[source, k] + i < y.shape[1]:
                        y[group[k // slots], places[source, k] + i] = x[source, starts[source, k] + i]
    return y


def drawn(groups, trailing=(), dtype=np.float32):
    """Operands in which pieces of different examples never lie over one another, but may end beyond the output."""
    random = np.random.RandomState(len(groups) + len(trailing))
    x, y = (random.randn(EXAMPLES, n, *trailing).astype(dtype) for n in (ROWS, ROOM))
    sizes = random.randint(0, 3, (EXAMPLES, PIECES))
    starts = random.randint(0, ROWS - 2, (EXAMPLES, PIECES))
    places = np.zeros_like(sizes)
    for group in groups:
        slots = PIECES // len(group)
        for number in range(len(group)):
            at = 0
            for source in group:
                for k in range(number * slots, (number + 1) * slots):
                    places[source, k] = at
                    at += sizes[source, k]
    return x, y, *[v.astype(np.int32) for v in (starts, sizes, places)]


def exchanged(groups):
    return lambda x, y, starts, sizes, places: lax.ragged_all_to_all(
        x, y, starts, sizes, places, sizes, axis_name="i", axis_index_groups=groups
    )


@pytest.mark.parametrize("groups", [None, [[0, 3], [2, 1]]])
@pytest.mark.parametrize("trailing", [(), (2, 3)])
def test_pieces_go_where_they_are_sent(groups, trailing):
    given = drawn(groups or [range(EXAMPLES)], trailing)
    wanted = by_loop(*given, groups or [range(EXAMPLES)])
    assert np.array_equal(bevel.vmap(exchanged(groups), axis_name="i")(*given), wanted)


def test_over_devices_and_of_several_batches():
    given = drawn([range(EXAMPLES)])
    wanted = by_loop(*given, [range(EXAMPLES)])
    mesh, spec = Mesh(np.array(bevel.devices()[:EXAMPLES]), ("i",)), PartitionSpec("i")
    rows = lambda *args: exchanged(None)(*[v[0] for v in args])[None]
    over = bevel.jit(bevel.shard_map(rows, mesh=mesh, in_specs=spec, out_specs=spec))
    assert np.array_equal(over(*given), wanted)
    x, y, *where = given
    twice = bevel.vmap(bevel.vmap(exchanged(None), axis_name="i"), (0, None, None, None, None))
    assert np.array_equal(twice(np.stack([x, -x]), y, *where)[1], by_loop(-x, y, *where, [range(EXAMPLES)]))


def test_gradients_go_back():
    x, y, *where = drawn([range(EXAMPLES)])
    x, y = x.astype(np.float64), y.astype(np.float64)
    with bevel.enable_x64(True):
        f = lambda x, y: jnp.sin(bevel.vmap(exchanged(None), axis_name="i")(x, y, *where)).sum()
        check_grads(f, (x, y), order=2)


def test_what_does_not_fit_is_refused():
    x, y, starts, sizes, places = drawn([range(EXAMPLES)])
    run = lambda *args: bevel.vmap(exchanged(None), axis_name="i")(*args)
    with pytest.raises(ValueError, match=r"of one length, a multiple of 4; got input_offsets \[7\]"):
        run(x, y, starts[:, :7], sizes[:, :7], places[:, :7])
    with pytest.raises(TypeError, match=r"takes send_sizes in integers; got f32\[8\]"):
        run(x, y, starts, sizes.astype(np.float32), places)
    with pytest.raises(ValueError, match=r"of one dtype and shape; got f32\[11\] and i32\[13\]"):
        run(x, y.astype(np.int32), starts, sizes, places)
    with pytest.raises(NameError, match="unbound axis name"):
        exchanged(None)(x[0], y[0], starts[0], sizes[0], places[0])

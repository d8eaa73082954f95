"""Arrays of one number lie where they are asked to, or where the array lies that they are like; programs run where their
operands are."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.errors import DeviceMismatchError
from bevel.sharding import Mesh, NamedSharding, SingleDeviceSharding
from bevel.sharding import PartitionSpec as P

DEVICES = bevel.devices()
MESH = Mesh(np.array(DEVICES[:2]), ("x",))
CUT, WHOLE, THIRD = NamedSharding(MESH, P("x")), NamedSharding(MESH, P()), SingleDeviceSharding(DEVICES[2])
FILLED = [
    lambda like, **words: jnp.zeros_like(like, **words),
    lambda like, **words: jnp.ones_like(like, **words),
    lambda like, **words: jnp.empty_like(like, **words),
    lambda like, **words: jnp.full_like(like, 7, **words),
    lambda like, **words: lax.full_like(like, 7, **words),
]


def lies(array, sharding):
    return array.sharding.is_equivalent_to(sharding, array.ndim) and array.committed


@pytest.mark.parametrize("fill", FILLED)
@pytest.mark.parametrize("sharding", [CUT, WHOLE, THIRD])
def test_what_is_like_an_array_lies_with_it(fill, sharding):
    x = bevel.device_put(np.arange(6.0, dtype=np.float32), sharding)
    assert lies(fill(x), sharding) and lies(fill(x, dtype=int), sharding)
    assert lies(fill(bevel.ShapeDtypeStruct((6,), "float32", sharding=sharding)), sharding)
    other = fill(x, shape=(4,))  # which is not cut as x is
    assert not other.committed if sharding is CUT else lies(other, sharding)
    assert np.array_equal(fill(x), fill(np.asarray(x)))
    lies_nowhere = bevel.device_put(jnp.broadcast_to(2.0, (6,)), sharding)
    assert lies_nowhere.weak_type and not fill(lies_nowhere).committed


@pytest.mark.parametrize("fill", FILLED)
def test_what_lies_anywhere_stays_so(fill):
    for x in (jnp.arange(6.0), np.arange(6.0), 2.0):
        assert not fill(x).committed
    assert bevel.jit(fill)(jnp.arange(6.0)).shape == bevel.vmap(fill)(jnp.arange(6.0)).shape == (6,)


def test_a_sharding_of_the_result_is_a_wish_as_a_device_is():
    with bevel.set_mesh(bevel.make_mesh((2,), ("x",))):
        for made in (
            jnp.zeros(6, out_sharding=P("x")), jnp.ones(6, out_sharding=CUT), jnp.full(6, 7, out_sharding=P("x")),
            jnp.empty(6, out_sharding=CUT), jnp.full_like(jnp.ones(6), 7, out_sharding=P("x")),
            jnp.zeros_like(jnp.ones(6), out_sharding=P("x")), jnp.ones_like(jnp.ones(6), out_sharding=P("x")),
            jnp.arange(6, out_sharding=P("x")), jnp.arange(0.0, 6, out_sharding=P("x")),
            jnp.array(np.arange(6), out_sharding=CUT), jnp.asarray(jnp.arange(6), out_sharding=P("x")),
        ):  # fmt: skip
            assert made.sharding.spec == P("x") and len(made.devices()) == 2


@pytest.mark.parametrize("sharding", [CUT, WHOLE, THIRD])
def test_they_are_made_where_they_are_asked_for(sharding):
    elsewhere = bevel.device_put(7.0, DEVICES[3])
    for made in (
        jnp.zeros(6, device=sharding), jnp.ones(6, device=sharding), jnp.full(6, 7.0, device=sharding),
        jnp.full((), 7, device=sharding) if sharding is not CUT else jnp.full(2, 7, device=sharding),
        jnp.full(6, elsewhere, device=sharding), jnp.full(6, np.full(6, 7.0), device=sharding),
        lax.full((6,), 7.0, sharding=sharding), lax.full((6,), elsewhere, sharding=sharding),
        lax.full_like(jnp.arange(6), 7, sharding=sharding), lax.empty((6,), "int32", out_sharding=sharding),
        jnp.zeros_like(elsewhere, shape=(6,), device=sharding),
    ):  # fmt: skip
        assert lies(made, sharding)
        assert set(np.unique(made).tolist()) <= {0, 1, 7}


def test_keys_are_filled_with_words():
    keys = bevel.random.split(bevel.random.key(0), 3)
    for made in (jnp.full_like(keys, 5), lax.full_like(keys, 5)):
        assert made.dtype == keys.dtype and made.shape == (3,)
        assert (bevel.random.key_data(made) == 5).all()
    assert jnp.full_like(keys, keys[1])[2] == keys[1]
    with pytest.raises(TypeError, match="one number"):
        jnp.full_like(keys, jnp.arange(3))


@pytest.mark.parametrize("sharding", [CUT, WHOLE, THIRD])
def test_operands_that_a_program_leaves_out_say_nothing_of_where_it_runs(sharding):
    x = bevel.device_put(np.arange(6.0, dtype=np.float32), sharding)
    here = bevel.device_put(1.0, DEVICES[1])
    for f in (lambda x: 3, jnp.zeros_like, lambda x: np.ones(3), lambda x: x.size, bevel.grad(lambda x: 3.0)):
        assert not bevel.jit(f)(x).committed
    assert bevel.jit(lambda x, y: y + 1)(x, here).sharding == here.sharding
    if sharding is THIRD:
        with pytest.raises(DeviceMismatchError):
            bevel.jit(lambda x, y: x + y)(x, here)
    assert bevel.jit(lambda x: 3, keep_unused=True)(x).sharding.device_set == x.sharding.device_set


@pytest.mark.parametrize("sharding", [CUT, WHOLE, THIRD])
def test_what_is_found_lies_with_what_was_searched(sharding):
    x = bevel.device_put(np.array([0, 1, 0, 2, 3, 0]), sharding)
    for found in (*jnp.nonzero(x), jnp.flatnonzero(x), jnp.argwhere(x)):
        assert found.ravel().tolist() == [1, 3, 4]
        assert lies(found, WHOLE if sharding is CUT else sharding)
    assert not jnp.nonzero(jnp.arange(3))[0].committed


def test_an_array_is_filled_with_a_scalar():
    """Also like a number, which arrays of one size were once repeated over."""
    for like in (1.5, jnp.ones(3), jnp.ones(2), jnp.ones(1)):
        for value in (jnp.ones(2), np.ones(1)):
            for call in (lax.full_like, bevel.jit(lambda like, value: lax.full_like(like, value))):
                with pytest.raises(TypeError, match=r"lax.full_like takes a scalar to fill with; got f32\[[12]\] at"):
                    call(like, value)
    assert lax.full_like(1.5, np.float64(2)).shape == ()

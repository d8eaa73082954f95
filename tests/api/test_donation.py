"""Memory that is given away: whatever is then asked of the array ends in a letter that names who has taken it."""

import copy
import pickle

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.errors import DonatedBufferError

add_one = bevel.jit(lambda x: x + 1)

USES = {
    "an operator": lambda x: x + 1,
    "an operator, on the right": lambda x: 1 - x,
    "a comparison": lambda x: x == 1,
    "a function in C++": lambda x: jnp.sin(x),
    "a function with static arguments": lambda x: jnp.sum(x, axis=0),
    "an operation": lambda x: bevel.lax.exp(x),
    "a jitted function": add_one,
    "a jitted function that closes over it": lambda x: bevel.jit(lambda y: y + x)(1.0),
    "a derivative": lambda x: bevel.grad(lambda x: (x * x).sum())(x),
    "vmap": lambda x: bevel.vmap(lambda x: x * 2)(x),
    "an element": lambda x: x[0],
    "an update": lambda x: x.at[0].set(1.0),
    "a method": lambda x: x.sum(),
    "another shape": lambda x: x.reshape(2, 2),
    "a copy": lambda x: x.copy(),
    "a deep copy": copy.deepcopy,
    "rows": list,
    "NumPy": np.asarray,
    "a NumPy function": np.sin,
    "another library": np.from_dlpack,
    "bytes": lambda x: x.tobytes(),
    "an item": lambda x: x.item(),
    "text": str,
    "a format": lambda x: f"{x}",
    "a pickle": pickle.dumps,
    "a tree": lambda x: bevel.tree.map(lambda a: a + 1, {"a": x}),
    "a device": lambda x: bevel.device_put(x, bevel.devices()[0]),
    "the host": bevel.device_get,
    "waiting": bevel.block_until_ready,
    "being ready": lambda x: x.is_ready(),
    "its size": lambda x: x.on_device_size_in_bytes(),
    "its address": lambda x: x.unsafe_buffer_pointer(),
    "a clone": lambda x: x.clone(),
    "its platform": lambda x: x.platform(),
}


@pytest.fixture(scope="module")
def given_away():
    def step(state, rate):
        return state + rate

    for name, use in USES.items():
        if name != "an item":
            use(jnp.arange(4.0))  # C++ has then seen arrays of that kind
    x = jnp.arange(4.0)
    bevel.jit(step, donate_argnums=0)(x, 1.0)
    return x


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_of_a_donated_array_says_who_has_taken_it(use, given_away):
    with pytest.raises(DonatedBufferError) as raised:
        use(given_away)
    letter = str(raised.value)
    assert "An array f32[4] was used at " in letter and len(letter.split("\n")) == 2
    assert "step takes over the memory of its argument state (donate_argnums)" in letter
    assert "give step a copy, x.copy(), or don't donate state" in letter


def test_what_stays_known_of_a_donated_array(given_away):
    assert given_away.is_deleted() and given_away.shape == (4,) and given_away.dtype == np.float32
    assert given_away.format.layout is None and given_away.format.sharding == given_away.sharding
    assert repr(given_away) == "<deleted Array f32[4]>"
    assert bevel.tree.leaves({"a": given_away})[0] is given_away


def test_a_deleted_array_says_so():
    x = jnp.ones(3) * 1
    x.delete()
    with pytest.raises(DonatedBufferError, match=r"away, by donate_argnums or delete\(\)"):
        x + 1


@pytest.mark.parametrize(
    "options, call, gone",
    [
        ({"donate_argnums": 1}, lambda f, a, b: f(a, b), "b"),
        ({"donate_argnums": -1}, lambda f, a, b: f(a, b), "b"),
        ({"donate_argnums": (0, 1)}, lambda f, a, b: f(a, b), "ab"),
        ({"donate_argnames": "a"}, lambda f, a, b: f(a, b), "a"),
        ({"donate_argnames": "a"}, lambda f, a, b: f(b=b, a=a), "a"),
        ({"donate_argnums": 0}, lambda f, a, b: f(a, b=b), "a"),
    ],
)
def test_the_letter_names_the_argument_however_it_was_given(options, call, gone):
    def f(a, b):
        return a * 2, b["w"] * 2

    a, b = jnp.ones(3) * 1, {"w": jnp.ones(5) * 1}
    compiled = bevel.jit(f, **options)
    call(compiled, a, b)
    for name, leaf in (("a", a), ("b", b["w"])):
        assert leaf.is_deleted() is (name in gone)
        if name in gone:
            with pytest.raises(DonatedBufferError, match=f"f takes over the memory of its argument {name} "):
                leaf + 1
    with pytest.raises(TypeError, match="f is missing an argument: 'a'|missing"):
        compiled()


def test_optional_and_open_arguments_are_named_too():
    def f(a, b=1.0, *rest, **more):
        return a * b, [r * 2 for r in rest], {k: v * 2 for k, v in more.items()}

    arrays = [jnp.full(4, i) * 1.0 for i in range(4)]
    bevel.jit(f, donate_argnums=(0, 2), donate_argnames="key")(*arrays[:3], key=arrays[3])
    for array, name in ((arrays[0], "a"), (arrays[2], "rest"), (arrays[3], "key")):
        with pytest.raises(DonatedBufferError, match=f"its argument {name} "):
            array + 1
    assert float(arrays[1][0]) == 1.0


def test_an_array_that_the_program_could_not_take_over_stays():
    f = bevel.jit(lambda x: x.sum(), donate_argnums=0)
    x = jnp.ones(3) * 1
    assert float(f(x)) == 3.0 == float(f(x)) == float((x * 1).sum())


def _host_numbers(shape, offset):
    """Ones at a place of memory that ends so: XLA would use what lies at a multiple of 64 as it is."""
    memory = np.zeros(4 * int(np.prod(shape)) + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    numbers = memory[start : start + 4 * int(np.prod(shape))].view(np.float32).reshape(shape)
    numbers[...] = 1
    return numbers


PUT = {
    "array": jnp.array,
    "asarray": jnp.asarray,
    "asarray of that dtype": lambda x: jnp.asarray(x, np.float32),
    "device_put": bevel.device_put,
    "device_put to a device": lambda x: bevel.device_put(x, bevel.devices()[0]),
    "device_put to a mesh": lambda x: bevel.device_put(
        x, bevel.sharding.NamedSharding(bevel.make_mesh((1,), ("x",)), bevel.sharding.PartitionSpec("x"))
    ),
    "make_array_from_callback": lambda x: bevel.make_array_from_callback(
        x.shape, bevel.sharding.SingleDeviceSharding(bevel.devices()[0]), x.__getitem__
    ),
}


@pytest.mark.parametrize("offset", [0, 16, 4])
@pytest.mark.parametrize("shape", [(5,), (300, 50), (1000, 1100)], ids=str)
@pytest.mark.parametrize("name", PUT)
def test_what_is_put_has_memory_of_its_own(name, shape, offset):
    """The caller may write into his, and a program that the array is given to may write into it."""
    numbers = _host_numbers(shape, offset)
    x = PUT[name](numbers)
    numbers[...] = 7
    place = x.unsafe_buffer_pointer()
    assert bevel.jit(lambda x: x.at[2].set(0), donate_argnums=0)(x).unsafe_buffer_pointer() == place
    x = PUT[name](numbers)
    numbers[...] = 9
    assert (np.asarray(x) == 7).all()


@pytest.mark.parametrize("name", PUT)
def test_what_is_put_may_lie_anyhow(name):
    wide = np.arange(24.0, dtype=np.float32)
    held = wide.reshape(2, 3, 4)
    for numbers in (held.T, held[:, ::-2], np.broadcast_to(held[:, :1], (2, 3, 4)), held[:0], held[1:, 1:, ::3]):
        np.testing.assert_array_equal(np.asarray(PUT[name](numbers)), numbers)

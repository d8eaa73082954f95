"""Numbers that are kept on the device mean what they meant before they were: in every setting, and to nobody's eyes."""

import gc
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.engine import client, room
from bevel.engine.client import Array
from bevel.transforms import kept_numbers
from bevel.transforms.kept_numbers import KEPT, kept

NUMBERS = [
    *(True, False, 0, 1, 7, -3, 2**31 - 1, -(2**31), 2**31, 2**40),
    *(0.0, -0.0, 1.0, 0.1, -2.5, 1e-45, 1e-300, 1e300, float("inf"), -float("inf"), float("nan"), 16777217.0),
    *(1j, -1j, complex(-0.0, 1.0), complex(0.0, -0.0), 2 + 3j, complex("nan")),
    *(np.bool_(True), np.int8(-5), np.uint8(200), np.int16(7), np.uint32(2**31), np.int64(3), np.int64(2**40)),
    *(np.float16(0.1), np.float32(-0.0), np.float32(0.0), np.float32(0.1), np.float64(0.1), np.float64(1e300)),
    *(np.complex64(1j), np.complex64(complex(-0.0, 1.0)), np.complex128(2j)),
]


def vector(dtype="float32"):
    return jnp.asarray([1, 2, 3], dtype=dtype)


# Each front door that gives numbers to a call in C++, of an array and a number.
DOORS = {
    "+": lambda x, n: x + n,
    "r-": lambda x, n: n - x,
    "*": lambda x, n: x * n,
    "r/": lambda x, n: n / x,
    "==": lambda x, n: x == n,
    "maximum": lambda x, n: jnp.maximum(x, n),
    "minimum of a number": lambda x, n: jnp.minimum(n, x),
    "where": lambda x, n: jnp.where(x > 1, x, n),
    "where of two": lambda x, n: jnp.where(x > 1, n, n),
    "clip": lambda x, n: jnp.clip(x, n, n),
    "power": lambda x, n: jnp.power(x, n),
    "power of a number": lambda x, n: jnp.power(n, x),
    "at[0].set": lambda x, n: x.at[0].set(n),
    "at[1:].add": lambda x, n: x.at[1:].add(n),
    "full": lambda x, n: jnp.full(3, n),
    "full of a dtype": lambda x, n: jnp.full(3, n, x.dtype),
    "full_like": lambda x, n: jnp.full_like(x, n),
    "linspace": lambda x, n: jnp.linspace(n, n, 3),
    "lax.add": lambda x, n: lax.add(x, n),
}
INDICES = {
    "x[2]": lambda x: x[2],
    "x[-1]": lambda x: x[-1],
    "x[1:]": lambda x: x[1:],
    "x[:2]": lambda x: x[:2],
    "x[1, 0]": lambda x: x[:, None][1, 0],
}


def told(function, *args):
    """What a call gives, in all that can be seen of it, or its letter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            y = function(*args)
        except (TypeError, ValueError, OverflowError) as error:
            return type(error), str(error)
    return y.dtype, y.weak_type, y.shape, y.committed, np.asarray(y).tobytes()


def without(function, *args):
    """The same where nothing is kept."""
    held = dict(KEPT)
    KEPT.clear()
    try:
        return told(function, *args)
    finally:
        KEPT.update(held)


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """As in a process that has kept nothing yet, and has used one device alone, whatever ran before in this one."""
    monkeypatch.setattr(client, "_used", {bevel.devices()[0]})
    monkeypatch.setattr(room, "is_short", lambda: False)  # where room is made for programs, all is let go
    kept_numbers.renew()
    assert KEPT
    yield
    monkeypatch.undo()
    kept_numbers.renew()


def keep(number):
    for _ in range(3):
        array = kept(number)
    return array


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_a_call_gives_the_same_before_and_after(door, x64):
    before = bevel.config.jax_enable_x64
    bevel.config.update("jax_enable_x64", x64)
    try:
        for dtype in ("float32", "int32", "uint8", "complex64", "bool"):
            x = vector(dtype)
            for number in NUMBERS:
                wanted = without(DOORS[door], x, number)
                for _ in range(4):
                    assert told(DOORS[door], x, number) == wanted, (dtype, number)
    finally:
        bevel.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("door", INDICES)
def test_an_index_is_a_number_too(door):
    wanted = without(INDICES[door], vector())
    assert [told(INDICES[door], vector()) for _ in range(4)] == [wanted] * 4


@pytest.mark.parametrize("number", [1, 0.5, 0.0, -0.0, True, 1j, np.float32(2), np.int8(3), float("inf")])
def test_the_array_is_the_number(number):
    assert kept(number) is number
    array = keep(number)
    assert type(array) is Array
    assert kept(number) is array
    plain = bevel.jit(lambda n: n)(number)
    assert (array.aval, np.asarray(array).tobytes()) == (plain.aval, np.asarray(plain).tobytes())
    assert not array.committed


@pytest.mark.parametrize("number", [2**40, 1e300, float("nan"), np.float32("nan"), 10**400, "one", None, np.ones(2)])
def test_what_no_array_stands_for_stays_as_it_is(number):
    assert keep(number) is number


def test_numbers_that_are_equal_are_not_taken_for_each_other():
    equal = [1, 1.0, True, np.float32(1), np.int32(1), 1 + 0j], [0.0, -0.0, 0, False, 0j, -0j, np.float32(-0.0)]
    for numbers in equal:
        arrays = [keep(n) for n in numbers]
        assert len({id(a) for a in arrays}) == len(numbers)
        for number, array in zip(numbers, arrays, strict=True):
            assert np.asarray(array).tobytes() == np.asarray(number).astype(array.dtype).tobytes()


class Noting(dict):
    """A table that has no array for any number, and notes which it was asked for."""

    asked: list = []

    def __missing__(self, number):
        self.asked.append(number)
        return number


@pytest.mark.parametrize("door", [*DOORS, *(i for i in INDICES if i != "x[:2]")])
def test_a_call_asks_for_the_array(door, monkeypatch):
    """Without this, all other tests here would pass of a module that keeps nothing. The slice x[:2] has no number."""
    kind, number, call = (float, 2.5, DOORS[door]) if door in DOORS else (int, None, lambda x, _: INDICES[door](x))
    call(vector(), number)
    monkeypatch.setattr(Noting, "asked", [])
    monkeypatch.setitem(KEPT, kind, Noting())
    call(vector(), number)
    asked = list(Noting.asked)
    monkeypatch.undo()
    assert asked if number is None else number in asked


def test_traces_and_programs_have_the_number():
    x = vector()
    programs = [
        lambda: str(bevel.make_jaxpr(lambda y: jnp.where(y > 0.5, y * 2.5, 0.5) + x * 2.5)(x)),
        lambda: bevel.jit(lambda y: jnp.maximum(y, 2.5) + y[1] + x * 2.5).lower(x).as_text(),
        lambda: str(bevel.make_jaxpr(bevel.grad(lambda y: jnp.sum(y * 2.5 + x * 2.5)))(x)),
        lambda: str(bevel.make_jaxpr(bevel.vmap(lambda y: y**2.5 + x.at[1].set(2.5)[0]))(x)),
        lambda: str(bevel.make_jaxpr(lambda y: lax.cond(y, lambda: x * 2.5, lambda: x[2:] * 2.5 + x))(True)),
    ]
    wanted = [program() for program in programs]
    for number in (0.5, 2.5, 0, 1, 2, 3):
        assert type(keep(number)) is Array
    assert [program() for program in programs] == wanted
    assert bevel.jvp(lambda y: x * 2.5 + y, (1.0,), (1.0,))[0].tolist() == [3.5, 6.0, 8.5]


@pytest.mark.parametrize("door", DOORS)
def test_no_result_is_what_is_kept(door):
    x = vector()
    for _ in range(4):
        y = DOORS[door](x, 1.0)
        z = DOORS[door](1.0, 2.0) if door in ("maximum", "minimum of a number", "where of two", "clip", "power") else y
        y.delete()
        if not z.is_deleted():
            bevel.jit(lambda v: v + 1, donate_argnums=0)(z)
    assert not keep(1.0).is_deleted()
    assert told(DOORS[door], x, 1.0) == without(DOORS[door], x, 1.0)


def test_live_arrays_leave_them_out():
    array = keep(3.25)
    assert not any(a is array for a in bevel.live_arrays())
    mine = jnp.ones(2)
    assert any(a is mine for a in bevel.live_arrays())


def test_live_arrays_may_be_asked_for_while_a_thread_lets_all_go(monkeypatch):
    class JustLetGo(dict):
        def __contains__(self, key):
            return True

    monkeypatch.setattr(kept_numbers, "_numbers", JustLetGo())
    mine = jnp.ones(2)
    assert any(a is mine for a in bevel.live_arrays())


def test_all_is_let_go():
    keep(4.5)
    assert len(KEPT[float])
    bevel.clear_caches()
    assert not len(KEPT[float])
    keep(4.5)
    before = bevel.config.jax_enable_x64
    bevel.config.update("jax_enable_x64", not before)
    assert not len(KEPT[float])
    assert keep(4.5).dtype == ("float32" if before else "float64")
    bevel.config.update("jax_enable_x64", before)


def test_a_threads_own_setting_is_heard():
    x = vector()
    keep(0.1)
    with bevel.enable_x64(True):
        assert not KEPT
        with bevel.enable_x64(False):
            assert not KEPT
        assert (jnp.ones(3) * 0.1).dtype == np.float64
    assert len(KEPT[float])
    assert (x * 0.1).dtype == np.float32
    for option in (bevel.default_device(bevel.devices()[0]), bevel.transfer_guard("log")):
        with option:
            assert not KEPT
        assert KEPT


def test_a_guard_for_all_is_heard():
    x = vector()
    keep(1.5)
    bevel.config.update("jax_transfer_guard_host_to_device", "disallow")
    try:
        assert not KEPT
        with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
            x * 1.5
    finally:
        bevel.config.update("jax_transfer_guard_host_to_device", None)
    assert KEPT


def test_other_settings_mean_what_they_meant():
    x = vector("int32")
    for number in (2, 2.5):
        keep(number)
        with bevel.numpy_dtype_promotion("strict"):
            assert told(lambda n: x * n, number) == without(lambda n: x * n, number)
        with bevel.disable_jit():
            assert told(lambda n: x * n, number) == without(lambda n: x * n, number)
        with bevel.debug_nans(True):
            assert told(lambda n: x / n - n, number) == without(lambda n: x / n - n, number)


def test_memory_is_bounded():
    gc.collect()
    for i in range(3000):
        keep(i + 0.5)
        keep(i)
        keep(2.0**200 * (i + 1))  # beyond float32: itself
    assert len(kept_numbers._numbers) <= kept_numbers._MOST
    assert sum(len(numbers) for numbers in KEPT.values()) <= 3 * kept_numbers._MOST
    assert type(keep(0.25)) is Array


def test_threads_that_set_their_own_see_their_own():
    x = {False: vector(), True: np.arange(3.0)}
    wrong = []

    def work(x64, start):
        with bevel.enable_x64(x64):
            mine = jnp.asarray(x[x64])
            for i in range(300):
                n = (start + i) % 7 + 0.1
                y = mine * n
                if y.dtype != ("float64" if x64 else "float32") or not np.allclose(y, np.asarray(mine) * n):
                    wrong.append((x64, n, y))
                if i % 50 == 0:
                    bevel.clear_caches()

    threads = [threading.Thread(target=work, args=(i % 2 == 0, i)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i in range(200):
        y = x[False] * (i % 5 + 0.5)
        assert y.dtype == np.float32
    for thread in threads:
        thread.join()
    assert not wrong
    assert KEPT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_keeps_nothing():
    x = vector()
    for _ in range(4):
        x * 6.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if not child:
        code = 1
        try:
            x * 6.5
        except bevel.errors.ForkedProcessError:
            code = 0 if keep(6.5) == 6.5 and type(keep(6.5)) is float else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_operator_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(vector().__add__))(1.0).tolist() == [2.0, 3.0, 4.0]
    assert pickle.loads(pickle.dumps(bevel.Array.__mul__))(vector(), 2.0).tolist() == [2.0, 4.0, 6.0]


_ELSEWHERE = """
import numpy as np, bevel, bevel.numpy as jnp
from bevel.engine.client import Array
from bevel.transforms.kept_numbers import KEPT, kept
x = jnp.ones(8)
for _ in range(4): y = x * 2.5
assert KEPT and type(kept(2.5)) is Array
MAKE
assert not KEPT
for _ in range(4):
    y = there * 2.5 + 1
    z = jnp.where(there > 0, there, 0.5)
    assert y.sharding.is_equivalent_to(there.sharding, 1) and z.sharding.is_equivalent_to(there.sharding, 1)
    assert y.tolist() == [3.5] * 8
    y = x * 2.5
    assert y.devices() == {bevel.devices()[0]} and not y.committed
"""


@pytest.mark.parametrize(
    "make",
    [
        "there = bevel.device_put(x, bevel.devices()[1])",
        "there = bevel.device_put(x, bevel.sharding.SingleDeviceSharding(bevel.devices()[1])) + 0",
        "there = bevel.jit(lambda: jnp.ones(8), device=bevel.devices()[1])()",
        """
m = bevel.make_mesh((4,), ('a',))
there = bevel.device_put(x, bevel.sharding.NamedSharding(m, bevel.sharding.PartitionSpec('a')))""",
        """
bevel.config.update('jax_default_device', bevel.devices()[1])
there = jnp.ones(8)
bevel.config.update('jax_default_device', None)
there = bevel.device_put(there, bevel.devices()[1])""",
    ],
)
def test_nothing_is_kept_where_arrays_lie_on_several_devices(make):
    code = _ELSEWHERE.replace("MAKE", make)
    environment = os.environ | {"BEVEL_NUM_CPU_DEVICES": "4"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("data", [0, 1, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("x64", [False, True])
def test_an_int_is_folded_into_a_key_as_while_tracing(data, x64):
    with bevel.enable_x64(x64):
        for key in (bevel.random.key(3), bevel.random.PRNGKey(3), bevel.random.key(3, impl="rbg")):
            traced = bevel.jit(lambda k: bevel.random.fold_in(k, data))(key)
            wanted = np.asarray(bevel.random.key_data(traced))
            for _ in range(4):
                assert np.array_equal(bevel.random.key_data(bevel.random.fold_in(key, data)), wanted)

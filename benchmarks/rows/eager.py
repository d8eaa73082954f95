"""One operation at a time on arrays of eight numbers: what is measured is the way to the engine, not the arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("eager")

Run = Callable[[], Any]


def vector(side: Side, shift: float = 0.0) -> Any:
    return side.jnp.asarray(side.np.linspace(-1, 1, 8, dtype="float32") + side.np.float32(shift))


def matrix(side: Side) -> Any:
    return side.jnp.asarray(side.np.eye(8, dtype="float32") + side.np.float32(0.5))


@FAMILY.loop_row("x + y", goal=0.9)
def add(side: Side) -> Run:
    """Sum of two arrays"""
    x, y = vector(side), vector(side, 1)
    return lambda: x + y


@FAMILY.loop_row("x + 1.0")
def add_number(side: Side) -> Run:
    """Sum of an array and a Python float"""
    x = vector(side)
    return lambda: x + 1.0


@FAMILY.loop_row("x * a new number", same_answer=False)
def multiply_new(side: Side) -> Run:
    """Product of an array and a Python float that is another one at each call"""
    x, numbers = vector(side), itertools.count(0.5, 0.37)
    return lambda: x * next(numbers)


@FAMILY.loop_row("x * np.float32")
def multiply_numpy(side: Side) -> Run:
    """Product of an array and a number of NumPy's"""
    x, number = vector(side), side.np.float32(2.5)
    return lambda: x * number


@FAMILY.loop_row("jnp.maximum(x, 0)")
def bound(side: Side) -> Run:
    """The larger of each element and an int"""
    x, maximum = vector(side), side.jnp.maximum
    return lambda: maximum(x, 0)


@FAMILY.loop_row("jnp.where(mask, x, 0.0)")
def choose_number(side: Side) -> Run:
    """Choice between an array and a float"""
    x, jnp = vector(side), side.jnp
    mask = x > 0
    return lambda: jnp.where(mask, x, 0.0)


@FAMILY.loop_row("jnp.clip(x, 0, 1)")
def clip_between(side: Side) -> Run:
    """An array held between two ints"""
    x, clip = vector(side), side.jnp.clip
    return lambda: clip(x, 0, 1)


@FAMILY.loop_row("x[3]", goal=0.3)
def index(side: Side) -> Run:
    """One element"""
    x = vector(side)
    return lambda: x[3]


@FAMILY.loop_row("x[2:5]")
def cut(side: Side) -> Run:
    """A slice"""
    x = vector(side)
    return lambda: x[2:5]


@FAMILY.loop_row("x[indices]")
def gather(side: Side) -> Run:
    """Elements by an array of indices"""
    x, indices = vector(side), side.jnp.asarray(side.np.array([1, 3], "int32"))
    return lambda: x[indices]


@FAMILY.loop_row("x[:, indices]")
def gather_columns(side: Side) -> Run:
    """Columns by an array of indices"""
    x, indices = matrix(side), side.jnp.asarray(side.np.array([1, 3], "int32"))
    return lambda: x[:, indices]


@FAMILY.loop_row("x.at[indices].add", goal=0.2)
def scatter(side: Side) -> Run:
    """Numbers added at an array of indices"""
    x, indices, y = vector(side), side.jnp.asarray(side.np.array([1, 3], "int32")), side.jnp.ones(2)
    return lambda: x.at[indices].add(y)


@FAMILY.loop_row("jnp.add.at")
def ufunc_at(side: Side) -> Run:
    """The same by the method of a ufunc"""
    x, indices, y = vector(side), side.jnp.asarray(side.np.array([1, 3], "int32")), side.jnp.ones(2)
    return lambda: side.jnp.add.at(x, indices, y, inplace=False)


@FAMILY.loop_row("jnp.pad")
def padded(side: Side) -> Run:
    """Zeros put around"""
    x = vector(side)
    return lambda: side.jnp.pad(x, (1, 2))


@FAMILY.loop_row("x[mask]")
def select(side: Side) -> Run:
    """Elements by a mask"""
    x = vector(side)
    mask = x > 0
    return lambda: x[mask]


@FAMILY.loop_row("x.at[3].set", goal=0.2)
def set_element(side: Side) -> Run:
    """A copy with one element replaced"""
    x = vector(side)
    return lambda: x.at[3].set(1.0)


@FAMILY.loop_row("jnp.where")
def where(side: Side) -> Run:
    """A choice between two arrays"""
    jnp, x, y = side.jnp, vector(side), vector(side, 1)
    mask = x > 0
    return lambda: jnp.where(mask, x, y)


@FAMILY.loop_row("jnp.sum")
def total(side: Side) -> Run:
    """Sum of an array"""
    jnp, x = side.jnp, vector(side)
    return lambda: jnp.sum(x)


@FAMILY.loop_row("jnp.std")
def deviation(side: Side) -> Run:
    """Standard deviation: several operations in one function"""
    jnp, x = side.jnp, vector(side)
    return lambda: jnp.std(x)


@FAMILY.loop_row("jnp.concatenate of 4")
def concatenate(side: Side) -> Run:
    """Four arrays end to end"""
    jnp, x, y = side.jnp, vector(side), vector(side, 1)
    return lambda: jnp.concatenate([x, y, x, y])


@FAMILY.loop_row("jnp.stack of 4")
def stack(side: Side) -> Run:
    """Four arrays along a new axis"""
    jnp, x, y = side.jnp, vector(side), vector(side, 1)
    return lambda: jnp.stack([x, y, x, y])


@FAMILY.loop_row("jnp.zeros(8)")
def zeros(side: Side) -> Run:
    """A new array of zeros"""
    jnp = side.jnp
    return lambda: jnp.zeros(8)


@FAMILY.loop_row("jnp.arange(8)")
def arange(side: Side) -> Run:
    """A new array of integers"""
    jnp = side.jnp
    return lambda: jnp.arange(8)


@FAMILY.loop_row("reshape")
def reshape(side: Side) -> Run:
    """A matrix as a vector"""
    a = matrix(side)
    return lambda: a.reshape(-1)


@FAMILY.loop_row(".T")
def transpose(side: Side) -> Run:
    """A matrix transposed"""
    a = matrix(side)
    return lambda: a.T


@FAMILY.loop_row("astype")
def convert(side: Side) -> Run:
    """float32 to int32"""
    x, int32 = vector(side), side.jnp.int32
    return lambda: x.astype(int32)


@FAMILY.loop_row("a @ b")
def matmul(side: Side) -> Run:
    """Product of two 8 × 8 matrices"""
    a = matrix(side)
    return lambda: a @ a


@FAMILY.loop_row("jnp.einsum")
def einsum(side: Side) -> Run:
    """The same product as ij,jk->ik"""
    jnp, a = side.jnp, matrix(side)
    return lambda: jnp.einsum("ij,jk->ik", a, a)


@FAMILY.loop_row("bool(x[0] > 0)", waits=False)
def decide(side: Side) -> Run:
    """A Python decision on one element"""
    x = vector(side)
    return lambda: bool(x[0] > 0)


@FAMILY.loop_row("for element in x", waits=False)
def iterate(side: Side) -> Run:
    """The eight elements, one after the other"""
    x = vector(side)

    def last() -> float:
        *_, element = iter(x)
        return float(element)

    return last


@FAMILY.loop_row("jnp.array of a number")
def number_to_array(side: Side) -> Run:
    """An array of rank 0 of a Python float"""
    array = side.jnp.array
    return lambda: array(3.0)


@FAMILY.loop_row("jnp.array of a list")
def list_to_array(side: Side) -> Run:
    """An array of three Python floats"""
    array, numbers = side.jnp.array, [1.0, 2.0, 3.0]
    return lambda: array(numbers)


@FAMILY.loop_row("jnp.array of lists")
def lists_to_array(side: Side) -> Run:
    """A matrix of 30 lists of 100 Python floats"""
    array, rows = side.jnp.array, [[float(j) for j in range(i, i + 100)] for i in range(30)]
    return lambda: array(rows)


@FAMILY.loop_row("jnp.full_like")
def fill_like(side: Side) -> Run:
    """An array like another, of one number"""
    x, full_like = vector(side), side.jnp.full_like
    return lambda: full_like(x, 2.0)


@FAMILY.loop_row("NumPy to device")
def put(side: Side) -> Run:
    """jnp.asarray of a NumPy array"""
    jnp, x = side.jnp, side.np.ones(8, "float32")
    return lambda: jnp.asarray(x)


@FAMILY.loop_row("bfloat16 to NumPy", goal=1.0, waits=False)
def to_numpy(side: Side) -> Run:
    """What a jitted function gives in bfloat16, which Python's buffers have not, as a NumPy array"""
    compiled, x = side.jax.jit(lambda x: x + 1), side.jnp.ones(8, "bfloat16")
    return lambda: side.np.asarray(compiled(x))


@FAMILY.loop_row("float(jitted scalar)", waits=False)
def to_float(side: Side) -> Run:
    """A jitted call and its scalar as a Python float (a new array each time: an old one may keep its value)"""
    compiled, x = side.jax.jit(lambda x: x + 1), side.jnp.float32(1)
    return lambda: float(compiled(x))


@FAMILY.loop_row("random.key")
def new_key(side: Side) -> Run:
    """A key from a seed"""
    key = side.random.key
    return lambda: key(0)


@FAMILY.loop_row("random.normal")
def normal(side: Side) -> Run:
    """Eight normals"""
    random = side.random
    key = random.key(0)
    return lambda: random.normal(key, (8,))


@FAMILY.loop_row("random.uniform")
def uniform(side: Side) -> Run:
    """Eight uniforms"""
    random = side.random
    key = random.key(0)
    return lambda: random.uniform(key, (8,))


@FAMILY.loop_row("random.split")
def split(side: Side) -> Run:
    """One key into two"""
    random = side.random
    key = random.key(0)
    return lambda: random.split(key)


@FAMILY.loop_row("k1, k2 = random.split")
def split_and_unpack(side: Side) -> Run:
    """One key into two, by name"""
    random = side.random
    key = random.key(0)

    def second() -> Any:
        _, other = random.split(key)
        return other

    return second


@FAMILY.loop_row("random.fold_in")
def fold_in(side: Side) -> Run:
    """A key and a number"""
    random = side.random
    key = random.key(0)
    return lambda: random.fold_in(key, 3)


def three_operations(side: Side) -> Callable[[Any], Any]:
    jnp = side.jnp
    return lambda x: jnp.sum(jnp.tanh(x) * x)


@FAMILY.loop_row("three operations")
def plain(side: Side) -> Run:
    """sum(tanh(x) * x), for scale"""
    function, x = three_operations(side), vector(side)
    return lambda: function(x)


@FAMILY.loop_row("vmap of three operations")
def mapped(side: Side) -> Run:
    """vmap, not jitted, over five rows"""
    function, rows = side.jax.vmap(three_operations(side)), side.jnp.ones((5, 8))
    return lambda: function(rows)


@FAMILY.loop_row("grad of three operations")
def gradient(side: Side) -> Run:
    """grad, not jitted"""
    function, x = side.jax.grad(three_operations(side)), vector(side)
    return lambda: function(x)


@FAMILY.loop_row("jvp of three operations")
def slope(side: Side) -> Run:
    """jvp, not jitted"""
    jvp, function, x = side.jax.jvp, three_operations(side), vector(side)
    return lambda: jvp(function, (x,), (x,))[1]


@FAMILY.loop_row("linearize of three operations")
def linearized(side: Side) -> Run:
    """linearize, not jitted; its linear function is not called"""
    linearize, function, x = side.jax.linearize, three_operations(side), vector(side)
    return lambda: linearize(function, x)[0]


@FAMILY.loop_row("jit of a new lambda")
def new_jit(side: Side) -> Run:
    """jit of a function made for this call, of a program that an earlier call has compiled"""
    jit, x = side.jax.jit, vector(side)
    return lambda: jit(lambda x: x * 2 + 1)(x)


@FAMILY.loop_row("scan of a new lambda")
def new_scan(side: Side) -> Run:
    """An eager scan whose body is made for this call"""
    scan, x = side.lax.scan, vector(side)
    return lambda: scan(lambda carry, _: (carry * 1.01, None), x, None, length=10)[0]


@FAMILY.loop_row("scan of one function")
def same_scan(side: Side) -> Run:
    """An eager scan whose body is the same function each time"""
    scan, x = side.lax.scan, vector(side)

    def body(carry: Any, _: None) -> tuple[Any, None]:
        return carry * 1.01, None

    return lambda: scan(body, x, None, length=10)[0]


@FAMILY.loop_row("cond of new lambdas")
def new_cond(side: Side) -> Run:
    """An eager cond whose branches are made for this call"""
    cond, x, yes = side.lax.cond, vector(side), side.jnp.asarray(side.np.bool_(True))
    return lambda: cond(yes, lambda x: x + 1, lambda x: x - 1, x)


@FAMILY.loop_row("while_loop of new lambdas")
def new_while(side: Side) -> Run:
    """An eager while_loop whose condition and body are made for this call"""
    while_loop, x = side.lax.while_loop, vector(side)
    return lambda: while_loop(lambda state: state[0] < 10, lambda state: (state[0] + 1, state[1] * 1.01), (0, x))[1]


@FAMILY.loop_row("fori_loop of a new lambda")
def new_fori(side: Side) -> Run:
    """An eager fori_loop whose body is made for this call"""
    fori_loop, x = side.lax.fori_loop, vector(side)
    return lambda: fori_loop(0, 10, lambda _, x: x + 1, x)

"""Bad input, as a user would give it: each program ends in a short letter with its own names and line, and a way on.

The last line of a program is the one that the letter names, unless a line is marked `# here`.
"""

import functools
import textwrap

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import errors, lax, random

NAMES = {
    "bevel": bevel, "functools": functools, "grad": bevel.grad, "jit": bevel.jit, "jnp": jnp, "lax": lax, "np": np,
    "random": random, "vmap": bevel.vmap,
}  # fmt: skip

# (program, class of the error, words of its letter)
LETTERS = {
    "shapes": ("""
        x, y = jnp.ones((3, 4)), jnp.ones(5)
        x + y
        """, errors.BroadcastError, ["(3, 4), (5,)", "x[:, None]"]),
    "shapes, in grad of scan": ("""
        def loss(w, xs):
            def body(c, x):
                return c + (w @ x).sum(), None  # here
            return lax.scan(body, 0.0, xs)[0]
        grad(loss)(jnp.ones((3, 4)), jnp.ones((5, 3)))
        """, errors.ShapeError, ["axis 1 of f32[3,4] has 4, axis 0 of f32[3] has 3"]),
    "shapes, of lax": ("""
        lax.dot_general(jnp.ones((2, 3)), jnp.ones((4, 5)), (((1,), (0,)), ((), ())))
        """, errors.ShapeError, ["axes (1,) of x, f32[2,3], have (3,)"]),
    "dtypes": ("""
        lax.add(jnp.ones(3), jnp.arange(3))
        """, errors.DTypeError, ["f32[3] and i32[3]", "x.astype(dtype)"]),
    "dtypes, in vmap of jit": ("""
        flags = jit(lambda x: x & 1)  # here
        vmap(flags)(jnp.ones((2, 3)))
        """, errors.DTypeError, ["and takes integers or booleans; got f32[3]"]),
    "an axis": ("""
        jit(lambda x: x.mean(axis=-3))(jnp.ones((2, 3)))
        """, errors.AxisError, ["mean: axis -3", "from -2 to 1"]),
    "a list beside an array": ("""
        jnp.ones(3) + [1, 2, 3]
        """, TypeError, ["add of an array and a list", "jnp.array([1, 2, 3])"]),
    "a list as an argument": ("""
        jnp.sum([1, 2, 3])
        """, TypeError, ["got list at position 0", "jnp.array("]),
    "a string as an argument": ("""
        jnp.sin("a")
        """, TypeError, ["sin was given a str as x", "jnp.asarray"]),
    "an argument too few": ("""
        @jit
        def f(x, y=2, *, mode):
            return x + y
        f(1.0)
        """, TypeError, ["f cannot be called so", "missing a required argument: 'mode'", "(x, y=2, mode)"]),
    "an argument too many, of a partial": ("""
        def f(x, y):
            return x + y
        jit(functools.partial(f, 1.0))(2.0, 3.0)
        """, TypeError, ["f cannot be called so", "too many positional arguments", "(y)"]),
    "an argument that is no array": ("""
        @jit
        def f(x, mode):
            return x
        f(1.0, object())
        """, TypeError, ["f was given an object as mode", "static_argnames='mode'"]),
    "an argument that is no array, within one": ("""
        @jit
        def f(params):
            return params["w"]
        f({"w": 1.0, "act": abs})
        """, TypeError, ["a function as params['act']", "Take it out of params"]),
    "a method jitted in its class": ("""
        class Model:
            @jit
            def step(self, x):
                return x
        Model().step(1.0)
        """, TypeError, ["step was given a Model as self", "register_dataclass", "jit(model.step)"]),
    "a result that is no array": ("""
        @jit
        def f(x):
            return {"y": x, "name": "star"}
        f(1.0)
        """, TypeError, ["f returned a str as result['name']", "star", "Leave it out"]),
    "if": ("""
        @jit
        def relu(x):
            if x > 0:  # here
                return x
            return 0.0
        relu(jnp.float32(1))
        """, errors.TracerBoolConversionError, ["bool[] (a value computed in relu)", "jnp.where", "lax.cond"]),
    "if, in grad of jit of a method": ("""
        class Model:
            def loss(self, w):
                if w.sum() > 0:  # here
                    return w.sum()
        grad(jit(Model().loss))(jnp.ones(3))
        """, errors.TracerBoolConversionError, ["a value computed in loss"]),
    "if, in vmap": ("""
        vmap(lambda x: x if x > 0 else -x)(jnp.arange(3.0))
        """, errors.TracerBoolConversionError, ["a value under vmap"]),
    "if, in the body of scan": ("""
        def body(c, x):
            if x > 0:  # here
                c = c + x
            return c, x
        lax.scan(body, 0.0, jnp.arange(3.0))
        """, errors.TracerBoolConversionError, ["a value computed in body"]),
    "int()": ("""
        jit(lambda x: int(x) + 1)(jnp.ones(()))
        """, errors.ConcretizationTypeError, ["int() needs the value of f32[] (argument x of <lambda>)", "static"]),
    "range": ("""
        @jit
        def f(x, n):
            for _ in range(n):  # here
                x = x + 1
            return x
        f(1.0, jnp.array(3))
        """, errors.TracerIntegerConversionError, ["argument n of f", "lax.fori_loop"]),
    "a shape": ("""
        jit(lambda n: jnp.zeros((n, 2)))(jnp.array(3))
        """, errors.TracerIntegerConversionError, ["argument n of <lambda>", "static_argnames"]),
    "a shape of random numbers": ("""
        jit(lambda key, n: random.normal(key, (n,)))(random.key(0), jnp.array(3))
        """, errors.TracerIntegerConversionError, ["argument n of <lambda>", "static_argnames"]),
    "the end of a slice": ("""
        jit(lambda x, n: x[:, n:])(jnp.ones((3, 4)), jnp.array(2))
        """, IndexError, ["x[JitTracer<int32[]>:] on axis 1", "lax.dynamic_slice_in_dim(x, start, size, axis=1)"]),
    "numpy": ("""
        jit(lambda x: np.sin(x))(jnp.ones(3))
        """, errors.TracerArrayConversionError, ["argument x of <lambda>", "bevel.numpy", "pure_callback"]),
    "numpy, in grad of vmap": ("""
        grad(lambda x: vmap(lambda r: r * np.asarray(r))(x).sum())(jnp.ones(3))
        """, errors.TracerArrayConversionError, ["differentiated under vmap"]),
    "a mask": ("""
        jit(lambda x: x[x > 0])(jnp.ones(3))
        """, errors.NonConcreteBooleanIndexError, ["x[mask]", "jnp.where(mask, x, 0)"]),
    "a leaked tracer": ("""
        class Model:
            def step(self, x):
                self.state = jnp.sin(x)
                return x
        m = Model()
        jit(m.step)(1.0)
        m.state + 1
        """, errors.UnexpectedTracerError, ["f32[] (a value computed in step)", "return the value instead"]),
    "a leaked tracer, in another jit": ("""
        kept = []
        jit(lambda x: kept.append(x) or x)(1.0)
        jit(lambda y: y + kept[0])(1.0)
        """, errors.UnexpectedTracerError, ["argument x of <lambda>", "checking_leaks"]),
    "grad of a vector": ("""
        def loss(w):
            return w * 2
        jit(grad(loss))(jnp.ones(3))
        """, errors.NonDifferentiableError, ["loss gave float32[3]", "jacrev"]),
    "grad of nothing": ("""
        grad(lambda w: None)(1.0)
        """, errors.NonDifferentiableError, ["<lambda> gave None", "Return one number"]),
    "grad in an int": ("""
        grad(lambda x: x * 2.0)(3)
        """, errors.NonDifferentiableError, ["x of <lambda> is i32[]", "3.0 for 3"]),
    "grad of a loop of unknown length": ("""
        def f(x):
            return lax.while_loop(lambda c: c < 9, lambda c: c * 2, x)  # here
        jit(grad(f))(1.0)
        """, errors.NonDifferentiableError, ["while_loop", "lax.scan", "jacfwd"]),
    "a donated array, in its own function": ("""
        f = jit(lambda x: x + 1, donate_argnums=0)
        x = jnp.ones(3)
        f(x)
        f(x)
        """, errors.DonatedBufferError, ["donate_argnums", "Use the result"]),
    "a donated array, in functions that have seen it": ("""
        f = jit(lambda x: x + 1, donate_argnums=0)
        x = jnp.ones(3)
        lax.sin(x)
        f(x)
        lax.sin(x)
        """, errors.DonatedBufferError, ["donate_argnums", "Use the result"]),
    "a donated array, an element": ("""
        f = jit(lambda x: x + 1, donate_argnums=0)
        x = jnp.ones(3)
        x[0], x.at[0].set(1.0)
        f(x)
        x[0]
        """, errors.DonatedBufferError, ["donate_argnums"]),
    "a donated array, waited for": ("""
        f = jit(lambda x: x + 1, donate_argnums=0)
        x = jnp.ones(3)
        f(x)
        x.block_until_ready()
        """, errors.DonatedBufferError, ["donate_argnums"]),
    "a donated array, given twice": ("""
        f = jit(lambda x, y: x + y, donate_argnums=(0, 1))
        x = jnp.ones(3)
        f(x, x)
        """, errors.DonatedBufferError, ["given twice", "x.copy()"]),
    "a static argument": ("""
        @functools.partial(jit, static_argnames="shape")
        def make(x, shape):
            return jnp.zeros(shape) + x
        make(1.0, shape=[2, 3])
        """, errors.UnhashableStaticError, ["The static argument shape of make is a list", "[2, 3]", "tuple"]),
    "no function": ("""
        lax.while_loop(lambda x: x < 3, 3, 0)
        """, TypeError, ["while_loop needs a function as body_fun; it was given an int"]),
    "places in parentheses": ("""
        jnp.zeros(3).at(0).set(1.0)
        """, TypeError, ["in brackets", "x.at[index].set(values)"]),
    "a gather without its numbers": ("""
        lax.gather(jnp.ones(3), jnp.array([[1]]), None, (1,))
        """, TypeError, ["lax.gather takes its dimension_numbers as GatherDimensionNumbers", "None", "jnp.take"]),
    "a scatter with other numbers": ("""
        lax.scatter_add(jnp.ones(3), jnp.array([[1]]), jnp.ones(1), (0, 1))
        """, TypeError, ["lax.scatter_add takes its dimension_numbers as ScatterDimensionNumbers", "a tuple", "x.at["]),
    "several arrays out of a list": ("""
        jnp.concatenate(jnp.ones(2), jnp.zeros(2))
        """, errors.UnhashableStaticError, ["concatenate needs a Python value as axis", "float32[2]", "in one list"]),
    "two arrays stacked, out of a list": ("""
        jnp.vstack(jnp.ones(2), jnp.zeros(2))
        """, errors.DTypeError, ["vstack was given an array as its dtype: float32[2]", "in one list"]),
    "sizes out of a tuple": ("""
        jnp.zeros(3, 4)
        """, errors.DTypeError, ["zeros was given 4 as its dtype", "in one tuple"]),
    "bounds in the place of a dtype": ("""
        bevel.random.uniform(bevel.random.key(0), (3,), 0, 1)
        """, errors.DTypeError, ["random.uniform was given 0 as its dtype", "by name"]),
    "a key for a shape": ("""
        bevel.random.normal(bevel.random.key(0), bevel.random.key(1))
        """, errors.UnhashableStaticError, ["normal needs a Python value as shape", "key<fry>[]"]),
    "a number of places that is not whole": ("""
        jnp.linspace(0, 1, 2.5)
        """, TypeError, ["linspace needs an integer as num", "got 2.5"]),
    "lists of two lengths": ("""
        jnp.array([[[1, 2], [3, 4]], [[5, 6], [7]]])
        """, ValueError, ["the part [1][0] has length 2, [1][1] has length 1"]),
    "lists beside numbers": ("""
        jnp.array([[1, 2], 3])
        """, ValueError, ["the part [0] has length 2, [1] is a number"]),
    "a softmax along no axis": ("""
        bevel.nn.softmax(jnp.ones((2, 3)), axis=2)
        """, errors.AxisError, ["softmax: axis 2 is out of bounds for array of dimension 2"]),
    "half a step": ("""
        n = 5
        lax.fori_loop(0, n / 2, lambda i, x: x + 1, 0)
        """, errors.DTypeError, ["counts from int32[] to float32[]", "n // 2"]),
    "a static argument that is traced": ("""
        f = jit(lambda x, n: x * n, static_argnums=1)
        jit(lambda n: f(1.0, n))(jnp.array(3))
        """, ValueError, ["The static argument n of <lambda> is i32[] (argument n of <lambda>)", "function around"]),
    "a carry": ("""
        def body(carry, x):
            return {"pos": carry["pos"] + x, "vel": carry["vel"][None]}, None
        @jit
        def run(p):
            return lax.scan(body, {"pos": p, "vel": p}, jnp.arange(3.0))[0]["pos"]  # here
        grad(run)(1.0)
        """, errors.CarryError, ["the body body", "carry['vel'] went in as float32[] and came out as float32[1]"]),
    "branches": ("""
        @jit
        def f(x):
            return lax.cond(x.sum() > 0, lambda x: x, lambda x: x[:2], x)  # here
        f(jnp.ones(3))
        """, TypeError, ["true_fun gives float32[3], false_fun gives float32[2]"]),
    "sizes under vmap": ("""
        vmap(lambda p, x: p["w"] * x)({"w": jnp.ones((5, 2)), "b": jnp.ones(4)}, jnp.ones(5))
        """, ValueError, ["p['b'], float32[4], has 4", "p['w'], float32[5,2], has 5", "in_axes"]),
    "an assignment": ("""
        @jit
        def f(x):
            x[:, 1:3] = 0  # here
            return x
        f(jnp.ones((3, 4)))
        """, TypeError, ["x = x.at[:, 1:3].set(y)"]),
    "a key": ("""
        vmap(lambda seed: random.normal(seed))(jnp.arange(3))
        """, TypeError, ["normal needs a random key", "bevel.random.key(0)"]),
    "a compiled program's arguments": ("""
        step = jit(lambda x: x["a"] + 1).lower({"a": jnp.ones(3)}).compile()
        step([jnp.ones(3)])
        """, TypeError, ["what it was compiled for has a dict with key 'a', the call has a list of length 1"]),
    "a tangent": ("""
        bevel.jvp(lambda x: x, (1.0,), (jnp.ones(3),))
        """, TypeError, ["f32[]; got f32[3]"]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def as_jax_has_them():
    """No argument becomes static by itself, and nothing is said of side effects."""
    with bevel.sharp_edges("compat"):
        yield


def run(source, name):
    """What a program raises."""
    with pytest.raises(Exception) as raised:
        exec(compile(source, f"/home/me/{name}", "exec"), dict(NAMES, __name__="__main__"))
    return raised.value


@pytest.mark.parametrize("name", ["train.py", "<ipython-input-3-0123456789ab>"])
@pytest.mark.parametrize("what", LETTERS)
def test_letter(what, name):
    source, kind, words = LETTERS[what]
    source = textwrap.dedent(source).strip()
    lines = source.splitlines()
    place = next((n for n, line in enumerate(lines, 1) if "# here" in line), len(lines))
    error = run(source, name)
    letter = str(error)
    assert isinstance(error, kind), repr(error)
    for part in [*words, f" at {name}:{place}"]:
        assert part in letter, letter
    assert len(letter.splitlines()) <= 8
    assert letter.count(f"{name}:") == 1, letter  # one place, once


def test_the_letter_is_all_that_a_traceback_ends_with():
    """No cause of our own making above it, which would say the same thing in other words."""
    for what in ("a shape", "the end of a slice", "grad of a loop of unknown length", "an argument too few"):
        error = run(textwrap.dedent(LETTERS[what][0]).strip(), "train.py")
        assert error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)


def test_what_tracing_needs_of_a_python_number_makes_it_static_in_the_default_profile():
    def sizes(x, n):
        return x[:n], jnp.zeros((n, 2)), random.normal(random.key(0), (n,))

    inner = bevel.jit(lambda n: n + 1, static_argnums=0)
    with bevel.sharp_edges("default"):
        with pytest.warns(errors.SharpEdgeWarning, match=r"sizes\) needs the value of n"):
            assert [y.shape for y in bevel.jit(sizes)(jnp.ones(5), 3)] == [(3,), (3, 2), (3,)]
        with pytest.warns(errors.SharpEdgeWarning, match="needs the value of n"):
            assert bevel.jit(lambda n: inner(n))(3) == 4


def test_unknown_names_of_traced_arrays():
    seen = {}

    @bevel.jit
    def f(x):
        seen["there"] = hasattr(x, "shape"), hasattr(x, "foo"), hasattr(x, "device")
        return x

    f(1.0)
    assert seen["there"] == (True, False, False)
    with pytest.raises(AttributeError, match=r"a traced f32\[\], has no attribute 'foo'"):
        bevel.jit(lambda x: x.foo)(1.0)
    with pytest.raises(AttributeError, match="device belongs to an array that is in memory"):
        bevel.jit(lambda x: x.device)(1.0)


def test_what_holds_a_leaked_tracer_is_named_without_our_own_machinery():
    kept = []
    with bevel.sharp_edges("default"), bevel.checking_leaks(), pytest.raises(errors.UnexpectedTracerError) as raised:
        bevel.jit(lambda x: kept.append(x) or x)(1.0)
    assert "closes over" in str(raised.value) and "_reader" not in str(raised.value)

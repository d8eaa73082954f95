"""A function that the user drops is freed, with its programs and what it closes over: no table holds it."""

import gc
import weakref

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax


class Held:
    """Something that a function closes over."""


def of_custom_jvp(f):
    f = bevel.custom_jvp(f)
    f.defjvp(lambda p, t: (f(*p), t[0]))
    return f


def of_custom_vjp(f):
    f = bevel.custom_vjp(f)
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (ct,))
    return f


def summed(f):
    return lambda x: f(x).sum()


X = np.ones(3, np.float32)
WAYS = {
    "jit": lambda f: bevel.jit(f)(X),
    "grad of jit": lambda f: bevel.grad(summed(bevel.jit(f)))(X),
    "jit of grad": lambda f: bevel.jit(bevel.grad(summed(f)))(X),
    "vmap of jit": lambda f: bevel.vmap(bevel.jit(f))(X),
    "lower and compile": lambda f: bevel.jit(f).lower(X).compile()(X),
    "make_jaxpr": lambda f: bevel.make_jaxpr(f)(X),
    "eval_shape": lambda f: bevel.eval_shape(f, X),
    "checkpoint": lambda f: bevel.grad(summed(bevel.checkpoint(f)))(X),
    "custom_jvp": lambda f: bevel.jvp(of_custom_jvp(f), (X,), (X,)),
    "custom_vjp": lambda f: bevel.grad(summed(of_custom_vjp(f)))(X),
    "scan": lambda f: lax.scan(lambda c, _: (f(c), None), X, length=2),
    "cond": lambda f: lax.cond(X[0] > 0, f, f, X),
    "pure_callback": lambda f: bevel.pure_callback(lambda v: (f, v)[1], bevel.ShapeDtypeStruct((3,), "float32"), X),
}


def made():
    """A function, and a weak reference to what it closes over."""
    held = Held()
    return lambda x: jnp.sin(x) if held else x, weakref.ref(held)


@pytest.mark.parametrize("way", WAYS)
def test_a_dropped_function_is_freed(way):
    function, held = made()
    WAYS[way](function)
    assert held() is not None
    del function
    gc.collect()
    assert held() is None

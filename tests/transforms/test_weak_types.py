"""Numbers that a program makes stay weakly typed however often it is run again: as under JAX 0.10.2, asked for each of these."""

import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax

PROGRAMS = [
    (lambda x: jnp.where(x > 0, x, 1.0), [True]),
    (lambda x: (x * 2, jnp.asarray(2)), [True, True]),
    (lambda x: jnp.asarray(3.0), [True]),
    (lambda x: (jnp.asarray(1.0), jnp.asarray(2j), jnp.asarray(True), x), [True, True, False, True]),
    (lambda x: jnp.maximum(x, 0.0) + jnp.asarray(1), [True]),
    (lambda x: jnp.where(x > 0, x, jnp.float32(1)), [False]),
    (lambda x: (x, jnp.bfloat16(2) * x), [True, False]),
]
WAYS = [
    lambda f, x: bevel.jit(f)(x),
    lambda f, x: bevel.jvp(bevel.jit(f), (x,), (x,))[0],
    lambda f, x: bevel.jit(lambda x: bevel.jvp(bevel.jit(f), (x,), (x,)))(x)[0],
    lambda f, x: bevel.vjp(bevel.jit(f), x)[0],
    lambda f, x: bevel.linearize(bevel.jit(f), x)[0],
    lambda f, x: bevel.vmap(bevel.jit(f), axis_size=2, in_axes=None)(x),
    lambda f, x: bevel.vmap(bevel.jit(f))(x[None]),
    lambda f, x: bevel.jvp(lambda x: lax.cond(x > 0, f, f, x), (x,), (x,))[0],
    lambda f, x: bevel.vmap(lambda x: lax.cond(x > 0, f, f, x))(x[None]),
    lambda f, x: bevel.jvp(bevel.checkpoint(f), (x,), (x,))[0],
    lambda f, x: bevel.closure_convert(f, x)[0](x),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("program", "weak"), PROGRAMS)
@pytest.mark.parametrize("x64", [False, True])
def test_numbers_stay_weak(program, weak, way, x64):
    with bevel.enable_x64(x64):
        found = bevel.tree.leaves(way(program, jnp.asarray(2.0)))
        assert [jnp.asarray(leaf).weak_type for leaf in found] == weak
        wanted = bevel.tree.leaves(program(jnp.asarray(2.0)))
        assert [jnp.asarray(leaf).dtype for leaf in found] == [leaf.dtype for leaf in wanted]

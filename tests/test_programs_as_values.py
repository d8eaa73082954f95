"""Jaxprs as values: what is done to them keeps what they compute."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import jaxprs
from bevel.api.control_flow import cond, scan

TABLE = jnp.arange(100.0)


def model(x):
    unused = jnp.exp(x) @ TABLE[:3]
    x = bevel.jit(jnp.tanh)(x) + TABLE[:3]
    x, _ = scan(lambda c, a: (c * a, a), x, x)
    return {"y": cond(x[0] > 0, lambda x: x, lambda x: -x, x), "unused": [unused, x.sum()][1]}


def program(f=model):
    return bevel.make_jaxpr(f)(np.ones(3, np.float32))


def test_walking_and_counting():
    found = jaxprs.count(program())
    assert found["tanh"] == 1
    assert found["scan"] == found["cond"] == 1
    assert sum(found.values()) == len(list(jaxprs.walk(program())))


def test_evaluating_under_transformations():
    x = jnp.array([0.5, -1.0, 2.0])
    wanted = bevel.tree.leaves(model(x))
    for run in (jaxprs.as_function(program()), bevel.jit(jaxprs.as_function(program()))):
        for mine, w in zip(run(x), wanted, strict=True):
            np.testing.assert_allclose(mine, w, rtol=1e-5)
    found = bevel.grad(lambda x: jaxprs.evaluate(program(), x)[1].sum())(x)
    np.testing.assert_allclose(found, bevel.grad(lambda x: model(x)["y"].sum())(x), rtol=1e-5)
    assert jaxprs.same(program(), program(lambda x: jaxprs.evaluate(program(), x)))
    with pytest.raises(TypeError, match="takes 1 arguments and 1 constants; it was given 2"):
        jaxprs.evaluate(program(), x, x)
    with pytest.raises(TypeError, match="A jaxpr was wanted; got a function"):
        jaxprs.count(model)


def test_dead_code_goes_and_results_stay():
    whole, live = program(), jaxprs.without_dead_code(program())
    jaxprs.check(live.jaxpr)
    assert "exp" in jaxprs.count(whole)
    assert "exp" not in jaxprs.count(live)
    x = np.array([0.5, -1.0, 2.0], np.float32)
    for mine, w in zip(jaxprs.evaluate(live, x), jaxprs.evaluate(whole, x), strict=True):
        np.testing.assert_array_equal(mine, w)


def test_equality_is_of_equations_and_constants():
    assert jaxprs.same(program(), program())
    other = jnp.arange(100.0) + 1
    same = [program(lambda x, c=c: x + c[:3]) for c in (TABLE, jnp.arange(100.0), other)]
    assert jaxprs.same(same[0], same[1])
    assert not jaxprs.same(same[0], same[2])
    assert not jaxprs.same(program(jnp.sin), program(jnp.cos))
    assert not jaxprs.same(program(lambda x: x[:2]), program(lambda x: x[1:]))


def test_lines_and_scopes_are_printed_on_request():
    def f(x):
        with bevel.named_scope("layer"):
            return jnp.sin(x)

    text = bevel.make_jaxpr(f)(1.0).pretty_print(source_info=True, name_stack=True)
    assert f"sin a # {__file__}:" in text
    assert text.splitlines()[2].strip() == "# [layer]"
    assert "#" not in str(bevel.make_jaxpr(f)(1.0))


def test_axes_that_a_program_speaks_to():
    from bevel import lax

    jaxpr = bevel.make_jaxpr(lambda x: lax.psum(x, "i") / lax.axis_size("i"), axis_env=[("i", 4)])(jnp.float32(1))
    [psum, div] = jaxpr.eqns
    assert (psum.primitive.name, psum.params["axes"]) == ("psum", ("i",))
    assert div.invars[1].val == 4

"""Names of scopes reach the program's text, and the compiled program; known values are computed at once."""

import pathlib
import re

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import scan


def layer(x):
    with bevel.named_scope("layer"), bevel.named_scope("act"):
        return jnp.sin(x)


def places(f, *args):
    return [(e.primitive.name, str(e.source_info.name_stack)) for e in bevel.make_jaxpr(f)(*args).eqns]


def test_transformations_are_said_around_the_scope():
    assert places(layer, 1.0) == [("sin", "layer/act")]
    assert places(bevel.vmap(layer), jnp.ones(2)) == [("sin", "vmap(layer)/act")]
    found = places(lambda x: bevel.named_scope("outer")(bevel.grad(layer))(x), jnp.float32(1))
    assert found == [
        ("sin", "outer/jvp(layer)/act"), ("cos", "outer/jvp(layer)/act"), ("mul", "outer/transpose(jvp(layer))/act"),
    ]  # fmt: skip


def test_names_reach_the_compiled_program():
    def model(x):
        with bevel.named_scope("blocks"):
            return scan(lambda c, _: (layer(c), None), bevel.jit(layer)(x), None, length=2)[0]

    text = bevel.jit(model).lower(1.0).compile().as_text()
    names = set(re.findall('op_name="([^"]*)"', text))
    assert "jit(model)/blocks/jit(layer)/layer/act/sin" in names
    assert "jit(model)/blocks/scan/layer/act/sin" in names


def test_a_program_is_not_found_under_another_name():
    def named(name):
        return bevel.jit(bevel.named_call(lambda x: jnp.cos(x) + 0.125, name=name)).lower(1.0).compile().as_text()

    assert "/first/" in named("first")
    assert "/second/" in named("second")


def test_the_line_of_a_transpose_is_that_of_its_equation():
    def f(x):
        y = jnp.sin(x)  # here
        return y

    eqns = bevel.make_jaxpr(bevel.grad(f))(jnp.float32(1)).eqns
    assert [e.primitive.name for e in eqns] == ["sin", "cos", "mul"]
    source = pathlib.Path(__file__).read_text().splitlines()
    for e in eqns:
        lines = [source[frame.line_num - 1] for frame in e.source_info.frames if frame.file_name == __file__]
        assert lines[0].endswith("# here")


def test_known_values_are_computed_while_tracing():
    def f(x):
        with bevel.ensure_compile_time_eval():
            n = jnp.arange(4).sum()
            return x * (2 if n > 5 else 3) + n

    assert float(bevel.jit(f)(1.0)) == 8
    assert float(bevel.grad(f)(1.0)) == 2
    assert bevel.vmap(f)(jnp.ones(2)).tolist() == [8, 8]
    assert len(bevel.make_jaxpr(f)(1.0).eqns) == 2


def test_a_name_is_a_string():
    with pytest.raises(TypeError, match="needs a string as name; got an int"):
        bevel.named_scope(3)


def test_operators_stand_under_their_scope_and_write_the_same_equations():
    def f(x):
        return 2 * x + x * x - 1 / x + (3 - x) / 2.0

    def within(x):
        with bevel.named_scope("layer"):
            return f(x)

    for x in (1.0, np.float16(2), np.ones(3, np.float32)):
        bare, under = bevel.make_jaxpr(f)(x), bevel.make_jaxpr(within)(x)
        assert str(under) == str(bare) and under.out_avals == bare.out_avals
        assert {name for _, name in places(within, x)} == {"layer"}

"""Interpreters written against jax.core, and the places of equations, by JAX's names."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.compat import core
from bevel.compat import linear_util as lu
from bevel.compat.extend import source_info_util as places
from bevel.core.trace import state
from bevel.custom_derivatives import SymbolicZero


def test_an_interpreter_of_primitives():
    seen = []

    class Counting(core.Trace):
        def process_primitive(self, primitive, operands, parameters):
            seen.append(primitive)
            with core.eval_context():
                return primitive.bind(*operands, **parameters)

    with core.set_current_trace(Counting()):
        y = jnp.sin(1.0) + lax.add(2.0, 3.0)
    assert seen == [lax.sin_p, lax.add_p, lax.add_p] and float(y) == pytest.approx(np.sin(1) + 5)
    assert isinstance(Counting(), core.Trace) and isinstance(state.trace, core.Trace)
    assert not isinstance(state.trace, Counting)


# ---- an interpreter with tracers of its own, over any other, as quax and Haiku's `to_dot` are


class NotedTracer(core.Tracer):
    def __init__(self, trace, value):
        super().__init__(trace, core.get_aval(value))
        self.value = value


class Noted(core.Trace):
    """Notes which primitives come by, and hands them down."""

    def __init__(self, parent, seen):
        super().__init__()
        self.parent, self.seen = parent, seen

    def down(self, values):
        return [x.value if isinstance(x, NotedTracer) and x._trace.seen is self.seen else x for x in values]

    def up(self, values):
        return [x if type(x) is SymbolicZero else NotedTracer(self, x) for x in values]

    def below(self, primitive, tracers, parameters):
        values = self.down(tracers)
        return primitive.bind_with_trace(self.parent, values, [core.get_aval(x) for x in values], parameters)

    def process_primitive(self, primitive, tracers, parameters):
        self.seen.append(primitive.name)
        result = self.below(primitive, tracers, parameters)
        return self.up(result) if primitive.multiple_results else NotedTracer(self, result)

    def process_custom_jvp_call(self, primitive, fun, jvp, tracers, *, symbolic_zeros):
        self.seen.append("with a jvp")
        functions = tuple(within(f, self.seen) for f in (fun, jvp))
        return self.up(self.below(primitive, tracers, {"subfuns": functions, "symbolic_zeros": symbolic_zeros}))

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, tracers, out_trees, symbolic_zeros):
        self.seen.append("with a vjp")
        functions = within(fun, self.seen), within(fwd, self.seen), bwd
        parameters = {"subfuns": functions, "out_trees": out_trees, "symbolic_zeros": symbolic_zeros}
        return self.up(self.below(primitive, tracers, parameters))


@lu.transformation
def within(seen, *values):
    with core.take_current_trace() as parent:
        trace = Noted(parent, seen)
        with core.set_current_trace(trace):
            results = yield trace.up(values), {}
            yield trace.down(results)


def noted(f, seen):
    return lambda *xs: within(lu.wrap_init(lambda *ys: [f(*ys)]), seen).call_wrapped(*xs)[0]


@bevel.custom_jvp
def cube(x):
    return x * x * x


cube.defjvp(lambda p, t: (cube(p[0]), 30 * p[0] * t[0]))  # ten times 3·x, so that the rule shows


@bevel.custom_jvp
def product(x, y):
    return x * y


@product.defjvp
def _(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    assert type(dy) is SymbolicZero
    return x * y, 10 * dx * y


product.symbolic_zeros = True


@bevel.custom_vjp
def root(x):
    return jnp.sqrt(x)


root.defvjp(lambda x: (jnp.sqrt(x), {"root": jnp.sqrt(x)}), lambda kept, ct: (10 * ct / kept["root"],))

WITH_RULES = {
    "with a jvp": (lambda x: jnp.sin(cube(x)), lambda x: 30 * x * np.cos(x**3)),
    "with a jvp, of zeros": (lambda x: product(x, 2.0), lambda x: 20.0 + 0 * x),
    "with a vjp": (lambda x: jnp.square(root(x)), lambda x: 20.0 + 0 * x),
}


@pytest.mark.parametrize("kind", WITH_RULES)
def test_functions_with_rules_of_their_own_reach_an_interpreter(kind):
    """Under it, over it, mapped and compiled: values are those of the function, slopes those of its rule."""
    f, slope = WITH_RULES[kind]
    seen = []
    g = noted(f, seen)
    x = jnp.float32(1.5)
    ways = {
        "value": (g(x), f(x)),
        "compiled": (bevel.jit(g)(x), f(x)),
        "its slope": (bevel.grad(g)(x), slope(1.5)),
        "mapped": (bevel.vmap(bevel.grad(g))(jnp.full(2, x)), np.full(2, slope(1.5))),
        "noted slope": (noted(bevel.grad(f), seen)(x), slope(1.5)),
    }
    for got, expected in ways.values():
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert kind.split(",")[0] in seen and "mul" in seen


def test_an_interpreter_that_says_nothing_of_rules_sees_the_equations():
    seen = []

    class Plain(Noted):
        process_custom_jvp_call = core.Trace.process_custom_jvp_call
        process_custom_vjp_call = core.Trace.process_custom_vjp_call

    trace = Plain(state.trace, seen)
    with core.set_current_trace(trace):
        [x] = trace.up([jnp.float32(2)])
        y, z = cube(x), root(x)
    assert seen == ["mul", "mul", "sqrt"] and trace.down([y, z]) == [8, np.sqrt(np.float32(2))]


# ---- places


def test_scopes_are_entered_and_left():
    text = lambda: str(places.current_name_stack())
    with places.transform_name_stack("jvp"), places.extend_name_stack("a") as stack:
        assert str(stack) == text() == "jvp(a)"
        assert str(places.new_name_stack("x") + stack) == "x/jvp(a)"
        with places.reset_name_stack():
            assert text() == ""
        with places.set_name_stack(places.new_name_stack("x").transform("jvp").extend("b")):
            assert text() == "x/jvp(b)"
    assert text() == ""


def test_equations_written_again_keep_their_places():
    """A program that evaluates a jaxpr equation by equation, each at its own place inside the scopes around."""

    def f(x):
        with bevel.named_scope("inner"):
            return jnp.sin(x)

    [eqn] = bevel.make_jaxpr(f)(1.0).eqns

    def again(x):
        stack = places.current_name_stack() + eqn.source_info.name_stack
        with places.user_context(eqn.source_info.traceback, name_stack=stack):
            return eqn.primitive.bind(x, **eqn.params)

    [moved] = bevel.make_jaxpr(bevel.named_scope("outer")(again))(1.0).eqns
    assert str(moved.source_info.name_stack) == "outer/inner"
    assert places.summarize(moved.source_info) == places.summarize(eqn.source_info)
    assert str(eqn.replace(source_info=moved.source_info).source_info.name_stack) == "outer/inner"

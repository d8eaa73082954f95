"""Each way to say something about a function, under every pair of jit, vmap, grad and scan: as the plain function is.

An item is a function that goes through one transformation, and a plain one that computes the same.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import logging

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import export, jaxprs, lax
from bevel.ad_checkpoint import checkpoint_name
from bevel.api.checkpoint import saved_residuals
from bevel.custom_batching import custom_vmap, sequential_vmap
from bevel.custom_derivatives import SymbolicZero, closure_convert, custom_gradient, linear_call
from bevel.experimental import checkify
from bevel.experimental.jet import jet

XS = np.array([0.3, 0.7, 1.1], np.float32)
ITEMS = {}


def item(plain, *, forward_only=False):
    """Registers a function under its name, with the plain one, and whether it is refused in reverse mode."""

    def register(function):
        ITEMS[function.__name__] = function, plain, forward_only
        return function

    return register


def g(x):
    return jnp.sin(x) * x


def slope(x):
    return jnp.cos(x) * x + jnp.sin(x)


# ---- derivatives of one's own


@item(g)
def of_custom_jvp(x):
    f = bevel.custom_jvp(lambda x: g(x))
    f.defjvp(lambda p, t: (f(*p), slope(p[0]) * t[0]))
    return f(x)


@item(g)
def of_defjvps(x):
    f = bevel.custom_jvp(lambda x, y: x * y)
    f.defjvps(lambda dx, value, x, y: dx * y, lambda dy, value, x, y: x * dy)
    return f(jnp.sin(x), x)


@item(g)
def of_custom_jvp_with_arguments_held_fixed(x):
    f = bevel.custom_jvp(lambda h, n, x: h(x) * x**n, nondiff_argnums=(0, 1))
    f.defjvp(lambda h, n, p, t: (f(h, n, *p), (jnp.cos(p[0]) * p[0] ** n + h(p[0]) * n * p[0] ** (n - 1)) * t[0]))
    return f(jnp.sin, 1, x)


@item(g)
def of_custom_jvp_with_symbolic_zeros(x):
    f = bevel.custom_jvp(lambda x, y: jnp.sin(x) * y)

    def rule(p, t):
        assert type(t[1]) is SymbolicZero
        return f(*p), jnp.cos(p[0]) * p[1] * t[0]

    f.defjvp(rule, symbolic_zeros=True)
    return f(x, 2.0) * x / 2


@item(g)
def of_custom_vjp(x):
    f = bevel.custom_vjp(lambda x: g(x))
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (ct * slope(x),))
    return f(x)


@item(g)
def of_custom_vjp_with_arguments_held_fixed(x):
    f = bevel.custom_vjp(lambda h, x: h(x) * x, nondiff_argnums=(0,))
    f.defvjp(lambda h, x: (h(x) * x, x), lambda h, x, ct: (ct * slope(x),))
    return f(jnp.sin, x)


@item(g)
def of_custom_vjp_with_symbolic_zeros(x):
    f = bevel.custom_vjp(lambda x, n: (jnp.sin(x) * x, x * n))

    def fwd(x, n):
        assert x.perturbed and not n.perturbed
        return f(x.value, n.value), x.value

    def bwd(x, cts):
        assert type(cts[1]) is SymbolicZero
        return cts[0] * slope(x), None

    f.defvjp(fwd, bwd, symbolic_zeros=True)
    return f(x, 2.0)[0]


@item(g)
def of_custom_vjp_optimized_for_remat(x):
    f = bevel.custom_vjp(lambda x: g(x))
    f.defvjp(lambda x: (g(x), x), lambda x, ct: (ct * slope(x),), optimize_remat=True)
    return bevel.checkpoint(f)(x)


@item(g)
def of_custom_gradient(x):
    return custom_gradient(lambda x: (g(x), lambda ct: (ct * slope(x),)))(x)


@item(g)
def of_custom_vmap(x):
    f = custom_vmap(lambda x: g(x))
    f.def_vmap(lambda size, mapped, xs: (g(xs), mapped[0]))
    return f(x)


@item(g)
def of_sequential_vmap(x):
    return sequential_vmap(lambda x: g(x))(x)


@item(g)
def of_custom_vmap_in_custom_vjp(x):
    inner = custom_vmap(lambda x: g(x))
    inner.def_vmap(lambda size, mapped, xs: (g(xs), mapped[0]))
    f = bevel.custom_vjp(lambda x: inner(x))
    f.defvjp(lambda x: (inner(x), x), lambda x, ct: (ct * slope(x),))
    return f(x)


@item(g)
def of_linear_call(x):
    return linear_call(lambda r, t: r * t, lambda r, ct: r * ct, jnp.sin(x), x)


@item(g)
def of_closure_convert(x):
    converted, consts = closure_convert(lambda y: y * x, 0.0)
    return converted(jnp.sin(x), *consts)


# ---- memory for time

POLICIES = {
    "nothing": None,
    "everything": bevel.checkpoint_policies.everything_saveable,
    "dots": bevel.checkpoint_policies.dots_saveable,
    "dots_without_batch": bevel.checkpoint_policies.dots_with_no_batch_dims_saveable,
    "names": bevel.checkpoint_policies.save_only_these_names("sine"),
    "other_names": bevel.checkpoint_policies.save_anything_except_these_names("sine"),
    "named_others": bevel.checkpoint_policies.save_any_names_but_these("sine"),
    "of_both": bevel.checkpoint_policies.save_from_both_policies(
        bevel.checkpoint_policies.dots_saveable, bevel.checkpoint_policies.save_only_these_names("sine")
    ),
    "products_away": bevel.checkpoint_policies.offload_dot_with_no_batch_dims("device", "pinned_host"),
    "away": bevel.checkpoint_policies.save_and_offload_only_these_names(
        names_which_can_be_saved=[], names_which_can_be_offloaded=["sine"], offload_src="device",
        offload_dst="pinned_host",
    ),
}  # fmt: skip


def _remembered(policy, prevent_cse=True):
    def function(x):
        body = bevel.checkpoint(
            lambda x: checkpoint_name(jnp.sin(x[None] @ jnp.ones(1)), "sine") * x,
            policy=policy,
            prevent_cse=prevent_cse,
        )
        return body(x)

    return function


ITEMS |= {f"of_checkpoint_keeping_{name}": (_remembered(policy), g, False) for name, policy in POLICIES.items()}
ITEMS["of_checkpoint_without_barrier"] = _remembered(None, prevent_cse=False), g, False


@item(g)
def of_checkpoint_with_a_static_argument(x):
    return bevel.checkpoint(lambda x, scaled: jnp.sin(x) * x if scaled else x, static_argnums=1)(x, True)


# ---- derivatives as functions


@item(slope)
def of_linearize(x):
    return bevel.linearize(g, x)[1](jnp.ones_like(x))


@item(slope)
def of_linear_transpose(x):
    [ct] = bevel.linear_transpose(lambda t: t * slope(x), x)(jnp.ones_like(x))
    return ct


@item(lambda x: slope(x) + x)
def of_vjp_with_aux(x):
    _, pull, aux = bevel.vjp(lambda x: (g(x), {"x": x}), x, has_aux=True)
    return pull(jnp.ones_like(x))[0] + aux["x"]


@item(lambda x: bevel.grad(bevel.grad(slope))(x))
def of_jvp_of_vjp_of_jvp(x):
    def pushed(f):
        return lambda x: bevel.jvp(f, (x,), (jnp.ones_like(x),))[1]

    def pulled(f):
        return lambda x: bevel.vjp(f, x)[1](jnp.ones_like(x))[0]

    return pushed(pulled(pushed(g)))(x)


def _curvature(outer, inner):
    def function(x):
        [[a, b], [c, d]] = outer(inner(lambda v: jnp.sin(v[0]) * v[1]))(jnp.stack([x, x]))
        return a + 2 * b + d + 0 * c

    return function


for _outer in (bevel.jacfwd, bevel.jacrev):
    for _inner in (bevel.jacfwd, bevel.jacrev):
        _name = f"of_{_outer.__name__}_of_{_inner.__name__}"
        ITEMS[_name] = _curvature(_outer, _inner), lambda x: -jnp.sin(x) * x + 2 * jnp.cos(x), False
ITEMS["of_hessian"] = _curvature(bevel.hessian, lambda f: f), lambda x: -jnp.sin(x) * x + 2 * jnp.cos(x), False


@item(slope)
def of_jet(x):
    return jet(g, (x,), ([jnp.ones_like(x), jnp.zeros_like(x)],))[1][0]


# ---- vmap


@item(g)
def of_named_axes(x):
    def inner(y):
        return lax.pmean(jnp.sin(x) * y, ("i", "j"))

    return bevel.vmap(bevel.vmap(inner, axis_name="j"), axis_name="i", spmd_axis_name="i")(x * jnp.ones((2, 3)))[0, 0]


@item(g)
def of_axes_trees(x):
    out = bevel.vmap(
        lambda d, s: {"a": d["a"] * s, "n": None, "b": [d["b"]]}, in_axes=({"a": 1, "b": None}, None),
        out_axes={"a": 1, "n": None, "b": [None]},
    )({"a": jnp.sin(x) * jnp.ones((2, 3)), "b": x}, x)  # fmt: skip
    return out["a"][1, 2] + out["b"][0] - x


@item(g)
def of_axis_size(x):
    return bevel.vmap(lambda: g(x), axis_size=3)()[1]


@item(lambda x: jnp.where(x > 0.5, g(x), 2 * x))
def of_cond(x):
    return lax.cond(x > 0.5, g, lambda x: 2 * x, x)


@item(g)
def of_cond_on_what_all_share(x):
    return lax.cond(jnp.array(True), g, lambda x: jnp.log(x - 9), x)


@item(lambda x: g(g(x)))
def of_fori_loop(x):
    return lax.fori_loop(0, 2, lambda i, x: g(x), x)


@item(lambda x: jnp.where(x > 0.5, g(g(x)), g(x)), forward_only=True)
def of_while_loop(x):
    turns = jnp.where(x > 0.5, 2, 1)
    return lax.while_loop(lambda c: c[0] < turns, lambda c: (c[0] + 1, g(c[1])), (0, x))[1]


# ---- programs looked at


@item(g)
def of_checkify(x):
    def checked(x):
        checkify.check(x > -9, "x is {}", x)
        return g(x)

    return checkify.checkify(checked, errors=checkify.all_checks)(x)[1]


@item(g)
def of_debug_check(x):
    checkify.debug_check(x > 9, "never said")
    return g(x)


@item(g)
def of_debug_callback(x):
    bevel.debug.callback(lambda x: None, x)
    return g(x)


@item(g)
def of_inspect_array_sharding(x):
    bevel.debug.inspect_array_sharding(x, callback=lambda sharding: None)
    return g(x)


@item(g)
def of_jit_with_options(x):
    return bevel.jit(lambda x, n: g(x) * n, static_argnums=1, compiler_options={})(x, 1)


@item(g)
def of_a_named_scope(x):
    with bevel.named_scope("layer"):
        return g(x)


@functools.cache
def exported():
    made = export.export(bevel.jit(g))(bevel.ShapeDtypeStruct((), np.float32))
    return export.deserialize(made.serialize(vjp_order=3))


@item(g)
def of_an_exported_program(x):
    return exported().call(x.astype("float32"))


@item(g)
def of_a_jaxpr(x):
    closed = jaxprs.without_dead_code(bevel.make_jaxpr(lambda x: (jnp.exp(x), g(x))[1])(0.5))
    return jaxprs.evaluate(closed, x)[0]


@item(g)
def of_debug_print(x):
    bevel.debug.print("", ordered=False)
    return g(x)


@item(g)
def of_device_put(x):
    return bevel.device_put(g(bevel.device_put(x, bevel.devices()[0])))


@item(g)
def of_pure_callback(x):
    f = bevel.custom_jvp(lambda x: bevel.pure_callback(np.sin, x, x, vmap_method="expand_dims"))
    f.defjvp(lambda p, t: (f(*p), jnp.cos(p[0]) * t[0]))
    return f(x) * x


@item(slope)
def of_forward_and_backward_pass(x):
    forward, backward = bevel.fwd_and_bwd(g, argnums=0)
    _, residuals = forward(x)
    return backward(residuals, jnp.ones_like(x))


@item(g)
def of_residuals_looked_at(x):
    assert len(saved_residuals(g, x)) == 3
    return g(x)


@item(g)
def of_stages_looked_at(x):
    traced = bevel.jit(g).trace(x)
    assert traced.out_info.shape == () and "sine" in bevel.jit(g).lower(bevel.ShapeDtypeStruct((), x.dtype)).as_text()
    return jaxprs.evaluate(traced.jaxpr, x)[0]


@item(g)
def of_programs_that_are_the_same(x):
    first, second = (bevel.make_jaxpr(lambda x: g(x))(x) for _ in range(2))
    assert jaxprs.same(first, second) and str(first) == str(second) and jaxprs.count(first)["sin"] == 1
    return jaxprs.as_function(second)(x)[0]


class Going(io.StringIO):
    """Someone at the terminal who always goes on."""

    def readline(self, *_):
        return "c\n"


@item(g)
def of_a_breakpoint(x):
    y = g(x)
    bevel.debug.breakpoint(stdin=Going(), stdout=io.StringIO())
    return y


@item(g)
def of_visualize_array_sharding(x):
    with contextlib.redirect_stdout(io.StringIO()):
        bevel.debug.visualize_array_sharding(x * jnp.ones(2))
    return g(x)


@functools.cache
def exported_for_any_size():
    made = export.export(bevel.jit(lambda x: lax.scan(lambda c, y: (c + 1, g(y)), 0, x)[1]))(
        bevel.ShapeDtypeStruct(export.symbolic_shape("n"), np.float32)
    )
    return export.deserialize(made.serialize(vjp_order=3))


@item(g)
def of_an_exported_program_of_any_size(x):
    return exported_for_any_size().call((x * jnp.ones(2)).astype("float32"))[1]


@item(g)
def of_a_walk_through_a_program(x):
    closed = bevel.make_jaxpr(g)(x)
    known = dict(zip(closed.jaxpr.invars, [x], strict=True))
    for eqn in closed.eqns:
        [known[eqn.outvars[0]]] = [eqn.primitive.bind(*[known[v] for v in eqn.invars], **eqn.params)]
    return known[closed.jaxpr.outvars[0]]


# ---- the stacks: each layer makes a function of one number of a function of one number

STEPS = np.array([1.0, 0.5], np.float32)


def mapped(f):
    return lambda x: jnp.vdot(bevel.vmap(f)(x * STEPS), STEPS)


def looped(f):
    def step(carry, s):
        y = f(carry)
        return y * s, y

    def function(x):
        carry, ys = lax.scan(step, x, STEPS)
        return carry + ys.sum()

    return function


def pushed(f):
    return lambda x: bevel.jvp(f, (x,), (jnp.ones_like(x),))[1]


LAYERS = {"jit": bevel.jit, "vmap": mapped, "grad": bevel.grad, "scan": looped}
FORWARD = LAYERS | {"grad": pushed}


def stacks(height, forward_only):
    layers = FORWARD if forward_only else LAYERS

    def stack(names, f):
        for name in reversed(names):
            f = layers[name](f)
        return f

    return {" of ".join(names): functools.partial(stack, names) for names in itertools.product(layers, repeat=height)}


def agree(name, height, run):
    """Runs the item and its plain function under all stacks of a height, made into one function by `run`."""
    function, plain, forward_only = ITEMS[name]
    ways = stacks(height, forward_only)
    given, wanted = (run(lambda x, f=f: [way(f)(x) for way in ways.values()])(XS[1]) for f in (function, plain))
    for way, a, b in zip(ways, given, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=f"{name} under {way}")


@pytest.mark.parametrize("name", ITEMS)
def test_as_the_plain_function_is(name):
    agree(name, 1, lambda f: f)  # as Python calls them, an operation at a time where they are not compiled
    agree(name, 2, bevel.jit)


@pytest.mark.slow
@pytest.mark.parametrize("name", ITEMS)
def test_as_the_plain_function_is_in_stacks_of_three(name):
    agree(name, 3, bevel.jit)


# ---- what is said of a whole run: under each of these, all pairs are as they are without


@contextlib.contextmanager
def printing_to_nobody():
    logger = logging.getLogger("bevel")
    before, logger.propagate = logger.propagate, False
    logger.addHandler(nobody := logging.NullHandler())
    with bevel.log_compiles(True), bevel.explain_cache_misses(True):
        yield
    logger.removeHandler(nobody)
    logger.propagate = before


CONTEXTS = {
    "disable_jit": bevel.disable_jit,
    "debug_nans": lambda: bevel.debug_nans(True),
    "debug_infs": lambda: bevel.debug_infs(True),
    "checking_leaks": bevel.checking_leaks,
    "log_compiles": printing_to_nobody,
    "strict": lambda: bevel.sharp_edges("strict"),
    "compat": lambda: bevel.sharp_edges("compat"),
}


def of_much(x):
    """A function with a loop, a branch, rules of its own and values computed twice."""
    x = lax.cond(x > 0.5, of_custom_vjp, of_custom_jvp, x)
    return lax.fori_loop(0, 2, lambda i, x: bevel.checkpoint(g)(x) * 0.5, x) + of_custom_vmap(x)


@pytest.mark.parametrize("context", CONTEXTS)
def test_what_is_watched_gives_what_it_gives(context):
    ways = stacks(2, False)
    wanted = [way(of_much)(XS[1]) for way in ways.values()]
    with CONTEXTS[context]():
        for (way, of), value in zip(ways.items(), wanted, strict=True):
            np.testing.assert_allclose(of(of_much)(XS[1]), value, rtol=1e-5, err_msg=f"{way} with {context}")

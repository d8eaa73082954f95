"""Each way to say something about a function, under every stack of jit, vmap, grad and scan: as the plain function is.

An item is a function that goes through one transformation, and a plain one that computes the same.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import export, jaxprs, lax
from bevel.ad_checkpoint import checkpoint_name
from bevel.custom_batching import custom_vmap, sequential_vmap
from bevel.custom_derivatives import SymbolicZero, closure_convert, custom_gradient, linear_call
from bevel.experimental import checkify
from bevel.experimental.jet import jet

XS = np.array([0.3, 0.7, 1.1], np.float32)
ITEMS = {}


def item(plain, *, without=()):
    """Registers a function under its name, with the plain one, and the stacks it has no part in."""

    def register(function):
        ITEMS[function.__name__] = function, plain, without
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
    "away": bevel.checkpoint_policies.save_and_offload_only_these_names(
        names_which_can_be_saved=[], names_which_can_be_offloaded=["sine"], offload_src="device",
        offload_dst="pinned_host",
    ),
}  # fmt: skip


def _remembered(policy, prevent_cse=True):
    def function(x):
        body = bevel.checkpoint(
            lambda x: checkpoint_name(jnp.sin(x), "sine") * x, policy=policy, prevent_cse=prevent_cse
        )
        return body(x)

    return function


ITEMS |= {f"of_checkpoint_keeping_{name}": (_remembered(policy), g, ()) for name, policy in POLICIES.items()}
ITEMS["of_checkpoint_without_barrier"] = _remembered(None, prevent_cse=False), g, ()


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
        ITEMS[_name] = _curvature(_outer, _inner), lambda x: -jnp.sin(x) * x + 2 * jnp.cos(x), ()
ITEMS["of_hessian"] = _curvature(bevel.hessian, lambda f: f), lambda x: -jnp.sin(x) * x + 2 * jnp.cos(x), ()


@item(slope)
def of_jet(x):
    return jet(g, (x,), ([jnp.ones_like(x), jnp.zeros_like(x)],))[1][0]


# ---- vmap


@item(lambda x: 6 * x * jnp.sin(x))
def of_named_axes(x):
    def inner(y):
        return lax.psum(jnp.sin(x) * y, ("i", "j"))

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


@item(lambda x: jnp.where(x < 0.5, 4 * x, jnp.where(x < 1, 2 * x, x)), without=("jit of vmap of grad", "grad of scan", "jit of grad of grad", "grad of grad of checkpoint", "vmap of scan of grad"))  # fmt: skip
def of_while_loop(x):
    return lax.while_loop(lambda x: x < 1, lambda x: 2 * x, x)


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
    return export.deserialize(made.serialize(vjp_order=2))


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


STACKS = {
    "jit": lambda f: bevel.jit(f)(XS[1]),
    "vmap": lambda f: bevel.vmap(f)(XS),
    "scan": lambda f: lax.scan(lambda c, x: (f(c) + x, f(x)), XS[0], XS),
    "jit of vmap of grad": lambda f: bevel.jit(bevel.vmap(bevel.grad(f)))(XS),
    "grad of scan": lambda f: bevel.grad(lambda x: lax.scan(lambda c, x: (f(c) + x, None), x, XS)[0])(XS[0]),
    "vmap of scan of grad": lambda f: bevel.vmap(lambda x: lax.scan(lambda c, x: (bevel.grad(f)(c) * x, c), x, XS)[0])(XS),
    "jit of grad of grad": lambda f: bevel.jit(bevel.grad(bevel.grad(f)))(XS[1]),
    "grad of grad of checkpoint": lambda f: bevel.grad(bevel.grad(lambda x: jnp.sin(bevel.checkpoint(f)(x))))(XS[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", ITEMS)
def test_as_the_plain_function_is(name):
    function, plain, without = ITEMS[name]
    for stack, run in STACKS.items():
        if stack not in without:
            given, wanted = (bevel.tree.leaves(run(f)) for f in (function, plain))
            for a, b in zip(given, wanted, strict=True):
                np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5, err_msg=f"{name} under {stack}")

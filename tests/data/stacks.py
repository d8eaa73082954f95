"""Functions of trees under random stacks of transformations, and what comes of them under a package.

A case is a number: it decides a function from `FUNCTIONS`, its arguments, and two to five of `WRAPPERS` around it. Run as
`python tests/data/stacks.py jax 0 1 2`, this prints a line of JSON for each case: what it is called, and the path, dtype, shape,
weak type and values of each leaf that comes out, or the names of the exception. `scripts/compare_stacks.py` runs both.
"""

import collections
import dataclasses
import functools
import importlib
import json
import random
import sys
import warnings

import numpy as np

AWAITED = {"TypeError", "ValueError", "IndexError", "NotImplementedError", "KeyError", "RuntimeError", "AttributeError"}
# What JAX 0.10.2 cannot do, and says in these words.
GAPS = (
    "Linearization failed to produce known values", "custom_lin", "Differentiation rule for 'p", "call_exported",
    "scan got no values", "lt does not accept dtype complex", "integer modulo by zero",
    "but output was batched on axis", "reduce_or", "optimization_barrier", "'cond'", "Batching rule", "Transpose rule",
    "non-canonical constant", "Checkify does not support", "foreach() argument 2 is shorter", "Encountered an unexpected tracer",
    "max() arg is an empty sequence",
)  # fmt: skip
Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Layer:
    weight: object
    bias: object
    name: str = "layer"


def setup(package):
    """The package under its names: jax, jnp, lax and what stands in modules of its own."""
    jax = importlib.import_module(package)
    modules = "numpy lax export tree_util ad_checkpoint custom_batching custom_derivatives experimental.jet experimental.checkify"
    for name in modules.split():
        importlib.import_module(f"{package}.{name}")
    jax.tree_util.register_dataclass(Layer, ["weight", "bias"], ["name"])
    return jax


def floats(chance, *shape):
    return np.array([chance.choice([-1.5, -0.75, -0.5, 0.25, 0.5, 0.75, 1.25, 2.0]) + 0.01 * chance.randint(0, 9)
                     for _ in range(int(np.prod(shape)))], np.float32).reshape(shape)  # fmt: skip


def whole(chance, *shape):
    return np.array([chance.randint(0, 3) for _ in range(int(np.prod(shape)))], np.int32).reshape(shape)


# ---- functions: each gives (function, arguments) for a package and a source of chance


FUNCTIONS = {}


def evaluate(jax, closed, leaves):
    """The results of a jaxpr."""
    if jax.__name__ == "jax":
        return importlib.import_module("jax.core").eval_jaxpr(closed.jaxpr, closed.consts, *leaves)
    return importlib.import_module("bevel.jaxprs").evaluate(closed, *leaves)


def function(make):
    FUNCTIONS[make.__name__] = make
    return make


@function
def dense(jax, chance):
    f = lambda p, x: {"y": jax.numpy.tanh(x @ p["w"] + p["b"]), "n": None}
    return f, ({"w": floats(chance, 3, 2), "b": floats(chance, 2)}, floats(chance, 3))


@function
def pair(jax, chance):
    return lambda p: Pair(p.left * jax.numpy.sin(p.right), p.right**2), (Pair(floats(chance, 3), floats(chance)),)


@function
def layer(jax, chance):
    def f(layer, x):
        return dataclasses.replace(layer, weight=layer.weight * x, bias=jax.numpy.exp(-layer.bias))

    return f, (Layer(floats(chance, 2), floats(chance, 1)), floats(chance))


@function
def numbers_of_python(jax, chance):
    return lambda x, y: (x * y + 1, [x, None, y]), (chance.choice([0.5, 2.0]), chance.choice([1.5, 3.0]))


@function
def with_integers(jax, chance):
    return lambda p: {"x": p["x"] * p["n"], "n": p["n"] + 1}, ({"x": floats(chance, 3), "n": whole(chance, 3)},)


@function
def with_bools(jax, chance):
    mask = np.array([chance.random() < 0.5 for _ in range(4)])
    return lambda m, x: (jax.numpy.where(m, x, 2 * x), ~m, m & (x > 0)), (mask, floats(chance, 4))


@function
def complex_numbers(jax, chance):
    z = (floats(chance, 2) + 1j * floats(chance, 2)).astype(np.complex64)
    return lambda z, x: (z * x, jax.numpy.abs(z) ** 2, jax.numpy.real(z * z)), (z, floats(chance, 2))


@function
def empty(jax, chance):
    return lambda x, y: (x.sum(0) + y, x * 2, jax.numpy.concatenate([x, y[None]])), (
        floats(chance, 0, 3),
        floats(chance, 3),
    )


@function
def halves(jax, chance):
    x = floats(chance, 3).astype(np.float16)
    return lambda x, y: (x * 2 + 1, (x * y).sum(), x.astype(jax.numpy.bfloat16)), (x, floats(chance, 3))


@function
def scanned(jax, chance):
    def f(c, xs):
        return jax.lax.scan(lambda c, x: ((jax.numpy.sin(c[0]) + x, c[1] + 1), {"y": c[0] * x}), (c, 0), xs)

    return f, (floats(chance, 2), floats(chance, 3, 2))


@function
def scanned_backwards(jax, chance):
    args = (floats(chance, 2, 2), floats(chance, 3, 2))
    unroll = chance.choice([1, 2])

    def f(w, xs):
        step = lambda c, x: (jax.numpy.tanh(c @ w + x), None)
        return jax.lax.scan(step, xs[0] * 0, xs, reverse=True, unroll=unroll)[0]

    return f, args


@function
def while_loop(jax, chance):
    def f(x):
        return jax.lax.while_loop(lambda s: s[1] < 3, lambda s: (jax.numpy.sin(s[0]) * 1.5, s[1] + 1), (x, 0))

    return f, (floats(chance, 3),)


@function
def while_on_values(jax, chance):
    def f(x):
        return jax.lax.while_loop(lambda s: s.sum() < 20.0, lambda s: s * 1.5 + 1, x)

    return f, (floats(chance, 2),)


@function
def fori(jax, chance):
    return lambda x: jax.lax.fori_loop(0, 3, lambda i, c: c * x + i, x), (floats(chance, 2),)


@function
def fori_by_value(jax, chance):
    return lambda n, x: jax.lax.fori_loop(0, n, lambda i, c: c * 0.5 + i, x), (
        np.int32(chance.randint(0, 3)),
        floats(chance, 2),
    )


@function
def cond(jax, chance):
    def f(p, x):
        return jax.lax.cond(p, lambda x: (jax.numpy.sin(x), x.sum()), lambda x: (x * 2, 1.0), x)

    return f, (np.bool_(chance.random() < 0.5), floats(chance, 3))


@function
def cond_on_values(jax, chance):
    return lambda x, y: jax.lax.cond(x > 0, lambda: {"z": x * y}, lambda: {"z": y - x}), (
        floats(chance),
        floats(chance),
    )


@function
def switch(jax, chance):
    def f(i, x):
        return jax.lax.switch(i, [jax.numpy.sin, lambda x: x * x, lambda x: -x], x)

    return f, (np.int32(chance.randint(-1, 3)), floats(chance, 2))


@function
def mapped(jax, chance):
    size = chance.choice([None, 2, 3])
    return lambda x: jax.lax.map(lambda row: (jax.numpy.cumsum(row), row.max()), x, batch_size=size), (
        floats(chance, 5, 2),
    )


@function
def associative(jax, chance):
    args = ((floats(chance, 4), floats(chance, 4)),)
    reverse = chance.choice([True, False])  # drawn out here: a function is traced as often as its package likes

    def f(x):
        return jax.lax.associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), x, reverse=reverse)

    return f, args


@function
def of_custom_jvp(jax, chance):
    @jax.custom_jvp
    def h(x, n):
        return jax.numpy.sin(x) * n

    h.defjvp(lambda p, t: (h(*p), 3.0 * jax.numpy.cos(p[0]) * p[1] * t[0]))
    return lambda x: h(x, 2.0) + x, (floats(chance, 2),)


@function
def of_custom_jvp_of_trees(jax, chance):
    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def h(g, p):
        return {"a": g(p["a"]), "b": p["b"]}

    h.defjvp(lambda g, p, t: (h(g, *p), {"a": t[0]["a"] * p[0]["b"], "b": t[0]["b"] * 5}))
    return lambda p: h(jax.numpy.sin, p), ({"a": floats(chance, 2), "b": floats(chance)},)


@function
def of_custom_vjp(jax, chance):
    @functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
    def h(x, i, k):
        return x * k + i

    h.defvjp(lambda x, i, k: (h(x, i, k), (x, i)), lambda k, kept, ct: (ct * kept[0] * k, None))
    return lambda x, i: h(x, i, 2), (floats(chance, 3), whole(chance, 3))


@function
def of_custom_vjp_of_trees(jax, chance):
    @jax.custom_vjp
    def h(p):
        return p.left * 2, p.right

    h.defvjp(lambda p: (h(p), p.left), lambda kept, cts: (Pair(cts[0] * kept, cts[1] + 1),))
    return lambda p: h(p), (Pair(floats(chance, 2), floats(chance, 2)),)


@function
def of_symbolic_zeros(jax, chance):
    @jax.custom_vjp
    def h(x, y):
        return x * y, jax.numpy.sin(x)

    def bwd(kept, cts):
        zero = jax.custom_derivatives.SymbolicZero
        first, second = [0.0 if type(ct) is zero else ct for ct in cts]
        return first * kept[1] + second, kept[0] * 0 + (7.0 if type(cts[1]) is zero else 0.0)

    h.defvjp(lambda x, y: (h(x.value, y.value), (x.value, y.value)), bwd, symbolic_zeros=True)
    return lambda x, y: h(x, y)[0] + x, (floats(chance, 2), floats(chance, 2))


@function
def of_custom_vmap(jax, chance):
    @jax.custom_batching.custom_vmap
    def h(x, y):
        return x * 2, y

    @h.def_vmap
    def _(size, mapped, x, y):
        return (x * 2 + 1 if mapped[0] else x * 2, y), (mapped[0], mapped[1])

    return lambda x, y: h(x, y), (floats(chance, 2), floats(chance))


@function
def sorted_and_indexed(jax, chance):
    return lambda x, i: (jax.numpy.sort(x), x[i], x.at[i].add(1.0), jax.numpy.argmax(x)), (
        floats(chance, 4),
        np.int32(chance.randint(0, 3)),
    )


@function
def linear_algebra(jax, chance):
    a = floats(chance, 2, 2) + 4 * np.eye(2, dtype=np.float32)
    return lambda a, b: (jax.numpy.linalg.solve(a, b), jax.numpy.linalg.det(a)), (a, floats(chance, 2))


@function
def called_back(jax, chance):
    args = (floats(chance, 3),)
    method = chance.choice(["sequential", "expand_dims", "broadcast_all"])

    def f(x):
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        kept = jax.lax.stop_gradient(x)
        return x * jax.pure_callback(lambda x: np.asarray(x) * 2, shape, kept, vmap_method=method)

    return f, args


@function
def stopped(jax, chance):
    return lambda x, y: (jax.lax.stop_gradient(x) * y, jax.lax.optimization_barrier(x)), (
        floats(chance, 2),
        floats(chance, 2),
    )


@function
def constant(jax, chance):
    return lambda x: (jax.numpy.ones(2), 3, np.arange(2), x * 0), (floats(chance, 2),)


@function
def one_number(jax, chance):
    return lambda x: jax.numpy.exp(jax.numpy.sin(x)) / (1 + x**2), (floats(chance),)


@function
def with_none(jax, chance):
    return lambda t: {"a": t["a"] * 2, "b": t["b"], "c": (None, t["a"].sum())}, ({"a": floats(chance, 2), "b": None},)


@function
def keys(jax, chance):
    def f(x):
        return x * jax.random.uniform(jax.random.fold_in(jax.random.key(3), 1), (2,))

    return f, (floats(chance, 2),)


# ---- wrappers: each takes (function, arguments) to such a pair


WRAPPERS = {}


def wrapper(make):
    WRAPPERS[make.__name__] = make
    return make


def is_float(x):
    return np.result_type(x).kind in "fc" or "float" in str(np.result_type(x))


def alike(jax, tree, chance):
    """A tangent for a tree of arguments: float0 for what has none."""

    def one(x):
        x = np.asarray(x) if not hasattr(x, "dtype") else x
        if not is_float(x):
            return np.zeros(np.shape(x), jax.dtypes.float0)
        scale = chance.choice([0.5, 1.0, -2.0])
        return np.full(np.shape(x), scale, np.float32 if isinstance(x, float) else x.dtype)

    return jax.tree.map(one, tree)


def total(jax, tree):
    """One real number of what floats there are in a tree."""
    result = 0.0
    for i, x in enumerate(jax.tree.leaves(tree)):
        x = jax.numpy.asarray(x)
        if x.dtype == jax.dtypes.float0 or not jax.numpy.issubdtype(x.dtype, jax.numpy.inexact):
            continue
        x = jax.numpy.abs(x) ** 2 if jax.numpy.issubdtype(x.dtype, jax.numpy.complexfloating) else x
        result = result + (i + 1) * jax.numpy.sum(x).astype(jax.numpy.float32)
    return result


def differentiable(jax, args):
    return [i for i, a in enumerate(args) if jax.tree.leaves(a) and all(is_float(x) for x in jax.tree.leaves(a))]


@wrapper
def jit(jax, f, args, chance):
    options = chance.choice([{}, {"keep_unused": True}, {"inline": True}])
    return jax.jit(f, **options), args


@wrapper
def jit_of_keywords(jax, f, args, chance):
    wrapped = jax.jit(lambda *, a: f(*a))
    return lambda *a: wrapped(a=a), args


def stacked(jax, tree, axis, size):
    def one(x):
        x = np.asarray(x)
        x = x.astype({np.dtype("float64"): np.float32, np.dtype("int64"): np.int32}.get(x.dtype, x.dtype))
        place = axis % (x.ndim + 1)
        rows = [
            x if x.dtype == bool or not is_float(x) else (x * np.asarray(1 + 0.25 * i, x.dtype)).astype(x.dtype)
            for i in range(size)
        ]
        return np.stack(rows, place)

    return jax.tree.map(one, tree)


@wrapper
def vmap(jax, f, args, chance):
    size = chance.choice([1, 2, 3])
    axes = [chance.choice([0, 0, -1, None]) for _ in args]
    if all(a is None or not jax.tree.leaves(x) for a, x in zip(axes, args, strict=True)):
        axes[next((i for i, x in enumerate(args) if jax.tree.leaves(x)), 0)] = 0
    given = tuple(x if a is None else stacked(jax, x, a, size) for x, a in zip(args, axes, strict=True))
    return jax.vmap(f, in_axes=tuple(axes), out_axes=chance.choice([0, 0, -1])), given


@wrapper
def vmap_by_tree(jax, f, args, chance):
    leaves, tree = jax.tree.flatten(args)
    axes = [chance.choice([0, -1, None]) for _ in leaves]
    given = [x if a is None else stacked(jax, x, a, 2) for x, a in zip(leaves, axes, strict=True)]
    as_list = jax.vmap(lambda *leaves: f(*jax.tree.unflatten(tree, leaves)), in_axes=tuple(axes), axis_size=2)
    return lambda *args: as_list(*jax.tree.leaves(args)), jax.tree.unflatten(tree, given)


@wrapper
def vmap_with_name(jax, f, args, chance):
    name = f"n{chance.randint(0, 99)}"
    what = chance.choice(["psum", "pmean", "pmax", "all_gather", "axis_index", "ppermute", "none"])

    def inner(*args):
        def one(x):
            if what in ("psum", "pmean", "pmax"):
                return getattr(jax.lax, what)(x, name)
            if what == "all_gather":
                return jax.lax.all_gather(x, name, axis=0)
            if what == "ppermute":
                return jax.lax.ppermute(x, name, [(0, 1), (1, 0)])
            return x

        y = jax.tree.map(one, f(*args))
        return (y, jax.lax.axis_index(name)) if what == "axis_index" else y

    given = tuple(stacked(jax, x, 0, 2) for x in args)
    return jax.vmap(inner, axis_name=name), given


@wrapper
def grad(jax, f, args, chance):
    which = differentiable(jax, args)
    if not which:
        return jax.grad(lambda *a: total(jax, f(*a)), allow_int=True), args
    argnums = chance.choice([chance.choice(which), tuple(which)])
    return jax.grad(lambda *a: total(jax, f(*a)), argnums=argnums), args


@wrapper
def grad_of_all(jax, f, args, chance):
    return jax.grad(lambda *a: total(jax, f(*a)), argnums=tuple(range(len(args))), allow_int=True), args


@wrapper
def plain_grad(jax, f, args, chance):
    return jax.grad(f), args


@wrapper
def value_and_grad(jax, f, args, chance):
    which = differentiable(jax, args)
    aux = chance.choice([True, False])

    def scalar(*a):
        y = f(*a)
        return (total(jax, y), y) if aux else total(jax, y)

    return jax.value_and_grad(scalar, argnums=which[0] if which else 0, has_aux=aux, allow_int=not which), args


@wrapper
def jvp(jax, f, args, chance):
    tangents = alike(jax, args, chance)
    if chance.random() < 0.3:
        return lambda *a: jax.jvp(lambda *a: (f(*a), 2), a, tangents, has_aux=True), args
    return lambda *a: jax.jvp(f, a, tangents), args


@wrapper
def jvp_in_tangents(jax, f, args, chance):
    tangents = alike(jax, args, chance)
    return lambda t, *a: jax.jvp(f, a, t)[1], (tangents, *args)


def cotangents(jax, tree):
    return jax.tree.map(
        lambda y: (
            jax.numpy.ones_like(y)
            if jax.numpy.issubdtype(jax.numpy.asarray(y).dtype, jax.numpy.inexact)
            else np.zeros(np.shape(y), jax.dtypes.float0)
        ),
        tree,
    )


@wrapper
def vjp(jax, f, args, chance):
    def pulled(*a):
        y, pull = jax.vjp(f, *a)
        return y, pull(cotangents(jax, y))

    return pulled, args


@wrapper
def vjp_with_aux(jax, f, args, chance):
    def pulled(*a):
        y, pull, aux = jax.vjp(lambda *a: (f(*a), {"first": a[0]}), *a, has_aux=True)
        return pull(cotangents(jax, y)), aux

    return pulled, args


@wrapper
def linearize(jax, f, args, chance):
    tangents = alike(jax, args, chance)

    def pushed(*a):
        y, push = jax.linearize(f, *a)
        return y, push(*tangents), push(*tangents)

    return pushed, args


@wrapper
def linear_transpose(jax, f, args, chance):
    which = differentiable(jax, args)

    def transposed(*a):
        def push(*t):
            full = [np.zeros(0) for _ in a]
            full = list(alike(jax, a, random.Random(0)))
            for i, x in zip(which, t, strict=True):
                full[i] = x
            return [y for y in jax.tree.leaves(jax.jvp(f, a, tuple(full))[1]) if y.dtype != jax.dtypes.float0]

        linear = lambda *t: jax.tree.map(lambda y, z: y - z, push(*t), push(*jax.tree.map(jax.numpy.zeros_like, t)))
        chosen = [a[i] for i in which]
        y = jax.eval_shape(linear, *chosen)
        return jax.linear_transpose(linear, *chosen)(jax.tree.map(lambda s: jax.numpy.ones(s.shape, s.dtype), y))

    return transposed, args


@wrapper
def jacfwd(jax, f, args, chance):
    which = differentiable(jax, args)
    return jax.jacfwd(lambda *a: _floats(jax, f(*a)), argnums=which[0] if which else 0), args


@wrapper
def jacrev(jax, f, args, chance):
    which = differentiable(jax, args)
    return jax.jacrev(lambda *a: _floats(jax, f(*a)), argnums=tuple(which) or 0), args


@wrapper
def plain_jacobian(jax, f, args, chance):
    return chance.choice([jax.jacfwd, jax.jacrev])(f, has_aux=chance.choice([False, False, True])), args


@wrapper
def hessian(jax, f, args, chance):
    which = differentiable(jax, args)
    return jax.hessian(lambda *a: total(jax, f(*a)), argnums=which[0] if which else 0), args


def _floats(jax, tree):
    return [x for x in jax.tree.leaves(tree) if jax.numpy.issubdtype(jax.numpy.asarray(x).dtype, jax.numpy.floating)]


@wrapper
def checkpoint(jax, f, args, chance):
    policies = jax.checkpoint_policies
    policy = chance.choice([None, policies.everything_saveable, policies.nothing_saveable, policies.dots_saveable,
                            policies.dots_with_no_batch_dims_saveable, policies.save_only_these_names("kept"),
                            policies.save_any_names_but_these("kept")])  # fmt: skip

    def named(*a):
        return jax.tree.map(lambda y: jax.ad_checkpoint.checkpoint_name(y, "kept"), f(*a))

    return jax.checkpoint(chance.choice([f, named]), policy=policy, prevent_cse=chance.choice([True, False])), args


@wrapper
def own_jvp(jax, f, args, chance):
    @jax.custom_jvp
    def g(*a):
        return f(*a)

    g.defjvp(lambda p, t: jax.jvp(f, p, t))
    return g, args


@wrapper
def own_vjp(jax, f, args, chance):
    @jax.custom_vjp
    def g(*a):
        return f(*a)

    g.defvjp(lambda *a: jax.vjp(f, *a), lambda pull, ct: pull(ct))
    return g, args


@wrapper
def own_vjp_with_none(jax, f, args, chance):
    @jax.custom_vjp
    def g(*a):
        return f(*a)

    g.defvjp(lambda *a: (f(*a), None), lambda kept, ct: (None,) * len(args))
    return g, args


@wrapper
def own_gradient(jax, f, args, chance):
    def pair(*a):
        y, pull = jax.vjp(f, *a)
        return y, pull

    return jax.custom_gradient(pair), args


@wrapper
def own_vmap(jax, f, args, chance):
    g = jax.custom_batching.custom_vmap(f)

    @g.def_vmap
    def rule(size, mapped, *a):
        axes = jax.tree.map(lambda m: 0 if m else None, tuple(mapped))
        y = jax.vmap(f, in_axes=axes, axis_size=size)(*a)
        return y, jax.tree.map(lambda _: True, y)

    return g, args


@wrapper
def one_by_one(jax, f, args, chance):
    return jax.custom_batching.sequential_vmap(f), args


@wrapper
def in_scan(jax, f, args, chance):
    def g(*a):
        return jax.lax.scan(lambda c, x: (c, f(*c)), a, None, length=2)

    return g, args


@wrapper
def in_scan_over(jax, f, args, chance):
    def g(*a):
        return jax.lax.scan(lambda c, x: (c + total(jax, f(*x)), c), 0.0, a)[0]

    return g, tuple(stacked(jax, x, 0, 3) for x in args)


@wrapper
def in_while(jax, f, args, chance):
    def g(*a):
        return jax.lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, s[1] + total(jax, f(*a))), (0, 1.0))[1]

    return g, args


@wrapper
def in_fori(jax, f, args, chance):
    return lambda *a: jax.lax.fori_loop(0, 2, lambda i, s: s + total(jax, f(*a)) * i, 0.5), args


@wrapper
def in_cond(jax, f, args, chance):
    known = chance.choice([True, False])

    def g(*a):
        first = jax.numpy.sum(jax.numpy.asarray(jax.tree.leaves(a)[0])) > 0 if not known else True
        return jax.lax.cond(
            first, f, lambda *a: jax.tree.map(lambda y: y * 0 if jax.numpy.asarray(y).dtype != bool else y, f(*a)), *a
        )

    return g, args


@wrapper
def in_map(jax, f, args, chance):
    size = chance.choice([None, 2])
    return lambda *a: jax.lax.map(lambda row: f(*row), a, batch_size=size), tuple(stacked(jax, x, 0, 3) for x in args)


@wrapper
def checked(jax, f, args, chance):
    checkify = jax.experimental.checkify
    errors = chance.choice([checkify.user_checks, checkify.all_checks, checkify.nan_checks, checkify.float_checks])

    def g(*a):
        def body(*a):
            y = f(*a)
            checkify.check(total(jax, y) < 100.0, "total is {t}", t=total(jax, y))
            return y

        error, y = checkify.checkify(body, errors=errors)(*a)
        return y

    return g, args


@wrapper
def exported(jax, f, args, chance):
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), jax.numpy.asarray(x).dtype), args)
    made = jax.export.export(jax.jit(lambda *a: jax.tree.leaves(f(*a))))(*shapes)
    return made.call, args


@wrapper
def closed(jax, f, args, chance):
    def g(*a):
        first = a[0]
        h, consts = jax.closure_convert(lambda *rest: f(first, *rest), *a[1:])
        return h(*a[1:], *consts)

    return g, args


@wrapper
def in_jet(jax, f, args, chance):
    def g(*a):
        series = [jax.tree.map(lambda x: [jax.numpy.ones_like(x), jax.numpy.zeros_like(x)], x) for x in a]
        return jax.experimental.jet.jet(f, a, series)

    return g, args


@wrapper
def evaluated(jax, f, args, chance):
    def g(*a):
        closed, tree = jax.make_jaxpr(f, return_shape=True)(*a)
        out = evaluate(jax, closed, jax.tree.leaves(a))
        return jax.tree.unflatten(jax.tree.structure(tree), out)

    return g, args


@wrapper
def without_jit(jax, f, args, chance):
    def g(*a):
        with jax.disable_jit():
            return f(*a)

    return g, args


@wrapper
def partial(jax, f, args, chance):
    return jax.tree_util.Partial(lambda first, *rest: f(first, *rest), args[0]), args[1:]


WEIGHTS = {
    "plain_grad": 0.2,
    "plain_jacobian": 0.4,
    "without_jit": 0.3,
    "partial": 0.3,
    "in_jet": 0.4,
    "exported": 0.6,
    "jit": 2,
    "vmap": 2,
    "grad": 1.5,
}


def case(jax, number):
    """The name of a case, its function and arguments."""
    chance = random.Random(number)
    name = chance.choice(sorted(FUNCTIONS))
    stack = chance.choices(sorted(WRAPPERS), [WEIGHTS.get(w, 1) for w in sorted(WRAPPERS)], k=chance.randint(2, 5))
    seeds = [chance.random() for _ in range(1 + len(stack))]
    title = " ".join([name, *stack])
    yield title
    f, args = FUNCTIONS[name](jax, random.Random(seeds[0]))
    for w, seed in zip(stack, seeds[1:], strict=True):
        f, args = WRAPPERS[w](jax, f, args, random.Random(seed))
    yield f, args


def recorded(jax, x):
    if not hasattr(x, "dtype") and not isinstance(x, (bool, int, float, complex)):
        return [type(x).__name__, [], False, []]
    if jax.numpy.issubdtype(getattr(x, "dtype", None), jax.dtypes.prng_key):
        return [str(x.dtype), list(x.shape), False, []]
    if isinstance(x, (bool, int, float, complex)):  # as they went in, or as arrays of them
        x = jax.numpy.asarray(x)
    weak = bool(getattr(x, "weak_type", False))
    a = np.asarray(x)
    name = "float0" if "float0" in str(a.dtype) else str(a.dtype)
    if name == "float0":
        return [name, list(a.shape), False, []]
    flat = a.ravel()
    if a.dtype.kind == "c":
        flat = np.stack([flat.real, flat.imag], -1).ravel()
    return [name, list(a.shape), weak, [float(f"{float(v):.6g}") for v in flat]]


def come_of(jax, number):
    """What comes of a case: its name, and its leaves, or the names of the exception and what it says."""
    made = case(jax, number)
    title = next(made)
    try:
        f, args = next(made)
        leaves, _ = jax.tree_util.tree_flatten_with_path(f(*args), is_leaf=lambda x: x is None)
        return title, [[jax.tree_util.keystr(path), *recorded(jax, x)] for path, x in leaves]
    except Exception as error:
        names = {c.__name__ for c in type(error).__mro__}
        return title, {"error": sorted(names & AWAITED) or ["Exception"], "says": str(error)[:120]}


def is_gap(expected):
    """Is it something that JAX cannot do?"""
    if not isinstance(expected, dict):
        return False
    lacks_rule = "KeyError" in expected["error"]  # jet looks for it in a table
    return lacks_rule or any(words in expected["says"] for words in GAPS)


def agree(found, expected):
    """Do both say the same, but for rounding?"""
    if isinstance(expected, dict) or isinstance(found, dict):
        both = isinstance(expected, dict) and isinstance(found, dict)
        return both and bool({*found["error"]} & {*expected["error"]})
    if [x[:4] for x in found] != [x[:4] for x in expected]:
        return False
    for (_, name, *_, mine), (*_, theirs) in zip(found, expected, strict=True):
        a, b = np.array(mine, float), np.array(theirs, float)
        scale = max(1.0, np.max(np.abs(b[np.isfinite(b)]), initial=0))
        if not np.allclose(a, b, 0, {"float16": 1e-2, "bfloat16": 5e-2}.get(name, 3e-4) * scale, equal_nan=True):
            return False
    return True


if __name__ == "__main__":
    importlib.import_module("calls").end_with_parent()
    warnings.simplefilter("ignore")
    package, numbers = sys.argv[1], map(int, sys.argv[2:])
    jax = setup(package)
    for count, number in enumerate(numbers):
        print(json.dumps([number, *come_of(jax, number)]), flush=True)
        if count % 100 == 99:
            jax.clear_caches()

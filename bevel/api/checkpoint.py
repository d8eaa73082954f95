"""checkpoint (remat): derivatives that compute values again rather than keep them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bevel.api.flat import Flat, argument_names, name_of, named_after, positions_of, signature_of, with_statics
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.control.call import Jit
from bevel.control.checkpoint import Checkpoint, Offloadable
from bevel.control.program import linearize_jaxpr
from bevel.core.jaxpr import Var
from bevel.core.source import position
from bevel.core.staging import hoist_tracers, stage
from bevel.core.trace import get_aval
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine.pytree import flatten
from bevel.ops.named import Name

# ---- policies: which values a derivative may keep


class Recomputed:
    """What a policy says of a value to be computed again. As a truth value: False."""

    def __bool__(self):
        return False

    def __repr__(self):
        return "Recompute"


class Saved:
    """What a policy says of a value to be kept. As a truth value: True."""

    def __repr__(self):
        return "Saveable"


Recompute, Saveable = Recomputed(), Saved()


def everything_saveable(*_, **__) -> bool:
    """Keeps all values: as without checkpoint."""
    return True


def nothing_saveable(*_, **__) -> bool:
    """Keeps nothing but the arguments; what checkpoint does without a policy."""
    return False


def dots_saveable(prim, *_, **__) -> bool:
    """Keeps what matrix products give."""
    return prim.name in ("dot_general", "ragged_dot_general", "conv_general_dilated")


def dots_with_no_batch_dims_saveable(prim, *_, **params) -> bool:
    """Keeps what matrix products give that have no batch dimensions: those with weights, not those of attention."""
    if prim.name != "dot_general":
        return False
    (_, _), (batch_x, batch_y) = params["dimension_numbers"]
    return not batch_x and not batch_y


def save_any_names_but_these(*names_not_to_save: str) -> Callable[..., bool]:
    """Keeps values that have a name (`checkpoint_name`) which is none of these."""
    excluded = frozenset(names_not_to_save)

    def policy(prim, *_, **params):
        return prim.name == Name.name and params["name"] not in excluded

    return policy


def save_only_these_names(*names_which_can_be_saved: str) -> Callable[..., bool]:
    """Keeps values that were given one of these names by `checkpoint_name`."""
    included = frozenset(names_which_can_be_saved)

    def policy(prim, *_, **params):
        return prim.name == Name.name and params["name"] in included

    return policy


def save_anything_except_these_names(*names_not_to_save: str) -> Callable[..., bool]:
    """Keeps all values but those named so."""
    excluded = frozenset(names_not_to_save)

    def policy(prim, *_, **params):
        return prim.name != Name.name or params["name"] not in excluded

    return policy


def save_from_both_policies(policy_1: Callable, policy_2: Callable) -> Callable[..., bool]:
    """Keeps what either policy keeps."""

    def policy(prim, *avals, **params):
        return policy_1(prim, *avals, **params) or policy_2(prim, *avals, **params)

    return policy


def save_and_offload_only_these_names(
    *, names_which_can_be_saved, names_which_can_be_offloaded, offload_src: str, offload_dst: str
) -> Callable[..., Any]:
    """Keeps values of the first names, and keeps those of the second in another memory, from which they come back.

    offload_src, offload_dst   kinds of memory: "device", "pinned_host"

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.ad_checkpoint import checkpoint_name
    >>> policy = bevel.checkpoint_policies.save_and_offload_only_these_names(
    ...     names_which_can_be_saved=[], names_which_can_be_offloaded=["inner"], offload_src="device",
    ...     offload_dst="pinned_host")
    >>> f = bevel.checkpoint(lambda x: jnp.sin(checkpoint_name(jnp.sin(x), "inner")), policy=policy)
    >>> print(bevel.grad(f)(0.0))
    1.0
    """
    saved, offloaded = frozenset(names_which_can_be_saved), frozenset(names_which_can_be_offloaded)
    both = sorted(saved & offloaded)
    if both:
        raise ValueError(
            f"save_and_offload_only_these_names was told both to save and to offload {', '.join(both)}. Name each once."
        )
    move = Offloadable(offload_src, offload_dst)

    def policy(prim, *_, **params):
        if prim.name != Name.name:
            return False
        return move if params["name"] in offloaded else params["name"] in saved

    return policy


def offload_dot_with_no_batch_dims(offload_src: str, offload_dst: str) -> Callable[..., Any]:
    """Keeps what matrix products without batch dimensions give, in another memory."""
    move = Offloadable(offload_src, offload_dst)

    def policy(prim, *avals, **params):
        return move if dots_with_no_batch_dims_saveable(prim, *avals, **params) else False

    return policy


class CheckpointPolicies:
    """The policies that `checkpoint(policy=…)` can be given; any function (primitive, *avals, **parameters) → bool
    is one."""

    everything_saveable = staticmethod(everything_saveable)
    nothing_saveable = staticmethod(nothing_saveable)
    dots_saveable = staticmethod(dots_saveable)
    checkpoint_dots = staticmethod(dots_saveable)
    dots_with_no_batch_dims_saveable = staticmethod(dots_with_no_batch_dims_saveable)
    checkpoint_dots_with_no_batch_dims = staticmethod(dots_with_no_batch_dims_saveable)
    save_any_names_but_these = staticmethod(save_any_names_but_these)
    save_only_these_names = staticmethod(save_only_these_names)
    save_anything_except_these_names = staticmethod(save_anything_except_these_names)
    save_from_both_policies = staticmethod(save_from_both_policies)
    save_and_offload_only_these_names = staticmethod(save_and_offload_only_these_names)
    offload_dot_with_no_batch_dims = staticmethod(offload_dot_with_no_batch_dims)


checkpoint_policies = CheckpointPolicies()


# ---- checkpoint


def checkpoint(
    fun: Callable | None = None,
    *,
    prevent_cse: bool | Sequence[bool] = True,
    policy: Callable[..., bool] | None = None,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | Iterable[str] = (),
    concrete: Any = None,
) -> Callable:
    """A function whose derivative computes intermediate values again, rather than keep them: memory for time.

    fun             a function of trees of arrays
    prevent_cse     keeps the compiler from undoing this by merging both computations; False is enough in the body of a
                    scan, and faster. A tree prefix of the positional arguments says so for each
    policy          which values are kept all the same; see `checkpoint_policies`
    static_argnums, static_argnames   arguments that are Python objects
    gives           a function of the same value and derivatives

    >>> import bevel, bevel.numpy as jnp
    >>> layer = bevel.checkpoint(lambda x: jnp.sin(jnp.sin(x)))
    >>> bool(bevel.grad(layer)(1.0) == bevel.grad(lambda x: jnp.sin(jnp.sin(x)))(1.0))
    True
    """
    if fun is None:
        return functools.partial(
            checkpoint, prevent_cse=prevent_cse, policy=policy, static_argnums=static_argnums,
            static_argnames=static_argnames,
        )  # fmt: skip
    if concrete is not None:
        raise NotImplementedError(
            f"checkpoint of {name_of(fun)} was given concrete={concrete!r}, which JAX has taken away.\n"
            "Name Python arguments in static_argnums or static_argnames; compute with ensure_compile_time_eval."
        )
    if not callable(fun):
        raise TypeError(f"checkpoint needs a function; it was given {kind_of(fun)}.")
    if policy is not None and not callable(policy):
        raise TypeError(
            f"checkpoint needs a policy that is a function, as bevel.checkpoint_policies.dots_saveable; got {policy!r}."
        )
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)

    @named_after(fun)
    def remembered(*args, **kwargs):
        fixed_numbers = positions_of(static_argnums, len(args), "checkpoint (static_argnums)", fun)
        signature = signature_of(fun)
        if names and signature is not None:
            known = list(signature.parameters)
            fixed_numbers += tuple([known.index(n) for n in names if n in known and known.index(n) < len(args)])
        function, rest = with_statics(fun, args, sorted(set(fixed_numbers)))
        by_name = {k: v for k, v in kwargs.items() if k in names}
        if by_name:
            function = functools.partial(function, **by_name)
        leaves, in_tree = flatten((rest, {k: v for k, v in kwargs.items() if k not in names}))
        flat = Flat(function, in_tree)
        try:
            avals = [get_aval(x) for x in leaves]
        except TypeError as error:
            raise BevelCheckpointTypeError(
                f"checkpoint of {name_of(fun)}: {error}\nName a Python object in static_argnums or static_argnames."
            ) from None
        closed, outer = hoist_tracers(*stage(flat, avals, name_of(fun)))
        marks: Any = prevent_cse
        if isinstance(prevent_cse, (tuple, list)):
            of_arguments = broadcast_prefix(
                tuple(prevent_cse), rest, prefix_name="prevent_cse", full_name="the arguments"
            )
            marks = (*[True] * len(outer), *[bool(m) for m in of_arguments])
        results = Checkpoint(closed, marks if isinstance(marks, tuple) else bool(marks), False, policy)(*outer, *leaves)
        return flat.out_tree.unflatten(results)

    return remembered


class BevelCheckpointTypeError(BevelError, TypeError):
    """An argument of a checkpointed function is no array, and is not said to be static."""


remat = checkpoint


def checkpoint_name(x, name: str):
    """x, a tree of arrays, under a name by which a policy can keep it or not.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.ad_checkpoint import checkpoint_name
    >>> keep = bevel.checkpoint_policies.save_only_these_names("inner")
    >>> f = bevel.checkpoint(lambda x: jnp.sin(checkpoint_name(jnp.sin(x), "inner")), policy=keep)
    >>> print(f(0.0))
    0.0
    """
    if not isinstance(name, str):
        raise TypeError(f"checkpoint_name needs a string as name; got {kind_of(name)}.")
    leaves, tree = flatten(x)
    return tree.unflatten([Name(name)(leaf) for leaf in leaves])


# ---- looking at what is kept


def saved_residuals(f: Callable, *args, **kwargs) -> list[tuple[Any, str]]:
    """What reverse mode keeps of f at such arguments: (aval, where it comes from) for each value."""
    leaves, in_tree = flatten((args, kwargs))
    flat = Flat(f, in_tree)
    names = argument_names(f, args, kwargs)
    jaxpr, consts = stage(flat, [get_aval(x) for x in leaves], name_of(f), names)
    closed, outer = hoist_tracers(jaxpr, consts)
    primal, _, _, count = linearize_jaxpr(closed, tuple([True] * len(closed.in_avals)))
    jaxpr = primal.jaxpr
    made_by = {v: e for e in jaxpr.eqns for v in e.outvars}
    place = dict(zip(jaxpr.invars[len(outer) :], names, strict=True))
    held = dict.fromkeys([v for v in jaxpr.outvars[len(jaxpr.outvars) - count :] if type(v) is Var])
    rows = [(v.aval, f"from the argument {name}") for v, name in place.items() if v in held]
    rows += [(v.aval, "from a constant") for v in held if v not in place and v not in made_by]
    return rows + [(v.aval, _origin(e, v)) for e in jaxpr.eqns for v in e.outvars if v in held]


def _origin(eqn, v) -> str:
    line = position(eqn.source, " from {}")
    if type(eqn.op) is Name:
        return f"named '{eqn.op.label}'{line}"
    if type(eqn.op) is Checkpoint:
        inner = eqn.op.jaxpr.jaxpr
        made = inner.outvars[next(i for i, w in enumerate(eqn.outvars) if w is v)]
        for e in inner.eqns:
            if type(made) is Var and any(w is made for w in e.outvars):
                return _origin(e, made)
    if type(eqn.op) is Jit:
        return f"output of jitted function '{eqn.op.fun_name}'{line}"
    return f"output of {eqn.op.name}{line}"


def print_saved_residuals(f: Callable, *args, **kwargs) -> None:
    """Prints what reverse mode keeps of f at such arguments, a line for each value.

    >>> import bevel.numpy as jnp
    >>> from bevel.ad_checkpoint import print_saved_residuals
    >>> print_saved_residuals(lambda x: x * x, jnp.ones(3))
    f32[3] from the argument x
    """
    for aval, where in saved_residuals(f, *args, **kwargs):
        print(f"{aval.str_short()} {where}")


__all__ = [
    "CheckpointPolicies", "Offloadable", "Recompute", "Saveable", "checkpoint", "checkpoint_name",
    "checkpoint_policies", "print_saved_residuals", "remat", "saved_residuals",
]  # fmt: skip

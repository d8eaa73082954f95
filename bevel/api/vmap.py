"""vmap: a function of one example as a function of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bevel.api.flat import Flat, argument_names, name_of, named_after
from bevel.base.errors import ShapeError
from bevel.base.words import kind_of
from bevel.core.places import under
from bevel.core.source import user_line
from bevel.core.trace import get_aval, state
from bevel.core.tree import tree_leaves
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine.pytree import flatten
from bevel.transforms.batch import batch, place_axis


def _is_none(x):
    return x is None


def vmap(
    fun: Callable,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    sum_match: bool = False,
) -> Callable:
    """Maps a function over axes of its arguments, all examples at once.

    in_axes    which axis of each argument is mapped: an int, None for an argument that all examples share, or a tuple
               (tree) of them, one for each positional argument. Keyword arguments are mapped over axis 0.
    out_axes   where the mapped axis comes out, likewise
    axis_name  a name for the mapped axis, for collectives inside (`lax.psum(x, 'i')`)
    axis_size  its size, needed where no argument is mapped
    raises ShapeError where mapped axes differ in size

    >>> import bevel, bevel.numpy as jnp
    >>> print(bevel.vmap(jnp.dot)(jnp.ones((3, 2)), jnp.ones((3, 2))))
    [2. 2. 2.]
    """
    if not callable(fun):
        raise TypeError(f"vmap needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not isinstance(in_axes, (int, tuple, type(None))):
        raise TypeError(
            "vmap in_axes must be an int, None, or a tuple with an entry for each positional argument; got "
            f"{in_axes!r}."
        )
    for leaf in tree_leaves(in_axes):
        if type(leaf) is not int and not is_index(leaf):
            raise TypeError(f"vmap in_axes must hold ints and None; got {leaf!r} in {in_axes!r}.")

    @named_after(fun)
    def mapped(*args, **kwargs):
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                f"vmap in_axes has {len(in_axes)} entries, {in_axes}, but {name_of(fun)} was called with {len(args)} "
                f"positional argument{'s' * (len(args) != 1)}{user_line(' at {}')}.\n"
                "Give one entry for each; keyword arguments map over axis 0."
            )
        leaves, in_tree = flatten((args, kwargs))
        axes = broadcast_prefix(
            (in_axes, 0), (args, kwargs), is_leaf=_is_none, prefix_name="in_axes", full_name="the arguments"
        )
        size = mapped_size("vmap", fun, leaves, axes, axis_size, args, kwargs)
        axes = [_within("vmap", fun, x, a, args, kwargs, i) for i, (x, a) in enumerate(zip(leaves, axes, strict=True))]
        flat = Flat(fun, in_tree)
        results, out = batch(under("vmap", flat), leaves, axes, size, state.trace, axis_name, spmd_axis_name)
        value = flat.out_tree.unflatten(results)
        wanted = broadcast_prefix(
            out_axes, value, is_leaf=_is_none, prefix_name="out_axes", full_name=f"the value of {name_of(fun)}"
        )
        return flat.out_tree.unflatten(
            [_placed(fun, r, a, w, size) for r, a, w in zip(results, out, wanted, strict=True)]
        )

    return mapped


def is_index(leaf) -> bool:
    """Does it act as an int (NumPy's ints)?"""
    try:
        leaf.__index__()
    except (AttributeError, TypeError):
        return False
    return True


def _within(asked, fun, leaf, axis, args, kwargs, position):
    """The axis counted from the front."""
    if axis is None:
        return None
    rank = len(get_aval(leaf).shape)
    if not -rank <= axis < rank:
        raise ValueError(
            f"{asked} of {name_of(fun)} maps axis {axis} of {argument_names(fun, args, kwargs)[position]}, which is "
            f"{get_aval(leaf).str_short(short_dtypes=False)}{user_line(' at {}')}: it has "
            f"{rank} ax{'i' if rank == 1 else 'e'}s.\nUse None in in_axes for what is shared."
        )
    return int(axis) % rank


def mapped_size(asked, fun, leaves, axes, axis_size, args, kwargs) -> int:
    """The one size of all mapped axes; `asked` is vmap or pmap."""
    sizes: dict[int, int | None] = {}
    for position, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)):
        if axis is not None:
            axis = _within(asked, fun, leaf, axis, args, kwargs, position)
            sizes.setdefault(get_aval(leaf).shape[axis], position)
    if not sizes:
        if axis_size is None:
            raise ValueError(
                f"{asked} of {name_of(fun)} maps nothing{user_line(' at {}')}: in_axes is None for every argument.\n"
                "Map at least one, or say how many examples there are: axis_size=n."
            )
        return axis_size
    if axis_size is not None:
        sizes.setdefault(axis_size, None)
    if len(sizes) > 1:
        names = argument_names(fun, args, kwargs)
        lines = []
        for size, first in sizes.items():
            if first is None:
                lines.append(f"  axis_size says {size}")
            else:
                shape = get_aval(leaves[first]).str_short(short_dtypes=False)
                lines.append(f"  {names[first]}, {shape}, has {size} along axis {axes[first]}")
        raise MappedAxisError(
            f"{asked} of {name_of(fun)} needs one size for all mapped axes{user_line(' at {}')}; got inconsistent "
            + "\n".join(["sizes:", *lines[:5]])
            + "\nUse None in in_axes for an argument that all examples share."
        )
    return next(iter(sizes))


class MappedAxisError(ShapeError, ValueError):
    """The mapped axes of vmap's arguments differ in size.

    Fails: `vmap(jnp.dot)(jnp.ones((3, 2)), jnp.ones(2))`. Mended: `vmap(jnp.dot, in_axes=(0, None))(…)`.
    """


def _placed(fun, value, axis, wanted, size):
    if wanted is None:
        if axis is not None:
            raise ValueError(
                f"vmap of {name_of(fun)} has out_axes None for a value that differs between examples, "
                f"{get_aval(value).str_short()}{user_line(' at {}')}.\n"
                "Give it an axis, or reduce over the examples first."
            )
        return value
    rank = len(get_aval(value).shape) + (axis is None)
    if not -rank <= wanted < rank:
        raise ValueError(
            f"vmap of {name_of(fun)} has out_axes {wanted} for a value that has {rank} axes with the mapped one"
            f"{user_line(' at {}')}."
        )
    return place_axis(value, axis, int(wanted), size)

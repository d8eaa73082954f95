"""How the numbers of an array lie in memory: `Layout`, and with the devices that hold it, `Format`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bevel.base.errors import BevelError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine.pytree import flatten
from bevel.ops.layout import Layout, LayoutConstraint


@dataclass(frozen=True)
class Format:
    """A layout, and the sharding beside it; None where it is left to the compiler.

    >>> import bevel.numpy as jnp
    >>> jnp.ones((2, 3)).format.layout.major_to_minor
    (0, 1)
    """

    layout: Any = None
    sharding: Any = None


def layout_of(layout) -> Layout:
    """What the engine says of a layout."""
    inner = layout._xla_layout()
    return Layout(tuple(inner.minor_to_major())[::-1], tuple(map(tuple, inner.tiling())), inner.element_size_in_bits())


def format_of(array) -> Format:
    """How an array lies, and where."""
    return Format(layout_of(array._pjrt_layout), array._sharding)


class LayoutError(BevelError, ValueError):
    """jit was asked for arguments or results in another order in memory than by rows.

    Fails: `jit(f, in_shardings=Format(Layout((1, 0)), sharding))(x)`.
    Mended: `jit(lambda x: f(with_layout_constraint(x, Layout((1, 0)))), in_shardings=sharding)(x)`.
    """


def sharding_of(given: Format, shape, asked_by: str):
    """The sharding that a Format names, for an argument or result of that shape.

    Its layout is the one that these have here, by rows; or it is left to the compiler.
    """
    layout, rank = given.layout, len(shape)
    if isinstance(layout, Layout):
        order = tuple(layout.major_to_minor)
        if sorted(order) != list(range(rank)):
            raise LayoutError(
                f"{asked_by} was given {order} as the order of axes of an array of shape {tuple(shape)}"
                f"{user_line(' at {}')}.\nName each of its {rank} axes once."
            )
        if order != tuple(range(rank)):
            raise LayoutError(
                f"{asked_by} was asked for axes in the order {order} in memory{user_line(' at {}')}; arguments and "
                f"results lie by rows, {tuple(range(rank))}.\n"
                f"Have the program lay values out itself: with_layout_constraint(x, Layout({order}))."
            )
        if given.sharding is None:
            raise LayoutError(
                f"{asked_by} was given a Format with a layout and no sharding{user_line(' at {}')}.\n"
                "Name both, Format(layout, x.sharding), or neither."
            )
    return given.sharding


def with_layout_constraint(x, layouts):
    """x, a tree of arrays, laid out in memory so where the compiled program computes it; its numbers stay.

    layouts   a `Layout` for each array, or a tree prefix of them
    raises    ShapeError where a layout does not name each axis of its array once

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.experimental.layout import Layout, with_layout_constraint
    >>> f = bevel.jit(lambda x: with_layout_constraint(x, Layout((1, 0))) + 1)
    >>> f(jnp.zeros((2, 2))).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    leaves, tree = flatten(x)
    wanted = broadcast_prefix(layouts, x, prefix_name="the layouts", full_name="the tree of arrays")
    return tree.unflatten([_constrained(leaf, layout) for leaf, layout in zip(leaves, wanted, strict=True)])


def _constrained(x, layout):
    if not isinstance(layout, Layout):
        raise TypeError(
            f"with_layout_constraint takes a Layout for each array; it was given a {type(layout).__name__}: "
            f"{str(layout)[:60]}\nMake one of the order of axes, as Layout((1, 0))."
        )
    aval = get_aval(x)
    if sorted(layout.major_to_minor) != list(range(len(aval.shape))):
        raise ShapeError(
            f"with_layout_constraint: major_to_minor={layout.major_to_minor} does not name each axis of "
            f"{aval.str_short()} once."
        )
    return LayoutConstraint(layout)(x)


__all__ = ["Format", "Layout", "LayoutError", "format_of", "layout_of", "sharding_of", "with_layout_constraint"]

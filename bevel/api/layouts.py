"""How the numbers of an array lie in memory: `Layout`, and with the devices that hold it, `Format`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bevel.base.errors import ShapeError
from bevel.base.words import kind_of
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine import jaxlib_names as names
from bevel.engine.pytree import flatten
from bevel.ops.layout import Layout, LayoutConstraint
from bevel.transforms.orders import LayoutError, Orders, check_layout, check_tiling, layout_of


@dataclass(frozen=True)
class Format:
    """A layout, and the sharding beside it.

    layout     a `Layout`; None: by rows; `Layout.AUTO`, for arguments and results of jit: as the compiler chooses
    sharding   needed beside a `Layout`; None: as it would be without

    raises     TypeError where they are something else

    >>> import bevel, bevel.numpy as jnp
    >>> x = jnp.ones((2, 3))
    >>> x.format.layout.major_to_minor
    (0, 1)
    >>> by_columns = Format(Layout((1, 0)), x.sharding)
    >>> bevel.device_put(x, by_columns).format.layout.major_to_minor
    (1, 0)
    >>> bevel.jit(lambda x: x + 1, out_shardings=by_columns)(x).format.layout.major_to_minor
    (1, 0)
    """

    layout: Any = None
    sharding: Any = None

    def __post_init__(self):
        for what, value, kinds, named in (
            ("a layout", self.layout, (Layout, type(Layout.AUTO)), "a Layout, Layout.AUTO or None"),
            (
                "a sharding",
                self.sharding,
                names.Sharding,
                "a sharding, as x.sharding or NamedSharding(mesh, P()), or None",
            ),
        ):
            if value is not None and not isinstance(value, kinds):
                raise TypeError(
                    f"Format was given {kind_of(value)} as {what}{user_line(' at {}')}: {str(value)[:60]}\n"
                    f"It takes {named}."
                )


def format_of(array) -> Format:
    """How an array lies, and where; only where, once its memory has been given away."""
    return Format(None if array.is_deleted() else layout_of(array._pjrt_layout), array._sharding)


def layout_in(given: Format, aval, asked_by: str):
    """The layout that a Format asks for, for an argument or result of jit: a Layout, Layout.AUTO, or None, by rows."""
    layout = given.layout
    if isinstance(layout, Layout):
        check_layout(layout, aval.shape, asked_by)
        _need_sharding(given, asked_by)
    return None if aval.extended else layout


def layout_to_put(given: Format, aval) -> Layout | None:
    """The layout that a Format asks for, where an array is put: one that is known."""
    layout = given.layout
    if layout is Layout.AUTO:
        raise LayoutError(
            f"device_put was given Layout.AUTO{user_line(' at {}')}, and there is no program to choose an order for.\n"
            "Name the order of axes, Layout((1, 0)); or give what compiled.input_formats says."
        )
    if layout is None:
        return None
    check_layout(layout, aval.shape, "device_put")
    _need_sharding(given, "device_put")
    check_tiling(layout, given.sharding._device_assignment[0].platform)
    return None if aval.extended else layout


def layout_of_struct(given: Format, shape) -> Layout | None:
    """The layout that a Format says, of a stand-in for an array."""
    if given.layout is Layout.AUTO:
        raise TypeError(
            f"ShapeDtypeStruct was given Layout.AUTO{user_line(' at {}')}; it stands for an array, which lies in some "
            "order.\nLeave it out here, and say jit(f, in_shardings=Format(Layout.AUTO))."
        )
    if given.layout is not None:
        check_layout(given.layout, shape, "ShapeDtypeStruct")
    return given.layout


def _need_sharding(given, asked_by):
    if given.sharding is None:
        raise LayoutError(
            f"{asked_by} was given a Format with a layout and no sharding{user_line(' at {}')}.\n"
            "Name both, Format(layout, x.sharding), or neither."
        )


def in_orders(leaves, layouts) -> list:
    """Values inside a program, each laid as said; None and Layout.AUTO: as the compiler chooses."""
    laid = zip(leaves, layouts, strict=True)
    return [LayoutConstraint(layout)(x) if isinstance(layout, Layout) else x for x, layout in laid]


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
            f"with_layout_constraint takes a Layout for each array; it was given {kind_of(layout)}: "
            f"{str(layout)[:60]}\nMake one of the order of axes, as Layout((1, 0))."
        )
    aval = get_aval(x)
    if sorted(layout.major_to_minor) != list(range(len(aval.shape))):
        raise ShapeError(
            f"with_layout_constraint: major_to_minor={layout.major_to_minor} does not name each axis of "
            f"{aval.str_short()} once."
        )
    return LayoutConstraint(layout)(x)


__all__ = ["Format", "Layout", "LayoutError", "Orders", "format_of", "with_layout_constraint"]

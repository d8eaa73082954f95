"""In which order the axes of arguments and results lie in memory, where a program is asked for another than by rows.

XLA reads a program's arguments by the order that it was compiled for, and looks at none that is given: so each array
that lies otherwise is found here, and laid anew. Nobody looks until some program has been asked for such an order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from bevel.base.errors import BevelError
from bevel.core.source import user_line
from bevel.engine import client
from bevel.engine.client import Array, order_of
from bevel.ops.layout import Layout


class LayoutError(BevelError, ValueError):
    """An array lies in memory otherwise than the program takes it; or a layout is none of the array's.

    Fails: `jit(f, in_shardings=Format(Layout((1, 0)), sharding))(x)`, where x was put on its device by rows.
    Mended: `jit(f, in_shardings=Format(Layout((1, 0)), sharding))(device_put(x, Format(Layout((1, 0)), sharding)))`.
    """


@dataclasses.dataclass(frozen=True)
class Orders:
    """For each argument and result of a program: a `Layout`, `Layout.AUTO`, or None, which is by rows."""

    arguments: tuple
    results: tuple


def by_rows(rank: int) -> tuple[int, ...]:
    """The order of axes that arrays have where nobody asks for another."""
    return tuple(range(rank))


def layout_of(engines) -> Layout:
    """What the engine says of a layout."""
    inner = engines._xla_layout()
    return Layout(tuple(inner.minor_to_major())[::-1], tuple(map(tuple, inner.tiling())), inner.element_size_in_bits())


def lies_otherwise(value) -> bool:
    """Is it an array whose axes do not lie by rows?"""
    if not client.orders_in_use or not isinstance(value, Array) or value.is_deleted():
        return False
    order = order_of(value)
    return order != by_rows(len(order))


def own_layout(value) -> Layout | None:
    """The layout of an array that is committed to its place and lies otherwise than by rows, or of what stands for one;
    None of anything else."""
    if isinstance(value, Array):
        return Layout(order_of(value)) if value._committed and lies_otherwise(value) else None
    layout = getattr(value, "layout", None)
    return layout if isinstance(layout, Layout) else None


def orders_taken(loaded, hidden: int) -> list | None:
    """For each argument of a compiled program, behind so many hidden ones, the order of axes that it takes.

    None: by rows; in place of the list, where results lie so, too.
    """
    taken = [layout_of(x).major_to_minor for x in loaded.get_parameter_layouts()]
    given = [layout_of(x).major_to_minor for x in loaded.get_output_layouts()]
    rows = [order == by_rows(len(order)) for order in [*taken, *given]]
    if all(rows):
        return None
    client.orders_in_use = True
    return [None if r else order for order, r in zip(taken, rows, strict=False)][hidden:]


def orders_for(name, operands: Sequence, asked: Orders | None) -> Orders | None:
    """The orders that a program takes for these operands; None where all is by rows.

    asked    what the user asks for, of these operands and of the results
    raises   LayoutError where an operand that is committed lies otherwise than asked
    """
    given = [own_layout(x) for x in operands]
    if asked is None:
        return Orders(tuple(given), ()) if any(given) else None
    taken = []
    for operand, own, wanted in zip(operands, given, asked.arguments, strict=True):
        if wanted is not None and (own is not None or getattr(operand, "_committed", False)):
            _check_given(name, operand, own, wanted)
        taken.append(own if wanted is None else wanted)
    return Orders(tuple(taken), asked.results)


def _check_given(name, operand, own, wanted):
    order = by_rows(len(operand.shape)) if own is None else own.major_to_minor
    what = f"{name or 'A program'} was given an array {operand.aval.str_short()} whose axes lie in the order {order}"
    if wanted is Layout.AUTO:
        raise LayoutError(
            f"{what}{user_line(' at {}')}, for an argument of Layout.AUTO.\n"
            "The compiler chooses the order before there is an array: lower the function for "
            "ShapeDtypeStruct(x.shape, x.dtype),\nand put arrays as compiled.input_formats says."
        )
    if wanted.major_to_minor != order:
        raise LayoutError(
            f"{what}{user_line(' at {}')}; jit was asked for {wanted.major_to_minor}, by in_shardings.\n"
            f"Put it so, device_put(x, Format(Layout({wanted.major_to_minor}), x.sharding)); or leave the layout out "
            "of in_shardings:\nthe program is then compiled for how the array lies."
        )


def check_given(name, operands, orders):
    """Raises LayoutError where a committed operand of a compiled program lies otherwise than it takes.

    orders   what it takes, as `Executable.in_orders`
    """
    for operand, order in zip(operands, orders or [None] * len(operands), strict=True):
        if not isinstance(operand, Array) or not operand._committed or operand.is_deleted():
            continue
        lies = order_of(operand)
        wanted = by_rows(len(lies)) if order is None else order
        if lies != wanted:
            raise LayoutError(
                f"The compiled {name} was given an array {operand.aval.str_short()} whose axes lie in the order {lies}"
                f"{user_line(' at {}')};\nit was compiled for {wanted}. Put it so, "
                f"device_put(x, Format(Layout({wanted}), x.sharding)); or lower\nthe function for the array as it lies."
            )


def check_layout(layout: Layout, shape: Sequence, asked_by: str):
    """Raises LayoutError where a layout does not name each axis of an array of that shape once."""
    if sorted(layout.major_to_minor) != list(range(len(shape))):
        raise LayoutError(
            f"{asked_by} was given {layout.major_to_minor} as the order of axes of an array of shape {tuple(shape)}"
            f"{user_line(' at {}')}.\nName each of its {len(shape)} axes once."
        )


def check_tiling(layout: Any, platform: str):
    """Raises LayoutError for tiles on a platform that has none."""
    if platform == "cpu" and layout is not Layout.AUTO and layout.tiling:
        raise LayoutError(
            f"A layout names the tiles {layout.tiling}{user_line(' at {}')}; in the memory of CPUs arrays have none.\n"
            f"Leave them out: Layout({layout.major_to_minor})."
        )


def written(layout: Any) -> str:
    """A layout as StableHLO says it in `mhlo.layout_mode`."""
    if layout is Layout.AUTO:
        return "auto"
    tiles = "".join([f"({','.join(map(str, tile))})" for tile in layout.tiling or ()])
    bits = layout.sub_byte_element_size_in_bits
    details = (f"T{tiles}" if tiles else "") + (f"E({bits})" if bits else "")
    return f"{{{','.join(map(str, layout.major_to_minor[::-1]))}{details and ':' + details}}}"


__all__ = [
    "LayoutError", "Orders", "by_rows", "check_given", "check_layout", "check_tiling", "layout_of", "lies_otherwise",
    "orders_for", "orders_taken", "written",
]  # fmt: skip

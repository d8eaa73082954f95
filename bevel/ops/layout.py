"""How values lie in memory while a program runs: a wish to the compiler, that changes no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bevel.base.errors import ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.engine.builder import boolean, parsed, string


@dataclass(frozen=True)
class Layout:
    """The order of an array's axes in memory, from the one whose steps are longest to the one whose steps are 1.

    major_to_minor   the axes in that order: `(0, 1)` is C's, by rows; `(1, 0)` is Fortran's, by columns
    tiling           blocks in which the last axes lie together, where the device has such

    >>> from bevel.experimental.layout import Layout
    >>> Layout((1, 0))
    Layout(major_to_minor=(1, 0), tiling=None, sub_byte_element_size_in_bits=0)

    `Layout.AUTO`, in the `Format` of an argument or result of jit, leaves the order to the compiler.
    """

    major_to_minor: tuple[int, ...]
    tiling: tuple[tuple[int, ...], ...] | None = None
    sub_byte_element_size_in_bits: int = 0
    AUTO: ClassVar[Any]

    def __post_init__(self):
        object.__setattr__(self, "major_to_minor", tuple(self.major_to_minor))


class _Auto:
    def __repr__(self):
        return "AUTO"

    def __reduce__(self):
        return "_AUTO"


_AUTO = Layout.AUTO = _Auto()


@primitive
class LayoutConstraint(Primitive):
    """x, its axes laid out in memory as `layout.major_to_minor` says.

    x: any dtype. Lowers to the custom call LayoutConstraint, which XLA's layout assignment heeds.
    """

    layout: Layout
    gaps: ClassVar = {"reach": "it says where values lie, whatever they are"}

    def infer(self, x):
        order = self.layout.major_to_minor
        if sorted(order) != list(range(len(x.shape))):
            raise ShapeError(f"a layout names each axis of {x.str_short()} once; got {order}.")
        return x

    def jvp(self, primals, tangents):
        return self(*primals), self(tangents[0])

    def transpose(self, ct, x):
        return [self(ct)]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        order = [a + (a >= axis) for a in self.layout.major_to_minor]
        return LayoutConstraint(Layout((axis, *order)))(x), axis

    def lower(self, out, x):
        return laid(out, x, out.avals[0], self.layout.major_to_minor)

    def reference(self, x):
        return x

    @classmethod
    def samples(cls, array):
        yield cls(Layout((1, 0))), [array(2, 3)]
        yield cls(Layout(())), [array(dtype="int32")]

    @classmethod
    def refusals(cls, array):
        yield cls(Layout((0, 0))), [array(2, 3)], "each axis"


def laid(out, x, aval, order=None):
    """A value with its axes in that order in memory, the one of longest steps first; by rows, where none is given."""
    order = list(range(len(aval.shape)) if order is None else order)
    layouts = parsed(f"[dense<{order[::-1] or ''}> : tensor<{len(order)}xindex>]")
    return out.op(
        "stablehlo.custom_call",
        [x],
        {
            "call_target_name": string("LayoutConstraint"),
            "has_side_effect": boolean(False),
            "operand_layouts": layouts,
            "result_layouts": layouts,
        },
        aval=aval,
    )


__all__ = ["Layout", "LayoutConstraint", "laid"]

"""Check: errors that a program may find while it runs, handed to whoever gathers them (transforms.checks)."""

from __future__ import annotations

import numpy as np

from bevel.base.errors import BevelError, ShapeError
from bevel.core import effects
from bevel.core.checks import Entry
from bevel.core.primitive import Primitive, primitive
from bevel.core.trace import Tracer, get_aval
from bevel.ops.convert import convert
from bevel.ops.elementwise import mul
from bevel.ops.logic import eq, ne, select
from bevel.ops.reductions import reduce_max
from bevel.ops.shapes import Iota, broadcast_to_shape, reduce_sum, to_front, zeros

INT = np.dtype("int32")


class UncollectedCheckError(BevelError, ValueError):
    """A compiled program holds a `checkify.check`, and nobody collects the errors that it may find.

    Fails:  `jit(f)(x)`, where f calls `checkify.check`.
    Mended: `err, out = jit(checkify.checkify(f))(x)`, and `err.throw()`; or `debug_check`, which only then does
    something.
    """


@primitive
class Check(Primitive):
    """The error number `code`, of those that `entries` lists, counted from 1; none where it is 0.

    code    int32[]
    values  arrays that the messages speak of
    """

    entries: tuple[Entry, ...]

    multiple_results = True
    is_differentiable = False
    effects = frozenset([effects.CHECK])

    def infer(self, code, *values):
        if code.shape or code.dtype != INT:
            raise ShapeError(f"check needs the number of an error as int32[]; got {code.str_short()}.")
        return []

    @property
    def is_debug(self) -> bool:
        return all([entry.site.is_debug for entry in self.entries])

    # ---- outside of any program: at once

    @property
    def call(self):
        return self.at_once

    def at_once(self, code, *values):
        if self.is_debug:
            return []
        if isinstance(code, Tracer):
            raise self.uncollected()
        number = int(code)
        if number:
            site, slots = self.entries[number - 1]
            if not site.is_debug:
                raise site.error([values[i] for i in slots])
        return []

    def batch(self, operands, axes):
        """One error of all examples: that of the last one that has any, as JAX has it."""
        [code, *values], [code_axis, *value_axes] = operands, axes
        if code_axis is None:  # no example differs in whether it failed; what the message shows is that of the last
            size = next(get_aval(v).shape[a] for v, a in zip(values, value_axes, strict=True) if a is not None)
            last = np.int32(size - 1)
            chosen = eq(Iota(INT, (size,), 0)(), last)
        else:
            [size] = get_aval(code).shape
            if not size:
                return [], []
            number = Iota(INT, (size,), 0)()
            failed = ne(code, np.int32(0))
            last = reduce_max(select(failed, number, -1), (0,))
            chosen = eq(number, last)
            code = reduce_sum(mul(code, convert(chosen, INT)), (0,))
        values = [
            v if a is None else picked(to_front(v, a, size), chosen) for v, a in zip(values, value_axes, strict=True)
        ]
        return self(code, *values), []

    # ---- in a program that nobody gathered errors of

    def uncollected(self):
        site = next(entry.site for entry in self.entries if not entry.site.is_debug)
        return UncollectedCheckError(
            f"checkify.check({site.message!r}, …){site.says_where(' at {}')} is part of a compiled program (jit, scan, "
            "cond, …), and nobody collects its errors.\n"
            "Wrap the function: err, out = jit(checkify.checkify(f))(…), and err.throw() raises what it found.\n"
            "Or use debug_check, which does nothing without checkify."
        )

    def in_order(self, order, *operands):
        if self.is_debug:
            return order, []
        raise self.uncollected()

    def lower(self, out, *values):
        if self.is_debug:
            return []
        raise self.uncollected()

    def reference(self, code, *values):
        return []


def picked(values, chosen):
    """The row of `values` where `chosen`, bool of its leading axis, holds: of one row, or of none (zeros)."""
    aval = get_aval(values)
    mask = broadcast_to_shape(chosen, aval.shape, (0,))
    if aval.dtype == bool:
        values = convert(values, INT)
    kept = select(mask, values, zeros(get_aval(values)))
    row = reduce_sum(kept, (0,))
    return ne(row, np.int32(0)) if aval.dtype == bool else row


__all__ = ["Check", "UncollectedCheckError", "picked"]

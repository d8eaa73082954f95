"""Writing windows of an array at computed places: overwriting, subtracting, multiplying, the smaller and the larger.

What scatters share stands in scatter_family.py; ScatterAdd in gather.py, beside its adjoint.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.errors import MissingRuleError
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import Max, Min, Sub, add, div, extreme, maximum, neg, sub
from bevel.ops.cutting import pad, slice_in_dim
from bevel.ops.elementwise import Mul, add_any, mul
from bevel.ops.gather import LinearScatter, ScatterAdd, gathered
from bevel.ops.logic import eq, lt, select
from bevel.ops.scatter_family import ScatterFamily
from bevel.ops.shapes import Iota, Rev, full, instantiate, reshape, zeros
from bevel.ops.sort import Sort
from bevel.ops.taking import take_rows
from bevel.ops.windows import PROMISE_IN_BOUNDS, ScatterDimensionNumbers


def adding(op) -> ScatterAdd:
    """The ScatterAdd at the places of another scatter."""
    return ScatterAdd(op.dimension_numbers, op.indices_are_sorted, op.unique_indices, op.mode)


def zeros_like(x):
    aval = get_aval(x)
    return full(aval.shape, 0, aval.dtype)


@primitive
class Scatter(ScatterFamily):
    """Overwrites x by the updates at the places which the indices say; of repeated places any one update stays.

    With `update_jaxpr`, a program of two scalars (old, update) → new, what comes out of it is written instead;
    repeated places go through it as often as they are named.
    """

    def jvp(self, primals, tangents):
        [x, indices, updates], [dx, _, du] = primals, tangents
        if self.update_jaxpr is not None:
            raise MissingRuleError(
                "x.at[…].apply(f) has no derivative where an index may name a place twice.\n"
                "Say that none does, x.at[…].apply(f, unique_indices=True), or write x.at[…].set(f(x[…]))."
            )
        if is_zero(dx) and is_zero(du):
            y = self(x, indices, updates)
            return y, zero_of(y)
        if self.unique_indices or is_zero(du):
            return self(x, indices, updates), self(instantiate(dx), indices, instantiate(du))
        # Which of several updates to a place stays is not known beforehand, and value and tangent must come of the same
        # one. So numbers 1, 2, … are written first, and those found again tell which updates stayed.
        untouched, stayed = self.winners(indices, get_aval(x), get_aval(updates))
        write = adding(self)
        y = write(select(untouched, x, 0), indices, select(stayed, updates, 0))
        dy = write(select(untouched, instantiate(dx), 0), indices, select(stayed, instantiate(du), 0))
        return y, dy

    def winners(self, indices, x, updates):
        """Which elements of the operand keep their value, and which updates stay."""
        dtype = np.dtype("uint32")
        count = math.prod(updates.shape)
        numbers = reshape(add(Iota(dtype, (count,), 0)(), np.uint32(1)), updates.shape)
        written = self(full(x.shape, 0, dtype), indices, numbers)
        found = gathered(self, written, indices, updates.shape, 0)
        return eq(written, np.uint32(0)), eq(numbers, found)

    def transpose(self, ct, x, indices, updates):
        x_aval, updates_aval = get_aval(x), get_aval(updates)
        ct_updates = None
        if is_linear(updates):
            ct_updates = gathered(self, ct, indices, updates_aval.shape)
            if not self.unique_indices:
                ct_updates = select(self.winners(indices, x_aval, updates_aval)[1], ct_updates, 0)
        ct_x = self(ct, indices, zeros(updates_aval)) if is_linear(x) else None
        return [ct_x, None, ct_updates]

    def combined(self, out, old, new, aval):
        if self.update_jaxpr is None:
            return new
        return out.module.inline(out, self.update_jaxpr, [old, new], self.update_consts)[0]

    def reference_of_two(self, old, new):
        return new

    @classmethod
    def repeated(cls, array):
        points = ScatterDimensionNumbers((), (0,), (0,))
        # one value for the place that is named twice: which update stays there is not defined
        updates = np.asarray([1.5, -0.5, 1.5, 2.0], np.float32)
        yield cls(points), [array(5), np.asarray([[4], [0], [4], [7]], np.int32), updates]


@primitive
class ScatterSub(LinearScatter):
    """Subtracts updates from x at the places which the indices say. Linear in both."""

    name = "scatter-sub"
    combine = Sub()
    hlo = "stablehlo.subtract"

    @staticmethod
    def counted(x):
        return neg(x)

    def reference_of_two(self, old, new):
        return old - new


@primitive
class ScatterMul(ScatterFamily):
    """Multiplies x by updates at the places which the indices say. Linear in x, and in each update."""

    name = "scatter-mul"
    combine = Mul()
    hlo = "stablehlo.multiply"

    def jvp(self, primals, tangents):
        [x, indices, updates], [dx, _, du] = primals, tangents
        y = self(x, indices, updates)
        parts = [] if is_zero(dx) else [self(dx, indices, updates)]
        if not is_zero(du):
            if not self.unique_indices:
                du = mul(du, self.others(indices, get_aval(x), updates))
            old = gathered(self, x, indices, get_aval(updates).shape)
            parts.append(adding(self)(zeros_like(x), indices, mul(du, old)))
        if not parts:
            return y, zero_of(y)
        return y, parts[0] if len(parts) == 1 else add_any(*parts)

    def transpose(self, ct, x, indices, updates):
        if is_linear(x):
            return [self(ct, indices, updates), None, None]
        return [None, None, gathered(self, mul(ct, x), indices, updates.aval.shape)]

    def others(self, indices, x, updates):
        """For each update the product of all other updates at its place; 1 where there are none.

        In the order of their places, this is the product of those before it by that of those after it, at the place:
        no division, so it is right where updates are zero, and so are its own derivatives.
        """
        shape, size = get_aval(updates).shape, math.prod(x.shape)
        count = math.prod(shape)
        if count < 2:
            return full(shape, 1, x.dtype)
        dtype = np.dtype("int32" if size < 2**31 else "int64")
        place = gathered(self, reshape(Iota(dtype, (size,), 0)(), x.shape), indices, shape, size)
        # an update that is left out may be infinite, and must not count
        updates = select(lt(place, np.asarray(size, dtype)[()]), updates, 1)
        numbers = Iota(np.dtype("int32" if count < 2**31 else "int64"), (count,), 0)()
        place, order = Sort(0)(reshape(place, (count,)), numbers)
        values = take_rows(reshape(updates, (count,)), order)
        before = _running_products(values, place)
        back = Rev((0,))
        after = back(_running_products(back(values), back(place)))
        column = reshape(order, (count, 1))
        put = ScatterAdd(ScatterDimensionNumbers((), (0,), (0,)), False, True, PROMISE_IN_BOUNDS)
        return reshape(put(full((count,), 0, x.dtype), column, mul(before, after)), shape)

    def reference_of_two(self, old, new):
        return old * new

    @classmethod
    def repeated(cls, array):
        points = ScatterDimensionNumbers((), (0,), (0,))
        places = np.asarray([[4], [0], [4], [7]], np.int32)
        yield cls(points), [array(5, dtype="int32"), places, array(4, dtype="int32")]
        places = np.asarray([[3], [0], [3], [7], [3], [1], [0]], np.int32)
        yield cls(points), [array(4), places, np.asarray([0.0, 2.0, 1.5, 3.0, -0.5, 0.0, 0.0], np.float32)]


def _running_products(values, place):
    """For each of the values the product of those before it that are at the same place, places being in order."""
    count = get_aval(values).shape[0]

    def later(x, step, first):
        return pad(slice_in_dim(x, 0, count - step, 0), first, [(step, 0, 0)])

    products, step = select(eq(place, later(place, 1, -1)), later(values, 1, 1), 1), 1
    while step < count:
        # products[i] is of the `step` values before i, as far as they are at its place
        products = mul(products, select(eq(place, later(place, step, -1)), later(products, step, 1), 1))
        step *= 2
    return products


class ScatterExtreme(ScatterFamily):
    """Keeps one of x and the updates at the places which the indices say. Equal ones share the slope.

    Complex numbers are compared by their real parts, and by their imaginary parts where those are equal.
    """

    order: ClassVar[str]  # of the one that is kept to the other

    def takes(self, dtype):
        return dtypes.issubdtype(dtype, np.number) or dtype == np.bool_

    def combined(self, out, old, new, aval):
        return extreme(out, self.hlo, self.order, old, new, aval)

    def jvp(self, primals, tangents):
        [x, indices, updates], [dx, _, du] = primals, tangents
        y = self(x, indices, updates)
        if is_zero(dx) and is_zero(du):
            return y, zero_of(y)
        shape, dtype = get_aval(updates).shape, get_aval(x).dtype
        one = np.ones((), dtype)[()]

        def at_places(values):
            return gathered(self, values, indices, shape)

        add_at = adding(self)
        nothing, ones = zeros_like(x), full(shape, 1, dtype)
        best = at_places(y)
        has_won, old_won = eq(updates, best), eq(at_places(x), best)
        # how many share a place: the updates that won there, and the old value if it is as good
        count = at_places(add_at(nothing, indices, select(has_won, ones, 0)))
        share = div(one, maximum(add(count, select(old_won, ones, 0)), one))
        # each update at a place adds its part of the change in the old value's weight, from 1 to its share or to 0
        named = maximum(at_places(add_at(nothing, indices, ones)), one)
        change = div(sub(select(old_won, share, 0), one), named)
        tangent = None if is_zero(dx) else mul(at_places(dx), change)
        if not is_zero(du):
            new = mul(du, select(has_won, share, 0))
            tangent = new if tangent is None else add_any(tangent, new)
        return y, add_at(instantiate(dx), indices, tangent)

    def reference_of_two(self, old, new):
        return self.combine.reference(old, new)


@primitive
class ScatterMin(ScatterExtreme):
    """The smaller of x and the updates at the places which the indices say."""

    name = "scatter-min"
    combine = Min()
    order = "LT"
    hlo = "stablehlo.minimum"


@primitive
class ScatterMax(ScatterExtreme):
    """The larger of x and the updates at the places which the indices say."""

    name = "scatter-max"
    combine = Max()
    order = "GT"
    hlo = "stablehlo.maximum"

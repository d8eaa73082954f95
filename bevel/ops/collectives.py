"""Collectives: ops in which the examples along a named axis speak to one another.

A name is bound by a transformation around, `vmap(axis_name=…)`. Each op is linear (but for the extrema), sees one
example, and says in `batch_named` what it means for all of them, once the axis with its name is there as an array axis.
An operand that is the same for all examples is repeated along the axis first.

Adjoint pairs: all_gather and reduce_scatter; psum, all_to_all and ppermute are each their own (with swapped or inverted
parameters). The sum over an axis is its own adjoint because each example's result depends on each example's
operand, and the cotangents of all results come together.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError, DTypeError, ShapeError
from bevel.core.primitive import Primitive, primitive
from bevel.core.source import user_line
from bevel.core.tangents import is_zero
from bevel.core.trace import get_aval, state
from bevel.ops.arithmetic import div
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, Slice, pad
from bevel.ops.elementwise import mul
from bevel.ops.indexing import take_rows
from bevel.ops.logic import eq, select
from bevel.ops.reductions import reduce_max, reduce_min
from bevel.ops.shapes import Iota, Linear, instantiate, move_axis, reduce_sum, reshape, to_front, zeros


class UnboundAxisError(BevelError, NameError):
    """A collective names an axis that no transformation around it has bound.

    Fails: `lax.psum(x, "i")` by itself. Mended: `vmap(lambda x: lax.psum(x, "i"), axis_name="i")(xs)`.
    """


def unbound(what, name) -> UnboundAxisError:
    bound = ", ".join([repr(n) for n, _ in state.axes])
    return UnboundAxisError(
        f"{what} names the axis {name!r}{user_line(' at {}')}, which is an unbound axis name: "
        f"{f'here are {bound}' if bound else 'no named axis is here'}.\n"
        f"Bind it around the function: bevel.vmap(f, axis_name={name!r}), or bevel.shard_map over a mesh that has it."
    )


def size_of_axis(name, what="axis_size") -> int:
    """The size of the innermost axis of that name."""
    for known, size in reversed(state.axes):
        if known == name:
            return size
    raise unbound(what, name)


class Collective(Primitive):
    """Ops over named axes. `groups`: examples that speak among themselves, as lists of positions; None: all."""

    kind = "collectives"

    @property
    def axis_names(self):
        return (self.axis_name,)

    @property
    def groups(self):
        return None

    @property
    def call(self):
        raise unbound(self.name, next(iter(self.axis_names)))

    def lower(self, out, *values):
        raise unbound(self.name, next(iter(self.axis_names)))

    def batch_named(self, axis_name, size, operands, axes):
        groups = self.groups
        if groups is not None:
            return self.batch_groups(axis_name, size, groups, operands, axes)
        return self.among_all(axis_name, size, *operands, *axes)

    def among_all(self, axis_name, size, x, axis):
        """(result, its mapped axis) where all examples of an axis of that name lie along `axis` of x (None: one x)."""
        raise NotImplementedError

    def ungrouped(self, size):
        """The same op among all of `size` examples."""
        raise NotImplementedError

    def batch_groups(self, axis_name, size, groups, operands, axes):
        """Each group by itself, as if there were no other, and the results put back in order."""
        order = [i for group in groups for i in group]
        if sorted(order) != list(range(size)):
            raise ShapeError(
                f"{self.name} over axis {axis_name!r} of size {size} needs axis_index_groups that hold each of "
                f"0…{size - 1} once; got {[list(g) for g in groups]}."
            )
        [x], [axis] = operands, axes
        x = to_front(x, axis, size)
        parts = []
        for group in groups:
            rows = take_rows(x, np.asarray(group, np.int32))
            part, place = self.ungrouped(len(group)).among_all(axis_name, len(group), rows, 0)
            parts.append(to_front(part, place, len(group)))
        back = np.argsort(np.asarray(order)).astype(np.int32)
        return take_rows(Concatenate(0)(*parts) if len(parts) > 1 else parts[0], back), 0


# ---- sums and extrema


class OfOneShape(Linear, Collective):
    """Ops whose result is of x's shape."""

    def infer(self, x):
        return x

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return self(x), axis


class AllReduce(OfOneShape):
    """Ops whose result is the same for all examples."""

    @property
    def axis_names(self):
        return self.axes

    @property
    def groups(self):
        return self.axis_index_groups

    def ungrouped(self, size):
        return type(self)(self.axes)

    def rest(self, axis_name):
        """What is left to do over other axes."""
        names = tuple([n for n in self.axes if n != axis_name])
        return type(self)(names) if names else lambda x: x


@primitive
class Psum(AllReduce):
    """The sum over the examples of the named axes."""

    axes: tuple
    axis_index_groups: tuple | None = None

    def infer(self, x):
        if x.dtype == np.bool_:
            raise DTypeError("psum needs numbers; got bool. Convert it first, or use pmax (any) or pmin (all).")
        return x

    def transpose(self, ct, x):
        return [self(ct)]

    def among_all(self, axis_name, size, x, axis):
        dtype = get_aval(x).dtype
        summed = mul(x, np.asarray(size).astype(dtype)[()]) if axis is None else reduce_sum(x, (axis,))
        return self.rest(axis_name)(summed), None


class Pextremum(AllReduce):
    def jvp(self, primals, tangents):
        # As for the extremum of an array: equal examples share the derivative.
        [x], [dx] = primals, tangents
        y = self(x)
        chosen = eq(x, y)
        aval = get_aval(x)
        among = Psum(self.axes, self.axis_index_groups)
        count = among(convert(chosen, aval.dtype))
        return y, div(among(select(chosen, dx, zeros(get_aval(dx)))), count)

    def among_all(self, axis_name, size, x, axis):
        return self.rest(axis_name)(x if axis is None else self.reduced(x, (axis,))), None


@primitive
class Pmax(Pextremum):
    """The greatest of the examples of the named axes, element by element."""

    axes: tuple
    axis_index_groups: tuple | None = None
    reduced = staticmethod(reduce_max)


@primitive
class Pmin(Pextremum):
    """The least of the examples of the named axes, element by element."""

    axes: tuple
    axis_index_groups: tuple | None = None
    reduced = staticmethod(reduce_min)


# ---- collectives over one axis, that move elements


class OverOneAxis(Linear, Collective):
    @property
    def groups(self):
        return self.axis_index_groups

    def among_all(self, axis_name, size, x, axis):
        x = to_front(x, axis, size)
        aval = get_aval(x)
        self.infer(aval.with_shape(aval.shape[1:]))  # shapes are checked here: a batch rule works on arrays as they are
        return self.in_front(size, x)

    def ungrouped(self, size):
        return self.replace(axis_index_groups=None, axis_size=size)

    def in_front(self, size, x):
        """The same, with the examples along axis 0 of x."""
        raise NotImplementedError

    def deeper(self):
        """The op for operands with one more axis in front."""
        raise NotImplementedError

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return self.deeper()(move_axis(x, axis, 0)), 0


@primitive
class AllGather(OverOneAxis):
    """All examples' x beside one another along a new axis `all_gather_dimension`; tiled: end to end along that axis."""

    all_gather_dimension: int
    axis_name: object
    axis_index_groups: tuple | None
    axis_size: int
    tiled: bool

    def infer(self, x):
        shape, d = list(x.shape), self.all_gather_dimension
        if self.tiled:
            shape[d] *= self.axis_size
        else:
            shape.insert(d, self.axis_size)
        return x.with_shape(tuple(shape))

    def deeper(self):
        return self.replace(all_gather_dimension=self.all_gather_dimension + 1)

    def transpose(self, ct, x):
        return [
            ReduceScatter(
                self.axis_name, self.all_gather_dimension, self.axis_index_groups, self.axis_size, self.tiled
            )(ct)
        ]

    def in_front(self, size, x):
        d = self.all_gather_dimension
        shape = get_aval(x).shape[1:]
        y = move_axis(x, 0, d)
        if self.tiled:
            y = reshape(y, (*shape[:d], size * shape[d], *shape[d + 1 :]))
        return y, None


@primitive
class ReduceScatter(OverOneAxis):
    """The sum over the examples, of which each keeps its part along `scatter_dimension`.

    Not tiled: that axis has the size of the named one, and goes away; tiled: each keeps a block of it.
    """

    axis_name: object
    scatter_dimension: int
    axis_index_groups: tuple | None
    axis_size: int
    tiled: bool

    def infer(self, x):
        shape, d = list(x.shape), self.scatter_dimension
        check_divides("psum_scatter", x, "scatter_dimension", d, self.axis_size, self.tiled, self.axis_name)
        if self.tiled:
            shape[d] //= self.axis_size
        else:
            del shape[d]
        return x.with_shape(tuple(shape))

    def deeper(self):
        return self.replace(scatter_dimension=self.scatter_dimension + 1)

    def transpose(self, ct, x):
        return [
            AllGather(self.scatter_dimension, self.axis_name, self.axis_index_groups, self.axis_size, self.tiled)(ct)
        ]

    def in_front(self, size, x):
        d = self.scatter_dimension
        y = reduce_sum(x, (0,))
        if self.tiled:
            shape = get_aval(y).shape
            y = reshape(y, (*shape[:d], size, shape[d] // size, *shape[d + 1 :]))
        return y, d


@primitive
class AllToAll(OverOneAxis):
    """Each example gives part k along `split_axis` to example k, which lines up what it gets along `concat_axis`.

    Not tiled: the split axis has the size of the named one and goes away, a new axis of that size comes at
    `concat_axis`; tiled: blocks of the split axis, end to end along the concat axis.
    """

    split_axis: int
    concat_axis: int
    axis_name: object
    axis_index_groups: tuple | None
    tiled: bool
    axis_size: int

    def printed(self):
        return [row for row in super().printed() if row[0] != "axis_size"]

    def infer(self, x):
        shape, n = list(x.shape), self.axis_size
        check_divides("all_to_all", x, "split_axis", self.split_axis, n, self.tiled, self.axis_name)
        if self.tiled:
            shape[self.split_axis] //= n
            shape[self.concat_axis] *= n
        else:
            del shape[self.split_axis]
            shape.insert(self.concat_axis, n)
        return x.with_shape(tuple(shape))

    def deeper(self):
        return self.replace(split_axis=self.split_axis + 1, concat_axis=self.concat_axis + 1)

    def transpose(self, ct, x):
        return [self.replace(split_axis=self.concat_axis, concat_axis=self.split_axis)(ct)]

    def in_front(self, size, x):
        split, concat = self.split_axis + 1, self.concat_axis
        if not self.tiled:
            y = move_axis(x, split, 0)  # receivers, senders, the rest
            return move_axis(y, 1, concat + 1), 0
        shape = get_aval(x).shape
        y = reshape(x, (*shape[:split], size, shape[split] // size, *shape[split + 1 :]))
        y = move_axis(y, split, 0)  # receivers, senders, then the axes of one block
        y = move_axis(y, 1, concat + 1)
        shape = get_aval(y).shape
        joined = (*shape[: concat + 1], size * shape[concat + 2], *shape[concat + 3 :])
        return reshape(y, joined), 0


def check_divides(what, x, parameter, axis, size, tiled, name):
    if not -1 < axis < len(x.shape):
        raise ShapeError(f"{what} was given {parameter}={axis} for {x.str_short()}, which has {len(x.shape)} axes.")
    if (tiled and x.shape[axis] % size) or (not tiled and x.shape[axis] != size):
        rule = "a multiple of" if tiled else "equal to"
        raise AxisSizeError(
            f"{what} needs the size of axis {axis} ({parameter}) to be {rule} that of the named axis {name!r}, {size}; "
            f"got {x.str_short()}."
            + ("" if tiled else "\ntiled=True takes blocks of an axis of a multiple of the size.")
        )


class AxisSizeError(ShapeError, ValueError):
    """An axis of the operand does not have the size that the named axis asks for.

    Fails: `vmap(lambda x: lax.all_to_all(x, "i", 0, 0), axis_name="i")(jnp.ones((4, 3)))`. Mended: `jnp.ones((4, 4))`.
    """


@primitive
class Ppermute(OfOneShape):
    """Example `to` gets the x of example `source`, for each (source, to) of perm; zeros where nothing comes."""

    axis_name: object
    perm: tuple

    @property
    def axis_names(self):
        return self.axis_name if isinstance(self.axis_name, tuple) else (self.axis_name,)

    def transpose(self, ct, x):
        return [Ppermute(self.axis_name, tuple([(to, source) for source, to in self.perm]))(ct)]

    def among_all(self, axis_name, size, x, axis):
        if len(self.axis_names) > 1:
            raise ShapeError(
                f"ppermute over several axes at once, {self.axis_names}, is not defined under vmap.\n"
                "Permute over one after the other, or map over one axis of all examples."
            )
        for source, to in self.perm:
            if not (0 <= source < size and 0 <= to < size):
                raise AxisSizeError(
                    f"ppermute over axis {axis_name!r} of size {size} was given the pair ({source}, {to}) in perm."
                )
        x = to_front(x, axis, size)
        rows = np.full(size, size, np.int32)
        for source, to in self.perm:
            rows[to] = source
        shift = int(rows[0])
        if shift < size and (rows == (np.arange(size) + shift) % size).all():
            return _turned(x, shift, size), 0
        if (rows == size).any():
            rank = len(get_aval(x).shape)
            x = pad(x, 0, ((0, 1, 0), *[(0, 0, 0)] * (rank - 1)))  # a row of zeros for those that get nothing
        return take_rows(x, rows), 0


def _turned(x, shift, size):
    """The rows of x from row `shift` on, and then those before: of what XLA makes an exchange of neighbours where they
    lie on several devices."""
    if not shift:
        return x
    shape = get_aval(x).shape
    ends = ((shift, size), (0, shift))
    parts = [Slice((a, *[0] * (len(shape) - 1)), (b, *shape[1:]), None)(x) for a, b in ends]
    return Concatenate(0)(*parts)


@primitive
class Pbroadcast(OfOneShape):
    """The x of example `source`, for all."""

    axis_name: object
    source: int

    def transpose(self, ct, x):
        total = Psum((self.axis_name,))(instantiate(ct) if is_zero(ct) else ct)
        here = eq(AxisIndex(self.axis_name)(), np.int32(self.source))
        aval = get_aval(total)
        return [mul(total, convert(here, aval.dtype)) if not aval.shape else select(
            _over(here, aval.shape), total, zeros(aval))]  # fmt: skip

    def among_all(self, axis_name, size, x, axis):
        if not 0 <= self.source < size:
            raise AxisSizeError(f"pbroadcast over axis {axis_name!r} of size {size} was given source {self.source}.")
        if axis is None:
            return x, None
        x = move_axis(x, axis, 0)
        return reshape(take_rows(x, np.asarray([self.source], np.int32)), get_aval(x).shape[1:]), None


def _over(flag, shape):
    from_scalar = to_front(flag, None, math.prod(shape))
    return reshape(from_scalar, shape)


@primitive
class AxisIndex(Collective):
    """The position of the example along the named axis, int32[]."""

    axis_name: object
    is_differentiable = False

    def infer(self):
        return ShapedArray((), np.dtype("int32"))

    def batch_named(self, axis_name, size, operands, axes):
        return Iota(np.dtype("int32"), (size,), 0)(), 0


__all__ = [
    "AllGather", "AllToAll", "AxisIndex", "AxisSizeError", "Collective", "Pbroadcast", "Pmax", "Pmin", "Ppermute",
    "Psum", "ReduceScatter", "UnboundAxisError", "size_of_axis", "unbound",
]  # fmt: skip

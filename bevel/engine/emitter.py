"""Writing StableHLO, an operation at a time.

`emitter.op("stablehlo.add", [x, y])` appends one operation whose result has the aval of the equation being lowered
(`emitter.avals`), or the `aval=` given. What all lowerings say again and again has a word of its own here, which also
knows dimensions that are open until the call.
"""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import Dimension, is_symbolic
from bevel.engine.builder import comparison, dense, i64, i64s, mlir, scalar_attribute, type_of
from bevel.engine.open_sizes import COUNT, Number

_BOOL = np.dtype(bool)
_NUMBERS = (bool, int, float, complex)
_PLAIN = (bool, int, float, np.float32, np.float64, np.int32, np.int64, np.bool_)
_by_value: dict[tuple, object] = {}


class Emitter:
    """Writes the operations of one block, at its end or in front of one that it has.

    module    the Module being written, with its functions and hidden arguments
    avals     avals of the results of the equation being lowered; in_avals, of its operands
    scope     how the names of operations begin in profiles: `jit(loss)/while/`
    platform  what the program is for: "cpu", "cuda", "tpu"
    """

    __slots__ = ("avals", "constants", "in_avals", "location", "module", "platform", "point", "scope", "tokens")

    def __init__(self, module, place, location=None, scope=""):
        """place: the block, or the operation to stand in front of."""
        self.module = module
        self.scope = scope
        self.point = mlir.ir.InsertionPoint(place)
        self.location = location or mlir.unknown
        self.avals = self.in_avals = ()
        self.constants = {}
        self.platform = module.platform
        self.tokens = {}

    def op(self, name, operands, attributes=None, *, aval=None, regions=0):
        """Appends an operation of one result and gives the result. Its aval is that of the equation if not given."""
        result = aval.ir_type or type_of(aval) if aval is not None else None
        if result is None:
            result = self.avals[0].ir_type or type_of(self.avals[0])
        if name == "stablehlo.iota":
            shape = (self.avals[0] if aval is None else aval).shape
            if is_symbolic(shape):
                name, operands = "stablehlo.dynamic_iota", [self.sizes(shape)]
        operation = mlir.create(name, [result], operands, attributes, None, regions, self.location, self.point)
        return operation.result

    def ops(self, name, operands, attributes=None, *, avals=None, regions=0):
        """Appends an operation of several results and gives the operation (`.results`, `.regions`)."""
        types = [type_of(a) for a in (self.avals if avals is None else avals)]
        return mlir.create(name, types, operands, attributes, None, regions, self.location, self.point)

    # ---- dimensions that are known at the call only (base.dimensions)

    def dimension(self, d):
        """The value of a dimension, i32[]: computed from those of its variables, `module.dimensions`."""
        if type(d) is not Dimension:
            return self.constant(np.int32(d), COUNT)
        known = self.module.dimensions.get(d)
        if known is None:
            head = self.module.head  # where all of the program sees it, also what stands behind a loop
            values = {name: Number(head, value) for name, value in self.module.variables.items()}
            values |= {"max": Number.max, "min": Number.min}
            known = self.module.dimensions[d] = d.evaluate(values).value
        return known

    def sizes(self, shape):
        """A shape as a value, i32[rank]."""
        if not shape:
            return self.op(
                "stablehlo.constant", [], {"value": dense(np.zeros(0, np.int32))}, aval=COUNT.with_shape((0,))
            )
        one = COUNT.with_shape((1,))
        parts = [self.op("stablehlo.reshape", [self.dimension(d)], aval=one) for d in shape]
        if len(parts) == 1:
            return parts[0]
        return self.op("stablehlo.concatenate", parts, {"dimension": i64(0)}, aval=COUNT.with_shape((len(shape),)))

    def constant(self, value, aval):
        """A constant of that aval: a number that fills it, or an array of its shape. Written once per block."""
        if is_symbolic(aval.shape):
            return self.broadcast(self.constant(value, aval.with_shape(())), aval)
        if type(value) is Dimension:
            return self.op("stablehlo.convert", [self.dimension(value)], aval=aval)
        kind = type(value)
        if kind in _NUMBERS or np.ndim(value) == 0:
            # numbers are found again by value, but for zero and NaN, which are not told by it
            key = (kind, value, aval) if kind in _PLAIN and value == value and value != 0 else None
            attribute = _by_value.get(key) if key is not None else None
            if attribute is None:
                attribute = scalar_attribute(value, aval)
                if key is not None:
                    _by_value[key] = attribute
            known = self.constants.get(attribute_key := (id(attribute), aval))
            if known is None:
                known = self.constants[attribute_key] = self.op(
                    "stablehlo.constant", [], {"value": attribute}, aval=aval
                )
            return known
        return self.op("stablehlo.constant", [], {"value": dense(np.asarray(value))}, aval=aval)

    def broadcast(self, value, aval, dimensions=()):
        """`value` broadcast to `aval`; dimensions[i] is where its axis i goes."""
        if is_symbolic(aval.shape):
            places = {"broadcast_dimensions": i64s(*dimensions)}
            return self.op("stablehlo.dynamic_broadcast_in_dim", [value, self.sizes(aval.shape)], places, aval=aval)
        return self.op("stablehlo.broadcast_in_dim", [value], {"broadcast_dimensions": i64s(*dimensions)}, aval=aval)

    def dynamic_slice(self, x, starts, sizes, aval):
        """A window of `sizes`, whose aval is given, at starts that are values, all of one dtype."""
        if not is_symbolic(sizes):
            return self.op("stablehlo.dynamic_slice", [x, *starts], {"slice_sizes": i64s(*sizes)}, aval=aval)
        row, ones = COUNT.with_shape((len(sizes),)), dense(np.ones(len(sizes), np.int32))
        starts = [self.op("stablehlo.convert", [s], aval=COUNT) for s in starts]
        starts = [self.reshape(s, COUNT.with_shape((1,))) for s in starts]
        start = self.op("stablehlo.concatenate", starts, {"dimension": i64(0)}, aval=row)
        limit = self.op("stablehlo.add", [start, self.sizes(sizes)], aval=row)  # in this form XLA finds the sizes
        steps = self.op("stablehlo.constant", [], {"value": ones}, aval=row)
        return self.op("stablehlo.real_dynamic_slice", [x, start, limit, steps], aval=aval)

    def pad(self, x, value, low, high, inside, aval):
        """The value put before (low), behind (high) and between (inside) the elements of each axis."""
        if is_symbolic((*low, *high, *inside)):
            return self.op("stablehlo.dynamic_pad", [x, value, *map(self.sizes, (low, high, inside))], aval=aval)
        attributes = {
            "edge_padding_low": i64s(*low), "edge_padding_high": i64s(*high), "interior_padding": i64s(*inside)
        }  # fmt: skip
        return self.op("stablehlo.pad", [x, value], attributes, aval=aval)

    def convert(self, value, aval):
        return self.op("stablehlo.convert", [value], aval=aval)

    def reshape(self, value, aval):
        if is_symbolic(aval.shape):
            return self.op("stablehlo.dynamic_reshape", [value, self.sizes(aval.shape)], aval=aval)
        return self.op("stablehlo.reshape", [value], aval=aval)

    def compare(self, order, x, y, aval):
        """Two values of an aval compared: EQ, NE, LT, LE, GT, GE."""
        return self.op("stablehlo.compare", [x, y], comparison(order, aval.dtype), aval=aval.with_dtype(_BOOL))

    def slice(self, x, aval, axis, start, limit):
        """A value of an aval, from `start` up to `limit` along one axis."""
        starts, limits = [0] * len(aval.shape), list(aval.shape)
        starts[axis], limits[axis] = start, limit
        steps = [1] * len(starts)
        result = ShapedArray((*aval.shape[:axis], limit - start, *aval.shape[axis + 1 :]), aval.dtype)
        if is_symbolic((*starts, *limits)):
            places = [self.sizes(values) for values in (starts, limits, steps)]
            return self.op("stablehlo.real_dynamic_slice", [x, *places], aval=result)
        attributes = {"start_indices": i64s(*starts), "limit_indices": i64s(*limits), "strides": i64s(*steps)}
        return self.op("stablehlo.slice", [x], attributes, aval=result)

    def reduce(self, x, axes, start, result, combine):
        """A value reduced over axes, from the number `start`, to the aval `result`.

        combine   an operation's name, or `combine(emitter, x, y)` of scalars

        Reductions by one operation that differ in x alone, as those of a network's layers do, are copies of the first:
        five times faster than writing the region of each.
        """
        scalar = ShapedArray((), result.dtype)
        start, axes = self.constant(start, scalar), tuple(axes)
        known = self.module.reductions
        key = (combine, result, axes, start)
        if key in known:
            operation = known[key].clone(self.point)
            operation.operands[0] = x
            operation.location = self.location
            return operation.result
        operation = self.ops("stablehlo.reduce", [x, start], {"dimensions": i64s(*axes)}, avals=[result], regions=1)
        if isinstance(combine, str):
            self.reduction(operation, 0, [scalar], lambda e, a, b: [e.op(combine, [a[0], b[0]], aval=scalar)])
            known[key] = operation
        else:
            self.reduction(operation, 0, [scalar], lambda e, a, b: [combine(e, a[0], b[0])])
        return operation.result

    def block(self, operation, region, avals):
        """A new block in a region of an operation, with arguments of these avals; gives (its Emitter, arguments)."""
        types = [type_of(a) for a in avals]
        block = operation.regions[region].blocks.append(*types, arg_locs=[self.location] * len(types))
        emitter = type(self)(self.module, block, self.location, self.scope)
        return emitter, list(block.arguments)

    def finish(self, values):
        """Ends a block of a StableHLO region with what it gives."""
        mlir.create("stablehlo.return", [], values, None, None, 0, self.location, self.point)

    def reduction(self, operation, region, avals, combine):
        """Fills a region with `combine(emitter, left values, right values) -> values` over scalars of `avals`."""
        scalars = [ShapedArray((), a.dtype) for a in avals]
        emitter, arguments = self.block(operation, region, [*scalars, *scalars])
        emitter.avals = scalars
        half = len(scalars)
        results = combine(emitter, arguments[:half], arguments[half:])
        emitter.finish(results)

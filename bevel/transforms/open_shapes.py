"""Dimensions that are known at the call only: how a program that is exported with them finds their values.

`base.dimensions` computes with such dimensions; here the module learns each variable from the sizes of its arguments.
"""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import InconclusiveDimensionOperation, is_symbolic_dim, linear
from bevel.base.errors import BevelError
from bevel.engine import builder
from bevel.engine.builder import mlir


class OpenShapeError(InconclusiveDimensionOperation):
    """An operation needs to know its sizes, which an exported program with open dimensions does not."""


class UnknownDimensionError(BevelError, ValueError):
    """A variable dimension cannot be told from the shapes of the arguments: none of them has it as a size."""


def find_variables(out, jaxpr, arguments):
    """Says how each variable among the dimensions follows from the sizes of the arguments."""
    waiting = [
        (d, value, axis)
        for var, value in zip(jaxpr.invars, arguments, strict=True)
        for axis, d in enumerate(var.aval.shape)
        if is_symbolic_dim(d)
    ]
    known = out.module.variables
    count = ShapedArray((), np.dtype("int32"))
    for d, value, axis in waiting:
        found = linear(d)
        if found is None or found[0] in known:
            continue
        name, factor, constant = found
        size = out.op("stablehlo.get_dimension_size", [value], {"dimension": builder.i64(axis)}, aval=count)
        if constant:
            size = out.op("stablehlo.subtract", [size, out.constant(np.int32(constant), count)], aval=count)
        if factor != 1:
            size = out.op("stablehlo.divide", [size, out.constant(np.int32(factor), count)], aval=count)
        known[name] = size
    missing = sorted({name for d, _, _ in waiting for name in d.variables()} - set(known))
    if missing:
        raise UnknownDimensionError(
            f"The dimension {missing[0]} cannot be told from the shapes of the arguments.\n"
            "Some argument needs an axis of that size, or of a size such as 2*b + 1 that tells it."
        )
    if known:
        anchor = out.op("stablehlo.constant", [], {"value": builder.dense(np.zeros((), np.int32))}, aval=count).owner
        head = out.module.head = type(out)(out.module, anchor.operation.block, out.location, out.scope)
        head.point = mlir.ir.InsertionPoint(anchor)

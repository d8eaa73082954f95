"""In a program for CPUs LAPACK is given one stack of matrices at a time.

jaxlib shares a stack out to XLA's threads, and waits for them on one of these. As many stacks at once as there are
threads wait for each other for ever: two on two cores, under JAX as well (docs/decisions/168). So each call for a
stack is made to need something of the one before. What is chosen by it is always the same, which XLA does not know.
"""

from __future__ import annotations

import math
import operator

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.engine.builder import array_of, i64s, mlir
from bevel.engine.emitter import Emitter

_TRUTH = ShapedArray((), np.dtype(bool))
_LOOKED_AT = 4096  # operations, on the way from what is needed to what it is made of


def take_in_turn(module) -> None:
    """Rewrites a module so that no two calls of LAPACK for stacks, nor what contains such, may run at once."""
    every = [op.operation for op in module.module.body.operations]
    functions = {op.attributes["sym_name"].value: op for op in every if op.name == "func.func"}
    known: dict[str, bool] = {}

    def has_stacks(op) -> bool:
        if op.name == "stablehlo.custom_call":
            return _is_stack(op)
        return in_function(op.attributes["callee"].value) if op.name == "func.call" else in_regions(op)

    def in_function(name) -> bool:
        if name not in known:
            known[name] = in_regions(functions[name])
        return known[name]

    def in_regions(op) -> bool:
        return any([in_block(block) for region in op.regions for block in region.blocks])  # each is rewritten

    def in_block(block) -> bool:
        last = None
        for op in [op.operation for op in block.operations]:
            if has_stacks(op):
                if last is not None and not _needs(op, last):
                    _tie(module, op, last)
                last = op
        return last is not None

    for name in functions:
        in_function(name)


def _is_stack(op) -> bool:
    if not op.attributes["call_target_name"].value.startswith("lapack_"):
        return False
    shape = mlir.ir.RankedTensorType(op.operands[0].type).shape
    return len(shape) > 2 and math.prod(shape[:-2]) != 1


def _needs(op, earlier) -> bool:
    """Is an operation's operand made, in its block, of what an earlier one gives?"""
    waiting, seen = [op], {op}
    while waiting and len(seen) < _LOOKED_AT:
        for value in waiting.pop().operands:
            owner = value.owner
            if isinstance(owner, mlir.ir.Block):
                continue
            if owner == earlier:
                return True
            if owner not in seen:
                seen.add(owner)
                waiting.append(owner)
    return False


def _tie(module, op, last) -> None:
    """Has operands of `op` chosen by numbers that `last` gives: one, or all of a function's, which XLA inlines."""
    out = Emitter(module, op, op.location)
    tests = [test for test in [_never(out, value) for value in last.results] if test is not None]
    held = [(aval.size, i, aval) for i, aval in enumerate(map(_elements, op.operands)) if aval is not None]
    if not tests or not held:
        return
    never = tests[0]
    for test in tests[1:]:
        never = out.op("stablehlo.or", [never, test], aval=_TRUTH)
    for _, i, aval in held if op.name == "func.call" else [min(held, key=operator.itemgetter(0))]:
        x = op.operands[i]
        other = out.broadcast(_first(out, x, aval), aval)
        op.operands[i] = out.op("stablehlo.select", [never, other, x], aval=aval)


def _elements(value):
    """The aval of a value that holds elements; None for others."""
    aval = array_of(value)
    return aval if aval is not None and aval.size else None


def _first(out, x, aval):
    """The first element of an array."""
    rank = len(aval.shape)
    places = {"start_indices": i64s(*[0] * rank), "limit_indices": i64s(*[1] * rank), "strides": i64s(*[1] * rank)}
    one = out.op("stablehlo.slice", [x], places, aval=aval.with_shape((1,) * rank))
    return out.reshape(one, aval.with_shape(()))


def _never(out, x):
    """A truth that is False, and is not known before x is there; None for what holds no numbers."""
    aval = _elements(x)
    if aval is None or aval.dtype == np.bool_:
        return None
    number, scalar = _first(out, x, aval), aval.with_shape(())
    if dtypes.issubdtype(scalar.dtype, np.complexfloating):
        scalar = scalar.with_dtype(dtypes.real_dtype_of_complex(scalar.dtype))
        number = out.op("stablehlo.real", [number], aval=scalar)
    if dtypes.issubdtype(scalar.dtype, np.floating):
        scalar = scalar.with_dtype(np.dtype(f"int{dtypes.itemsize_bits(scalar.dtype)}"))
        number = out.op("stablehlo.bitcast_convert", [number], aval=scalar)
    odd = out.op("stablehlo.or", [number, out.constant(1, scalar)], aval=scalar)
    return out.compare("EQ", odd, out.constant(0, scalar), scalar)

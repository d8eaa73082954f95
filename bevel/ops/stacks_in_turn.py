"""In a program for CPUs LAPACK is given one stack of matrices at a time.

jaxlib shares a stack out to XLA's threads, and waits for them on one of these. As many stacks at once as there are
threads wait for each other for ever: two on two cores, under JAX as well (docs/decisions/168). So each call for a
stack is made to need something of the one before. What is chosen by it is always the same, which XLA does not know.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.engine.builder import comparison, i64s, mlir, parsed

_LOOKED_AT = 4096  # operations, on the way from what is needed to what it is made of


def take_in_turn(module) -> None:
    """Rewrites a module so that no two calls of LAPACK for stacks, nor what contains such, may run at once."""
    every = [op.operation for op in module.body.operations]
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
                    _tie(op, last)
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


def _tie(op, last) -> None:
    """Has operands of `op` chosen by numbers that `last` gives: one, or all of a function's, which XLA inlines."""
    out = _Writer(op)
    tests = [test for test in map(out.never, last.results) if test is not None]
    held = [(math.prod(kind.shape), i) for i, kind in enumerate(map(_numbers, op.operands)) if kind is not None]
    if not tests or not held:
        return
    never = tests[0]
    for test in tests[1:]:
        never = out.write("stablehlo.or", [never, test], test.type)
    for _, i in held if op.name == "func.call" else [min(held)]:
        op.operands[i] = out.chosen(never, op.operands[i])


def _numbers(value):
    """The type of a value that holds elements; None for others."""
    try:
        kind = mlir.ir.RankedTensorType(value.type)
    except ValueError:  # a token
        return None
    return kind if kind.has_static_shape and math.prod(kind.shape) else None


class _Writer:
    """Writes in front of an operation."""

    def __init__(self, op):
        self.location, self.point = op.location, mlir.ir.InsertionPoint(op)

    def write(self, name, operands, kind, attributes=None):
        return mlir.create(name, [kind], operands, attributes, None, 0, self.location, self.point).result

    def first(self, value, kind):
        """The first element of an array."""
        rank, element = len(kind.shape), kind.element_type
        of = mlir.ir.RankedTensorType.get
        places = {"start_indices": i64s(*[0] * rank), "limit_indices": i64s(*[1] * rank), "strides": i64s(*[1] * rank)}
        one = self.write("stablehlo.slice", [value], of([1] * rank, element), places)
        return self.write("stablehlo.reshape", [one], of([], element))

    def never(self, value):
        """A truth that is False, and is not known before a value is there; None for what holds no numbers."""
        ir, kind = mlir.ir, _numbers(value)
        if kind is None:
            return None
        of, element = ir.RankedTensorType.get, kind.element_type
        number = self.first(value, kind)
        if isinstance(element, ir.ComplexType):
            element = ir.ComplexType(element).element_type
            number = self.write("stablehlo.real", [number], of([], element))
        if not isinstance(element, ir.IntegerType):
            element = ir.IntegerType.get_signless(element.width)
            number = self.write("stablehlo.bitcast_convert", [number], of([], element))
        if element.width == 1:
            return None
        one, zero = [
            self.write("stablehlo.constant", [], of([], element), {"value": parsed(f"dense<{n}> : tensor<{element}>")})
            for n in (1, 0)
        ]
        odd = self.write("stablehlo.or", [number, one], of([], element))
        truth = of([], ir.IntegerType.get_signless(1))
        return self.write("stablehlo.compare", [odd, zero], truth, comparison("EQ", np.dtype("int32")))

    def chosen(self, test, value):
        """The value, unless the test holds."""
        kind = _numbers(value)
        other = self.first(value, kind)
        other = self.write("stablehlo.broadcast_in_dim", [other], kind, {"broadcast_dimensions": i64s()})
        return self.write("stablehlo.select", [test, other, value], kind)

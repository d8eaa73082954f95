"""Loops in a program that is being written, for ops that lower to them.

Between loops stand functions of other primitives. A `Written` is a value of the program with its aval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.core.staging import stage

INDEX = ShapedArray((), np.dtype("int32"))


class Written(NamedTuple):
    aval: ShapedArray
    value: Any


def now(out, function: Callable, *operands: Written) -> list[Written]:
    """What a function of other primitives gives, written into the emitter's block."""
    jaxpr, consts = stage(function, [x.aval for x in operands])
    values = out.module.inline(out, jaxpr, [x.value for x in operands], consts)
    return [Written(v.aval, value) for v, value in zip(jaxpr.outvars, values, strict=True)]


def index(out, number: int) -> Written:
    return Written(INDEX, out.constant(number, INDEX))


def after(out, i: Written) -> Written:
    """i + 1."""
    return Written(INDEX, out.op("stablehlo.add", [i.value, out.constant(1, INDEX)], aval=INDEX))


def counted(out, first: Written, stop: Written, step: Callable, kept: Sequence[Written], carried: Sequence[Written]):
    """What is carried after `step(emitter, i, kept, carried) → carried` for i = first, …, stop - 1: a while loop."""
    values = [first, stop, *kept, *carried]
    avals = [v.aval for v in values]
    loop = out.ops("stablehlo.while", [v.value for v in values], avals=avals, regions=2)
    test, [i, end, *_] = out.block(loop, 0, avals)
    test.finish([test.compare("LT", i, end, INDEX)])
    body, arguments = out.block(loop, 1, avals)
    i, end, *inside = map(Written, avals, arguments)
    following = after(body, i)
    results = step(body, i, inside[: len(kept)], inside[len(kept) :])
    body.finish([v.value for v in (following, end, *inside[: len(kept)], *results)])
    return list(map(Written, avals, loop.results))[2 + len(kept) :]


def turns(out, first: Written, stop: Written, function: Callable, kept: Sequence[Written], carried: Sequence[Written]):
    """As `counted`, of a step `function(i, *kept, *carried) → carried` of other primitives."""
    step = lambda e, i, kept, carried: now(e, function, i, *kept, *carried)
    return counted(out, first, stop, step, kept, carried)

"""The laws of batching: mapping over examples is a loop over them."""

from __future__ import annotations

import numpy as np

from bevel.core.tangents import zero_of
from bevel.core.trace import get_aval, state
from bevel.ops.shapes import instantiate
from bevel.tools.laws.closeness import LawBroken, check_close, to_numpy
from bevel.tools.laws.derivatives import has_derivative, point_of
from bevel.tools.laws.interpreter import by_reference
from bevel.tools.laws.law import law
from bevel.tools.laws.samples import apply, result_avals, subsets, variant
from bevel.transforms.batch import batch, place_axis
from bevel.transforms.jvp import jvp

_EXAMPLES = 2


def can_batch(sample) -> bool:
    return sample.is_plain and bool(sample.operands)


def mappings(sample) -> list[tuple]:
    """Which axis of each operand is mapped, None for one that all examples share: every choice of operands that is
    mapped, every axis of each, and operands mapped over unlike axes."""
    found = {}
    ranks = [np.ndim(x) for x in sample.operands]
    for chosen in subsets(range(len(ranks))):
        most = max(ranks[i] for i in chosen)
        for k in range(most + 1):
            for turn in (0, 1) if len(chosen) > 1 else (0,):
                axes = [None] * len(ranks)
                for n, i in enumerate(chosen):
                    axes[i] = (k + turn * n) % (ranks[i] + 1)
                found[tuple(axes)] = True
    return list(found)


def _stacked(x, axis, size):
    if axis is None:
        return x
    return np.stack([variant(x, k) for k in range(size)], axis) if size else np.stack([x], axis).take([], axis)


def _batched(op, values, axes, size):
    """Results with the mapped axis in front."""
    results, out = batch(apply(op), list(values), list(axes), size, state.trace)
    for result, axis in zip(results, out, strict=True):
        if axis is not None and not 0 <= axis < len(get_aval(result).shape):
            raise LawBroken(
                f"batch is a loop: {op!r} says its mapped axis is {axis} of {get_aval(result).str_short()}."
            )
    return [place_axis(r, a, 0, size) for r, a in zip(results, out, strict=True)]


@law("batch", can_batch)
def batch_is_a_loop(sample):
    """Batching is a loop over examples, whichever operands and axes are mapped; also with one example, and none."""
    ways = mappings(sample)
    cases = [(axes, _EXAMPLES) for axes in ways]
    cases += [(ways[-1], 1), (ways[0], 0)]
    inputs = [[_stacked(x, a, size) for x, a in zip(sample.operands, axes, strict=True)] for axes, size in cases]
    program = by_reference(
        lambda all_values: [_batched(sample.op, v, *case) for v, case in zip(all_values, cases, strict=True)]
    )
    run = by_reference(apply(sample.op))
    for (axes, size), results in zip(cases, program(inputs), strict=True):
        said = f"batch is a loop (axes {axes}, {size} examples)"
        if not size:
            for result, aval in zip(results, result_avals(sample.op, sample.avals), strict=True):
                found = get_aval(result)
                if (found.shape, found.dtype) != ((0, *aval.shape), aval.dtype):
                    raise LawBroken(f"{said}: {sample!r} gives {found.str_short()}.")
            continue
        examples = [
            run(*[x if a is None else variant(x, k) for x, a in zip(sample.operands, axes, strict=True)])
            for k in range(size)
        ]
        expected = [np.stack([to_numpy(e[i]) for e in examples]) for i in range(len(results))]
        check_close(said, sample, results, expected)


@law("batch-jvp", lambda sample: can_batch(sample) and has_derivative(sample))
def batch_and_jvp_commute(sample):
    """Batching and jvp commute: the jvp of the batched op is the batched jvp."""
    with point_of(sample) as point:
        axes = mappings(sample)[-1]
        size = _EXAMPLES
        tangents = [point.tangents[i] for i in sample.inexact]
        tangent_axes = [axes[i] for i in sample.inexact]
        xs = [_stacked(x, a, size) for x, a in zip(point.operands, axes, strict=True)]
        vs = [_stacked(v, a, size) for v, a in zip(tangents, tangent_axes, strict=True)]
        count = len(xs)

        def one(*args):
            primals, given = args[:count], iter(args[count:])
            tangents = [next(given) if i in sample.inexact else zero_of(x) for i, x in enumerate(primals)]
            return [
                instantiate(jvp(apply(point.op), list(primals), tangents, state.trace)[1][i])
                for i in point.inexact_results
            ]

        def both(xs, vs):
            values = [*xs, *vs]
            results, out = batch(one, values, [*axes, *tangent_axes], size, state.trace)
            outside = [place_axis(r, a, 0, size) for r, a in zip(results, out, strict=True)]
            given = iter(vs)
            tangents = [next(given) if i in sample.inexact else zero_of(x) for i, x in enumerate(xs)]
            _, pushed = jvp(lambda *ys: _batched(point.op, ys, axes, size), list(xs), tangents, state.trace)
            return outside, [instantiate(pushed[i]) for i in point.inexact_results]

        outside, inside = by_reference(both)(xs, vs)
        check_close(f"batch and jvp commute (axes {axes})", sample, inside, outside)

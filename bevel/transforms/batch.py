"""Batching: a function of one example applied to many at once, op by op."""

from __future__ import annotations

import weakref

from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.core import leaks
from bevel.core.trace import Tracer, get_aval, set_trace, state
from bevel.ops.shapes import move_axis, to_front
from bevel.transforms.pairs import Pair, PairTrace

_of_examples: dict[tuple, ShapedArray] = {}  # the aval of an array, and its mapped axis → that of an example


class BatchTracer(Pair):
    """An array of examples, and where its mapped axis is, which is hidden."""

    __slots__ = ()
    known_value = Tracer.known_value  # each example has one of its own

    def __init__(self, trace, value, axis):
        self._trace = trace
        self.value = value
        self.beside = axis
        aval = get_aval(value)
        found = _of_examples.get((aval, axis))
        if found is None:
            one = ShapedArray(aval.shape[:axis] + aval.shape[axis + 1 :], aval.dtype, aval.weak_type)
            found = _of_examples[aval, axis] = one
        self.aval = found


class BatchTrace(PairTrace):
    """Applies batch rules under `parent`. `axis_name` is what collectives call the mapped axis; `size` its size."""

    __slots__ = ("axis_name", "size", "spmd_axis_name")
    pair = BatchTracer
    names_itself = True

    def __init__(self, parent, size, axis_name=None, spmd_axis_name=None):
        super().__init__(parent)
        self.size = size
        self.axis_name = axis_name
        self.spmd_axis_name = spmd_axis_name

    def process(self, op, operands):
        values, axes, mapped = self.apart(operands)
        before = set_trace(self.parent)
        try:
            if op.axis_names and self.axis_name is not None and self.axis_name in op.axis_names:
                result, axis = op.batch_named(self.axis_name, self.size, values, axes)
            elif not mapped:
                return op(*operands)
            elif op.lies_on_mesh and self.spmd_axis_name is not None:
                result, axis = op.batch_over(self.spmd_axis_name, values, axes)
            else:
                result, axis = op.batch(values, axes)
        finally:
            set_trace(before)
        return self.wrap_all(result, axis) if op.multiple_results else self.wrap(result, axis)

    def wrap(self, value, axis):
        return value if axis is None else BatchTracer(self, value, axis)

    def describe(self, tracer):
        return f"{super().describe(tracer) or 'a value'} under vmap"


def batch(function, values, axes, size, parent, axis_name=None, spmd_axis_name=None):
    """Runs `function` (flat) on values mapped over axes: (results, their axes), None where a result is not mapped."""
    trace = BatchTrace(parent, size, axis_name, spmd_axis_name)
    bound, laid = state.axes, state.mesh_axes
    if axis_name is not None:
        state.axes = (*bound, (axis_name, size))
        if axis_name == spmd_axis_name:
            state.mesh_axes = (*laid, axis_name)
    try:
        pairs = trace.run(function, values, axes)
    finally:
        state.axes, state.mesh_axes = bound, laid
        trace.alive = False
    if settings.check_tracer_leaks.value:
        ended = weakref.ref(trace)
        del trace
        leaks.check(ended, "A mapped function")
    return pairs


def batch_again(trace, function, values, axes):
    """As `batch` under the current trace, for the examples of `trace`.

    While that one still runs it is used again, on top of the current trace: `function` may close over its tracers.
    """
    if not trace.alive:
        return batch(function, values, axes, trace.size, state.trace, trace.axis_name, trace.spmd_axis_name)
    held, trace.parent = trace.parent, state.trace
    try:
        return trace.run(function, values, axes)
    finally:
        trace.parent = held


def place_axis(value, axis, wanted, size):
    """A batched result with its mapped axis where it is wanted; repeated where it is not mapped."""
    if axis is None:
        value, axis = to_front(value, None, size), 0
    rank = len(get_aval(value).shape)
    return move_axis(value, axis, wanted % rank if wanted < 0 else wanted)

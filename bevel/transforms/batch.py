"""Batching: a function of one example applied to many at once, op by op."""

from __future__ import annotations

from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.core import leaks
from bevel.core.trace import Trace, Tracer, get_aval, set_trace, state
from bevel.ops.shapes import move_axis, to_front


class BatchTracer(Tracer):
    """An array of examples, its mapped axis hidden."""

    __slots__ = ("axis", "value")

    def __init__(self, trace, value, axis):
        self._trace = trace
        self.value = value
        self.axis = axis
        aval = get_aval(value)
        self.aval = ShapedArray(aval.shape[:axis] + aval.shape[axis + 1 :], aval.dtype, aval.weak_type)


class BatchTrace(Trace):
    """Applies batch rules under `parent`. `axis_name` is what collectives call the mapped axis; `size` its size."""

    __slots__ = ("axis_name", "parent", "size", "spmd_axis_name")
    names_itself = True

    def __init__(self, parent, size, axis_name=None, spmd_axis_name=None):
        super().__init__()
        self.parent = parent
        self.size = size
        self.axis_name = axis_name
        self.spmd_axis_name = spmd_axis_name

    def process(self, op, operands):
        values, axes, mapped = [], [], False
        for x in operands:
            if type(x) is BatchTracer and x._trace is self:
                values.append(x.value)
                axes.append(x.axis)
                mapped = True
            else:
                values.append(x)
                axes.append(None)
        before = set_trace(self.parent)
        try:
            if op.axis_names and self.axis_name is not None and self.axis_name in op.axis_names:
                result, axis = op.batch_named(self.axis_name, self.size, values, axes)
            elif not mapped:
                return op(*operands)
            else:
                result, axis = op.batch(values, axes)
        finally:
            set_trace(before)
        if op.multiple_results:
            return [self.wrap(y, a) for y, a in zip(result, axis, strict=True)]
        return self.wrap(result, axis)

    def wrap(self, value, axis):
        return value if axis is None else BatchTracer(self, value, axis)

    def unwrap(self, x):
        """(value, axis) of any value; axis None where it is not mapped."""
        if type(x) is BatchTracer and x._trace is self:
            return x.value, x.axis
        return x, None

    def describe(self, tracer):
        value = tracer.value
        inner = value._trace.describe(value) if isinstance(value, Tracer) else ""
        return f"{inner or 'a value'} under vmap"


def batch(function, values, axes, size, parent, axis_name=None, spmd_axis_name=None):
    """Runs `function` (flat) on values mapped over axes: (results, their axes), None where a result is not mapped."""
    trace = BatchTrace(parent, size, axis_name, spmd_axis_name)
    bound = state.axes
    if axis_name is not None:
        state.axes = (*bound, (axis_name, size))
    try:
        pairs = _run(trace, function, values, axes)
    finally:
        state.axes = bound
        trace.alive = False
    if settings.check_tracer_leaks.value:
        leaks.check(trace, "A mapped function")
    return pairs


def _run(trace, function, values, axes):
    inputs = [trace.wrap(v, a) for v, a in zip(values, axes, strict=True)]
    before = set_trace(trace)
    try:
        results = function(*inputs)
    finally:
        set_trace(before)
    pairs = [trace.unwrap(r) for r in results]
    return [v for v, _ in pairs], [a for _, a in pairs]


def batch_again(trace, function, values, axes):
    """As `batch` under the current trace, for the examples of `trace`.

    While that one still runs it is used again, on top of the current trace: `function` may close over its tracers.
    """
    if not trace.alive:
        return batch(function, values, axes, trace.size, state.trace, trace.axis_name, trace.spmd_axis_name)
    held, trace.parent = trace.parent, state.trace
    try:
        return _run(trace, function, values, axes)
    finally:
        trace.parent = held


def place_axis(value, axis, wanted, size):
    """A batched result with its mapped axis where it is wanted; repeated where it is not mapped."""
    if axis is None:
        value, axis = to_front(value, None, size), 0
    rank = len(get_aval(value).shape)
    return move_axis(value, axis, wanted % rank if wanted < 0 else wanted)

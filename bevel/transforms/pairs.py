"""What derivatives, Taylor mode and batching share: values with something beside them.

A `Pair` is a value of the trace around, and what a transformation carries along with it: a tangent, the derivatives of
a path, the place of a mapped axis. A `PairTrace` takes operands apart, and puts results together again.
"""

from __future__ import annotations

from typing import ClassVar

from bevel.core.trace import Trace, Tracer, get_aval, set_trace


class Pair(Tracer):
    """A value and what is beside it."""

    __slots__ = ("beside", "value")

    def __init__(self, trace, value, beside):
        self._trace = trace
        self.value = value
        self.beside = beside
        self.aval = value.aval if isinstance(value, Tracer) else get_aval(value)

    def known_value(self):
        value = self.value
        return value.known_value() if isinstance(value, Tracer) else value


class PairTrace(Trace):
    """An interpreter of values of the trace `parent` with something beside them; others pass through untouched."""

    __slots__ = ("parent",)
    pair: ClassVar[type[Pair]]
    origin = ""  # what is said of a value that the trace around has nothing to say of

    def __init__(self, parent: Trace):
        super().__init__()
        self.parent = parent

    def wrap(self, value, beside):
        """The pair; the value alone where there is nothing beside it."""
        raise NotImplementedError

    def unwrap(self, x):
        """(value, what is beside it) of any value; None where nothing is."""
        if type(x) is self.pair and x._trace is self:
            return x.value, x.beside
        return x, None

    def apart(self, operands):
        """The values, what is beside each (or None), and how many have something beside them."""
        pair = self.pair
        values, beside, found = [], [], 0
        for x in operands:
            if type(x) is pair and x._trace is self:
                values.append(x.value)
                beside.append(x.beside)
                found += 1
            else:
                values.append(x)
                beside.append(None)
        return values, beside, found

    def wrap_all(self, values, beside):
        return [self.wrap(v, b) for v, b in zip(values, beside, strict=True)]

    def run(self, function, values, beside):
        """Runs `function` (flat) on pairs: (its results, what is beside each)."""
        inputs = self.wrap_all(values, beside)
        before = set_trace(self)
        try:
            results = function(*inputs)
        finally:
            set_trace(before)
        pairs = [self.unwrap(r) for r in results]
        return [v for v, _ in pairs], [b for _, b in pairs]

    def describe(self, tracer):
        value = tracer.value
        return value._trace.describe(value) if isinstance(value, Tracer) else self.origin

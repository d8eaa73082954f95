"""SelectAndScatter: windows choose an element by a user's comparison; what is sent to it is combined by another."""

from __future__ import annotations

import functools
import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.control.program import ProgramOp
from bevel.control.reducing import combined
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.core.staging import stage_closed
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval, state
from bevel.ops.arithmetic import add
from bevel.ops.elementwise import mul
from bevel.ops.logic import and_, ge, not_, or_, select
from bevel.ops.routing import check_window, cropped, sent_back, window_attributes
from bevel.ops.shapes import BroadcastInDim, full, in_front, mapped_size
from bevel.ops.sliding import offsets_of, prepared, prepared_array, seen, seen_in_array, slid
from bevel.transforms.batch import batch, place_axis
from bevel.transforms.jvp import jvp


@primitive
class SelectAndScatter(ProgramOp):
    """An array of the initial value, with source[w] combined into it where window w of the operand chose an element.

    operand, source, init_value   source has the windows' places as its shape; init_value is a scalar of its dtype
    select_jaxpr    (taken so far, next) → whether the one so far stays; padding is never chosen
    scatter_jaxpr   (value, source) → value; associative and commutative

    Lowers to stablehlo.select_and_scatter. The choice has no slope: derivatives are those of what is scattered.
    """

    select_jaxpr: ClosedJaxpr
    scatter_jaxpr: ClosedJaxpr
    window_dimensions: tuple[int, ...]
    window_strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    multiple_results = False
    kind = "reductions"

    @property
    def window(self):
        ones = (1,) * len(self.window_dimensions)
        return self.window_dimensions, self.window_strides, self.padding, ones, ones

    def turns(self, operands):
        return operands[0].size + operands[1].size * math.prod(self.window_dimensions)

    def infer(self, x, source, start):
        check_window(self.name, x, *self.window)
        places = slid(x.shape, *self.window)
        if source.shape != places:
            raise ShapeError(
                f"{self.name} needs a source for each of the {places} windows of {x.str_short()}; got "
                f"{source.str_short()}."
            )
        if start.shape or start.dtype != source.dtype:
            raise DTypeError(
                f"{self.name} begins with a scalar of the source's dtype, {source.dtype}; got {start.str_short()}."
            )
        return ShapedArray(x.shape, source.dtype)

    def composed(self, x, source, start):
        aval, axes = get_aval(x), range(len(self.padding))
        if not (aval.size and get_aval(source).size):
            return [BroadcastInDim(aval.shape, ())(start)]
        counts, no_dilation = get_aval(source).shape, self.window[3]
        padded = prepared(x, axes, self.padding, no_dilation, 0)
        inside = prepared(full(aval.shape, True, np.dtype(bool)), axes, self.padding, no_dilation, False)
        best = chosen = found = None
        for number, offsets in enumerate(offsets_of(self.window_dimensions, no_dilation)):
            tap, is_here = [seen(v, axes, offsets, counts, self.window_strides) for v in (padded, inside)]
            mine = full(counts, number, np.dtype("int32"))
            if best is None:
                best, found = tap, is_here
                chosen = select(is_here, mine, full(counts, -1, np.dtype("int32")))
                continue
            [keep] = combined(self.select_jaxpr, [best], [tap])
            keep = or_(not_(is_here), and_(found, keep))
            best, chosen, found = select(keep, best, tap), select(keep, chosen, mine), or_(found, is_here)
        rows = [-(-d // s) for d, s in zip(get_aval(padded).shape, self.window_strides, strict=True)]

        def update(total, took, value):
            return select(took, combined(self.scatter_jaxpr, [total], [value])[0], total)

        y = sent_back(
            source, chosen, get_aval(padded).shape, self.window_dimensions, self.window_strides, no_dilation,
            BroadcastInDim(tuple(rows), ())(start), update,
        )  # fmt: skip
        return [cropped(y, [low for low, _ in self.padding], aval.shape, no_dilation)]

    def jvp(self, primals, tangents):
        [x, source, start], [_, ds, di] = primals, tangents
        if is_zero(ds) and is_zero(di):
            y = self(x, source, start)
            return y, zero_of(y)
        [y], [dy] = jvp(functools.partial(self.composed, x), [source, start], [ds, di], state.trace)
        return y, dy

    def batch(self, operands, axes):
        size = mapped_size(operands, axes)
        if axes[2] is not None:  # each example begins with a value of its own
            [y], [axis] = batch(self.composed, list(operands), list(axes), size, state.trace)
            return place_axis(y, axis, 0, size), 0
        x, source = in_front(operands[:2], axes[:2])
        window = [(one, *values) for one, values in zip((1, 1, (0, 0)), self.window[:3], strict=True)]
        return SelectAndScatter(self.select_jaxpr, self.scatter_jaxpr, *window)(x, source, operands[2]), 0

    def lower(self, out, x, source, start):
        x_aval, source_aval, _ = out.in_avals
        attributes = window_attributes(*self.window)
        attributes = {k: attributes[k] for k in ("window_dimensions", "window_strides", "padding")}
        if x_aval.dtype != source_aval.dtype or not (x_aval.size and source_aval.size and self.padding):
            return out.module.compose(out, self.composed, out.in_avals, [x, source, start])[0]
        operation = out.ops("stablehlo.select_and_scatter", [x, source, start], attributes, regions=2)
        scalar = ShapedArray((), x_aval.dtype)
        for region, program in enumerate((self.select_jaxpr, self.scatter_jaxpr)):
            out.reduction(
                operation,
                region,
                [scalar],
                lambda e, a, b, program=program: e.module.inline(e, program.jaxpr, [*a, *b], program.consts),
            )
        return operation.results[0]

    def reference(self, x, source, start):
        ones, axes = self.window[3], range(x.ndim)
        places = prepared_array(np.arange(1, x.size + 1).reshape(x.shape), axes, self.padding, ones, 0)
        taps = [
            seen_in_array(places, axes, offsets, source.shape, self.window_strides)
            for offsets in offsets_of(self.window_dimensions, ones)
        ]
        y = np.full(x.size, start, source.dtype)
        for window in np.ndindex(*source.shape):
            best = None
            for place in [int(tap[window]) - 1 for tap in taps]:
                if place >= 0 and (best is None or not self._stays(x.flat[best], x.flat[place])):
                    best = place
            if best is not None:
                y[best] = np.asarray(combined(self.scatter_jaxpr, [y[best]], [source[window]])[0])
        return y.reshape(x.shape)

    def _stays(self, best, other):
        return bool(np.asarray(combined(self.select_jaxpr, [best], [other])[0]))

    @classmethod
    def samples(cls, array):
        choose, multiply, plus = _programs()
        yield cls(choose, multiply, (2, 2), (1, 2), ((0, 1), (0, 0))), [array(3, 4), array(3, 2), array()]
        yield cls(choose, plus, (3,), (1,), ((1, 1),)), [array(4), array(4), array()]
        yield cls(choose, plus, (3,), (1,), ((0, 0),)), [array(2), array(0), array()]

    @classmethod
    def refusals(cls, array):
        choose, _, plus = _programs()
        op = cls(choose, plus, (2,), (1,), ((0, 0),))
        yield op, [array(3), array(3), array()], "for each of the (2,) windows"
        yield op, [array(3), array(2), np.int32(0)], "a scalar of the source's dtype"
        yield op, [array(3, 3), array(2, 2), array()], "one per axis"


def _programs():
    number = ShapedArray((), np.dtype("float32"))
    programs = (lambda x, y: [ge(x, y)], lambda x, y: [mul(x, y)], lambda x, y: [add(x, y)])
    return [stage_closed(program, [number, number])[0] for program in programs]


__all__ = ["SelectAndScatter"]

"""Where the largest or smallest element of each window stands: adding values at those places, and its adjoint, reading
them there. The derivatives of max and min pooling."""

from __future__ import annotations

import functools
import math

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import i64s, matrix
from bevel.ops.arithmetic import add, full_like, minimum
from bevel.ops.cutting import Slice, pad
from bevel.ops.elementwise import KINDS
from bevel.ops.extrema import highest, lowest
from bevel.ops.logic import GE, LE, and_, eq, gt, ne, or_, select
from bevel.ops.reductions import ReduceMax, ReduceMin
from bevel.ops.shapes import BroadcastInDim, LinearInFirst, full, in_front, reduce_sum, reshape
from bevel.ops.sliding import (
    LEAST_SEEN,
    check_positive,
    interleaved,
    is_worth,
    offsets_of,
    prepared,
    prepared_array,
    seen,
    seen_in_array,
    slid,
)


def check_window(name, x, window, strides, padding, base_dilation, window_dilation):
    """Refuses windows that do not fit the rank of x, or have sizes, strides or dilations below 1."""
    rank = len(x.shape)
    rows = {"window_dimensions": window, "window_strides": strides, "padding": padding}
    rows |= {"base_dilation": base_dilation, "window_dilation": window_dilation}
    for what, values in rows.items():
        if len(values) != rank:
            raise ShapeError(f"{name} of {x.str_short()} needs {rank} numbers of {what}, one per axis; got {values}.")
        if what != "padding":
            check_positive(name, what, values)


_INT32 = np.dtype("int32")


class Routing(LinearInFirst):
    """What the two ops share. Of each window, the first element is taken, and each later one to which `select_prim`
    (ge or le) does not prefer the one taken so far: the first of equal ones, and after a NaN its successor."""

    select_prim: object
    window_dimensions: tuple[int, ...]
    window_strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    base_dilation: tuple[int, ...] | None = None
    window_dilation: tuple[int, ...] | None = None
    kind = "reductions"

    def work(self, operands, results):
        return sum([x.size for x in operands]) * 2 * math.prod(self.window_dimensions)

    def printed(self):
        """As JAX prints it: the comparison by its name."""
        shown = dict(super().printed())
        shown["select_prim"] = self.select_prim.name
        base, outer = self.dilations
        dilations = {"base_dilation": base, "window_dilation": outer}
        if type(self) is SelectAndGatherAdd or not self.is_plain_window:  # which JAX's other op has not
            shown |= dilations
        else:
            shown = {k: v for k, v in shown.items() if k not in dilations}
        return sorted(shown.items())

    @property
    def _ones(self):
        return (1,) * len(self.window_dimensions)

    @property
    def dilations(self):
        """(base dilation, window dilation), one number per axis."""
        return self.base_dilation or self._ones, self.window_dilation or self._ones

    @property
    def is_plain_window(self):
        return self.dilations == (self._ones, self._ones)

    def worst(self, dtype):
        """What stands in padding: it loses against every number."""
        return lowest(dtype) if self.select_prim == GE else highest(dtype)

    def places_of(self, x):
        return slid(x.shape, self.window_dimensions, self.window_strides, self.padding, *self.dilations)

    def check(self, x, y, what):
        base, outer = self.dilations
        check_window(self.name, x, self.window_dimensions, self.window_strides, self.padding, base, outer)
        if x.dtype != y.dtype or not KINDS["real"](x.dtype):
            raise DTypeError(
                f"{self.name} takes real numbers of one dtype; got {x.str_short()} and {what} {y.str_short()}."
            )

    def expanded(self, operands, axes):
        """The op and operands with a mapped axis in front, along which the window is 1."""
        base, outer = self.dilations
        op = type(self)(
            self.select_prim, (1, *self.window_dimensions), (1, *self.window_strides), ((0, 0), *self.padding),
            None if self.base_dilation is None else (1, *base), None if self.window_dilation is None else (1, *outer),
        )  # fmt: skip
        return op(*in_front(operands, axes)), 0

    def batch(self, operands, axes):
        return self.expanded(operands, axes)

    def taps(self, x):
        """x prepared, and what each element of the window sees of it, in order."""
        base, outer = self.dilations
        axes, counts = range(len(self.window_dimensions)), self.places_of(get_aval(x))
        x = prepared(x, axes, self.padding, base, self.worst(get_aval(x).dtype))
        return x, [seen(x, axes, o, counts, self.window_strides) for o in offsets_of(self.window_dimensions, outer)]

    def reference_taps(self, x):
        base, outer = self.dilations
        axes, counts = range(x.ndim), self.places_of(x)
        x = prepared_array(x, axes, self.padding, base, self.worst(x.dtype))
        return x, [
            seen_in_array(x, axes, o, counts, self.window_strides) for o in offsets_of(self.window_dimensions, outer)
        ]

    def reference_chosen(self, x, start=None):
        """For each window, the number of the element that is taken; -1 where none beats `start`, if that is given."""
        _, taps = self.reference_taps(x)
        best, chosen = taps[0], np.zeros(taps[0].shape, int)
        there = [np.ones(best.shape, bool)] * len(taps)
        if start is not None:  # and what lies outside does not take part
            best, chosen = np.full(best.shape, start), chosen - 1
            inside = prepared_array(np.ones(x.shape, bool), range(x.ndim), self.padding, self.dilations[0], False)
            there = [
                seen_in_array(inside, range(x.ndim), o, best.shape, self.window_strides)
                for o in offsets_of(self.window_dimensions, self.dilations[1])
            ]
        for number, tap in enumerate(taps) if start is not None else enumerate(taps[1:], 1):
            keep = (best >= tap if self.select_prim == GE else best <= tap) | ~there[number]
            best, chosen = np.where(keep, best, tap), np.where(keep, chosen, number)
        return chosen

    def sees_all(self, x) -> bool:
        """Does each window have its line of the array to itself, as in global pooling, of enough elements?"""
        if not x.size or not self.is_plain_window or any([pads != (0, 0) for pads in self.padding]):
            return False
        rows = zip(x.shape, self.window_dimensions, self.window_strides, strict=True)
        is_whole = all([n == k or (k, step) == (1, 1) for n, k, step in rows])
        return is_whole and 1 < math.prod(self.window_dimensions) and x.size >= LEAST_SEEN

    def found(self, x):
        """Of windows that see all: (where each element is the one taken, of those that are: the extremum, and whether a
        NaN came before). The latter two at the shape of the windows' places.

        Found by reductions: with what each window sees laid side by side, XLA would compare it all again for each
        element of what it is sent back to.
        """
        aval = get_aval(x)
        window = self.window_dimensions
        axes = tuple([i for i, k in enumerate(window) if k > 1])
        kept = tuple([i for i in range(len(window)) if i not in axes])
        last = math.prod(window) - 1
        numbers = np.arange(last + 1, dtype=np.int32).reshape(window)
        numbers = BroadcastInDim(aval.shape, tuple(range(len(window))))(numbers)
        spread = BroadcastInDim(aval.shape, kept)
        number = lambda value: full(aval.shape, value, _INT32)
        # what comes before a NaN gives way to its successor, where it has one
        gone = ReduceMax(axes)(select(ne(x, x), numbers, number(-1)))
        start = spread(minimum(gone, full(get_aval(gone).shape, last - 1, _INT32)))
        stays = gt(numbers, start)
        best = (ReduceMax if self.select_prim == GE else ReduceMin)(axes)(
            select(stays, x, full(aval.shape, self.worst(aval.dtype), aval.dtype))
        )
        wide = spread(best)
        is_best = and_(stays, or_(eq(x, wide), ne(x, x)))
        chosen = spread(ReduceMin(axes)(select(is_best, numbers, number(last + 1))))
        return eq(numbers, chosen), best, gt(gone, full(get_aval(gone).shape, -1, _INT32)), axes


MOST_TAPS = 64  # elements of a window that are compared one after the other in one loop


@primitive
class SelectAndGatherAdd(Routing):
    """The element of `tangents` at the place where each window of the operand has its largest (ge) or smallest (le); 0
    where it sees only what padding is filled with, -inf (ge) or inf (le).

    tangents, operand   real, of one shape and dtype. Linear in the tangents; SelectAndScatterAdd is its adjoint.
    """

    def infer(self, tangents, x):
        self.check(x, tangents, "tangents")
        if tangents.shape != x.shape:
            raise ShapeError(f"{self.name} needs tangents of x's shape; got {tangents.str_short()}, {x.str_short()}.")
        return ShapedArray(self.places_of(x), x.dtype)

    def transpose(self, ct, t, x):
        fields = [getattr(self, field) for field in self.fields]
        return [SelectAndScatterAdd(*fields)(ct, x), None]

    def lower(self, out, t, x):
        # XLA on CPUs compares pairs with what padding is filled with, and NaN gives way: so none are left to it, if few
        [result], window = out.avals, self.window_dimensions
        few = math.prod(window) <= MOST_TAPS or self.sees_all(out.in_avals[1])
        if (out.platform == "cpu" and few) or not result.size:
            return out.module.compose(out, lambda t, x: [self.routed(t, x)], out.in_avals, [t, x])[0]
        return self._window(out, t, x)

    def routed(self, t, x):
        if self.sees_all(get_aval(x)):
            is_taken, best, follows_nan, axes = self.found(x)
            value = reduce_sum(select(is_taken, t, full_like(t, 0)), axes)
            # what is no better than padding is not taken
            is_any = or_(ne(best, full_like(best, self.worst(get_aval(x).dtype))), follows_nan)
            return reshape(select(is_any, value, full_like(value, 0)), self.places_of(get_aval(x)))
        base, outer = self.dilations
        axes, counts = range(len(self.window_dimensions)), self.places_of(get_aval(x))
        t = prepared(t, axes, self.padding, base, 0)
        _, taps = self.taps(x)
        dtype = get_aval(x).dtype
        best, value = full(counts, self.worst(dtype), dtype), full(counts, 0, dtype)
        outside = None
        if any([low or high for low, high in self.padding]) or max(base, default=1) > 1:
            outside = prepared(full(get_aval(x).shape, False, np.dtype(bool)), axes, self.padding, base, True)
        for tap, offsets in zip(taps, offsets_of(self.window_dimensions, outer), strict=True):
            here = seen(t, axes, offsets, counts, self.window_strides)
            keep = self.select_prim(best, tap)
            if outside is not None:  # where that is, nothing is compared: not even NaN gives way
                keep = or_(keep, seen(outside, axes, offsets, counts, self.window_strides))
            best, value = select(keep, best, tap), select(keep, value, here)
        return value

    def _window(self, out, t, x):
        """As one stablehlo.reduce_window over pairs."""
        [aval] = out.avals
        scalar = ShapedArray((), aval.dtype)
        starts = [out.constant(self.worst(aval.dtype), scalar), out.constant(0, scalar)]
        base, outer = self.dilations
        attributes = window_attributes(self.window_dimensions, self.window_strides, self.padding, base, outer)
        operation = out.ops("stablehlo.reduce_window", [x, t, *starts], attributes, avals=[aval, aval], regions=1)
        truth = scalar.with_dtype(np.dtype(bool))

        def choose(e, a, b):
            e.in_avals, e.avals = [scalar, scalar], [truth]
            keep = self.select_prim.lower(e, a[0], b[0])
            return [e.op("stablehlo.select", [keep, u, v], aval=scalar) for u, v in zip(a, b, strict=True)]

        out.reduction(operation, 0, [scalar, scalar], choose)
        return operation.results[1]

    def reference(self, t, x):
        base, outer = self.dilations
        axes, counts, chosen = range(x.ndim), self.places_of(x), self.reference_chosen(x, self.worst(x.dtype))
        t = prepared_array(t, axes, self.padding, base, 0)
        taps = [
            seen_in_array(t, axes, o, counts, self.window_strides) for o in offsets_of(self.window_dimensions, outer)
        ]
        nothing = np.zeros(counts, x.dtype)
        return functools.reduce(lambda y, row: np.where(chosen == row[0], row[1], y), enumerate(taps), nothing)

    @staticmethod
    def samples(array):
        for op, shape in windows_worth_trying(SelectAndGatherAdd):
            yield op, [array(*shape), array(*shape)]
        tied = np.asarray([1.0, 1, 0, 0, np.nan, 2, -np.inf, -np.inf], np.float32)
        yield SelectAndGatherAdd(GE, (2,), (2,), ((0, 0),)), [np.arange(8, dtype=np.float32), tied]
        yield SelectAndGatherAdd(LE, (3,), (1,), ((1, 1),)), [np.arange(8, dtype=np.float32), tied]
        yield SelectAndGatherAdd(GE, (1, 2), (1, 1), ((0, 0), (0, 0))), [array(0, 3), array(0, 3)]

    @staticmethod
    def refusals(array):
        yield SelectAndGatherAdd(GE, (2,), (1,), ((0, 0),)), [array(3), array(4)], "of x's shape"
        yield SelectAndGatherAdd(GE, (2, 2), (1,), ((0, 0),)), [array(4), array(4)], "one per axis"
        yield SelectAndGatherAdd(GE, (2,), (0,), ((0, 0),)), [array(4), array(4)], "at least 1"
        yield SelectAndGatherAdd(GE, (2,), (1,), ((0, 0),)), [array(4), array(4, dtype="int32")], "of one dtype"


@primitive
class SelectAndScatterAdd(Routing):
    """Zeros of the operand's shape, with source[w] added where window w of the operand has its largest (ge) or smallest
    (le) element.

    source    real, of the shape of the windows' places. Linear in it; SelectAndGatherAdd is its adjoint.
    """

    def infer(self, source, x):
        self.check(x, source, "a source")
        if source.shape != self.places_of(x):
            raise ShapeError(
                f"{self.name} needs a source for each of the {self.places_of(x)} windows of {x.str_short()}; got "
                f"{source.str_short()}."
            )
        return ShapedArray(x.shape, x.dtype)

    def transpose(self, ct, source, x):
        fields = [getattr(self, field) for field in self.fields]
        return [SelectAndGatherAdd(*fields)(ct, x), None]

    def lower(self, out, source, x):
        window, source_aval = self.window_dimensions, out.in_avals[0]  # XLA on CPUs dies of one of rank 0
        few = self.sees_all(out.in_avals[1]) or (math.prod(window) <= MOST_TAPS and is_worth(source_aval, window))
        if (out.platform == "cpu" and few) or not (self.is_plain_window and source_aval.size and window):
            return out.module.compose(out, lambda s, x: [self.routed(s, x)], out.in_avals, [source, x])[0]
        if any([low or high for low, high in self.padding]):
            # padding holds the worst value, which a window of such alone chooses: so in each form, on each platform
            return out.module.compose(out, lambda s, x: [self._padded(s, x)], out.in_avals, [source, x])[0]
        return self._scatter(out, source, x)

    def _padded(self, source, x):
        axes, ones = range(len(self.padding)), self._ones
        whole = prepared(x, axes, self.padding, ones, self.worst(get_aval(x).dtype))
        window, strides, none = self.window_dimensions, self.window_strides, ((0, 0),) * len(ones)
        y = SelectAndScatterAdd(self.select_prim, window, strides, none)(source, whole)
        return cropped(y, [low for low, _ in self.padding], get_aval(x).shape, ones)

    def routed(self, source, x):
        """The number of the element taken, for each window; then the sources of those windows that took it."""
        aval = get_aval(x)
        if not get_aval(source).size:
            return full(aval.shape, 0, aval.dtype)
        if self.sees_all(aval):
            return select(
                self.found(x)[0], BroadcastInDim(aval.shape, tuple(range(len(aval.shape))))(source), full_like(x, 0)
            )
        padded, taps = self.taps(x)
        best, chosen = taps[0], full(get_aval(source).shape, 0, _INT32)
        for number, tap in enumerate(taps[1:], 1):
            keep = self.select_prim(best, tap)
            best = select(keep, best, tap)
            chosen = select(keep, chosen, full(get_aval(source).shape, number, _INT32))
        whole = get_aval(padded).shape
        rows = zip(self.window_dimensions, self.window_strides, get_aval(source).shape, whole, strict=True)
        if self.is_plain_window and all([(k == n and count == 1) or (k, step) == (1, 1) for k, step, count, n in rows]):
            # each window has its line of the array, as in global pooling: its elements are numbered where they stand
            numbers = np.arange(math.prod(self.window_dimensions), dtype=np.int32).reshape(self.window_dimensions)
            spread = BroadcastInDim(whole, tuple(range(len(whole))))
            chosen, source, numbers = [spread(v) for v in (chosen, source, numbers)]
            y = select(eq(numbers, chosen), source, full(whole, 0, aval.dtype))
            return cropped(y, [low for low, _ in self.padding], aval.shape, self._ones)

        def update(total, took, value):
            part = select(took, value, full(get_aval(value).shape, 0, aval.dtype))
            return part if total is None else add(total, part)

        base, outer = self.dilations
        y = sent_back(source, chosen, whole, self.window_dimensions, self.window_strides, outer, None, update)
        return cropped(y, [low for low, _ in self.padding], aval.shape, base)

    def _scatter(self, out, source, x):
        [aval] = out.avals
        scalar = ShapedArray((), aval.dtype)
        ones = self._ones
        attributes = window_attributes(self.window_dimensions, self.window_strides, self.padding, ones, ones)
        attributes = {k: attributes[k] for k in ("window_dimensions", "window_strides", "padding")}
        operands = [x, source, out.constant(0, scalar)]
        operation = out.ops("stablehlo.select_and_scatter", operands, attributes, avals=[aval], regions=2)
        truth = scalar.with_dtype(np.dtype(bool))

        def choose(e, a, b):
            e.in_avals, e.avals = [scalar, scalar], [truth]
            return [self.select_prim.lower(e, a[0], b[0])]

        out.reduction(operation, 0, [scalar], choose)
        out.reduction(operation, 1, [scalar], lambda e, a, b: [e.op("stablehlo.add", [a[0], b[0]], aval=scalar)])
        return operation.results[0]

    def reference(self, source, x):
        base, outer = self.dilations
        padded, _ = self.reference_taps(x)
        chosen, axes, counts = self.reference_chosen(x), range(x.ndim), self.places_of(x)
        y = np.zeros(padded.shape, x.dtype)
        for number, offset in enumerate(offsets_of(self.window_dimensions, outer)):
            view = seen_in_array(y, axes, offset, counts, self.window_strides)
            view += np.where(chosen == number, source, 0).astype(x.dtype)
        places = prepared_array(np.arange(1, x.size + 1).reshape(x.shape), axes, self.padding, base, 0)
        result = np.zeros(x.size + 1, x.dtype)
        result[places.ravel()] = y.ravel()
        return result[1:].reshape(x.shape)

    @staticmethod
    def samples(array):
        for op, shape in windows_worth_trying(SelectAndScatterAdd):
            yield op, [array(*op.places_of(np.empty(shape))), array(*shape)]
        tied = np.asarray([1.0, 1, 0, 0, np.nan, 2, -np.inf, -np.inf], np.float32)
        yield SelectAndScatterAdd(GE, (2,), (2,), ((0, 0),)), [np.arange(1, 5, dtype=np.float32), tied]
        yield SelectAndScatterAdd(LE, (3,), (1,), ((1, 1),)), [np.arange(1, 9, dtype=np.float32), tied]

    @staticmethod
    def refusals(array):
        yield SelectAndScatterAdd(GE, (2,), (1,), ((0, 0),)), [array(4), array(4)], "for each of the (3,) windows"
        yield SelectAndScatterAdd(GE, (2, 2), (1,), ((0, 0),)), [array(3), array(4)], "one per axis"
        yield SelectAndScatterAdd(GE, (2,), (1,), ((0, 0),)), [array(3, dtype="int32"), array(4)], "of one dtype"


def sent_back(source, chosen, whole, window, strides, window_dilation, start, update):
    """What windows over an array of shape `whole` send to the elements that they chose, in the order of windows.

    chosen    for each window the number of its element, in row-major order
    start     what each element begins with, or None
    update    (value so far, which elements were chosen, what is sent) → value, of arrays

    The elements fall into phases modulo the strides, in which each comes at one offset to its windows: the element at
    stride m + phase belongs to window m - e as its element at offset stride e + phase. The phases are woven at the end.
    """
    rank = len(window)
    rows = [-(-d // s) for d, s in zip(whole, strides, strict=True)]
    offsets = list(offsets_of(window, window_dilation))
    reach = [(k - 1) * o // s for k, o, s in zip(window, window_dilation, strides, strict=True)]
    margins = [(r, n - p, 0) for r, n, p in zip(reach, rows, get_aval(source).shape, strict=True)]
    source, chosen = pad(source, 0, margins), pad(chosen, -1, margins)

    def phase(at):
        total = start
        for number, offset in reversed(list(enumerate(offsets))):
            if [o % s for o, s in zip(offset, strides, strict=True)] != list(at):
                continue
            begin = [r - o // s for r, o, s in zip(reach, offset, strides, strict=True)]
            value, took = [seen(v, range(rank), begin, rows, [1] * rank) for v in (source, chosen)]
            total = update(total, eq(took, full(rows, number, _INT32)), value)
        return full(rows, 0, get_aval(source).dtype) if total is None else total

    def woven(at, axis):
        if axis == rank:
            return phase(at)
        parts = [woven((*at, r), axis + 1) for r in range(strides[axis])]
        return parts[0] if len(parts) == 1 else interleaved(parts, axis)

    return woven((), 0)


def cropped(y, low, shape, base):
    """The elements of an array of `shape` that lie in y, which is it dilated by `base` and padded by `low` in front."""
    sizes = get_aval(y).shape
    rows = []
    for size, lo, n, b in zip(sizes, low, shape, base, strict=True):
        end = lo + (n - 1) * b + 1 if n else max(lo, 0)
        rows.append((-lo, end - size, 0))
    y = pad(y, 0, rows)
    if all([b == 1 for b in base]):
        return y
    return Slice((0,) * len(shape), get_aval(y).shape, tuple(base))(y)


def window_attributes(window, strides, padding, base, outer):
    return {
        "window_dimensions": i64s(*window),
        "window_strides": i64s(*strides),
        "base_dilations": i64s(*base),
        "window_dilations": i64s(*outer),
        "padding": matrix(np.reshape(padding, (len(window), 2))),
    }


def windows_worth_trying(cls):
    """(op, shape of the operand): overlapping and not, padded, cut off, dilated."""
    yield cls(GE, (2, 2), (2, 2), ((0, 0), (0, 0))), (4, 5)
    yield cls(GE, (1, 3), (1, 2), ((0, 0), (1, 1))), (2, 6)
    yield cls(LE, (3,), (1,), ((1, 1),)), (5,)
    yield cls(GE, (2,), (3,), ((-1, 2),)), (8,)
    yield cls(GE, (2, 2), (1, 2), ((1, 1), (0, 1)), (2, 1), (1, 2)), (3, 5)
    yield cls(GE, (4,), (1,), ((0, 0),)), (3,)
    yield cls(GE, (), (), ()), ()


__all__ = ["SelectAndGatherAdd", "SelectAndScatterAdd", "check_window", "cropped", "sent_back", "window_attributes"]

"""How the largest and the smallest of an array's elements are found: bounds of dtypes, and the forms for CPUs.

The ops themselves are in `reductions` and `arg_reductions`.
"""

from __future__ import annotations

import functools
import itertools
import math

import ml_dtypes
import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import maximum, minimum
from bevel.ops.cutting import slice_in_dim
from bevel.ops.logic import Or, gt, lt, ne, select
from bevel.ops.shapes import reshape
from bevel.ops.short_axes import WINDOW, cut, factors, from_keys, has_keys, is_computed, to_keys

_BOOL, _FLOAT32 = np.dtype(bool), np.dtype("float32")


def lowest(dtype):
    """The least value of a dtype: -inf, the least integer, False; of complex numbers, -inf."""
    return _bound(dtype, -1)


def highest(dtype):
    """The greatest value of a dtype."""
    return _bound(dtype, 1)


def _bound(dtype, sign):
    if dtype == np.bool_:
        return np.bool_(sign > 0)
    if dtypes.issubdtype(dtype, np.integer):
        info = ml_dtypes.iinfo(dtype)
        return np.asarray(info.max if sign > 0 else info.min, dtype)[()]
    if dtypes.issubdtype(dtype, np.complexfloating):
        return dtype.type(complex(sign * math.inf, 0))
    value = np.asarray(sign * math.inf).astype(dtype)
    if not np.isinf(value.astype(np.float32)):  # narrow floats without infinities
        value = np.asarray(ml_dtypes.finfo(dtype).max if sign > 0 else ml_dtypes.finfo(dtype).min).astype(dtype)
    return value[()]


# Arrays from here on may be reduced by the library that XLA's CPU compiler calls for reductions. It skips NaN (jaxlib
# 0.10.2, and real JAX with it: `jnp.max` of 4096 numbers and a NaN is a number), and it has no integers but bytes.
LIBRARY_FROM = 4096
# Parts that an axis is folded into at once: XLA fuses what comes before into a loop that has it at most 15 times.
_FOLDS = 14
_ROW, _LONG_ROW = 224, 1 << 10  # rows that are folded and reduced in one kernel; that are folded once, by itself
_FOLDED_TO = 16  # elements that short rows are folded to
_FEW_IN_WINDOWS = 1 << 13  # elements that one kernel goes through one by one
_FEW = 1 << 14  # elements that the library goes over twice in less time than another fold takes to compile
_REGISTER = 8  # elements side by side that fill one


def lower_extremum(out, x, aval, axes, order, skips_nan=False, by_sum=False):
    """The largest (GT) or smallest (LT) along axes, NaN where one is.

    On CPUs an axis is folded: cut into parts of which the largest is taken element by element, until one is left. XLA
    makes a vectorised loop of it that reads x once and keeps NaN, and computes x in that loop where it is elementwise
    work. 1e6 float32 take 0.13 ms, as by XLA's library; the library and a sum, which tells whether it passed over a
    NaN, 0.20. Rows of 2048 x 2048 int32 take 0.5 ms, by XLA's own loop 1.5.

    skips_nan   a NaN in a large array may be passed over: the library alone, which takes elementwise work before it in
                its stride
    by_sum      the library and a sum, which tells of a NaN: best for rows as short as a few registers
    """
    start = (lowest if order == "GT" else highest)(aval.dtype)
    result = ShapedArray([d for i, d in enumerate(aval.shape) if i not in axes], aval.dtype)
    scalar = ShapedArray((), aval.dtype)
    combine = "stablehlo.maximum" if order == "GT" else "stablehlo.minimum"

    def plain(e, x, y):
        return e.op(combine, [x, y], aval=scalar)

    def safe(e, x, y):
        # written so that the library does not know it
        return e.op("stablehlo.select", [e.compare("NE", x, x, scalar), x, plain(e, x, y)], aval=scalar)

    if dtypes.issubdtype(aval.dtype, np.complexfloating):
        return out.reduce(x, axes, start, result, lambda e, a, b: complex_extremum(e, order, a, b, scalar))
    is_float = dtypes.issubdtype(aval.dtype, np.floating)
    if out.platform != "cpu" or not (is_float or aval.dtype.itemsize > 1):
        return out.reduce(x, axes, start, result, plain)
    if out.module.layout is not None:  # what devices combine are plain extrema
        best = out.reduce(x, axes, start, result, plain)
        return best if skips_nan or not is_float or not result.size else _with_nan(out, x, aval, axes, best, result)
    if is_symbolic(aval.shape) or not aval.size:
        return out.reduce(x, axes, start, result, safe if is_float else plain)
    if aval.size < LIBRARY_FROM:
        found = _in_windows(out, x, aval, axes, order, result)
        return out.reduce(x, axes, start, result, safe if is_float else plain) if found is None else found
    if not is_float or (aval.dtype.itemsize >= 4 and not (skips_nan or by_sum)):
        by_library = (lambda x, axes, result: out.reduce(x, axes, start, result, plain)) if is_float else None
        return _folded(out, x, aval, axes, order, result, by_library)

    if aval.dtype.itemsize == 2 and not skips_nan:
        if are_in_one_kernel(aval, axes):
            wide = aval.with_dtype(_FLOAT32)
            return out.convert(lower_extremum(out, out.convert(x, wide), wide, axes, order), result)
        return _by_keys(out, x, aval, axes, order, result)
    best = out.reduce(x, axes, start, result, plain)
    if skips_nan:
        return best
    wide = aval if aval.dtype.itemsize >= 4 else aval.with_dtype(_FLOAT32)
    summed, sums = ShapedArray((), wide.dtype), result.with_dtype(wide.dtype)
    total = out.reduce(x if wide is aval else out.convert(x, wide), axes, 0, sums, "stablehlo.add")
    total = out.reduce(total, tuple(range(len(sums.shape))), 0, summed, "stablehlo.add")
    has_nan = out.compare("NE", total, total, summed)  # or inf - inf, which costs time alone
    choice = out.ops("stablehlo.if", [has_nan], avals=[result], regions=2)
    inside, _ = out.block(choice, 0, [])
    inside.finish([_with_nan(inside, x, aval, axes, best, result)])
    inside, _ = out.block(choice, 1, [])
    inside.finish([best])
    return choice.results[0]


def _by_keys(out, x, aval, axes, order, result):
    """The extremum of floats of 16 bits, as that of integers that are ordered alike: XLA's loops widen such floats."""
    key, keys = to_keys(out, x, aval, order)
    found = result.with_dtype(keys.dtype)
    return from_keys(out, _folded(out, key, keys, axes, order, found, None), found, result)


def _in_windows(out, x, aval, axes, order, result):
    """The extremum of few floats, as integers, in one kernel; None where their number has no factors, or needs none.

    1,000 of them take 1.3 µs, and 3 in the two kernels that XLA makes of a longer axis.
    """
    shape, reduced = _merged(aval.shape, axes)
    if len(reduced) != 1 or not has_keys(aval.dtype) or shape[reduced[0]] <= WINDOW or not factors(shape[reduced[0]]):
        return None
    x, view, axes = cut(out, out.reshape(x, aval.with_shape(shape)), aval.with_shape(shape), reduced[0])
    x, view = to_keys(out, x, view, order)
    combine, start = end_of(order, view.dtype)
    found = result.with_dtype(view.dtype)
    kept = view.with_shape([d for i, d in enumerate(view.shape) if i not in axes])
    return from_keys(out, out.reshape(out.reduce(x, axes, start, kept, combine), found), found, result)


def end_of(order, dtype):
    """(the operation that finds the largest (GT) or smallest (LT) of integers, the number it starts from)."""
    return ("stablehlo.maximum", lowest(dtype)) if order == "GT" else ("stablehlo.minimum", highest(dtype))


def short_rows(out, x, aval, order):
    """Long rows folded: (each the extremum of what it stands for, its aval), few, and of a size that has `factors`."""
    computed, folded = is_computed(x), False
    while not folded or aval.size > _FEW_IN_WINDOWS:
        rows, size = aval.shape
        parts = -(-size // (_FOLDS * WINDOW))
        length = WINDOW * next(n for n in itertools.count(parts) if factors(n))
        x = fold(out, x, aval, 1, length, order, computed, lasts=False)
        aval, computed, folded = aval.with_shape((rows, length)), False, True
    return x, aval


def _short_rows(out, x, aval, order, in_one, result):
    """Rows folded once, to as few as a kernel goes through one by one: 1000 x 1000 0.27 ms, in three folds 0.3.

    in_one   all in one kernel. Then integers are folded: of 100,000 rows of 32 floats LLVM makes a loop over rows, each
             element of them from far, 700 µs; of integers one along rows, 450.
    """
    count, length = aval.shape[0], _FOLDED_TO if in_one else 24
    keys = aval
    if in_one:
        x, keys = to_keys(out, x, aval, order)
    x, keys = fold(out, x, keys, 1, length, order, in_one, lasts=False), keys.with_shape((count, length))
    if not in_one:
        x, keys = to_keys(out, x, keys, order)
    combine, start = end_of(order, keys.dtype)
    found = keys.with_shape(aval.shape[:1])
    y = from_keys(out, out.reduce(x, (1,), start, found, combine), found, aval.with_shape(found.shape))
    return out.reshape(y, result)


def are_in_one_kernel(aval, axes) -> bool:
    """Whether the extrema of many short rows of floats are one kernel, for which XLA's newer emitter is the better one.

    10,000 rows of 100: 182 µs, by the older one 510, and 237 in three kernels.
    """
    shape, reduced = _merged(aval.shape, axes) if not is_symbolic(aval.shape) else ((), [])
    if reduced != [1] or len(shape) != 2 or not has_keys(aval.dtype) or aval.size < _FEW:
        return False
    return _FOLDED_TO < shape[1] <= (WINDOW if aval.dtype.itemsize == 2 else _ROW)


def _folded(out, x, aval, axes, order, result, by_library):
    """One axis after the other, the longest first, until each is of one element, or the library is as good."""
    shape, reduced = _merged(aval.shape, axes)
    view = ShapedArray(shape, aval.dtype)
    if shape != aval.shape:
        x = out.reshape(x, view)
    if len(view.shape) == len(reduced) == 1 and view.size >= _FEW and by_library is not None:
        line = view.with_shape((1, view.size))
        x, line = short_rows(out, out.reshape(x, line), line, order)
        return _in_windows(out, x, line, (1,), order, result)
    computed = is_computed(x)
    while any([view.shape[i] > 1 for i in reduced]):
        if by_library is not None and LIBRARY_FROM <= view.size < _FEW:
            few = view.with_shape([d for i, d in enumerate(view.shape) if i not in reduced])
            return out.reshape(_with_nan(out, x, view, reduced, by_library(x, reduced, few), few), result)
        are_rows = by_library is not None and len(view.shape) == 2 and reduced == [1]
        in_one = are_rows and _FOLDED_TO < view.shape[1] <= _ROW  # fold and reduction in one kernel
        if in_one or (are_rows and not computed and WINDOW < view.shape[1] <= _LONG_ROW):
            return _short_rows(out, x, view, order, in_one, result)
        axis = max(reduced, key=lambda i: view.shape[i])
        length = _length(view.shape, axis, _FOLDS if computed else 2 * _FOLDS)
        lasts = length == 1 and all([view.shape[i] == 1 for i in reduced if i != axis])
        x = fold(out, x, view, axis, length, order, computed, lasts)
        computed = False
        view = view.with_shape([length if i == axis else d for i, d in enumerate(view.shape)])
    return out.reshape(x, result)


def shortened(out, x, aval, axes, order):
    """x folded once along the longest of these axes: (it, its aval, the axes that are left to reduce)."""
    shape, reduced = _merged(aval.shape, axes)
    view = ShapedArray(shape, aval.dtype)
    if shape != aval.shape:
        x = out.reshape(x, view)
    axis = max(reduced, key=lambda i: shape[i])
    length = _length(shape, axis, _FOLDS)
    computed = is_computed(x)
    x = fold(out, x, view, axis, length, order, computed, lasts=False)
    return x, view.with_shape([length if i == axis else d for i, d in enumerate(shape)]), tuple(reduced)


def _with_nan(out, x, aval, axes, best, result):
    """What the library found, or NaN where there is one: the sum of exp(-|x|), no term of which is infinite, tells."""
    for name in ("abs", "negate", "exponential"):
        x = out.op(f"stablehlo.{name}", [x], aval=aval)
    total = out.reduce(x, axes, 0, result, "stablehlo.add")
    return out.op("stablehlo.select", [out.compare("NE", total, total, result), total, best], aval=result)


def _merged(shape, axes):
    """The shape with neighbours that are reduced, or are not, merged; and which of its axes are reduced."""
    sizes, reduced = [], []
    kinds = [i in axes for i in range(len(shape))]
    for i, (d, kind) in enumerate(zip(shape, kinds, strict=True)):
        if i and kind == kinds[i - 1]:
            sizes[-1] *= d
        else:
            if kind:
                reduced.append(len(sizes))
            sizes.append(d)
    return tuple(sizes), reduced


def _length(shape, axis, most):
    """How long the parts are that an axis is cut into at once; 1 where all its elements are parts, `most` of them."""
    size, after = shape[axis], math.prod(shape[axis + 1 :])
    if size <= (most if after >= _REGISTER else _FOLDS):
        return 1
    if after == 1:  # parts of whole registers, or four to eight parts
        return (
            -(-size // (_FOLDS * _REGISTER)) * _REGISTER if size > 128 else 16 if size > 64 else 8 if size > 32 else 4
        )
    return -(-size // min(_FOLDS, max(2, size * after // _REGISTER)))


def fold(out, x, aval, axis, length, order, computed, lasts):
    """x cut into parts of a length along an axis, combined element by element.

    It is a function that XLA keeps apart. Else it would put folds into one another, and all into the loop over what the
    result is broadcast to, there to be done again for each element.

    computed   x is computed element by element: the loop stands where XLA may put that into it, so that x is never
               written to memory
    lasts      and the result goes through a function of its own
    """
    function = functools.partial(_fold, axis=axis, length=length, order=order)
    [y] = out.module.compose(out, function, [aval], [x], apart=None if computed else (fold, axis, length, order))
    if computed and lasts:
        result = aval.with_shape([length if i == axis else d for i, d in enumerate(aval.shape)])
        [y] = out.module.compose(out, _kept, [result], [y], apart=_kept)
    return y


def _kept(x):
    return [x]


def _fold(x, axis, length, order):
    # uneven parts overlap
    shape = get_aval(x).shape
    size, after = shape[axis], math.prod(shape[axis + 1 :])
    count = -(-size // length)
    pick = maximum if order == "GT" else minimum
    if length * after == 1 and dtypes.issubdtype(get_aval(x).dtype, np.floating):
        # the ends of rows, one by one: half the time of an extremum that orders zeros
        beats = gt if order == "GT" else lt

        def pick(x, y):
            return select(Or()(beats(x, y), ne(x, x)), x, y)

    flat = reshape(x, (*shape[:axis], size * after))
    starts = [min(i * length, size - length) * after for i in range(count)]
    parts = [slice_in_dim(flat, start, start + length * after, axis) for start in starts]
    while len(parts) > 1:  # by pairs: one after the other, each would wait for the one before
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [pick(x, y) for x, y in pairs] + parts[len(parts) & ~1 :]
    return [reshape(parts[0], (*shape[:axis], length, *shape[axis + 1 :]))]


def complex_extremum(out, order, x, y, aval):
    """The larger (GT) or smaller (LT) of two complex numbers: by their real parts, then by their imaginary parts."""
    part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
    [xr, yr], [xi, yi] = [[out.op(f"stablehlo.{which}", [v], aval=part) for v in (x, y)] for which in ("real", "imag")]
    first = out.compare(order, xr, yr, part)
    equal = out.compare("EQ", xr, yr, part)
    truth = aval.with_dtype(_BOOL)
    second = out.op("stablehlo.and", [equal, out.compare(order, xi, yi, part)], aval=truth)
    return out.op("stablehlo.select", [out.op("stablehlo.or", [first, second], aval=truth), x, y], aval=aval)

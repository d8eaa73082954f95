"""How the largest and the smallest of an array's elements are found: bounds of dtypes, and the forms for CPUs.

The ops themselves are in `reductions` and `arg_reductions`.
"""

from __future__ import annotations

import functools
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

_BOOL, _FLOAT32, _INT16 = np.dtype(bool), np.dtype("float32"), np.dtype("int16")


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
_FEW = 1 << 14  # elements that the library goes over twice in less time than another fold takes to compile
LANES = 8  # elements side by side that fill a register
_ELEMENTWISE = frozenset(
    f"stablehlo.{name}"
    for name in (
        "abs add and bitcast_convert broadcast_in_dim cbrt ceil clamp compare convert cosine divide exponential "
        "exponential_minus_one floor log log_plus_one logistic maximum minimum multiply negate not or power remainder "
        "round_nearest_even rsqrt select shift_right_arithmetic sign sine sqrt subtract tanh xor"
    ).split()
)


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
    if is_symbolic(aval.shape) or aval.size < LIBRARY_FROM:
        return out.reduce(x, axes, start, result, safe if is_float else plain)
    if not result.size:
        return out.constant(0, result)
    if not is_float or (aval.dtype.itemsize >= 4 and not (skips_nan or by_sum)):
        by_library = (lambda x, axes, result: out.reduce(x, axes, start, result, plain)) if is_float else None
        return _folded(out, x, aval, axes, order, result, by_library)

    if aval.dtype.itemsize == 2 and not skips_nan:
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
    """The extremum of floats of 16 bits, as that of integers that are ordered alike: XLA's loops widen such floats.

    The bits of negative ones are turned, so that a lesser one has the lesser bits; a NaN is the integer at the end.
    """
    keys, found = aval.with_dtype(_INT16), result.with_dtype(_INT16)
    infinity = int(np.asarray(np.inf).astype(aval.dtype).view(_INT16))

    def both(bits, number, like):
        return out.op("stablehlo.and", [bits, out.constant(number, like)], aval=like)

    def turned(bits, like):
        sign = out.op("stablehlo.shift_right_arithmetic", [bits, out.constant(15, like)], aval=like)
        return out.op("stablehlo.xor", [bits, both(sign, 0x7FFF, like)], aval=like)

    bits = out.op("stablehlo.bitcast_convert", [x], aval=keys)
    is_nan = out.compare("GT", both(bits, 0x7FFF, keys), out.constant(infinity, keys), keys)
    end = out.constant(0x7FFF if order == "GT" else -0x8000, keys)
    key = out.op("stablehlo.select", [is_nan, end, turned(bits, keys)], aval=keys)
    key = _folded(out, key, keys, axes, order, found, None)
    return out.op("stablehlo.bitcast_convert", [turned(key, found)], aval=result)


def _folded(out, x, aval, axes, order, result, by_library):
    """One axis after the other, the longest first, until each is of one element, or the library is as good."""
    shape, reduced = _merged(aval.shape, axes)
    view = ShapedArray(shape, aval.dtype)
    if shape != aval.shape:
        x = out.reshape(x, view)
    computed = _is_computed(x)
    while any([view.shape[i] > 1 for i in reduced]):
        if by_library is not None and LIBRARY_FROM <= view.size < _FEW:
            few = view.with_shape([d for i, d in enumerate(view.shape) if i not in reduced])
            return out.reshape(_with_nan(out, x, view, reduced, by_library(x, reduced, few), few), result)
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
    computed = _is_computed(x)
    x = fold(out, x, view, axis, length, order, computed, lasts=False)
    return x, view.with_shape([length if i == axis else d for i, d in enumerate(shape)]), tuple(reduced)


def _is_computed(x):
    """Whether XLA could compute x, element by element, where it is used."""
    name = getattr(x.owner, "name", "")
    while name == "stablehlo.reshape":
        x = x.owner.operands[0]
        name = getattr(x.owner, "name", "")
    return name in _ELEMENTWISE


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
    if size <= (most if after >= LANES else _FOLDS):
        return 1
    if after == 1:  # parts of whole registers, or four to eight parts
        return -(-size // (_FOLDS * LANES)) * LANES if size > 128 else 16 if size > 64 else 8 if size > 32 else 4
    return -(-size // min(_FOLDS, max(2, size * after // LANES)))


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
    return [reshape(functools.reduce(pick, parts), (*shape[:axis], length, *shape[axis + 1 :]))]


def complex_extremum(out, order, x, y, aval):
    """The larger (GT) or smaller (LT) of two complex numbers: by their real parts, then by their imaginary parts."""
    part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
    [xr, yr], [xi, yi] = [[out.op(f"stablehlo.{which}", [v], aval=part) for v in (x, y)] for which in ("real", "imag")]
    first = out.compare(order, xr, yr, part)
    equal = out.compare("EQ", xr, yr, part)
    truth = aval.with_dtype(_BOOL)
    second = out.op("stablehlo.and", [equal, out.compare(order, xi, yi, part)], aval=truth)
    return out.op("stablehlo.select", [out.op("stablehlo.or", [first, second], aval=truth), x, y], aval=aval)

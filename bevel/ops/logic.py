"""Comparisons, logic on bits, and choosing between arrays."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import is_zero, zero_of
from bevel.core.trace import get_aval
from bevel.engine.builder import comparison
from bevel.ops.elementwise import PYTHON_SCALARS, Binary, Elementwise, Predicate, Unary, filled, pair, typed
from bevel.ops.known_nan import choose
from bevel.ops.shapes import BroadcastInDim, as_array, full, instantiate, mapped_size, to_front
from bevel.ops.words import moved


class Compare(Predicate):
    """Compares elementwise. `order` is StableHLO's name for the direction."""

    order: ClassVar[str]
    total = False

    def lower(self, out, x, y):
        attributes = comparison(self.order, out.in_avals[0].dtype, self.total)
        return out.op("stablehlo.compare", filled(out, [x, y]), attributes)


@primitive
class Eq(Compare):
    """x == y."""

    order = "EQ"
    reference = staticmethod(np.equal)


@primitive
class Ne(Compare):
    """x != y; True where either is NaN."""

    order = "NE"
    reference = staticmethod(np.not_equal)


@primitive
class Gt(Compare):
    """x > y."""

    order = "GT"
    takes = "ordered"
    reference = staticmethod(np.greater)


@primitive
class Ge(Compare):
    """x >= y."""

    order = "GE"
    takes = "ordered"
    reference = staticmethod(np.greater_equal)


@primitive
class Lt(Compare):
    """x < y."""

    order = "LT"
    takes = "ordered"
    reference = staticmethod(np.less)


@primitive
class Le(Compare):
    """x <= y."""

    order = "LE"
    takes = "ordered"
    reference = staticmethod(np.less_equal)


def _in_total_order(x):
    """Keys whose order is the total order of floats: -NaN < -inf < … < -0 < 0 < … < NaN."""
    bits = np.asarray(x).view(f"int{8 * np.asarray(x).dtype.itemsize}")
    return np.where(bits < 0, np.iinfo(bits.dtype).min ^ ~bits, bits)


@primitive
class EqTo(Compare):
    """x == y in the total order, where -0 < 0 and NaN equals itself."""

    name = "eq_to"
    order = "EQ"
    total = True
    takes = "float"

    def reference(self, x, y):
        return _in_total_order(x) == _in_total_order(y)


@primitive
class LeTo(Compare):
    """x <= y in the total order of floats."""

    name = "le_to"
    order = "LE"
    total = True
    takes = "float"

    def reference(self, x, y):
        return _in_total_order(x) <= _in_total_order(y)


@primitive
class LtTo(Compare):
    """x < y in the total order of floats."""

    name = "lt_to"
    order = "LT"
    total = True
    takes = "float"

    def reference(self, x, y):
        return _in_total_order(x) < _in_total_order(y)


class Bits(Elementwise):
    """Logic on each bit (of integers) or each truth value."""

    is_differentiable = False
    takes = "bits"
    sample_dtype = "int32"

    samples = Binary.__dict__["samples"]

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2), array(2)], f"{cls.name} takes integers or booleans"


@primitive
class And(Bits):
    """x & y."""

    hlo = "stablehlo.and"
    reference = staticmethod(np.bitwise_and)


@primitive
class Or(Bits):
    """x | y."""

    hlo = "stablehlo.or"
    reference = staticmethod(np.bitwise_or)


@primitive
class Xor(Bits):
    """x ^ y."""

    hlo = "stablehlo.xor"
    reference = staticmethod(np.bitwise_xor)


class Shift(Bits):
    """Moves bits by y places; y at or beyond the width gives what is left after moving each bit out."""

    takes = "integer"

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3, dtype="int32"), np.asarray([0, 1, 5], np.int32)]
        yield cls(), [array(3, dtype="uint8"), np.asarray([0, 7, 9], np.uint8)]
        yield cls(), [array(0, dtype="int32"), array(0, dtype="int32")]
        yield cls(), [np.asarray(200, np.uint8), np.asarray(3, np.uint8)]

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2), array(2)], f"{cls.name} takes integers"


def _width(x):
    return dtypes.itemsize_bits(x.dtype)


def _bits(x):
    """The bits of integers as unsigned ones of whole bytes."""
    bits = np.asarray(x).view(f"uint{8 * x.dtype.itemsize}")
    return bits & bits.dtype.type((1 << _width(x)) - 1)


def _beyond(x, y):
    return np.asarray(y).astype(np.uint64) >= _width(x)


@primitive
class ShiftLeft(Shift):
    """x << y."""

    hlo = "stablehlo.shift_left"

    def reference(self, x, y):
        return np.where(_beyond(x, y), 0, np.left_shift(x, np.where(_beyond(x, y), 0, y))).astype(x.dtype)


@primitive
class ShiftRightLogical(Shift):
    """x >> y with zeros coming in, whatever the sign of x."""

    hlo = "stablehlo.shift_right_logical"

    def reference(self, x, y):
        bits = _bits(x)
        moved = np.right_shift(bits, np.where(_beyond(x, y), 0, y).astype(bits.dtype))
        return np.where(_beyond(x, y), 0, moved).astype(bits.dtype).view(x.dtype)


@primitive
class ShiftRightArithmetic(Shift):
    """x >> y with copies of the highest bit coming in, also for unsigned integers."""

    hlo = "stablehlo.shift_right_arithmetic"

    def reference(self, x, y):
        signed = np.asarray(x).view(dtypes.as_dtype(f"int{_width(x)}")).astype(np.int64)
        return np.right_shift(signed, np.where(_beyond(x, y), _width(x) - 1, y).astype(np.int64)).astype(x.dtype)


class BitsOfOne(Unary):
    """Bit operations on one operand."""

    is_differentiable = False
    sample_dtype = "int32"

    @classmethod
    def refusals(cls, array):
        yield cls(), [array(2)], f"{cls.name} takes integers"


@primitive
class Not(BitsOfOne):
    """~x: each bit, or truth value, turned over."""

    hlo = "stablehlo.not"
    takes = "bits"
    reference = staticmethod(np.invert)


def _of_unsigned(out, x, hlo):
    """An operation of the bits of x, taken for an unsigned integer."""
    [aval] = out.avals
    bits = aval.with_dtype(dtypes.as_dtype(f"uint{_width(aval)}"))
    return out.op(hlo, [out.op("stablehlo.bitcast_convert", [x], aval=bits)], aval=bits)


@primitive
class PopulationCount(BitsOfOne):
    """How many bits of x are set."""

    hlo = "stablehlo.popcnt"
    takes = "integer"

    def lower(self, out, x):
        # XLA would count the copies of the sign bit with which it fills integers of less than a byte up
        return out.op("stablehlo.bitcast_convert", [_of_unsigned(out, x, self.hlo)])

    def reference(self, x):
        return np.bitwise_count(_bits(x)).astype(x.dtype)


@primitive
class Clz(BitsOfOne):
    """How many zeros stand before the highest set bit of x."""

    hlo = "stablehlo.count_leading_zeros"
    takes = "integer"

    def lower(self, out, x):
        # XLA's evaluator of constants miscounts negative numbers (32 becomes -32 more), so they are counted unsigned
        return out.op("stablehlo.bitcast_convert", [_of_unsigned(out, x, self.hlo)])

    def reference(self, x):
        lengths = [int(v).bit_length() for v in _bits(x).reshape(-1)]
        return np.asarray([_width(x) - n for n in lengths]).astype(x.dtype).reshape(x.shape)


@primitive
class IsFinite(Unary):
    """True where x is neither infinite nor NaN."""

    is_differentiable = False
    hlo = "stablehlo.is_finite"
    takes = "float"
    reference = staticmethod(np.isfinite)

    def result(self, aval):
        return ShapedArray(aval.shape, np.dtype(bool), aval.weak_type)


@primitive
class SelectN(Elementwise):
    """cases[which[i]][i]: `which` is bool (two cases) or an integer, a scalar or of the cases' shape.

    Linear in the cases.
    """

    takes = "any"
    splats = False

    def infer(self, which, *cases):
        if not cases:
            raise ShapeError("select_n needs at least one case.")
        first = cases[0]
        for case in cases:
            if (case.shape, case.dtype) != (first.shape, first.dtype):
                raise ShapeError(
                    f"select_n needs cases of one shape and dtype; got {', '.join(c.str_short() for c in cases)}."
                )
        if which.dtype != np.bool_ and not dtypes.issubdtype(which.dtype, np.integer):
            raise DTypeError(f"select_n chooses by bool or integers; got {which.str_short()}.")
        if which.dtype == np.bool_ and len(cases) > 2:
            raise ShapeError(f"select_n by a bool chooses between two cases; got {len(cases)}.")
        if which.shape and which.shape != first.shape:
            raise ShapeError(
                f"select_n needs `which` to be a scalar or of the cases' shape; got {which.str_short()} "
                f"for cases {first.str_short()}."
            )
        return ShapedArray(first.shape, first.dtype, all(c.weak_type for c in cases))

    def jvp(self, primals, tangents):
        which, *cases = primals
        result = self(which, *cases)
        if all(is_zero(t) for t in tangents[1:]):
            return result, zero_of(result)
        return result, self(which, *[instantiate(t) for t in tangents[1:]])

    def transpose(self, ct, which, *cases):
        nothing = full(get_aval(ct).shape, 0, get_aval(ct).dtype)
        return [
            None,
            *[
                self(which, *[ct if j == i else nothing for j in range(len(cases))]) if is_linear(case) else None
                for i, case in enumerate(cases)
            ],
        ]

    def batch(self, operands, axes):
        [which, *cases], [which_axis, *case_axes] = operands, axes
        size = mapped_size(operands, axes)
        cases = [to_front(c, a, size) for c, a in zip(cases, case_axes, strict=True)]
        shape = get_aval(cases[0]).shape
        if which_axis is None and not get_aval(which).shape:
            return self(which, *cases), 0
        which = to_front(which, which_axis, size)
        if len(get_aval(which).shape) != len(shape):
            which = BroadcastInDim(shape, (0,))(which)
        return self(which, *cases), 0

    def lower(self, out, which, *cases):
        if len(cases) == 1:
            return cases[0]
        aval = out.in_avals[0]
        if aval.dtype == np.bool_:

            def write(cases, aval):
                return choose(out, which, cases[1], cases[0], aval)

            return moved(out, cases, out.in_avals[1:], out.avals[0], write, also_given=True)
        result = cases[-1]
        for i in reversed(range(len(cases) - 1)):  # the first case whose number is not below `which`
            here = out.compare("LT", which, out.constant(i + 1, aval), aval)
            result = choose(out, here, cases[i], result)
        return result

    def reference(self, which, *cases):
        number = np.broadcast_to(np.clip(np.asarray(which).astype(np.int64), 0, len(cases) - 1), cases[0].shape)
        return np.choose(number, cases).astype(cases[0].dtype)

    @classmethod
    def samples(cls, array):
        yield cls(), [np.asarray([True, False, True]), array(3), array(3)]
        yield cls(), [np.asarray(True), array(2, 2), array(2, 2)]
        yield cls(), [np.asarray([0, 2, 1], np.int32), array(3), array(3), array(3)]
        yield cls(), [np.asarray([0, 200], np.uint8), array(2), array(2)]
        yield cls(), [np.zeros((0, 2), bool), array(0, 2), array(0, 2)]
        yield cls(), [np.asarray(False), array(), array()]

    @classmethod
    def refusals(cls, array):
        yield cls(), [np.asarray([True]), array(3), array(3)], "a scalar or of the cases' shape"
        yield cls(), [array(3), array(3), array(3)], "bool or integers"
        yield cls(), [np.asarray(True), array(2), array(3)], "one shape and dtype"


# ---- the words in which rules are written


EQ, NE, LT, LE, GT, GE = Eq(), Ne(), Lt(), Le(), Gt(), Ge()
AND, OR, NOT, SELECT_N = And(), Or(), Not(), SelectN()
and_, or_, not_ = AND, OR, NOT


def eq(x, y):
    return EQ(*pair(x, y))


def ne(x, y):
    return NE(*pair(x, y))


def lt(x, y):
    return LT(*pair(x, y))


def gt(x, y):
    return GT(*pair(x, y))


def ge(x, y):
    return GE(*pair(x, y))


def select(condition, where_true, where_false):
    """`where_true` where the condition holds; Python numbers are spread to the other's shape."""
    if type(where_true) in PYTHON_SCALARS:
        where_true = _filled(where_true, get_aval(where_false))
    if type(where_false) in PYTHON_SCALARS:
        where_false = _filled(where_false, get_aval(where_true))
    return SELECT_N(condition, where_false, where_true)


def _filled(number, aval):
    """A Python number at the shape of what it meets; weakly typed where that is."""
    number = typed(number, aval)
    if aval.weak_type and get_aval(number).dtype == aval.dtype:
        return BroadcastInDim(aval.shape, ())(number) if aval.shape else as_array(number)
    return full(aval.shape, number, aval.dtype)

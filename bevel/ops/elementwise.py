"""The families of elementwise ops: result[i] depends on operands[i] alone.

Operands have one shape; one of rank 0 may stand for an array filled with it. A member states facts:
the StableHLO operation it lowers to, which dtypes it takes, the slope in each operand, its NumPy reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import LinearOperand, Primitive, is_linear, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.fast import fast_form
from bevel.ops.shapes import BroadcastInDim, mapped_size, move_axis, reduce_sum

PYTHON_SCALARS = frozenset((bool, int, float, complex))  # a tuple would be searched with ==

# What an op may be given, in words and as a test.
KINDS = {
    "any": lambda d: True,
    "comparable": lambda d: not dtypes.issubdtype(d, dtypes.extended),
    "number": lambda d: dtypes.issubdtype(d, np.number),
    "ordered": lambda d: not (dtypes.issubdtype(d, np.complexfloating) or dtypes.issubdtype(d, dtypes.extended)),
    "real": lambda d: dtypes.issubdtype(d, np.number) and not dtypes.issubdtype(d, np.complexfloating),
    "float": lambda d: dtypes.issubdtype(d, np.floating),
    "inexact": lambda d: dtypes.issubdtype(d, np.inexact),
    "complex": lambda d: dtypes.issubdtype(d, np.complexfloating),
    "signed": lambda d: dtypes.issubdtype(d, np.number) and not dtypes.issubdtype(d, np.unsignedinteger),
    "integer": lambda d: dtypes.issubdtype(d, np.integer),
    "single or double": lambda d: d in (np.float32, np.float64),
    "parts": lambda d: d in (np.float32, np.float64) or dtypes.issubdtype(d, np.complexfloating),
    "unsigned or signed": lambda d: dtypes.issubdtype(d, np.integer),
    "bits": lambda d: dtypes.issubdtype(d, np.integer) or d == np.bool_,
}
_IN_WORDS = {
    "comparable": "numbers or booleans (not random keys)",
    "number": "numbers (not bool)",
    "ordered": "real numbers or booleans (not complex ones, which have no order)",
    "real": "real numbers",
    "float": "floating-point numbers",
    "inexact": "floating-point or complex numbers",
    "complex": "complex numbers",
    "single or double": "float32 or float64, the parts of a complex number",
    "parts": "floating-point or complex numbers (not narrower than float32)",
    "signed": "numbers that may be negative (not unsigned integers or bool)",
    "integer": "integers",
    "bits": "integers or booleans",
}


def words_of(kind) -> str:
    """What an op of that kind takes, for letters and docstrings."""
    return _IN_WORDS.get(kind, "any dtype")


class Elementwise(Primitive):
    """result[i] = op(operands[i]). `hlo` is its StableHLO operation; `takes` names its dtypes in KINDS.

    `single`, `double` and `integer` are formulas for long arrays of float32, float64 and integers on CPUs, where XLA's
    form is slow.
    """

    hlo: ClassVar[str]
    single: ClassVar[Callable | None] = None
    double: ClassVar[Callable | None] = None
    integer: ClassVar[Callable | None] = None
    of_complex: ClassVar[Callable | None] = None  # its form on complex numbers, where XLA has none that is right
    # Of 16 bits on CPUs, is it computed in float32? XLA's own form then takes twice as long, and rounds more than once.
    in_single: ClassVar[bool] = False
    takes = "number"
    kind = "elementwise"
    is_formula = (
        False  # so much arithmetic that wider registers pay: a polynomial, and not a call of XLA's own for each
    )
    # of complex numbers, a formula is several of real ones and calls for each number: 9 ns, one of logarithms 27
    cost_of_complex: ClassVar[float] = 240
    splats = True
    sample_dtype = "float32"

    def work(self, operands, results):
        if self.is_formula and results[0].dtype.kind == "c":
            return self.cost_of_complex * results[0].size
        return super().work(operands, results)

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.has_formula = any(f is not None for f in (cls.single, cls.double, cls.integer))
        # such an op is written without calling its rule, while lowering
        cls.is_plain = (
            cls.lower is Elementwise.lower
            and getattr(cls, "hlo", None) is not None
            and not (cls.has_formula or cls.of_complex or cls.in_single)
        )

    def infer(self, *avals):
        first = avals[0]
        shape, dtype, weak = first.shape, first.dtype, first.weak_type
        for aval in avals[1:]:
            if aval.shape != shape:
                if not shape:
                    shape = aval.shape
                elif aval.shape:
                    raise ShapeError(
                        f"{self.name} needs operands of one shape; got {_listed(avals)}.\n"
                        "The functions of bevel.numpy broadcast them."
                    )
            if aval.dtype != dtype:
                raise DTypeError(
                    f"{self.name} needs operands of one dtype; got {_listed(avals)}.\n"
                    "The functions of bevel.numpy promote them; or convert one with x.astype(dtype)."
                )
            weak = weak and aval.weak_type
        if not KINDS[self.takes](dtype):
            raise DTypeError(f"{self.name} takes {_IN_WORDS[self.takes]}; got {_listed(avals)}.")
        return self.result(ShapedArray(shape, dtype, weak))

    def result(self, aval):
        """The result's aval for operands that meet in this one; some ops change the dtype."""
        return aval

    def batch(self, operands, axes):
        if len(operands) == 1:
            return self(*operands), axes[0]
        if len(operands) == 2 and axes[0] == axes[1]:  # most ops, for which what follows would take twice as long
            x, y = operands
            if get_aval(x).shape == get_aval(y).shape:
                return self(x, y), axes[0]
        shapes = {
            get_aval(x).shape for x, axis in zip(operands, axes, strict=True) if axis is not None or get_aval(x).shape
        }
        here = {axis for axis in axes if axis is not None}
        if len(here) == 1 and len(shapes) == 1:
            [axis] = here
            if all(a is not None or not get_aval(x).shape for x, a in zip(operands, axes, strict=True)):
                return self(*operands), axis
        size = mapped_size(operands, axes)
        shape = max([_unmapped(x, a) for x, a in zip(operands, axes, strict=True)], key=len)
        aligned = [self._aligned(x, axis, size, shape) for x, axis in zip(operands, axes, strict=True)]
        return self(*aligned), 0

    def _aligned(self, x, axis, size, shape):
        """An operand of shape (size, *shape), unless it is of rank 0."""
        if axis is None:
            if not get_aval(x).shape:
                return x
            return BroadcastInDim((size, *shape), tuple(range(1, len(shape) + 1)))(x)
        x = move_axis(x, axis, 0)
        if len(get_aval(x).shape) - 1 != len(shape):
            x = BroadcastInDim((size, *shape), (0,))(x)
        return x

    def lower(self, out, *values):
        if self.of_complex is not None and out.avals[0].dtype.kind == "c":
            return self.of_complex(out, values[0], self.hlo)
        found = self.computed_in_single(out, values) if self.in_single else None
        found = found or fast_form(out, values, self.single, self.double, self.integer)
        return found or out.op(self.hlo, filled(out, values))

    def computed_in_single(self, out, values):
        """The result in 16 bits, rounded once; None for other dtypes."""
        [result] = out.avals
        if out.platform != "cpu" or result.dtype.itemsize != 2:
            return None
        wide = result.with_dtype(np.dtype("float32"))
        values = [out.convert(v, wide) for v in filled(out, values)]
        return out.convert(out.op(self.hlo, values, aval=wide), result)


def _unmapped(x, axis):
    shape = get_aval(x).shape
    return shape if axis is None else shape[:axis] + shape[axis + 1 :]


def _listed(avals):
    return " and ".join([a.str_short() for a in avals])


def filled(out, values):
    """Values of rank 0 broadcast to the result's shape, where literals have not been written so already."""
    shape = out.avals[0].shape
    if not shape:
        return list(values)
    return [
        v if aval.shape == shape else out.broadcast(v, aval.with_shape(shape))
        for v, aval in zip(values, out.in_avals, strict=True)
    ]


class Unary(Elementwise):
    """One operand. A member states `slope(y, x)`, dy/dx as a factor of the tangent; or the tangent, `along(dx, y, x)`.

    Samples lie within `domain`.
    """

    domain: ClassVar[tuple[float, float]] = (-2, 2)

    def slope(self, y, x):
        raise NotImplementedError(f"{self.name} states no slope")

    def along(self, dx, y, x):
        return mul(dx, self.slope(y, x))

    def jvp(self, primals, tangents):
        [x], [dx] = primals, tangents
        y = self(x)
        return y, self.along(dx, y, x)

    @classmethod
    def samples(cls, array):
        low, high = cls.domain
        for shape in [(3,), (2, 3), (), (0, 2)]:
            yield cls(), [array(*shape, dtype=cls.sample_dtype, low=low, high=high)]

    @classmethod
    def refusals(cls, array):
        if cls.takes in ("inexact", "float"):
            yield cls(), [array(2, dtype="int32")], f"{cls.name} takes floating-point"
        elif cls.takes in ("number", "real", "signed"):
            yield cls(), [np.zeros(2, bool)], f"{cls.name} takes"


class Binary(Elementwise):
    """Two operands of one dtype. A member states the tangent for each: `along_x(dx, result, x, y)`, `along_y(…)`."""

    def along_x(self, dx, result, x, y):
        raise NotImplementedError

    def along_y(self, dy, result, x, y):
        raise NotImplementedError

    def jvp(self, primals, tangents):
        [x, y], [dx, dy] = primals, tangents
        result = self(x, y)
        if is_zero(dx):
            return result, shaped_like(self.along_y(dy, result, x, y), result)
        along_x = shaped_like(self.along_x(dx, result, x, y), result)
        if is_zero(dy):
            return result, along_x
        return result, add_tangents(along_x, shaped_like(self.along_y(dy, result, x, y), result))

    @classmethod
    def samples(cls, array):
        for x, y in [((3,), (3,)), ((2, 3), ()), ((), ()), ((0,), (0,))]:
            yield cls(), [array(*shape, dtype=cls.sample_dtype) for shape in (x, y)]

    @classmethod
    def refusals(cls, array):
        kind = cls.sample_dtype
        yield cls(), [array(2, dtype=kind), array(3, dtype=kind)], f"{cls.name} needs operands of one shape"
        yield cls(), [array(2, dtype="float32"), array(2, dtype="int32")], f"{cls.name} needs operands of one dtype"


def shaped_like(tangent, result):
    """A tangent at the result's shape: one of rank 0 is spread where the result is an array."""
    if is_zero(tangent):
        return tangent
    shape = get_aval(result).shape
    if not shape or get_aval(tangent).shape == shape:
        return tangent
    return BroadcastInDim(shape, ())(tangent)


class Bilinear(Primitive):
    """Ops of two operands that are linear in each."""

    is_bilinear = True

    def jvp(self, primals, tangents):
        [x, y], [dx, dy] = primals, tangents
        result = self(x, y)
        aval = get_aval(result).to_tangent_aval()
        if aval.dtype == dtypes.float0:
            return result, Zero(aval)
        along_x = Zero(aval) if is_zero(dx) else self(dx, y)
        along_y = Zero(aval) if is_zero(dy) else self(x, dy)
        return result, add_tangents(along_x, along_y)


def add_tangents(x, y):
    """The sum of two tangents, either of which may be a symbolic zero."""
    if is_zero(x):
        return y
    return x if is_zero(y) else add_any(x, y)


class Predicate(Elementwise):
    """Two operands in, bool out; no tangent comes through."""

    is_differentiable = False
    takes = "any"

    def result(self, aval):
        return ShapedArray(aval.shape, np.dtype(bool), aval.weak_type)

    samples = Binary.__dict__["samples"]
    refusals = Binary.__dict__["refusals"]
    sample_dtype = "float32"


_PYTHON_TYPE = {"f": float, "c": complex, "i": int, "b": bool}


def typed(number, aval):
    """A Python number in the dtype of the operand it meets; a Python number still where that one is weakly typed."""
    if aval.weak_type:
        return _PYTHON_TYPE.get(aval.dtype.kind, type(number))(number)
    return aval.dtype.type(number)


def pair(x, y):
    """Two operands of a rule, Python numbers among them in the dtype of the other."""
    if type(y) in PYTHON_SCALARS:
        if type(x) not in PYTHON_SCALARS:
            return x, typed(y, get_aval(x))
        if type(x) is type(y):
            return x, y
        kind = type(x + y)  # the wider of the two, as Python has it
        return kind(x), kind(y)
    if type(x) in PYTHON_SCALARS:
        return typed(x, get_aval(y)), y
    return x, y


def unfilled(ct, operand):
    """The cotangent of an operand: summed where the operand was a scalar spread over the result."""
    if operand.aval.shape:
        return ct
    rank = len(get_aval(ct).shape)
    return reduce_sum(ct, tuple(range(rank))) if rank else ct


# ---- the two ops in which the rules of these families are written


@primitive
class Mul(Binary):
    """x · y. Bilinear: its tangent is dx · y + x · dy."""

    hlo = "stablehlo.multiply"
    is_bilinear = True
    reference = staticmethod(np.multiply)

    def jvp(self, primals, tangents):
        [x, y], [dx, dy] = primals, tangents
        result = MUL(x, y)
        if x is y and dx is dy:  # a square: two equations of tangents in place of three, and x is all that is kept
            return result, MUL(mul(2, dx), x)
        if is_zero(dy):
            return result, mul(dx, y)
        if is_zero(dx):
            return result, mul(x, dy)
        return result, add_any(mul(dx, y), mul(x, dy))

    def transpose(self, ct, x, y):
        if type(x) is LinearOperand:
            return [unfilled(mul(ct, y), x), None]
        return [None, unfilled(mul(x, ct), y)]


@primitive
class AddAny(Elementwise):
    """x + y of two tangents or cotangents of one aval."""

    name = "add_any"
    hlo = "stablehlo.add"
    takes = "any"
    reference = staticmethod(np.add)

    def jvp(self, primals, tangents):
        return self(*primals), add_tangents(*tangents)

    def transpose(self, ct, x, y):
        return [unfilled(ct, x) if is_linear(x) else None, unfilled(ct, y) if is_linear(y) else None]

    @classmethod
    def samples(cls, array):
        yield cls(), [array(3), array(3)]
        yield cls(), [array(2, 3), array(2, 3)]
        yield cls(), [array(), array()]
        yield cls(), [array(0), array(0)]

    refusals = Binary.__dict__["refusals"]


MUL = Mul()
add_any = ADD_ANY = AddAny()


def mul(x, y):
    if type(x) in PYTHON_SCALARS or type(y) in PYTHON_SCALARS:
        x, y = pair(x, y)
        if type(x) in PYTHON_SCALARS and type(y) in PYTHON_SCALARS:
            return x * y
    return MUL(x, y)

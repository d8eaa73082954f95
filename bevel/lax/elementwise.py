"""lax's elementwise functions. Operands agree in dtype, and in shape but for scalars."""

from __future__ import annotations

import enum
import inspect
import operator
import re

import numpy as np

from bevel.api.eager import compiled
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.doors import requested_dtype
from bevel.core.jaxpr import JitTracer
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.core.tree import tree_flatten, tree_map, tree_unflatten
from bevel.engine.client import Array
from bevel.lax.operands import operand, operands, spread, spread_out
from bevel.ops import (
    arithmetic,
    barriers,
    bessel,
    exponential,
    hyperbolic,
    incomplete,
    logic,
    powers,
    special,
    trigonometric,
)
from bevel.ops import complex as complex_ops
from bevel.ops import convert as converting
from bevel.ops.accuracy import AccuracyMode, Tolerance
from bevel.ops.elementwise import MUL, words_of


class RoundingMethod(enum.IntEnum):
    """Where `round` takes a half."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


# An example of each, for its docstring: name, operands → what is printed, to four digits where there are more.
_EXAMPLES = {
    name: (operands, shown)
    for name, operands, shown in re.findall(
        r"(\w+) (\S+) → (\S+)",
        """
    exp 1.0 → 2.7183
    exp2 3.0 → 8.0
    expm1 0.5 → 0.6487
    log 10.0 → 2.3026
    log1p 0.5 → 0.4055
    logistic 0.0 → 0.5
    tanh 1.0 → 0.7616
    sin 1.0 → 0.8415
    cos 1.0 → 0.5403
    tan 1.0 → 1.5574
    sqrt 2.0 → 1.4142
    rsqrt 4.0 → 0.5
    cbrt 27.0 → 3.0
    neg 3 → -3
    abs -3 → 3
    sign -2.5 → -1.0
    floor -1.5 → -2.0
    ceil -1.5 → -1.0
    is_finite 1.0 → True
    sinh 1.0 → 1.1752
    cosh 1.0 → 1.5431
    asinh 1.0 → 0.8814
    acosh 2.0 → 1.3170
    atanh 0.5 → 0.5493
    asin 1.0 → 1.5708
    acos 0.0 → 1.5708
    atan 1.0 → 0.7854
    square 3 → 9
    real 1+2j → 1.0
    imag 1+2j → 2.0
    bitwise_not 5 → -6
    population_count 7 → 3
    clz 1 → 31
    erf 1.0 → 0.8427
    erfc 1.0 → 0.1573
    erf_inv 0.5 → 0.4769
    lgamma 5.0 → 3.1781
    digamma 1.0 → -0.5772
    bessel_i0e 1.0 → 0.4658
    bessel_i1e 1.0 → 0.2079
    add 1.0,2.0 → 3.0
    sub 1.0,2.0 → -1.0
    div -7,2 → -3
    rem -7,2 → -1
    max 1.0,2.0 → 2.0
    min 1.0,2.0 → 1.0
    pow 2.0,0.5 → 1.4142
    atan2 1.0,-1.0 → 2.3562
    bitwise_and 6,3 → 2
    bitwise_or 6,3 → 7
    bitwise_xor 6,3 → 5
    shift_left 1,4 → 16
    shift_right_logical -8,28 → 15
    shift_right_arithmetic -8,1 → -4
    eq 1,2 → False
    ne 1,2 → True
    gt 1,2 → False
    ge 1,2 → False
    lt 1,2 → True
    le 1,2 → True
    complex 1.0,2.0 → (1+2j)
    """,
    )
}
_GIVES = {
    **dict.fromkeys(("eq", "ne", "gt", "ge", "lt", "le", "is_finite"), "bool[…]"),
    **dict.fromkeys(("abs", "real", "imag"), "[…] of real numbers, in x's dtype or that of its parts"),
    "complex": "complex[…]",
}


def _named(function, name, op):
    """The function under its name, its docstring the op's with what it takes, gives and refuses, and an example."""
    function.__name__ = function.__qualname__ = name
    kind = op if isinstance(op, type) else type(op)
    operands, shown = _EXAMPLES[name]
    call = f"lax.{name}({operands.replace(',', ', ')})"
    printed = f'f"{{{call}:.4f}}"' if re.fullmatch(r"-?\d+\.\d{4}", shown) else call
    two = "," in operands
    function.__doc__ = (
        f"{inspect.getdoc(kind)}\n\n"
        f"{'x, y' if two else 'x   '}    […] of {words_of(kind.takes)}"
        f"{', of one dtype and one shape; a scalar beside an array is repeated' if two else ''}\n"
        f"gives   {_GIVES.get(name, '[…] in the dtype of its operands')}\n"
        f"raises  DTypeError for other dtypes{'; ShapeError where shapes differ' if two else ''}\n\n"
        f">>> from bevel import lax\n>>> print({printed})\n{shown}\n"
    )
    return function


def _unary(name, op):
    """A function of one operand, documented by its op."""

    def function(x):
        if type(x) is not JitTracer:
            x = operand(name, x)
        return op(x)

    return _named(function, name, op)


def _smooth(name, op):
    """A function of one operand whose accuracy may be asked for."""
    usual = op()

    def function(x, *, accuracy=None):
        if type(x) is not JitTracer:
            x = operand(name, x)
        return (usual if accuracy is None else op(accuracy))(x)

    return _named(function, name, op)


def _binary(name, op):
    """A function of two operands, which scalars may join."""

    def function(x, y):
        aval = getattr(x, "aval", None)
        if aval is not None and aval is getattr(y, "aval", None):  # the commonest case
            return op(x, y)
        return spread(name, op, x, y)

    return _named(function, name, op)


exp = _smooth("exp", exponential.Exp)
exp2 = _smooth("exp2", exponential.Exp2)
expm1 = _smooth("expm1", exponential.Expm1)
log = _smooth("log", exponential.Log)
log1p = _smooth("log1p", exponential.Log1p)
logistic = _smooth("logistic", exponential.Logistic)
tanh = _smooth("tanh", exponential.Tanh)
sin = _smooth("sin", trigonometric.Sin)
cos = _smooth("cos", trigonometric.Cos)
tan = _smooth("tan", trigonometric.Tan)
sqrt = _smooth("sqrt", powers.Sqrt)
rsqrt = _smooth("rsqrt", powers.Rsqrt)
cbrt = _smooth("cbrt", powers.Cbrt)

neg = _unary("neg", arithmetic.NEG)
abs = _unary("abs", complex_ops.Abs())
sign = _unary("sign", complex_ops.Sign())
floor = _unary("floor", arithmetic.Floor())
ceil = _unary("ceil", arithmetic.Ceil())
is_finite = _unary("is_finite", logic.IsFinite())
sinh = _unary("sinh", hyperbolic.Sinh())
cosh = _unary("cosh", hyperbolic.Cosh())
asinh = _unary("asinh", hyperbolic.Asinh())
acosh = _unary("acosh", hyperbolic.Acosh())
atanh = _unary("atanh", hyperbolic.Atanh())
asin = _unary("asin", trigonometric.Asin())
acos = _unary("acos", trigonometric.Acos())
atan = _unary("atan", trigonometric.Atan())
square = _unary("square", powers.Square())
real = _unary("real", complex_ops.Real())
imag = _unary("imag", complex_ops.Imag())
bitwise_not = _unary("bitwise_not", logic.NOT)
population_count = _unary("population_count", logic.PopulationCount())
clz = _unary("clz", logic.Clz())
erf = _unary("erf", special.Erf())
erfc = _unary("erfc", special.Erfc())
erf_inv = _unary("erf_inv", special.ErfInv())
lgamma = _unary("lgamma", special.Lgamma())
digamma = _unary("digamma", special.Digamma())
bessel_i0e = _unary("bessel_i0e", bessel.BesselI0e())
bessel_i1e = _unary("bessel_i1e", bessel.BesselI1e())

add = _binary("add", arithmetic.ADD)
sub = _binary("sub", arithmetic.SUB)
div = _binary("div", arithmetic.DIV)
rem = _binary("rem", arithmetic.Rem())
max = _binary("max", arithmetic.MAX)
min = _binary("min", arithmetic.MIN)
pow = _binary("pow", powers.Pow())
atan2 = _binary("atan2", trigonometric.Atan2())
bitwise_and = _binary("bitwise_and", logic.AND)
bitwise_or = _binary("bitwise_or", logic.OR)
bitwise_xor = _binary("bitwise_xor", logic.Xor())
shift_left = _binary("shift_left", logic.ShiftLeft())
shift_right_logical = _binary("shift_right_logical", logic.ShiftRightLogical())
shift_right_arithmetic = _binary("shift_right_arithmetic", logic.ShiftRightArithmetic())
eq = _binary("eq", logic.EQ)
ne = _binary("ne", logic.NE)
gt = _binary("gt", logic.GT)
ge = _binary("ge", logic.GE)
lt = _binary("lt", logic.LT)
le = _binary("le", logic.LE)
complex = _binary("complex", complex_ops.Complex())


def mul(x, y, *, out_dtype=None):
    """x · y; in `out_dtype`, where one is given.

    >>> from bevel import lax
    >>> print(lax.mul(3, 4))
    12
    """
    return spread("mul", MUL, x, y) if out_dtype is None else _mul_in(*operands("mul", x, y), out_dtype)


@compiled(static="out_dtype", name="mul")
def _mul_in(x, y, out_dtype):
    x, y = spread_out("mul", x, y)
    dtype = requested_dtype(out_dtype, "lax.mul")
    for factor in (x, y):
        if get_aval(factor).dtype == np.bool_:
            raise TypeError(f"lax.mul takes numbers (not bool); got {get_aval(factor).str_short()}.")
    weak = get_aval(x).weak_type and get_aval(y).weak_type and dtype == get_aval(x).dtype
    return MUL(converting.convert(x, dtype, weak), converting.convert(y, dtype, weak))


def mulhi(x, y, /):
    """The upper half of the product of two integers, computed in twice their width.

    >>> from bevel import lax
    >>> print(lax.mulhi(1 << 20, 1 << 20))
    256
    """
    return spread("mulhi", arithmetic.Mulhi(), x, y)


def nextafter(x1, x2):
    """The floating-point number next to x1 in the direction of x2.

    >>> from bevel import lax
    >>> print(f"{lax.nextafter(1.0, 2.0):.4f}")
    1.0000
    """
    return spread("nextafter", arithmetic.Nextafter(), x1, x2)


def igamma(a, x):
    """The regularised lower incomplete gamma function P(a, x) = ∫₀ˣ t^(a-1) e^-t dt / Γ(a).

    >>> from bevel import lax
    >>> print(f"{lax.igamma(1.0, 2.0):.4f}")
    0.8647
    """
    return spread("igamma", incomplete.Igamma(), a, x)


def igammac(a, x):
    """The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x).

    >>> from bevel import lax
    >>> print(f"{lax.igammac(1.0, 2.0):.4f}")
    0.1353
    """
    return spread("igammac", incomplete.Igammac(), a, x)


def igamma_grad_a(a, x):
    """The derivative of igamma(a, x) in a: how the share below x changes with the distribution's shape.

    a, x     floating-point, of one shape, or one a scalar; both above 0
    raises   DTypeError for integers

    >>> from bevel import lax
    >>> quotient = (lax.igamma(1.01, 2.0) - lax.igamma(0.99, 2.0)) / 0.02
    >>> print(f"{lax.igamma_grad_a(1.0, 2.0):.3f} {quotient:.3f}")
    -0.221 -0.221
    """
    return spread("igamma_grad_a", incomplete.IgammaGradA(), a, x)


def random_gamma_grad(a, x):
    """How a gamma-distributed number x moves with its shape a at fixed randomness: -(∂P/∂a) / (∂P/∂x).

    What the derivative of `bevel.random.gamma` in a is made of: P(a, x) stays as it is along (1, that).

    a, x     floating-point, of one shape, or one a scalar; both above 0
    raises   DTypeError for integers

    >>> import bevel
    >>> from bevel import lax
    >>> by_definition = -lax.igamma_grad_a(1.0, 2.0) / bevel.grad(lax.igamma, argnums=1)(1.0, 2.0)
    >>> print(f"{lax.random_gamma_grad(1.0, 2.0):.3f} {by_definition:.3f}")
    1.632 1.632
    """
    return spread("random_gamma_grad", incomplete.random_gamma_grad, a, x)


def betainc(a, b, x):
    """The regularised incomplete beta function I_x(a, b). Its derivative in x alone is known.

    >>> from bevel import lax
    >>> print(lax.betainc(1.0, 2.0, 0.5))
    0.75
    """
    return spread("betainc", incomplete.RegularizedIncompleteBeta(), a, b, x)


def polygamma(m, x):
    """The m-th derivative of digamma at x, for whole m >= 0.

    m, x    float[…] of one dtype; x may be negative: at 0, -1, … the result is inf for odd m, NaN for even m
    gives   float[…]; it has no derivative in m

    >>> from bevel import lax
    >>> print(f"{lax.polygamma(1.0, 1.0):.4f}")
    1.6449
    """
    return spread("polygamma", special.Polygamma(), m, x)


def zeta(x, q):
    """The Hurwitz zeta function Σ_{k>=0} (k + q)^-x, for x > 1.

    x, q    float[…] of one dtype; for q < 0 x must be whole, else the result is NaN; at q = 0, -1, … it is inf for
            even x, NaN for odd x
    gives   float[…]; it has no derivative in x

    >>> from bevel import lax
    >>> print(f"{lax.zeta(2.0, 1.0):.4f}")
    1.6449
    """
    return spread("zeta", special.Zeta(), x, q)


def conj(x):
    """The complex conjugate: complex also for real x.

    >>> from bevel import lax
    >>> print(lax.conj(1+2j))
    (1-2j)
    """
    x = operand("conj", x)
    return complex_ops.Conj(get_aval(x).dtype)(x)


def round(x, rounding_method=RoundingMethod.AWAY_FROM_ZERO):
    """The nearest integer, in x's dtype; `rounding_method` says where a half goes.

    >>> from bevel import lax
    >>> print(lax.round(2.5))
    3.0
    """
    return arithmetic.Round(RoundingMethod(rounding_method))(operand("round", x))


def integer_pow(x, y):
    """x ** y for a Python int y, by repeated products.

    >>> from bevel import lax
    >>> print(lax.integer_pow(2.0, -3))
    0.125
    """
    x = operand("integer_pow", x)
    aval = get_aval(x)
    if aval.dtype == np.bool_:
        raise TypeError(f"lax.integer_pow takes numbers (not bool); got {aval.str_short()}.")
    if y == 0:
        return converting.convert(arithmetic.full_like(x, 1), aval.dtype, aval.weak_type)
    return x if y == 1 and isinstance(x, (Array, Tracer)) else powers.IntegerPow(int(y))(x)


def reciprocal(x):
    """1 / x.

    >>> from bevel import lax
    >>> print(lax.reciprocal(4.0))
    0.25
    """
    x = operand("reciprocal", x)
    if not dtypes.issubdtype(get_aval(x).dtype, np.inexact):
        raise TypeError(f"reciprocal takes floating-point or complex numbers; got {get_aval(x).str_short()}.")
    return powers.IntegerPow(-1)(x)


def clamp(min, x, max):
    """x held between min and max, which are scalars or of x's shape.

    >>> from bevel import lax
    >>> print(lax.clamp(0.0, 5.0, 1.0))
    1.0
    """
    low, x, high = operands("clamp", min, x, max)
    shape = get_aval(x).shape
    for name, bound in (("min", low), ("max", high)):
        if get_aval(bound).shape not in ((), shape):
            raise ShapeError(
                f"lax.clamp takes bounds that are scalars or of x's shape {shape}; got {name} of shape "
                f"{get_aval(bound).shape}{user_line(' at {}')}."
            )
    return arithmetic.Clamp()(low, x, high)


def reduce_precision(operand, exponent_bits, mantissa_bits):
    """x rounded as if it had so many bits of exponent and mantissa, in its own dtype.

    >>> from bevel import lax
    >>> print(lax.reduce_precision(3.14159, 5, 3))
    3.25
    """
    [x] = operands("reduce_precision", operand)
    return converting.ReducePrecision(operator.index(exponent_bits), operator.index(mantissa_bits))(x)


def optimization_barrier(operand, /):
    """A pytree of arrays as it is; the compiler computes all of it before anything that uses a part of it.

    It keeps the compiler from fusing across it, from moving work over it, and from finding what stands on both its
    sides to be the same, which `checkpoint` rests on. Derivatives and batches pass through.

    >>> import bevel
    >>> from bevel import lax
    >>> print(bevel.make_jaxpr(lambda x, y: lax.optimization_barrier((x * y, x + y)))(1.0, 2.0))
    { lambda ; a:f32[] b:f32[]. let
        c:f32[] = mul a b
        d:f32[] = add a b
        e:f32[] f:f32[] = optimization_barrier c d
      in (e, f) }
    """
    leaves, structure = tree_flatten(operand)
    return tree_unflatten(structure, barriers.OptimizationBarrier()(*leaves))


def stop_gradient(x):
    """A pytree of arrays as it is, which derivatives take as constants.

    >>> import bevel
    >>> from bevel import lax
    >>> print(bevel.grad(lambda x: x * lax.stop_gradient(x))(3.0))
    3.0
    """
    return tree_map(_stopped, x)


def _stopped(x):
    x = operand("stop_gradient", x)
    if type(x) is not Array and dtypes.issubdtype(get_aval(x).dtype, np.inexact):
        return barriers.StopGradient()(x)
    return x


__all__ = [
    "AccuracyMode", "RoundingMethod", "Tolerance", "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2",
    "atanh", "bessel_i0e", "bessel_i1e", "betainc", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor",
    "cbrt", "ceil", "clamp", "clz", "complex", "conj", "cos", "cosh", "digamma", "div", "eq", "erf", "erf_inv",
    "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "igamma", "igamma_grad_a", "igammac", "imag",
    "integer_pow", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt", "max", "min", "mul", "mulhi",
    "ne", "neg", "nextafter", "optimization_barrier", "polygamma", "population_count", "pow", "random_gamma_grad",
    "real", "reciprocal", "reduce_precision", "rem", "round", "rsqrt", "shift_left", "shift_right_arithmetic",
    "shift_right_logical", "sign", "sin", "sinh", "sqrt", "square", "stop_gradient", "sub", "tan", "tanh", "zeta",
]  # fmt: skip

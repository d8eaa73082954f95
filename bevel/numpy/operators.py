"""The operators of Python on arrays and tracers: `x + y`, `2 ** x`, `x < y`, `x @ y`, `round(x)`."""

from __future__ import annotations

import importlib
import sys

from bevel.core.jaxpr import Equation, JitTracer, Literal
from bevel.core.source import get_traceback, user_line
from bevel.core.staging import narrow_scalars
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array
from bevel.numpy.eager import is_operand, operator_call, unlike
from bevel.ops.arithmetic import ADD, DIV, SUB
from bevel.ops.elementwise import MUL, typed

# Operators as they are called, and the function behind each, with its module in bevel.numpy.
BINARY = {
    "add": "arithmetic.add", "sub": "arithmetic.subtract", "mul": "arithmetic.multiply",
    "truediv": "arithmetic.true_divide", "floordiv": "arithmetic.floor_divide", "mod": "arithmetic.remainder",
    "divmod": "arithmetic.divmod", "and": "bits.bitwise_and", "or": "bits.bitwise_or", "xor": "bits.bitwise_xor",
    "lshift": "bits.left_shift", "rshift": "bits.right_shift",
}  # fmt: skip
COMPARISONS = {
    "eq": "order.equal", "ne": "order.not_equal", "lt": "order.less", "le": "order.less_equal",
    "gt": "order.greater", "ge": "order.greater_equal",
}  # fmt: skip
UNARY = {
    "neg": "arithmetic.negative", "pos": "arithmetic.positive", "abs": "arithmetic.absolute",
    "invert": "bits.bitwise_not",
}  # fmt: skip
# The commonest cases while tracing, two variables of the running trace, of one aval, or one and a Python number: the
# equation is written directly.
_DIRECT = {"add": ADD, "sub": SUB, "mul": MUL, "truediv": DIV}


class WhenAsked:
    """Stands for an attribute of both classes until it is first asked for: what makes it loads its module then.

    make   makes the one for both, or for arrays; make_for_tracers, the one for tracers, where that differs
    """

    __slots__ = ("make", "make_for_tracers", "name")

    def __init__(self, name, make, make_for_tracers=None):
        self.name = name
        self.make = make
        self.make_for_tracers = make_for_tracers
        for cls in (Array, Tracer):
            setattr(cls, name, self)

    def __get__(self, instance, owner):
        for_arrays = self.make()
        for_tracers = for_arrays if self.make_for_tracers is None else self.make_for_tracers()
        setattr(Array, self.name, for_arrays)
        setattr(Tracer, self.name, for_tracers)
        return (for_tracers if issubclass(owner, Tracer) else for_arrays).__get__(instance, owner)


def _plain(place):
    """The function at "module.name" without its eager wrapper, which an operator decides on by itself."""
    module, name = place.split(".")
    function = getattr(importlib.import_module(f"bevel.numpy.{module}"), name)
    return getattr(function, "__wrapped__", function)


def _tracer_operator(name, plain, is_reversed=False):
    if is_reversed:

        def operate(self, other):
            return plain(other, self) if is_operand(other) else NotImplemented
    else:

        def operate(self, other):
            return plain(self, other) if is_operand(other) else unlike(f"__{name}__", other)

    op = _DIRECT.get(name)
    if op is None:
        return operate

    def direct(self, other):
        aval = self.aval
        trace = state.trace
        if type(self) is not JitTracer or self._trace is not trace or aval.dtype.kind != "f" or state.place is not None:
            return operate(self, other)
        kind = type(other)
        if kind is JitTracer:
            if other.aval is not aval or other._trace is not trace:
                return operate(self, other)
            result = JitTracer(aval, trace)
        elif kind is float or kind is int:
            number = typed(other, aval)
            known = narrow_scalars.get(type(number))
            other = Literal(number, get_aval(number) if known is None else known)
            result = JitTracer(aval, trace)
        else:
            return operate(self, other)
        operands = [other, self] if is_reversed else [self, other]
        trace.equations.append(Equation(op, operands, [result], get_traceback()))
        return result

    return direct


def _swapped(function):
    return lambda x, y, /: function(y, x)


def _of_one(function):
    return lambda self: function(self)


def install_operators():
    """Puts them on both classes."""
    for name, function in (BINARY | COMPARISONS).items():
        called = f"__{name}__"
        WhenAsked(
            called,
            lambda called=called, function=function: operator_call(called, _plain(function)),
            lambda name=name, function=function: _tracer_operator(name, _plain(function)),
        )
        if name in BINARY:
            called = f"__r{name}__"
            WhenAsked(
                called,
                lambda called=called, function=function: operator_call(called, _swapped(_plain(function))),
                lambda name=name, function=function: _tracer_operator(name, _plain(function), True),
            )
    for name, function in UNARY.items():
        called = f"__{name}__"
        WhenAsked(
            called,
            lambda called=called, function=function: operator_call(called, _plain(function), is_binary=False),
            lambda function=function: _of_one(_plain(function)),
        )
    for cls in (Array, Tracer):
        cls.__pow__ = _power
        cls.__rpow__ = _reversed_power
        cls.__round__ = _round
        cls.__matmul__ = _matmul
        cls.__rmatmul__ = _reversed_matmul


def _refuse_modulo(modulo):
    if modulo is not None:
        raise TypeError(f"pow of an array takes no modulus{user_line(' at {}')}; write jnp.power(x, y) % m.")


def _power(self, other, modulo=None):
    _refuse_modulo(modulo)
    return bevel_numpy().power(self, other) if is_operand(other) else NotImplemented


def _reversed_power(self, other, modulo=None):
    _refuse_modulo(modulo)
    return bevel_numpy().power(other, self) if is_operand(other) else NotImplemented


def _round(self, ndigits=None):
    """Python's round: without ndigits it gives integers."""
    result = bevel_numpy().round(self, ndigits or 0)
    return bevel_numpy().astype(result, int) if ndigits is None else result


def _matmul(self, other):
    return bevel_numpy().matmul(self, other) if is_operand(other) else NotImplemented


def _reversed_matmul(self, other):
    return bevel_numpy().matmul(other, self) if is_operand(other) else NotImplemented


def bevel_numpy():
    return sys.modules["bevel.numpy"]  # an import statement would cost a microsecond a call

"""Staging: running a Python function on tracers that write down each primitive as an equation."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np

from bevel.base import dtypes, settings
from bevel.base.avals import ShapedArray
from bevel.base.casting import cast
from bevel.base.dimensions import Dimension
from bevel.base.errors import MaskedArrayError
from bevel.core import leaks
from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, JitTracer, Literal, Var, closed_without_consts
from bevel.core.places import Place, here
from bevel.core.primitive import LinearOperand
from bevel.core.sharp_edges import narrowed
from bevel.core.source import get_traceback, user_line
from bevel.core.trace import Trace, Tracer, aval_of_type, check_alive, get_aval, out_of_place, set_trace, state
from bevel.engine.lines import record_lines

_new = object.__new__
_SCALARS = (bool, int, float, complex)
# NumPy's scalars whose dtype is the same with and without x64.
narrow_scalars = {
    np.dtype(code).type: ShapedArray((), np.dtype(code)) for code in "? i1 i2 i4 u1 u2 u4 f2 f4 c8".split()
}


class StageTrace(Trace):
    """Writes equations down. `constants` maps what the function closes over to the variables that stand for it."""

    __slots__ = ("arg_names", "constants", "equations", "function_name", "invars")

    is_staging = True
    names_itself = True

    def __init__(self, function_name=""):
        super().__init__()
        self.equations: list[Equation] = []
        self.constants: dict[int, tuple[Any, Var]] = {}
        self.function_name = function_name
        self.arg_names = None
        self.invars: list[Var] = []

    def process(self, op, operands):
        avals: tuple
        if len(operands) == 2:  # most have two; a comprehension is a call, and two are a fifth of an equation's time
            x, y = operands
            if type(x) is not JitTracer or x._trace is not self:
                x = self.lift(x)
            if type(y) is not JitTracer or y._trace is not self:
                y = self.lift(y)
            invars, avals = [x, y], (x.aval, y.aval)
        elif len(operands) == 1:
            [x] = operands
            if type(x) is not JitTracer or x._trace is not self:
                x = self.lift(x)
            invars, avals = [x], (x.aval,)
        else:
            invars = [x if type(x) is JitTracer and x._trace is self else self.lift(x) for x in operands]
            avals = tuple([v.aval for v in invars])
        result = op.results.get(avals)
        if result is None:
            result = op.abstract(avals)
        place = state.place
        if place is None:
            place = get_traceback()
        elif type(place) is Place and place.traceback is None:
            place = here()
        if op.multiple_results:
            outvars = [JitTracer(aval, self) for aval in result]
            self.equations.append(Equation(op, invars, outvars, place))
            return list(outvars)
        outvar = _new(JitTracer)  # not by the constructors, which are calls: a tenth of the time of a trace
        outvar.aval, outvar._trace = result, self
        eqn = _new(Equation)
        eqn.op, eqn.invars, eqn.outvars, eqn.source = op, invars, [outvar], place
        self.equations.append(eqn)
        return outvar

    def lift(self, value):
        """A variable or literal of this trace that stands for `value`."""
        kind = type(value)
        aval = narrow_scalars.get(kind)
        if aval is not None:
            return Literal(value, aval)
        if isinstance(value, Tracer):
            if type(value) is Scalar:
                return Literal(value.as_number() if value.aval.weak_type else value.value, value.aval)
            if value._trace is self:
                return value
            check_alive(value)
            above = value._trace.parent
            while above is not None:
                if above is self:
                    raise out_of_place(value)
                above = above.parent
            return self.constant(value, value.aval)
        if kind in _SCALARS:
            return Literal(value, get_aval(value))
        if isinstance(value, np.generic):
            aval = get_aval(value)
            if value.dtype != aval.dtype and not aval.extended:
                value = narrowed(np.asarray(value), aval.dtype, False)[()]
            return Literal(value, aval)
        if kind is Dimension:  # the size that it has at the call
            return self.lift(value.__jax_array__())
        if kind is LinearOperand:
            raise TypeError("a rule computed with an operand that it may only know the shape of")
        aval = get_aval(value)
        if not aval.shape and kind is np.ndarray:
            return Literal(value, aval)
        return self.constant(value, aval)

    def constant(self, value, aval):
        known = self.constants.get(id(value))
        if known is None:
            if type(value) is np.ndarray and value.dtype != aval.dtype:
                narrowed(value, aval.dtype)  # to say so at the user's line; the numbers are taken when it is lowered
            known = self.constants[id(value)] = (value, JitTracer(aval, self))
        return known[1]

    def end(self):
        """Makes variables of the tracers: those are keys of what is known of a program."""
        self.alive = False
        for eqn in self.equations:
            outvars = eqn.outvars
            if len(outvars) == 1:  # an inner loop would take as long again
                outvars[0].__class__ = Var
            else:
                for v in outvars:
                    v.__class__ = Var
        for v in self.invars:
            v.__class__ = Var
        for _, v in self.constants.values():
            v.__class__ = Var

    def describe(self, tracer) -> str:
        of = f" of {self.function_name}" if self.function_name else ""
        for position, var in enumerate(self.invars):
            if var is tracer:
                name = self.arg_names[position] if self.arg_names else None
                return f"argument {name}{of}" if name else f"an argument{of}"
        return f"a value computed in {self.function_name}" if self.function_name else ""


class Scalar(Var):
    """A number of rank 0 that the traced function made: a tracer for the user, a literal in the equations."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value, aval, trace):
        super().__init__(aval, trace)
        self.value = value

    def known_value(self):
        return self.value

    def as_number(self):
        """As one of Python's numbers, if those have this dtype: weakly typed wherever the program is run again."""
        number = self.value.item()
        return number if get_aval(number) == self.aval else self.value

    def converted(self, aval) -> Scalar:
        value = self.value
        if aval.dtype.kind == "f" and value.dtype.kind in "fiub":  # the common case, which needs no care
            return Scalar(value.astype(aval.dtype), aval, self._trace)
        return Scalar(cast(value, aval.dtype)[()], aval, self._trace)


def staging_trace() -> StageTrace | None:
    """The trace that writes down what the current one does, at once or in the end; None where all is evaluated."""
    trace = state.trace
    while trace is not None and not trace.is_staging:
        trace = None if trace.evaluates_known_values else trace.parent
    return trace


_MANY_OBJECTS = 10_000
_MOST_UNSEEN = 1_000_000
_unseen = 0  # objects that traces have made since the collector was last sent through all


class paused_collector:
    """No garbage collection while a trace runs: it makes many objects that all stay (2.5 → 0.9 µs an equation).

    Nor just behind it: where there are many, they are put with the old objects as they are. Else the collector would
    search all of them for garbage at once, which takes up to a third of the time of the trace. What a program keeps is
    freed by counting; for rings all objects are searched after each million of new ones.
    """

    __slots__ = ("was_enabled",)

    def __enter__(self):
        self.was_enabled = gc.isenabled()
        if self.was_enabled:
            gc.disable()

    def __exit__(self, *_):
        if self.was_enabled:
            _settle()
            gc.enable()


def _settle():
    """Makes the objects made since the last collection old ones, where they are many."""
    global _unseen
    made = gc.get_count()[0]
    if made < _MANY_OBJECTS or gc.get_freeze_count():  # frozen ones are the user's, and would thaw with the others
        return
    _unseen += made
    if _unseen > _MOST_UNSEEN:
        _unseen = 0
        gc.collect()
    else:
        gc.freeze()
        gc.unfreeze()


class tracing(paused_collector):
    """The state of the process while a function is traced: no garbage collection, and equations learn their lines."""

    __slots__ = ()

    def __enter__(self):
        paused_collector.__enter__(self)
        record_lines(True)

    def __exit__(self, *_):
        record_lines(False)
        paused_collector.__exit__(self)


def stage(function, avals, function_name="", arg_names=None) -> tuple[Jaxpr, list]:
    """Runs `function(*tracers)` (flat in, a list of flat results out) and gives its jaxpr and its constants' values.

    Constants may be tracers of outer traces: the caller hands them on as operands (`hoist_tracers`).
    """
    trace = StageTrace(function_name)
    trace.arg_names = arg_names
    trace.invars = [JitTracer(aval, trace) for aval in avals]
    with tracing():
        before, place = set_trace(trace), state.place
        state.place = None  # the scopes around are those of the equation that holds this program
        try:
            results = function(*trace.invars)
            outvars = [trace.lift(result) for result in results]
        finally:
            set_trace(before)
            state.place = place
            trace.end()
    constants = list(trace.constants.values())
    equations = trace.equations
    trace.constants, trace.equations = {}, []  # variables lead to the trace: without rings, memory is free at once
    jaxpr = Jaxpr(
        [var for _, var in constants], trace.invars, outvars, equations, name=function_name, arg_names=arg_names
    )
    values = [value for value, _ in constants]
    if settings.check_tracer_leaks.value:
        places = [(id(v), eqn.source) for eqn in equations for v in eqn.outvars]
        jaxpr = leaks.fresh_copy(jaxpr)
        trace.invars = []
        ended = weakref.ref(trace)
        del trace, results, outvars, constants, equations
        leaks.check(ended, function_name, places)
    return jaxpr, values


def stage_closed(function, avals, function_name="", arg_names=None) -> tuple[ClosedJaxpr, list]:
    """As `stage`, with arrays kept as constants and outer tracers made the first arguments: (jaxpr, those tracers)."""
    jaxpr, consts = stage(function, avals, function_name, arg_names)
    return hoist_tracers(jaxpr, consts)


def hoist_tracers(jaxpr: Jaxpr, consts) -> tuple[ClosedJaxpr, list]:
    """Splits constants: arrays stay closed over; tracers of outer traces become leading arguments."""
    outer = [(var, value) for var, value in zip(jaxpr.constvars, consts, strict=True) if isinstance(value, Tracer)]
    if not outer:
        return ClosedJaxpr(jaxpr, consts), []
    inner = [(var, value) for var, value in zip(jaxpr.constvars, consts, strict=True) if not isinstance(value, Tracer)]
    names = None if jaxpr.arg_names is None else [None] * len(outer) + list(jaxpr.arg_names)
    changed = jaxpr.replace(
        constvars=[var for var, _ in inner], invars=[*[var for var, _ in outer], *jaxpr.invars], arg_names=names
    )
    return ClosedJaxpr(changed, [value for _, value in inner]), [value for _, value in outer]


def _scalar_aval(value):
    dtype, weak = dtypes.scalar_type_of(type(value))
    if type(value) is int and not (-(2**63) <= value < 2**63 if dtype.itemsize == 8 else -(2**31) <= value < 2**31):
        raise OverflowError(
            f"The Python int {value} does not fit {dtype.name}, the default integer type.\n"
            "Use a float, or an explicit dtype such as jnp.uint32(…); 64-bit types need jax_enable_x64."
        )
    return ShapedArray((), dtype, weak)


def _numpy_aval(value):
    dtype = dtypes.canonicalize_dtype(value.dtype)
    if dtype not in dtypes.SUPPORTED:
        dtypes.check_supported(dtype, f"An array given{user_line(' at {}')}")
    if type(value) is not np.ndarray and any([cls.__module__.startswith("numpy.ma") for cls in type(value).__mro__]):
        raise MaskedArrayError(
            f"A masked array was given{user_line(' at {}')}, whose mask would be lost.\n"
            "Put numbers into the gaps, x.filled(0); or keep two arrays, x.data and ~x.mask, and use `where=`."
        )
    return ShapedArray(value.shape, dtype)


for _kind in _SCALARS:
    aval_of_type[_kind] = _scalar_aval
aval_of_type[np.ndarray] = _numpy_aval
aval_of_type[np.generic] = _numpy_aval
for _kind, _aval in narrow_scalars.items():
    aval_of_type[_kind] = lambda value, aval=_aval: aval

__all__ = ["StageTrace", "closed_without_consts", "hoist_tracers", "stage", "stage_closed", "staging_trace"]

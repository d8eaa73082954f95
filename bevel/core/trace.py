"""The current interpreter decides what applying a primitive means.

A `Trace` is an interpreter: evaluation (the outermost), staging, jvp, the linear tape, batching. `state.trace` is the
current one of this thread; a primitive's `__call__` hands its operands to `state.trace.process`. Each transformation
puts its own trace in front for the time of the user's function and names the one before it as its parent.
"""

from __future__ import annotations

import operator
import threading
from typing import Any

from bevel.base.avals import AbstractValue, ShapedArray
from bevel.base.errors import (
    ConcretizationTypeError,
    TracerArrayConversionError,
    TracerBoolConversionError,
    TracerIntegerConversionError,
    UnexpectedTracerError,
)
from bevel.core.source import argument_of, user_line
from bevel.engine.dispatch import set_tracing


class Trace:
    """An interpreter of primitives.

    `process(op, operands)` gives the result, or a list of them for a many-valued op.
    """

    __slots__ = ("__weakref__", "alive")
    is_evaluation = False
    is_tape = False
    is_staging = False
    evaluates_known_values = False  # at once, also while a trace below stages
    names_itself = False  # does `process` do the same whichever trace is current, so that nobody need set it first?
    parent: Any = None  # the trace that this one passes work on to, where there is one

    def __init__(self):
        self.alive = True

    main = property(lambda self: self)  # what tells one run of a transformation from another, as JAX calls it

    def full_raise(self, x):
        """x as this interpreter takes it: as it is. Interpreters of older JAX had to lift values first."""
        return x

    def process(self, op, operands):
        return self.process_primitive(op.handle, operands, op.params)

    def process_primitive(self, primitive, operands, parameters):
        """The same by JAX's names; interpreters written outside of Bevel state this one."""
        raise NotImplementedError(f"{type(self).__name__} states neither process nor process_primitive")

    def describe(self, tracer) -> str:
        """Where the tracer comes from, in words: `argument x of loss`; empty where nothing is known."""
        return ""


class _State(threading.local):
    trace: Any = None  # core.evaluation puts the evaluating trace here
    place: Any = None  # where equations are said to come from; see core.places
    axes: tuple = ()  # (name, size) of the named axes that transformations around have bound, innermost last
    mesh_axes: tuple = ()  # the names of those along which each device has one: of `shard_map` and `pmap`


state = _State()


def set_trace(trace: Trace) -> Trace:
    """Makes `trace` the current one and gives the one before; the caller puts it back in a `finally`."""
    before = state.trace
    state.trace = trace
    if trace.is_evaluation is not before.is_evaluation:
        set_tracing(not trace.is_evaluation)  # compiled calls look at this flag in C++, to step aside
    return before


class under:
    """`with under(trace):` runs the block with that trace as the current one."""

    __slots__ = ("before", "trace")

    def __init__(self, trace):
        self.trace = trace

    def __enter__(self):
        self.before = set_trace(self.trace)
        return self.trace

    def __exit__(self, *_):
        set_trace(self.before)


class Tracer:
    """A value whose numbers are not at hand: it stands for an array inside a transformed function.

    The array methods and operators are put on this class and on the array class alike, by bevel.numpy.methods.
    """

    __slots__ = ("__weakref__", "_trace", "aval")
    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]

    _trace: Trace
    aval: ShapedArray

    def __init__(self, trace: Trace, aval: ShapedArray):
        self._trace = trace
        self.aval = aval

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    weak_type = property(lambda self: self.aval.weak_type)
    ndim = property(lambda self: len(self.aval.shape))
    size = property(lambda self: self.aval.size)
    nbytes = property(lambda self: self.aval.size * self.aval.dtype.itemsize)
    itemsize = property(lambda self: self.aval.dtype.itemsize)
    vma = property(lambda self: self.aval.vma)
    committed = property(lambda self: False)

    def __len__(self):
        return len(self.aval)

    def __bool__(self):
        value = self.known_value()
        if value is not None:
            return bool(value)
        raise _about(
            self,
            TracerBoolConversionError,
            f"Python asked whether {self.described()} is true{user_line(' at {}')}, but its value is not known while "
            "tracing"
            "\n(`if`, `while`, `and`, `or`, `not`, `assert` and `bool()` ask this).\n"
            "Use jnp.where(condition, a, b), lax.cond or lax.while_loop; or make the argument static: "
            "jit(f, static_argnames=…).",
        )

    def __int__(self):
        return int(self.concrete("int()"))

    def __float__(self):
        return float(self.concrete("float()"))

    def __complex__(self):
        return complex(self.concrete("complex()"))

    def __index__(self):
        value = self.known_value()
        if value is not None:
            return operator.index(value)  # of what is no integer, Python's own word
        raise _about(
            self,
            TracerIntegerConversionError,
            f"Python needed {self.described()} as an integer{user_line(' at {}')}, but its value is not known while "
            "tracing"
            "\n(`range`, a list index and a shape ask this, by __index__()).\n"
            "Make the argument static: jit(f, static_argnames=…); or loop with lax.fori_loop.",
        )

    def __array__(self, *args, **kwargs):
        # also where the value is at hand: NumPy's result would have lost its tangent without a word
        raise _about(
            self,
            TracerArrayConversionError,
            f"NumPy, or other code outside Bevel, asked for the numbers of {self.described()}{user_line(' at {}')},\n"
            "which are not known while tracing, or would lose their derivative. Use the function of the same name in "
            "bevel.numpy;\nfor code that must run on the host: bevel.pure_callback.",
        )

    def __getattr__(self, name):
        # asked only for what is not there, or has a letter of its own that says so
        known = getattr(type(self), name, None)
        if isinstance(known, property) and known.fget is not None:
            return known.fget(self)
        if name in ("aval", "_trace"):  # not made yet
            raise AttributeError(name)
        raise AttributeError(f"an array, here a traced {self.aval.str_short()}, has no attribute {name!r}", name=name)

    def item(self, *args):
        return self.concrete("item()").item(*args)

    def tolist(self):
        return self.concrete("tolist()").tolist()

    def __jax_array__(self):
        return self

    def concrete(self, asked_by: str):
        """The value behind this tracer, where there is one (in eager grad or jvp); else the letter."""
        value = self.known_value()
        if value is not None:
            return value
        raise _about(
            self,
            ConcretizationTypeError,
            f"{asked_by} needs the value of {self.described()}{user_line(' at {}')}, which is not known while "
            "tracing.\n"
            "Keep it an array, or make the argument static: jit(f, static_argnames=…).",
        )

    def known_value(self):
        """The array behind this tracer where its value is at hand, else None."""
        return None

    def described(self) -> str:
        where = self._trace.describe(self)
        return f"{self.aval.str_short()}{' (' + where + ')' if where else ''}"

    def __repr__(self):
        return f"{type(self).__name__}<{self.aval.str_short()}>"

    def __format__(self, spec):
        return format(repr(self), spec if not spec or spec[-1] in "s" else "")

    def __reduce__(self):
        raise ConcretizationTypeError(
            f"A traced value, {self.described()}, cannot be pickled or copied deeply{user_line(' at {}')}: "
            "it has no numbers yet.\nReturn it from the traced function and save the result."
        )

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def block_until_ready(self):
        return self


def _about(tracer, error, message):
    """The error, with the tracer that it is about: jit looks which argument's value was needed."""
    made = error(message)
    made.tracer = tracer
    return made


def check_alive(tracer: Tracer):
    """Refuses a tracer whose trace has ended."""
    if not tracer._trace.alive:
        raise UnexpectedTracerError(
            f"{tracer.described()} was kept from a trace that has ended, and used{user_line(' at {}')}.\n"
            "A traced function must not leave intermediate values in globals, object attributes or outer lists:\n"
            "return the value instead. (`with bevel.checking_leaks():` stops where it happens and says who holds it.)"
        )


def out_of_place(tracer: Tracer):
    """The letter for a tracer met where its own transformation does not see it."""
    return UnexpectedTracerError(
        f"{tracer.described()} was used{user_line(' at {}')} in a place that its transformation does not see:\n"
        "a function with a derivative of its own, or the rule of one, closes over it.\n"
        "Pass the value to that function as an argument."
    )


# Which Python types may stand for an array, and how its aval is found. Arrays and tracers carry theirs in `.aval`.
aval_of_type: dict[type, Any] = {}


def get_aval(value) -> ShapedArray:
    """The aval of a tracer, array, NumPy array or Python scalar. Raises TypeError for anything else."""
    aval = getattr(value, "aval", None)  # not `try`: numbers have none, and the exception takes ten times as long
    if aval is not None:
        return aval
    for cls in type(value).__mro__:
        find = aval_of_type.get(cls)
        if find is not None:
            return find(value)
    convert = getattr(value, "__jax_array__", None)
    if convert is not None:
        return get_aval(convert())
    asked = argument_of(value, "")
    if asked.function:
        raise TypeError(
            f"{asked.function} requires ndarray or scalar arguments, got {type(value).__name__}{asked.place}"
            f"{user_line(' at {}')}.\n"
            "What is no array is converted only when asked: jnp.array(…)."
        )
    raise TypeError(
        f"A {type(value).__name__} is not an array nor a number{user_line(' at {}')}: {_short(value)}.\n"
        "Arguments and results must be arrays, numbers, or pytrees (lists, tuples, dicts…) of them;\n"
        "a Python object that steers the program is a static argument: jit(f, static_argnames=…)."
    )


def is_valid_value(value) -> bool:
    try:
        get_aval(value)
    except TypeError:
        return False
    return True


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


__all__ = ["AbstractValue", "Trace", "Tracer", "check_alive", "get_aval", "out_of_place", "set_trace", "state", "under"]

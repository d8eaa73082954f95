"""Errors of compiled programs, as values: checkify and the checks that it gathers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from bevel.api.callbacks import check_fields
from bevel.api.flat import Flat, name_of, named_after
from bevel.base.errors import (
    ConcretizationTypeError,
    DTypeError,
    ShapeError,
    TracerArrayConversionError,
    TracerIntegerConversionError,
)
from bevel.base.words import kind_of
from bevel.control.call import Jit
from bevel.core.checks import DivisionByZeroError, Entry, FailedCheckError, JaxRuntimeError, NaNError, OOBError, Site
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.source import user_frame, user_line
from bevel.core.staging import hoist_tracers, stage, stage_closed
from bevel.core.trace import Tracer, get_aval, is_valid_value, state
from bevel.core.tree_nodes import register_pytree_node_class
from bevel.engine.client import Array
from bevel.engine.pytree import flatten
from bevel.ops.checks import Check
from bevel.ops.convert import convert
from bevel.ops.logic import not_
from bevel.ops.random_bits import RandomUnwrap
from bevel.ops.shapes import as_array
from bevel.transforms.checks import Ledger, run_checked

ErrorCategory: TypeAlias = type[JaxRuntimeError]

user_checks = frozenset({FailedCheckError})
nan_checks = frozenset({NaNError})
index_checks = frozenset({OOBError})
div_checks = frozenset({DivisionByZeroError})
float_checks = nan_checks | div_checks
automatic_checks = float_checks | index_checks
all_checks = automatic_checks | user_checks


@register_pytree_node_class
class Error:
    """What went wrong first in a program that `checkify` made; a tree of arrays, which transformations go through.

    Under `vmap` it holds an error for each example.

    >>> import bevel
    >>> from bevel.experimental import checkify
    >>> def half(x):
    ...     checkify.check(x > 0, "x must be positive, is {}", x)
    ...     return x / 2
    >>> error, y = bevel.jit(checkify.checkify(half))(-3.0)
    >>> error.get()
    'x must be positive, is -3.0 (`check` failed)'
    """

    __slots__ = ("code", "entries", "values")

    def __init__(self, code=None, values=(), entries: tuple[Entry, ...] = ()):
        self.code = code  # int32, 0 where all is well; None: nothing was checked
        self.values = tuple(values)
        self.entries = entries

    def tree_flatten(self):
        return (self.code, self.values), self.entries

    @classmethod
    def tree_unflatten(cls, entries, children):
        code, values = children
        return cls(code, values, entries)

    def found(self) -> Iterator[tuple[tuple[int, ...], Site, list]]:
        """Each error: the mapped index it was found at, its site, the values its message speaks of."""
        if self.code is None:
            return
        codes = self.code.known_value() if isinstance(self.code, Tracer) else self.code
        if codes is None:
            raise ConcretizationTypeError(
                f"Error.get() and throw(){user_line(' at {}')} need a value that is not known while tracing.\n"
                "Give the error back from the compiled function and ask it there, or hand it on by check_error."
            )
        codes = np.asarray(codes)
        for index in zip(*np.nonzero(np.atleast_1d(codes)), strict=True):
            at = tuple([int(i) for i in index]) if codes.ndim else ()
            site, slots = self.entries[int(codes[at]) - 1]
            # a value that is the same for all examples has no mapped axis
            yield at, site, [_of_example(self.values[i], at) for i in slots]

    def get(self) -> str | None:
        """The message of what went wrong first, None where nothing did; a line for each example under vmap."""
        lines = [_mapped(at) + site.text(values) for at, site, values in self.found()]
        return "\n".join(lines) if lines else None

    def get_exception(self) -> JaxRuntimeError | None:
        """The error to raise, or None: the message, and the line of the program that it comes from."""
        found = list(self.found())
        if not found:
            return None
        if not found[0][0]:
            [(_, site, values)] = found
            return site.error(values)
        kind = found[0][1].kind if len({site.kind for _, site, _ in found}) == 1 else JaxRuntimeError
        lines = [_mapped(at) + site.text(values) + site.says_where(", at {}") for at, site, values in found]
        return kind("\n".join(lines))

    def throw(self) -> None:
        """Raises JaxRuntimeError with the message, where something went wrong.

        >>> import bevel
        >>> from bevel.experimental import checkify
        >>> error, y = checkify.checkify(bevel.numpy.log, errors=checkify.nan_checks)(-1.0)
        >>> try:
        ...     error.throw()
        ... except checkify.JaxRuntimeError as e:
        ...     print(str(e).splitlines()[0])
        nan generated by primitive: log.
        """
        error = self.get_exception()
        if error is not None:
            raise error

    def __repr__(self):
        if isinstance(self.code, Tracer) or not isinstance(self.code, (type(None), np.ndarray, np.generic, Array)):
            return f"Error({self.code!r}, {self.values!r})"
        return f"Error({self.get()})"


def _of_example(values, at):
    """A message's value for one example; alone it stays an array, so that a tree of them prints as one of arrays."""
    return values if not at and isinstance(values, Array) else np.asarray(values)[at]


def _mapped(at) -> str:
    return f"at mapped index {', '.join(map(str, at))}: " if at else ""


init_error = Error()


def check(pred, msg: str, *fmt_args, debug: bool = False, **fmt_kwargs) -> None:
    """Says an error where `pred` is False: raises it at once outside of compiled programs, else `checkify` gathers it.

    pred      bool[]
    msg       a format string, as `str.format` takes it, of fmt_args and fmt_kwargs: arrays, numbers, trees of them
    debug     as `debug_check`
    raises    JaxRuntimeError where it fails outside of any program; UncollectedCheckError where a program that holds it
              is compiled without `checkify`; DTypeError or ShapeError where pred is no bool[]

    >>> from bevel.experimental import checkify
    >>> checkify.check(2 > 1, "never said")
    """
    asked = "debug_check" if debug else "check"
    if not isinstance(msg, str):
        raise TypeError(f"checkify.{asked} needs a message after the condition; it was given {str(msg)[:60]}.")
    if not is_valid_value(pred):
        raise TypeError(f"checkify.{asked} takes a scalar pred; it was given {kind_of(pred)}.")
    aval = get_aval(pred)
    if aval.dtype != bool:
        raise DTypeError(f"checkify.{asked} takes a scalar pred of dtype bool; got {aval.str_short()}. Compare it.")
    if aval.shape:
        raise ShapeError(f"checkify.{asked} takes a scalar pred; got {aval.str_short()}. Use jnp.all(pred).")
    check_fields(f"checkify.{asked}", msg, fmt_args, fmt_kwargs)
    leaves, tree = flatten((fmt_args, fmt_kwargs))
    values, fixed = [], []
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, (str, bytes, bool, int, float, complex)):
            fixed.append((i, leaf))
        elif is_valid_value(leaf):
            values.append(RandomUnwrap()(leaf) if get_aval(leaf).extended else leaf)
        else:
            raise TypeError(
                f"checkify.{asked} formats arrays, numbers and strings, and trees of them; it was given "
                f"{kind_of(leaf)}: {str(leaf)[:60]}"
            )
    site = Site(FailedCheckError, msg, (tree, tuple(fixed)), _place(), debug)
    Check((Entry(site, tuple(range(len(values)))),))(_code(pred), *values)


def _place() -> str:
    frame = user_frame(3)
    if frame is None:
        return ""
    name = frame.f_code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name}:{frame.f_lineno} ({frame.f_code.co_name})"


def _code(pred):
    if isinstance(pred, (bool, np.bool_)):
        return np.int32(not pred)
    return convert(not_(pred), np.dtype("int32"))


def debug_check(pred, msg: str, *fmt_args, **fmt_kwargs) -> None:
    """As `check` where `checkify` gathers errors; does nothing elsewhere.

    >>> import bevel
    >>> from bevel.experimental import checkify
    >>> def root(x):
    ...     checkify.debug_check(x >= 0, "root of {}", x)
    ...     return bevel.numpy.sqrt(x)
    >>> print(root(-1.0), checkify.checkify(root)(-1.0)[0].get())
    nan root of -1.0 (`check` failed)
    """
    check(pred, msg, *fmt_args, debug=True, **fmt_kwargs)


def check_error(error: Error) -> None:
    """Says an error that `checkify` gathered once more: raises it, or hands it to the `checkify` around.

    >>> import bevel
    >>> from bevel.experimental import checkify
    >>> def inner(x):
    ...     checkify.check(x > 0, "must be positive")
    >>> def outer(x):
    ...     error, _ = checkify.checkify(inner)(x)
    ...     checkify.check_error(error)
    >>> bevel.jit(checkify.checkify(outer))(-1.0)[0].get()
    'must be positive (`check` failed)'
    """
    if not isinstance(error, Error):
        raise TypeError(
            f"check_error takes the Error that a checkified function gives; it was given {type(error).__name__}."
        )
    if error.code is None:
        return
    if get_aval(error.code).shape:
        if isinstance(error.code, Tracer):
            raise ShapeError(
                "check_error takes one error; it was given one for each example of a vmap. Call it inside the vmap."
            )
        error.throw()
        return
    Check(error.entries)(error.code, *error.values)


def checkify(f: Callable[..., Any], errors: frozenset = user_checks) -> Callable[..., tuple[Error, Any]]:
    """The function that gives (error, value): what went wrong first in it, beside what it gives anyway.

    f        a function of arrays and trees of them, with calls of `check`
    errors   what is checked: `user_checks`, `nan_checks`, `div_checks`, `index_checks`; `float_checks`,
             `automatic_checks`, `all_checks`, or any union of them
    gives    a function that can be compiled, mapped and differentiated as f can; loops go on after an error, with the
             values they would have had
    raises   TypeError where errors is no set of these

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.experimental import checkify
    >>> f = lambda x, i: jnp.log(x)[i]
    >>> error, y = bevel.jit(checkify.checkify(f, errors=checkify.all_checks))(jnp.array([1.0, 2.0]), 5)
    >>> error.get()
    'out-of-bounds indexing for array of shape (2,): index 5 is out of bounds for axis 0 with size 2. '
    """
    if not callable(f):
        raise TypeError(f"checkify needs a function; it was given {kind_of(f)}: {str(f)[:60]}")
    unknown = [kind for kind in errors if kind not in all_checks]
    if unknown:
        raise TypeError(
            f"checkify of {name_of(f)} cannot check for {', '.join(map(str, unknown))[:80]}.\n"
            "errors is a set as checkify.user_checks, nan_checks, div_checks or index_checks, or a union of them."
        )

    @named_after(f)
    def checked(*args, **kwargs):
        leaves, in_tree = flatten((args, kwargs))
        flat, leaves, closed, outer = _staged(f, leaves, in_tree)
        ledger = Ledger(errors, [closed])
        program, count = gathered(ledger, closed)
        results = Jit(program, name_of(f))(*outer, *leaves)
        value = flat.out_tree.unflatten([as_array(r) for r in results[count:]])
        if not ledger.entries:
            return Error(), value
        return Error(results[0], results[1:count], tuple(ledger.entries)), value

    return checked


def _staged(f, leaves, in_tree):
    """(the flat function, the leaves that its program takes, the program, what it takes of programs around).

    Numbers of Python's and NumPy's are no values of a program, and f may ask for them: `if x > 0`, `range(n)`. They are
    taken as they are where f asks, and in programs around, where they are constants anyhow. Elsewhere one program
    serves all numbers.
    """
    avals = [get_aval(x) for x in leaves]
    plain = [not isinstance(x, (Array, Tracer)) and not a.extended for x, a in zip(leaves, avals, strict=True)]

    def staged(known):
        flat = _Holding(f, in_tree, leaves, known)
        closed, outer = stage_closed(flat, [a for a, k in zip(avals, known, strict=True) if not k], name_of(f), None)
        return flat, [x for x, k in zip(leaves, known, strict=True) if not k], closed, outer

    if not state.trace.is_evaluation:
        return staged([is_plain and not a.shape for is_plain, a in zip(plain, avals, strict=True)])
    try:
        return staged([False] * len(leaves))
    except (ConcretizationTypeError, TracerIntegerConversionError, TracerArrayConversionError):
        if not any(plain):
            raise
    return staged(plain)


class _Holding(Flat):
    """A flat function that knows some of its leaves, and takes the others."""

    def __init__(self, function, in_tree, leaves, known):
        super().__init__(function, in_tree)
        self.leaves, self.known = leaves, known

    def __call__(self, *taken):
        rest = iter(taken)
        return super().__call__(*[x if k else next(rest) for x, k in zip(self.leaves, self.known, strict=True)])


def gathered(ledger: Ledger, closed: ClosedJaxpr):
    """(the program that gives the state before its results, how many values that is)."""

    def run(*args):
        state, results = run_checked(closed, ledger, ledger.start(), *args)
        return [*(state if ledger.entries else []), *results]

    jaxpr, consts = stage(run, closed.in_avals, closed.jaxpr.name)
    program, outer = hoist_tracers(jaxpr, consts)
    assert not outer, "a closed program closed over a tracer"
    return program, 1 + len(ledger.avals) if ledger.entries else 0


__all__ = [
    "Error", "ErrorCategory", "JaxRuntimeError", "all_checks", "automatic_checks", "check", "check_error", "checkify",
    "debug_check", "div_checks", "float_checks", "index_checks", "init_error", "nan_checks", "user_checks",
]  # fmt: skip

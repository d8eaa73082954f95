"""Calling Python from compiled programs: values from the host, effects on the world, looks at what is computed."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.flat import name_of
from bevel.base import dtypes, settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.base.words import kind_of
from bevel.control.callbacks import (
    VMAP_METHODS,
    DebugCallback,
    DebugPrint,
    FlatCallback,
    Held,
    HostFunction,
    IoCallback,
    PureCallback,
    to_array,
)
from bevel.core import effects
from bevel.core.source import user_line
from bevel.core.trace import get_aval, is_valid_value, state
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.pytree import flatten


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    vmap_method: str | None = None,
    **kwargs: Any,
):
    """Calls a Python function from inside a compiled program, for its results alone.

    callback             a function without side effects, called with arrays; it may be called any number of times, and
                         not at all where nobody needs its results
    result_shape_dtypes  what it gives: a tree of things with shape and dtype (arrays, ShapeDtypeStruct)
    vmap_method          how vmap maps it: "sequential" (once for each example; "sequential_unrolled" likewise),
                         "expand_dims" (once, mapped axes in front, size 1 where an argument is not mapped),
                         "broadcast_all" (once, mapped axes in front of every argument), "legacy_vectorized" (once,
                         arguments that are not mapped as they are); None: vmap refuses. In `shard_map` and `pmap` it
                         is called for each device's part, whatever is said here
    gives                arrays of the shapes and dtypes declared
    raises               whatever the function raises, as it is; ShapeError or DTypeError where it gives something else
                         than declared; CallbackError under derivatives (write a custom_jvp around it)

    >>> import bevel, numpy as np
    >>> x = np.float32(0.5)
    >>> root = bevel.jit(lambda x: bevel.pure_callback(lambda x: np.sqrt(x + 3.5), x, x))
    >>> print(root(x))
    2.0
    """
    if vmap_method is not None and vmap_method not in VMAP_METHODS:
        raise ValueError(
            f"pure_callback has no vmap_method {vmap_method!r}; it has {', '.join(map(repr, VMAP_METHODS))}, or None."
        )
    flat, leaves, avals, out_tree = _prepared("pure_callback", callback, result_shape_dtypes, args, kwargs)
    return out_tree.unflatten(PureCallback(flat, avals, sharding, vmap_method, state.mesh_axes)(*leaves))


def io_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    ordered: bool = False,
    **kwargs: Any,
):
    """Calls a Python function with side effects from inside a program: once, also where its results are unused.

    callback, result_shape_dtypes   as for `pure_callback`; None declares no results
    ordered   the calls happen in program order, also those of several functions and programs
    raises    whatever the function raises; CallbackError under derivatives, and for ordered ones under vmap

    >>> import bevel, numpy as np
    >>> from bevel.experimental import io_callback
    >>> seen = []
    >>> log = bevel.jit(lambda x: io_callback(lambda x: seen.append(float(x)), None, x * 2, ordered=True))
    >>> log(3.0)
    >>> seen
    [6.0]
    """
    flat, leaves, avals, out_tree = _prepared("io_callback", callback, result_shape_dtypes, args, kwargs)
    return out_tree.unflatten(IoCallback(flat, avals, sharding, ordered, state.mesh_axes)(*leaves))


def _prepared(what, callback, result_shape_dtypes, args, kwargs):
    if not callable(callback):
        raise TypeError(f"{what} needs a function; it was given {kind_of(callback)}.")
    shapes, out_tree = flatten(result_shape_dtypes)
    avals = tuple([_declared(what, callback, s) for s in shapes])
    leaves, in_tree = flatten((args, kwargs))
    return (
        FlatCallback(callback, in_tree, name_of(callback), _Check(out_tree, name_of(callback))),
        leaves,
        avals,
        out_tree,
    )


def _declared(what, callback, struct):
    try:
        shape, dtype = tuple(struct.shape), dtypes.as_dtype(struct.dtype)
    except AttributeError:
        aval = get_aval(struct)
        return aval.strip_weak_type()
    if dtypes.issubdtype(dtype, dtypes.extended):
        raise DTypeError(
            f"{what} of {name_of(callback)} declares a result of dtype {dtype.name}; callbacks give arrays of numbers."
            "\nDeclare the words of the keys, uint32, and make keys of them: bevel.random.wrap_key_data(words)."
        )
    if not settings.enable_x64.value and dtypes.canonicalize_dtype(dtype) != dtype:
        raise ValueError(
            f"{what} of {name_of(callback)} declares a result of dtype {dtype.name}, which there is only with "
            f"jax_enable_x64.\nDeclare {dtypes.canonicalize_dtype(dtype).name}, or switch x64 on."
        )
    return ShapedArray(shape, dtype)


class _Check:
    """What a callback gave, as a flat list, checked to be of the tree declared."""

    __slots__ = ("name", "out_tree")

    def __init__(self, out_tree, name):
        self.out_tree = out_tree
        self.name = name

    def __call__(self, result):
        leaves, tree = flatten(result)
        if tree != self.out_tree:
            raise ShapeError(
                f"The callback {self.name} gave another structure than declared for it.\n"
                + describe_mismatch(self.out_tree, tree, "declared", "given")
            )
        return [np.asarray(leaf) for leaf in leaves]

    def __eq__(self, other):
        return isinstance(other, _Check) and self.out_tree == other.out_tree

    def __hash__(self):
        return hash(self.out_tree)


def effects_barrier():
    """Waits until the effects of all programs called so far have happened.

    A call of a program that calls Python ends when its callbacks have, so this thread has nothing to wait for; the
    function is here for programs that ask.

    >>> import bevel
    >>> bevel.effects_barrier()
    """


# ---- looking


def debug_callback(
    callback: Callable[..., None] | None = None,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    **kwargs: Any,
) -> Callable[..., Any] | None:
    """Calls a Python function for a look at values, also inside compiled programs; what it returns is dropped.

    Under derivatives it sees the values, under vmap it is called for one example after another. Calls of one program
    happen in program order; `ordered` keeps that promise also where JAX would not.
    Without arguments it gives a decorator's like: `callback(ordered=True)(f, x)`.

    >>> import bevel
    >>> from bevel import debug
    >>> seen = []
    >>> slope = bevel.grad(lambda x: (debug.callback(seen.append, x), x * x)[1])(3.0)
    >>> seen
    [Array(3., dtype=float32)]
    """
    if callback is None:
        return functools.partial(debug_callback, ordered=ordered, partitioned=partitioned, **kwargs)
    if not callable(callback):
        raise TypeError(f"debug.callback needs a function first; it was given {kind_of(callback)}.")
    leaves, in_tree = flatten((args, kwargs))
    operands, fixed = _parted(leaves, numbers=True)
    name = name_of(callback)

    def look(*arrays):
        given = iter(arrays)
        held = [fixed[i] if i in fixed else to_array(next(given)) for i in range(len(leaves))]
        args, kwargs = in_tree.unflatten(held)
        callback(*args, **kwargs)
        return ()

    effect = effects.ORDERED_DEBUG if ordered else effects.DEBUG
    DebugCallback(HostFunction(look, name), effect, partitioned)(*operands)
    return None


def debug_assert(condition: Any, message: str = "", *args: Any, **kwargs: Any) -> None:
    """Raises AssertionError where the condition is False, also from inside of a compiled program.

    condition   bool[...], all of which must hold
    message     formatted with the values of args and kwargs, as by str.format

    The error comes with the call, or where its result is waited for. Where a program should go on and give the error
    as a value, it is `checkify.check`.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import debug
    >>> @bevel.jit
    ... def root(x):
    ...     debug.assert_(x >= 0, "the root of {}", x)
    ...     return jnp.sqrt(x)
    >>> print(root(4.0))
    2.0
    """
    place = user_line(" at {}")

    def look(holds, *args, **kwargs):
        if not np.all(holds):
            raise AssertionError(f"{str(message).format(*args, **kwargs) or 'a condition is False'}{place}")

    debug_callback(look, condition, *args, **kwargs)


def _parted(leaves, numbers):
    """(arrays, the leaves that stay Python objects by position). `numbers`: do Python numbers count as arrays?"""
    operands, fixed = [], {}
    for i, leaf in enumerate(leaves):
        if not is_valid_value(leaf) or (not numbers and isinstance(leaf, (bool, int, float, complex))):
            fixed[i] = leaf
        else:
            operands.append(leaf)
    return operands, fixed


class _Fields(string.Formatter):
    """Looks which arguments a format string uses; a letter where one is missing or left over."""

    def __init__(self):
        self.used = set()
        self.count = 0

    def get_value(self, key, args, kwargs):
        self.used.add(key)
        return super().get_value(key, args, kwargs)

    def format_field(self, value, format_spec):
        return ""

    def convert_field(self, value, conversion):
        return value

    def get_field(self, field_name, args, kwargs):
        import _string  # type: ignore[import-not-found]  # the standard library's own parser of field names, as string.Formatter uses it

        first, _ = _string.formatter_field_name_split(field_name)
        return self.get_value(first, args, kwargs), first


def check_fields(asked, fmt, args, kwargs):
    """Refuses a format string whose placeholders have no arguments; gives those that have."""
    fields = _Fields()
    try:
        fields.vformat(fmt, args, kwargs)
    except IndexError:
        raise IndexError(
            f"{asked}({fmt!r}, …) has more placeholders than arguments: it was given {len(args)} by position."
        ) from None
    except KeyError as error:
        raise KeyError(
            f"{asked}({fmt!r}, …) has a placeholder {{{error.args[0]}}}, but was given no argument of that name."
        ) from None
    return fields.used


def _check_format(fmt, args, kwargs):
    used = check_fields("debug.print", fmt, args, kwargs)
    unused = [a for i, a in enumerate(args) if i not in used]
    if unused:
        raise ValueError(
            f"debug.print({fmt!r}, …) leaves {len(unused)} argument{'s' * (len(unused) != 1)} unused: "
            f"{', '.join([str(a)[:40] for a in unused])}.\nWrite a placeholder {{}} for each."
        )
    names = [k for k in kwargs if k not in used]
    if names:
        raise ValueError(
            f"debug.print({fmt!r}, …) leaves {', '.join(names)} unused.\nWrite {{{names[0]}}} in the format. Perhaps "
            "it is an f-string, which Python fills in too early: leave out the f."
        )


def debug_print(
    fmt: str | None = None,
    *args,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    _use_logging: bool = False,
    **kwargs,
) -> Callable[..., Any] | None:
    """Prints values, also inside compiled programs, when they are known.

    fmt       a format string as `str.format` takes it: `"{} {loss:.3f}"`; not an f-string
    args, kwargs   what fills it: arrays, numbers, trees of them, or any Python objects
    ordered   lines come in program order also between programs; within one program they do anyway
    raises    ValueError, IndexError or KeyError where arguments and placeholders do not match

    >>> import bevel
    >>> from bevel import debug
    >>> @bevel.jit
    ... def step(x):
    ...     debug.print("x = {x:.2f}, shape {}", x.shape, x=x)
    ...     return x + 1
    >>> y = step(1.5)
    x = 1.50, shape ()
    """
    if fmt is None:
        return functools.partial(
            debug_print,
            ordered=ordered,
            partitioned=partitioned,
            skip_format_check=skip_format_check,
            _use_logging=_use_logging,
            **kwargs,
        )
    if not isinstance(fmt, str):
        raise TypeError(
            f'debug.print needs a format string first, as debug.print("{{}}", x); it was given {str(fmt)[:60]}.'
        )
    if not skip_format_check:
        _check_format(fmt, args, kwargs)
    leaves, in_tree = flatten((args, kwargs))
    operands, fixed = _parted(leaves, numbers=False)
    static = tuple([(i, Held(v)) for i, v in fixed.items()])
    options = tuple([(k, _frozen(v)) for k, v in np.get_printoptions().items()])
    record = _logger() if _use_logging else None
    placeholders = bool(args or kwargs)
    DebugPrint(fmt, ordered, partitioned, in_tree, static, options, placeholders, record)(*operands)
    return None


def debug_log(
    fmt: str | None = None,
    *args,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    _use_logging: bool = True,
    **kwargs,
) -> Callable[..., Any] | None:
    """As `debug_print`, through the logger `bevel.debug` at level INFO."""
    return debug_print(
        fmt, *args, ordered=ordered, partitioned=partitioned, skip_format_check=skip_format_check,
        _use_logging=_use_logging, **kwargs,
    )  # fmt: skip


def _logger():
    import logging  # here, since a program that logs nothing need not load it

    return logging.getLogger("bevel.debug").info


def _frozen(value):
    return tuple(sorted(value.items())) if isinstance(value, dict) else value

"""cond and switch: one of several functions of trees, chosen while the program runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bevel.api.flat import signature_of
from bevel.api.staged import found, must_be_callable, staged_function, words
from bevel.base import dtypes, settings
from bevel.base.errors import BevelError
from bevel.base.words import kind_of
from bevel.control.branches import Cond, PlatformIndex
from bevel.core.jaxpr import ClosedJaxpr, Var
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_paths import keystr
from bevel.engine.client import default_device, platform_of
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.ops.arithmetic import Clamp
from bevel.ops.convert import convert
from bevel.ops.logic import ne

_MISSING = object()
_INT32 = np.dtype("int32")
_BOOL = np.dtype(bool)


class BranchError(BevelError, TypeError):
    """The branches of cond or switch give results of unlike trees, shapes or dtypes.

    Fails: `lax.cond(p, lambda: 1, lambda: 2.5)`. Mended: `lax.cond(p, lambda: 1.0, lambda: 2.5)`.
    """


def cond(pred: Any, true_fun: Callable, false_fun: Callable, *operands: Any, operand: Any = _MISSING) -> Any:
    """`true_fun(*operands)` where pred holds, else `false_fun(*operands)`; only that one runs.

    pred       bool[] or number[] (true unless zero), known or traced
    operands   trees of arrays, given to the chosen function; the functions may also close over arrays
    operand    the one operand, by keyword; None means none
    gives      what the chosen function gives. Both are traced, and must give one tree of one shape and dtype each.
    raises     BranchError where they don't. Under vmap with a pred that differs between examples both run, and each
               example selects. Also takes JAX's old form cond(pred, true_operand, true_fun, false_operand, false_fun).

    >>> import bevel
    >>> from bevel.lax import cond
    >>> print(cond(3 > 2, lambda x: x * 2, lambda x: x / 2, 5.0))
    10.0
    """
    if not (callable(true_fun) and callable(false_fun)) and len(operands) == 2 and operand is _MISSING:
        # cond(pred, true_operand, true_fun, false_operand, false_fun)
        first, on_true, second, on_false = true_fun, false_fun, *operands
        if callable(on_true) and callable(on_false):
            return cond(pred, lambda a, b: on_true(a), lambda a, b: on_false(b), first, second)
    must_be_callable("cond", true_fun=true_fun, false_fun=false_fun)
    if operand is not _MISSING:
        if operands:
            raise TypeError("cond was given operands both by position and as operand=. Give them by position.")
        operands = () if operand is None and not _takes_one(true_fun) else (operand,)
    index = _index_of_predicate(pred)
    if settings.disable_jit.value and not isinstance(index, Tracer):
        return true_fun(*operands) if index else false_fun(*operands)
    return _branch("cond", index, (false_fun, true_fun), operands, ("false_fun", "true_fun"))


def _takes_one(function):
    """cond(…, operand=None) hands None to functions of one argument."""
    signature = signature_of(function)
    return signature is None or len(signature.parameters) > 0


def _index_of_predicate(pred):
    """0 or 1, int32."""
    if pred is None:
        raise TypeError(
            f"cond was given None as its predicate{user_line(' at {}')}; it needs a bool or a number of rank 0."
        )
    try:
        aval = get_aval(pred)
    except TypeError:
        raise TypeError(
            f"cond needs a bool or a number of rank 0 as predicate; it was given {kind_of(pred)}: {str(pred)[:60]}"
        ) from None
    if aval.shape:
        raise TypeError(
            f"cond needs a predicate of rank 0; it was given {words(aval)}{user_line(' at {}')}.\n"
            "To choose element by element, use jnp.where; for each example, vmap the function that calls cond."
        )
    if aval.extended or dtypes.issubdtype(aval.dtype, np.complexfloating):
        raise TypeError(f"cond needs a bool or a real number as predicate; it was given {words(aval)}.")
    if type(pred) in (bool, int, float) or isinstance(pred, (np.generic, np.ndarray)):
        return np.int32(bool(pred))
    return convert(pred if aval.dtype == _BOOL else ne(pred, _zero(aval)), _INT32)


def _zero(aval):
    return np.zeros((), aval.dtype)[()]


def switch(index: Any, branches: Sequence[Callable], *operands: Any, operand: Any = _MISSING) -> Any:
    """`branches[index](*operands)`; only that branch runs. An index out of range is moved to the nearest end.

    index      integer[], known or traced
    branches   functions of the operands, which must give one tree of one shape and dtype each
    raises     BranchError where they don't, TypeError for an index that is not an integer of rank 0

    >>> import bevel
    >>> from bevel.lax import switch
    >>> print(switch(1, [lambda x: x, lambda x: x * 10], 3))
    30
    """
    branches = tuple(branches) if not callable(branches) else (branches,)
    for number, branch in enumerate(branches):
        must_be_callable("switch", **{f"branches[{number}]": branch})
    try:
        aval = get_aval(index)
    except TypeError:
        raise TypeError(f"switch needs an integer of rank 0 as index; it was given {str(index)[:60]}.") from None
    if aval.shape or not dtypes.issubdtype(aval.dtype, np.integer):
        raise TypeError(
            f"switch needs an integer of rank 0 as index; it was given {words(aval)}{user_line(' at {}')}.\n"
            "For a bool use cond; a float: index.astype('int32'); one index for each example: vmap."
        )
    if not branches:
        raise ValueError("switch was given no branches.")
    if operand is not _MISSING:
        if operands:
            raise TypeError("switch was given operands both by position and as operand=. Give them by position.")
        operands = () if operand is None and not _takes_one(branches[0]) else (operand,)
    if len(branches) == 1:
        return branches[0](*operands)
    last = len(branches) - 1
    if type(index) is int or isinstance(index, (np.generic, np.ndarray)):
        index = np.int32(min(max(int(index), 0), last))
    else:
        index = Clamp()(np.int32(0), convert(index, _INT32), np.int32(last))
    if settings.disable_jit.value and not isinstance(index, Tracer):
        return branches[int(index)](*operands)
    return _branch("switch", index, branches, operands, [f"branches[{i}]" for i in range(len(branches))])


def platform_dependent(*args: Any, default: Callable | None = None, **per_platform: Callable) -> Any:
    """One of several functions, chosen by the platform that the program is compiled for.

    per_platform   functions of the arguments by platform: cpu=, tpu=, cuda=, rocm=, gpu= (either)
    default        for every other platform
    raises         BranchError where their results differ in tree, shape or dtype; PlatformError where none fits

    Each is traced; only the one that is chosen is compiled.

    >>> import bevel.numpy as jnp
    >>> from bevel import lax
    >>> print(lax.platform_dependent(4.0, tpu=jnp.square, default=jnp.sqrt))
    2.0
    """
    groups: list[tuple[str, ...] | None] = [(name,) for name in per_platform]
    functions = list(per_platform.values())
    names = [f"{name}=" for name in per_platform]
    if default is not None:
        groups.append(None)
        functions.append(default)
        names.append("default")
    for name, function in zip(names, functions, strict=True):
        must_be_callable("platform_dependent", **{name.rstrip("="): function})
    if not functions:
        raise ValueError("platform_dependent was given no function: give one for each platform, or a default.")
    which = PlatformIndex(tuple(groups))
    if state.trace.is_evaluation:
        return functions[which.number(platform_of(default_device()))](*args)
    index = which()
    return _branch("platform_dependent", index, tuple(functions), args, names)


def _branch(what, index, functions, operands, names):
    leaves, tree = flatten(operands)
    avals = tuple([get_aval(x) for x in leaves])
    op, consts, out_tree = found(
        functions, (what, tree, avals), lambda: _staged_branches(what, functions, tree, avals, names)
    )
    return out_tree.unflatten(op(index, *consts, *leaves))


def _staged_branches(what, functions, tree, avals, names):
    staged: dict[int, Any] = {}  # a function that stands for several branches is traced once
    for f in functions:
        if id(f) not in staged:
            staged[id(f)] = staged_function(what, f, _counted(tree), tree, avals)
    parts = [staged[id(f)] for f in functions]
    first = parts[-1] if what == "cond" else parts[0]
    said = names[-1] if what == "cond" else names[0]
    for part, name in zip(parts, names, strict=True):
        _check_branches(what, first, part, said, name, functions)
    consts, places = [], {}
    for part in reversed(parts) if what == "cond" else parts:
        for c in part.consts:
            if id(c) not in places:
                places[id(c)] = len(consts)
                consts.append(c)
    const_avals = [get_aval(c) for c in consts]
    programs = []
    for part in parts:
        jaxpr = part.closed.jaxpr
        count = len(part.consts)
        own = {places[id(c)]: v for c, v in zip(part.consts, jaxpr.invars, strict=False)}
        leading = [own[i] if i in own else Var(a) for i, a in enumerate(const_avals)]
        programs.append(ClosedJaxpr(jaxpr.replace(invars=[*leading, *jaxpr.invars[count:]], arg_names=None)))
    value = (Cond(tuple(programs)), consts, first.out_tree)
    return value, all(part.may_keep for part in parts)


def _counted(tree):
    count = len(tree.children())
    return f"{count} operand{'s' * (count != 1)}"


def _check_branches(what, first, other, first_name, other_name, functions):
    if first.out_tree != other.out_tree:
        lines = describe_mismatch(first.out_tree, other.out_tree, first_name, other_name, root="result")
        raise BranchError(f"The branches of {what} must give one tree of results{user_line(' at {}')}.\n{lines}")
    a, b = first.closed.out_avals, other.closed.out_avals
    wrong = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if (x.shape, x.dtype) != (y.shape, y.dtype)]
    if not wrong:
        return
    paths = [keystr(p) for p, _ in flatten_with_path(first.out_tree.unflatten(range(len(a))))[0]]
    lines = [
        f"  result{paths[i]}: {first_name} gives {words(a[i])}, {other_name} gives {words(b[i])}" for i in wrong[:4]
    ]
    if len(wrong) > 4:
        lines.append(f"  and {len(wrong) - 4} more")
    i = wrong[0]
    shapes = a[i].shape != b[i].shape
    way = (
        "Make the shapes agree, such as by broadcasting one."
        if shapes
        else "Convert one, such as with x.astype(…); or write 1.0 for 1."
    )
    raise BranchError(
        f"The branches of {what} must give results of one shape and dtype{user_line(' at {}')}.\n"
        + "\n".join(lines)
        + f"\n{way}"
    )

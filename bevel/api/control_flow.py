"""Control flow inside programs: cond, switch, while_loop, fori_loop, scan, map and associative_scan, of trees."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bevel.api.flat import name_of, signature_of
from bevel.api.vmap import vmap
from bevel.base import dtypes, settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError, CarryError, DTypeError, ShapeError, TreeError
from bevel.control.branches import Cond
from bevel.control.call import Jit
from bevel.control.loops import While, reordered
from bevel.control.scan import Scan
from bevel.core.jaxpr import ClosedJaxpr, Var, closed_without_consts
from bevel.core.source import user_line
from bevel.core.staging import stage
from bevel.core.trace import Tracer, get_aval, state
from bevel.core.tree import keystr
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.client import Array
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.ops.arithmetic import Clamp, add
from bevel.ops.convert import Copy, convert
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.logic import lt, ne, or_
from bevel.ops.shapes import Rev, reshape

_MISSING = object()
_INT32 = np.dtype("int32")
_BOOL = np.dtype(bool)


class ScanLengthError(ShapeError, ValueError):
    """scan cannot tell how many steps to take: xs of unlike lengths, of none, or at odds with `length`.

    Fails: `lax.scan(f, 0.0, (jnp.ones(3), jnp.ones(2)))`. Mended: cut the xs to one length.
    """


class BranchError(BevelError, TypeError):
    """The branches of cond or switch give results of unlike trees, shapes or dtypes.

    Fails: `lax.cond(p, lambda: 1, lambda: 2.5)`. Mended: `lax.cond(p, lambda: 1.0, lambda: 2.5)`.
    """


# ---- programs of functions, kept as long as the function lives


class _Kept:
    """What was made of functions, found by their identity, the tree and avals of their arguments and the settings.

    As in JAX, a function given again is not traced again: what it closes over is what it was at the first time.
    """

    def __init__(self):
        self.of_function: dict[int, tuple[weakref.ref, dict]] = {}

    def table(self, function) -> dict | None:
        """What is kept for one function; None where it cannot be watched."""
        number = id(function)
        found = self.of_function.get(number)
        if found is not None and found[0]() is function:
            return found[1]
        try:
            watched = weakref.ref(function, lambda _: self.of_function.pop(number, None))
        except TypeError:
            return None
        table: dict = {}
        self.of_function[number] = (watched, table)
        return table


_kept = _Kept()


def _found(functions, key, make):
    """`make()` → (value, may it be kept), kept on the first function under the others and `key`."""
    table = _kept.table(functions[0])
    if table is None:
        return make()[0]
    # Other functions are told apart by identity, and held so that the identity stays theirs.
    key = (key, tuple([id(f) for f in functions[1:]]), settings.trace_key(), state.axes)
    found = table.get(key)
    if found is not None and all([a() is b for a, b in zip(found[1], functions[1:], strict=True)]):
        return found[0]
    value, may_keep = make()
    if may_keep:
        try:
            table[key] = (value, [weakref.ref(f) for f in functions[1:]])
        except TypeError:
            pass
    return value


class _Staged:
    """A function's program: constants (arrays and outer tracers that it closes over) first, then its arguments."""

    __slots__ = ("closed", "consts", "out_tree")

    def __init__(self, run, avals, name):
        """run(*tracers) → (flat results, their tree)."""
        trees = []

        def flat(*leaves):
            results, tree = run(*leaves)
            trees.append(tree)
            return results

        jaxpr, consts = stage(flat, avals, name)
        self.closed = closed_without_consts(jaxpr)
        self.consts = consts
        self.out_tree = trees[0]

    @property
    def may_keep(self):
        """Not where it closes over values of a trace that will end."""
        return not any([isinstance(c, Tracer) for c in self.consts])


def _staged(function, tree, avals, name=None) -> _Staged:
    """`function(*args)` of a tree of arguments."""

    def run(*leaves):
        return flatten(function(*tree.unflatten(leaves)))

    return _Staged(run, avals, name or name_of(function))


def _as_array(x):
    """A value that goes out as it came in, as an array."""
    return x if isinstance(x, (Array, Tracer)) else Copy()(x)


def _must_be_callable(what, **functions):
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(
                f"{what} needs a function as {name}; it was given a {type(function).__name__}: {str(function)[:60]}"
            )


# ---- carries


def _check_carry(what, function, carry_tree, avals, out_tree, out_avals, rest=""):
    """The letter where a body's carry differs from the one it was given."""
    name = name_of(function)
    if out_tree != carry_tree:
        lines = describe_mismatch(carry_tree, out_tree, "the carry it was given", "the one it returned")
        raise CarryError(
            f"{what}: the body {name} must return a carry of the tree it was given{user_line(' at {}')}.\n{lines}{rest}"
        )
    wrong = [i for i, (a, b) in enumerate(zip(avals, out_avals, strict=True)) if (a.shape, a.dtype) != (b.shape, b.dtype)]
    if not wrong:
        return
    paths = [p for p, _ in flatten_with_path(carry_tree.unflatten(range(len(avals))))[0]]
    lines = [
        f"  carry{keystr(paths[i])} went in as {_words(avals[i])} and came out as {_words(out_avals[i])}"
        for i in wrong[:4]
    ]
    if len(wrong) > 4:
        lines.append(f"  and {len(wrong) - 4} more")
    i = wrong[0]
    if avals[i].shape != out_avals[i].shape:
        way = "Start from a carry of the shape that the body returns, or reduce inside the body."
    elif not avals[i].shape and dtypes.issubdtype(avals[i].dtype, np.integer) and dtypes.issubdtype(out_avals[i].dtype, np.floating):
        way = "Start from a float, such as 0.0 instead of 0; or convert what the body returns."
    else:
        way = f"Start from .astype({out_avals[i].dtype.name!r}), or convert what the body returns to {avals[i].dtype.name}."
    raise CarryError(
        f"{what}: the body {name} must return a carry of the shapes and dtypes it was given{user_line(' at {}')}.\n"
        + "\n".join(lines)
        + f"\n{way}"
    )


def _words(aval):
    return aval.str_short(short_dtypes=False)


def _promoted(avals, out_avals):
    """The carry's avals with weakly typed ones in the dtype that the body gives them: (avals, whether any changed).

    A carry that starts from a Python number takes the dtype that the loop computes with, as in `x + 1.5` with x = 0.
    """
    promoted = [
        ShapedArray(a.shape, dtypes.lattice_result([(a.dtype, True), (b.dtype, b.weak_type)])[0])
        if a.weak_type and a.dtype != b.dtype
        else a
        for a, b in zip(avals, out_avals, strict=True)
    ]
    return promoted, promoted != list(avals)


def _converted(leaves, avals):
    """Leaves in the dtypes of avals, where those differ."""
    return [
        x if (own := get_aval(x)).dtype == a.dtype and own.weak_type == a.weak_type else _cast(x, a)
        for x, a in zip(leaves, avals, strict=True)
    ]


def _cast(x, aval):
    if type(x) in (bool, int, float, complex):
        return np.asarray(x, aval.dtype)[()]
    return convert(x, aval.dtype, aval.weak_type)


# ---- cond and switch


def cond(pred: Any, true_fun: Callable, false_fun: Callable, *operands: Any, operand: Any = _MISSING) -> Any:
    """`true_fun(*operands)` where pred holds, else `false_fun(*operands)`; only that one runs.

    pred       bool[] or number[] (true unless zero), known or traced
    operands   trees of arrays, given to the chosen function; the functions may also close over arrays
    operand    the one operand, by keyword; None means none
    gives      what the chosen function gives. Both are traced, and must give one tree of one shape and dtype each.
    raises     BranchError where they don't. Under vmap with a pred that differs between examples both run, and each
               example selects. Also takes JAX's old form cond(pred, true_operand, true_fun, false_operand, false_fun).

    >>> import bevel
    >>> from bevel.api.control_flow import cond
    >>> print(cond(3 > 2, lambda x: x * 2, lambda x: x / 2, 5.0))
    10.0
    """
    if not (callable(true_fun) and callable(false_fun)) and len(operands) == 2 and operand is _MISSING:
        # cond(pred, true_operand, true_fun, false_operand, false_fun)
        first, on_true, second, on_false = true_fun, false_fun, *operands
        if callable(on_true) and callable(on_false):
            return cond(pred, lambda a, b: on_true(a), lambda a, b: on_false(b), first, second)
    _must_be_callable("cond", true_fun=true_fun, false_fun=false_fun)
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
        raise TypeError(f"cond was given None as its predicate{user_line(' at {}')}; it needs a bool or a number of rank 0.")
    try:
        aval = get_aval(pred)
    except TypeError:
        raise TypeError(
            f"cond needs a bool or a number of rank 0 as predicate; it was given a {type(pred).__name__}: {str(pred)[:60]}"
        ) from None
    if aval.shape:
        raise TypeError(
            f"cond needs a predicate of rank 0; it was given {_words(aval)}{user_line(' at {}')}.\n"
            "To choose element by element, use jnp.where; to choose for each example, vmap the function that calls cond."
        )
    if aval.extended or dtypes.issubdtype(aval.dtype, np.complexfloating):
        raise TypeError(f"cond needs a bool or a real number as predicate; it was given {_words(aval)}.")
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
    >>> from bevel.api.control_flow import switch
    >>> print(switch(1, [lambda x: x, lambda x: x * 10], 3))
    30
    """
    branches = tuple(branches) if not callable(branches) else (branches,)
    for number, branch in enumerate(branches):
        _must_be_callable("switch", **{f"branches[{number}]": branch})
    try:
        aval = get_aval(index)
    except TypeError:
        raise TypeError(f"switch needs an integer of rank 0 as index; it was given {str(index)[:60]}.") from None
    if aval.shape or not dtypes.issubdtype(aval.dtype, np.integer):
        raise TypeError(
            f"switch needs an integer of rank 0 as index; it was given {_words(aval)}{user_line(' at {}')}.\n"
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


def _branch(what, index, functions, operands, names):
    leaves, tree = flatten(operands)
    avals = tuple([get_aval(x) for x in leaves])
    op, consts, out_tree = _found(
        functions, (what, tree, avals), lambda: _staged_branches(what, functions, tree, avals, names)
    )
    return out_tree.unflatten(op(index, *consts, *leaves))


def _staged_branches(what, functions, tree, avals, names):
    parts = [_staged(f, tree, avals) for f in functions]
    first = parts[-1] if what == "cond" else parts[0]
    said = names[-1] if what == "cond" else names[0]
    for part, name in zip(parts, names, strict=True):
        _check_branches(what, first, part, said, name, functions)
    consts, places = [], {}
    for part in parts:
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
    return value, all([part.may_keep for part in parts])


def _check_branches(what, first, other, first_name, other_name, functions):
    if first.out_tree != other.out_tree:
        lines = describe_mismatch(first.out_tree, other.out_tree, first_name, other_name)
        raise BranchError(f"The branches of {what} must give one tree of results{user_line(' at {}')}.\n{lines}")
    a, b = first.closed.out_avals, other.closed.out_avals
    wrong = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if (x.shape, x.dtype) != (y.shape, y.dtype)]
    if not wrong:
        return
    paths = [keystr(p) for p, _ in flatten_with_path(first.out_tree.unflatten(range(len(a))))[0]]
    lines = [
        f"  result{paths[i]}: {first_name} gives {_words(a[i])}, {other_name} gives {_words(b[i])}" for i in wrong[:4]
    ]
    if len(wrong) > 4:
        lines.append(f"  and {len(wrong) - 4} more")
    i = wrong[0]
    shapes = a[i].shape != b[i].shape
    way = "Make the shapes agree, such as by broadcasting one." if shapes else "Convert one, such as with x.astype(…); or write 1.0 for 1."
    raise BranchError(
        f"The branches of {what} must give results of one shape and dtype{user_line(' at {}')}.\n"
        + "\n".join(lines)
        + f"\n{way}"
    )


# ---- while_loop and fori_loop


def while_loop(cond_fun: Callable, body_fun: Callable, init_val: Any) -> Any:
    """`while cond_fun(val): val = body_fun(val)`, compiled: its number of steps may depend on values.

    cond_fun   val → bool[]
    body_fun   val → a tree like val, of the same shapes and dtypes
    init_val   tree of arrays; a Python number takes the dtype that the loop computes with
    raises     CarryError where the body returns something else. It has forward derivatives; reverse mode, which would
               have to keep every step, raises ReverseThroughWhileError: use `scan`, or `fori_loop` with known bounds.

    >>> import bevel
    >>> from bevel.api.control_flow import while_loop
    >>> print(while_loop(lambda x: x < 100, lambda x: x * 2, 1))
    128
    """
    _must_be_callable("while_loop", cond_fun=cond_fun, body_fun=body_fun)
    leaves, tree = flatten(init_val)
    if settings.disable_jit.value and not any([isinstance(x, Tracer) for x in leaves]):
        value = init_val
        while bool(cond_fun(value)):
            value = body_fun(value)
        return value
    avals = tuple([get_aval(x) for x in leaves])
    op, consts, started = _found(
        (body_fun, cond_fun), ("while", tree, avals), lambda: _staged_while(cond_fun, body_fun, tree, avals)
    )
    return tree.unflatten(op(*consts, *_converted(leaves, started)))


def _staged_while(cond_fun, body_fun, tree, avals):
    avals = list(avals)
    in_tree = flatten((tree.unflatten(avals),))[1]
    body = _staged(body_fun, in_tree, avals)
    if body.out_tree == tree:
        while True:
            avals, changed = _promoted(avals, body.closed.out_avals)
            if not changed:
                break
            body = _staged(body_fun, in_tree, avals)
    _check_carry("while_loop", body_fun, tree, avals, body.out_tree, body.closed.out_avals)
    condition = _staged(cond_fun, in_tree, avals)
    outs = condition.closed.out_avals
    if condition.out_tree.num_nodes != 1 or len(outs) != 1 or outs[0].shape or outs[0].dtype != _BOOL:
        given = _words(outs[0]) if len(outs) == 1 and condition.out_tree.num_nodes == 1 else str(condition.out_tree)
        raise TypeError(
            f"while_loop: the condition {name_of(cond_fun)} must return bool[], one truth value; it gave "
            f"{given.removeprefix('PyTreeDef')}{user_line(' at {}')}.\n"
            "Reduce it with jnp.any or jnp.all, and compare numbers: x != 0."
        )
    op = While(condition.closed, len(condition.consts), body.closed, len(body.consts))
    value = (op, [*condition.consts, *body.consts], avals)
    return value, body.may_keep and condition.may_keep


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any, *, unroll: int | bool | None = None) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`, compiled.

    lower, upper   integer[]. Where both are known, the loop has derivatives in both modes (it is a `scan`); where one
                   is traced, forward mode only (it is a `while_loop`).
    body_fun       (i, val) → a tree like val, of the same shapes and dtypes
    unroll         how many steps one step of the compiled loop takes; True for all; needs known bounds
    raises         CarryError where the body returns something else than it was given

    >>> import bevel
    >>> from bevel.api.control_flow import fori_loop
    >>> print(fori_loop(0, 5, lambda i, total: total + i, 0))
    10
    """
    _must_be_callable("fori_loop", body_fun=body_fun)
    bounds = [_bound("lower", lower), _bound("upper", upper)]
    dtype, weak = _dtype_of_bounds(*bounds)
    is_known = not any([isinstance(b, Tracer) for b in (lower, upper)])
    is_known = is_known and dtypes.issubdtype(dtype, np.integer) or all([type(b) is bool for b in (lower, upper)])
    if settings.disable_jit.value and is_known and not any([isinstance(x, Tracer) for x in flatten(init_val)[0]]):
        value = init_val
        for i in range(int(lower), int(upper)):
            value = body_fun(i, value)
        return value
    leaves, tree = flatten(init_val)
    avals = tuple([get_aval(x) for x in leaves])
    if is_known:
        start, stop = operator.index(lower), operator.index(upper)
        length = max(stop - start, 0)
        counter = get_aval(start)
        if unroll is None and state.trace.is_evaluation:
            # Nobody differentiates here, so the bounds may be operands: one program for all of them.
            return _fori_while(body_fun, tree, leaves, avals, counter, (start, stop))
        unroll = _unroll("fori_loop", 1 if unroll is None else unroll, length)
        staged, started, may_keep = _found(
            (body_fun,), ("fori", tree, avals, counter), lambda: _staged_fori(body_fun, tree, avals, counter)
        )
        op = staged.closed.kept.get(("fori", length, unroll))
        if op is None:
            op = Scan(staged.closed, length, 1 + len(leaves), len(staged.consts), False, unroll)
            staged.closed.kept["fori", length, unroll] = op
        return tree.unflatten(op(*staged.consts, start, *_converted(leaves, started))[1:])
    if unroll is not None:
        raise ValueError(
            "fori_loop can unroll only where both bounds are known while tracing. Pass them as Python ints, such as by "
            "jit(…, static_argnames=…);\nor leave `unroll` out."
        )
    counter = ShapedArray((), dtype, weak)
    return _fori_while(body_fun, tree, leaves, avals, counter, _converted([lower, upper], [counter, counter]))


def _fori_while(body_fun, tree, leaves, avals, counter, bounds):
    op, consts, started = _found(
        (body_fun,), ("fori while", tree, avals, counter), lambda: _staged_fori_while(body_fun, tree, avals, counter)
    )
    return tree.unflatten(op(*consts, *bounds, *_converted(leaves, started))[2:])


def _bound(which, value):
    try:
        aval = get_aval(value)
    except TypeError:
        raise TypeError(
            f"fori_loop needs an integer as {which}; it was given a {type(value).__name__}: {str(value)[:60]}"
        ) from None
    if aval.shape:
        raise ShapeError(f"fori_loop needs an integer of rank 0 as {which}; it was given {_words(aval)}.")
    if aval.extended or dtypes.issubdtype(aval.dtype, np.complexfloating):
        raise DTypeError(f"fori_loop needs an integer as {which}; it was given {_words(aval)}.")
    return aval


def _dtype_of_bounds(lower, upper):
    if lower.dtype == upper.dtype:
        return lower.dtype, lower.weak_type and upper.weak_type
    if not (lower.weak_type or upper.weak_type):
        raise DTypeError(
            f"fori_loop needs bounds of one dtype; got lower {_words(lower)} and upper {_words(upper)}. Convert one."
        )
    return dtypes.lattice_result([(lower.dtype, lower.weak_type), (upper.dtype, upper.weak_type)])


def _staged_fori_body(body_fun, tree, avals, counter, has_upper):
    """The body on (i, [upper], leaves), its carry in the dtypes that it settles at: (staged, avals)."""
    avals = list(avals)

    def run(i, *rest):
        upper, values = (rest[:1], rest[1:]) if has_upper else ((), rest)
        results, out_tree = flatten(body_fun(i, tree.unflatten(values)))
        return [add(i, _one(counter)), *upper, *results], out_tree

    def staged():
        return _Staged(run, [counter] * (1 + has_upper) + avals, name_of(body_fun))

    body = staged()
    while body.out_tree == tree:
        avals, changed = _promoted(avals, body.closed.out_avals[1 + has_upper :])
        if not changed:
            break
        body = staged()
    outs = body.closed.out_avals[1 + has_upper :]
    _check_carry("fori_loop", body_fun, tree, avals, body.out_tree, outs)
    return body, avals


def _one(aval):
    return 1 if aval.weak_type and dtypes.issubdtype(aval.dtype, np.integer) else np.ones((), aval.dtype)[()]


def _staged_fori(body_fun, tree, avals, counter):
    body, avals = _staged_fori_body(body_fun, tree, avals, counter, False)
    return (body, avals, body.may_keep), body.may_keep


def _staged_fori_while(body_fun, tree, avals, counter):
    body, avals = _staged_fori_body(body_fun, tree, avals, counter, True)

    condition = _Staged(lambda i, upper, *_: ([lt(i, upper)], None), [counter, counter, *avals], "below_upper")
    op = While(condition.closed, 0, body.closed, len(body.consts))
    return (op, body.consts, avals), body.may_keep


# ---- scan and map


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    _split_transpose: bool = False,
) -> tuple[Any, Any]:
    """Steps through the leading axis of xs with a carry: `carry, y = f(carry, x)`, the ys stacked.

    f         (carry, row of xs) → (carry, y), the carry like the one it was given
    init      tree of arrays; a Python number takes the dtype that f computes with
    xs        tree of arrays with a leading axis of one size, or None
    length    the number of steps; needed where xs holds no arrays
    reverse   from the last row to the first (the ys stay at their rows)
    unroll    how many rows one step of the compiled loop takes; True for all
    gives     (the last carry, ys with a leading axis)
    raises    CarryError where f returns another carry, ScanLengthError where the lengths don't fit

    >>> import bevel, numpy as np
    >>> from bevel.api.control_flow import scan
    >>> total, sums = scan(lambda c, x: (c + x, c + x), 0, np.arange(4))
    >>> print(total, sums)
    6 [0 1 3 6]
    """
    _must_be_callable("scan", f=f)
    init_leaves, init_tree = flatten(init)
    xs_leaves, xs_tree = flatten(xs)
    init_avals = tuple([get_aval(x) for x in init_leaves])
    xs_avals = tuple([get_aval(x) for x in xs_leaves])
    length = _length(xs, xs_avals, length)
    unroll = _unroll("scan", unroll, length)
    if settings.disable_jit.value and not any([isinstance(x, Tracer) for x in [*init_leaves, *xs_leaves]]):
        return _python_scan(f, init, xs_leaves, xs_tree, length, reverse)
    op, consts, started, fixed, moving, places, out_tree = _found(
        (f,),
        ("scan", init_tree, xs_tree, init_avals, xs_avals, length, bool(reverse), unroll),
        lambda: _staged_scan(f, init_tree, xs_tree, init_avals, xs_avals, length, bool(reverse), unroll),
    )
    init_leaves = _converted(init_leaves, started)
    results = op(*consts, *[init_leaves[i] for i in fixed], *[init_leaves[i] for i in moving], *xs_leaves)
    given = {"result": results, "init": init_leaves, "xs": xs_leaves}
    return out_tree.unflatten([given[k][i] if k == "result" else _as_array(given[k][i]) for k, i in places])


def _length(xs, avals, length) -> int:
    if length is not None:
        try:
            length = int(length)
        except (TypeError, ValueError):
            raise ScanLengthError(f"scan needs an int as length; got {length!r}.") from None
    if not avals:
        if length is None:
            raise ScanLengthError(
                "scan was given no xs to step through, and no length.\nGive one: scan(f, init, xs) or scan(f, init, length=10)."
            )
        return max(length, 0)
    sizes = {a.shape[0] if a.shape else None for a in avals}
    if len(sizes) == 1 and None not in sizes and (length is None or length in sizes):
        return sizes.pop()
    paths = [f"xs{keystr(p)}" for p, _ in flatten_with_path(xs)[0]]
    if None in sizes:
        [first, *_] = [p for p, a in zip(paths, avals, strict=True) if not a.shape]
        raise ScanLengthError(
            f"scan steps through the leading axis of its xs; {first} has none, it is a number"
            f"{user_line(' at {}')}.\nClose over values that all steps share, or carry them."
        )
    lines = [f"  {p}, {_words(a)}, has {a.shape[0]} rows" for p, a in zip(paths, avals, strict=True)]
    if length is not None:
        lines.insert(0, f"  length says {length}")
    if len(lines) > 5:
        lines = [*lines[:4], f"  … ({len(lines)} in all)"]
    raise ScanLengthError(
        f"scan needs xs of one length{user_line(' at {}')}; got different leading axis sizes:\n" + "\n".join(lines)
    )


def _unroll(what, unroll, length) -> int:
    if unroll is True:
        return max(length, 1)
    if unroll is False:
        return 1
    try:
        number = operator.index(unroll)
    except TypeError:
        raise TypeError(f"{what} needs a bool or a non-negative int as unroll; got {unroll!r}.") from None
    if number < 0:
        raise ValueError(f"{what} needs a bool or a non-negative int as unroll; got {unroll!r}.")
    return max(number, 1)


def _staged_scan(f, init_tree, xs_tree, init_avals, xs_avals, length, reverse, unroll):
    """(op, constants, avals of the carry, which carries stand still, which move, where the results are, their tree).

    What goes through the body untouched stays outside of the loop: a carry that is returned as it came is a constant,
    and ys that are xs are those xs.
    """
    rows = [a.with_shape(a.shape[1:]) for a in xs_avals]
    avals = list(init_avals)
    in_tree = flatten((init_tree.unflatten(range(len(avals))), xs_tree.unflatten(range(len(rows)))))[1]
    trees = []

    def run(*leaves):
        carry_in, x = in_tree.unflatten(leaves)
        result = f(carry_in, x)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(
                f"scan: the body {name_of(f)} must return a pair (carry, y); it gave {_given(result)}"
                f"{user_line(' at {}')}.\nWhere there is nothing to stack, return (carry, None)."
            )
        carry, carry_tree = flatten(result[0])
        ys, ys_tree = flatten(result[1])
        trees[:] = [carry_tree, ys_tree, len(carry)]
        return [*carry, *ys], flatten((result[0], result[1]))[1]

    body = _Staged(run, [*avals, *rows], name_of(f))
    while trees[0] == init_tree:
        avals, changed = _promoted(avals, body.closed.out_avals[: len(avals)])
        if not changed:
            break
        body = _Staged(run, [*avals, *rows], name_of(f))
    _check_carry("scan", f, init_tree, avals, trees[0], body.closed.out_avals[: trees[2]])

    closed, count = body.closed, len(avals)
    jaxpr = closed.jaxpr
    consts = len(body.consts)
    carry_in, xs_in = jaxpr.invars[consts : consts + count], jaxpr.invars[consts + count :]
    fixed = [i for i in range(count) if jaxpr.outvars[i] is carry_in[i]]
    moving = [i for i in range(count) if jaxpr.outvars[i] is not carry_in[i]]
    xs_place = {v: i for i, v in enumerate(xs_in)}
    places: list = [("init", i) for i in range(count)]
    for number, i in enumerate(moving):
        places[i] = ("result", number)
    kept_outs = list(moving)
    for i in range(count, len(jaxpr.outvars)):
        v = jaxpr.outvars[i]
        if type(v) is Var and v in xs_place:
            places.append(("xs", xs_place[v]))
        else:
            places.append(("result", len(kept_outs)))
            kept_outs.append(i)
    order = [
        *range(consts), *[consts + i for i in fixed], *[consts + i for i in moving],
        *range(consts + count, len(jaxpr.invars)),
    ]  # fmt: skip
    if len(kept_outs) != len(jaxpr.outvars) or fixed:
        closed = reordered(closed, tuple(order), tuple(kept_outs))
    op = Scan(closed, length, len(moving), consts + len(fixed), reverse, unroll)
    return (op, body.consts, avals, fixed, moving, places, body.out_tree), body.may_keep


def _given(result):
    if isinstance(result, (tuple, list)):
        return f"a {type(result).__name__} of {len(result)}"
    try:
        return _words(get_aval(result))
    except TypeError:
        return f"a {type(result).__name__}"


def _python_scan(f, carry, leaves, tree, length, reverse):
    """scan as a Python loop, for disable_jit."""
    if length == 0:
        raise ValueError("scan of no steps cannot run under disable_jit: what the ys would be is known by tracing only.")
    rows = []
    for i in reversed(range(length)) if reverse else range(length):
        carry, y = f(carry, tree.unflatten([_row(x, i) for x in leaves]))
        rows.append(flatten(y))
    if reverse:
        rows.reverse()
    stacked = [Concatenate(0)(*[reshape(y, (1, *get_aval(y).shape)) for y in ys]) for ys in zip(*[r for r, _ in rows], strict=True)]
    return carry, rows[0][1].unflatten(stacked)


def _row(x, i):
    return reshape(slice_in_dim(x, i, i + 1, 0), get_aval(x).shape[1:])


def map(f: Callable, xs: Any, *, batch_size: int | None = None) -> Any:  # noqa: A001 - JAX's name for it
    """`f` of each row of xs, one after another, the results stacked: a loop, where `vmap` works on all at once.

    xs           tree of arrays with a leading axis of one size
    batch_size   this many rows at a time are given to `vmap(f)`: most of vmap's speed, at a bounded memory

    >>> import bevel, numpy as np
    >>> from bevel.api.control_flow import map
    >>> print(map(lambda x: x * x, np.arange(5)))
    [ 0  1  4  9 16]
    """
    _must_be_callable("map", f=f)
    if batch_size is None or batch_size == 0:
        return scan(_of_rows(f), (), xs)[1]
    try:
        size = operator.index(batch_size)
    except TypeError:
        size = 0
    if size < 1:
        raise ValueError(f"map needs an int of at least 1 as batch_size; got {batch_size!r}.")
    leaves, tree = flatten(xs)
    length = _length(xs, tuple([get_aval(x) for x in leaves]), None)
    batches, rest = divmod(length, size)
    mapped = vmap(f)
    if not batches:
        return mapped(xs)
    whole = [
        reshape(slice_in_dim(x, 0, batches * size, 0), (batches, size, *get_aval(x).shape[1:])) for x in leaves
    ]
    results, out_tree = flatten(scan(_of_rows(f, batched=True), (), tree.unflatten(whole))[1])
    flat = [reshape(y, (batches * size, *get_aval(y).shape[2:])) for y in results]
    if rest:
        last = flatten(mapped(tree.unflatten([slice_in_dim(x, batches * size, length, 0) for x in leaves])))[0]
        flat = [Concatenate(0)(a, b) for a, b in zip(flat, last, strict=True)]
    return out_tree.unflatten(flat)


_bodies: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _of_rows(f, batched=False):
    """The body of map's scan, the same object each time that f is given, so that its program is found again."""

    def make(reference):
        def body(_, x):
            function = reference()
            return (), (vmap(function) if batched else function)(x)

        body.__name__ = name_of(f)
        return body

    try:
        table = _bodies.setdefault(f, {})
        body = table.get(batched)
        if body is None:
            body = table[batched] = make(weakref.ref(f))
        return body
    except TypeError:  # not hashable, or cannot be watched
        return make(lambda: f)


# ---- associative_scan


def associative_scan(fn: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running result of an associative operation along an axis, in O(log n) steps that each work on many elements.

    fn        (a, b) → a combined with b; of trees like elems, vectorised along `axis`: a and b hold many elements there
    elems     tree of arrays of one size along `axis`
    reverse   running from the end
    gives     a tree like elems: at position i, elems 0 … i combined
    source    Blelloch 1990, "Prefix Sums and Their Applications"

    >>> import bevel, numpy as np
    >>> from bevel.api.control_flow import associative_scan
    >>> print(associative_scan(lambda a, b: a * b, np.arange(1, 6)))
    [  1   2   6  24 120]
    """
    _must_be_callable("associative_scan", fn=fn)
    leaves, tree = flatten(elems)
    if not leaves:
        return elems
    avals = tuple([get_aval(x) for x in leaves])
    paths = None
    for number, aval in enumerate(avals):
        rank = len(aval.shape)
        if not -rank <= axis < rank:
            raise ValueError(
                f"associative_scan runs along axis {axis}, which elems"
                f"{keystr(flatten_with_path(elems)[0][number][0])}, {_words(aval)}, does not have."
            )
    places = [axis % len(a.shape) for a in avals]
    sizes = {a.shape[p] for a, p in zip(avals, places, strict=True)}
    if len(sizes) > 1:
        paths = [f"elems{keystr(p)}" for p, _ in flatten_with_path(elems)[0]]
        lines = [f"  {p}, {_words(a)}" for p, a in zip(paths, avals, strict=True)]
        raise ScanLengthError(
            f"associative_scan needs elems of one size along axis {axis}; got:\n" + "\n".join(lines[:5])
        )
    run = _Associative(fn, tree, places, reverse)
    if state.trace.is_evaluation and not settings.disable_jit.value:
        # One program instead of some hundred: each of its log n levels has shapes of its own.
        op, consts = _found((fn,), ("associative", tree, avals, axis, bool(reverse)), lambda: _staged_associative(run, avals))
        return tree.unflatten(op(*consts, *leaves))
    return tree.unflatten(run(*leaves))


def _staged_associative(run, avals):
    staged = _Staged(lambda *leaves: (run(*leaves), None), avals, "associative_scan")
    return (Jit(staged.closed, "associative_scan", (), False, True), staged.consts), staged.may_keep


class _Associative:
    """associative_scan on flat leaves."""

    def __init__(self, fn, tree, axes, reverse):
        self.fn = fn
        self.tree = tree
        self.axes = axes
        self.reverse = reverse

    def __call__(self, *leaves):
        if self.reverse:
            leaves = [Rev((a,))(x) for x, a in zip(leaves, self.axes, strict=True)]
        results = self.scan(list(leaves))
        if self.reverse:
            results = [Rev((a,))(x) for x, a in zip(results, self.axes, strict=True)]
        return results

    def combine(self, a, b):
        results, tree = flatten(self.fn(self.tree.unflatten(a), self.tree.unflatten(b)))
        if tree != self.tree:
            lines = describe_mismatch(self.tree, tree, "elems", f"what {name_of(self.fn)} returned")
            raise TreeError(f"associative_scan needs fn to return a tree like its arguments.\n{lines}")
        for x, y, axis in zip(a, results, self.axes, strict=True):
            before, after = get_aval(x).shape, get_aval(y).shape
            if len(before) != len(after) or before[axis] != after[axis]:
                raise ShapeError(
                    f"associative_scan needs fn to keep the size of axis {axis}: {name_of(self.fn)} was given "
                    f"{_words(get_aval(x))} and gave {_words(get_aval(y))}."
                )
        return results

    def cut(self, leaves, start, limit, stride=1):
        return [slice_in_dim(x, start, limit, a, stride) for x, a in zip(leaves, self.axes, strict=True)]

    def scan(self, leaves):
        """Combines neighbours, scans those at half the size for the odd places, and fills in the even ones."""
        size = get_aval(leaves[0]).shape[self.axes[0]]
        if size < 2:
            return leaves
        pairs = self.combine(self.cut(leaves, 0, size - 1, 2), self.cut(leaves, 1, size, 2))
        odd = self.scan(pairs)
        before = self.cut(odd, 0, size // 2 - 1) if size % 2 == 0 else odd
        even = self.combine(before, self.cut(leaves, 2, size, 2))
        first = self.cut(leaves, 0, 1)
        return [
            self.woven(_joined(a, b, axis), o, axis)
            for a, b, o, axis in zip(first, even, odd, self.axes, strict=True)
        ]

    def woven(self, even, odd, axis):
        """The two, one element of each in turn."""
        rank = len(get_aval(even).shape)
        more = get_aval(even).shape[axis] != get_aval(odd).shape[axis]
        # x + -0.0 is x for each float, -0.0 too
        nothing = -0.0 if dtypes.issubdtype(get_aval(even).dtype, np.inexact) else 0

        def spread(x, low, high):
            return pad(x, nothing, [(low, high, 1) if i == axis else (0, 0, 0) for i in range(rank)])

        even, odd = spread(even, 0, 0 if more else 1), spread(odd, 1, 1 if more else 0)
        return (or_ if get_aval(even).dtype == _BOOL else add)(even, odd)


def _joined(a, b, axis):
    if get_aval(b).dtype != get_aval(a).dtype:
        a = convert(a, get_aval(b).dtype)
    return Concatenate(axis)(a, b)


__all__ = [
    "BranchError", "ScanLengthError", "associative_scan", "cond", "fori_loop", "map", "scan", "switch", "while_loop",
]  # fmt: skip

"""Functions given to control flow, as programs: found again by their identity; checks of carries and lengths."""

from __future__ import annotations

import operator
import weakref

import numpy as np

from bevel.api.flat import name_of, signature_of
from bevel.base import dtypes, lattice, settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import CarryError, ShapeError
from bevel.base.words import kind_of
from bevel.core.jaxpr import Literal, Var, closed_without_consts
from bevel.core.source import user_line
from bevel.core.staging import stage
from bevel.core.trace import Tracer, get_aval, state
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_paths import keystr
from bevel.engine.client import Array
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.ops.convert import Copy, convert


class ScanLengthError(ShapeError, ValueError):
    """scan cannot tell how many steps to take: xs of unlike lengths, of none, or at odds with `length`.

    Fails: `lax.scan(f, 0.0, (jnp.ones(3), jnp.ones(2)))`. Mended: cut the xs to one length.
    """


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


def found(functions, key, make):
    """`make()` → (value, may it be kept), kept on the first function under the others and `key`."""
    table = _kept.table(functions[0])
    if table is None:
        return make()[0]
    # Other functions are told apart by identity, and held so that the identity stays theirs.
    key = (key, tuple([id(f) for f in functions[1:]]), settings.trace_key(), state.axes, state.mesh_axes)
    found = table.get(key)
    if found is not None and all(a() is b for a, b in zip(found[1], functions[1:], strict=True)):
        return found[0]
    value, may_keep = make()
    if may_keep:
        try:
            table[key] = (value, [weakref.ref(f) for f in functions[1:]])
        except TypeError:
            pass
    return value


class Staged:
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
        if state.trace.is_evaluation:
            consts = [*consts, *_scalars_out(jaxpr)]
        self.closed = closed_without_consts(jaxpr)
        self.consts = consts
        self.out_tree = trees[0]

    @property
    def may_keep(self):
        """Not where it closes over values of a trace that will end."""
        return not any(isinstance(c, Tracer) for c in self.consts)


def staged_function(what, function, names, tree, avals) -> Staged:
    """The program of `function(*args)` of a tree of arguments; `what` calls it with `names`."""

    def run(*leaves):
        return flatten(called(what, function, names, tree.unflatten(leaves)))

    return Staged(run, avals, name_of(function))


def as_array(x):
    """A value that goes out as it came in, as an array."""
    return x if isinstance(x, (Array, Tracer)) else Copy()(x)


def _scalars_out(jaxpr) -> list:
    """Makes constants of the arrays of rank 0 that were written into the program, in place; gives those arrays.

    So a program is found again whatever their values are (29 → 0.5 ms a call with a fresh lambda), and they are not
    fetched from their device to be written down.
    """
    known: dict[int, tuple] = {}

    def out(v):
        if type(v) is not Literal or not isinstance(v.val, Array):
            return v
        if id(v.val) not in known:
            known[id(v.val)] = Var(v.aval), v.val
        return known[id(v.val)][0]

    for eqn in jaxpr.eqns:
        if any(type(v) is Literal for v in eqn.invars):
            eqn.invars = [out(v) for v in eqn.invars]
    jaxpr.outvars = [out(v) for v in jaxpr.outvars]
    jaxpr.constvars.extend([var for var, _ in known.values()])
    return [value for _, value in known.values()]


def called(what, function, names, args):
    """`function(*args)`, with a letter where it takes another number of arguments; `names` says what it is given."""
    try:
        return function(*args)
    except TypeError as error:
        signature = signature_of(function)
        if signature is None:
            raise
        try:
            signature.bind(*args)
        except TypeError:
            takes = ", ".join(signature.parameters) or "nothing"
            raise TypeError(
                f"{what} calls {name_of(function)} with {names}, but it takes ({takes}){user_line(' at {}')}."
            ) from error
        raise


def must_be_callable(what, **functions):
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(
                f"{what} needs a function as {name}; it was given {kind_of(function)}{user_line(' at {}')}: "
                f"{str(function)[:60]}"
            )


# ---- carries


def check_carry(what, function, carry_tree, avals, out_tree, out_avals, rest=""):
    """The letter where a body's carry differs from the one it was given."""
    name = name_of(function)
    if out_tree != carry_tree:
        lines = describe_mismatch(carry_tree, out_tree, "the carry it was given", "the one it returned", root="carry")
        raise CarryError(
            f"{what}: the body {name} must return a carry of the tree it was given{user_line(' at {}')}.\n{lines}{rest}"
        )
    wrong = [
        i for i, (a, b) in enumerate(zip(avals, out_avals, strict=True)) if (a.shape, a.dtype) != (b.shape, b.dtype)
    ]
    if not wrong:
        return
    paths = [p for p, _ in flatten_with_path(carry_tree.unflatten(range(len(avals))))[0]]
    lines = [
        f"  carry{keystr(paths[i])} went in as {words(avals[i])} and came out as {words(out_avals[i])}"
        for i in wrong[:4]
    ]
    if len(wrong) > 4:
        lines.append(f"  and {len(wrong) - 4} more")
    i = wrong[0]
    if avals[i].shape != out_avals[i].shape:
        way = "Start from a carry of the shape that the body returns, or reduce inside the body."
    elif (
        not avals[i].shape
        and dtypes.issubdtype(avals[i].dtype, np.integer)
        and dtypes.issubdtype(out_avals[i].dtype, np.floating)
    ):
        way = "Start from a float, such as 0.0 instead of 0; or convert what the body returns."
    else:
        before, after = avals[i].dtype.name, out_avals[i].dtype.name
        way = f"Start from .astype({after!r}), or convert what the body returns to {before}."
    raise CarryError(
        f"{what}: the body {name} must return a carry of the shapes and dtypes it was given{user_line(' at {}')}.\n"
        + "\n".join(lines)
        + f"\n{way}"
    )


def words(aval):
    return aval.str_short(short_dtypes=False)


def promoted(avals, out_avals):
    """The carry's avals with weakly typed ones in the dtype that the body gives them: (avals, whether any changed).

    A carry that starts from a Python number takes the dtype that the loop computes with, as in `x + 1.5` with x = 0.
    """
    promoted = [
        ShapedArray(a.shape, lattice.lattice_result([(a.dtype, True), (b.dtype, b.weak_type)])[0])
        if a.weak_type and a.dtype != b.dtype
        else a
        for a, b in zip(avals, out_avals, strict=True)
    ]
    return promoted, promoted != list(avals)


def converted(leaves, avals):
    """Leaves in the dtypes of avals, where those differ."""
    return [
        x if (own := get_aval(x)).dtype == a.dtype and own.weak_type == a.weak_type else _cast(x, a)
        for x, a in zip(leaves, avals, strict=True)
    ]


def _cast(x, aval):
    if type(x) in (bool, int, float, complex):
        return np.asarray(x, aval.dtype)[()]
    return convert(x, aval.dtype, aval.weak_type)


# ---- lengths


def length_of(xs, avals, length) -> int:
    if length is not None:
        try:
            length = int(length)
        except (TypeError, ValueError):
            raise ScanLengthError(f"scan needs an int as length; got {length!r}.") from None
    if not avals:
        if length is None:
            raise ScanLengthError(
                f"scan was given no xs to step through, and no length{user_line(' at {}')}.\n"
                "Give one: scan(f, init, xs) or scan(f, init, length=10)."
            )
        return max(length, 0)
    sizes = {a.shape[0] if a.shape else None for a in avals}
    if len(sizes) == 1 and None not in sizes and (length is None or length in sizes):
        return avals[0].shape[0]
    paths = [f"xs{keystr(p)}" for p, _ in flatten_with_path(xs)[0]]
    if None in sizes:
        [first, *_] = [p for p, a in zip(paths, avals, strict=True) if not a.shape]
        raise ScanLengthError(
            f"scan steps through the leading axis of its xs; {first} has none, it is a number"
            f"{user_line(' at {}')}.\nClose over values that all steps share, or carry them."
        )
    lines = [f"  {p}, {words(a)}, has {a.shape[0]} rows" for p, a in zip(paths, avals, strict=True)]
    if length is not None:
        lines.insert(0, f"  length says {length}")
    if len(lines) > 5:
        lines = [*lines[:4], f"  … ({len(lines)} in all)"]
    raise ScanLengthError(
        f"scan needs xs of one length{user_line(' at {}')}; got different leading axis sizes:\n" + "\n".join(lines)
    )


def checked_unroll(what, unroll, length) -> int:
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

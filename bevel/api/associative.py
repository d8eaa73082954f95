"""associative_scan: running results of an associative operation, many at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.api.flat import name_of
from bevel.api.staged import ScanLengthError, Staged, found, must_be_callable, words
from bevel.base import dtypes, settings
from bevel.base.errors import ShapeError, TreeError
from bevel.control.call import Jit
from bevel.core.trace import get_aval, state
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_paths import keystr
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.ops.arithmetic import add
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate, pad, slice_in_dim
from bevel.ops.logic import or_
from bevel.ops.shapes import Rev

_BOOL = np.dtype(bool)


def associative_scan(fn: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running result of an associative operation along an axis, in O(log n) steps that each work on many elements.

    fn        (a, b) → a combined with b; of trees like elems, vectorised along `axis`: a and b hold many elements there
    elems     tree of arrays of one size along `axis`
    reverse   running from the end
    gives     a tree like elems: at position i, elems 0 … i combined
    source    Blelloch 1990, "Prefix Sums and Their Applications"

    >>> import bevel, numpy as np
    >>> from bevel.lax import associative_scan
    >>> print(associative_scan(lambda a, b: a * b, np.arange(1, 6)))
    [  1   2   6  24 120]
    """
    must_be_callable("associative_scan", fn=fn)
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
                f"{keystr(flatten_with_path(elems)[0][number][0])}, {words(aval)}, does not have."
            )
    places = [axis % len(a.shape) for a in avals]
    sizes = {a.shape[p] for a, p in zip(avals, places, strict=True)}
    if len(sizes) > 1:
        paths = [f"elems{keystr(p)}" for p, _ in flatten_with_path(elems)[0]]
        lines = [f"  {p}, {words(a)}" for p, a in zip(paths, avals, strict=True)]
        raise ScanLengthError(
            f"associative_scan needs elems of one size along axis {axis}; got:\n" + "\n".join(lines[:5])
        )
    run = _Associative(fn, tree, places, reverse)
    if state.trace.is_evaluation and not settings.disable_jit.value:
        # One program instead of some hundred: each of its log n levels has shapes of its own.
        op, consts = found(
            (fn,), ("associative", tree, avals, axis, bool(reverse)), lambda: _staged_associative(run, avals)
        )
        return tree.unflatten(op(*consts, *leaves))
    return tree.unflatten(run(*leaves))


def _staged_associative(run, avals):
    staged = Staged(lambda *leaves: (run(*leaves), None), avals, "associative_scan")
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
                    f"{words(get_aval(x))} and gave {words(get_aval(y))}."
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
            self.woven(_joined(a, b, axis), o, axis) for a, b, o, axis in zip(first, even, odd, self.axes, strict=True)
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

"""Watching random keys: each may be used once. What `debug_key_reuse` and the `strict` profile ask of each program.

A program is walked with, in the place of each key array, an array of the same shape of objects that stand for its keys.
Operations that move keys about (slices, reshapes, joins) move those; one that uses keys up, a draw or a split, marks
them, and is refused where it meets a mark. What a program does to keys that only its run can tell apart, as an index
that it computes, is not followed. The body of a loop is walked twice: a key that each step uses is met the second time.

Outside of programs each operation is a program of one equation, and key arrays carry their keys from one to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.base import settings
from bevel.base.errors import KeyReuseError
from bevel.core.jaxpr import ClosedJaxpr, Literal, subprograms
from bevel.core.keys import KeyArray
from bevel.core.source import summarize, user_line


def is_on() -> bool:
    return settings.debug_key_reuse.value or settings.sharp_edges.value == "strict"


class One:
    """One key. `used` says by what it has been used up; empty where it has not."""

    __slots__ = ("used",)

    def __init__(self):
        self.used = ""


def fresh(shape):
    """New keys, as many as an array of that shape holds."""
    ones = np.empty(shape, object)
    for place in np.ndindex(shape):
        ones[place] = One()
    return ones


def ones_of(keys: KeyArray):
    """The keys of an array, the same at each asking."""
    if keys._ones is None:
        keys._ones = fresh(keys.shape)
    return keys._ones


def concerns(closed: ClosedJaxpr) -> bool:
    """Does the program, or one inside it, take, make or hold keys?"""
    found = closed.kept.get("key_use")
    if found is None:
        jaxpr = closed.jaxpr
        variables = [*jaxpr.invars, *jaxpr.constvars, *[v for e in jaxpr.eqns for v in e.outvars]]
        found = any([v.aval.extended for v in variables]) or any(
            [concerns(p if isinstance(p, ClosedJaxpr) else ClosedJaxpr(p)) for p in _programs(jaxpr)]
        )
        closed.kept["key_use"] = found
    return found


def _programs(jaxpr):
    return [p for e in jaxpr.eqns if e.op.holds_programs for _, p in subprograms(e.op) if _is_closed(p)]


def _is_closed(program) -> bool:
    return isinstance(program, ClosedJaxpr) or not program.constvars


def watch(name, closed, arguments):
    """Marks what a program is to use up of its arguments. Raises KeyReuseError where that was used already.

    name    what uses the keys, for a function of Bevel's own; empty for a program of the user's, whose lines are told
    gives   the keys of its results, for `hand_on`
    """
    ledger = Ledger(_WORDS.get(name, name) + user_line(" at {}") if name else "")
    given = [ones_of(x) if type(x) is KeyArray else None for x in arguments]
    return ledger.run(closed, given)


def hand_on(results, keys):
    """Lets results of a program go by the keys that stand for them."""
    for result, ones in zip(results, keys, strict=True):
        if type(result) is KeyArray and ones is not None:
            result._ones = ones


class Ledger:
    """A walk over programs: which keys it has used up, in order."""

    def __init__(self, name=""):
        self.name = name
        self.marked: list[One] = []
        self.is_repetition = False

    def run(self, closed: ClosedJaxpr, given) -> list:
        """The keys of a program's results, for those of its arguments; None where there are none."""
        jaxpr = closed.jaxpr
        env: dict[Any, Any] = dict(zip(jaxpr.invars, given, strict=True))
        env.update(
            {
                v: ones_of(c) if type(c) is KeyArray else None
                for v, c in zip(jaxpr.constvars, closed.consts, strict=True)
            }
        )
        for eqn in jaxpr.eqns:
            ones = [None if type(v) is Literal else env.get(v) for v in eqn.invars]
            found = self.apply(eqn, ones) if eqn.op.holds_programs else self.apply_first_order(eqn, ones)
            env.update(zip(eqn.outvars, found, strict=True))
        return [None if type(v) is Literal else env.get(v) for v in jaxpr.outvars]

    def apply(self, eqn, ones):
        op = eqn.op
        if op.use_keys is not None:
            found = op.use_keys(self, *ones)
        else:
            programs = [p for _, p in subprograms(op)]
            fits = len(programs) == 1 and isinstance(programs[0], ClosedJaxpr)
            fits = fits and len(programs[0].jaxpr.invars) == len(ones)
            found = self.run(programs[0], ones) if fits else [None] * len(eqn.outvars)
        return [_ones_for(v.aval, f) for v, f in zip(eqn.outvars, found, strict=True)]

    def apply_first_order(self, eqn, ones):
        op = eqn.op
        if op.uses_keys_up:
            self.use(ones[0], self.name or f"{_WORDS.get(op.name, op.name)}{summarize(eqn.source, ' at {}')}")
        if not any([v.aval.extended for v in eqn.outvars]):
            return [None] * len(eqn.outvars)
        return [_ones_for(eqn.outvars[0].aval, None if op.makes_keys else _moved(eqn, ones))]

    def use(self, ones, by):
        """Marks keys as used up. Raises KeyReuseError where one of them was."""
        if ones is None or self.is_repetition:
            return
        for one in {id(one): one for one in ones.flat}.values():
            if one.used:
                raise KeyReuseError(
                    f"{by} was given a key that {one.used} has used already: the same key gives the same numbers.\n"
                    "Split it first, first, second = bevel.random.split(key), and use each once; "
                    "bevel.random.clone(key) repeats on purpose."
                )
            one.used = by
            self.marked.append(one)

    def any_of(self, ways) -> list:
        """As what one of several programs does, of which one will run: keys that any of them uses are used."""
        marked, outs = [], []
        for way in ways:
            start = len(self.marked)
            outs.append(way())
            mine = self.marked[start:]
            del self.marked[start:]
            marked += [(one, one.used) for one in mine]
            for one in mine:
                one.used = ""
        for one, by in marked:
            one.used = by
            self.marked.append(one)
        return [
            cases[0] if cases[0] is not None and all(np.array_equal(c, cases[0]) for c in cases) else None
            for cases in zip(*outs, strict=True)
        ]

    def rows(self, xs, before, by):
        """Of keys along a loop's steps: what the first step used of its row, all steps use of theirs."""
        for ones, was in zip(xs, before, strict=True):
            if ones is not None and len(ones) > 2:
                used = np.array([bool(one.used) and not w for one, w in zip(ones[0, ...].flat, was, strict=True)], bool)
                for row in ones[2:].reshape(len(ones) - 2, -1):
                    self.use(row[used], by)


_WORDS = {"random_bits": "a draw", "random_gamma": "a draw", "random_split": "split"}


def _ones_for(aval, ones):
    """The keys that stand for a result: those found, where they are of its shape; new ones else."""
    if not aval.extended:
        return None
    return ones if ones is not None and ones.shape == aval.shape else fresh(aval.shape)


def _moved(eqn, ones):
    """The keys of a result, for an operation that moves keys about; None where it cannot be told."""
    values = [v.val if type(v) is Literal else x for v, x in zip(eqn.invars, ones, strict=True)]
    if any([x is None for x in values]):
        return None
    try:
        return np.asarray(eqn.op.reference(*values), object)
    except Exception:  # not all references are written for objects
        return None


__all__ = ["Ledger", "concerns", "hand_on", "is_on", "ones_of", "watch"]

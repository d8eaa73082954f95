"""Cutting a long straight program into pieces that XLA compiles one by one, and equal pieces once.

XLA on CPU fuses a chain of elementwise operations into one kernel, and copies what several reductions read into each of
them: on long programs that takes a time that grows with the square of their length, and more. A function that may not
be inlined is a wall that fusion stops at, so such a program is written as a row of calls. Where it repeats itself, as a
loop unrolled by Python does, the pieces are cut so that they are alike, and call one function; numbers in which they
differ are handed to it.

Programs with matrix products have walls already and lose by more of them. There only the numbers in which repeated
blocks differ are taken out of sight (`hide_numbers`): XLA compiles equal kernels once, and a number written into a
kernel makes it another one.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import numpy as np

from bevel.core.jaxpr import Equation, Jaxpr, Literal, Var

LONGEST = 64  # equations of a piece, where the program does not repeat itself
SHORTEST = 32
REPEATED = 64  # equations of a piece that stands several times in the program, and is compiled once
LONGEST_PERIOD = 1024
MOST_REDUCTIONS = 4  # in a piece, where the program does not repeat itself
MANY = 256  # elementwise equations: from here on it can pay to cut them
LONG = 128  # operations in a row before most others: there it does
COPIES = 3  # so often XLA would compute an average one, in each kernel that reads it: likewise
DEEP = 12  # reductions that follow from one another: likewise
FEW_KINDS = 8  # so many numbers in the place of one are worth hiding

# What fuses with its neighbours, and so may stand inside a piece.
_JOINING = frozenset({"elementwise", "reductions"})
_SHAPING = frozenset(
    {"broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "slice", "pad", "concatenate", "iota", "rev",
     "select_n", "convert_element_type", "copy"}
)  # fmt: skip
_WALLS = frozenset({"dots", "convolutions"})


class Piece:
    """Equations that become a function: of `operands`, variables from outside, and `numbers`, giving `results`.

    program   what the function does, in variables of its own; pieces that are alike share it
    numbers   literals for the last of its arguments: those in which the pieces that share it differ
    """

    __slots__ = ("numbers", "operands", "program", "results")

    def __init__(self, program, operands, results):
        self.program = program
        self.operands = operands
        self.results = results
        self.numbers: list[Literal] = []


def cut(jaxpr: Jaxpr) -> list[Piece | Equation] | None:
    """The program as pieces and lone equations, in order; None where it is best left whole."""
    if len(jaxpr.eqns) < 3 * DEEP or not _is_worth_it(jaxpr):
        return None
    return _share(_with_ends(_groups(jaxpr), jaxpr.outvars))


def _joins(eqn) -> bool:
    op = eqn.op
    return not op.holds_programs and not op.effects and (op.kind in _JOINING or op.name in _SHAPING)


def _is_worth_it(jaxpr) -> bool:
    """Would XLA take long over the program, or compute much of it several times?"""
    kinds = [eqn.op.kind for eqn in jaxpr.eqns]
    many, reduces = kinds.count("elementwise") >= MANY, kinds.count("reductions") >= DEEP
    if not (many or reduces) or not _WALLS.isdisjoint(kinds):
        return False
    seen: dict = {}  # of a value: operations in a row before it, reductions before it, operations of a kernel for it
    joining = late = after_reductions = 0
    copied = 0.0
    for eqn, kind in zip(jaxpr.eqns, kinds, strict=True):
        if not _joins(eqn):
            copied += _alone(eqn.invars, seen)
            continue
        row, folds, copies = 0, 0, 1.0
        spreads = (kind == "elementwise" or eqn.op.name == "broadcast_in_dim") and eqn.outvars[0].aval.size > 1
        last = None
        for v in eqn.invars:
            before = seen.get(v)
            if before is None or v is last:
                continue
            last = v
            folds = max(folds, before[1])
            if not spreads or v.aval.size > 1:  # what made a number is no part of the array that it is spread over
                row = max(row, before[0])
                copies += before[2]
        here = (row + 1, folds + (kind == "reductions"), copies)
        for v in eqn.outvars:
            seen[v] = here
        joining += 1
        late += row >= LONG
        after_reductions = max(after_reductions, here[1])
    if reduces and after_reductions >= DEEP:
        return True
    return many and (late > joining // 8 or copied + _alone(jaxpr.outvars, seen) >= COPIES * joining)


def _alone(values, seen) -> float:
    return sum([seen[v][2] for v in set(values) if v in seen])


# ---- where to cut


def _groups(jaxpr) -> list[list[Equation] | Equation]:
    """The equations in order: those that join in lists, the others by themselves."""
    equations = jaxpr.eqns
    live = _live(jaxpr)
    ends: set[int] = set()
    start, stop, length = _repetition(equations, live)
    if length:
        ends.update(range(start, stop + 1, length))
    groups: list[list[Equation] | Equation] = []
    here: list[Equation] = []
    reductions = 0
    for i, eqn in enumerate(equations):
        repeats = start <= i < stop
        if i in ends and here:
            groups.append(here)
            here, reductions = [], 0
        if not _joins(eqn):
            if here:
                groups.append(here)
            groups.append(eqn)
            here, reductions = [], 0
            continue
        here.append(eqn)
        reductions += eqn.op.kind == "reductions"
        if not repeats and (reductions == MOST_REDUCTIONS or _is_good_end(live, i, len(here))):
            groups.append(here)
            here, reductions = [], 0
    if here:
        groups.append(here)
    return groups


def _is_good_end(live, i, size) -> bool:
    """Is the place after equation i where a piece of that size may end? Few values should cross it."""
    return size >= LONGEST or (size >= SHORTEST and live[i + 1] <= min(live[i + 1 : i + 1 + LONGEST - size], default=0))


def _live(jaxpr) -> list[int]:
    """How many values made before each equation are used from there on."""
    count = len(jaxpr.eqns)
    made: dict = {}
    last: dict = {}
    for i, eqn in enumerate(jaxpr.eqns):
        for v in eqn.invars:
            last[v] = i
        for v in eqn.outvars:
            made[v] = i
    last.update(dict.fromkeys(jaxpr.outvars, count))
    change = [0] * (count + 2)
    for v, start in made.items():
        end = last.get(v)
        if end is not None:
            change[start + 1] += 1
            change[end + 1] -= 1
    return list(itertools.accumulate(change[: count + 1]))


def _repetition(equations, live) -> tuple[int, int, int]:
    """(start, stop, length): from start to stop the program repeats itself every `length` equations; length 0: nowhere.

    A period is looked for in the row of operations alone; whether pieces are alike in what they take is seen later.
    """
    numbers: dict = {}
    row = np.asarray([numbers.setdefault(_kind(eqn), len(numbers)) for eqn in equations])
    count = len(row)
    best = (0, 0, 0)
    for period in range(1, min(count // 3, LONGEST_PERIOD) + 1):
        same = np.concatenate(([0], row[period:] == row[:-period], [0])).astype(np.int8)
        edges = np.flatnonzero(np.diff(same))
        if not len(edges):
            continue
        runs = edges[1::2] - edges[::2]
        longest = int(np.argmax(runs))
        run = int(runs[longest])
        if run >= 2 * period and run > 1.1 * (best[1] - best[0]):
            best = (int(edges[2 * longest]), int(edges[2 * longest]) + run + period, period)
            if run > 0.8 * count:
                break
    start, stop, period = best
    if stop - start < count // 2:
        return 0, 0, 0
    start += int(np.argmin(live[start : start + period]))  # cut where the fewest values cross
    reduces = any([eqn.op.kind == "reductions" for eqn in equations[start : start + period]])
    length = period if reduces else period * max(1, REPEATED // period)
    return start, start + (stop - start) // length * length, length


def _kind(eqn):
    return (eqn.op, *[(v.aval, type(v) is Literal) for v in eqn.invars])


# ---- what pieces take and give, and which of them are alike


def _with_ends(groups, outvars) -> list[Piece | Equation]:
    """Each group with what it takes and what later ones, or the program's results, need of it."""
    needed = {v for v in outvars if type(v) is Var}
    pieces: list[Piece | Equation] = []
    for group in reversed(groups):
        if isinstance(group, Equation):
            needed.update([v for v in group.invars if type(v) is Var])
            pieces.append(group)
            continue
        made = dict.fromkeys([v for eqn in group for v in eqn.outvars])
        results = [v for v in made if v in needed]
        operands = list(dict.fromkeys([v for e in group for v in e.invars if type(v) is Var and v not in made]))
        needed.update(operands)
        pieces.append(Piece(Jaxpr([], operands, results, group, name="piece"), operands, results))
    return pieces[::-1]


def _share(pieces):
    """Pieces that are alike get one program, and hand it the numbers in which they differ."""
    alike = defaultdict(list)
    for piece in pieces:
        if isinstance(piece, Piece):
            alike[_structure(piece.program)].append(piece)
    for members in alike.values():
        if len(members) > 1:
            _share_one(members)
    return pieces


def _structure(program) -> tuple:
    """What pieces must agree in to share a program: all but the numbers among elementwise operands."""
    names = {v: i for i, v in enumerate(program.invars)}
    rows = []
    for eqn in program.eqns:
        atoms: list[Any] = []
        for v in eqn.invars:
            if type(v) is Literal:
                atoms.append((v.aval, None if eqn.op.splats else np.asarray(v.val).tobytes()))
            else:
                atoms.append(names[v])
        for v in eqn.outvars:
            names[v] = len(names)
        rows.append((eqn.op, *atoms))
    return tuple(rows), tuple([v.aval for v in program.invars]), tuple([names[v] for v in program.outvars])


def _share_one(members):
    first = members[0].program
    places = [(e, i) for e, eqn in enumerate(first.eqns) for i, v in enumerate(eqn.invars) if type(v) is Literal]
    differing = [
        (e, i) for e, i in places if len({np.asarray(m.program.eqns[e].invars[i].val).tobytes() for m in members}) > 1
    ]
    parameters = {place: Var(first.eqns[place[0]].invars[place[1]].aval) for place in differing}
    changed = dict(enumerate(first.eqns))
    for (e, i), parameter in parameters.items():
        invars = list(changed[e].invars)
        invars[i] = parameter
        changed[e] = changed[e].replace(invars=invars)
    program = first.replace(invars=[*first.invars, *parameters.values()], eqns=list(changed.values()))
    for member in members:
        member.numbers = [member.program.eqns[e].invars[i] for e, i in differing]
    for member in members:
        member.program = program


# ---- numbers out of sight


def hide_numbers(jaxpr: Jaxpr) -> tuple[Jaxpr, list[Literal]] | None:
    """The program with the numbers in which its repeated blocks differ as leading arguments, and those numbers.

    None where there are none, or where nothing separates the blocks.
    """
    kinds = {eqn.op.kind for eqn in jaxpr.eqns}
    walls = not _WALLS.isdisjoint(kinds)
    if not walls and "draws" not in kinds:
        return None
    found: dict[Any, dict[Any, list]] = defaultdict(lambda: defaultdict(list))
    for e, eqn in enumerate(jaxpr.eqns):
        if ((walls and eqn.op.splats) or eqn.op.kind == "draws") and any([type(v) is Literal for v in eqn.invars]):
            kind = _kind(eqn)
            for i, v in enumerate(eqn.invars):
                if type(v) is Literal:
                    found[kind, i][v.aval, np.asarray(v.val).tobytes()].append((e, i, v))
    hidden: list[tuple[Var, Literal]] = []
    changed: dict[int, list] = {}
    for values in found.values():
        if len(values) < FEW_KINDS:
            continue
        for uses in values.values():
            variable = Var(uses[0][2].aval)
            hidden.append((variable, uses[0][2]))
            for e, i, _ in uses:
                changed.setdefault(e, list(jaxpr.eqns[e].invars))[i] = variable
    if not hidden:
        return None
    eqns = [eqn if e not in changed else eqn.replace(invars=changed[e]) for e, eqn in enumerate(jaxpr.eqns)]
    invars = [*[v for v, _ in hidden], *jaxpr.invars]
    names = None if jaxpr.arg_names is None else [None] * len(hidden) + list(jaxpr.arg_names)
    return jaxpr.replace(invars=invars, eqns=eqns, arg_names=names), [literal for _, literal in hidden]

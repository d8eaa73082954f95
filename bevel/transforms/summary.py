"""A cheap look at a program, for the policy that chooses compiler options."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from bevel.base import dtypes
from bevel.base.dimensions import is_symbolic
from bevel.core.jaxpr import ClosedJaxpr, subprograms
from bevel.engine.options import ProgramSummary
from bevel.ops.extrema import are_in_one_kernel
from bevel.ops.fast import MANY, has_long_formula

_SHARED = 1 << 9  # numbers, or keys of two, from which on XLA may have a cipher done by several cores
_LONG = 1 << 14  # elements from which on the ends of vectors cost less than their width gains
_LONGER, _LINE, _SHORT_ROW = 1 << 17, 16, 100  # elements, of transposes; those in a cache line
_PAGE, _PAGES = 1 << 12, 1536  # bytes; of which processors keep 1,536 or 2,048
_TURNING = ("reshape", "rev", "concatenate")
_SHORT_PIECE, _LONG_JOIN = 4, 1 << 21  # elements side by side, bytes
_SHORT_PROGRAM = 32  # equations
_DIVISION = 6  # additions' worth of finding an element's place in short rows that are laid flat
_MANY_READ = 1 << 13  # elements taken one by one
_SOME = 1 << 11  # elements of which functions take some microseconds, and draws as well
_FEW = 1 << 9  # elements from which on a kernel of its own is slow that is not vectorised
_RUNNING = frozenset(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "cumor", "cumand", "cumxor"))
_EXTREMA = frozenset(("reduce_max", "reduce_min"))
_SCATTERED_EXTREMA = frozenset(("scatter-max", "scatter-min"))
_EVEN = frozenset([1 << i for i in range(1, 10)])
_EACH = 30  # additions' worth of an equation besides those of its elements


def summarize(closed: ClosedJaxpr, donated: Sequence[int] = ()) -> ProgramSummary:
    """Counts what decides how a program should be compiled. `donated` are the arguments that results may lie in."""
    counts = dict.fromkeys(
        (
            "loops",
            "reductions",
            "extrema",
            "convolutions",
            "wide_convolutions",
            "narrow_convolutions",
            "dots",
            "batched_dots",
            "draws",
            "long_draws",
            "varied_draws",
            "misrounded",
            "elementwise",
            "formulas",
            "callbacks",
            "barriers",
            "looped_barriers",
            "looped_ciphers",
            "functions",
            "long_elementwise",
            "newer",
            "running",
            "shared",
        ),
        0,
    )
    kernels = set()
    total = widest = longest = slow_joins = complex_functions = divided = 0
    work = computed = 0.0

    def count(eqn, avals, number, looped, times):
        """Equations that are alike in operation and avals, `number` of them."""
        nonlocal work, computed, complex_functions
        op, results = eqn.op, [v.aval for v in eqn.outvars]
        own = number * times * op.work(avals, results)
        work += number * times * _EACH + own
        computed += own * max([_width(aval) for aval in (*avals, *results)], default=0)
        kind = op.kind
        # the formula of float64 is XLA's own tan where an angle is huge
        if op.name == "tan" and not (
            results[0].dtype.itemsize < 8 and has_long_formula(op, results[0]) and total <= MANY
        ):
            counts["misrounded"] += number
        if any([_has_no_negative_zero(aval) for aval in (*avals, *results)]):
            counts["misrounded"] += number
        if looped and op.keeps_apart and max([aval.size for aval in results]) >= _SHARED:
            counts["looped_ciphers"] += number
        counts["running"] += op.name in _RUNNING
        if op.name in _SCATTERED_EXTREMA and avals[-1].size >= _LONG:
            counts["newer"] += number
        if op.name == "concatenate" and op.piece(avals, results[0], is_computed=False):
            counts["newer"] += number
        if op.name == "gather" and results[0].size >= _MANY_READ and math.prod(op.slice_sizes) == 1:
            counts["newer"] += number
        if op.name == "pad" and results[0].size >= _LONGER and any([between for _, _, between in op.padding_config]):
            counts["newer"] += number
        if op.name == "reduce_prod" and results[0].dtype.kind == "c" and avals[0].size >= _LONG:
            counts["newer"] += number
        if op.name in _EXTREMA and are_in_one_kernel(avals[0], op.axes):
            counts["newer"] += number
        if op.writes_loops(avals):
            counts["loops"] += number
        if kind in counts:
            counts[kind] += number
            if kind == "reductions" and hasattr(op, "order") and op.name not in _RUNNING:
                counts["extrema"] += number
            if kind == "draws" and results[0].size >= _SOME:
                counts["long_draws"] += number
            if looped and kind == "barriers":
                counts["looped_barriers"] += number
            if kind == "convolutions" and results[0].dtype.name in ("float64", "complex128"):
                counts["wide_convolutions"] += number
            if kind == "convolutions" and op.is_narrow(*avals):
                counts["narrow_convolutions"] += number
            if op.is_formula and results[0].size >= _SOME:
                counts["functions"] += number
            # in double precision, powers are XLA's own
            is_power = op.name == "pow" and results[0].dtype.itemsize < 8
            if (op.is_formula or is_power) and results[0].size >= _LONG:
                counts["formulas"] += number
            if op.is_formula and results[0].size >= _SOME and results[0].dtype.kind == "c":
                complex_functions += number
            if kind == "elementwise" and results[0].size >= _LONG:
                counts["long_elementwise"] += number
                if looped:  # what a loop carries is written over
                    counts["newer"] += number
            if kind == "dots" and any(op.dimension_numbers[1]):
                counts["batched_dots"] += number

    def visit(jaxpr, looped=False, times: float = 1):
        nonlocal total, widest, longest, slow_joins, divided
        total += len(jaxpr.eqns)
        alike: dict[tuple, list] = {}  # most equations of long programs are
        spread, filled, made = set(), set(), set()  # elementwise, what is made
        written: set = set()
        turned: dict = {}  # slow transposes, and of what; None where even x + x.T is better by the newer one
        turned_round: set = set()  # what is laid otherwise or turned round, and slices of it
        dear: dict = {}  # long results that cost more than to be computed again, and how many equations use them
        for eqn in jaxpr.eqns:
            op = eqn.op
            if dear:
                for v in eqn.invars:
                    if v in dear:
                        dear[v] += 1
            if (op.is_formula or op.name == "div") and eqn.outvars[0].aval.size >= _FEW:
                dear[eqn.outvars[0]] = 0
            if op.name == "broadcast_in_dim" and not eqn.invars[0].aval.shape:
                filled.add(eqn.outvars[0])
            elif op.name == "random_gamma" and eqn.invars[1] not in filled:
                counts["varied_draws"] += 1
            if op.kind == "elementwise" and eqn.outvars[0].aval.size >= _SOME:
                made.add(eqn.outvars[0])
                for v in [v for v in eqn.invars if v in turned and turned[v] in eqn.invars]:
                    del turned[v]  # x + x.T of 1024 x 1024: 3.1 ms by the older one, 8.5 by the newer
            elif op.name == "concatenate" and any([v in made for v in eqn.invars]):
                # the older one's loop over them is not vectorised
                avals, joined = [v.aval for v in eqn.invars], eqn.outvars[0].aval
                is_flat = math.prod(joined.shape[: op.dimension]) == 1 and joined.size >= _LONG
                counts["newer"] += is_flat or op.piece(avals, joined, is_computed=True) > 0
            elif op.name == "transpose" and _is_slow_transpose(op, eqn.invars[0].aval):
                turned[eqn.outvars[0]] = None if _goes_far(eqn) else eqn.invars[0]
            elif op.name == "reshape" and _merges_rows(op, eqn.invars[0].aval):
                counts["newer"] += 1
            if op.name == "concatenate" and _is_slow_join(op, eqn, turned_round):
                slow_joins += 1
            if op.name in _TURNING or (op.name == "slice" and eqn.invars[0] in turned_round):
                turned_round.add(eqn.outvars[0])
            if op.name == "reshape" and _lays_short_rows_flat(op, eqn.invars[0]) and eqn.invars[0] in written:
                divided += eqn.outvars[0].aval.size
            written.update(eqn.outvars)
            if op.name == "broadcast_in_dim" and _is_spread(op):
                spread.add(eqn.outvars[0])
            elif spread and op.name == "reshape" and len(op.new_sizes) == 1 and eqn.invars[0] in spread:
                counts["newer"] += 1
            if not op.holds_programs:
                row = alike.setdefault((op, *[v.aval for v in eqn.invars]), [eqn, 0])
                row[1] += 1
                continue
            avals = [v.aval for v in eqn.invars]
            count(eqn, avals, 1, looped, times)
            kernels.add((op.name, *avals))
            turns, before = times * op.turns(avals), total
            for _, inner in subprograms(op):
                program = inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner
                visit(program, looped or op.kind == "loops", turns)
            if op.kind == "loops":
                widest = max(widest, len(eqn.invars) + len(eqn.outvars))
                longest = max(longest, total - before)
        counts["shared"] += sum([uses > 1 for uses in dear.values()])
        counts["newer"] += len(turned)
        for (_, *avals), (eqn, number) in alike.items():
            count(eqn, avals, number, looped, times)
        kernels.update(alike)

    jaxpr = closed.jaxpr
    visit(jaxpr)
    work, computed = work + _DIVISION * divided, computed + 8 * _DIVISION * divided
    if total <= _SHORT_PROGRAM:  # elsewhere it is more that compiles twice as long
        counts["newer"] += slow_joins + (complex_functions if total > 1 else 0)
    if counts["long_elementwise"] and any([jaxpr.invars[i].aval.size >= _LONG for i in donated]):
        counts["newer"] += 1  # it is written over, as what a loop carries
    return ProgramSummary(
        equations=total,
        distinct_kernels=len(kernels),
        lone=total == 1,
        work=work,
        computed=computed,
        traffic=sum([v.aval.size * _width(v.aval) for v in (*jaxpr.invars, *jaxpr.constvars, *jaxpr.outvars)]),
        widest_loop=widest,
        longest_loop=longest,
        **counts,
    )


def _has_no_negative_zero(aval) -> bool:
    return aval.dtype is not None and not aval.extended and aval.dtype.name.endswith("fnuz")


def _width(aval) -> float:
    """How many bytes an element takes; where it is no number (keys, tokens), as many as a float32."""
    return 4 if aval.extended or aval.dtype is None else _bytes(aval.dtype)


@functools.cache
def _bytes(dtype):
    return dtypes.itemsize_bits(dtype) / 8


def _is_spread(op) -> bool:
    """Is each element of a long array repeated side by side, 2, 4, … times?"""
    shape = op.shape
    last = len(shape) - 1
    return last > 0 and last not in op.broadcast_dimensions and shape[last] in _EVEN and math.prod(shape) >= _LONG


def in_memory(jaxpr) -> set:
    """What is best written to memory, so that a transpose which goes down far columns is computed by itself, in tiles.

    In the loop of an elementwise operation it reads, for each number, a line of the cache on a page that has to be
    looked for. XLA puts it there, before or behind, where the operation has no other operand, and again for each use.
    """
    far = {eqn.outvars[0]: eqn.invars[0] for eqn in jaxpr.eqns if _goes_far(eqn)}
    if not far:
        return set()
    uses, alone, by_one = dict.fromkeys(far, 0), set(), set()
    for eqn in jaxpr.eqns:
        op = eqn.op
        is_lone = op.kind == "elementwise" and len([v for v in eqn.invars if v.aval.shape]) == 1
        if is_lone:
            by_one.add(eqn.outvars[0])
        if op.kind in ("elementwise", "reductions"):
            for v in eqn.invars:
                if v in uses:
                    uses[v] += 1
                    if is_lone:
                        alone.add(v)
    return {v for v in far if v in alone or uses[v] > 1} | by_one.intersection(far.values())


def _goes_far(eqn) -> bool:
    """Is it a transpose that reads from more pages than the processor keeps the addresses of?"""
    return eqn.op.name == "transpose" and _reads_far(eqn.op, eqn.invars[0].aval)


def _reads_far(op, x) -> bool:
    return not (is_symbolic(x.shape) or x.extended) and x.size >= _LONGER and _pages_read(op, x) > _PAGES


def _is_slow_transpose(op, x) -> bool:
    """Is it one for which the older emitter reads, or writes, many cache lines of which it uses a number each?

    Rows that begin at multiples of a line fall on few places of the cache; short ones are over before a line is. Bytes,
    of which a line holds many, are read and written one by one. And lines on more pages than the processor keeps the
    addresses of have to be looked for each time.
    """
    moved = [i for i in op.permutation if x.shape[i] != 1]
    if moved == sorted(moved) or x.size < _LONG:
        return False
    from_rows, to_rows = x.shape[max(moved)], x.shape[moved[-1]]
    if from_rows % _LINE == 0:
        return True
    is_slow = to_rows % _LINE == 0 or min(from_rows, to_rows) < _SHORT_ROW or _width(x) == 1
    return x.size >= _LONGER and (is_slow or _reads_far(op, x))


def _pages_read(op, x) -> float:
    """On how many pages are the lines that are read, in the order of the result, before one is read again?"""
    between = op.permutation[op.permutation.index(len(x.shape) - 1) + 1 :]
    steps = [math.prod(x.shape[axis + 1 :]) * _width(x) for axis in between if x.shape[axis] > 1]
    return math.prod([x.shape[axis] for axis in between]) * min(1, min(steps, default=0) / _PAGE)


def _is_slow_join(op, eqn, turned_round) -> bool:
    """Does the older emitter go from element to element, where the newer one copies rows?

    So it joins what the program itself lays flat or turns round, and bfloat16.
    """
    joined = eqn.outvars[0].aval
    if joined.size < _SOME or max([math.prod(v.aval.shape[op.dimension :]) for v in eqn.invars]) < _SHORT_PIECE:
        return False
    if joined.dtype.name == "bfloat16":
        return True
    is_long = joined.size * _width(joined) > _LONG_JOIN
    return not is_long and any([v in turned_round for v in eqn.invars])


def _lays_short_rows_flat(op, v) -> bool:
    """Does XLA divide for each element, to find it in a row of a few?"""
    shape = v.aval.shape
    return len(shape) > 1 and 1 < shape[-1] <= _LINE and shape[-1] != op.new_sizes[-1] and v.aval.size >= _LONGER


def _merges_rows(op, x) -> bool:
    """Are rows of a power of two laid one after the other, which keeps the older emitter from vectorising?"""
    return (
        x.size >= _LONGER
        and len(x.shape) > 1
        and 1 < x.shape[-1] < op.new_sizes[-1]
        and x.shape[-1] & (x.shape[-1] - 1) == 0
    )

"""Errors gathered: a program becomes one that also says what went wrong first.

The state handed from equation to equation is a code, 0 while all is well, else the number of the site that failed
first, and the values that this site's message speaks of. Sites share places for their values where shapes and dtypes
are alike: only one of them speaks in the end. Which sites there are is found before, by a `Ledger`, since the
bodies of loops have to carry the state of all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.core.checks import DivisionByZeroError, Entry, FailedCheckError, NaNError, OOBError, Site
from bevel.core.effects import CHECK
from bevel.core.jaxpr import ClosedJaxpr, Literal, subprograms
from bevel.core.source import summarize
from bevel.core.staging import hoist_tracers, stage
from bevel.core.trace import get_aval
from bevel.core.trace import state as now
from bevel.ops.arithmetic import add
from bevel.ops.barriers import StopGradient
from bevel.ops.checks import INT, Check
from bevel.ops.convert import convert
from bevel.ops.cutting import Concatenate
from bevel.ops.logic import and_, eq, gt, ne, select
from bevel.ops.reductions import reduce_min, reduce_or
from bevel.ops.shapes import Iota, broadcast_to_shape, reduce_sum, reshape, zeros

# Ops that hand on values as they are, or choose among them: a NaN that they give was there before.
HANDS_ON = frozenset(
    """abs argmax argmin bitcast_convert_type broadcast_in_dim ceil clamp concatenate conj convert_element_type copy
    copy_p cummax cummin dynamic_slice dynamic_update_slice floor gather imag iota mask_tangent max min name
    neg nextafter optimization_barrier real reduce_max reduce_min reduce_precision reduce_window_max reduce_window_min
    reshape rev round scatter scatter-max scatter-min select_and_gather_add select_n sign slice sort split squeeze
    stack stop_gradient tile top_k transpose unstack""".split()
)
KINDS = {"division": DivisionByZeroError, "index": OOBError}
CODE = ShapedArray((), INT)


def place_of(indices) -> ShapedArray:
    """The aval of an index, and which column of the indices it is in."""
    return ShapedArray((2,), np.dtype("int64") if get_aval(indices).dtype.itemsize == 8 else INT)


class Ledger:
    """The sites of a program and of the programs inside: `entries`, counted from 1, and `avals` of the values kept."""

    def __init__(self, kinds, programs):
        self.kinds = frozenset(kinds)
        self.entries: list[Entry] = []
        self.avals: list[ShapedArray] = []
        self.numbers: dict[Any, int] = {}  # of the first of an equation's sites, by these sites
        self.blocks: dict[int, tuple] = {}  # by the identity of equations
        self.concerned: dict[int, bool] = {}  # by the identity of programs
        self.programs: dict[int, ClosedJaxpr] = {}
        self.held = list(programs)
        for program in programs:
            self.look(program)

    def start(self):
        """The state in which all is well."""
        return [np.int32(0), *[zeros(a) for a in self.avals]]

    def look(self, closed) -> bool:
        """Enters the sites of a program; is there any?"""
        known = self.concerned.get(id(closed))
        if known is None:
            known = False
            for eqn in closed.eqns:
                for sites, avals in self.sites(eqn):
                    self.enter(sites, avals)
                    known = True
                if eqn.op.checked is not None:
                    known |= any([self.look(program) for _, program in subprograms(eqn.op)])
            self.concerned[id(closed)] = known
            self.held.append(closed)
        return known

    def enter(self, sites, avals):
        if (sites, avals) in self.numbers:
            return
        free = list(range(len(self.avals)))
        slots = []
        for aval in avals:
            slot = next((i for i in free if self.avals[i] == aval), None)
            if slot is None:
                slot = len(self.avals)
                self.avals.append(aval)
            else:
                free.remove(slot)
            slots.append(slot)
        self.numbers[sites, avals] = len(self.entries) + 1
        for site, own in sites:
            self.entries.append(Entry(site, tuple([slots[i] for i in own])))

    def sites(self, eqn) -> tuple:
        """What an equation itself may find wrong: rows of (entries, avals of the values they speak of)."""
        found = self.blocks.get(id(eqn))
        if found is None:
            found = self.blocks[id(eqn)] = tuple(self._sites(eqn))
            self.held.append(eqn)
        return found

    def _sites(self, eqn):
        op = eqn.op
        if type(op) is Check:
            if FailedCheckError in self.kinds or any([e.site.kind in self.kinds for e in op.entries]):
                yield op.entries, tuple([v.aval.strip_weak_type() for v in eqn.invars[1:]])
            return
        if op.mistakes is not None and len(self.kinds) > (FailedCheckError in self.kinds):
            found: list[Any] = []

            def look(*operands):
                found.append(op.mistakes(*operands))
                return []

            stage(look, [v.aval for v in eqn.invars])
            if found[0] is not None and KINDS[found[0][0]] in self.kinds:
                kind, fixed, _, values = found[0]
                kind = KINDS[kind]
                yield self.entry(kind, fixed, eqn), () if values is None else (place_of(values),)
        if NaNError in self.kinds and gives_numbers(eqn):
            yield self.entry(NaNError, (), eqn), ()

    def entry(self, kind, fixed, eqn):
        message = {
            NaNError: f"nan generated by primitive: {eqn.op.name}.",
            OOBError: f"out-of-bounds indexing for array of shape {fixed and fixed[0]}: ",
        }.get(kind, "division by zero")
        return (Entry(Site(kind, message, fixed, summarize(eqn.source)), (0,) if kind is OOBError else ()),)

    def program(self, closed) -> ClosedJaxpr:
        """The program that takes the state before its arguments, and gives it before its results."""
        found = self.programs.get(id(closed))
        if found is None:
            count = 1 + len(self.avals)

            def run(*args):
                state, results = run_checked(closed, self, args[:count], *args[count:])
                return [*state, *results]

            jaxpr, consts = stage(run, [CODE, *self.avals, *closed.in_avals], closed.jaxpr.name)
            found, outer = hoist_tracers(jaxpr, consts)
            assert not outer, "a closed program closed over a tracer"
            self.programs[id(closed)] = found
        return found

    def beside(self, state, op, program, operands, inputs):
        """(state, results) of an op with a derivative of its own: it stays; its program runs beside it for its errors.

        The compiler merges the two, which compute the same.
        """
        stopped = [StopGradient()(x) if dtypes.issubdtype(get_aval(x).dtype, np.inexact) else x for x in inputs]
        after, results = run_checked(program, self, state, *stopped)
        if program.effects - {CHECK}:  # what it does must not happen twice
            return after, results
        return after, unchecked_op(op)(*operands)

    def split(self, results):
        """(state, results) of a program of `program`."""
        count = 1 + len(self.avals)
        return list(results[:count]), list(results[count:])


def gives_numbers(eqn) -> bool:
    op = eqn.op
    return (
        not op.holds_programs
        and op.name not in HANDS_ON
        and any([dtypes.issubdtype(v.aval.dtype, np.inexact) for v in eqn.outvars if isinstance(v.aval, ShapedArray)])
    )


def run_checked(closed, ledger, state, *args):
    """Runs a program's equations under the current trace: (state, results)."""
    jaxpr = closed.jaxpr
    env = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    state = list(state)
    for eqn in jaxpr.eqns:
        op = eqn.op
        operands = [v.val if type(v) is Literal else env[v] for v in eqn.invars]
        if type(op) is Check:
            for sites, avals in ledger.sites(eqn):
                first = ledger.numbers[sites, avals]
                code = operands[0]
                code = select(gt(code, np.int32(0)), add(code, np.int32(first - 1)), np.int32(0))
                state = noted(ledger, state, ne(code, np.int32(0)), code, sites, first, operands[1:])
            continue
        before = now.place
        now.place = eqn.source if before is None else before
        try:
            if op.checked is not None and any([ledger.look(p) for _, p in subprograms(op)]):
                state, results = op.checked(ledger, state, *operands)
            else:
                if CHECK in op.effects:
                    op = unchecked_op(op)
                results = op(*operands)
                results = results if op.multiple_results else [results]
                for sites, avals in ledger.sites(eqn):
                    state = found_mistake(ledger, state, op, operands, results, sites, avals)
        finally:
            now.place = before
        env.update(zip(eqn.outvars, results, strict=True))
    return state, [v.val if type(v) is Literal else env[v] for v in jaxpr.outvars]


def found_mistake(ledger, state, op, operands, results, sites, avals):
    number = ledger.numbers[sites, avals]
    if sites[0].site.kind is NaNError:
        failed: Any = False
        for result in results:
            aval = get_aval(result)
            if dtypes.issubdtype(aval.dtype, np.inexact):
                here = over_all(reduce_or, ne(result, result))
                failed = here if failed is False else select(failed, np.bool_(True), here)
        return noted(ledger, state, failed, np.int32(number), sites, number, ())
    _, _, wrong, values = op.mistakes(*operands)
    failed = over_all(reduce_or, wrong)
    payload = () if values is None else (first_wrong(wrong, values),)
    return noted(ledger, state, failed, np.int32(number), sites, number, payload)


def over_all(reduce, x):
    return reduce(x, tuple(range(len(get_aval(x).shape))))


def first_wrong(wrong, values):
    """The first value that is wrong, and its place along the last axis, side by side."""
    shape, dtype = get_aval(values).shape, place_of(values).dtype
    size, columns = int(np.prod(shape)), shape[-1]
    count = Iota(INT, (size,), 0)()
    first = over_all(reduce_min, select(reshape(wrong, (size,)), count, size - 1))
    here = eq(count, broadcast_to_shape(first, (size,), ()))
    value = reduce_sum(select(here, convert(reshape(values, (size,)), dtype), 0), (0,))
    column = (
        reduce_sum(select(here, np.arange(size, dtype=INT).astype(dtype) % columns, 0), (0,)) if columns > 1 else None
    )
    pair = [reshape(value, (1,)), np.zeros(1, dtype) if column is None else reshape(column, (1,))]
    return Concatenate(0)(*pair)


def noted(ledger, state, failed, code, sites, first, values):
    """The state after a site has failed, or not: the first failure stays."""
    # before the first site, all is well
    is_first = failed if isinstance(state[0], np.int32) else and_(eq(state[0], np.int32(0)), failed)
    after = [select(is_first, code, state[0]), *state[1:]]
    slots = slots_of(ledger, sites, first, len(values))
    for slot, value in zip(slots, values, strict=True):
        old = state[1 + slot]
        aval = get_aval(old)
        value = convert(value, aval.dtype)
        if dtypes.issubdtype(aval.dtype, np.inexact):
            value = StopGradient()(value)
        chosen = broadcast_to_shape(is_first, aval.shape, ()) if aval.shape else is_first
        after[1 + slot] = select(chosen, value, old)
    return after


def slots_of(ledger, sites, first, count):
    """Where in the state each of the values goes that belong to these sites."""
    slots = [0] * count
    for i, (_, own) in enumerate(sites):
        for position, slot in zip(own, ledger.entries[first - 1 + i].slots, strict=True):
            slots[position] = slot
    return slots


# ---- ops that have a rule of their own, or that run where they should not


def unchecked(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program without its checks."""
    if CHECK not in closed.effects:
        return closed
    found = closed.kept.get("unchecked")
    if found is None:
        eqns = []
        for eqn in closed.eqns:
            if type(eqn.op) is Check:
                continue
            eqns.append(eqn.replace(op=unchecked_op(eqn.op)) if CHECK in eqn.op.effects else eqn)
        found = closed.kept["unchecked"] = ClosedJaxpr(closed.jaxpr.replace(eqns=eqns), closed.consts)
    return found


def unchecked_op(op):
    if op.unchecked is not None:
        return op.unchecked()
    return type(op)(*[_without_checks(getattr(op, name)) for name in op.fields])


def _without_checks(value):
    if isinstance(value, ClosedJaxpr):
        return unchecked(value)
    if isinstance(value, tuple) and any([isinstance(v, ClosedJaxpr) for v in value]):
        items = [_without_checks(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


def rechecked(op, operands):
    """Applies an op, the checks inside it taken out and done behind it.

    For a cond or a loop under vmap, which computes also what is not chosen: there nothing may be found wrong.
    """
    ledger = Ledger([FailedCheckError], [p for _, p in subprograms(op)])
    state, results = op.checked(ledger, ledger.start(), *operands)
    Check(tuple(ledger.entries))(*state)
    return results


__all__ = ["CODE", "Ledger", "rechecked", "run_checked", "unchecked"]

"""Derivatives of the bodies of scans: a body split into its values and its linear part, and that part transposed.

What is the same in every step is taken out of the loop; what an operand or a result holds already is not kept twice,
and of what is spread out of something smaller that is kept.
"""

from __future__ import annotations

import numpy as np

from bevel.base.dimensions import is_symbolic
from bevel.control.branches import union
from bevel.control.loops import grown
from bevel.control.program import backward, kept, linearize_jaxpr, reached, reordered, restage, run
from bevel.control.scan_products import products_of
from bevel.core.jaxpr import ClosedJaxpr, Literal, Var
from bevel.core.tangents import Zero, is_zero
from bevel.ops.elementwise import add_any
from bevel.ops.shapes import instantiate
from bevel.transforms.simplify import without_dead_code


class _Split:
    """A body split into its values and its derivative.

    has, out_has   which arguments and results have a tangent
    hoisted        constants → residuals that are the same in each step
    primal         (constants, carry, xs) → (carry, ys, residuals to be stacked)
    shared         residuals that are rows of an xs or ys that exists anyway: ("xs" or "ys", which)
    linear         (invariant residuals, tangents of constants, of carry, shared and stacked residuals, tangents of xs)
                   → (tangents of carry, of ys)
    """

    __slots__ = ("has", "hoisted", "linear", "out_has", "primal", "shared")

    has: tuple
    hoisted: ClosedJaxpr
    linear: ClosedJaxpr
    out_has: tuple
    primal: ClosedJaxpr
    shared: list


@kept
def linearized_body(closed, has, num_consts, num_carry) -> _Split:
    has, out_has = grown(has, num_consts, num_carry, lambda marks: linearize_jaxpr(closed, marks)[2])
    program, linear, given_has, count = linearize_jaxpr(closed, has)
    jaxpr = program.jaxpr
    split = _Split()
    split.has, split.out_has = has, out_has
    split_at = len(jaxpr.outvars) - count
    results, residuals = jaxpr.outvars[:split_at], jaxpr.outvars[split_at:]

    invariant_eqns, invariant = _invariant(jaxpr, num_consts)
    xs = {v: i for i, v in enumerate(jaxpr.invars[num_consts + num_carry :])}
    ys = {v: i for i, v in reversed(list(enumerate(results[num_carry:]))) if type(v) is Var}
    hoisted: list = []
    stacked: dict = {}
    makers = {eqn.outvars[0]: eqn for eqn in jaxpr.eqns if eqn.op.name in _SPREADING}
    split.shared, places, spreads = [], [], []
    for v in residuals:
        spread: list = []
        if type(v) is Var and not (v in invariant or v in xs or v in ys):
            v, spread = _least(v, makers)
        spreads.append(spread)
        if type(v) is Literal or v in invariant:
            places.append(("invariant", len(hoisted)))
            hoisted.append(v)
        elif v in xs or v in ys:
            places.append(("shared", len(split.shared)))
            split.shared.append(("xs", xs[v]) if v in xs else ("ys", ys[v]))
        else:
            places.append(("stacked", stacked.setdefault(v, len(stacked))))
    outside = without_dead_code(
        jaxpr.replace(invars=jaxpr.invars[:num_consts], outvars=hoisted, eqns=invariant_eqns, arg_names=None)
    )
    split.hoisted = ClosedJaxpr(outside, program.consts)
    split.primal = ClosedJaxpr(
        without_dead_code(jaxpr.replace(outvars=[*results, *stacked], result_paths=None)), program.consts
    )

    const_count, carry_count = sum(has[:num_consts]), sum(has[num_consts : num_consts + num_carry])
    carry_avals = [a.to_tangent_aval() for a, h in zip(closed.out_avals[:num_carry], out_has, strict=False) if h]
    ends = np.cumsum([len(hoisted), const_count, carry_count, len(split.shared), len(stacked)])

    def run_linear(*args):
        starts = {"invariant": 0, "shared": int(ends[2]), "stacked": int(ends[3])}
        tangents = [*args[ends[0] : ends[2]], *args[ends[4] :]]
        known = []
        for (kind, i), spread in zip(places, spreads, strict=True):
            value = args[starts[kind] + i]
            for op in spread:
                value = op(value)
            known.append(value)
        outs = iter(run(linear, *known, *tangents))
        carries = iter(carry_avals)
        full = []
        for i, (given, wanted) in enumerate(zip(given_has, out_has, strict=True)):
            aval = next(carries) if i < num_carry and wanted else None
            if given:
                full.append(next(outs))
            elif wanted:
                full.append(instantiate(Zero(aval)))
        return full

    tangent_avals = [a.to_tangent_aval().strip_weak_type() for a, h in zip(closed.in_avals, has, strict=True) if h]
    rows = {"xs": jaxpr.invars[num_consts + num_carry :], "ys": results[num_carry:]}
    row_avals = [*[rows[kind][i].aval for kind, i in split.shared], *[v.aval for v in stacked]]
    avals = [
        *[v.aval for v in hoisted],
        *tangent_avals[: const_count + carry_count],
        *row_avals,
        *tangent_avals[const_count + carry_count :],
    ]
    split.linear = restage(run_linear, avals, closed)
    return split


_SPREADING = frozenset(("broadcast_in_dim", "convert_element_type", "reshape"))


def _least(v, makers):
    """What v is spread out of, in the fewest bytes, and the operations that do it: of a mask over rows, a bit a row."""
    best, spread, ops = v, [], []
    while v in makers:
        eqn = makers[v]
        [v], ops = eqn.invars, [eqn.op, *ops]
        if type(v) is not Var or is_symbolic(v.aval.shape) or is_symbolic(best.aval.shape):
            break
        if _bytes(v.aval) <= _bytes(best.aval):
            best, spread = v, ops
    return best, spread


def _bytes(aval):
    return aval.size * aval.dtype.itemsize


def _invariant(jaxpr, num_consts):
    """The equations of a body that depend on its constants alone, and all variables that do."""
    invariant = {*jaxpr.constvars, *jaxpr.invars[:num_consts]}
    eqns = []
    for eqn in jaxpr.eqns:
        if not eqn.op.effects and all(type(v) is Literal or v in invariant for v in eqn.invars):
            eqns.append(eqn)
            invariant.update(eqn.outvars)
    return eqns, invariant


class _Transposed:
    """The transpose of a body that is linear in some arguments.

    linear_carry   which carries are linear
    forward        None, or the body of the other carries: it also gives what they were before the step
    carry_has      which carries' cotangents flow
    const_avals    of the linear constants to which something flows: their cotangents are added up
    flows          for each argument, whether a cotangent comes out for it
    products       those of them that are not added up, but products over all steps
    program        (known constants, sums, cotangents of carry, known carries, known xs, cotangents of ys)
                   → (sums, cotangents of carry, cotangents of xs, factors of products that are none of these)
    """

    __slots__ = ("carry_has", "const_avals", "flows", "forward", "linear_carry", "products", "program")

    carry_has: tuple
    const_avals: list
    flows: list
    forward: ClosedJaxpr | None
    linear_carry: tuple
    products: list
    program: ClosedJaxpr


@kept
def transposed_body(closed, linear, has_ct, num_consts, num_carry) -> _Transposed:
    jaxpr = closed.jaxpr
    first = num_consts + num_carry
    linear, _ = grown(linear, num_consts, num_carry, lambda marks: reached(jaxpr, marks))
    parts = _Transposed()
    parts.linear_carry = carry_linear = linear[num_consts:first]
    known_carry = [i for i in range(num_carry) if not carry_linear[i]]
    known_in = [i for i, lin in enumerate(linear) if not lin]
    parts.forward = None
    if known_carry:
        known_only = reordered(closed, tuple(range(len(linear))), tuple(known_carry))
        pruned = without_dead_code(known_only.jaxpr)
        before = [pruned.invars[num_consts + i] for i in known_carry]
        pruned = pruned.replace(
            invars=[pruned.invars[i] for i in known_in], outvars=[*pruned.outvars, *before], result_paths=None
        )
        parts.forward = ClosedJaxpr(pruned, closed.consts)

    out_avals = closed.out_avals
    ys_has = has_ct[num_carry:]
    avals = closed.in_avals
    known_consts = [i for i in known_in if i < num_consts]
    known_rows = [i for i in known_in if i >= num_consts]  # carries that ran ahead, then xs

    def flow(carry_has, known, carry_cts, ys_cts):
        """Cotangents of all arguments, `Zero` where nothing flows and None where not linear."""
        values = dict(zip([*known_consts, *known_rows], known, strict=True))
        carry_cts, ys_cts = iter(carry_cts), iter(ys_cts)
        cts = [next(carry_cts) if h else Zero(a) for h, a in zip(carry_has, out_avals, strict=False)]
        cts += [next(ys_cts) if h else Zero(a) for h, a in zip(ys_has, out_avals[num_carry:], strict=True)]
        given = iter(backward(closed, linear, [values.get(i) for i in range(len(linear))], cts))
        return [next(given) if lin else None for lin in linear]

    known_avals = [avals[i] for i in [*known_consts, *known_rows]]
    ys_avals = [a.strip_weak_type() for a, h in zip(out_avals[num_carry:], ys_has, strict=True) if h]

    def carry_avals(carry_has):
        return [a.strip_weak_type() for a, h in zip(out_avals, carry_has, strict=False) if h]

    carry_has = tuple([h and lin for h, lin in zip(has_ct, carry_linear, strict=False)])
    while True:
        flows: list = []

        def probe(*args, carry_has=carry_has, flows=flows):
            a, b = len(known_avals), len(known_avals) + sum(carry_has)
            back = flow(carry_has, args[:a], args[a:b], args[b:])
            flows[:] = [ct is not None and not is_zero(ct) for ct in back]
            return []

        restage(probe, [*known_avals, *carry_avals(carry_has), *ys_avals], closed)
        more = union([carry_has, flows[num_consts:first]]) if num_carry else ()
        if more == carry_has:
            break
        carry_has = more
    for i, h in enumerate(carry_has):
        flows[num_consts + i] = h
    parts.carry_has, parts.flows = carry_has, flows
    parts.const_avals = [avals[i].strip_weak_type() for i in range(num_consts) if flows[i]]
    sums = len(parts.const_avals)

    def run_transposed(*args):
        args = iter(args)
        consts = [next(args) for _ in known_consts]
        totals = [next(args) for _ in range(sums)]
        carry_cts = [next(args) for h in carry_has if h]
        rows = [next(args) for _ in known_rows]
        back = flow(carry_has, [*consts, *rows], carry_cts, list(args))
        here = [ct for ct, f in zip(back[:num_consts], flows, strict=False) if f]
        return [
            *[add_any(total, ct) for total, ct in zip(totals, here, strict=True)],
            *[instantiate(ct) for ct, h in zip(back[num_consts:first], carry_has, strict=True) if h],
            *[ct for ct, f in zip(back[first:], flows[first:], strict=True) if f],
        ]

    program = restage(
        run_transposed,
        [
            *[avals[i] for i in known_consts], *parts.const_avals, *carry_avals(carry_has),
            *[avals[i] for i in known_rows], *ys_avals,
        ],
        closed,
    )  # fmt: skip
    rows = len(known_rows) + len(ys_avals)
    parts.program, parts.products = products_of(program, len(known_consts), sums, rows, sums + sum(carry_has))
    return parts


__all__ = ["linearized_body", "transposed_body"]

"""Sums of products taken out of a loop: what each turn adds to a total is one product over all turns.

The gradient of a weight that a loop multiplies by, in each turn, is Σ_t u_tᵀ v_t: t products, and as many times the
total read and written. With the factors of all turns side by side it is one product, over t as over any other axis that
is summed.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from bevel.core.jaxpr import ClosedJaxpr, Var
from bevel.ops.dot import DotGeneral
from bevel.ops.elementwise import AddAny
from bevel.ops.shapes import Transpose
from bevel.transforms.simplify import without_dead_code

# A total of 64 x 64, 100 turns: factors of 4 rows each 0.50 -> 0.34 ms, of 16 rows 0.81 -> 1.04; of 512 x 512, 50 turns
# of 16 rows, 22.1 -> 14.9 ms (docs/decisions/119).
MUCH_LARGER = 8


class Product(NamedTuple):
    """A total that is a product over all turns.

    total    which of the totals it is
    op       the product, of the factors of all turns
    factors  for each of them where those are: ("taken", which of what the loop runs over), ("given", which of its ys)
    then     what is done to the product: transposes, in order
    """

    total: int
    op: DotGeneral
    factors: tuple
    then: tuple


def products_of(program: ClosedJaxpr, consts: int, totals: int, rows: int, carry: int) -> tuple[ClosedJaxpr, list]:
    """(the body without the totals that products give, those products).

    program   (constants, totals, carry, what is taken in each turn) → (totals, carry, ys); there are `consts`, `totals`
              of them and `rows` of what is taken, and `carry` results before the ys, totals included
    gives     a body whose ys have grown by factors that it gave nowhere; a total stays where its factors are not much
              smaller than it is, or need more memory than what the loop runs over
    """
    jaxpr = program.jaxpr
    made = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
    uses = Counter([v for eqn in jaxpr.eqns for v in eqn.invars if type(v) is Var])
    uses.update([v for v in jaxpr.outvars if type(v) is Var])
    taken = {v: i for i, v in enumerate(jaxpr.invars[len(jaxpr.invars) - rows :])}
    given: dict = {}
    for i, v in enumerate(jaxpr.outvars[carry:]):
        given.setdefault(v, i)
    fixed = {*jaxpr.constvars, *jaxpr.invars[:consts]}
    for eqn in jaxpr.eqns:
        if all([type(v) is not Var or v in fixed for v in eqn.invars]):
            fixed.update(eqn.outvars)
    room = sum([_bytes(v.aval) for v in taken])
    found: list = []
    more: list = []
    for i in range(totals):
        product = _product(jaxpr.invars[consts + i], jaxpr.outvars[i], made, uses)
        if product is None:
            continue
        eqn, then = product
        if any([type(v) is not Var or v in fixed for v in eqn.invars]):
            continue
        new = {v: None for v in eqn.invars if v not in taken and v not in given}
        size = sum([_bytes(v.aval) for v in new])
        factors = sum([_bytes(v.aval) for v in eqn.invars])
        if MUCH_LARGER * factors > _bytes(jaxpr.outvars[i].aval) or size > room:
            continue
        room -= size
        for v in new:
            given[v] = len(jaxpr.outvars) - carry + len(more)
            more.append(v)
        places = tuple([("taken", taken[v]) if v in taken else ("given", given[v]) for v in eqn.invars])
        found.append(Product(i, _over_turns(eqn.op), places, then))
    if not found:
        return program, []
    gone = {product.total for product in found}
    changed = jaxpr.replace(
        invars=[v for i, v in enumerate(jaxpr.invars) if i - consts not in gone],
        outvars=[*[v for i, v in enumerate(jaxpr.outvars) if i not in gone], *more],
        arg_names=None,
        result_paths=None,
    )
    return ClosedJaxpr(without_dead_code(changed), program.consts), found


def _product(total, result, made, uses):
    """The product that is all that is added to a total, and the transposes behind it; None for anything else."""
    adding = made.get(result)
    if adding is None or type(adding.op) is not AddAny or uses[result] != 1 or uses[total] != 1:
        return None
    [old, v] = adding.invars
    then: list = []
    eqn = made.get(v) if old is total and type(v) is Var else None
    while eqn is not None and uses[v] == 1 and type(eqn.op) is Transpose:
        then.insert(0, eqn.op)
        [v] = eqn.invars
        eqn = made.get(v) if type(v) is Var else None
    if eqn is None or uses[v] != 1 or type(eqn.op) is not DotGeneral or eqn.outvars[0].aval.dtype != total.aval.dtype:
        return None
    return eqn, tuple(then)


def _over_turns(op: DotGeneral) -> DotGeneral:
    """The product of factors of all turns, summed over the turns, their first axis."""
    (x_sum, y_sum), (x_batch, y_batch) = op.dimension_numbers
    moved = [tuple([axis + 1 for axis in axes]) for axes in (x_sum, y_sum, x_batch, y_batch)]
    return op.replace(dimension_numbers=(((0, *moved[0]), (0, *moved[1])), (moved[2], moved[3])))


def _bytes(aval):
    return aval.size * aval.dtype.itemsize


__all__ = ["Product", "products_of"]

"""The jit call: a program applied inside another program."""

from __future__ import annotations

from bevel.control.program import (
    ProgramOp,
    batch_jaxpr,
    jet_jaxpr,
    jvp_jaxpr,
    linearize_jaxpr,
    reached,
    reordered,
    run,
    spread,
    spread_terms,
    terms_of,
    transpose_jaxpr,
)
from bevel.core.jaxpr import ClosedJaxpr, memories_of_results
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import is_zero
from bevel.ops.shapes import mapped_in_front
from bevel.transforms.order import with_order
from bevel.transforms.simplify import holds_backward_only, live_part


class CallOp(ProgramOp):
    """Applies the program `jaxpr`: what is done to such an op is done to its program.

    A member states `like(program)`, the op of its kind that applies another one.
    """

    jaxpr: ClosedJaxpr

    def like(self, jaxpr):
        raise NotImplementedError(f"{self.name} states no `like`")

    def like_transposed(self, jaxpr, linear):
        """The op that applies a transposed program, where it differs; `linear` marks this op's linear operands."""
        return self.like(jaxpr)

    @property
    def effects(self):
        return self.jaxpr.effects

    @property
    def axis_names(self):
        return axis_names_of(self.jaxpr)

    def jvp(self, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        program, out_has = jvp_jaxpr(self.jaxpr, has)
        results = self.like(program)(*primals, *[t for t in tangents if not is_zero(t)])
        count = len(out_has)
        return results[:count], spread(results[count:], out_has, results)

    def reached(self, marks):
        return reached(self.jaxpr.jaxpr, marks)

    def known_part(self, marks):
        wanted = tuple([i for i, r in enumerate(reached(self.jaxpr.jaxpr, marks)) if not r])
        if not wanted:
            return None
        program, used = live_part(self.jaxpr, wanted)
        taken = tuple([i for i, u in enumerate(used) if u])
        return self.like(reordered(program, taken, tuple(range(len(wanted))))), taken, wanted

    def jet(self, primals, series, order):
        has = tuple([terms is not None for terms in series])
        program, out_has = jet_jaxpr(self.jaxpr, order, has)
        results = self.like(program)(*primals, *terms_of(series, has, primals, order))
        count = len(out_has)
        return results[:count], spread_terms(results[count:], out_has, order)

    def transpose(self, cts, *operands):
        linear = tuple([is_linear(x) for x in operands])
        has_ct = tuple([not is_zero(ct) for ct in cts])
        program = transpose_jaxpr(self.jaxpr, linear, has_ct)
        known = [x for x in operands if not is_linear(x)]
        given = iter(self.like_transposed(program, linear)(*known, *[ct for ct in cts if not is_zero(ct)]))
        return [next(given) if lin else None for lin in linear]

    def batch_program(self, operands, axes, size, axis_name):
        operands = mapped_in_front(operands, axes)
        mapped = tuple([a is not None for a in axes])
        program, out_mapped = batch_jaxpr(self.jaxpr, size, mapped, None, axis_name)
        return self.like(program)(*operands), [0 if m else None for m in out_mapped]

    def checked(self, ledger, state, *operands):
        return ledger.split(self.like(ledger.program(self.jaxpr))(*state, *operands))

    def reference(self, *arrays):
        return run(self.jaxpr, *arrays)


@primitive
class Jit(CallOp):
    """Applies a program. Equations that call one program share one function of the module."""

    fun_name: str = "f"
    donated_invars: tuple[bool, ...] = ()
    keep_unused: bool = False
    inline: bool = False

    def like(self, jaxpr):
        return Jit(jaxpr, self.fun_name, (), self.keep_unused, self.inline)

    @property
    def memories(self):
        return memories_of_results(self.jaxpr.jaxpr)

    @property
    def scope_name(self):
        return f"jit({self.fun_name})"

    def infer(self, *avals):
        return self.jaxpr.out_avals

    def printed(self):
        said = {"jaxpr": True, "donated_invars": any(self.donated_invars), "keep_unused": self.keep_unused}
        said["inline"] = self.inline
        return [("name", self.fun_name), *[(key, getattr(self, key)) for key in sorted(said) if said[key]]]

    def narrowed(self, eqn, wanted):
        if not holds_backward_only(self.jaxpr):
            return eqn
        program, used = live_part(self.jaxpr, tuple([i for i, w in enumerate(wanted) if w]))
        taken = [i for i, u in enumerate(used) if u]
        op = self.like(reordered(program, tuple(taken), tuple(range(sum(wanted)))))
        outvars = [v for v, w in zip(eqn.outvars, wanted, strict=True) if w]
        return eqn.replace(op=op, invars=[eqn.invars[i] for i in taken], outvars=outvars)

    def linearize(self, tape, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        primal, linear, out_has, count = linearize_jaxpr(self.jaxpr, has)
        results = self.like(primal)(*primals)
        split = len(results) - count
        results, residuals = results[:split], results[split:]
        out = self.like(linear)(*residuals, *[t for t in tangents if not is_zero(t)])
        return results, spread(out, out_has, results)

    def in_order(self, order, *operands):
        order, *results = self.like(with_order(self.jaxpr))(order, *operands)
        return order, results

    def lower(self, out, *values):
        if self.inline:
            return out.module.inline(out, self.jaxpr.jaxpr, values, self.jaxpr.consts)
        return out.module.call(out, self.fun_name, self.jaxpr, values)


def axis_names_of(closed) -> frozenset:
    """The names of mapped axes that a program speaks to."""
    found = closed.kept.get("axis_names")
    if found is None:
        found = closed.kept["axis_names"] = frozenset(
            name for eqn in closed.eqns if eqn.op.axis_names for name in eqn.op.axis_names
        )
    return found

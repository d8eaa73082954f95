"""The jit call: a program applied inside another program."""

from __future__ import annotations

from bevel.control.program import ProgramOp, batch_jaxpr, jvp_jaxpr, linearize_jaxpr, run, transpose_jaxpr
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import is_linear, primitive
from bevel.core.tangents import Zero, is_zero
from bevel.core.trace import get_aval
from bevel.ops.shapes import mapped_size, move_axis
from bevel.transforms import lower
from bevel.transforms.order import with_order


@primitive
class Jit(ProgramOp):
    """Applies a program. Equations that call one program share one function of the module."""

    jaxpr: ClosedJaxpr
    fun_name: str = "f"
    donated_invars: tuple[bool, ...] = ()
    keep_unused: bool = False
    inline: bool = False

    @property
    def effects(self):
        return self.jaxpr.effects

    @property
    def axis_names(self):
        return axis_names_of(self.jaxpr)

    def with_program(self, jaxpr):
        return Jit(jaxpr, self.fun_name, (), self.keep_unused, self.inline)

    def infer(self, *avals):
        return self.jaxpr.out_avals

    def printed(self):
        said = {"jaxpr": True, "donated_invars": any(self.donated_invars), "keep_unused": self.keep_unused}
        said["inline"] = self.inline
        return [("name", self.fun_name), *[(key, getattr(self, key)) for key in sorted(said) if said[key]]]

    def jvp(self, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        program, out_has = jvp_jaxpr(self.jaxpr, has)
        results = self.with_program(program)(*primals, *[t for t in tangents if not is_zero(t)])
        count = len(out_has)
        given = iter(results[count:])
        out = [
            next(given) if h else Zero(get_aval(r).to_tangent_aval())
            for r, h in zip(results[:count], out_has, strict=True)
        ]
        return results[:count], out

    def linearize(self, tape, primals, tangents):
        has = tuple([not is_zero(t) for t in tangents])
        primal, linear, out_has, count = linearize_jaxpr(self.jaxpr, has)
        results = self.with_program(primal)(*primals)
        split = len(results) - count
        results, residuals = results[:split], results[split:]
        given = iter(self.with_program(linear)(*residuals, *[t for t in tangents if not is_zero(t)]))
        out = [next(given) if h else Zero(get_aval(r).to_tangent_aval()) for r, h in zip(results, out_has, strict=True)]
        return results, out

    def transpose(self, cts, *operands):
        linear = tuple([is_linear(x) for x in operands])
        has_ct = tuple([not is_zero(ct) for ct in cts])
        program = transpose_jaxpr(self.jaxpr, linear, has_ct)
        given = iter(
            self.with_program(program)(
                *[x for x in operands if not is_linear(x)], *[ct for ct in cts if not is_zero(ct)]
            )
        )
        return [next(given) if lin else None for lin in linear]

    def batch(self, operands, axes, axis_name=None, size=None):
        size = mapped_size(operands, axes) if size is None else size
        operands = [x if a is None else move_axis(x, a, 0) for x, a in zip(operands, axes, strict=True)]
        mapped = tuple([a is not None for a in axes])
        program, out_mapped = batch_jaxpr(self.jaxpr, size, mapped, None, axis_name)
        return self.with_program(program)(*operands), [0 if m else None for m in out_mapped]

    def batch_named(self, axis_name, size, operands, axes):
        return self.batch(operands, axes, axis_name, size)

    def in_order(self, order, *operands):
        order, *results = self.with_program(with_order(self.jaxpr))(order, *operands)
        return order, results

    def lower(self, out, *values):
        if self.inline:
            return lower.inline(out, self.jaxpr.jaxpr, self.jaxpr.consts, values)
        return lower.call(out, self.fun_name, self.jaxpr, values)

    def reference(self, *arrays):
        return run(self.jaxpr, *arrays)


def axis_names_of(closed) -> frozenset:
    """The names of mapped axes that a program speaks to."""
    found = closed.kept.get("axis_names")
    if found is None:
        found = closed.kept["axis_names"] = frozenset(
            name for eqn in closed.eqns if eqn.op.axis_names for name in eqn.op.axis_names
        )
    return found

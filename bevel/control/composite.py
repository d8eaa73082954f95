"""A program under a name that a compiler may know: `lax.composite`."""

from __future__ import annotations

import re
from typing import Any

from bevel.base.avals import ShapedArray
from bevel.control.call import CallOp, Jit
from bevel.control.foreign import thawed
from bevel.control.program import run
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.primitive import primitive
from bevel.engine import foreign
from bevel.engine.builder import i32, string
from bevel.transforms import equations

_IN_A_SPACE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*([.][a-zA-Z0-9_$]+)+")


@primitive
class Composite(CallOp):
    """Applies a program, and says its name, version and attributes to the compiler, which may know a faster way.

    What a transformation makes of it is a plain call: the name belongs to the program as it was written.
    """

    jaxpr: ClosedJaxpr
    fun_name: str
    attributes: tuple[tuple[str, Any], ...]
    version: int

    def like(self, jaxpr):
        return Jit(jaxpr, self.fun_name)

    def infer(self, *avals: ShapedArray):
        return self.jaxpr.out_avals

    def printed(self):
        return sorted(self.params.items())

    @property
    def linearize(self):
        return Jit(self.jaxpr, self.fun_name).linearize

    def in_order(self, order, *operands):
        return Jit(self.jaxpr, self.fun_name).in_order(order, *operands)

    def lower(self, out, *values):
        if not _IN_A_SPACE.fullmatch(self.fun_name):  # StableHLO has names of the form space.name alone
            return equations.inline(out, self.jaxpr.jaxpr, self.jaxpr.consts, values)
        avals = out.avals
        body, hidden = equations.function_of(out, self.fun_name, self.jaxpr)
        attributes = {
            "name": string(self.fun_name),
            "decomposition": body,
            "version": i32(self.version),
            "composite_attributes": foreign.attribute({k: thawed(v) for k, v in self.attributes}),
        }
        return list(out.ops("stablehlo.composite", [*hidden, *values], attributes, avals=avals).results)

    def reference(self, *arrays):
        return run(self.jaxpr, *arrays)


__all__ = ["Composite"]

"""A program that was written down as StableHLO, as an op of other programs: call_exported."""

from __future__ import annotations

import math

from bevel.base.dimensions import is_symbolic
from bevel.base.errors import NonDifferentiableError
from bevel.core.primitive import Primitive, primitive
from bevel.engine import portable
from bevel.engine.builder import physical
from bevel.transforms import equations


class Program:
    """A StableHLO program for each platform, and what goes in and out. Equal only to itself.

    kept      which arguments the programs take
    is_open   have the programs dimensions that are told by the arguments?
    """

    __slots__ = ("by_platform", "in_avals", "is_open", "kept", "name", "out_avals")

    def __init__(self, name, by_platform, in_avals, out_avals, kept, is_open=False):
        self.is_open = is_open
        self.name = name
        self.by_platform = by_platform
        self.in_avals = tuple(in_avals)
        self.out_avals = tuple(out_avals)
        self.kept = tuple(kept)

    def __repr__(self):
        return f"Exported(fun_name={self.name}, ...)"


@primitive
class CallExported(Primitive):
    """Applies a program that was written down. Lowers to a call of its function, copied into the module."""

    exported: Program

    multiple_results = True
    kind = "loops"  # what it holds is not known: compiled with all care
    cost = math.inf
    knows_keys = True

    def infer(self, *avals):
        return list(self.exported.out_avals)

    def jvp(self, primals, tangents):
        raise NonDifferentiableError(
            f"A derivative was asked of the exported {self.exported.name}, which was written down without one.\n"
            "Write it with exported.serialize(vjp_order=1): it then has a reverse mode."
        )

    def lower(self, out, *values):
        of = self.exported
        data = of.by_platform.get(out.platform)
        if data is None:  # the caller was told that platforms do not matter
            data = next(iter(of.by_platform.values()))
        taken = [v for v, k in zip(values, of.kept, strict=True) if k]

        open_here = any([is_symbolic(a.shape) for a in of.in_avals])  # the program around has open dimensions itself

        def read():
            if not of.is_open or open_here:
                return portable.module_of_artifact(data)
            return portable.refined(
                data,
                [physical(a) for a, k in zip(of.in_avals, of.kept, strict=True) if k],
                [physical(a) for a in of.out_avals],
            )

        return equations.call_module(out, ("exported", id(of)), read, taken)


__all__ = ["CallExported", "Program"]

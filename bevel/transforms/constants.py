"""A program's constants: which are written into it, and which become arguments that its caller does not see."""

from __future__ import annotations

import numpy as np

from bevel.base.dtypes import float0
from bevel.core.jaxpr import ClosedJaxpr, subprograms
from bevel.engine.client import Array

# Constants up to this many bytes are written into the module, where XLA may fold them.
_INLINE_BYTES = 256


def is_hidden(value) -> bool:
    """Does this constant go in as a hidden argument rather than into the module's text?"""
    if isinstance(value, Array):  # of rank 0 too: it may be another one next time, and the program the same
        return True
    if getattr(value, "dtype", None) == float0:
        return False
    return (isinstance(value, np.ndarray) and value.nbytes > _INLINE_BYTES) or not isinstance(
        value, (np.ndarray, np.generic)
    )


def hidden_constants(closed) -> dict[int, object]:
    """The constants that become hidden arguments, of this program and those inside it, by identity."""
    found = {}

    def visit(program):
        consts = program.consts if isinstance(program, ClosedJaxpr) else ()
        jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
        for value in consts:
            if is_hidden(value):
                found[id(value)] = value
        for eqn in jaxpr.eqns:
            if eqn.op.holds_programs:
                for _, inner in subprograms(eqn.op):
                    visit(inner)

    visit(closed)
    return found

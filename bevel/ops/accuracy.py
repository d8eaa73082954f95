"""How exact a compiled function has to be: the `accuracy` argument of exp, log, sin and their like."""

from __future__ import annotations

import dataclasses
import enum

from bevel.engine.builder import parsed


class AccuracyMode(enum.Enum):
    """Whether the compiler's usual version of a function is taken, or its most exact one."""

    HIGHEST = 1
    DEFAULT = 2


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The error that a function may have: absolute, relative, or in units of the last place. One must be given."""

    atol: float = 0.0
    rtol: float = 0.0
    ulps: int = 0

    def __post_init__(self):
        if self.atol < 0 or self.rtol < 0 or self.ulps < 0:
            raise ValueError(f"Tolerances cannot be negative; got {self!r}.")
        if not (self.atol or self.rtol or self.ulps):
            raise ValueError("A Tolerance needs one of atol, rtol and ulps; all are zero.")


def accuracy_attributes(accuracy):
    """The attributes that tell the compiler; None where nothing is asked for."""
    if accuracy is None or accuracy is AccuracyMode.DEFAULT:
        return None
    if isinstance(accuracy, AccuracyMode):
        inside = f"mode = #stablehlo.result_accuracy_mode<{accuracy.name}>"
    else:
        inside = (
            f"atol = {accuracy.atol:e}, rtol = {accuracy.rtol:e}, ulps = {int(accuracy.ulps)}, "
            "mode = #stablehlo.result_accuracy_mode<TOLERANCE>"
        )
    return {"result_accuracy": parsed(f"#stablehlo.result_accuracy<{inside}>")}

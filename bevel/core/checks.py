"""What a check says: the site in the user's program where something may be wrong, and the error that it becomes.

A program that gathers its errors (transforms.checks) carries two things: a code, int32[], 0 while all is well and else
the number of the first site that failed; and a few arrays, the values that this site's message speaks of.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bevel.base.errors import BevelError


class JaxRuntimeError(BevelError, ValueError):
    """A check of `checkify` failed while a program ran: its message is the check's, and then the line it stands on.

    Fails:  `err, out = checkify.checkify(f)(x)`, then `err.throw()`, where a check in f does not hold of x.
    Mended: `err.get()` gives the message, or None, without raising.
    """


class FailedCheckError(JaxRuntimeError):
    """A condition that the program checks by `checkify.check` does not hold. See `JaxRuntimeError`."""


class NaNError(JaxRuntimeError):
    """A primitive gave a NaN. See `JaxRuntimeError`."""


class DivisionByZeroError(JaxRuntimeError):
    """Something was divided by zero. See `JaxRuntimeError`."""


class OOBError(JaxRuntimeError):
    """An index was out of bounds. See `JaxRuntimeError`."""


class Site(NamedTuple):
    """A place in the user's program where something may be wrong.

    fixed   what the message needs besides values of the run: for a check by the user (the tree of its arguments, those
            that are no arrays, by position); for an index (the array's shape, the axis of each column of indices)
    place     the user's line, `train.py:41 (loss)`; empty where there is none
    is_debug  without anyone who gathers errors, it says nothing
    """

    kind: type[JaxRuntimeError]
    message: str
    fixed: tuple
    place: str
    is_debug: bool = False

    def text(self, values) -> str:
        """The message, of values of the run."""
        if self.kind is FailedCheckError:
            tree, others = self.fixed
            known, given = dict(others), iter(values)
            leaves = [known[i] if i in known else _shown(next(given)) for i in range(tree.num_leaves)]
            args, kwargs = tree.unflatten(leaves)
            return f"{self.message.format(*args, **kwargs)} (`check` failed)"
        if self.kind is OOBError:
            shape, axes = self.fixed
            index, column = [int(v) for v in np.asarray(values[0])]
            axis = axes[column]
            return f"{self.message}index {index} is out of bounds for axis {axis} with size {shape[axis]}. "
        return self.message

    def error(self, values) -> JaxRuntimeError:
        return self.kind(self.text(values) + self.says_where("\nat {}"))

    def says_where(self, form: str) -> str:
        return form.format(self.place) if self.place else ""


def _shown(value) -> Any:
    """A value as a format string takes it: NumPy's number where it is NumPy's array of one; else as it is."""
    return value[()] if isinstance(value, np.ndarray) and not value.shape else value


class Entry(NamedTuple):
    """A site, and which of the carried arrays hold the values that it speaks of."""

    site: Site
    slots: tuple[int, ...]


__all__ = [
    "DivisionByZeroError", "Entry", "FailedCheckError", "JaxRuntimeError", "NaNError", "OOBError", "Site",
]  # fmt: skip

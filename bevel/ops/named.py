"""Names given to values, by which the policies of remat know them."""

from __future__ import annotations

from bevel.base.errors import DTypeError
from bevel.core.primitive import Primitive, primitive


@primitive
class Name(Primitive):
    """x, under a name."""

    label: str

    def printed(self):
        return [("name", self.label)]

    def infer(self, x):
        if not isinstance(self.label, str):
            raise DTypeError(f"a value is named by a string; got a {type(self.label).__name__}: {self.label!r}.")
        return x

    def jvp(self, primals, tangents):
        return self(*primals), tangents[0]

    def transpose(self, ct, x):
        return [ct]

    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        return self(x), axis

    def lower(self, out, x):
        return x

    def reference(self, x):
        return x

    @classmethod
    def samples(cls, array):
        yield cls("activations"), [array(2, 3)]
        yield cls("mask"), [array(dtype="int32")]
        yield cls("empty"), [array(0)]

    @classmethod
    def refusals(cls, array):
        yield cls(3), [array(2)], "by a string"


__all__ = ["Name"]

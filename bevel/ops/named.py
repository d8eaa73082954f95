"""Names given to values, by which the policies of remat know them."""

from __future__ import annotations

from bevel.core.primitive import Primitive, primitive


@primitive
class Name(Primitive):
    """x, under a name."""

    label: str

    @property
    def params(self):
        return {"name": self.label}

    def printed(self):
        return [("name", self.label)]

    def infer(self, x):
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
        return iter(())


__all__ = ["Name"]

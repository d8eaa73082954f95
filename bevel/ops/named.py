"""What policies of remat say of values: names that they go by, and the memory that they wait in."""

from __future__ import annotations

from bevel.base.errors import DTypeError
from bevel.core.primitive import Primitive, primitive
from bevel.engine.builder import boolean, parsed, string


class Mark(Primitive):
    """x, of which something is said; of its tangent and cotangent nothing is."""

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


@primitive
class Name(Mark):
    """x, under a name."""

    label: str

    def printed(self):
        return [("name", self.label)]

    def infer(self, x):
        if not isinstance(self.label, str):
            raise DTypeError(f"a value is named by a string; got a {type(self.label).__name__}: {self.label!r}.")
        return x

    @classmethod
    def samples(cls, array):
        yield cls("activations"), [array(2, 3)]
        yield cls("mask"), [array(dtype="int32")]
        yield cls("empty"), [array(0)]

    @classmethod
    def refusals(cls, array):
        yield cls(3), [array(2)], "by a string"


@primitive
class AnnotateDevicePlacement(Mark):
    """x, in a memory of the device: "pinned_host", "device". Where a platform has one memory, x as it is.

    Lowers to the custom call that XLA's host offloading looks for; CPUs need none.
    """

    memory_kind: str

    def infer(self, x):
        if not isinstance(self.memory_kind, str):
            raise DTypeError(f"a kind of memory is a string; got {self.memory_kind!r}.")
        return x

    def lower(self, out, x):
        if out.platform == "cpu":
            return x
        placement = parsed(f'{{_xla_buffer_placement = "{self.memory_kind}"}}')
        return out.op(
            "stablehlo.custom_call",
            [x],
            {
                "call_target_name": string("annotate_device_placement"),
                "has_side_effect": boolean(True),
                "mhlo.frontend_attributes": placement,
            },
        )

    @classmethod
    def samples(cls, array):
        yield cls("pinned_host"), [array(2, 3)]

    @classmethod
    def refusals(cls, array):
        yield cls(None), [array(2)], "memory is a string"


__all__ = ["AnnotateDevicePlacement", "Name"]

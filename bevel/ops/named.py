"""What policies of remat say of values: names that they go by, and the memory that they wait in."""

from __future__ import annotations

import enum
from typing import ClassVar

from bevel.base.errors import DTypeError, ShapeError
from bevel.base.words import kind_of
from bevel.core.primitive import Primitive, primitive
from bevel.core.tangents import is_zero
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
            raise DTypeError(f"a value is named by a string; got {kind_of(self.label)}: {self.label!r}.")
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
    gaps: ClassVar = {"reach": "it says where values lie, whatever they are"}

    def infer(self, x):
        if not isinstance(self.memory_kind, str):
            raise DTypeError(f"a kind of memory is a string; got {self.memory_kind!r}.")
        return x

    @property
    def memories(self):
        return [self.memory_kind]

    def lower(self, out, x):
        return in_memory(out, x, self.memory_kind)

    @classmethod
    def samples(cls, array):
        yield cls("pinned_host"), [array(2, 3)]

    @classmethod
    def refusals(cls, array):
        yield cls(None), [array(2)], "memory is a string"


class ArrayCopySemantics(enum.Enum):
    """What `device_put` may do with the memory of what it is given: leave it, share it, or take it over."""

    ALWAYS_COPY = enum.auto()
    REUSE_INPUT = enum.auto()
    DONATE_INPUT = enum.auto()

    def __repr__(self):
        return f"ArrayCopySemantics.{self.name}"

    __str__ = __repr__


@primitive
class DevicePut(Primitive):
    """Its operands as they are, said to be put on devices.

    For each operand: a device, a sharding or None; where it was; and whether its memory may be used again.

    A program runs where its arguments are, so this moves nothing, but for shardings that name another memory; of one
    over several devices, the value lies so from here on.
    """

    multiple_results = True
    devices: tuple
    srcs: tuple
    copy_semantics: tuple
    gaps: ClassVar = {"reach": "it says where values lie, whatever they are"}

    def infer(self, *avals):
        if not len(avals) == len(self.devices) == len(self.srcs) == len(self.copy_semantics):
            raise ShapeError(f"device_put needs a device for each operand; got {len(avals)} and {self.devices}.")
        return list(avals)

    def of(self, chosen):
        """The op for the chosen ones of its operands."""
        rows = [row for row, c in zip(self.rows, chosen, strict=True) if c]
        return DevicePut(*[tuple(column) for column in zip(*rows, strict=True)])

    @property
    def rows(self):
        return list(zip(self.devices, self.srcs, self.copy_semantics, strict=True))

    def jvp(self, primals, tangents):
        has = [not is_zero(t) for t in tangents]
        put = iter(self.of(has)(*[t for t in tangents if not is_zero(t)]))
        return self(*primals), [next(put) if h else t for h, t in zip(has, tangents, strict=True)]

    def transpose(self, cts, *operands):
        has = [not is_zero(ct) for ct in cts]
        there = self.of(has)
        back = DevicePut(there.srcs, there.devices, (ArrayCopySemantics.ALWAYS_COPY,) * sum(has))
        put = iter(back(*[ct for ct in cts if not is_zero(ct)]))
        return [next(put) if h else None for h in has]

    def batch(self, operands, axes):
        rows = zip(self.devices, axes, strict=True)
        devices = tuple([to.with_axis(axis) if axis is not None and is_on_mesh(to) else to for to, axis in rows])
        return self.replace(devices=devices)(*operands), axes

    @property
    def memories(self):
        return [getattr(to, "memory_kind", None) for to in self.devices]

    def lower(self, out, *values):
        rows = zip(values, self.devices, self.memories, out.avals, strict=True)
        return [self.put(out, *row) for row in rows]

    def put(self, out, value, to, kind, aval):
        if is_on_mesh(to) and to.num_devices > 1:
            from bevel.ops.shardings import sdy  # loaded by then: it is a sharding over a mesh

            sharding = sdy(out.module, to, value.type.rank)
            return out.op("sdy.sharding_constraint", [value], {"sharding": sharding}, aval=aval)
        return value if kind is None else in_memory(out, value, kind)

    def reference(self, *arrays):
        return list(arrays)

    @classmethod
    def samples(cls, array):
        reuse = ArrayCopySemantics.REUSE_INPUT
        yield cls((None,), (None,), (reuse,)), [array(2, 3)]
        yield cls((None, None), (None, None), (reuse, reuse)), [array(3), array(dtype="int32")]

    @classmethod
    def refusals(cls, array):
        yield cls((), (), ()), [array(2)], "a device for each operand"


def is_on_mesh(to) -> bool:
    """Is it a sharding over a mesh?"""
    return getattr(to, "is_named", False)


def in_memory(out, x, kind):
    """x in a memory of the device, by the custom call that XLA's host offloading looks for."""
    if out.platform == "cpu":
        return x
    placement = parsed(f'{{_xla_buffer_placement = "{kind}"}}')
    return out.op(
        "stablehlo.custom_call",
        [x],
        {
            "call_target_name": string("annotate_device_placement"),
            "has_side_effect": boolean(True),
            "mhlo.frontend_attributes": placement,
        },
    )


__all__ = ["AnnotateDevicePlacement", "ArrayCopySemantics", "DevicePut", "Name", "in_memory"]

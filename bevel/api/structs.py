"""Structs: what is said of an array without its numbers, to trace with."""

from __future__ import annotations

from typing import Any

from bevel.api import layouts
from bevel.base.avals import ShapedArray
from bevel.core.trace import aval_of_type


class ShapeDtypeStruct:
    """A stand-in for an array: its shape and dtype, for tracing without data."""

    __slots__ = ("dtype", "layout", "shape", "sharding", "vma", "weak_type")

    def __init__(self, shape, dtype, *, sharding=None, weak_type=False, vma=None, is_ref=False):
        if dtype is None:
            raise ValueError("ShapeDtypeStruct needs a dtype; it was given None.")
        aval = ShapedArray(tuple(shape), dtype, weak_type)
        self.shape, self.dtype, self.weak_type = aval.shape, aval.dtype, aval.weak_type
        self.layout = None
        if isinstance(sharding, layouts.Format):
            self.layout, sharding = layouts.layout_of_struct(sharding, self.shape), sharding.sharding
        self.sharding = sharding
        self.vma = vma

    format = property(lambda self: layouts.Format(self.layout, self.sharding))
    size = property(lambda self: ShapedArray(self.shape, self.dtype).size)
    ndim = property(lambda self: len(self.shape))
    aval = property(lambda self: ShapedArray(self.shape, self.dtype, self.weak_type))

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of a ShapeDtypeStruct of rank 0: it has no first axis.")
        return self.shape[0]

    def update(self, **changes) -> ShapeDtypeStruct:
        """The struct that differs from this one in the fields named."""
        fields: dict[str, Any] = {
            "shape": self.shape,
            "dtype": self.dtype,
            "sharding": self.sharding if self.layout is None else self.format,
            "weak_type": self.weak_type,
            "vma": self.vma,
        }
        fields.update(changes)
        return ShapeDtypeStruct(fields.pop("shape"), fields.pop("dtype"), **fields)

    def __eq__(self, other):
        return isinstance(other, ShapeDtypeStruct) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def _key(self):
        return self.shape, self.dtype, self.weak_type, self.sharding, self.layout

    def __repr__(self):
        weak = ", weak_type=True" if self.weak_type else ""
        sharding = f", sharding={self.sharding}" if self.sharding is not None else ""
        layout = f", format={self.layout}" if self.layout is not None else ""
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}{weak}{sharding}{layout})"


aval_of_type[ShapeDtypeStruct] = lambda struct: ShapedArray(struct.shape, struct.dtype, struct.weak_type)
aval_of_type[ShapedArray] = lambda aval: aval


def struct_of(aval) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)

"""Avals: what is known of an array before its values are: shape, dtype, weak type.

An aval is interned: two of the same description are one object, so they compare and hash by identity, which is what
makes cache keys cheap. `ShapedArray(shape, dtype)` looks the object up; nothing is ever changed in place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.meshes import uncut


class AbstractValue:
    """What a tracer stands for. `ShapedArray` is the one kind of arrays; tokens and references are others."""

    __slots__ = ()


_interned: dict[tuple, ShapedArray] = {}
_new = object.__new__


class ShapedArray(AbstractValue):
    """An array known by its shape and dtype only.

    shape      tuple of ints
    dtype      a NumPy dtype or an ExtendedDType (keys)
    weak_type  True where the value came from a Python scalar, so that its dtype gives way in promotion
    sharding   how the array is laid over devices; where nothing is said, no axis is cut
    vma        names of the mesh axes over which the value varies (inside shard_map)

    >>> ShapedArray((2, 3), np.dtype("float32")) is ShapedArray((2, 3), np.dtype("float32"))
    True
    """

    __slots__ = ("__weakref__", "dtype", "extended", "ir_type", "laid", "shape", "vma", "weak_type")

    shape: tuple[int, ...]
    dtype: Any
    weak_type: bool
    laid: Any  # the sharding given, or None
    vma: frozenset
    extended: bool  # is the dtype an ExtendedDType, whose values are held as an array of another shape?
    ir_type: Any

    def __new__(cls, shape, dtype, weak_type=False, *, sharding=None, vma=frozenset(), memory_space=None):
        key = (shape, dtype, weak_type, sharding, vma)
        try:
            return _interned[key]
        except (KeyError, TypeError):
            return _intern(tuple(shape), dtype, bool(weak_type), sharding, frozenset(vma))

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))

    @property
    def sharding(self):
        return uncut(len(self.shape)) if self.laid is None else self.laid

    @property
    def memory_space(self):
        return None

    def update(self, **changes) -> ShapedArray:
        """The aval that differs from this one in the fields named."""
        fields = {name: getattr(self, name) for name in ("shape", "dtype", "weak_type", "vma")}
        fields.update({"sharding": self.laid, **changes})
        return ShapedArray(fields.pop("shape"), fields.pop("dtype"), fields.pop("weak_type"), **fields)

    def with_shape(self, shape) -> ShapedArray:
        shape = tuple(shape)
        return self if shape == self.shape else ShapedArray(shape, self.dtype, self.weak_type)

    def with_dtype(self, dtype, weak_type=False) -> ShapedArray:
        return ShapedArray(self.shape, dtype, weak_type)

    def strip_weak_type(self) -> ShapedArray:
        return ShapedArray(self.shape, self.dtype) if self.weak_type else self

    def to_tangent_aval(self) -> ShapedArray:
        """The aval of a tangent of such a value: of the same shape, float0 where the dtype has no derivative."""
        if dtypes.issubdtype(self.dtype, np.inexact):
            return self
        return ShapedArray(self.shape, dtypes.float0)

    to_cotangent_aval = to_ct_aval = at_least_vspace = to_tangent_aval  # the names that JAX has had for it

    def str_short(self, short_dtypes=True) -> str:
        """As jaxprs print it: `f32[2,3]`."""
        name = dtypes.short_name(self.dtype) if short_dtypes else self.dtype.name
        return f"{name}[{','.join(map(str, self.shape))}]"

    def __repr__(self):
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapedArray({self.str_short(short_dtypes=False)}{weak})"

    def __str__(self):
        return f"{'~' if self.weak_type else ''}{self.str_short(short_dtypes=False)}"

    def __reduce__(self):
        return ShapedArray, (self.shape, self.dtype, self.weak_type)

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of an array of rank 0: it has no first axis. Use x.ndim or x.size.")
        return self.shape[0]


def _intern(shape, dtype, weak_type, sharding, vma) -> ShapedArray:
    dtype = dtypes.as_dtype(dtype)
    shape = tuple([d if type(d) is int else _dimension(d) for d in shape])
    sharding = None if sharding == uncut(len(shape)) else sharding
    key = (shape, dtype, weak_type, sharding, vma)
    aval = _interned.get(key)
    if aval is None:
        aval = _new(ShapedArray)
        aval.shape, aval.dtype, aval.weak_type, aval.laid, aval.vma = key
        aval.extended = isinstance(dtype, dtypes.ExtendedDType)
        aval.ir_type = None
        aval = _interned.setdefault(key, aval)
    return aval


def _dimension(d):
    """A dimension as a Python int; one that is not known yet (base.dimensions) passes.

    A float is refused, even 2.0: it equals 2 and has its hash, so its aval would be that of every such shape.
    """
    if isinstance(d, (float, np.floating)):
        raise TypeError(f"The sizes of an array are ints; got {d}. A size that was computed needs int(size), or //.")
    return int(d) if isinstance(d, (int, np.integer)) else d


class AbstractToken(AbstractValue):
    """The aval of a token: nothing but an order between effects."""

    __slots__ = ()
    shape: tuple = ()
    size = 0
    dtype = np.dtype(bool)  # of the empty array that stands for one while a program runs
    weak_type = False
    extended = False
    ir_type = None

    def str_short(self, short_dtypes=True):
        return "Tok"

    def strip_weak_type(self):
        return self

    def to_tangent_aval(self):
        return self


abstract_token = AbstractToken()


class OneForEach(dict):
    """aval → what `make` gives for it: one object for each, since there is one aval of each kind."""

    __slots__ = ("make",)

    def __init__(self, make):
        self.make = make

    def __missing__(self, aval):
        made = self[aval] = self.make(aval)
        return made

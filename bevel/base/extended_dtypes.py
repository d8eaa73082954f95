"""Dtypes that NumPy cannot describe: an element is a small array of another dtype. Random keys have such."""

from __future__ import annotations

from typing import Any

import numpy as np


class extended(np.generic):
    """The category of all extended dtypes: `issubdtype(x.dtype, extended)`."""


class prng_key(extended):
    """The category of the dtypes of random keys: `issubdtype(key.dtype, prng_key)`."""


class ExtendedDType:
    """A dtype whose elements are, for the engine, small arrays of another dtype. A subclass says which.

    name           as printed: `key<fry>`
    type           its category, a subclass of `extended`
    element_shape  the shape of one element as the engine holds it: (2,) for a threefry key
    element_dtype  the NumPy dtype of that
    fields         what tells two of the class apart, a hashable tuple: they are equal where class and fields are

    It has no derivative (tangents are float0), never takes part in promotion save with itself, and is never weak.
    """

    name: str
    type: Any = extended
    element_shape: tuple[int, ...] = ()
    element_dtype: np.dtype
    fields: tuple = ()
    kind = "V"

    @property
    def itemsize(self) -> int:
        """Bytes that one element takes."""
        return int(np.prod(self.element_shape, dtype=np.int64)) * self.element_dtype.itemsize

    def physical_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape, as the engine holds it, of an array of this dtype and `shape`."""
        return (*shape, *self.element_shape)

    def physical_aval(self, aval: Any) -> Any:
        """The aval of the engine's array that holds an array of `aval`."""
        raise NotImplementedError

    def wrap(self, held: Any) -> Any:
        """The engine's array as the array of this dtype that it holds."""
        raise NotImplementedError

    def unwrap(self, value: Any) -> Any:
        """The engine's array that holds an array of this dtype."""
        raise NotImplementedError

    def __eq__(self, other):
        return self is other or (type(self) is type(other) and self.fields == other.fields)

    def __hash__(self):
        return hash((type(self), self.fields))

    def __repr__(self):
        return self.name

    __str__ = __repr__

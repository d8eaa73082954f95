"""Random keys as values: their dtype, the generators behind it, and the array that holds them.

An element of a key array is, for the engine, a small row of uint32 words: two for threefry, four for rbg. Everywhere
else it is one element that can only be indexed, moved and handed to the functions of bevel.random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.core.source import user_line
from bevel.core.trace import aval_of_type
from bevel.engine.client import put, start_to_host, to_host
from bevel.engine.jaxlib_names import AbstractArray
from bevel.engine.pytree import register_call_node

_UINT32 = np.dtype("uint32")


class PRNGImpl:
    """A generator of random bits: functions of one key, given as its words, uint32[key_shape].

    key_shape    (2,) for threefry
    seed         integer of rank 0 → words
    split        (words, shape) → words[*shape, *key_shape]
    random_bits  (words, bit_width, shape) → unsigned integers[shape] of that width
    fold_in      (words, uint32 of rank 0) → words
    name, tag    as asked for, "threefry2x32", and as printed, "fry"

    Two generators are the same where they are one object.
    """

    __slots__ = ("dtype", "fold_in", "key_shape", "name", "random_bits", "seed", "split", "tag")

    def __init__(
        self,
        key_shape: tuple[int, ...],
        seed: Callable,
        split: Callable,
        random_bits: Callable,
        fold_in: Callable,
        *,
        name: str = "<unnamed>",
        tag: str = "?",
    ):
        self.key_shape = tuple(key_shape)
        self.seed = seed
        self.split = split
        self.random_bits = random_bits
        self.fold_in = fold_in
        self.name = name
        self.tag = tag
        self.dtype = KeyDType(self)

    def __repr__(self):
        return self.tag

    def __reduce__(self):
        return implementation, (self.name,)


class KeyDType(dtypes.ExtendedDType):
    """The dtype of the keys of one generator: `key<fry>`."""

    type = dtypes.prng_key
    element_dtype = _UINT32

    def __init__(self, impl: PRNGImpl):
        self.impl = impl
        self.name = f"key<{impl.tag}>"
        self.element_shape = impl.key_shape
        self.fields = (impl,)

    _impl = property(lambda self: self.impl)

    def physical_aval(self, aval: ShapedArray) -> ShapedArray:
        """The aval of the words that hold keys of `aval`."""
        return ShapedArray((*aval.shape, *self.element_shape), _UINT32)

    def wrap(self, words) -> KeyArray:
        """The engine's array of words as a key array."""
        return KeyArray(self.impl, words)

    def unwrap(self, keys):
        """The words of a key array, for the engine."""
        return keys._base_array

    def __reduce__(self):
        return _dtype_of, (self.impl,)


def _dtype_of(impl):
    return impl.dtype


implementations: dict[str, PRNGImpl] = {}


def register_implementation(impl: PRNGImpl) -> PRNGImpl:
    """Makes a generator known by its name. Raises ValueError where another has it."""
    if impl.name in implementations:
        raise ValueError(f"There is a random number generator named {impl.name!r} already. Choose another name.")
    implementations[impl.name] = impl
    dtypes.register_short_name(impl.dtype)
    return impl


def implementation(name: str) -> PRNGImpl:
    """The generator of that name. Raises ValueError where there is none."""
    try:
        return implementations[name]
    except KeyError:
        known = ", ".join([repr(n) for n in implementations])
        raise ValueError(f"There is no random number generator named {name!r}. There are {known}.") from None


class KeyArray(AbstractArray):
    """An array of random keys, as `bevel.random.key` makes them. Its methods are put on it by bevel.random.

    impl    the generator
    words   uint32[*shape, *impl.key_shape], the array that the engine holds
    """

    __slots__ = ("__weakref__", "_aval", "_base_array", "_impl", "_ones")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, impl, words):
        self._impl = impl
        self._base_array = words
        self._aval = None
        self._ones = None  # its keys, one by one, where somebody watches that each is used once

    @property
    def aval(self) -> ShapedArray:
        aval = self._aval
        if aval is None:
            impl, shape = self._impl, self._base_array.aval.shape
            aval = self._aval = ShapedArray(shape[: len(shape) - len(impl.key_shape)], impl.dtype)
        return aval

    @property
    def dtype(self):
        return self._impl.dtype

    shape = property(lambda self: self.aval.shape)
    ndim = property(lambda self: len(self.aval.shape))
    size = property(lambda self: self.aval.size)
    itemsize = property(lambda self: self._impl.dtype.itemsize)
    nbytes = property(lambda self: self.aval.size * self._impl.dtype.itemsize)
    weak_type = False
    sharding = property(lambda self: self._base_array._sharding)
    _sharding = sharding
    device = property(lambda self: self._base_array._sharding._device)
    committed = property(lambda self: self._base_array._committed)
    _committed = committed
    is_fully_addressable = property(lambda self: self._base_array._sharding.is_fully_addressable)
    is_fully_replicated = property(lambda self: self._base_array._sharding.is_fully_replicated)

    def devices(self):
        return self._base_array._sharding.device_set

    def block_until_ready(self):
        """Waits until the keys are computed; gives them."""
        self._base_array.block_until_ready()
        return self

    def copy_to_host_async(self):
        """Starts copying the words to the host."""
        start_to_host(self._base_array)

    def is_deleted(self):
        return self._base_array.is_deleted()

    def delete(self):
        """Gives the memory back now; a later use is an error."""
        self._base_array.delete()

    def unsafe_buffer_pointer(self):
        return self._base_array.unsafe_buffer_pointer()

    def on_device_size_in_bytes(self):
        return self._base_array.on_device_size_in_bytes()

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of a single key: it has no first axis.")
        return self.shape[0]

    def __bool__(self):
        raise TypeError(
            f"A random key has no truth value{user_line(' at {}')}: {self.aval.str_short()}.\n"
            "Draw one with bevel.random.bernoulli(key)."
        )

    def __array__(self, *args, **kwargs):
        raise TypeError(
            f"A key array cannot become a NumPy array{user_line(' at {}')}: {self.aval.str_short()}.\n"
            "Its words can: bevel.random.key_data(keys)."
        )

    def _no_number(self, *_):
        raise TypeError(
            f"A random key is no number{user_line(' at {}')}: {self.aval.str_short()}.\n"
            "Draw one with a function of bevel.random, as in bevel.random.randint(key, (), 0, 10)."
        )

    __int__ = __float__ = __complex__ = __index__ = _no_number

    def __repr__(self):
        held = "<deleted>" if self.is_deleted() else str(to_host(self._base_array))
        return f"Array({self.shape}, dtype={self.dtype.name}) overlaying:\n{held}"

    __str__ = __repr__

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return _rebuilt, (self._impl, np.asarray(to_host(self._base_array)))


def _rebuilt(impl, words):
    return KeyArray(impl, put(ShapedArray(words.shape, _UINT32), words))


def is_key_dtype(dtype: Any) -> bool:
    return isinstance(dtype, KeyDType)


def is_key(value) -> bool:
    """Is this a key array, or a tracer of one?"""
    return type(value) is KeyArray or is_key_dtype(getattr(getattr(value, "aval", None), "dtype", None))


aval_of_type[KeyArray] = lambda keys: keys.aval

# For the calls in C++ a key array is a node that holds one array, so that they need no Python for it; everywhere else
# it is a leaf.
register_call_node(
    KeyArray, lambda keys: ((keys._base_array,), keys._impl), lambda impl, words: KeyArray(impl, words[0])
)

__all__ = [
    "KeyArray", "KeyDType", "PRNGImpl", "implementation", "implementations",
    "is_key", "is_key_dtype", "register_implementation",
]  # fmt: skip

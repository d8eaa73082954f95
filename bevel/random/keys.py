"""Random keys: made of a seed, split, folded with data; and the methods of key arrays."""

from __future__ import annotations

import numpy as np

from bevel.api.eager import compiled
from bevel.base import dtypes, settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError
from bevel.base.words import kind_of
from bevel.core.doors import with_door
from bevel.core.keys import KeyArray, KeyDType, PRNGImpl, implementation, implementations, is_key_dtype
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval, state
from bevel.engine.client import Array, put
from bevel.ops.convert import convert
from bevel.ops.random_bits import (
    RBG,
    THREEFRY,
    UNSAFE_RBG,
    RandomClone,
    RandomFoldIn,
    RandomSeed,
    RandomSplit,
    RandomUnwrap,
    RandomWrap,
)
from bevel.ops.shapes import as_array
from bevel.random.drawing import draws, rows, shape_of, single_key, typed_key
from bevel.transforms.kept_numbers import kept

_UINT32 = np.dtype("uint32")


# ---- making keys


def key(seed, *, impl=None, dtype=None):
    """A random key of an integer seed: an array of rank 0 of dtype `key<…>`.

    seed    an int, or an integer array of rank 0; without 64-bit types only its low 32 bits count
    impl    "threefry2x32" (the default), "rbg" or "unsafe_rbg"
    dtype   the same as a key dtype
    raises  TypeError where the seed is not one integer

    >>> import bevel
    >>> bevel.random.key(0)
    Array((), dtype=key<fry>) overlaying:
    [0 0]
    """
    return _key("key", seed, _implementation_of("key", impl, dtype))


def PRNGKey(seed, *, impl=None):
    """As `key`, giving the words of the key as an array, uint32[2] for threefry: the older form of keys.

    >>> import bevel
    >>> bevel.random.PRNGKey(7)
    Array([0, 7], dtype=uint32)
    """
    made = _key("PRNGKey", seed, _implementation_of("PRNGKey", impl, None))
    return made if settings.enable_custom_prng.value else key_data(made)


def _implementation_of(name, impl, dtype) -> PRNGImpl:
    if dtype is not None:
        if impl is not None:
            raise ValueError(f"{name} takes impl or dtype, not both; got impl={impl!r}, dtype={dtype!r}.")
        if not is_key_dtype(dtype):
            raise DTypeError(f"The dtype of a key is a key dtype, as bevel.random.key_dtype() gives it; got {dtype!r}.")
        return dtype.impl
    if impl is None:
        return implementation(settings.default_prng_impl.value)
    if isinstance(impl, str):
        return implementation(impl)
    if isinstance(impl, PRNGImpl):
        return impl
    if isinstance(impl, KeyDType):
        return impl.impl
    raise TypeError(f"impl is the name of a generator, one of {', '.join(map(repr, implementations))}; got {impl!r}.")


def _key(name, seed, impl):
    offset = settings.random_seed_offset.value
    kind = type(seed)
    if kind is int or kind is bool:
        seed = np.int64(seed + offset)  # OverflowError from 2**63 on
    elif isinstance(seed, np.integer):
        seed = seed if not offset else type(seed)(int(seed) + offset)
    else:
        seed = _array_seed(name, seed, offset)
    if isinstance(seed, np.integer):
        if not settings.enable_x64.value and seed.itemsize == 8:
            seed = np.uint32(int(seed) & 0xFFFFFFFF)
        if state.trace.is_evaluation and impl in (THREEFRY, RBG, UNSAFE_RBG):
            return _key_of_host(seed, impl)
        seed = seed if seed.dtype != _UINT32 else seed.astype(np.int32)
    return RandomSeed(impl)(seed)


def _array_seed(name, seed, offset):
    """A seed that is an array or a tracer, checked."""
    try:
        aval = get_aval(seed)
    except TypeError:
        raise TypeError(
            f"{name} makes a key of an integer{user_line(' at {}')}; got {kind_of(seed)}: {str(seed)[:60]!r}."
        ) from None
    if is_key_dtype(aval.dtype):
        raise TypeError(
            f"{name} makes a key of an integer{user_line(' at {}')}; it was given a key. To make more keys of one: "
            "bevel.random.split(key)."
        )
    if not dtypes.issubdtype(aval.dtype, np.integer):
        raise TypeError(f"{name} makes a key of an integer{user_line(' at {}')}; got {aval.str_short()}.")
    if aval.shape:
        raise TypeError(
            f"{name} makes a key of one integer{user_line(' at {}')}; got {aval.str_short()}. "
            f"vmap makes one of each: bevel.vmap(bevel.random.{name})(seeds)."
        )
    if isinstance(seed, np.ndarray):
        return seed[()] if not offset else seed[()] + seed.dtype.type(offset)
    if not offset:
        return seed
    from bevel.ops.arithmetic import add  # few programs set an offset

    return add(seed, offset)


def _key_of_host(seed, impl):
    """The key of a NumPy integer, its words made on the host: the high word is that of 64-bit integers."""
    bits = int(seed) & 0xFFFFFFFFFFFFFFFF
    high = bits >> 32 if seed.itemsize == 8 else 0
    words = np.array([high, bits & 0xFFFFFFFF] * (impl.key_shape[0] // 2), _UINT32)
    return KeyArray(impl, put(ShapedArray(impl.key_shape, _UINT32), words))


def key_dtype(impl_spec=None) -> KeyDType:
    """The dtype of keys of a generator, of the default one where none is named.

    impl_spec   "threefry2x32", "rbg" or "unsafe_rbg", or what `key_impl` gives
    raises      ValueError where no generator has that name

    >>> import bevel
    >>> print(bevel.random.key_dtype(), bevel.random.key(0).dtype == bevel.random.key_dtype("threefry2x32"))
    key<fry> True
    """
    return _implementation_of("key_dtype", impl_spec, None).dtype


def key_impl(keys):
    """The name of the generator of keys (the generator itself where it has no name of its own).

    keys    a key array of any shape, or words of the default generator
    raises  TypeError where they are no keys

    >>> import bevel
    >>> key = bevel.random.key(0, impl="rbg")
    >>> print(bevel.random.key_impl(key))
    rbg
    """
    keyed, _ = typed_key(keys, "key_impl")
    impl = get_aval(keyed).dtype.impl
    return impl.name if implementations.get(impl.name) is impl else impl


def key_data(keys):
    """The words of keys: uint32[*keys.shape, 2] for threefry. Words are given back as they are.

    >>> import bevel
    >>> print(bevel.random.key_data(bevel.random.key(5)))
    [0 5]
    """
    if type(keys) is KeyArray and state.trace.is_evaluation:
        return keys._base_array
    keyed, was_words = typed_key(keys, "key_data")
    return keys if was_words else RandomUnwrap()(keyed)


@with_door
def wrap_key_data(key_bits_array, *, impl=None, dtype=None):
    """Words, uint32[…, 2] for threefry, taken as keys: the inverse of `key_data`.

    key_bits_array   uint32[…, *words of a key], an array, or a list or tuple of ints
    impl, dtype      the generator, by its name or by the dtype of its keys; the default one for None
    gives            keys[…]: key arrays are saved by their words, and come back by this
    raises           TypeError where they are not such words, ValueError where no generator has that name

    >>> import bevel
    >>> words = bevel.random.key_data(bevel.random.split(bevel.random.key(5), 3))
    >>> keys = bevel.random.wrap_key_data(words)
    >>> print(words.shape, keys.shape)
    (3, 2) (3,)
    """
    made = _implementation_of("wrap_key_data", impl, dtype)
    if type(key_bits_array) in (list, tuple):
        key_bits_array = np.asarray(key_bits_array, _UINT32)
    return RandomWrap(made)(key_bits_array)


# ---- keys of keys


@draws(static=("num",))
def split(key, num=2):
    """New keys of a key, an array of them of shape (num,), or of shape `num` where it is a tuple.

    The key is used up by it: draw with the new ones.

    >>> import bevel
    >>> first, second = bevel.random.split(bevel.random.key(0))
    """
    typed, was_words = typed_key(key, "split")
    keys = RandomSplit(shape_of(num, "split"))(single_key(typed, "split"))
    return RandomUnwrap()(keys) if was_words else keys


def fold_in(key, data):
    """A new key of a key and an integer: another one for each.

    data    an int from 0 up to 2**32 - 1, or an integer array of rank 0
    raises  TypeError where data is not one integer, OverflowError where an int is out of range

    >>> import bevel
    >>> keys = [bevel.random.fold_in(bevel.random.key(0), step) for step in range(3)]
    """
    if type(data) is int:
        if not 0 <= data < 2**32:
            raise OverflowError(f"fold_in takes integers from 0 up to 2**32 - 1{user_line(' at {}')}; got {data}.")
        # one of Python's costs a call half of what one of NumPy's does
        data = kept(data) if data < 2**31 and state.trace.is_evaluation else np.uint32(data)
    return _fold_in(key, data)


def _fold(key, data):
    typed, was_words = typed_key(key, "fold_in")
    aval = get_aval(data)
    if not dtypes.issubdtype(aval.dtype, np.integer) and aval.dtype != np.bool_:
        raise TypeError(f"fold_in takes an integer beside the key{user_line(' at {}')}; got {aval.str_short()}.")
    if aval.shape:
        raise TypeError(
            f"fold_in takes one integer{user_line(' at {}')}; got {aval.str_short()}.\n"
            "vmap takes several: bevel.vmap(bevel.random.fold_in, (None, 0))(key, data)."
        )
    folded = RandomFoldIn()(single_key(typed, "fold_in"), convert(data, _UINT32))
    return RandomUnwrap()(folded) if was_words else folded


_fold.__name__ = "fold_in"
_fold_in_call = compiled(_fold)


def _fold_in(key, data):
    # folding does not use a key up: other data may be folded into it
    if state.trace.is_evaluation:
        return _fold_in_call(key, data)
    return _fold(key, data)


_WORDS = {impl.key_shape for impl in implementations.values()}


def clone(key):
    """The same key as another one, for drawing the same numbers once more on purpose.

    Where `jax_debug_key_reuse` forbids a second use of a key, its clone counts as a new one. Keys of any shape; words
    stay words, also those of another generator than the default one. Raises TypeError where key is none.

    >>> import bevel
    >>> key = bevel.random.key(0)
    >>> again = bevel.random.clone(key)
    >>> print(bool(bevel.random.uniform(key) == bevel.random.uniform(again)))
    True
    """
    if isinstance(key, (Array, Tracer, np.ndarray)) and key.dtype == np.uint32 and key.shape[-1:] in _WORDS:
        return as_array(key)  # nobody watches the use of words
    typed, was_words = typed_key(key, "clone")
    cloned = RandomClone()(typed)
    return RandomUnwrap()(cloned) if was_words else cloned


# ---- key arrays as arrays


def _numpy():
    import bevel.numpy  # not at the top: programs that only draw start without it

    return bevel.numpy


def _index(self, item):
    from bevel.numpy.indexing import index  # as above

    return index(self, item)


def _rows(keys):
    """Each of the keys along the first axis."""
    return tuple(rows(keys, get_aval(keys).shape[0]))


_unstack = compiled(_rows)


def _iterate(self):
    if not self.shape:
        raise TypeError(f"iteration over a single key{user_line(' at {}')}: split it first, bevel.random.split(key).")
    return iter(_unstack(self) if state.trace.is_evaluation else _rows(self))


def _method(name):
    def method(self, *args, **kwargs):
        return getattr(_numpy(), name)(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"As `bevel.numpy.{name}` of this key array."
    return method


def _reshape(self, *args, order="C"):
    """The same keys under another shape, given as one tuple or as several ints; -1 stands for what is left."""
    shape = args[0] if len(args) == 1 and not isinstance(args[0], (int, np.integer)) else args
    return _numpy().reshape(self, shape, order=order)


def _transpose(self, *args):
    axes = None if not args else args[0] if len(args) == 1 and not isinstance(args[0], int) else args
    return _numpy().transpose(self, axes)


def _at(self):
    from bevel.numpy.indexing import AtIndexer  # as above

    return AtIndexer(self)


def _compare(name, positive):
    def compare(self, other):
        if not is_key_dtype(getattr(getattr(other, "aval", None), "dtype", None)):
            return NotImplemented
        return getattr(_numpy(), name)(self, other)

    return compare


def _copied(self):
    """The same keys in memory of their own."""
    words = self._base_array
    return KeyArray(self._impl, put(words.aval, np.asarray(words), words._sharding, words._committed))


def _shards(self):
    """One Shard for each device that this process holds keys on."""
    from bevel.numpy.shards import Shard, shards  # as above

    rank = self.ndim
    return [
        Shard(shard.device, shard.index[:rank], shard.replica_id, KeyArray(self._impl, shard.data))
        for shard in shards(self._base_array)
    ]


def _to_device(self, device, *, stream=None):
    """The same keys on another device, or under another sharding."""
    return KeyArray(self._impl, self._base_array.to_device(device, stream=stream))


def install():
    """Puts the methods of arrays that make sense for keys on key arrays."""
    KeyArray.__getitem__ = _index
    KeyArray.__iter__ = _iterate
    KeyArray.__eq__ = _compare("equal", True)
    KeyArray.__ne__ = _compare("not_equal", False)
    KeyArray.reshape = _reshape
    KeyArray.transpose = _transpose
    KeyArray.T = property(_transpose)
    KeyArray.mT = property(lambda self: _numpy().matrix_transpose(self))
    KeyArray.at = property(_at)
    KeyArray.copy = _copied
    KeyArray.addressable_shards = KeyArray.global_shards = property(_shards)
    KeyArray.addressable_data = lambda self, index: _shards(self)[index].data
    KeyArray.to_device = _to_device
    for name in ("ravel", "squeeze", "swapaxes", "take", "repeat", "diagonal", "astype"):
        setattr(KeyArray, name, _method(name))
    KeyArray.flatten = KeyArray.ravel


install()

__all__ = [
    "PRNGKey", "clone", "fold_in", "key", "key_data", "key_dtype", "key_impl",
    "split", "wrap_key_data",
]  # fmt: skip

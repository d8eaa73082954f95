"""What every draw has in common: one compiled call when eager, and checks of its key, shape, dtype and parameters."""

from __future__ import annotations

import functools

import numpy as np

from bevel.api.eager import compiled
from bevel.base import dtypes, lattice, settings
from bevel.base.dimensions import Dimension, whole
from bevel.base.errors import DTypeError, JAXTypeError, ShapeError
from bevel.base.words import kind_of
from bevel.core.doors import requested_dtype
from bevel.core.keys import KeyArray, implementation, is_key_dtype
from bevel.core.sharp_edges import warn_once
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import Array
from bevel.ops.convert import convert
from bevel.ops.cutting import slice_in_dim
from bevel.ops.random_bits import RandomSplit, RandomWrap
from bevel.ops.shapes import BroadcastInDim, reshape

_UINT32 = np.dtype("uint32")


class RandomDTypeError(DTypeError, ValueError):
    """A draw was asked for in a dtype that it cannot have. Fails: `normal(key, dtype=int)`; mended: `dtype=float`."""


class RandomShapeError(ShapeError, ValueError):
    """A draw's key or parameters do not fit its shape.

    Fails: `normal(split(key))`. Mended: `vmap(normal)(split(key))`, one draw for each key.
    """


def draws(function=None, *, static=("shape", "dtype")):
    """Decorates a function of a key and parameters: called eagerly it is one compiled call, found in C++.

    While tracing it leaves its equations where it stands. `static` names the arguments taken by value.
    """
    if function is None:
        return functools.partial(draws, static=static)
    names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    return compiled(function, static=[name for name in (*static, "out_sharding") if name in names], listed=True)


# ---- keys


def typed_key(key, name):
    """(a key of key dtype, whether it came as its words): `key` as the functions of keys take it.

    Raises TypeError where it is no key.
    """
    if type(key) is KeyArray:
        return key, False
    if isinstance(key, (Array, Tracer, np.ndarray)):
        aval = get_aval(key)
        if is_key_dtype(aval.dtype):
            return key, False
        impl = implementation(settings.default_prng_impl.value)
        rank = len(aval.shape) - len(impl.key_shape)
        if aval.dtype == _UINT32 and rank >= 0 and aval.shape[rank:] == impl.key_shape:
            if settings.legacy_prng_key.value != "allow":
                _say_legacy(name)
            return RandomWrap(impl)(key), True
    convert_itself = getattr(key, "__jax_array__", None)
    if convert_itself is not None and not isinstance(key, (Array, Tracer)):
        return typed_key(convert_itself(), name)
    raise TypeError(_no_key(key, name))


def _no_key(key, name):
    try:
        given = get_aval(key).str_short(short_dtypes=False)
    except TypeError:
        given = f"{kind_of(key)}"
    given += f", {key!r}" if isinstance(key, (int, float, str)) else ""
    seed = key if type(key) is int else 0
    return (
        f"{name} needs a random key{user_line(' at {}')}; it was given {given}.\n"
        f"Make one with bevel.random.key({seed}), and more of it with bevel.random.split."
    )


def _say_legacy(name):
    letter = (
        f"{name} was given a key as its uint32 words{user_line(' at {}')}; jax_legacy_prng_key asks to hear of it.\n"
        "Make keys with bevel.random.key, or wrap these words: bevel.random.wrap_key_data(words)."
    )
    if settings.legacy_prng_key.value == "error":
        raise ValueError(letter)
    warn_once(("legacy key", name), letter)


def single_key(key, name):
    """The one key that a draw is made with. Raises TypeError where it is none, ValueError where it is several."""
    key, _ = typed_key(key, name)
    shape = get_aval(key).shape
    if shape:
        raise RandomShapeError(
            f"{name} draws with one key{user_line(' at {}')}; it was given keys of shape {shape}.\n"
            f"vmap draws with each of them: bevel.vmap(lambda key: bevel.random.{name}(key, …))(keys)."
        )
    return key


def split_of(key, count=2):
    """The keys that a draw of several parts uses: `count` of them, each a single key."""
    keys = RandomSplit((count,))(key)
    return rows(keys, count)


def rows(x, count):
    """The first `count` rows of x, one by one."""
    shape = get_aval(x).shape[1:]
    return [reshape(slice_in_dim(x, i, i + 1, 0), shape) for i in range(count)]


# ---- shapes and dtypes


def shape_of(shape, name):
    """A shape as a tuple of ints. Raises TypeError where it is none, ValueError where a size is negative."""
    if isinstance(shape, tuple) and all([type(d) is int and d >= 0 for d in shape]):
        return shape
    if isinstance(shape, (int, np.integer, Dimension)):
        sizes = (whole(shape),)
    else:
        try:
            sizes = tuple([whole(d) for d in shape])
        except JAXTypeError:  # a traced size, which has its own letter
            raise
        except TypeError:
            raise TypeError(
                f"The shape of {name} is a tuple of ints, known while tracing{user_line(' at {}')}; got {shape!r}."
            ) from None
    if any([d < 0 for d in sizes]):
        raise RandomShapeError(f"{name} was asked for shape {sizes}{user_line(' at {}')}; sizes cannot be negative.")
    return sizes


def float_dtype(dtype, name, complex_too=False):
    """The floating dtype of a draw; the default one for None. Raises ValueError for any other kind."""
    wanted = np.inexact if complex_too else np.floating
    if dtype is None:
        return dtypes.canonicalize_dtype(float)
    asked = requested_dtype(dtype, f"random.{name}")
    if not dtypes.issubdtype(asked, wanted):
        kind = "floating-point or complex" if complex_too else "floating-point"
        asked = dtypes.as_dtype(dtype)
        raise RandomDTypeError(f"{name} draws {kind} numbers{user_line(' at {}')}; dtype {asked} is none.")
    return asked


def int_dtype(dtype, name):
    """The integer dtype of a draw; the default one for None. Raises TypeError for any other kind."""
    if dtype is None:
        return dtypes.canonicalize_dtype(int)
    asked = requested_dtype(dtype, f"random.{name}")
    if not dtypes.issubdtype(asked, np.integer):
        raise DTypeError(f"{name} draws integers{user_line(' at {}')}; dtype {dtypes.as_dtype(dtype)} is none.")
    return asked


def number(x, dtype, name="a parameter"):
    """A parameter as an array of that dtype."""
    aval = get_aval(x)
    if is_key_dtype(aval.dtype):
        raise TypeError(f"A key was given as {name}, which is a number{user_line(' at {}')}.")
    if aval.dtype == dtype and isinstance(x, (Array, Tracer)) and not aval.weak_type:
        return x
    if aval.dtype.kind in "USOc" and dtype.kind != "c":
        raise TypeError(f"{name} is a real number, or an array of them{user_line(' at {}')}; got {aval.dtype.name}.")
    if type(x) in (bool, int, float) or isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(x).astype(dtype)[()]
    return convert(x, dtype)


def inexact(x):
    """A parameter in the floating dtype nearest to its own."""
    return number(x, dtypes.canonicalize_dtype(dtypes.to_floating_dtype(get_aval(x).dtype)))


def meeting(*parameters):
    """The floating dtype where those of parameters meet, by JAX's lattice."""
    dtype, _ = lattice.lattice_result(tuple([(a.dtype, a.weak_type) for a in map(get_aval, parameters)]))
    return dtypes.canonicalize_dtype(dtypes.to_inexact_dtype(dtype))


def together(*parameters):
    """Parameters in the floating dtype where theirs meet."""
    dtype = meeting(*parameters)
    return [number(p, dtype) for p in parameters]


def joint_shape(shape, name, *parameters):
    """The shape of a draw with these parameters: the one given, which they must broadcast to, or theirs together."""
    shapes = [get_aval(p).shape for p in parameters]
    if shape is None:
        return _broadcast(name, shapes)
    shape = shape_of(shape, name)
    for own in shapes:
        if len(own) > len(shape) or any([d not in (1, e) for d, e in zip(own[::-1], shape[::-1], strict=False)]):
            raise RandomShapeError(
                f"{name} was asked for shape {shape}, to which a parameter of shape {own} does not broadcast"
                f"{user_line(' at {}')}.\nCounted from the last axis, sizes must be equal or 1."
            )
    return shape


def _broadcast(name, shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise RandomShapeError(
            f"The parameters of {name} have shapes that do not broadcast together{user_line(' at {}')}: "
            f"{', '.join(map(str, shapes))}."
        ) from None


def spread(x, shape):
    """x broadcast to a shape, as NumPy broadcasts."""
    old = get_aval(x).shape
    if old == shape:
        return x
    offset = len(shape) - len(old)
    if offset < 0:
        raise RandomShapeError(
            f"A parameter of shape {old} does not broadcast to the shape {shape} asked for{user_line(' at {}')}."
        )
    kept = [i for i, d in enumerate(old) if d == shape[offset + i]]
    x = reshape(x, tuple([old[i] for i in kept]))
    return BroadcastInDim(shape, tuple([offset + i for i in kept]))(x)

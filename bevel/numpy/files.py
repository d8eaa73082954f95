"""Arrays read from files, buffers, texts and iterators, by NumPy, and written to files.

Arrays of other libraries on the same device come through `exchange`.
"""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.core.doors import with_door
from bevel.core.source import user_line
from bevel.numpy.creation import asarray, wanted_dtype


@with_door
def frombuffer(buffer, dtype=float, count=-1, offset=0):
    """The numbers in the bytes of a buffer, copied.

    >>> import bevel.numpy as jnp
    >>> print(jnp.frombuffer(b"\\x01\\x02", dtype="uint8"))
    [1 2]
    """
    return asarray(np.frombuffer(buffer, dtype=wanted_dtype(dtype, "frombuffer"), count=count, offset=offset))


@with_door
def fromstring(string, dtype=float, count=-1, *, sep):
    """The numbers in a text, parted by `sep`.

    >>> import bevel.numpy as jnp
    >>> print(jnp.fromstring("1 2 3", dtype=int, sep=" "))
    [1 2 3]
    """
    return asarray(np.fromstring(string, dtype=wanted_dtype(dtype, "fromstring"), count=count, sep=sep))


def fromiter(*args, **kwargs):
    """Refused: an iterator changes when it is read. Use jnp.asarray(list(iterator)).

    >>> import bevel.numpy as jnp
    >>> jnp.fromiter(iter([1, 2]), int)
    Traceback (most recent call last):
        ...
    NotImplementedError: ...
    """
    raise NotImplementedError(
        f"jnp.fromiter is not there{user_line(' at {}')}: reading an iterator changes it, which a traced program "
        "cannot repeat. Use jnp.asarray(np.fromiter(…))."
    )


def fromfile(*args, **kwargs):
    """Refused: a file's contents may change between calls. Use jnp.asarray(np.fromfile(…)).

    >>> import bevel.numpy as jnp
    >>> jnp.fromfile("numbers")
    Traceback (most recent call last):
        ...
    NotImplementedError: ...
    """
    raise NotImplementedError(
        f"jnp.fromfile is not there{user_line(' at {}')}: a file may change, which a traced program would not see. "
        "Use jnp.asarray(np.fromfile(…))."
    )


@with_door
def load(file, *args, **kwargs):
    """An array from a .npy file, as NumPy reads it.

    >>> import bevel.numpy as jnp
    >>> import tempfile, pathlib
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "x.npy"
    >>> jnp.save(place, jnp.array([1, 2]))
    >>> print(jnp.load(place))
    [1 2]
    """
    result = np.load(file, *args, **kwargs)
    if not isinstance(result, np.ndarray):
        return result
    if result.dtype.kind == "V" and result.dtype.names is None:
        # a file names no dtype but NumPy's own: bfloat16 comes back as two bytes without a meaning
        if result.dtype.itemsize != 2:
            raise TypeError(
                f"jnp.load found elements of {result.dtype.itemsize} byte without a dtype{user_line(' at {}')}: a .npy "
                "file does not name dtypes beyond NumPy's.\nSave them as float32, or read them with np.load(…).view(…)."
            )
        result = result.view(dtypes.bfloat16.dtype)
    return asarray(result)


@with_door
def save(file, arr, allow_pickle=True):
    """An array into a .npy file, as NumPy writes it.

    >>> import bevel.numpy as jnp
    >>> import tempfile, pathlib
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "x.npy"
    >>> jnp.save(place, jnp.array([1, 2]))
    >>> print(jnp.load(place))
    [1 2]
    """
    np.save(file, np.asarray(arr), allow_pickle=allow_pickle)


@with_door
def savez(file, *args, allow_pickle=True, **kwds):
    """Arrays into a .npz file, as NumPy writes it.

    >>> import bevel.numpy as jnp
    >>> import tempfile, pathlib
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "x.npz"
    >>> jnp.savez(place, a=jnp.array([1, 2]))
    >>> print(jnp.load(place)["a"])
    [1 2]
    """
    np.savez(
        file, *[np.asarray(a) for a in args], allow_pickle=allow_pickle, **{k: np.asarray(v) for k, v in kwds.items()}
    )


__all__ = ["frombuffer", "fromfile", "fromiter", "fromstring", "load", "save", "savez"]

"""What the Python array API standard lets a program ask of a module of array functions.

https://data-apis.org/array-api/latest/
"""

from __future__ import annotations

import numpy as np

from bevel.api.arrays import devices
from bevel.base import dtypes
from bevel.core.source import user_line

__array_api_version__ = "2025.12"
VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", __array_api_version__)  # each of them adds to the one before

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


class ArrayNamespaceInfo:
    """Devices, dtypes and abilities of bevel.numpy, as the array API standard asks for them."""

    def capabilities(self):
        """What may depend on values: here, no shape under jit does, so both are said to be missing."""
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": 64}

    def default_device(self):
        """None: where nothing is said, the engine chooses."""
        return None

    def devices(self):
        """The devices that functions take as `device`, None among them."""
        return [None, *devices()]

    def default_dtypes(self, *, device=None):
        """The dtypes of arrays made without a word about it, by kind."""
        wide = {"real floating": "float64", "complex floating": "complex128", "integral": "int64", "indexing": "int64"}
        return {kind: dtypes.canonicalize_dtype(np.dtype(name)) for kind, name in wide.items()}

    def dtypes(self, *, device=None, kind=None):
        """The dtypes that arrays have, by name; 64-bit ones only where `enable_x64` is on.

        kind  one of the standard's kinds, such as "real floating", or a tuple of them
        """
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        unknown = [k for k in kinds if k not in _KINDS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no kind of dtype{user_line(' at {}')}. Kinds are {', '.join(_KINDS)}.")
        names = [name for k in kinds for name in _KINDS[k]]
        return {name: np.dtype(name) for name in names if dtypes.canonicalize_dtype(np.dtype(name)).name == name}


def __array_namespace_info__():
    """What the array API standard asks of a namespace: its devices, dtypes and abilities.

    >>> import bevel.numpy as jnp
    >>> sorted(jnp.__array_namespace_info__().dtypes(kind="real floating"))
    ['float32']
    """
    return ArrayNamespaceInfo()


__all__ = ["__array_api_version__", "__array_namespace_info__"]

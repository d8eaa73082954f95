"""The lattice of promotion: the dtype in which dtypes and Python scalars meet.

JAX documents it: https://docs.jax.dev/en/latest/type_promotion.html. Its nodes are the dtypes and, between bool and
them, three categories of Python scalars ("int", "float", "complex"); dtypes meet in their least upper bound.

What the dtypes are is in `dtypes`; how the operands of NumPy's functions are brought to the one where they meet, in
bevel.numpy.promotion.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

from bevel.base import settings
from bevel.base.dtypes import (
    BITS,
    COMPLEXES,
    FLOATS,
    KIND_MEMBERS,
    NARROW_FLOATS,
    NARROW_INTEGERS,
    SCALAR_TYPES,
    SIGNED,
    SUPPORTED,
    UNSIGNED,
    DType,
    as_dtype,
    bfloat16,
    check_supported,
    dtype_and_weak_type,
    float0,
    int32,
    int64,
    narrowed_dtypes,
    uint64,
)
from bevel.base.errors import DTypeError


class TypePromotionError(DTypeError, ValueError):
    """Two dtypes have no dtype in which both can meet without asking.

    Fails: `jnp.ones(3, jnp.float8_e5m2) + jnp.ones(3)`. Mended: `x.astype(jnp.float32) + jnp.ones(3)`.
    """


def _above() -> dict[Any, tuple]:
    """Each node with the nodes directly above it."""
    d = np.dtype
    edges: dict[Any, tuple] = {
        d("bool"): ("int",),
        "int": (d("u1"), d("i1"), *[s.dtype for s in NARROW_INTEGERS]),
        d("u1"): (d("i2"), d("u2")),
        d("u2"): (d("i4"), d("u4")),
        d("u4"): (d("i8"), d("u8")),
        d("u8"): ("float",),
        d("i1"): (d("i2"),),
        d("i2"): (d("i4"),),
        d("i4"): (d("i8"),),
        d("i8"): ("float",),
        "float": ("complex", bfloat16.dtype, d("f2"), *[s.dtype for s in NARROW_FLOATS]),
        bfloat16.dtype: (d("f4"),),
        d("f2"): (d("f4"),),
        d("f4"): (d("f8"), d("c8")),
        d("f8"): (d("c16"),),
        "complex": (d("c8"),),
        d("c8"): (d("c16"),),
        d("c16"): (),
    }
    # the narrow ones are never promoted by themselves
    return edges | {s.dtype: () for s in NARROW_INTEGERS + NARROW_FLOATS}


def _above_strict() -> dict[Any, tuple]:
    """Under 'strict', a Python scalar takes the dtype of its own or a higher category, and nothing else meets."""
    floats, complexes = [s.dtype for s in FLOATS], [s.dtype for s in COMPLEXES]
    edges: dict[Any, tuple] = {s.dtype: () for s in SCALAR_TYPES}
    edges["int"] = ("float", *[s.dtype for s in SIGNED + UNSIGNED])
    edges["float"] = ("complex", *floats)
    edges["complex"] = tuple(complexes)
    return edges


def _closure(edges: dict[Any, tuple]) -> dict[Any, frozenset]:
    """Each node with all nodes above it, itself among them."""
    upper: dict[Any, frozenset] = {}

    def visit(node):
        if node not in upper:
            upper[node] = frozenset([node]).union(*[visit(next_) for next_ in edges[node]])
        return upper[node]

    for node in edges:
        visit(node)
    return upper


_UPPER = {"standard": _closure(_above()), "strict": _closure(_above_strict())}
_CATEGORY_DTYPE: dict[Any, DType] = {"int": np.dtype("i8"), "float": np.dtype("f8"), "complex": np.dtype("c16")}


def _category(dtype) -> Any:
    """The node of a weak value of this dtype. A bool is never weak."""
    if dtype in KIND_MEMBERS["integral"]:
        return "int"
    if dtype in KIND_MEMBERS["real floating"]:
        return "float"
    if dtype in KIND_MEMBERS["complex floating"]:
        return "complex"
    return dtype


def _join(nodes: Iterable[Any], mode: str) -> Any:
    """The least upper bound of nodes of the lattice. Raises TypePromotionError where there is none."""
    nodes = list(dict.fromkeys(nodes))
    if len(nodes) == 1:
        return nodes[0]
    upper = _UPPER[mode]
    for node in nodes:
        if node not in upper:
            raise _no_promotion(nodes, mode)
    bounds = reduce(frozenset.intersection, [upper[node] for node in nodes])
    for bound in bounds:
        if upper[bound] == bounds:
            return bound
    raise _no_promotion(nodes, mode)


def _no_promotion(nodes: list, mode: str) -> TypePromotionError:
    names = [
        "float0" if node == float0 else f"a Python {node}" if isinstance(node, str) else node.name for node in nodes
    ]
    asked = " and ".join([", ".join(names[:-1]), names[-1]])
    strangers = [n for n in nodes if not isinstance(n, str) and n not in SUPPORTED]
    narrow = [n for n in nodes if n in BITS]
    if strangers:
        name = "float0" if strangers[0] == float0 else strangers[0].name
        return TypePromotionError(f"{asked} have no common dtype: {name} meets only its own kind.")
    if mode == "strict":
        return TypePromotionError(
            f"{asked} have no common dtype while numpy_dtype_promotion is 'strict'. "
            f"Convert one with astype, or allow it: with bevel.numpy_dtype_promotion('standard'): ..."
        )
    kinds = {f"{BITS[n]}-bit {'integers' if n in KIND_MEMBERS['integral'] else 'floats'}" for n in narrow}
    others = [n for n in nodes if not isinstance(n, str) and n not in narrow]
    target = others[0].name if others else ("float32" if any(_category(n) == "float" for n in narrow) else "int32")
    return TypePromotionError(
        f"{asked} have no common dtype: {' and '.join(sorted(kinds))} are never promoted by themselves. "
        f"Convert: x.astype({target!r})."
    )


def promote_types(a: Any, b: Any) -> DType:
    """The dtype in which dtypes a and b meet; 64 bits given stay.

    a, b  anything that names a dtype; Python's int, float and complex mean a scalar of that type
    Raises TypePromotionError where there is none.

    >>> promote_types("int8", "uint8"), promote_types(int, "int8"), promote_types("bfloat16", "float16")
    (dtype('int16'), dtype('int8'), dtype('float32'))
    """
    a, b = _node(a), _node(b)
    joined = _promote_types(a, b, settings.numpy_dtype_promotion.value)
    if joined == int64.dtype and joined not in (a, b) and not settings.enable_x64.value:
        return int32.dtype  # uint32 with a signed one: JAX does not make 64 bits of 32 while they are off
    return joined


def _node(x) -> Any:
    if x is int or x is float or x is complex:
        return x.__name__
    return "float" if x is None else as_dtype(x)


_promoted: dict[tuple, DType] = {}


def _promote_types(a, b, mode) -> DType:
    try:
        return _promoted[a, b, mode]
    except KeyError:
        pass
    if float0 in (a, b):
        raise TypePromotionError("float0, the dtype of tangents of integers, has no part in promotion.")
    for node in (a, b):
        if not isinstance(node, str):
            check_supported(node)
    joined = _join([a, b], mode)
    result = _promoted[a, b, mode] = _CATEGORY_DTYPE[joined] if isinstance(joined, str) else joined
    return result


_results: dict[tuple, tuple[DType, bool]] = {}


def lattice_result(pairs: Iterable[tuple[DType, bool]]) -> tuple[DType, bool]:
    """(dtype, weak) in which values of these (dtype, weak) meet. The dtype is canonical.

    Raises TypePromotionError where they meet nowhere, ValueError where there are none.
    """
    pairs = tuple(pairs)
    x64, mode = settings.enable_x64.value, settings.numpy_dtype_promotion.value
    key = (pairs, x64, mode)
    try:
        return _results[key]
    except KeyError:
        _results[key] = result = _lattice_result(pairs, x64, mode)
        return result


def _lattice_result(pairs, x64, mode) -> tuple[DType, bool]:
    if not pairs:
        raise ValueError("result_type needs at least one array or dtype.")
    if not x64:  # before they meet: uint64 and int32 meet as uint32 and int32 do
        pairs = [(narrowed_dtypes.get(dtype, dtype), weak) for dtype, weak in pairs]
    if mode == "standard" and all(weak for _, weak in pairs):
        # Among weak values alone, widths count for the category (uint8 stays unsigned), and the result is the widest.
        joined = _widest(_join([dtype for dtype, _ in pairs], mode))
    else:
        joined = _join([_category(dtype) if weak else dtype for dtype, weak in pairs], mode)
        joined = (_CATEGORY_DTYPE[joined], True) if isinstance(joined, str) else (joined, False)
    dtype, weak = joined
    return (dtype if x64 else narrowed_dtypes.get(dtype, dtype)), weak


def _widest(node) -> tuple[DType, bool]:
    """The widest dtype of a category, weak; of a bool and of extended dtypes, themselves."""
    if node in KIND_MEMBERS["unsigned integer"]:
        return uint64.dtype, True
    category = node if isinstance(node, str) else _category(node)
    return (_CATEGORY_DTYPE[category], True) if isinstance(category, str) else (node, False)


def result_type(*args: Any) -> DType:
    """The dtype that an operation on these gives: arrays, NumPy arrays and scalars, Python scalars, dtypes.

    >>> result_type(np.float16(1), 2.0), result_type("int8", 3)
    (dtype('float16'), dtype('int8'))
    """
    return lattice_result([dtype_and_weak_type(x) for x in args])[0]


def safe_to_cast(a: Any, b: Any) -> bool:
    """Whether values of a's dtype go into b's as promotion would take them there: int32 to float16 yes, not back.

    a, b  as in `result_type`: arrays, Python scalars (weak, so that 1 is safe in int8), dtypes
    Raises TypePromotionError where the two meet nowhere.
    """
    (dtype_a, weak_a), (dtype_b, weak_b) = dtype_and_weak_type(a), dtype_and_weak_type(b)
    with settings.numpy_dtype_promotion("standard"):
        if dtype_a == dtype_b:
            return True
        if weak_b:
            both = _join([_category(dtype_a), _category(dtype_b)], "standard")
            return both == _category(dtype_b)
        return lattice_result([(dtype_a, weak_a), (dtype_b, False)])[0] == dtype_b

"""When two results count as the same, and the letter where they are not."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes
from bevel.engine.client import Array, to_host

#: How far, relatively, a result may lie from its reference. A class may state its own in `tolerance`, by dtype name.
TOLERANCE = {
    "float8_e4m3fn": 0.26,
    "float8_e5m2": 0.26,
    "bfloat16": 1.6e-2,
    "float16": 2e-3,
    "float32": 1e-5,
    "float64": 1e-12,
    "complex64": 1e-5,
    "complex128": 1e-12,
}


class LawBroken(AssertionError):
    """A primitive does not obey one of its laws; the message says which, on what sample, and what came out."""


def tolerance_of(cls, dtype) -> float:
    """The relative tolerance of a class of primitives at a dtype; 0 for integers and booleans."""
    name = np.dtype(dtype).name
    return getattr(cls, "tolerance", {}).get(name, TOLERANCE.get(name, 0.0))


def to_numpy(x) -> np.ndarray:
    """A result on the host, in its own dtype. (The laws do without the array methods, which bevel.numpy installs.)"""
    return to_host(x) if isinstance(x, Array) else np.asarray(x)


def difference(got, expected, rtol=0.0, atol=0.0, signs=False) -> str:
    """How two arrays differ, in words; empty where they agree.

    NaN agrees with NaN, infinities with those of their sign. `signs`: zeros must agree in sign too.
    """
    got, expected = to_numpy(got), to_numpy(expected)
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    if not got.size:
        return ""
    if dtypes.issubdtype(got.dtype, np.complexfloating) or dtypes.issubdtype(expected.dtype, np.complexfloating):
        for part in ("real", "imag"):
            scale = _scale(np.abs(expected.astype(np.complex128)))
            words = difference(getattr(got, part), getattr(expected, part), rtol, max(atol, rtol * scale), signs)
            if words:
                return f"{part} part: {words}"
        return ""
    inexact = dtypes.issubdtype(got.dtype, np.inexact) or dtypes.issubdtype(expected.dtype, np.inexact)
    if inexact:
        a, b = got.astype(np.float64), expected.astype(np.float64)
        with np.errstate(all="ignore"):
            good = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= atol + rtol * np.abs(b))
            good &= np.isfinite(a) == np.isfinite(b)
        if signs:
            good &= (a != 0) | (b != 0) | (np.signbit(a) == np.signbit(b))
    else:
        good = got == expected
    if np.all(good):
        return ""
    wrong = np.argwhere(~np.asarray(good))
    first = tuple(int(i) for i in wrong[0])
    at = f" at {list(first)}" if first else ""
    return f"{got[first]!s}{at}, expected {expected[first]!s} ({len(wrong)} of {got.size} elements differ)"


def _scale(magnitudes) -> float:
    finite = magnitudes[np.isfinite(magnitudes)]
    return float(finite.max()) if finite.size else 0.0


def check_close(said: str, sample, got, expected, rtol=None, signs=False, exact=False):
    """Raises LawBroken where results (lists) disagree. Small ones among large may be off by rtol of the largest."""
    if len(got) != len(expected):
        raise LawBroken(f"{said}: {sample!r} gives {len(got)} results, expected {len(expected)}.")
    for i, (a, b) in enumerate(zip(got, expected, strict=True)):
        a, b = to_numpy(a), to_numpy(b)
        allowed = 0.0 if exact else tolerance_of(type(sample.op), a.dtype) if rtol is None else rtol
        size = _scale(np.abs(b.astype(np.complex128))) if b.size and allowed and b.dtype.kind != "V" else 0.0
        words = difference(a, b, allowed, allowed * size, signs)
        if words:
            which = f" result {i}" if len(got) > 1 else ""
            raise LawBroken(f"{said}: {sample!r}{which} is {words}.")

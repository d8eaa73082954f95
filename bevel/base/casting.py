"""How numbers change their dtype before a program runs: as they do in programs."""

from __future__ import annotations

import numpy as np

from bevel.base import dtypes, limits


def cast(values, dtype) -> np.ndarray:
    """NumPy values in another dtype, as the engine converts them.

    Floats become integers towards zero, those outside the nearest, NaN 0; complex numbers lose their imaginary part.

    >>> import numpy as np
    >>> cast([1.9, -np.inf, np.nan, 300], "uint8").tolist()
    [1, 0, 0, 255]
    """
    x, new = np.asarray(values), np.dtype(dtype)
    if x.dtype.kind == "c" and new.kind != "c":
        x = x.real
    if new == np.bool_:
        return x != 0
    with np.errstate(all="ignore"):
        if dtypes.issubdtype(new, np.integer) and dtypes.issubdtype(x.dtype, np.floating):
            info = limits.iinfo(new)
            whole = np.trunc(np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf))
            low, high = whole <= float(info.min), whole >= float(info.max)
            inside = np.where(low | high, 0, whole).astype(new)
            return np.where(high, info.max, np.where(low, info.min, inside)).astype(new)
        return x.astype(new)

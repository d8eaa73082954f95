"""Names for annotations: what may be given where an array or a dtype is wanted."""

from typing import Any

import numpy as np

from bevel.api.arrays import Array

ArrayLike = Array | np.ndarray | np.generic | bool | int | float | complex
DTypeLike = str | type[Any] | np.dtype | Any

__all__ = ["ArrayLike", "DTypeLike"]

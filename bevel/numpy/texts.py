"""Arrays as text."""

from __future__ import annotations

import numpy as np

from bevel.core.doors import with_door
from bevel.numpy.axes import as_array


def _options(line_width, precision, suppress):
    given = {"linewidth": line_width, "precision": precision, "suppress": suppress}
    return np.printoptions(**{name: value for name, value in given.items() if value is not None})


@with_door
def array_repr(arr, max_line_width=None, precision=None, suppress_small=None):
    """repr(arr), with so many digits: `Array([0.  , 0.33], dtype=float32)`.

    precision        digits after the point
    suppress_small   True: numbers that would print as 0 beside the others do
    max_line_width   where lines of numbers break, 75 by default

    >>> import bevel.numpy as jnp
    >>> jnp.array_repr(jnp.array([0.0, 1 / 3]), precision=2)
    'Array([0.  , 0.33], dtype=float32)'
    """
    with _options(max_line_width, precision, suppress_small):
        return repr(as_array("array_repr", arr))


@with_door
def array_str(a, max_line_width=None, precision=None, suppress_small=None):
    """str(a), with the options of `array_repr`: the numbers alone.

    >>> import bevel.numpy as jnp
    >>> print(jnp.array_str(jnp.array([1, 2])))
    [1 2]
    """
    with _options(max_line_width, precision, suppress_small):
        return str(as_array("array_str", a))


__all__ = ["array_repr", "array_str"]

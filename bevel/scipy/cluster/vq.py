"""The nearest entry of a code book for each of many observations."""

from __future__ import annotations

import bevel.numpy as jnp
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.numpy.axes import as_arrays
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact

__all__ = ["vq"]


class CodeBookError(ShapeError, ValueError):
    """Observations and codes of other sizes.

    Fails: observations of shape (9, 2) with codes of shape (4, 3). Mended: as many numbers in each code.
    """


def vq(obs, code_book, check_finite=True):
    """The nearest of k codes for each of m observations, and how far it is.

    obs          number[m, n], or number[m]
    code_book    number[k, n], or number[k]
    check_finite accepted; nothing is checked
    gives        (int[m], float[m]); of codes alike near the first
    raises       ValueError where sizes do not fit

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.cluster.vq import vq
    >>> codes, distances = vq(jnp.array([[0., 1.], [4., 4.]]), jnp.array([[0., 0.], [4., 4.]]))
    >>> print(codes, distances)
    [0 1] [1. 0.]
    """
    obs, code_book = promote_inexact(*as_arrays("vq", obs, code_book))
    if obs.ndim != code_book.ndim:
        raise CodeBookError(
            f"Observation and code_book should have the same rank{user_line(' at {}')}; got shapes {obs.shape} and "
            f"{code_book.shape}."
        )
    if obs.ndim not in (1, 2):
        raise CodeBookError(f"ndim different than 1 or 2 are not supported{user_line(' at {}')}; got {obs.shape}.")
    if obs.ndim == 2 and obs.shape[1] != code_book.shape[1]:
        raise CodeBookError(
            f"vq needs codes of as many numbers as the observations have{user_line(' at {}')}; got shapes "
            f"{code_book.shape} and {obs.shape}."
        )
    return _nearest(obs, code_book)


@compiled
def _nearest(obs, code_book):
    if obs.ndim == 1:
        obs, code_book = obs[:, None], code_book[:, None]
    apart = obs[:, None, :] - code_book[None, :, :]
    squares = jnp.sum(apart * apart, axis=-1)
    code = jnp.argmin(squares, axis=-1)
    return code, jnp.sqrt(jnp.take_along_axis(squares, code[:, None], axis=-1)[:, 0])

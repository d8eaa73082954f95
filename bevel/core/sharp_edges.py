"""Saying a thing once: warnings about sharp edges, with the user's line."""

from __future__ import annotations

import sys
import warnings

import numpy as np

from bevel.base import dtypes, limits, settings
from bevel.base.errors import DTypeError
from bevel.core.source import user_frame, user_line


class SharpEdgeWarning(UserWarning):
    """Something that works, though likely not as meant. `bevel.config.update('sharp_edges', 'compat')` is silent."""


_said: set = set()


def warn_once(key, message: str, category=SharpEdgeWarning):
    """Warns at the user's line, the first time for each key and line."""
    frame = user_frame(2)
    place = ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    if (key, place) in _said:
        return
    _said.add((key, place))
    if frame is None:
        warnings.warn(message, category, stacklevel=2)
        return
    module = frame.f_globals.get("__name__", "<user>")
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, place[0], place[1], module, registry)


def narrowed(value: np.ndarray, dtype, is_exact=True) -> np.ndarray:
    """64-bit numbers from outside in the 32-bit dtype that stands for theirs while `enable_x64` is off.

    Silent where each still is itself, or near it. Numbers beyond the dtype's reach are said once, at the user's line;
    under `sharp_edges='strict'` they are an error, and so is a number that is not kept exactly. `compat` is silent.
    is_exact   False: only reach is looked at, as for single numbers: Python's floats, np.sqrt(2)
    """
    with np.errstate(all="ignore"):
        result = value.astype(dtype)
    profile = settings.sharp_edges.value
    if profile == "compat" or not value.size:
        return result
    lost = beyond(value, result)
    if lost is not None:
        number, what = lost
        message = (
            f"{number} is taken as {dtype.name}{user_line(' at {}')}, since 64-bit dtypes are off: such numbers "
            f"{what}.\n"
            f"Switch them on, bevel.config.update('jax_enable_x64', True); or scale what was {value.dtype.name}."
        )
        if profile == "strict":
            raise DTypeError(message)
        warn_once(("beyond", dtype), message)
    elif is_exact and profile == "strict" and not ((result == value) | (value != value)).all():
        raise DTypeError(
            f"Numbers of {value.dtype.name} are taken as {dtype.name}{user_line(' at {}')}, which does not keep them "
            f"exactly.\nSay so, x.astype({dtype.name!r}); or switch 64-bit dtypes on: "
            "bevel.config.update('jax_enable_x64', True)."
        )
    return result


def converted(value: np.ndarray, dtype) -> np.ndarray:
    """Numbers from outside in a dtype that was asked for by name; those beyond its reach are said as by `narrowed`."""
    with np.errstate(all="ignore"):
        result = value.astype(dtype)
    profile = settings.sharp_edges.value
    if profile == "compat" or not value.size or (lost := beyond(value, result)) is None:
        return result
    number, what = lost
    message = f"{number} is out of bounds for {np.dtype(dtype).name}{user_line(' at {}')}: such numbers {what}."
    if profile == "strict":
        raise OverflowError(message)
    warn_once(("converted", dtype), f"{message} Ask for a wider dtype, or clip them first.")
    return result


def beyond(value, result):
    """(one of the numbers that the dtype of the result cannot hold, what becomes of such); None where it holds all."""
    held, given = result.dtype, value.dtype
    is_whole = not dtypes.issubdtype(given, np.inexact)
    if given == np.bool_ or held == np.bool_:
        return None
    if dtypes.issubdtype(held, np.integer):
        info = limits.iinfo(held)
        if is_whole:
            least, greatest = value.min(), value.max()
            if info.min <= int(least) and int(greatest) <= info.max:
                return None
            return (greatest if int(greatest) > info.max else least), "wrap around"
        number = value.real
        with np.errstate(over="ignore"):  # float16 has no such limits: they are infinite beside it
            is_inside = (number > float(info.min) - 1) & (number < float(info.max) + 1)  # NaN is not
        return None if is_inside.all() else (number[~is_inside].flat[0], "become some other integer")
    lost = ~np.isfinite(result) if is_whole else np.isfinite(value) & ~np.isfinite(result)
    if not lost.any():
        return None
    return value[lost].flat[0], "become NaN" if np.isnan(result[lost].flat[0]) else "become infinite"


def forget():
    """Says everything again from here on."""
    _said.clear()
    for module in list(sys.modules.values()):
        getattr(module, "__dict__", {}).get("__warningregistry__", {}).clear()

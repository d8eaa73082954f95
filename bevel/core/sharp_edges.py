"""Saying a thing once: warnings about sharp edges, with the user's line."""

from __future__ import annotations

import sys
import warnings

from bevel.core.source import user_frame


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


def forget():
    """Says everything again from here on."""
    _said.clear()
    for module in list(sys.modules.values()):
        getattr(module, "__warningregistry__", {}).clear()

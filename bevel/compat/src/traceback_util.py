"""jax._src.traceback_util: which frames of a traceback are a library's own."""

from bevel.compat.extend.source_info_util import register_exclusion
from bevel.core.source import is_ours


def api_boundary(fun, *args, **kwargs):
    """The function as it is: an error's traceback ends at the user's line without it."""
    return fun


def include_frame(frame) -> bool:
    """Is a frame the user's?"""
    return not is_ours(frame.f_code.co_filename)


__all__ = ["api_boundary", "include_frame", "register_exclusion"]

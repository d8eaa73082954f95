"""The cached call in C++, and the flags that its cache key reads.

`cached_call(...)` wraps jaxlib's pjit: a call whose arguments have been seen runs without Python. Anything else, as new
shapes, comes to the `miss` function given to it; but while a trace is in progress on this thread, every call is handed
on at once, to `traced`.
"""

from __future__ import annotations

import itertools
import threading
from collections import namedtuple

from bevel.base import settings
from bevel.engine import jaxlib_names as names
from bevel.engine.pytree import call_registry

Config = names.Config
_x64 = Config("enable_x64", settings.enable_x64.value, include_in_jit_key=True, include_in_trace_context=True)
_post_hook = Config("post_hook", None, include_in_jit_key=False, include_in_trace_context=False)
# What jaxlib takes for `disable_jit`: with it, a call runs the Python function without a look at the arguments.
_tracing = Config("tracing", False, include_in_jit_key=True, include_in_trace_context=False)
_context = Config("context", None, include_in_jit_key=True, include_in_trace_context=False)
# Each call is new to C++ once more in threads other than the first, so that Python knows of these: see `engine.turns`.
_thread = Config("thread", "another", include_in_jit_key=True, include_in_trace_context=False)
_thread.set_local("first")
_here = threading.local()
_here.is_first = True
names.set_enable_x64_state(_x64)
names.set_disable_jit_state(_tracing)
names.set_post_hook_state(_post_hook)

# A cache key of C++ holds one object for all settings that change what a trace means; None while all are at default.
_default_key = settings.trace_key()


def set_tracing(tracing: bool):
    """Tells the C++ calls of this thread that a trace is in progress: they then hand every call to Python, in 0.2 µs
    rather than the 1.3 of a call whose arguments are not known."""
    _tracing.set_local(tracing)


def is_first_thread() -> bool:
    """Whether this is the thread that Bevel was imported in."""
    return getattr(_here, "is_first", False)


def _mirror(option, scope, value):
    """Keeps C++'s view of the settings equal to Python's."""
    if option is settings.enable_x64:
        if scope == "global":
            _x64.set_global(value)
        else:
            _x64.set_local(names.unset if value is settings.UNSET else value)
    if option.in_trace_key:
        everywhere, here = settings.global_trace_key(), settings.trace_key()
        _context.set_global(None if everywhere == _default_key else everywhere)
        # a thread's own value hides the process's, so it must go when the thread's last override does
        _context.set_local(names.unset if here == everywhere else None if here == _default_key else here)


settings.on_change(_mirror)

Fastpath = namedtuple(
    "Fastpath",
    "xla_executable out_pytree_def in_shardings out_shardings out_avals out_committed kept_var_bitvec "
    "in_device_local_layouts const_args",
)

_cache = names.PjitFunctionCache(capacity=16384)
_counter = itertools.count()
Call = names.PjitFunction


def cached_call(name, traced, miss, place, static_argnums=(), static_argnames=(), key=None):
    """A C++ callable that finds its compiled program by the avals, tree and static arguments of a call.

    traced    called instead while a trace is in progress; its signature is the call's
    miss      called with the same arguments where no program is known; gives (result, Fastpath or None, False)
    place     (value, sharding, layout) → array: puts an argument that is not on the device yet
    key       calls with equal keys share programs; by default each cached_call has its own
    """
    if key is None:
        key = (name, next(_counter))
    return names.pjit(
        name, traced, miss, list(static_argnums), list(static_argnames), key, call_registry, place, _cache
    )


def result_of(miss):
    """What to call while a trace is in progress where `miss` knows what to do then."""

    def traced(*args, **kwargs):
        return miss(*args, **kwargs)[0]

    return traced


_on_forget: list = []


def on_forget(callback):
    """Has that called whenever the calls are forgotten."""
    _on_forget.append(callback)


def forget_calls():
    """Lets go of every program that a cached call holds; the next call of each asks Python again."""
    _cache.clear()
    for callback in _on_forget:
        callback()

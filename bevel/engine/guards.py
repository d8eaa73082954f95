"""Transfer guards: the engine logs or refuses transfers between the host and the devices, where a setting asks it to.

Transfers that are asked for, by `device_put` and `device_get`, are let through, but by the levels that end in
`_explicit`.
"""

from __future__ import annotations

from typing import Any

from bevel.base import settings
from bevel.engine import jaxlib_names as names

_KINDS = {
    settings.transfer_guard_host_to_device: "host_to_device",
    settings.transfer_guard_device_to_device: "device_to_device",
    settings.transfer_guard_device_to_host: "device_to_host",
}


def _level(value):
    if value is None or value is settings.UNSET:
        return None
    return getattr(_library().TransferGuardLevel, value.upper())


def _library() -> Any:
    return names.found("_jax.guard_lib")


def _mirror(option, scope, value):
    """Tells C++ what the settings say, when one of them changes: the one for all kinds, or the one for a kind."""
    if option is not settings.transfer_guard and option not in _KINDS:
        return
    explicit.in_use = True
    state = _library().global_state() if scope == "global" else _library().thread_local_state()
    for own, kind in _KINDS.items():
        if option in (own, settings.transfer_guard):
            other = own if option is settings.transfer_guard else settings.transfer_guard
            setattr(state, kind, _level(other.local_value if value is settings.UNSET else value))


class explicit:
    """`with explicit():` around transfers that the user asked for, and such as belong to a program."""

    __slots__ = ("before",)
    in_use = False  # was a guard ever set?

    def __enter__(self):
        if explicit.in_use:
            state = _library().thread_local_state()
            self.before = state.explicit_device_put, state.explicit_device_get
            state.explicit_device_put = state.explicit_device_get = True

    def __exit__(self, *_):
        if explicit.in_use:
            state = _library().thread_local_state()
            state.explicit_device_put, state.explicit_device_get = self.before


settings.on_change(_mirror)
for _option in (settings.transfer_guard, *_KINDS):
    if _option.value is not None:
        _mirror(_option, "global", _option.value)

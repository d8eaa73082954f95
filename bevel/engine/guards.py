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
    """Tells C++ what the settings say, when one of them changes."""
    kinds = tuple(_KINDS.values()) if option is settings.transfer_guard else (_KINDS.get(option),)
    if kinds == (None,):
        return
    explicit.in_use = True
    state = _library().global_state() if scope == "global" else _library().thread_local_state()
    for kind in kinds:
        setattr(state, kind, _level(value))


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

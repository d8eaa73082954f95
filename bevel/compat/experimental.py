"""jax.experimental: what has moved to bevel's own modules, and what is not there yet."""

import importlib

from bevel.base.errors import MissingNameError
from bevel.compat import PLACES, later

# name → (module, attribute)
_MOVED = {
    "checkpoint": ("bevel.ad_checkpoint", "checkpoint"),
    "remat": ("bevel.ad_checkpoint", "checkpoint"),
    "io_callback": ("bevel.api.callbacks", "io_callback"),
    "enable_x64": ("bevel.base.settings", "enable_x64"),
}


def __getattr__(name):
    if name in _MOVED:
        module, attribute = _MOVED[name]
        return getattr(importlib.import_module(module), attribute)
    full = f"jax.experimental.{name}"
    if full in later.LATER or full in PLACES:
        return importlib.import_module(full)
    found = later.named("jax.experimental", name)
    if found is not None:
        return found
    try:
        return importlib.import_module(f"bevel.experimental.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"bevel.experimental.{name}":
            raise
    raise MissingNameError(f"jax.experimental.{name} is not in Bevel yet.")

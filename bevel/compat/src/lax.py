"""jax._src.lax: its modules, all of which are bevel.lax."""

import bevel.lax


def __getattr__(name):
    if name in ("control_flow", "convolution", "lax", "parallel", "slicing"):
        return bevel.lax
    return getattr(bevel.lax, name)

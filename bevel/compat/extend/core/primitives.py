"""jax.extend.core.primitives: each primitive by its name, `add_p` and the rest."""

from bevel.compat.outside import CallPrimitive
from bevel.core.handles import handle_called, names_of_handles

# What JAX has besides `jit` for a call. Bevel stages none of them: they are here to be compared with.
call_p = CallPrimitive("call")
closed_call_p = CallPrimitive("closed_call")


def __dir__():
    return sorted({"call_p", "closed_call_p", *names_of_handles()})


def __getattr__(name):
    """A handle is made when it is first named."""
    if name.endswith("_p"):
        try:
            return handle_called(name)
        except KeyError:
            pass
    raise AttributeError(f"jax.extend.core.primitives.{name} is not in Bevel: no primitive goes by that name.")

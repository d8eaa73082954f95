"""jax.extend.core.primitives: each primitive by its name, `add_p` and the rest."""

from bevel.compat.outside import CallPrimitive
from bevel.core.handles import names_of_handles, primitives_in

# What JAX has besides `jit` for a call. Bevel stages none of them: they are here to be compared with.
call_p = CallPrimitive("call")
closed_call_p = CallPrimitive("closed_call")


def __dir__():
    return sorted({"call_p", "closed_call_p", *names_of_handles()})


__getattr__ = primitives_in(
    __name__, "jax.extend.core.primitives.{name} is not in Bevel: no primitive goes by that name."
)

"""jax._src.pjit."""

from bevel.core.handles import handle_called

jit_p = handle_called("jit_p")

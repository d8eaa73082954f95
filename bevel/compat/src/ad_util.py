"""jax._src.ad_util."""

from bevel.core.handles import handle_called
from bevel.core.tangents import Zero, is_zero
from bevel.ops.elementwise import add_any as add_jaxvals
from bevel.ops.shapes import zeros as zeros_like_aval

stop_gradient_p = handle_called("stop_gradient_p")
add_any_p = handle_called("add_jaxvals_p")

__all__ = ["Zero", "add_any_p", "add_jaxvals", "is_zero", "stop_gradient_p", "zeros_like_aval"]

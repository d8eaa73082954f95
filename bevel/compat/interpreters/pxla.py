"""jax.interpreters.pxla: how programs give their results. The little of it that programs outside of JAX name."""

from bevel.base.avals import ShapedArray
from bevel.engine.jaxlib_names import array_result_handler

global_result_handlers: dict = {ShapedArray: None}


def global_aval_to_result_handler(aval, out_sharding, committed: bool):
    """What makes an array of the buffers that a program gave for this aval."""
    return array_result_handler(aval, out_sharding, committed)


__all__ = ["global_aval_to_result_handler", "global_result_handlers"]

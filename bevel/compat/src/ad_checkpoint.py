"""jax._src.ad_checkpoint."""

from bevel.ad_checkpoint import checkpoint, checkpoint_name, checkpoint_policies, print_saved_residuals, remat
from bevel.api.checkpoint import saved_residuals
from bevel.core.handles import handle_called

remat_p = handle_called("remat_p")
name_p = handle_called("name_p")

__all__ = [
    "checkpoint", "checkpoint_name", "checkpoint_policies", "name_p", "print_saved_residuals", "remat", "remat_p",
    "saved_residuals",
]  # fmt: skip

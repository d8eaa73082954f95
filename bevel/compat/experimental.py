"""jax.experimental: what has moved to bevel's own modules, and what is not there yet."""

from bevel.base.errors import MissingNameError


def __getattr__(name):
    if name in ("checkpoint", "remat"):
        from bevel.ad_checkpoint import checkpoint

        return checkpoint
    raise MissingNameError(f"jax.experimental.{name} is not in Bevel yet.")

"""What may still change its form: ordered calls of Python, and modules by name, `bevel.experimental.jet`."""

from bevel.api.callbacks import io_callback

__all__ = ["io_callback"]

"""Arrays shared with other libraries by DLPack: `from_dlpack`; they call `x.__dlpack__()`."""

from bevel.numpy.exchange import from_dlpack, is_supported_dtype

__all__ = ["from_dlpack", "is_supported_dtype"]

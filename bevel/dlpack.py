"""Arrays shared with other libraries by DLPack: `from_dlpack`; they call `x.__dlpack__()`."""

from bevel.numpy.exchange import from_dlpack as _from_dlpack
from bevel.numpy.exchange import is_supported_dtype

__all__ = ["from_dlpack", "is_supported_dtype"]


def from_dlpack(external_array, device=None, copy=None):
    """An array of another library as one of ours: `bevel.numpy.from_dlpack`, which says more."""
    return _from_dlpack(external_array, device=device, copy=copy)

"""How many threads OpenBLAS uses, which SciPy brings and LAPACK's calls run on.

OpenBLAS splits even small factorisations between all cores, and its threads wait for each other by spinning. Beside
XLA's threads, or beside another process, that turns 2 ms into 1,000 (docs/decisions/079). So it gets one thread, until
a program comes whose matrices are large enough to be worth more.
"""

from __future__ import annotations

import ctypes
import glob
import logging
import os
import re
from collections.abc import Callable

log = logging.getLogger(__name__)

# what the user may set to choose for OpenBLAS, which then is left alone
_CHOSEN_BY = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
WORTH_SHARING = 1000**3  # rows · columns · the smaller of them: one thread takes 10 ms or more

_CALL = re.compile(r"@lapack_\w+\(.*")
_MATRIX = re.compile(r"tensor<(?:\d+x)*?(\d+)x(\d+)x(?:complex<)?f\d")

_get: Callable[[], int] | None = None
_set: Callable[[int], None] | None = None
_all = 0


def keep_to_one():
    """Gives OpenBLAS one thread, if it can be found and the user has not chosen."""
    global _get, _set, _all
    library = _library()
    if library is None:
        return
    _get = library.scipy_openblas_get_num_threads
    if any([name in os.environ for name in _CHOSEN_BY]):
        return
    _all = _get()
    _set = library.scipy_openblas_set_num_threads
    if _all > 1:
        _set(1)


def is_one() -> bool:
    """Whether OpenBLAS is known to use one thread, so that two of its routines may well run at once."""
    return _get is not None and _get() == 1


def share_if_large(program: str):
    """Gives OpenBLAS all its threads back where a program, by its text, factors or solves large matrices."""
    if _set is not None and largest(program) >= WORTH_SHARING:
        share()


def share():
    """Gives OpenBLAS all its threads back, for good."""
    global _set
    if _set is not None:
        _set(_all)
        _set = None


def largest(program: str) -> int:
    """The work of the largest matrix that is handed to LAPACK: its rows, columns, and the smaller of them, multiplied.

    >>> largest("stablehlo.custom_call @lapack_spotrf_ffi(%0) : (tensor<9x20x30xf32>) -> tensor<20x30xf32>")
    12000
    """
    sizes = [(int(m), int(n)) for call in _CALL.findall(program) for m, n in _MATRIX.findall(call)]
    return max([m * n * min(m, n) for m, n in sizes], default=0)


def _library():
    """SciPy's OpenBLAS, as its wheels bring it; None where SciPy has another BLAS."""
    import scipy  # here: jaxlib's lookup of LAPACK has loaded it

    home = os.path.dirname(os.path.dirname(scipy.__file__))
    for folder in ("scipy.libs", os.path.join("scipy", ".dylibs")):
        for path in glob.glob(os.path.join(home, folder, "libscipy_openblas*")):
            try:
                library = ctypes.CDLL(path)
                _ = library.scipy_openblas_get_num_threads, library.scipy_openblas_set_num_threads
            except (OSError, AttributeError) as error:
                log.debug("%s has no threads to be set: %s", path, error)
            else:
                return library
    return None

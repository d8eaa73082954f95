"""LAPACK's routines, and a GPU plugin's kernels, as calls that compiled programs can make.

jaxlib brings the calls; SciPy brings LAPACK itself, and finding it there costs 0.4 s. So a program that contains such
a call asks for `ensure()` before it is compiled or loaded from disk, and nobody else pays. Without it the first
Cholesky ends the process: the calls would jump to addresses that nobody filled in.
"""

from __future__ import annotations

import importlib
import logging
import re
import threading

from bevel.engine import blas_threads
from bevel.engine.jaxlib_names import (
    found,
    register_custom_call_as_batch_partitionable,
    register_custom_call_target,
)

log = logging.getLogger(__name__)

PREFIX = "lapack_"  # the targets of LAPACK's calls begin so; those that need no LAPACK do not
_HYBRID = "cuhybrid_"  # GPU targets that call LAPACK
TARGETS = (PREFIX, "tridiagonal_solve_", "cusolver_", "cusparse_", "cu_", _HYBRID)  # how those begin that need `ensure`
_STACK = re.compile(rf"@{PREFIX}\w+\(.* : \(.*tensor<\d+x\d+x\d+x")

_lock = threading.Lock()
_targets: dict[str, frozenset[str]] = {}

# jaxlib's modules that list what a GPU plugin brings; each gives platform -> [(target, capsule, API version)].
_GPU_MODULES = ("gpu_solver", "gpu_linalg", "gpu_sparse", "gpu_prng")
_JAXLIB_PLATFORMS = {"cpu": "cpu", "cuda": "CUDA", "rocm": "ROCM"}


def ensure(platform: str = "cpu") -> frozenset[str]:
    """Makes the foreign kernels of a platform callable, once; gives the names of their targets.

    "cpu" brings LAPACK; "cuda" and "rocm" the kernels of the plugin, where its package is installed (else nothing).
    Any number of threads may ask.
    """
    platform = "cuda" if platform == "gpu" else platform
    known = _targets.get(platform)
    if known is not None:
        return known
    with _lock:
        if platform not in _targets:
            _targets[platform] = frozenset(_register(platform))
        return _targets[platform]


def is_needed(program: str) -> bool:
    """Whether a program's text calls LAPACK, or what a GPU's plugin has in its place."""
    return any(["@" + target in program for target in TARGETS])


def is_given_stacks(program: str) -> bool:
    """Whether a program's text calls LAPACK for stacks of matrices.

    >>> is_given_stacks("stablehlo.custom_call @lapack_spotrf_ffi(%0) {…} : (tensor<9x20x20xf32>) -> ()")
    True
    """
    return _STACK.search(program) is not None


def ensure_for(program: str, platform: str):
    """Makes what a program's text calls callable on its platform."""
    if not is_needed(program):
        return
    ensure(platform)
    blas_threads.share_if_large(program)
    if "@" + _HYBRID in program:
        start = found("gpu_solver.initialize_hybrid_kernels")
        if start is not None:
            start()  # finds LAPACK, as `ensure` does for CPUs


def _register(platform: str) -> list[str]:
    if platform not in _JAXLIB_PLATFORMS:
        return []
    if platform == "cpu":
        lapack = importlib.import_module("jaxlib.lapack")
        lapack._lapack.initialize()  # looks the routines up in SciPy: all the time goes here
        blas_threads.keep_to_one()
        modules = [lapack]
    else:
        modules = [module for name in _GPU_MODULES if (module := found(name)) is not None]
    names = []
    for module in modules:
        for name, capsule, api_version in module.registrations().get(_JAXLIB_PLATFORMS[platform], ()):
            register_custom_call_target(name, capsule, platform=_JAXLIB_PLATFORMS[platform], api_version=api_version)
            register_custom_call_as_batch_partitionable(name)  # each device then takes its own matrices
            names.append(name)
    log.debug("%d foreign kernels registered for %s", len(names), platform)
    return names

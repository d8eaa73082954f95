"""GPU and TPU: their PJRT plugins, found as packages and loaded as libraries.

A plugin package carries a shared library that speaks PJRT's C interface; its Python part belongs to JAX and is not
used.
"""

from __future__ import annotations

import functools
import glob
import logging
import os
from typing import Any

from bevel.base.errors import EngineError
from bevel.engine import jaxlib_names as names

log = logging.getLogger(__name__)

# Platforms whose kernels lie in a second package, and what jaxlib calls them there.
_PLATFORM_OF_HANDLERS = {"cuda": "CUDA", "rocm": "ROCM"}


def make_client(platform: str, package: str):
    """The client of a platform whose plugin package lies in a folder. Raises EngineError where it cannot start."""
    load: Any = names.found("xla_client.load_pjrt_plugin_dynamically")
    start: Any = names.found("xla_client.initialize_pjrt_plugin")
    make: Any = names.found("xla_client.make_c_api_client")
    loaded = names.found("xla_client.pjrt_plugin_loaded")
    libraries = sorted(glob.glob(os.path.join(package, "*plugin*.so")) + glob.glob(os.path.join(package, "libtpu.so")))
    if not libraries:
        raise EngineError(f"The plugin for '{platform}' in {package} has no library; install it again.")
    try:
        interface = None
        if loaded is None or not loaded(platform):
            interface = load(platform, libraries[0])
            start(platform)
        client = make(platform, _options(platform), None)
    except names.JaxRuntimeError as error:
        raise EngineError(f"The platform '{platform}' could not be started: {error}") from error
    if platform in _PLATFORM_OF_HANDLERS:
        _register_handlers(platform, interface)
    return client


def _register_handlers(platform, interface):
    """Makes the plugin package's own handlers callable from programs: calls of Python among them.

    jaxlib keeps what is registered for a platform until it is told how the plugin, known by its C interface, takes it.

    Where that package is missing, programs without such calls run all the same.
    """
    find: Any = names.found("plugin_support.import_from_plugin")
    extension = None if find is None else find(platform, f"{platform}_plugin_extension")
    if extension is None:
        log.debug("No handlers were found for platform %s: programs on it cannot call Python.", platform)
        return
    name_of_platform = _PLATFORM_OF_HANDLERS[platform]
    if interface is not None:
        for kind, take in (
            ("type", extension.register_custom_type), ("call", extension.register_custom_call_target)
        ):  # fmt: skip
            tell = names.found(f"xla_client.register_custom_{kind}_handler")
            if tell is not None:
                tell(name_of_platform, functools.partial(take, interface))
    for name, kind in extension.ffi_types().items():
        names.register_custom_type(name, kind, platform=name_of_platform)
    for name, handler in extension.ffi_handlers().items():
        names.register_custom_call_target(name, handler, platform=name_of_platform, api_version=1)


def _options(platform) -> dict:
    """How a client shares its device: memory as the environment of XLA's Python clients says, as jaxlib reads it."""
    if platform == "cuda":
        read = names.found("xla_client.generate_pjrt_gpu_plugin_options")
        if read is not None:
            return dict(read())
    options: dict = {"platform_name": platform} if platform in ("cuda", "rocm") else {}
    fraction = os.environ.get("XLA_PYTHON_CLIENT_MEM_FRACTION")
    if fraction:
        options["memory_fraction"] = float(fraction)
    preallocate = os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE")
    if preallocate is not None:
        options["preallocate"] = preallocate.lower() in ("1", "true")
    return options if platform in ("cuda", "rocm") else {}

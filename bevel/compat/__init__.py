"""Bevel under the name jax, so that programs and libraries written for JAX run on it unmodified.

`install()` puts a finder before Python's own: `import jax.numpy` then gives `bevel.numpy`, the very same module. What
Bevel does not have yet answers with one letter that says so. It must come before anything imports the real jax; the two
cannot share a process, since both give jaxlib's array class its methods.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import logging
import pathlib
import sys
import types

from bevel.base import settings
from bevel.base.errors import MissingNameError
from bevel.compat import later
from bevel.engine.alone import OneEngineError

JAX_VERSION = "0.10.2"

# Modules of JAX whose place in Bevel has another name.
PLACES = {
    "jax.numpy": "bevel.numpy",
    "jax.experimental": "bevel.compat.experimental",
    "jax.experimental.compilation_cache": "bevel.compat.compilation_cache",
    "jax.experimental.compilation_cache.compilation_cache": "bevel.compat.compilation_cache",
    "jax.experimental.hijax": "bevel.compat.hijax",
    "jax.experimental.multihost_utils": "bevel.compat.multihost_utils",
    "jax.version": "bevel.compat.version",
    "jax.core": "bevel.compat.core",
    "jax.ops": "bevel.segments",
    "jax.example_libraries": "bevel.compat.example_libraries",
    "jax.example_libraries.optimizers": "bevel.compat.example_libraries.optimizers",
    "jax.example_libraries.stax": "bevel.compat.example_libraries.stax",
    "jax.extend": "bevel.compat.extend",
    "jax.extend.linear_util": "bevel.compat.linear_util",
    "jax.extend.mlir": "jaxlib.mlir",
    "jax.interpreters": "bevel.compat.interpreters",
    "jax.api_util": "bevel.compat.api_util",
    "jax.monitoring": "bevel.compat.monitoring",
    "jax.sharding": "bevel.compat.sharding",
    "jax._src": "bevel.compat.src",
    "jax._src.api_util": "bevel.compat.api_util",
    "jax._src.checkify": "bevel.experimental.checkify",
    "jax._src.config": "bevel.base.settings",
    "jax._src.core": "bevel.compat.core",
    "jax._src.flatten_util": "bevel.flatten_util",
    "jax._src.interpreters": "bevel.compat.interpreters",
    "jax._src.lax.control_flow": "bevel.lax",
    "jax._src.lax.convolution": "bevel.lax",
    "jax._src.lax.lax": "bevel.lax",
    "jax._src.lax.parallel": "bevel.lax",
    "jax._src.lax.slicing": "bevel.lax",
    "jax._src.lib": "jaxlib",
    "jax._src.lib.mlir.dialects": "bevel.compat.src.dialects",
    "jax._src.linear_util": "bevel.compat.linear_util",
    "jax._src.nn": "bevel.nn",
    "jax._src.nn.functions": "bevel.nn",
    "jax._src.numpy.lax_numpy": "bevel.numpy",
    "jax._src.random": "bevel.random",
    "jax._src.scipy": "bevel.scipy",
    "jax._src.source_info_util": "bevel.compat.extend.source_info_util",
}


class _Loader(importlib.abc.Loader):
    """Loads a module of jax as the module of Bevel that stands for it."""

    def __init__(self, place):
        self.place = place

    def create_module(self, spec):
        module = importlib.import_module(self.place)
        self.spec_before = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self.spec_before


class _RootLoader(importlib.abc.Loader):
    """Loads `jax` itself, at the program's first import of it; what the environment says by then holds."""

    def create_module(self, spec):
        settings.read_environment()
        return _Root("jax", "Bevel under the name jax.")

    def exec_module(self, module):
        module.__version__ = JAX_VERSION
        module.__version_info__ = tuple(int(part) for part in JAX_VERSION.split("."))


class _LaterLoader(importlib.abc.Loader):
    """Loads a module of which Bevel has nothing yet: its names raise when used."""

    def create_module(self, spec):
        return later.LaterModule(spec.name, "Not in Bevel yet.")

    def exec_module(self, module):
        pass


_ANY = importlib.metadata.DistributionFinder.Context()


class _Distribution(importlib.metadata.Distribution):
    """What `importlib.metadata.version("jax")` reads, as some libraries do at import."""

    def read_text(self, filename):
        return f"Metadata-Version: 2.1\nName: jax\nVersion: {JAX_VERSION}\n" if filename == "METADATA" else None

    def locate_file(self, path):
        return pathlib.Path(__file__).parent / path


class _Finder(importlib.metadata.DistributionFinder):
    """Finds `jax` and what is below it in Bevel."""

    def find_distributions(self, context=_ANY):
        return [_Distribution()] if context.name in (None, "jax") else []

    def find_spec(self, name, path=None, target=None):
        if name == "jax":
            return importlib.machinery.ModuleSpec(name, _RootLoader(), is_package=True)
        if not name.startswith("jax."):
            return None
        place = place_of(name)
        if place and _exists(place):
            return importlib.machinery.ModuleSpec(name, _Loader(place), is_package=True)
        if name in later.LATER:
            return importlib.machinery.ModuleSpec(name, _LaterLoader(), is_package=True)
        raise ModuleNotFoundError(
            f"{name} is not in Bevel yet: no module of that name stands for it.\n"
            "bevel.compat.PLACES lists what lives under another name.",
            name=name,
        )


# Names of the module `jax` itself that live in other modules of Bevel.
_ROOT = {
    "Device": ("bevel.engine.jaxlib_names", "Device"),
    "NamedSharding": ("bevel.sharding", "NamedSharding"),
    "check_tracer_leaks": ("bevel.base.settings", "check_tracer_leaks"),
    "checking_leaks": ("bevel.base.settings", "check_tracer_leaks"),
    "P": ("bevel.sharding", "PartitionSpec"),
    "Shard": ("bevel.numpy.shards", "Shard"),
    # of older JAX, and still in much that is written about it
    **{
        name: ("bevel.tree_util", name)
        for name in ("tree_flatten", "tree_leaves", "tree_map", "tree_reduce", "tree_structure", "tree_unflatten")
    },
}

# What is a package of Bevel's own, and no module of JAX.
_INSIDE = {"api", "base", "compat", "control", "engine", "ops", "tools", "transforms"}


def place_of(name: str) -> str | None:
    """The module that stands for one of JAX's, by the longest name in PLACES that it begins with; None where none can.

    >>> place_of("jax.extend.core.primitives"), place_of("jax.nn"), place_of("jax.engine")
    ('bevel.compat.extend.core.primitives', 'bevel.nn', None)
    """
    head, rest = name, ""
    while head != "jax":
        if head == "jax.experimental" and rest:
            return "bevel.experimental" + rest
        if head in PLACES:
            return PLACES[head] + rest
        head, _, last = head.rpartition(".")
        rest = f".{last}{rest}"
    return None if rest[1:].split(".")[0] in _INSIDE else "bevel" + rest


def _exists(place) -> bool:
    if place in sys.modules:
        return True
    try:
        return importlib.util.find_spec(place) is not None
    except ModuleNotFoundError:
        return False


class _Root(types.ModuleType):
    """The module `jax`: Bevel's names, JAX's version."""

    def __getattr__(self, name):
        import bevel

        full = f"jax.{name}"
        if full not in PLACES and name not in _INSIDE:
            try:
                value = getattr(bevel, name)
            except AttributeError:
                pass
            else:
                if isinstance(value, types.ModuleType):
                    sys.modules.setdefault(full, value)  # some look there for what `import jax` brings along
                return value
        place = place_of(full)
        if not name.startswith("__") and ((place and _exists(place)) or full in later.LATER):
            return importlib.import_module(full)
        if name in _ROOT:
            module, attribute = _ROOT[name]
            return getattr(importlib.import_module(module), attribute)
        found = later.named("jax", name)
        if found is not None:
            return found
        raise MissingNameError(
            f"jax.{name} is not in Bevel yet. Bevel stands for JAX {JAX_VERSION}; what it has: dir(jax)."
        )

    def __dir__(self):
        import bevel

        return sorted({*bevel.__dir__(), *(n[4:] for n in PLACES)})


def install(profile: str = "compat"):
    """Puts Bevel under the name jax in this process, with the sharp edges of `profile`: JAX's own by default."""
    here = sys.modules.get("jax")
    if isinstance(here, _Root) or any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if here is not None:
        raise OneEngineError(
            "The real jax is loaded in this process already, and Bevel cannot share it: both give jaxlib's array class "
            "its methods.\nImport bevel.compat before anything that imports jax, or use `python -m bevel run "
            "program.py`."
        )
    sys.meta_path.insert(0, _Finder())
    # who listens to JAX hears what Bevel says of compilations
    logging.getLogger("bevel").parent = logging.getLogger("jax")
    settings.config.update("sharp_edges", profile)

"""The two sides of a comparison: which interpreter runs each, in which environment, and what a row sees of it."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("bevel", "jax")


class Side:
    """What a row is built from: one library, under the names that a program uses, imported when first asked for."""

    def __init__(self, name: str):
        self.name = name

    @cached_property
    def np(self) -> ModuleType:
        return import_module("numpy")

    @cached_property
    def jax(self) -> ModuleType:
        return import_module(self.name)

    @cached_property
    def jnp(self) -> ModuleType:
        return self.np if self.name == "numpy" else import_module(f"{self.name}.numpy")

    @cached_property
    def lax(self) -> ModuleType:
        return import_module(f"{self.name}.lax")

    @cached_property
    def nn(self) -> ModuleType:
        return import_module(f"{self.name}.nn")

    @cached_property
    def random(self) -> ModuleType:
        return import_module(f"{self.name}.random")

    @cached_property
    def checkify(self) -> ModuleType:
        return import_module(f"{self.name}.experimental.checkify")

    @cached_property
    def ode(self) -> ModuleType:
        return import_module(f"{self.name}.experimental.ode")

    @cached_property
    def rnn(self) -> ModuleType:
        return import_module(f"{self.name}.experimental.rnn")


def import_side() -> Side:
    """The side that a script's first argument names."""
    return Side(sys.argv[1])


def interpreter(name: str) -> str:
    """The Python that runs a side: JAX has an environment of its own, all else runs where the driver runs."""
    if name != "jax":
        return sys.executable
    named = os.environ.get("BENCH_PEER_PYTHON")
    if named:
        return named
    return str(ROOT / ".venv-peer" / ("Scripts" if os.name == "nt" else "bin") / "python")


def environment(scratch: str, platform: str) -> dict[str, str]:
    """The environment of every process of either side: the same platform, and nothing to find on disk from earlier.

    Programs compiled by an earlier run would turn a measurement of compilation into one of the disk. So caches on disk
    are off by setting, and the user's cache folder is an empty one for whatever does not heed the setting. (The row
    that measures a warm start turns its cache on itself, in a folder of its own.)

    Byte code is kept, as it is for whoever uses a library: a variable that forbids it would have Python compile Bevel's
    source at each start, while the byte code of JAX lies where pip has put it.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "XDG_CACHE_HOME": scratch,
        "BEVEL_CACHE_DIR": scratch,
        "JAX_PLATFORMS": platform,
        "BEVEL_PLATFORMS": platform,
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "BEVEL_ENABLE_COMPILATION_CACHE": "false",
    }

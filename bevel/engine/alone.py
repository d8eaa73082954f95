"""One process, one library on its engine: the real JAX is kept out of a process that has Bevel in it.

Both give jaxlib's array class its methods and register Python's containers with it, so whichever comes second breaks:
JAX's import with words about OrderedDict, or its arrays without any. Libraries that ask `try: import jax` find it
absent in place of that.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder

from bevel.base.errors import BevelError


class OneEngineError(BevelError, ImportError):
    """The real jax and Bevel were to share one process.

    Both give methods to jaxlib's array class. Fails: `import jax`, then `import bevel`, or the other way round.
    Mended: run each in a process of its own, or `python -m bevel run program.py`, in which `import jax` gives Bevel.
    """


# These are a loader and a finder without importlib.abc's base classes, whose module takes a fiftieth of Bevel's import.


class _Refusal:
    def create_module(self, spec):
        raise OneEngineError(
            "Bevel is loaded in this process, and the real jax cannot share it: both give jaxlib's array class its "
            "methods.\nRun each in a process of its own; or let programs written for JAX run on Bevel: "
            "bevel.compat.install(), or `python -m bevel run program.py`.",
            name=spec.name,
        )

    def exec_module(self, module):
        pass


class _Keeper:
    """Finds the real JAX where it is installed, so that it counts as installed, and refuses to load it."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "jax" or (found := PathFinder.find_spec(fullname, path)) is None:
            return None
        return ModuleSpec(fullname, _Refusal(), origin=found.origin, is_package=True)


def is_real(module) -> bool:
    """Is that module named jax the real one, which lies in a file, and not Bevel under this name?"""
    return getattr(module, "__file__", None) is not None


def keep():
    """Sees to it that Bevel is alone, from now on. Raises OneEngineError where the real JAX is here already."""
    if is_real(sys.modules.get("jax")):
        raise OneEngineError(
            "The real jax is loaded in this process already, and Bevel cannot share it: both give jaxlib's array class "
            "its methods.\nRun each in a process of its own; or import bevel.compat before anything that imports jax, "
            "which then gets Bevel: `python -m bevel run program.py` does that."
        )
    sys.meta_path.insert(0, _Keeper())

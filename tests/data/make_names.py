"""Records the public names of some modules of the real jax: `.venv-peer/bin/python tests/data/make_names.py`.

Modules are left out, and of each name only whether it is a primitive is kept, with the primitive's own name.
"""

import importlib
import json
import types
import warnings
from pathlib import Path

MODULES = [
    "jax.lax", "jax.lax.linalg", "jax.core", "jax.api_util", "jax.ffi", "jax.extend.core", "jax.extend.core.primitives",
    "jax.extend.linear_util", "jax.extend.backend", "jax.extend.source_info_util", "jax.extend.random",
    "jax.interpreters.ad", "jax.interpreters.batching", "jax.interpreters.mlir", "jax.interpreters.partial_eval",
    "jax.interpreters.pxla", "jax.interpreters.xla", "jax.custom_derivatives", "jax.monitoring", "jax.errors",
    "jax.dtypes", "jax.debug",
]  # fmt: skip


def of(module):
    found = {}
    for name in sorted({*dir(module), *getattr(module, "_deprecations", ())}):
        if name.startswith("_") or name in ("annotations", "TYPE_CHECKING", "Any", "Callable", "Sequence"):
            continue
        try:
            value = getattr(module, name)
        except AttributeError:
            continue
        if not isinstance(value, types.ModuleType):
            found[name] = value.name if name.endswith("_p") else None
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    names = {module: of(importlib.import_module(module)) for module in MODULES}
    (Path(__file__).parent / "names.json").write_text(json.dumps(names, indent=1, sort_keys=True) + "\n")

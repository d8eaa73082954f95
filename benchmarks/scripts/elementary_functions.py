"""Evaluates functions of lax, or of scipy.special, at given points.

elementary_functions.py SIDE points.npz results.npz name,name,…
"""

import sys
from importlib import import_module

import numpy as np

side, given, made, names = sys.argv[1:]
library, lax, special = [import_module(side + name) for name in ("", ".lax", ".scipy.special")]
library.config.update("jax_enable_x64", True)
results = {}
with np.load(given) as points:
    for key in sorted({key.rsplit(" ", 1)[0] for key in points}):
        name = names.split(",")[int(key.split()[0])]
        function = getattr(special if name.startswith("scipy.") else lax, name.removeprefix("scipy.special."))
        arguments = [points[k] for k in sorted(points) if k.rsplit(" ", 1)[0] == key]
        value = library.jit(function)(*arguments)
        results[key] = np.stack(value) if isinstance(value, tuple) else np.asarray(value)
np.savez(made, **results)

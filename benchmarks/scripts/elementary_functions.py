"""Evaluates functions of lax at given points: elementary_functions.py SIDE points.npz results.npz name,name,…"""

import sys
from importlib import import_module

import numpy as np

side, given, made, names = sys.argv[1:]
library, lax = import_module(side), import_module(f"{side}.lax")
library.config.update("jax_enable_x64", True)
results = {}
with np.load(given) as points:
    for key in sorted({key.rsplit(" ", 1)[0] for key in points}):
        function = getattr(lax, names.split(",")[int(key.split()[0])])
        arguments = [points[k] for k in sorted(points) if k.rsplit(" ", 1)[0] == key]
        results[key] = np.asarray(library.jit(function)(*arguments))
np.savez(made, **results)

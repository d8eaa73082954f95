"""The only door to jaxlib: clients, arrays, MLIR, compiling, caches, callbacks.

`jaxlib_names` lists every name of jaxlib that is used; `builder` writes StableHLO for the rules of `ops` and
`control`; `compile` and `disk_cache` turn it into programs. Knows dtypes and settings (`base`), and nothing of
traces.
"""

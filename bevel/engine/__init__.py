"""The only door to jaxlib: clients, arrays, MLIR, compiling, caches, callbacks."""

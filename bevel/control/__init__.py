"""Primitives that hold programs: the jit call, branches, loops, custom derivatives. Transformations are their rules."""

"""Primitives that hold programs: the jit call, branches, loops, custom derivatives. Transformations are their rules.

`program` makes programs of programs; `call` is the plainest such op. What users call stands in `api`, above;
primitives on arrays are in `ops`, two floors below, and the transformations in between.
"""

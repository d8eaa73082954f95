"""What a primitive, a tracer and a jaxpr are, and how a function is staged into one.

Begin with `primitive`, `trace` and `jaxpr`; `staging` writes jaxprs, `tree` and its kin take arguments apart. Values
are held by `engine`, below; the primitives themselves are in `ops` and `control`, above.
"""

"""jax._src.literals: JAX's classes of numbers with a dtype. Bevel has arrays and Python's numbers; nothing is one."""


class TypedNdArray:
    """Nothing is one."""


class TypedInt(int):
    """Nothing is one."""


class TypedFloat(float):
    """Nothing is one."""


class TypedComplex(complex):
    """Nothing is one."""

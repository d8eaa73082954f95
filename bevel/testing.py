"""For tests: the laws of primitives, and checks of derivatives against differences.

A function's derivatives, whatever it is made of:

    >>> import bevel.numpy as jnp
    >>> from bevel.testing import check_grads
    >>> check_grads(lambda x, y: jnp.sin(x) * y, (jnp.array(0.3), jnp.array(2.0)), order=2)

An op of one's own is a class with its rules, its reference in NumPy, samples and refusals; `check_primitive` tries
every law on each sample. The laws, by name: `laws()`.

    >>> import numpy as np
    >>> from bevel.core.primitive import primitive
    >>> from bevel.ops.elementwise import Unary, mul
    >>> from bevel.testing import check_primitive
    >>> @primitive
    ... class Cube(Unary):
    ...     takes = "inexact"
    ...     def slope(self, y, x):
    ...         return mul(3.0, mul(x, x))
    ...     def lower(self, out, x):
    ...         return out.op("stablehlo.multiply", [x, out.op("stablehlo.multiply", [x, x])])
    ...     def reference(self, x):
    ...         return x * x * x
    >>> check_primitive(Cube) > 20
    True

A wrong rule is found by its law, on a sample that shows it:

    >>> Cube.slope = lambda self, y, x: mul(2.0, mul(x, x))
    >>> check_primitive(Cube)
    Traceback (most recent call last):
    ...
    bevel.tools.laws.closeness.LawBroken: Cube breaks ... laws:
      0-jvp: LawBroken: jvp is the slope (tangents of operands (0,)): Cube()(f32[3]) is ...
"""

from bevel.tools.laws.check import check_law, check_primitive, laws, laws_of, samples_of
from bevel.tools.laws.closeness import TOLERANCE, LawBroken
from bevel.tools.laws.numerical import check_grads, check_jvp, check_vjp, numerical_jvp
from bevel.tools.laws.samples import Sample, array_factory

__all__ = [
    "TOLERANCE", "LawBroken", "Sample", "array_factory", "check_grads", "check_jvp", "check_law", "check_primitive",
    "check_vjp", "laws", "laws_of", "numerical_jvp", "samples_of",
]  # fmt: skip

"""quax: an array type with units, by rules for primitives, in an interpreter of its own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import quax


class Unit(quax.ArrayValue):
    array: jax.Array
    power: int = eqx.field(static=True)

    def aval(self):
        return jax.core.ShapedArray(self.array.shape, self.array.dtype)

    def materialise(self):
        raise ValueError("it has a unit")


@quax.register(jax.lax.mul_p)
def _(a: Unit, b: Unit, **parameters):
    return Unit(a.array * b.array, a.power + b.power)


@quax.register(jax.lax.add_p)
def _(a: Unit, b: Unit, **parameters):
    if a.power != b.power:
        raise TypeError("units differ")
    return Unit(a.array + b.array, a.power)


@quax.quaxify
def area(x, y):
    return x * y + x * y


metre = lambda x: Unit(jnp.array(x), 1)
for f in (area, jax.jit(area)):
    result = f(metre(2.0), metre(3.0))
    assert result.power == 2 and result.array == 12
try:
    quax.quaxify(lambda x: x * x + x)(metre(2.0))
except TypeError:
    pass
else:
    raise AssertionError("square metres were added to metres")
print("quax", quax.__version__)

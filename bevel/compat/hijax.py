"""jax.experimental.hijax: types of values above arrays. Libraries derive classes from them; use comes later."""

from bevel.base.avals import AbstractValue, ShapedArray
from bevel.base.errors import MissingNameError
from bevel.compat.interpreters.ad import Zero, instantiate_zeros, is_undefined_primal
from bevel.compat.later import later
from bevel.compat.outside import Primitive


class HiType(AbstractValue):
    """The type of a value that arrays stand for."""


class MutableHiType(HiType):
    """The type of a value that changes."""


class HiPspec:
    """How a value of such a type lies over devices."""


class HiPrimitive(Primitive):
    """A primitive on values of such types."""

    def bind(self, *operands, **parameters):
        raise MissingNameError(
            f"The primitive {self.name} works on values of its own type, which Bevel does not trace yet.\n"
            "Keep the value a pytree of arrays."
        )


class VJPHiPrimitive(HiPrimitive):
    """The same, with a rule for reverse mode."""

    def __init__(self):
        super().__init__(type(self).__name__)


class AllowedEffects:
    """Effects that programs inside loops and branches may have. Here all may."""

    def add_type(self, effect_type):
        pass

    def contains(self, effect) -> bool:
        return True


control_flow_allowed_effects = AllowedEffects()
_types: dict = {}


def register_hitype(val_cls, typeof_fn) -> None:
    """Notes how the type of such a value is found."""
    _types[val_cls] = typeof_fn


class aval_method:
    """A method that values of the type have."""

    def __init__(self, fun):
        self.fun = fun


class aval_property:
    """A property that values of the type have."""

    def __init__(self, fget):
        self.fget = fget


AbstractRef = later("jax.experimental.hijax.AbstractRef")
AvalMutableQDD = later("jax.experimental.hijax.AvalMutableQDD")
AvalQDD = later("jax.experimental.hijax.AvalQDD")
TransformedRef = later("jax.experimental.hijax.TransformedRef")

__all__ = [
    "AbstractValue", "HiPrimitive", "HiPspec", "HiType", "MutableHiType", "ShapedArray", "VJPHiPrimitive", "Zero",
    "aval_method", "aval_property", "control_flow_allowed_effects", "instantiate_zeros", "is_undefined_primal",
    "register_hitype",
]  # fmt: skip

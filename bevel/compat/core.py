"""jax.core: views of Bevel's core under JAX's names."""

from bevel.base.avals import AbstractToken, AbstractValue, ShapedArray, abstract_token
from bevel.base.errors import ConcretizationTypeError, UnexpectedTracerError
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, Literal, Var
from bevel.core.jaxpr import Equation as JaxprEqn
from bevel.core.jaxpr import evaluate as eval_jaxpr
from bevel.core.primitive import Primitive
from bevel.core.trace import Trace, Tracer, get_aval

__all__ = [
    "AbstractToken", "AbstractValue", "ClosedJaxpr", "ConcretizationTypeError", "Jaxpr", "JaxprEqn", "Literal",
    "Primitive", "ShapedArray", "Trace", "Tracer", "UnexpectedTracerError", "Var", "abstract_token", "eval_jaxpr",
    "get_aval",
]  # fmt: skip

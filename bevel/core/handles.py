"""Primitives as objects of their own: what `eqn.primitive` is, and what `lax.add_p` names.

An op is a class here, and its parameters are the fields of an instance. Programs that read or write jaxprs ask instead
which primitive an equation applies, compare it, and bind it anew with parameters by name. A handle answers them: one
for each name, made when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from bevel.core.primitive import Primitive, registered
from bevel.core.trace import under

_handles: dict[str, PrimitiveHandle] = {}
_FAMILIES = ("bevel.ops", "bevel.control")
# Where JAX's name for the object is not that of the primitive with `_p` after it.
_RENAMED = {
    "add_jaxvals_p": "add_any", "linear_solve_p": "custom_linear_solve", "remat_p": "remat2",
    "scatter_add_p": "scatter-add", "scatter_max_p": "scatter-max", "scatter_min_p": "scatter-min",
    "scatter_mul_p": "scatter-mul", "scatter_sub_p": "scatter-sub",
}  # fmt: skip


class PrimitiveHandle:
    """A primitive by its name: `handle.bind(*operands, **parameters)` applies it.

    >>> from bevel import lax
    >>> import bevel
    >>> [eqn] = bevel.make_jaxpr(lax.neg)(1.0).eqns
    >>> eqn.primitive is lax.neg_p, str(lax.neg_p), lax.neg_p.multiple_results
    (True, 'neg', False)
    >>> print(lax.neg_p.bind(2.0))
    -2.0
    """

    call_primitive = False
    map_primitive = False
    multiple_results = False
    op_class: Any = None  # the class whose instances are this primitive's ops
    of_functions: Any = None  # parameters with Python functions, `subfuns`, in the place of programs → op

    def __init__(self, name: str, op_class=None):
        self.name = name
        if op_class is not None:
            self.op_class = op_class
            self.multiple_results = op_class.multiple_results

    def op(self, parameters: dict[str, Any]) -> Primitive:
        """The op of this primitive with these parameters, by JAX's names. What is None and unknown here is left out."""
        if self.of_functions is not None and "subfuns" in parameters:
            return self.of_functions(parameters)
        fields = self.op_class.fields
        given = {}
        for key, value in parameters.items():
            if key in fields:
                given[key] = value
            elif key == "name" and "fun_name" in fields:
                given["fun_name"] = value
            elif value is not None:
                raise TypeError(
                    f"The primitive {self.name} has no parameter {key} here (given: {str(value)[:60]}).\n"
                    f"It has {', '.join(['name' if f == 'fun_name' else f for f in fields]) or 'none'}."
                )
        return self.op_class(**given)

    def bind(self, *operands, **parameters):
        """Applies the primitive: its result, or a list of them where `multiple_results`."""
        return self.op(parameters)(*operands)

    def bind_with_trace(self, trace, operands, *avals_and_parameters):
        """Applies the primitive under an interpreter: `(trace, operands, avals, parameters)`, or without the avals, as
        programs for an older JAX call it."""
        with under(trace):
            return self.bind(*operands, **avals_and_parameters[-1])

    def get_bind_params(self, parameters):
        """The parameters to bind an equation's primitive with again."""
        return dict(parameters)

    def abstract_eval(self, *avals, **parameters):
        """(aval of the result or a list of them, effects), for operands of these avals."""
        op = self.op(parameters)
        return op.abstract(avals), op.effects

    def is_effectful(self, parameters) -> bool:
        return bool(self.op(parameters).effects)

    def set_rule(self, rule: str, method):
        """Puts another method in the place of a rule of this primitive."""
        setattr(self.op_class, rule, method)

    def __repr__(self):
        return self.name

    def __reduce__(self):
        return handle_of_name, (self.name,)


def handle_of(op) -> PrimitiveHandle:
    """The handle of the primitive that an op belongs to."""
    cls = type(op)
    handle = _handles.get(cls.name)
    if handle is None or handle.op_class is not cls:
        if registered.get(cls.name) not in (None, cls):
            # a helper op that goes by the name of the registered one: of its kind, where parameters are concerned
            return handle_of_name(cls.name)
        handle = _handles[cls.name] = PrimitiveHandle(cls.name, cls)
    return handle


def handle_of_name(name: str) -> PrimitiveHandle:
    """The handle of a registered primitive. Raises KeyError for a name that no primitive has."""
    cls = registered.get(name)
    if cls is None:
        _load_families()
        cls = registered[name]
    handle = _handles.get(name)
    if handle is None or handle.op_class is not cls:
        handle = _handles[name] = PrimitiveHandle(name, cls)
    return handle


def handle_called(variable: str) -> PrimitiveHandle:
    """The handle under JAX's name for the object: `add_p`, `scatter_add_p`. Raises KeyError where there is none."""
    return handle_of_name(_RENAMED.get(variable) or variable.removesuffix("_p"))


def names_of_handles() -> list[str]:
    """JAX's names for the objects of all primitives: `add_p` and the rest."""
    _load_families()
    renamed = {name: variable for variable, name in _RENAMED.items()}
    return [renamed.get(name, f"{name}_p") for name in registered if renamed.get(name, name).isidentifier()]


def primitives_in(module: str, refusal: str = "module {module!r} has no attribute {name!r}") -> Callable:
    """`__getattr__` of a module in which primitives are found as objects, made when first named: `add_p`.

    refusal   what is said of any other name
    """

    def __getattr__(name):
        if name.endswith("_p"):
            try:
                return handle_called(name)
            except KeyError:
                pass
        raise AttributeError(refusal.format(module=module, name=name))

    return __getattr__


def _load_families():
    """Imports every family of primitives: a name may belong to one that nobody has needed yet."""
    import pkgutil  # here alone: start-up time

    for package in _FAMILIES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")


# The op's own way to its handle: given here, since a handle needs the op's class and not the other way round.
Primitive.handle = property(handle_of)

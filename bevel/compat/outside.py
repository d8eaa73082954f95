"""Primitives made outside of Bevel, in JAX's way: a name, and rules registered for it in tables.

`Primitive("name")` is a handle like those of Bevel's own primitives. Binding it makes an `OutsideOp`, whose rules ask
the handle for the functions that were registered; `ad`, `batching` and `mlir` (in compat.interpreters) put them there,
each translated from the signature that JAX has for it. The same tables take rules for Bevel's own primitives, and give
their rules in JAX's signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from bevel.base.avals import AbstractValue, ShapedArray
from bevel.base.errors import MissingRuleError
from bevel.core.handles import PrimitiveHandle
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr
from bevel.core.primitive import Primitive as Op
from bevel.core.trace import Tracer, check_alive, get_aval, out_of_place, under
from bevel.transforms.evaluate import EVALUATION
from bevel.transforms.order import tied

NO_EFFECTS: frozenset = frozenset()


class OutsideRuleError(MissingRuleError):
    """A primitive made outside of Bevel lacks a rule; the letter says how one is registered."""


class _AnyPrimitive(type):
    """Counts Bevel's own handles as instances of `Primitive` too: `isinstance(lax.add_p, Primitive)`."""

    def __instancecheck__(cls, instance):
        return type.__instancecheck__(cls, instance) or (
            cls.__module__ == __name__ and not cls.call_primitive and isinstance(instance, PrimitiveHandle)
        )


class Primitive(PrimitiveHandle, metaclass=_AnyPrimitive):
    """A primitive of your own, as `jax.extend.core.Primitive`.

    >>> from bevel.compat.outside import Primitive
    >>> import bevel, bevel.numpy as jnp
    >>> twice_p = Primitive("twice")
    >>> _ = twice_p.def_abstract_eval(lambda x: x)
    >>> _ = twice_p.def_impl(lambda x: x + x)
    >>> print(twice_p.bind(jnp.arange(3)))
    [0 2 4]
    >>> bevel.make_jaxpr(twice_p.bind)(1.0)
    { lambda ; a:f32[]. let b:f32[] = twice a in (b,) }
    """

    def __init__(self, name: str):
        super().__init__(name)
        self.rules: dict[str, Callable] = {}
        self.lowerings: dict[str | None, Callable] = {}
        self.impl_function: Callable | None = None

    def op(self, parameters):
        return OutsideOp(self, parameters)

    def set_rule(self, rule, method):
        self.rules[rule] = method

    def def_impl(self, impl: Callable) -> Callable:
        """Says what binding it means outside of any transformation; without one it is compiled by its lowering."""
        self.impl_function = impl
        return impl

    def def_abstract_eval(self, abstract_eval: Callable) -> Callable:
        """Gives the aval of the result (a list of them where `multiple_results`) for avals and parameters."""
        self.rules["infer"] = lambda op, *avals: (abstract_eval(*avals, **op.params), NO_EFFECTS)
        return abstract_eval

    def def_effectful_abstract_eval(self, effectful_abstract_eval: Callable) -> Callable:
        """As `def_abstract_eval`; the function gives (avals, effects)."""
        self.rules["infer"] = lambda op, *avals: effectful_abstract_eval(*avals, **op.params)
        return effectful_abstract_eval

    def impl(self, *operands, **parameters):
        with under(EVALUATION):
            return self.bind(*operands, **parameters)

    @property
    def implementation(self) -> Callable | None:
        """What was given to `def_impl`, or what a subclass states as `impl`."""
        if self.impl_function is None and type(self).impl is not Primitive.impl:
            return self.impl
        return self.impl_function

    def __reduce__(self):
        return object.__reduce__(self)


class CallPrimitive(Primitive):
    """A primitive that calls a function; made by name for programs that tell them apart."""

    multiple_results = True
    call_primitive = True


class OutsideOp(Op):
    """An op of a primitive made outside: its rules are the functions registered at the handle."""

    knows_keys = True

    def __init__(self, handle, parameters):
        d = self.__dict__
        d["owner"] = handle
        d["name"] = d["scope_name"] = handle.name
        d["parameters"] = parameters
        d["fields"] = tuple([f"given_{key}" for key in parameters])
        for key, value in parameters.items():
            d[f"given_{key}"] = value
        d["multiple_results"] = handle.multiple_results
        d["key"] = (handle, *sorted(parameters.items(), key=lambda row: row[0]))
        try:
            d["hash"] = hash(d["key"])
        except TypeError:
            d["key"] = (handle, object())  # parameters without a hash: equal to itself alone
            d["hash"] = hash(d["key"])
        d["results"] = {}
        d["effects"] = NO_EFFECTS
        d["call"] = None if handle.implementation is None else self.at_once
        d["holds_programs"] = any([_holds_program(value) for value in parameters.values()])

    handle = property(lambda self: self.owner)  # type: ignore[assignment]
    params = property(lambda self: dict(self.parameters))
    identity = property(lambda self: self.owner)

    def __hash__(self):
        return self.hash

    def __eq__(self, other):
        return self is other or (type(other) is OutsideOp and self.hash == other.hash and self.key == other.key)

    def __repr__(self):
        return f"{self.name}({', '.join([f'{k}={v!r}' for k, v in self.parameters.items()])})"

    def __reduce__(self):
        return OutsideOp, (self.owner, self.parameters)

    def at_once(self, *operands):
        for x in operands:
            if isinstance(x, Tracer):
                check_alive(x)
                raise out_of_place(x)
        return self.owner.implementation(*operands, **self.parameters)

    def rule(self, kind, words, remedy):
        found = self.owner.rules.get(kind)
        if found is None:
            raise OutsideRuleError(f"{words} {self.name!r} not implemented.\nGive it one: {remedy}")
        return found

    def infer(self, *avals):
        if "infer" not in self.owner.rules and type(self.owner).abstract_eval is not PrimitiveHandle.abstract_eval:
            given, effects = self.owner.abstract_eval(*avals, **self.parameters)  # a subclass states it as a method
        else:
            rule = self.rule(
                "infer", "Abstract evaluation for", f"{self.name}_p.def_abstract_eval(lambda *avals, **params: aval)."
            )
            given, effects = rule(self, *avals)
        if effects:
            self.__dict__["effects"] = frozenset(effects)
        return [_aval(a) for a in given] if self.multiple_results else _aval(given)

    def jvp(self, primals, tangents):
        rule = self.rule(
            "jvp", "Differentiation rule for", f"ad.primitive_jvps[{self.name}_p] = lambda primals, tangents: (…, …)."
        )
        return rule(self, primals, tangents)

    def transpose(self, ct, *operands):
        rule = self.rule(
            "transpose", "Transpose rule (for reverse-mode differentiation) for",
            f"ad.primitive_transposes[{self.name}_p] = lambda ct, *operands: […], where it is linear.",
        )  # fmt: skip
        return rule(self, ct, *operands)

    def batch(self, operands, axes):
        rule = self.rule(
            "batch", "Batching rule for", f"batching.primitive_batchers[{self.name}_p] = lambda args, axes: (…, …)."
        )
        return rule(self, operands, axes)

    def lower(self, out, *values):
        lowerings = self.owner.lowerings
        platforms = (out.platform, "gpu" if out.platform in ("cuda", "rocm") else None, None)
        rule = next((lowerings[p] for p in platforms if p in lowerings), None)
        if rule is None:
            raise OutsideRuleError(
                f"MLIR translation rule for primitive {self.name!r} not found for platform {out.platform}.\nGive it "
                f"one: mlir.register_lowering({self.name}_p, mlir.lower_fun(function, multiple_results="
                f"{self.multiple_results}))."
            )
        return rule(self, out, *values)

    def in_order(self, order, *operands):
        return tied(self, order, operands)


def _holds_program(value) -> bool:
    if isinstance(value, (tuple, list)):
        return any([isinstance(v, (Jaxpr, ClosedJaxpr)) for v in value])
    return isinstance(value, (Jaxpr, ClosedJaxpr))


def _aval(given):
    if isinstance(given, AbstractValue):
        return given
    return ShapedArray(given.shape, given.dtype)


class Rules(MutableMapping):
    """A table of rules by primitive, in JAX's signatures.

    rule     the name of the op's method
    inward   JAX's function → a method (op, …) of Bevel's signature
    outward  a method of Bevel's own primitive → a function of JAX's signature
    """

    def __init__(self, rule: str, inward: Callable, outward: Callable):
        self.rule = rule
        self.inward = inward
        self.outward = outward
        self.given: dict[PrimitiveHandle, Any] = {}

    def __setitem__(self, primitive, function):
        self.given[primitive] = function
        primitive.set_rule(self.rule, self.inward(function))

    def __getitem__(self, primitive):
        if primitive in self.given:
            return self.given[primitive]
        if not self._has_own(primitive):
            raise KeyError(primitive)
        return self.outward(primitive)

    def __contains__(self, primitive):
        return primitive in self.given or self._has_own(primitive)

    def _has_own(self, primitive) -> bool:
        cls = getattr(primitive, "op_class", None)
        return cls is not None and getattr(cls, self.rule) is not getattr(Op, self.rule)

    def __delitem__(self, primitive):
        del self.given[primitive]
        if primitive.op_class is None:
            primitive.rules.pop(self.rule, None)
        else:
            delattr(primitive.op_class, self.rule)

    def __iter__(self) -> Iterator:
        return iter(self.given)

    def __len__(self):
        return len(self.given)

    def __hash__(self):
        return id(self)


def set_lowering(primitive, method: Callable, platform: str | None):
    """Puts `method(op, out, *values)` in as the lowering on one platform, or on all."""
    cls = primitive.op_class
    if cls is None:
        primitive.lowerings[platform] = method
        return
    before = cls.lower

    def lower(op, out, *values):
        return (method if platform in (None, out.platform) else before)(op, out, *values)

    cls.is_plain = False
    cls.lower = lower


def apply_primitive(primitive, *operands, **parameters):
    """Compiles and runs a primitive by its lowering, also one that has an implementation: for use as `def_impl`."""
    op = primitive.op(parameters)
    if op.call is not None:
        op.__dict__["call"] = None
    with under(EVALUATION):
        return op(*operands)


__all__ = ["CallPrimitive", "OutsideOp", "Primitive", "Rules", "apply_primitive", "get_aval", "set_lowering"]

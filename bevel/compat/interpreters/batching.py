"""jax.interpreters.batching: batch rules, in JAX's signatures.

primitive_batchers[p] = rule   rule(operands, axes, **parameters) -> (result, its mapped axis); lists where the
                               primitive has several results; an axis is None (`not_mapped`) where nothing is mapped
fancy_primitive_batchers[p]    the same with what is known of the axis first: rule(axis, operands, axes, …)
"""

from __future__ import annotations

from typing import NamedTuple

from bevel.compat.outside import Rules
from bevel.core.trace import get_aval
from bevel.ops.shapes import BroadcastInDim, in_front, move_axis, to_front
from bevel.transforms.batch import BatchTrace, BatchTracer

not_mapped = None


class AxisData(NamedTuple):
    """What a rule may want to know of the mapped axis."""

    name: object
    size: int
    spmd_name: object = None
    explicit_mesh_axis: object = None


def _inward(rule):
    def batch(op, operands, axes):
        return rule(tuple(operands), tuple(axes), **op.params)

    return batch


def _outward(primitive):
    def rule(operands, axes, **parameters):
        return primitive.op(parameters).batch(list(operands), list(axes))

    return rule


def _fancy_inward(rule):
    def batch(op, operands, axes):
        size = next(get_aval(x).shape[a] for x, a in zip(operands, axes, strict=True) if a is not None)
        return rule(AxisData(None, size), tuple(operands), tuple(axes), **op.params)

    return batch


def _axis_inward(rule):
    def batch(op, operands, axes):
        size = next(get_aval(x).shape[a] for x, a in zip(operands, axes, strict=True) if a is not None)
        return rule(size, None, BatchTrace, tuple(operands), tuple(axes), **op.params)

    return batch


def _axis_outward(primitive):
    def rule(axis_size, axis_name, trace_type, operands, axes, **parameters):
        return primitive.op(parameters).batch(list(operands), list(axes))

    return rule


def _fancy_outward(primitive):
    def rule(axis_data, operands, axes, **parameters):
        return primitive.op(parameters).batch(list(operands), list(axes))

    return rule


primitive_batchers = Rules("batch", _inward, _outward)
fancy_primitive_batchers = Rules("batch", _fancy_inward, _fancy_outward)
axis_primitive_batchers = Rules("batch", _axis_inward, _axis_outward)


def broadcast(x, sz, axis, mesh_axis=None):
    """x repeated `sz` times along a new axis."""
    shape = list(get_aval(x).shape)
    shape.insert(axis, sz)
    return BroadcastInDim(tuple(shape), tuple([i for i in range(len(shape)) if i != axis]))(x)


def bdim_at_front(x, bdim, size, mesh_axis=None):
    """x with its mapped axis in front; repeated along one where it has none."""
    return to_front(x, bdim, size)


def moveaxis(x, src, dst):
    """x with one axis moved."""
    rank = len(get_aval(x).shape)
    return move_axis(x, src % rank, dst % rank)


matchaxis_front = bdim_at_front


def defvectorized(prim):
    """Declares that the primitive acts on each element alike, with one operand or operands mapped alike."""

    def rule(operands, axes, **parameters):
        if len(set(axes)) > 1:
            raise NotImplementedError(
                f"{prim.name} was declared by defvectorized, and is mapped over axes {axes} of its operands.\n"
                "Use defbroadcasting, or register a rule in primitive_batchers."
            )
        results = prim.bind(*operands, **parameters)
        return results, [axes[0]] * len(results) if prim.multiple_results else axes[0]

    primitive_batchers[prim] = rule


def defbroadcasting(prim):
    """Declares that the primitive acts on each element alike: operands that are not mapped are repeated."""

    def rule(operands, axes, **parameters):
        results = prim.bind(*in_front(operands, axes), **parameters)
        return results, [0] * len(results) if prim.multiple_results else 0

    primitive_batchers[prim] = rule


def defreducer(prim):
    """Declares that the primitive reduces over its parameter `axes`."""

    def rule(operands, axes, **parameters):
        [x], [mapped] = operands, axes
        reduced = tuple([a + (a >= mapped) for a in parameters.pop("axes")])
        return prim.bind(x, axes=reduced, **parameters), mapped - sum([a < mapped for a in reduced])

    primitive_batchers[prim] = rule


_vmappable: set[type] = set()


def register_vmappable(data_type, spec_type, axis_size_type, to_elt, from_elt, make_iota):
    """Notes that a type can be mapped. Bevel maps pytrees leaf by leaf, and refuses other types where it meets them."""
    _vmappable.add(data_type)


def unregister_vmappable(data_type):
    """Forgets what `register_vmappable` noted."""
    _vmappable.remove(data_type)


__all__ = [
    "AxisData", "BatchTrace", "BatchTracer", "axis_primitive_batchers", "bdim_at_front", "broadcast",
    "defbroadcasting", "defreducer", "defvectorized", "fancy_primitive_batchers", "matchaxis_front", "moveaxis",
    "not_mapped", "primitive_batchers", "register_vmappable", "unregister_vmappable",
]  # fmt: skip

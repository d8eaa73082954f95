"""Shapes with dimensions that are known at the call only: from text, for arguments, and solved for sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bevel.ops.dimensions  # noqa: F401  a dimension as a value: `x * x.shape[0]`
from bevel.api.structs import ShapeDtypeStruct
from bevel.base.dimensions import Dimension, is_symbolic_dim, linear
from bevel.base.symbolic_scopes import SymbolicScope, parsed
from bevel.core.trace import get_aval
from bevel.core.tree_difference import broadcast_prefix
from bevel.engine.pytree import flatten


def symbolic_shape(
    shape_spec: str | None,
    *,
    constraints: Sequence[str] = (),
    scope: SymbolicScope | None = None,
    like: Sequence[int | None] | None = None,
) -> tuple[Any, ...]:
    """A shape from its text: names are dimensions that are known at the call only, each at least 1.

    shape_spec   "b, 3, 2*n + 1"; "_" and a last "..." take what `like` has there; None takes all of it
    constraints  what holds between them: "b >= 4", "mod(n, 2) == 0"; for a new scope
    scope        where the names live; shapes that are used together need one scope
    raises ValueError where the text cannot be read

    >>> from bevel import export
    >>> b, n = export.symbolic_shape("b, 2*n")
    >>> b * n + 1, (4 * n) // 2
    (2*b*n + 1, 4*n)
    """
    if constraints and scope is not None:
        raise ValueError("symbolic_shape takes constraints for a new scope; a given scope has its own already.")
    scope = SymbolicScope(constraints) if scope is None else scope
    parts = _parts("..." if shape_spec is None else shape_spec)
    if parts and parts[-1] == "...":
        if like is None or len(like) < len(parts) - 1:
            raise ValueError(
                f"The shape {shape_spec!r} ends in '...', which needs `like`, a shape of its rank or more."
            )
        parts = [*parts[:-1], *["_"] * (len(like) - len(parts) + 1)]
    if like is not None and len(like) != len(parts):
        raise ValueError(f"The shape {shape_spec!r} has {len(parts)} dimensions, and its array has {tuple(like)}.")
    shape = []
    for i, part in enumerate(parts):
        if part == "_":
            if like is None or like[i] is None:
                raise ValueError(f"The shape {shape_spec!r} has '_' at {i}, which needs a known size in `like`.")
            shape.append(like[i])
            continue
        d = parsed(part, scope)
        if like is not None and like[i] is not None and type(d) is int and d != like[i]:
            raise ValueError(f"The shape {shape_spec!r} has {d} at {i}, where its array has {like[i]}.")
        shape.append(d)
    return tuple(shape)


def _parts(text) -> list[str]:
    """The dimensions of a shape's text, parted by commas outside of brackets."""
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            parts.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def symbolic_args_specs(
    args: Any, shapes_specs: Any, constraints: Sequence[str] = (), scope: SymbolicScope | None = None
) -> Any:
    """`ShapeDtypeStruct`s like the arguments, of shapes with dimensions that are known at the call only.

    args          a tree of arrays
    shapes_specs  a tree prefix of texts as `symbolic_shape` takes, None where shapes stay; one text for all

    >>> import bevel.numpy as jnp
    >>> from bevel import export
    >>> export.symbolic_args_specs((jnp.ones((4, 3)), jnp.ones(4)), "b, ...")[0]
    ShapeDtypeStruct(shape=(b, 3), dtype=float32)
    """
    scope = SymbolicScope(constraints) if scope is None else scope
    leaves, tree = flatten(args)
    texts = broadcast_prefix(
        shapes_specs, args, is_leaf=lambda x: x is None, prefix_name="shapes_specs", full_name="the arguments"
    )
    structs = []
    for leaf, text in zip(leaves, texts, strict=True):
        aval = get_aval(leaf)
        structs.append(ShapeDtypeStruct(symbolic_shape(text, scope=scope, like=aval.shape), aval.dtype))
    return tree.unflatten(structs)


# ---- sizes


def solved(shapes, sizes) -> dict[str, int] | None:
    """What each variable is where arguments have these sizes; None where that cannot be."""
    values: dict[str, int] = {}
    for shape, found in zip(shapes, sizes, strict=True):
        if len(shape) != len(found):
            return None
        for d, size in zip(shape, found, strict=True):
            told = linear(d) if type(d) is Dimension else None
            if told is not None and told[0] not in values:
                name, factor, constant = told
                if (size - constant) % factor or (size - constant) // factor < 1:
                    return None
                values[name] = (size - constant) // factor
    return values


def shaped(shape, values) -> tuple[int, ...]:
    """The shape where the variables have these values."""
    return tuple([d.evaluate(values) if is_symbolic_dim(d) else d for d in shape])


def broken_constraint(scope, values) -> str | None:
    """A constraint of the scope that these values break, or None."""
    if scope is None:
        return None
    for text, holds in scope.checks():
        if holds.variables() <= set(values) and holds.evaluate(values) < 0:
            return text
    return None


__all__ = ["broken_constraint", "shaped", "solved", "symbolic_args_specs", "symbolic_shape"]

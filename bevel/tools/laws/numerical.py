"""Derivatives by differences, and the checks of a function's derivatives against them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bevel.api.derivatives import jvp, vjp
from bevel.base import dtypes
from bevel.core.trace import get_aval
from bevel.engine.pytree import flatten
from bevel.tools.laws.closeness import LawBroken, difference, to_numpy

#: By the narrowest floating dtype among arguments and value: (step of differences, tolerance relative and absolute).
#: The step balances the truncation of a central difference, ~step², against rounding, ~epsilon/step.
STEPS = {"float64": (1e-5, 1e-5), "float32": (5e-3, 2e-2), "float16": (1e-1, 1e-1), "bfloat16": (2e-1, 2e-1)}


def _step_and_tolerance(leaves):
    narrowest = "float64"
    for leaf in leaves:
        dtype = get_aval(leaf).dtype
        if dtypes.issubdtype(dtype, np.complexfloating):
            dtype = dtypes.real_dtype_of_complex(dtype)
        if dtypes.issubdtype(dtype, np.floating):
            name = np.dtype(dtype).name
            narrowest = max(narrowest, name if name in STEPS else "bfloat16", key=lambda n: STEPS[n][0])
    return STEPS[narrowest]


def _is_inexact(leaf) -> bool:
    return dtypes.issubdtype(get_aval(leaf).dtype, np.inexact)


def _directions(rng, shape):
    """Numbers of either sign, none near zero: along a tiny direction any derivative would pass."""
    return rng.choice([-1.0, 1.0], size=shape) * rng.uniform(0.5, 1.5, size=shape)


def random_like(rng, tree):
    """A tree of random directions, one for each array of a tree; float0 for integers."""
    leaves, structure = flatten(tree)
    found = []
    for leaf in leaves:
        aval = get_aval(leaf)
        if not _is_inexact(leaf):
            found.append(np.zeros(aval.shape, dtypes.float0))
            continue
        value = _directions(rng, aval.shape)
        if dtypes.issubdtype(aval.dtype, np.complexfloating):
            value = value + 1j * _directions(rng, aval.shape)
        found.append(np.asarray(value).astype(aval.dtype))
    return structure.unflatten(found)


def numerical_jvp(fun: Callable, primals: Sequence, tangents: Sequence, eps: float | None = None):
    """The derivative of fun along tangents, by central differences: (fun(x + eps·v) - fun(x - eps·v)) / (2·eps).

    primals, tangents   tuples of one tree; complex arguments move in the complex plane; integers stay
    eps                 the step; by default one that suits the narrowest dtype

    >>> import numpy as np
    >>> import bevel.numpy as jnp
    >>> round(float(numerical_jvp(jnp.sin, (np.float32(0),), (np.float32(1),))), 3)
    1.0
    """
    leaves, tree = flatten(tuple(primals))
    directions, _ = flatten(tuple(tangents))
    step = _step_and_tolerance(leaves)[0] if eps is None else eps

    def at(by):
        moved = [
            (to_numpy(x) + np.asarray(by * np.asarray(v)).astype(get_aval(x).dtype)).astype(get_aval(x).dtype)
            if _is_inexact(x)
            else x
            for x, v in zip(leaves, directions, strict=True)
        ]
        values, structure = flatten(fun(*tree.unflatten(moved)))
        return [_wide(v) for v in values], structure

    ahead, structure = at(step)
    behind, _ = at(-step)
    return structure.unflatten([(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)])


def _wide(value):
    value = to_numpy(value)
    return value.astype(np.complex128 if dtypes.issubdtype(value.dtype, np.complexfloating) else np.float64)


def _compare(what, got, expected, atol, rtol):
    got_leaves, got_tree = flatten(got)
    leaves, tree = flatten(expected)
    if got_tree != tree:
        raise LawBroken(f"{what}: the derivative has another structure: {got_tree}, expected {tree}.")
    for i, (a, b) in enumerate(zip(got_leaves, leaves, strict=True)):
        if dtypes.issubdtype(to_numpy(a).dtype, np.inexact):
            words = difference(a, b, rtol, atol)
            if words:
                raise LawBroken(f"{what}: result {i} is {words}.")


def _tolerances(leaves, atol, rtol):
    default = _step_and_tolerance(leaves)[1]
    return default if atol is None else atol, default if rtol is None else rtol


def check_jvp(f: Callable, f_jvp: Callable, args: Sequence, atol=None, rtol=None, eps=None, err_msg: str = "") -> None:
    """Raises AssertionError unless `f_jvp(primals, tangents)` gives f's value, and its slope by differences."""
    said = err_msg or "jvp"
    args = tuple(args)
    tangents = random_like(np.random.default_rng(0), args)
    value, tangent = f_jvp(args, tangents)
    expected = f(*args)
    atol, rtol = _tolerances([*flatten(args)[0], *flatten(expected)[0]], atol, rtol)
    _compare(f"{said}, the value", value, expected, atol, rtol)
    _compare(said, tangent, numerical_jvp(f, args, tangents, eps), atol, rtol)


def check_vjp(f: Callable, f_vjp: Callable, args: Sequence, atol=None, rtol=None, eps=None, err_msg: str = "") -> None:
    """Raises AssertionError unless the pullback of `f_vjp(*args)` pairs with f's slope: <ct, J v> = <Jᵀ ct, v>."""
    said = err_msg or "vjp"
    args = tuple(args)
    rng = np.random.default_rng(0)
    tangents = random_like(rng, args)
    value, pull = f_vjp(*args)
    expected = f(*args)
    leaves = [*flatten(args)[0], *flatten(expected)[0]]
    atol, rtol = _tolerances(leaves, atol, rtol)
    _compare(f"{said}, the value", value, expected, atol, rtol)
    cotangents = random_like(rng, expected)
    slope = numerical_jvp(f, args, tangents, eps)
    left, right = _pairing(cotangents, slope), _pairing(pull(cotangents), tangents)
    if not abs(left - right) <= atol + rtol * max(abs(left), _size(cotangents, slope)):
        raise LawBroken(f"{said}: <ct, J v> = {left:.6g} by differences, but <Jᵀ ct, v> = {right:.6g}.")


def _pairs(cotangents, tangents):
    for ct, v in zip(flatten(cotangents)[0], flatten(tangents)[0], strict=True):
        ct, v = to_numpy(ct), to_numpy(v)
        if dtypes.issubdtype(ct.dtype, np.inexact) and dtypes.issubdtype(v.dtype, np.inexact):
            yield _wide(ct), _wide(v)


def _pairing(cotangents, tangents) -> float:
    return float(sum(np.real(np.sum(ct * v)) for ct, v in _pairs(cotangents, tangents)))


def _size(cotangents, tangents) -> float:
    return float(np.sqrt(sum(np.sum(np.abs(ct * v) ** 2) for ct, v in _pairs(cotangents, tangents))))


def check_grads(
    f: Callable, args: Sequence, order: int, modes: Sequence[str] = ("fwd", "rev"), atol=None, rtol=None, eps=None
) -> None:
    """Checks the derivatives of f at args against differences, up to `order`, in every nesting of modes.

    f            a function of arrays, or pytrees of them
    args         its arguments, a tuple; floating or complex arrays (integers are held fixed)
    order        1 checks the derivative, 2 the derivative of the derivative too
    modes        "fwd" checks jvp, "rev" checks vjp
    atol, rtol   tolerances; eps the step of differences. By default they suit the narrowest dtype: float64 (under x64)
                 is checked to 1e-5, float32 to 2e-2
    raises       AssertionError where they disagree; the message names the modes in order

    >>> import bevel.numpy as jnp
    >>> check_grads(jnp.tanh, (jnp.array([0.1, -0.7]),), order=2)
    """
    if isinstance(modes, str):
        modes = (modes,)
    unknown = set(modes) - {"fwd", "rev"}
    if unknown:
        raise ValueError(f"check_grads knows the modes 'fwd' and 'rev'; got {sorted(unknown)}.")
    _check(f, tuple(args), order, tuple(modes), (atol, rtol, eps), "")


def _check(f, args, order, modes, limits, path):
    if order < 1:
        return
    rng = np.random.default_rng(order)
    if "fwd" in modes:
        said = f"{path} of jvp" if path else "jvp"
        check_jvp(f, lambda primals, tangents: jvp(f, primals, tangents), args, *limits, err_msg=said)
        directions = random_like(rng, args)
        _check(lambda *xs: jvp(f, xs, directions), args, order - 1, modes, limits, said)
    if "rev" in modes:
        said = f"{path} of vjp" if path else "vjp"
        check_vjp(f, lambda *xs: vjp(f, *xs), args, *limits, err_msg=said)
        if order > 1:
            cotangents = random_like(rng, f(*args))
            keep = [_is_inexact(x) for x in flatten(args)[0]]

            def pulled(*xs):
                value, pull = vjp(f, *xs)
                found = flatten(pull(cotangents))[0]
                return value, [ct for ct, kept in zip(found, keep, strict=True) if kept]

            _check(pulled, args, order - 1, modes, limits, said)

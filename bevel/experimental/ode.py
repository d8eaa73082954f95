"""Ordinary differential equations: `odeint`, by steps of Dormand and Prince that choose their own length.

Sources
  Dormand, Prince 1980, "A family of embedded Runge-Kutta formulae", J. Comp. Appl. Math. 6: the pair of orders 5 and 4
  Shampine 1986, "Some practical Runge-Kutta formulas", Math. Comp. 46: the solution in the middle of a step
  Hairer, Nørsett, Wanner 1993, "Solving Ordinary Differential Equations I", II.4: the length of the steps
  Pontryagin et al. 1962; Chen et al. 2018, arXiv:1806.07366, appendix B: the adjoint equation
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bevel.api.control_flow import scan, while_loop
from bevel.api.custom import SymbolicZero
from bevel.api.custom_vjp import custom_vjp
from bevel.api.derivatives import vjp
from bevel.api.flat import name_of
from bevel.api.jit import jit
from bevel.api.staged import Staged, called, found, must_be_callable
from bevel.api.vmap import vmap
from bevel.base import dtypes, limits
from bevel.base.errors import BevelError, DTypeError, ShapeError, TreeError
from bevel.base.words import kind_of
from bevel.control.program import run
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.core.tree_difference import describe_mismatch
from bevel.core.tree_paths import keystr
from bevel.engine.pytree import flatten, flatten_with_path
from bevel.lax.elementwise import optimization_barrier
from bevel.numpy.choosing import where
from bevel.numpy.complex_numbers import real
from bevel.numpy.data_types import result_type
from bevel.numpy.filled import zeros
from bevel.numpy.joining import concatenate, stack
from bevel.ops.convert import convert
from bevel.ops.shapes import as_array

__all__ = ["odeint"]


class OdeTypeError(BevelError, TypeError):
    """odeint was given a state, times, arguments or options that it cannot compute with.

    Fails: `odeint(f, y0, jnp.arange(3))`, whose times are integers. Mended: `jnp.arange(3.0)`.
    """


class _Options(NamedTuple):
    rtol: float
    atol: float
    mxstep: float
    hmax: float


def odeint(func: Callable, y0: Any, t: Any, *args, rtol=1.4e-8, atol=1.4e-8, mxstep=math.inf, hmax=math.inf):
    """The solution y of dy/dt = func(y, t, *args), y(t[0]) = y0, at the times t.

    func     (y, t, *args) → dy/dt, a tree like y0; a list or tuple of the entries of a vector will do
    y0       tree of floating-point or complex arrays […]
    t        float[n], rising: a time before one that was reached already gives NaN, as does a step too short for t
    args     trees of arrays and numbers
    rtol, atol   the error of each step is at most atol + rtol |y|, in the mean of squares over all numbers of y
    mxstep   most steps between two times; where they do not suffice, the last one is extrapolated
    hmax     longest step
    gives    tree like y0 of arrays [n, …]
    raises   OdeTypeError, TreeError, ShapeError, DTypeError

    Differentiable in reverse mode, of any order, by y0, t, args and what func closes over: the adjoint equation is
    solved backwards with the same tolerances. Forward mode refuses it, as in JAX. Source: see the module.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.experimental.ode import odeint
    >>> decay = lambda y, t, rate: -rate * y
    >>> times = jnp.array([0.0, 1.0, 2.0])
    >>> print([f"{y:.3f}" for y in odeint(decay, 1.0, times, 0.5)])
    ['1.000', '0.607', '0.368']
    >>> print(round(float(bevel.grad(lambda rate: odeint(decay, 1.0, times, rate)[-1])(0.5)), 3))
    -0.736
    """
    must_be_callable("odeint", func=func)
    options = _options(rtol=rtol, atol=atol, mxstep=mxstep, hmax=hmax)
    leaves, tree = _state(y0)
    t = _times(t)
    given, args_tree = _arguments(args)
    if not leaves:
        return y0
    avals = [get_aval(x) for x in leaves]
    held = tuple([get_aval(x) for x in given])
    key = ("odeint", tree, tuple(avals), get_aval(t).dtype, args_tree, held)

    def make():
        staged = _slope(func, tree, avals, get_aval(t).dtype, args_tree, held)
        return staged, staged.may_keep

    staged = found((func,), key, make)
    results = _odeint(staged.closed, options, tuple(leaves), t, tuple(staged.consts), tuple(given))
    return tree.unflatten(results)


# ---- at the door


def _options(**options) -> _Options:
    for name, value in options.items():
        if not isinstance(value, (int, float, np.number)) or value != value:
            raise OdeTypeError(
                f"odeint needs a number as {name}, known while tracing{user_line(' at {}')}; it was given "
                f"{kind_of(value)}: {str(value)[:60]}"
            )
    return _Options(**{k: float(v) for k, v in options.items()})


def _state(y0):
    paths, tree = flatten_with_path(y0)
    leaves = []
    for path, leaf in paths:
        try:
            aval = get_aval(leaf)
        except TypeError:
            aval = None
        if aval is None or not dtypes.issubdtype(aval.dtype, np.inexact):
            has = kind_of(leaf) if aval is None else aval.str_short(short_dtypes=False)
            raise OdeTypeError(
                f"odeint needs floating-point numbers as y0; y0{keystr(path)} is {has}{user_line(' at {}')}.\n"
                "Start from floats, such as 1.0 instead of 1."
            )
        leaves.append(as_array(convert(leaf, aval.dtype)))
    return leaves, tree


def _times(t):
    try:
        aval = get_aval(t)
    except TypeError:
        raise OdeTypeError(
            f"odeint needs an array of times as t; it was given {kind_of(t)}{user_line(' at {}')}. Give jnp.array(t)."
        ) from None
    if not dtypes.issubdtype(aval.dtype, np.floating):
        raise OdeTypeError(
            f"odeint: t must be an array of floats, but it is {aval.str_short(short_dtypes=False)}"
            f"{user_line(' at {}')}. Give t.astype(float)."
        )
    if aval.ndim != 1 or aval.shape[0] == 0:
        raise ShapeError(
            f"odeint needs a vector of times, the first of them y0's; t is {aval.str_short(short_dtypes=False)}"
            f"{user_line(' at {}')}."
        )
    return as_array(t)


def _arguments(args):
    paths, tree = flatten_with_path(args)
    for path, leaf in paths:
        try:
            get_aval(leaf)
        except TypeError:
            raise OdeTypeError(
                f"The contents of odeint *args must be arrays or scalars, but args{keystr(path)} is {kind_of(leaf)}"
                f"{user_line(' at {}')}: {str(leaf)[:60]}\nLet func close over it instead."
            ) from None
    return [leaf for _, leaf in paths], tree


# ---- the slope, as a program of vectors


class _Vector:
    """The numbers of arrays of these types in one vector, and back."""

    def __init__(self, avals):
        self.avals = list(avals)
        self.dtype = result_type(*[a.dtype for a in avals])

    def ravel(self, leaves):
        parts = [_to(x, self.dtype).reshape(-1) for x in leaves]
        return parts[0] if len(parts) == 1 else concatenate(parts)

    def unravel(self, vector):
        parts, start = [], 0
        for a in self.avals:
            parts.append(_to(vector[start : start + a.size], a.dtype).reshape(a.shape))
            start += a.size
        return parts


def _to(x, dtype):
    x = as_array(x)
    if dtypes.issubdtype(get_aval(x).dtype, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
        x = real(x)
    return convert(x, dtype)


def _slope(func, tree, avals, time, args_tree, held) -> Staged:
    """func as a program of (state vector, time, *leaves of args) that gives a vector."""
    vector = _Vector(avals)
    name = name_of(func)

    def slope(y, t, *leaves):
        args = args_tree.unflatten(leaves)
        names = ", ".join(["y", "t", *[f"args[{i}]" for i in range(len(args))]])
        result = called("odeint", func, f"({names})", (tree.unflatten(vector.unravel(y)), t, *args))
        return [vector.ravel(_like_state(name, result, tree, avals))], None

    example = get_aval(vector.ravel([zeros(a.shape, a.dtype) for a in avals]))
    moment = get_aval(zeros((), time))
    return Staged(slope, [example, moment, *held], name)


def _like_state(name, result, tree, avals):
    """The leaves of what func gave, alike to those of the state; or a letter."""
    leaves, got = flatten(result)
    if got != tree:
        # Lists for tuples, and the entries of a vector one by one, are common: what ravels alike is meant alike.
        alike = isinstance(result, (list, tuple)) and [get_aval(x).shape for x in leaves] == [a.shape for a in avals]
        entries = len(avals) == 1 and avals[0].shape == (len(leaves),) and all(get_aval(x).ndim == 0 for x in leaves)
        if not alike and not (isinstance(result, (list, tuple)) and entries):
            raise TreeError(
                f"odeint: {name} must give a slope of the structure of y0{user_line(' at {}')}.\n"
                + describe_mismatch(tree, got, "y0", f"what {name} gave")
            )
        if not alike:
            leaves = [stack([as_array(x) for x in leaves])]
    paths = [p for p, _ in flatten_with_path(tree.unflatten(range(len(avals))))[0]]
    for path, leaf, a in zip(paths, leaves, avals, strict=True):
        aval = get_aval(leaf)
        if aval.shape != a.shape:
            raise ShapeError(
                f"odeint: y0{keystr(path)} is {a.str_short(short_dtypes=False)}, but {name} gave as its slope "
                f"{aval.str_short(short_dtypes=False)}{user_line(' at {}')}.\nA slope has the shape of its state."
            )
        if result_type(a.dtype, leaf) != a.dtype:
            raise DTypeError(
                f"odeint: y0{keystr(path)} is {a.str_short(short_dtypes=False)}, but {name} gave as its slope "
                f"{aval.str_short(short_dtypes=False)}{user_line(' at {}')}, which it cannot hold.\n"
                f"Start from y0 in {aval.dtype.name}, or convert what {name} gives."
            )
    return leaves


@partial(jit, static_argnums=(0, 1))
def _odeint(program, options, leaves, t, consts, args):
    vector = _Vector([get_aval(x) for x in leaves])
    count = len(consts)

    def slope(y, t, *rest):
        return run(program, *rest[:count], y, t, *rest[count:])[0]

    ys = _solve(slope, options, vector.ravel(leaves), t, (*consts, *args))
    return vmap(vector.unravel)(ys)


# ---- one step

# Row i weighs the slopes before it; the last row is the step of order 5, whose end is where the next one starts.
_TIMES = 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
# order 5 less order 4
_ERROR = 71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40
# the middle of the step, to order 4
_MIDDLE = (
    6025192743 / 60171106304, 0, 51252292925 / 130801643196, -2691868925 / 90256659456, 187940372067 / 3189068634112,
    -1776094331 / 39487288512, 11237099 / 470086768,
)  # fmt: skip
_ORDER = 5


def _weighed(weights, slopes):
    """The sum of slopes by their weights, without those of weight 0."""
    return sum([w * k for w, k in zip(weights, slopes, strict=True) if w][1:], weights[0] * slopes[0])


class _Step(NamedTuple):
    y: Any  # at its end
    slope: Any  # there
    error: Any
    quartic: tuple[Any, ...]  # y(t + x dt) - y(t) = Σ quartic[i] x^(i + 1), 0 ≤ x ≤ 1


def _step(slope, y, first, t, dt) -> _Step:
    h = _real_like(dt, y)
    slopes = [first]
    for share, weights in zip(_TIMES, _STAGES, strict=True):
        rise = h * _weighed(weights, slopes)
        slopes.append(_written_down(slope(y + rise, t + share * dt)))
    # The quartic p with p(0) = 0, p'(0) = a, p(1) = d, p'(1) = b, p(1/2) = m: three linear equations for x², x³, x⁴.
    a, b, d, m = h * first, h * slopes[-1], rise, h * _weighed(_MIDDLE, slopes)
    quartic = a, b - 4 * a - 5 * d + 16 * m, 5 * a - 3 * b + 14 * d - 32 * m, 2 * (b - a) - 8 * d + 16 * m
    return _Step(y + rise, slopes[-1], h * _weighed(_ERROR, slopes), quartic)


def _written_down(x):
    """A long slope as an array: XLA would compute it again in all that reads it (8 → 2.5 ms for 14,000 numbers).

    A short one is computed with what reads it (0.25 → 0.1 ms for 8 numbers).
    """
    return optimization_barrier(x) if get_aval(x).size >= 512 else x


def _real_like(x, y):
    """x in the dtype of y's parts."""
    dtype = get_aval(y).dtype
    return convert(x, np.zeros((), dtype).real.dtype)


def _size(x, *bounds, options):
    """The root of the mean square of x, measured by the tolerance where y is at most as large as `bounds`."""
    largest = abs(bounds[0])
    for other in bounds[1:]:
        largest = where(largest >= abs(other), largest, abs(other))
    # where y is 0 and so is atol, the tolerance is 0: what is 0 too is within it
    share = abs(x) / (options.atol + options.rtol * largest)
    share = where(x == 0, 0, share)
    return (share * share).sum() ** 0.5 / math.sqrt(max(get_aval(x).size, 1))


def _first_length(slope, y, first, t, options):
    """Hairer, Nørsett, Wanner II.4: a step of Euler's method says how fast the slope changes."""
    size = partial(_size, options=options)
    d0, d1 = size(y, y), size(first, y)
    small = (d0 < 1e-5) | (d1 < 1e-5)
    h0 = where(small, 1e-6, 0.01 * d0 / where(small, 1, d1))
    later = slope(y + h0 * first, t + convert(h0, get_aval(t).dtype))
    d2 = size(later - first, y) / h0
    most = where(d1 > d2, d1, d2)
    flat = most <= 1e-15
    h1 = where(flat, where(h0 * 1e-3 > 1e-6, h0 * 1e-3, 1e-6), (0.01 / where(flat, 1, most)) ** (1 / _ORDER))
    return convert(where(100 * h0 < h1, 100 * h0, h1), get_aval(t).dtype)


def _next_length(dt, ratio):
    """A step that would err by 0.9 of the tolerance, at most 10 times as long; never shorter after one that held."""
    factor = 0.9 * where(ratio == 0, 1, ratio) ** (-1 / _ORDER)
    least = where(ratio < 1, 1, 0.2)
    factor = where(factor > least, factor, least)
    factor = where((factor > 10) | (ratio == 0), 10, factor)
    return dt * convert(factor, get_aval(dt).dtype)


# ---- all steps


class _State(NamedTuple):
    y: Any
    slope: Any
    t: Any
    dt: Any
    before: Any  # t and y at the start of the last step that held
    start: Any
    quartic: tuple[Any, ...]


def _integrate(slope, options, y0, t):
    """y at each of the times t: [n, numbers of y]."""
    first = slope(y0, t[0])
    longest = np.asarray(options.hmax, get_aval(t).dtype)
    fine = 2 * limits.finfo(get_aval(t).dtype).eps
    dt = _first_length(slope, y0, first, t[0], options)
    dt = where(dt > fine * abs(t[0]), dt, fine * abs(t[0]))  # a shorter step would not move t
    dt = where(dt > longest, longest, dt)
    counts = options.mxstep < math.inf

    def moves(s):
        return s.t + s.dt > s.t

    def one(s):
        new = _step(slope, s.y, s.slope, s.t, s.dt)
        ratio = _size(new.error, s.y, new.y, options=options)
        dt = _next_length(s.dt, ratio)
        dt = where(dt > longest, longest, dt)
        held = _State(new.y, new.slope, s.t + s.dt, dt, s.t, s.y, new.quartic)
        kept = s._replace(dt=dt)
        holds = ratio <= 1
        flat, tree = flatten(held)
        return tree.unflatten([where(holds, a, b) for a, b in zip(flat, flatten(kept)[0], strict=True)])

    def to(s, target):
        def going(carry):
            s, count = carry
            more = (s.t < target) & moves(s)
            return more & (count < options.mxstep) if counts else more

        def body(carry):
            s, count = carry
            return one(s), (count + 1 if counts else count)

        s, _ = while_loop(going, body, (s, np.int32(0)))
        span = s.t - s.before
        x = where(target == s.before, 0, (target - s.before) / where(span == 0, 1, span))
        # what lies before this step is gone; and what no step reached, for all were too short, is not known
        lost = (target < s.before) | ((s.t < target) & ~moves(s)) | (s.dt != s.dt)
        x = _real_like(where(lost, np.nan, x), s.y)
        value = s.quartic[-1] * x
        for part in s.quartic[-2::-1]:
            value = (value + part) * x
        return s, s.start + value

    zero = y0 * 0
    s = _State(y0, first, t[0], dt, t[0], y0, (zero,) * 4)
    _, ys = scan(to, s, t[1:])
    return concatenate([y0[None], ys])


def _whole(slope, options, y0, t, rest):
    return _integrate(lambda y, t: slope(y, t, *rest), options, y0, t)


_whole.__name__ = "odeint"  # as letters call it
_solve = custom_vjp(_whole, nondiff_argnums=(0, 1))


# ---- the adjoint equation


def _forward(slope, options, y0, t, rest):
    ys = _solve(slope, options, y0.value, t.value, tuple([x.value for x in rest]))
    # which are differentiated is known while tracing: it stays in the structure of what is kept
    moving = tuple([x.value if x.perturbed else None for x in rest])
    still = tuple([None if x.perturbed else x.value for x in rest])
    return ys, (ys, t.value, moving, still)


def _backward(slope, options, kept, cts):
    """λ(t), the gradient by y(t) of all that comes after t, and with it the gradients by times and arguments.

    dλ/dt = -(∂f/∂y)ᵀ λ, and λ jumps by the cotangent of y(tᵢ) at tᵢ. By an argument p: ∫ (∂f/∂p)ᵀ λ dt. By tᵢ, i > 0:
    cotᵢ · f(yᵢ, tᵢ). By t₀: a later start from y₀ is a start at t₀ from y₀ - f(y₀, t₀) dt₀, which gives -λ(t₀) · f,
    without cot₀. Solved in s = -t, for steps go forward; y is solved backwards too, anew from each y(tᵢ).
    """
    ys, t, moving, still = kept
    rest = tuple([b if a is None else a for a, b in zip(moving, still, strict=True)])
    places = [i for i, x in enumerate(moving) if x is not None]
    if isinstance(cts, SymbolicZero):
        cts = zeros(cts.shape, cts.dtype)
    vector = _Vector([get_aval(ys[0]), get_aval(ys[0]), *[get_aval(rest[i]) for i in places]])

    def augmented(z, s, *rest):
        y, ct, *_ = vector.unravel(z)

        def along(y, *moved):
            full = list(rest)
            for i, x in zip(places, moved, strict=True):
                full[i] = x
            return slope(y, -s, *full)

        value, back = vjp(along, y, *[rest[i] for i in places])
        return vector.ravel([-value, *back(ct)])

    def stretch(carry, row):
        y, start, end, ct = row
        before, sums = carry
        z = vector.ravel([y, before + ct, *sums])
        z = _solve(augmented, options, z, stack([-end, -start]), rest)[1]
        _, before, *sums = vector.unravel(z)
        return (before, sums), real((slope(y, end, *rest) * ct).sum())

    sums = [zeros(get_aval(rest[i]).shape, get_aval(rest[i]).dtype) for i in places]
    rows = ys[1:], t[:-1], t[1:], cts[1:]
    (ct, sums), by_times = scan(stretch, (cts[0] * 0, sums), rows, reverse=True)
    by_start = -real((slope(ys[0], t[0], *rest) * ct).sum())
    by_times = concatenate([by_start[None], by_times])
    by_rest = [_no_cotangent(x) for x in rest]
    for i, x in zip(places, sums, strict=True):
        by_rest[i] = x
    return ct + cts[0], convert(by_times, get_aval(t).dtype), tuple(by_rest)


def _no_cotangent(x):
    aval = get_aval(x).to_tangent_aval()
    return np.zeros(aval.shape, aval.dtype)


_solve.defvjp(_forward, _backward, symbolic_zeros=True)

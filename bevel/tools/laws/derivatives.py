"""The laws of derivatives, tried in float64 where the op can have it."""

from __future__ import annotations

import contextlib

import numpy as np

from bevel.base import dtypes, settings
from bevel.core.primitive import LinearOperand, Primitive
from bevel.core.staging import stage
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import get_aval, state
from bevel.ops.shapes import instantiate
from bevel.tools.laws.closeness import LawBroken, check_close
from bevel.tools.laws.interpreter import by_reference
from bevel.tools.laws.law import law
from bevel.tools.laws.samples import apply, result_avals, subsets
from bevel.transforms.jvp import jvp
from bevel.transforms.linearize import linearize


def has_derivative(sample) -> bool:
    return (
        sample.op.is_differentiable
        and sample.is_plain
        and bool(sample.inexact)
        and sample.is_finite
        and bool(sample.inexact_results)
    )


class Point:
    """Where a sample's derivative is tried: wide operands, a tangent for each, a cotangent for each result.

    step, rtol   of the differences that stand for the derivative
    """

    def __init__(self, sample):
        self.sample = sample
        wide = sample.wide
        self.op, self.operands = wide.op, list(wide.operands)
        rng = np.random.default_rng(7)
        self.tangents = [_direction(rng, a) for a in wide.avals]
        self.results = result_avals(wide.op, wide.avals)
        self.cotangents = [_direction(rng, a) for a in self.results]
        narrow = any(
            a.dtype not in (np.float64, np.complex128)
            for a in (*wide.avals, *self.results)
            if dtypes.issubdtype(a.dtype, np.inexact)
        )
        self.step, self.rtol = (2e-2, 4e-2) if narrow else (1e-5, 2e-6)
        self.choices = subsets(sample.inexact)

    @property
    def inexact_results(self):
        return [i for i, a in enumerate(self.results) if dtypes.issubdtype(a.dtype, np.inexact)]

    def masked(self, chosen) -> list:
        """The tangents, `Zero` for operands that are not chosen."""
        return [
            v if i in chosen else zero_of(x) for i, (v, x) in enumerate(zip(self.tangents, self.operands, strict=True))
        ]

    def moved(self, by, chosen) -> list:
        return [
            (x + by * v).astype(x.dtype) if i in chosen else x
            for i, (v, x) in enumerate(zip(self.tangents, self.operands, strict=True))
        ]

    def difference(self, function, chosen) -> list:
        """The central difference of a function of the operands, along the chosen tangents."""
        ahead, behind = function(*self.moved(self.step, chosen)), function(*self.moved(-self.step, chosen))
        with np.errstate(invalid="ignore"):  # of infinities
            return [(np.asarray(a) - np.asarray(b)) / (2 * self.step) for a, b in zip(ahead, behind, strict=True)]


def _direction(rng, aval):
    """A tangent or cotangent of an aval: of size about one, with no zeros; None for integers."""
    if not dtypes.issubdtype(aval.dtype, np.inexact):
        return None
    draw = lambda: np.round(rng.uniform(0.25, 1.25, aval.shape) * rng.choice([-1, 1], aval.shape), 2)
    value = draw() + 1j * draw() if dtypes.issubdtype(aval.dtype, np.complexfloating) else draw()
    return np.asarray(value).astype(aval.dtype)


@contextlib.contextmanager
def point_of(sample):
    """The sample's point, with x64 on."""
    with settings.enable_x64(True):
        yield Point(sample)


def _pushed(point, xs, vs, chosen):
    """The tangents of the inexact results, by the jvp rule."""
    tangents = [v if i in chosen else zero_of(x) for i, (x, v) in enumerate(zip(xs, vs, strict=True))]
    _, out = jvp(apply(point.op), list(xs), tangents, state.trace)
    return [instantiate(out[i]) for i in point.inexact_results]


def _pulled(point, xs, cts, chosen):
    """The cotangents of the chosen operands, by linearising and transposing."""
    _, linear = linearize(apply(point.op), list(xs), [i in chosen for i in range(len(xs))])
    cts = [Zero(a.to_tangent_aval()) if ct is None else ct for ct, a in zip(cts, point.results, strict=True)]
    found = linear.backward(cts)
    return [instantiate(found[i]) for i in chosen]


def _pairing(xs, ys) -> float:
    """The real part of the sum of products: how cotangents pair with tangents, complex ones too."""
    return float(sum([np.real(np.sum(np.asarray(x) * np.asarray(y))) for x, y in zip(xs, ys, strict=True)]))


@law("jvp", has_derivative)
def jvp_is_the_slope(sample):
    """The jvp is the slope: it equals central differences, for each choice of operands that have a tangent."""
    with point_of(sample) as point:
        wanted = point.inexact_results
        program = by_reference(lambda xs, vs: [_pushed(point, xs, vs, chosen) for chosen in point.choices])
        found = program(point.operands, point.tangents)
        evaluate = by_reference(apply(point.op))
        values = evaluate(*point.operands)
        for chosen, tangents in zip(point.choices, found, strict=True):
            slopes = point.difference(lambda *xs: [evaluate(*xs)[i] for i in wanted], chosen)
            ahead = evaluate(*point.moved(point.step, chosen))
            for i, tangent, slope in zip(wanted, tangents, slopes, strict=True):
                tangent, value = np.asarray(tangent), np.asarray(values[i])
                if tangent.shape != value.shape:
                    raise LawBroken(f"jvp is the slope: {sample!r} has a tangent of shape {tangent.shape}.")
                # where the slope ahead is not the one behind there is a step or a kink, and no derivative
                with np.errstate(invalid="ignore"):
                    bend = np.abs((np.asarray(ahead[i]) - value) / point.step - slope)
                finite = (
                    np.isfinite(value)
                    & np.isfinite(slope)
                    & (bend <= (1e-2 + 1e-3 * np.abs(slope)) * point.step / 1e-5)
                )
                said = f"jvp is the slope (tangents of operands {chosen})"
                check_close(said, sample, [np.where(finite, tangent, 0)], [np.where(finite, slope, 0)], point.rtol)
    _check_types(sample)


def _check_types(sample):
    """Tangents have the avals of results, cotangents those of operands, at the sample's own dtypes."""
    results = result_avals(sample.op, sample.avals)
    every = tuple(sample.inexact)

    def push(*args):
        xs, vs = args[: len(sample.avals)], iter(args[len(sample.avals) :])
        tangents = [next(vs) if i in every else zero_of(x) for i, x in enumerate(xs)]
        return [t for t in jvp(apply(sample.op), list(xs), tangents, state.trace)[1] if not is_zero(t)]

    tangent_avals = [sample.avals[i].strip_weak_type() for i in every]
    jaxpr, _ = stage(push, [*sample.avals, *tangent_avals])
    allowed = {(a.shape, a.dtype) for a in results}
    for var in jaxpr.outvars:
        if (var.aval.shape, var.aval.dtype) not in allowed:
            raise LawBroken(
                f"jvp is the slope: {sample!r} has a tangent {var.aval.str_short()}, not of its result's type."
            )


@law("linearize", has_derivative)
def linearize_is_jvp(sample):
    """Linearising and applying the linear program is the jvp."""
    with point_of(sample) as point:
        every = tuple(sample.inexact)

        def both(xs, vs):
            _, linear = linearize(apply(point.op), list(xs), [i in every for i in range(len(xs))])
            forward = linear.forward([v if i in every else None for i, v in enumerate(vs)])
            return [instantiate(forward[i]) for i in point.inexact_results], _pushed(point, xs, vs, every)

        forward, pushed = by_reference(both)(point.operands, point.tangents)
        check_close(
            "linearize is jvp", sample, forward, pushed, min(point.rtol, 1e-9) if point.step < 1e-3 else point.rtol
        )


@law("vjp", has_derivative)
def vjp_is_the_transpose(sample):
    """The vjp is the transpose of the jvp: <ct, J v> = <Jᵀ ct, v> for each choice of operands."""
    with point_of(sample) as point:

        def both(xs, vs, cts):
            return [(_pulled(point, xs, cts, chosen), _pushed(point, xs, vs, chosen)) for chosen in point.choices]

        found = by_reference(both)(point.operands, point.tangents, point.cotangents)
        for chosen, (pulled, pushed) in zip(point.choices, found, strict=True):
            for i, ct in zip(chosen, pulled, strict=True):
                _check_cotangent(sample, i, get_aval(point.operands[i]), get_aval(ct))
            if not all(np.all(np.isfinite(x)) for x in (*pulled, *pushed)):
                continue
            left = _pairing([point.cotangents[i] for i in point.inexact_results], pushed)
            right = _pairing(pulled, [point.tangents[i] for i in chosen])
            size = sum(float(np.sum(np.abs(np.asarray(x)))) for x in (*pulled, *pushed))
            if abs(left - right) > (1e-9 if point.step < 1e-3 else 1e-4) * (1 + size):
                raise LawBroken(
                    f"vjp is the transpose of jvp: {sample!r}, operands {chosen}: <ct, J v> = {left:.9g} "
                    f"but <Jᵀ ct, v> = {right:.9g}."
                )
    _check_cotangent_types(sample)


def _check_cotangent_types(sample):
    results = result_avals(sample.op, sample.avals)
    every = tuple(sample.inexact)

    def pull(*args):
        xs, given = args[: len(sample.avals)], iter(args[len(sample.avals) :])
        _, linear = linearize(apply(sample.op), list(xs), [i in every for i in range(len(xs))])
        cts = [next(given) if i in sample.inexact_results else Zero(a.to_tangent_aval()) for i, a in enumerate(results)]
        found = linear.backward(cts)
        return [instantiate(found[i]) for i in every]

    jaxpr, _ = stage(pull, [*sample.avals, *[results[i].strip_weak_type() for i in sample.inexact_results]])
    for i, var in zip(every, jaxpr.outvars, strict=True):
        _check_cotangent(sample, i, sample.avals[i], var.aval)


def _check_cotangent(sample, position, expected, aval):
    if (aval.shape, aval.dtype) != (expected.shape, expected.dtype):
        raise LawBroken(
            f"vjp is the transpose of jvp: {sample!r} has for operand {position}, {expected.str_short()}, "
            f"a cotangent {aval.str_short()}."
        )


def _has_transpose(sample) -> bool:
    return has_derivative(sample) and type(sample.op).transpose is not Primitive.transpose and not sample.holds_programs


@law("transpose", _has_transpose)
def transpose_is_the_adjoint(sample):
    """Wherever the op is linear in a choice of operands, its transpose is the adjoint: <ct, L v> = <Lᵀ ct, v>.

    (A jvp rule may write other ops than this one on the tape, so the law of the vjp alone would not reach every rule.)
    """
    with point_of(sample) as point:
        for chosen in point.choices:
            by_reference(_check_adjoint)(sample, point, chosen)


def _check_adjoint(sample, point, chosen):
    wanted = point.inexact_results

    def linear(vs):
        given = iter(vs)
        xs = [next(given) if i in chosen else x for i, x in enumerate(point.operands)]
        return [np.asarray(r) for r in apply(point.op)(*xs)]

    close = 1e-9 if point.step < 1e-3 else 1e-3
    near = lambda p, q: np.allclose(p, q, rtol=close, atol=close)
    xs = [point.operands[i] for i in chosen]
    vs = [point.tangents[i] for i in chosen]
    with np.errstate(all="ignore"):
        at_x, at_v = linear(xs), linear(vs)
        both, turned = linear([x - 2 * v for x, v in zip(xs, vs, strict=True)]), linear([-3 * v for v in vs])
        at_zero = linear([np.zeros_like(v) for v in vs])
        for i, (a, b, c, d, zero) in enumerate(zip(at_x, at_v, both, turned, at_zero, strict=True)):
            if i not in wanted or not (near(c, a - 2 * b) and near(d, -3 * b) and near(zero, 0)):
                return  # not linear in these
        for k in range(len(vs)):
            alone = linear([v if j == k else np.zeros_like(v) for j, v in enumerate(vs)])
            if not any(np.any(alone[i]) for i in wanted):
                return  # this one does not matter here, so that being linear in it says nothing
    operands = [LinearOperand(get_aval(x)) if i in chosen else x for i, x in enumerate(point.operands)]
    cts = point.cotangents if point.op.multiple_results else point.cotangents[0]
    found = point.op.transpose(cts, *operands)
    pulled = [
        np.zeros_like(v) if found[i] is None or is_zero(found[i]) else found[i] for i, v in zip(chosen, vs, strict=True)
    ]
    for i, ct in zip(chosen, pulled, strict=True):
        _check_cotangent(sample, i, get_aval(point.operands[i]), get_aval(ct))
    left, right = _pairing([point.cotangents[i] for i in wanted], [at_v[i] for i in wanted]), _pairing(pulled, vs)
    size = sum(float(np.sum(np.abs(np.asarray(x)))) for x in (*pulled, *at_v))
    if abs(left - right) > (1e-9 if point.step < 1e-3 else 1e-4) * (1 + size):
        raise LawBroken(
            f"transpose is the adjoint: {sample!r}, linear in {chosen}: <ct, L v> = {left:.9g} "
            f"but <Lᵀ ct, v> = {right:.9g}."
        )


@law("second", has_derivative)
def second_order(sample):
    """Second derivatives: the jvp of the vjp equals differences of the vjp, and the vjp of the vjp is its transpose."""
    with point_of(sample) as point:
        every = tuple(sample.inexact)
        has = [i in every for i in range(len(point.operands))]
        pull = by_reference(lambda xs, cts: _pulled(point, xs, cts, every))

        def twice(xs, vs, cts):
            of_operands = lambda *ys: _pulled(point, ys, cts, every)
            tangents = [v if h else zero_of(x) for x, v, h in zip(xs, vs, has, strict=True)]
            _, forward = jvp(of_operands, list(xs), tangents, state.trace)
            _, linear = linearize(of_operands, list(xs), has)
            back = linear.backward([vs[i] for i in every])
            return [instantiate(t) for t in forward], [instantiate(back[i]) for i in every]

        forward, back = by_reference(twice)(point.operands, point.tangents, point.cotangents)
        slopes = point.difference(lambda *xs: pull(list(xs), point.cotangents), every)
        first = pull(point.operands, point.cotangents)
        for value, tangent, slope in zip(first, forward, slopes, strict=True):
            finite = np.isfinite(value) & np.isfinite(slope)
            got, expected = np.where(finite, tangent, 0), np.where(finite, slope, 0)
            check_close("second order (jvp of vjp)", sample, [got], [expected], point.rtol * 10)
        if all(np.all(np.isfinite(x)) for x in (*forward, *back)):
            directions = [point.tangents[i] for i in every]
            left, right = _pairing(directions, forward), _pairing(back, directions)
            size = sum(float(np.sum(np.abs(np.asarray(x)))) for x in (*forward, *back))
            if abs(left - right) > (1e-8 if point.step < 1e-3 else 1e-3) * (1 + size):
                raise LawBroken(f"second order (vjp of vjp): {sample!r}: {right:.9g}, expected {left:.9g}.")

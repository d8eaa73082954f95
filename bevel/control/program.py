"""What every primitive that holds programs needs: programs made of programs by the transformations."""

from __future__ import annotations

from bevel.base.avals import ShapedArray
from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, Var, evaluate
from bevel.core.primitive import Primitive, missing
from bevel.core.staging import hoist_tracers, stage
from bevel.core.tangents import Zero, is_zero, zero_of
from bevel.core.trace import state
from bevel.ops.elementwise import Elementwise
from bevel.ops.shapes import instantiate, mapped_size
from bevel.transforms.batch import batch, place_axis
from bevel.transforms.jvp import jvp_program
from bevel.transforms.linearize import accumulate, linearize, linearize_jaxpr, run_backward


class ProgramOp(Primitive):
    """An op with programs among its parameters. Many-valued; hashed by the identity of its programs.

    A member states `batch_program(operands, axes, size, axis_name)`, which serves both ways of mapping: over operands,
    and over an axis that the programs name.
    """

    multiple_results = True
    holds_programs = True
    knows_keys = True  # the equations inside look after keys themselves

    def batch_program(self, operands, axes, size, axis_name):
        raise missing(self, "batch_program", "(self, operands, axes, size, axis_name)")

    def batch(self, operands, axes):
        return self.batch_program(operands, axes, mapped_size(operands, axes), None)

    def batch_named(self, axis_name, size, operands, axes):
        return self.batch_program(operands, axes, size, axis_name)


def run(closed: ClosedJaxpr, *args):
    """A program's equations on values, under the current trace."""
    return evaluate(closed.jaxpr, closed.consts, *args)


def restage(function, avals, like: ClosedJaxpr) -> ClosedJaxpr:
    """A program staged of a function that only closes over arrays."""
    jaxpr, consts = stage(function, avals, like.jaxpr.name)
    program, outer = hoist_tracers(jaxpr, consts)
    assert not outer, "a program made of a program closed over a tracer"
    return program


def kept(make):
    """Keeps `make(closed, *key)` on the program `closed`, for each key."""

    def look(closed, *key):
        whole = (make.__name__, *key)
        found = closed.kept.get(whole)
        if found is None:
            found = closed.kept[whole] = make(closed, *key)
        return found

    return look


@kept
def jvp_jaxpr(closed: ClosedJaxpr, has_tangent: tuple, wanted: tuple | None = None):
    """The program of values and tangents: arguments + the tangents of those that have one → results + tangents.

    wanted   which results must give a tangent, zeros if need be; None: those that do
    gives    (program, which results give a tangent)
    """
    out_has: list[bool] = []

    def run_jvp(*args):
        primals = args[: len(has_tangent)]
        given = iter(args[len(has_tangent) :])
        tangents = [next(given) if has else zero_of(p) for p, has in zip(primals, has_tangent, strict=True)]
        results, out = jvp_program(closed, primals, tangents, state.trace)
        out_has[:] = [not is_zero(t) for t in out] if wanted is None else wanted
        return [*results, *[instantiate(t) for t, has in zip(out, out_has, strict=True) if has]]

    avals = closed.in_avals
    tangent_avals = [a.to_tangent_aval().strip_weak_type() for a, has in zip(avals, has_tangent, strict=True) if has]
    return restage(run_jvp, [*avals, *tangent_avals], closed), tuple(out_has)


@kept
def jet_jaxpr(closed: ClosedJaxpr, order: int, has: tuple, wanted: tuple | None = None):
    """The program of paths: arguments, and behind them `order` terms for each that has a series → results likewise.

    wanted   which results must give a series, zeros if need be; None: those that do
    gives    (program, which results give a series)
    """
    out_has: list[bool] = []

    from bevel.transforms.jet import jet  # for start-up time: few programs ask for Taylor series

    def run_jet(*args):
        primals, given = args[: len(has)], iter(args[len(has) :])
        series = [[next(given) for _ in range(order)] if h else None for h in has]
        results, out = jet(lambda *xs: run(closed, *xs), primals, series, order)
        out_has[:] = [terms is not None for terms in out] if wanted is None else wanted
        return [*results, *terms_of(out, out_has, results, order)]

    avals = closed.in_avals
    more = [a.to_tangent_aval().strip_weak_type() for a, h in zip(avals, has, strict=True) if h for _ in range(order)]
    return restage(run_jet, [*avals, *more], closed), tuple(out_has)


def terms_of(series, has, values, order) -> list:
    """The terms of those series that are marked, in a row; zeros where one is None."""
    out = []
    for value, terms, h in zip(values, series, has, strict=False):
        if h:
            zero = zero_of(value)
            out += [instantiate(t) for t in (terms or [zero] * order)]
    return out


def spread_terms(given, has, order) -> list:
    """Series made of terms in a row: for each mark, `order` of them, or None."""
    given = iter(given)
    return [[next(given) for _ in range(order)] if h else None for h in has]


@kept
def batch_jaxpr(closed: ClosedJaxpr, size: int, mapped: tuple, wanted: tuple | None = None, axis_name=None):
    """The program of many examples: arguments with `mapped` axis in front where marked.

    wanted   which results must be mapped; None: those that are
    gives    (program, which results are mapped), the mapped axes all in front
    """
    straight = _batched_straight(closed, size, mapped, wanted)
    if straight is not None:
        return straight
    out_mapped: list[bool] = []

    def run_batched(*args):
        axes = [0 if m else None for m in mapped]
        results, out_axes = batch(lambda *xs: run(closed, *xs), args, axes, size, state.trace, axis_name)
        out_mapped[:] = [a is not None for a in out_axes] if wanted is None else [
            w or a is not None for w, a in zip(wanted, out_axes, strict=True)
        ]  # fmt: skip
        return [place_axis(r, a, 0, size) if m else r for r, a, m in zip(results, out_axes, out_mapped, strict=True)]

    avals = [a.with_shape((size, *a.shape)) if m else a for a, m in zip(closed.in_avals, mapped, strict=True)]
    return restage(run_batched, avals, closed), tuple(out_mapped)


def _batched_straight(closed, size, mapped, wanted):
    """What `batch_jaxpr` gives, of a program that does the same to each element of mapped arrays of one shape; or None.

    Its equations stay as they are, of larger arrays: no rule need be asked (a third of the time).
    """
    jaxpr = closed.jaxpr
    if not all(mapped) or jaxpr.constvars or wanted is not None:
        return None
    avals: dict = {}  # of an example → of all
    env: dict = {}

    def of_all(v):
        aval = avals.get(v.aval)
        if aval is None:
            aval = avals[v.aval] = v.aval.with_shape((size, *v.aval.shape))
        env[v] = made = Var(aval)
        return made

    invars = [of_all(v) for v in jaxpr.invars]
    eqns = []
    for eqn in jaxpr.eqns:
        op = eqn.op
        if type(op).batch is not Elementwise.batch:
            return None
        [out] = eqn.outvars
        shape = out.aval.shape
        for v in eqn.invars:
            if type(v) is Var:
                if v.aval.shape != shape:
                    return None
            elif v.aval.shape:
                return None
        operands = [env[v] if type(v) is Var else v for v in eqn.invars]
        if not any([type(v) is Var for v in operands]):
            return None
        eqns.append(Equation(op, operands, [of_all(out)], eqn.source))
    out_mapped = tuple([type(v) is Var for v in jaxpr.outvars])
    outvars = [env[v] if m else v for v, m in zip(jaxpr.outvars, out_mapped, strict=True)]
    return ClosedJaxpr(Jaxpr([], invars, outvars, eqns, name=jaxpr.name)), out_mapped


@kept
def transpose_jaxpr(closed: ClosedJaxpr, linear: tuple, has_ct: tuple):
    """The transpose of a program that is linear in the marked arguments.

    gives   a program of (the other arguments, the cotangents of results that have one) → cotangents of linear
            arguments, zeros where nothing flows
    """

    def run_transposed(*args):
        known = iter(args[: len(linear) - sum(linear)])
        given = iter(args[len(linear) - sum(linear) :])
        cts = [next(given) if has else Zero(a) for a, has in zip(closed.out_avals, has_ct, strict=True)]
        operands = [None if is_lin else next(known) for is_lin in linear]
        return [instantiate(ct) for ct in backward(closed, linear, operands, cts)]

    avals = [a for a, is_lin in zip(closed.in_avals, linear, strict=True) if not is_lin]
    ct_avals = [a.strip_weak_type() for a, has in zip(closed.out_avals, has_ct, strict=True) if has]
    return restage(run_transposed, [*avals, *ct_avals], closed)


def backward(closed, linear, operands, cts):
    """Cotangents of the linear arguments of a program, under the current trace; `Zero` where nothing flows.

    What does not depend on them is evaluated; the rest is transposed in reverse.
    """
    jaxpr = closed.jaxpr
    env = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env.update([(var, value) for var, is_lin, value in zip(jaxpr.invars, linear, operands, strict=True) if not is_lin])

    equations = jaxpr.eqns  # what has no value depends on a linear argument
    if closed.kept.get("tape") != linear:
        equations = []
        for eqn in jaxpr.eqns:
            for v in eqn.invars:
                if type(v) is Var and v not in env:
                    equations.append(eqn if eqn.op.reached is None else _with_known_results(eqn, env))
                    break
            else:
                results = eqn.op(*[v.val if type(v) is Literal else env[v] for v in eqn.invars])
                env.update(zip(eqn.outvars, results if eqn.op.multiple_results else [results], strict=True))
    flows: dict = {}
    for var, ct in zip(jaxpr.outvars, cts, strict=True):
        if type(var) is Var and var not in env and not is_zero(ct):
            accumulate(flows, var, ct)
    run_backward(equations, flows, values=env)
    return [flows.get(var, Zero(var.aval)) for var, is_lin in zip(jaxpr.invars, linear, strict=True) if is_lin]


@kept
def reordered(closed: ClosedJaxpr, arguments: tuple, results: tuple) -> ClosedJaxpr:
    """The same program with its arguments in another order, and of its results those named, in that order."""
    jaxpr = closed.jaxpr
    changed = jaxpr.replace(
        invars=[jaxpr.invars[i] for i in arguments], outvars=[jaxpr.outvars[i] for i in results],
        arg_names=None, result_paths=None,
    )  # fmt: skip
    return ClosedJaxpr(changed, closed.consts)


def reached(jaxpr, marks) -> list[bool]:
    """Which results of a program depend on the marked arguments."""
    found = {v for v, m in zip(jaxpr.invars, marks, strict=True) if m}
    for eqn in jaxpr.eqns:
        marked = [type(v) is Var and v in found for v in eqn.invars]
        if any(marked):
            given = eqn.op.reached
            found.update(
                eqn.outvars if given is None else [v for v, r in zip(eqn.outvars, given(marked), strict=True) if r]
            )
    return [type(v) is Var and v in found for v in jaxpr.outvars]


def _with_known_results(eqn, env):
    """An equation to transpose, in place of one of which some results do not depend on linear operands.

    Those are evaluated, and put into env; with the linear operands at zero, where the op is linearised.
    """
    linear = [type(v) is Var and v not in env for v in eqn.invars]
    if all(eqn.op.reached(linear)):
        return eqn
    operands = [
        v.val if type(v) is Literal else env[v] if not m else None for v, m in zip(eqn.invars, linear, strict=True)
    ]
    operands = [instantiate(Zero(v.aval)) if m else x for x, v, m in zip(operands, eqn.invars, linear, strict=True)]
    results, linearized = linearize(lambda *xs: eqn.op(*xs), operands, linear)
    if any([m and v is None for m, v in zip(linear, linearized.inputs, strict=True)]):  # integers have no tangents
        return eqn
    tangents = [(v, t) for v, t in zip(eqn.outvars, linearized.results, strict=True) if not is_zero(t)]
    env.update([(v, r) for v, r, t in zip(eqn.outvars, results, linearized.results, strict=True) if is_zero(t)])
    linearized.results = [t for _, t in tangents]
    return Equation(_Linear(eqn.op.name, linearized), eqn.invars, [v for v, _ in tangents], eqn.source)


class _Linear:
    """An op that is known by its transpose."""

    multiple_results = True

    def __init__(self, name, linearized):
        self.name = name
        self.linearized = linearized

    def transpose(self, cts, *operands):
        return self.linearized.backward(cts)


def spread(given, has, results):
    """The tangents of results: those given where `has` says so, else `Zero`."""
    given = iter(given)
    return [next(given) if h else zero_of(r) for r, h in zip(results, has, strict=False)]


__all__ = [
    "ProgramOp", "ShapedArray", "backward", "batch_jaxpr", "jet_jaxpr", "jvp_jaxpr", "kept", "linearize_jaxpr",
    "reached", "reordered", "restage", "run", "spread", "spread_terms", "terms_of", "transpose_jaxpr",
]  # fmt: skip

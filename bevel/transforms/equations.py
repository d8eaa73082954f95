"""Equations of a jaxpr as operations of StableHLO: written into a block, or into a function that is called.

Each equation's op writes itself through an `Emitter`; its location goes along, so that profiles and memory reports
speak of the user's lines.
"""

from __future__ import annotations

import numpy as np

from bevel.base.dimensions import InconclusiveDimensionOperation
from bevel.base.dtypes import float0
from bevel.base.errors import DTypeError
from bevel.core import source
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, Literal
from bevel.core.places import Place, named_by_user
from bevel.core.staging import stage
from bevel.core.trace import get_aval
from bevel.engine import builder
from bevel.engine.builder import mlir, type_of
from bevel.ops.layout import laid
from bevel.ops.logic import Eq, Ne
from bevel.ops.reductions import ReduceAnd, ReduceOr
from bevel.ops.shapes import move_axis
from bevel.transforms.constants import hidden_constants
from bevel.transforms.open_shapes import OpenShapeError
from bevel.transforms.summary import in_memory

builder.set_frame_filter(source.is_ours)


# ---- in a block


def inline(out, jaxpr: Jaxpr, consts, arguments) -> list:
    """Writes a jaxpr's equations into the emitter's block; gives the values of its results."""
    return write(out, jaxpr, environment(out, jaxpr, consts, arguments))


def environment(out, jaxpr, consts, arguments) -> dict:
    env = dict(zip(jaxpr.invars, arguments, strict=True))
    hidden = out.module.values
    for var, value in zip(jaxpr.constvars, consts, strict=True):
        known = hidden.get(id(value))
        env[var] = known if known is not None else out.constant(_numbers(value, var.aval), var.aval)
    return env


def _numbers(value, aval):
    """A constant as it is written down; of float0, which has no numbers, as bools."""
    if aval.dtype is float0:
        return np.zeros(aval.shape, bool)
    if aval.extended:
        value = aval.dtype.unwrap(value)
    with np.errstate(all="ignore"):  # said at the user's line, where it was traced
        return np.asarray(value, builder.physical(aval).dtype)


def write(out, jaxpr, env):
    create, point, scope = mlir.create, out.point, out.scope
    outer = out.location
    apart = in_memory(jaxpr) if out.module.says_layouts else ()
    for eqn in jaxpr.eqns:
        op = eqn.op
        outvars, invars = eqn.outvars, eqn.invars
        location = out.location = _location(out, eqn, scope) if eqn.source is not None else outer
        if op.splats:
            aval = outvars[0].aval
            shape = aval.shape
            values = [
                env[v] if type(v) is not Literal else out.constant(v.val, v.aval.with_shape(shape)) for v in invars
            ]
            if op.is_plain and all([v.aval.shape == shape or type(v) is Literal for v in invars]):
                # most equations of most programs: written without further ado
                result = aval.ir_type or type_of(aval)
                value = create(op.hlo, [result], values, None, None, 0, location, point).result
                env[outvars[0]] = laid(out, value, aval) if apart and outvars[0] in apart else value
                continue
            out.avals = avals = [aval]
            out.in_avals = in_avals = [v.aval if type(v) is not Literal else v.aval.with_shape(shape) for v in invars]
        else:
            out.avals = avals = [v.aval for v in outvars]
            out.in_avals = in_avals = [v.aval for v in invars]
            values = [env[v] if type(v) is not Literal else out.constant(v.val, v.aval) for v in invars]
        if not op.knows_keys and ((avals and avals[0].extended) or any([a.extended for a in in_avals])):
            results = _lower_on_keys(out, eqn, values)
        else:
            if op.holds_programs:
                out.scope = f"{scope}{_scope_of(out, eqn.source)}{op.scope_name}/"
            try:
                results = op.lower(out, *values)
            except InconclusiveDimensionOperation as error:
                if type(error) is OpenShapeError:
                    raise
                raise OpenShapeError(
                    f"{op.name}{source.summarize(eqn.source, ' at {}')} of "
                    f"{', '.join([v.aval.str_short() for v in invars]) or 'no operands'} needs to know its sizes, and "
                    "cannot be exported with open dimensions.\nGive it known sizes, or write it with reductions, "
                    "slices and matrix products."
                ) from error
            out.scope = scope
        if op.multiple_results:
            env.update(zip(outvars, results, strict=True))
        elif apart and outvars[0] in apart:
            env[outvars[0]] = laid(out, results, avals[0])
        else:
            env[outvars[0]] = results
    out.location = outer
    return [env[v] if type(v) is not Literal else out.constant(v.val, v.aval) for v in jaxpr.outvars]


def _scope_of(out, source):
    """The scopes of an equation as the names of its operations begin; those of the user are noted."""
    if type(source) is not Place:
        return ""
    text = out.module.scope_texts.get(source.scopes)
    if text is None:
        text = out.module.scope_texts[source.scopes] = f"{source.name_stack}/"
        if named_by_user(source):
            out.module.scopes.add(text)
    return text


def _location(out, eqn, scope):
    """The user's line of an equation, under the name that profiles show: `jit(loss)/transpose(jvp(layer))/mul`."""
    source = eqn.source
    if type(source) is not Place:
        return mlir.named(scope + eqn.op.scope_name, out.module.locate(source))
    name = scope + (out.module.scope_texts.get(source.scopes) or _scope_of(out, source)) + eqn.op.scope_name
    traceback = source.traceback
    return mlir.named(name) if traceback is None else mlir.named(name, out.module.locate(traceback))


def _lower_on_keys(out, eqn, values):
    """Lowers an op on key arrays as its own batch rule over the axis of words that each key is held in."""
    avals = [builder.physical(v.aval) for v in eqn.invars]
    axes = [len(v.aval.shape) if v.aval.extended else None for v in eqn.invars]

    def on_words(*operands):
        results, places = eqn.op.batch(operands, axes)
        if not eqn.op.multiple_results:
            results, places = [results], [places]
        return [
            _axis_to_end(result, place) if var.aval.extended else _over_words(eqn.op, result, place)
            for result, place, var in zip(results, places, eqn.outvars, strict=True)
        ]

    jaxpr, consts = stage(on_words, avals)
    results = inline(out, jaxpr, consts, values)
    return results if eqn.op.multiple_results else results[0]


# Two keys are equal where all their words are.
_COMPARISONS = {Eq: ReduceAnd, Ne: ReduceOr}


def _over_words(op, result, axis):
    """A result that is no key, of an op on keys: one for each key, not for each word."""
    if axis is None:
        return result
    combine = _COMPARISONS.get(type(op))
    if combine is None:
        raise DTypeError(f"{op.name} is not defined for random keys. Draw numbers with them: bevel.random.normal(key).")
    return combine((axis,))(result)


def _axis_to_end(value, axis):
    last = len(value.aval.shape) - 1
    return value if axis == last else move_axis(value, axis, last)


# ---- in a function


def call_module(out, key, read, values) -> list:
    """Calls the function `main` of another module, whose functions are copied into this one, once for each `key`.

    read   gives the other module, in this context
    """
    module, ir = out.module, mlir.ir
    symbol = module.functions.get(key)
    if symbol is None:
        other = read()
        functions = [op for op in other.body.operations if "sym_name" in op.attributes]
        names = [ir.StringAttr(op.attributes["sym_name"]).value for op in functions]
        fresh = [module.unique(f"exported_{name}") for name in names]
        # by way of names that no module has: a fresh name may be another function's present one
        between = [f"{name}.moving.{i}" for i, name in enumerate(names)]
        for before, after in ((names, between), (between, fresh)):
            for op, old, new in zip(functions, before, after, strict=True):
                ir.SymbolTable.replace_all_symbol_uses(old, new, other.operation)
                op.attributes["sym_name"] = builder.string(new)
        for op, name, new in zip(functions, names, fresh, strict=True):
            op.attributes["sym_visibility"] = builder.string("private")
            if name == "main":
                symbol = module.functions[key] = builder.symbol(new)
            op.operation.clone(ir.InsertionPoint(module.module.body))
    return list(out.ops("func.call", values, {"callee": symbol}).results)


def call(out, name, program: ClosedJaxpr, values) -> list:
    """Calls a program as a function of the module, written once for each program."""
    if out.module.variables:  # a function would have to be given the dimensions
        return inline(out, program.jaxpr, program.consts, values)
    symbol, hidden = function_of(out, name, program)
    return list(out.ops("func.call", [*hidden, *values], {"callee": symbol}).results)


def function_of(out, name, program: ClosedJaxpr) -> tuple:
    """A program as a function of the module, written once: (its symbol, the values it takes before the arguments)."""
    module = out.module
    captured = [value for place, value in hidden_constants(program).items() if place in module.values]
    key = (id(program), tuple(id(c) for c in captured))
    symbol = module.functions.get(key)
    hidden_values = [module.values[id(c)] for c in captured]
    if symbol is None:
        avals = [get_aval(c) for c in captured]
        jaxpr = program.jaxpr
        operation, emitter, arguments = module.function(
            name, [*avals, *[v.aval for v in jaxpr.invars]], [v.aval for v in jaxpr.outvars]
        )
        outer = module.values
        module.values = dict(zip([id(c) for c in captured], arguments, strict=False))
        try:
            results = inline(emitter, jaxpr, program.consts, arguments[len(captured) :])
        finally:
            module.values = outer
        mlir.create("func.return", [], results, None, None, 0, emitter.location, emitter.point)
        symbol = module.functions[key] = builder.symbol(operation.name.value)
        module.keep_alive.append(program)
    return symbol, hidden_values


def call_apart(out, function, values) -> list:
    symbol, results = function
    return list(out.ops("func.call", values, {"callee": symbol, **apart()}, avals=results).results)


def apart() -> dict:
    """The attributes of a call that XLA shall not inline."""
    return {"mhlo.frontend_attributes": builder.parsed('{inlineable = "false"}')}

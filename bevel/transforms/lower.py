"""From a jaxpr to a StableHLO module.

Each equation's op writes itself through an `Emitter`; its location goes along, so that profiles and memory reports
speak of the user's lines. Large constants are not written into the module: they become hidden leading arguments, so
that the compiled program does not depend on their values and compiles fast.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import numpy as np

from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.base.dimensions import InconclusiveDimensionOperation, assumed_small, is_symbolic
from bevel.base.dtypes import float0
from bevel.base.errors import DTypeError
from bevel.core import source
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, Literal, subprograms
from bevel.core.places import Place, named_by_user
from bevel.core.staging import paused_collector, stage
from bevel.core.trace import get_aval, state
from bevel.engine import builder, callbacks
from bevel.engine.builder import mlir, type_of
from bevel.engine.host_kernels import MARK
from bevel.ops.cutting import padded_in_one_loop
from bevel.ops.fast import has_long_formula
from bevel.ops.logic import Eq, Ne
from bevel.ops.reductions import ReduceAnd, ReduceOr
from bevel.ops.shapes import move_axis
from bevel.ops.stacks_in_turn import take_in_turn
from bevel.transforms import marks, segments
from bevel.transforms.batch import batch, place_axis
from bevel.transforms.constants import hidden_constants
from bevel.transforms.open_shapes import OpenShapeError, find_variables
from bevel.transforms.order import in_program_order
from bevel.transforms.simplify import holds_backward_only, without_dead_code

builder.set_frame_filter(source.is_ours)


class Module:
    """A StableHLO module in the making.

    hidden     values that the compiled program takes before the caller's arguments
    callbacks  the Python functions that the program calls
    has_host_kernels  may lowerings call the kernels of engine.host_kernels? Not where the program is to run elsewhere,
                      or in parts on several devices
    calls_kernels     do they? The program then has the result `host_kernels.MARK` after its own
    out_memories      the kind of memory of each result, where one goes to another than the usual one
    layout            how it lies over several devices, which XLA cuts it into parts for; None on one
    """

    def __init__(self, name, platform, layout=None):
        self.platform = platform
        self.layout = layout
        self.mesh_names: dict[Any, str] = {}
        self.result_count = 0
        self.has_host_kernels = platform == "cpu" and settings.host_kernels.value and layout is None
        self.calls_kernels = False
        self.gives_stacks = False  # is LAPACK given stacks of matrices?
        self.name = name
        self.hidden: list = []
        self.callbacks = callbacks.CallbackTable()
        self.keep_alive: list = []
        self.functions: dict = {}
        self.reductions: dict = {}  # one of each kind, to be copied
        self.names: dict[str, int] = {}
        self.module = mlir.ir.Module.create(mlir.unknown)
        self.module.operation.attributes["sym_name"] = builder.string(_identifier(name))
        self.values: dict[int, object] = {}
        self.out_memories: list | None = None
        self.variables: dict[str, Any] = {}  # the values of dimensions that are known at the call only, by name
        self.dimensions: dict[Any, Any] = {}  # and of those computed from them
        self.head: Any = None  # writes behind the first of these, before all else
        self.locate = mlir.locate
        self.scope_texts: dict[tuple, str] = {}
        self.scopes: set[str] = set()  # names that the user gave, which no cache may mix up
        self.jaxpr = None
        self.has_shared_choice = False  # does it choose by flags that many elements share? see ops.known_nan
        self.without_choice: set = set()  # values that follow from no such choice

    @functools.cached_property
    def long_formulas(self):
        """How many equations of the program could be lowered as a formula in place of XLA's form (bevel.ops.fast)."""

        def visit(jaxpr):
            found = 0
            for eqn in jaxpr.eqns:
                found += has_long_formula(eqn.op, eqn.outvars[0].aval) if eqn.outvars else 0
                if eqn.op.holds_programs:
                    for _, inner in subprograms(eqn.op):
                        found += visit(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)
            return found

        return visit(self.jaxpr) if self.jaxpr is not None else 0

    @functools.cached_property
    def is_long(self) -> bool:
        """Is it a program of many equations, in which XLA finds several users of what is computed?"""
        return self.jaxpr is None or len(self.jaxpr.eqns) > 64

    def mesh_name(self, mesh):
        """The symbol under which a mesh stands in the module; of None, the one of the first device alone."""
        name = self.mesh_names.get(mesh)
        if name is None:
            name = self.mesh_names[mesh] = self.unique("mesh")
            text = "[], device_ids=[0]"
            if mesh is not None:
                axes = [f'"{axis}"={size}' for axis, size in mesh.shape.items()]
                text = f"[{', '.join(axes)}]"
            attributes = {"sym_name": builder.string(name), "mesh": builder.parsed(f"#sdy.mesh<{text}>")}
            start = mlir.ir.InsertionPoint.at_block_begin(self.module.body)
            mlir.create("sdy.mesh", [], [], attributes, None, 0, mlir.unknown, start)
        return name

    def unique(self, name):
        """A symbol name not used yet in the module."""
        name = _identifier(name)
        count = self.names.get(name, 0)
        self.names[name] = count + 1
        return f"{name}_{count}" if count else name

    def function(self, name, in_avals, out_avals, public=False, label=""):
        """A new function: (its operation, an Emitter for its body, its argument values)."""
        ir = mlir.ir
        kind = ir.FunctionType.get([type_of(a) for a in in_avals], [type_of(a) for a in out_avals], mlir.context)
        operation = mlir.bindings.func.FuncOp(
            self.unique(name), kind, ip=ir.InsertionPoint(self.module.body), loc=mlir.unknown
        )
        operation.attributes["sym_visibility"] = builder.string("public" if public else "private")
        block = operation.add_entry_block()
        return operation, builder.Emitter(self, block, scope=f"jit({label})/" if label else ""), list(block.arguments)

    def inline(self, out, jaxpr, values, consts=()):
        """Writes a program into the emitter's block, for ops whose region is one; gives the values of its results."""
        return inline(out, jaxpr, consts, values)

    def call(self, out, name, program, values):
        """Calls a program as a function of the module; gives the values of its results."""
        return call(out, name, program, values)

    def compose(self, out, function, avals, values, mapped=0, apart=None, single=()) -> list:
        """Writes `function`, of other primitives, into the emitter's block: how an op is lowered as a composition.

        function  of as many arrays as there are avals; gives a list of arrays
        mapped    how many leading axes, of all operands alike, it is mapped over
        single    for each of these axes, the places of operands that lack it
        apart     what the function does, as a key: it is written once for each such key and avals, and called, so that
                  on CPUs XLA fuses nothing into it. None: it stands where it is used
        """
        for places in (*single, *[()] * (mapped - len(single)))[::-1]:
            function = _mapped(function, places)
        if apart is None or self.platform != "cpu" or self.variables or self.layout is not None:
            return inline(out, *stage(function, avals), values)
        found = self.functions.get((apart, *avals))
        if found is not None:
            return _call_apart(out, found, values)
        jaxpr, consts = stage(function, avals)
        results = [v.aval for v in jaxpr.outvars]
        return self.write_apart(out, apart, avals, results, lambda e, *xs: inline(e, jaxpr, consts, xs), values)

    def write_apart(self, out, apart, avals, results, write, values) -> list:
        """As `compose` with the key `apart`, of what `write(emitter, *values)` writes, on one CPU device."""
        key = (apart, *avals)
        found = self.functions.get(key)
        if found is None:
            operation, emitter, arguments = self.function("apart", avals, results)
            inside = write(emitter, *arguments)
            mlir.create("func.return", [], inside, None, None, 0, emitter.location, emitter.point)
            found = self.functions[key] = (builder.symbol(operation.name.value), results)
        return _call_apart(out, found, values)


def _mapped(function, single):
    def run(*operands):
        [size, *_] = [get_aval(x).shape[0] for i, x in enumerate(operands) if i not in single]
        axes = [None if i in single else 0 for i in range(len(operands))]
        results, axes = batch(function, operands, axes, size, state.trace)
        return [place_axis(y, axis, 0, size) for y, axis in zip(results, axes, strict=True)]

    return run


def _identifier(name):
    kept = "".join([c if c.isalnum() or c == "_" else "_" for c in name])
    return kept or "program"


def lower(
    closed: ClosedJaxpr, name="main", platform="cpu", donated=(), portable=False, layout=None, orders=None
) -> Module:
    """Lowers a program. `donated` are the positions of arguments whose memory the results may use.

    portable   for another process: with all constants written in, and without kernels of this one
    layout     a spread.Layout: for several devices
    orders     an orders.Orders: how the axes of arguments and results lie in memory
    """
    if closed.effects:
        closed = in_program_order(closed)
    if holds_backward_only(closed):
        closed = ClosedJaxpr(without_dead_code(closed.jaxpr), closed.consts)
    layout = layout and layout.cut
    with mlir.context, mlir.unknown, paused_collector():
        module = Module(name, platform, layout)
        hidden = {} if portable else hidden_constants(closed)
        module.has_host_kernels = module.has_host_kernels and not portable
        module.hidden = list(hidden.values())
        # as they are held: NumPy's 64-bit numbers are narrowed where x64 is off
        hidden_avals = [get_aval(value) for value in module.hidden]
        module.jaxpr = jaxpr = closed.jaxpr
        operation, emitter, arguments = module.function(
            "main",
            [*hidden_avals, *[v.aval for v in jaxpr.invars]],
            [v.aval for v in jaxpr.outvars],
            public=True,
            label=name.removeprefix("jit_"),
        )
        module.values = dict(zip(hidden, arguments, strict=False))
        if any([is_symbolic(v.aval.shape) for v in jaxpr.invars]):
            find_variables(emitter, jaxpr, arguments)
        write = inline if portable or layout is not None else _write_main
        with assumed_small() if module.variables else contextlib.nullcontext():
            results = write(emitter, jaxpr, closed.consts, arguments[len(hidden) :])
        if platform == "cpu" and write is _write_main:
            results = [padded_in_one_loop(emitter, result) for result in results]
        if module.calls_kernels:
            results = [*results, emitter.constant(0, MARK)]
            kind = mlir.ir.FunctionType.get([a.type for a in arguments], [r.type for r in results], mlir.context)
            operation.attributes["function_type"] = mlir.ir.TypeAttr.get(kind)
        mlir.create("func.return", [], results, None, None, 0, emitter.location, emitter.point)
        if module.gives_stacks:
            take_in_turn(module.module)
        marks.mark(module, operation, jaxpr, len(hidden), donated, orders)
        module.result_count = len(results)
        return module


def inline(out, jaxpr: Jaxpr, consts, arguments) -> list:
    """Writes a jaxpr's equations into the emitter's block; gives the values of its results."""
    return _write(out, jaxpr, _environment(out, jaxpr, consts, arguments))


def _environment(out, jaxpr, consts, arguments) -> dict:
    env = dict(zip(jaxpr.invars, arguments, strict=True))
    hidden = out.module.values
    for var, value in zip(jaxpr.constvars, consts, strict=True):
        known = hidden.get(id(value))
        env[var] = known if known is not None else out.constant(_numbers(value, var.aval), var.aval)
    return env


def _write_main(out, jaxpr, consts, arguments) -> list:
    """As `inline`, in the form that XLA compiles fast: see transforms.segments."""
    if out.module.platform != "cpu":
        return inline(out, jaxpr, consts, arguments)
    found = segments.hide_numbers(jaxpr)
    if found is not None:
        jaxpr, numbers = found
        arguments = [*_out_of_sight(out, [np.asarray(v.val, v.aval.dtype) for v in numbers]), *arguments]
    pieces = segments.cut(jaxpr)
    env = _environment(out, jaxpr, consts, arguments)
    if pieces is None:
        return _write(out, jaxpr, env)
    written = [piece for piece in pieces if isinstance(piece, segments.Piece)]
    tables = {id(piece): _tables(piece.numbers) for piece in written}
    values = iter(_out_of_sight(out, [table for piece in written for table in tables[id(piece)]]))
    symbols: dict[int, object] = {}
    for piece in pieces:
        if not isinstance(piece, segments.Piece):
            _write(out, Jaxpr([], [], piece.outvars, [piece]), env)
            continue
        program, mine = piece.program, tables[id(piece)]
        symbol = symbols.get(id(program))
        if symbol is None:
            symbol = symbols[id(program)] = _write_piece(out, piece, mine)
        operands = [*[env[v] for v in piece.operands], *[next(values) for _ in mine]]
        called = out.ops("func.call", operands, {"callee": symbol, **_apart()}, avals=program.out_avals)
        env.update(zip(piece.results, called.results, strict=True))
    return [env[v] if type(v) is not Literal else out.constant(v.val, v.aval) for v in jaxpr.outvars]


def _tables(numbers) -> list:
    """A piece's numbers as arrays, one a dtype: a call hands on few arrays faster than many numbers."""
    kinds = dict.fromkeys([v.aval.dtype for v in numbers])
    return [np.asarray([v.val for v in numbers if v.aval.dtype == kind], kind) for kind in kinds]


def _write_piece(out, piece, tables):
    """The function of a piece, which reads its numbers from arrays; gives its symbol."""
    program, numbers = piece.program, piece.numbers
    avals = [*[v.aval for v in piece.operands], *[ShapedArray(t.shape, t.dtype) for t in tables]]
    operation, emitter, inside = out.module.function("piece", avals, program.out_avals)
    arguments = list(inside[: len(piece.operands)])
    given = dict(zip([t.dtype for t in tables], zip(tables, inside[len(piece.operands) :], strict=True), strict=True))
    places = dict.fromkeys(given, 0)
    for v in numbers:
        table, value = given[v.aval.dtype]
        place = places[v.aval.dtype]
        places[v.aval.dtype] += 1
        one = emitter.slice(value, ShapedArray(table.shape, table.dtype), 0, place, place + 1)
        arguments.append(emitter.reshape(one, v.aval))
    results = inline(emitter, program, (), arguments)
    mlir.create("func.return", [], results, None, None, 0, emitter.location, emitter.point)
    return builder.symbol(operation.name.value)


def _call_apart(out, function, values) -> list:
    symbol, results = function
    return list(out.ops("func.call", values, {"callee": symbol, **_apart()}, avals=results).results)


def _apart() -> dict:
    """The attributes of a call that XLA shall not inline."""
    return {"mhlo.frontend_attributes": builder.parsed('{inlineable = "false"}')}


def _out_of_sight(out, constants) -> list:
    """Constants that XLA cannot write into a kernel: results of a function that it may not inline."""
    if not constants:
        return []
    avals = [ShapedArray(value.shape, value.dtype) for value in constants]
    operation, emitter, _ = out.module.function("numbers", [], avals)
    values = [emitter.constant(value, aval) for value, aval in zip(constants, avals, strict=True)]
    mlir.create("func.return", [], values, None, None, 0, emitter.location, emitter.point)
    symbol = builder.symbol(operation.name.value)
    return list(out.ops("func.call", [], {"callee": symbol, **_apart()}, avals=avals).results)


def _numbers(value, aval):
    """A constant as it is written down; of float0, which has no numbers, as bools."""
    if aval.dtype is float0:
        return np.zeros(aval.shape, bool)
    if aval.extended:
        value = aval.dtype.unwrap(value)
    with np.errstate(all="ignore"):  # said at the user's line, where it was traced
        return np.asarray(value, builder.physical(aval).dtype)


def _write(out, jaxpr, env):
    create, point, scope = mlir.create, out.point, out.scope
    outer = out.location
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
                env[outvars[0]] = create(op.hlo, [result], values, None, None, 0, location, point).result
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

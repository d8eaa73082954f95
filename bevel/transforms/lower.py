"""From a jaxpr to a StableHLO module.

Large constants are not written into the module: they become hidden leading arguments, so that the compiled program
does not depend on their values and compiles fast. Long programs for CPUs are written in pieces.
"""

from __future__ import annotations

import contextlib

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import assumed_small, is_symbolic
from bevel.core.jaxpr import ClosedJaxpr, Jaxpr, Literal
from bevel.core.staging import paused_collector
from bevel.core.trace import get_aval
from bevel.engine import builder
from bevel.engine.builder import mlir
from bevel.engine.host_kernels import MARK
from bevel.ops.cutting import padded_in_one_loop
from bevel.ops.stacks_in_turn import take_in_turn
from bevel.transforms import marks, segments
from bevel.transforms.constants import hidden_constants
from bevel.transforms.equations import apart, environment, inline, write
from bevel.transforms.module import Module
from bevel.transforms.open_shapes import find_variables
from bevel.transforms.order import in_program_order
from bevel.transforms.simplify import holds_backward_only, without_dead_code


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
        if portable:
            module.has_host_kernels = module.says_layouts = False
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
        write_all = inline if portable or layout is not None else _write_main
        with assumed_small() if module.variables else contextlib.nullcontext():
            results = write_all(emitter, jaxpr, closed.consts, arguments[len(hidden) :])
        if platform == "cpu" and write_all is _write_main:
            results = [padded_in_one_loop(module, result) for result in results]
        if module.calls_kernels:
            results = [*results, emitter.constant(0, MARK)]
            kind = mlir.ir.FunctionType.get([a.type for a in arguments], [r.type for r in results], mlir.context)
            operation.attributes["function_type"] = mlir.ir.TypeAttr.get(kind)
        mlir.create("func.return", [], results, None, None, 0, emitter.location, emitter.point)
        if module.gives_stacks:
            take_in_turn(module)
        marks.mark(module, operation, jaxpr, len(hidden), donated, orders)
        module.result_count = len(results)
        return module


def _write_main(out, jaxpr, consts, arguments) -> list:
    """As `inline`, in the form that XLA compiles fast: see transforms.segments."""
    if out.module.platform != "cpu":
        return inline(out, jaxpr, consts, arguments)
    found = segments.hide_numbers(jaxpr)
    if found is not None:
        jaxpr, numbers = found
        arguments = [*_out_of_sight(out, [np.asarray(v.val, v.aval.dtype) for v in numbers]), *arguments]
    pieces = segments.cut(jaxpr)
    env = environment(out, jaxpr, consts, arguments)
    if pieces is None:
        return write(out, jaxpr, env)
    written = [piece for piece in pieces if isinstance(piece, segments.Piece)]
    tables = {id(piece): _tables(piece.numbers) for piece in written}
    values = iter(_out_of_sight(out, [table for piece in written for table in tables[id(piece)]]))
    symbols: dict[int, object] = {}
    for piece in pieces:
        if not isinstance(piece, segments.Piece):
            write(out, Jaxpr([], [], piece.outvars, [piece]), env)
            continue
        program, mine = piece.program, tables[id(piece)]
        symbol = symbols.get(id(program))
        if symbol is None:
            symbol = symbols[id(program)] = _write_piece(out, piece, mine)
        operands = [*[env[v] for v in piece.operands], *[next(values) for _ in mine]]
        called = out.ops("func.call", operands, {"callee": symbol, **apart()}, avals=program.out_avals)
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


def _out_of_sight(out, constants) -> list:
    """Constants that XLA cannot write into a kernel: results of a function that it may not inline."""
    if not constants:
        return []
    avals = [ShapedArray(value.shape, value.dtype) for value in constants]
    operation, emitter, _ = out.module.function("numbers", [], avals)
    values = [emitter.constant(value, aval) for value, aval in zip(constants, avals, strict=True)]
    mlir.create("func.return", [], values, None, None, 0, emitter.location, emitter.point)
    symbol = builder.symbol(operation.name.value)
    return list(out.ops("func.call", [], {"callee": symbol, **apart()}, avals=avals).results)

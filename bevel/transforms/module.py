"""The StableHLO module that a program becomes: its functions, and what lowerings may ask of the program as a whole."""

from __future__ import annotations

import functools
from typing import Any

from bevel.base import settings
from bevel.core.jaxpr import ClosedJaxpr, subprograms
from bevel.core.staging import stage
from bevel.core.trace import get_aval, state
from bevel.engine import builder, callbacks
from bevel.engine.builder import mlir, type_of
from bevel.engine.emitter import Emitter
from bevel.ops.fast import has_long_formula
from bevel.transforms import equations
from bevel.transforms.batch import batch, place_axis


class Module:
    """A StableHLO module in the making.

    hidden     values that the compiled program takes before the caller's arguments
    callbacks  the Python functions that the program calls
    has_host_kernels  may lowerings call the kernels of engine.host_kernels? Not where the program is to run elsewhere,
                      or in parts on several devices
    says_layouts      may they say how a value in between lies in memory? Not for another process, nor where XLA cuts
                      the program into parts: each device would be sent all of the value
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
        self.says_layouts = platform == "cpu" and layout is None
        self.calls_kernels = False
        self.gives_stacks = False  # is LAPACK given stacks of matrices?
        self.name = name
        self.hidden: list = []
        self.callbacks = callbacks.CallbackTable(for_devices=layout is not None)
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
        return operation, Emitter(self, block, scope=f"jit({label})/" if label else ""), list(block.arguments)

    def inline(self, out, jaxpr, values, consts=()):
        """Writes a program into the emitter's block, for ops whose region is one; gives the values of its results."""
        return equations.inline(out, jaxpr, consts, values)

    def call(self, out, name, program, values):
        """Calls a program as a function of the module; gives the values of its results."""
        return equations.call(out, name, program, values)

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
            return equations.inline(out, *stage(function, avals), values)
        found = self.functions.get((apart, *avals))
        if found is not None:
            return equations.call_apart(out, found, values)
        jaxpr, consts = stage(function, avals)
        results = [v.aval for v in jaxpr.outvars]
        return self.write_apart(
            out, apart, avals, results, lambda e, *xs: equations.inline(e, jaxpr, consts, xs), values
        )

    def write_apart(self, out, apart, avals, results, write, values) -> list:
        """As `compose` with the key `apart`, of what `write(emitter, *values)` writes, on one CPU device."""
        key = (apart, *avals)
        found = self.functions.get(key)
        if found is None:
            operation, emitter, arguments = self.function("apart", avals, results)
            inside = write(emitter, *arguments)
            mlir.create("func.return", [], inside, None, None, 0, emitter.location, emitter.point)
            found = self.functions[key] = (builder.symbol(operation.name.value), results)
        return equations.call_apart(out, found, values)


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

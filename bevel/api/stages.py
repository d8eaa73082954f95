"""Looking at a jitted function in between: traced, lowered, compiled."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from bevel.api import layouts
from bevel.api.flat import Flat, argument_names, name_of, named_after
from bevel.api.letters import with_letters
from bevel.api.structs import struct_of
from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError
from bevel.base.lattice import lattice_result
from bevel.base.words import kind_of
from bevel.core import printing
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.source import user_line
from bevel.core.staging import stage
from bevel.core.trace import Tracer, get_aval, state
from bevel.core.tree_difference import describe_mismatch
from bevel.engine import client, portable
from bevel.engine.client import default_device, platform_of, single
from bevel.engine.dispatch import cached_call, result_of
from bevel.engine.pytree import call_tree_of, flatten
from bevel.transforms.evaluate import arguments, compile_program, needs_python, place_argument
from bevel.transforms.lower import lower as lower_program
from bevel.transforms.orders import check_given, layout_of, orders_for
from bevel.transforms.running import execute, fastpath
from bevel.transforms.simplify import pruned

print_jaxpr = printing.print_jaxpr  # loaded with this module, so that every jaxpr prints


CompilerOptions = dict[str, Any]


@runtime_checkable
class Wrapped(Protocol):
    """What `jit` gives: a function that can be traced and lowered for some arguments without running it.

    >>> import bevel, bevel.stages
    >>> isinstance(bevel.jit(lambda x: x), bevel.stages.Wrapped)
    True
    """

    def __call__(self, *args, **kwargs): ...

    def trace(self, *args, **kwargs) -> Traced: ...

    def lower(self, *args, **kwargs) -> Lowered: ...


@dataclass(frozen=True)
class ArgInfo:
    """An argument of a program: its shape and dtype, and whether its memory is given away."""

    _aval: ShapedArray
    donated: bool

    shape = property(lambda self: self._aval.shape)
    dtype = property(lambda self: self._aval.dtype)


@dataclass
class Signature:
    """What goes into a program and what comes out.

    in_avals, out_avals   leaf by leaf; in_avals with those of Python values that became static
    donated               for each leaf of the arguments: is its memory given away?
    kept                  which leaves the compiled program takes
    arg_names             a name for each leaf, for letters
    """

    name: str
    in_tree: Any
    out_tree: Any
    in_avals: list
    out_avals: list
    donated: list
    kept: list
    arg_names: list


def _signature_of(jitted, record, args, kwargs) -> Signature:
    in_avals = list(record.closed.in_avals[len(record.outer) :])
    names = list(record.arg_names or [f"leaf {i}" for i in range(len(in_avals))])
    marks = jitted.donated_leaves(record, args, kwargs) or [False] * len(in_avals)
    kept = list(record.kept or [True] * len(record.closed.in_avals))[len(record.outer) :]
    if record.by_value:
        leaves = flatten(jitted.split(args, kwargs)[:2])[0]
        for i in record.by_value:
            in_avals.insert(i, get_aval(leaves[i]) if type(leaves[i]) is not str else None)
            names.insert(i, "a static value")
            marks.insert(i, False)
            kept.insert(i, False)
    return Signature(
        jitted.name, record.in_tree, record.out_tree, in_avals, record.closed.out_avals, marks, kept, names
    )


class _Stage:
    """What every stage can tell of its program."""

    _signature: Signature

    in_tree = property(lambda self: self._signature.in_tree)
    out_tree = property(lambda self: self._signature.out_tree)

    @property
    def in_avals(self):
        """The avals of the arguments, as a tree (args, kwargs)."""
        return self.in_tree.unflatten(self._signature.in_avals)

    @property
    def args_info(self):
        """An `ArgInfo` for each leaf of the arguments, as a tree (args, kwargs)."""
        of = self._signature
        return self.in_tree.unflatten([ArgInfo(a, bool(d)) for a, d in zip(of.in_avals, of.donated, strict=True)])

    @property
    def out_info(self):
        """The shapes and dtypes of the value, as a tree of `ShapeDtypeStruct`s."""
        return self.out_tree.unflatten([struct_of(a) for a in self._signature.out_avals])

    @property
    def donate_argnums(self) -> tuple[int, ...]:
        """Which leaves of the arguments are given away, by number."""
        return tuple([i for i, d in enumerate(self._signature.donated) if d])


class Traced(_Stage):
    """A function traced for some arguments: `jaxpr`, `out_info`, `lower()`.

    >>> import bevel
    >>> traced = bevel.jit(lambda x: {"double": 2 * x}).trace(1.5)
    >>> traced.out_info, traced.fun_name
    ({'double': ShapeDtypeStruct(shape=(), dtype=float32, weak_type=True)}, '<lambda>')
    """

    def __init__(self, jitted, record, args, kwargs):
        self._jitted = jitted
        self._record = record
        self._args = args, kwargs
        self.fun_name = jitted.name

    @property
    def _signature(self):
        return _signature_of(self._jitted, self._record, *self._args)

    jaxpr = property(lambda self: self._record.closed)
    out_avals = property(lambda self: self.out_tree.unflatten(self._record.closed.out_avals))

    def lower(self, *, lowering_platforms=None, _private_parameters=None) -> Lowered:
        """Writes the program in StableHLO, for the platform it runs on or another one ("cuda", "tpu", "cpu")."""
        jitted, record = self._jitted, self._record
        if record.outer:
            raise BevelError(f"{jitted.name} closes over a traced value and cannot be lowered by itself.")
        if record.pruned is None:
            record.pruned, record.kept = pruned(record.closed, jitted.keep_unused)
        args, kwargs = self._args
        marks = jitted.donated_leaves(record, args, kwargs)
        kept = [m for m, k in zip(marks, record.kept, strict=True) if k] if marks else []
        donated = tuple([p for p, m in enumerate(kept) if m])
        return Lowered(jitted, record, self._signature, donated, lowering_platforms, *self._layout())

    def _layout(self):
        """How the program lies over several devices, None on one; and the orders that are not by rows, or None."""
        jitted, record = self._jitted, self._record
        args, kwargs = self._args
        wanted, results, orders = jitted.placements(record, args, kwargs)
        leaves = flatten(jitted.split(args, kwargs)[:2])[0]
        dynamic = [x for i, x in enumerate(leaves) if i not in record.by_value]
        taken = [x for x, k in zip(dynamic, record.kept, strict=True) if k]
        orders = orders_for(jitted.name, taken, orders)
        if not client.meshes_in_use:
            return None, orders
        from bevel.transforms import spread  # loaded where a program names a mesh

        return spread.layout_for(record.pruned, taken, wanted, results), orders


class Lowered(_Stage):
    """A program in StableHLO. `as_text()`, `compile()`, `cost_analysis()`.

    >>> import bevel
    >>> lowered = bevel.jit(lambda x: 2 * x).lower(1.5)
    >>> "stablehlo.multiply" in lowered.as_text(), "multiply(" in lowered.as_text("hlo")
    (True, True)
    >>> print(lowered.compile()(3.0))
    6.0
    """

    def __init__(self, jitted, record, signature, donated, platforms=None, layout=None, orders=None):
        self._jitted = jitted
        self._record = record
        self._signature = signature
        self._donated = donated
        self._layout = layout
        self._orders = orders
        device = (jitted.chosen_device() or default_device()) if layout is None else layout.devices[0]
        platform = platforms[0] if platforms else platform_of(device)
        self._device = device
        self._platform = platform
        name = "jit_" + jitted.name
        key = (platform, donated, layout, orders, settings.trace_key())
        if record.lowered is None or record.lowered[0] != key or record.pruned.effects:
            module = lower_program(record.pruned, name, platform, donated, layout=layout, orders=orders)
            record.lowered = key, module
        self._module = record.lowered[1]

    def as_text(self, dialect: str | None = None, *, debug_info: bool = False) -> str:
        """The program as text: dialect "stablehlo" (the default), or "hlo", before any optimisation.

        debug_info   with the user's lines and the names of scopes
        """
        if dialect in (None, "stablehlo"):
            return self._module.module.operation.get_asm(enable_debug_info=debug_info)
        if dialect == "hlo":
            return portable.hlo_text(self.compiler_ir("hlo"), debug_info)
        raise self._unknown(dialect)

    def compiler_ir(self, dialect: str | None = None):
        """The program itself: an MLIR module ("stablehlo", the default), or XLA's computation ("hlo")."""
        if dialect in (None, "stablehlo"):
            return self._module.module
        if dialect == "hlo":
            return portable.to_hlo(self._module.module)
        raise self._unknown(dialect)

    def _unknown(self, dialect):
        return ValueError(f"A lowered program is written in the dialects 'stablehlo' and 'hlo'; got {dialect!r}.")

    def cost_analysis(self) -> dict[str, float]:
        """Flops and bytes of the program before optimisation, as XLA counts them."""
        return portable.cost(self.compiler_ir("hlo"), self._device.platform)

    def compile(self, compiler_options: CompilerOptions | None = None, *, device_assignment=None) -> Compiled:
        """Compiles it, or finds it compiled. `compiler_options` are XLA's, by name."""
        if self._platform != platform_of(self._device):
            raise PlatformError(
                f"{self._jitted.name} was lowered for {self._platform} and cannot be compiled here, on "
                f"{platform_of(self._device)}.\nLower it without lowering_platforms, or look at it with as_text()."
            )
        overrides = {**(self._jitted.compiler_options or {}), **(compiler_options or {})}
        executable = compile_program(
            self._record.pruned, self._device, self._layout is not None, self._donated, overrides or None,
            self._module, self._layout, self._orders,
        )  # fmt: skip
        return Compiled(self._signature, executable, self._device, self._jitted)


class PlatformError(BevelError, ValueError):
    """A program for one platform was to be compiled or run on another."""


class ArgumentMismatchError(BevelError, TypeError, ValueError):
    """A compiled program was called with other arguments than it was compiled for."""


class Compiled(_Stage):
    """A compiled program: call it with arguments of the shapes and dtypes it was made for.

    raises ArgumentMismatchError where they differ

    >>> import bevel, bevel.numpy as jnp
    >>> compiled = bevel.jit(lambda x: x + 1).lower(bevel.ShapeDtypeStruct((3,), jnp.float32)).compile()
    >>> print(compiled(jnp.zeros(3)))
    [1. 1. 1.]
    """

    def __init__(self, signature, executable, device, jitted=None):
        self._signature = signature
        self._executable = executable
        self._device = device
        self._jitted = jitted
        self._written: bytes | None = None  # what it was loaded from
        traced = named_after(jitted.function if jitted else self._miss)(result_of(self._miss))
        call = cached_call(signature.name, traced, self._miss, place_argument)
        self._call = with_letters(call, jitted) if any(signature.donated) else call

    @property
    def input_shardings(self):
        """Where each argument is taken, as a tree (args, kwargs); None for what the program does not use."""
        laid = iter(self._executable.in_shardings or itertools.repeat(single(self._device)))
        return self.in_tree.unflatten([next(laid) if k else None for k in self._signature.kept])

    @property
    def output_shardings(self):
        """Where each result is, as a tree like the value."""
        return self.out_tree.unflatten(self._executable.out_shardings)

    @property
    def input_formats(self):
        """How each argument lies in memory and where, as a tree (args, kwargs) of `Format`s.

        >>> import bevel, bevel.numpy as jnp
        >>> compiled = bevel.jit(lambda x: x.T).lower(jnp.ones((2, 3))).compile()
        >>> compiled.input_formats[0][0].layout.major_to_minor
        (0, 1)
        """
        of = self._executable
        given = map(layout_of, of.loaded.get_parameter_layouts()[len(of.hidden) :])
        given = zip(given, of.in_shardings or itertools.repeat(single(self._device)), strict=False)
        return self.in_tree.unflatten(
            [layouts.Format(*next(given)) if k else layouts.Format() for k in self._signature.kept]
        )

    @property
    def output_formats(self):
        """How each result lies in memory and where, as a tree like the value."""
        given = map(layout_of, self._executable.loaded.get_output_layouts())
        return self.out_tree.unflatten(
            [layouts.Format(x, s) for x, s in zip(given, self._executable.out_shardings, strict=True)]
        )

    def as_text(self) -> str:
        """The optimised HLO."""
        return "\n".join([m.to_string() for m in self._executable.loaded.hlo_modules()])

    def cost_analysis(self):
        """Flops and bytes, as XLA counts them."""
        found = self._executable.loaded.cost_analysis()
        return found[0] if isinstance(found, list) else found

    def memory_analysis(self):
        """Bytes of arguments, results, temporaries and code."""
        return self._executable.loaded.get_compiled_memory_stats()

    def runtime_executable(self):
        return self._executable.loaded

    @property
    def compiler_choice(self):
        """The compiler options chosen for this program, with the reason of each."""
        return self._executable.choice

    def __call__(self, *args, **kwargs):
        return self._call(*args, **kwargs)

    def call(self, *args, **kwargs):
        """Runs the program: the same as calling this object."""
        return self._call(*args, **kwargs)

    def _miss(self, *args, **kwargs):
        """A call that C++ does not know: checked against what the program was compiled for, and run."""
        of = self._signature
        leaves, tree = flatten((args, kwargs))
        if tree != of.in_tree and self._jitted is not None:
            # static arguments were given at lowering, and may be given again
            leaves, tree = flatten(self._jitted.split(args, kwargs)[:2])
        if tree != of.in_tree:
            raise ArgumentMismatchError(
                f"The compiled {of.name} was called with arguments of another structure{user_line(' at {}')}.\n"
                + describe_mismatch(of.in_tree, (args, kwargs), "what it was compiled for", "the call")
            )
        if any([isinstance(x, Tracer) for x in leaves]):
            raise ArgumentMismatchError(
                f"The compiled {of.name} cannot be transformed: it was given a traced value.\n"
                "Transform the function it was made of."
            )
        wrong = []
        for leaf, aval, name in zip(leaves, of.in_avals, of.arg_names, strict=True):
            if aval is None:
                continue
            got = get_aval(leaf)
            if (got.shape, got.dtype) != (aval.shape, aval.dtype) and not _becomes(got, aval):
                wrong.append(f"  {name}: compiled for {_words(aval)}, called with {_words(got)}")
        if wrong:
            more = [f"  and {len(wrong) - 4} more"] if len(wrong) > 4 else []
            raise ArgumentMismatchError(
                f"The compiled {of.name} was called with arguments of other shapes or dtypes{user_line(' at {}')}.\n"
                + "\n".join([*wrong[:4], *more])
                + "\nCall the jitted function itself, which compiles for each; or lower it for these."
            )
        kept = of.kept
        taken = leaves if all(kept) else [x for x, k in zip(leaves, kept, strict=True) if k]
        if client.orders_in_use:
            check_given(of.name, taken, self._executable.in_orders)
        arrays = arguments(self._executable, taken, self._device)
        by_python = needs_python(taken, arrays)
        result = of.out_tree.unflatten(execute(self._executable, arrays))
        again = None
        # C++ may run the program by itself where it sees the leaves that we see, each of the dtype compiled for
        fits = [a is not None and get_aval(x).dtype == a.dtype for x, a in zip(leaves, of.in_avals, strict=True)]
        if not by_python and all(fits) and call_tree_of((args, kwargs))[0] == len(leaves):
            again = fastpath(self._executable, result, self._device, False, taken, kept)
        return result, again, False


def _becomes(got, aval) -> bool:
    """Is it a Python number that takes on the other's dtype beside it? An int beside floats, no float beside ints."""
    if got.shape != aval.shape or not got.weak_type:
        return False
    return lattice_result(((got.dtype, True), (aval.dtype, False)))[0] == aval.dtype


def _words(aval):
    return aval.str_short(short_dtypes=False)


def trace(jitted, *args, **kwargs) -> Traced:
    """Traces a jitted function for these arguments (arrays or ShapeDtypeStructs)."""
    record, _ = jitted.trace(args, kwargs)
    return Traced(jitted, record, args, kwargs)


def lower(jitted, *args, **kwargs) -> Lowered:
    """Traces and lowers a jitted function for these arguments."""
    return trace(jitted, *args, **kwargs).lower()


def eval_shape_of(jitted, *args, **kwargs):
    return trace(jitted, *args, **kwargs).out_info


def eval_shape(fun, *args, **kwargs):
    """The shapes and dtypes of fun's value, without computing anything.

    >>> import bevel, bevel.numpy as jnp
    >>> bevel.eval_shape(jnp.dot, jnp.ones((2, 3)), bevel.ShapeDtypeStruct((3, 4), jnp.float32))
    ShapeDtypeStruct(shape=(2, 4), dtype=float32)
    """
    if not callable(fun):
        raise TypeError(f"eval_shape needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")
    leaves, in_tree = flatten((args, kwargs))
    flat = Flat(fun, in_tree)
    jaxpr, _ = stage(flat, [get_aval(x) for x in leaves], name_of(fun), argument_names(fun, args, kwargs))
    return flat.out_tree.unflatten([struct_of(a) for a in jaxpr.out_avals])


def make_jaxpr(fun, static_argnums=(), axis_env=None, return_shape=False):
    """A function that gives the jaxpr of fun for its arguments.

    static_argnums  arguments that are Python objects
    axis_env        (name, size) of mapped axes that fun speaks to by name
    return_shape    gives (jaxpr, tree of the shapes and dtypes of fun's value)

    >>> import bevel
    >>> bevel.make_jaxpr(lambda x: x * 2.0)(1.0)
    { lambda ; a:f32[]. let b:f32[] = mul a 2.0:f32[] in (b,) }
    """
    if not callable(fun):
        raise TypeError(f"make_jaxpr needs a function; it was given {kind_of(fun)}: {str(fun)[:60]}")
    positions = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)

    def jaxpr_of(*args, **kwargs):
        fixed = {n % len(args): args[n] for n in positions}
        dynamic = tuple([a for i, a in enumerate(args) if i not in fixed])
        leaves, in_tree = flatten((dynamic, kwargs))

        def run(*rest, **keywords):
            given = iter(rest)
            return fun(*[fixed[i] if i in fixed else next(given) for i in range(len(args))], **keywords)

        flat = Flat(run if fixed else fun, in_tree)
        held = tuple([() if i in fixed else a for i, a in enumerate(args)])
        avals, names = [get_aval(x) for x in leaves], argument_names(fun, held, kwargs)
        bound, state.axes = state.axes, (*state.axes, *[(n, s) for n, s in axis_env or ()])
        try:
            jaxpr, consts = stage(flat, avals, name_of(fun), names)
        finally:
            state.axes = bound
        closed = ClosedJaxpr(jaxpr, consts)
        if return_shape:
            return closed, flat.out_tree.unflatten([struct_of(a) for a in closed.out_avals])
        return closed

    jaxpr_of.__name__ = f"make_jaxpr({name_of(fun)})"
    return jaxpr_of


__all__ = [
    "ArgInfo", "ArgumentMismatchError", "Compiled", "CompilerOptions", "Lowered", "PlatformError",
    "Traced", "Wrapped", "eval_shape", "make_jaxpr",
]  # fmt: skip

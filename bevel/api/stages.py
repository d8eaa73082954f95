"""Looking at a jitted function in between: traced, lowered, compiled."""

from __future__ import annotations

from typing import Any

from bevel.api.flat import Flat, argument_names, name_of
from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError
from bevel.core import printing
from bevel.core.jaxpr import ClosedJaxpr
from bevel.core.staging import stage
from bevel.core.trace import Tracer, aval_of_type, get_aval
from bevel.core.tree_difference import describe_mismatch
from bevel.engine.client import default_device, single
from bevel.engine.dispatch import cached_call
from bevel.engine.pytree import call_tree_of, flatten
from bevel.transforms.evaluate import compile_program, execute, fastpath, on_device, place_argument, translated
from bevel.transforms.lower import lower as lower_program
from bevel.transforms.simplify import pruned

print_jaxpr = printing.print_jaxpr  # loaded with this module, so that every jaxpr prints


class ShapeDtypeStruct:
    """A stand-in for an array: its shape and dtype, for tracing without data."""

    __slots__ = ("dtype", "shape", "sharding", "vma", "weak_type")

    def __init__(self, shape, dtype, *, sharding=None, weak_type=False, vma=None, is_ref=False):
        if dtype is None:
            raise ValueError("ShapeDtypeStruct needs a dtype; it was given None.")
        aval = ShapedArray(tuple(shape), dtype, weak_type)
        self.shape, self.dtype, self.weak_type = aval.shape, aval.dtype, aval.weak_type
        self.sharding = sharding
        self.vma = vma

    size = property(lambda self: ShapedArray(self.shape, self.dtype).size)
    ndim = property(lambda self: len(self.shape))
    aval = property(lambda self: ShapedArray(self.shape, self.dtype, self.weak_type))

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of a ShapeDtypeStruct of rank 0: it has no first axis.")
        return self.shape[0]

    def update(self, **changes) -> ShapeDtypeStruct:
        """The struct that differs from this one in the fields named."""
        fields: dict[str, Any] = {
            "shape": self.shape,
            "dtype": self.dtype,
            "sharding": self.sharding,
            "weak_type": self.weak_type,
            "vma": self.vma,
        }
        fields.update(changes)
        return ShapeDtypeStruct(fields.pop("shape"), fields.pop("dtype"), **fields)

    def __eq__(self, other):
        return isinstance(other, ShapeDtypeStruct) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def _key(self):
        return self.shape, self.dtype, self.weak_type, self.sharding

    def __repr__(self):
        weak = ", weak_type=True" if self.weak_type else ""
        sharding = f", sharding={self.sharding}" if self.sharding is not None else ""
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}{weak}{sharding})"


aval_of_type[ShapeDtypeStruct] = lambda struct: ShapedArray(struct.shape, struct.dtype, struct.weak_type)
aval_of_type[ShapedArray] = lambda aval: aval


def struct_of(aval) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


class Traced:
    """A function traced for some arguments. `jaxpr`, `out_info`, `lower()`."""

    def __init__(self, jitted, record, args, kwargs):
        self._jitted = jitted
        self._record = record
        self._args = args, kwargs
        self.fun_name = jitted.name
        self.args_info = record.in_tree.unflatten([struct_of(a) for a in record.closed.in_avals[len(record.outer) :]])

    jaxpr = property(lambda self: self._record.closed)
    in_avals = property(lambda self: tuple(self._record.closed.in_avals))
    out_avals = property(lambda self: tuple(self._record.closed.out_avals))
    in_tree = property(lambda self: self._record.in_tree)
    out_tree = property(lambda self: self._record.out_tree)

    @property
    def out_info(self):
        return self._record.out_tree.unflatten([struct_of(a) for a in self._record.closed.out_avals])

    def lower(self, *, lowering_platforms=None, _private_parameters=None) -> Lowered:
        """Writes the program in StableHLO."""
        jitted, record = self._jitted, self._record
        if record.outer:
            raise BevelError(f"{jitted.name} closes over a traced value and cannot be lowered by itself.")
        if record.pruned is None:
            record.pruned, record.kept = pruned(record.closed, jitted.keep_unused)
        args, kwargs = self._args
        marks = jitted.donated_leaves(record, args, kwargs)
        kept = [m for m, k in zip(marks, record.kept, strict=True) if k] if marks else []
        donated = tuple([p for p, m in enumerate(kept) if m])
        return Lowered(jitted, record, donated, lowering_platforms)


class Lowered:
    """A program in StableHLO. `as_text()`, `compile()`, `cost_analysis()`."""

    def __init__(self, jitted, record, donated, platforms=None):
        self._jitted = jitted
        self._record = record
        self._donated = donated
        device = jitted.device or default_device()
        platform = platforms[0] if platforms else device.platform
        self._device = device
        self._module = lower_program(record.pruned, "jit_" + jitted.name, platform, donated)

    in_tree = property(lambda self: self._record.in_tree)
    out_tree = property(lambda self: self._record.out_tree)

    @property
    def args_info(self):
        return self._record.in_tree.unflatten([struct_of(a) for a in self._record.closed.in_avals])

    @property
    def out_info(self):
        return self._record.out_tree.unflatten([struct_of(a) for a in self._record.closed.out_avals])

    def as_text(self, dialect: str | None = None, *, debug_info: bool = False) -> str:
        """The program as text: dialect "stablehlo" (the default) or "hlo"."""
        if dialect in (None, "stablehlo"):
            return self._module.module.operation.get_asm(enable_debug_info=debug_info)
        if dialect == "hlo":
            return self.compile().as_text()
        raise ValueError(f"as_text knows the dialects 'stablehlo' and 'hlo'; got {dialect!r}.")

    def compiler_ir(self, dialect: str | None = None):
        """The MLIR module itself."""
        return self._module.module if dialect in (None, "stablehlo") else None

    def cost_analysis(self):
        return self.compile().cost_analysis()

    def compile(self, compiler_options=None, *, device_assignment=None) -> Compiled:
        """Compiles it, or finds it compiled."""
        overrides = {**(self._jitted.compiler_options or {}), **(compiler_options or {})}
        executable = compile_program(self._record.pruned, self._device, False, self._donated, overrides or None)
        return Compiled(self._jitted, self._record, executable, self._device)


class Compiled:
    """A compiled program: call it with arguments of the shapes and dtypes it was made for."""

    def __init__(self, jitted, record, executable, device):
        self._jitted = jitted
        self._record = record
        self._executable = executable
        self._device = device
        call = cached_call(jitted.name, jitted.function, self._miss, place=place_argument)
        self._call = with_letters(call, jitted) if jitted.donate_argnums or jitted.donate_argnames else call

    in_tree = property(lambda self: self._record.in_tree)
    out_tree = property(lambda self: self._record.out_tree)
    out_avals = property(lambda self: tuple(self._record.closed.out_avals))
    in_avals = property(lambda self: tuple(self._record.closed.in_avals))

    @property
    def args_info(self):
        return self._record.in_tree.unflatten([struct_of(a) for a in self._record.closed.in_avals])

    @property
    def out_info(self):
        return self._record.out_tree.unflatten([struct_of(a) for a in self._record.closed.out_avals])

    @property
    def input_shardings(self):
        sharding = single(self._device)
        return self._record.in_tree.unflatten([sharding] * len(self._record.closed.in_avals))

    @property
    def output_shardings(self):
        return self._record.out_tree.unflatten(self._executable.out_shardings)

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

    def _miss(self, *args, **kwargs):
        """A call that C++ does not know: checked against what the program was compiled for, and run."""
        dynamic, rest = args, kwargs  # static arguments were given at lowering, and may be given again
        if flatten((args, kwargs))[1] != self._record.in_tree:
            dynamic, rest, _ = self._jitted.split(args, kwargs)
        leaves, tree = flatten((dynamic, rest))
        if tree != self._record.in_tree:
            raise TypeError(
                f"The compiled {self._jitted.name} was called with arguments of another structure.\n"
                + describe_mismatch(self._record.in_tree, (dynamic, rest), "compiled for", "called with")
            )
        if any([isinstance(x, Tracer) for x in leaves]):
            raise TypeError(
                f"The compiled {self._jitted.name} cannot be transformed: it was given a traced value.\n"
                "Transform the function it was made of."
            )
        for i, (leaf, aval) in enumerate(zip(leaves, self._record.closed.in_avals, strict=True)):
            got = get_aval(leaf)
            if (got.shape, got.dtype) != (aval.shape, aval.dtype) and not (got.shape == aval.shape and got.weak_type):
                raise TypeError(
                    f"The compiled {self._jitted.name} takes {aval.str_short()} as "
                    f"{(self._record.arg_names or [f'leaf {i}'])[i]}; got {got.str_short()}."
                )
        kept = self._record.kept
        taken = leaves if all(kept) else [x for x, k in zip(leaves, kept, strict=True) if k]
        arrays = [on_device(x, a, self._device) for x, a in zip(taken, self._executable.in_avals, strict=True)]
        result = self._record.out_tree.unflatten(execute(self._executable, arrays))
        again = None
        # C++ may run the program by itself where it sees the leaves that we see, each of the dtype compiled for
        if call_tree_of((args, kwargs))[0] == len(leaves) and all(
            [get_aval(x).dtype == a.dtype for x, a in zip(leaves, self._record.closed.in_avals, strict=True)]
        ):
            again = fastpath(self._executable, result, self._device, False, kept)
        return result, again, False


def with_letters(call, jitted):
    """The call, with the errors that C++ raises before Python hears of it made readable. It costs 0.2 µs, so only those
    functions have it whose options make such errors likely."""

    def checked(*args, **kwargs):
        try:
            return call(*args, **kwargs)
        except ValueError as error:
            text = str(error)
            if "Non-hashable static arguments" in text:
                jitted.split(args, kwargs)
            elif "deleted or donated" in text:
                raise translated(error) from None
            raise

    return checked


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
    leaves, in_tree = flatten((args, kwargs))
    flat = Flat(fun, in_tree)
    jaxpr, _ = stage(flat, [get_aval(x) for x in leaves], name_of(fun), argument_names(fun, args, kwargs))
    return flat.out_tree.unflatten([struct_of(a) for a in jaxpr.out_avals])


def make_jaxpr(fun, static_argnums=(), axis_env=None, return_shape=False, abstracted_axes=None):
    """A function that gives the jaxpr of fun for its arguments.

    >>> import bevel
    >>> bevel.make_jaxpr(lambda x: x * 2.0)(1.0)
    { lambda ; a:f32[]. let b:f32[] = mul a 2.0:f32[] in (b,) }
    """
    if not callable(fun):
        raise TypeError(f"make_jaxpr needs a function; it was given a {type(fun).__name__}: {str(fun)[:60]}")
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
        jaxpr, consts = stage(flat, [get_aval(x) for x in leaves], name_of(fun), argument_names(fun, held, kwargs))
        closed = ClosedJaxpr(jaxpr, consts)
        if return_shape:
            return closed, flat.out_tree.unflatten([struct_of(a) for a in closed.out_avals])
        return closed

    jaxpr_of.__name__ = f"make_jaxpr({name_of(fun)})"
    return jaxpr_of


__all__ = ["Compiled", "Lowered", "ShapeDtypeStruct", "Traced", "eval_shape", "make_jaxpr"]

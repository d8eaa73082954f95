"""Python functions called by a program while it runs: pure_callback, io_callback, debug_callback, debug_print.

Applied outside of any program they are called at once. In a program they are host callbacks of the engine, which gives
them NumPy arrays on the program's memory; the functions here take flat lists and do what the user's function wants.
Mapped over a batch, a function that is called once for each example loops on the host: the program crosses over once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.base.errors import BevelError, NonDifferentiableError, UnexpectedTracerError
from bevel.core import effects
from bevel.core.keys import is_key
from bevel.core.primitive import Primitive, primitive
from bevel.core.source import user_line
from bevel.core.trace import Tracer, get_aval
from bevel.engine import callbacks
from bevel.engine.builder import mlir, parsed, physical, type_of
from bevel.engine.client import Array, put
from bevel.ops.shapes import in_front, mapped_in_front, mapped_size, to_front
from bevel.transforms.order import ORDER

VMAP_METHODS = ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all", "legacy_vectorized")
ALWAYS_IN_FRONT = ("expand_dims", "broadcast_all")  # they give every operand the mapped axis


class CallbackError(BevelError, ValueError):
    """A transformation was asked of a callback that it cannot see into.

    Fails:  `grad(lambda x: pure_callback(np.sin, x, x))(1.0)`.
    Mended: give the function its derivative by `custom_jvp` or `custom_vjp`; `stop_gradient(x)` where it has none.
    """


class UnmappableCallbackError(CallbackError, NotImplementedError):
    """vmap met a callback that does not say how it is mapped.

    Fails:  `vmap(lambda x: pure_callback(np.sin, x, x))(xs)`.
    Mended: `pure_callback(np.sin, x, x, vmap_method="expand_dims")` for a function that takes whole batches, or
    `"sequential"` for one that takes one example.
    """


class HostFunction:
    """A function on flat host arrays, known by the user's function behind it."""

    __slots__ = ("function", "name")

    def __init__(self, function, name):
        self.function = function
        self.name = name

    def __call__(self, *arrays):
        return self.function(*arrays)

    def __repr__(self):
        return f"<host function {self.name}>"


class OneByOne(HostFunction):
    """Calls a function for one example after another.

    held     what the function gives for one
    depths   for each operand how many axes stand in front of that of the examples, None where it has none; `depth`
             for results. vmap around `shard_map` adds some, for a function that takes whole batches
    """

    __slots__ = ("depth", "depths", "each", "held", "size")

    def __init__(self, function, name, held, size, depths, depth=0):
        super().__init__(function, name)
        self.held, self.size, self.depths, self.depth = held, size, depths, depth
        table = callbacks.CallbackTable()
        table.add(function, held, name)
        [self.each] = table.callables

    def __call__(self, *arrays):
        rows = [np.empty((self.size, *a.shape), a.dtype) for a in self.held]
        for i in range(self.size):
            given = self.each(
                *[x if d is None else x[(*[slice(None)] * d, i)] for x, d in zip(arrays, self.depths, strict=True)]
            )
            for row, value in zip(rows, given, strict=True):
                row[i] = value
        return [np.moveaxis(row, 0, self.depth) for row in rows]

    def under(self, added, size):
        """The same with one more axis, of that size, in front of the operands marked and of all results."""
        function = self.function.under(added, size) if isinstance(self.function, OneByOne) else self.function
        held = [a.with_shape((size, *a.shape)) for a in self.held]
        depths = tuple([None if d is None else d + more for d, more in zip(self.depths, added, strict=True)])
        return OneByOne(function, self.name, held, self.size, depths, self.depth + 1)


class FlatCallback:
    """The user's function on flat host arrays, called with arrays in the tree of its arguments.

    Two of one function and tree are equal, so that programs which call them are found again.
    """

    __slots__ = ("callback_func", "check", "in_tree", "name")

    def __init__(self, callback_func, in_tree, name, check=None):
        self.callback_func = callback_func
        self.in_tree = in_tree
        self.name = name
        self.check = check  # what it gives → a flat list; None: nothing is wanted of it

    def __call__(self, *arrays):
        args, kwargs = self.in_tree.unflatten([to_array(x) for x in arrays])
        result = self.callback_func(*args, **kwargs)
        return () if self.check is None else self.check(result)

    def __eq__(self, other):
        return isinstance(other, FlatCallback) and (self.callback_func, self.in_tree, self.check) == (
            other.callback_func, other.in_tree, other.check
        )  # fmt: skip

    def __hash__(self):
        return hash((FlatCallback, id(self.callback_func), self.in_tree))

    def __repr__(self):
        return f"_FlatCallback(callback_func={self.callback_func}, in_tree={self.in_tree})"


class Held:
    """A Python object among an op's parameters: equal to itself and to what equals it, hashable whatever it is."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Held) and (self.value is other.value)

    def __hash__(self):
        return hash((Held, type(self.value)))

    def __repr__(self):
        return repr(self.value)


def arranged(vmap_method, operands, axes):
    """Operands as a function of whole batches takes them."""
    if vmap_method == "broadcast_all":
        return in_front(operands, axes)
    if vmap_method == "expand_dims":
        return [to_front(x, a, 1) for x, a in zip(operands, axes, strict=True)]
    return mapped_in_front(operands, axes)


class EachDeviceApart(Primitive):
    """Ops of which each device's part is a call of its own, along the mesh axes of `shard_map` and `pmap`: `along`."""

    along = ()  # type: tuple
    axis_names = property(lambda self: self.along)

    def one_by_one(self, operands, axes):
        """(results, their mapped axes) of a call for each example, in order."""
        raise NotImplementedError

    def batch_named(self, axis_name, size, operands, axes):
        op = self.replace(along=tuple([other for other in self.along if other != axis_name]))
        if all([axis is None for axis in axes]):
            return op(*operands), [None] * len(self.result_avals)
        return op.one_by_one(operands, axes)

    def printed(self):
        return [row for row in super().printed() if row[0] != "along"]


class Callback(EachDeviceApart):
    """Ops that call Python. `function(*arrays)` gives a flat list of results, of the shapes in `result_avals`."""

    multiple_results = True
    kind = "callbacks"
    holds_programs = True  # they hold the user's function: not kept in a table
    knows_keys = True  # in a program its function is shown the words of keys, elsewhere keys: as in JAX

    result_avals = ()  # type: tuple  # not annotated: that would make it a parameter here already

    @property
    def function(self):
        return self.callback

    @property
    def what(self) -> str:
        return f"{self.name} of {getattr(self.function, 'name', 'a function')}"

    @property
    def has_side_effect(self) -> bool:
        return bool(self.effects)

    def infer(self, *avals):
        return list(self.result_avals)

    # ---- outside of any program: at once

    @property
    def call(self):
        return self.at_once

    def at_once(self, *operands):
        for x in operands:
            if isinstance(x, Tracer):
                raise UnexpectedTracerError(
                    f"{self.what} was given {x.described()}{user_line(' at {}')}, which belongs to a transformation "
                    "that is not running here.\nPass the value as an argument of the transformed function."
                )
        arrays = [x if is_key(x) else np.asarray(x, held_dtype(get_aval(x))) for x in operands]
        return [self.placed(value, aval) for value, aval in zip(self.given(arrays), self.result_avals, strict=True)]

    def given(self, arrays):
        """What the function gives, checked; its exceptions pass as they are."""
        table = callbacks.CallbackTable()
        table.add(self.function, [physical(a) for a in self.result_avals], self.called)
        try:
            return table.callables[0](*arrays)
        except Exception as error:
            raise callbacks.original(error) or error from None

    @property
    def called(self) -> str:
        return getattr(self.function, "name", "function")

    @staticmethod
    def placed(value, aval):
        return put(aval.strip_weak_type(), value)

    # ---- derivatives: it has none

    @property
    def is_differentiable(self):
        return not all(a.to_tangent_aval().dtype == dtypes.float0 for a in self.result_avals)

    def jvp(self, primals, tangents):
        raise NonDifferentiableCallbackError(
            f"A derivative was asked of {self.what}, a Python function that Bevel cannot see into.\n"
            "Give it a derivative by bevel.custom_jvp or bevel.custom_vjp around the call,\n"
            "or stop the derivative before it: lax.stop_gradient(x)."
        )

    # ---- batching

    def mapped(self, function, result_avals):
        """The same op with another function and other results."""
        return self.replace(callback=function, result_avals=result_avals)

    def batch(self, operands, axes):
        return self.one_by_one(operands, axes)

    def one_by_one(self, operands, axes):
        """A loop on the host, so that the program crosses over once."""
        size = mapped_size(operands, axes)
        depths = tuple([None if a is None else 0 for a in axes])
        each = OneByOne(self.function, self.called, [physical(a) for a in self.result_avals], size, depths)
        op = self.mapped(each, tuple([a.with_shape((size, *a.shape)) for a in self.result_avals]))
        return op(*mapped_in_front(operands, axes)), [0] * len(self.result_avals)

    # ---- in a program

    def lower(self, out, *values):
        return call_host(out, self.function, out.avals, values, self.called, self.has_side_effect)

    def in_order(self, order, *operands):
        order, *results = InOrder(self)(order, *operands)
        return order, results

    def reference(self, *arrays):
        return list(self.function(*arrays))


class NonDifferentiableCallbackError(CallbackError, NonDifferentiableError):
    """A derivative was asked of a callback. See `CallbackError`."""


def call_host(out, function, avals, values, name, has_side_effect):
    module = out.module
    index = module.callbacks.add(function, [physical(a) for a in avals], name)
    types = [type_of(a) for a in avals]
    if module.layout is not None:
        values = [_whole(out, x) for x in values]
    with mlir.context, out.location, out.point:
        operation = callbacks.custom_call(index, values, types, out.platform, has_side_effect=has_side_effect)
    if module.layout is None:
        return list(operation.results)
    one = f"<@{module.mesh_name(None)}, []>"  # one device calls it, with the whole operands
    each = ", ".join([one] * max(1, len(avals)))
    operation.attributes["sdy.sharding"] = parsed(f"#sdy.sharding_per_value<[{each}]>")
    return [_whole(out, y) for y in operation.results]


def _whole(out, value):
    """The value as every device has all of it. XLA warns of each way to one device and back that it finds by itself."""
    parts = ", ".join(["{}"] * value.type.rank)
    sharding = parsed(f"#sdy.sharding<@{out.module.mesh_name(out.module.layout.mesh)}, [{parts}]>")
    given = mlir.create(
        "sdy.sharding_constraint", [value.type], [value], {"sharding": sharding}, None, 0, out.location, out.point
    )
    return given.result


def held_dtype(aval):
    return physical(aval).dtype


@primitive
class InOrder(Callback):
    """A callback with an effect, tied into the program order: it takes the order value first, and gives it first."""

    inner: Any

    def infer(self, order, *avals):
        return [ORDER, *self.inner.infer(*avals)]

    @property
    def function(self):
        of = self.inner.function

        def ordered(order, *arrays):
            return [order, *(of(*arrays) or ())]

        return HostFunction(ordered, self.inner.called)

    has_side_effect = True


@primitive
class PureCallback(Callback):
    """Calls a function without side effects. It may be called any number of times, or not at all if nobody needs it."""

    callback: Any
    result_avals: tuple
    sharding: Any = None
    vmap_method: str | None = None
    along: tuple = ()

    def batch(self, operands, axes):
        method = self.vmap_method
        if method is None:
            raise UnmappableCallbackError(
                f"vmap met {self.what} without a vmap_method: it does not know how the function takes many examples.\n"
                'Say pure_callback(…, vmap_method="sequential") to call it for one example after another; or\n'
                '"expand_dims" (or "broadcast_all") where it takes arrays with the mapped axis in front.'
            )
        if method in ("sequential", "sequential_unrolled"):
            return super().batch(operands, axes)
        size = mapped_size(operands, axes)
        function = self.callback
        if isinstance(function, OneByOne):
            function = function.under([a is not None or method in ALWAYS_IN_FRONT for a in axes], size)
        avals = tuple([a.with_shape((size, *a.shape)) for a in self.result_avals])
        return self.mapped(function, avals)(*arranged(method, operands, axes)), [0] * len(avals)


@primitive
class IoCallback(Callback):
    """Calls a function with side effects: once, also where nobody reads its results."""

    callback: Any
    result_avals: tuple
    sharding: Any = None
    ordered: bool = False
    along: tuple = ()

    @property
    def effects(self):
        return frozenset([effects.ORDERED_IO if self.ordered else effects.IO])

    def batch(self, operands, axes):
        if self.ordered:
            raise CallbackError(
                f"vmap met {self.what} with ordered=True: the examples of a batch have no order among them.\n"
                "Leave ordered out, or go over the examples with lax.map."
            )
        return super().batch(operands, axes)


@primitive
class DebugCallback(Callback):
    """Calls a function for a look at values; nothing comes back. Derivatives pass it by: it sees the primal values."""

    callback: Any
    effect: Any
    partitioned: bool = False

    is_differentiable = False

    @property
    def effects(self):
        return frozenset([self.effect])

    def mapped(self, function, result_avals):
        return DebugCallback(function, self.effect, self.partitioned)


@primitive
class DebugPrint(Callback):
    """Prints a line. Operands are the arrays among the arguments; `static_args` the rest, by position."""

    fmt: str
    ordered: bool
    partitioned: bool
    in_tree: Any
    static_args: tuple
    np_printoptions: tuple
    has_placeholders: bool
    logging_record: Any = None

    is_differentiable = False

    @property
    def effects(self):
        return frozenset([effects.ORDERED_DEBUG if self.ordered else effects.DEBUG])

    called = "debug.print"

    @property
    def function(self):
        return HostFunction(self.show, "debug.print")

    def show(self, *arrays):
        given = iter(arrays)
        fixed = dict(self.static_args)
        count = self.in_tree.num_leaves
        leaves = [fixed[i].value if i in fixed else to_array(next(given)) for i in range(count)]
        args, kwargs = self.in_tree.unflatten(leaves)
        with np.printoptions(**dict(self.np_printoptions)):
            line = self.fmt.format(*args, **kwargs) if self.has_placeholders else self.fmt
        if self.logging_record is None:
            print(line, flush=True)
        else:
            self.logging_record(line)
        return ()

    def mapped(self, function, result_avals):
        return DebugCallback(function, next(iter(self.effects)), self.partitioned)


def to_array(value) -> Array:
    """A host array as one of Bevel's: callbacks get what the rest of a program computes with. Keys are that already.

    In memory of its own: what the engine shows to a callback is the program's, and used again after it.
    """
    if is_key(value):
        return value
    value = np.asarray(value)
    return put(ShapedArray(value.shape, value.dtype), value)


__all__ = [
    "ALWAYS_IN_FRONT", "VMAP_METHODS", "CallbackError", "DebugCallback", "DebugPrint", "EachDeviceApart",
    "FlatCallback", "Held", "HostFunction", "IoCallback", "PureCallback", "UnmappableCallbackError", "to_array",
]  # fmt: skip

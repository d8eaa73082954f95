"""Evaluation: the outermost interpreter. An op applied to arrays is a compiled program of one equation.

Programs are found three times over: by C++ from the avals of a call, by their structure (two lambdas that trace to
the same equations share one program), and on disk.
"""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict

import numpy as np

from bevel.base import dtypes, settings
from bevel.base.errors import DeviceMismatchError
from bevel.core.effects import CHECK
from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, Var, subprograms
from bevel.core.places import named_by_user
from bevel.core.sharp_edges import narrowed
from bevel.core.source import user_line
from bevel.core.trace import Trace, Tracer, _State, check_alive, get_aval, out_of_place
from bevel.engine import client, forks, guards, room
from bevel.engine import jaxlib_names as names
from bevel.engine.builder import physical
from bevel.engine.client import (
    Array,
    SingleDeviceSharding,
    default_device,
    is_in_usual_memory,
    order_of,
    platform_of,
    put,
    put_parts,
    single,
    to_host,
)
from bevel.engine.dispatch import cached_call, forget_calls
from bevel.engine.jaxlib_names import AbstractArray
from bevel.transforms import key_use, watch
from bevel.transforms.constants import hidden_constants, is_hidden
from bevel.transforms.orders import Layout, Orders, by_rows, lies_otherwise, orders_for, orders_taken
from bevel.transforms.running import execute, fastpath, gone, retell


class EvaluationTrace(Trace):
    """Runs each primitive at once, as a compiled program that C++ finds by the operands' avals."""

    __slots__ = ()
    is_evaluation = True

    def process(self, op, operands):
        call = op.call
        if call is None:
            call = call_of(op)
        try:
            return call(*operands)
        except ValueError as error:
            retell(error)
            raise


EVALUATION = EvaluationTrace()
_State.trace = EVALUATION


_calls: OrderedDict = OrderedDict()
_calls_lock = threading.Lock()
_CALLS_KEPT = 2048


def call_of(op):
    """The cached C++ call that applies an op; equal ops share it."""
    with _calls_lock:
        call = _calls.get(op)
        if call is None:
            call = _calls[op] = cached_call(op.name, op, _miss_of(op), place_argument)
            if len(_calls) > _CALLS_KEPT:
                _calls.popitem(last=False)
        else:
            _calls.move_to_end(op)
    op.call = call
    return call


def _miss_of(op):
    def miss(*operands):
        for operand in operands:
            if isinstance(operand, Tracer):
                check_alive(operand)
                raise out_of_place(operand)
        program = program_of_op(op, tuple([get_aval(x) for x in operands]))
        keys = None
        if key_use.is_on() and key_use.concerns(program):
            keys = key_use.watch("" if op.holds_programs else op.name, program, operands)
        answer = run_flat(program, operands, op.multiple_results)
        if keys is not None:
            key_use.hand_on(answer[0] if op.multiple_results else [answer[0]], keys)
            return answer[0], None, False
        if watch.is_on():
            watch.check_op(op, operands, answer[0] if op.multiple_results else [answer[0]])
            return answer[0], None, False
        return answer

    return miss


def program_of_op(op, avals) -> ClosedJaxpr:
    """The jaxpr of one equation."""
    invars = [Var(aval) for aval in avals]
    result = op.abstract(avals)
    outvars = [Var(aval) for aval in (result if op.multiple_results else [result])]
    return ClosedJaxpr(Jaxpr([], invars, outvars, [Equation(op, invars, outvars)], name=op.name))


def run_flat(closed, operands, multiple_results):
    """Compiles and runs a program on flat operands, as a miss of the C++ call reports it."""
    executable, device, committed = compile_for(closed, operands)
    arrays = arguments(executable, operands, device)
    by_python = needs_python(operands, arrays)
    results = execute(executable, arrays)
    result = results if multiple_results else results[0]
    return result, None if by_python else fastpath(executable, result, device, committed, operands), False


# ---- programs found by their structure


_executables: OrderedDict = OrderedDict()
_EXECUTABLES_KEPT = 4096
_lock = threading.RLock()


def structure(closed: ClosedJaxpr) -> tuple:
    """What decides a program, hashable: two programs of one structure compile to the same code.

    Variables are numbered in order; numbers written in, by their bits; hidden constants, by their avals alone.
    """
    numbers: dict[int, int] = {}

    def of_atom(v):
        if type(v) is Literal:
            value = np.asarray(v.val)
            return (v.aval, value.tobytes())
        return numbers[id(v)]

    def of_constant(value):
        if is_hidden(value):
            return get_aval(value)
        value = np.asarray(value)
        return (value.dtype, value.shape, value.tobytes())

    def of_program(program):
        jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
        consts = program.consts if isinstance(program, ClosedJaxpr) else ()
        for v in [*jaxpr.constvars, *jaxpr.invars]:
            numbers[id(v)] = len(numbers)
        rows = []
        for eqn in jaxpr.eqns:
            inner = tuple([of_program(p) for _, p in subprograms(eqn.op)]) if eqn.op.holds_programs else ()
            op = _without_programs(eqn.op) if inner else eqn.op
            rows.append((op, inner, named_by_user(eqn.source), *[of_atom(v) for v in eqn.invars]))
            for v in eqn.outvars:
                numbers[id(v)] = len(numbers)
        return (
            tuple([v.aval for v in [*jaxpr.constvars, *jaxpr.invars]]),
            tuple([of_constant(c) for c in consts]),
            tuple(rows),
            tuple([of_atom(v) for v in jaxpr.outvars]),
        )

    return of_program(closed)


def _without_programs(op):
    """An op's parameters other than its programs."""
    holding = {name for name, _ in subprograms(op)}
    return (type(op), op.identity, tuple([getattr(op, name) for name in op.fields if name not in holding]))


def compile_for(
    closed: ClosedJaxpr, operands, *, donated=(), overrides=None, device=None, wanted=None, results=None, orders=None
):
    """The executable for a program on the devices its operands are committed to: (executable, device, committed).

    device            one that the user asks for, to which operands are moved that lie elsewhere
    wanted, results   shardings that he asks for, of operands and results
    orders            an orders.Orders that he asks for, of these
    """
    if forks.is_child:
        forks.refuse(user_line(" at {}"))
    if orders is not None or client.orders_in_use:
        orders = orders_for(closed.jaxpr.name, operands, orders)
    if client.meshes_in_use:
        from bevel.transforms import spread  # loaded where a program names a mesh

        layout = spread.layout_for(closed, operands, wanted, results)
        if layout is not None:
            program = compile_program(closed, layout.devices[0], True, donated, overrides, layout=layout, orders=orders)
            return program, None, True
    committed = device is not None
    for operand in [] if committed else operands:
        if isinstance(operand, AbstractArray) and operand._committed:
            here = operand._sharding._device
            if committed and here != device:
                raise DeviceMismatchError(
                    f"{closed.jaxpr.name or 'A program'} was given arrays on {device} and on {here}.\n"
                    "All arrays of one call must be on one device: move one with bevel.device_put(x, device)."
                )
            device, committed = here, True
    if device is None:
        device = default_device()
    return compile_program(closed, device, committed, donated, overrides, orders=orders), device, committed


# A check that nobody gathers is left out where it is a debug_check, and refused where it is none.
_FOUND_AGAIN = frozenset([CHECK])


def compile_program(closed, device, committed=False, donated=(), overrides=None, module=None, layout=None, orders=None):
    """Lowers and compiles, or finds the executable of a program of the same structure.

    module   the program as it was lowered already
    layout   a spread.Layout, for a program on several devices
    orders   an orders.Orders, where arguments or results do not lie by rows
    """
    key = None
    if not closed.effects - _FOUND_AGAIN:
        key = (
            structure(closed), device if layout is None else layout, committed, tuple(donated), settings.trace_key(),
            None if not overrides else tuple(sorted(overrides.items())), orders,
        )  # fmt: skip
        with _lock:
            found = _executables.get(key)
            if found is not None:
                _executables.move_to_end(key)
                hidden = placed(hidden_constants(closed).values(), device, layout)
                if all(a is b for a, b in zip(hidden, found.hidden, strict=True)):
                    return found
                return found.with_hidden(hidden)
    if room.is_short():
        clear_caches()
        gc.collect()
        room.note_cleared()
    # loaded here for start-up time
    from bevel.engine import compile as engine
    from bevel.transforms.lower import lower
    from bevel.transforms.open_shapes import OpenShapeError
    from bevel.transforms.summary import summarize

    if module is None:
        name, platform = closed.jaxpr.name or "main", platform_of(device)
        module = lower(closed, name, platform, donated, layout=layout, orders=orders)
    if module.variables:
        raise OpenShapeError(
            f"{closed.jaxpr.name or 'The program'} has open dimensions, {', '.join(module.variables)}, and is compiled "
            "for known sizes only.\nExport it for any: bevel.export.export(jit(f))(…); or lower it for known sizes."
        )
    devices = (device,) if layout is None else layout.devices
    loaded, choice = engine.compile_module(module, summarize(closed, donated), devices, overrides=overrides)
    out_shardings = None
    if layout is not None:
        from bevel.transforms import spread

        out_shardings = spread.results_of(loaded, layout, [v.aval for v in closed.jaxpr.outvars])
        even = spread.even(layout, out_shardings, [v.aval for v in closed.jaxpr.outvars])
        if even is not None:
            again = compile_program(closed, device, committed, donated, overrides, layout=even, orders=orders)
            return _kept(key, again)
    in_orders = None if orders is None else orders_taken(loaded, len(module.hidden))
    with guards.explicit():
        hidden = placed(module.hidden, device, layout)
    executable = engine.Executable(
        loaded,
        [v.aval for v in closed.jaxpr.invars],
        [v.aval for v in closed.jaxpr.outvars],
        hidden,
        devices,
        committed,
        choice,
        module.keep_alive,
        module.callbacks,
        module.calls_kernels,
        module.gives_stacks,
        module.out_memories,
        None if layout is None else layout.arguments,
        out_shardings,
        in_orders,
    )
    return _kept(key, executable)


def _kept(key, executable):
    """The executable, to be found again by that key; None: not."""
    if key is not None:
        with _lock:
            _executables[key] = executable
            if len(_executables) > _EXECUTABLES_KEPT:
                _executables.popitem(last=False)
    return executable


def clear_caches():
    """Forgets every compiled program and cached call."""
    with _lock, _calls_lock:
        _executables.clear()
        _calls.clear()
    forget_calls()


# ---- running


def arguments(executable, values, device) -> list:
    """The arguments of a program as arrays that lie where, and in the order in which, it takes them."""
    if executable.in_shardings is None:
        arrays = [on_device(x, aval, device) for x, aval in zip(values, executable.in_avals, strict=True)]
    else:
        rows = zip(values, executable.in_avals, executable.in_shardings, strict=True)
        arrays = [laid(x, aval, sharding) for x, aval, sharding in rows]
    if executable.in_orders is not None:
        return [in_order(x, order) for x, order in zip(arrays, executable.in_orders, strict=True)]
    return [in_order(x, None) for x in arrays] if client.orders_in_use else arrays


def in_order(array, order, layout=None):
    """The array with its axes in that order in memory, None: by rows; laid anew where they are not.

    layout   the whole layout that is wanted
    """
    if not isinstance(array, Array):  # of keys, which lie by rows
        return array
    lies = order_of(array)
    if lies == (by_rows(len(lies)) if order is None else order):
        return array
    v = Var(get_aval(array))
    closed = ClosedJaxpr(Jaxpr([], [v], [v], [], name="relayout"), [])
    wanted = layout or (None if order is None else Layout(order))
    orders = Orders((None if lies == by_rows(len(lies)) else Layout(lies),), (wanted,))
    over, sharding = None, array._sharding
    if type(sharding) is not SingleDeviceSharding:
        from bevel.transforms import spread

        over = spread.layout_for(closed, [array], None, [sharding])
    device = sharding._device_assignment[0]
    program = compile_program(closed, device, array._committed, layout=over, orders=orders)
    return execute(program, [array])[0]


def placed(values, device, layout) -> list:
    """The hidden constants of a program where the program runs."""
    if layout is None:
        arrays = [on_device(value, get_aval(value), device) for value in values]
    else:
        arrays = [laid(x, get_aval(x), sharding) for x, sharding in zip(values, layout.hidden, strict=True)]
    return [in_order(x, None) for x in arrays] if client.orders_in_use else arrays


def on_device(value, aval, device):
    """An operand as an array on that device, in the dtype of its aval; of a key array, its words."""
    if aval.extended and not isinstance(value, Array):
        value = aval.dtype.unwrap(value)
    if isinstance(value, Array):
        if value.is_deleted():
            raise gone(value)
        if type(value._sharding) is not SingleDeviceSharding:
            value = np.asarray(value)
            return put(physical(aval), value, single(device), True)
        if value._sharding._device == device and is_in_usual_memory(value):
            return value
        return names.batched_device_put(physical(aval), single(device), [value], [device], value._committed)
    held = physical(aval)
    if aval.dtype is dtypes.float0:
        value = np.zeros(aval.shape, bool)
    host = np.asarray(value)
    if host.dtype.hasobject:
        kind = type(host.item() if not host.shape else value).__name__
        raise TypeError(
            f"A {kind} was given where numbers are needed{user_line(' at {}')}: it has a shape and a dtype alone.\n"
            "bevel.eval_shape(f, …) and bevel.jit(f).lower(…) take such; bevel.numpy.zeros_like makes an array of one."
        )
    if host.dtype != held.dtype:
        host = narrowed(host, held.dtype, isinstance(value, np.ndarray))
    return put(held, host, single(device), False)


def owned(value: np.ndarray):
    """NumPy's numbers as an array, in memory of its own."""
    return on_device(value, get_aval(value), client.default_device())


def laid(value, aval, sharding, committed=True):
    """An operand as an array that lies as a sharding says; of a key array, its words."""
    if aval.extended and not isinstance(value, Array):
        value = aval.dtype.unwrap(value)
    held = physical(aval)
    devices = list(sharding._device_assignment)
    if isinstance(value, Array):
        if value.is_deleted():
            raise gone(value)
        if value._sharding == sharding:
            return value
        if tuple(value._sharding._device_assignment) == tuple(devices) and is_in_usual_memory(value):
            sharding.check(held.shape)
            if len(devices) == 1:
                return names.batched_device_put(held, sharding, [value], devices, committed, enable_x64=True)
            return _laid_anew(value, sharding)
        host = to_host(value)
    else:
        host = np.asarray(value)
        if host.dtype != held.dtype:
            host = narrowed(host, held.dtype, isinstance(value, np.ndarray))
    sharding.check(held.shape)
    return put_parts(held, [host[(*index, ...)] for index in sharding.parts_of(held.shape)], sharding, committed)


def _laid_anew(array, sharding):
    """The same numbers, laid otherwise over the same devices, by a program that does only that."""
    v = Var(get_aval(array))
    closed = ClosedJaxpr(Jaxpr([], [v], [v], [], name="relayout"), [])
    executable, device, _ = compile_for(closed, [array], results=[sharding])
    [answer] = execute(executable, arguments(executable, [array], device))
    return answer


def needs_python(values, arrays) -> bool:
    """Was a value laid in another memory, or in another order, than it was given in? C++ would take it as it is."""
    for value, array in zip(values, arrays, strict=True):
        if value is not array:
            if isinstance(value, Array) and not is_in_usual_memory(value):
                return True
            if client.orders_in_use and (lies_otherwise(value) or lies_otherwise(array)):
                return True
    return False


def place_argument(value, sharding, layout=None):
    """For C++: an argument that is not an array on the device yet. Its aval stands for a layout: see `running`."""
    if type(sharding) is not SingleDeviceSharding:
        return laid(value, get_aval(value), sharding)
    if layout is not None and value.dtype == layout.dtype:
        return put(layout, value, sharding)
    return on_device(value, get_aval(value), sharding._device)

"""What stands behind a jitted function: its traces, and what it does at a call that C++ does not know."""

from __future__ import annotations

import functools
import itertools
import time
from typing import Any

import numpy as np

from bevel.api.flat import Flat, argument_names, check_call, name_of, named_after, signature_of
from bevel.api.marked import marked, plain
from bevel.base import monitoring, settings
from bevel.base.errors import BevelError, ConcretizationTypeError, TracerIntegerConversionError, UnhashableStaticError
from bevel.base.words import kind_of
from bevel.control.call import Jit
from bevel.core.jaxpr import JitTracer, Var, evaluate
from bevel.core.sharp_edges import warn_once
from bevel.core.source import user_line
from bevel.core.staging import hoist_tracers, stage
from bevel.core.trace import Tracer, check_alive, get_aval, is_valid_value, state
from bevel.core.tree_paths import keystr
from bevel.engine import client
from bevel.engine.client import Array
from bevel.engine.dispatch import result_of
from bevel.engine.pytree import call_tree_of, flatten, flatten_with_path
from bevel.transforms import key_use, watch
from bevel.transforms.evaluate import arguments, compile_for, needs_python
from bevel.transforms.running import execute, fastpath
from bevel.transforms.simplify import pruned

_serials = itertools.count()
_NEEDS_VALUE = (ConcretizationTypeError, TracerIntegerConversionError)


def _say(message, *parts):
    import logging  # for start-up time: only those who ask pay

    logging.getLogger("bevel").warning(message, *parts)


class Traced:
    """One trace of a function: for one tree, one set of avals and static values.

    closed    the program of (outer tracers, dynamic leaves)
    outer     tracers of enclosing traces that the function closes over
    kept      which arguments the pruned program takes
    """

    __slots__ = (
        "arg_names",
        "by_value",
        "closed",
        "compiled",
        "in_tree",
        "kept",
        "lowered",
        "op",
        "out_tree",
        "outer",
        "pruned",
    )

    def __init__(self, closed, outer, in_tree, out_tree, arg_names, by_value):
        self.closed = closed
        self.outer = outer
        self.in_tree = in_tree
        self.out_tree = out_tree
        self.arg_names = arg_names
        self.by_value = by_value
        self.pruned = None
        self.kept = None
        self.compiled = {}
        self.lowered = None  # the module that `lower` wrote last, behind what decides it
        self.op = None


class Jitted:
    """What stands behind a jitted function: its options and its traces."""

    def __init__(self, function, options):
        self.function = function
        self.serial = next(_serials)
        self.name = name_of(function)
        self.static_argnums, self.static_argnames = marked(
            function, options["static_argnums"], options["static_argnames"]
        )
        self.donate_argnums, self.donate_argnames = marked(
            function, options["donate_argnums"], options["donate_argnames"]
        )
        self.keep_unused = options["keep_unused"]
        self.inline = options["inline"]
        self.device = options["device"]  # or the name of a backend
        self.compiler_options = options["compiler_options"]
        self.in_shardings = options.get("in_shardings")
        self.out_shardings = options.get("out_shardings")
        self.is_laid_out = self.in_shardings is not None or self.out_shardings is not None
        self.takes_values = True  # may a Python argument become static when tracing needs its value?
        self.traces: dict[Any, Traced] = {}
        self.needs_value: set[int] = set()  # leaves whose Python value the function turned out to need
        self.traced = named_after(function)(result_of(self.miss))  # a call while a trace is in progress

    # ---- tracing

    def split(self, args, kwargs):
        """(dynamic args, dynamic kwargs, static values as a hashable key)."""
        count = len(args)
        positions = {n % count if n < 0 else n for n in self.static_argnums if -count <= n < count}
        statics = tuple([(i, args[i]) for i in sorted(positions)])
        names = tuple([(k, kwargs[k]) for k in sorted(kwargs) if k in self.static_argnames])
        try:
            hash(statics)
            hash(names)
        except TypeError as error:
            self.refuse_static((*statics, *names), error)
        for which, value in (*statics, *names):
            if isinstance(value, Tracer):
                raise self.unhashable(which, value)
        dynamic = args if not positions else tuple([a for i, a in enumerate(args) if i not in positions])
        rest = kwargs if not names else {k: v for k, v in kwargs.items() if k not in self.static_argnames}
        return dynamic, rest, (count, statics, names)

    def refuse_static(self, statics, error):
        for which, value in statics:
            try:
                hash(value)
            except TypeError:
                raise self.unhashable(which, value) from error
        raise error

    def unhashable(self, which, value):
        """The letter for a static argument that cannot be one."""
        signature = signature_of(self.function)
        if isinstance(which, int) and signature is not None and which < len(signature.parameters):
            which = list(signature.parameters)[which]
        if isinstance(value, Tracer):
            error = TracedStaticError(
                f"The static argument {which} of {self.name} is {value.described()}{user_line(' at {}')}: its value is "
                "not known while tracing.\njit finds its program again by the value of a static argument. Make it "
                f"static in the function around too,\nor leave {which!r} out of static_argnums/static_argnames."
            )
            error.tracer = value
            return error
        if (getattr(self.function, "__module__", None) or "").startswith("bevel."):  # who calls it has no jit to change
            shape = getattr(value, "shape", None)
            what = str(value)[:60] if shape is None else f"{value.dtype}{[*shape]}"
            return UnhashableStaticError(
                f"{self.name} needs a Python value as {which}, known before it runs{user_line(' at {}')}; it was given "
                f"{kind_of(value)}: {what}\n"
                "Pass a number, a name or a tuple. Where several arrays are meant, give them in one list."
            )
        return UnhashableStaticError(
            f"The static argument {which} of {self.name} is {kind_of(value)}, which cannot be hashed"
            f"{user_line(' at {}')}: {str(value)[:60]}\n"
            "jit finds its program again by the value of a static argument. Pass a tuple or another hashable value,\n"
            "or leave it out of static_argnums/static_argnames."
        )

    def trace(self, args, kwargs) -> tuple[Traced, list]:
        """The trace for these arguments, found or made, and their dynamic leaves."""
        dynamic, rest, statics = self.split(args, kwargs)
        leaves, in_tree = flatten((dynamic, rest))
        try:
            avals = [get_aval(leaf) for leaf in leaves]
        except TypeError:
            avals = self.avals_with_statics(leaves, args, kwargs)
        by_value: tuple[tuple[int, Any], ...] = ()
        if self.needs_value:
            by_value = tuple([(i, leaves[i]) for i in sorted(self.needs_value) if type(leaves[i]) in (int, bool, str)])
        _, positions, named = statics
        kinds = tuple([type(value) for _, value in (*positions, *named)])  # 1, 1.0 and True are equal
        key = (in_tree, tuple(avals), (*statics, kinds), settings.trace_key(), by_value, (state.axes, state.mesh_axes))
        traced = self.traces.get(key)
        if traced is None:
            if settings.explain_cache_misses.value and self.takes_values:
                signature = signature_of(self.function)
                parameters = [] if signature is None else list(signature.parameters)
                from bevel.api import retracing  # only where someone asks

                why = retracing.explain(self.name, key, self.traces, self.names_of(args, kwargs), parameters)
                _say("%s%s", why, user_line("\n  at {}"))
            started = time.perf_counter()
            try:
                traced = self.stage(leaves, avals, in_tree, args, kwargs, dynamic, rest, statics, by_value)
            except _NEEDS_VALUE as error:
                needed = self.leaves_behind(error, leaves)
                if not needed or not self.takes_values or settings.sharp_edges.value == "compat":
                    raise
                self.say_static(needed, args, kwargs)
                self.needs_value.update(needed)
                return self.trace(args, kwargs)
            took = time.perf_counter() - started
            monitoring.record_event_duration_secs("/jax/core/compile/jaxpr_trace_duration", took, fun_name=self.name)
            if settings.log_compiles.value:
                _say("Traced %s in %.3f s", self.name, took)
            if not traced.outer:
                self.traces[key] = traced
        return traced, leaves

    def avals_with_statics(self, leaves, args, kwargs):
        """Avals where some leaves are no arrays: text becomes static where the profile allows it, else a letter."""
        for position, leaf in enumerate(leaves):
            if type(leaf) is str and self.takes_values and settings.sharp_edges.value != "compat":
                if position not in self.needs_value:
                    self.say_static([position], args, kwargs)
                    self.needs_value.add(position)
                continue
            try:
                get_aval(leaf)
            except TypeError as error:
                if isinstance(leaf, np.ndarray):  # one of NumPy's that ours cannot be: the letter says why
                    raise
                raise self.not_an_array(self.names_of(args, kwargs)[position], leaf) from error
        return [None if type(leaf) is str else get_aval(leaf) for leaf in leaves]

    def not_an_array(self, name, value):
        """The letter for an argument that is no array: a function of bevel.numpy has no static arguments to offer."""
        what = (
            f"{self.name} was given {kind_of(value)} as {name}{user_line(' at {}')}, which is not an array nor a "
            f"number: {str(value)[:60]}"
        )
        if not self.takes_values:
            return BevelTypeError(f"{what}\nConvert it with jnp.asarray, if it holds numbers.")
        whole = name.split("[")[0].split(".")[0]
        if whole != name:
            way = f"Take it out of {whole}, and give it as an argument of its own that static_argnames names."
        elif name == "self":
            way = (
                "Of a method, jit what is bound, jit(model.step); or name self in static_argnames, which reads its\n"
                "attributes once; or register its class as a tree: bevel.tree_util.register_dataclass."
            )
        else:
            way = (
                f"A Python object that steers the program is static: jit({self.name}, static_argnames={name!r});\n"
                "a class that holds arrays can be a tree: bevel.tree_util.register_dataclass."
            )
        return BevelTypeError(f"{what}\nArguments of a jitted function are arrays, numbers, or trees of them.\n{way}")

    def names_of(self, args, kwargs):
        """Names of the dynamic leaves."""
        count = len(args)
        fixed = {n % count if n < 0 else n for n in self.static_argnums if -count <= n < count}
        held = tuple([() if i in fixed else a for i, a in enumerate(args)])
        return argument_names(self.function, held, {k: v for k, v in kwargs.items() if k not in self.static_argnames})

    def stage(self, leaves, avals, in_tree, args, kwargs, dynamic, rest, statics, by_value):
        function = self.function
        count, positions, names = statics
        if positions:
            fixed = {i: plain(value) for i, value in positions}

            def function(*rest_args, **rest_kwargs):
                given = iter(rest_args)
                every = [fixed[i] if i in fixed else next(given) for i in range(count)]
                return self.function(*every, **rest_kwargs)

        if names:
            function = functools.partial(function, **{name: plain(value) for name, value in names})
        flat = _Flat(function, in_tree)
        run = flat
        staged = avals
        if by_value:
            fixed_leaves = dict(by_value)
            staged = [a for i, a in enumerate(avals) if i not in fixed_leaves]

            def run(*some):
                given = iter(some)
                return flat(*[fixed_leaves[i] if i in fixed_leaves else next(given) for i in range(len(leaves))])

        arg_names = self.names_of(args, kwargs)
        here = [n for i, n in enumerate(arg_names) if i not in dict(by_value)]
        try:
            if self.takes_values and settings.sharp_edges.value != "compat":
                from bevel.api import purity  # for start-up time: arrays alone need no trace

                with purity.watching(self.function, self.name):
                    jaxpr, consts = stage(run, staged, self.name, here)
            else:
                jaxpr, consts = stage(run, staged, self.name, here)
        except TypeError:
            check_call(self.function, args, kwargs)
            raise
        closed, outer = hoist_tracers(jaxpr, consts)
        return Traced(closed, outer, in_tree, flat.out_tree, here, tuple([i for i, _ in by_value]))

    def leaves_behind(self, error, leaves) -> list[int]:
        """Positions of the Python ints, bools and strings that alone decide the value that tracing needed."""
        tracer = getattr(error, "tracer", None)
        if type(tracer) is not Var:
            return []
        trace: Any = tracer._trace  # a Var's trace is the staging one
        if trace.function_name != self.name:
            return []
        made_by = {v: eqn for eqn in trace.equations for v in eqn.outvars}
        alone = [i for i in range(len(leaves)) if i not in self.needs_value or type(leaves[i]) not in (int, bool, str)]
        place = dict(zip(trace.invars, alone, strict=False))
        found, waiting, seen = set(), [tracer], set()
        while waiting:
            v = waiting.pop()
            if type(v) is not Var or v in seen:
                continue
            seen.add(v)
            if v in place:
                found.add(place[v])
            elif v in made_by:
                waiting.extend(made_by[v].invars)
            else:
                return []
        return sorted(found) if found and all(type(leaves[i]) in (int, bool) for i in found) else []

    def say_static(self, positions, args, kwargs):
        names = self.names_of(args, kwargs)
        what = ", ".join([names[p] for p in positions])
        whole = all([name.isidentifier() for name in what.split(", ")])
        way = (
            f"Say so, and calls get faster: jit({self.name}, static_argnames={what!r})."
            if whole
            else "Calls get faster if it is an argument of its own, which static_argnames names."
        )
        message = (
            f"jit({self.name}) needs the value of {what} while tracing, and takes it as static: it compiles once for "
            f"each value.\n{way}"
        )
        if settings.sharp_edges.value == "strict":
            raise ConcretizationTypeError(message)
        warn_once(("auto static", self.name, what), message)

    # ---- calling

    def miss(self, *args, **kwargs):
        """A call that C++ does not know: (result, how C++ can do it next time or None, False)."""
        if settings.disable_jit.value:
            return self.function(*args, **kwargs), None, False
        traced, leaves = self.trace(args, kwargs)
        if traced.by_value:
            leaves = [leaf for i, leaf in enumerate(leaves) if i not in traced.by_value]
        if not state.trace.is_evaluation or any([isinstance(x, Tracer) for x in leaves]):
            for leaf in leaves:
                if isinstance(leaf, Tracer):
                    check_alive(leaf)
            if self.is_laid_out:
                from bevel.api import jit_placements

                return jit_placements.called_inside(self, traced, leaves, args, kwargs), None, False
            if self.inline:
                results = evaluate(traced.closed.jaxpr, traced.closed.consts, *traced.outer, *leaves)
            else:
                results = self.op_of(traced, args, kwargs)(*traced.outer, *leaves)
            return traced.out_tree.unflatten(results), None, False
        keys = None
        if key_use.is_on() and key_use.concerns(traced.closed):
            keys = key_use.watch(self.name if self.inline else "", traced.closed, leaves)
        executable, device, committed, _program, kept = self.compiled(traced, leaves, args, kwargs)
        taken = leaves if all(kept) else [x for x, k in zip(leaves, kept, strict=True) if k]
        arrays = arguments(executable, taken, device)
        by_python = needs_python(taken, arrays)
        results = execute(executable, arrays)
        result = traced.out_tree.unflatten(results)
        fast = None
        if watch.is_on():
            donated = any([isinstance(x, Array) and x.is_deleted() for x in leaves])
            watch.check_program(self.name, results, traced.closed, None if donated else leaves)
        elif by_python:
            pass
        elif keys is not None:
            key_use.hand_on(results, keys)
        elif not traced.by_value and call_tree_of(self.split(args, kwargs)[:2])[0] == len(leaves):
            fast = fastpath(executable, result, device, committed, taken, kept)
        return result, fast, False

    def op_of(self, traced, args, kwargs) -> Jit:
        if traced.op is None:
            marks = self.donated_leaves(traced, args, kwargs)
            donated = (*[False] * len(traced.outer), *marks) if marks else ()
            traced.op = Jit(traced.closed, self.name, donated, self.keep_unused, self.inline)
        return traced.op

    def donated_leaves(self, traced, args, kwargs) -> list[bool]:
        """Which dynamic leaves the caller gives away."""
        if not self.donate_argnums and not self.donate_argnames:
            return []
        count = len(args)
        static = {n % count if n < 0 else n for n in self.static_argnums if -count <= n < count}
        given = {n % count if n < 0 else n for n in self.donate_argnums if -count <= n < count}
        marks = []
        for i, arg in enumerate(args):
            if i not in static:
                marks.extend([i in given] * len(flatten(arg)[0]))
        for name in sorted(kwargs):
            if name not in self.static_argnames:
                marks.extend([name in self.donate_argnames] * len(flatten(kwargs[name])[0]))
        return [m for i, m in enumerate(marks) if i not in traced.by_value]

    def placements(self, traced, args, kwargs):
        """What `jit_placements.of_program` gives; None three times where no sharding is asked for."""
        if not self.is_laid_out:
            return None, None, None
        from bevel.api import jit_placements  # for start-up time: loaded where a program names a sharding

        return jit_placements.of_program(self, traced, args, kwargs)

    def chosen_device(self):
        """The device that the user asks for, the first of a backend that he names; None where operands say."""
        wanted = self.device
        return client.devices(wanted)[0] if isinstance(wanted, str) else wanted

    def compiled(self, traced, leaves, args, kwargs):
        if traced.pruned is None:
            traced.pruned, traced.kept = pruned(traced.closed, self.keep_unused)
        marks = self.donated_leaves(traced, args, kwargs)
        kept = traced.kept
        donated = [p for p, m in enumerate([m for m, k in zip(marks, kept, strict=True) if k]) if m] if marks else []
        wanted, results, orders = self.placements(traced, args, kwargs)
        executable, device, committed = compile_for(
            traced.pruned,
            # those that it does not take say nothing of where it runs
            leaves if all(kept) else [x for x, k in zip(leaves, kept, strict=True) if k],
            donated=donated,
            overrides=self.compiler_options,
            device=self.chosen_device(),
            wanted=wanted,
            results=results,
            orders=orders,
        )
        return executable, device, committed, traced.pruned, kept


class BevelTypeError(BevelError, TypeError):
    """An argument of a type that cannot be one."""


class ResultTypeError(BevelError, TypeError):
    """A jitted function returned something that is no array, number, or tree of them."""


class TracedStaticError(UnhashableStaticError, ConcretizationTypeError):
    """A static argument of jit is a value that is traced by a function around."""

    tracer: Tracer


class _Flat(Flat):
    """As Flat, with a letter for a result that is no array."""

    __slots__ = ()

    def __call__(self, *leaves):
        results = Flat.__call__(self, *leaves)
        for position, result in enumerate(results):
            if type(result) is not JitTracer and not is_valid_value(result):
                tree = self.out_tree.unflatten(range(len(results)))
                place = keystr(next(path for path, leaf in flatten_with_path(tree)[0] if leaf == position))
                raise ResultTypeError(
                    f"{name_of(self.function)} returned {kind_of(result)}{place and f' as result{place}'}"
                    f"{user_line(' at {}')}, which is not an array nor a number: {str(result)[:60]}\n"
                    "A jitted function returns arrays, numbers, or trees of them. Leave it out of the result, or let "
                    "the caller add it."
                )
        return results

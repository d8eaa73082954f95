"""Options as XLA takes them: jaxlib's CompileOptions, and compiling where one of them is refused.

A jaxlib that does not know an option of ours is no error: `compile_with` drops it and compiles without. An option of
the user's that XLA does not know gets a letter. Which options a program gets is in `options`.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bevel.base.errors import EngineError
from bevel.engine.jaxlib_names import CompileOptions, DeviceAssignment, JaxRuntimeError
from bevel.engine.options import CPU_RULES, MAP_OPTIONS, NO_CHOICE, Choice, Value, unknown

log = logging.getLogger(__name__)

# Not options of XLA's debug flags, but fields of its build options.
_BUILD_FIELDS = frozenset(
    {"optimization_level", "memory_fitting_level", "exec_time_optimization_effort", "memory_fitting_effort"}
)


def build(
    choice: Choice = NO_CHOICE,
    device_ids: Sequence[int] = (0,),
    num_replicas: int = 1,
    num_partitions: int = 1,
    use_shardy: bool = True,
    outputs: int | None = None,
    parameters: int | None = None,
) -> CompileOptions:
    """CompileOptions for these devices with this choice of options.

    device_ids   global ids, one for each replica and partition, replicas first; there are
                 num_replicas * num_partitions of them
    use_shardy   whether shardings in the program are Shardy's (`sdy`)
    outputs, parameters   how many there are, where XLA may choose their shardings itself; None: it may not
    raises EngineError where the numbers do not fit or an option of the user's is of the wrong type
    """
    if len(device_ids) != num_replicas * num_partitions:
        raise EngineError(
            f"A program of {num_replicas} replicas x {num_partitions} partitions needs "
            f"{num_replicas * num_partitions} devices; it was given {len(device_ids)}."
        )
    options = CompileOptions()
    options.num_replicas = num_replicas
    options.num_partitions = num_partitions
    options.device_assignment = DeviceAssignment.create(np.reshape(device_ids, (num_replicas, num_partitions)))
    named = [(k, v) for k, v in choice.options.items() if k not in MAP_OPTIONS and k not in _BUILD_FIELDS]
    if named:
        options.env_option_overrides = named
    in_map = {k: _text(v) for k, v in choice.options.items() if k in MAP_OPTIONS}
    if in_map:
        options = CompileOptions.ParseFromString(options.SerializeAsString() + _map_entries(in_map))
    how = options.executable_build_options
    how.num_replicas = num_replicas
    how.num_partitions = num_partitions
    how.use_shardy_partitioner = use_shardy
    if num_partitions > 1:  # alone, the partitioner has nothing to do
        how.use_spmd_partitioning = True
        if outputs is not None:
            how.allow_spmd_sharding_propagation_to_output = [True] * outputs
        if parameters is not None:
            how.allow_spmd_sharding_propagation_to_parameters = [True] * parameters
    for name in _BUILD_FIELDS & choice.options.keys():
        try:
            setattr(how, name, choice.options[name])
        except (AttributeError, TypeError):  # later versions of jaxlib have fewer of them
            raise EngineError(_letter(name, f"this jaxlib cannot set it to {choice.options[name]!r}")) from None
    return options


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _map_entries(entries: Mapping[str, str]) -> bytes:
    """Serialized CompileOptions that hold these options alone; appended to others, protobuf merges the two.

    Field numbers, from XLA's published .proto files: CompileOptionsProto.executable_build_options = 3,
    ExecutableBuildOptionsProto.debug_options = 3, DebugOptions.xla_backend_extra_options = 500, a map: key 1, value 2.
    """
    inner = b"".join(
        _field(500, _field(1, name.encode()) + _field(2, value.encode())) for name, value in entries.items()
    )
    return _field(3, _field(3, inner))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content  # 2: a field with its length in front


def _varint(number: int) -> bytes:
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


# ---- compiling

_REFUSED = re.compile(r"No such compile option: '(\w+)'|While setting option (\w+),|Failed to parse value for: (\w+)")
_lock = threading.Lock()


class CompilationError(EngineError, JaxRuntimeError):
    """XLA could not compile a program, or refused an option of the user's.

    Fails:   `jit(lambda x: x, compiler_options={"no_such": 1})(1.0)`
    Mended:  `jit(lambda x: x)(1.0)`
    """


def compile_with(choice: Choice, compile: Callable[[Choice], Any]) -> tuple[Any, Choice]:
    """Calls `compile(choice)`; where this jaxlib does not know an option of ours, again without it.

    Gives what it compiled and the choice that it took. XLA reads its options before anything else, so a refusal
    costs next to nothing, and one process meets it once.
    raises CompilationError where XLA refuses an option of the user's, with XLA's reason and the names that come close.
    """
    while True:
        try:
            return compile(choice), choice
        except JaxRuntimeError as error:
            refused = _REFUSED.search(str(error))
            name = refused and next(filter(None, refused.groups()))
            if not name or name not in choice.options:
                raise
            if name in choice.given:
                raise CompilationError(_letter(name, str(error).partition(": ")[2])) from None
            log.debug("this jaxlib refuses an option of ours, done without: %s", error)
            with _lock:
                unknown.add(name)
            choice = choice.without(name)


def _letter(name: str, why: str) -> str:
    import difflib  # for start-up time: only letters need it

    close = difflib.get_close_matches(name, known_options(), n=3)
    way_on = f"Close to it: {', '.join(close)}." if close else "XLA's flags are listed in its xla.proto (DebugOptions)."
    return f"compiler_options has {name!r}, which XLA refuses: {why.strip()}\n{way_on}"


@functools.cache
def known_options() -> tuple[str, ...]:
    """Names of options worth suggesting: those that jaxlib shows in Python, and those of the rules."""
    debug = CompileOptions().executable_build_options.debug_options
    shown = {name for name in dir(debug) if name.startswith("xla_")}
    return tuple(sorted(shown | MAP_OPTIONS | _BUILD_FIELDS | {rule.option for rule in CPU_RULES}))

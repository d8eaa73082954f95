"""Settings: what the user switches on and off, for the whole process or for one thread's `with` block.

Names and meanings are JAX's: `config.update("jax_enable_x64", True)`, `with enable_x64(True): ...`, and the environment
variables `BEVEL_ENABLE_X64` (asked first) and `JAX_ENABLE_X64`.

An option is a thread-local object whose class holds the value of the process. Python's own attribute lookup then does
all the work of reading: `enable_x64.value` finds this thread's override, else the process's value, in one C call.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from bevel.base.errors import BevelError


class UnknownOptionError(BevelError, AttributeError):
    """No option has this name. Fails: `config.update("jax_enable_x32", True)`. Mended: one of `config.values`."""


class OptionValueError(BevelError, ValueError):
    """An option was given a value it cannot have.

    Fails: `config.update("jax_numpy_rank_promotion", "never")`. Mended: "allow", "warn" or "raise".
    """


class _Unset:
    """The absence of an override in this thread, where None would be a value."""

    def __repr__(self):
        return "UNSET"


UNSET = _Unset()

_lock = threading.RLock()
_options: dict[str, Option] = {}
_callbacks: list[Callable] = []


class Option(threading.local):
    """One option: `option.value` reads it, `with option(value):` sets it for this thread, `config.update` for all.

    name          without prefix: `enable_x64`
    default       the value where neither the environment nor the user says anything
    doc           what it does, in a sentence or two
    accepts       value -> value to store; raises ValueError with the rule it breaks
    parse         text of an environment variable -> value for `accepts`
    in_trace_key  whether it changes what tracing a function gives, so that traces are cached per value
    value         what holds in this thread, now
    global_value  what holds in threads without an override
    """

    # Each option is the one instance of its own subclass (see `define`). These live on that subclass: an attribute of
    # a thread-local instance would be seen by the defining thread alone.
    name: str
    default: Any
    doc: str
    accepts: Callable[[Any], Any]
    parse: Callable[[str], Any]
    in_trace_key: bool
    value: Any
    on_without_argument: Any = UNSET  # what `option()` means; options that are not switches have no such meaning

    @property
    def environment_names(self) -> tuple[str, str]:
        """The environment variables that set it, in the order they are asked."""
        return f"BEVEL_{self.name.upper()}", f"JAX_{self.name.upper()}"

    @property
    def global_value(self) -> Any:
        return type(self).value

    @property
    def local_value(self) -> Any:
        """This thread's override, or UNSET."""
        return self.__dict__.get("value", UNSET)

    def __call__(self, value: Any = UNSET) -> Override:
        """A context manager, and decorator, under which this thread sees `value`; a switch without one is on."""
        if value is UNSET:
            value = self.on_without_argument
        if value is UNSET:
            raise TypeError(f"{self.name}() needs a value: with {self.name}({self.default!r}): ...")
        return Override(self, self.checked(value))

    def checked(self, value: Any) -> Any:
        """The value as it is stored, or OptionValueError."""
        try:
            return type(self).accepts(value)
        except ValueError as error:
            raise OptionValueError(f"{self.name} cannot be {value!r}: {error}.") from None

    def set_global(self, value: Any) -> None:
        """Sets the process's value. Where a listener refuses it, the old one stays."""
        value = self.checked(value)
        with _lock:
            previous = type(self).value
            type(self).value = value
            _renew_keys(self)
            try:
                _tell(self, "global", value)
            except BaseException:
                type(self).value = previous
                _renew_keys(self)
                raise

    def _set_local(self, value: Any) -> None:
        """Sets (or with UNSET lifts) this thread's override."""
        state = self.__dict__
        if value is UNSET:
            state.pop("value", None)
        else:
            state["value"] = value
        if self.in_trace_key:
            _renew_local_key(self.name, value)

    def __setattr__(self, name, value):
        raise AttributeError(
            f"{self.name}.{name} cannot be assigned. For a block: with {self.name}({value!r}): ...; "
            f"for the process: config.update({'jax_' + self.name!r}, {value!r})."
        )

    def __repr__(self):
        return f"<option {self.name} = {self.value!r}>"

    def __reduce__(self):
        return _option, (self.name,)


class Override:
    """`with option(value):` one option's value in one thread. Reusable, and nests; also a decorator."""

    __slots__ = ("option", "value")

    def __init__(self, option: Option, value: Any):
        self.option, self.value = option, value

    def __enter__(self):
        option = self.option
        # What to return to is kept with the thread, not with this object, which several threads may enter at once.
        option.__dict__.setdefault("previous", []).append(option.local_value)
        option._set_local(self.value)
        try:
            _tell(option, "local", self.value)
        except BaseException:
            option._set_local(option.__dict__["previous"].pop())
            raise

    def __exit__(self, *error):
        option = self.option
        previous = option.__dict__["previous"].pop()
        option._set_local(previous)
        _tell(option, "local", previous)

    def __call__(self, function):
        @functools.wraps(function)
        def with_option(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return with_option


# The trace key. Threads without overrides read the class attribute; a thread inside overrides has its own, listed in
# `_overridden` for as long as it has any, so that a change for the process can renew it from outside.


class _TraceState(threading.local):
    key: tuple = ()
    overrides: dict | None = None


_trace_state = _TraceState()
_trace_options: list[Option] = []
_overridden: dict[int, dict] = {}


def trace_key() -> tuple:
    """The values, in this thread, of all options that change what a trace means: hashable, for cache keys.

    >>> before = trace_key()
    >>> with enable_x64(not enable_x64.value): changed = trace_key()
    >>> changed != before and trace_key() is before
    True
    """
    return _trace_state.key


def _key(overrides: Mapping) -> tuple:
    return tuple([_hashable(overrides.get(option.name, type(option).value)) for option in _trace_options])


def trace_key_names() -> list[str]:
    """The settings whose values make up a trace key, in its order."""
    return [option.name for option in _trace_options]


def global_trace_key() -> tuple:
    """As `trace_key`, of the process's values: what holds in threads without overrides."""
    return _TraceState.key


def _hashable(value):
    return tuple(sorted(value.items())) if type(value) is dict else value


def _renew_keys(option: Option) -> None:
    if option.in_trace_key:
        _TraceState.key = _key({})
        for state in _overridden.values():
            state["key"] = _key(state["overrides"])


def _renew_local_key(name: str, value: Any) -> None:
    with _lock:
        state = _trace_state.__dict__
        overrides = state.setdefault("overrides", {})
        if value is UNSET:
            overrides.pop(name, None)
        else:
            overrides[name] = value
        if overrides:
            _overridden[id(state)] = state
            state["key"] = _key(overrides)
        else:
            _overridden.pop(id(state), None)
            state.clear()


def on_change(callback: Callable[[Option, str, Any], None]) -> Callable:
    """Calls `callback(option, scope, value)` after each change, in the thread that made it. Gives the callback back.

    scope is "global" for `config.update`, "local" for entering or leaving a `with` block, whose value is UNSET where
    the thread has no override any more. A callback that raises refuses the change: it is undone.
    What holds already is not told: read `options()` first.
    """
    _callbacks.append(callback)
    return callback


def _tell(option: Option, scope: str, value: Any) -> None:
    for callback in _callbacks:
        callback(option, scope, value)


def _closest(word: str, words) -> str | None:
    import difflib  # here for start-up time: only letters need it

    return next(iter(difflib.get_close_matches(word, words, n=1, cutoff=0.5)), None)


# Kinds of values: each is (accepts, parse). `parse` reads an environment variable's text.

_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")


def _switch(value):
    if type(value) is bool:
        return value
    text = str(value).lower()  # also 0, 1, NumPy's bools and configuration files' "false", which Python calls true
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("it is a switch: True or False")


def _one_of(*choices):
    def accepts(value):
        if value in choices:
            return value
        close = _closest(str(value), [str(choice) for choice in choices])
        hint = f"; the closest is {close!r}" if close else ""
        raise ValueError(f"it is one of {', '.join(map(repr, choices))}{hint}")

    return accepts


def _text(value):
    if value is None or isinstance(value, str):
        return value
    raise ValueError("it is a string or None")


def _path(value):
    return os.fspath(value) if isinstance(value, os.PathLike) else _text(value)


def _whole_number(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("it is a whole number")


def _seconds(value):
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ValueError("it is a number of seconds, 0 or more")


def _device(value):
    if value is None or isinstance(value, str) or isinstance(getattr(value, "platform", None), str):
        return value
    raise ValueError("it is a device such as devices()[0], a platform's name such as 'cpu', or None")


def _compiler_options(value):
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return dict(value)
    raise ValueError("it is a dict from names of XLA options to values")


def _parse_whole_number(text):
    try:
        return int(text)
    except ValueError:
        raise ValueError("it is a whole number") from None


def _parse_seconds(text):
    try:
        return float(text)
    except ValueError:
        raise ValueError("it is a number of seconds") from None


def _parse_compiler_options(text):
    pairs = [item.partition("=") for item in text.split(",") if item.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError("it reads name=value,name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


def define(
    name: str, default: Any, doc: str, accepts: Callable, parse: Callable = str, *, in_trace_key=False
) -> Option:
    """Makes a new option known. Its value is the environment's, where that has one, else `default`."""
    on = True if accepts is _switch else UNSET
    members = {
        "name": name,
        "default": default,
        "doc": doc,
        "__doc__": doc,
        "accepts": staticmethod(accepts),
        "parse": staticmethod(parse),
        "in_trace_key": in_trace_key,
        "value": default,
        "on_without_argument": on,
    }
    option = type(name, (Option,), members)()
    said = _from_environment(option)
    if said is not UNSET:
        type(option).value = said
    with _lock:
        if name in _options:
            raise ValueError(f"There is an option {name} already.")
        _options[name] = option
        if in_trace_key:
            _trace_options.append(option)
            _renew_keys(option)
    return option


def _from_environment(option: Option) -> Any:
    """What the environment says of an option, or UNSET."""
    for variable in option.environment_names:
        text = os.environ.get(variable)
        if text is not None:
            try:
                return type(option).accepts(type(option).parse(text))
            except ValueError as error:
                raise OptionValueError(f"The environment says {variable}={text!r}, but {error}.") from None
    return UNSET


def read_environment() -> None:
    """Takes over what the environment says by now: a program may write it before its first `import jax`."""
    for option in list(_options.values()):
        said = _from_environment(option)
        if said is not UNSET and said != option.global_value:
            option.set_global(said)


def switch(name: str, default: bool, doc: str, *, in_trace_key=False) -> Option:
    """An option that is on or off."""
    return define(name, default, doc, _switch, in_trace_key=in_trace_key)


def choice(name: str, default: Any, choices: tuple, doc: str, *, in_trace_key=False) -> Option:
    """An option that is one of a few words."""
    return define(name, default, doc, _one_of(*choices), in_trace_key=in_trace_key)


def options() -> tuple[Option, ...]:
    """All options."""
    return tuple(_options.values())


def _option(name: str) -> Option:
    try:
        return _options[name.removeprefix("jax_")]
    except KeyError:
        pass
    prefix = "jax_" if name.startswith("jax_") else ""
    close = _closest(name.removeprefix("jax_"), _options)
    hint = f"The closest is {prefix}{close}." if close else "config.values lists them all."
    raise UnknownOptionError(f"There is no option {name}. {hint}")


class Config:
    """All options by name, as `jax.config` has them: `config.jax_enable_x64`, `config.update("jax_enable_x64", 1)`."""

    def update(self, name: str, value: Any) -> None:
        """Sets an option for the whole process; blocks `with option(value):` still have their own.

        Raises UnknownOptionError, or OptionValueError for a value that the option cannot have.
        """
        _option(name).set_global(value)

    def read(self, name: str) -> Any:
        """The process's value of an option, whatever this thread overrides."""
        return _option(name).global_value

    @property
    def values(self) -> dict[str, Any]:
        """The process's values of all options, by their JAX names."""
        return {f"jax_{name}": option.global_value for name, option in _options.items()}

    @property
    def x64_enabled(self) -> bool:
        return enable_x64.value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _option(name).value

    def __setattr__(self, name, value):
        _option(name)
        raise AttributeError(f"config.{name} is read only. To set it: config.update({name!r}, {value!r}).")

    def __dir__(self):
        return [*object.__dir__(self), *self.values]

    def __repr__(self):
        changed = {f"jax_{o.name}": o.value for o in options() if o.value != o.default}
        return f"<config: {changed or 'all defaults'}>"


config = Config()


MATMUL_PRECISIONS = (
    None,
    *("default", "high", "highest", "bfloat16", "tensorfloat32", "float32"),
    *("ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM", "ANY_F8_ANY_F8_ANY", "ANY_F8_ANY_F8_ANY_FAST_ACCUM"),
    *("F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16", "BF16_BF16_F32"),
    *("BF16_BF16_F32_X3", "BF16_BF16_F32_X6", "BF16_BF16_F32_X9"),
    *("TF32_TF32_F32", "TF32_TF32_F32_X3", "F32_F32_F32", "F64_F64_F64"),
)

enable_x64 = switch("enable_x64", False, "Keep 64-bit dtypes, which otherwise become 32-bit ones.", in_trace_key=True)
disable_jit = switch(
    "disable_jit", False, "Run functions under jit, and loops, one operation at a time.", in_trace_key=True
)
debug_nans = switch(
    "debug_nans", False, "Raise where a result holds NaN, and find which operation made it.", in_trace_key=True
)
debug_infs = switch(
    "debug_infs", False, "Raise where a result holds an infinity, and find what made it.", in_trace_key=True
)
_GUARD_LEVELS = (None, "allow", "log", "disallow", "log_explicit", "disallow_explicit")
transfer_guard = choice(
    "transfer_guard", None, _GUARD_LEVELS, "Log or refuse transfers between host and devices, of all three kinds."
)
transfer_guard_host_to_device = choice(
    "transfer_guard_host_to_device", None, _GUARD_LEVELS, "Log or refuse transfers from the host to a device."
)
transfer_guard_device_to_device = choice(
    "transfer_guard_device_to_device", None, _GUARD_LEVELS, "Log or refuse transfers between devices."
)
transfer_guard_device_to_host = choice(
    "transfer_guard_device_to_host", None, _GUARD_LEVELS, "Log or refuse transfers from a device to the host."
)
log_compiles = switch("log_compiles", False, "Log each trace and compilation, and how long it took.")
explain_cache_misses = switch("explain_cache_misses", False, "Say, whenever jit traces again, which argument made it.")
check_tracer_leaks = switch(
    "check_tracer_leaks", False, "Raise where a tracer outlives its trace, and say who holds it.", in_trace_key=True
)
checking_leaks = functools.partial(check_tracer_leaks, True)
default_matmul_precision = choice(
    "default_matmul_precision",
    None,
    MATMUL_PRECISIONS,
    "How exactly products of matrices and convolutions are computed where a call does not say.",
    in_trace_key=True,
)
default_device = define(
    "default_device", None, "Where uncommitted arrays and computations go.", _device, in_trace_key=True
)
platforms = define("platforms", None, "The platforms to start, the preferred first: 'cuda,cpu'.", _text)
platform_name = define("platform_name", "", "The platform to prefer; `platforms` is the newer way.", _text)
num_cpu_devices = define(
    "num_cpu_devices", -1, "How many CPU devices to show; -1 leaves it to XLA.", _whole_number, _parse_whole_number
)
default_prng_impl = choice(
    "default_prng_impl",
    "threefry2x32",
    ("threefry2x32", "threefry4x32", "rbg", "unsafe_rbg", "philox2x32", "philox4x32"),
    "The generator of random keys that do not name one.",
    in_trace_key=True,
)
host_kernels = switch(
    "host_kernels",
    True,
    "Let programs for the CPU sort large arrays with NumPy, which XLA calls. Without, a program needs XLA alone.",
    in_trace_key=True,
)
threefry_partitionable = switch(
    "threefry_partitionable",
    True,
    "Numbers by threefry that do not depend on how the result is sharded.",
    in_trace_key=True,
)
numpy_rank_promotion = choice(
    "numpy_rank_promotion",
    "allow",
    ("allow", "warn", "raise"),
    "What to do where operands of different rank meet.",
    in_trace_key=True,
)
numpy_dtype_promotion = choice(
    "numpy_dtype_promotion",
    "standard",
    ("standard", "strict"),
    "'strict' refuses to mix dtypes, save for Python scalars that fit.",
    in_trace_key=True,
)
traceback_filtering = choice(
    "traceback_filtering",
    "auto",
    ("off", "tracebackhide", "remove_frames", "quiet_remove_frames", "auto"),
    "How Bevel's own frames are kept out of tracebacks.",
)
random_seed_offset = define(
    "random_seed_offset", 0, "Added to every seed.", _whole_number, _parse_whole_number, in_trace_key=True
)
enable_custom_prng = switch(
    "enable_custom_prng", False, "random.PRNGKey gives typed keys, as random.key does.", in_trace_key=True
)
legacy_prng_key = choice(
    "legacy_prng_key", "allow", ("allow", "warn", "error"), "What to do where an untyped uint32 array is used as a key."
)
debug_key_reuse = switch("debug_key_reuse", False, "Raise where a random key is used twice.", in_trace_key=True)
softmax_custom_jvp = switch(
    "softmax_custom_jvp", False, "The derivative of softmax by its own formula.", in_trace_key=True
)
dynamic_shapes = switch("dynamic_shapes", False, "Shapes that hold traced values.", in_trace_key=True)
pmap_shmap_merge = switch("pmap_shmap_merge", True, "pmap as a form of shard_map, the one form that Bevel has.")
use_shardy_partitioner = switch("use_shardy_partitioner", True, "Partition programs with Shardy.", in_trace_key=True)
enable_compilation_cache = switch("enable_compilation_cache", True, "Keep compiled programs on disk.")
compilation_cache_dir = define(
    "compilation_cache_dir", None, "Where compiled programs are kept; None: in the user's cache directory.", _path
)
persistent_cache_min_compile_time_secs = define(
    "persistent_cache_min_compile_time_secs",
    1.0,
    "Programs that compile faster than this are not kept on disk.",
    _seconds,
    _parse_seconds,
)
persistent_cache_min_entry_size_bytes = define(
    "persistent_cache_min_entry_size_bytes",
    0,
    "Compiled programs smaller than this are not kept on disk.",
    _whole_number,
    _parse_whole_number,
)
compiler_options = define(
    "compiler_options",
    {},
    "XLA options for every compilation: {'xla_embed_ir_in_executable': True}.",
    _compiler_options,
    _parse_compiler_options,
    in_trace_key=True,
)
sharp_edges = choice(
    "sharp_edges",
    "default",
    ("compat", "default", "strict"),
    "What to do at a sharp edge: as JAX does, say so once and go on, or raise.",
    in_trace_key=True,
)

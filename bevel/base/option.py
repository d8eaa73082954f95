"""What an option is: a value for the process, and one for each thread that overrides it.

An option is a thread-local object whose class holds the value of the process. Python's own attribute lookup then does
all the work of reading: `enable_x64.value` finds this thread's override, else the process's value, in one C call.
Which options there are is in `settings`.
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
    argument: str = "new_val"  # what a call may name the value
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

    def __call__(self, new_val: Any = UNSET, **named: Any) -> Override:
        """A context manager, and decorator, under which this thread sees the value; a switch without one is on.

        Where an option calls its value otherwise (`argument`), that name is taken too: `disable_jit(disable=False)`.
        """
        value = named.pop(self.argument, new_val) if named else new_val
        if named:
            raise TypeError(f"{self.name}(…) takes one value; got {', '.join(named)} besides.")
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

    >>> from bevel.base.settings import enable_x64, trace_key
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


def closest(word: str, words) -> str | None:
    import difflib  # here for start-up time: only letters need it

    return next(iter(difflib.get_close_matches(word, words, n=1, cutoff=0.5)), None)


def define(
    name: str,
    default: Any,
    doc: str,
    accepts: Callable,
    parse: Callable = str,
    *,
    in_trace_key=False,
    on=UNSET,
    argument: str = "new_val",
) -> Option:
    """Makes a new option known. Its value is the environment's, where that has one, else `default`.

    on         its value in a block `with option():`, for an option that has one
    argument   what a call of it may name the value
    """
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
        "argument": argument,
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


def options() -> tuple[Option, ...]:
    """All options."""
    return tuple(_options.values())


def _option(name: str) -> Option:
    try:
        return _options[name.removeprefix("jax_")]
    except KeyError:
        pass
    prefix = "jax_" if name.startswith("jax_") else ""
    close = closest(name.removeprefix("jax_"), _options)
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
        return _option("enable_x64").value

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

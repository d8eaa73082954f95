"""What a program spends its time and memory on: recordings that XProf, TensorBoard and Perfetto show.

    import bevel
    with bevel.profiler.trace("/tmp/profile"):
        step(state).block_until_ready()

The recording lies in /tmp/profile/plugins/profile/<time>/: `*.xplane.pb` is read by XProf and by `ProfileData`,
`*.trace.json.gz` by Perfetto. Compiled code is shown under the user's lines. Names and arguments are those of
`jax.profiler`.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

from bevel.api.arrays import devices
from bevel.core.source import user_line
from bevel.engine import profiling

__all__ = [
    "annotate_function", "device_memory_profile", "register_subprocess", "save_device_memory_profile", "start_server",
    "start_trace", "stop_server", "stop_trace", "trace",
]  # fmt: skip

_of_profiler = ("ProfileOptions",)
_of_data = ("ProfileData", "ProfileEvent", "ProfilePlane")


def __getattr__(name):
    """Classes of the engine's profiler are loaded when first asked for: start-up time."""
    if name in _of_profiler:
        return getattr(profiling.profiler(), name)
    if name in _of_data:
        return getattr(profiling.profile_data(), name)
    if name in ("TraceAnnotation", "StepTraceAnnotation"):
        return _annotations()[name]
    raise AttributeError(f"module 'bevel.profiler' has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_of_profiler, *_of_data, "TraceAnnotation", "StepTraceAnnotation"])


@functools.cache
def _annotations():
    class TraceAnnotation(profiling.profiler().TraceMe):
        """A stretch of the host's time line with a name: `with TraceAnnotation("load data"): …`.

        name, **kwargs   the name, and facts that the recording shows beside it
        """

    class StepTraceAnnotation(TraceAnnotation):
        """One step of a loop: `with StepTraceAnnotation("train", step_num=i): …`; viewers then compare steps."""

        def __init__(self, name: str, **kwargs):
            super().__init__(name, _r=1, **kwargs)

    found = {}
    for made in (TraceAnnotation, StepTraceAnnotation):
        made.__qualname__, made.__module__ = made.__name__, __name__
        found[made.__name__] = made
    return found


# The recording under way (its folder, whether Perfetto is to have a file of its own), and the server.
_under_way: dict[str, Any] = {}


def start_trace(
    log_dir, create_perfetto_link: bool = False, create_perfetto_trace: bool = False, profiler_options=None
) -> None:
    """Begins to record what the process does, on host and devices, until `stop_trace`.

    log_dir                 the folder under which the recording is put
    create_perfetto_link    not available here: it would serve the recording to a web page
    create_perfetto_trace   also write `perfetto_trace.json.gz`, which ui.perfetto.dev reads
    profiler_options        a `ProfileOptions`
    raises                  RuntimeError where a recording is under way
    """
    if create_perfetto_link:
        raise NotImplementedError(
            "start_trace does not serve recordings to a web page. Take create_perfetto_trace=True and open the file "
            "perfetto_trace.json.gz at ui.perfetto.dev."
        )
    if not profiling.recording.start(profiler_options):
        raise RuntimeError(
            f"Profile has already been started{user_line(' at {}')}. Only one may run at a time: stop_trace()."
        )
    _under_way.update(log_dir=pathlib.Path(log_dir), perfetto=create_perfetto_trace)


def stop_trace() -> None:
    """Ends the recording and writes it. Raises RuntimeError where none is under way."""
    ended = profiling.recording.stop()
    if ended is None:
        raise RuntimeError(f"No profile started{user_line(' at {}')}: start_trace(log_dir) begins one.")
    session, recorded = ended
    session.export(recorded, str(_under_way["log_dir"]))
    if _under_way["perfetto"]:
        runs = sorted((_under_way["log_dir"] / "plugins" / "profile").iterdir(), key=lambda p: p.stat().st_mtime)
        for written in runs[-1].glob("*.trace.json.gz"):
            shutil.copy(written, written.parent / "perfetto_trace.json.gz")


@contextlib.contextmanager
def trace(log_dir, create_perfetto_link=False, create_perfetto_trace=False, profiler_options=None):
    """Records what happens within: `start_trace` and `stop_trace` around a block, whose failure is recorded too.

    >>> import pathlib, tempfile, bevel, bevel.numpy as jnp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with bevel.profiler.trace(folder):
    ...         _ = bevel.jit(jnp.tanh)(jnp.ones(8)).block_until_ready()
    ...     len(list(pathlib.Path(folder).rglob("*.xplane.pb")))
    1
    """
    start_trace(log_dir, create_perfetto_link, create_perfetto_trace, profiler_options)
    try:
        yield
    finally:
        stop_trace()


def annotate_function(func: Callable, name: str | None = None, **decorator_kwargs):
    """A function whose calls are stretches of the time line, under its name or the given one.

    >>> from bevel.profiler import annotate_function
    >>> annotate_function(lambda x: x + 1, name="add")(1)
    2
    """
    name = name or getattr(func, "__qualname__", None) or func.__class__.__qualname__

    @functools.wraps(func)
    def annotated(*args, **kwargs):
        with _annotations()["TraceAnnotation"](name, **decorator_kwargs):
            return func(*args, **kwargs)

    return annotated


def device_memory_profile(backend: str | None = None) -> bytes:
    """What lies in the memory of the devices: a file for `pprof`, as bytes.

    It names the lines of the program that made an array if the setting `array_tracebacks` was on when they did: the
    environment variable BEVEL_ARRAY_TRACEBACKS=1, or `config.update("array_tracebacks", True)`; or if the process had
    several threads.
    """
    return profiling.heap_profile(devices(backend)[0].client)


def save_device_memory_profile(filename, backend: str | None = None) -> None:
    """Writes `device_memory_profile` to a file: `pprof --web file`."""
    pathlib.Path(filename).write_bytes(device_memory_profile(backend))


def start_server(port: int, requires_backend: bool = True):
    """Serves recordings on request to TensorBoard and XProf, on a port; gives the server, which lives until dropped.

    requires_backend   wait for devices to be there
    raises             ValueError where a server runs
    """
    if _under_way.get("server") is not None:
        raise ValueError(f"Only one profiler server can be active at a time{user_line(' at {}')}: stop_server().")
    if requires_backend:
        profiling.client()
    _under_way["server"] = profiling.profiler().start_server(port)
    return _under_way["server"]


def stop_server() -> None:
    """Ends the server. Raises ValueError where none runs."""
    if _under_way.pop("server", None) is None:
        raise ValueError(f"No active profiler server{user_line(' at {}')}: start_server(port) starts one.")


def register_subprocess(pid: int, port: int):
    """Includes in recordings of this process what another one's server at `port` records; gives what undoes that."""
    return profiling.profiler().register_subprocess(pid, port)

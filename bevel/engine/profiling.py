"""XLA's profiler: one recording of the process at a time, marks on the host's time line, the memory of devices.

Its modules are loaded at the first use: programs that are not profiled start without them.
"""

from __future__ import annotations

import functools
import importlib
import threading
from types import ModuleType
from typing import Any

from bevel.engine.client import client


@functools.cache
def profiler() -> ModuleType:
    """jaxlib's profiler: `ProfilerSession`, `ProfileOptions`, `TraceMe`, `start_server`, `register_subprocess`."""
    return importlib.import_module("jaxlib._profiler")


@functools.cache
def profile_data() -> ModuleType:
    """jaxlib's reader of recordings: `ProfileData` and what it consists of."""
    return importlib.import_module("jaxlib._profile_data")


class Recording:
    """The process's one recording: started, stopped, and then handed over as bytes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Any = None

    def start(self, options: Any) -> bool:
        """Begins to record; False where a recording is under way."""
        with self.lock:
            if self.session is not None:
                return False
            client()  # a device's part of the profiler is there only once its client is
            module = profiler()
            self.session = module.ProfilerSession() if options is None else module.ProfilerSession(options)
            return True

    def stop(self) -> tuple[Any, bytes] | None:
        """Ends it: what writes it (`export(bytes, folder)`) and what was recorded; None where there is none."""
        with self.lock:
            session, self.session = self.session, None
        return None if session is None else (session, session.stop())


recording = Recording()


def heap_profile(device_client: Any = None) -> bytes:
    """What lies in the memory of a client's devices, as a profile that pprof reads."""
    return (client() if device_client is None else device_client).heap_profile()

"""A recording lands on disk and names what ran."""

import pathlib
import subprocess
import sys

import pytest

import bevel
import bevel.numpy as jnp
from bevel import profiler


def test_a_recording_of_a_jitted_function(tmp_path):
    @bevel.jit
    def heavy_step(x):
        return jnp.tanh(x @ x)

    x = jnp.ones((64, 64))
    with profiler.trace(tmp_path, create_perfetto_trace=True):
        with profiler.StepTraceAnnotation("my training step", step_num=3):
            heavy_step(x).block_until_ready()
        assert profiler.annotate_function(lambda: 7, name="my loader")() == 7
    [recorded] = pathlib.Path(tmp_path).rglob("*.xplane.pb")
    assert len(list(pathlib.Path(tmp_path).rglob("perfetto_trace.json.gz"))) == 1
    data = profiler.ProfileData.from_file(str(recorded))
    names = {event.name for plane in data.planes for line in plane.lines for event in line.events}
    assert {"my training step", "my loader"} <= names
    assert any("heavy_step" in name for name in names)


def test_one_recording_at_a_time(tmp_path):
    with pytest.raises(RuntimeError, match="No profile started"):
        profiler.stop_trace()
    profiler.start_trace(tmp_path)
    try:
        with pytest.raises(RuntimeError, match="Profile has already been started"):
            profiler.start_trace(tmp_path)
    finally:
        profiler.stop_trace()
    with pytest.raises(NotImplementedError, match="create_perfetto_trace=True"):
        profiler.start_trace(tmp_path, create_perfetto_link=True)
    with pytest.raises(ValueError, match="No active profiler server"):
        profiler.stop_server()


def test_memory_of_devices(tmp_path):
    kept = jnp.ones(1 << 18).block_until_ready()
    profiler.save_device_memory_profile(tmp_path / "memory.prof")
    assert b"buffer" in (tmp_path / "memory.prof").read_bytes()
    assert kept.nbytes == 1 << 20


LINES = """
import bevel, bevel.numpy as jnp
from bevel import profiler
from bevel.base import settings

def lines():
    kept = jnp.full(1 << 18, 3.0) * 2
    kept.block_until_ready()
    return b"lines" in profiler.device_memory_profile()

seen = [lines()]
with settings.array_tracebacks(True):
    seen.append(lines())
    assert bevel.jit(lambda x: x + 1).trace(1.0).jaxpr.eqns[0].source_info is not None
    seen.append(lines())
print(*seen, lines())
"""


def test_the_memory_profile_names_lines_where_they_are_kept():
    """In a process that has one thread: where there are several, they are kept in any case."""
    said = subprocess.run([sys.executable, "-c", LINES], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True", "True", "False"]

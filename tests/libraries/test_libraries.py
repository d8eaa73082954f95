"""Published libraries, unmodified, on Bevel under the name jax: each in simple use, in a process of its own.

A program in `data` uses one library and asserts what it computes; the same programs run on the real jax. They need the
library in this environment, or in that of BEVEL_LIBRARIES_PYTHON (docs/libraries.md says how to make one).
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PYTHON = os.environ.get("BEVEL_LIBRARIES_PYTHON", sys.executable)
# program → the modules it needs
PROGRAMS = {
    "blackjax": ["blackjax"],
    "diffrax": ["diffrax"],
    "distrax": ["distrax", "tensorflow_probability"],
    "equinox": ["equinox", "optax"],
    "flax_linen": ["flax", "optax"],
    "flax_nnx": ["flax", "optax"],
    "games": ["flashbax", "pgx", "rlax"],
    "haiku": ["haiku"],
    "lineax": ["lineax"],
    "numpyro": ["numpyro"],
    "optax": ["optax"],
    "optimistix": ["optimistix"],
    "physics": ["e3nn_jax", "jax_md", "mujoco", "s2fft"],
    "processes": ["dm_pix", "gpjax", "orbax"],
    "quax": ["quax"],
    "research": ["evosax", "flowjax", "folx", "jaxlie", "jraph", "mctx", "tinygp"],
    "small": ["chex", "einops", "jaxopt", "jaxtyping"],
}


@functools.cache
def installed() -> frozenset:
    every = sorted({module for modules in PROGRAMS.values() for module in modules})
    ask = f"import importlib.util as u; print(*[m for m in {every} if u.find_spec(m)])"
    return frozenset(subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("name", PROGRAMS)
def test_runs_on_bevel(name):
    lacking = sorted(set(PROGRAMS[name]) - installed())
    if lacking:
        pytest.skip(f"{', '.join(lacking)} not installed here (docs/libraries.md)")
    place = os.pathsep.join([str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-m", "bevel", "run", HERE / "data" / f"{name}_.py"],
        capture_output=True, text=True, timeout=280, env={**os.environ, "PYTHONPATH": place},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert name.split("_")[0] in done.stdout or name == "small"


def test_every_program_is_run():
    assert sorted(PROGRAMS) == sorted([path.stem.removesuffix("_") for path in (HERE / "data").glob("*_.py")])

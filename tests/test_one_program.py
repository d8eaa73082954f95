"""A function of a library, called on arrays, is one compiled program: each further one costs as much again.

Asked of the calls in the tables that `scripts/compare.py` plays: of each line one call of each function that it names.
"""

import ast
import collections
import importlib
import random
import sys
import warnings
from pathlib import Path

import pytest

import bevel
from bevel.api import jitted, stages
from bevel.engine import compile as engine
from bevel.engine import dispatch
from bevel.transforms import evaluate

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "data")]
import calls  # noqa: E402
import compare  # noqa: E402

LIBRARIES = ("jsp.", "lax.", "L.", "jax.nn.", "jax.random.", "jax.image.", "jax.ops.", "jax.flatten_util.", "jnp.fft.")

# expression → why it is several
KNOWN = {
    "jax.nn.initializers": "a draw and what it is multiplied by: as one they are rounded otherwise than under JAX",
    "jsp.sparse.linalg.gmres": "the solver, and whether there is NaN in what it gives, which is a tree of any form",
    "jsp.optimize": "the loop, and what the user's function is evaluated by",
    "lax.custom_": "functions of the user's, which are called as they are",
    # to be mended:
    "lax.full_like": "the number is made an array and then converted",
    "lax.index_in_dim": "a slice, and the axis left out",
}


@pytest.fixture
def programs(monkeypatch):
    """The programs that were run: no call is left to C++, which would not say so."""
    ran, names = [], {}
    compiled, run = evaluate.compile_program, engine.Executable.run

    def named(closed, *args, **kwargs):
        executable = compiled(closed, *args, **kwargs)
        names[id(executable.loaded)] = closed.jaxpr.name
        return executable

    def noted(self, arrays):
        ran.append(names.get(id(self.loaded), "?"))
        return run(self, arrays)

    for module in (evaluate, jitted, stages):
        monkeypatch.setattr(module, "fastpath", lambda *_: None)
    monkeypatch.setattr(evaluate, "compile_program", named)
    monkeypatch.setattr(engine.Executable, "run", noted)
    dispatch.forget_calls()
    yield ran
    bevel.clear_caches()  # the executables of this test are compiled by no other one


def taken_apart(line):
    """(the name of the one function that the line calls, a function of the operands that gives its arguments)."""
    way, source, *rest = line.split(" | ")
    tree = ast.parse(source, mode="eval")
    call = tree.body.body if isinstance(tree.body, ast.Lambda) else None
    name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
    if way != "call" or not name.startswith(LIBRARIES) or "(" in name:
        return None, None
    given = [f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords]
    tree.body.body = (
        ast.parse(f"(lambda *a, **k: (a, k))({', '.join([*map(ast.unparse, call.args), *given])})").body[0].value
    )
    return name, " | ".join([way, ast.unparse(ast.fix_missing_locations(tree)), *rest])


def chosen(table):
    """One call of each function in each line of a table, by chance, but always the same."""
    chance = random.Random(0)
    for line in compare.read(ROOT / "tests" / "data" / f"{table}_calls.txt")[0]:
        of_function = collections.defaultdict(list)
        for call in line:
            name, arguments = taken_apart(call)
            if name:
                of_function[name].append(arguments)
        for name, those in of_function.items():
            yield name, chance.choice(those)


@pytest.mark.slow
@pytest.mark.parametrize("table", ["lax", "linear", "scipy", "nn", "random", "rest"])
def test_an_eager_call_is_one_program(table, programs):
    for module in calls.MODULES:
        importlib.import_module(f"bevel.{module}")
    several, asked = {}, set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, line in chosen(table):
            spreads = (
                name.startswith("lax.") and "f32[1] " in line
            )  # axes of size 1 are spread by programs of their own
            if spreads or any(name.startswith(known) for known in KNOWN):
                continue
            try:
                function, arrays = calls.understood(bevel, line)
                args, kwargs = function(*arrays)
                called = calls.understood(bevel, f"call | {name}")[0]
                called(*args, **kwargs)
            except Exception:  # what is refused is another test's
                continue
            programs.clear()
            called(*args, **kwargs)
            asked.add(name)
            if len(programs) > 1:
                several[f"{name}: {line}"] = list(programs)
    assert asked
    assert not several, "\n".join([f"{where}: {ran}" for where, ran in several.items()])


FEW = {
    "lambda x: jax.lax.linalg.qdwh(x)": 1,
    "lambda x: jax.lax.linalg.symmetric_product(x, x)": 1,
    "lambda x: jax.lax.linalg.cholesky_update(x, x[0])": 2,  # x[0] is the other one
    "lambda x: jax.lax.linalg.eigh(x)": 1,
    "lambda x: jax.lax.dynamic_slice(x, (1, 0), (1, 1))": 1,
    "lambda x: jax.lax.dynamic_index_in_dim(x, np.int32(1), 0, False)": 1,
    "lambda x: jax.lax.dynamic_update_slice_in_dim(x, x, np.int8(-1), 1)": 1,
    "lambda x: jax.lax.index_take(x, (np.arange(2), np.arange(2)), (0, 1))": 1,
    "lambda x: jax.lax.fft(x, 'fft', (2,))": 1,
    "lambda x: jax.flatten_util.ravel_pytree({'a': x, 'b': [x, x]})[0]": 1,
    "lambda x: jsp.linalg.hilbert(3)": 1,
    "lambda x: jsp.linalg.pascal(3, 'lower')": 1,
    "lambda x: jsp.linalg.dft(3)": 1,
    "lambda x: jsp.signal.stft(x, nperseg=2)": 1,
    "lambda x: jsp.signal.csd(x, x, nperseg=2, average='median')": 1,
    "lambda x: jsp.signal.istft(x)": 1,
    "lambda x: jsp.spatial.transform.Rotation(np.ones(4, 'f')).magnitude()": 1,
    "lambda x: jsp.sparse.linalg.cg(x, x[0])[0]": 2,
    "lambda x: jnp.sin(jnp.cos(x))": 2,
}


@pytest.mark.parametrize("source", FEW)
def test_of_some_functions(source, programs):
    function, arrays = calls.understood(bevel, f"call | {source} | f32[2,2] posdef 0")
    function(*arrays)
    programs.clear()
    function(*arrays)
    assert len(programs) == FEW[source], programs

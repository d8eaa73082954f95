"""A function of a library, called on arrays, is one compiled program: each further one costs as much again.

Asked of the calls in the tables that `scripts/compare.py` plays: of each line one call of each function that it names.
"""

import ast
import collections
import importlib
import random
import re
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

LIBRARIES = ("jsp.", "lax.", "L.", "jax.nn.", "jax.random.", "jax.image.", "jax.ops.", "jax.flatten_util.", "jnp.")

# expression → why it is several
KNOWN = {
    "jsp.sparse.linalg.gmres": "the solver, and whether there is NaN in what it gives, which is a tree of any form",
    "jsp.optimize": "the loop, and what the user's function is evaluated by",
    "lax.custom_": "functions of the user's, which are called as they are",
    "jnp.apply_": "functions of the user's",
    "jnp.piecewise": "functions of the user's",
    "jnp.mask_indices": "a function of the user's",
    "jnp.resize": "reshaped apart: within the program XLA would divide for each element of a long array",
    "jnp.unique": "how many there are is read in between",
    "jnp.union1d": "as unique",
    "jnp.intersect1d": "as unique",
    "jnp.setdiff1d": "as unique",
    "jnp.setxor1d": "as unique",
    "jnp.compress": "where the condition holds is read in between",
    "jnp.extract": "as compress",
    "jnp.delete": "places are read: which are left decides the shape",
    "jnp.insert": "as delete",
    "jnp.roots": "how many leading coefficients are 0 is read in between",
    "jnp.polymul": "which coefficients lead is read in between",
    "jnp.bitwise_xor.at": "where a mask holds is read in between",
    # as one, the steps would be rounded otherwise than under JAX, where each is a program
    **dict.fromkeys(["jnp.bartlett", "jnp.blackman", "jnp.hamming", "jnp.hanning", "jnp.kaiser"], "in steps"),
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


TABLES = ["lax", "linear", "numpy", "scipy", "nn", "random", "rest", "eager"]


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_an_eager_call_is_one_program(table, programs):
    for module in calls.MODULES:
        importlib.import_module(f"bevel.{module}")
    several, asked = {}, set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, line in chosen(table):
            if name.startswith(tuple(KNOWN)):
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


SPACES = {
    "jnp": "numpy", "jnp.fft": "numpy.fft", "jnp.linalg": "numpy.linalg", "lax": "lax", "L": "lax.linalg",
    "jax.nn": "nn", "jax.random": "random", "jax.image": "image", "jax.ops": "ops", "jax.flatten_util": "flatten_util",
    **{f"jsp.{name}": f"scipy.{name}" for name in "cluster.vq fft integrate interpolate linalg ndimage optimize".split()},
    **{f"jsp.{name}": f"scipy.{name}" for name in "signal sparse.linalg special stats".split()},
}  # fmt: skip
# names of public functions that nobody counts → why
NOT_COUNTED = {
    "jnp.(einsum_path|f?info|iinfo|.*printoptions)": "no arrays",
    "jnp.(fromfile|load|savez?)": "files",
    "jnp.(frompyfunc|vectorize|view)": "what they give is called, or is a method",
    "lax.(associative_scan|cond|fori_loop|map|scan|switch|while_loop|platform_dependent)": "functions of the user's",
    "lax.(composite|stage|handle_called)": "functions of the user's",
    "lax.(all_|axis_|p[a-z]+$|psum_scatter|ragged_all_to_all)": "between devices, within shard_map",
    "lax.(.*_shape_tuple|conv_dimension_numbers|conv_general_permutations|DotDimensionNumbers|padtype_to_pads)": "no arrays",
    "lax.(absent|dtype|shape_as_value)": "no arrays",
    "lax.(after_all|create_token|dce_sink|with_sharding_constraint)": "marks, which compute nothing",
    "lax.(ragged_dot_general|scaled_dot)|jax.nn.*scaled_dot_general": "arguments that a line of a table cannot say",
    "jax.random.key_dtype": "no arrays",
    "jsp.optimize.minimize": "a function of the user's",
}


def test_each_public_function_is_counted_or_it_is_said_why_not():
    for module in calls.MODULES:
        importlib.import_module(f"bevel.{module}")
    counted = {
        taken_apart(call)[0]
        for table in TABLES
        for line in compare.read(ROOT / "tests" / "data" / f"{table}_calls.txt")[0]
        for call in line
    }
    public = []
    for short, name in SPACES.items():
        space = importlib.import_module(f"bevel.{name}")
        names = [n for n in getattr(space, "__all__", dir(space)) if not n.startswith("_")]
        found = {n: getattr(space, n) for n in names}
        public += [f"{short}.{n}" for n, f in found.items() if callable(f) and not isinstance(f, type)]
    assert len(public) > 800
    left = [n for n in public if n not in counted]
    excused = [n for n in left if any(re.match(known, n) for known in NOT_COUNTED)]
    assert not set(left) - {*excused, *[n for n in left if n.startswith(tuple(KNOWN))]}
    unused = [known for known in NOT_COUNTED if not any(re.match(known, n) for n in left)]
    assert not unused


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
    "lambda x: jax.nn.initializers.he_normal()(jax.random.PRNGKey(0), (3, 2))": 1,
    "lambda x: jax.nn.initializers.variance_scaling(1, 'fan_in', 'uniform')(jax.random.PRNGKey(0), (3, 2), 'c8')": 1,
    "lambda x: jax.nn.initializers.orthogonal(2)(jax.random.PRNGKey(0), (3, 2))": 1,
    "lambda x: jax.nn.initializers.delta_orthogonal()(jax.random.PRNGKey(0), (3, 2, 2))": 1,
    "lambda x: jax.nn.initializers.constant(x)(None, (2, 2))": 1,
    "lambda x: jnp.sin(jnp.cos(x))": 2,
}


@pytest.mark.parametrize("source", FEW)
def test_of_some_functions(source, programs):
    function, arrays = calls.understood(bevel, f"call | {source} | f32[2,2] posdef 0")
    function(*arrays)
    programs.clear()
    function(*arrays)
    assert len(programs) == FEW[source], programs

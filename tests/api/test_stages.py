"""Stages between a function and its compiled program; compiled programs as bytes."""

import subprocess
import sys

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import stages
from bevel.api.serializing import SerializationError
from bevel.base import settings
from bevel.experimental.serialize_executable import deserialize_and_load, serialize

X = np.arange(3, dtype=np.float32)


def model(x, p):
    return {"a": x * p["k"], "n": p["n"] + 1}


@pytest.fixture
def traced():
    return bevel.jit(model, donate_argnums=0).trace(X, {"k": np.float32(2), "n": 3})


def test_each_stage_tells_what_goes_in_and_out(traced):
    lowered = traced.lower()
    compiled = lowered.compile()
    assert [type(s) for s in (traced, lowered, compiled)] == [stages.Traced, stages.Lowered, stages.Compiled]
    for stage in (traced, lowered, compiled):
        (x, p), kwargs = stage.args_info
        assert (x.shape, x.dtype, x.donated, p["k"].donated, kwargs) == ((3,), np.float32, True, False, {})
        assert isinstance(x, stages.ArgInfo)
        assert stage.in_avals[0][1]["n"].weak_type
        assert stage.out_info["a"] == bevel.ShapeDtypeStruct((3,), np.float32)
        assert stage.donate_argnums == (0,)
    assert isinstance(bevel.jit(model), stages.Wrapped)
    assert not isinstance(model, stages.Wrapped)


def test_a_program_in_each_language(traced):
    lowered = traced.lower()
    assert lowered.as_text().startswith("module @jit_model")
    assert "loc(" in lowered.as_text(debug_info=True)
    text = lowered.as_text("hlo")
    assert "multiply(" in text
    assert "fusion" not in text
    assert "metadata" in lowered.as_text("hlo", debug_info=True)
    assert "is_scheduled" in lowered.compile().as_text()
    assert lowered.compiler_ir("hlo").as_hlo_text().startswith("HloModule")
    assert lowered.cost_analysis()["flops"] == 4
    assert lowered.compile().memory_analysis().argument_size_in_bytes == 3 * 4 + 4 + 4
    with pytest.raises(ValueError, match="'stablehlo' and 'hlo'; got 'mlir'"):
        lowered.as_text("mlir")


def test_programs_for_other_platforms_are_looked_at_only():
    lowered = bevel.jit(jnp.sin).trace(X).lower(lowering_platforms=("cuda",))
    assert "stablehlo.sine" in lowered.as_text()
    with pytest.raises(ValueError, match="was lowered for cuda and cannot be compiled here, on cpu"):
        lowered.compile()


def test_calls_that_do_not_fit_are_told_by_argument():
    compiled = bevel.jit(model).lower(X, {"k": 2.0, "n": 3}).compile()
    np.testing.assert_allclose(compiled(X, {"k": 3.0, "n": 3})["a"], 3 * X)
    with pytest.raises(TypeError, match=r"p\['k'\]: compiled for float32\[\], called with float32\[2\]"):
        compiled(X, {"k": X[:2], "n": 3})
    with pytest.raises(TypeError, match="x: compiled for float32.3., called with int32"):
        compiled(X.astype(np.int32), {"k": 2.0, "n": 3})
    with pytest.raises(TypeError, match="another structure"):
        compiled(X)
    with pytest.raises(TypeError, match="cannot be transformed"):
        bevel.grad(lambda x: compiled(x, {"k": 2.0, "n": 3})["a"].sum())(X)


def test_a_compiled_program_takes_pythons_numbers_that_its_dtypes_hold():
    """An int where it takes floats; no float where it takes ints, which would lose its fraction."""
    compiled = bevel.jit(lambda x, y: 2 * x + y).lower(jnp.float32(3), jnp.int32(4)).compile()
    assert float(compiled(1, 2)) == 4 and float(compiled(1.5, 2)) == 5
    for wrong in [(1.5, 2.5), (1j, 2), (True, 2), (1.5, np.int8(2))]:
        with pytest.raises(TypeError, match="[xy]: compiled for"):
            compiled(*wrong)


def test_python_values_that_became_static_are_told_too():
    with pytest.warns(UserWarning, match="takes it as static"):
        lowered = bevel.jit(lambda x, n: sum([x] * n)).lower(X, 2)
    assert [a.shape for a in lowered.args_info[0]] == [(3,), ()]
    np.testing.assert_allclose(lowered.compile()(X, 2), 2 * X)


def test_a_compiled_program_is_written_down_and_loaded():
    table = jnp.arange(200.0)  # a hidden argument

    def f(x, unused):
        return {"y": jnp.sort(x) + table[:3], "key": bevel.random.key(0)}

    compiled = bevel.jit(f).lower(X, 1).compile()
    for _ in range(2):  # what was loaded is written down again
        data, in_tree, out_tree = serialize(compiled)
        compiled = deserialize_and_load(data, in_tree, out_tree)
        for _ in range(2):
            found = compiled(X[::-1].copy(), 1)
            np.testing.assert_allclose(found["y"], 2 * X)
            assert bevel.random.key_data(found["key"]).shape == (2,)
    with pytest.raises(TypeError, match="x: compiled for"):
        compiled(X[:2], 1)
    with pytest.raises(SerializationError, match="did not write"):
        deserialize_and_load(b"x" * 40, in_tree, out_tree)
    called = bevel.jit(lambda x: bevel.pure_callback(np.sin, x, x)).lower(X).compile()
    with pytest.raises(SerializationError, match="calls Python functions"):
        serialize(called)


def test_a_program_that_sorts_is_written_down_after_it_ran(tmp_path):
    """XLA refuses to, so the bytes on disk are given; where there are none, the letter says how to go on."""
    with settings.enable_compilation_cache(True), settings.compilation_cache_dir(str(tmp_path)):
        compiled = bevel.jit(lambda x: jnp.sort(x) * 3.5).lower(X).compile()
        compiled(X)
        np.testing.assert_allclose(deserialize_and_load(*serialize(compiled))(X[::-1].copy()), 3.5 * X)
    with settings.enable_compilation_cache(False):
        compiled = bevel.jit(lambda x: jnp.sort(x) * 4.5).lower(X).compile()
        compiled(X)
        with pytest.raises(SerializationError, match="it sorts and has run"):
            serialize(compiled)


@pytest.mark.slow
def test_another_process_loads_it(tmp_path):
    data, _, _ = serialize(bevel.jit(lambda x: jnp.linalg.cholesky(jnp.eye(3) + jnp.outer(x, x))).lower(X).compile())
    (tmp_path / "program").write_bytes(data)
    script = (
        "import sys, numpy as np, bevel\n"
        "from bevel.experimental.serialize_executable import deserialize_and_load\n"
        "x = np.arange(3, dtype=np.float32)\n"
        "trees = bevel.tree.structure(((x,), {})), bevel.tree.structure(x)\n"
        "f = deserialize_and_load(open(sys.argv[1], 'rb').read(), *trees)\n"
        "l = np.asarray(f(x)); print(np.allclose(l @ l.T, np.eye(3) + np.outer(x, x)))"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "program"], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr


def test_a_lowered_program_is_found_again():
    f = bevel.jit(lambda x: x * 2)
    first, second = f.lower(jnp.ones(3)), f.lower(jnp.ones(3))
    assert first.compiler_ir() is second.compiler_ir()
    assert f.lower(jnp.ones(4)).compiler_ir() is not first.compiler_ir()
    donated = bevel.jit(lambda x: x * 2, donate_argnums=0).lower(jnp.ones(3))
    assert "tf.aliasing_output" in donated.as_text() and "tf.aliasing_output" not in second.as_text()
    for lowered in (first, second):
        assert lowered.compile()(jnp.ones(3)).tolist() == [2, 2, 2]

"""The real JAX beside Bevel in one process: a letter, which is an ImportError, whichever comes second."""

import subprocess
import sys
import textwrap

import pytest

A_JAX = "def __getattr__(name):\n    raise RuntimeError('it was run')\n"


def run(tmp_path, program):
    (tmp_path / "jax").mkdir(exist_ok=True)
    (tmp_path / "jax" / "__init__.py").write_text(A_JAX)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{textwrap.dedent(program)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["jax", "jax.numpy"])
def test_the_real_one_counts_as_installed_and_is_not_loaded(tmp_path, name):
    program = f"""
        import bevel, importlib.util
        print(importlib.util.find_spec("jax").origin)
        try:
            import {name}
        except ImportError as error:
            print(error)
    """
    said = run(tmp_path, program)
    assert "__init__.py" in said and "the real jax cannot share it" in said and "bevel.compat.install()" in said


def test_bevel_is_not_loaded_where_the_real_one_is(tmp_path):
    program = """
        import jax
        try:
            import bevel
        except ImportError as error:
            print(type(error).__name__, error)
    """
    said = run(tmp_path, program)
    assert said.startswith("OneEngineError The real jax is loaded in this process already")


def test_bevel_under_its_name_is_loaded_all_the_same(tmp_path):
    program = """
        import bevel.compat
        bevel.compat.install()
        import jax.numpy
        print(jax.numpy.ones(2), jax.numpy is bevel.numpy)
    """
    assert run(tmp_path, program) == "[1. 1.] True\n"


def test_where_it_is_not_installed_it_is_not_found(monkeypatch):
    from importlib.machinery import PathFinder

    from bevel.engine.alone import _Keeper

    monkeypatch.setattr(PathFinder, "find_spec", lambda *_: None)
    assert _Keeper().find_spec("jax") is None

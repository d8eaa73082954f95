"""The table of jaxlib's names is true of this jaxlib, and the features are what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bevel
from bevel.engine import jaxlib_names as names
from bevel.engine import jaxlib_table as table


def test_everything_needed_is_there():
    report = table.report()
    assert [row.path for row in report if row.is_trouble] == []
    assert len({row.path + row.use for row in report}) == len(report)


def _paths_touched(file):
    """The dotted paths below jaxlib that a file of Bevel names: imported, looked up by `found`, or written out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "jaxlib":
            below = node.module.split(".")[1:]
            imported |= {alias.asname or alias.name: ".".join([*below, alias.name]) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called, path = ast.unparse(node.func).split(".")[-1], node.args[0].value
            if called == "found":
                yield path
            elif called == "import_module" and path.startswith("jaxlib."):
                yield path.removeprefix("jaxlib.")
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in imported and rest.replace(".", "").replace("_", "").isalnum():
                yield f"{imported[root]}.{rest}"


def test_the_table_has_every_name_that_is_touched():
    rows = {row.path for row in table.report()}
    touched = {path for file in Path(bevel.__file__).parent.rglob("*.py") for path in _paths_touched(file)}
    assert len(touched) > 40
    ways = {path for path in touched if any(other.startswith(path + ".") for other in touched | rows)}
    assert touched - ways - rows == set()


def test_a_missing_name_is_found_missing():
    assert names.found("_jax.no_such_name") is None
    assert names.found("no_such_module.name") is None
    assert names.found("_jax.Client.no_such_method.name") is None
    assert names.found("_jax.pytree.PyTreeRegistry") is names.PyTreeRegistry
    assert table.Found("x", "", needed=True, present=False).is_trouble
    assert not table.Found("x", "", needed=False, present=False).is_trouble


def test_signatures_are_read():
    assert names.takes(names.batched_device_put, "enable_x64")
    assert not names.takes(names.batched_device_put, "no_such_argument")
    assert not names.takes(None, "anything")


def test_the_result_handler_works_as_the_feature_says(run_program):
    text = "module { func.func public @main(%a: tensor<f32>) -> tensor<f32> { return %a : tensor<f32> } }"
    assert run_program(text, [np.float32(2.5)], [((), "float32")]) == [2.5]
    if not names.FEATURES.array_result_handler_skip_checks:
        with pytest.raises(TypeError):
            names._jax.array_result_handler(None, None, True, _skip_checks=True)


def test_a_context_reads_every_dialect_of_our_programs():
    mlir = names.mlir()
    assert names.mlir() is mlir
    with mlir.new_context():
        module = mlir.ir.Module.parse("""module { sdy.mesh @mesh = <["x"=4]>
          func.func public @main(%a: tensor<4xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"x"}]>}) -> tensor<4xf32> {
            %0 = chlo.erf %a : tensor<4xf32> -> tensor<4xf32>
            %1 = stablehlo.add %0, %a : tensor<4xf32>
            return %1 : tensor<4xf32> } }""")
        assert "chlo.erf" in str(module)


def test_mlir_is_not_loaded_before_it_is_needed():
    code = "import sys, bevel.engine.jaxlib_names; print('jaxlib.mlir.ir' in sys.modules, 'jax' in sys.modules)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout == "False False\n"

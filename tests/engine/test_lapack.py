"""LAPACK's calls work once `ensure` was asked, from any thread, and GPU kernels are no error where there is no GPU."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from bevel.engine import jaxlib_names, lapack

CHOLESKY = """module { func.func public @main(%a: tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<i32>) {
  %0:2 = stablehlo.custom_call @lapack_spotrf_ffi(%a) {backend_config = {uplo = 76 : ui8}, api_version = 4 : i32,
    operand_layouts = [dense<[0,1]> : tensor<2xindex>],
    result_layouts = [dense<[0,1]> : tensor<2xindex>, dense<> : tensor<0xindex>],
    output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], operand_index = 0,
      operand_tuple_indices = []>]} : (tensor<3x3xf32>) -> (tensor<3x3xf32>, tensor<i32>)
  return %0#0, %0#1 : tensor<3x3xf32>, tensor<i32> } }"""


def test_cholesky_runs(run_program):
    lapack.ensure()
    matrix = np.array([[4, 2, 0], [2, 5, 1], [0, 1, 3]], np.float32)
    factor, info = run_program(CHOLESKY, [matrix], [((3, 3), "float32"), ((), "int32")])
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(matrix), rtol=1e-6)
    assert info == 0


def test_threads_may_ask_at_once(monkeypatch):
    monkeypatch.setattr(lapack, "_targets", {})
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(lapack.ensure("cpu"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(map(id, answers))) == 1


def test_the_routines_of_every_dtype_are_there():
    targets = lapack.ensure()
    for routine in ("potrf", "getrf", "geqrf", "gesdd", "geev", "gehrd", "sytrd", "gees", "trsm"):
        for letter in "sdcz":
            spellings = {routine, routine.replace("sy", "he") if letter in "cz" else routine}
            assert any(f"lapack_{letter}{spelling}_ffi" in targets for spelling in spellings), (routine, letter)
    assert sum(name.startswith(lapack.PREFIX) for name in targets) >= 60


@pytest.mark.parametrize("platform", ["cuda", "gpu", "rocm", "tpu"])
def test_a_platform_without_its_plugin_has_no_kernels(platform):
    if jaxlib_names.found("plugin_support.import_from_plugin")("cuda", "_solver") is not None:
        pytest.skip("a GPU plugin is installed")
    assert lapack.ensure(platform) == frozenset()


def test_a_program_says_whether_it_needs_lapack():
    assert lapack.is_needed(CHOLESKY)
    assert not lapack.is_needed("module {}")
    for target in ("cusolver_getrf_ffi", "cuhybrid_geqp3", "cusparse_gtsv2_ffi", "cu_lu_pivots_to_permutation"):
        assert lapack.is_needed(f"stablehlo.custom_call @{target}(%0)")


def test_scipy_is_not_loaded_before_it_is_needed():
    code = "import sys, bevel.engine.lapack; print([m for m in sys.modules if m == 'scipy' or m == 'jaxlib.lapack'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

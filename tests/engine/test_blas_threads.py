"""OpenBLAS has one thread until a program comes that is worth more, or as many as the user says."""

import os
import subprocess
import sys

import pytest

from bevel.engine.blas_threads import WORTH_SHARING, _library, largest

PROGRAM = """
import bevel, bevel.numpy as jnp, numpy as np
from bevel.engine import blas_threads, lapack
threads = blas_threads._library().scipy_openblas_get_num_threads
seen = [threads()]
bevel.jit(jnp.linalg.cholesky)(np.eye(40, dtype="float32"))
seen.append(threads())
lapack.ensure_for("stablehlo.custom_call @lapack_sgetrf_ffi(%0) : (tensor<1500x1500xf32>) -> ()", "cpu")
seen.append(threads())
print(*seen)
"""


@pytest.mark.skipif(_library() is None, reason="SciPy has a BLAS other than OpenBLAS here")
@pytest.mark.parametrize("chosen", [None, "2"])
def test_threads(chosen):
    names = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"}
    environment = {k: v for k, v in os.environ.items() if k not in names}
    if chosen:
        environment["OMP_NUM_THREADS"] = chosen
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    first, small, large = run.stdout.split()
    assert large == first and small == (first if chosen else "1")


def test_the_largest_matrix_of_a_program():
    call = "%0:3 = stablehlo.custom_call @lapack_{}_ffi(%arg0) {{}} : ({}) -> ({}, tensor<3x5xi32>)"
    square, tall = "tensor<4x100x100xcomplex<f64>>", "tensor<2000x3000xf32>"
    assert largest(call.format("zgetrf", square, square)) == 100**3
    assert largest(call.format("sgeqrf", tall, tall)) == 2000 * 3000 * 2000 > WORTH_SHARING
    assert largest("stablehlo.dot_general : (tensor<5000x5000xf32>) -> tensor<5000x5000xf32>") == 0

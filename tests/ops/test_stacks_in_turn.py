"""LAPACK is given one stack of matrices at a time: two at once wait for each other for ever on two cores."""

import subprocess
import sys

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax

A = np.random.RandomState(0).randn(300, 16, 16).astype("float32")
B = np.random.RandomState(1).randn(300, 16, 1).astype("float32")
solve = bevel.jit(jnp.linalg.solve)

PROGRAMS = {
    "side by side": lambda a, b: [jnp.linalg.solve(a * i, b + i) for i in (1, 2, 3)],
    "in functions": lambda a, b: [solve(a * i, b + i) for i in (1, 2, 3)],
    "in a loop and beside it": lambda a, b: [
        lax.fori_loop(0, 3, lambda i, x: jnp.linalg.solve(a + i, x), b),
        jnp.linalg.solve(a * 2, b),
        jnp.linalg.inv(a),
    ],
    "in a branch and beside it": lambda a, b: [
        lax.cond(b[0, 0, 0] > 0, lambda: jnp.linalg.solve(a, b), lambda: b),
        jnp.linalg.solve(a * 2, b),
    ],
    "gradients": bevel.grad(
        lambda a, b: sum((bevel.checkpoint(jnp.linalg.solve)(a * i, b) ** 2).sum() for i in (1, 2, 3)), (0, 1)
    ),
    "complex": lambda a, b: [jnp.linalg.solve(a + 1j * i, b) for i in (1, 2, 3)],
    "several routines": lambda a, b: [jnp.linalg.eigvals(a), jnp.linalg.qr(a * 2)[1], jnp.linalg.svd(a * 3)[1]],
}


def play():
    for name, program in PROGRAMS.items():
        together = bevel.jit(program)
        for _ in range(40):
            bevel.block_until_ready(together(A, B))
        print(name, flush=True)


def test_programs_of_several_stacks_end():
    code = "from tests.ops.test_stacks_in_turn import play; play()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == [*PROGRAMS], done.stderr[-2000:]


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "gradients"])
def test_results_are_those_of_each_alone(name):
    together = bevel.jit(PROGRAMS[name])(A, B)
    alone = [bevel.jit(lambda a, b, i=i: PROGRAMS[name](a, b)[i])(A, B) for i in range(len(together))]
    for x, y in zip(together, alone, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-3)


def choices(program, *operands):
    return bevel.jit(program).lower(*operands).as_text().count("stablehlo.select")


def test_what_follows_by_itself_is_left_alone():
    """The triangular systems of one solution need its factors."""
    alone = choices(lambda a, b: jnp.linalg.solve(a, b), A, B)
    assert choices(lambda a, b: [jnp.linalg.solve(a, b), jnp.linalg.solve(a + 1, b)], A, B) == 2 * alone + 1
    single = choices(lambda a, b: jnp.linalg.solve(a, b), A[0], B[0])
    assert choices(lambda a, b: [jnp.linalg.solve(a, b), jnp.linalg.solve(a + 1, b)], A[0], B[0]) == 2 * single

"""Windows over all of an axis, as in global pooling: found by reductions, which nothing computes again."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.ops.logic import GE, LE
from bevel.ops.pooling import ReduceWindowMax, ReduceWindowMin, ReduceWindowSum
from bevel.ops.routing import SelectAndGatherAdd, SelectAndScatterAdd

SHAPE, WINDOW = (4, 9, 10, 128), (1, 9, 10, 1)
NONE = ((0, 0),) * 4


def numbers(dtype="float32", ties=False):
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, SHAPE) if ties else rng.standard_normal(SHAPE) * 8
    return np.array(jnp.asarray(x).astype(dtype))


def text(function, *operands):
    return bevel.jit(function).lower(*operands).as_text()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
@pytest.mark.parametrize("cls", [ReduceWindowSum, ReduceWindowMax, ReduceWindowMin])
@pytest.mark.parametrize(
    "window, padding", [(WINDOW, NONE), ((1, 9, 3, 1), NONE), ((1, 9, 4, 1), (*NONE[:2], (2, 1), (0, 0)))]
)
def test_pooling_over_whole_axes(cls, dtype, window, padding):
    op = cls(window, (1, 3, 2, 1), padding, (1, 1, 1, 1), (1, 1, 1, 1))
    x = numbers(dtype)
    found, expected = [np.asarray(v, "float64") for v in (op(x), op.reference(x))]
    size = np.abs(x.astype("float64")).sum((1, 2), keepdims=True).max()
    exact = {"float32": 1e-6 * size, "bfloat16": 2.0**-8 * np.abs(expected).max(), "int32": 0}[dtype]
    assert np.abs(found - expected).max() <= (exact if cls is ReduceWindowSum else 0)
    if window == WINDOW and cls is ReduceWindowSum and dtype == "float32":  # others reduce by slices as well
        assert "stablehlo.slice" not in text(op, x)


@pytest.mark.parametrize("prefers", [GE, LE])
@pytest.mark.parametrize("kind", ["plain", "ties", "nan", "worst"])
def test_the_slope_goes_to_the_element_that_xlas_windows_take(prefers, kind):
    x = numbers(ties=kind != "plain")
    if kind == "nan":  # after one its successor is taken, the last one itself
        x[0, 2, 3, ::2] = x[0, 5, 0, ::3] = x[1, 8, 9, ::2] = x[2, 0, 0, :7] = x[3, :, :, 5] = np.nan
        x[1, :, :, 0] = -np.inf
        x[1, 4, 4, 0] = np.nan
    if kind == "worst":
        x[:2] = -np.inf if prefers == GE else np.inf
    t = np.random.default_rng(1).standard_normal(SHAPE).astype("float32")
    gather = SelectAndGatherAdd(prefers, WINDOW, (1, 1, 1, 1), NONE)
    scatter = SelectAndScatterAdd(prefers, WINDOW, (1, 1, 1, 1), NONE)
    source = t[:, :1, :1] + 2
    assert np.array_equal(gather(t, x), gather.reference(t, x))
    assert np.array_equal(scatter(source, x), scatter.reference(source, x))
    for program in (text(gather, t, x), text(scatter, source, x)):
        assert "reduce_window" not in program and "select_and_scatter" not in program


@pytest.mark.parametrize("combine, start, reduced", [(lax.add, 0.0, jnp.sum), (lax.max, -jnp.inf, jnp.max)])
def test_gradients_of_global_pooling_are_those_of_reductions(combine, start, reduced):
    x = numbers()
    pooled = lambda x: (lax.reduce_window(x, start, combine, WINDOW, (1, 1, 1, 1), "VALID") ** 2).sum()
    plain = lambda x: (reduced(x, (1, 2)) ** 2).sum()
    assert np.allclose(bevel.grad(pooled)(x), bevel.grad(plain)(x), rtol=1e-5)

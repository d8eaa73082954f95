"""Random programs of two to ten primitives, under random stacks of jit, grad, jvp and vmap.

Each is compared with an oracle that knows no transformation: the primitives' references in NumPy, differences in
float64 for derivatives, and a Python loop for vmap. Every function here takes an array to an array of its shape, and so
does each transformation of one: grad is that of the sum weighed by fixed numbers, jvp is along a fixed direction.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bevel
from bevel.base import settings as options
from bevel.core.trace import get_aval
from bevel.engine.client import to_host
from bevel.ops.arithmetic import Add, Div, Max, Neg, Sub
from bevel.ops.cutting import Concatenate, Pad, Slice
from bevel.ops.dot import DotGeneral
from bevel.ops.elementwise import Mul
from bevel.ops.exponential import Exp, Log1p, Logistic, Tanh
from bevel.ops.logic import Gt, SelectN
from bevel.ops.shapes import BroadcastInDim, ReduceSum, Reshape, Rev, Transpose
from bevel.ops.trigonometric import Cos, Sin

SHAPE = (2, 3)
FIXED = np.asarray([[0.5, -0.25, 0.75], [-0.6, 0.3, 0.9]])
MASK = np.asarray([[True, False, True], [False, True, True]])
WEIGHTS = np.asarray([[1.0, -2.0, 0.5], [0.3, 1.5, -0.7]])
DIRECTION = np.asarray([[0.4, 1.0, -0.6], [-1.1, 0.2, 0.8]])
MATRIX = np.asarray([[0.2, -0.5, 0.1], [0.7, 0.3, -0.2], [-0.4, 0.6, 0.5]])


class InNumPy:
    """Applies a primitive by its reference."""

    @staticmethod
    def apply(op, *xs):
        with np.errstate(all="ignore"):
            return np.asarray(op.reference(*[np.asarray(x) for x in xs]))


class InBevel:
    """Applies a primitive under the current trace."""

    @staticmethod
    def apply(op, *xs):
        return op(*xs)


# ---- steps: each takes two values of SHAPE to one, as smooth functions do that stay of size one


def _of_one(op):
    return lambda run, x, y: run(op, x)


def _mean_of_columns(run, x, y):
    return run(BroadcastInDim(SHAPE, (1,)), run(Mul(), run(ReduceSum((0,)), x), np.full(3, 0.5)))


def _turned_twice(run, x, y):
    return run(Transpose((1, 0)), run(Sin(), run(Transpose((1, 0)), x)))


def _reshaped(run, x, y):
    return run(Reshape(SHAPE), run(Mul(), run(Reshape((6,)), x), run(Reshape((6,)), y)))


def _cut_and_joined(run, x, y):
    left, right = run(Slice((0, 0), (2, 1)), x), run(Slice((0, 1), (2, 3)), y)
    return run(Concatenate(1), right, left)


def _padded(run, x, y):
    return run(
        Pad(((0, 0, 0), (1, 1, 1))), run(Slice((0, 0), (2, 1)), x), run(Reshape(()), run(Slice((0, 0), (1, 1)), y))
    )


def _chosen(run, x, y):
    return run(SelectN(), run(Gt(), x, np.full(SHAPE, 10.0)), run(SelectN(), MASK, x, y), y)


def _through_a_matrix(run, x, y):
    return run(DotGeneral((((1,), (0,)), ((), ())), None, None), x, MATRIX)


def _gram(run, x, y):
    square = run(DotGeneral((((1,), (1,)), ((), ())), None, None), x, y)
    return run(DotGeneral((((1,), (0,)), ((), ())), None, None), run(Tanh(), square), FIXED)


STEPS = {
    "sin": _of_one(Sin()),
    "cos": _of_one(Cos()),
    "tanh": _of_one(Tanh()),
    "logistic": _of_one(Logistic()),
    "neg": _of_one(Neg()),
    "rev": _of_one(Rev((1,))),
    "add": lambda run, x, y: run(Add(), x, y),
    "sub": lambda run, x, y: run(Sub(), x, y),
    "mul": lambda run, x, y: run(Mul(), run(Tanh(), x), y),
    "div": lambda run, x, y: run(Div(), x, run(Add(), np.full(SHAPE, 2.0), run(Sin(), y))),
    "exp": lambda run, x, y: run(Exp(), run(Tanh(), x)),
    "log1p": lambda run, x, y: run(Log1p(), run(Mul(), x, x)),
    "scaled": lambda run, x, y: run(Mul(), x, np.float64(0.5)),
    "max": lambda run, x, y: run(Max(), x, run(Add(), y, np.full(SHAPE, 20.0))),
    "mean of columns": _mean_of_columns,
    "turned twice": _turned_twice,
    "reshaped": _reshaped,
    "cut and joined": _cut_and_joined,
    "padded": _padded,
    "chosen": _chosen,
    "through a matrix": _through_a_matrix,
    "gram": _gram,
}


@dataclass(frozen=True)
class Program:
    """Steps, each (name, from which value, and which other): the values are x, FIXED, and what the steps gave."""

    steps: tuple

    def __call__(self, run, x):
        values = [x, FIXED]
        for name, first, second in self.steps:
            values.append(STEPS[name](run, values[first % len(values)], values[second % len(values)]))
        return run(Add(), run(Mul(), x, np.float64(0.25)), values[-1])  # so that x always matters


programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 11), st.integers(0, 11)), min_size=2, max_size=8
).map(lambda steps: Program(tuple(steps)))

# ---- transformations, by Bevel and by an oracle


def _grad(f, weights):
    def weighed(x):
        product = Mul()(f(x), weights)
        return ReduceSum(tuple(range(len(get_aval(product).shape))))(product)

    return bevel.grad(weighed)


BY_BEVEL = {
    "jit": lambda f, like: bevel.jit(f),
    "grad": lambda f, like: _grad(f, _spread(WEIGHTS, like)),
    "jvp": lambda f, like: lambda x: bevel.jvp(f, (x,), (_spread(DIRECTION, like),))[1],
    "linearize": lambda f, like: lambda x: bevel.linearize(f, x)[1](_spread(DIRECTION, like)),
    "vmap": lambda f, like: bevel.vmap(f),
    "vmap of the last axis": lambda f, like: bevel.vmap(f, in_axes=-1, out_axes=-1),
}
STEP = {1: 1e-5, 2: 1e-3}
MOST_DERIVATIVES = 2


def _spread(array, like):
    return np.broadcast_to(array, like) if like[-2:] == SHAPE else np.resize(array, like)


def _numerical_slope(f, x, direction, step):
    # fourth order in the step, so that derivatives of derivatives keep enough digits
    near = f(x + step * direction) - f(x - step * direction)
    far = f(x + 2 * step * direction) - f(x - 2 * step * direction)
    return (8 * near - far) / (12 * step)


def _numerical_gradient(f, x, weights, step):
    found = np.zeros(x.size)
    for i in range(x.size):
        unit = np.zeros(x.size)
        unit[i] = 1
        found[i] = np.sum(weights * _numerical_slope(f, x, unit.reshape(x.shape), step))
    return found.reshape(x.shape)


def _by_oracle(name, f, like, step):
    if name == "jit":
        return f
    if name == "grad":
        return lambda x: _numerical_gradient(f, x, _spread(WEIGHTS, like), step)
    if name in ("jvp", "linearize"):
        return lambda x: _numerical_slope(f, x, _spread(DIRECTION, like), step)
    axis = 0 if name == "vmap" else -1
    return lambda x: np.stack([f(e) for e in np.moveaxis(x, axis, 0)], axis)


def _shapes(stack):
    """The shape of the argument at each level of a stack, innermost first."""
    shape, found = SHAPE, []
    for name in stack:
        if name.startswith("vmap"):
            shape = (2, *shape) if name == "vmap" else (*shape, 2)
        found.append(shape)
    return found


stacks = st.lists(st.sampled_from(sorted(BY_BEVEL)), min_size=1, max_size=4).filter(
    lambda stack: (
        sum(name in ("grad", "jvp", "linearize") for name in stack) <= MOST_DERIVATIVES
        and sum(name.startswith("vmap") for name in stack) <= 2
    )
)


def _check(program, stack):
    derivatives = sum(name in ("grad", "jvp", "linearize") for name in stack)
    got, expected = (lambda x: program(InBevel.apply, x)), (lambda x: program(InNumPy.apply, x))
    shapes = _shapes(stack)
    for name, shape in zip(stack, shapes, strict=True):
        got = BY_BEVEL[name](got, shape)
        expected = _by_oracle(name, expected, shape, STEP.get(derivatives, 1e-5))
    x = np.round(np.random.default_rng(3).uniform(-1, 1, shapes[-1]), 2)
    with options.enable_x64(True):
        found = to_host(bevel.jit(got)(x))
    tolerance = {0: 1e-12, 1: 1e-8, 2: 1e-6}[derivatives]
    wanted = expected(x)
    said = f"{program.steps} under {' then '.join(stack)}"
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * (1 + np.abs(wanted).max()), err_msg=said)


@settings(max_examples=30)
@given(programs, stacks)
def test_transformed_program_agrees_with_the_oracle(program, stack):
    _check(program, stack)


@pytest.mark.parametrize("name", sorted(STEPS))
def test_each_step_under_each_transformation(name):
    """Every step is tried whatever chance brings, so that a step that never holds is seen."""
    _check(Program(((name, 0, 1), (name, 2, 0))), ["grad", "vmap of the last axis", "jit"])
    _check(Program(((name, 1, 0),)), ["jvp", "vmap"])
    _check(Program(((name, 0, 0),)), ["grad", "jvp"])


@settings(max_examples=15)
@given(programs)
def test_eager_program_agrees_with_its_references(program):
    x = FIXED[::-1].copy()
    with options.enable_x64(True):
        found = to_host(program(InBevel.apply, x))
    np.testing.assert_allclose(found, program(InNumPy.apply, x), rtol=1e-12, atol=1e-12)


def test_a_planted_fault_is_found():
    """A wrong slope inside one of the steps does not pass."""

    class Wrong(Tanh):
        def jvp(self, primals, tangents):
            y, dy = Tanh.jvp(self, primals, tangents)
            return y, Mul()(dy, np.float64(1.001))

    wrong = object.__new__(Wrong)
    wrong.__dict__.update(Tanh().__dict__, call=None, results={}, key=("wrong",), hash=hash(("wrong",)))
    STEPS["wrong"] = _of_one(wrong)
    try:
        with pytest.raises(AssertionError):
            _check(Program((("wrong", 0, 0), ("sin", 2, 2))), ["grad", "jit"])
    finally:
        del STEPS["wrong"]

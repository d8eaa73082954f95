"""jax.example_libraries: optimizers go downhill by their formulas, layers have the shapes they announce."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.compat.example_libraries import optimizers, stax

PARAMS = {"w": jnp.arange(6.0).reshape(2, 3) / 5, "b": jnp.ones(3)}
MADE = {
    "sgd": (0.1,), "momentum": (0.05, 0.5), "nesterov": (0.05, 0.5), "adagrad": (0.3,), "rmsprop": (0.02,),
    "rmsprop_momentum": (0.01,), "adam": (0.05,), "adamax": (0.05,), "sm3": (0.3,),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_optimizers_go_downhill(name):
    init, update, get_params = getattr(optimizers, name)(*MADE[name])
    loss = lambda p: jnp.sum((p["w"] - 1) ** 2) + jnp.sum((p["b"] + 2) ** 2) / 3

    @bevel.jit
    def step(i, state):
        return update(i, bevel.grad(loss)(get_params(state)), state)

    state, start = init(PARAMS), loss(PARAMS)
    for i in range(60):
        state = step(i, state)
    assert loss(get_params(state)) < 0.6 * start
    again = optimizers.pack_optimizer_state(optimizers.unpack_optimizer_state(state))
    assert bevel.tree.structure(again) == bevel.tree.structure(state)
    with pytest.raises(TypeError, match="not that of the parameters"):
        update(0, PARAMS["w"], state)


def test_the_first_step_of_adam_is_the_step_size():
    init, update, get_params = optimizers.adam(0.1)
    moved = get_params(update(0, jnp.asarray([3.0, -5.0]), init(jnp.zeros(2))))
    np.testing.assert_allclose(moved, [-0.1, 0.1], rtol=1e-5)


def test_schedules_and_norms():
    at = lambda schedule: [round(float(schedule(i)), 4) for i in (0, 5, 20)]
    assert at(optimizers.exponential_decay(0.1, 10, 0.5)) == [0.1, 0.0707, 0.025]
    assert at(optimizers.inverse_time_decay(0.1, 10, 0.5, staircase=True)) == [0.1, 0.1, 0.05]
    assert at(optimizers.polynomial_decay(0.1, 10, 0.01, 2.0)) == [0.1, 0.0325, 0.01]
    assert at(optimizers.piecewise_constant([3, 6], [1.0, 2.0, 3.0])) == [1, 2, 3]
    with pytest.raises(ValueError, match="one value more than boundaries"):
        optimizers.piecewise_constant([3], [1.0])
    assert np.isclose(optimizers.l2_norm(optimizers.clip_grads(PARAMS, 0.5)), 0.5)


def test_layers():
    layers = (
        stax.Conv(4, (3, 3), padding="SAME"), stax.BatchNorm(), stax.Relu, stax.MaxPool((2, 2), strides=(2, 2)),
        stax.AvgPool((2, 2), padding="SAME"), stax.FanOut(2), stax.parallel(stax.Identity, stax.ConvTranspose(4, (1, 1))),
        stax.FanInSum, stax.Flatten, stax.Dropout(0.9), stax.Dense(3), stax.LogSoftmax,
    )  # fmt: skip
    init, apply = stax.serial(*layers)
    shape, params = init(bevel.random.key(0), (-1, 8, 8, 2))
    assert shape == (-1, 3)
    x = bevel.random.normal(bevel.random.key(1), (5, 8, 8, 2))
    found = bevel.jit(lambda p, x: apply(p, x, rng=bevel.random.key(2)))(params, x)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), np.ones(5), rtol=1e-5)
    pooled = stax.AvgPool((2, 2), padding="SAME")[1]((), jnp.ones((1, 3, 3, 1)))
    np.testing.assert_allclose(pooled, np.ones((1, 3, 3, 1)))  # what lies beyond the edge does not count
    with pytest.raises(ValueError, match="Dropout draws what it drops"):
        stax.Dropout(0.5)[1]((), x)

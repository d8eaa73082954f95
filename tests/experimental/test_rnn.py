"""lstm: against its equations in NumPy, one sequence at a time."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.errors import BevelError
from bevel.experimental import rnn
from bevel.testing import check_grads

IN, HIDDEN, LAYERS = 3, 2, 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def direction(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """One direction over one sequence [t, in]."""
    outputs = []
    for row in x:
        i, f, g, o = np.split(w_ih @ row + w_hh @ h + b_ih + b_hh, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs).reshape(len(x), len(h)), h, c


def by_numpy(x, h_0, c_0, weights, lengths, both):
    ways = 2 if both else 1
    parts, place = [[], [], [], []], 0

    def take(kind, *shape):
        nonlocal place
        parts[kind].append(weights[place : place + np.prod(shape)].reshape(shape))
        place += np.prod(shape)

    for i in range(LAYERS * ways):
        take(0, 4 * HIDDEN, IN if i < ways else HIDDEN * ways)
        take(1, 4 * HIDDEN, HIDDEN)
    for _ in range(LAYERS * ways):
        take(2, 4 * HIDDEN)
        take(3, 4 * HIDDEN)
    assert place == len(weights)
    y, h_n, c_n = np.zeros((*x.shape[:2], HIDDEN * ways)), h_0.copy(), c_0.copy()
    for b, length in enumerate(lengths):
        row = x[b, :length]
        for first in range(0, LAYERS * ways, ways):
            outputs = []
            for i in range(first, first + ways):
                turn = slice(None, None, -1 if i > first else 1)
                out, h_n[i, b], c_n[i, b] = direction(row[turn], h_0[i, b], c_0[i, b], *[p[i] for p in parts])
                outputs.append(out[turn])
            row = np.concatenate(outputs, -1)
        y[b, :length] = row
    return y, h_n, c_n


def given(both):
    rng = np.random.default_rng(0)
    ways = 2 if both else 1
    weights = rng.normal(size=rnn.get_num_params_in_lstm(IN, HIDDEN, LAYERS, both)).round(2)
    x = rng.normal(size=(3, 4, IN)).round(2)
    h_0, c_0 = rng.normal(size=(2, LAYERS * ways, 3, HIDDEN)).round(2)
    return (x, h_0, c_0, weights), np.array([4, 2, 0])


@pytest.mark.parametrize("both", [False, True])
def test_values_are_those_of_the_equations(both):
    args, lengths = given(both)
    sizes = IN, HIDDEN, LAYERS, 0.0, both
    with bevel.enable_x64(True):
        want = by_numpy(*args, lengths, both)
        got = rnn.lstm(*args, lengths, *sizes)
        parts = rnn.unpack_lstm_weights(jnp.asarray(args[3]), IN, HIDDEN, LAYERS, both)
        again = rnn.lstm_ref(*args[:3], *parts, lengths, *sizes)
    for a, b, c in zip(want, got, again, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(c, a, rtol=1e-12, atol=1e-14)


def test_gradients_are_differences():
    args, lengths = given(True)
    with bevel.enable_x64(True):
        check_grads(lambda *a: rnn.lstm(*a, lengths, IN, HIDDEN, LAYERS, False, True), args, 1, modes=["rev"])


def test_weights_at_random():
    weights = rnn.init_lstm_weight(bevel.random.key(0), 3, 4, 2, True)
    assert weights.shape == (736,) and weights.dtype == "float32"
    assert 0.49 < abs(weights).max() <= 0.5


@pytest.mark.parametrize(
    "change, words",
    [
        ({"dropout": 0.5}, "no dropout between its layers; dropout is 0.5"),
        ({"x": np.zeros((3, 4))}, r"x of shape \(…, …, 3\): batch, time, input_size; got \(3, 4\)"),
        ({"h_0": np.zeros((2, 3, 2))}, r"h_0 of shape \(4, 3, 2\)"),
        ({"weights": np.zeros(7)}, r"weights of shape \(\d+\): get_num_params_in_lstm"),
        ({"seq_lengths": np.array([1, 2])}, r"seq_lengths of shape \(3\): one a sequence"),
    ],
)
def test_letters(change, words):
    (x, h_0, c_0, weights), lengths = given(True)
    arguments = {"x": x, "h_0": h_0, "c_0": c_0, "weights": weights, "seq_lengths": lengths, "dropout": 0.0}
    with pytest.raises(BevelError, match=words):
        rnn.lstm(**{**arguments, **change}, input_size=IN, hidden_size=HIDDEN, num_layers=LAYERS, bidirectional=True)

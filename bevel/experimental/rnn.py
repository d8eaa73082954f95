"""LSTM, many layers deep and in both directions, of weights in one vector: `lstm`.

The layout of weights is cuDNN's (CUDNN_LSTM, double bias): of each layer's direction W_ih [4 h, in] and W_hh [4 h, h],
layer by layer, forward before backward; then b_ih and b_hh [4 h] likewise. Rows stand in the order of the gates: input,
forget, cell, output. The layers run as one compiled program on every platform.

Source: Hochreiter, Schmidhuber 1997, "Long Short-Term Memory"; Gers, Schmidhuber, Cummins 2000 for the forget gate.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bevel import random
from bevel.api.control_flow import scan
from bevel.api.jit import jit
from bevel.base import dtypes
from bevel.base.errors import BevelError, ShapeError
from bevel.core.source import user_line
from bevel.core.trace import get_aval
from bevel.lax.joining import split
from bevel.nn.activations import sigmoid
from bevel.numpy.choosing import where
from bevel.numpy.joining import concatenate, stack
from bevel.numpy.products import matmul
from bevel.numpy.shapes import moveaxis
from bevel.numpy.trigonometry import tanh

__all__ = ["get_num_params_in_lstm", "init_lstm_weight", "lstm", "lstm_ref", "unpack_lstm_weights"]


class DropoutError(BevelError, NotImplementedError):
    """lstm was asked for dropout between its layers, whose mask nobody can give it.

    Fails: `lstm(…, dropout=0.5, …)`. Mended: one call a layer, and `random.bernoulli` between them.
    """


def _shapes(input_size, hidden_size, num_layers, bidirectional):
    """The shapes of W_ih of each direction of each layer."""
    ways = 2 if bidirectional else 1
    sizes = [input_size if layer == 0 else hidden_size * ways for layer in range(num_layers)]
    return [(4 * hidden_size, size) for size in sizes for _ in range(ways)]


def get_num_params_in_lstm(input_size: int, hidden_size: int, num_layers: int, bidirectional: bool) -> int:
    """How many weights `lstm` takes.

    >>> from bevel.experimental.rnn import get_num_params_in_lstm
    >>> get_num_params_in_lstm(input_size=3, hidden_size=4, num_layers=1, bidirectional=False)  # 4 · 4 · (3 + 4 + 2)
    144
    """
    shapes = _shapes(input_size, hidden_size, num_layers, bidirectional)
    return sum([rows * (size + hidden_size + 2) for rows, size in shapes])


def init_lstm_weight(rng: Any, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool):
    """Weights for `lstm`, float32[get_num_params_in_lstm(…)], uniform between ±1/√hidden_size.

    >>> import bevel
    >>> from bevel.experimental.rnn import init_lstm_weight
    >>> init_lstm_weight(bevel.random.key(0), 3, 4, 1, False).shape
    (144,)
    """
    count = get_num_params_in_lstm(input_size, hidden_size, num_layers, bidirectional)
    bound = np.sqrt(1.0 / hidden_size)
    return random.uniform(rng, (count,), dtypes.as_dtype("float32"), -bound, bound)


def unpack_lstm_weights(weights, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool):
    """(W_ih, W_hh, b_ih, b_hh), each a dict from the number of a direction (forward and backward of layer 0, then of
    layer 1, …) to its array.

    >>> import bevel
    >>> from bevel.experimental.rnn import init_lstm_weight, unpack_lstm_weights
    >>> weights = init_lstm_weight(bevel.random.key(0), 3, 4, 1, True)
    >>> w_ih, w_hh, b_ih, b_hh = unpack_lstm_weights(weights, 3, 4, 1, True)
    >>> w_ih[1].shape, w_hh[1].shape, b_ih[1].shape
    ((16, 3), (16, 4), (16,))
    """
    count = get_num_params_in_lstm(input_size, hidden_size, num_layers, bidirectional)
    _check("weights", weights, (count,), "get_num_params_in_lstm(input_size, hidden_size, num_layers, bidirectional)")
    place = 0

    def take(*shape):
        nonlocal place
        start, place = place, place + int(np.prod(shape))
        return weights[start:place].reshape(shape)

    w_ih, w_hh, b_ih, b_hh = {}, {}, {}, {}
    for i, (rows, size) in enumerate(_shapes(input_size, hidden_size, num_layers, bidirectional)):
        w_ih[i], w_hh[i] = take(rows, size), take(rows, hidden_size)
    for i in w_ih:
        b_ih[i], b_hh[i] = take(4 * hidden_size), take(4 * hidden_size)
    return w_ih, w_hh, b_ih, b_hh


def lstm(
    x, h_0, c_0, weights, seq_lengths, input_size: int, hidden_size: int, num_layers: int, dropout: float,
    bidirectional: bool, precision=None,
):  # fmt: skip
    """The outputs of an LSTM over sequences, and its last states: (y, h_n, c_n).

    x            float[b, t, input_size]
    h_0, c_0     float[num_layers · ways, b, hidden_size]    ways: 2 where bidirectional, else 1
    weights      float[get_num_params_in_lstm(…)]            as `init_lstm_weight` makes them; the module has the layout
    seq_lengths  int[b]     sequences end there: y is 0 beyond, and the backward direction starts from there
    dropout      0: see DropoutError
    precision    of the products, as in `lax.dot`
    gives        y float[b, t, hidden_size · ways]; h_n and c_n like h_0
    raises       ShapeError, DropoutError

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.experimental import rnn
    >>> weights = rnn.init_lstm_weight(bevel.random.key(0), 3, 4, 1, False)
    >>> start = jnp.zeros((1, 2, 4))
    >>> y, h, c = rnn.lstm(jnp.ones((2, 5, 3)), start, start, weights, jnp.array([5, 2]), 3, 4, 1, 0.0, False)
    >>> y.shape, bool((y[1, 1] == h[0, 1]).all()), float(y[1, 2:].sum())
    ((2, 5, 4), True, 0.0)
    """
    parts = unpack_lstm_weights(weights, input_size, hidden_size, num_layers, bidirectional)
    sizes = input_size, hidden_size, num_layers, dropout, bidirectional
    return _checked("lstm", x, h_0, c_0, parts, seq_lengths, *sizes, precision)


def lstm_ref(
    x, h_0, c_0, W_ih, W_hh, b_ih, b_hh, seq_lengths, input_size: int, hidden_size: int, num_layers: int,
    dropout: float, bidirectional: bool,
):  # fmt: skip
    """As `lstm`, of weights as `unpack_lstm_weights` gives them.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel.experimental import rnn
    >>> parts = rnn.unpack_lstm_weights(rnn.init_lstm_weight(bevel.random.key(0), 3, 4, 1, False), 3, 4, 1, False)
    >>> start = jnp.zeros((1, 2, 4))
    >>> rnn.lstm_ref(jnp.ones((2, 5, 3)), start, start, *parts, jnp.array([5, 2]), 3, 4, 1, 0.0, False)[0].shape
    (2, 5, 4)
    """
    parts = W_ih, W_hh, b_ih, b_hh
    sizes = input_size, hidden_size, num_layers, dropout, bidirectional
    return _checked("lstm_ref", x, h_0, c_0, parts, seq_lengths, *sizes, None)


def _check(name, value, shape, words):
    found = get_aval(value).shape
    if len(found) != len(shape) or any([a != b for a, b in zip(found, shape, strict=True) if b is not None]):
        wanted = ", ".join(["…" if d is None else str(d) for d in shape])
        raise ShapeError(f"lstm needs {name} of shape ({wanted}): {words}; got {found}{user_line(' at {}')}.")


def _checked(name, x, h_0, c_0, parts, seq_lengths, input_size, hidden_size, num_layers, dropout, both, precision):
    if dropout:
        raise DropoutError(
            f"{name} has no dropout between its layers; dropout is {dropout}{user_line(' at {}')}. Call it layer by "
            "layer, with random.bernoulli between."
        )
    _check("x", x, (None, None, input_size), "batch, time, input_size")
    batch = get_aval(x).shape[0]
    state = num_layers * (2 if both else 1), batch, hidden_size
    _check("h_0", h_0, state, "layers · directions, batch, hidden_size")
    _check("c_0", c_0, state, "layers · directions, batch, hidden_size")
    _check("seq_lengths", seq_lengths, (batch,), "one a sequence")
    return _layers(bool(both), precision, x, h_0, c_0, parts, seq_lengths)


@partial(jit, static_argnums=(0, 1))
def _layers(both, precision, x, h_0, c_0, parts, seq_lengths):
    ends = [None] * len(h_0)
    ways = 2 if both else 1
    y = moveaxis(x, 1, 0)
    for first in range(0, len(ends), ways):
        outputs = []
        for i in range(first, first + ways):
            weights = [part[i] for part in parts]
            output, ends[i] = _direction(y, h_0[i], c_0[i], weights, seq_lengths, i > first, precision)
            outputs.append(output)
        y = concatenate(outputs, -1) if both else outputs[0]
    return moveaxis(y, 0, 1), stack([h for h, _ in ends]), stack([c for _, c in ends])


def _direction(x, h, c, weights, lengths, backward, precision):
    """One direction of one layer: ([t, b, h], (h, c))."""
    w_ih, w_hh, b_ih, b_hh = weights
    # what inputs give to the gates is one product for all times
    given = matmul(x, w_ih.T, precision=precision) + (b_ih + b_hh)
    w_hh = w_hh.T
    times = np.arange(get_aval(x).shape[0], dtype=np.int32)

    def step(state, row):
        h, c = state
        gates, time = row
        gates = gates + matmul(h, w_hh, precision=precision)
        i, f, g, o = split(gates, [get_aval(h).shape[-1]] * 4, 1)
        new_c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        new_h = sigmoid(o) * tanh(new_c)
        # beyond its end a sequence stands still: backward, that is before its start
        lasts = (time < lengths)[:, None]
        return (where(lasts, new_h, h), where(lasts, new_c, c)), where(lasts, new_h, 0)

    state, outputs = scan(step, (h, c), (given, times), reverse=backward)
    return outputs, state

"""Functions for neural networks: activations, softmax and its kin, attention; `initializers` for their parameters.

Names, arguments and values are those of `jax.nn`.

Compositions of `bevel.numpy`, with no primitive of their own.
"""

from bevel.nn import initializers
from bevel.nn.activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    identity,
    leaky_relu,
    log1mexp,
    log_sigmoid,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_sign,
    softplus,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    swish,
    tanh,
)
from bevel.nn.attention import dot_product_attention, scaled_matmul
from bevel.nn.normalizing import log_softmax, logmeanexp, logsumexp, one_hot, softmax, standardize
from bevel.nn.scaled import get_scaled_dot_general_config, scaled_dot_general

__all__ = [
    "celu", "dot_product_attention", "elu", "gelu", "get_scaled_dot_general_config", "glu", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "identity", "initializers", "leaky_relu", "log1mexp", "log_sigmoid", "log_softmax",
    "logmeanexp", "logsumexp", "mish", "one_hot", "relu", "relu6", "scaled_dot_general", "scaled_matmul", "selu",
    "sigmoid", "silu", "soft_sign", "softmax", "softplus", "sparse_plus", "sparse_sigmoid", "squareplus", "standardize",
    "swish", "tanh",
]  # fmt: skip

"""First values of parameters: each name here makes a function of (key, shape, dtype) that draws them.

    init = bevel.nn.initializers.he_normal()
    weights = init(bevel.random.key(0), (784, 256))

`zeros` and `ones` are such functions themselves. `in_axis`, `out_axis` and `batch_axis` (an int or several) say which
axes of the shape are inputs, outputs and independent copies; all other axes are those of a receptive field.
"""

from bevel.nn.initializers.by_fans import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)
from bevel.nn.initializers.drawing import Initializer
from bevel.nn.initializers.orthogonal_matrices import delta_orthogonal, orthogonal
from bevel.nn.initializers.plain import constant, normal, ones, truncated_normal, uniform, zeros

__all__ = [
    "Initializer", "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "kaiming_normal", "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal", "ones", "orthogonal",
    "truncated_normal", "uniform", "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip

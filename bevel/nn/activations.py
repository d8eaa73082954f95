"""Activation functions: what stands between the layers of a network, one number at a time.

Each takes an array of any shape and gives one of the same shape. `glu`, which halves an axis, is here too.
"""

from __future__ import annotations

import math

import numpy as np

import bevel.numpy as jnp
from bevel import lax
from bevel.api.custom_jvp import custom_jvp
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.numpy.axes import as_array, one_axis
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact
from bevel.ops.convert import convert

_INVERSE_ROOT_TWO = math.sqrt(0.5)
_ROOT_TWO_OVER_PI = math.sqrt(2 / math.pi)

# Klambauer et al. 2017, eq. 14: the fixed point of mean 0 and variance 1
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946

tanh = jnp.tanh


@compiled
def identity(x):
    """x itself.

    >>> import bevel.nn
    >>> print(bevel.nn.identity(bevel.numpy.array([1., 2.])))
    [1. 2.]
    """
    return as_array("identity", x)


# ---- piecewise linear


@compiled
@custom_jvp
def relu(x):
    """max(x, 0). Its derivative at 0 is taken to be 0.

    source  Bertoin et al. 2021, arXiv:2106.12915, on the derivative at 0

    >>> import bevel, bevel.nn
    >>> print(bevel.nn.relu(bevel.numpy.array([-1., 0., 2.])))
    [0. 0. 2.]
    >>> print(bevel.grad(bevel.nn.relu)(0.0))
    0.0
    """
    return jnp.maximum(x, 0)


def _relu_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return relu(x), jnp.where(x > 0, dx, jnp.zeros_like(dx))


relu.__wrapped__.defjvp(_relu_jvp)


@compiled
@custom_jvp
def relu6(x):
    """min(max(x, 0), 6). Its derivative is 0 at 0 and at 6.

    source  Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10"

    >>> import bevel.nn
    >>> print(bevel.nn.relu6(bevel.numpy.array([-1.0, 3.0, 9.0])))
    [0. 3. 6.]
    """
    return jnp.minimum(jnp.maximum(x, 0), 6.0)


def _relu6_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return relu6(x), jnp.where((x > 0) & (x < 6), dx, jnp.zeros_like(dx))


relu6.__wrapped__.defjvp(_relu6_jvp)


@compiled
def leaky_relu(x, negative_slope=1e-2):
    """x where x >= 0, negative_slope x below.

    >>> import bevel.nn
    >>> print(bevel.nn.leaky_relu(bevel.numpy.array([-2.0, 3.0]), 0.1))
    [-0.2  3. ]
    """
    x = as_array("leaky_relu", x)
    return jnp.where(x >= 0, x, negative_slope * x)


@compiled
def hard_tanh(x):
    """x kept to [-1, 1].

    >>> import bevel.nn
    >>> print(bevel.nn.hard_tanh(bevel.numpy.array([-4.0, 0.5])))
    [-1.   0.5]
    """
    x = as_array("hard_tanh", x)
    return jnp.where(x > 1, 1, jnp.where(x < -1, -1, x))


@compiled
def hard_sigmoid(x):
    """relu6(x + 3) / 6: straight from 0 at -3 to 1 at 3.

    >>> import bevel.nn
    >>> print(bevel.nn.hard_sigmoid(bevel.numpy.array([-4.0, 0.0, 4.0])))
    [0.  0.5 1. ]
    """
    return relu6(as_array("hard_sigmoid", x) + 3.0) / 6.0


@compiled
def hard_silu(x):
    """x hard_sigmoid(x). Also called `hard_swish`.

    source  Howard et al. 2019, arXiv:1905.02244, eq. 1

    >>> import bevel.nn
    >>> print(bevel.nn.hard_silu(bevel.numpy.array([-4.0, 1.5, 4.0])))
    [-0.     1.125  4.   ]
    """
    x = as_array("hard_silu", x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@compiled
def sparse_sigmoid(x):
    """0 below -1, 1 above 1, straight between: the derivative of `sparse_plus`.

    >>> import bevel.nn
    >>> print(bevel.nn.sparse_sigmoid(bevel.numpy.array([-2.0, 0.0, 0.5])))
    [0.   0.5  0.75]
    """
    return 0.5 * jnp.clip(as_array("sparse_sigmoid", x) + 1.0, 0.0, 2.0)


# ---- smooth


@compiled
def sigmoid(x):
    """1 / (1 + exp(-x)): from 0 to 1.

    raises  TypeError for integers

    >>> import bevel.nn
    >>> print(bevel.nn.sigmoid(0.0))
    0.5
    """
    return lax.logistic(as_array("sigmoid", x))


@compiled
def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x), exact where sigmoid(x) would be 0 or 1.

    >>> import bevel.nn
    >>> print(bevel.nn.log_sigmoid(bevel.numpy.array([-100.0, 0.0])))
    [-100.          -0.6931472]
    """
    return -softplus(-as_array("log_sigmoid", x))


@compiled
def softplus(x):
    """log(1 + exp(x)), a smooth relu; large x do not overflow.

    >>> import bevel.nn
    >>> print(bevel.nn.softplus(bevel.numpy.array([0., 1000.])))
    [6.931472e-01 1.000000e+03]
    """
    return jnp.logaddexp(as_array("softplus", x), 0)


@compiled
def squareplus(x, b=4):
    """(x + √(x² + b)) / 2, a smooth relu without exponentials. `b` is how wide it bends: 0 gives relu.

    source  Barron 2021, arXiv:2112.11687

    >>> import bevel.nn
    >>> print(bevel.nn.squareplus(bevel.numpy.array([0.0, 3.0]), b=16.0))
    [2. 4.]
    """
    x, b = as_array("squareplus", x), as_array("squareplus", b)
    return (x + jnp.sqrt(jnp.square(x) + b)) / 2


@compiled
def sparse_plus(x):
    """0 below -1, x above 1, (x + 1)² / 4 between.

    >>> import bevel.nn
    >>> print(bevel.nn.sparse_plus(bevel.numpy.array([-2.0, 0.0, 2.0])))
    [0.   0.25 2.  ]
    """
    x = as_array("sparse_plus", x)
    return jnp.where(x <= -1.0, 0.0, jnp.where(x >= 1.0, x, (x + 1.0) ** 2 / 4))


@compiled
def soft_sign(x):
    """x / (|x| + 1): from -1 to 1.

    >>> import bevel.nn
    >>> print(bevel.nn.soft_sign(bevel.numpy.array([-1.0, 3.0])))
    [-0.5   0.75]
    """
    x = as_array("soft_sign", x)
    return x / (jnp.abs(x) + 1)


@compiled
def silu(x):
    """x sigmoid(x). Also called `swish`.

    source  Hendrycks and Gimpel 2016, arXiv:1606.08415; Elfwing et al. 2017, arXiv:1702.03118

    >>> import bevel.nn
    >>> print(f"{bevel.nn.silu(1.0):.3f}")
    0.731
    """
    x = as_array("silu", x)
    return x * sigmoid(x)


swish = silu


@compiled
def mish(x):
    """x tanh(softplus(x)).

    source  Misra 2019, arXiv:1908.08681

    >>> import bevel.nn
    >>> print(f"{bevel.nn.mish(1.0):.3f}")
    0.865
    """
    x = as_array("mish", x)
    return x * jnp.tanh(softplus(x))


@compiled(static="approximate")
def gelu(x, approximate=True):
    """x Φ(x), Φ the distribution function of the standard normal distribution.

    approximate  True takes ½(1 + tanh(√(2/π)(x + 0.044715 x³))) for Φ(x), which is off by less than 0.0005

    source  Hendrycks and Gimpel 2016, arXiv:1606.08415

    >>> import bevel.nn
    >>> print(bevel.nn.gelu(1.0, approximate=False))
    0.8413447
    """
    [x] = promote_inexact(as_array("gelu", x))
    x = convert(x, x.dtype)  # not weakly typed any more
    if approximate:
        return x * (0.5 * (1.0 + jnp.tanh(_ROOT_TWO_OVER_PI * (x + 0.044715 * x**3))))
    return 0.5 * x * lax.erfc(-x * _INVERSE_ROOT_TWO)


@compiled
def elu(x, alpha=1.0):
    """x above 0, alpha (exp(x) - 1) below.

    source  Clevert, Unterthiner and Hochreiter 2015, arXiv:1511.07289

    >>> import bevel.nn
    >>> print(f"{bevel.nn.elu(-1.0):.3f}")
    -0.632
    """
    x = as_array("elu", x)
    # exp sees only what it is used for: elsewhere it may overflow, and 0 · inf is NaN in the derivative
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0.0, x)))


@compiled
def selu(x):
    """1.0507 elu(x, 1.6733): layers of it keep mean 0 and variance 1.

    source  Klambauer et al. 2017, arXiv:1706.02515

    >>> import bevel.nn
    >>> print(f"{bevel.nn.selu(-1.0):.3f}")
    -1.111
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


@compiled
def celu(x, alpha=1.0):
    """x above 0, alpha (exp(x / alpha) - 1) below: an elu of slope 1 at 0, whatever alpha is.

    source  Barron 2017, arXiv:1704.07483

    >>> import bevel.nn
    >>> print(f"{bevel.nn.celu(-1.0):.3f}")
    -0.632
    """
    x = as_array("celu", x)
    return jnp.maximum(x, 0.0) + alpha * jnp.expm1(jnp.minimum(x, 0.0) / alpha)


@compiled
@custom_jvp
def log1mexp(x):
    """log(1 - exp(-x)) for x > 0, to full precision near 0 and for large x; -inf at 0, NaN below.

    source  Mächler 2012, "Accurately computing log(1 - exp(-|a|))"

    >>> import bevel.nn
    >>> print(f"{bevel.nn.log1mexp(2.0):.3f}")
    -0.145
    """
    # expm1 keeps digits while 1 - exp(-x) < ½, log1p from there on
    [x] = promote_inexact(as_array("log1mexp", x))
    return jnp.where(x < math.log(2.0), jnp.log(-jnp.expm1(-x)), jnp.log1p(-jnp.exp(-x)))


def _log1mexp_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return log1mexp(x), dx / jnp.expm1(x)


log1mexp.__wrapped__.defjvp(_log1mexp_jvp)


# ---- along an axis


class OddAxisError(ShapeError, ValueError, AssertionError):
    """`glu` is asked to halve an axis of odd size.

    Fails: `glu(jnp.ones(3))`. Mended: `glu(jnp.ones(4))`.
    """


@compiled(static="axis")
def glu(x, axis=-1):
    """The first half of an axis times the sigmoid of its second half.

    raises  an error of shape where the axis has odd size
    source  Dauphin et al. 2016, arXiv:1612.08083

    >>> import bevel.nn
    >>> print(bevel.nn.glu(bevel.numpy.array([3., 0.])))
    [1.5]
    """
    x = as_array("glu", x)
    axis = one_axis("glu", axis, np.ndim(x))
    size = x.shape[axis]
    if size % 2:
        raise OddAxisError(
            f"glu halves axis {axis} of shape {x.shape}{user_line(' at {}')}, which has odd size {size}. "
            "Give the layer before it an even number of outputs."
        )
    first, second = jnp.split(x, 2, axis)
    return first * sigmoid(second)

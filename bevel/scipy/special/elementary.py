"""Sums of exponentials, logistic functions, entropies, and Box and Cox's transformation.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from __future__ import annotations

import numpy as np

from bevel import nn
from bevel.api.custom_jvp import custom_jvp
from bevel.core.trace import get_aval
from bevel.nn.normalizing import logsumexp
from bevel.numpy.arithmetic import absolute, add, multiply, negative, subtract, true_divide
from bevel.numpy.axes import as_array
from bevel.numpy.choosing import where as choose
from bevel.numpy.eager import compiled
from bevel.numpy.exponentials import expm1, log, log1p
from bevel.numpy.logic import isnan
from bevel.numpy.promotion import promote_inexact
from bevel.ops.exponential import Logistic, log_ratio
from bevel.scipy.operands import floats, one_float, one_primitive, one_real, strong_reals
from bevel.scipy.special.series import polynomial

# ---- sums of exponentials


@compiled(static="axis")
def log_softmax(x, /, *, axis=None):
    """x - logsumexp(x) along axes (None: all): log of the shares of exp(x), exact where these round to 0 or 1.

    x       number[…]; integers become floating-point numbers
    axis    an int, or several; that of `bevel.nn.log_softmax` is the last one unless given, this one all of them
    gives   number[…], of x's shape
    raises  ValueError where there is no such axis

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import log_softmax
    >>> print(log_softmax(jnp.array([[0.0, 0.0], [0.0, 200.0]]), axis=1).round(1))
    [[  -0.7   -0.7]
     [-200.     0. ]]
    """
    return nn.log_softmax(*promote_inexact(as_array("log_softmax", x)), axis=axis)


@compiled(static="axis")
def softmax(x, /, *, axis=None):
    """exp(x) over its sum along axes (None: all), without overflow.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.special import softmax
    >>> print(softmax(jnp.array([0., 0.])))
    [0.5 0.5]
    """
    return nn.softmax(*promote_inexact(as_array("softmax", x)), axis=axis)


expit = one_primitive(
    "expit",
    Logistic(),
    """The logistic function, 1 / (1 + exp(-x)): a probability of its log odds. The inverse of `logit`.

    x       number[…]; integers become floating-point numbers
    gives   float or complex[…], in [0, 1] of real x, without overflow

    >>> from bevel.scipy.special import expit
    >>> print(f"{expit(2.1972):.3f} {expit(-1000.0):.1f}")
    0.900 0.0
    """,
)


@compiled
def logit(x):
    """log(x / (1 - x)), the inverse of expit.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.logit(0.9):.4f}")
    2.1972
    """
    x = one_float("logit", x)
    return _logit(x)


@custom_jvp
def _logit(x):
    return log(true_divide(x, subtract(1, x)))


@_logit.defjvp
def _logit_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    return _logit(x), true_divide(dx, multiply(x, subtract(1, x)))


# ---- entropies


@custom_jvp
def _xlogy(x, y):
    return choose((x == 0) & ~isnan(y), 0, multiply(x, log(y)))


@_xlogy.defjvp
def _xlogy_jvp(primals, tangents):
    # at x = 0 too the slope along y is x / y = 0, and that along x is log y
    [x, y], [dx, dy] = primals, tangents
    return _xlogy(x, y), add(multiply(dx, log(y)), multiply(dy, true_divide(x, y)))


@compiled
def xlogy(x, y):
    """x log(y), and 0 where x is 0, whatever number y is.

    >>> import bevel.scipy as jsp
    >>> print(jsp.special.xlogy(0.0, 0.0), f"{jsp.special.xlogy(2.0, 3.0):.4f}")
    0.0 2.1972
    """
    return _xlogy(*floats("xlogy", x, y))


@custom_jvp
def _xlog1py(x, y):
    return choose((x == 0) & ~isnan(y), 0, multiply(x, log1p(y)))


@_xlog1py.defjvp
def _xlog1py_jvp(primals, tangents):
    [x, y], [dx, dy] = primals, tangents
    return _xlog1py(x, y), add(multiply(dx, log1p(y)), multiply(dy, true_divide(x, add(1, y))))


@compiled
def xlog1py(x, y):
    """x log(1 + y), and 0 where x is 0, whatever number y is.

    >>> import bevel.scipy as jsp
    >>> print(jsp.special.xlog1py(0.0, -1.0), f"{jsp.special.xlog1py(2.0, 2.0):.4f}")
    0.0 2.1972
    """
    return _xlog1py(*floats("xlog1py", x, y))


@custom_jvp
def _xlogx(x):
    return _xlogy(x, x)


@_xlogx.defjvp
def _xlogx_jvp(primals, tangents):
    [x], [dx] = primals, tangents
    return _xlogx(x), multiply(dx, add(log(x), 1))


@compiled
def entr(x):
    """-x log(x), 0 at 0, and -inf for negative x.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.entr(0.5):.4f}", jsp.special.entr(0.0))
    0.3466 -0.0
    """
    x = one_real("entr", x)
    return choose(x < 0, -np.inf, negative(_xlogx(x)))


def _entropies(name, p, q):
    """p and q made positive where one is not; where both were; where p = 0 ≤ q; q - p there, and elsewhere inf."""
    p, q = strong_reals(name, p, q)
    both, none = (p > 0) & (q > 0), (p == 0) & (q >= 0)
    elsewhere = choose(isnan(p) | isnan(q), np.nan, choose(none, subtract(q, p), np.inf))
    return choose(both, p, 1), choose(both, q, 1), both, none, elsewhere


@compiled
def rel_entr(p, q):
    """p log(p / q) for positive p and q; 0 for p = 0 and q >= 0; else inf.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.rel_entr(0.5, 0.25):.4f}", jsp.special.rel_entr(1.0, 0.0))
    0.3466 inf
    """
    p, q, both, none, elsewhere = _entropies("rel_entr", p, q)
    return choose(both, multiply(p, log_ratio(p, q)), choose(none, 0, elsewhere))


# r - log(1 + r) as a series from r² on: at |r| = 0.1 what follows is below 1e-16 of it.
_NEAR_LOG = [(-1) ** k / k for k in range(2, 19)]


@compiled
def kl_div(p, q):
    """p log(p / q) - p + q for positive p and q; q for p = 0 and q >= 0; else inf.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.kl_div(0.5, 0.25):.4f}")
    0.0966
    """
    p, q, both, _, elsewhere = _entropies("kl_div", p, q)
    apart = subtract(q, p)
    is_near = absolute(apart) < multiply(0.1, p)
    small = choose(is_near, true_divide(apart, p), 0)
    series = _NEAR_LOG if get_aval(p).dtype.itemsize == 8 else _NEAR_LOG[:8]  # 2e-9 of it is left then
    near = multiply(p, multiply(multiply(small, small), polynomial(small, series)))
    far = add(subtract(multiply(p, log_ratio(p, q)), p), q)
    return choose(both, choose(is_near, near, far), elsewhere)


# ---- Box and Cox


@compiled
def boxcox(x, lmbda):
    """(x^λ - 1) / λ, which is log x for λ = 0.

    >>> import bevel.scipy as jsp
    >>> print(jsp.special.boxcox(3.0, 2.0))
    4.0
    """
    x, power = floats("boxcox", x, lmbda)
    return _boxcox(log(x), power)


@compiled
def boxcox1p(x, lmbda):
    """((1 + x)^λ - 1) / λ, which is log(1 + x) for λ = 0; exact for small x, which 1 + x would round off.

    x, lmbda   real[…], which broadcast; integers become floating-point numbers
    gives      float[…]; NaN for x below -1
    raises     ValueError where they do not broadcast

    >>> from bevel.scipy.special import boxcox, boxcox1p
    >>> print(f"{boxcox1p(1e-8, 0.5):.3g} {boxcox(1 + 1e-8, 0.5):.3g} {boxcox1p(1.0, 2.0):.1f}")
    1e-08 0 1.5
    """
    x, power = floats("boxcox1p", x, lmbda)
    return _boxcox(log1p(x), power)


def _boxcox(logarithm, power):
    safe = choose(power == 0, 1, power)
    return choose(power == 0, logarithm, true_divide(expm1(multiply(safe, logarithm)), safe))


__all__ = [
    "boxcox", "boxcox1p", "entr", "expit", "kl_div", "log_softmax", "logit", "logsumexp", "rel_entr", "softmax",
    "xlog1py", "xlogy",
]  # fmt: skip

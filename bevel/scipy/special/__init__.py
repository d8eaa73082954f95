"""SciPy's special functions: gamma, beta, errors, integrals, Bessel, hypergeometric series, the normal distribution.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from bevel.scipy.special.elementary import *
from bevel.scipy.special.hypergeometric import *
from bevel.scipy.special.integrals import *
from bevel.scipy.special.legendre import *
from bevel.scipy.special.orders import *

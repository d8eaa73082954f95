"""SciPy's special functions: gamma, beta, errors, integrals, Bessel, hypergeometric series, the normal distribution.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from typing import TYPE_CHECKING

from bevel.base.lazy import exports as _exports

if TYPE_CHECKING:  # for readers and checkers; at run time each name comes when first asked for
    from bevel.scipy.special.bessel import *
    from bevel.scipy.special.elementary import *
    from bevel.scipy.special.error_functions import *
    from bevel.scipy.special.gammas import *
    from bevel.scipy.special.hypergeometric import *
    from bevel.scipy.special.integrals import *
    from bevel.scipy.special.legendre import *
    from bevel.scipy.special.normal import *
    from bevel.scipy.special.orders import *

_PLACES = {
    "bessel": "i0 i0e i1 i1e",
    "elementary": """
        boxcox boxcox1p entr expit kl_div log_softmax logit logsumexp rel_entr softmax xlog1py xlogy
    """,
    "error_functions": "dawsn erfcx wofz",
    "gammas": """
        beta betainc betaln digamma factorial gamma gammainc gammaincc gammaln gammasgn loggamma
        multigammaln poch polygamma zeta
    """,
    "hypergeometric": "hyp1f1 hyp2f1",
    "integrals": "exp1 expi expn fresnel owens_t sici spence",
    "legendre": "lpmn lpmn_values sph_harm_y",
    "normal": "erf erfc erfinv log_ndtr ndtr ndtri",
    "orders": "bernoulli bessel_jn comb",
}
__getattr__, __dir__, __all__ = _exports(globals(), _PLACES)

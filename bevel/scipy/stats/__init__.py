"""SciPy's distributions as functions of arrays, and a few statistics: `stats.norm.logpdf(x, loc, scale)`.

Each distribution is a module with the densities `pdf`, `logpdf` (`pmf`, `logpmf` of whole numbers), and as far as it
has them the share below `cdf`, above `sf`, their logarithms, and the inverses `ppf` and `isf`. Operands broadcast, and
integers become floating-point numbers; a ValueError says where they do not broadcast. The module says its density,
where that is not 0, and what its parameters may be. Names and arguments are those of `jax.scipy.stats`.

>>> from bevel.scipy import stats
>>> print(stats.norm.cdf(0.0), stats.expon.ppf(0.5, scale=2.0))
0.5 1.3862944
"""

import importlib as _importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bevel.scipy.stats.kde import gaussian_kde
    from bevel.scipy.stats.summaries import mode, rankdata, sem

_DISTRIBUTIONS = (
    "bernoulli", "beta", "betabinom", "binom", "cauchy", "chi2", "dirichlet", "expon", "gamma", "gennorm", "geom",
    "gumbel_l", "gumbel_r", "laplace", "logistic", "multinomial", "multivariate_normal", "nbinom", "norm", "pareto",
    "poisson", "t", "truncnorm", "uniform", "vonmises", "wrapcauchy",
)  # fmt: skip

__all__ = ["gaussian_kde", "mode", "rankdata", "sem", *_DISTRIBUTIONS]


_FUNCTIONS = {"gaussian_kde": "kde", "mode": "summaries", "rankdata": "summaries", "sem": "summaries"}


def __getattr__(name):
    """A distribution, or a function, is loaded when first asked for: start-up time."""
    if name in _FUNCTIONS:
        return getattr(_importlib.import_module(f"bevel.scipy.stats.{_FUNCTIONS[name]}"), name)
    if name in _DISTRIBUTIONS:
        return _importlib.import_module(f"bevel.scipy.stats.{name}")
    raise AttributeError(f"module 'bevel.scipy.stats' has no attribute {name!r}")


def __dir__():
    return __all__

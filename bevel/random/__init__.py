"""Random numbers of explicit keys: the same key gives the same numbers, on any machine, inside jit and outside.

    key = bevel.random.key(0)
    for step in range(steps):
        key, drawn = bevel.random.split(key)
        x = bevel.random.normal(drawn, (3,))

Names, arguments and every bit of the results are those of `jax.random`.

Draws are compositions of `bevel.numpy` over the primitives of `ops.random_bits`; the generators are `ops.threefry` and
`ops.rbg`.
"""

from bevel.core.handles import primitives_in
from bevel.random.bits import bernoulli, bits, rademacher, randint, uniform
from bevel.random.continuous import (
    cauchy,
    double_sided_maxwell,
    exponential,
    gumbel,
    laplace,
    logistic,
    lognormal,
    maxwell,
    normal,
    pareto,
    rayleigh,
    triangular,
    truncated_normal,
    wald,
    weibull_min,
)
from bevel.random.discrete import binomial, geometric, multinomial, poisson
from bevel.random.gamma import ball, beta, chisquare, dirichlet, f, gamma, generalized_normal, loggamma, t
from bevel.random.keys import PRNGKey, clone, fold_in, key, key_data, key_dtype, key_impl, split, wrap_key_data
from bevel.random.multivariate import multivariate_normal, orthogonal
from bevel.random.permutations import categorical, choice, permutation

__all__ = [
    "PRNGKey", "ball", "bernoulli", "beta", "binomial", "bits", "categorical", "cauchy", "chisquare", "choice",
    "clone", "dirichlet", "double_sided_maxwell", "exponential", "f", "fold_in", "gamma", "generalized_normal",
    "geometric", "gumbel", "key", "key_data", "key_dtype", "key_impl", "laplace", "loggamma", "logistic",
    "lognormal", "maxwell", "multinomial", "multivariate_normal", "normal", "orthogonal", "pareto", "permutation",
    "poisson", "rademacher", "randint", "rayleigh", "split", "t", "triangular", "truncated_normal", "uniform",
    "wald", "weibull_min", "wrap_key_data",
]  # fmt: skip

__getattr__ = primitives_in(__name__)

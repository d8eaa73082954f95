"""A NaN that a flag chooses for a whole row stays NaN, through each function that XLA writes with an exponential."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax, nn
from bevel.scipy.stats import gamma, vonmises

FUNCTIONS = {
    "exp": jnp.exp, "exp2": jnp.exp2, "cosh": jnp.cosh, "expm1": jnp.expm1, "logistic": nn.sigmoid,
    "softplus": nn.softplus, "softmax": nn.softmax, "of log": lambda x: jnp.exp(jnp.log(x)),
    "of a difference": lambda x: jnp.exp(x - x),
}  # fmt: skip
NOTHING = {"of log": -1.0, "of a difference": jnp.inf}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_chosen_by_one_flag(name, dtype):
    chosen = bevel.jit(lambda x, flag: FUNCTIONS[name](jnp.where(flag, x, NOTHING.get(name, jnp.nan))))
    x = jnp.arange(1, 12).astype(dtype)
    assert np.isnan(chosen(x, False).astype("float32")).all()
    np.testing.assert_allclose(chosen(x, True).astype("float32"), FUNCTIONS[name](x).astype("float32"), rtol=1e-2)


def test_chosen_row_by_row():
    rows = bevel.vmap(lambda x, flag: jnp.exp(jnp.where(flag, x, jnp.nan)))
    found = np.asarray(rows(jnp.zeros((3, 40)), jnp.array([True, False, True])))
    assert np.isnan(found[1]).all() and (found[[0, 2]] == 1).all()
    found = bevel.jit(lambda x, a, b: jnp.exp(jnp.where(a & (x == x), x, jnp.nan)))(jnp.zeros(40), False, 1)
    assert np.isnan(found).all()


def test_where_nothing_chooses_nothing_is_asked():
    text = bevel.jit(lambda x: jnp.exp(lax.select(x > 0, x, -x))).lower(jnp.ones(8)).as_text()
    assert "compare  NE" not in text and text.count("stablehlo.compare") == 1


def test_distributions_with_such_parameters():
    x = np.linspace(-1, 3, 11, dtype=np.float32)
    assert np.isnan(gamma.pdf(x, 1.5, 0, 0)).all()
    assert np.isnan(vonmises.pdf(x, -1.0)).all()

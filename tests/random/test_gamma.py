"""Long draws of the gamma distribution, most of which are done after one turn, are those of short ones."""

import numpy as np
import pytest

import bevel.numpy as jnp
from bevel import random
from bevel.control import gamma as gamma_draws

SHORT, LONG = 4095, 33_000  # all turns together; by shares, and shares of shares


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("draw", [random.gamma, random.loggamma])
@pytest.mark.parametrize("lowest", [1e-2, 1.0])
def test_a_long_draw_begins_as_a_short_one(draw, dtype, lowest):
    """Each element has a key of its own, which does not depend on how many there are."""
    a = jnp.asarray(np.exp(np.random.RandomState(0).uniform(np.log(lowest), 5, LONG)), dtype)
    key = random.key(11)
    short, long = [np.asarray(draw(key, part, dtype=dtype), np.float32) for part in (a[:SHORT], a)]
    near = 2e-6 if dtype == "float32" else 2e-3  # the ends of vectors may be rounded otherwise
    np.testing.assert_allclose(long[:SHORT], short, rtol=near, atol=near if draw is random.loggamma else 0)


def test_more_rejections_than_a_share_holds(monkeypatch):
    """Where those in doubt do not fit into a share, several go one after another."""
    monkeypatch.setattr(gamma_draws, "_SHARE", 64)
    key, a = random.key(5), jnp.linspace(1, 9, LONG - 1)
    drawn = random.gamma(key, a)
    np.testing.assert_allclose(drawn[:SHORT], random.gamma(key, a[:SHORT]), rtol=2e-6)
    assert abs(float((drawn / a).mean()) - 1) < 0.03

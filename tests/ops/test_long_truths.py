"""`any` and `all` of long arrays, which are folded before XLA's library takes over on CPUs."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.ops.formulas import FOLDED_FROM


@pytest.mark.parametrize(
    "shape, axes",
    [
        ((FOLDED_FROM + 1,), (0,)),
        ((3, 50_001), (1,)),
        ((2, 331, 3, 67), (1, 3)),
        ((1400, 100), (1,)),
        ((40, 90, 41), (2,)),
    ],
)
@pytest.mark.parametrize("computed", [False, True])
def test_one_truth_is_found_wherever_it_is(shape, axes, computed):
    size = int(np.prod(shape))
    held = (lambda x: x > 0) if computed else (lambda x: x)
    any_of = bevel.jit(lambda x: jnp.any(held(x), axes))
    all_of = bevel.jit(lambda x: jnp.all(~held(x), axes))
    largest, least = bevel.jit(lambda x: jnp.max(held(x), axes)), bevel.jit(lambda x: jnp.min(~held(x), axes))
    for place in (None, 0, 1, size // 3, size // 2 + 1, size - 2, size - 1):
        x = np.zeros(shape, np.float32 if computed else bool)
        if place is not None:
            x.reshape(-1)[place] = 1
        np.testing.assert_array_equal(any_of(x), x.any(axes))
        np.testing.assert_array_equal(all_of(x), ~x.any(axes))
        np.testing.assert_array_equal(largest(x), x.any(axes))
        np.testing.assert_array_equal(least(x), ~x.any(axes))

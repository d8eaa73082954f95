"""Whether derivatives are right, by differences of values: `check_grads`, `check_jvp`, `check_vjp`.

    >>> import bevel.numpy as jnp
    >>> from bevel.test_util import check_grads
    >>> check_grads(lambda x: jnp.sin(x) * x, (0.3,), order=2)

`bevel.testing` has these and what tests primitives of one's own.
"""

from bevel.tools.laws.numerical import check_grads, check_jvp, check_vjp

__all__ = ["check_grads", "check_jvp", "check_vjp"]

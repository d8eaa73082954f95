"""Names of jax.lax that Bevel does not have, each with the reason. `tests/lax/test_names.py` holds the table true."""

import re

# Whole names, or patterns of them, in the words that follow "lax.… is not in Bevel: ".
ABSENT = {
    r"psend|precv": "point-to-point transfers outside of a collective are no operation of XLA's CPU and GPU clients "
    "that Bevel runs on; use ppermute",
    r"sharding_constraint_p": "primitives are named in bevel.ops, here it is ShardingConstraint",
    r"ragged_all_to_all(_p)?": "an exchange of pieces of unequal size comes later; all_to_all exchanges equal ones",
}


def absent(name: str) -> str | None:
    """Why a name of jax.lax is not here; None where nothing is known of it.

    >>> absent("psend")[:27], absent("add")
    ('point-to-point transfers ou', None)
    """
    return next((reason for pattern, reason in ABSENT.items() if re.fullmatch(pattern, name)), None)

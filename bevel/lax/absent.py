"""Names of jax.lax that Bevel does not have, each with the reason. `tests/lax/test_names.py` holds the table true."""

import re

# Whole names, or patterns of them, in the words that follow "lax.… is not in Bevel: ".
ABSENT = {
    r"psend|precv": "point-to-point transfers outside of a collective are no operation of XLA's CPU and GPU clients "
    "that Bevel runs on; use ppermute",
    r"ragged_all_to_all_p": "XLA has it for GPUs alone; lax.ragged_all_to_all is written of all_to_all",
    r"cholesky_update_p|symmetric_product_p": "lax.linalg's function of that name is written of other primitives",
}


def absent(name: str) -> str | None:
    """Why a name of jax.lax is not here; None where nothing is known of it.

    >>> absent("psend")[:27], absent("add")
    ('point-to-point transfers ou', None)
    """
    return next((reason for pattern, reason in ABSENT.items() if re.fullmatch(pattern, name)), None)

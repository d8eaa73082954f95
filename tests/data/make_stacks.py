"""Asks the real JAX what comes of some stacks of transformations, and writes stacks.json: run by the peer's Python."""

import json
import pathlib
import warnings

from stacks import come_of, setup

# Of the first 500, such that each function and each wrapper is in two or more, and small; and one that was wrong.
NUMBERS = [
    7, 23, 33, 38, 41, 47, 50, 57, 59, 62, 63, 67, 73, 77, 78, 80, 81, 89, 98, 103, 111, 116, 121, 128, 142, 158,
    163, 164, 165, 166, 179, 181, 184, 185, 197, 208, 214, 219, 226, 227, 239, 242, 243, 307, 315, 320, 323, 325,
    327, 330, 335, 336, 354, 355, 358, 363, 368, 376, 378, 382, 383, 384, 385, 393, 400, 405, 407, 414, 420,
    431, 434, 443, 445, 448, 472, 475, 497, 1195,
]  # fmt: skip

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    jax = setup("jax")
    rows = [[number, *come_of(jax, number)] for number in NUMBERS]
    lines = ",\n".join([json.dumps(row) for row in rows])
    pathlib.Path(__file__).with_name("stacks.json").write_text(f"[\n{lines}\n]\n")

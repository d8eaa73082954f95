"""Plays functions of trees under random stacks of transformations under Bevel and JAX, and prints where they differ.

    python scripts/compare_stacks.py 1000 1200      the cases of these numbers

Compared are the path, dtype, shape, weak type and values of each leaf, or the classes of the exception; what JAX cannot
do is left out. `tests/data/stacks.py` says what a case is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "data"))

from stacks import agree, is_gap  # noqa: E402  (it runs under the real JAX, too, and knows no package)


def played(python: Path, package: str, numbers: list[str]) -> dict[int, list]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BEVEL_SHARP_EDGES": "compat", "JAX_PLATFORMS": "cpu"}
    command = [python, ROOT / "tests" / "data" / "stacks.py", package, *numbers]
    said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout
    return {number: rest for number, *rest in map(json.loads, said.splitlines())}


def main() -> int:
    numbers = [str(n) for n in range(*map(int, sys.argv[1:3]))]
    with ThreadPoolExecutor() as pool:
        theirs = pool.submit(played, ROOT / ".venv-peer" / "bin" / "python", "jax", numbers)
        ours = played(Path(sys.executable).absolute(), "bevel", numbers)
    gaps = wrong = 0
    for number, (title, expected) in theirs.result().items():
        gaps += is_gap(expected)
        if is_gap(expected) or (number in ours and agree(ours[number][1], expected)):
            continue
        wrong += 1
        print(f"{number} {title}\n    Bevel  {str(ours.get(number, 'died'))[:400]}\n    JAX    {str(expected)[:400]}")
    print(f"{len(numbers)} cases, {wrong} differ, {gaps} are nothing that JAX can do")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

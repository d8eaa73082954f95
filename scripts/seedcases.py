"""Runs a folder of programs written for JAX through `python -m bevel run`, and prints what became of each.

    python scripts/seedcases.py FOLDER [pattern …] [--jobs 2] [--expect FILE] [--profile compat]

A program passes where it exits 0 and prints `CASE OK`. With `--expect`, a file of names, one a line, only those count,
and the exit status tells whether all of them passed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def run(case: pathlib.Path, profile: str, seconds: float) -> tuple[str, bool, float, str]:
    """(name, passed, seconds, the last line that says why not)."""
    started = time.perf_counter()
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "bevel", "run", "--profile", profile, str(case)],
                capture_output=True, text=True, timeout=seconds, cwd=folder, env=environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return case.stem, False, seconds, f"not done after {seconds:.0f} s"
    passed = done.returncode == 0 and "CASE OK" in done.stdout
    lines = [line for line in done.stderr.strip().splitlines() if line.strip() and not line.startswith(" ")]
    why = "" if passed else (lines[-1] if lines else f"exit {done.returncode}")
    for line in reversed(lines):
        if "Error" in line:
            why = "" if passed else line
            break
    return case.stem, passed, time.perf_counter() - started, why[:160]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--profile", default="compat")
    parser.add_argument("--expect", type=pathlib.Path)
    options = parser.parse_args()
    wanted = None if options.expect is None else {pathlib.Path(w).stem for w in options.expect.read_text().split()}
    folder = options.folder.resolve()
    cases = [
        path for path in sorted(folder.glob("s[0-9]*.py"))
        if any(fnmatch.fnmatch(path.stem, pattern) for pattern in options.patterns)
        and (wanted is None or path.stem in wanted)
    ]  # fmt: skip
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda case: run(case, options.profile, options.seconds), cases):
            name, passed, seconds, why = row
            failed += not passed
            print(f"| `{name}` | {'pass' if passed else 'FAIL'} | {seconds:.1f} s | {why} |", flush=True)
    print(f"\n{len(cases) - failed} of {len(cases)} pass.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Writes requirements/*.txt: the exact versions that Bevel is built and tested with, one file a Python and purpose.

Each file is resolved under the Python that it is for, by that Python's own pip, without installing anything:

    python scripts/lock.py              for each of Python 3.11, 3.12 and 3.13 found here
    python scripts/lock.py 3.12         for one

The three Pythons hold three versions of jaxlib on purpose, so that a run of all of them is a run of each engine.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JAXLIB = {"3.11": "0.10.2", "3.12": "0.11.2", "3.13": "0.12.0.1"}
INSTALLER = ["hatchling", "editables"]  # what installing Bevel in place takes, so that this too needs no other version


def resolve(python: str, requirements: list[str]) -> dict[str, str]:
    """Name → version of everything that pip would install for the requirements."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        command = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary", ":all:", "--report", f"{folder}/report.json", *requirements]
        subprocess.run(command, check=True)
        report = json.loads(Path(folder, "report.json").read_text())
    return {item["metadata"]["name"].lower(): item["metadata"]["version"] for item in report["install"]}


def write(name: str, why: str, versions: dict[str, str]) -> None:
    lines = [f"# {why} Written by scripts/lock.py: change pyproject.toml, then run it again."]
    lines += [f"{package}=={version}" for package, version in sorted(versions.items())]
    (ROOT / "requirements" / name).write_text("\n".join(lines) + "\n")
    print(f"requirements/{name}: {len(versions)} packages")


def main(wanted: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for version in wanted or JAXLIB:
        found = subprocess.run([ROOT / "scripts" / "find-python", version], stdout=subprocess.PIPE, text=True)
        if found.returncode:
            print(f"Python {version} is not here: its locks stay as they are")
            continue
        python = found.stdout.strip()
        engine = f"jaxlib=={JAXLIB[version]}"
        run = resolve(python, [*project["dependencies"], *extras["test"], *extras["examples"], *INSTALLER, engine])
        write(f"run-{version}.txt", f"Bevel, its tests and its examples on Python {version}.", run)
        pins = [f"{package}=={pin}" for package, pin in run.items()]
        both = resolve(python, [*extras["check"], *extras["docs"], *pins])
        tools = {package: pin for package, pin in both.items() if package not in run}
        write(f"tools-{version}.txt", f"The checks and the documentation on Python {version}.", tools)
        if version == "3.11":  # the one that the peer's own engine and Bevel's share, so that the comparison is fair
            write("peer.txt", "The real jax, in an environment of its own.", resolve(python, extras["peer"]))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Results on disk: what was measured, where and with what, as JSON in `benchmarks/results`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.driver import Outcome, Plan
from benchmarks.sides import ROOT
from benchmarks.summary import Comparison

FOLDER = Path(__file__).resolve().parent / "results"
FORMAT = 1


@dataclass(frozen=True)
class Line:
    """One row of a kept run. Where `problem` says why there is no ratio, `comparison` is None."""

    name: str
    family: str
    measures: str
    unit: str
    clock: str
    goal: float | None
    reached: bool | None
    sides: tuple[str, str]
    comparison: Comparison | None
    samples: tuple[tuple[float, ...], tuple[float, ...]]
    problem: str
    note: str


@dataclass(frozen=True)
class Results:
    """One run. `whole` is False where rows were picked or the run was quick: such a run never becomes the table."""

    made: str
    command: str
    whole: bool
    rounds: int
    platform: str
    left: str
    right: str
    machine: dict[str, Any]
    versions: dict[str, dict[str, str]]
    lines: tuple[Line, ...]


def describe_machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory, system and load; nothing that names the machine."""
    cores = len(os.sched_getaffinity(0)) if platform.system() == "Linux" else os.cpu_count()
    return {
        "processor": processor(),
        "cores": cores,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3),
        "system": platform.system(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except FileNotFoundError:  # not Linux
        pass
    if platform.system() == "Darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return platform.machine()


def commit() -> str:
    """The commit that was measured, with + where files differ from it; empty outside a repository."""

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        except FileNotFoundError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    found = git("rev-parse", "--short", "HEAD")
    return found + ("+" if found and git("status", "--porcelain", "--untracked-files=no") else "")


def gather(
    outcomes: Sequence[Outcome],
    plan: Plan,
    command: str,
    whole: bool,
    versions: dict[str, dict[str, str]],
    machine: dict[str, Any],
) -> Results:
    """A run's results, as kept."""
    lines = tuple(
        Line(
            name=outcome.row.name,
            family=outcome.row.family,
            measures=outcome.row.measures,
            unit=outcome.row.unit,
            clock=outcome.row.reads if outcome.row.kind == "process" else plan.clock or outcome.row.clock,
            goal=outcome.row.goal,
            reached=outcome.reached,
            sides=outcome.sides,
            comparison=outcome.comparison,
            samples=(tuple(outcome.left), tuple(outcome.right)),
            problem=outcome.problem,
            note=outcome.note,
        )
        for outcome in outcomes
    )
    return Results(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        whole=whole,
        rounds=plan.rounds,
        platform=plan.platform,
        left=plan.left,
        right=plan.right,
        machine={**machine, "commit": commit()},
        versions=versions,
        lines=lines,
    )


_PARTIAL = "-partial"  # in the names of runs that are for a look, and not kept


def free_path(results: Results, folder: Path = FOLDER) -> Path:
    """`<date>.json`, with -partial where the run was one, and a number where that name is taken."""
    stem = results.made[:10] + ("" if results.whole else _PARTIAL)
    number, path = 1, folder / f"{stem}.json"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.json"
    return path


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **asdict(results)}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    """Reads what `save` wrote. Raises ValueError where the file is of another format."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path} is not JSON: {error}. Files of results are written by `python -m benchmarks run`."
        ) from error
    if not isinstance(kept, dict) or kept.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is not a file of results of format {FORMAT}: make it anew with `make bench`.")
    kept["lines"] = tuple(
        Line(
            **{
                **line,
                "sides": tuple(line["sides"]),
                "comparison": line["comparison"] and Comparison(**line["comparison"]),
                "samples": tuple(map(tuple, line["samples"])),
            }
        )
        for line in kept["lines"]
    )
    return Results(**kept)


def newest(folder: Path = FOLDER) -> Path:
    """The file of the latest run that is kept: whole, or named as one. Raises FileNotFoundError where there is none."""
    runs = [(load(path).made, path) for path in sorted(folder.glob("*.json")) if _PARTIAL not in path.stem]
    if not runs:
        raise FileNotFoundError(f"No whole run is kept in {folder.name}/: make one with `python -m benchmarks run`.")
    return max(runs)[1]

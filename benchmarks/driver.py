"""Runs rows on both sides, alternating, and gathers what each round measured.

Rows of one family share a pair of workers for one round, and the next round starts new ones: so a ratio's spread
holds what differs from process to process (addresses, hash seeds) and each round's two measurements lie seconds apart.
Which side goes first alternates from round to round. Nothing is pinned and no priority is raised.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.row import Row
from benchmarks.sides import ROOT, environment, interpreter
from benchmarks.summary import Comparison, compare_samples, same_answer

SCRIPTS = Path(__file__).resolve().parent / "scripts"
LONGEST = 180.0  # seconds that one measurement may take before its process is ended


@dataclass
class Outcome:
    """What came of one row: samples of each side, a round each, or the reason why there are none."""

    row: Row
    sides: tuple[str, str]
    left: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    problem: str = ""  # why there is no ratio: skipped, or what was raised
    note: str = ""  # what a reader of the ratio should know

    @property
    def comparison(self) -> Comparison | None:
        return None if self.problem or not self.left else compare_samples(self.left, self.right)

    @property
    def reached(self) -> bool | None:
        """Whether the goal was reached; None where there is no goal or no ratio."""
        comparison = self.comparison
        if comparison is None or self.row.goal is None:
            return None
        return comparison.ratio <= self.row.goal and not self.note


@dataclass(frozen=True)
class Plan:
    """A run's settings. clock, where given, replaces each row's own: "cpu" for a machine too busy for wall time."""

    left: str
    right: str
    rounds: int
    quick: bool = False
    platform: str = "cpu"
    clock: str | None = None

    def sides_of(self, row: Row) -> tuple[str, str]:
        return self.left, row.right or self.right


class Worker:
    """One side's process, with a conversation in lines of JSON."""

    def __init__(self, side: str, scratch: str, platform: str):
        self.side = side
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        try:
            self.process = subprocess.Popen(
                [interpreter(side), "-m", "benchmarks.worker", side],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                env=environment(scratch, platform),
                cwd=ROOT,
                text=True,
                encoding="utf-8",
            )
        except OSError:  # no such interpreter
            self.log.close()
            raise

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The worker's answer; of one that dies or is silent for LONGEST seconds, {"error": ..., "dead": True}."""
        assert self.process.stdin is not None and self.process.stdout is not None
        ended = threading.Event()

        def end() -> None:
            ended.set()
            self.process.kill()

        timer = threading.Timer(LONGEST, end)
        timer.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if line:
            return dict(json.loads(line))
        if ended.is_set():
            return {"error": f"no answer within {LONGEST:.0f} s", "dead": True}
        return {"error": f"the process ended ({self.process.wait()}): {self._last_words()}", "dead": True}

    def _last_words(self) -> str:
        self.log.seek(0)
        lines = self.log.read().strip().splitlines()
        return lines[-1].strip() if lines else "nothing on standard error"

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:  # it died with a request unread
                    pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Workers:
    """The workers of one round, started when first asked and again when one has died; no two share a cache folder."""

    def __init__(self, platform: str):
        self.platform = platform
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.started: dict[str, Worker] = {}

    def ask(self, position: int, side: str, request: dict[str, Any]) -> dict[str, Any]:
        """Asks the worker of the side at this position (0 left, 1 right: jax against jax is two processes)."""
        key = f"{position} {side}"
        if key not in self.started:
            scratch = tempfile.mkdtemp(dir=self.folder.name)
            self.started[key] = Worker(side, scratch, self.platform)
        answer = self.started[key].ask(request)
        if answer.pop("dead", False):
            self.started.pop(key).close()
        return answer

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.started.values():
            worker.close()
        self.folder.cleanup()


def run_process(row: Row, side: str, platform: str, scratch: str) -> dict[str, Any]:
    """Runs the row's script once and reads its CPU time, its peak memory, or what it printed.

    The kernel counts a process's peak from before it became another program, so the driver itself must stay small:
    it imports neither side, nor NumPy.
    """
    arguments = [argument.format(scratch=scratch) for argument in row.arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            [interpreter(side), str(SCRIPTS / row.script), side, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(scratch, platform),
            cwd=ROOT,
            text=True,
        )
        timer = threading.Timer(LONGEST, process.kill)
        timer.start()
        assert process.stdout is not None
        printed = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)  # this child's alone; resource.getrusage sums up all of them
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        if process.returncode:
            log.seek(0)
            lines = log.read().strip().splitlines()
            return {"error": f"exit status {process.returncode}: {lines[-1] if lines else 'nothing on standard error'}"}
    if row.reads == "cpu":
        value = usage.ru_utime + usage.ru_stime
    elif row.reads == "memory":
        value = to_mebibytes(usage.ru_maxrss)
    else:
        last = printed.strip().splitlines()[-1:]
        answer = json.loads(last[0]) if last else None
        if isinstance(answer, dict):  # {"skip": reason}
            return answer
        if not isinstance(answer, int | float):
            return {"error": f"{row.script} should print a number as its last line; it printed {printed!r}"}
        value = float(answer)
    return {"value": value * row.scale, "fingerprint": None}


def to_mebibytes(maxrss: int) -> float:
    """`ru_maxrss` counts kibibytes on Linux and bytes on macOS.

    Of a child it is never less than what the process that started it had: the one that measures stays small.
    """
    return maxrss / (1024**2 if os.uname().sysname == "Darwin" else 1024)


def in_order(round_number: int) -> tuple[int, int]:
    """Positions (0 left, 1 right) in the order of this round."""
    return (0, 1) if round_number % 2 == 0 else (1, 0)


def run(rows: Sequence[Row], plan: Plan, report: Callable[[str], None] = lambda line: None) -> list[Outcome]:
    """Measures every row, plan.rounds times on each side; a row that fails once is not tried again."""
    outcomes = [Outcome(row, plan.sides_of(row)) for row in rows]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for family, members in groupby(outcomes, key=lambda outcome: outcome.row.family):
            group = list(members)
            begin = time.monotonic()
            for number in range(plan.rounds):
                _run_round(group, number, plan, scratch)
                report(f"{family}: round {number + 1} of {plan.rounds}, {time.monotonic() - begin:.0f} s")
            for outcome in group:
                report("  " + describe(outcome))
    return outcomes


def _run_round(group: list[Outcome], number: int, plan: Plan, scratch: str) -> None:
    with Workers(plan.platform) as workers:
        for outcome in group:
            if not outcome.problem:
                _measure_once(outcome, number, plan, workers, scratch)


def _measure_once(outcome: Outcome, number: int, plan: Plan, workers: Workers, scratch: str) -> None:
    row = outcome.row
    answers: dict[int, dict[str, Any]] = {}
    for position in in_order(number):
        side = outcome.sides[position]
        if row.kind == "process":
            # Only a row that asks for its folder finds again what earlier processes left there; the others start cold.
            keeps = any("{scratch}" in argument for argument in row.arguments)
            folder = Path(scratch) / f"{position} {row.name.replace('/', ' ')} {0 if keeps else number + 1}"
            folder.mkdir(exist_ok=True)
            if number == 0:  # fills the page cache and the byte code's folder, and the folder that a warm start finds
                warm_up = folder if keeps else Path(scratch)
                run_process(row, side, plan.platform, str(warm_up))
            answers[position] = run_process(row, side, plan.platform, str(folder))
        else:
            module = row.build.__module__ if row.build else ""
            request = {"ask": "measure", "row": row.name, "module": module, "quick": plan.quick, "clock": plan.clock}
            answers[position] = workers.ask(position, side, request)
    problems = list(_problems(answers, outcome.sides))
    if problems:
        outcome.problem = "; ".join(dict.fromkeys(problems))
        outcome.left.clear()
        outcome.right.clear()
        return
    outcome.left.append(answers[0]["value"])
    outcome.right.append(answers[1]["value"])
    if not same_answer(answers[0]["fingerprint"], answers[1]["fingerprint"]):
        outcome.note = (
            f"results differ: {answers[0]['fingerprint']} and {answers[1]['fingerprint']} (size, sum of magnitudes)"
        )


def _problems(answers: dict[int, dict[str, Any]], sides: tuple[str, str]) -> Iterator[str]:
    for position, answer in sorted(answers.items()):
        if "skip" in answer:
            yield f"skipped: {answer['skip']}"
        elif "error" in answer:
            yield f"{sides[position]}: {answer['error']}"


def describe(outcome: Outcome) -> str:
    """One line for the terminal."""
    row, comparison = outcome.row, outcome.comparison
    if comparison is None:
        return f"{row.name:44} {outcome.problem or 'not measured'}"
    [left, right] = outcome.sides
    goal = "" if row.goal is None else f"  goal {row.goal:g} {'✓' if outcome.reached else '✗'}"
    return (
        f"{row.name:44} {left} {comparison.left:.4g}  {right} {comparison.right:.4g} {row.unit}"
        f"  ratio {comparison.ratio:.3f} [{comparison.low:.3f}, {comparison.high:.3f}]{goal}"
        + (f"  ({outcome.note})" if outcome.note else "")
    )


def ask_versions(plan: Plan) -> dict[str, dict[str, str]]:
    """Versions of both sides: {"left": {...}, "right": {...}}. Raises RuntimeError where a side cannot be started."""
    found: dict[str, dict[str, str]] = {}
    with Workers(plan.platform) as workers:
        for position, side in enumerate((plan.left, plan.right)):
            try:
                answer = workers.ask(position, side, {"ask": "versions"})
            except FileNotFoundError:
                answer = {"error": "there is no such interpreter"}
            if "versions" not in answer:
                raise RuntimeError(
                    f"{side} did not start under {interpreter(side)}: {answer.get('error')}.\n"
                    "JAX is looked for in .venv-peer; BENCH_PEER_PYTHON names another interpreter that has it."
                )
            found["left" if position == 0 else "right"] = answer["versions"]
    return found

"""Plays a table of calls under Bevel and under the real JAX, and prints where the two differ.

    python scripts/compare.py lax                         a table: tests/data/lax_calls.txt
    python scripts/compare.py lax --only scatter --x64    the lines that match an expression, in 64 bits
    python scripts/compare.py lax --share 0.1             one call of ten, by chance
    python scripts/compare.py lax --each 5                of each line of the table five calls at most, by chance
    python scripts/compare.py numpy --kinds               dtypes, shapes, weak types, refusals; 20 times as fast
    python scripts/compare.py numpy --slopes              the derivatives of the calls, by jvp and by vjp
    python scripts/compare.py numpy --zeros               with the signs of zeros
    python scripts/compare.py linear --lines --each 9     how many of the calls that a line excuses differ
    python scripts/compare.py numpy --each 1 --times      how long the calls take when they were made before
    python scripts/compare.py lax --python .venv-3.13/bin/python

Compared are dtype, shape, weak type and values of each result, or the classes of the exception. `tests/data/calls.py`
says what a line means. In a table one line stands for many: `<f32 / i8 / c64>` takes each value in turn, and
`name = f32 / i8` names the values, so that `<name>` is the same one wherever it stands in a line. `#` begins a
remark, and `differs | expression | reason` says of the calls that match what is otherwise on purpose; `limits | …`
says it of what is infinite or NaN on one of the sides alone, `kinds | …` of what is otherwise while tracing alone,
`wide | …` with 64 bits alone, `zeros | …` of the signs of zeros alone. A line `any refusal` says that it does not
matter by which of the exceptions that code waits for a call is refused.

What JAX gave is kept in build/compare. Each side runs in a process of its own; one that dies is started again, and the
call that it died of reads "died".
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import queue
import random
import re
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "data"))

from calls import AWAITED, ROUNDED, agree, signs_agree  # noqa: E402  (it runs under the real JAX, too, and knows no package)

CHOICE = re.compile(
    r"<((?:->| > |[^<>])*/(?:->| > |[^<>])*)>"
)  # no arrow, and no "greater" between spaces, closes a choice
NAME = re.compile(r"<(\w+)>")
KEPT = ROOT / "build" / "compare"
WAYS = {"call", "jit", "jvp", "vjp", "jvp2", "hvp", "vmap", "batch"}


def expanded(line: str, named: dict[str, list[str]]) -> Iterator[str]:
    """Each line that a line with choices stands for."""
    names = [n for n in dict.fromkeys(NAME.findall(line)) if n in named]
    for values in itertools.product(*[named[n] for n in names]):
        chosen = dict(zip(names, values, strict=True))
        told = NAME.sub(lambda m, chosen=chosen: chosen.get(m[1], m[0]), line)
        choices = [[word.strip() for word in choice.split("/")] for choice in CHOICE.findall(told)]
        for words in itertools.product(*choices):
            rest = iter(words)
            yield CHOICE.sub(lambda m, rest=rest: next(rest), told)


def read(
    path: Path, kinds_only: bool = False, x64: bool = False
) -> tuple[list[list[str]], dict[re.Pattern, tuple[str, str]], bool]:
    """The calls of each line of a table, what differs on purpose (reason, kind of line), are all refusals alike?"""
    calls, named, differs, any_refusal = [], {}, {}, False
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(("differs | ", "limits | ", "kinds | ", "wide | ", "zeros | ")):
            kind, expression, reason = line.split(" | ", 2)
            if {"kinds": kinds_only, "wide": x64}.get(kind, True):
                differs[re.compile(expression)] = reason, kind
        elif line == "any refusal":
            any_refusal = True
        elif naming := re.fullmatch(r"(\w+) = (.*)", line):
            named[naming[1]] = [
                word.strip() for word in NAME.sub(lambda m: " / ".join(named[m[1]]), naming[2]).split("/")
            ]
        else:
            calls.append(list(expanded(line, named)))
    for call in itertools.chain(*calls):
        if call.split(" ")[0] not in WAYS:
            sys.exit(f"{call.split(' ')[0]} is none of the ways {', '.join(sorted(WAYS))}: {call}")
        try:
            compile(call.split(" | ")[1], call, "eval")
        except SyntaxError:
            sys.exit(f"This is no Python: {call}")
    return calls, differs, any_refusal


def slopes(call: str) -> list[str]:
    """The derivatives of a call, where it has an operand with slopes: forward and backward."""
    _, function, *operands = call.split(" | ")
    has_slopes = any(re.search(r"(^|; )(f|bf|c)\d", operand) for operand in operands)
    return [" | ".join([way, function, *operands]) for way in ("jvp", "vjp") if has_slopes]


def played(
    python: Path, package: str, platform: str, x64: bool, calls: list[str], words: list[str], patience: int
) -> Iterator[list]:
    """What comes of each call, from a process that is started again where it dies, or takes too many seconds."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BEVEL_SHARP_EDGES": "compat",
        "JAX_ENABLE_X64": str(int(x64)),
    }
    environment |= {"JAX_PLATFORMS": platform, "TF_CPP_MIN_LOG_LEVEL": "3"}
    left = deque(calls)
    while left:
        command = [python, ROOT / "tests" / "data" / "calls.py", package, *words]
        with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-3, text=True, env=environment) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            answer = "alive"
            while left and answer:
                try:
                    process.stdin.write(json.dumps(left.popleft()) + "\n")
                    process.stdin.flush()
                    # second by second, so that the time in which all stood still does not count
                    if not any(select.select([process.stdout], [], [], 1)[0] for _ in range(patience)):
                        process.kill()
                    answer = process.stdout.readline()
                except BrokenPipeError:
                    answer = ""
                yield json.loads(answer) if answer else ["died"]


def remembered(
    python: Path, platform: str, x64: bool, calls: list[str], words: list[str], patience: int
) -> Iterator[list]:
    """What comes of each call under the real JAX, which is asked once."""
    meaning = hashlib.sha256((ROOT / "tests" / "data" / "calls.py").read_bytes()).hexdigest()[:12]
    path = KEPT / f"{'-'.join([meaning, platform, 'x64' if x64 else 'x32', *words])}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    known = dict(map(json.loads, path.read_text().splitlines()))
    answers = played(python, "jax", platform, x64, [call for call in calls if call not in known], words, patience)
    with path.open("a") as file:
        for call in calls:
            if call not in known:
                known[call] = next(answers)
                print(json.dumps([call, known[call]]), file=file, flush=True)
            yield known[call]


def ahead(answers: Iterator[list]) -> Iterator[list]:
    """The same answers, asked for by a thread of its own before they are needed."""
    ready: queue.SimpleQueue = queue.SimpleQueue()

    def ask():
        try:
            for answer in answers:
                ready.put(answer)
        finally:
            ready.put(None)

    threading.Thread(target=ask, daemon=True).start()
    return iter(ready.get, None)


def without(found: list, expected: list, leaves_out: Callable[[str, str], bool]) -> list:
    """What is found, with what is expected in the places that are left out."""
    if not (found and expected and isinstance(found[0], list) and [x[:3] for x in found] == [x[:3] for x in expected]):
        return found
    pairs = [
        (row, [b if leaves_out(a, b) else a for a, b in zip(row[3], e[3], strict=True)])
        for row, e in zip(found, expected, strict=True)
    ]
    return [[*row[:3], values] for row, values in pairs]


def expects_nan(found: str, expected: str) -> bool:
    """At corners a slope is the limit, where JAX has 0 * inf."""
    return expected == "nan"


def is_limit(found: str, expected: str) -> bool:
    return any(word in ("nan", "inf", "-inf") for word in (found, expected))


def told(answer: list) -> str:
    if not answer or isinstance(answer[0], str):
        return " ".join(answer) or "nothing"
    return "; ".join(f"{t}{shape}{'*' if weak else ''} {' '.join(values[:40])}" for t, shape, weak, values in answer)


def apart(found: list, expected: list) -> str:
    """The numbers that differ, where results differ in nothing else; else both results."""
    if not (found and expected and isinstance(found[0], list) and [x[:3] for x in found] == [x[:3] for x in expected]):
        return f"    Bevel  {told(found)}\n    JAX    {told(expected)}"
    lines = []
    for n, ([*kind, mine], [*_, theirs]) in enumerate(zip(found, expected, strict=True)):
        pairs = list(enumerate(zip(mine, theirs, strict=True)))
        places = [i for i, (a, b) in pairs if not agree([[*kind, [a]]], [[*kind, [b]]], ROUNDED)]
        places = places or [i for i, (a, b) in pairs if a != b]
        if places:
            some = ", ".join(f"{mine[i]} for {theirs[i]} at {i}" for i in places[:8])
            lines.append(f"    result {n}, {kind[0]}{kind[1]}: {len(places)} numbers, {some}")
    return "\n".join(lines)


def print_times(options: argparse.Namespace, calls: list[str]) -> int:
    """The calls that take longer than under the real JAX, the worst first. One side after the other: look twice."""
    calls = [call for call in calls if call.startswith("call | ")]
    ours = list(
        played(options.python.absolute(), "bevel", options.platform, options.x64, calls, ["times"], options.patience)
    )
    theirs = list(played(options.peer, "jax", options.platform, options.x64, calls, ["times"], options.patience))
    both = [
        (a / b, a, b, call)
        for a, b, call in zip(ours, theirs, calls, strict=True)
        if isinstance(a, (int, float)) and isinstance(b, (int, float)) and a > 0 and b > 0
    ]
    longer = sorted([row for row in both if options.all or row[0] > 1], reverse=True)
    for ratio, a, b, call in longer:
        print(f"{ratio:5.2f} {a:9.1f} {b:9.1f} µs  {call}")
    print(f"{len(both)} calls, {len(longer)} {'shown' if options.all else 'take longer'}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="lax, numpy, linear, scipy, nn, random, slopes, rest, edges, or a path")
    parser.add_argument("--only", default="", help="an expression that is looked for in the calls")
    parser.add_argument("--share", type=float, default=1.0, help="the share of the calls to play")
    parser.add_argument("--each", type=int, default=0, help="at most so many calls of each line; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="another one chooses others")
    parser.add_argument("--x64", action="store_true")
    parser.add_argument("--patience", type=int, default=60, help="seconds for a call, which else counts as dead")
    parser.add_argument("--platform", default="cpu", help="where both sides compute (default cpu)")
    parser.add_argument("--kinds", action="store_true", help="no values: dtypes, shapes, weak types and refusals")
    parser.add_argument("--slopes", action="store_true", help="play the derivatives of the table's calls")
    parser.add_argument("--zeros", action="store_true", help="mind the signs of zeros, too")
    parser.add_argument("--times", action="store_true", help="which calls take longer than JAX's, on an idle machine")
    parser.add_argument("--lines", action="store_true", help="of the lines that excuse: how much of it is needed")
    parser.add_argument("--all", action="store_true", help="print what differs on purpose, too")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="the Python that has Bevel")
    parser.add_argument(
        "--peer", type=Path, default=ROOT / ".venv-peer" / "bin" / "python", help="that of the real JAX"
    )
    options = parser.parse_args()
    path = ROOT / "tests" / "data" / f"{options.table}_calls.txt"
    lines, differs, any_refusal = read(path if path.exists() else Path(options.table), options.kinds, options.x64)
    chance = random.Random(options.seed)
    lines = [[c for c in line if re.search(options.only, c) and chance.random() < options.share] for line in lines]
    if options.lines:
        lines = [[c for c in line if any(e.search(c) for e in differs)] for line in lines]
    lines = [chance.sample(line, min(options.each or len(line), len(line))) for line in lines]
    if options.slopes:
        lines = [[s for c in line if c.startswith("call | ") for s in slopes(c)] for line in lines]
    calls = list(dict.fromkeys(itertools.chain(*lines)))
    if options.times:
        return print_times(options, calls)
    words = ["kinds"] * options.kinds
    theirs = ahead(remembered(options.peer, options.platform, options.x64, calls, words, options.patience))
    ours = ahead(
        played(options.python.absolute(), "bevel", options.platform, options.x64, calls, words, options.patience)
    )
    wrong, purposely = 0, 0
    excused: dict[re.Pattern, int] = dict.fromkeys(differs, 0)
    for call, found, expected in zip(calls, ours, theirs, strict=True):
        if (agree(found, expected, ROUNDED) and (signs_agree(found, expected) or not options.zeros)) or (
            any_refusal and found and expected and {*map(str, found + expected)} <= AWAITED
        ):
            continue
        if options.slopes and agree(without(found, expected, expects_nan), expected, ROUNDED):
            purposely += 1
            continue
        counts = {
            "limits": agree(without(found, expected, is_limit), expected, ROUNDED),
            "zeros": agree(found, expected, ROUNDED),
        }
        excuses = [e for e, (_, kind) in differs.items() if e.search(call) and counts.get(kind, True)]
        for expression in excuses:
            excused[expression] += 1
        reasons = [differs[expression][0] for expression in excuses]
        purposely += bool(reasons)
        wrong += not reasons
        if options.all or not reasons:
            print("\n".join([call, *(f"    ({reason})" for reason in reasons), apart(found, expected)]), flush=True)
    if options.lines:
        for expression, count in excused.items():
            matched = sum(1 for call in calls if expression.search(call))
            print(f"{count:5} of {matched:5} that match differ: {expression.pattern}")
    print(f"{len(calls)} calls, {wrong} differ, {purposely} differ on purpose")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Results as Markdown, and into the pages that quote them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.reasons import reason
from benchmarks.results import Line, Results

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
NAMES = {"bevel": "Bevel", "jax": "JAX", "c": "C", "numpy": "NumPy"}

# The rows that README shows: what a newcomer asks first, and where the goals are.
QUOTED = re.compile(
    r"import$|cold process|trace: (2000 lax|grad of (the|grad))|lower: (2000 lax|grad)|compile: (2000|grad of the)|"
    r"jit call, \d+ lea|x \+ y$|x\[3\]$|x\.at\[3\]\.set$|jit of a new|run: grad of Lorenz RK4, 1|sort: 1,000,000$|"
    r"normal: 1,000,000$|gamma: 100,000$|conv depthwise 3x3, forward|galaxy step(, |.* C .*)10,000|memory: galaxy|"
    r"model: (transformer|residual network): |model: (Kalman filter|Hamiltonian Monte Carlo|cart and pole): run$"
)
LEVEL = 0.05  # ratios that differ from 1 by less are called level

INTRODUCTION = f"""# Benchmarks

Bevel beside the real JAX, measured in alternating processes on one machine. Read the ratios: a time says as much about
the machine as about the library. `make bench` measures anew; `make bench-table ARGS=benchmarks/results/….json` puts a
run here, without ARGS the newest of those that are kept.

{BEGIN}
{END}
"""


def title(side: str) -> str:
    return NAMES.get(side, side)


def number(value: float) -> str:
    """Three significant digits, without an exponent.

    >>> number(0.012345), number(4.5678), number(123.4), number(123456.0)
    ('0.0123', '4.57', '123', '123,456')
    """
    if value >= 100:
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    digits = 2
    size = abs(value)
    while size < 1:
        size, digits = size * 10, digits + 1
    while size >= 10:
        size, digits = size / 10, digits - 1
    return f"{value:.{max(digits, 0)}f}"


def heading(results: Results, with_command: bool = True) -> str:
    """Where the numbers come from: date, command, machine, versions, and how to read the columns."""
    machine = results.machine
    versions = "; ".join(
        f"{title(side)}: " + ", ".join(f"{name} {version}" for name, version in results.versions[position].items())
        for position, side in (("left", results.left), ("right", results.right))
        if position in results.versions
    )
    commit = f", commit {machine['commit']}" if machine.get("commit") else ""
    command = f", `{results.command}`" if with_command else ""
    return (
        f"{results.made[:10]}{commit}{command}, on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, load {machine['load_at_start']} at the start, "
        f"platform {results.platform}. {versions}.\n\n"
        f"Ratio = {title(results.left)} / {title(results.right)} (or C or NumPy, where the row says so) of the "
        f"medians of {results.rounds} round{'' if results.rounds == 1 else 's'}: below 1, {title(results.left)} is "
        "ahead. "
        "Spread = the middle half of the rounds' own ratios; "
        "least = the ratio of each side's smallest measurement. "
        "✓ the goal is reached, ✗ it is not."
    )


def cells(line: Line) -> list[str]:
    """One row's cells: name, left, right, ratio, spread, least, goal."""
    goal = "" if line.goal is None else f"≤ {line.goal:g}"
    comparison = line.comparison
    if comparison is None:
        return [line.name, "", "", "", line.problem or "not measured", "", goal]
    if line.reached is not None:
        goal += " ✓" if line.reached else " ✗"
    other = f" ({title(line.sides[1])})" if line.sides[1] not in ("bevel", "jax") else ""
    unit = f" {line.unit}" if line.unit else ""
    return [
        line.name,
        number(comparison.left) + unit,
        number(comparison.right) + unit + other,
        f"**{number(comparison.ratio)}**",
        f"{number(comparison.low)}–{number(comparison.high)}" + (f"; {line.note}" if line.note else ""),
        number(comparison.least_ratio),
        goal,
    ]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left_columns: int = 1) -> str:
    """A Markdown table; all but the first columns are set to the right."""
    marks = ["---" if column < left_columns else "--:" for column in range(len(header))]
    body = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [list(header), marks, *body])


def render(results: Results) -> str:
    """The whole table, a section a family."""
    parts = [heading(results)]
    for family, members in groupby(results.lines, key=lambda line: line.family):
        rows = list(members)
        table = markdown_table([family, *_header(results)[1:]], [cells(line) for line in rows])
        meanings = "\n".join(f"- {line.name}: {line.measures} ({clock_words(line)})." for line in rows)
        parts += [
            f"## {family.capitalize()}",
            table,
            *misses(rows, results.right),
            f"<details><summary>What is measured</summary>\n\n{meanings}\n\n</details>",
        ]
    return "\n\n".join(parts)


def misses(rows: Sequence[Line], right: str) -> list[str]:
    """The rows that miss their goal, or without one stand behind the right side, by what is known of the cause."""
    why: dict[str, list[str]] = {}
    for line in rows:
        behind = line.comparison and line.sides[1] == right and line.comparison.ratio > 1 + LEVEL
        if line.reached is False or (line.reached is None and behind):
            why.setdefault(reason(line.name), []).append(line.name)
    listed = "\n".join(f"- {'; '.join(names)}: {cause}." for cause, names in why.items())
    return [f"<details><summary>Not reached, and why</summary>\n\n{listed}\n\n</details>"] if why else []


def quote(results: Results, shown: re.Pattern[str] = QUOTED) -> str:
    """The rows that a page quotes, and how the others stand."""
    lines = [line for line in results.lines if shown.match(line.name)]
    return "\n\n".join(
        [heading(results, False), markdown_table(_header(results), [cells(line) for line in lines]), standing(results)]
    )


def standing(results: Results) -> str:
    """In how many rows the left side is ahead of the right, level, or behind; those behind are named."""
    pair = (results.left, results.right)
    ratios = {ln.name: ln.comparison.ratio for ln in results.lines if ln.comparison and tuple(ln.sides) == pair}
    behind = {name: ratio for name, ratio in ratios.items() if ratio > 1 + LEVEL}
    level = sum([abs(ratio - 1) <= LEVEL for ratio in ratios.values()])
    left, right = title(results.left), title(results.right)
    text = (
        f"Of {len(ratios)} rows beside {right} in this run ([all of them](docs/benchmarks.md)), {left} is ahead in "
        f"{len(ratios) - level - len(behind)}, level within {LEVEL:.0%} in {level}, and behind in {len(behind)}"
    )
    named = ", ".join([f"{name} ({number(ratio)})" for name, ratio in sorted(behind.items(), key=lambda row: -row[1])])
    return text + (f": {named}." if behind else ".")


def _header(results: Results) -> list[str]:
    return ["", title(results.left), title(results.right), "ratio", "spread", "least", "goal"]


def clock_words(line: Line) -> str:
    words = {"cpu": "CPU time", "wall": "wall time", "memory": "peak memory", "printed": "as the script says"}
    return words.get(line.clock, line.clock)


def replace_between_marks(page: str, text: str) -> str:
    """The page with what stands between the marks replaced. Raises ValueError unless each is there once, in order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"A page that quotes the table holds one {BEGIN} and, after it, one {END}.")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def write_pages(results: Results, readme: Path, documentation: Path) -> list[str]:
    """Puts the table into both pages, and says what was done. The documentation page is made where it is missing."""
    done = []
    if not documentation.exists():
        documentation.parent.mkdir(parents=True, exist_ok=True)
        documentation.write_text(INTRODUCTION, encoding="utf-8")
    for page, text in ((documentation, render(results)), (readme, quote(results))):
        if not page.exists():
            done.append(f"{page.name} does not exist: left out")
            continue
        try:
            page.write_text(replace_between_marks(page.read_text(encoding="utf-8"), text), encoding="utf-8")
        except ValueError as error:
            done.append(f"{page.name} was left as it is. {error}")
            continue
        done.append(f"{page.name} rewritten")
    return done


def compare_runs(before: Results, after: Results) -> str:
    """Two runs' ratios beside each other. Marked, where the spreads do not touch: left became better ▼ or worse ▲."""
    earlier = {line.name: line for line in before.lines}
    later = {line.name: line for line in after.lines}
    rows = []
    for name in [*earlier, *(name for name in later if name not in earlier)]:
        old = earlier[name].comparison if name in earlier else None
        new = later[name].comparison if name in later else None
        change = mark = ""
        if old and new:
            change = f"{number(new.ratio / old.ratio)}×"
            mark = "▼ better" if new.high < old.low else "▲ worse" if new.low > old.high else ""
        rows.append([name, number(old.ratio) if old else "–", number(new.ratio) if new else "–", change, mark])
    names = [f"{run.made[:10]} ({title(run.left)} / {title(run.right)})" for run in (before, after)]
    return markdown_table(["", *names, "change", "beyond the spread"], rows)

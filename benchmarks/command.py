"""The command line: run, table, compare, list."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.driver import Plan, ask_versions, run
from benchmarks.results import Results, describe_machine, free_path, gather, load, newest, save
from benchmarks.row import Row
from benchmarks.rows import select_rows
from benchmarks.sides import ROOT
from benchmarks.table import compare_runs, markdown_table, render, write_pages


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="Bevel beside the real JAX.")
    commands = top.add_subparsers(dest="command", required=True)

    runs = commands.add_parser("run", help="measure, and keep the results in benchmarks/results")
    runs.add_argument("--rows", default="", metavar="PATTERN", help="regular expression over 'family name'")
    runs.add_argument("--rounds", type=int, metavar="N", help="rounds, each with new processes (default 5, quick 2)")
    runs.add_argument("--quick", action="store_true", help="shorter loops: for a look, not for the table")
    runs.add_argument("--left", default="bevel", help="bevel or jax (default bevel)")
    runs.add_argument("--right", default="jax", help="bevel or jax (default jax)")
    runs.add_argument("--platform", default="cpu", help="the platform of both sides (default cpu)")
    runs.add_argument("--clock", choices=["wall", "cpu"], help="instead of each row's own; cpu for a busy machine")
    runs.add_argument("--output", type=Path, help="where the JSON goes (default benchmarks/results/<date>.json)")

    table = commands.add_parser("table", help="put the newest whole run into README.md and docs/benchmarks.md")
    table.add_argument("results", nargs="?", type=Path, help="another file of results")

    compare = commands.add_parser("compare", help="two runs' ratios beside each other")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)

    listing = commands.add_parser("list", help="the rows and what they measure")
    listing.add_argument("--rows", default="", metavar="PATTERN")
    return top


def measure(options: argparse.Namespace, arguments: Sequence[str]) -> Results:
    rows = select_rows(options.rows)
    rounds = options.rounds if options.rounds is not None else (2 if options.quick else 5)
    if rounds < 1:
        raise ValueError(f"A ratio needs at least one round; --rounds is {rounds}.")
    plan = Plan(options.left, options.right, rounds, options.quick, options.platform, options.clock)
    machine = describe_machine()
    versions = ask_versions(plan)
    # a choice of rows is a result too, which the table's command tells; a hasty or differently timed one is not
    whole = not (options.quick or options.clock) and rounds >= 5 and (plan.left, plan.right) == ("bevel", "jax")
    outcomes = run(rows, plan, report=lambda line: print(line, file=sys.stderr, flush=True))
    command = shlex.join(["python", "-m", "benchmarks", *without_output(arguments)])
    return gather(outcomes, plan, command, whole, versions, machine)


def with_command(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `run` before them where they name no command: `make bench ARGS=--quick` measures."""
    if arguments and (not arguments[0].startswith("-") or arguments[0] in ("-h", "--help")):
        return list(arguments)
    return ["run", *arguments]


def without_output(arguments: Sequence[str]) -> list[str]:
    """The arguments less --output and its value: the table quotes the command, without paths of the machine."""
    kept: list[str] = []
    after = False
    for argument in arguments:
        if not after and argument != "--output" and not argument.startswith("--output="):
            kept.append(argument)
        after = argument == "--output"
    return kept


def list_rows(rows: Sequence[Row]) -> str:
    header = ["family", "row", "goal", "measures"]
    return markdown_table(
        header,
        [[row.family, row.name, "" if row.goal is None else f"{row.goal:g}", row.measures] for row in rows],
        left_columns=len(header),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Gives 0, or 2 with a short letter on standard error where it could not be done."""
    arguments = with_command(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(arguments)
    try:
        if options.command == "run":
            results = measure(options, arguments)
            path = options.output or free_path(results)
            save(results, path)
            path.with_suffix(".md").write_text(render(results) + "\n", encoding="utf-8")
            print(f"{path}\n{path.with_suffix('.md')}")
        elif options.command == "table":
            results = load(options.results or newest())
            print("\n".join(write_pages(results, ROOT / "README.md", ROOT / "docs" / "benchmarks.md")))
        elif options.command == "compare":
            print(compare_runs(load(options.before), load(options.after)))
        else:
            print(list_rows(select_rows(options.rows)))
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0

"""The harness of `make bench`: its arithmetic, processes and table. Nothing here depends on how fast anything is."""

import doctest
import json
import re
import resource
from dataclasses import replace
from itertools import count
from math import inf, nan

import pytest

from benchmarks import command, reasons, records, selfcheck, summary, table
from benchmarks.driver import Outcome, Plan, describe, in_order, run, to_mebibytes
from benchmarks.measure import Effort, time_loop, time_samples
from benchmarks.results import free_path, gather, load, newest, save
from benchmarks.row import Family
from benchmarks.rows import FAMILIES, all_rows, find_row, select_rows
from benchmarks.sides import ROOT, Side, environment, interpreter
from benchmarks.summary import compare_samples, quartiles, same_answer
from benchmarks.table import BEGIN, END, compare_runs, number, quote, render, replace_between_marks, write_pages

PLAN = Plan("left", "right", rounds=3, quick=True)
MACHINE = {"processor": "Processor", "cores": 2, "memory_gib": 8, "system": "Linux", "load_at_start": 0.1}


@pytest.fixture(scope="module")
def outcomes():
    """Every row of the self-check, run once, by name."""
    return {outcome.row.name: outcome for outcome in run(selfcheck.FAMILY.rows, PLAN)}


def results_of(outcomes, whole=True):
    return gather(list(outcomes.values()), PLAN, "python -m benchmarks run", whole, {}, MACHINE)


# Arithmetic


@pytest.mark.parametrize("module", [summary, table])
def test_examples_in_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried and not failed


def test_quartiles():
    assert quartiles([3.0]) == (3.0, 3.0)
    assert quartiles([4.0, 1.0, 3.0, 2.0]) == (1.75, 3.25)
    with pytest.raises(ValueError, match="at least one"):
        quartiles([])


def test_comparison():
    comparison = compare_samples([1.0, 9.0, 2.0], [2.0, 10.0, 8.0])
    assert (comparison.left, comparison.right, comparison.ratio) == (2.0, 8.0, 0.25)
    assert (comparison.left_least, comparison.right_least, comparison.least_ratio) == (1.0, 2.0, 0.5)
    # The rounds' own ratios are 0.5, 0.9 and 0.25: their median need not be the ratio of the medians.
    assert (comparison.low, comparison.high) == pytest.approx((0.375, 0.7))
    assert comparison.rounds == 3


@pytest.mark.parametrize(("left", "right"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])])
def test_comparison_refuses(left, right):
    with pytest.raises(ValueError):
        compare_samples(left, right)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (None, [1.0, 2.0], True),
        ([8.0, 4.0], [8.0, 4.001], True),
        ([8.0, 4.0], [8.0, 4.1], False),
        ([8.0, 4.0], [7.0, 4.0], False),
        ([8.0, 0.0], [8.0, 1e-12], True),
        ([8.0, nan], [8.0, nan], True),
        ([8.0, nan], [8.0, 1.0], False),
        ([8.0, inf], [8.0, 1.0], False),
    ],
)
def test_same_answer(left, right, same):
    assert same_answer(left, right) is same
    assert same_answer(right, left) is same


def test_loop_is_the_median_and_long_enough():
    """A clock that only calls move: the third of every three calls costs 5, the others 1."""
    now, cost, calls = [0.0], [1.0, 1.0, 5.0], count()

    def call():
        now[0] += cost[next(calls) % 3]
        return "answer"

    seconds, answer = time_loop(call, False, lambda: now[0], Effort(loop=300.0, repeats=5, budget=inf))
    assert answer == "answer"
    assert seconds == pytest.approx(7 / 3, rel=0.05)  # loops of many calls see the mean cost


def test_loop_waits_for_each_result():
    waited = []

    class Result:
        def block_until_ready(self):
            waited.append(self)
            return self

    made = []

    def call():
        made.append(Result())
        return made[-1]

    ticks = count()
    time_loop(call, True, lambda: float(next(ticks)), Effort(loop=0.0, repeats=2, budget=inf))
    assert waited == made


def test_samples_leave_the_first_out():
    seen = []

    def sample(clock, index):
        seen.append(index)
        return 100.0 if index == 0 else float(index)

    assert time_samples(sample, lambda: 0.0, Effort(loop=0.0, repeats=3, budget=inf)) == 2.0
    assert seen == [0, 1, 2, 3]


# Processes


def test_sides_take_turns():
    assert [in_order(number) for number in range(3)] == [(0, 1), (1, 0), (0, 1)]


def test_known_ratio(outcomes):
    outcome = outcomes["half"]
    assert outcome.problem == ""
    assert len(outcome.left) == len(outcome.right) == PLAN.rounds
    assert outcome.comparison.ratio == 0.5
    assert outcome.reached is True
    assert Outcome(replace(outcome.row, goal=0.4), outcome.sides, outcome.left, outcome.right).reached is False
    assert Outcome(replace(outcome.row, goal=None), outcome.sides, outcome.left, outcome.right).reached is None


def test_answers_are_compared(outcomes):
    assert outcomes["same answer"].note == ""
    assert "results differ" in outcomes["another answer"].note
    assert outcomes["another answer"].reached is False, "a ratio between different programs reaches no goal"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("raises", "left: NotImplementedError: left has no such thing"),
        ("skips", "skipped: nothing to compile it with"),
        ("dies", "left: the process ended (3): nothing on standard error"),
        ("fails", "left: exit status 1: ValueError: could not convert string to float: 'four'"),
    ],
)
def test_problems_are_told(outcomes, name, problem):
    outcome = outcomes[name]
    assert outcome.problem.split("; ")[0] == problem
    assert outcome.comparison is None and outcome.reached is None
    assert problem in describe(outcome)


def test_a_death_ends_only_its_row(outcomes):
    assert outcomes["after the death"].comparison is not None


def test_row_with_a_right_side_of_its_own(outcomes):
    outcome = outcomes["against a third side"]
    assert outcome.sides == ("left", "third")
    assert "[4.0, 0.0] and [5.0, 0.0]" in outcome.note


def test_process_rows(outcomes):
    assert outcomes["printed"].left == outcomes["printed"].right == [4.0] * 3
    assert outcomes["cpu"].comparison.left > 0
    started_from = to_mebibytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # counts as the child's own
    assert 1 < outcomes["peak memory"].comparison.left < max(1000, 1.1 * started_from)


def test_only_a_row_that_asks_finds_its_folder_again(outcomes):
    assert outcomes["kept folder"].left == outcomes["kept folder"].right == [2.0, 3.0, 4.0]  # the first one warms up


def test_environment_finds_nothing_compiled_earlier(monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
    found = environment("/empty", "cpu")
    assert found["JAX_ENABLE_COMPILATION_CACHE"] == found["BEVEL_ENABLE_COMPILATION_CACHE"] == "false"
    assert found["XDG_CACHE_HOME"] == "/empty"


def test_peer_interpreter(monkeypatch):
    monkeypatch.setenv("BENCH_PEER_PYTHON", "/elsewhere/python")
    assert interpreter("jax") == "/elsewhere/python"
    assert interpreter("bevel") != "/elsewhere/python"


def test_unknown_side_is_a_short_letter(capsys, monkeypatch):
    monkeypatch.setenv("BENCH_PEER_PYTHON", "/nowhere/python")
    assert command.main(["run", "--left", "jax", "--right", "jax", "--rows", "import"]) == 2
    assert "BENCH_PEER_PYTHON" in capsys.readouterr().err


# Rows


def test_rows_are_whole():
    rows = all_rows()
    assert {row.family for row in rows} == set(FAMILIES)
    for row in rows:
        assert row.measures and row.unit
        assert (row.kind == "process") == (row.build is None)
        if row.build is not None:
            assert find_row(row.name, row.build.__module__) is row


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("import", 0.45),
        ("trace: 2000 lax operations", 0.3),
        ("lower: grad of the 200-layer MLP", 0.4),
        ("jit call, 300 leaves", 1.0),
        ("x + y", 0.9),
        ("x[3]", 0.3),
        ("x.at[3].set", 0.2),
        ("cold process: grad of a 200-layer MLP", 0.5),
        ("run: grad of Lorenz RK4, 1,000 steps", 0.15),
        ("galaxy step, 10,000 stars", 0.1),
        ("galaxy step against C -O3 -march=native, 10,000 stars", 2.0),
    ],
)
def test_promised_goals(name, goal):
    [row] = [row for row in all_rows() if row.name == name]
    assert row.goal == goal


def test_rows_are_picked_by_pattern():
    assert [row.name for row in select_rows(r"^eager x\[3\]")] == ["x[3]"]
    assert len(select_rows("")) == len(all_rows())
    with pytest.raises(ValueError, match="nothing like it"):
        select_rows("nothing like it")


def test_a_row_says_what_it_measures():
    with pytest.raises(ValueError, match="docstring"):

        @Family("none").loop_row("silent")
        def silent(side):
            return lambda: None


# Results and table


def test_results_survive_the_disk(outcomes, tmp_path):
    results = results_of(outcomes)
    path = free_path(results, tmp_path)
    save(results, path)
    assert load(path) == results
    assert path.stem == results.made[:10]
    assert free_path(results, tmp_path).stem == f"{results.made[:10]}-2"
    assert free_path(replace(results, whole=False), tmp_path).stem == f"{results.made[:10]}-partial"


def test_newest_is_the_latest_run_that_is_kept(outcomes, tmp_path):
    with pytest.raises(FileNotFoundError, match="No whole run"):
        newest(tmp_path)
    results = results_of(outcomes)
    for name, made, whole in (
        ("b", "2030-01-02", True),
        ("a", "2030-01-03", False),
        ("c-partial", "2030-01-04", False),
    ):
        save(replace(results, made=f"{made}T00:00:00+00:00", whole=whole), tmp_path / f"{name}.json")
    assert newest(tmp_path).name == "a.json"


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 999}', "not json"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match="other.json"):
        load(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.012345, "0.0123"),
        (0.5, "0.500"),
        (1.0, "1.00"),
        (45.67, "45.7"),
        (99.99, "100.0"),
        (1234.5, "1,234"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_table_shows_each_row(outcomes):
    text = render(results_of(outcomes))
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| ")}
    assert set(outcomes) <= set(rows)
    assert "**0.500**" in rows["half"] and "≤ 0.6 ✓" in rows["half"] and "0.500–0.500" in rows["half"]
    assert "≤ 1e+09 ✗" in rows["another answer"]
    assert "skipped: nothing to compile it with" in rows["skips"]
    assert "(third)" in rows["against a third side"]
    assert len({line.count("|") for line in rows.values()}) == 1
    assert "`python -m benchmarks run`" in text and "Processor, 2 cores" in text and "3 rounds" in text


def test_what_is_missed_is_told_with_its_reason(outcomes, monkeypatch):
    results = results_of({name: outcomes[name] for name in ("half", "another answer")})
    assert "Not reached, and why</summary>\n\n- another answer: the cause is not known.\n" in render(results)
    monkeypatch.setattr(reasons, "REASONS", [("another", "the answers differ")])
    assert "- another answer: the answers differ." in render(results)
    slower = results_of({"half": replace(outcomes["half"], left=[3 * one for one in outcomes["half"].left])})
    assert "- half: the cause is not known." in render(slower)
    assert "Not reached" not in render(results_of({"half": outcomes["half"]}))


def test_each_reason_is_of_a_row():
    names = [row.name for row in all_rows()]
    assert [pattern for pattern, _ in reasons.REASONS if not any(re.match(pattern, name) for name in names)] == []


def test_a_quoted_table_has_some_rows_and_says_how_the_others_stand(outcomes):
    text = quote(results_of(outcomes), re.compile("half"))
    assert results_of(outcomes).command not in text and results_of(outcomes).command in render(results_of(outcomes))
    assert "| half |" in text and "| same answer |" not in text
    assert re.match(r"Of 8 rows beside right .*, left is ahead in \d+, level within 5% in \d+", text.splitlines()[-1])
    assert "left is ahead in 1, level within 5% in 0, and behind in 0." in quote(results_of({"half": outcomes["half"]}))
    slower = replace(outcomes["half"], left=[3 * one for one in outcomes["half"].left])
    assert "behind in 1: half (1.50)." in quote(results_of({"half": slower}))


def test_marks():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_between_marks(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert replace_between_marks(replace_between_marks(page, "new"), "old") == page
    for wrong in ("", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}"):
        with pytest.raises(ValueError, match="bench:begin"):
            replace_between_marks(wrong, "new")


def test_pages(outcomes, tmp_path):
    results, readme, documentation = results_of(outcomes), tmp_path / "README.md", tmp_path / "docs" / "benchmarks.md"
    assert write_pages(results, readme, documentation) == [
        "benchmarks.md rewritten",
        "README.md does not exist: left out",
    ]
    assert "| same answer |" in documentation.read_text(encoding="utf-8")
    readme.write_text(f"# Name\n{BEGIN}\n{END}\nrest\n", encoding="utf-8")
    write_pages(results, readme, documentation)
    written = readme.read_text(encoding="utf-8")
    assert "left is ahead in" in written and written.startswith("# Name\n") and written.endswith(f"{END}\nrest\n")
    readme.write_text("no marks", encoding="utf-8")
    assert "left as it is" in write_pages(results, readme, documentation)[1]
    assert readme.read_text(encoding="utf-8") == "no marks"


def test_compare(outcomes, tmp_path, capsys):
    before = results_of({"half": outcomes["half"], "skips": outcomes["skips"]})
    faster = replace(outcomes["half"], left=[one / 2 for one in outcomes["half"].left])
    after = results_of({"half": faster, "same answer": outcomes["same answer"]})
    text = compare_runs(before, after)
    assert "| half | 0.500 | 0.250 | 0.500× | ▼ better |" in text
    assert "▲ worse" in compare_runs(after, before)
    assert "| skips | – | – |" in text
    for name, results in (("a", before), ("b", after)):
        save(results, tmp_path / f"{name}.json")
    assert command.main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    assert capsys.readouterr().out.strip() == text


@pytest.mark.parametrize(
    ("given", "understood"),
    [([], ["run"]), (["--quick"], ["run", "--quick"]), (["table"], ["table"]), (["--help"], ["--help"])],
)
def test_run_is_the_command_where_none_is_named(given, understood):
    assert command.with_command(given) == understood


def test_command_that_is_quoted_names_no_path():
    assert command.without_output(["run", "--quick", "--output", "/a/b.json", "--rows", "x"]) == [
        "run", "--quick", "--rows", "x",
    ]  # fmt: skip
    assert command.without_output(["run", "--output=/a/b.json"]) == ["run"]


def test_results_hold_no_path(outcomes):
    kept = json.dumps(results_of(outcomes).machine)
    assert "/" not in kept.replace("w/", "")


def test_each_record_with_calls_names_its_command():
    named = set()
    for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        for numbers in re.findall(r"python -m benchmarks\.records ([0-9]+)`", path.read_text(encoding="utf-8")):
            if path.name.startswith(numbers):
                named.add(numbers)
    assert named == set(records.RECORDS)


def test_a_record_is_played(capsys):
    records.measure(Side("bevel"), "161", "cummax of 300")
    [name, microseconds] = json.loads(capsys.readouterr().out)
    assert name == "cummax of 300 x 300" and 0 < microseconds < 1e6

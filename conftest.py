"""What every test run has in common: the order of the tests, Hypothesis's profiles, a program cache of its own, the
peer; and that the Python in each Markdown page runs."""

import doctest
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent

# What is sharded is sharded over four, on any machine. Bevel reads it when imported, which a conftest further in does.
os.environ.setdefault("BEVEL_NUM_CPU_DEVICES", "4")

# The first call of a program compiles it, so the time of one example says nothing: no deadline, in any profile.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, **_UNTIMED)
settings.register_profile("ci", max_examples=50, derandomize=True, print_blob=True, **_UNTIMED)
settings.register_profile("long", max_examples=2000, **_UNTIMED)  # HYPOTHESIS_PROFILE=long make test ARGS="-k random"

_cache_folder = pytest.StashKey[str]()


def pytest_configure(config):
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))
    # Compiled programs are kept on disk between runs. A test run begins with none, so that it is the same each time,
    # and leaves none in the user's cache. The workers of xdist inherit the folder of the process that started them.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config.stash[_cache_folder] = tempfile.mkdtemp(prefix="bevel-tests-")
        os.environ["BEVEL_CACHE_DIR"] = config.stash[_cache_folder]


def pytest_unconfigure(config):
    if _cache_folder in config.stash:
        shutil.rmtree(config.stash[_cache_folder], ignore_errors=True)


def _rank(item) -> int:
    """Where a test stands in the run: what says no soonest comes first."""
    if item.get_closest_marker("smoke"):
        return 0
    if item.get_closest_marker("peer"):
        return 2
    if item.get_closest_marker("slow"):
        return 3
    return 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=_rank)  # stable: within a rank the files keep their order


@pytest.fixture(scope="session")
def peer_python() -> str:
    """The Python of the real jax, for tests marked `peer`: BENCH_PEER_PYTHON, else the environment of `make peer`."""
    python = os.environ.get("BENCH_PEER_PYTHON") or str(ROOT / ".venv-peer" / "bin" / "python")
    if not Path(python).exists():
        pytest.skip(f"the real jax is not here: {python} does not exist; `make peer` makes it")
    return python


# ---- The Python in a Markdown page. Blocks labelled `python` run from top to bottom in one namespace, those that begin
# with >>> as doctests. A block with any other label is only shown.

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".md" and _BLOCK.search(file_path.read_text()):
        return MarkdownFile.from_parent(parent, path=file_path)
    return None


class MarkdownFile(pytest.File):
    def collect(self):
        yield MarkdownExamples.from_parent(self, name="examples")


class MarkdownExamples(pytest.Item):
    def runtest(self):
        text = self.path.read_text()
        namespace = {"__name__": "__main__"}
        for block in _BLOCK.finditer(text):
            code, line = block.group(1), text.count("\n", 0, block.start(1))
            if code.lstrip().startswith(">>>"):
                example = doctest.DocTestParser().get_doctest(code, {}, self.name, str(self.path), line)
                example.globs = namespace  # a DocTest copies what it is given; the blocks of a page share theirs
                doctest.DebugRunner(optionflags=_FLAGS).run(example, clear_globs=False)
            else:
                exec(compile("\n" * line + code, str(self.path), "exec"), namespace)

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, doctest.DocTestFailure):
            failure = excinfo.value
            where = f"{self.path}:{failure.test.lineno + failure.example.lineno + 1}"
            said = doctest.OutputChecker().output_difference(failure.example, failure.got, doctest.REPORT_UDIFF)
            return f"{where}\n>>> {failure.example.source}{said}"
        if isinstance(excinfo.value, doctest.UnexpectedException):
            excinfo = pytest.ExceptionInfo.from_exc_info(excinfo.value.exc_info)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, None, f"{self.path.name}: examples"

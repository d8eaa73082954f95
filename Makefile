# Each word sets up what it needs, on a machine that has Python 3.11 or newer and nothing else.
#
#   make demo              a galaxy, simulated
#   make test              the tests and every example in the documentation
#   make slow              the tests that take long
#   make check             format, lint, types, import contracts
#   make laws OP=Transpose what must hold of each primitive, for one of them (all, without OP)
#   make bench             Bevel beside the real jax, side by side in one run; `make bench-table` puts it in README.md
#   make docs              runs the examples and builds docs/_build/html
#   make smoke             the smoke tests on each supported Python found here
#   make test-all          the whole suite on each of them
#   make format            mends what can be mended without thought
#   make lock              resolves requirements/ anew
#
# ARGS reaches the program behind each word: make test ARGS="-x -k sort", make demo ARGS=--help.
# PYTHON names the Python to begin from; JOBS is how many tests run at a time.

SHELL := /bin/sh
PYTHON ?= $(shell scripts/find-python)
VENV ?= .venv
JOBS ?= 2
ARGS ?=
OP ?=
PYTHONS := 3.11 3.12 3.13

LOCKS := pyproject.toml $(wildcard requirements/*.txt)
python := $(VENV)/bin/python
pytest = $(1)/bin/python -m pytest -n $(JOBS)

.DELETE_ON_ERROR:
.PHONY: demo test slow check laws bench bench-table docs smoke test-all format lock setup tools peer clean help

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

# ---- environments: made once, brought up to date when pyproject.toml or a lock changes, never thrown away

%/bin/python:
	@test -n "$(PYTHON)"
	$(PYTHON) -m venv $*

$(VENV)/.run: $(LOCKS) | $(VENV)/bin/python
	scripts/install $(VENV) run
	@touch $@

$(VENV)/.tools: $(VENV)/.run
	scripts/install $(VENV) tools
	@touch $@

.venv-peer/.run: requirements/peer.txt | .venv-peer/bin/python
	.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

setup: $(VENV)/.run
tools: $(VENV)/.tools
peer: .venv-peer/.run

# ---- words

demo: $(VENV)/.run
	$(python) -m examples.galaxy $(ARGS)

test: $(VENV)/.run
	$(call pytest,$(VENV)) -m "not slow" $(ARGS)

slow: $(VENV)/.run
	$(call pytest,$(VENV)) -m slow $(ARGS)

laws: $(VENV)/.run
	$(call pytest,$(VENV)) tests/test_laws.py $(if $(OP),-k "$(OP)") $(ARGS)

check: $(VENV)/.tools
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.tools
	$(python) -m ruff check --fix-only .
	$(python) -m ruff format .

docs: $(VENV)/.tools
	$(call pytest,$(VENV)) bevel docs README.md $(ARGS)
	$(python) -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.run .venv-peer/.run
	$(python) -m benchmarks $(ARGS)

bench-table: $(VENV)/.run
	$(python) -m benchmarks table $(ARGS)

# The default environment has a Python too: it is not asked twice.
smoke: $(VENV)/.run
	@scripts/each-python $(VENV) $(PYTHONS) -- -m smoke $(ARGS)

test-all: test
	@scripts/each-python $(VENV) $(PYTHONS) -- -n $(JOBS) $(ARGS)

lock:
	$(PYTHON) scripts/lock.py $(ARGS)

clean:
	rm -rf build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

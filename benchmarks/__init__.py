"""Side-by-side measurements of Bevel and the real JAX, in alternating processes.

    python -m benchmarks                  all rows: JSON and Markdown in benchmarks/results
    python -m benchmarks --rows eager --quick
    python -m benchmarks table            the newest whole run, into README.md and docs/benchmarks.md
    python -m benchmarks compare old.json new.json

Beside the rows: `benchmarks.first_calls` (each function's first call), `benchmarks.records` (the tables of decisions)
and `benchmarks.accuracy` are commands of their own.

A row is one function, written once and built for both sides (`benchmarks/rows`). What is reported is the ratio of the
two medians, because the time itself says as much about the machine as about the library. JAX comes from its own virtual
environment (`.venv-peer`, or the interpreter named by BENCH_PEER_PYTHON): the two cannot share a process.
"""

"""Whole programs as people write them (benchmarks/models.py): traced, compiled, run, on one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.models import MODELS, Program
from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("models")
Sample = Callable[[Callable[[], float], int], float]


def of_other_size(side: Side, program: Program, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The program as a new function each time, so that neither side finds it in a cache."""
    function, arguments = program
    return lambda *given: side.jax.tree.map(lambda x: x * (1 + index), function(*given)), arguments


def declare(name: str, build: Callable[[Side], Program]) -> None:
    """Three rows of a program."""
    what = " ".join((build.__doc__ or "").split())

    @FAMILY.sample_row(f"model: {name}: trace and lower")
    def trace(side: Side) -> Sample:
        """From Python to StableHLO"""
        program = build(side)

        def sample(clock: Callable[[], float], index: int) -> float:
            function, arguments = of_other_size(side, program, index)
            start = clock()
            side.jax.jit(function).lower(*arguments)
            return clock() - start

        return sample

    @FAMILY.sample_row(f"model: {name}: compile")
    def compiled(side: Side) -> Sample:
        """From StableHLO to machine code"""
        program = build(side)

        def sample(clock: Callable[[], float], index: int) -> float:
            function, arguments = of_other_size(side, program, index)
            lowered = side.jax.jit(function).lower(*arguments)
            start = clock()
            lowered.compile()
            return clock() - start

        return sample

    def run(side: Side) -> Callable[[], Any]:
        function, arguments = build(side)
        placed = side.jax.tree.map(side.jnp.asarray, arguments)
        step = side.jax.jit(function)
        return lambda: side.jax.tree.leaves(step(*placed))[0]

    run.__doc__ = what
    FAMILY.loop_row(f"model: {name}: run", same_answer=False)(run)


for _name, _build in MODELS.items():
    declare(_name, _build)

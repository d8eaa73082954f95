"""From a Python function to StableHLO: what the front end alone decides, per operation that the program writes.

Every sample traces a function that is new, so no cache knows it. Lowering is given a shape that is new as well: a
library may find a program again by its structure, and that is another row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side
from benchmarks.workloads import LAYERS, lax_chain, mlp_input, mlp_loss, mlp_parameters, numpy_chain

FAMILY = Family("tracing")

Clock = Callable[[], float]
Sample = Callable[[Clock, int], float]
Program = Callable[[Any, int], tuple[Callable[..., Any], tuple[Any, ...]]]

OPERATIONS = 2000
MLP_OPERATIONS = 3 * LAYERS + 2  # matmul, add and tanh a layer; square and sum


def lax_program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return lax_chain(side, OPERATIONS), (side.np.ones(8 + index, "float32"),)


def numpy_program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return numpy_chain(side, OPERATIONS), (side.np.ones(8 + index, "float32"),)


def mlp_program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return mlp_loss(side), (mlp_parameters(side), mlp_input(side, batch=4 + index))


def mlp_gradient_program(side: Side, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    loss, arguments = mlp_program(side, index)
    return side.jax.grad(loss), arguments


def trace(side: Side, program: Program) -> Sample:
    def sample(clock: Clock, _: int) -> float:
        function, arguments = program(side, 0)
        start = clock()
        side.jax.jit(function).trace(*arguments)
        return clock() - start

    return sample


def lower(side: Side, program: Program) -> Sample:
    def sample(clock: Clock, index: int) -> float:
        function, arguments = program(side, index)
        traced = side.jax.jit(function).trace(*arguments)
        start = clock()
        traced.lower()
        return clock() - start

    return sample


@FAMILY.sample_row("trace: 2000 lax operations", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_lax(side: Side) -> Sample:
    """Tracing a chain of elementwise lax operations"""
    return trace(side, lax_program)


@FAMILY.sample_row("trace: 2000 numpy operations", unit="µs/op", goal=0.3, operations=OPERATIONS)
def trace_numpy(side: Side) -> Sample:
    """Tracing the same chain through the NumPy functions"""
    return trace(side, numpy_program)


@FAMILY.sample_row("trace: 200-layer MLP", unit="µs/op", goal=0.3, operations=MLP_OPERATIONS)
def trace_mlp(side: Side) -> Sample:
    """Tracing a network, parameters in a list of 200 pairs"""
    return trace(side, mlp_program)


@FAMILY.sample_row("trace: grad of the 200-layer MLP", unit="µs/op", goal=0.3, operations=MLP_OPERATIONS)
def trace_mlp_gradient(side: Side) -> Sample:
    """Tracing its gradient, per operation of the forward pass"""
    return trace(side, mlp_gradient_program)


@FAMILY.sample_row("lower: 2000 lax operations", unit="µs/op", goal=0.4, operations=OPERATIONS)
def lower_lax(side: Side) -> Sample:
    """From jaxpr to StableHLO: a chain of elementwise lax operations"""
    return lower(side, lax_program)


@FAMILY.sample_row("lower: 2000 numpy operations", unit="µs/op", goal=0.4, operations=OPERATIONS)
def lower_numpy(side: Side) -> Sample:
    """From jaxpr to StableHLO: the same chain through the NumPy functions"""
    return lower(side, numpy_program)


@FAMILY.sample_row("lower: 200-layer MLP", unit="µs/op", goal=0.4, operations=MLP_OPERATIONS)
def lower_mlp(side: Side) -> Sample:
    """From jaxpr to StableHLO: the network"""
    return lower(side, mlp_program)


@FAMILY.sample_row("lower: grad of the 200-layer MLP", unit="µs/op", goal=0.4, operations=MLP_OPERATIONS)
def lower_mlp_gradient(side: Side) -> Sample:
    """From jaxpr to StableHLO: its gradient, per operation of the forward pass"""
    return lower(side, mlp_gradient_program)

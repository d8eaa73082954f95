"""Windows, convolutions and orders mean the same as they are written for other platforms than CPUs, run on this one; and in the
forms that large arrays take on a CPU."""

import re

import numpy as np
import pytest

import bevel
from bevel.control.reducing import Reduce, ReduceWindow
from bevel.control.selecting import SelectAndScatter
from bevel.ops import sliding
from bevel.ops.arg_reductions import Argmax, Argmin
from bevel.ops.compact import Compact
from bevel.ops.convolution import ConvGeneralDilated
from bevel.ops.cumulative import Cummax, LinearRecurrence
from bevel.ops.pooling import ReduceWindowMax, ReduceWindowMin, ReduceWindowSum
from bevel.ops.routing import SelectAndGatherAdd, SelectAndScatterAdd
from bevel.ops.sort import Sort, TopK
from bevel.tools.laws.closeness import check_close
from bevel.tools.laws.samples import apply, samples_of

FAMILIES = [
    (ConvGeneralDilated, "stablehlo.convolution"),
    (ReduceWindowSum, "stablehlo.reduce_window"),
    (ReduceWindowMax, "stablehlo.reduce_window"),
    (ReduceWindowMin, "stablehlo.reduce_window"),
    (SelectAndGatherAdd, "stablehlo.reduce_window"),
    (SelectAndScatterAdd, "stablehlo.select_and_scatter"),
    (Reduce, "stablehlo.reduce"),
    (ReduceWindow, "stablehlo.reduce_window"),
    (SelectAndScatter, "stablehlo.select_and_scatter"),
]
ORDERS = [(Compact, "stablehlo.scatter"), (Sort, "stablehlo.sort"), (TopK, "chlo.top_k")]


def run_all(cls):
    """(a function of the operands of all samples of a class, these operands, a check of what it gives)"""
    samples = samples_of(cls)

    def run(values):
        return [apply(sample.op)(*operands) for sample, operands in zip(samples, values, strict=True)]

    def check(found):
        for sample, results in zip(samples, found, strict=True):
            expected = sample.op.reference(*sample.operands)
            check_close("elsewhere", sample, results, list(expected) if sample.op.multiple_results else [expected])

    return run, [list(sample.operands) for sample in samples], check


@pytest.mark.parametrize("cls, operation", FAMILIES + ORDERS, ids=[cls.__name__ for cls, _ in FAMILIES + ORDERS])
def test_written_for_another_platform(cls, operation):
    run, operands, check = run_all(cls)
    lowered = bevel.jit(run).trace(operands).lower(lowering_platforms=("cuda",))
    assert operation in lowered.as_text()
    lowered._platform = lowered._device.platform  # XLA on this one reads the same operations
    check(lowered.compile()(operands))


@pytest.mark.parametrize("cls", [cls for cls, _ in FAMILIES])
def test_in_the_forms_of_large_arrays(cls, monkeypatch):
    monkeypatch.setattr(sliding, "LEAST_SEEN", 0)
    run, operands, check = run_all(cls)
    check(bevel.jit(run).lower(operands).compile()(operands))


@pytest.mark.parametrize("dtype", ["int2", "uint2", "int4", "uint4"])
@pytest.mark.parametrize(
    "op", [Argmax((0,), np.dtype("int32")), Argmin((0,), np.dtype("int32")), Cummax(0), Sort(0)], ids=repr
)
def test_packed_integers_are_ordered_as_bytes(op, dtype):
    """GPUs' compiler refuses pairs of which one is packed, and mixes up windows of integers of 2 bits."""
    x = bevel.numpy.asarray([1, 0, 1, 1, 0], dtype)
    lowered = bevel.jit(lambda x: op(x)).trace(x).lower(lowering_platforms=("cuda",))
    lines = [line for line in lowered.as_text().splitlines() if re.search(r"tensor<\d*x?u?i[24]>", line)]
    assert lines
    assert not [line for line in lines if not re.search(r"stablehlo\.convert|func\.|return", line)]
    lowered._platform = lowered._device.platform  # XLA on this one reads the same operations
    [found] = bevel.tree.leaves(lowered.compile()(x))
    assert found.tolist() == np.asarray(op.reference(np.asarray(x, "int8"))).reshape(found.shape).tolist()


def test_recurrence_as_a_tree_multiplies_what_came_before_the_first():
    a, b = np.asarray([np.inf, 2, 3], np.float32), np.asarray([-0.0, 1, 2], np.float32)
    for first in (np.inf, np.nan, 4.0):
        a[0] = first
        [found] = LinearRecurrence(0)._as_tree(*map(bevel.numpy.asarray, (a, b)))
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found, LinearRecurrence(0).reference(a, b))

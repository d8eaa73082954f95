"""Windows, convolutions and orders mean the same as they are written for other platforms than CPUs, run on this one; and in the
forms that large arrays take on a CPU."""

import pytest

import bevel
from bevel.control.reducing import Reduce, ReduceWindow
from bevel.control.selecting import SelectAndScatter
from bevel.ops import sliding
from bevel.ops.compact import Compact
from bevel.ops.convolution import ConvGeneralDilated
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

"""What windows and convolutions are written as for other platforms than CPUs, run on this one: it means the same."""

import pytest

import bevel
from bevel.control.reducing import Reduce, ReduceWindow
from bevel.control.selecting import SelectAndScatter
from bevel.ops.convolution import ConvGeneralDilated
from bevel.ops.pooling import ReduceWindowMax, ReduceWindowMin, ReduceWindowSum
from bevel.ops.routing import SelectAndGatherAdd, SelectAndScatterAdd
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


@pytest.mark.parametrize("cls, operation", FAMILIES, ids=[cls.__name__ for cls, _ in FAMILIES])
def test_written_for_another_platform(cls, operation):
    samples = samples_of(cls)

    def run(values):
        return [apply(sample.op)(*operands) for sample, operands in zip(samples, values, strict=True)]

    operands = [list(sample.operands) for sample in samples]
    lowered = bevel.jit(run).trace(operands).lower(lowering_platforms=("cuda",))
    assert operation in lowered.as_text()
    lowered._platform = lowered._device.platform  # XLA on this one reads the same operations
    for sample, results in zip(samples, lowered.compile()(operands), strict=True):
        expected = sample.op.reference(*sample.operands)
        check_close("elsewhere", sample, results, list(expected) if sample.op.multiple_results else [expected])

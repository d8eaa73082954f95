"""Arrays for which there is no memory are refused in words; those that cannot even be counted, before XLA sees them."""

import pytest

import bevel
import bevel.numpy as jnp
from bevel.errors import EngineError, JaxRuntimeError, OutOfMemoryError


def test_a_program_without_memory_for_its_result():
    with pytest.raises(OutOfMemoryError) as caught:
        jnp.zeros((10**6, 10**6))
    first, *_, last = str(caught.value).splitlines()
    assert first.startswith("4 TB of memory were asked for at test_shortage.py:12 by a program that gives")
    assert "f32[1000000,1000000], and are not there (" in first
    assert last == "XLA: RESOURCE_EXHAUSTED: Out of memory allocating 4000000000000 bytes."
    assert len(str(caught.value).splitlines()) <= 8
    assert issubclass(OutOfMemoryError, (JaxRuntimeError, EngineError)) and issubclass(OutOfMemoryError, MemoryError)
    assert float(jnp.ones(3).sum()) == 3


def test_memory_that_runs_out_on_the_way_is_told_where_the_result_is_read():
    x = jnp.ones(10**6)
    for read in (repr, lambda y: y.block_until_ready(), lambda y: y.tolist(), lambda y: float(y.sum())):
        with pytest.raises(OutOfMemoryError, match=r"4 TB of memory were asked for at test_shortage.py:\d+"):
            read(x[:, None] * x)


@pytest.mark.parametrize("shape", [(2**62, 2**10), (2**61,), (2**31, 2**31)])
def test_what_cannot_be_counted_never_reaches_xla(shape):
    assert bevel.eval_shape(lambda: jnp.zeros(shape)).shape == shape
    for make in (lambda: jnp.zeros(shape), lambda: bevel.jit(lambda: jnp.zeros(shape).sum())()):
        with pytest.raises(
            OutOfMemoryError, match=r"An array f32\[[0-9,]+\] would take .* EB, more than any memory has"
        ):
            make()

"""One law for NumPy's functions: an expression means the same with Bevel's `np` as with NumPy's, eagerly and under jit."""

import warnings

import numpy
import pytest

import bevel
import bevel.numpy as jnp


def numbers(*shape, dtype="float32", low=-3, high=3):
    """Short decimals, the same at each run; integers and truth values for such dtypes."""
    random = numpy.random.default_rng(sum(shape) + 7 * len(shape) + len(dtype))
    values = numpy.round(random.uniform(low, high, shape), 2)
    kind = numpy.dtype(dtype).kind
    if kind == "b":
        return values > 0
    if kind == "c":
        values = values + 1j * numpy.round(random.uniform(low, high, shape), 2)
    if kind == "u":
        values = numpy.abs(values)
    return numpy.asarray(values).astype(dtype)


class Arguments:
    """f(2, 3): an array of that shape. Keeps what it made, so that a second run can be given the same as tracers."""

    def __init__(self, given=None):
        self.made = []
        self.given = None if given is None else list(given)

    def __call__(self, *shape, **options):
        return self.of(numbers(*shape, **options))

    def of(self, values):
        if self.given is not None:
            return self.given.pop(0)
        values = numpy.asarray(values)
        if values.dtype in (numpy.int64, numpy.float64):
            values = values.astype({"i": "int32", "f": "float32"}[values.dtype.kind])
        self.made.append(values)
        return values


def leaves(result):
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, (tuple, list)) else [result]


def assert_same(ours, numpys, tolerance):
    """Values and shapes agree, and dtypes in kind: ours are narrower where 64-bit types are off."""
    ours, numpys = leaves(ours), leaves(numpys)
    assert len(ours) == len(numpys)
    for mine, theirs in zip(ours, numpys, strict=True):
        mine, theirs = numpy.asarray(mine), numpy.asarray(theirs)
        assert mine.shape == theirs.shape
        assert mine.dtype.kind == theirs.dtype.kind
        numpy.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.fixture
def means_the_same():
    def check(source, tolerance=3e-5, jit=True):
        arguments = Arguments()
        with numpy.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns of means of nothing, which are NaN here and there
            expected = eval(source, {"np": numpy, "f": arguments, "v": arguments.of})
        assert_same(eval(source, {"np": jnp, "f": Arguments(), "v": Arguments().of}), expected, tolerance)
        if jit:
            again = bevel.jit(lambda *given: _with(source, given))
            assert_same(again(*arguments.made), expected, tolerance)

    return check


def _with(source, given):
    arguments = Arguments(given)
    return eval(source, {"np": jnp, "f": arguments, "v": arguments.of})

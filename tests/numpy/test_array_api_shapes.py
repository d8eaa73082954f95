"""The array API standard's functions of whole arrays, on random shapes, dtypes and arguments, as NumPy has them.

A case is a function with arguments drawn for it. Result, dtype and shape must be NumPy's, and where NumPy refuses,
Bevel does. `HYPOTHESIS_PROFILE=long` tries 2,000 of them.
"""

import operator

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bevel
import bevel.numpy as jnp

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()
SIZES = st.integers(0, 3)
SHAPES = st.lists(SIZES, max_size=3).map(tuple)


def arrays(shapes=SHAPES, dtypes=DTYPES):
    """Arrays of few different numbers, so that equal ones, zeros and signs meet."""

    def make(shape, dtype, seed):
        random = numpy.random.default_rng(seed)
        if dtype == "bool":
            return random.integers(0, 2, shape).astype(bool)
        low = 0 if dtype.startswith("u") else -3
        x = random.integers(low, 5, shape).astype(dtype)
        return (x + 1j * random.integers(-1, 2, shape)).astype(dtype) if dtype.startswith("c") else x

    return st.builds(make, shapes, st.sampled_from(dtypes), st.integers(0, 2**16))


REAL = [d for d in DTYPES if not d.startswith("c")]
NUMBERS = DTYPES[1:]
FLOATS = DTYPES[-4:]


@st.composite
def case(draw):
    """(the function's name, positional arguments, options)"""
    axis = st.integers(-3, 2)
    maybe_axis = st.none() | axis
    axes = maybe_axis | st.lists(axis, min_size=1, max_size=2).map(tuple)
    name = draw(st.sampled_from(NAMES))
    bare = name.rpartition(".")[2]
    dtypes = {**dict.fromkeys(OF_REAL, REAL), **dict.fromkeys(OF_NUMBERS, NUMBERS), **dict.fromkeys(OF_FLOATS, FLOATS)}
    dtypes |= dict.fromkeys(OF_REAL_FLOATS, FLOATS[:2])
    # of numbers without axes, NumPy takes axis=0 here and there
    least = 2 if bare in ("tril", "triu") else 0 if name in ANY_RANK else 1
    sizes = st.integers(2, 4) if name.startswith("fft.") else st.integers(1, 4) if bare == "take" else SIZES
    shapes = st.lists(sizes, min_size=least, max_size=3).map(tuple)
    x = draw(arrays(shapes, dtypes.get(name, DTYPES)))
    like = arrays(st.just(x.shape), [str(x.dtype)])
    rank = x.ndim
    if bare in ("sum", "prod", "mean", "max", "min", "all", "any"):
        return name, [x], {"axis": draw(axes), "keepdims": draw(st.booleans())}
    if bare in ("var", "std"):
        return (
            name,
            [x],
            {"axis": draw(axes), "correction": draw(st.sampled_from([0, 1])), "keepdims": draw(st.booleans())},
        )
    if bare in ("argmax", "argmin", "count_nonzero"):
        return name, [x], {"axis": draw(maybe_axis), "keepdims": draw(st.booleans())}
    if bare in ("cumulative_sum", "cumulative_prod"):
        return name, [x], {"axis": draw(axis), "include_initial": draw(st.booleans())}
    if bare in ("sort", "argsort"):
        return name, [x], {"axis": draw(axis), "stable": True}
    if bare == "flip":
        return name, [x], {"axis": draw(axes)}
    if bare == "roll":
        shift = draw(st.integers(-4, 4))
        return name, [x, shift], {"axis": draw(maybe_axis)}
    if bare == "permute_dims":
        return name, [x, tuple(draw(st.permutations(range(rank))))], {}
    if bare == "reshape":
        return name, [x, draw(st.sampled_from([(-1,), (x.size,), x.shape[::-1], (1, -1), (2, -1)]))], {}
    if bare == "expand_dims":
        return name, [x], {"axis": draw(st.integers(-rank - 2, rank + 1))}
    if bare == "squeeze":
        return name, [x], {"axis": draw(axis)}
    if bare == "broadcast_to":
        return name, [x, draw(st.sampled_from([(2, *x.shape), x.shape, (3, 3)]))], {}
    if bare == "moveaxis":
        return name, [x, draw(axis), draw(axis)], {}
    if bare == "repeat":
        return name, [x, draw(st.integers(0, 3))], {"axis": draw(maybe_axis)}
    if bare == "tile":
        return name, [x, tuple(draw(st.lists(st.integers(0, 2), max_size=4)))], {}
    if bare == "unstack":
        return name, [x], {"axis": draw(axis)}
    if bare in ("concat", "stack"):
        return name, [[x, draw(like)]], {"axis": draw(axis)}
    if bare == "take":
        places = draw(st.lists(st.integers(0, x.shape[-1] - 1), max_size=4))
        return name, [x, numpy.array(places, int)], {"axis": -1}
    if bare in ("isin",):
        return name, [x, draw(like)], {"invert": draw(st.booleans())}
    if bare in ("diff",):
        return name, [x], {"axis": -1, "n": draw(st.integers(0, 2))}
    if bare in ("tril", "triu"):
        return name, [x], {"k": draw(st.integers(-2, 2))}
    if bare in ("diagonal", "trace"):
        return name, [x], {"offset": draw(st.integers(-2, 2))}
    if bare == "tensordot":
        return name, [x, x.T], {"axes": draw(st.integers(0, rank))}
    if bare in ("matmul", "vecdot"):
        return name, [x, draw(arrays(st.just(x.shape[::-1] if bare == "matmul" else x.shape), [str(x.dtype)]))], {}
    if bare in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftshift", "ifftshift"):
        return (
            name,
            [x],
            {}
            if bare.endswith("shift")
            else {"axis": draw(axis), "norm": draw(st.sampled_from([None, "ortho", "forward"]))},
        )
    return name, [x], {}


NAMES = (
    "sum prod mean max min all any var std argmax argmin count_nonzero cumulative_sum cumulative_prod sort argsort flip roll "
    "permute_dims reshape expand_dims squeeze broadcast_to moveaxis repeat tile unstack concat stack take isin diff tril triu "
    "tensordot matmul vecdot nonzero unique_values unique_counts unique_inverse unique_all linalg.diagonal linalg.trace "
    "linalg.matrix_transpose fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft fft.fftshift fft.ifftshift"
).split()
OF_REAL = "max min argmax argmin sort argsort".split()
OF_NUMBERS = "sum prod mean cumulative_sum cumulative_prod diff tensordot matmul vecdot linalg.trace".split()
OF_FLOATS = "var std mean fft.fft fft.ifft fft.irfft fft.hfft".split()
OF_REAL_FLOATS = "fft.rfft fft.ihfft".split()
ANY_RANK = "reshape permute_dims expand_dims broadcast_to tile concat stack nonzero unique_values isin".split()


def called(module, name, args, options):
    for part in name.split("."):
        module = getattr(module, part)
    try:
        result = module(*args, **options)
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        return error
    return list(result) if isinstance(result, (tuple, list)) else [result]


def check(name, args, options):
    moved = [
        [jnp.asarray(a) for a in x] if isinstance(x, list) else jnp.asarray(x) if isinstance(x, numpy.ndarray) else x
        for x in args
    ]
    with numpy.errstate(all="ignore"):
        wanted = called(numpy, name, args, options)
        found = called(jnp, name, moved, options)
    if isinstance(wanted, Exception) or isinstance(found, Exception):
        assert isinstance(wanted, Exception) and isinstance(found, Exception), (found, wanted)
        return
    assert len(found) == len(wanted)
    if name == "unique_values":  # in any order
        wanted, found = [numpy.sort(wanted[0])], [jnp.sort(found[0])]
    for ours, numpys in zip(found, wanted, strict=True):
        numpys = numpy.asarray(numpys)
        assert ours.shape == numpys.shape, (ours.shape, numpys.shape)
        assert ours.dtype == numpys.dtype, (ours.dtype, numpys.dtype)
        tolerance = {4: 1e-5, 8: 1e-12, 16: 1e-12}.get(numpys.dtype.itemsize, 0) if numpys.dtype.kind in "fc" else 0
        tolerance = 1e-5 if numpys.dtype == numpy.complex64 else tolerance
        numpy.testing.assert_allclose(numpy.asarray(ours), numpys, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.filterwarnings("ignore")
@given(case())
def test_is_numpys(drawn):
    with bevel.enable_x64(True):
        check(*drawn)


ARITHMETIC = "add sub mul truediv floordiv mod pow eq ne lt le gt ge".split()
BITS = "and_ or_ xor lshift rshift eq ne".split()
OPERATORS = {
    "b": ("and_ or_ xor eq ne".split(), [True, False]),
    "i": (dict.fromkeys([*ARITHMETIC, *BITS]), [2, 1]),
    "u": (dict.fromkeys([*ARITHMETIC, *BITS]), [2, 1]),
    "f": (ARITHMETIC, [2, 0.5]),
    "c": ("add sub mul truediv pow eq ne".split(), [2, 0.5, 1j]),
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_operators_with_python_numbers_on_either_side(dtype):
    """The array's dtype wins, as the standard has it, and the numbers are NumPy's."""
    x = numpy.array([True, False] if dtype == "bool" else [1, 3, 2], dtype)
    names, numbers = OPERATORS[x.dtype.kind]

    def results(x):
        calls = {(name, y): (getattr(operator, name), y) for name in names for y in numbers}
        return {key: (op(x, y), op(y, x)) for key, (op, y) in calls.items()}

    with bevel.enable_x64(True):
        found = bevel.jit(lambda x: list(results(x).values()))(x)
        for (key, wanted), pair in zip(results(x).items(), found, strict=True):
            for ours, numpys in zip(pair, wanted, strict=True):
                if x.dtype.kind in "iu" and key[0] == "truediv":
                    numpys = numpys.astype(ours.dtype)  # of integers the standard leaves it open
                assert ours.dtype == numpys.dtype, (key, ours.dtype, numpys.dtype)
                numpy.testing.assert_allclose(numpy.asarray(ours), numpys, rtol=1e-6)

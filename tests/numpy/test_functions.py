"""Every function of numbers and of arrays, on each kind of dtype and shape, means what NumPy's means.

One compiled program holds all functions for a dtype and a shape: what differs is listed by name, with the first
element that does. Values include NaN, infinities, zeros of both signs and the ends of the integers.
"""

import math
import warnings

import ml_dtypes
import numpy
import pytest

import bevel
import bevel.numpy as jnp

INF, NAN = math.inf, math.nan
VALUES = {
    "bool": [True, False],
    "uint8": [0, 1, 2, 3, 7, 100, 254, 255],
    "int32": [0, 1, -1, 2, -2, 3, -3, 7, -100, 2**31 - 1, -(2**31)],
    "float32": [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.0, 3.0, 100.0, -100.0, 1e10, 1e-3, INF, -INF, NAN],
    "complex64": [0, 1, -1, 1j, -1j, 0.5 + 0.25j, -2 + 3j, 3 - 1j, -0.5 - 2j, 10 + 0.1j],
}
SHAPES = {"number": (), "matrix": (2, -1), "empty": (0, 3)}


def values(dtype, shape):
    """The table of values of a dtype in a shape; the shape None is all of them in one axis."""
    every = numpy.array(VALUES[dtype], dtype)
    if shape is None:
        return every
    if shape == ():
        return every[2 % len(every)]
    if 0 in shape:
        return numpy.zeros(shape, dtype)
    return every[: len(every) // 2 * 2].reshape(shape)


REAL = "bool uint8 int32 float32".split()
ALL = [*REAL, "complex64"]
ORDERED_FLOAT = ["uint8", "int32", "float32"]
NUMBERS = ["uint8", "int32", "float32", "complex64"]
INTEGERS = ["uint8", "int32"]

TRANSCENDENTAL = (
    "exp exp2 expm1 log log1p log2 log10 sqrt sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh sinc cbrt "
    "deg2rad rad2deg i0"
)  # NumPy computes them of narrow integers in narrow floats: it is given floats for those
UNARY = {
    TRANSCENDENTAL.replace(" cbrt deg2rad rad2deg i0", ""): ALL,
    "cbrt deg2rad rad2deg i0": ORDERED_FLOAT,
    "abs real imag isfinite isinf isnan iscomplex isreal logical_not nan_to_num": ALL,
    "angle conj square negative positive rint sign round": NUMBERS,
    "fabs signbit": ORDERED_FLOAT,
    "floor ceil trunc isneginf isposinf": REAL,
    "modf frexp spacing": ["float32"],
    "reciprocal": ["float32", "complex64"],
    "invert": ["bool", *INTEGERS],
    "bitwise_count": INTEGERS,
}
BINARY = {
    "add multiply equal not_equal logical_and logical_or logical_xor": ALL,
    "less less_equal greater greater_equal": REAL,
    "subtract divide": NUMBERS,
    "maximum minimum fmax fmin": REAL,
    "floor_divide remainder fmod divmod": ORDERED_FLOAT,
    "arctan2 copysign hypot logaddexp logaddexp2 nextafter heaviside float_power": ["float32"],
    "bitwise_and bitwise_or bitwise_xor": ["bool", *INTEGERS],
    "gcd lcm": INTEGERS,
}
REDUCTIONS = {
    "sum prod mean all any count_nonzero var std nansum nanprod nanmean nanvar nanstd": ALL,
    "max min ptp argmax argmin nanmax nanmin median nanmedian": ["int32", "float32"],
    "cumsum cumprod nancumsum nancumprod": ["int32", "float32", "complex64"],
    "sort argsort": ALL,
    "flip diff": ["int32", "float32", "complex64"],
}
# Where an answer is otherwise on purpose: (function, dtype) and the reason.
_BY_ZERO = "integers divided by 0 give all bits, JAX's answer; the remainder is 0, as NumPy's"
_LEAST = "the least integer has no absolute value in its dtype"
KNOWN = {
    ("floor_divide", "uint8"): _BY_ZERO,
    ("floor_divide", "int32"): _BY_ZERO,
    ("divmod", "uint8"): _BY_ZERO,
    ("divmod", "int32"): _BY_ZERO,
    ("gcd", "int32"): _LEAST,
    ("lcm", "int32"): _LEAST,
    ("reciprocal", "complex64"): "1/0 has an infinite real part, JAX's answer; NumPy's is NaN in both",
}


def names(table, dtype):
    return [name for line, kinds in table.items() if dtype in kinds for name in line.split()]


def is_close(ours, numpys, tolerance=3e-5):
    """Elementwise: equal, both NaN, or near; parts of complex numbers each for itself, beside the number's size."""
    if numpys.dtype.kind == "c":
        scale = numpy.maximum(numpy.abs(numpys), 1e-6)
        parts = [(ours.real, numpys.real), (ours.imag, numpys.imag)]
        return numpy.all(
            [(a == b) | (numpy.isnan(a) & numpy.isnan(b)) | (abs(a - b) <= tolerance * scale) for a, b in parts], 0
        )
    if numpys.dtype.kind in "bui":
        return ours == numpys
    return (
        (ours == numpys)
        | (numpy.isnan(ours) & numpy.isnan(numpys))
        | (abs(ours - numpys) <= 1e-7 + tolerance * abs(numpys))
    )


def differences(ours, numpys, operands):
    """What differs, in words; empty where nothing does."""
    ours, numpys = numpy.asarray(ours), numpy.asarray(numpys)
    if ours.shape != numpys.shape:
        return f"shape {ours.shape}, NumPy's {numpys.shape}"
    if ours.dtype.kind != numpys.dtype.kind:
        return f"dtype {ours.dtype}, NumPy's {numpys.dtype}"
    if numpys.dtype.kind == "f" and numpys.dtype != ours.dtype:
        with numpy.errstate(all="ignore"):
            numpys = numpys.astype(ours.dtype)
    with numpy.errstate(all="ignore"):
        wrong = ~is_close(ours, numpys)
    if not wrong.any():
        return ""
    place = tuple(numpy.argwhere(wrong)[0])
    at = [x[place] if x.shape == ours.shape else "…" for x in operands]
    return f"{ours[place]} for {at}, NumPy's {numpys[place]}"


def compare(calls, operands, dtype):
    """calls: name → function of (module, *operands). All are one program; then each is held against NumPy's."""
    arrays = [jnp.asarray(x) for x in operands]
    found = bevel.jit(lambda *xs: {name: call(jnp, *xs) for name, call in calls.items()})(*arrays)
    said = {}
    for name, call in calls.items():
        with numpy.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            floats = name in TRANSCENDENTAL.split() and dtype in ("bool", *INTEGERS)
            expected = call(numpy, *[x.astype("float32") for x in operands] if floats else operands)
        pairs = zip(found[name], expected, strict=True) if isinstance(expected, tuple) else [(found[name], expected)]
        words = "; ".join(filter(None, [differences(a, b, operands) for a, b in pairs]))
        if words and (name.split("(")[0], dtype) not in KNOWN:
            said[name] = words
    assert said == {}


def caller(name, **options):
    return lambda module, *xs: getattr(module, name)(*xs, **options)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", VALUES)
def test_functions_of_a_number(dtype, shape):
    compare({name: caller(name) for name in names(UNARY, dtype)}, [values(dtype, SHAPES[shape])], dtype)


@pytest.mark.parametrize("dtype", VALUES)
def test_functions_of_two_numbers(dtype):
    every = values(dtype, None)
    x, y = [part.ravel() for part in numpy.meshgrid(every, every)]
    compare({name: caller(name) for name in names(BINARY, dtype)}, [x, y], dtype)
    compare({name: caller(name) for name in names(BINARY, dtype)}, [every[:, None], every[None, :1]], dtype)


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("dtype", VALUES)
def test_functions_along_an_axis(dtype, axis):
    options = {} if axis is None else {"axis": axis}
    whole = {name: caller(name, **options) for name in names(REDUCTIONS, dtype)}
    few = numpy.array(VALUES[dtype], dtype)[:8]
    compare(whole, [numpy.resize(few, (3, 5))], dtype)


def test_rounding_knows_infinities_and_places_beyond_all_digits():
    z = numpy.array([complex(-INF, -2.26), complex(1.26, INF)], numpy.complex64)
    parts = numpy.asarray(jnp.round(z, 1)).view("float32")
    numpy.testing.assert_allclose(parts, [-INF, -2.3, 1.3, INF], rtol=1e-6)
    for decimals, expected in ((38, [1.5, 155]), (400, [1.5, 155]), (-40, [0, 0])):
        numpy.testing.assert_array_equal(jnp.round(jnp.array([1.5, 155]), decimals), expected)


def test_pow_with_a_modulus_is_refused():
    with pytest.raises(TypeError, match=r"takes no modulus.*% m"):
        pow(jnp.arange(3), 2, 5)


def test_numbers_among_choices_leave_no_weak_type():
    assert not jnp.choose(jnp.array([0, 1]), [1, 2]).weak_type


def test_a_large_int_beside_floats_is_a_float():
    numpy.testing.assert_array_equal(jnp.array([2**40, 1.5]), numpy.array([2**40, 1.5], "float32"))
    with pytest.raises(OverflowError, match="does not fit int32"):
        jnp.array([2**40, True])


@pytest.mark.parametrize("shape", [(0,), (32,), (33,), (70, 3)])
def test_iteration_gives_every_row_once(shape):
    x = numpy.arange(numpy.prod(shape)).reshape(shape)
    rows = list(jnp.asarray(x))
    assert len(rows) == len(x)
    assert all(numpy.array_equal(row, expected) for row, expected in zip(rows, x, strict=True))


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz"])
def test_every_number_of_16_bits_becomes_its_nearest_of_8(name):
    x = numpy.arange(2**16, dtype="uint16").view(ml_dtypes.bfloat16)
    with numpy.errstate(all="ignore"):
        expected = x.astype(getattr(ml_dtypes, name))
    numpy.testing.assert_array_equal(
        numpy.asarray(jnp.asarray(x).astype(name)).astype("float32"), expected.astype("float32")
    )


def test_integers_are_rounded_without_floats():
    x = numpy.array([5, 15, 25, 45, 99, 2147483000, -5, -15, -25, -2147483400], "int32")
    for decimals in (-1, -2, -3, -20):
        assert jnp.round(x, decimals).tolist() == [round(int(n), decimals) for n in x]
    assert jnp.round(numpy.array([5, 15, 100], "int8"), -1).tolist() == [0, 20, 100]


def test_what_infinite_tolerance_is_close_to():
    assert jnp.isclose(jnp.inf, 1.0, atol=jnp.inf) and not jnp.isclose(1.0, jnp.inf, atol=jnp.inf)


def test_a_fold_starts_at_the_identity():
    assert jnp.frompyfunc(lambda a, b: 10 * a + b, 2, 1, identity=7).reduce(jnp.array([1, 2])) == 712


def test_small_dtypes_and_objects():
    assert jnp.bincount(jnp.array([True, False, True])).tolist() == [1, 2]
    rows, columns = jnp.unravel_index(jnp.array([100, 255], "uint8"), (300, 2))
    assert rows.tolist() == [50, 127] and columns.tolist() == [0, 1] and rows.dtype == jnp.uint8
    assert bevel.scipy.linalg.convolution_matrix(jnp.array([True, False]), 2).dtype == bool
    objects = numpy.array([1, None], object)
    assert jnp.isnan(jnp.array(objects, dtype=float)).tolist() == [False, True]
    for wrong, dtype in ((numpy.array(["a"], object), float), (objects, int), (objects, None)):
        with pytest.raises(TypeError, match=r"jnp.array cannot (make|hold)"):
            jnp.array(wrong, dtype=dtype)
    assert jnp.isnan(jnp.cov(jnp.zeros((2, 0)))).all()
    with pytest.raises(ValueError, match=r"eye needs an int k, which diagonal at test_functions.py:\d+; got f32"):
        jnp.eye(3, k=1.5)


def test_spacings_and_weights_meet_the_dtype_of_the_samples():
    half, whole = jnp.ones(4, "float16"), jnp.array([1, 2, 4, 8])
    with bevel.enable_x64(True):
        assert jnp.trapezoid(jnp.ones(4, "float32"), dx=2).dtype == jnp.float32
        assert jnp.gradient(jnp.ones(4, "float32"), numpy.arange(4)).dtype == jnp.float32
        for counts in (
            jnp.histogram2d(half, half, 3, density=True)[0],
            jnp.histogramdd(half[:, None], 3, density=True)[0],
        ):
            assert counts.dtype == jnp.float16
    assert jnp.trapezoid(half, dx=2).dtype == jnp.gradient(half, whole).dtype == jnp.float16
    assert jnp.gradient(half, jnp.float32(2)).dtype == jnp.float32
    for distances, is_weak in (((), False), ((2,), False), ((2.0,), True)):
        slopes = jnp.gradient(whole, *distances)
        assert slopes.weak_type is is_weak
        numpy.testing.assert_allclose(slopes, numpy.gradient(numpy.asarray(whole), *distances))
    counts, *_ = jnp.histogram2d(half, half, 2, weights=whole)
    assert counts.dtype == jnp.float16 and counts.sum() == 15

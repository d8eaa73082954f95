"""The methods of ufuncs mean what NumPy's mean; a ufunc made of a Python function has them too."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp

BITS = ("bitwise_and", "bitwise_or", "bitwise_xor")
TRUTHS = ("logical_and", "logical_or", "logical_xor")
NUMBERS = ("add", "multiply", "subtract", "maximum", "minimum", "logaddexp", "logaddexp2")
NAMES = (*NUMBERS, *BITS, *TRUTHS)

RANDOM = numpy.random.default_rng(3)
FLOATS = numpy.round(RANDOM.normal(size=(5, 4)) * 3, 2).astype("float32")
MASK = RANDOM.random((5, 4)) > 0.4


def operand(name):
    return FLOATS.astype("int32") if name in BITS + TRUTHS else FLOATS


def assert_same(ours, numpys):
    numpys = numpy.asarray(numpys)
    assert ours.shape == numpys.shape and ours.dtype.kind == numpys.dtype.kind
    numpy.testing.assert_allclose(numpy.asarray(ours), numpys, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_methods_are_numpys(name, axis):
    ours, numpys, x = getattr(jnp, name), getattr(numpy, name), operand(name)
    assert_same(ours.reduce(jnp.asarray(x), axis=axis), numpys.reduce(x, axis=axis))
    assert_same(ours.reduce(jnp.asarray(x), axis=axis, keepdims=True), numpys.reduce(x, axis=axis, keepdims=True))
    assert_same(ours.accumulate(jnp.asarray(x), axis=axis), numpys.accumulate(x, axis=axis))
    starts = numpy.array([0, 2, 1, 3])
    assert_same(ours.reduceat(jnp.asarray(x), jnp.asarray(starts), axis=axis), numpys.reduceat(x, starts, axis=axis))
    if ours.identity is not None:
        masked = ours.reduce(jnp.asarray(x), axis=axis, where=jnp.asarray(MASK))
        assert_same(masked, numpys.reduce(x, axis=axis, where=MASK))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", [*BITS, *TRUTHS, "maximum", "minimum"])
def test_running_truths_and_bits_are_one_loop_over_what_is_given(name, axis):
    """Also in several pieces; and not by way of bytes, which take as long to make as the loop."""
    ours, numpys = getattr(jnp, name), getattr(numpy, name)
    x = numpy.random.default_rng(1).random((70, 4100)) < (0.999 if name.endswith(("and", "minimum")) else 0.001)
    [equation] = bevel.make_jaxpr(lambda x: ours.accumulate(x, axis=axis))(x).jaxpr.eqns
    assert equation.primitive.name in ("cumor", "cumand", "cumxor")
    assert_same(bevel.jit(lambda x: ours.accumulate(x, axis=axis))(x), numpys.accumulate(x, axis=axis))
    if name in BITS:
        whole = numpy.random.default_rng(1).integers(-(2**31), 2**31, (70, 4100), dtype="int32")
        assert_same(bevel.jit(lambda x: ours.accumulate(x, axis=axis))(whole), numpys.accumulate(whole, axis=axis))


def test_running_truths_become_what_is_asked_for():
    assert jnp.logical_xor.accumulate(jnp.array([True, False, True]), dtype="int8").dtype == "int8"
    with pytest.raises(TypeError, match="A running or takes integers or booleans; got"):
        jnp.bitwise_or.accumulate(jnp.ones(3))


@pytest.mark.parametrize("name", NAMES)
def test_outer_and_at_are_numpys(name):
    ours, numpys, x = getattr(jnp, name), getattr(numpy, name), operand(name)
    assert_same(ours.outer(jnp.asarray(x[0]), jnp.asarray(x[:2])), numpys.outer(x[0], x[:2]))
    changed, places = x.copy(), numpy.array([0, 1, 1, -1])
    numpys.at(changed, places, x[:4])
    changed = (
        changed.astype(bool) if name.startswith("logical") else changed
    )  # a copy can have the function's own dtype
    assert_same(ours.at(jnp.asarray(x), places, jnp.asarray(x[:4]), inplace=False), changed)


@pytest.mark.parametrize("name, x, y, dtype", [
    ("logaddexp", [1, 2, 3], 2, "float32"), ("logaddexp2", [True, False, True], 1.5, "float32"),
    ("maximum", [1, 2, 3], 2.5, "float32"), ("minimum", [True, False, True], 3, "int32"),
    ("bitwise_or", [True, False, True], 6, "int32"), ("logical_xor", [1.5, 0.0, 2.0], 1, "bool"),
    ("add", [True, False, False], True, "bool"), ("multiply", [True, False, False], True, "bool"),
    ("add", [1, 2, 3], 2, "int32"), ("subtract", [1.5, 2.0, 3.0], 1, "float32"),
])  # fmt: skip
def test_at_has_the_dtype_of_what_the_function_gives_but_for_sums(name, x, y, dtype):
    """So it is under JAX 0.10.2. `x.at[…].add` and its kin keep the dtype of x."""
    x, function = jnp.asarray(x), getattr(jnp, name)
    for places in (1, jnp.array([1, -1])):
        for run in (function.at, bevel.jit(function.at, static_argnames="inplace")):
            result = run(x, places, y, inplace=False)
            expected = numpy.asarray(x).astype(dtype)
            for place in numpy.atleast_1d(places):
                expected[place] = numpy.asarray(function(x[place], y)).astype(dtype)
            assert result.dtype == dtype and not result.weak_type
            numpy.testing.assert_allclose(result, expected, rtol=1e-6)


def test_of_nothing():
    assert jnp.add.reduce(jnp.zeros((0, 2))).tolist() == [0, 0]
    assert bool(jnp.logical_and.reduce(jnp.zeros(0)))
    with pytest.raises(ValueError, match="has no identity"):
        jnp.subtract.reduce(jnp.zeros(0))
    with pytest.raises(ValueError, match="zero-size array to reduction operation max"):
        jnp.maximum.reduce(jnp.zeros(0))


def test_a_ufunc_of_a_python_function():
    horner = jnp.frompyfunc(lambda total, c: total * 2 + c, 2, 1, identity=0)
    assert isinstance(horner, jnp.ufunc) and repr(jnp.add) == "<jnp.ufunc 'add'>"
    x = jnp.arange(5)
    assert horner(x, 1).tolist() == [1, 3, 5, 7, 9]
    assert int(horner.reduce(x)) == 26
    assert int(horner.reduce(x, where=x != 2)) == 0 * 8 + 1 * 4 + 3 * 2 + 4
    assert int(bevel.jit(horner.reduce)(x)) == 26
    assert horner.accumulate(x).tolist() == [0, 1, 4, 11, 26]
    assert horner.outer(jnp.arange(3), jnp.arange(2)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert horner.at(jnp.arange(3), jnp.array([0, 0]), 2, inplace=False).tolist() == [6, 1, 2]
    both = jnp.frompyfunc(lambda x: (x, x + 1), 1, 2)(jnp.arange(2))
    assert [part.tolist() for part in both] == [[0, 1], [1, 2]]


def test_a_ufunc_goes_through_transformations():
    x = jnp.array([1.0, 2.0])
    assert bevel.grad(lambda v: jnp.multiply.reduce(v))(x).tolist() == [2, 1]
    assert bevel.jit(jnp.add)(x, x).tolist() == [2, 4]
    assert bevel.vmap(jnp.maximum)(x, x[::-1]).tolist() == [2, 2]
    assert str(bevel.make_jaxpr(jnp.add)(x, x)).count("add") == 1


def test_letters():
    x = jnp.zeros(3)
    with pytest.raises(NotImplementedError, match="jnp.add does not support the argument 'out'"):
        jnp.add(x, x, out=x)
    with pytest.raises(NotImplementedError, match="jnp.add does not support the argument 'where'"):
        jnp.add(x, x, where=x)
    with pytest.raises(NotImplementedError, match="With inplace=False it gives a changed copy"):
        jnp.add.at(x, 0, 1.0)
    with pytest.raises(ValueError, match="reduce only supported for binary ufuncs"):
        jnp.negative.reduce(x)
    with pytest.raises(ValueError, match="needs an initial value"):
        jnp.subtract.reduce(x, where=x == 0)
    with pytest.raises(NotImplementedError, match="one axis at a time"):
        jnp.subtract.reduce(jnp.zeros((2, 2)), axis=(0, 1))
    with pytest.raises(TypeError, match="add.reduce requires ndarray or scalar arguments, got list"):
        jnp.add.reduce([1, 2])


@pytest.mark.parametrize(
    "coefficients", [[1.0, -3, 2], [0, 1.0, -3, 2, 0], [0.0, 0], [5.0], [1, 2], [2.0, 0, 1], [0, 0, 1]]
)
def test_roots_are_numpys(coefficients):
    wanted = numpy.sort_complex(numpy.roots(coefficients))
    order = lambda zeros: numpy.sort_complex(numpy.round(numpy.asarray(zeros), 4))
    numpy.testing.assert_allclose(order(jnp.roots(jnp.array(coefficients))), wanted, atol=1e-3)
    everywhere = bevel.jit(lambda p: jnp.roots(p, strip_zeros=False))(jnp.array(coefficients))
    assert everywhere.shape == (len(coefficients) - 1,)
    known = numpy.asarray(everywhere)
    numpy.testing.assert_allclose(order(known[~numpy.isnan(known)]), wanted, atol=1e-3)
    if len(coefficients) > 1:
        with pytest.raises(bevel.errors.ConcretizationTypeError, match="strip_zeros=False"):
            bevel.jit(jnp.roots)(jnp.array(coefficients))


def test_polynomial_of_a_matrix():
    matrix = numpy.array([[1.0, 2], [3, 4]])
    numpy.testing.assert_allclose(jnp.poly(jnp.array(matrix)).real, numpy.poly(matrix), rtol=1e-5)


def test_stretches_that_end_beyond_the_last_end_there():
    x = jnp.arange(1.0, 7.0)
    assert jnp.add.reduceat(x, jnp.array([0, 9]))[0] == 21 and jnp.hypot(3, 4) == 5
    assert jnp.multiply.reduceat(x, jnp.array([3, 1, 9])).tolist()[:2] == [4, 720]
    for function in (jnp.add, jnp.maximum, jnp.subtract):
        assert jnp.isnan(function.reduceat(x, jnp.array([9, 0]))).tolist() == [True, False]
    assert jnp.add.accumulate(jnp.ones((2, 2)), axis=None).tolist() == [1, 2, 3, 4]


def test_places_out_of_bounds_are_left_out():
    x, y = jnp.array([1, 2, 4, 8]), jnp.array(3)
    for function, expected in (
        (jnp.add, [4, 2, 4, 11]),
        (jnp.bitwise_or, [3, 2, 4, 11]),
        (jnp.negative, [-1, 2, 4, -8]),
    ):
        others = () if function is jnp.negative else (y,)
        call = lambda x, i, *others, function=function: function.at(x, i, *others, inplace=False)
        for at in (call, bevel.jit(call)):
            assert at(x, jnp.array([0, 9, -5, -1]), *others).tolist() == expected
        with pytest.raises(IndexError, match="out of bounds"):
            function.at(x, 9, *others, inplace=False)

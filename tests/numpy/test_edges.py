"""What is written here is small and was wrong once: numbers of nothing, places that are traced, slopes of the parts of a number."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp
import bevel.scipy.special as special


@pytest.mark.parametrize("places", [[1, 3, -1], [2], 0, -2, [4, 0]])
def test_insert_takes_traced_places(places):
    x, new = numpy.arange(8.0).reshape(2, 4), numpy.float32(9)
    found = bevel.jit(lambda i: jnp.insert(jnp.array(x), i, new, axis=1))(jnp.array(places))
    numpy.testing.assert_array_equal(found, numpy.insert(x, places, new, axis=1))


def test_insert_refuses_a_traced_mask():
    with pytest.raises(bevel.errors.ConcretizationTypeError, match="how many places a mask has"):
        bevel.jit(lambda m: jnp.insert(jnp.arange(2.0), m, 1.0))(jnp.array([True, False]))


def test_slopes_of_the_parts_of_a_number():
    x = jnp.array([1.0, -3.0, 0.0, 0.3])
    (_, counts), (slopes, _) = bevel.jvp(jnp.frexp, (x,), (jnp.ones(4),))
    numpy.testing.assert_array_equal(slopes, 2.0 ** -numpy.asarray(counts))
    _, (fraction, whole) = bevel.jvp(jnp.modf, (x,), (jnp.ones(4),))
    assert fraction.tolist() == [1, 1, 1, 1] and whole.tolist() == [0, 0, 0, 0]
    assert bevel.grad(jnp.spacing)(1.5) == 0 and bevel.grad(jnp.nextafter)(1.5, 2.0) == 1


def test_a_product_that_begins_with_an_infinity_has_a_first_slope():
    _, slopes = bevel.jvp(jnp.cumprod, (jnp.array([jnp.inf, 2.0]),), (jnp.array([3.0, 1.0]),))
    assert slopes.tolist() == [3, numpy.inf]


@pytest.mark.parametrize("wrap", [bevel.custom_jvp, bevel.custom_vjp])
def test_custom_rules_ask_a_number_for_its_dtype(wrap):
    function = wrap(lambda x: x * jnp.ones((), x.dtype))
    if wrap is bevel.custom_jvp:
        function.defjvp(lambda xs, dxs: (function(xs[0]), dxs[0].astype(xs[0].dtype)))
    else:
        function.defvjp(lambda x: (x, x.dtype.type(2)), lambda two, ct: (ct * two,))
    assert function(3.0) == 3
    assert bevel.grad(function)(3.0) == (1 if wrap is bevel.custom_jvp else 2)
    assert bevel.grad(special.expi)(1.0) == pytest.approx(numpy.e, rel=1e-5)


def test_polynomials_of_nothing():
    assert jnp.poly(jnp.zeros(0)).shape == numpy.shape(numpy.poly([])) == ()
    assert jnp.roots(jnp.zeros(0)).shape == bevel.jit(jnp.roots)(jnp.ones(1)).shape == (0,)


def test_what_was_divided_away_leaves_nothing():
    quotient, rest = jnp.polydiv(jnp.array([1.1, 2.3, 3.7, 0.9]), jnp.array([3.3, 0.7]))
    assert rest[:3].tolist() == [0, 0, 0]
    numpy.testing.assert_allclose(jnp.polymul(quotient, jnp.array([3.3, 0.7])) + rest, [1.1, 2.3, 3.7, 0.9], rtol=1e-6)
    _, trimmed = jnp.polydiv(jnp.array([1.0, 2.0, 1.00001]), jnp.array([1.0, 1.0]), trim_leading_zeros=True)
    assert trimmed.shape == (0,)
    with pytest.raises(bevel.errors.ConcretizationTypeError, match="leave the zeros"):
        bevel.jit(lambda p: jnp.polydiv(p, p, trim_leading_zeros=True))(jnp.ones(2))


def test_bools_at_places_count_in_the_wider_dtype():
    with pytest.warns(FutureWarning):
        assert jnp.array([True, False]).at[0].subtract(1).tolist() == [False, False]
    for how in ("subtract", "divide", "power"):
        with pytest.raises(TypeError, match=rf"at\[…\].{how}\(…\) does not accept dtype bool"):
            getattr(jnp.array([True, False]).at[0], how)(True)


@pytest.mark.parametrize("window", [jnp.bartlett, jnp.blackman, jnp.hamming, jnp.hanning, lambda m: jnp.kaiser(m, 9.0)])
def test_windows_are_alike_on_both_sides(window):
    for count in (7, 12):
        weights = window(count)
        assert weights.tolist() == weights[::-1].tolist()


def test_delete_of_equal_places_that_were_said_to_differ_has_the_shape_of_while_tracing():
    places = jnp.array([1, -3])
    without = lambda i: jnp.delete(jnp.arange(4), i, assume_unique_indices=True)
    assert without(places).tolist() == bevel.jit(without)(places).tolist() == [1, 3]


def test_none_has_no_axes():
    assert (jnp.ndim(None), jnp.shape(None), jnp.size(None)) == (0, (), 1)


def test_delete_of_a_slice_looks_up_no_place():
    text = str(bevel.make_jaxpr(lambda x: jnp.delete(x, slice(2, 5)))(jnp.arange(9)))
    assert "gather" not in text and "gather" in str(
        bevel.make_jaxpr(lambda x: jnp.delete(x, slice(1, 6, 2)))(jnp.arange(9))
    )

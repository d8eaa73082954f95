"""Elementary functions of complex numbers: the side of a branch cut, told by the sign of a zero; and digits near zero."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp

INVERSE = ("sqrt", "log", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")
ENTIRE = ("sin", "cos", "sinh", "cosh", "exp", "tan", "tanh")
PARTS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 1e-8, -1e-8, 30.0]


def grid():
    x, y = [part.ravel() for part in numpy.meshgrid(PARTS, PARTS)]
    z = numpy.empty(x.shape, complex)
    z.real, z.imag = x, y
    return z


@numpy.errstate(all="ignore")
def near(ours, numpys, tolerance):
    scale = numpy.maximum(numpy.abs(numpys), 1e-300)
    return (
        (ours == numpys) | (numpy.isnan(ours) & numpy.isnan(numpys)) | (numpy.abs(ours - numpys) <= tolerance * scale)
    )


@pytest.mark.parametrize("name", INVERSE + ENTIRE)
def test_each_part_is_numpys(name):
    z = grid()
    with bevel.enable_x64(True), numpy.errstate(all="ignore"):
        ours, numpys = numpy.asarray(getattr(jnp, name)(z)), getattr(numpy, name)(z)
    # a part far smaller than the other may lose digits to it, save near the origin
    size = numpy.where(numpy.abs(z) < 1e-7, 0, 1e-14 * numpy.where(numpy.isfinite(numpys), numpy.abs(numpys), 0))
    for part in ("real", "imag"):
        mine, theirs = getattr(ours, part), getattr(numpys, part)
        with numpy.errstate(all="ignore"):
            lost = numpy.abs(mine - theirs) <= size
        assert (near(mine, theirs, 1e-12) | lost).all(), part
        if name in INVERSE:
            told = ~numpy.isnan(theirs)
            assert (numpy.signbit(mine) == numpy.signbit(theirs))[told].all(), part


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_an_infinite_part_leaves_the_other(name):
    ours = getattr(jnp, name)(jnp.array([complex(0, 1e5)], "complex64"))[0]
    with numpy.errstate(all="ignore"):
        numpys = getattr(numpy, name)(numpy.complex64(complex(0, 1e5)))
    assert complex(ours) == complex(numpys)


def test_inverse_tangents_of_nan_are_nan():
    nan = jnp.array([complex(numpy.nan, 1.0)], "complex64")
    for function in (jnp.arctan, jnp.arctanh):
        assert jnp.isnan(function(nan)).all()


@pytest.mark.parametrize("name", INVERSE)
def test_on_a_cut_stands_the_limit_of_its_side(name):
    """The sign of the zero tells from which side."""
    cuts = {"sqrt": -4, "log": -4, "arcsin": 3, "arccos": 3, "arctan": 3j, "arcsinh": 3j, "arccosh": -3, "arctanh": 3}
    function, at = getattr(jnp, name), complex(cuts[name])
    with bevel.enable_x64(True):
        for sign in (1, -1):
            step = sign * 1e-7 * (1j if at.imag == 0 else 1)
            on = complex(at.real, sign * 0.0) if at.imag == 0 else complex(sign * 0.0, at.imag)
            value, beside = complex(function(jnp.asarray(on))), complex(function(jnp.asarray(at + step)))
            assert abs(value - beside) < 1e-5

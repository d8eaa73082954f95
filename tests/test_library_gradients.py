"""Every smooth function of the libraries has the slopes that differences have, forward and in reverse, to second order.

The points are those of the examples in the docstrings, moved a little, so that no tie or integer is met by chance: every
number and array of such a call that the function takes as a float.
"""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import testing
from bevel.core.trace import Tracer

SPEC = importlib.util.spec_from_file_location("wrong_input", Path(__file__).with_name("test_wrong_input.py"))
wrong_input = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wrong_input)

NAMESPACES = (
    "numpy numpy.fft numpy.linalg nn image scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage "
    "scipy.signal scipy.special"
).split()

# Where an example stands at the edge of what the function is defined on, or at a cut.
POINTS = {
    "numpy.angle": [np.array([-1.5, -0.3, 2.0])],
    "numpy.arccos": [0.3], "numpy.acos": [0.3], "numpy.arccosh": [1.7], "numpy.acosh": [1.7],
    "numpy.log": [np.array([0.5, 2.0])], "numpy.sqrt": [np.array([0.5, 2.0])],
    "numpy.maximum": [np.array([0.5, 2.9])], "numpy.minimum": [np.array([0.5, 2.9])],  # their examples hold a NaN
    "scipy.linalg.qr": [np.array([[2.0, 1.0], [0.5, 3.0]])],
    "scipy.special.erfinv": [np.array([-0.4, 0.3])],
}  # fmt: skip

# What has no slope, or none that differences see, and why.
NOT_SMOOTH = {
    "numpy.take": "its example fills with NaN",
    "numpy.view": "bits are not numbers",
    "numpy.linalg.eig": "eigenvectors have a phase that nothing fixes",
    "nn.scaled_dot_general": "rounds to eight bits, and says its derivative in reverse alone",
    "nn.scaled_matmul": "rounds to eight bits",
    "scipy.linalg.funm": "by Schur's form, which has no derivative here nor in JAX",
    "scipy.linalg.hessenberg": "no derivative here nor in JAX",
    "scipy.linalg.schur": "no derivative here nor in JAX",
    "scipy.special.betainc": "no derivative in a and b here nor in JAX",
}

# The same of complex numbers; there, points where the real ones stand at an edge are none.
NOT_SMOOTH_COMPLEX = {
    "numpy.sign": "its slope is given as 0, as in JAX",
    "numpy.linalg.eigh": "its eigenvectors have a phase that nothing fixes",
    "numpy.linalg.svd": "its vectors have a phase that nothing fixes",
}


def is_number(value):
    if isinstance(value, (bool, np.bool_)):
        return False
    return isinstance(value, (int, float, complex)) or (
        isinstance(value, (np.ndarray, np.generic, bevel.Array))
        and not isinstance(value, Tracer)
        and value.dtype.kind in "iufc"
    )


def moved(value):
    """A number or an array, a little off, in floats."""
    value = np.asarray(value, float)
    return jnp.asarray(value + 0.0137 * np.cos(3.1 * np.arange(value.size) + 1).reshape(value.shape))


def right_calls(module, name, function):
    """The calls in its docstring, which may call it by another of its names, or by that of another module."""
    for place in (module, jnp):
        for other in [name, *(k for k, v in vars(place).items() if v is function and k != name)]:
            if vars(place).get(other) is function and (calls := wrong_input.right_calls(place, other, function)):
                return calls
    return []


def turned(value):
    """A number or an array, a little off, in complex numbers off both axes."""
    return moved(value) + 1j * moved(0.3 * np.cos(np.arange(np.size(value)) + 0.4).reshape(np.shape(value)))


def of_numbers(module, name, function, moved=moved):
    """The function of those arguments of its example that may be numbers so `moved`, and these arguments; or None."""
    calls = right_calls(module, name, function)
    leaves, structure = bevel.tree.flatten(calls[0]) if calls else ([], None)

    def among(places):
        def call(*numbers):
            now = list(leaves)
            for place, number in zip(places, numbers, strict=True):
                now[place] = number
            args, kwargs = structure.unflatten(now)
            results = bevel.tree.leaves(function(*args, **kwargs))
            return [r for r in results if hasattr(r, "dtype") and jnp.issubdtype(r.dtype, jnp.inexact)]

        return call

    def takes(place):
        try:
            return bool(bevel.eval_shape(among([place]), moved(leaves[place])))
        except Exception:
            return False

    places = [i for i, leaf in enumerate(leaves) if is_number(leaf)]
    # an int beside arrays is an axis or a size more often than a number
    arrays = [i for i in places if not isinstance(leaves[i], int) and takes(i)]
    places = arrays or [i for i in places if takes(i)]
    return (among(places), [moved(leaves[i]) for i in places]) if places else None


def in_parts(call):
    """A function of complex numbers as one of their real and imaginary parts, to real and imaginary parts."""

    def parts(*numbers):
        results = call(*[re + 1j * im for re, im in zip(numbers[::2], numbers[1::2], strict=True)])
        return [part(r) for r in results for part in (jnp.real, jnp.imag)]

    return parts


def problems(namespace, order):
    for full, module, name, function in wrong_input.functions(namespace):
        found = of_numbers(module, name, function)
        if found is None:
            continue
        call, at = found
        if full in POINTS:
            at = [jnp.asarray(p) for p in POINTS[full]]
        try:
            testing.check_grads(call, at, order=order, modes=("fwd", "rev"), rtol=1e-4, atol=1e-5)
        except Exception as error:
            yield full, f"{type(error).__name__}: {error}"


def complex_problems(namespace):
    for full, module, name, function in wrong_input.functions(namespace):
        found = of_numbers(module, name, function, turned)
        if found is None:
            continue
        call, at = found
        parts = [part(z) for z in at for part in (jnp.real, jnp.imag)]
        try:
            testing.check_grads(in_parts(call), parts, order=1, modes=("fwd", "rev"), rtol=1e-4, atol=1e-5)
        except Exception as error:
            yield full, f"{type(error).__name__}: {error}"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_slopes_of_complex_numbers_are_differences(namespace):
    # a slope that differs, or none: what takes no complex numbers is not among them
    with bevel.enable_x64(True):
        found = dict(complex_problems(namespace))
    assert {k: v for k, v in found.items() if k not in NOT_SMOOTH and k not in NOT_SMOOTH_COMPLEX} == {}
    assert {k for k in NOT_SMOOTH_COMPLEX if k.rpartition(".")[0] == namespace} <= set(found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_slopes_are_differences(namespace):
    order = 1 if namespace == "scipy.special" else 2  # series are summed by loops, whose slopes are not reversed again
    with bevel.enable_x64(True):
        found = dict(problems(namespace, order))
    assert {k: v for k, v in found.items() if k not in NOT_SMOOTH} == {}
    assert {k for k in NOT_SMOOTH if k.rpartition(".")[0] == namespace} <= set(found)


def test_what_is_left_out_leaves_no_nan_in_slopes():
    x = jnp.array([1.0, jnp.nan, 3.0, 5.0])
    np.testing.assert_allclose(bevel.grad(jnp.nanvar)(x), [-4 / 3, 0, 0, 4 / 3], rtol=1e-6)
    np.testing.assert_allclose(bevel.grad(jnp.nanstd)(x), [-(6**-0.5), 0, 0, 6**-0.5], rtol=1e-6)

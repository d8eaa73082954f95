"""Every smooth function of the libraries has the slopes that differences have, forward and in reverse.

The points are those of the examples in the docstrings, moved a little, so that no tie or integer is met by chance.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import testing

SPEC = importlib.util.spec_from_file_location("wrong_input", Path(__file__).with_name("test_wrong_input.py"))
wrong_input = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wrong_input)

NAMESPACES = (
    "numpy numpy.fft numpy.linalg nn image scipy.fft scipy.integrate scipy.interpolate scipy.linalg scipy.ndimage "
    "scipy.signal scipy.special"
).split()

# Where an example stands at the edge of what the function is defined on.
POINTS = {
    "numpy.arccos": [0.3], "numpy.arccosh": [1.7], "numpy.log": [np.array([0.5, 2.0])], "numpy.sqrt": [np.array([0.5, 2.0])],
    "numpy.maximum": [np.array([1.0, 3.0])], "numpy.minimum": [np.array([1.0, 3.0])],
    "scipy.special.erfinv": [np.array([-0.4, 0.3])],
}  # fmt: skip

# What has no slope, or none that differences see, and why.
NOT_SMOOTH = {
    "numpy.frexp": "a mantissa jumps; its slope is given as that of a constant, as in JAX",
    "numpy.from_dlpack": "takes memory, not numbers that are traced",
    "numpy.nextafter": "a step of one ulp",
    "numpy.roots": "lowers the degree by values, so outside of traces alone",
    "numpy.spacing": "a step function; it follows its formula",
    "numpy.take": "its example fills with NaN",
    "numpy.view": "bits are not numbers",
    "numpy.linalg.eig": "eigenvectors have a phase that nothing fixes",
    "nn.scaled_dot_general": "rounds to eight bits, and says its derivative in reverse alone",
    "nn.scaled_matmul": "rounds to eight bits",
    "scipy.linalg.funm": "by Schur's form, which has no derivative here nor in JAX",
    "scipy.linalg.hessenberg": "no derivative here nor in JAX",
    "scipy.linalg.schur": "no derivative here nor in JAX",
    "scipy.special.betainc": "no derivative in a and b here nor in JAX",
    "scipy.special.sph_harm_y": "asks for the degrees where they are traced",
    "scipy.special.zeta": "no derivative in x here nor in JAX",
}


def is_real(value):
    return type(value) is float or (hasattr(value, "shape") and np.asarray(value).dtype.kind == "f")


def moved(value):
    """A number or an array, a little off."""
    value = np.asarray(value, float)
    return jnp.asarray(value + 0.0137 * np.cos(3.1 * np.arange(value.size) + 1).reshape(value.shape))


def problems(namespace):
    for full, module, name, function in wrong_input.functions(namespace):
        calls = wrong_input.right_calls(module, name, function)
        places = [i for i, v in enumerate(calls[0][0]) if is_real(v)] if calls else []
        if not places:
            continue

        def of_reals(*reals, function=function, call=calls[0], places=places):
            args = list(call[0])
            for i, x in zip(places, reals, strict=True):
                args[i] = x
            results = bevel.tree.leaves(function(*args, **call[1]))
            return [r for r in results if hasattr(r, "dtype") and jnp.issubdtype(r.dtype, jnp.inexact)]

        at = [jnp.asarray(p) for p in POINTS[full]] if full in POINTS else [moved(calls[0][0][i]) for i in places]
        try:
            if bevel.eval_shape(of_reals, *at):
                testing.check_grads(of_reals, at, order=1, modes=("fwd", "rev"), rtol=1e-4, atol=1e-5)
        except Exception as error:
            yield full, f"{type(error).__name__}: {error}"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_slopes_are_differences(namespace):
    with bevel.enable_x64(True):
        found = dict(problems(namespace))
    assert {k: v for k, v in found.items() if k not in NOT_SMOOTH} == {}
    assert {k for k in NOT_SMOOTH if k.rpartition(".")[0] == namespace} <= set(found)


def test_what_is_left_out_leaves_no_nan_in_slopes():
    x = jnp.array([1.0, jnp.nan, 3.0, 5.0])
    np.testing.assert_allclose(bevel.grad(jnp.nanvar)(x), [-4 / 3, 0, 0, 4 / 3], rtol=1e-6)
    np.testing.assert_allclose(bevel.grad(jnp.nanstd)(x), [-(6**-0.5), 0, 0, 6**-0.5], rtol=1e-6)

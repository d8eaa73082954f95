"""Images are resized and moved as JAX does it, with slopes."""

import json
import pathlib

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import image

DATA = json.loads((pathlib.Path(__file__).parent / "data" / "images.json").read_text())
X = np.asarray(DATA["image"], np.float32)


@pytest.mark.parametrize("method", [m for m in image._WORDS if m in {r["method"] for r in DATA["rows"]}])
def test_as_recorded(method):
    for row in DATA["rows"]:
        if row["method"] != method:
            continue
        if "scale" in row:
            scale, move = jnp.asarray([row["scale"]]), jnp.asarray([row["move"]])
            found = image.scale_and_translate(X, (6, 4), (0,), scale, move, method)
        else:
            found = image.resize(X, tuple(row["shape"]), method, antialias=row["antialias"])
        np.testing.assert_allclose(found, row["result"], rtol=1e-4, atol=1e-5, err_msg=str(row))


def test_constants_and_lines_stay_what_they_are():
    for method in image.ResizeMethod:
        np.testing.assert_allclose(image.resize(jnp.full((4, 3), 2.5), (7, 9), method), np.full((7, 9), 2.5), rtol=1e-6)
    line = np.arange(8.0, dtype=np.float32)
    inner = image.resize(line, (16,), "linear")[1:-1]
    np.testing.assert_allclose(inner, np.arange(0.25, 7, 0.5), rtol=1e-6)
    np.testing.assert_allclose(image.resize(line, (4,), "area"), [0.5, 2.5, 4.5, 6.5], rtol=1e-6)


def test_dtypes_and_sizes():
    assert image.resize(X.astype(int), (2, 2), "linear").dtype == np.float32
    assert image.resize(X.astype(int), (2, 2), "nearest").dtype == np.int32
    assert image.resize(jnp.asarray(X, jnp.bfloat16), (2, 2), image.ResizeMethod.CUBIC).dtype == jnp.bfloat16
    assert image.resize(X, (0, 3), "linear").shape == (0, 3)
    assert image.ResizeMethod.from_string("bilinear") is image.ResizeMethod.LINEAR


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3", "lanczos5"])
def test_narrow_floats_are_rounded_once(method, dtype):
    x = jnp.asarray(X, dtype)
    shape = (x.shape[0] + 2, x.shape[1] + 1)
    scale, moved = jnp.asarray([1.3, 1.7], dtype), jnp.asarray([0.2, -0.3], dtype)
    for of in (
        lambda x, *_: image.resize(x, shape, method, antialias=False),
        lambda x, scale, moved: image.scale_and_translate(x, shape, (0, 1), scale, moved, method),
    ):
        found, exact = of(x, scale, moved), of(*[v.astype("float32") for v in (x, scale, moved)])
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.astype("float32"), exact.astype(dtype).astype("float32"))


def test_slopes():
    with bevel.enable_x64(True):
        x = X.astype(np.float64)
        bevel.testing.check_grads(lambda x: image.resize(x, (3, 7), "cubic"), (x,), order=1)
        move = lambda x, s, t: image.scale_and_translate(x, (6, 4), (0,), s, t, "cubic")
        bevel.testing.check_grads(move, (x, np.asarray([1.7]), np.asarray([0.31])), order=1, rtol=1e-3, atol=1e-3)


def test_refusals():
    with pytest.raises(ValueError, match='Unknown resize method "sharp"'):
        image.resize(X, (2, 2), "sharp")
    with pytest.raises(ValueError, match=r"number of dimensions of x at .*; \(2,\) vs \(5, 4\)"):
        image.resize(X, (2,), "linear")
    with pytest.raises(ValueError, match="resize has it"):
        image.scale_and_translate(X, (5, 4), (0,), jnp.ones(1), jnp.ones(1), "nearest")
    with pytest.raises(ValueError, match="one scale and one translation for each"):
        image.scale_and_translate(X, (5, 4), (0,), jnp.ones(2), jnp.ones(2), "linear")
    with pytest.raises(ValueError, match="no pixels of none"):
        image.resize(jnp.zeros((0, 3)), (2, 3), "linear")

"""Long pads that a program ends with: written as pads of integers, which changes no bit, and as they are elsewhere."""

import re

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax

EDGES = [((5000,), ((1, 2, 0),)), ((80, 70), ((1, 0, 0), (0, 3, 0))), ((70, 80), ((0, 4, 0), (0, 0, 0)))]
PADDED = r"stablehlo\.pad .*-> tensor<[\dx]*x(\w+)>"


def numbers(dtype, *shape):
    """Any bits of a dtype: NaNs with their payloads, -0 and what is below normal among them."""
    dtype = jnp.dtype(dtype)
    high = 2 if dtype.name == "bool" else 256
    found = np.random.default_rng(0).integers(0, high, (*shape, dtype.itemsize), np.uint8).view(dtype)[..., 0]
    found.reshape(-1)[:2] = [-0.0, 1 if dtype.kind in "biu" else np.nan]
    return found


def padded_kinds(jitted, *operands):
    """The element types of the program's pads; the last is that which it ends with."""
    return re.findall(PADDED, jitted.lower(*operands).as_text())


KINDS = {
    "float32": "i32", "float16": "i16", "bfloat16": "i16", "int32": "ui32", "uint32": "i32", "uint16": "i16",
    "int8": "i8", "bool": "i1",
}  # fmt: skip


@pytest.mark.parametrize("shape, config", EDGES)
@pytest.mark.parametrize("dtype", [*KINDS, "complex64"])
def test_bits_stay(shape, config, dtype):
    x = numbers(dtype, *shape)
    for value in (np.zeros((), x.dtype)[()], x.reshape(-1)[1]):
        expected = np.full([a + low + high for a, (low, high, _) in zip(x.shape, config, strict=True)], value)
        expected[tuple([slice(low, low + a) for a, (low, _, _) in zip(x.shape, config, strict=True)])] = x
        by_number = bevel.jit(lambda x: lax.pad(x, value, config))  # noqa: B023
        for got in (by_number(x), bevel.jit(lambda x, v: lax.pad(x, v, config))(x, value)):
            assert np.asarray(got).tobytes() == expected.tobytes()
        if dtype in KINDS:
            # vectors of bfloat16 are words before they come to the end of a program
            kind = "ui16" if dtype == "bfloat16" and len(shape) == 1 else KINDS[dtype]
            assert padded_kinds(by_number, x)[-1] == kind


def test_long_complex_numbers_are_padded_by_their_parts():
    x = numbers("complex64", 600_000)
    pad = bevel.jit(lambda x: jnp.pad(x, (1, 2)))
    assert np.asarray(pad(x)).tobytes() == b"".join([bytes(8), x.tobytes(), bytes(16)])
    assert padded_kinds(pad, x) == ["f32", "f32"]


X = np.arange(64_000, dtype="float32").reshape(4, 20, 20, 40)
W = np.ones((3, 3, 40, 40), "float32")
AROUND = ((0, 0), (1, 1), (1, 1), (0, 0))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lax.conv_general_dilated(jnp.pad(x, AROUND), W, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")),
        lambda x: jnp.pad(x, AROUND)[:, 1:-1],
        lambda x: jnp.pad(x, AROUND).sum((1, 2)),
        lambda x: (y := jnp.pad(x, AROUND), y.sum()),
        lambda x: jnp.pad(x, ((0, 0), (0, 0), (0, 20), (0, 0))),
        lambda x: jnp.pad(x[:1, :10, :10], 1),
        lambda x: lax.pad(x, np.float32(0), ((0, 0, 0), (-1, 2, 0), (0, 0, 0), (0, 0, 0))),
        lambda x: lax.pad(x, np.float32(0), ((0, 0, 0), (0, 0, 1), (0, 0, 0), (0, 0, 0))),
        lambda x: jnp.pad(x.reshape(-1)[:0], (0, 5000)),
    ],
)  # fmt: skip
def test_pads_that_are_used_or_fill_much_stay_as_they_are(function):
    assert "bitcast" not in bevel.jit(function).lower(X).as_text()


def test_a_convolution_takes_the_padding_in():
    padded = bevel.jit(
        lambda x: lax.conv_general_dilated(
            jnp.pad(x, AROUND), W, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    )
    assert " pad(" not in padded.lower(X).compile().as_text()


def test_the_gradient_of_a_slice_is_one_loop():
    x = X.reshape(-1)
    slope = bevel.jit(lambda x, ct: bevel.vjp(lambda x: x[1:-1], x)[1](ct)[0])
    assert padded_kinds(slope, x, x[2:])[-1] == "i32"
    np.testing.assert_array_equal(slope(x, x[2:]), np.pad(x[2:], 1))

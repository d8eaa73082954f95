"""Convolutions and pooling, compiled, as run: forward, and the gradients in the array (dx) and in the kernel (dw)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("convolutions")

Run = Callable[[], Any]
LAYOUT = ("NHWC", "HWIO", "NHWC")


def numbers(side: Side, *shape: int, dtype: str = "float32") -> Any:
    """Small numbers that are the same on both sides."""
    random = side.np.random.default_rng(sum(shape))
    if dtype.startswith("int"):
        return side.jnp.asarray(random.integers(-3, 4, shape).astype(dtype))
    return side.jnp.asarray(random.standard_normal(shape).astype(dtype))


def jitted(side: Side, function: Callable[..., Any], *arguments: Any) -> Run:
    compiled = side.jax.jit(function)
    return lambda: compiled(*arguments)


def convolution(side: Side, image: tuple[int, ...], kernel: tuple[int, ...], which: str, **options: Any) -> Run:
    """A convolution in channels-last layout: its value ("y"), or its gradient for a given cotangent ("dx", "dw")."""
    dtype = options.pop("dtype", "float32")
    settings = {"padding": "SAME", "window_strides": (1, 1), "dimension_numbers": LAYOUT, **options}

    def apply(x: Any, w: Any) -> Any:
        return side.lax.conv_general_dilated(x, w, **settings)

    x, w = numbers(side, *image, dtype=dtype), numbers(side, *kernel, dtype=dtype)
    if which == "y":
        return jitted(side, apply, x, w)
    ct = numbers(side, *side.jax.eval_shape(apply, x, w).shape)
    if which == "dx":
        return jitted(side, lambda x, w, ct: side.jax.vjp(lambda x: apply(x, w), x)[1](ct)[0], x, w, ct)
    return jitted(side, lambda x, w, ct: side.jax.vjp(lambda w: apply(x, w), w)[1](ct)[0], x, w, ct)


WHOLE = (16, 7, 7, 256)  # images that are pooled as a whole


def pooling(
    side: Side, combine: str, size: int, stride: int, gradient: bool = False, shape: tuple[int, ...] = (8, 56, 56, 64),
    dtype: str = "float32",
) -> Run:  # fmt: skip
    """Pooling by windows of size x size, padded so that each stride-th place has one; WHOLE is not padded."""
    lax = side.lax
    start, function = {"max": (-side.np.inf, lax.max), "sum": (0.0, lax.add)}[combine]
    padding = "VALID" if shape == WHOLE else "SAME"

    def apply(x: Any) -> Any:
        return lax.reduce_window(x, start, function, (1, size, size, 1), (1, stride, stride, 1), padding)

    x = numbers(side, *shape).astype(dtype)
    if not gradient:
        return jitted(side, apply, x)
    ct = numbers(side, *side.jax.eval_shape(apply, x).shape)
    return jitted(side, lambda x, ct: side.jax.vjp(apply, x)[1](ct)[0], x, ct)


CONVOLUTIONS = (
    ("3x3, 64 to 64", "8 x 56 x 56 x 64 by 3 x 3 x 64 x 64", (8, 56, 56, 64), (3, 3, 64, 64), {}, ("y", "dx", "dw")),
    ("1x1, 64 to 256", "8 x 56 x 56 x 64 by 1 x 1 x 64 x 256", (8, 56, 56, 64), (1, 1, 64, 256), {}, ("y", "dx", "dw")),
    (
        "depthwise 3x3", "8 x 56 x 56 x 64, a kernel for each feature", (8, 56, 56, 64), (3, 3, 1, 64),
        {"feature_group_count": 64}, ("y", "dx", "dw"),
    ),
    (
        "depthwise 3x3, stride 2", "8 x 56 x 56 x 64, a kernel for each feature", (8, 56, 56, 64), (3, 3, 1, 64),
        {"feature_group_count": 64, "window_strides": (2, 2)}, ("y", "dx", "dw"),
    ),
    (
        "3x3 in 4 groups", "8 x 28 x 28 x 64 by 3 x 3 x 16 x 64", (8, 28, 28, 64), (3, 3, 16, 64),
        {"feature_group_count": 4}, ("y", "dx", "dw"),
    ),
    (
        "3x3 in 64 groups", "4 x 14 x 14 x 256 by 3 x 3 x 4 x 256", (4, 14, 14, 256), (3, 3, 4, 256),
        {"feature_group_count": 64}, ("y", "dx", "dw"),
    ),
    (
        "an image by 9x9", "512 x 512, one feature", (1, 512, 512, 1), (9, 9, 1, 1), {}, ("y", "dx", "dw"),
    ),
    ("5x5, 1 to 32", "32 x 28 x 28 x 1 by 5 x 5 x 1 x 32", (32, 28, 28, 1), (5, 5, 1, 32), {}, ("y", "dx", "dw")),
    ("7x7 stride 2, 3 to 64", "8 x 112 x 112 x 3 by 7 x 7 x 3 x 64", (8, 112, 112, 3), (7, 7, 3, 64),
     {"window_strides": (2, 2)}, ("y", "dx", "dw")),
    ("16x16 patches, 3 to 192", "8 x 224 x 224 x 3 by 16 x 16 x 3 x 192, stride 16", (8, 224, 224, 3),
     (16, 16, 3, 192), {"window_strides": (16, 16), "padding": "VALID"}, ("y", "dx", "dw")),
    ("twice as large, 64 to 32", "8 x 28 x 28 x 64 by 3 x 3 x 64 x 32 between zeros", (8, 28, 28, 64), (3, 3, 64, 32),
     {"lhs_dilation": (2, 2), "padding": [(2, 1), (2, 1)]}, ("y", "dx", "dw")),
    ("1x1, channels first", "8 x 64 x 56 x 56 by 256 x 64 x 1 x 1", (8, 64, 56, 56), (256, 64, 1, 1),
     {"dimension_numbers": ("NCHW", "OIHW", "NCHW")}, ("y", "dx", "dw")),
    ("causal, depthwise", "8 x 512 x 256 by 4, one kernel for each feature", (8, 512, 256), (4, 1, 256),
     {"feature_group_count": 256, "window_strides": (1,), "padding": [(3, 0)],
      "dimension_numbers": ("NWC", "WIO", "NWC")}, ("y", "dx", "dw")),
    ("int32 3x3", "4 x 28 x 28 x 32 by 3 x 3 x 32 x 32", (4, 28, 28, 32), (3, 3, 32, 32), {"dtype": "int32"}, ("y",)),
    ("complex64 3x3", "4 x 28 x 28 x 32 by 3 x 3 x 32 x 32", (4, 28, 28, 32), (3, 3, 32, 32), {"dtype": "complex64"},
     ("y",)),
)  # fmt: skip
MEANINGS = {"y": "forward", "dx": "gradient in the array", "dw": "gradient in the kernel"}


def _declare_convolution(name: str, what: str, image: Any, kernel: Any, options: dict[str, Any], which: str) -> None:
    def build(side: Side) -> Run:
        return convolution(side, image, kernel, which, **options)

    build.__doc__ = f"{what}: {MEANINGS[which]}"
    FAMILY.loop_row(f"conv {name}, {MEANINGS[which]}", unit="ms")(build)


for _name, _what, _image, _kernel, _options, _parts in CONVOLUTIONS:
    for _which in _parts:
        _declare_convolution(_name, _what, _image, _kernel, _options, _which)


def _declare_pooling(combine: str, size: int, stride: int, gradient: bool) -> None:
    def build(side: Side) -> Run:
        return pooling(side, combine, size, stride, gradient)

    part = "gradient" if gradient else "forward"
    build.__doc__ = f"{combine} over {size} x {size} of 8 x 56 x 56 x 64, stride {stride}: {part}"
    FAMILY.loop_row(f"{combine} pooling {size}x{size} stride {stride}, {part}", unit="ms")(build)


for _combine in ("max", "sum"):
    for _size, _stride in ((2, 2), (3, 1), (3, 2), (7, 1)):
        for _gradient in (False, True):
            _declare_pooling(_combine, _size, _stride, _gradient)


@FAMILY.loop_row("max pooling of whole images, gradient", unit="ms")
def whole_max(side: Side) -> Run:
    """max over 7 x 7 of 16 x 7 x 7 x 256: gradient"""
    return pooling(side, "max", 7, 1, True, WHOLE)


@FAMILY.loop_row("sum pooling of whole images, gradient", unit="ms")
def whole_sum(side: Side) -> Run:
    """sum over 7 x 7 of 16 x 7 x 7 x 256: gradient"""
    return pooling(side, "sum", 7, 1, True, WHOLE)


def _declare_squares(combine: str) -> None:
    def build(side: Side) -> Run:
        start, function = {"max": (-side.np.inf, side.lax.max), "sum": (0.0, side.lax.add)}[combine]

        def loss(x: Any) -> Any:
            return side.jnp.sum(side.lax.reduce_window(x, start, function, (1, 14, 14, 1), (1, 1, 1, 1), "VALID") ** 2)

        return jitted(side, side.jax.grad(loss), numbers(side, 8, 14, 14, 256))

    build.__doc__ = f"{combine} over 14 x 14 of 8 x 14 x 14 x 256: gradient of the sum of squares"
    FAMILY.loop_row(f"{combine} pooling of whole images, gradient of squares", unit="ms")(build)


for _combine in ("max", "sum"):
    _declare_squares(_combine)


@FAMILY.loop_row("max pooling 2x2 of bfloat16, forward", unit="ms")
def max_of_16_bits(side: Side) -> Run:
    """max over 2 x 2 of 8 x 56 x 56 x 64 bfloat16, stride 2"""
    return pooling(side, "max", 2, 2, dtype="bfloat16")


@FAMILY.loop_row("jnp.convolve 100,000 by 64", unit="ms")
def convolve(side: Side) -> Run:
    """A sequence of 100,000 numbers with one of 64, full"""
    return jitted(side, side.jnp.convolve, numbers(side, 100_000), numbers(side, 64))


@FAMILY.loop_row("jnp.convolve 10,000 by 1,000", unit="ms")
def convolve_long(side: Side) -> Run:
    """A sequence of 10,000 numbers with one of 1,000, full"""
    return jitted(side, side.jnp.convolve, numbers(side, 10_000), numbers(side, 1_000))


@FAMILY.loop_row("gradient of a small CNN", unit="ms")
def network(side: Side) -> Run:
    """Two 3 x 3 convolutions with max pooling and a dense layer on 32 x 28 x 28 x 1: gradient of the loss"""
    jnp, lax = side.jnp, side.lax

    def pooled(x: Any) -> Any:
        return lax.reduce_window(x, -side.np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(weights: Any, x: Any, y: Any) -> Any:
        first, second, dense = weights
        for w in (first, second):
            x = pooled(jnp.maximum(lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=LAYOUT), 0.0))
        return jnp.mean((x.reshape(x.shape[0], -1) @ dense - y) ** 2)

    weights = [numbers(side, 3, 3, 1, 16), numbers(side, 3, 3, 16, 32), numbers(side, 7 * 7 * 32, 10)]
    step = side.jax.jit(side.jax.grad(loss))
    x, y = numbers(side, 32, 28, 28, 1), numbers(side, 32, 10)
    return lambda: step(weights, x, y)[0]


@FAMILY.loop_row("gradient of a residual network", unit="ms")
def residual_network(side: Side) -> Run:
    """Four blocks of 3 x 3, depthwise and 1 x 1 convolutions on 8 x 64 x 64 x 3: loss and gradient"""
    jnp, lax = side.jnp, side.lax

    def apply(x: Any, w: Any, stride: int = 1, groups: int = 1) -> Any:
        strides = (stride, stride)
        return lax.conv_general_dilated(x, w, strides, "SAME", dimension_numbers=LAYOUT, feature_group_count=groups)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        x = jnp.maximum(apply(x, weights[0], 2), 0.0)
        x = lax.reduce_window(x, -side.np.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
        for stride, (wide, deep, mix, skip) in zip((1, 2, 1, 2), weights[1:-1], strict=True):
            branch = jnp.maximum(apply(x, wide, stride), 0.0)
            branch = jnp.maximum(apply(branch, deep, 1, branch.shape[-1]), 0.0)
            x = apply(branch, mix) + apply(x, skip, stride)
        return jnp.mean((x.mean((1, 2)) @ weights[-1] - y) ** 2)

    weights: list[Any] = [numbers(side, 7, 7, 3, 32) * 0.1]
    features = 32
    for outs in (32, 64, 64, 128):
        shapes = ((3, 3, features, outs), (3, 3, 1, outs), (1, 1, outs, outs), (1, 1, features, outs))
        weights.append(tuple(numbers(side, *shape) * 0.1 for shape in shapes))
        features = outs
    weights.append(numbers(side, features, 10) * 0.1)
    step = side.jax.jit(side.jax.value_and_grad(loss))
    x, y = numbers(side, 8, 64, 64, 3), numbers(side, 8, 10)
    return lambda: step(weights, x, y)[1][0]


@FAMILY.loop_row("gradients of each example through a convolution", unit="ms")
def per_example(side: Side) -> Run:
    """vmap of the gradient in the kernel: 16 examples of 28 x 28 x 16 by 3 x 3 x 16 x 32"""
    lax = side.lax

    def loss(w: Any, x: Any) -> Any:
        return (lax.conv_general_dilated(x[None], w, (1, 1), "SAME", dimension_numbers=LAYOUT) ** 2).sum()

    gradient = side.jax.vmap(side.jax.grad(loss), (None, 0))
    return jitted(side, gradient, numbers(side, 3, 3, 16, 32), numbers(side, 16, 28, 28, 16))

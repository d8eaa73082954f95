"""The libraries that programs call: one function at a time, compiled, and a few as they are called without jit."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("libraries")

Run = Callable[[], Any]


def library(side: Side, name: str) -> Any:
    """A module below the side's package: "scipy.stats.norm"."""
    return import_module(f"{side.name}.{name}")


def numbers(side: Side, *shape: int, low: float = -3.0, high: float = 3.0) -> Any:
    """Reproducible float32 numbers, as an array of the side's."""
    rng = side.np.random.default_rng(0)
    return side.jnp.asarray(rng.uniform(low, high, shape).astype("float32"))


def compiled(side: Side, function: Callable[..., Any], *arguments: Any) -> Run:
    call = side.jax.jit(function)
    return lambda: call(*arguments)


@FAMILY.loop_row("segment_sum of 1e5 rows")
def segments(side: Side) -> Run:
    """Sums of 100,000 rows of 8 numbers over 1,000 segments"""
    segment_sum = library(side, "ops" if side.name == "jax" else "segments").segment_sum
    data = numbers(side, 100_000, 8)
    ids = side.jnp.asarray(side.np.random.default_rng(1).integers(0, 1000, 100_000).astype("int32"))
    return compiled(side, lambda d, i: segment_sum(d, i, num_segments=1000), data, ids)


@FAMILY.loop_row("segment_max of 1e5 numbers")
def extremes(side: Side) -> Run:
    """Largest numbers of 1,000 segments of 100,000"""
    segment_max = library(side, "ops" if side.name == "jax" else "segments").segment_max
    data = numbers(side, 100_000)
    ids = side.jnp.asarray(side.np.random.default_rng(1).integers(0, 1000, 100_000).astype("int32"))
    return compiled(side, lambda d, i: segment_max(d, i, num_segments=1000), data, ids)


@FAMILY.loop_row("map_coordinates")
def places(side: Side) -> Run:
    """Linear interpolation in a 256 × 256 image at 65,536 places"""
    map_coordinates = library(side, "scipy.ndimage").map_coordinates
    image, rows, columns = (
        numbers(side, 256, 256),
        numbers(side, 65536, low=0, high=255),
        numbers(side, 65536, low=9, high=200),
    )
    return compiled(side, lambda x, r, c: map_coordinates(x, [r, c], order=1), image, rows, columns)


@FAMILY.loop_row("image.resize, cubic")
def smaller(side: Side) -> Run:
    """A 512 × 512 image in three colours made 200 × 300"""
    resize = library(side, "image").resize
    return compiled(side, lambda x: resize(x, (200, 300, 3), "cubic"), numbers(side, 512, 512, 3))


@FAMILY.loop_row("image.resize, nearest")
def nearest(side: Side) -> Run:
    """A 512 × 512 image in three colours made 200 × 300 by picking"""
    resize = library(side, "image").resize
    return compiled(side, lambda x: resize(x, (200, 300, 3), "nearest"), numbers(side, 512, 512, 3))


@FAMILY.loop_row("stats.norm.logpdf")
def density(side: Side) -> Run:
    """log density of 1e6 numbers"""
    norm = library(side, "scipy.stats").norm
    return compiled(side, lambda x: norm.logpdf(x, 0.3, 2.0), numbers(side, 1_000_000))


@FAMILY.loop_row("stats.norm.logpdf of 8, not jitted")
def density_eager(side: Side) -> Run:
    """log density of 8 numbers, as called"""
    norm, x = library(side, "scipy.stats").norm, numbers(side, 8)
    return lambda: norm.logpdf(x, 0.3, 2.0)


@FAMILY.loop_row("log_ndtr")
def tail(side: Side) -> Run:
    """log of the normal distribution of 1e5 numbers"""
    log_ndtr = library(side, "scipy.special").log_ndtr
    return compiled(side, log_ndtr, numbers(side, 100_000, low=-12, high=8))


@FAMILY.loop_row("betaln", same_answer=False)
def beta(side: Side) -> Run:
    """log of Euler's beta function of 1e5 pairs (jax's last digits are other ones)"""
    betaln = library(side, "scipy.special").betaln
    return compiled(side, betaln, numbers(side, 100_000, low=0.1, high=90), numbers(side, 100_000, low=0.1, high=90))


@FAMILY.loop_row("expi")
def integral(side: Side) -> Run:
    """The exponential integral of 1e5 numbers"""
    expi = library(side, "scipy.special").expi
    return compiled(side, expi, numbers(side, 100_000, low=0.5, high=30))


@FAMILY.loop_row("sici")
def sines(side: Side) -> Run:
    """Sine and cosine integrals of 1e5 numbers"""
    sici = library(side, "scipy.special").sici
    return compiled(side, lambda x: sici(x)[0], numbers(side, 100_000, low=0.5, high=30))


@FAMILY.loop_row("hyp2f1")
def hypergeometric(side: Side) -> Run:
    """Gauss's hypergeometric function of 1e4 numbers"""
    hyp2f1 = library(side, "scipy.special").hyp2f1
    return compiled(side, lambda x: hyp2f1(1.1, 0.7, 2.3, x), numbers(side, 10_000, low=0.05, high=0.7))


@FAMILY.loop_row("nn.logsumexp")
def logs(side: Side) -> Run:
    """log of sums of exponentials of 1,000 rows of 1,000"""
    logsumexp = side.nn.logsumexp
    return compiled(side, lambda x: logsumexp(x, axis=-1), numbers(side, 1000, 1000))


@FAMILY.loop_row("nn.softmax")
def softmax(side: Side) -> Run:
    """softmax of 1,000 rows of 1,000"""
    return compiled(side, side.nn.softmax, numbers(side, 1000, 1000))


@FAMILY.loop_row("nn.dot_product_attention")
def attention(side: Side) -> Run:
    """Causal attention of 256 places, 4 heads of 64"""
    attend, x = side.nn.dot_product_attention, numbers(side, 2, 256, 4, 64)
    return compiled(side, lambda q: attend(q, q, q, is_causal=True), x)


@FAMILY.loop_row("gradient of attention")
def attention_gradient(side: Side) -> Run:
    """Gradient of a sum of squares of that"""
    attend, jnp, x = side.nn.dot_product_attention, side.jnp, numbers(side, 2, 256, 4, 64)
    return compiled(side, side.jax.grad(lambda q: jnp.sum(attend(q, q, q, is_causal=True) ** 2)), x)


@FAMILY.loop_row("signal.fftconvolve")
def transforms(side: Side) -> Run:
    """Convolution of 1e5 numbers with 1e3 by transforms"""
    fftconvolve = library(side, "scipy.signal").fftconvolve
    return compiled(side, lambda x, y: fftconvolve(x, y, mode="same"), numbers(side, 100_000), numbers(side, 1000))


@FAMILY.loop_row("signal.convolve2d")
def plane(side: Side) -> Run:
    """Convolution of a 256 × 256 image with 9 × 9"""
    convolve2d = library(side, "scipy.signal").convolve2d
    return compiled(side, lambda x, y: convolve2d(x, y, mode="same"), numbers(side, 256, 256), numbers(side, 9, 9))


@FAMILY.loop_row("signal.welch")
def spectrum(side: Side) -> Run:
    """Power spectrum of 1e5 numbers in segments of 256"""
    welch = library(side, "scipy.signal").welch
    return compiled(side, lambda x: welch(x, nperseg=256)[1], numbers(side, 100_000))


@FAMILY.loop_row("stats.gaussian_kde")
def kernel_density(side: Side) -> Run:
    """Density at 1,000 points, estimated from 1,000"""
    gaussian_kde = library(side, "scipy.stats").gaussian_kde
    return compiled(side, lambda d, x: gaussian_kde(d)(x), numbers(side, 2, 1000), numbers(side, 2, 1000))

"""Fourier transforms and linear algebra: small matrices by the thousand, and a larger one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Family
from benchmarks.sides import Side

FAMILY = Family("linear_algebra")

Run = Callable[[], Any]


def numbers(side: Side, *shape: int) -> Any:
    return side.np.random.default_rng(0).standard_normal(shape, dtype="float32")


def well_conditioned(side: Side, *shape: int) -> Any:
    """Matrices that are far from singular, positive definite too."""
    a = numbers(side, *shape)
    n = shape[-1]
    product = a @ a.swapaxes(-1, -2) / side.np.float32(n)
    return side.jnp.asarray(product + side.np.eye(n, dtype="float32"))


def compiled(side: Side, function: Callable[..., Any], *arguments: Any) -> Run:
    call = side.jax.jit(function)
    return lambda: call(*arguments)


# ---- Fourier transforms


@FAMILY.loop_row("fft of 1e6 complex", unit="ms")
def fft(side: Side) -> Run:
    """The transform of a million complex numbers"""
    x = side.jnp.asarray(numbers(side, 10**6) + 1j * numbers(side, 10**6))
    return compiled(side, side.jnp.fft.fft, x)


@FAMILY.loop_row("fft of 1e6 real", unit="ms")
def fft_of_real(side: Side) -> Run:
    """The whole transform of a million real numbers"""
    return compiled(side, side.jnp.fft.fft, side.jnp.asarray(numbers(side, 10**6)))


@FAMILY.loop_row("rfft of 1e6", unit="ms")
def rfft(side: Side) -> Run:
    """Half of the transform of a million real numbers"""
    return compiled(side, side.jnp.fft.rfft, side.jnp.asarray(numbers(side, 10**6)))


@FAMILY.loop_row("grad of rfft, 1e5", unit="ms")
def rfft_gradient(side: Side) -> Run:
    """The gradient of the power of a spectrum"""
    jnp = side.jnp
    loss = lambda x: jnp.sum(jnp.abs(jnp.fft.rfft(x)) ** 2)
    return compiled(side, side.jax.grad(loss), jnp.asarray(numbers(side, 10**5)))


@FAMILY.loop_row("fft2 of 64 images 64 x 64", unit="ms")
def fft2(side: Side) -> Run:
    """Two axes, many at a time"""
    x = side.jnp.asarray(numbers(side, 64, 64, 64) + 0j)
    return compiled(side, side.jnp.fft.fft2, x)


@FAMILY.loop_row("fft along axis 0 of 1000 x 1000", unit="ms")
def fft_columns(side: Side) -> Run:
    """Columns"""
    x = side.jnp.asarray(numbers(side, 1000, 1000) + 0j)
    return compiled(side, lambda x: side.jnp.fft.fft(x, axis=0), x)


@FAMILY.loop_row("dct of 1000 rows of 1000", unit="ms")
def dct(side: Side) -> Run:
    """The cosine transform of type 2"""
    import importlib  # jax.scipy has to be asked for by name

    module = importlib.import_module(f"{side.jax.__name__}.scipy.fft")
    return compiled(side, module.dct, side.jnp.asarray(numbers(side, 1000, 1000)))


# ---- many small matrices


def small(name: str, sizes: tuple[int, ...], make: Callable[[Side, Any], Callable[..., Any]]) -> None:
    for size in sizes:

        @FAMILY.loop_row(f"{name}, 10000 of {size} x {size}", unit="ms")
        def row(side: Side, size: int = size) -> Run:
            """Ten thousand small matrices"""
            a = well_conditioned(side, 10_000, size, size)
            return compiled(side, make(side, a), a)


small("inv", (2, 3, 4, 8), lambda side, a: side.jnp.linalg.inv)
small("det", (3, 4, 8), lambda side, a: side.jnp.linalg.det)
small("slogdet", (2,), lambda side, a: lambda a: side.jnp.linalg.slogdet(a)[1])
small("cholesky", (3, 4, 8), lambda side, a: side.jnp.linalg.cholesky)


def _solver(side: Side, a: Any) -> Callable[..., Any]:
    b = side.jnp.asarray(numbers(side, *a.shape[:-1], 1))
    return lambda a: side.jnp.linalg.solve(a, b)


small("solve", (3, 4, 8), _solver)


@FAMILY.loop_row("triangular_solve, 10000 of 8 x 8 by 1", unit="ms")
def small_triangles(side: Side) -> Run:
    """A right-hand side for each of ten thousand triangular matrices"""
    a, b = well_conditioned(side, 10_000, 8, 8), side.jnp.asarray(numbers(side, 10_000, 8, 1))
    return compiled(side, lambda a, b: side.lax.linalg.triangular_solve(a, b, left_side=True, lower=True), a, b)


@FAMILY.loop_row("grad of slogdet, 10000 of 4 x 4", unit="ms")
def slogdet_gradient(side: Side) -> Run:
    """Gradient of the sum of logarithms of determinants"""
    jnp = side.jnp
    loss = lambda a: jnp.sum(jnp.linalg.slogdet(a)[1])
    return compiled(side, side.jax.grad(loss), well_conditioned(side, 10_000, 4, 4))


# ---- a larger one


def large(name: str, size: int, function: Callable[[Side], Callable[..., Any]], **facts: Any) -> None:
    @FAMILY.loop_row(f"{name}, {size} x {size}", unit="ms", **facts)
    def row(side: Side) -> Run:
        """A larger matrix"""
        return compiled(side, function(side), well_conditioned(side, size, size))


large("solve", 500, lambda side: lambda a: side.jnp.linalg.solve(a, a[0]))
large("inv", 500, lambda side: side.jnp.linalg.inv)
large("det", 500, lambda side: lambda a: side.jnp.linalg.slogdet(a)[1])
large("cholesky", 500, lambda side: side.jnp.linalg.cholesky)
large("qr", 300, lambda side: lambda a: side.jnp.linalg.qr(a)[1], same_answer=False)
large("eigh", 200, lambda side: lambda a: side.jnp.linalg.eigh(a)[0])
large("svd", 200, lambda side: lambda a: side.jnp.linalg.svd(a)[1])
large("eigvals", 100, lambda side: lambda a: side.np.float32(1) * side.jnp.sum(side.jnp.linalg.eigvals(a).real))
large("grad of solve", 300, lambda side: side.jax.grad(lambda a: side.jnp.sum(side.jnp.linalg.solve(a, a[0]))))


@FAMILY.loop_row("triangular_solve, 500 x 500 by 1,000", unit="ms")
def many_sides(side: Side) -> Run:
    """A thousand right-hand sides of one triangular matrix"""
    a, b = well_conditioned(side, 500, 500), side.jnp.asarray(numbers(side, 500, 1000))
    return compiled(side, lambda a, b: side.lax.linalg.triangular_solve(a, b, left_side=True, lower=True), a, b)


@FAMILY.loop_row("triangular_solve, 500 x 500 by 1", unit="ms")
def one_side(side: Side) -> Run:
    """One right-hand side"""
    a, b = well_conditioned(side, 500, 500), side.jnp.asarray(numbers(side, 500, 1))
    return compiled(side, lambda a, b: side.lax.linalg.triangular_solve(a, b, left_side=True, lower=True), a, b)

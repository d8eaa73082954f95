"""Bessel's modified functions of order 0 and 1.

Integers become floating-point numbers; operands broadcast. Names and arguments are those of `jax.scipy.special`.
"""

from __future__ import annotations

from bevel.numpy.eager import compiled
from bevel.numpy.signals import bessel_i0, bessel_i1
from bevel.ops import bessel
from bevel.scipy.operands import one_float, one_primitive

i0e = one_primitive(
    "i0e",
    bessel.BesselI0e(),
    """exp(-|x|) I₀(x), I₀ being Bessel's modified function of order 0: finite where `i0` has overflowed.

    x       real[…]; integers become floating-point numbers
    gives   float[…], in [0, 1]
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import i0, i0e
    >>> print(f"{i0e(100.0):.4f} {i0(100.0)}")
    0.0399 inf
    """,
)
i1e = one_primitive(
    "i1e",
    bessel.BesselI1e(),
    """exp(-|x|) I₁(x), I₁ being Bessel's modified function of order 1: finite where `i1` overflows. An odd function.

    x       real[…]; integers become floating-point numbers
    gives   float[…], within ±0.22
    raises  TypeError where x is complex

    >>> from bevel.scipy.special import i0e, i1e
    >>> print(f"{i1e(10.0) / i0e(10.0):.4f}")  # how much angles of concentration 10 agree, in von Mises's distribution
    0.9486
    """,
)


@compiled
def i0(x):
    """Bessel's modified function of order 0.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.i0(1.0):.4f}")
    1.2661
    """
    return bessel_i0(one_float("i0", x))


@compiled
def i1(x):
    """Bessel's modified function of order 1.

    >>> import bevel.scipy as jsp
    >>> print(f"{jsp.special.i1(1.0):.4f}")
    0.5652
    """
    return bessel_i1(one_float("i1", x))


__all__ = ["i0", "i0e", "i1", "i1e"]

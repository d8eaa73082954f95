"""Prints coefficients of bevel.ops.fast_single, fast_double, fast_special and fast_incomplete, and what each leaves.

A polynomial is fitted by least squares at Chebyshev nodes with 200 bits, and again with more weight where the error was
larger, which moves it towards the minimax polynomial (C. L. Lawson's iteration).
"""

import mpmath
from mpmath import atan, cos, log, mp, mpf, pi, sin, sqrt

mp.prec = 200
_LEAST = mpf(10) ** -30


def fit(f, low, high, terms, weight=None, rounds=12):
    """(coefficients of f in powers of x over [low, high], log2 of the greatest error weighed, by 1/|f| if not said)."""
    count = max(60, 6 * terms)
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    values, shares = [f(x) for x in nodes], [mpf(1)] * count
    weights = [weight(x) if weight else 1 / abs(v) for x, v in zip(nodes, values, strict=True)]
    for _ in range(rounds):
        matrix, right = mp.matrix(terms, terms), mp.matrix(terms, 1)
        for x, value, w, share in zip(nodes, values, weights, shares, strict=True):
            powers = [x**i for i in range(terms)]
            for i in range(terms):
                right[i] += w * w * share * powers[i] * value
                for j in range(terms):
                    matrix[i, j] += w * w * share * powers[i] * powers[j]
        found = mp.lu_solve(matrix, right)
        errors = [
            abs(w * (v - mpmath.polyval(list(found)[::-1], x))) for x, v, w in zip(nodes, values, weights, strict=True)
        ]
        shares = [s * e for s, e in zip(shares, errors, strict=True)]
        total = sum(shares)
        shares = [s * count / total for s in shares]
    return [float(c) for c in found], float(log(max(errors), 2))


def ratio(f, taken=(), over=1):
    """z -> (f(r)/r - the terms taken) / z^k with r = sqrt(z) and k terms taken."""

    def value(z):
        z = max(z, _LEAST)
        rest = f(sqrt(z)) / sqrt(z) - sum(t * z**i for i, t in enumerate(taken))
        return rest / z ** len(taken)

    return value


def _scaled_erfc(t):
    """e^(x²) erfc(x) where t = 1/(x + 3)."""
    x = 1 / t - 3
    return mpmath.exp(x * x) * mpmath.erfc(x)


def even(_):
    return mpf(1)


def main():
    quarter, half = (pi / 4) ** 2 * mpf("1.001"), (pi / 2) ** 2 * mpf("1.0002")
    bend = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2 * mpf("1.001")
    fits = {
        "single sine": (ratio(sin), half, 6),
        "single sine near": (ratio(sin), quarter, 5),
        "single cosine near": (lambda z: cos(sqrt(z)), quarter, 5),
        "single arctangent": (ratio(atan), mpf(1), 13),
        "single arcsine": (ratio(mpmath.asin), mpf("0.25"), 9),
        "double sine": (ratio(sin, [1]), quarter, 6, lambda z: z + mpf(10) ** -3),
        "double cosine": (
            lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, quarter, 6, lambda z: z**2 + mpf(10) ** -4
        ),
        "double arctangent": (ratio(atan, [1]), mpf("0.1915"), 11, lambda z: z + mpf(10) ** -3),
        "double arcsine": (ratio(mpmath.asin, [1]), mpf("0.2501"), 12, lambda z: z + mpf(10) ** -3),
        "double logarithm": (
            ratio(lambda s: log((1 + s) / (1 - s)), [2]), bend, 7, lambda z: z + mpf(10) ** -3
        ),
        "special sine of a turn": (ratio(lambda f: sin(pi * f)), mpf("0.2501"), 7, even),
        "special erf, with 1 to be taken off": (ratio(mpmath.erf), mpf(1), 12, even),
    }  # fmt: skip
    widened = mpf("1.0001")
    powers = {
        "single log2": (
            lambda t: log(1 + t, 2) / t,
            (sqrt(mpf("0.5")) - 1) * widened,
            (sqrt(mpf(2)) - 1) * widened,
            13,
            even,
        ),
        "single cube root": (lambda h: (1 - h) ** (-mpf(1) / 3), mpf("-0.1029"), mpf("0.1029"), 4),
        "single exp2": (lambda r: mpf(2) ** r, mpf("-0.501"), mpf("0.501"), 8, even),
        "incomplete log of Γ(1 + a)": (lambda a: mpmath.loggamma(1 + a) / a, mpf(10) ** -6, mpf(1), 21, even),
        "special erfc": (_scaled_erfc, mpf(1) / 9, mpf(1) / 4, 12, lambda t: mpmath.exp(-((1 / t - 3) ** 2))),
    }
    powers |= {name: (f, mpf(0), *rest) for name, (f, *rest) in fits.items()}
    for name, (f, low, high, terms, *weight) in powers.items():
        coefficients, error = fit(f, low, high, terms, *weight)
        print(f"{name}: leaves 2^{error:.1f}")
        print("".join(f"    {c!r},\n" for c in coefficients))


if __name__ == "__main__":
    main()

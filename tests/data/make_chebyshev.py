"""Makes bevel/scipy/special/tables.py: Chebyshev series of special functions, from their values to 40 digits (mpmath).

    python tests/data/make_chebyshev.py > bevel/scipy/special/tables.py

Each piece is a smooth function of t in [-1, 1], into which its interval is mapped. The coefficients are those of the
polynomial through its values at Chebyshev's points, of the degree from which on they are below 2⁻⁵⁴ of the largest.
"""

import textwrap

import mpmath as mp

mp.mp.dps = 60

PIECES = {}


def piece(low, high):
    """Declares a function of u in [low, high], u being what the table's user maps from."""

    def declare(function):
        PIECES[function.__name__] = (low, high, function, " ".join(function.__doc__.split()))
        return function

    return declare


def coefficients(function, low, high, count):
    nodes = [mp.cos(mp.pi * (k + mp.mpf(1) / 2) / count) for k in range(count)]
    values = [function(low + (high - low) * (t + 1) / 2) for t in nodes]
    found = []
    for j in range(count):
        total = mp.fsum(v * mp.cos(mp.pi * j * (k + mp.mpf(1) / 2) / count) for k, v in enumerate(values))
        found.append(total * (1 if j == 0 else 2) / count)
    return found


def truncated(found):
    limit = mp.mpf(2) ** -54 * max(abs(c) for c in found)
    last = max(i for i, c in enumerate(found) if abs(c) > limit)
    return found[: last + 1]


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def dawsn(x):
    return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)


@piece(-1, 1)
def ERFCX(t):
    """(1 + 2x) erfcx(x) of t = (x - 3)/(x + 3), for x from 0"""
    x = 3 * (1 + t) / (1 - t)
    far = (1 - far_erfc(x, -1) / (x * x)) / (mp.sqrt(mp.pi) * x) if x >= 60 else None
    return (1 + 2 * x) * (erfcx(x) if far is None else far)


@piece(0, 1)
def ERFCX_FAR(u):
    """x² (1 - √π x erfcx(x)) of u = 9/x²"""
    if u < mp.mpf(10) ** -10:
        return mp.mpf(1) / 2
    x = 3 / mp.sqrt(u)
    with mp.workdps(120):
        return x * x * (1 - mp.sqrt(mp.pi) * x * erfcx(x)) if x < 60 else far_erfc(x, -1)


def far_erfc(x, sign):
    """x² (1 - √π x erfcx(x)) for sign = -1 and x² (2x dawsn(x) - 1) for sign = 1, by their asymptotic series."""
    term, total, k = mp.mpf(1) / 2, mp.mpf(0), 1
    while abs(term) > mp.mpf(10) ** -60:
        total += term
        k += 1
        term *= sign * (2 * k - 1) / (2 * x * x)
    return total


@piece(0, 4)
def DAWSN_NEAR(v):
    """dawsn(x)/x of v = x²"""
    x = mp.sqrt(v)
    return dawsn(x) / x if x else mp.mpf(1)


@piece(2, 5)
def DAWSN_MIDDLE(x):
    """dawsn(x)"""
    return dawsn(x)


@piece(0, 1)
def DAWSN_FAR(u):
    """x² (2x dawsn(x) - 1) of u = 25/x²"""
    x = 5 / mp.sqrt(u)
    with mp.workdps(120):
        return x * x * (2 * x * dawsn(x) - 1) if x < 60 else far_erfc(x, 1)


@piece(0, 1)
def E1_NEAR(x):
    """(E₁(x) + log x + γ)/x"""
    return (mp.e1(x) + mp.log(x) + mp.euler) / x


@piece(-1, 1)
def E1_FAR(t):
    """x exp(x) E₁(x) of t = (x - 5)/(x + 3), for x from 1"""
    x = (5 + 3 * t) / (1 - t)
    return x * mp.exp(x) * mp.e1(x) if x < 2000 else far_e1(x, -1)


def far_e1(x, sign):
    """x exp(x) E₁(x) for sign = -1 and x exp(-x) Ei(x) for sign = 1, by their asymptotic series."""
    term, total, k = mp.mpf(1), mp.mpf(0), 0
    while abs(term) > mp.mpf(10) ** -60:
        total += term
        k += 1
        term *= sign * k / x
    return total


EI_ROOT = mp.findroot(mp.ei, mp.mpf("0.3725"))


@piece(0, 6)
def EI_NEAR(x):
    """(Ei(x) - log(x/r))/(x - r), r being its root"""
    if abs(x - EI_ROOT) < mp.mpf(10) ** -20:
        x = x + mp.mpf(10) ** -20
    return (mp.ei(x) - mp.log(x / EI_ROOT)) / (x - EI_ROOT)


@piece(6, 12)
def EI_MIDDLE(x):
    """x exp(-x) Ei(x)"""
    return x * mp.exp(-x) * mp.ei(x)


@piece(12, 24)
def EI_BEYOND(x):
    """x exp(-x) Ei(x)"""
    return x * mp.exp(-x) * mp.ei(x)


@piece(0, 1)
def EI_FAR(u):
    """x exp(-x) Ei(x) of u = 24/x"""
    x = 24 / u
    return x * mp.exp(-x) * mp.ei(x) if x < 2000 else far_e1(x, 1)


@piece(0, mp.mpf("6.5536"))
def FRESNEL_S(w):
    """S(x)/x³ of w = x⁴"""
    x = mp.root(w, 4)
    return mp.fresnels(x) / x**3 if x > mp.mpf(10) ** -8 else mp.pi / 6


@piece(0, mp.mpf("6.5536"))
def FRESNEL_C(w):
    """C(x)/x of w = x⁴"""
    x = mp.root(w, 4)
    return mp.fresnelc(x) / x if x else mp.mpf(1)


def fresnel_parts(x):
    s, c, a = mp.fresnels(x) - mp.mpf(1) / 2, mp.fresnelc(x) - mp.mpf(1) / 2, mp.pi * x * x / 2
    f, g = -s * mp.cos(a) + c * mp.sin(a), -s * mp.sin(a) - c * mp.cos(a)
    return mp.pi * x * f, mp.pi**2 * x**3 * g


@piece(0, 1)
def FRESNEL_F(u):
    """π x f(x) of u = (1.6/x)⁴, where S = 1/2 - f cos(πx²/2) - g sin(πx²/2), C = 1/2 + f sin - g cos"""
    return fresnel_parts(mp.mpf("1.6") / mp.root(u, 4))[0]


@piece(0, 1)
def FRESNEL_G(u):
    """π² x³ g(x) of u = (1.6/x)⁴"""
    return fresnel_parts(mp.mpf("1.6") / mp.root(u, 4))[1]


@piece(0, 16)
def SI_NEAR(v):
    """Si(x)/x of v = x²"""
    x = mp.sqrt(v)
    return mp.si(x) / x if x else mp.mpf(1)


@piece(0, 16)
def CI_NEAR(v):
    """(γ + log x - Ci(x))/x² of v = x²"""
    x = mp.sqrt(v)
    with mp.workdps(100):
        return (mp.euler + mp.log(x) - mp.ci(x)) / v if v > mp.mpf(10) ** -20 else mp.mpf(1) / 4


def si_parts(x):
    with mp.workdps(100):
        s, c = mp.pi / 2 - mp.si(x), mp.ci(x)
        f, g = s * mp.cos(x) + c * mp.sin(x), s * mp.sin(x) - c * mp.cos(x)
        return x * f, x * x * g


@piece(0, 1)
def SICI_F(u):
    """x f(x) of u = 16/x², where Si = π/2 - f cos x - g sin x, Ci = f sin x - g cos x"""
    return si_parts(4 / mp.sqrt(u))[0]


@piece(0, 1)
def SICI_G(u):
    """x² g(x) of u = 16/x²"""
    return si_parts(4 / mp.sqrt(u))[1]


@piece(-mp.mpf(1) / 2, mp.mpf(1) / 2)
def SPENCE(w):
    """-spence(1 + w)/w"""
    if abs(w) < mp.mpf(10) ** -30:
        return mp.mpf(1)
    return -mp.re(mp.polylog(2, -w)) / w


def main():
    print('"""Chebyshev series of special functions, made by tests/data/make_chebyshev.py: not written by hand."""\n')
    print(
        "# Each is of t in [-1, 1]: the middle of the interval is t = 0. For float32 a series is cut where it may be.\n"
    )
    print(f"EI_ROOT = {mp.nstr(EI_ROOT, 17)}\nEI_ROOT_REST = {mp.nstr(EI_ROOT - mp.mpf(float(EI_ROOT)), 17)}")
    for name, (low, high, function, words) in PIECES.items():
        found = truncated(coefficients(function, mp.mpf(low), mp.mpf(high), 90))
        print(f"\n# {words}; from {mp.nstr(mp.mpf(low), 6)} to {mp.nstr(mp.mpf(high), 6)}")
        numbers = " ".join(f"{mp.nstr(c, 17)}," for c in found)
        print(f"{name} = (")
        print(textwrap.fill(numbers, 112, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False))
        print(")  # fmt: skip")


if __name__ == "__main__":
    main()

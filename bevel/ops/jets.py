"""Formulas with their derivatives in one variable, so that a recurrence is written once for both.

A jet holds f, f', f''/2, …: the coefficients of its Taylor series. Their arithmetic is that of power series (Griewank &
Walther 2008, "Evaluating Derivatives", chapter 13).
"""

from __future__ import annotations

from bevel.ops.formulas import Formula, where


class Jet:
    """The coefficients of a Taylor series, formulas of one shape."""

    __slots__ = ("terms",)

    def __init__(self, terms):
        self.terms = list(terms)

    @classmethod
    def of(cls, value, order, slope=0.0):
        """A number with that slope, and no higher derivative."""
        rest = [slope, *[0.0] * (order - 1)][:order]
        return cls([value, *[r if isinstance(r, Formula) else value.filled(r) for r in rest]])

    @property
    def value(self):
        return self.terms[0]

    def derivative(self, k):
        """The k-th derivative."""
        factorial = 1.0
        for i in range(2, k + 1):
            factorial *= i
        return self.terms[k] * factorial

    def __add__(self, other):
        if not isinstance(other, Jet):
            return Jet([self.value + other, *self.terms[1:]])
        return Jet([x + y for x, y in zip(self.terms, other.terms, strict=True)])

    def __mul__(self, other):
        if not isinstance(other, Jet):
            return Jet([x * other for x in self.terms])
        return Jet([_convolved(self.terms, other.terms, k) for k in range(len(self.terms))])

    def __truediv__(self, other):
        """q from q · other = self, one coefficient after the other."""
        quotients: list[Formula] = []
        for k, term in enumerate(self.terms):
            for j in range(1, k + 1):
                term = term - other.terms[j] * quotients[k - j]
            quotients.append(term / other.value)
        return Jet(quotients)

    def away_from_zero(self, tiny):
        """The same, its value replaced where it is smaller than `tiny`."""
        return Jet([where(self.value.abs() < tiny, tiny, self.value), *self.terms[1:]])


def _convolved(x, y, k):
    total = x[0] * y[k]
    for j in range(1, k + 1):
        total = total + x[j] * y[k - j]
    return total


__all__ = ["Jet"]

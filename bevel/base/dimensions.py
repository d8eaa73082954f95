"""Dimensions that are not known yet: whole numbers ≥ 1 named by variables, and what is computed from them.

A `Dimension` is a polynomial with integer coefficients over atoms: variables, and `floordiv`, `mod`, `max` and `min` of
dimensions. It is kept in one normal form, so that equal polynomials are equal objects to compare and hash. What holds
for all values of the variables is decided by bounds; where bounds do not tell, a comparison raises rather than guesses.
The scopes in which variables know each other, and dimensions read from text, are in `symbolic_scopes`.
"""

from __future__ import annotations

import math
import operator
import threading
from typing import Any

import numpy as np

from bevel.base.errors import InconclusiveDimensionOperation

_INFINITY = math.inf


class Dimension:
    """A whole number known by its name: `b`, `2*b + 1`, `floordiv(b, 2)`. Arithmetic gives such, or ints."""

    __slots__ = ("_hash", "_text", "scope", "terms")

    def __init__(self, terms, scope):
        self.terms = terms  # ((monomial, coefficient), …) in order; a monomial is ((atom, power), …)
        self.scope = scope
        self._hash = hash((terms, id(scope)))
        self._text = None

    # ---- arithmetic

    def __add__(self, other):
        if isinstance(other, float):
            return self.__jax_array__() + other
        other = self._of(other)
        if other is NotImplemented:
            return other
        terms = dict(self.terms)
        for monomial, coefficient in other:
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _made(terms, self.scope)

    __radd__ = __add__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        if isinstance(other, float):
            return self + -other
        return NotImplemented if self._of(other) is NotImplemented else self + -1 * other

    def __rsub__(self, other):
        if isinstance(other, float):
            return -1 * self + other
        return NotImplemented if self._of(other) is NotImplemented else -1 * self + other

    def __mul__(self, other):
        if isinstance(other, float):
            return self.__jax_array__() * other
        other = self._of(other)
        if other is NotImplemented:
            return other
        terms: dict = {}
        for one, a in self.terms:
            for two, b in other:
                powers = dict(one)
                for atom, power in two:
                    powers[atom] = powers.get(atom, 0) + power
                monomial = tuple(sorted(powers.items(), key=_order))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return _made(terms, self.scope)

    __rmul__ = __mul__

    def __pow__(self, power):
        if type(power) is not int or power < 0:
            raise InconclusiveDimensionOperation(f"A dimension is raised to a known power ≥ 0; got {self} ** {power}.")
        return math.prod([self] * power)

    def __floordiv__(self, other):
        return self._divided(self, other)[0]

    def __rfloordiv__(self, other):
        return self._divided(other, self)[0]

    def __mod__(self, other):
        return self._divided(self, other)[1]

    def __rmod__(self, other):
        return self._divided(other, self)[1]

    def __divmod__(self, other):
        return self._divided(self, other)

    def __jax_array__(self) -> Any:
        """As an array, i32[], of the program being traced: put here by ops.dimensions."""
        raise NotImplementedError

    def __rtruediv__(self, other):
        return other / self.__jax_array__()

    def __truediv__(self, other):
        if isinstance(other, float):
            return self.__jax_array__() / other
        quotient, rest = self._divided(self, other)
        if type(rest) is int and rest == 0:
            return quotient
        raise InconclusiveDimensionOperation(
            f"{self} / {other} is no whole number for all dimensions. Use //, or divide jnp.asarray({self})."
        )

    def _divided(self, x, y):
        """(x // y, x mod y), exactly where the polynomials divide."""
        if self._of(x) is NotImplemented or self._of(y) is NotImplemented:
            return NotImplemented, NotImplemented
        scope = self.scope
        if type(y) is int and y == 0:
            raise ZeroDivisionError(f"{x} is divided by 0.")
        whole, rest = _exact(x, y, scope)
        if type(rest) is int and (rest == 0 or (type(y) is int and 0 <= rest < y)):
            return whole, rest
        quotient = _atom("floordiv", (rest, y), scope)
        remainder = _atom("mod", (rest, y), scope)
        if type(remainder) is int and remainder == 0 and not isinstance(quotient, int):
            return whole + quotient, 0
        return whole + quotient, remainder

    def _of(self, other):
        """The terms of the other operand."""
        if type(other) is Dimension:
            if other.scope is not self.scope:
                raise ValueError(
                    f"{self} and {other} are of two scopes, and do not know each other.\nMake both in one: "
                    "symbolic_shape(…, scope=scope)."
                )
            return other.terms
        if isinstance(other, (int, np.integer)) and not isinstance(other, bool):
            return (((), int(other)),) if other else ()
        return NotImplemented

    # ---- comparison

    def __eq__(self, other):
        if type(other) is Dimension and other.scope is not self.scope:
            return False
        terms = self._of(other)
        return terms is not NotImplemented and tuple(terms) == self.terms

    def __hash__(self):
        return self._hash

    def __ge__(self, other):
        if self._of(other) is NotImplemented:
            return NotImplemented
        low, high = bounds(self - other)
        if low >= 0:
            return True
        if high < 0:
            return False
        if _assumed.size:
            return (self - other).evaluate(dict.fromkeys((self - other).variables(), _assumed.size)) >= 0
        raise InconclusiveDimensionOperation(
            f"Whether {self} >= {other} holds depends on the dimensions: the difference may be {low} to {high}.\n"
            f"Say what is known of them: symbolic_shape(…, constraints=['{self} >= {other}'])."
        )

    def __le__(self, other):
        return NotImplemented if self._of(other) is NotImplemented else _at_least(other - self)

    def __gt__(self, other):
        return NotImplemented if self._of(other) is NotImplemented else _at_least(self - other - 1)

    def __lt__(self, other):
        return NotImplemented if self._of(other) is NotImplemented else _at_least(other - self - 1)

    def __bool__(self):
        return not _at_least(-1 * self) if bounds(self)[0] < 1 else True

    def __index__(self):
        raise InconclusiveDimensionOperation(
            f"Python needed the number behind the dimension {self}, which is known at the call only.\n"
            "Compute with it as it is, or pass the array's size as jnp.asarray(x.shape[0])."
        )

    __int__ = __float__ = __index__

    # ---- looking

    def is_atom(self):
        """The atom that this is, or None."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            [(atom, power)] = self.terms[0][0]
            return atom if power == 1 else None
        return None

    def variables(self) -> set[str]:
        """The names in it."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom, _ in monomial:
                if type(atom) is str:
                    found.add(atom)
                else:
                    for part in atom[1]:
                        found |= part.variables() if type(part) is Dimension else set()
        return found

    def evaluate(self, values):
        """The number where `values` says what each variable is; anything that computes like a number."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom, power in monomial:
                value = values[atom] if type(atom) is str else _operation(atom, values)
                for _ in range(power):
                    product = product * value
            total = total + product
        return total

    def __repr__(self):
        if self._text is None:
            self._text = _text(self.terms)
        return self._text

    __str__ = __repr__

    def __reduce__(self):
        raise TypeError(f"The dimension {self} belongs to a scope of this process; write str(dimension) down.")


def _operation(atom, values):
    name, parts = atom
    x, y = [p.evaluate(values) if type(p) is Dimension else p for p in parts]
    if name == "floordiv":
        return x // y
    if name == "mod":
        return x % y
    return values[name](x, y) if name in values else {"max": max, "min": min}[name](x, y)


def _order(pair):
    atom, power = pair
    return (type(atom) is not str, str(atom), power)


def _made(terms, scope):
    """The dimension of these terms, or the int."""
    for monomial, coefficient in terms.items():
        for atom, power in monomial:
            if type(atom) is not str and atom[0] == "floordiv" and power == 1 and coefficient:
                x, k = atom[1]
                if type(k) is int and coefficient % k == 0 and scope.equal.get(("mod", atom[1])) == 0:
                    # k * (x // k) is x where k divides x
                    rest = {m: c for m, c in terms.items() if m != monomial}
                    others = tuple([(a, p) for a, p in monomial if a != atom])
                    return _made({others: coefficient // k}, scope) * x + _made(rest, scope)
    kept = [(m, c) for m, c in terms.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    kept.sort(key=lambda term: (-sum([p for _, p in term[0]]), [(-ord(ch)) for ch in str(term[0])]))
    return Dimension(tuple(kept), scope)


def _atom(name, parts, scope):
    """An operation as a dimension, computed where its operands are known."""
    if all(type(p) is int for p in parts):
        return _NUMBERS[name](*parts)
    atom = (name, tuple(parts))
    known = scope.equal.get(atom)
    return known if known is not None else Dimension(((((atom, 1),), 1),), scope)


_NUMBERS: dict[str, Any] = {"floordiv": int.__floordiv__, "mod": int.__mod__, "max": max, "min": min}


def variable(name, scope):
    known = scope.equal.get(name)
    return known if known is not None else Dimension(((((name, 1),), 1),), scope)


def _exact(x, y, scope):
    """(q, r) with x = q·y + r, of which q takes what divides term by term."""
    if type(x) is int:
        return (0, x) if type(y) is not int else divmod(x, y)
    if type(y) is int:
        q = {m: c // y for m, c in x.terms if c // y and c % y == 0}
        constant = dict(x.terms).get((), 0)
        r = {m: c for m, c in x.terms if c % y}
        if constant % y and set(r) == {()}:
            return _made({**q, (): constant // y}, scope), constant % y
        return _made(q, scope), _made(r, scope)
    # by the leading term of y, as long as it divides
    quotient, rest = 0, x
    lead, scale = y.terms[0]
    while type(rest) is Dimension:
        monomial, coefficient = rest.terms[0]
        powers = dict(monomial)
        if coefficient % scale or any(powers.get(a, 0) < p for a, p in lead):
            break
        for a, p in lead:
            powers[a] -= p
        left = tuple([(a, p) for a, p in powers.items() if p])
        step = _made({tuple(sorted(left, key=_order)): coefficient // scale}, scope)
        quotient = quotient + step
        rest = rest - step * y
    if not (type(rest) is int and rest == 0):
        return 0, x  # no exact division: the quotient of the whole is an atom
    return quotient, rest


def bounds(x) -> tuple[float, float]:
    """The least and the greatest value that bounds and constraints allow."""
    if type(x) is not Dimension:
        return x, x
    low, high = _sum_bounds(x)
    for monomial, c in x.terms:
        # e//k lies between (e - k + 1)/k and e/k: one such term is put in the terms of e, all k-fold
        if len(monomial) == 1 and monomial[0][1] == 1 and type(monomial[0][0]) is not str:
            name, (e, k) = monomial[0][0]
            if name == "floordiv" and type(k) is int and k > 0 and type(e) is Dimension:
                rest = (x - c * Dimension(((monomial, 1),), x.scope)) * k
                ends = [rest + c * e, rest + c * (e - k + 1)]
                low = max(low, math.ceil(min(map(_low, ends)) / k) if min(map(_low, ends)) > -_INFINITY else low)
                high = min(high, max(map(_high, ends)) // k if max(map(_high, ends)) < _INFINITY else high)
    for constraint in x.scope.constraints:
        rest = x - constraint  # x = constraint + rest ≥ rest
        at_least = rest if type(rest) is int else _sum_bounds(rest)[0]
        low = max(low, at_least)
        rest = x + constraint  # x = rest - constraint ≤ rest
        at_most = rest if type(rest) is int else _sum_bounds(rest)[1]
        high = min(high, at_most)
    return low, high


def _low(x):
    return x if type(x) is not Dimension else _sum_bounds(x)[0]


def _high(x):
    return x if type(x) is not Dimension else _sum_bounds(x)[1]


def _sum_bounds(x):
    low = high = 0
    for monomial, coefficient in x.terms:
        a, b = _product_bounds(monomial, x.scope)
        pair = (coefficient * a, coefficient * b)
        low, high = low + min(pair), high + max(pair)
    return low, high


def _product_bounds(monomial, scope):
    low = high = 1
    for atom, power in monomial:
        for _ in range(power):
            a, b = _atom_bounds(atom, scope)
            corners = [_times(p, q) for p in (low, high) for q in (a, b)]
            low, high = min(corners), max(corners)
    return low, high


def _times(p, q):
    return 0 if p == 0 or q == 0 else p * q


def _atom_bounds(atom, scope):
    if type(atom) is str:
        low, high = 1, _INFINITY
        for constraint in scope.constraints:
            if len(constraint.terms) <= 2 and constraint.variables() == {atom}:
                found = dict(constraint.terms)
                constant, rest = found.pop((), 0), found
                [(monomial, c)] = rest.items()
                if monomial == ((atom, 1),):
                    if c > 0:
                        low = max(low, -(constant // c))
                    else:
                        high = min(high, constant // -c)
        return low, high
    name, (x, y) = atom
    (a, b), (c, d) = bounds(x), bounds(y)
    if name == "mod":
        return (0, min(d - 1, b) if a >= 0 else d - 1) if c > 0 else (-_INFINITY, _INFINITY)
    if name == "floordiv":
        if c <= 0:
            return -_INFINITY, _INFINITY
        quotients = [_floor(p, q) for p in (a, b) for q in (c, d)]
        return min(quotients), max(quotients)
    choose = max if name == "max" else min
    return choose(a, c), choose(b, d)


def _floor(p, q):
    if q == _INFINITY:
        return 0 if p >= 0 else -1
    return p if p in (_INFINITY, -_INFINITY) else p // q


def _at_least(difference) -> bool:
    return difference >= 0


def max_dim(x, y):
    """The greater of two dimensions, known or not."""
    return extreme("max", x, y)


def min_dim(x, y):
    """The lesser of two dimensions, known or not."""
    return extreme("min", x, y)


def extreme(name, x, y):
    if type(x) is not Dimension and type(y) is not Dimension:
        return max(x, y) if name == "max" else min(x, y)
    low, high = bounds(x - y)
    if low >= 0:
        return x if name == "max" else y
    if high <= 0:
        return y if name == "max" else x
    scope = x.scope if type(x) is Dimension else y.scope
    return _atom(name, (x, y), scope)


def _text(terms) -> str:
    out = ""
    for monomial, coefficient in terms:
        factors = [_atom_text(a) + (f"^{p}" if p > 1 else "") for a, p in monomial]
        size = abs(coefficient)
        body = "*".join(([str(size)] if size != 1 or not factors else []) + factors)
        if not out:
            out = body if coefficient > 0 else f"-{body}"
        else:
            out += f" + {body}" if coefficient > 0 else f" - {body}"
    return out


def _atom_text(atom):
    return atom if type(atom) is str else f"{atom[0]}({atom[1][0]}, {atom[1][1]})"


def linear(d):
    """(name, factor, constant) where d is factor · name + constant of one variable; else None."""
    terms = dict(d.terms)
    constant = terms.pop((), 0)
    if len(terms) != 1:
        return None
    [(monomial, factor)] = terms.items()
    [(name, power), *more] = monomial
    return None if more or power != 1 or type(name) is not str else (name, factor, constant)


class _Assumed(threading.local):
    size = 0


_assumed = _Assumed()


class assumed_small:
    """Inside, a comparison that depends on a dimension is answered as for a small one, rather than refused.

    Lowerings choose between forms of equal value by size; the forms for small arrays are the plain ones, which hold for
    any size.
    """

    def __enter__(self):
        self.before, _assumed.size = _assumed.size, 5
        return self

    def __exit__(self, *_):
        _assumed.size = self.before


def is_symbolic_dim(p) -> bool:
    """Is it a dimension that is not known yet?"""
    return type(p) is Dimension


def is_symbolic(shape) -> bool:
    return any([type(d) is Dimension for d in shape])


def whole(d):
    """A dimension as it is, anything else as an int: what `operator.index` is to known sizes."""
    return d if type(d) is Dimension else operator.index(d)


__all__ = [
    "Dimension", "InconclusiveDimensionOperation", "bounds", "is_symbolic", "is_symbolic_dim", "max_dim", "min_dim",
    "variable", "whole",
]  # fmt: skip

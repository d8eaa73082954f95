"""Scopes of unknown dimensions: the variables that know each other, their constraints, and both read from text.

The dimensions themselves are in `dimensions`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bevel.base.dimensions import Dimension, extreme, variable


class SymbolicScope:
    """The variables that know each other, and the constraints that hold between them.

    constraints_str   "a >= 2", "a <= 2*b", "mod(b, 2) == 0", "a == 2*c"

    >>> from bevel.export import SymbolicScope, symbolic_shape
    >>> scope = SymbolicScope(["b >= 4"])
    >>> b, = symbolic_shape("b", scope=scope)
    >>> b > 3
    True
    """

    def __init__(self, constraints_str: Sequence[str] = ()):
        if isinstance(constraints_str, str):
            raise ValueError(f"SymbolicScope takes constraints as a list of strings; got {constraints_str!r}.")
        self.constraints: list[Dimension] = []  # each ≥ 0
        self.equal: dict[Any, Any] = {}  # atom → what it is
        self._checks: list = []
        self.said = tuple(constraints_str)
        for text in self.said:
            self._add(text)

    def _add(self, text):
        found = re.fullmatch(r"(.+?)(==|>=|<=)(.+)", text)
        if found is None:
            raise ValueError(f"A constraint reads 'a >= 2', 'a <= b' or 'mod(a, 2) == 0'; got {text!r}.")
        sign = found.group(2)
        left, right = (_Parser(found.group(i).strip(), self).whole() for i in (1, 3))
        if sign == "==":
            atom = left.is_atom() if isinstance(left, Dimension) else None
            if atom is None:
                raise ValueError(f"An equation names a variable, mod or floordiv on its left: {text!r}.")
            self._checks += [(text, difference) for difference in (left - right, right - left)]
            self.equal[atom] = right
            return
        difference = left - right if sign == ">=" else right - left
        if isinstance(difference, Dimension):
            self.constraints.append(difference)
            self._checks.append((text, difference))
        elif difference < 0:
            raise ValueError(f"The constraint {text!r} never holds.")

    def checks(self) -> list:
        """The constraints as (text, dimension that must not be negative)."""
        return [(text, d) for text, d in self._checks if isinstance(d, Dimension)]

    def __str__(self):
        return f"SymbolicScope({', '.join(self.said)})"


_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|(.))")


class _Parser:
    """Sums, products, powers, `floordiv`, `mod`, `max`, `min`, brackets: a recursive descent."""

    def __init__(self, text, scope):
        self.text = text
        self.scope = scope
        self.tokens = [m.group(1) or m.group(2) or m.group(3) for m in _TOKEN.finditer(text) if m.group().strip()]
        self.place = 0

    def peek(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.peek()
        if token is None or (wanted is not None and token != wanted):
            raise ValueError(
                f"The dimension {self.text!r} cannot be read: {f'expected {wanted!r}' if wanted else 'it ends early'}"
                f"{f', found {token!r}' if token else ''}."
            )
        self.place += 1
        return token

    def whole(self):
        value = self.sum()
        if self.peek() is not None:
            raise ValueError(f"The dimension {self.text!r} cannot be read beyond {self.peek()!r}.")
        return value

    def sum(self):
        value = -self.product() if self.peek() == "-" and self.take() else self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self):
        value = self.power()
        while self.peek() == "*":
            self.take()
            value = value * self.power()
        return value

    def power(self):
        value = self.atom()
        if self.peek() == "^":
            self.take()
            value = value ** int(self.take())
        return value

    def atom(self):
        token = self.take()
        if token.isdigit():
            return int(token)
        if token == "(":
            value = self.sum()
            self.take(")")
            return value
        if token in ("floordiv", "mod", "max", "min") and self.peek() == "(":
            self.take("(")
            x = self.sum()
            self.take(",")
            y = self.sum()
            self.take(")")
            if token in ("max", "min"):
                return extreme(token, x, y)
            return x // y if token == "floordiv" else x % y
        if not token.isidentifier():
            raise ValueError(f"The dimension {self.text!r} cannot be read: {token!r} is neither a name nor a number.")
        return variable(token, self.scope)


def parsed(text, scope):
    """The dimension that a text means, in a scope."""
    return _Parser(text, scope).whole()


__all__ = ["SymbolicScope", "parsed"]

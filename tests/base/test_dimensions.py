"""Dimensions: arithmetic agrees with that of the numbers behind, and what is decided holds for all of them."""

import itertools
import random

import pytest

from bevel.base.dimensions import Dimension, InconclusiveDimensionOperation, bounds, max_dim, min_dim
from bevel.base.symbolic_scopes import SymbolicScope, parsed

SCOPE = SymbolicScope()


def random_dimension(rng, depth=3):
    """(a dimension or int, the function of a, b that it is)."""
    if not depth:
        name = rng.choice(["a", "b", rng.randint(1, 4)])
        if type(name) is int:
            return name, lambda v: name
        return parsed(name, SCOPE), lambda v: v[name]
    (x, f), (y, g) = random_dimension(rng, depth - 1), random_dimension(rng, rng.randint(0, depth - 1))
    k = rng.randint(1, 5)
    return {
        "add": (x + y, lambda v: f(v) + g(v)),
        "sub": (x - y, lambda v: f(v) - g(v)),
        "mul": (x * y, lambda v: f(v) * g(v)),
        "floordiv": (x // k, lambda v: f(v) // k),
        "mod": (x % k, lambda v: f(v) % k),
        "max": (max_dim(x, y), lambda v: max(f(v), g(v))),
        "min": (min_dim(x, y), lambda v: min(f(v), g(v))),
    }[rng.choice(["add", "sub", "mul", "floordiv", "mod", "max", "min"])]


@pytest.mark.parametrize("seed", range(60))
def test_arithmetic_is_that_of_the_numbers(seed):
    x, f = random_dimension(random.Random(seed))
    low, high = bounds(x)
    for a, b in itertools.product((1, 2, 3, 7, 12), repeat=2):
        values = {"a": a, "b": b}
        number = x.evaluate(values) if type(x) is Dimension else x
        assert number == f(values)
        assert low <= number <= high
    assert parsed(str(x), SCOPE) == x


def test_printed_as_read():
    a, b = parsed("a", SCOPE), parsed("2*b + 1", SCOPE)
    assert str(a * b - 3) == "2*a*b + a - 3"
    assert [str(d) for d in (b // 2, b % 3, max_dim(a, b))] == ["b", "mod(2*b + 1, 3)", "max(a, 2*b + 1)"]
    assert (4 * a + 2) // 2 == 2 * a + 1
    assert (a * a + a) // a == a + 1
    assert len({a + b, b + a}) == 1


def test_what_bounds_and_constraints_decide():
    scope = SymbolicScope(["b >= 4", "a <= 2*b", "mod(c, 2) == 0", "d == 3*e"])
    a, b, c, d = (parsed(n, scope) for n in "abcd")
    assert b > 3
    assert 2 * b >= a
    assert c % 2 == 0
    assert (d // 3) * 3 == d
    assert min_dim(c // 2, c) == c // 2
    with pytest.raises(InconclusiveDimensionOperation, match=r"constraints=\['a >= b'\]"):
        assert a >= b
    with pytest.raises(InconclusiveDimensionOperation, match="known at the call only"):
        range(a)
    with pytest.raises(ValueError, match="two scopes"):
        a + parsed("a", SCOPE)
    with pytest.raises(ValueError, match="cannot be read"):
        parsed("a +", SCOPE)
    with pytest.raises(ValueError, match="A constraint reads"):
        SymbolicScope(["a > b"])

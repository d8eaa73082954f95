"""Two functions that should be one: compared by value and by derivatives of each kind, alone, batched and compiled."""

import numpy as np
import pytest

import bevel

# These programs run once: LLVM need not work on them (2x less time in all).
_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def _flat(tree):
    return [np.asarray(x) for x in bevel.tree.leaves(tree)]


def _assert_close(a, b, what, tolerance):
    a, b = _flat(a), _flat(b)
    assert len(a) == len(b), what
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape and x.dtype == y.dtype, f"{what}: {x.dtype}{x.shape} and {y.dtype}{y.shape}"
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.fixture
def assert_alike():
    """check(f, g, *args): f and g agree. They take float32 arrays and give a tree of arrays.

    reverse   also compare derivatives in reverse mode, and second ones
    """

    def check(f, g, *args, reverse=True, tolerance=2e-4):
        rng = np.random.default_rng(0)
        args = [np.asarray(a) for a in args]
        directions = [(0.5 + rng.random(a.shape)).astype(a.dtype) for a in args]

        def scalar(h):
            def total(*xs):
                leaves = [x for x in bevel.tree.leaves(h(*xs)) if np.issubdtype(x.dtype, np.floating)]
                return sum([(x * (1.0 + 0.25 * i)).sum() for i, x in enumerate(leaves)])

            return total

        def forward(h):
            return lambda *xs: bevel.jvp(scalar(h), xs, tuple(directions))

        argnums = tuple(range(len(args)))
        forms = {"value": lambda h: h, "jvp": forward}
        forms["jvp of jvp"] = lambda h: lambda *xs: bevel.jvp(lambda *ys: forward(h)(*ys)[1], xs, tuple(directions))
        if reverse:
            forms["grad"] = lambda h: bevel.grad(scalar(h), argnums)

            def along(h):
                return lambda *xs: sum(
                    [(a * d).sum() for a, d in zip(bevel.grad(scalar(h), argnums)(*xs), directions, strict=True)]
                )

            forms["jvp of grad"] = lambda h: lambda *xs: bevel.jvp(along(h), xs, tuple(directions))
            forms["grad of grad"] = lambda h: bevel.grad(along(h), argnums)
            forms["grad of jvp"] = lambda h: bevel.grad(lambda *xs: forward(h)(*xs)[1], argnums)
        pairs = {}
        every = (0,) * len(args)
        alone = [tuple([0 if i == j else None for i in argnums]) for j in argnums] if len(args) > 1 else []

        def compare(args, many):
            for what, form in forms.items():
                got, expected = form(f), form(g)
                pairs[what] = got(*args), expected(*args)
                second = " of " in what
                for axes in [] if what in ("grad of grad", "jvp of jvp") else [every] if second else [every, *alone]:
                    here = [m if axis == 0 else a for m, a, axis in zip(many, args, axes, strict=True)]
                    pairs[f"vmap {axes} of {what}"] = bevel.vmap(got, axes)(*here), bevel.vmap(expected, axes)(*here)
            return pairs

        # one program for all: many small ones would take their time to compile
        many = [np.stack([a, a * 0.5 + 0.1, a * -0.5]) for a in args]
        for what, (got, expected) in bevel.jit(compare, compiler_options=_QUICK)(args, many).items():
            _assert_close(got, expected, what, tolerance)
        _assert_close(f(*args), g(*args), "value, eagerly", tolerance)

    return check

"""Programs as values: jaxprs walked, evaluated, compared, and freed of what nobody uses.

`bevel.make_jaxpr(f)(*args)` gives one; `bevel.jit(f).trace(*args).jaxpr` too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bevel.base.words import kind_of
from bevel.core import jaxpr as core
from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, Var, check, subprograms
from bevel.engine.client import to_host
from bevel.transforms.evaluate import structure
from bevel.transforms.simplify import without_dead_code as _without_dead_code


def _open(program) -> Jaxpr:
    if isinstance(program, ClosedJaxpr):
        return program.jaxpr
    if isinstance(program, Jaxpr):
        return program
    raise TypeError(
        f"A jaxpr was wanted; got {kind_of(program)}: {str(program)[:60]}\n"
        "bevel.make_jaxpr(f)(*example_arguments) gives that of a function."
    )


def walk(program: ClosedJaxpr | Jaxpr) -> Iterator[Equation]:
    """Every equation of a program, and of the programs inside its equations, in order of printing.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import jaxprs
    >>> program = bevel.make_jaxpr(bevel.jit(lambda x: jnp.sin(x) * 2.0))(1.0)
    >>> [eqn.primitive.name for eqn in jaxprs.walk(program)]
    ['jit', 'sin', 'mul']
    """
    for eqn in _open(program).eqns:
        yield eqn
        for _, inner in subprograms(eqn.op):
            yield from walk(inner)


def count(program: ClosedJaxpr | Jaxpr) -> dict[str, int]:
    """How often each primitive stands in a program, the programs inside it included.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import jaxprs
    >>> jaxprs.count(bevel.make_jaxpr(bevel.grad(jnp.sin))(1.0))["cos"]
    1
    """
    return dict(Counter([eqn.op.name for eqn in walk(program)]))


def evaluate(program: ClosedJaxpr, *args: Any) -> list:
    """The results of a program for arguments, leaf by leaf. It may be traced, differentiated and mapped.

    >>> import bevel
    >>> from bevel import jaxprs
    >>> program = bevel.make_jaxpr(lambda x, y: (x * y, x))(1.0, 2.0)
    >>> [float(r) for r in jaxprs.evaluate(program, 3.0, 4.0)]
    [12.0, 3.0]
    """
    jaxpr = _open(program)
    consts = program.consts if isinstance(program, ClosedJaxpr) else ()
    if len(args) != len(jaxpr.invars) or len(consts) != len(jaxpr.constvars):
        raise TypeError(
            f"The program takes {len(jaxpr.invars)} arguments and {len(jaxpr.constvars)} constants; it was given "
            f"{len(args)} and {len(consts)}."
        )
    return core.evaluate(jaxpr, consts, *args)


def as_function(program: ClosedJaxpr) -> Callable[..., list]:
    """The function of leaves that a program computes: `evaluate` with the program given.

    >>> import bevel
    >>> from bevel import jaxprs
    >>> f = jaxprs.as_function(bevel.make_jaxpr(lambda x: x**3)(1.0))
    >>> print(bevel.grad(lambda x: f(x)[0])(2.0))
    12.0
    """

    def run(*args):
        return evaluate(program, *args)

    run.__name__ = _open(program).name or "program"
    return run


def same(one: ClosedJaxpr, other: ClosedJaxpr) -> bool:
    """Do two programs consist of the same equations on the same constants, whatever their variables are called?

    >>> import bevel
    >>> from bevel import jaxprs
    >>> a, b = (bevel.make_jaxpr(f)(1.0) for f in (lambda x: x * 2.0, lambda y: y * 2.0))
    >>> jaxprs.same(a, b), jaxprs.same(a, bevel.make_jaxpr(lambda x: x * 3.0)(1.0))
    (True, False)
    """
    if structure(one) != structure(other):
        return False
    return all(
        a is b or np.array_equal(_numbers(a), _numbers(b), equal_nan=_numbers(a).dtype.kind in "fc")
        for a, b in zip(_constants(one), _constants(other), strict=True)
    )


def _constants(program) -> list:
    found = list(program.consts) if isinstance(program, ClosedJaxpr) else []
    for eqn in _open(program).eqns:
        for _, inner in subprograms(eqn.op):
            found += _constants(inner)
    return found


def _numbers(value):
    words = getattr(value, "_base_array", value)  # of keys
    return np.asarray(to_host(words) if getattr(words, "is_deleted", None) else words)


def without_dead_code(program: ClosedJaxpr) -> ClosedJaxpr:
    """The program without equations that no result and no effect needs, and without constants that are then unused.

    >>> import bevel, bevel.numpy as jnp
    >>> from bevel import jaxprs
    >>> program = bevel.make_jaxpr(lambda x: [jnp.sin(x), jnp.cos(x)][1])(1.0)
    >>> jaxprs.count(program), jaxprs.count(jaxprs.without_dead_code(program))
    ({'sin': 1, 'cos': 1}, {'cos': 1})
    """
    jaxpr = _without_dead_code(_open(program))
    used = {v for eqn in jaxpr.eqns for v in eqn.invars if type(v) is not Literal}
    used |= {v for v in jaxpr.outvars if type(v) is not Literal}
    held = [(v, c) for v, c in zip(jaxpr.constvars, program.consts, strict=True) if v in used]
    return ClosedJaxpr(jaxpr.replace(constvars=[v for v, _ in held]), [c for _, c in held])


__all__ = [
    "ClosedJaxpr", "Equation", "Jaxpr", "Literal", "Var", "as_function", "check", "count", "evaluate", "same", "walk",
    "without_dead_code",
]  # fmt: skip

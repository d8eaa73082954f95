"""What the calls in C++ raise before Python hears of them, made readable."""

from __future__ import annotations

import functools

from bevel.api.flat import signature_of
from bevel.engine.client import Array
from bevel.engine.pytree import flatten
from bevel.transforms.running import retell


def with_letters(call, jitted):
    """The call of a function that has static arguments or takes memory over, made readable where it fails.

    It costs 0.2 µs, so only the functions have it whose options make such errors likely.
    """
    if jitted.donate_argnums or jitted.donate_argnames:
        return _taking(call, jitted)

    def checked(*args, **kwargs):
        try:
            return call(*args, **kwargs)
        except ValueError as error:
            _explain(error, jitted, args, kwargs)
            raise

    return checked


def _explain(error, jitted, args, kwargs):
    if "Non-hashable static arguments" in str(error):
        jitted.split(args, kwargs)
    else:
        retell(error)


# ---- functions that take memory over


def _taking(call, jitted):
    """The call, after which the arrays that were given away are deleted as by `delete()`, and know who has taken them:
    calls in C++ ask Python about a deleted array, and so come to a letter; about a donated one they do not ask."""
    signature = signature_of(jitted.function)
    parameters = [] if signature is None else list(signature.parameters.values())
    count = len(parameters)
    takers = {}  # by position: names of the function and of its argument, for the letter
    for n in jitted.donate_argnums:
        known = -count <= n < count
        takers[n % count if known else n] = (jitted.name, parameters[n].name if known else f"number {n}")
    by_name = {name: (jitted.name, name) for name in jitted.donate_argnames}

    def checked(*args, **kwargs):
        try:
            result = call(*args, **kwargs)
        except ValueError as error:
            _explain(error, jitted, args, kwargs)
            raise
        for n, taker in takers.items():
            if -len(args) <= n < len(args):
                mark_taken(args[n], taker)
        for name in by_name.keys() & kwargs.keys():
            mark_taken(kwargs[name], by_name[name])
        return result

    simple = all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
    if not parameters or not simple:
        return checked
    explain = functools.partial(_explain, jitted=jitted, kwargs={})
    return _by_position(count, tuple(takers))(call, checked, explain, takers.values())


def mark_taken(tree, taker):
    """Marks those of the arrays in the tree whose memory a call has taken over."""
    for leaf in flatten(tree)[0]:
        if type(leaf) is Array and leaf.is_deleted():
            leaf.delete()
            leaf._taken_by = taker


@functools.cache
def _by_position(count, positions):
    """The same for the calls that give `count` arguments, all by position: written out, it costs half as much."""
    names = [f"a{n}" for n in range(count)]
    given = ", ".join(names)
    mark = "".join(
        f"""
        if type(a{n}) is Array:
            if a{n}.is_deleted():
                a{n}.delete()
                a{n}._taken_by = taker{n}
        else:
            mark_taken(a{n}, taker{n})"""
        for n in positions
    )
    source = f"""
def make(call, otherwise, explain, takers):
    {"".join(f"taker{n}, " for n in positions)} = takers
    def checked({"".join(f"{name}=nothing, " for name in names)}/, *more, **named):
        if {names[-1]} is nothing or more or named:
            return otherwise(*[a for a in ({given},) if a is not nothing], *more, **named)
        try:
            result = call({given})
        except ValueError as error:
            explain(error, args=({given},))
            raise{mark}
        return result
    return checked
"""
    space = {"Array": Array, "mark_taken": mark_taken, "nothing": object()}
    exec(compile(source, __file__, "exec"), space)
    return space["make"]

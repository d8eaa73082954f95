"""Where equations come from, in the user's words: the line, and the names of scopes around it.

`state.place` of a thread is None where equations come from the code now running; else what they are to be said to come
from: the traceback of an equation that is being evaluated or transposed again, or a `Place`, which adds scopes.
"""

from __future__ import annotations

import functools

from bevel.core.source import get_traceback
from bevel.core.trace import state

UNCHANGED = object()


class NameStack(tuple):
    """The scopes around a place, outermost first; as text `a/transpose(jvp(layer))/b`."""

    __slots__ = ()
    stack = property(tuple)

    def extend(self, name: str) -> NameStack:
        return NameStack((*self, name))

    def transform(self, name: str) -> NameStack:
        return NameStack((*self, Transformation(name)))

    def __add__(self, other):
        return NameStack((*self, *other))

    def __str__(self):
        return scope_names(self)


class Place:
    """A traceback (None: that of the code now running), inside named scopes, outermost first."""

    __slots__ = ("scopes", "traceback")

    def __init__(self, traceback, scopes):
        self.traceback = traceback
        self.scopes = scopes

    @property
    def frames(self):
        return () if self.traceback is None else self.traceback.frames

    name_stack = property(lambda self: NameStack(self.scopes))

    def replace(self, *, traceback=UNCHANGED, name_stack=UNCHANGED) -> Place:
        """The place with another traceback or other scopes."""
        return Place(
            self.traceback if traceback is UNCHANGED else traceback,
            self.scopes if name_stack is UNCHANGED else name_stack,
        )


class Transformation(str):
    """The name of a transformation among scopes: it is written around the next scope, `jvp(layer)`."""

    __slots__ = ()


def as_place(place) -> Place:
    """A kept traceback as a place, in no scope where it names none."""
    return place if type(place) is Place else Place(place, ())


def scopes_of(place) -> tuple:
    return place.scopes if type(place) is Place else ()


def traceback_of(place):
    return place.traceback if type(place) is Place else place


def scope_names(scopes) -> str:
    """Scopes as one name: `a/transpose(jvp(layer))/b`."""
    parts: list[str] = []
    for scope in reversed(scopes):
        if type(scope) is Transformation:
            parts.append(f"{scope}({parts.pop() if parts else ''})")
        else:
            parts.append(scope)
    return "/".join(reversed(parts))


def named_by_user(place) -> tuple:
    """The scopes that are not transformations."""
    return tuple([s for s in scopes_of(place) if type(s) is not Transformation])


def here():
    """Where an equation written now comes from."""
    place = state.place
    if place is None:
        return get_traceback()
    if type(place) is Place and place.traceback is None:
        return Place(get_traceback(), place.scopes)
    return place


def within(outer, place):
    """The place of an equation that is evaluated again at `outer`."""
    scopes = scopes_of(outer)
    if not scopes:
        return place if place is not None else outer
    return Place(traceback_of(place), (*scopes, *scopes_of(place)))


class Transposed:
    """The place of an equation → that of its transpose, for a transposition that runs at `outer`."""

    __slots__ = ("around", "moved", "own")

    def __init__(self, outer):
        self.around = scopes_of(outer)
        self.own: tuple = ()
        self.moved = _transposed(self.around, ())

    def __call__(self, place):
        if type(place) is not Place:
            return Place(place, _transposed(self.around, ()))
        if place.scopes is not self.own:  # those of one scope have the very same tuple
            self.own, self.moved = place.scopes, _transposed(self.around, place.scopes)
        return Place(place.traceback, self.moved)


@functools.lru_cache(maxsize=4096)
def _transposed(around, own) -> tuple:
    if own[: len(around)] == around:
        own = own[len(around) :]
    return (*around, Transformation("transpose"), *own)


class scope:
    """`with scope(name):` says that equations come from inside a scope of that name."""

    __slots__ = ("before", "name")

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        place = self.before = state.place
        state.place = Place(traceback_of(place), (*scopes_of(place), self.name))

    def __exit__(self, *_):
        state.place = self.before


def under(transformation: str, function):
    """The function, whose equations are said to come from inside a transformation."""
    name = Transformation(transformation)

    def run(*args):
        with scope(name):
            return function(*args)

    return run


__all__ = [
    "Place", "Transformation", "here", "named_by_user", "scope", "scope_names", "scopes_of", "traceback_of",
    "Transposed", "under", "within",
]  # fmt: skip

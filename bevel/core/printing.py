"""Printing jaxprs in JAX's notation.

A small pretty printer in the manner of Wadler: a document is text, breaks, nesting and groups; a group is laid on one
line where it fits the width, else each of its own breaks becomes a new line. `Fill` breaks only where the next piece
does not fit, as long lists of variables want it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from bevel.core.jaxpr import ClosedJaxpr, Equation, Jaxpr, Literal, subprograms
from bevel.core.places import scope_names, scopes_of
from bevel.core.source import position

WIDTH = 80


class Group:
    """A document laid on one line, or broken at each of its breaks. Items: text, BREAK, Nest, Group, Fill."""

    __slots__ = ("items",)

    def __init__(self, *items):
        self.items = items


class Nest(Group):
    """Items whose line breaks are indented further; they break with the group around."""

    __slots__ = ("by",)

    def __init__(self, by, *items):
        self.by = by
        self.items = items


class Fill(Group):
    """Pieces put on lines as many as fit."""

    __slots__ = ()


class Wide(Group):
    """Nothing, which fits on no line: the group around breaks."""

    __slots__ = ()


class Break:
    """A line break, or `flat` where the group fits on a line."""

    __slots__ = ("flat",)

    def __init__(self, flat=" "):
        self.flat = flat


BREAK = Break()
SOFT = Break("")


def flat_length(item, limit) -> int:
    """How wide a document is on one line; more than the limit is all that counts beyond it."""
    if isinstance(item, str):
        if _NOTE in item:
            item = _NOTED.sub("", item)
        return len(item) if "\n" not in item else limit + 1
    if isinstance(item, Break):
        return len(item.flat)
    if isinstance(item, Wide):
        return limit + 1
    total = 0
    for inner in item.items:
        total += flat_length(inner, limit)
        if total > limit:
            break
    if isinstance(item, Fill):
        total += max(len(item.items) - 1, 0)
    return total


def render(document, width=WIDTH) -> str:
    out: list[str] = []
    column = 0

    def write(text):
        nonlocal column
        out.append(text)
        column = column + len(text) if "\n" not in text else len(text) - text.rfind("\n") - 1

    def newline(indent):
        nonlocal column
        out.append("\n" + " " * indent)
        column = indent

    def put(item, indent, flat):
        if isinstance(item, str):
            write(item)
        elif isinstance(item, Break):
            write(item.flat) if flat else newline(indent)
        elif isinstance(item, Nest):
            for inner in item.items:
                put(inner, indent + item.by, flat)
        elif isinstance(item, Fill):
            for i, inner in enumerate(item.items):
                if i:
                    if column + 1 + flat_length(inner, width) > width:
                        newline(indent)
                    else:
                        write(" ")
                put(inner, indent, True)
        else:
            fits = flat or column + flat_length(item, width - column) <= width
            for inner in item.items:
                put(inner, indent, fits)

    put(document, 0, False)
    text = "".join(out)
    return _aligned(text) if _NOTE in text else text


_NOTE = "\0"  # begins a note to an equation, which "\1" ends, at its first line
_NOTED = re.compile("\0(.*?)\1")


def _aligned(text) -> str:
    """The text with the notes of all equations in one column, each on a line of its own."""
    rows = [(_NOTED.sub("", line), *_NOTED.findall(line)) for line in text.splitlines()]
    column = max([len(line) for line, *notes in rows if notes]) + 1
    out = []
    for line, *notes in rows:
        out.append(f"{line:<{column}}# {notes[0]}" if notes else line)
        out += [" " * column + f"# {note}" for note in notes[1:]]
    return "\n".join(out)


def letters(number: int) -> str:
    """a, b, …, z, ba, bb, …: numbers in base 26."""
    name = chr(97 + number % 26)
    while number >= 26:
        number //= 26
        name = chr(97 + number % 26) + name
    return name


class Printer:
    """One printing: names given to variables in order of appearance, and to programs that appear more than once."""

    def __init__(self, source_info=False, name_stack=False):
        self.name_stack = name_stack
        self.names: dict[int, str] = {}
        self.shared: dict[int, str] = {}
        self.source_info = source_info

    def name(self, var) -> str:
        known = self.names.get(id(var))
        if known is None:
            known = self.names[id(var)] = letters(len({*self.names.values(), "_"}) - 1)
        return known

    def atom(self, v) -> str:
        if type(v) is Literal:
            return f"{_number(v.val)}:{v.aval.str_short()}"
        return self.name(v)

    def bound(self, v, used) -> str:
        """A variable where it is bound; `_` where nobody uses it."""
        return f"{self.name(v) if used is None or id(v) in used else '_'}:{v.aval.str_short()}"

    # ---- documents

    def jaxpr(self, jaxpr: Jaxpr) -> Group:
        used = {id(v) for v in jaxpr.outvars}
        for eqn in jaxpr.eqns:
            used.update([id(v) for v in eqn.invars])
        consts = [self.bound(v, None) for v in jaxpr.constvars]
        args = [self.bound(v, None) for v in jaxpr.invars]
        consts = [*consts[:-1], consts[-1] + ";"] if consts else [";"]
        binders = Nest(4, Fill(*[*consts, *(args or [""])]))
        head: list[Any] = ["{ lambda ", binders, ". let"]
        body: list[Any] = []
        for i, eqn in enumerate(jaxpr.eqns):
            body.append(Break("; ") if i else BREAK)
            body.append(self.equation(eqn, used))
        outs = [self.atom(v) for v in jaxpr.outvars]
        if len(outs) == 1:
            tail: Any = f"in ({outs[0]},) }}"
        else:
            tail = Group("in (", Nest(2, Fill(*[o + "," for o in outs[:-1]], *outs[-1:])), ") }")
        if not body:
            return Group(*head, "  ", tail)
        return Group(*head, Nest(4, *body), Nest(2, BREAK, tail))

    def equation(self, eqn: Equation, used=None) -> Group:
        outs = [self.bound(v, used) for v in eqn.outvars]
        rows = self.parameters(eqn, used)
        right: list[Any] = [eqn.op.name]
        if rows:
            inner: list[Any] = []
            for i, row in enumerate(rows):
                inner.append(BREAK if i else SOFT)
                inner.append(row)
            right.append(Group("[", Nest(2, *inner), SOFT, "]"))
        right.append(" " + " ".join([self.atom(v) for v in eqn.invars]))
        notes = [position(eqn.source)] if self.source_info else []
        scopes = scopes_of(eqn.source) if self.name_stack else ()
        notes += [f"[{scope_names(scopes)}]"] if scopes else []
        place = "".join([f"\0{note}\1" for note in notes if note])
        right[0] += place
        left: list[Any] = [Nest(2, Fill(*outs)), " = "] if outs else []
        return Group(*left, *right, Wide()) if place else Group(*left, *right)

    def parameters(self, eqn, used=None) -> list:
        rows = []
        programs = {id(p): p for _, p in subprograms(eqn.op)} if eqn.op.fields else {}
        if eqn.op.name == "jit":
            self.join_names(eqn, used)
        for key, value in eqn.op.printed():
            rows.append(self.parameter(key, value, programs))
        return rows

    def join_names(self, eqn, used):
        """Inside a jit call the arguments go by the names that they have outside."""
        jaxpr = eqn.op.jaxpr.jaxpr
        if id(eqn.op.jaxpr) in self.shared:
            return
        for inner, outer in [
            *zip(jaxpr.invars, eqn.invars, strict=True),
            *zip(jaxpr.outvars, eqn.outvars, strict=True),
        ]:
            if type(outer) is Literal or type(inner) is Literal:
                continue
            if id(outer) in self.names:
                self.names.setdefault(id(inner), self.names[id(outer)])
            elif used is not None and id(outer) not in used:
                self.names.setdefault(id(inner), "_")

    def parameter(self, key, value, programs):
        if isinstance(value, (Jaxpr, ClosedJaxpr)):
            return Group(f"{key}=", self.program(value))
        if isinstance(value, (tuple, list)) and value and all(isinstance(v, (Jaxpr, ClosedJaxpr)) for v in value):
            inner: list[Any] = []
            for v in value:
                inner += [BREAK, self.program(v)]
            return Group(f"{key}=(", Nest(2, *inner), BREAK, ")")
        return f"{key}={_shown(value)}"

    def program(self, program):
        name = self.shared.get(id(program))
        if name is not None:
            return name
        return self.jaxpr(program.jaxpr if isinstance(program, ClosedJaxpr) else program)

    def whole(self, jaxpr: Jaxpr) -> str:
        """The program, the programs that it mentions more than once, or at length, set before it."""
        lines = []
        for program, hint in self.to_share(jaxpr):
            taken = set(self.shared.values())
            name, count = hint, 0
            while name in taken:
                count += 1
                name = f"{hint}{count}"
            document = self.program(program)
            lines.append(Group(f"let {name} = ", document, " in"))
            self.shared[id(program)] = name
        parts: list[Any] = []
        texts = [render(Group(line)) for line in lines]
        parts.append(render(self.jaxpr(jaxpr)))
        return "\n".join([*texts, *parts])

    def to_share(self, jaxpr):
        """Programs to name, inner ones first: those met twice, and long ones."""
        counts: Counter = Counter()
        order: list[tuple[Any, str]] = []

        def visit(inner):
            for eqn in inner.eqns:
                for _, program in subprograms(eqn.op) if eqn.op.fields else ():
                    counts[id(program)] += 1
                    if counts[id(program)] == 1:
                        visit(program.jaxpr if isinstance(program, ClosedJaxpr) else program)
                        order.append((program, _identifier(eqn.op.params.get("name")) or "jaxpr"))

        visit(jaxpr)
        length = lambda p: len(p.eqns)
        return [(p, hint) for p, hint in order if counts[id(p)] > 1 or length(p) >= _LONG]


_LONG = 10


def _identifier(name) -> str:
    """The letters, digits and underscores of a name: `<lambda>` is `lambda`."""
    return "".join([c for c in str(name or "") if c.isalnum() or c == "_"])


def _number(value) -> str:
    array = np.asarray(value)
    if array.ndim:
        return str(array)
    return str(array.item())


def _shown(value) -> str:
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type):
        return value.__name__
    if callable(value) and getattr(value, "__name__", None) is not None:
        return value.__name__
    return str(value)


def print_jaxpr(jaxpr: Jaxpr, *, source_info: bool = False, name_stack: bool = False, **_options) -> str:
    """A jaxpr as text; with `source_info`, each equation with the user's line, with `name_stack`, the scopes around."""
    return Printer(source_info, name_stack).whole(jaxpr)


def print_equation(eqn: Equation) -> str:
    return render(Printer().equation(eqn))


def _pretty_print(self, **options) -> str:
    return print_jaxpr(self.jaxpr if isinstance(self, ClosedJaxpr) else self, **options)


# The programs' own printed form: given here, since a printer needs the programs and not the other way round.
_kind: Any
for _kind in (Jaxpr, ClosedJaxpr):
    _kind.__repr__ = lambda self: _pretty_print(self)
    _kind.pretty_print = _pretty_print
Equation.__repr__ = print_equation  # type: ignore[method-assign, assignment]

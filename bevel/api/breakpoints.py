"""A debugger for compiled programs: the user's Python frames as they were while tracing, with values of the run.

At a breakpoint the Python stack is looked at once, while the program is traced. Tracers among the local variables
become operands of a host callback; when the program runs into it, they are put back as the arrays they stand for.
"""

from __future__ import annotations

import bdb
import cmd
import inspect
import linecache
import os
import pprint
import sys
import traceback
import warnings
from typing import Any, NamedTuple

from bevel.api.callbacks import debug_callback
from bevel.core.source import is_ours
from bevel.core.trace import Tracer
from bevel.engine.pytree import flatten

_AROUND = 5  # lines shown before and after


class Frame(NamedTuple):
    """A frame of the user's Python. `variables` are its locals, those of the module where it is one."""

    file: str
    line: int
    name: str
    code: Any
    module: dict
    variables: dict

    def evaluate(self, text: str):
        space = {**self.module, **self.variables}
        try:
            code = compile(text, "<debugger>", "eval")
        except SyntaxError:
            exec(compile(text, "<debugger>", "exec"), space)
            self.variables.update({k: v for k, v in space.items() if self.module.get(k, self) is not v})
            return None
        return eval(code, space)

    def place(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line} ({self.name})"

    def listing(self, first: int, last: int) -> str:
        lines = linecache.getlines(self.file)
        rows = []
        for number in range(max(first, 1), min(last, len(lines)) + 1):
            mark = "->" if number == self.line else "  "
            rows.append(f"{number:4} {mark} {lines[number - 1].rstrip()}".rstrip())
        return "\n".join(rows) or "its source is not at hand"


class Debugger(cmd.Cmd):
    """Reads commands about the frames, innermost first, until it is told to go on."""

    prompt = "(bevel) "

    def __init__(self, frames, stdin=None, stdout=None):
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin is None
        self.frames = frames
        self.at = 0

    @property
    def frame(self) -> Frame:
        return self.frames[self.at]

    def say(self, text: str):
        self.stdout.write(text + "\n")

    def run(self):
        frame = self.frame
        line = linecache.getline(frame.file, frame.line).strip()
        self.cmdloop(f"Breakpoint at {frame.place()}" + (f"\n-> {line}" if line else ""))

    def attempt(self, text: str, show):
        """Evaluates what the user typed and shows it; the error, where there is one, in a line."""
        try:
            value = self.frame.evaluate(text)
            if value is not None or show is not repr:
                self.say(show(value))
        except Exception as error:
            self.say("*** " + traceback.format_exception_only(error)[-1].strip())

    def default(self, line: str):
        if line == "EOF":
            return self.do_quit("")
        return self.attempt(line.removeprefix("!"), repr)

    def emptyline(self) -> bool:
        return False

    def do_p(self, text):
        """p expression: prints its value in this frame; any other line is evaluated likewise."""
        self.attempt(text, lambda value: repr(value))

    def do_pp(self, text):
        """pp expression: prints its value over several lines."""
        self.attempt(text, pprint.pformat)

    def do_list(self, text):
        """l(ist) [n]: the lines around, n before and after."""
        n = int(text) if text.strip().isdigit() else _AROUND
        self.say(self.frame.listing(self.frame.line - n, self.frame.line + n))

    def do_ll(self, text):
        """ll: the whole function."""
        try:
            lines, first = inspect.getsourcelines(self.frame.code)
        except (OSError, TypeError):
            lines, first = [], self.frame.line
        self.say(self.frame.listing(first, first + len(lines) - 1))

    def do_bt(self, text):
        """bt, w(here): the frames, innermost last; > is this one."""
        for i in reversed(range(len(self.frames))):
            frame = self.frames[i]
            line = linecache.getline(frame.file, frame.line).strip()
            self.say(f"{'>' if i == self.at else ' '} {frame.place()}" + (f"\n    {line}" if line else ""))

    def do_up(self, text):
        """u(p): to the frame that called this one."""
        self.go(self.at + 1, "This is the outermost frame.")

    def do_down(self, text):
        """d(own): to the frame that this one called."""
        self.go(self.at - 1, "This is the innermost frame.")

    def go(self, to, otherwise):
        if 0 <= to < len(self.frames):
            self.at = to
            self.say(f"> {self.frame.place()}")
            self.do_list("2")
        else:
            self.say(f"*** {otherwise}")

    def do_locals(self, text):
        """locals: the variables of this frame."""
        for name, value in sorted(self.frame.variables.items()):
            if not name.startswith("__"):
                self.say(f"{name} = {value!r}")

    def do_continue(self, text):
        """c(ontinue): runs on."""
        return True

    def do_quit(self, text):
        """q(uit): stops the program, by bdb.BdbQuit."""
        raise bdb.BdbQuit("the debugger was told to quit")

    do_l = do_list
    do_w = do_where = do_bt
    do_u, do_d = do_up, do_down
    do_c = do_cont = do_continue
    do_q = do_exit = do_quit

    def do_h(self, text):
        """h(elp) [command]: what there is."""
        if text.strip():
            self.do_help(text)
            return
        seen = dict.fromkeys([f.__doc__ for f in (
            type(self).do_p, type(self).do_pp, type(self).do_list, type(self).do_ll, type(self).do_bt,
            type(self).do_up, type(self).do_down, type(self).do_locals, type(self).do_continue, type(self).do_quit,
        )])  # fmt: skip
        self.say("\n".join([str(doc) for doc in seen]))


def breakpoint(
    *,
    backend: str | None = None,
    filter_frames: bool = True,
    num_frames: int | None = None,
    ordered: bool = False,
    token: Any = None,
    **kwargs: Any,
):
    """Stops a program, also a compiled one, where it stands in the Python code, and reads commands as pdb does.

    p and pp print expressions of the variables of a frame, with the values of this run; l, ll and bt show the source
    and the frames; u and d go up and down; c goes on, q stops the program by `bdb.BdbQuit`; h lists the commands.
    Under vmap it stops for one example after another, under derivatives once, with the values.

    filter_frames   leaves out the frames of Bevel itself
    num_frames      how many frames there are to look at, the innermost ones; None: all
    ordered         as for `debug.callback`
    token           arrays that must be computed before; given back as they are
    stdin, stdout   what it reads and writes instead of the terminal
    raises          TypeError for other arguments, ValueError for a backend that is not "cli"

    >>> import io
    >>> import bevel
    >>> @bevel.jit
    ... def f(x):
    ...     y = x * 2
    ...     bevel.debug.breakpoint(stdin=io.StringIO("p y, x.shape\\nc"), stdout=out)
    ...     return y
    >>> out = io.StringIO()
    >>> y = f(1.5)
    >>> print(out.getvalue().splitlines()[-2])
    (bevel) (Array(3., dtype=float32), ())
    """
    if backend not in (None, "cli"):
        raise ValueError(f"debug.breakpoint has one backend, 'cli', the terminal; it was asked for {backend!r}.")
    unknown = kwargs.keys() - {"stdin", "stdout"}
    if unknown:
        raise TypeError(f"debug.breakpoint takes stdin and stdout beside its own; it was given {', '.join(unknown)}.")
    frames = frames_of(sys._getframe(1), filter_frames, num_frames)
    operands, rebuild = parted(frames)

    def stop(values, _):
        Debugger(rebuild(values), kwargs.get("stdin"), kwargs.get("stdout")).run()

    debug_callback(stop, operands, token, ordered=ordered)
    return token


def frames_of(frame, filter_frames, num_frames) -> list[Frame]:
    """The frames of the running stack, innermost first."""
    found: list[Frame] = []
    while frame is not None and (num_frames is None or len(found) < max(num_frames, 1)):
        code = frame.f_code
        if not (filter_frames and is_ours(code.co_filename)):
            variables = frame.f_globals if code.co_name == "<module>" else dict(frame.f_locals)
            found.append(Frame(code.co_filename, frame.f_lineno, code.co_name, code, frame.f_globals, variables))
        frame = frame.f_back
    return found


class Hole(NamedTuple):
    """Where a value of the run is put: its number among them."""

    number: int


def parted(frames):
    """(the tracers among the variables of frames, a function that puts values in their place)."""
    numbers: dict[int, int] = {}
    tracers: list[Tracer] = []

    def without(value):
        leaves, tree = flatten(value)
        if not any([isinstance(leaf, Tracer) for leaf in leaves]):
            return None
        for leaf in leaves:
            if isinstance(leaf, Tracer) and leaf._trace.alive and not leaf.aval.extended and id(leaf) not in numbers:
                numbers[id(leaf)] = len(tracers)
                tracers.append(leaf)
        return tree, [Hole(numbers[id(x)]) if id(x) in numbers else x for x in leaves]

    holes = []
    for frame in frames:
        rows = {}
        if frame.variables is not frame.module:
            for name, value in frame.variables.items():
                try:
                    with warnings.catch_warnings():  # anything may stand in a variable: generators, for example
                        warnings.simplefilter("ignore")
                        row = without(value)
                except Exception:  # dicts whose keys have no order, nodes that refuse: shown as they are
                    continue
                if row is not None:
                    rows[name] = row
                    frame.variables[name] = None
        holes.append(rows)

    def rebuild(values):
        out = []
        for frame, rows in zip(frames, holes, strict=True):
            variables = frame.variables
            if rows:
                variables = dict(variables)
                for name, (tree, leaves) in rows.items():
                    variables[name] = tree.unflatten([values[x.number] if type(x) is Hole else x for x in leaves])
            out.append(frame._replace(variables=variables))
        return out

    return tracers, rebuild


__all__ = ["Debugger", "breakpoint"]

"""Host callbacks: Python functions that a compiled program calls while it runs.

A program names its callbacks by number; the functions go to the compiler beside it, in that order. One `CallbackTable`
serves one module: `add` a function, put `custom_call` with the number it gives into the program, and compile with
`table.callables`. The executable keeps the functions alive from then on.

jaxlib copies what a function returns byte for byte, with no look at its number, shape or dtype: too few results end the
process, and a float64 for a float32 gives wrong numbers. So each function is wrapped, and checked, here.

jaxlib hands back an exception as text only. The wrapper keeps the exception itself, and `original` finds it
again from the error that the program raised, wherever and in whichever thread that surfaces.

Only programs given as an MLIR module can hold callbacks, never text or bytecode. They can be kept on disk: a
deserialised program takes its functions anew.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from bevel.base.dtypes import issubdtype
from bevel.base.errors import DTypeError, EngineError, ShapeError
from bevel.engine.jaxlib_names import mlir

TARGETS = {"cpu": "xla_ffi_python_cpu_callback", "cuda": "xla_ffi_python_gpu_callback"}
TARGETS |= {"gpu": TARGETS["cuda"], "rocm": TARGETS["cuda"]}


class HasShape(Protocol):
    """What the wrapper must know of a result: an aval, or anything with a shape and a dtype."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...


class CallbackTable:
    """The Python functions of one module, in the order of their numbers; `runs` where it is for several devices."""

    def __init__(self, for_devices: bool = False) -> None:
        self.callables: list[Callable[..., tuple[np.ndarray, ...]]] = []
        self.runs = Runs() if for_devices else None

    def add(self, function: Callable[..., Any], results: Sequence[HasShape], name: str | None = None) -> int:
        """Takes a function in, and gives its number.

        function  called with one read-only NumPy array for each operand; gives a sequence of results, flat
        results   shape and dtype of each result
        name      what errors call it; its own name by default
        """
        name = name or str(getattr(function, "__name__", type(function).__name__))
        expected = [(tuple(r.shape), np.dtype(r.dtype)) for r in results]
        call = _checked(function, expected, name)
        self.callables.append(call if self.runs is None else self.runs.guarded(call, expected))
        return len(self.callables) - 1

    def __len__(self) -> int:
        return len(self.callables)


class Runs:
    """The runs of one program over several devices that go on, and what its callbacks raise meanwhile.

    An error ends such a program on the device that called; the others wait for it at their next exchange, until XLA
    ends the process. So what is raised is kept until the run is over. Callbacks after it are not called any more and
    give NaN, or 0: most loops end on NaN, and one that does not is left to XLA after a while.
    No device says which run it calls for, so all that go on are told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going: list[list[BaseException]] = []
        self._left = _CALLS_AFTER_AN_ERROR

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Around a run, its end included: raises what its callbacks have."""
        raised: list[BaseException] = []
        with self._lock:
            self._going.append(raised)
            self._left = _CALLS_AFTER_AN_ERROR
        try:
            yield
        finally:
            with self._lock:
                self._going = [other for other in self._going if other is not raised]
        if raised:
            raise original(raised[0]) or raised[0]

    def guarded(self, call: Callable[..., Any], expected: list[tuple[tuple[int, ...], np.dtype]]) -> Callable[..., Any]:
        """A function of `CallbackTable` that raises nothing into the program."""

        def guarded(*operands: np.ndarray) -> tuple[np.ndarray, ...]:
            with self._lock:
                over = all(self._going)  # also where nobody waits any more, after Ctrl-C
                self._left -= over
                if self._left < 0:
                    raise EngineError("A callback raised, and the loop that called it went on without an end.")
            if not over:
                try:
                    return call(*operands)
                except _Stashed as error:
                    with self._lock:
                        for raised in self._going:
                            raised.append(error)
            return tuple([np.full(shape, _nothing(dtype), dtype) for shape, dtype in expected])

        return guarded


def _nothing(dtype: np.dtype) -> float:
    return np.nan if issubdtype(dtype, np.inexact) else 0


def custom_call(
    index: int, operands: Sequence[Any], result_types: Sequence[Any], platform: str, has_side_effect: bool = True
) -> Any:
    """The operation that calls function number `index`, at the current insertion point of an MLIR module.

    operands      MLIR values, ranked tensors
    result_types  MLIR types, ranked tensors
    platform      "cpu", "cuda" or "rocm"
    has_side_effect  where False, the compiler may drop, merge, repeat or move the call
    raises EngineError where the platform cannot call Python
    """
    if platform not in TARGETS:
        raise EngineError(
            f"A program for platform '{platform}' cannot call Python functions; it can on {', '.join(TARGETS)}.\n"
            "Compute the value before the program and pass it as an argument."
        )
    ir = mlir().ir
    attributes = {
        "call_target_name": ir.StringAttr.get(TARGETS[platform]),
        "api_version": ir.IntegerAttr.get(ir.IntegerType.get_signless(32), 4),  # typed FFI
        "backend_config": ir.DictAttr.get({"index": ir.IntegerAttr.get(ir.IntegerType.get_unsigned(64), index)}),
        "has_side_effect": ir.BoolAttr.get(has_side_effect),
        # The function sees rows first, whatever layout the compiler would like better for its neighbours.
        "operand_layouts": _row_major([value.type for value in operands]),
        "result_layouts": _row_major(result_types),
    }
    return ir.Operation.create(
        "stablehlo.custom_call", results=list(result_types), operands=list(operands), attributes=attributes
    )


def _row_major(types: Sequence[Any]) -> Any:
    ir = mlir().ir
    index = ir.IndexType.get()
    ranks = [ir.RankedTensorType(a_type).rank for a_type in types]
    return ir.ArrayAttr.get(
        [ir.DenseIntElementsAttr.get(np.arange(rank - 1, -1, -1, dtype=np.int64), type=index) for rank in ranks]
    )


# ---- the wrapper around a user's function


def _checked(
    function: Callable[..., Any], expected: list[tuple[tuple[int, ...], np.dtype]], name: str
) -> Callable[..., tuple[np.ndarray, ...]]:
    def call(*operands: np.ndarray) -> tuple[np.ndarray, ...]:
        try:
            given = function(*operands)
            given = tuple(given) if isinstance(given, (tuple, list)) else (given,)
            if len(given) != len(expected):
                if not expected and given == (None,):
                    return ()
                raise ShapeError(
                    f"The callback {name} gave {_counted(len(given))}; {_counted(len(expected))} declared for it.\n"
                    "Declare what it returns, or return what is declared."
                )
            return tuple(
                _fitted(value, shape, dtype, name, at)
                for at, (value, (shape, dtype)) in enumerate(zip(given, expected, strict=True))
            )
        except _Stashed:  # a function called example by example: what it raised is kept already
            raise
        # BaseException: what is thrown into the C++ caller would be lost, Ctrl-C and sys.exit() included.
        except BaseException as error:
            raise _Stashed(_stash(error), name, error) from None

    return call


def _counted(number: int) -> str:
    return "1 result" if number == 1 else f"{number} results"


def _fitted(value: Any, shape: tuple[int, ...], dtype: np.dtype, name: str, at: int) -> np.ndarray:
    """The result as the program will read it: of this shape and dtype, contiguous."""
    array = np.asarray(value)
    if array.shape != shape:
        raise ShapeError(
            f"The callback {name} gave shape {array.shape} for result {at}; {shape} is declared.\n"
            "A compiled program has fixed shapes: return that shape, or declare the one it returns."
        )
    # Python's own numbers and NumPy's defaults are 64 bits wide: narrowing within a kind is what they ask for.
    if array.dtype != dtype and not (array.dtype.kind == dtype.kind and array.dtype.itemsize > dtype.itemsize):
        raise DTypeError(
            f"The callback {name} gave {array.dtype} for result {at}; {dtype} is declared.\n"
            f"Return it as `.astype('{dtype}')`, or declare {array.dtype}."
        )
    return np.ascontiguousarray(array, dtype).reshape(shape)  # ascontiguousarray makes rank 1 of rank 0


# ---- exceptions on their way through C++

_LONGEST_TEXT = 2_000  # it goes through C++ several times; the exception itself is kept whole
_KEPT_ERRORS = 16  # an exception holds its frames, and they hold arrays: keep few of those that have been told
_MOST_ERRORS = 256  # and of those that are still on their way, in as many threads
_CALLS_AFTER_AN_ERROR = 100_000
_MARK = "Bevel keeps it as callback error "
_MARKED = re.compile(re.escape(_MARK) + r"(\d+)\b")

_lock = threading.Lock()
_on_their_way: OrderedDict[int, tuple[BaseException, Any]] = OrderedDict()
_told: OrderedDict[int, tuple[BaseException, Any]] = OrderedDict()
_last_number = 0


class _Stashed(Exception):
    """Goes through C++ in place of an exception that is stashed; its text names the number."""

    def __init__(self, number: int, name: str, error: BaseException):
        super().__init__(f"{type(error).__name__} in the callback {name}: {_text_of(error)} ({_MARK}{number})")


def _text_of(error: BaseException) -> str:
    """The exception's text as C++ can carry it: what is no UTF-8 ends the process there, and so does what raises."""
    try:
        text = str(error)
    except Exception as failure:
        text = f"<its text raised {type(failure).__name__}>"
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}…"
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _stash(error: BaseException) -> int:
    global _last_number
    traceback = error.__traceback__
    # The first frame is the wrapper's own: the user's begin below it.
    traceback = traceback.tb_next if traceback is not None and traceback.tb_next is not None else traceback
    with _lock:
        _last_number += 1
        _on_their_way[_last_number] = (error, traceback)
        if len(_on_their_way) > _MOST_ERRORS:
            _on_their_way.popitem(last=False)
        return _last_number


def original(error: BaseException) -> BaseException | None:
    """The exception that a callback raised and that came out of a program as `error`; None where it is no such error.

    Several arrays can carry one failure, so it may be asked for again; the last 16 that were are kept. Use it so:

        except JaxRuntimeError as error:
            raise original(error) or error from None
    """
    found = _MARKED.search(str(error))
    if found is None:
        return None
    number = int(found.group(1))
    with _lock:
        kept = _told.get(number) or _on_their_way.pop(number, None)
        if kept is None:
            return None
        _told[number] = kept
        if len(_told) > _KEPT_ERRORS:
            _told.popitem(last=False)
    exception, traceback = kept
    return exception.with_traceback(traceback)  # drops what an earlier raise of the same exception added


def forget_errors() -> None:
    """Lets go of the exceptions kept, and of the arrays in their frames."""
    with _lock:
        _told.clear()
        _on_their_way.clear()

"""What the laws are tried on: the samples and refusals that primitives give, and variations of them."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import zlib
from collections.abc import Iterator
from functools import cached_property

import numpy as np

import bevel.control
import bevel.ops
from bevel.base import dtypes, settings
from bevel.base.errors import BevelError
from bevel.core.primitive import registered
from bevel.core.trace import get_aval

WIDE: dict[np.dtype, np.dtype] = {
    np.dtype(d): np.dtype("float64") for d in (dtypes.bfloat16.dtype, "float16", "float32", "float64")
}
WIDE |= {np.dtype(d): np.dtype("complex128") for d in ("complex64", "complex128")}


#: Modules of primitives that could not be imported, and why: the others are tried all the same.
broken_modules: dict[str, Exception] = {}


def all_primitives() -> list[type]:
    """Every registered class of primitives of Bevel itself, after importing each module that may hold one."""
    for package in (bevel.ops, bevel.control):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                importlib.import_module(module.name)
            except Exception as error:
                broken_modules[module.name] = error
    ours = [cls for cls in registered.values() if cls.__module__.startswith(("bevel.ops.", "bevel.control."))]
    return sorted(ours, key=lambda cls: cls.__name__)


def array_factory(seed: str):
    """The function `array(*shape, dtype="float32", low=-2, high=2)` that `samples` and `refusals` are given.

    Arrays hold random decimals of two places, never zero and, where there are enough, each once: so a law that takes
    differences meets no tie and no kink. Integers lie within [low, high], unsigned ones within [0, high].
    The same seed gives the same arrays.
    """
    rng = np.random.default_rng(zlib.crc32(seed.encode()))

    def decimals(shape, low, high):
        grid = np.round(np.arange(np.ceil(low * 100), np.floor(high * 100) + 1)) / 100
        grid = grid[grid != 0]
        count = int(np.prod(shape))
        return rng.choice(grid, count, replace=count > grid.size).reshape(shape)

    def array(*shape, dtype="float32", low=-2, high=2):
        dtype = dtypes.as_dtype(dtype)
        if dtypes.issubdtype(dtype, np.complexfloating):
            return np.asarray(decimals(shape, low, high) + 1j * decimals(shape, low, high)).astype(dtype)
        if dtypes.issubdtype(dtype, np.inexact):
            return np.asarray(decimals(shape, low, high)).astype(dtype)
        if dtype == np.bool_:
            return np.asarray(rng.integers(0, 2, shape).astype(bool))
        if dtypes.issubdtype(dtype, np.unsignedinteger):
            low = max(low, 0)
        return np.asarray(rng.integers(int(low), int(high), shape, endpoint=True)).astype(dtype)

    return array


class Sample:
    """An op and operands worth trying. `position` counts the samples of a class, from 0."""

    def __init__(self, op, operands, position=0):
        self.op = op
        self.operands = tuple([np.asarray(x) if type(x) in (int, float, complex, bool, list) else x for x in operands])
        self.position = position

    def __repr__(self):
        operands = ", ".join(a.str_short() for a in self.avals)
        return f"{self.op!r}({operands})"

    @cached_property
    def avals(self):
        return tuple([get_aval(x) for x in self.operands])

    @cached_property
    def results(self) -> list:
        """What the op gives, as a list."""
        return apply(self.op)(*self.operands)

    @cached_property
    def inexact(self) -> list[int]:
        """The positions of operands that have a derivative."""
        return [i for i, a in enumerate(self.avals) if dtypes.issubdtype(a.dtype, np.inexact)]

    @cached_property
    def inexact_results(self) -> list[int]:
        return [i for i, a in enumerate(result_avals(self.op, self.avals)) if dtypes.issubdtype(a.dtype, np.inexact)]

    @cached_property
    def is_plain(self) -> bool:
        """Are all operands NumPy arrays or numbers (and not key arrays)?"""
        return all(isinstance(x, (np.ndarray, np.generic)) for x in self.operands)

    @cached_property
    def is_finite(self) -> bool:
        return all(np.all(np.isfinite(self.operands[i])) for i in self.inexact)

    @cached_property
    def holds_programs(self) -> bool:
        return bool(getattr(type(self.op), "holds_programs", False))

    @cached_property
    def wide(self) -> Sample:
        """The same in float64 and complex128, where the op can have them; for use under x64. Else itself."""
        if self.holds_programs:
            return self
        changed = recast(self, lambda d: WIDE.get(d, d))
        with settings.enable_x64(True):
            try:
                result_avals(changed.op, changed.avals)
            except (BevelError, TypeError, ValueError):
                return self
        return changed


def apply(op):
    """The op as a flat function: arrays to a list of results."""
    if op.multiple_results:
        return lambda *xs: list(op(*xs))
    return lambda *xs: [op(*xs)]


def result_avals(op, avals) -> list:
    results = op.infer(*avals)
    return list(results) if op.multiple_results else [results]


def recast(sample, convert) -> Sample:
    """The sample with `convert` (dtype to dtype) applied to its operands and to dtypes among its parameters."""

    def parameter(value):
        if isinstance(value, np.dtype):
            return convert(value)
        if type(value) is tuple:
            return tuple([parameter(v) for v in value])
        return value

    op = type(sample.op)(*[parameter(getattr(sample.op, field)) for field in sample.op.fields])
    return Sample(op, [_cast(x, convert(x.dtype)) for x in sample.operands], sample.position)


def _cast(x, dtype):
    if dtypes.issubdtype(dtype, np.unsignedinteger) and not dtypes.issubdtype(x.dtype, np.unsignedinteger):
        x = np.abs(x)
    if x.dtype == dtype:
        return x
    if dtypes.issubdtype(x.dtype, np.complexfloating) and not dtypes.issubdtype(dtype, np.complexfloating):
        x = np.real(x)
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(dtype)


def samples_of(cls) -> list[Sample]:
    """The samples of a class, numbered; none where it gives none."""
    give = getattr(cls, "samples", None)
    if give is None:
        return []
    return [Sample(op, operands, i) for i, (op, operands) in enumerate(give(array_factory(cls.name)))]


def refusals_of(cls) -> Iterator:
    """(op, operands, words of the letter) for each refusal of a class."""
    give = getattr(cls, "refusals", None)
    return iter(()) if give is None else iter(give(array_factory(cls.name)))


def variant(x, number: int):
    """Another operand as good as x: turned end for end, and scaled where that changes nothing. Number 0 is x itself."""
    x = np.asarray(x)
    for _ in range(number):
        turned = np.flip(x)
        if x.size > 1 and not np.array_equal(turned, x):
            x = turned
        elif x.dtype == np.bool_:
            x = ~x
        elif dtypes.issubdtype(x.dtype, np.inexact):
            x = (x * np.asarray(0.75, x.dtype)).astype(x.dtype)
        else:
            x = x // np.asarray(2, x.dtype)
    return np.ascontiguousarray(x).reshape(x.shape)


def subsets(positions, most=3) -> list[tuple]:
    """Every non-empty choice of positions, where they are few; else each alone, and all together."""
    positions = list(positions)
    if len(positions) <= most:
        return [s for n in range(1, len(positions) + 1) for s in itertools.combinations(positions, n)]
    return [*[(p,) for p in positions], tuple(positions)]

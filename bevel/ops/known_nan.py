"""A NaN that LLVM can see stays NaN through the exponential functions.

XLA writes e^x for float32 and narrower on CPUs with operations that promise LLVM never to meet a NaN. They meet them
well, until LLVM knows that one is there: `exp(where(flag, x, nan))` with one flag for a whole row becomes two loops,
and that of the NaN, whose results are then "poison", stores nothing at all. What was in memory before comes out as the
result: numbers that look like any others. It is so with XLA's own `exp(select(…))`, and under JAX. A comparison x != x
beside the exponential keeps the NaN, at a quarter of its time on a long array; hence only where such a flag is near.
"""

from __future__ import annotations

_FAR = 64  # operations looked at, backwards from the exponential


def choose(out, flag, yes, no, aval=None):
    """A select whose flag many elements may share; the program is remembered to hold one."""
    if not out.module.has_shared_choice and _is_shared(flag):
        out.module.has_shared_choice = True
    return out.op("stablehlo.select", [flag, yes, no], aval=aval)


def kept_nan(out, x, result):
    """The result of an exponential function of x; NaN where x is, also where LLVM sees a loop over nothing else."""
    aval = out.avals[0]
    if not out.module.has_shared_choice or out.platform != "cpu" or aval.dtype.kind == "c" or aval.dtype.itemsize > 4:
        return result
    if not _follows_choice(x, out.module.without_choice):
        return result
    return out.op("stablehlo.select", [out.compare("NE", x, x, aval), x, result])


def _follows_choice(x, without: set) -> bool:
    """Is x computed from a select by a flag that a whole loop shares? `without`: values that are known not to be."""
    ahead: list = [x]
    seen: list = []
    while ahead and len(seen) < _FAR:
        value = ahead.pop()
        if value in without:
            continue
        operation = value.owner
        name = getattr(operation, "name", "")
        if not name.startswith(("stablehlo", "chlo")):
            continue
        seen.append(value)
        operands = list(operation.operands)
        if name == "stablehlo.select" and _is_shared(operands[0]):
            return True
        ahead += operands
    without.update(seen)
    return False


def _is_shared(flag, depth=8) -> bool:
    """Is a flag the same for many elements: one number, or spread from fewer than it has? Or a part of it, as in
    `flag & (x > 0)`."""
    operation = flag.owner
    name = getattr(operation, "name", "")
    if not flag.type.rank:
        return True
    if name == "stablehlo.constant":
        return True
    if name == "stablehlo.broadcast_in_dim":
        return operation.operands[0].type.rank < flag.type.rank
    if not depth or not name.startswith(("stablehlo", "chlo")) or not list(operation.operands):
        return False
    parts = [_is_shared(operand, depth - 1) for operand in operation.operands]
    return any(parts) if name in ("stablehlo.and", "stablehlo.or") else all(parts)

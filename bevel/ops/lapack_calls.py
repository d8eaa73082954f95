"""How a lowering calls LAPACK: column-major matrices, batch axes in front, and NaN where a routine reports failure."""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.errors import MissingRuleError
from bevel.engine.builder import i32, i64s, parsed
from bevel.ops.logic import comparison_type, direction
from bevel.ops.matrices import INT32, LETTERS

_BOOL = np.dtype(bool)


def call(out, routine, operands, operand_avals, results, batch, attributes=None, aliases=()):
    """Appends a call of LAPACK's `routine` ("potrf"; for "syev…" and "orgqr" the complex names are found).

    results     avals, batch axes in front; those with two axes more hold matrices
    batch       the batch axes' sizes
    attributes  letters ("L"), ints (as i32) and bools
    aliases     pairs (result, operand) that share memory
    """
    if out.platform != "cpu":
        raise MissingRuleError(
            f"This linear algebra ({routine}) is written for CPUs so far, not for {out.platform!r}.\n"
            "Compute it there: jax.device_put(x, jax.devices('cpu')[0])."
        )
    dtype = operand_avals[0].dtype
    if dtype.kind == "c":
        routine = {"syevd": "heevd", "orgqr": "ungqr", "ormqr": "unmqr", "sytrd": "hetrd"}.get(routine, routine)
    words = ", ".join([f"{k} = {_word(v)}" for k, v in (attributes or {}).items()])
    single = "[]" if len(results) == 1 else None
    shared = ", ".join(
        f"#stablehlo.output_operand_alias<output_tuple_indices = {single or [r]}, operand_index = {o}, "
        "operand_tuple_indices = []>"
        for r, o in aliases
    )
    operation = out.ops(
        "stablehlo.custom_call",
        operands,
        {
            "call_target_name": parsed(f'"lapack_{LETTERS[dtype.name]}{routine}_ffi"'),
            "backend_config": parsed(f"{{{words}}}"),
            "api_version": i32(4),
            "operand_layouts": parsed(_layouts(operand_avals, len(batch))),
            "result_layouts": parsed(_layouts(results, len(batch))),
            "output_operand_aliases": parsed(f"[{shared}]"),
        },
        avals=results,
    )
    return list(operation.results)


def _word(value):
    if isinstance(value, str):
        return f"{ord(value)} : ui8"
    return str(value).lower() if isinstance(value, bool) else f"{value} : i32"


def _layouts(avals, batch):
    """Axes from the fastest to the slowest: columns of matrices run fastest."""
    texts = []
    for aval in avals:
        rank = len(aval.shape)
        order = list(reversed(range(rank)))
        if rank - batch == 2:
            order = [batch, batch + 1, *reversed(range(batch))]
        texts.append(f"dense<{order if order else ''}> : tensor<{rank}xindex>")
    return f"[{', '.join(texts)}]"


def info_aval(batch):
    return ShapedArray(tuple(batch), INT32)


def succeeded(out, info, batch, order="EQ"):
    """The mask of batch elements whose info is 0 (order "GE": not negative)."""
    aval = info_aval(batch)
    attributes = {"comparison_direction": direction(order), "compare_type": comparison_type("SIGNED")}
    return out.op("stablehlo.compare", [info, out.constant(0, aval)], attributes, aval=ShapedArray(batch, _BOOL))


def or_nan(out, ok, batch, value, aval):
    """The value, NaN where a batch element failed."""
    wide = ShapedArray(aval.shape, _BOOL)
    ok = out.broadcast(ok, wide, tuple(range(len(batch)))) if wide.shape != tuple(batch) else ok
    number = complex("nan+nanj") if aval.dtype.kind == "c" else float("nan")
    return out.op("stablehlo.select", [ok, value, out.constant(number, aval)], aval=aval)


def masked(out, x, aval, condition, other=0):
    """x where `condition(row, column)` holds, else a number."""
    m, n = aval.shape[-2:]
    mask = np.broadcast_to(condition(np.arange(m)[:, None], np.arange(n)[None, :]), (m, n))
    rank = len(aval.shape)
    constant = out.constant(np.ascontiguousarray(mask), ShapedArray((m, n), _BOOL))
    if rank > 2:
        constant = out.broadcast(constant, ShapedArray(aval.shape, _BOOL), (rank - 2, rank - 1))
    return out.op("stablehlo.select", [constant, x, out.constant(other, aval)], aval=aval)


def repeated(out, matrix, aval):
    """A constant matrix for each batch index."""
    matrix = np.asarray(matrix, aval.dtype)
    if not aval.size:
        return out.constant(0, aval)
    rank = len(aval.shape)
    constant = out.constant(matrix, ShapedArray(matrix.shape, aval.dtype))
    return constant if rank == 2 else out.broadcast(constant, aval, (rank - 2, rank - 1))


def part(out, x, aval, rows, columns):
    """The first rows and columns of matrices."""
    result = ShapedArray((*aval.shape[:-2], rows, columns), aval.dtype)
    if result.shape == aval.shape:
        return x
    ones = i64s(*[1] * len(aval.shape))
    starts = i64s(*[0] * len(aval.shape))
    attributes = {"start_indices": starts, "limit_indices": i64s(*result.shape), "strides": ones}
    return out.op("stablehlo.slice", [x], attributes, aval=result)


def widened(out, x, aval, rows, columns):
    """Matrices with zeros added below and to the right."""
    m, n = aval.shape[-2:]
    result = ShapedArray((*aval.shape[:-2], rows, columns), aval.dtype)
    if result.shape == aval.shape:
        return x
    rank = len(aval.shape)
    zero = out.constant(0, ShapedArray((), aval.dtype))
    high = i64s(*[0] * (rank - 2), rows - m, columns - n)
    none = i64s(*[0] * rank)
    attributes = {"edge_padding_low": none, "edge_padding_high": high, "interior_padding": none}
    return out.op("stablehlo.pad", [x, zero], attributes, aval=result)

"""How a lowering calls LAPACK: column-major matrices, batch axes in front, and NaN where a routine reports failure."""

from __future__ import annotations

import numpy as np

from bevel.base.avals import ShapedArray
from bevel.base.dimensions import is_symbolic
from bevel.base.errors import MissingRuleError
from bevel.engine import lapack
from bevel.engine.builder import dense, i32, i64, i64s, parsed
from bevel.engine.open_sizes import COUNT
from bevel.ops.known_nan import choose
from bevel.ops.matrices import INT32, LETTERS

_BOOL = np.dtype(bool)


# What the plugin for NVIDIA's GPUs has in LAPACK's place: the call's target, and its attributes from LAPACK's.
# Operands, results and their layouts are LAPACK's.
_ON_CUDA = {
    "potrf": ("cusolver_potrf_ffi", lambda a: f"lower = {_truth(a['uplo'] == 'L')}"),
    "getrf": ("cusolver_getrf_ffi", lambda a: ""),
    "geqrf": ("cusolver_geqrf_ffi", lambda a: ""),
    "geqp3": ("cuhybrid_geqp3", lambda a: 'magma = "auto"'),
    "orgqr": ("cusolver_orgqr_ffi", lambda a: ""),
    "ormqr": ("cusolver_ormqr_ffi", lambda a: f"left = {_truth(a['left'])}, transpose = {_truth(a['transpose'])}"),
    "syevd": (
        "cusolver_syevd_ffi",
        lambda a: f"algorithm = {a.get('algorithm', 0)} : ui8, lower = {_truth(a['uplo'] == 'L')}",
    ),
    "sytrd": ("cusolver_sytrd_ffi", lambda a: f"lower = {_truth(a['uplo'] == 'L')}"),
    "gesvdj": ("cusolver_gesvdj_ffi", lambda a: f"compute_uv = {_truth(a['compute_uv'])}, full_matrices = true"),
    "gesvd": (
        "cusolver_gesvd_ffi",
        lambda a: f"compute_uv = {_truth(a['compute_uv'])}, full_matrices = {_truth(a['full_matrices'])}, "
        f"transposed = {_truth(a['transposed'])}",
    ),
    "gesvdp": (
        "cusolver_gesvdp_ffi",
        lambda a: f"compute_uv = {_truth(a['compute_uv'])}, full_matrices = {_truth(a['full_matrices'])}",
    ),
    "geev": (
        "cuhybrid_eig_{kind}",
        lambda a: f"left = {_truth(a['compute_left'] == 'V')}, magma = \"{a.get('magma', 'auto')}\", "
        f"right = {_truth(a['compute_right'] == 'V')}",
    ),
    "gtsv": ("cusparse_gtsv2_ffi", lambda a: ""),
    "gtsv_perturbed": ("cu_tridiagonal_solve_perturbed", lambda a: ""),
    "pivots_to_permutation": ("cu_lu_pivots_to_permutation", lambda a: ""),
}  # fmt: skip


def on_cuda(out) -> bool:
    return out.platform in ("cuda", "gpu")


def call(out, routine, operands, operand_avals, results, batch, attributes=None, aliases=(), by_rows=False):
    """Appends a call of LAPACK's `routine` ("potrf"; for "syev…" and "orgqr" the complex names are found), or of what
    the platform has in its place.

    results     avals, batch axes in front; those with two axes more hold matrices
    batch       the batch axes' sizes
    attributes  letters ("L"), ints (as i32) and bools
    aliases     pairs (result, operand) that share memory
    by_rows     rows of matrices run fastest, not columns
    """
    attributes = attributes or {}
    dtype = operand_avals[0].dtype
    if out.platform == "cpu":
        if dtype.kind == "c":
            routine = {"syevd": "heevd", "orgqr": "ungqr", "ormqr": "unmqr", "sytrd": "hetrd"}.get(routine, routine)
        target = f"lapack_{LETTERS[dtype.name]}{routine}_ffi" if routine not in _OWN else _own(routine)
        words = ", ".join([f"{k} = {_word(v)}" for k, v in attributes.items()])
    elif on_cuda(out) and routine in _ON_CUDA:
        target, write = _ON_CUDA[routine]
        target, words = target.format(kind="comp" if dtype.kind == "c" else "real"), write(attributes)
    else:
        raise MissingRuleError(
            f"This linear algebra ({routine}) is not written for {out.platform!r}.\n"
            "Compute it on a CPU: jax.device_put(x, jax.devices('cpu')[0])."
        )
    out.module.gives_stacks |= out.platform == "cpu" and len(batch) > 0
    told = {}
    if out.module.layout is not None and batch:
        told = each_device_its_own([a.shape for a in operand_avals], [r.shape for r in results], len(batch))
    if any(
        [is_symbolic(r.shape) for r in results]
    ):  # XLA is told the sizes of the results by operands, and no memory is shared
        told["indices_of_shape_operands"] = dense(np.arange(len(operands), len(operands) + len(results)))
        operands, aliases = [*operands, *[out.sizes(r.shape) for r in results]], ()
        operand_avals = [*operand_avals, *[COUNT.with_shape((len(r.shape),)) for r in results]]
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
            "call_target_name": parsed(f'"{target}"'),
            "backend_config": parsed(f"{{{words}}}"),
            "api_version": i32(4),
            "operand_layouts": parsed(_layouts(operand_avals, len(batch), by_rows)),
            "result_layouts": parsed(_layouts(results, len(batch), by_rows)),
            "output_operand_aliases": parsed(f"[{shared}]"),
            **told,
        },
        avals=results,
    )
    return list(operation.results)


def each_device_its_own(operands, results, batch) -> dict:
    """Tells the compiler that a foreign call does the same for each index of its first `batch` axes.

    Each device then works on those that it holds. Without it each is sent all of them, and works on all.
    operands, results   their shapes
    """
    letters = (*"ijklmnopqrstuvwxyz", *[f"z_{i}" for i in range(1, 100)])  # in this order, says Shardy
    sizes: list[str] = []

    def named(shape, shared):
        places = []
        for axis, size in enumerate(shape):
            if axis < batch and shared:
                places.append(shared[axis])
            else:
                places.append(letters[len(sizes)])
                sizes.append(f"{places[-1]}={size}")
        return places

    first = named(operands[0], [])
    shapes = [first, *[named(shape, first) for shape in [*operands[1:], *results]]]
    texts = [f"[{', '.join(places)}]" for places in shapes]
    takes, gives = ", ".join(texts[: len(operands)]), ", ".join(texts[len(operands) :])
    rule = f"#sdy.op_sharding_rule<({takes})->({gives}) {{{', '.join(sizes)}}}, custom>"
    return {
        "sdy.sharding_rule": parsed(rule),
        "mhlo.frontend_attributes": parsed(f'{{num_batch_dims = "{batch}"}}'),
    }


_OWN = {"gtsv_perturbed": "tridiagonal_solve_perturbed_ffi"}  # jaxlib's own, beside LAPACK


def _own(routine):
    if _OWN[routine] not in lapack.ensure("cpu"):
        raise MissingRuleError("This jaxlib has no tridiagonal_solve with perturb_singular=True. A newer one does.")
    return _OWN[routine]


def _truth(value) -> str:
    return "true" if value else "false"


def _word(value):
    if isinstance(value, str):
        return f"{ord(value)} : ui8"
    return _truth(value) if isinstance(value, bool) else f"{value} : i32"


def _layouts(avals, batch, by_rows):
    """Axes from the fastest to the slowest: columns of matrices run fastest. A matrix of one row or column lies alike
    either way, and XLA copies what is said to lie otherwise."""
    texts = []
    for aval in avals:
        rank = len(aval.shape)
        order = list(reversed(range(rank)))
        if rank - batch == 2 and not by_rows and 1 not in aval.shape[batch:]:
            order = [batch, batch + 1, *reversed(range(batch))]
        texts.append(f"dense<{order if order else ''}> : tensor<{rank}xindex>")
    return f"[{', '.join(texts)}]"


def transposed(out, x, aval):
    """Matrices with rows and columns exchanged: between layouts by rows and by columns, no copy."""
    rank = len(aval.shape)
    result = aval.with_shape((*aval.shape[:-2], *reversed(aval.shape[-2:])))
    order = i64s(*range(rank - 2), rank - 1, rank - 2)
    return out.op("stablehlo.transpose", [x], {"permutation": order}, aval=result)


def lies_by_columns(value) -> bool:
    """Whether a matrix in a program being written is a factor out of getrf, which the compiler leaves by columns."""
    operation = value.owner
    if getattr(operation, "name", "") == "stablehlo.select":  # NaN where it failed
        operation = operation.operands[1].owner
    if getattr(operation, "name", "") != "stablehlo.custom_call":
        return False
    return "getrf" in str(operation.attributes["call_target_name"])


def info_aval(batch):
    return ShapedArray(tuple(batch), INT32)


def succeeded(out, info, batch, order="EQ"):
    """The mask of batch elements whose info is 0 (order "GE": not negative)."""
    aval = info_aval(batch)
    return out.compare(order, info, out.constant(0, aval), aval)


def or_nan(out, ok, batch, value, aval):
    """The value, NaN where a batch element failed."""
    wide = ShapedArray(aval.shape, _BOOL)
    ok = out.broadcast(ok, wide, tuple(range(len(batch)))) if wide.shape != tuple(batch) else ok
    number = complex("nan+nanj") if aval.dtype.kind == "c" else float("nan")
    return choose(out, ok, value, out.constant(number, aval), aval)


def masked(out, x, aval, order, other=0):
    """x where the row is at least ("GE") or at most ("LE") the column, else a number."""
    m, n = aval.shape[-2:]
    rank, truth = len(aval.shape), ShapedArray((m, n), _BOOL)
    if is_symbolic((m, n)):
        places = truth.with_dtype(INT32)
        row, column = [out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=places) for axis in (0, 1)]
        mask = out.compare(order, row, column, places)
    else:
        below = np.tri(m, n, dtype=bool) if order == "GE" else np.tri(n, m, dtype=bool).T
        mask = out.constant(np.ascontiguousarray(below), truth)
    if rank > 2:
        mask = out.broadcast(mask, ShapedArray(aval.shape, _BOOL), (rank - 2, rank - 1))
    return choose(out, mask, x, out.constant(other, aval), aval)


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

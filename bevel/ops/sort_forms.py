"""How sorts are written: order-preserving keys, permutations, StableHLO's comparators, and NumPy's sorts.

On a CPU XLA calls a comparator that canonicalises both sides for each comparison: 220 ms for 1e6 float32. Keys are
instead made integers in an order-preserving way; those of at most 32 bits are packed with their index into one int64,
which makes any sort a stable one. Operands are gathered along the permutation, so that each value comes back bit for
bit, -0 and NaN payloads as well. Large arrays are sorted by NumPy (`engine.host_kernels`), small ones by XLA.
"""

from __future__ import annotations

import math

import numpy as np

from bevel.base import dtypes
from bevel.base.avals import ShapedArray
from bevel.engine.builder import boolean, comparison, i32, i64, i64s, parsed
from bevel.ops.elementwise import KINDS

BOOL, INT8, INT32, INT64, FLOAT32, COMPLEX64 = map(np.dtype, ("bool", "int8", "int32", "int64", "float32", "complex64"))
# From so many elements on, packing gains more than its kernels cost,
WORTH_PACKING = 256
# and NumPy's sort more than handing the program from thread to thread, which takes as long as XLA's sort of 2,000.
WORTH_CALLING = 4096
WORTH_CALLING_FOR_INTEGERS = 8192  # alone, which XLA compares at once
_SORTED_BY_NUMPY = ("bool", *[f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)], "float32", "float64")


def is_worth_calling(out, aval):
    """Is such an array for NumPy to sort?"""
    return out.module.has_host_kernels and aval.size >= WORTH_CALLING


# ---- NumPy's sorts


def sorted_by_numpy(out, x, aval, axis):
    """One array, sorted along an axis; None where that is not for NumPy."""
    if not is_worth_calling(out, aval) or aval.dtype.name not in _SORTED_BY_NUMPY:
        return None
    if aval.dtype.itemsize <= 4 and aval.dtype.kind != "f" and aval.size < WORTH_CALLING_FOR_INTEGERS:
        return None
    rows, view = _to_rows(out, x, aval, axis)
    return _from_rows(out, _kernel(out, "bevel_sort_1", rows, view, view), aval, axis)


def _kernel(out, name, x, aval, result, more=None):
    """Calls a kernel with x and with numbers that it does not look at.

    For their sake the program is one that XLA hands to a thread of its own: only those of less than 1000 operations run
    on the caller's. On the main thread Python might answer a Ctrl-C by leaving the kernel before its first line, where
    nothing can catch it.
    """
    out.module.calls_kernels = True
    numbers = out.constants.get(_kernel)
    if numbers is None:  # once in a block
        some, flat = ShapedArray((1, _ENOUGH), INT8), ShapedArray((aval.size,), aval.dtype)
        part = out.slice(out.reshape(x, flat), flat, 0, 0, _ENOUGH)
        if aval.dtype == COMPLEX64:
            flat = flat.with_dtype(FLOAT32)
            part = out.op("stablehlo.real", [part], aval=ShapedArray((_ENOUGH,), FLOAT32))
        numbers = out.convert(out.reshape(part, ShapedArray((1, _ENOUGH), flat.dtype)), some)
        numbers = out.constants[_kernel] = out.op("stablehlo.add", [numbers, numbers], aval=some)
    rows = "dense<[1, 0]> : tensor<2xindex>"
    attributes = {
        "call_target_name": parsed(f'"{name}"'),
        "api_version": i32(4),
        "backend_config": parsed("{}"),
        "operand_layouts": parsed(f"[{rows}, {rows}]"),
        "result_layouts": parsed(f"[{rows}]"),
        **(more or {}),
    }
    return out.op("stablehlo.custom_call", [x, numbers], attributes, aval=result)


_ENOUGH = 2048


def _to_rows(out, x, aval, axis):
    """(x with an axis moved to the end, the others made one; its aval)."""
    shape, last = aval.shape, len(aval.shape) - 1
    if axis != last:
        order = [*[i for i in range(last + 1) if i != axis], axis]
        turned = ShapedArray([shape[i] for i in order], aval.dtype)
        x = out.op("stablehlo.transpose", [x], {"permutation": i64s(*order)}, aval=turned)
    view = ShapedArray((aval.size // shape[axis], shape[axis]), aval.dtype)
    return out.reshape(x, view), view


def _from_rows(out, x, aval, axis):
    shape, last = aval.shape, len(aval.shape) - 1
    if axis == last:
        return out.reshape(x, aval)
    order = [*[i for i in range(last + 1) if i != axis], axis]
    x = out.reshape(x, ShapedArray([shape[i] for i in order], aval.dtype))
    back = [order.index(i) for i in range(last + 1)]
    return out.op("stablehlo.transpose", [x], {"permutation": i64s(*back)}, aval=aval)


# ---- order-preserving keys


def fits(dtype):
    """Has the dtype an order, and at most 32 bits (whole bytes, for floats)?"""
    bits = dtypes.itemsize_bits(dtype)
    return KINDS["ordered"](dtype) and bits <= 32 and (bits % 8 == 0 or not dtypes.issubdtype(dtype, np.floating))


def has_keys(dtype):
    """Can integers stand for its order, or for that of its parts?"""
    if dtypes.issubdtype(dtype, np.complexfloating):
        return True
    return fits(dtype) or dtype.name in ("int64", "uint64", "float64")


def canonical(out, x, aval):
    """x with 0 for -0, and one NaN, which is the last in the total order, for each NaN.

    In a comparator XLA knows these very operations for NumPy's order, and on GPUs sorts by its radix sort then: 1e7
    float32 in 0.5 ms, where a comparator that it does not know takes 5.9.
    """
    if not dtypes.issubdtype(aval.dtype, np.inexact):
        return x
    zero, nan = out.constant(0, aval), out.constant(math.nan, aval)
    signless = out.op("stablehlo.select", [out.compare("EQ", x, zero, aval), zero, x], aval=aval)
    return out.op("stablehlo.select", [out.compare("NE", x, x, aval), nan, signless], aval=aval)


def ordered(out, x, aval):
    """(int32 keys in the order of x, int64 for 64-bit elements; their aval). Floats go in their total order."""
    bits = dtypes.itemsize_bits(aval.dtype)
    keys = aval.with_dtype(INT64 if bits > 32 else INT32)
    if dtypes.issubdtype(aval.dtype, np.floating):
        # in its own width: widening would make quiet a signalling NaN, which then changes its place
        bits_dtype = np.dtype(f"int{bits}")
        own = aval.with_dtype(bits_dtype)
        key = out.op("stablehlo.bitcast_convert", [x], aval=own)
        # below zero, the bits of a float rise as it falls
        turned = out.op("stablehlo.xor", [key, out.constant(int(np.iinfo(bits_dtype).max), own)], aval=own)
        negative = out.compare("LT", key, out.constant(0, own), own)
        key = out.op("stablehlo.select", [negative, turned, key], aval=own)
        return (key if own is keys else out.convert(key, keys)), keys
    if aval.dtype in (np.uint32, np.uint64):
        key = out.op("stablehlo.bitcast_convert", [x], aval=keys)
        return out.op("stablehlo.xor", [key, out.constant(int(np.iinfo(keys.dtype).min), keys)], aval=keys), keys
    return (x if aval is keys else out.convert(x, keys)), keys


def keys_of(out, x, aval):
    """The [(keys, aval)] to sort x by, the first counting most: those of its parts, for a complex number."""
    return [ordered(out, canonical(out, part, a), a) for part, a in parts_of(out, x, aval)]


def permutation(out, keys, axis):
    """Indices (int32) that sort by [(keys, aval)] along an axis, the first counting most, ties in their order.

    One key of 64 bits, or several keys, want NumPy.
    """
    index = None
    for key, aval in reversed(keys):  # stable sorts, the key that counts most last
        if index is None:
            index = _order(out, key, aval, axis)
        else:
            step = _order(out, taken(out, key, aval, index, aval.shape[axis], axis), aval, axis)
            index = taken(out, index, aval.with_dtype(INT32), step, aval.shape[axis], axis)
    return index


def _order(out, key, aval, axis):
    wide, narrow = aval.with_dtype(INT64), aval.with_dtype(INT32)
    if aval is wide:
        rows, view = _to_rows(out, key, aval, axis)
        order = _kernel(out, "bevel_argsort_1", rows, view, view.with_dtype(INT32))
        return _from_rows(out, order, narrow, axis)
    # key and index as one number: all are different, so any sort is a stable one
    if is_worth_calling(out, aval):
        return _order_of_pairs(out, key, aval, axis)
    index = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=wide)
    high = out.op("stablehlo.shift_left", [out.convert(key, wide), out.constant(32, wide)], aval=wide)
    packed = out.op("stablehlo.or", [high, index], aval=wide)
    [packed] = by_comparing(out, [packed], [wide], axis, 1)
    return out.convert(packed, narrow)  # the low half


def _order_of_pairs(out, key, aval, axis):
    """The same by NumPy, of keys of 32 bits. Key and index are put together as the bits of a complex number.

    What LLVM makes of the cipher of random words is half as long a vector where a number of 64 bits is in it: 100,000
    of them, packed, take 260 µs in one and 120 as a pair.
    """
    narrow, single, pairs = aval.with_dtype(INT32), aval.with_dtype(FLOAT32), aval.with_dtype(COMPLEX64)
    index = out.op("stablehlo.iota", [], {"iota_dimension": i64(axis)}, aval=narrow)
    halves = [out.op("stablehlo.bitcast_convert", [x], aval=single) for x in (index, key)]  # the low one first
    rows, view = _to_rows(out, out.op("stablehlo.complex", halves, aval=pairs), pairs, axis)
    # sorted where they are: they were made for it
    shared = {"output_operand_aliases": parsed(f"[{_FIRST_IN_PLACE}]")}
    packed = _from_rows(out, _kernel(out, "bevel_sort_pairs_1", rows, view, view, shared), pairs, axis)
    return out.op("stablehlo.bitcast_convert", [out.op("stablehlo.real", [packed], aval=single)], aval=narrow)


_FIRST_IN_PLACE = (
    "#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 0, operand_tuple_indices = []>"
)


# ---- writing StableHLO


def by_comparing(out, operands, avals, axis, num_keys, is_stable=True, descending=False):
    """stablehlo.sort by a comparator: one comparison for integers, canonical ones, key after key, in general.

    From above, floats go in their total order. A stable sort is the faster one in XLA on CPUs: 41 against 61 ms for
    1e6 int64.
    """
    attributes = {"dimension": i64(axis), "is_stable": boolean(is_stable)}
    operation = out.ops("stablehlo.sort", operands, attributes, avals=avals, regions=1)
    scalars = [ShapedArray((), a.dtype) for a in avals]
    inside, arguments = out.block(operation, 0, [s for s in scalars for _ in range(2)])
    truth = ShapedArray((), BOOL)
    parts = []
    for i in range(num_keys):
        parts += _pairs(inside, arguments[2 * i], arguments[2 * i + 1], scalars[i], not descending)
    order = "GT" if descending else "LT"
    result = None
    for x, y, aval in reversed(parts):
        is_before = _compare_totally(inside, order, x, y, aval)
        if result is not None:
            equal = _compare_totally(inside, "EQ", x, y, aval)
            later = inside.op("stablehlo.and", [equal, result], aval=truth)
            is_before = inside.op("stablehlo.or", [is_before, later], aval=truth)
        result = is_before
    inside.finish([result])
    return list(operation.results)


def parts_of(out, x, aval):
    """[(real part, its aval), (imaginary part, …)] of complex numbers, [(x, aval)] of others."""
    if not dtypes.issubdtype(aval.dtype, np.complexfloating):
        return [(x, aval)]
    part = aval.with_dtype(dtypes.real_dtype_of_complex(aval.dtype))
    return [(out.op(f"stablehlo.{which}", [x], aval=part), part) for which in ("real", "imag")]


def _pairs(out, x, y, aval, is_canonical):
    """The (x, y, aval) to compare for one key: a complex number gives two."""
    found = []
    for (a, part), (b, _) in zip(parts_of(out, x, aval), parts_of(out, y, aval), strict=True):
        found.append((canonical(out, a, part), canonical(out, b, part), part) if is_canonical else (a, b, part))
    return found


def _compare_totally(out, order, x, y, aval):
    return out.op("stablehlo.compare", [x, y], comparison(order, aval.dtype, True), aval=aval.with_dtype(BOOL))


def is_iota(x, axis):
    """Is a value the places along an axis, written down as such? Taking them at indices gives the indices."""
    operation = getattr(x.owner, "operation", None)
    if operation is None or operation.name != "stablehlo.iota":
        return False
    return operation.attributes["iota_dimension"].value == axis


def taken(out, x, aval, index, count, axis):
    """x[…, index[…, i, …], …] for `count` indices along one axis; the other axes are x's."""
    rank = len(aval.shape)
    shape = (*aval.shape[:axis], count, *aval.shape[axis + 1 :])
    others = [i for i in range(rank) if i != axis]
    places = out.reshape(index, ShapedArray((*shape, 1), INT32))
    attributes = {
        "dimension_numbers": parsed(
            f"#stablehlo.gather<collapsed_slice_dims = [{axis}], operand_batching_dims = {others}, "
            f"start_indices_batching_dims = {others}, start_index_map = [{axis}], index_vector_dim = {rank}>"
        ),
        "slice_sizes": i64s(*[1] * rank),
    }
    return out.op("stablehlo.gather", [x, places], attributes, aval=aval.with_shape(shape))

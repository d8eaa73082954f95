"""The laws of values: what an op computes, of which shape and dtype, alone and compiled with others."""

from __future__ import annotations

import itertools

import numpy as np

from bevel.api.jit import jit
from bevel.base import dtypes, settings
from bevel.base.errors import BevelError
from bevel.core.trace import get_aval
from bevel.ops.elementwise import Elementwise
from bevel.tools.laws.closeness import LawBroken, check_close, difference, to_numpy, tolerance_of
from bevel.tools.laws.law import law
from bevel.tools.laws.samples import Sample, apply, recast, result_avals

#: The ops that move elements and compute none: they agree with their reference bit for bit.
EXACT = frozenset(
    "broadcast_in_dim reshape transpose rev squeeze iota concatenate slice pad select_n copy copy_p gather scatter "
    "dynamic_slice dynamic_update_slice "
    "max min reduce_max reduce_min argmax argmin sort neg floor ceil round nextafter "
    "bitcast_convert_type real imag conj complex clamp split top_k".split()
)
#: The dtypes at which an op is tried, where its shape rule accepts them: those on each of its first samples,
#: and all others on the first of all.
DTYPES = tuple(
    dtypes.as_dtype(d)
    for d in ("float32", "float64", "bfloat16", "float16", "int8", "int32", "uint8", "bool", "complex64")
)
SELDOM = tuple(
    dtypes.as_dtype(d)
    for d in "int16 int64 uint16 uint32 uint64 complex128 int4 uint4 int2 uint2 float8_e4m3fn float8_e5m2".split()
)


def reference(op, operands) -> list:
    with np.errstate(all="ignore"):
        results = op.reference(*operands)
    return list(results) if op.multiple_results else [results]


def comparable(op, results) -> list:
    """Results in the one form among equally right ones that the op's `canonical` says: eigenvectors have free signs."""
    choose = getattr(op, "canonical", None)
    return results if choose is None else list(choose(*[to_numpy(x) for x in results]))


def is_exact(op) -> bool:
    return op.name in EXACT


def has_reference(sample) -> bool:
    return sample.is_plain


@law("infer")
def infer_tells_the_truth(sample):
    """The shape rule tells the truth: results have the shape and dtype that it says, and weak ones a reason."""
    avals = result_avals(sample.op, sample.avals)
    results = sample.results
    if len(avals) != len(results):
        raise LawBroken(f"infer tells the truth: {sample!r} gives {len(results)} results; infer says {len(avals)}.")
    for aval, result in zip(avals, results, strict=True):
        if aval.extended:
            continue
        value = to_numpy(result)
        if (value.shape, value.dtype) != (aval.shape, aval.dtype):
            raise LawBroken(
                f"infer tells the truth: {sample!r} gives {value.dtype.name}{list(value.shape)}; "
                f"infer says {aval.str_short()}."
            )
        if aval.weak_type and not any(a.weak_type for a in sample.avals) and not getattr(sample.op, "weak_type", False):
            raise LawBroken(f"infer tells the truth: {sample!r} is weak, where no operand is.")
    if has_reference(sample) and not sample.holds_programs:
        for i, (aval, value) in enumerate(zip(avals, reference(sample.op, sample.operands), strict=True)):
            if (np.shape(value), np.asarray(value).dtype) != (aval.shape, aval.dtype):
                raise LawBroken(
                    f"infer tells the truth: {sample!r} result {i} is {aval.str_short()}; "
                    f"its reference is {np.asarray(value).dtype.name}{list(np.shape(value))}."
                )


@law("reference", has_reference)
def agrees_with_its_reference(sample):
    """It agrees with its reference in NumPy: exactly where it only moves elements, else within rounding."""
    got, expected = comparable(sample.op, sample.results), comparable(sample.op, reference(sample.op, sample.operands))
    check_close("agrees with its reference", sample, got, expected, exact=is_exact(sample.op))


def of_dtype(sample, dtype):
    """The sample with its main dtype turned into another, or None where the op does not take it."""
    kinds = [x.dtype for x in sample.operands]
    main = next((d for d in kinds if dtypes.issubdtype(d, np.inexact)), kinds[0])
    if dtype == main:
        return None
    # operands of other dtypes are indices, shapes, predicates
    changed = recast(sample, lambda d: dtype if d == main else d)
    try:
        result_avals(changed.op, changed.avals)
    except (BevelError, TypeError, ValueError):
        return None
    return changed


def _through_wide(sample):
    """The reference at a narrow dtype computed in a wide one, and rounded, or wrapped around."""
    wide = recast(sample, lambda d: _NARROW.get(d, d))
    found = reference(wide.op, wide.operands)
    avals = result_avals(sample.op, sample.avals)
    return [np.asarray(x).astype(a.dtype) for x, a in zip(found, avals, strict=True)]


#: What NumPy has no loops for, or rounds at each step, and in what it is computed for a reference.
_NARROW: dict = {
    dtypes.as_dtype(narrow): np.dtype(wide)
    for wide, kinds in (
        ("float32", "bfloat16 float16 float8_e4m3fn float8_e5m2"),
        ("int32", "int4 int2"),
        ("uint32", "uint4 uint2"),
    )
    for narrow in kinds.split()
}


_SAMPLES_TRIED = (
    6  # of each class: which dtypes an op takes seldom hangs on its parameters, and each costs a compilation
)


def dtypes_tried(sample) -> tuple:
    """The dtypes at which the law of dtypes tries a sample, where its shape rule accepts them."""
    if sample.position >= _SAMPLES_TRIED or sample.holds_programs or not has_reference(sample):
        return ()
    if not any(x.size for x in sample.operands):
        return ()
    return DTYPES if sample.position else DTYPES + SELDOM


@law("dtypes", lambda sample: bool(dtypes_tried(sample)))
def each_dtype(sample):
    """It agrees with its reference at every dtype that its shape rule accepts."""
    with settings.enable_x64(True):
        tried = [s for s in (of_dtype(sample, d) for d in dtypes_tried(sample)) if s is not None]
        if not tried:
            return
        try:
            found = jit(lambda values: [apply(s.op)(*v) for s, v in zip(tried, values, strict=True)])(
                [s.operands for s in tried]
            )
        except Exception:
            found = [_alone(s) for s in tried]
        for s, results in zip(tried, found, strict=True):
            _check_dtype(s, results)


def _alone(sample):
    try:
        return sample.results
    except Exception as error:
        raise LawBroken(f"each dtype: {sample!r} is accepted by infer, but does not run: {error}") from error


def _check_dtype(sample, results):
    narrow = any(x.dtype in _NARROW for x in sample.operands)
    try:
        got, expected = comparable(sample.op, results), comparable(sample.op, reference(sample.op, sample.operands))
        check_close("each dtype", sample, got, expected, exact=is_exact(sample.op))
    except (LawBroken, TypeError, ValueError):
        if not narrow:
            raise
        check_close("each dtype (through a wide one)", sample, results, _through_wide(sample))
    for result, aval in zip(results, result_avals(sample.op, sample.avals), strict=True):
        if get_aval(result).dtype != aval.dtype or to_numpy(result).dtype != aval.dtype:
            raise LawBroken(f"each dtype: {sample!r} gives {to_numpy(result).dtype}; infer says {aval.str_short()}.")


_FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3e38)
_FEW_FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5)


def _paired(sample) -> list:
    """Every pairing of special values, as operands of the sample's dtypes."""
    grids: list[tuple] = []
    for x in sample.operands:
        if x.dtype == np.bool_:
            grids.append((False, True))
        elif dtypes.issubdtype(x.dtype, np.integer):
            info = np.iinfo(x.dtype)
            grids.append((info.min, info.max, 0, 1, 2, info.max // 2))
        elif dtypes.issubdtype(x.dtype, np.complexfloating):
            grids.append((0j, complex(np.inf, 0), complex(np.nan, 1), 1 + 1j, -1 + 0j))
        else:
            grids.append(_FLOATS if len(sample.operands) < 3 else _FEW_FLOATS)
    rows = list(itertools.product(*grids))
    with np.errstate(all="ignore"):
        return [np.asarray([r[i] for r in rows]).astype(x.dtype) for i, x in enumerate(sample.operands)]


# Zeros of both signs meet in any four, and NaN of the other sign: what sorts by bits would part them.
_ORDERS = (0.0, -np.nan, -0.0, np.inf, 0.0, -np.inf, np.nan)


def _strewn(x, values, first, step):
    """x with special values from place `first` on, at each step-th."""
    if not dtypes.issubdtype(x.dtype, np.inexact):
        return x
    y = np.array(x).ravel()
    y[first::step] = np.resize(np.roll(values, -first), len(y[first::step]))
    return y.reshape(np.shape(x))


def _has_special_values(sample) -> bool:
    if sample.position or sample.holds_programs or not has_reference(sample):
        return False
    return isinstance(sample.op, Elementwise) or any(sample.operands[i].size for i in sample.inexact)


@law("special", _has_special_values)
def special_values(sample):
    """NaN, infinities and zeros of both signs (the extremes, of integers) give what the reference gives.

    Where LAPACK in SciPy refuses them, a NaN comes out.
    """
    if isinstance(sample.op, Elementwise):
        given = [_paired(sample)]
    else:
        given = [
            [_strewn(x, _FEW_FLOATS, i % 2, 2) for i, x in enumerate(sample.operands)],
            [_strewn(x, _ORDERS, i, 1) for i, x in enumerate(sample.operands)],
        ]
    for operands in given:
        _check_special(Sample(sample.op, operands, sample.position))


def _check_special(special):
    cls, is_special = type(special.op), isinstance(special.op, Elementwise)
    try:
        expected = reference(special.op, special.operands)
    except ValueError as error:
        if "infs or NaNs" not in str(error):
            raise
        if not any(np.isnan(to_numpy(y)).any() for y in special.results if dtypes.issubdtype(y.dtype, np.inexact)):
            raise LawBroken(f"special values: {special!r} of NaN and infinity gives no NaN.") from None
        return
    # the least and greatest floats may overflow a rounding earlier or later: within tolerance is enough
    for got, wanted in zip(special.results, map(np.asarray, expected), strict=True):
        rtol = tolerance_of(cls, wanted.dtype)
        words = difference(got, wanted, rtol, 1e-30 if is_special else rtol, signs=is_exact(special.op))
        if words:
            at = _where(got, wanted, rtol) if is_special else ...
            operands = ", ".join(str(x[at] if is_special else x.tolist()) for x in special.operands)
            raise LawBroken(f"special values: {special.op!r} of {operands} is {words}.")


def _where(got, expected, rtol):
    got = to_numpy(got)
    return next((i for i in range(got.size) if difference(got[i], expected[i], rtol, 1e-30, signs=True)), 0)


@law("jit", lambda sample: sample.is_plain)
def jit_changes_nothing(sample):
    """Compiled beside other results, and with its operands written into the program, it gives what it gives alone."""
    run = apply(sample.op)
    beside, written, _ = jit(lambda *xs: (run(*xs), run(*sample.operands), xs))(*sample.operands)
    check_close("jit changes nothing (among others)", sample, beside, sample.results, exact=not sample.holds_programs)
    # XLA's evaluator of constants rounds transcendental functions otherwise than compiled code does
    check_close("jit changes nothing (of constants)", sample, written, sample.results)
    for aval, result in zip(result_avals(sample.op, sample.avals), written, strict=True):
        if get_aval(result).shape != aval.shape:
            raise LawBroken(f"jit changes nothing: {sample!r} of constants has shape {get_aval(result).shape}.")

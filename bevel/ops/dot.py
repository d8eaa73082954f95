"""Products of matrices in general: sums over shared axes, with shared batch axes."""

from __future__ import annotations

import functools
import math

import numpy as np

from bevel.base import dtypes, lattice, limits
from bevel.base.avals import ShapedArray
from bevel.base.errors import DTypeError, ShapeError
from bevel.core.primitive import is_linear, primitive
from bevel.core.trace import get_aval
from bevel.engine.builder import mlir, parsed
from bevel.ops.convert import convert, in_bytes
from bevel.ops.elementwise import Bilinear
from bevel.ops.precision import DotAlgorithm, DotAlgorithmPreset, Precision, check_platform, precision_config
from bevel.ops.shapes import inverse, refuse_keys, transpose

_FLOAT32 = np.dtype("float32")


@primitive
class DotGeneral(Bilinear):
    """Sums products over contracting axes; batch axes go along: z[b…, i…, j…] = Σ_k x[b…, i…, k…] y[b…, k…, j…].

    x, y                    numbers or booleans, also of two dtypes (the product has the one in which they meet)
    dimension_numbers       ((axes of x to sum, axes of y), (batch axes of x, of y)), pairs of one size each
    precision               None, a pair of Precision, or an algorithm (bevel.ops.precision)
    preferred_element_type  the dtype of the result and, where it is wider, of the sum; None for that of x · y
    gives                   batch axes, then the other axes of x, then those of y
    raises                  ShapeError where sizes or axes do not fit, DTypeError where the preferred type is narrower

    Bilinear. Lowers to stablehlo.dot_general.
    """

    dimension_numbers: tuple
    precision: object = None
    preferred_element_type: object = None
    out_sharding: object = None
    kind = "dots"
    gaps = dict.fromkeys(
        ("0-dtypes", "2-dtypes", "3-dtypes", "11-reference", "11-jit"),
        "on gpu: complex products are computed in TF32 where no precision is asked for",
    )

    def work(self, operands, results):
        x, _ = operands
        summed = math.prod([x.shape[axis] for axis in self.dimension_numbers[0][0]])
        return 0.3 * results[0].size * summed + super().work(operands, results)

    def printed(self):
        """As JAX prints it: axes as lists, and what is None unsaid."""
        axes = tuple([tuple([list(side) for side in pair]) for pair in self.dimension_numbers])
        said = {"out_sharding": self.out_sharding, "precision": self.precision}
        said["preferred_element_type"] = self.preferred_element_type
        return [("dimension_numbers", axes), *[(key, value) for key, value in said.items() if value is not None]]

    def infer(self, x, y):
        refuse_keys("dot_general", x, y)
        (x_sum, y_sum), (x_batch, y_batch) = self.dimension_numbers
        for side, aval, summed, batched in (("x", x, x_sum, x_batch), ("y", y, y_sum, y_batch)):
            for axis in (*summed, *batched):
                if not 0 <= axis < len(aval.shape):
                    raise ShapeError(f"dot_general was told of axis {axis} of {side}, but {aval.str_short()} has none.")
            if len({*summed, *batched}) != len(summed) + len(batched):
                raise ShapeError(
                    f"dot_general takes each axis of {side} once; it was told to sum over {tuple(summed)} and to go "
                    f"along {tuple(batched)} as batch axes."
                )
        for what, xs, ys in (("contracting", x_sum, y_sum), ("batch", x_batch, y_batch)):
            sizes = tuple([x.shape[a] for a in xs]), tuple([y.shape[a] for a in ys])
            if sizes[0] != sizes[1]:
                raise ShapeError(
                    f"dot_general needs {what} axes of equal sizes; axes {tuple(xs)} of x, {x.str_short()}, have "
                    f"{sizes[0]}, axes {tuple(ys)} of y, {y.str_short()}, have {sizes[1]}."
                )
        shape = [x.shape[a] for a in x_batch]
        shape += [x.shape[a] for a in _others(x, x_sum, x_batch)] + [y.shape[a] for a in _others(y, y_sum, y_batch)]
        dtype = met = _met(x.dtype, y.dtype)
        preferred = self.preferred_element_type
        if preferred is not None:
            dtype = np.dtype(preferred)
            least = dtypes.itemsize_bits(met) // (2 if dtypes.issubdtype(met, np.complexfloating) else 1)
            if not dtypes.issubdtype(met, np.floating) and dtypes.itemsize_bits(dtype) < least:
                raise DTypeError(
                    f"dot_general of {x.str_short()} and {y.str_short()} gives {met}; preferred_element_type {dtype} "
                    f"is narrower and would lose digits. Leave it out, and convert the result."
                )
        return ShapedArray(shape, dtype, x.weak_type and y.weak_type)

    def transpose(self, ct, x, y):
        # z = Σ x y. The cotangent of x sums ct · y over the axes that only y has; what comes out is batch axes,
        # x's own, and x's summed axes in the order in which y has theirs: then each is put back to its place.
        (x_sum, y_sum), (x_batch, y_batch) = self.dimension_numbers
        x_own, y_own = _others(get_aval_of(x), x_sum, x_batch), _others(get_aval_of(y), y_sum, y_batch)
        batch = tuple(range(len(x_batch)))
        x_places = tuple(range(len(batch), len(batch) + len(x_own)))
        y_places = tuple(range(len(batch) + len(x_own), len(batch) + len(x_own) + len(y_own)))

        def adjoint(linear, other, own_places, other_own, other_batch, batch_of, own, summed, other_summed):
            rule = self._with(((own_places, other_own), (batch, other_batch)), linear.aval.dtype)
            order = [a for _, a in sorted(zip(other_summed, summed, strict=True))]
            axes = [*batch_of, *own, *order]
            result = transpose(rule(ct, other), [axes.index(i) for i in range(len(axes))])
            return convert(result, linear.aval.dtype, linear.aval.weak_type)

        if is_linear(x):
            return [adjoint(x, y, y_places, y_own, y_batch, x_batch, x_own, x_sum, y_sum), None]
        return [None, adjoint(y, x, x_places, x_own, x_batch, y_batch, y_own, y_sum, x_sum)]

    def _with(self, dimension_numbers, linear_dtype):
        """The op for a cotangent: as this one, but a complex operand's cotangent keeps its imaginary part."""
        preferred = self.preferred_element_type
        if preferred is not None and dtypes.issubdtype(linear_dtype, np.complexfloating):
            preferred = preferred if dtypes.issubdtype(preferred, np.complexfloating) else None
        return DotGeneral(dimension_numbers, self.precision, preferred)

    def batch(self, operands, axes):
        [x, y], [x_axis, y_axis] = operands, axes
        (x_sum, y_sum), (x_batch, y_batch) = self.dimension_numbers
        x_sum, x_batch = _moved(x_sum, x_axis), _moved(x_batch, x_axis)
        y_sum, y_batch = _moved(y_sum, y_axis), _moved(y_batch, y_axis)
        if x_axis is not None and y_axis is not None:
            x_batch, y_batch, place = (x_axis, *x_batch), (y_axis, *y_batch), 0
        elif x_axis is not None:  # mapped on one side: it is one more axis of that side, so one larger product
            place = len(x_batch) + _others(get_aval(x), x_sum, x_batch).index(x_axis)
        else:
            x_own = len(get_aval(x).shape) - len(x_sum) - len(x_batch)
            place = len(x_batch) + x_own + _others(get_aval(y), y_sum, y_batch).index(y_axis)
        numbers = ((x_sum, y_sum), (x_batch, y_batch))
        return DotGeneral(numbers, self.precision, self.preferred_element_type)(x, y), place

    def lower(self, out, x, y):
        check_platform("dot_general", self.precision, out.platform)
        [x_aval, y_aval], [result] = out.in_avals, out.avals
        found = in_bytes(out, self, [x, y])
        if found:
            return found[0]
        numbers = self.dimension_numbers
        if out.platform == "cpu" and not numbers[1][0]:
            (x_sum, y_sum), none = numbers
            x, x_aval, x_sum = _unturned(x, x_aval, x_sum)
            y, y_aval, y_sum = _unturned(y, y_aval, y_sum)
            numbers = (x_sum, y_sum), none
        inner, summed, attributes = _written(numbers, self.precision, x_aval.dtype, y_aval.dtype, result.dtype)
        if x_aval.dtype != inner:
            x = out.convert(x, x_aval.with_dtype(inner))
        if y_aval.dtype != inner:
            y = out.convert(y, y_aval.with_dtype(inner))
        z = out.op("stablehlo.dot_general", [x, y], attributes, aval=result.with_dtype(summed))
        return _converted(out, z, summed, result)

    def reference(self, x, y):
        (x_sum, y_sum), (x_batch, y_batch) = self.dimension_numbers
        wanted = np.dtype(self.preferred_element_type or _met(x.dtype, y.dtype))
        inner, summed = _computed_in(x.dtype, y.dtype, wanted)
        if isinstance(self.precision, DotAlgorithmPreset) and inner not in (known := self.precision.operand_dtypes):
            inner = summed = known[0] if known else inner
        if inner.itemsize < 4 and dtypes.issubdtype(inner, np.floating):
            inner = _FLOAT32  # narrow floats are summed in float32 and rounded once
        x_labels, y_labels = list(range(x.ndim)), list(range(x.ndim, x.ndim + y.ndim))
        for a, b in [*zip(x_sum, y_sum, strict=True), *zip(x_batch, y_batch, strict=True)]:
            y_labels[b] = x_labels[a]
        kept = [x_labels[a] for a in x_batch] + [x_labels[a] for a in range(x.ndim) if a not in (*x_sum, *x_batch)]
        kept += [y_labels[b] for b in range(y.ndim) if b not in (*y_sum, *y_batch)]
        wide = summed if not dtypes.issubdtype(summed, np.floating) else inner
        z = np.einsum(x.astype(wide), x_labels, y.astype(wide), y_labels, kept)
        if wanted == np.bool_:
            return np.asarray(z) != 0
        z = z.real if np.iscomplexobj(z) and wanted.kind != "c" else z
        return np.asarray(z).astype(wanted)

    @staticmethod
    def samples(array):
        matmul = (((1,), (0,)), ((), ()))
        batched = (((2,), (1,)), ((0,), (0,)))
        yield DotGeneral(matmul), [array(2, 3), array(3, 4)]
        yield DotGeneral((((0,), (0,)), ((), ()))), [array(3), array(3)]
        yield DotGeneral(batched), [array(2, 3, 4), array(2, 4, 2)]
        yield DotGeneral((((2, 0), (1, 3)), ((1,), (0,)))), [array(2, 3, 4), array(3, 4, 2, 2)]
        yield DotGeneral((((), ()), ((), ()))), [array(2), array(3)]
        yield DotGeneral((((), ()), ((), ()))), [array(), array()]
        yield DotGeneral((((0, 1), (1, 0)), ((), ()))), [array(2, 3), array(3, 2)]
        yield DotGeneral((((), ()), ((0, 1), (1, 0)))), [array(2, 3), array(3, 2)]
        yield DotGeneral(matmul), [array(2, 0), array(0, 3)]
        yield DotGeneral(matmul), [array(0, 2), array(2, 3)]
        yield DotGeneral(matmul), [array(2, 3, dtype="int32"), array(3, 2, dtype="int32")]
        yield DotGeneral(matmul), [array(2, 2, dtype="complex64"), array(2, 2, dtype="complex64")]
        yield DotGeneral(matmul), [array(2, 2) > 0, array(2, 2) > 0]
        yield DotGeneral(matmul), [array(2, 2), array(2, 2, dtype="int32")]
        highest = (Precision.HIGHEST, Precision.HIGHEST)
        yield DotGeneral(matmul, highest, np.dtype("float32")), [array(2, 3), array(3, 2)]
        int8 = np.full((2, 2), 100, np.int8)
        yield DotGeneral(matmul, None, np.dtype("int32")), [int8, int8]
        narrow = [array(2, 3, dtype="bfloat16"), array(3, 2, dtype="bfloat16")]
        yield DotGeneral(matmul, None, np.dtype("float32")), narrow
        yield DotGeneral(matmul, DotAlgorithmPreset.F64_F64_F64), [array(2, 3), array(3, 2)]

    @staticmethod
    def refusals(array):
        matmul = (((1,), (0,)), ((), ()))
        yield DotGeneral(matmul), [array(2, 3), array(2, 3)], "contracting axes of equal sizes"
        yield DotGeneral((((), ()), ((0,), (0,)))), [array(2, 3), array(3, 3)], "batch axes of equal sizes"
        yield DotGeneral(matmul), [array(2), array(2)], "axis 1 of x"
        yield DotGeneral((((1,), (1,)), ((1,), (1,)))), [array(2, 3), array(2, 3)], "each axis of x once"
        narrow = [array(2, 2, dtype="int32"), array(2, 2, dtype="int32")]
        yield DotGeneral(matmul, None, np.dtype("int8")), narrow, "narrower"


def get_aval_of(operand):
    """The aval of a transpose rule's operand, linear or not."""
    return operand.aval if is_linear(operand) else get_aval(operand)


def _others(aval, summed, batched):
    """The axes that are neither summed nor batch axes, in order."""
    return tuple([a for a in range(len(aval.shape)) if a not in summed and a not in batched])


def _unturned(x, aval, summed):
    """What x is the transpose of, where its own axes are in the same order there: (that, its aval, its summed axes).

    XLA computes a transpose in the product's loop where the other operand is a vector, and goes down its columns.
    """
    while getattr(x.owner, "name", "") == "stablehlo.transpose":
        permutation = list(mlir.ir.DenseI64ArrayAttr(x.owner.attributes["permutation"]))
        own = [permutation[a] for a in _others(aval, summed, ())]
        if own != sorted(own):
            break
        summed = tuple([permutation[a] for a in summed])
        x = x.owner.operands[0]
        aval = aval.with_shape([aval.shape[i] for i in inverse(permutation)])
    return x, aval, summed


def _moved(axes, mapped):
    """Axes as they are counted with the mapped axis in place."""
    return axes if mapped is None else tuple([a + (a >= mapped) for a in axes])


def _is_tiny(dtype) -> bool:
    """Is it a float of 8 bits or fewer? Promotion leaves those alone, but products of them with others are common."""
    return dtypes.issubdtype(dtype, np.floating) and dtype.itemsize == 1


def _are_floats(*kinds) -> bool:
    return all([dtypes.issubdtype(d, np.floating) for d in kinds])


def _met(x, y):
    """The dtype of a product, which is the dtype of one of the operands where both are integers or both floats.

    Of integers the wider one, and of two that are as wide the signed one; of floats the one that reaches further.
    Beside an integer of 4 or 2 bits the other's. Otherwise what both promote to.
    """
    if x == y:
        return x
    if _are_floats(x, y):
        return max((x, y), key=lambda d: float(limits.finfo(d).max))
    for tiny, other in ((x, y), (y, x)):
        is_short = dtypes.issubdtype(tiny, np.integer) and dtypes.itemsize_bits(tiny) < 8
        if (_is_tiny(tiny) or is_short) and dtypes.issubdtype(other, np.inexact):
            return other
    if dtypes.issubdtype(x, np.integer) and dtypes.issubdtype(y, np.integer):
        wide, narrow = sorted((x, y), key=dtypes.itemsize_bits, reverse=True)
        is_signed = dtypes.issubdtype(wide, np.signedinteger)
        return wide if is_signed or dtypes.itemsize_bits(wide) != dtypes.itemsize_bits(narrow) else narrow
    return lattice.promote_types(x, y)


def _computed_in(x, y, wanted):
    """(dtype of the operands, dtype of the sum) for a result of dtype `wanted`, which may still be converted."""
    met = _met(x, y)
    if x != y and _are_floats(x, y) and (_is_tiny(met) or {x.name, y.name} == {"float16", "bfloat16"}):
        met = _FLOAT32  # neither holds the other
    if met == wanted:
        return met, met
    if not dtypes.issubdtype(met, np.inexact):
        return wanted, wanted  # at least as wide, so the operands go in exactly and the sum does not wrap early
    if dtypes.issubdtype(met, np.floating) and dtypes.issubdtype(wanted, np.floating):
        if _is_tiny(wanted):
            return met, _FLOAT32 if met.itemsize < 4 else met  # rounded once
        if _met(met, wanted) == wanted:
            return met, wanted
        wide = lattice.promote_types(met, wanted)  # float16 for bfloat16 and back: neither holds the other
        return wide, wide
    if dtypes.issubdtype(met, np.floating) and met.itemsize < 4:
        return met, _FLOAT32  # to integers: the sum is not rounded to a narrow float before
    return met, met


def _converted(out, z, dtype, result):
    """The sum in the result's dtype, converted as values are: complex numbers lose their imaginary part."""
    if dtype == result.dtype:
        return z
    old = result.with_dtype(dtype)
    if result.dtype == np.bool_:
        return out.compare("NE", z, out.constant(0, old), old)
    if dtypes.issubdtype(dtype, np.complexfloating) and not dtypes.issubdtype(result.dtype, np.complexfloating):
        old = result.with_dtype(dtypes.real_dtype_of_complex(dtype))
        z = out.op("stablehlo.real", [z], aval=old)
    return z if old.dtype == result.dtype else out.convert(z, result)


@functools.lru_cache(maxsize=1024)
def _written(dimension_numbers, precision, x, y, wanted):
    """(dtype of the operands, dtype of the sum, attributes) as StableHLO has them, for operands of dtypes x and y."""
    inner, summed = _computed_in(x, y, wanted)
    (x_sum, y_sum), (x_batch, y_batch) = dimension_numbers
    numbers = parsed(
        f"#stablehlo.dot<lhs_batching_dimensions = {list(x_batch)}, rhs_batching_dimensions = {list(y_batch)}, "
        f"lhs_contracting_dimensions = {list(x_sum)}, rhs_contracting_dimensions = {list(y_sum)}>"
    )
    attributes = {"dot_dimension_numbers": numbers, "precision_config": precision_config(precision)}
    if isinstance(precision, DotAlgorithmPreset):
        known = precision.operand_dtypes
        if known:
            inner = inner if inner in known else known[0]
            summed = np.dtype(precision.accumulation_type)
        precision = precision.algorithm
    if isinstance(precision, DotAlgorithm):
        attributes["algorithm"] = precision.attribute(inner, inner)
    return inner, summed, attributes


# ---- the words in which rules are written


def dot_general(x, y, dimension_numbers, precision=None, preferred_element_type=None):
    """Applies DotGeneral; `precision` is canonical, axes may be lists."""
    try:
        (x_sum, y_sum), (x_batch, y_batch) = dimension_numbers
        numbers = tuple(
            [tuple([tuple([int(a) for a in axes]) for axes in pair]) for pair in ((x_sum, y_sum), (x_batch, y_batch))]
        )
    except (TypeError, ValueError):
        raise ShapeError(
            "dot_general takes its dimension_numbers as ((axes of x to sum, axes of y), (batch axes of x, of y)); "
            f"got {dimension_numbers}."
        ) from None
    preferred = None if preferred_element_type is None else np.dtype(preferred_element_type)
    return DotGeneral(numbers, precision, preferred)(x, y)


__all__ = ["DotGeneral", "dot_general"]

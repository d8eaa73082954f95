"""The laws bite: a wrong rule, planted in a copy of a sound primitive, is caught by its law."""

import numpy as np
import pytest

from bevel.base.avals import ShapedArray
from bevel.base.errors import ShapeError
from bevel.core.primitive import Primitive, primitive, registered
from bevel.core.tangents import Zero
from bevel.core.trace import get_aval
from bevel.ops.arithmetic import Add, Sub, neg
from bevel.ops.complex import Conj, Imag
from bevel.ops.convert import ConvertElementType
from bevel.ops.cutting import Concatenate, Pad, Slice
from bevel.ops.elementwise import Mul, mul
from bevel.ops.exponential import Exp, Tanh
from bevel.ops.logic import PopulationCount, SelectN, ShiftRightLogical
from bevel.ops.shapes import BroadcastInDim, ReduceSum, Reshape, Rev, Transpose, move_axis, transpose
from bevel.testing import LawBroken, check_law, check_primitive, laws_of, samples_of
from bevel.tools.laws.law import CLASS_LAWS

FAULTS = {}


def fault(law, base):
    """A rule, or rules, planted in a subclass of `base`, to be caught by `law`."""

    def note(rules):
        FAULTS[rules.__name__] = (law, base, rules)
        return rules

    return note


def planted(base, rules):
    """A primitive as `base` is, but for the rules given."""
    space = {name: value for name, value in vars(rules).items() if name not in vars(_Nothing)} | {
        "__annotations__": getattr(rules, "__annotations__", {})
    }
    own = {"samples": _own_samples(base), "refusals": _own_refusals(base)}
    before = dict(registered)
    try:
        return primitive(type(f"Faulty{base.__name__}", (base,), {"name": base.name, **own, **space}))
    finally:
        registered.clear()
        registered.update(before)


def _of(cls, op):
    return cls(*[getattr(op, field) for field in op.fields])


def _own_samples(base):
    """The samples of `base`, of the faulty class."""

    def samples(cls, array):
        for op, operands in base.samples(array):
            yield _of(cls, op), operands

    return classmethod(samples)


def _own_refusals(base):
    def refusals(cls, array):
        for op, operands, words in base.refusals(array):
            yield _of(cls, op), operands, words

    return classmethod(refusals)


class _Nothing:
    """Plants nothing."""


def is_broken(cls, law) -> bool:
    """Does the class fail the law, on any of its samples?"""
    for subject in [cls] if law in CLASS_LAWS else [s for s in samples_of(cls) if law in laws_of(s)]:
        try:
            check_law(law, subject)
        except Exception:
            return True
    return False


# ---- derivatives


@fault("jvp", Tanh)
class a_factor_in_the_derivative:
    def jvp(self, primals, tangents):
        y, dy = Tanh.jvp(self, primals, tangents)
        return y, mul(1.01, dy)


@fault("jvp", Mul)
class one_tangent_forgotten_where_both_flow:
    def jvp(self, primals, tangents):
        dx, dy = tangents
        return Mul.jvp(self, primals, [dx, dy if type(dx) is Zero else Zero(get_aval(primals[1]))])


@fault("jvp", Sub)
class the_sign_of_one_operand:
    def along_y(self, dy, result, x, y):
        return dy


@fault("jvp", Exp)
class a_tangent_said_to_be_zero:
    def jvp(self, primals, tangents):
        y = self(*primals)
        return y, Zero(get_aval(y))


@fault("second", Exp)
class second_order_wrong_though_first_is_right:
    def jvp(self, primals, tangents):
        # the slope is right at each point, but hidden from the next derivative
        y = self(*primals)
        return y, mul(tangents[0], _held(y))


@fault("vjp", Transpose)
class a_transpose_without_the_inverse:
    def transpose(self, ct, x):
        return [transpose(ct, self.permutation)]


@fault("vjp", Slice)
class an_adjoint_one_off:
    def transpose(self, ct, x):
        [found] = Slice.transpose(self, ct, x)
        return [Rev((0,))(found)] if x.aval.shape else [found]


@fault("vjp", Imag)
class a_complex_convention:
    def transpose(self, ct, x):
        [found] = Imag.transpose(self, ct, x)
        return [neg(found)]


@fault("vjp", Conj)
class conj_taken_as_linear:
    def transpose(self, ct, x):
        return [ct] if np.issubdtype(self.input_dtype, np.complexfloating) else Conj.transpose(self, ct, x)


@fault("transpose", Sub)
class a_cotangent_for_the_wrong_operand:
    def transpose(self, ct, x, y):
        return list(reversed(Sub.transpose(self, ct, y, x)))


@fault("vjp", ConvertElementType)
class a_cotangent_of_the_wrong_dtype:
    def transpose(self, ct, x):
        return [ct]


@fault("vjp", BroadcastInDim)
class a_sum_forgotten:
    def transpose(self, ct, x):
        where = tuple([slice(0, d) for d in x.aval.shape])
        return [np.zeros(x.aval.shape, x.aval.dtype)[where]]


@fault("vjp", Concatenate)
class pieces_in_another_order:
    def transpose(self, ct, *xs):
        return [None if p is None else mul(p, float(1 + i)) for i, p in enumerate(Concatenate.transpose(self, ct, *xs))]


# ---- batching


@fault("batch", ReduceSum)
class a_batch_axis_off_by_one:
    def batch(self, operands, axes):
        [x], [axis] = operands, axes
        x = move_axis(x, axis, 0)
        result = ReduceSum(tuple([a + 1 for a in self.axes]))(x)
        return result, min(1, len(get_aval(result).shape) - 1)


@fault("batch", Concatenate)
class a_batch_rule_for_the_first_axis_only:
    def batch(self, operands, axes):
        return Concatenate(self.dimension + 1)(*operands), 0


@fault("batch", SelectN)
class a_shared_operand_taken_as_mapped:
    def batch(self, operands, axes):
        return SelectN.batch(self, operands, [0 if a is None else a for a in axes])


@fault("batch", Transpose)
class a_result_said_to_be_mapped_elsewhere:
    def batch(self, operands, axes):
        result, axis = Transpose.batch(self, operands, axes)
        return result, (axis + 1) % len(get_aval(result).shape)


@fault("batch-jvp", Tanh)
class a_batch_rule_that_leaves_derivatives_behind:
    def batch(self, operands, axes):
        return _held(Tanh()(*operands)), axes[0]


# ---- values, shapes, dtypes


@fault("infer", Rev)
class a_lie_about_the_dtype:
    def infer(self, x):
        return Rev.infer(self, x).with_dtype(np.dtype("float16"))

    def lower(self, out, x):
        return out.convert(x, out.avals[0])


@fault("infer", Reshape)
class a_lie_about_the_shape:
    def infer(self, x):
        shape = Reshape.infer(self, x).shape
        return ShapedArray(shape[::-1], x.dtype)


@fault("infer", Add)
class a_weak_type_from_nowhere:
    def infer(self, *avals):
        aval = Add.infer(self, *avals)
        return ShapedArray(aval.shape, aval.dtype, True)


@fault("reference", Sub)
class a_lowering_of_another_function:
    hlo = "stablehlo.add"


@fault("reference", Pad)
class low_and_high_exchanged:
    def lower(self, out, x, value):
        return Pad(tuple([(high, low, inside) for low, high, inside in self.padding_config])).lower(out, x, value)


@fault("special", Mul)
class nan_where_there_is_none:
    def reference(self, x, y):
        return np.where(x == 0, x, np.multiply(x, y)).astype(np.asarray(x).dtype)


@fault("dtypes", ShiftRightLogical)
class a_sign_bit_moved_in_for_some_dtypes:
    def lower(self, out, x, y):
        name = "arithmetic" if out.avals[0].dtype == np.int8 else "logical"
        return out.op(f"stablehlo.shift_right_{name}", [x, y])

    @classmethod
    def samples(cls, array):
        yield cls(), [np.asarray([-100, 5, -7], np.int32), np.asarray([1, 1, 2], np.int32)]


@fault("dtypes", Tanh)
class a_dtype_accepted_that_does_not_run:
    takes = "any"


@fault("dtypes", PopulationCount)
class a_dtype_of_few_that_is_counted_wrong:
    def lower(self, out, x):
        counted, [aval] = PopulationCount.lower(self, out, x), out.avals
        one = out.constant(1, aval)
        return out.op("stablehlo.add", [counted, one]) if aval.dtype == np.uint16 else counted


@fault("special", Rev)
class the_sign_of_zero_lost:
    def lower(self, out, x):
        y, [aval] = Rev.lower(self, out, x), out.avals
        zero = out.constant(0, aval)
        return out.op("stablehlo.select", [out.compare("EQ", y, zero, aval), zero, y])


@fault("reach", Rev)
class samples_that_are_never_empty:
    @classmethod
    def samples(cls, array):
        yield cls((0,)), [array(3)]
        yield cls((0,)), [array(1)]


@fault("reach", Rev)
class samples_that_leave_a_dtype_out:
    def infer(self, x):
        if x.shape == (3,) and x.dtype != np.float32:  # the first sample, which alone is tried at all dtypes
            raise ShapeError("three floats")
        return Rev.infer(self, x)


@fault("jit", Add)
class a_lowering_that_changes_from_one_program_to_the_next:
    def lower(self, out, x, y):
        return out.op(f"stablehlo.{('add', 'subtract')[next(_COUNT) % 2]}", [x, y])


# ---- parameters and letters


@fault("rebuilt", Rev)
class a_printed_form_that_changes:
    def __repr__(self):
        return f"Rev {next(_COUNT)}"


@fault("refusals", Slice)
class a_refusal_that_is_missing:
    def infer(self, x):
        try:
            return Slice.infer(self, x)
        except ShapeError:
            return x


@fault("refusals", Slice)
class a_refusal_in_other_words:
    def infer(self, x):
        try:
            return Slice.infer(self, x)
        except ShapeError:
            raise ShapeError("incompatible shapes") from None


@fault("rules", Tanh)
class a_rule_that_nobody_wrote:
    batch = Primitive.batch


@fault("samples", Tanh)
class no_samples:
    @classmethod
    def samples(cls, array):
        return iter(())


@fault("fields", Transpose)
class a_parameter_that_is_never_read:
    __annotations__ = {"colour": "str"}
    colour = "red"


def _held(x):
    """A value whose derivative is said to be zero."""
    return _HOLD(x)


@primitive
class Hold(Primitive):
    """x, as if it were a constant."""

    name = "hold_for_faults"
    is_differentiable = False

    def infer(self, x):
        return x

    def batch(self, operands, axes):
        return self(*operands), axes[0]

    def lower(self, out, x):
        return x

    def reference(self, x):
        return x


_HOLD = Hold()
_COUNT = iter(range(10**6))


@pytest.mark.parametrize("name", list(FAULTS))
def test_fault_is_caught_by_its_law(name):
    law, base, rules = FAULTS[name]
    assert is_broken(planted(base, rules), law)


@pytest.mark.parametrize("law, base", sorted({(law, base) for law, base, _ in FAULTS.values()}, key=str))
def test_the_sound_one_passes_as_a_copy(law, base):
    """What is caught above is the fault, and not the making of the copy."""
    assert not is_broken(planted(base, _Nothing), law)


def test_a_gap_that_no_longer_fails_is_a_failure():
    class healed:
        gaps = {"0-jvp": "its slope was not known"}

    with pytest.raises(LawBroken, match="0-jvp: holds, though"):
        check_primitive(planted(Tanh, healed))


def test_a_gap_of_no_law_is_a_failure():
    class misnamed:
        gaps = {"slope": "no law is called so"}

    with pytest.raises(LawBroken, match="'slope', which is no law"):
        check_primitive(planted(Tanh, misnamed))


def test_a_stated_gap_is_let_pass():
    class known:
        gaps = {"0-reference": "kept for the test", **dict.fromkeys(("0-special", "0-dtypes", "reach"), "likewise")}
        hlo = "stablehlo.sine"

        @classmethod
        def samples(cls, array):
            yield cls(), [array(3)]

    assert check_primitive(planted(Tanh, known)) > 5

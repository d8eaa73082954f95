"""The forms that a convolution takes on CPUs give what its reference gives, and each is chosen where it is meant."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.base.avals import ShapedArray
from bevel.core.trace import get_aval
from bevel.ops import convolution_forms as forms
from bevel.ops import sliding
from bevel.ops.convolution import ConvDimensionNumbers, ConvGeneralDilated
from bevel.ops.convolution_choice import choose
from bevel.ops.convolution_loops import strips
from bevel.tools.laws.interpreter import by_reference


@pytest.fixture
def forms_for_all(monkeypatch):
    """Small arrays take the forms of large ones."""
    monkeypatch.setattr(sliding, "LEAST_SEEN", 0)
    bevel.clear_caches()
    yield
    bevel.clear_caches()


def any_convolution(random):
    """An op with operands: any layout, groups, strides, dilations and paddings."""
    count = random.integers(0, 3)
    pick = lambda *choices: tuple(int(random.choice(choices)) for _ in range(count))
    specs = [tuple(int(a) for a in random.permutation(count + 2)) for _ in range(3)]
    groups, batches = [(1, 1), (1, 1), (2, 1), (3, 1), (1, 2)][random.integers(5)]
    kernel, ins, outs = pick(1, 2, 3), int(random.integers(1, 4)), groups * batches * int(random.integers(1, 3))
    inner, outer = pick(1, 1, 2), pick(1, 1, 2)
    padding = tuple((int(random.integers(-1, 3)), int(random.integers(0, 3))) for _ in range(count))
    op = ConvGeneralDilated(
        pick(1, 1, 2), padding, inner, outer, ConvDimensionNumbers(*specs), groups, batches, None, None
    )
    array = (batches * int(random.integers(1, 3)), groups * ins, *pick(5, 6, 7))
    shapes = [[0] * (count + 2), [0] * (count + 2)]
    for shape, spec, sizes in zip(shapes, specs, (array, (outs, ins, *kernel)), strict=False):
        for axis, size in zip(spec, sizes, strict=True):
            shape[axis] = size
    return op, [random.integers(-3, 4, shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize("kind", ["any", "dealt", "swapped"])
@pytest.mark.parametrize("seed", range(40))
def test_forms_agree_with_the_reference(seed, kind):
    random = numpy.random.default_rng(seed)
    op, (x, w) = any_convolution(random)
    if kind != "any":  # an array dilated far, under a kernel that is small or large
        count = len(op.padding)
        plain = {"window_strides": (1,) * count, "rhs_dilation": (1,) * count, "batch_group_count": 1}
        op = op.replace(**plain, feature_group_count=1, lhs_dilation=(3,) * count)
        shape = list(x.shape)
        shape[op.dimension_numbers.lhs_spec[1]] = w.shape[op.dimension_numbers.rhs_spec[1]]
        if kind == "swapped":
            w = numpy.pad(w, [(0, 5 if a in op.dimension_numbers.rhs_spec[2:] else 0) for a in range(w.ndim)], "wrap")
        x = random.integers(-3, 4, shape).astype("float32")
    expected = op.reference(x, w)
    sizes = forms.Sizes(op, get_aval(x), get_aval(w))
    able = [forms.patches]
    able += [forms.multiplied] if op.batch_group_count == 1 else []
    able += [forms.split] if sizes.groups > 1 else []
    able += [forms.dealt] if sizes.is_dealt else []
    able += [forms.swapped] if sizes.is_swapped else []
    able += [forms.summed] if sizes.groups == 1 else []
    able += [forms.product] if all(sizes.is_flat(i) for i in range(len(sizes.kernel))) else []
    for form in able:
        assert numpy.array_equal(by_reference(lambda x, w, form=form: form(op, x, w))(x, w), expected), form.__name__


@pytest.mark.parametrize("seed", range(12))
def test_forms_of_complex_numbers_agree_with_the_reference(seed):
    random = numpy.random.default_rng(seed)
    op, [x, w] = any_convolution(random)
    x, w = [(v + 1j * random.integers(-3, 4, v.shape)).astype("complex64") for v in (x, w)]
    alone = op.feature_group_count * op.batch_group_count == 1
    for form in [forms.parts, *[forms.multiplied] * (op.batch_group_count == 1), *[forms.paired] * alone]:
        result = by_reference(lambda x, w, form=form: form(op, x, w))(x, w)
        assert numpy.array_equal(result, op.reference(x, w)), form.__name__


FIRST = ConvDimensionNumbers(*[(0, 1, 2, 3)] * 3)


@pytest.mark.parametrize("kernel", [1, 4])
@pytest.mark.parametrize("out", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_products_with_channels_first(kernel, out):
    spec = (0, 1, 2) if kernel == 1 else (1, 0, 2)
    random = numpy.random.default_rng(kernel)
    x, w = (random.integers(-3, 4, shape).astype("float32") for shape in ((3, 2, 4), (5, 2, 1)))
    w = w if kernel == 1 else random.integers(-3, 4, (3, 5, 4)).astype("float32")
    op = ConvGeneralDilated((1,), ((0, 0),), (1,), (1,), ConvDimensionNumbers(spec, spec, out))
    assert numpy.array_equal(by_reference(lambda x, w: forms.product(op, x, w))(x, w), op.reference(x, w))


LAST = ConvDimensionNumbers((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))


def chosen(x, w, dtype="float32", padding=1, platform="cpu", numbers=LAST, **more):
    op = ConvGeneralDilated((1, 1), ((padding, padding),) * 2, (1, 1), (1, 1), numbers, **more)
    avals = [ShapedArray(shape, numpy.dtype(dtype)) for shape in (x, w)]
    form = choose(op, avals, op.infer(*avals), platform)
    return form and form.__name__


def test_which_form_is_chosen():
    assert chosen((8, 56, 56, 64), (3, 3, 64, 64)) is None
    assert chosen((1, 8, 8, 4), (3, 3, 1, 4), feature_group_count=4) is None  # small: not worth compiling
    assert chosen((8, 56, 56, 64), (3, 3, 1, 64), feature_group_count=64) == "multiplied"
    assert chosen((8, 56, 56, 64), (3, 3, 1, 64), platform="cuda", feature_group_count=64) is None
    assert chosen((8, 8, 8, 4), (3, 3, 4, 4), dtype="int32", platform="cuda") == "patches"
    assert chosen((8, 8, 8, 4), (3, 3, 4, 4), dtype="complex64", platform="cuda") == "parts"
    assert chosen((1, 512, 512, 1), (9, 9, 1, 1), padding=8) == "multiplied"
    assert chosen((8, 28, 28, 64), (3, 3, 16, 64), feature_group_count=4) == "split"
    assert chosen((8, 28, 28, 512), (3, 3, 8, 512), feature_group_count=64) == "multiplied"
    assert chosen((8, 28, 28, 1024), (3, 3, 16, 1024), feature_group_count=64) is None
    assert chosen((8, 28, 28, 32), (3, 3, 32, 1)) == "summed"
    assert chosen((1, 512, 512, 1), (31, 31, 1, 1)) == "strips"
    assert chosen((8, 64, 64, 8), (13, 13, 1, 8), feature_group_count=8) == "strips"
    assert chosen((1, 512, 512, 1), (1, 500, 1, 1), padding=0) is None
    depthwise = ConvDimensionNumbers((3, 0, 1, 2), (3, 0, 1, 2), (2, 3, 0, 1))
    assert chosen((8, 56, 56, 64), (8, 56, 56, 64), numbers=depthwise, batch_group_count=64) == "rows"
    assert chosen((2, 14, 14, 128), (2, 14, 14, 256), numbers=depthwise, batch_group_count=64) == "patches"
    assert chosen((8, 56, 56, 64), (1, 1, 64, 256), padding=0) == "product"
    assert chosen((8, 7, 7, 64), (7, 7, 64, 256), padding=0) == "product"
    assert chosen((8, 1, 1, 256), (7, 7, 256, 64), padding=6) == "dealt"
    assert chosen((4, 28, 28, 32), (3, 3, 32, 32), "int32") == "patches"
    assert chosen((4, 28, 28, 16), (3, 3, 16, 32), "complex64") == "paired"
    assert chosen((4, 28, 28, 32), (3, 3, 32, 32), "complex64") == "parts"
    assert chosen((4, 28, 28, 64), (3, 3, 64, 64), "complex64") == "parts"
    assert chosen((4, 28, 28, 2), (3, 3, 2, 2), "complex64") == "multiplied"


@pytest.mark.parametrize("shape", [(30, 5), (23, 7), (12, 11)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_large_kernels_go_by_strips(shape, dilation):
    random = numpy.random.default_rng(sum(shape))
    x, w = (random.integers(-3, 4, (1, 1, *n)).astype("float32") for n in ((70, 60), shape))
    op = ConvGeneralDilated((2, 1), ((3, 1), (0, 2)), (1, 1), (dilation, 1), FIRST)
    assert choose(op, [get_aval(x), get_aval(w)], op.infer(get_aval(x), get_aval(w)), "cpu") is strips
    assert numpy.array_equal(op(x, w), op.reference(x, w))


def test_narrow_floats_are_added_in_float32():
    ones = jnp.ones((1, 1, 600), jnp.bfloat16)  # 257 is no bfloat16: a sum in bfloat16 would stop at 256
    assert float(lax.conv(ones, ones, (1,), "VALID")[0, 0, 0]) == 600
    few = jnp.ones((1, 1, 300), jnp.float16)
    assert lax.conv(few * 7, few[..., :100], (1,), "VALID").dtype == "float16"


@pytest.mark.parametrize(
    "settings", [{}, {"window_strides": (2,)}, {"rhs_dilation": (2,)}, {"lhs_dilation": (2,), "padding": ((1, 0),)}]
)
@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_gradient_by_rows(forms_for_all, rank, settings):
    random = numpy.random.default_rng(3)
    x = random.integers(-3, 4, (2, 5, 6, 20)[2 - rank :] if rank == 2 else (2, 6, 20)).astype("float32")
    w = random.integers(-3, 4, (*(3, 2)[:rank], 1, 20)).astype("float32")
    layout = ("NHWC", "HWIO", "NHWC") if rank == 2 else ("NWC", "WIO", "NWC")
    options = {"window_strides": (1,), "padding": ((1, 1),), **settings}
    options = {name: value * rank for name, value in options.items()}

    def apply(w):
        return lax.conv_general_dilated(x, w, dimension_numbers=layout, feature_group_count=20, **options)

    y, pull = bevel.vjp(apply, w)
    ct = random.integers(-3, 4, y.shape).astype("float32")
    for place in ((0,) * rank, (1,) * rank):
        for group in (0, 7):
            unit = numpy.zeros_like(w)
            unit[(*place, 0, group)] = 1
            assert float(pull(ct)[0][(*place, 0, group)]) == float((apply(unit) * ct).sum())

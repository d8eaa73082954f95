"""Where arrays differ from NumPy's, each says so: silence in the profile `compat`, a word once by default, an error in `strict`."""

import builtins
import warnings

import numpy
import pytest

import bevel
import bevel.numpy as jnp
from bevel.base import settings
from bevel.base.avals import ShapedArray
from bevel.core import sharp_edges


@pytest.fixture(autouse=True)
def say_everything_again():
    sharp_edges.forget()


def by_profile(act, message):
    """Runs act in each profile; gives the result of `compat`, in which nothing is said."""
    with settings.sharp_edges("compat"), warnings.catch_warnings():
        warnings.simplefilter("error")
        result = act()
    with settings.sharp_edges("default"), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            act()
    assert len(said) == 1 and message in str(said[0].message)
    assert said[0].filename == act.__code__.co_filename and said[0].lineno == act.__code__.co_firstlineno
    with (
        settings.sharp_edges("strict"),
        pytest.raises((TypeError, OverflowError), match=message),
    ):
        act()
    return result


# ---- the table of differences: in-place update, random state, lists, bounds, value-dependent branches, shapes, precision


def test_in_place_update():
    x = jnp.arange(3)
    with pytest.raises(TypeError, match=r"write x = x.at\[0\].set\(y\)"):
        x[0] = 1
    with pytest.raises(TypeError, match="immutable"):
        x[1:] += 1
    before = x
    x += 1  # a new array under the old name
    assert before.tolist() == [0, 1, 2] and x.tolist() == [1, 2, 3]


def test_lists_are_refused_with_a_way_on():
    for name in ("sum", "mean", "max", "exp", "add", "where", "dot"):
        arguments = {"add": ([1, 2], 1), "where": ([True], 1, 2), "dot": ([1], [2])}.get(name, ([1, 2, 3],))
        with pytest.raises(
            TypeError, match=rf"{name} requires ndarray or scalar arguments, got list at position 0"
        ) as raised:
            getattr(jnp, name)(*arguments)
        assert "converted only when asked: jnp.array(…)" in str(raised.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: jnp.average(x, weights=[1, 2, 3]), r"average .* list at position 2 \(weights\)"),
        (lambda x: jnp.clip(x, 0, max=[1, 2, 3]), r"clip .* list at position 2 \(max\)"),
        (lambda x: jnp.where(x > 1, [1, 2, 3], x), r"where .* list at position 1 \(x\)"),
        (lambda x: jnp.einsum("i,i", x, [1, 2, 3]), r"einsum .* list at position 2 \(operands\[1\]\)"),
        (lambda x: jnp.stack([x, [1, 2, 3]]), r"stack .* list at position 0 \(arrays\[1\]\)"),
        (lambda x: jnp.stack([[1, 2], [3, 4]]), r"stack .* list at position 0 \(arrays\[0\]\)"),
        (lambda x: jnp.stack([x[:2], [3, 4]]), r"stack .* list at position 0 \(arrays\[1\]\)"),
        (lambda x: jnp.lexsort([[1, 2], [3, 4]]), r"lexsort .* list at position 0 \(keys\[0\]\)"),
        (lambda x: jnp.where(x > 1, [1, 2, 3], [4, 5, 6]), r"where .* list at position 1 \(x\)"),
        (lambda x: jnp.interp(x, [1, 2], [3, 4]), r"interp .* list at position 1 \(xp\)"),
        (lambda x: jnp.broadcast_arrays(x, [3, 4], [1, 2]), r"broadcast_arrays .* list at position 1 \(args\[1\]\)"),
        (lambda x: jnp.append([1, 2], [[1, 2], [3, 4]]), r"append .* list at position 0 \(arr\)"),
        (lambda x: jnp.std(x, where=[True]), r"std .* list as where"),
        (lambda x: jnp.full_like(x, [1, 2, 3]), r"full_like .* list at position 1 \(fill_value\)"),
        (lambda x: bevel.nn.relu([1.0, 2.0]), r"relu .* list at position 0 \(x\)"),
        (lambda x: bevel.random.choice(bevel.random.key(0), x, p=[1, 2]), r"choice .* list at position 4 \(p\)"),
    ],
)
def test_a_list_is_called_by_the_name_of_its_argument(call, words):
    for way in (call, bevel.jit(call)):
        with pytest.raises(TypeError, match=words):
            way(jnp.arange(3.0))


def test_an_index_out_of_bounds():
    x = jnp.arange(3)
    with settings.sharp_edges("compat"):
        assert int(x[10]) == 2 and x.at[10].set(9).tolist() == [0, 1, 2]
        assert int(bevel.jit(lambda x: x[10])(x)) == 2
    for profile in ("default", "strict"):
        with settings.sharp_edges(profile):
            with pytest.raises(IndexError, match="index 10 is out of bounds for axis 0 with size 3"):
                x[10]
            with pytest.raises(IndexError, match="known|bounds"):
                bevel.jit(lambda x: x[10])(x)
            assert int(x.at[10].get(mode="clip")) == 2 and x.at[10].set(9, mode="drop").tolist() == [0, 1, 2]
            assert int(x[jnp.array(10)]) == 2  # computed, so not known
            for known in (numpy.array([0, 10]), numpy.array([-4, 0])):
                with pytest.raises(IndexError, match=r"index (10|-4) is out of bounds for axis 0 with size 3"):
                    x[known]
                with pytest.raises(IndexError, match=r"index (10|-4) is out of bounds for axis 0 with size 3"):
                    bevel.jit(lambda x, known=known: x.at[known].set(9))(x)
                assert x.at[known].get(mode="clip").shape == (2,)


def test_value_dependent_branch():
    with pytest.raises(bevel.errors.TracerBoolConversionError, match="lax.cond"):
        bevel.jit(lambda x: x if x > 0 else -x)(jnp.array(1.0))


def test_shapes_by_values():
    x = jnp.arange(3)
    with pytest.raises(bevel.errors.NonConcreteBooleanIndexError, match="jnp.where"):
        bevel.jit(lambda x: x[x > 0])(x)
    with pytest.raises(bevel.errors.ConcretizationTypeError, match="size="):
        bevel.jit(jnp.nonzero)(x)


def test_precision_is_single_by_default():
    assert jnp.array(1.0).dtype == jnp.float32 and jnp.arange(3).dtype == jnp.int32
    with bevel.enable_x64(True):
        assert jnp.array(1.0).dtype == jnp.float64


# ---- narrowing


@pytest.mark.parametrize(
    "act",
    [
        lambda x: jnp.array([x, x]),
        lambda x: jnp.asarray(x[1]),
        lambda x: jnp.ones(2) + x[1],
        lambda x: bevel.jit(lambda: jnp.ones(2) + x)(),
        lambda x: bevel.jit(lambda: jnp.ones(2) + x[1])(),
        lambda x: jnp.ones(2).at[:].set(x),
        lambda x: bevel.lax.neg(x),
        lambda x: bevel.device_put(x),
        lambda x: jnp.array([1.0, x[1].item()]),
    ],
)
def test_each_door_says_so(act):
    with settings.sharp_edges("default"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with pytest.warns(sharp_edges.SharpEdgeWarning, match=r"1e\+300 is taken as float32 at test_sharp_edges.py"):
            act(numpy.array([1.0, 1e300]))
    with settings.sharp_edges("compat"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        act(numpy.array([1.0, 1e300]))  # in silence


def test_single_numbers_mean_the_nearest():
    with settings.sharp_edges("strict"):
        assert jnp.array([0.1, 0.2])[0] == jnp.float32(0.1) == jnp.ones(2)[0] * numpy.float64(0.1)


def test_integers_beyond_reach():
    big = numpy.array([1, 3_000_000_000])
    result = by_profile(lambda: jnp.asarray(big), "3000000000 is taken as int32")
    assert result.dtype == jnp.int32


def test_floats_beyond_reach():
    big = numpy.array([1.0, 1e300])
    result = by_profile(lambda: jnp.asarray(big), "such numbers become infinite")
    assert numpy.isinf(result[1])


def test_arguments_beyond_reach():
    big = numpy.array([1, -3_000_000_000])
    assert by_profile(lambda: jnp.add(big, 0), "-3000000000 is taken as int32").dtype == jnp.int32


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: jnp.full(2, 300, "int8"), "Python integer 300 out of bounds for int8"),
        (lambda: jnp.full_like(jnp.zeros(2, "uint8"), -1), "Python integer -1 out of bounds for uint8"),
        (lambda: jnp.full((), 1e10, "int32"), r"10000000000.0 is out of bounds for int32"),
        (lambda: jnp.full(2, 1e5, "float16"), "100000.0 is out of bounds for float16"),
        (lambda: jnp.full(2, 500.0, "float8_e4m3fn"), "such numbers become NaN"),
        (lambda: jnp.asarray(numpy.array([1, 300]), "int8"), "such numbers wrap around"),
        (lambda: jnp.array(numpy.array([-1]), dtype="uint32"), "-1 is out of bounds for uint32"),
        (lambda: jnp.asarray(numpy.array([1.0, numpy.nan]), "int32"), "nan is out of bounds for int32"),
        (lambda: bevel.jit(lambda: jnp.asarray(numpy.array([1, 300]), "int8"))(), "300 is out of bounds for int8"),
        (lambda: bevel.jit(lambda x: jnp.where(x > 0, x, 300))(jnp.zeros(2, "int8")), "Python integer 300 out of"),
        (lambda: bevel.jit(lambda x: jnp.pad(x, 1, constant_values=300))(jnp.zeros(2, "int8")), "300 out of bounds"),
    ],
)  # fmt: skip
def test_conversions_beyond_reach(act, message):
    by_profile(act, message)


@pytest.mark.parametrize(
    "act",
    [
        lambda: jnp.zeros(2, "float64"),
        lambda: jnp.zeros(2, numpy.dtype("float64")),
        lambda: jnp.asarray(1, numpy.int64),
        lambda: jnp.float64(1.5),
        lambda: jnp.arange(3).astype(numpy.arange(3).dtype),
        lambda: bevel.nn.one_hot(jnp.arange(2), 2, dtype="float64"),
    ],
)
def test_64_bits_asked_for_by_name(act):
    for profile in ("compat", "default"):
        with settings.sharp_edges(profile), pytest.warns(UserWarning, match="was asked for .*64 and gives") as said:
            act()
        assert said[0].filename == __file__
    with settings.sharp_edges("strict"), pytest.raises(TypeError, match="was asked for .*64 and gives"):
        act()
    jnp.zeros(2, float), jnp.zeros(2, int)  # "of that category": in silence


def test_lists_of_python_ints_beyond_reach_are_refused():
    for profile in ("compat", "default", "strict"):
        with settings.sharp_edges(profile):
            for number, dtype in ((300, "int8"), (-1, "uint8"), (2**40, "int32"), (8, "int4"), (2**70, "int32")):
                with pytest.raises(OverflowError, match=f"Python integer {number} out of bounds for {dtype}"):
                    jnp.array([[1], [number]], dtype=dtype)
    assert jnp.array([1.5, -2.5], "int8").tolist() == [1, -2]


def test_narrowing_that_keeps_numbers_near_is_silent():
    numbers = numpy.array([0.1, 2.5, numpy.inf, numpy.nan])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jnp.asarray(numbers), jnp.add(numbers, 1), jnp.asarray(numpy.arange(5)), jnp.asarray(numpy.zeros(0))
    with settings.sharp_edges("strict"):
        jnp.asarray(numpy.array([0.5, numpy.inf, numpy.nan])), jnp.asarray(numpy.arange(5))
        with pytest.raises(TypeError, match="float64 are taken as float32.*does not keep them"):
            jnp.asarray(numbers)


def test_a_wide_dtype_asked_for():
    with pytest.warns(UserWarning, match="zeros was asked for float64 and gives float32"):
        assert jnp.zeros(2, "float64").dtype == jnp.float32
    with settings.sharp_edges("strict"), pytest.raises(TypeError, match="zeros was asked for float64"):
        jnp.zeros(2, "float64")


def test_a_python_integer_beyond_reach():
    x = jnp.uint8(1)
    result = by_profile(lambda: bevel.jit(lambda x: x + 300)(x), "Python integer 300 out of bounds for uint8")
    assert int(result) == 45
    with settings.sharp_edges("compat"):
        assert int(bevel.jit(lambda x: x + (-1))(x)) == 0 and int(bevel.jit(lambda x: jnp.maximum(x, -1))(x)) == 255


def test_a_python_integer_must_fit():
    with pytest.raises(OverflowError, match="does not fit"):
        jnp.asarray(2**40)
    with pytest.raises(OverflowError, match="out of bounds for uint8"):
        jnp.zeros(2, jnp.uint8).at[0].set(2**40)


def test_a_python_integer_written_into_a_narrow_array():
    x = jnp.zeros(2, jnp.uint8)
    assert by_profile(lambda: x.at[0].set(300), "Python integer 300 out of bounds for uint8").tolist() == [44, 0]
    assert by_profile(lambda: x.at[:1].add(-1), "Python integer -1 out of bounds for uint8").tolist() == [255, 0]


def test_a_list_is_no_operand():
    x = jnp.arange(3)
    for act in (lambda x: x == [0, 1, 2], lambda x: x != (0, 1, 2)):
        with pytest.raises(TypeError, match="whatever is in it"):
            act(x)
        with pytest.raises(TypeError, match="whatever is in it"):
            bevel.jit(act)(x)
    assert (x == None) is False and (x != "a") is True  # noqa: E711


def test_a_row_may_be_written_out():
    assert jnp.zeros((2, 3)).at[0].set([1, 2, 3]).tolist() == [[1, 2, 3], [0, 0, 0]]


def test_axes_and_shapes_by_arrays():
    x = jnp.arange(6).reshape(2, 3)
    assert jnp.sum(x, axis=jnp.array(0)).tolist() == jnp.sum(x, numpy.array(0)).tolist() == [3, 5, 7]
    assert jnp.sum(x, axis=numpy.array([0, 1])) == 15
    with pytest.raises(TypeError, match="needs a shape"):
        jnp.zeros(2.5)


def test_python_complex_numbers_do_not_lose_their_imaginary_part():
    acts = [
        lambda: jnp.full(2, 1j, "float32"),
        lambda: jnp.full_like(jnp.ones(2), 1j),
        lambda: jnp.array(1j, "float32"),
        lambda: jnp.array([1.0, 1j], "int32"),
    ]
    for act in acts:
        with pytest.raises(TypeError, match=r"(float32|int32) is for real numbers; got 1j at test_sharp_edges.py:\d+"):
            act()
    with pytest.raises(ValueError, match="arange counts from number to number"):
        jnp.arange(3j)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_powers_of_integers_are_exact_in_the_bits_there_are(dtype):
    info = numpy.iinfo(dtype)
    edges = [info.min, info.min + 1, -3 if info.min else 9, 0, 1, 2, 3, 6, 85, info.max - 1, info.max]
    exponents = [e for e in (0, 1, 2, 63, 64, 65, 96, 127, 128, 2**20 + 5, info.max - 1, info.max) if e <= info.max]
    x, y = [v.ravel() for v in numpy.meshgrid(numpy.array(edges, dtype), numpy.array(exponents, dtype))]
    expected = [builtins.pow(int(a), int(b), 1 << info.bits) for a, b in zip(x, y, strict=True)]
    with bevel.enable_x64(True):
        found = jnp.power(jnp.asarray(x), jnp.asarray(y))
        assert found.dtype == dtype
        assert numpy.asarray(found).tolist() == numpy.array(expected, numpy.uint64).astype(dtype).tolist()


def test_integers_to_negative_powers_that_are_no_numbers_known_are_whole_parts():
    x, y = jnp.array([-3, -2, -1, 0, 1, 2, 3]), jnp.array([-1, -2, -63, -64, -(2**31)])
    found = jnp.power(x[:, None], y)
    assert found[2].tolist() == [-1, 1, -1, 1, 1] and found[4].tolist() == [1] * 5
    assert (found[jnp.array([0, 1, 3, 5, 6])] == 0).all()
    assert x.at[:].power(jnp.full(7, -3)).tolist() == [0, 0, -1, 0, 1, 0, 0]
    assert jnp.power(jnp.array([255, 1], "uint8"), jnp.array([255, 0], "uint8")).tolist() == [255, 1]


def test_integers_to_large_powers_wrap_around_as_in_numpy():
    x, y = numpy.arange(-5, 6)[:, None], numpy.array([0, 1, 31, 63, 64, 70, 99, 2_000_000_001])
    for dtype in ("int32", "uint32", "int16", "int8"):
        a, b = x.astype(dtype), (y % 127 if dtype == "int8" else y % 30_000 if dtype == "int16" else y).astype(dtype)
        expected = numpy.power(a, b).tolist()
        assert jnp.power(jnp.asarray(a), jnp.asarray(b)).tolist() == expected
        assert bevel.jit(jnp.power)(a, b).tolist() == bevel.vmap(lambda i, b=b: jnp.power(i, b))(a).tolist() == expected
        for place, exponent in enumerate(b.tolist()):
            assert (jnp.asarray(a) ** exponent)[:, 0].tolist() == [row[place] for row in expected]


@pytest.mark.parametrize("highest", [63, 64, 99])
def test_long_arrays_of_integers_to_powers(highest):
    random = numpy.random.default_rng(0)
    a, b = random.integers(-9, 9, (2, 10_000)).astype("int32"), random.integers(0, highest, (2, 10_000)).astype("int32")
    b[:, -1] = highest
    expected = numpy.power(a, b)
    assert (jnp.power(a, b) == expected).all() and (bevel.vmap(jnp.power)(a, b) == expected).all()


def test_a_size_that_is_a_float_is_refused_and_leaves_no_trace():
    """The aval of shape (57.0,) would be that of (57,) ever after, since they are equal. (What was asked for with the
    int before is found by the float, too.)"""
    for act in (
        lambda: jnp.diag(jnp.ones(3), 57.0),
        lambda: jnp.diagflat(jnp.ones(3), 1.5),
        lambda: jnp.tril_indices(3, 1.5),
        lambda: bevel.random.ball(bevel.random.key(0), 57.0),
        lambda: bevel.random.orthogonal(bevel.random.key(0), 57.0),
        lambda: ShapedArray((713.0,), numpy.dtype("float32")),
    ):
        with pytest.raises(TypeError, match=r"needs an integer as|is a tuple of ints|sizes of an array are ints"):
            act()
    assert bevel.jit(lambda x: x + 1).lower(jnp.ones(713)).as_text().count("tensor<713xf32>")


def test_bins_of_several_dimensions_may_be_an_array():
    points = jnp.ones((4, 2))
    assert jnp.histogramdd(points, jnp.array([2, 3]))[0].shape == (2, 3)
    with pytest.raises(ValueError, match="3 for 2"):
        jnp.histogramdd(points, jnp.array([2, 3, 4]))


def test_a_function_over_axes_may_name_its_axis_as_it_likes():
    assert jnp.apply_over_axes(lambda a, along: jnp.max(a, along), jnp.ones((2, 3)), (0, 1)).shape == (1, 1)

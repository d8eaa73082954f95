"""Where elements sit: reshaping, joining, cutting, picking, padding, grids and matrices mean what NumPy means."""

import numpy
import pytest

import bevel
import bevel.numpy as jnp

SAME = """
np.reshape(f(2, 3), (3, 2))
np.reshape(f(2, 3), -1)
np.reshape(f(2, 3), (3, -1), order="F")
np.reshape(f(0, 3), (3, 0, 2))
np.reshape(f(), (1, 1))
np.ravel(f(2, 3))
np.ravel(f(2, 3), order="F")
np.ravel(f(0, 3))
np.transpose(f(2, 3, 4))
np.transpose(f(2, 3, 4), (1, -1, 0))
np.transpose(f())
np.matrix_transpose(f(2, 3, 4))
np.swapaxes(f(2, 3, 4), 0, -1)
np.moveaxis(f(2, 3, 4), (0, 1), (-1, 0))
np.rollaxis(f(2, 3, 4), 2)
np.rollaxis(f(2, 3, 4), 0, 3)
np.squeeze(f(1, 3, 1))
np.squeeze(f(1, 3, 1), axis=-1)
np.expand_dims(f(3), (0, -1))
np.broadcast_to(f(3, 1), (2, 3, 4))
np.broadcast_to(f(), (0, 2))
np.broadcast_arrays(f(3, 1), f(4))
np.atleast_1d(f())
np.atleast_2d(f(3))
np.atleast_3d(f(3))
np.atleast_3d(f(3, 2))
np.resize(f(2, 3), (4, 4))
np.resize(f(2, 3), (2,))
np.resize(f(0), (2,))
np.flip(f(2, 3))
np.flip(f(2, 3), axis=(1,))
np.fliplr(f(2, 3))
np.flipud(f(2, 3))
[np.rot90(f(2, 3), k) for k in range(-1, 5)]
np.rot90(f(2, 3, 4), axes=(2, 0))
np.roll(f(2, 3), 4)
np.roll(f(2, 3), -1, axis=1)
np.roll(f(2, 3), (1, 2), axis=(0, 1))
np.roll(f(2, 3), (1, 2), axis=1)
np.roll(f(0, 3), 2, axis=0)
np.unstack(f(2, 3), axis=1)
np.concatenate([f(2, 3), f(1, 3)])
np.concatenate([f(2, 3), f(2, 0)], axis=-1)
np.concatenate([f(2, 3), f(2)], axis=None)
np.concatenate([f(2), f(2, dtype="int32"), f(1, dtype="bool")])
np.stack([f(2, 3), f(2, 3)], axis=-1)
np.stack([f(), f()])
np.vstack([f(3), f(2, 3)])
np.hstack([f(3), f(2)])
np.hstack([f(2, 3), f(2, 1)])
np.dstack([f(2, 3), f(2, 3)])
np.column_stack([f(3), f(3, 2)])
np.block([[f(2, 2), f(2, 1)], [f(1, 2), f(1, 1)]])
np.block([f(2), f()])
np.append(f(2, 3), f(2))
np.append(f(2, 3), f(1, 3), axis=0)
np.split(f(6), 3)
np.split(f(2, 6), [1, 4], axis=1)
np.split(f(6), [4, 2, 9])
np.split(f(6), [-2])
np.array_split(f(7), 3)
np.split(f(6), 2.0)
np.array_split(f(5), 2.0)
np.hamming(4.0)
np.polyfit(f(4), f(4), 1.0)
np.hsplit(f(2, 4), 2)
np.vsplit(f(4, 2), [1])
np.dsplit(f(1, 2, 4), 2)
np.tile(f(2, 3), 2)
np.tile(f(3), (2, 1, 2))
np.tile(f(2, 3), (0, 1))
np.repeat(f(2, 3), 2)
np.repeat(f(2, 3), 2, axis=0)
np.repeat(f(2, 3), [1, 0, 3], axis=1)
np.repeat(f(), 3)
np.delete(f(5), 2)
np.delete(f(3, 4), [0, -1, 0], axis=1)
np.delete(f(5), slice(1, 4, 2))
np.delete(f(5), slice(1, 4))
np.delete(f(5), slice(-1, 1, -1))
np.delete(f(5), slice(None))
np.delete(f(5), slice(3, 3))
np.delete(f(3, 4), slice(1, None), axis=1)
np.delete(f(2, 3), 1)
np.insert(f(5), 2, 9.0)
np.insert(f(5), [1, 3], f(2))
np.insert(f(2, 3), 1, f(2), axis=1)
np.insert(f(2, 3), [1, 1], f(2, 2), axis=1)
np.insert(f(5), [4, 0], f(2))
np.pad(f(3), (2, 1))
np.pad(f(2, 3), ((1, 0), (0, 2)), constant_values=((1, 2), (3, 4)))
np.pad(f(2, 3), 2, mode="edge")
np.pad(f(2, 3), ((1, 2), (0, 1)), mode="reflect")
np.pad(f(3), 7, mode="reflect")
np.pad(f(4), (9, 2), mode="symmetric")
np.pad(f(4), 3, mode="reflect", reflect_type="odd")
np.pad(f(4), (3, 2), mode="symmetric", reflect_type="odd")
np.pad(f(1), 2, mode="reflect")
np.pad(f(2, 3), 4, mode="wrap")
np.pad(f(4), (2, 3), mode="linear_ramp", end_values=(5, -2))
np.pad(f(2, 4), 2, mode="maximum")
np.pad(f(2, 4), 2, mode="minimum", stat_length=2)
np.pad(f(2, 4), 2, mode="mean", stat_length=(1, 3))
np.pad(f(4), 2, mode="median")
np.pad(f(0, 2), ((1, 1), (0, 0)))
np.take(f(5), v([4, 0, -1]))
np.take(f(3, 4), v([[0, 1], [2, 3]]), axis=1)
np.take(f(5), v([7, -9]), mode="wrap")
np.take(f(5), v([7, -9]), mode="clip")
np.take_along_axis(f(3, 4), v([[0, 1], [2, 3], [1, 1]]), axis=1)
np.take_along_axis(f(3, 4), v([[2, 0, 1, 1]]), axis=0)
np.take_along_axis(f(3, 4), v([5, 2]), axis=None)
np.choose(v([0, 1, 1]), [f(3), f(2, 3)], mode="clip")
np.choose(v([0, 5, -1]), [f(3), f(1)], mode="wrap")
np.unravel_index(v([0, 5, 11]), (3, 4))
np.ravel_multi_index((v([0, 2]), v([1, 3])), (3, 4), mode="clip")
np.ravel_multi_index((v([0, 5]), v([1, -1])), (3, 4), mode="wrap")
np.ravel_multi_index((v([0, 2]), v([1, 3])), (3, 4), mode="clip", order="F")
[np.diag(f(3), k) for k in (-2, -1, 0, 1, 3)]
[np.diag(f(3, 4), k) for k in (-3, -1, 0, 2, 4)]
[np.diagonal(f(3, 4, 2), k, 1, 0) for k in (-3, -1, 0, 2, 4)]
np.diagonal(f(2, 3, 4), axis1=-1, axis2=0)
np.diagflat(f(2, 2), 1)
[np.trace(f(3, 4), k) for k in (-5, -1, 0, 2)]
np.trace(f(3, 4, 2, dtype="int8"))
[np.tril(f(3, 4), k) for k in (-4, -1, 0, 2)]
[np.triu(f(2, 3, 4), k) for k in (-4, -1, 0, 2)]
np.triu(f(0, 3))
np.vander(f(3))
np.vander(f(3, dtype="int32"), 2, increasing=True)
np.meshgrid(f(3), f(2))
np.meshgrid(f(3), f(2), f(4), indexing="ij")
np.meshgrid(f(3), f(2), sparse=True)
np.meshgrid(f(3))
np.ix_(v([0, 2]), v([1, 0, 3]))
np.apply_along_axis(np.cumsum, 1, f(2, 3, 4))
np.apply_over_axes(np.sum, f(2, 3, 4), [0, -1])
np.vectorize(np.dot, signature="(n),(n)->()")(f(4, 1, 3), f(2, 3))
np.vectorize(lambda a, b: a + b)(f(2, 1), f(3))
"""
# Without arrays among the arguments, or with shapes that values decide: eagerly alone.
EAGER = """
[np.eye(3, 4, k) for k in (-3, -1, 0, 2, 5)]
np.eye(0)
np.identity(3)
np.tri(3, 4, 1)
np.indices((2, 3))
np.indices((2, 3), sparse=True)
np.tril_indices(3, 1, 4)
np.triu_indices(3, -1)
np.diag_indices(3)
np.linspace(0, 1, 5)
np.linspace(2, -3, 7, endpoint=False)
np.linspace(0, 1, 1)
np.linspace(0, 1, 0)
np.linspace(f(3), f(1), 4, axis=-1)
np.linspace(0, 9, 4, dtype=int)
np.linspace(0, 1, 5, retstep=True)
np.logspace(0, 2, 5, base=2.0)
np.geomspace(1, 1000, 4)
np.geomspace(-2, -32, 5, endpoint=False)
np.mgrid[0:2, 0:3]
np.mgrid[0:1:5j]
np.ogrid[0:2, 0:3]
np.r_[1:4, 0, f(2)]
np.r_["0,2", f(2), f(2)]
np.c_[f(3), f(3)]
np.trim_zeros(v([0, 0, 1, 0, 2, 0]))
np.trim_zeros(v([0, 0, 1, 0, 2, 0]), "b")
np.compress(v([True, False, True]), f(3, 2), axis=0)
np.extract(f(3, 2) > 0, f(3, 2))
np.choose(v([0, 1, 1]), [f(3), f(2, 3)])
np.fromfunction(lambda i, j: i * j, (2, 3))
np.frombuffer(b"abcd", dtype="uint8")
np.broadcast_shapes((2, 1), (3,), ())
"""


def rows(text):
    return [line for line in text.strip().splitlines() if line]


@pytest.mark.parametrize("source", rows(SAME))
def test_means_what_numpy_means(source, means_the_same):
    means_the_same(source)


@pytest.mark.parametrize("source", rows(EAGER))
def test_means_what_numpy_means_eagerly(source, means_the_same):
    means_the_same(source, jit=False)


@pytest.mark.parametrize(
    "source",
    [
        "np.roll(f(2, 3), v(2), axis=1)",
        "np.roll(f(2, 3), v(-4))",
        "np.repeat(f(3), v([2, 0, 1]), total_repeat_length=3)",
    ],
)
def test_shifts_and_counts_may_be_traced(source, means_the_same):
    plain = source.replace(", total_repeat_length=3", "")
    expected = eval(plain, {"np": numpy, "f": _numbers, "v": numpy.asarray})
    assert numpy.array_equal(eval(source, {"np": jnp, "f": _numbers, "v": jnp.asarray}), expected)
    traced = bevel.jit(lambda shift, x: eval(source, {"np": jnp, "f": lambda *shape: x, "v": lambda _: shift}))
    shift = eval(plain, {"np": _Catch(), "f": _numbers, "v": numpy.asarray})
    assert numpy.array_equal(traced(shift, _numbers(*((2, 3) if "roll" in source else (3,)))), expected)


def _numbers(*shape):
    return numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape) - 2


class _Catch:
    """np.roll and np.repeat that give back their second argument."""

    def roll(self, x, shift, axis=None):
        return shift

    repeat = roll


def test_repeats_fill_up_with_the_last_and_are_cut_off():
    x = jnp.array([1, 2, 3])
    assert jnp.repeat(x, jnp.array([1, 1, 1]), total_repeat_length=5).tolist() == [1, 2, 3, 3, 3]
    assert jnp.repeat(x, jnp.array([2, 2, 2]), total_repeat_length=3).tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("np.reshape(x, (4,))", TypeError, "cannot reshape array of shape (2, 3) (size 6) into shape (4,)"),
        ("np.reshape(x, (-1, 4))", TypeError, "not a multiple of 4"),
        ("np.squeeze(x, 0)", ValueError, "its size is 2, not 1"),
        ("np.sum(x, axis=2)", ValueError, "axis 2 is out of bounds for array of dimension 2"),
        ("np.expand_dims(x, (0, 0))", ValueError, "twice|duplicate"),
        ("np.transpose(x, (0, 0))", TypeError, "each of the 2 axes"),
        ("np.broadcast_to(x, (4, 3))", ValueError, "requested shape (4, 3)"),
        ("np.concatenate([])", ValueError, "Need at least one array"),
        ("np.concatenate([x, x[0]])", TypeError, "different numbers of dimensions"),
        ("np.stack([x, x[0]])", ValueError, "same shape"),
        (
            "np.stack([[1, 2, 3], [4]])",
            TypeError,
            "stack requires ndarray or scalar arguments, got list at position 0 (arrays[0])",
        ),
        ("np.split(x, 2, axis=1)", ValueError, "equal division"),
        ("np.kaiser(2.5, 1)", TypeError, "kaiser needs an integer as M"),
        ("np.polyfit(x[0], x[1], 1.5)", TypeError, "polyfit needs an integer as deg"),
        ("np.split(x, 2.5)", TypeError, "split needs an integer as indices_or_sections"),
        ("np.pad(x, -1)", ValueError, "negative"),
        ("np.pad(x, 1, mode='edge', stat_length=2)", ValueError, "unsupported keyword"),
        ("np.take(x, 1.5)", ValueError, "integer"),
        ("np.take_along_axis(x, np.arange(2), 1)", ValueError, "same number of dimensions"),
        ("np.put_along_axis(x, np.zeros((2, 1), int), 9, 1)", ValueError, "inplace=False"),
        ("np.vectorize(np.dot, signature='(n),(n)->()')(x, x[:, :2])", ValueError, "inconsistent size"),
        ("np.sum(x, out=x)", NotImplementedError, "immutable"),
    ],
)
def test_refuses_with_a_letter(source, error, words):
    with pytest.raises(error) as raised:
        eval(source, {"np": jnp, "x": jnp.arange(6.0).reshape(2, 3)})
    assert any(part in str(raised.value) for part in words.split("|"))
    assert len(str(raised.value).splitlines()) <= 8


def test_what_lies_outside_is_filled():
    x = jnp.arange(3.0)
    assert numpy.isnan(jnp.take(x, 7)) and numpy.isnan(jnp.take(x, -9)) and jnp.take(x, -1) == 2
    assert jnp.take(x, 7, mode="fill", fill_value=5) == 5
    assert jnp.take(jnp.arange(3), 7) == numpy.iinfo("int32").min
    filled = jnp.take_along_axis(x, jnp.array([5, -1]), axis=0)
    assert numpy.isnan(filled[0]) and filled[1] == 2


def test_bits_are_read_as_another_dtype():
    x = numpy.array([1.5, -2.0], "float32")
    for dtype in ("int32", "int16", "uint8", "complex64"):
        assert numpy.array_equal(jnp.array(x).view(dtype), x.view(dtype))
    pairs = numpy.array([[1 + 2j, 3j]], "complex64")
    assert numpy.array_equal(jnp.array(pairs).view("float32"), pairs.view("float32"))
    with pytest.raises(ValueError, match="multiple of 2"):
        jnp.zeros(3, "int16").view("int32")


def test_weak_types_stay_where_nothing_is_computed():
    weak = jnp.broadcast_to(1.0, (2, 2))
    for keeps in (
        jnp.ravel,
        jnp.flip,
        jnp.tril,
        jnp.transpose,
        lambda x: jnp.concatenate([x, x]),
        lambda x: jnp.pad(x, 1),
    ):
        assert keeps(weak).weak_type
    for drops in (jnp.diag, jnp.sum, jnp.max, jnp.mean, jnp.cumsum):
        assert not drops(weak).weak_type


SAME_ELEMENTS = {
    "reshape": lambda xp, x: xp.reshape(x, (-1, 50)),
    "ravel": lambda xp, x: xp.ravel(x),
    "squeeze": lambda xp, x: xp.squeeze(x, 1),
    "expand_dims": lambda xp, x: xp.expand_dims(x, (0, -1)),
}


@pytest.mark.parametrize("name", SAME_ELEMENTS)
def test_large_arrays_are_not_copied_for_another_shape(name):
    """Nor can one see it: what is given away or deleted on one side stays on the other."""
    numbers = numpy.arange(20_000, dtype=numpy.float32).reshape(200, 1, 100)
    change = lambda x: SAME_ELEMENTS[name](jnp, x)
    expected = SAME_ELEMENTS[name](numpy, numbers)
    add_one = bevel.jit(lambda x: x + 1, donate_argnums=0)
    x = jnp.asarray(numbers) * 1
    x.block_until_ready()
    y = change(x)
    assert y.unsafe_buffer_pointer() == x.unsafe_buffer_pointer()
    assert (y.dtype, y.weak_type, y.sharding) == (x.dtype, x.weak_type, x.sharding)
    numpy.testing.assert_array_equal(y, expected)
    numpy.testing.assert_array_equal(add_one(x), numbers + 1)
    numpy.testing.assert_array_equal(y, expected)
    z = change(y.reshape(numbers.shape))
    numpy.testing.assert_array_equal(add_one(y), expected + 1)
    y = None
    x.delete() if not x.is_deleted() else None
    numpy.testing.assert_array_equal(z, expected)
    numpy.testing.assert_array_equal(bevel.jit(change)(jnp.asarray(numbers)), expected)
    numpy.testing.assert_array_equal(
        change(jnp.asarray(numbers).astype("bfloat16")).astype("float32").shape, expected.shape
    )
    slope = bevel.grad(lambda x: jnp.sum(change(x) ** 2))(jnp.asarray(numbers))
    numpy.testing.assert_array_equal(slope, 2 * numbers)


def test_axes_and_sizes_may_be_ranges():
    x = jnp.ones((1, 2, 3))
    assert jnp.expand_dims(x, range(2)).shape == jnp.expand_dims(x, {0, 1}).shape == (1, 1, 1, 2, 3)
    assert x.reshape(range(1, 4)).shape == jnp.tile(x[0, 0, 0], range(1, 4)).shape == (1, 2, 3)
    assert jnp.roll(x, (1, 1), range(2)).shape == (1, 2, 3) and x.sum(range(2)).shape == (3,)


# what each makes of x, and what it makes of x where it has to compute something
ITSELF = """
jnp.reshape(x, (3, 3))              jnp.reshape(x, (9, 1))
x.reshape(3, -1)                    x.reshape(-1)
jnp.broadcast_to(x, (3, 3))         jnp.broadcast_to(x, (1, 3, 3))
jnp.transpose(x, (0, 1))            jnp.transpose(x)
x[0].T                              x.T
x.astype("float32")                 x.astype("int32")
jnp.astype(x, jnp.float32)          jnp.astype(x, jnp.float32, copy=True)
x.view("float32")                   x.view("int32")
jnp.concatenate([x])                jnp.concatenate([x], axis=None)
x[:]                                x[::-1]
x[...]                              x[..., None]
x[()]                               x[None]
x[0:3, :9]                          x[0:2]
lax.stop_gradient(x)                lax.neg(x)
"""


@pytest.mark.parametrize("line", ITSELF.strip().splitlines())
def test_what_changes_nothing_gives_its_argument(line):
    """As under JAX, without a copy; what only might change nothing gives a new array."""
    stays, changes = [part.strip() for part in line.split("  ") if part.strip()]
    matrix = jnp.arange(9.0).reshape(3, 3)
    names = {"jnp": jnp, "lax": bevel.lax, "x": matrix}
    if stays.startswith("x[0].T"):
        names["x"] = [matrix[0]]
    result = eval(stays, names)
    assert result is (matrix if names["x"] is matrix else names["x"][0])
    names["x"] = matrix
    assert eval(changes, names) is not matrix
    staged = bevel.jit(lambda x: eval(stays, {**names, "x": x if "x[0].T" not in stays else [x[0]]}))(matrix)
    assert staged is not matrix
    assert (staged == result).all()


def test_a_weakly_typed_array_loses_its_weakness_in_astype():
    x = jnp.asarray(2.0)
    assert x.weak_type
    assert not x.astype("float32").weak_type


@pytest.mark.parametrize("shape", [(3,), (300,), (0,), (40, 7), (2, 0, 3)])
@pytest.mark.parametrize("reps", [(9,), (17,), (40,), (3, 20), (20, 3), (50, 1), (2, 1, 9)])
def test_many_copies(shape, reps):
    x = numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape)
    numpy.testing.assert_array_equal(jnp.tile(x, reps), numpy.tile(x, reps))


@pytest.mark.parametrize("sizes", [(300_000, 300_000), (600_000, 300_000, 300_000), (300_000, 299_999), (599_999, 3)])
@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1)])
@pytest.mark.parametrize("is_computed", [False, True])
def test_long_arrays_are_joined(sizes, shape, is_computed):
    parts = [numpy.arange(n, dtype="int32").reshape(shape) for n in sizes]
    axis = shape.index(-1)
    joined = bevel.jit(lambda parts: jnp.concatenate([x * 3 for x in parts] if is_computed else parts, axis))(parts)
    expected = numpy.concatenate(parts, axis) * (3 if is_computed else 1)
    numpy.testing.assert_array_equal(joined, expected)

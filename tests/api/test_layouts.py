"""How arrays lie in memory: what a program computes does not depend on it, and it lies as asked."""

import itertools

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.layouts import LayoutError
from bevel.experimental.layout import Format, Layout
from bevel.experimental.serialize_executable import deserialize_and_load, serialize
from bevel.sharding import Mesh, NamedSharding
from bevel.sharding import PartitionSpec as P

X = jnp.arange(6.0).reshape(2, 3)
VALUES = np.asarray(X)
ROWS, COLUMNS, AUTO = Format(Layout((0, 1)), X.sharding), Format(Layout((1, 0)), X.sharding), Format(Layout.AUTO)
MESH = Mesh(np.array(bevel.devices()[:2]), ("x",))


def order(array):
    return array.format.layout.major_to_minor


def by_columns(committed):
    if committed:
        return bevel.device_put(X, COLUMNS)
    return bevel.jit(lambda x: x.T, out_shardings=AUTO)(X.T)


@pytest.mark.parametrize("committed", [True, False])
def test_no_number_depends_on_how_an_array_lies(committed):
    y = by_columns(committed)
    assert order(y) == (1, 0) and y.committed == committed
    assert np.asarray(y).strides == (4, 8)
    closed = bevel.jit(lambda a: a @ y.T + y.sum())  # y is a constant of the program
    for values in itertools.permutations([X, y, VALUES, y], 4):
        doubled = bevel.jit(lambda x: x * 2 + 0)
        for x in values:
            np.testing.assert_array_equal(doubled(x), VALUES * 2)
        if values[0] is not X:
            continue
        for x in values:
            np.testing.assert_array_equal(jnp.add(x, 1), VALUES + 1)
            np.testing.assert_array_equal(closed(x), VALUES @ VALUES.T + VALUES.sum())
    for part, expected in ((y[0], VALUES[0]), (y.T, VALUES.T), (y.reshape(-1), VALUES.ravel()), (y.copy(), VALUES)):
        np.testing.assert_array_equal(part, expected)
    np.testing.assert_array_equal(bevel.grad(lambda x: (x**2).sum())(y), 2 * VALUES)
    np.testing.assert_array_equal(bevel.device_put(y, ROWS), VALUES)


@pytest.mark.parametrize("given", [ROWS, COLUMNS, Format()])
@pytest.mark.parametrize("results", [ROWS, COLUMNS, AUTO, Format()])
def test_a_program_takes_and_gives_arrays_as_asked(given, results):
    wanted = given.layout.major_to_minor if given.layout else (0, 1)
    f = bevel.jit(lambda x, k: (x * 2 + k, k), in_shardings=(given, None), out_shardings=(results, None))
    lying = bevel.device_put(X, given)
    for x in (X, VALUES, lying, X, VALUES, lying):
        value, _ = f(x, 1)
        np.testing.assert_array_equal(value, VALUES * 2 + 1)
        if results is not AUTO:
            assert order(value) == (results.layout.major_to_minor if results.layout else (0, 1))
    compiled = f.lower(X, 1).compile()
    assert compiled.input_formats[0][0].layout.major_to_minor == wanted
    assert order(compiled(lying, 1)[0]) == compiled.output_formats[0].layout.major_to_minor
    np.testing.assert_array_equal(compiled(VALUES, 1)[0], VALUES * 2 + 1)


def test_the_compiler_chooses():
    f = bevel.jit(lambda x: x.T + 1, in_shardings=AUTO, out_shardings=AUTO)
    compiled = f.lower(bevel.ShapeDtypeStruct((2, 3), jnp.float32)).compile()
    x = bevel.device_put(X, compiled.input_formats[0][0])
    assert order(compiled(x)) == compiled.output_formats.layout.major_to_minor != order(x)
    with pytest.raises(LayoutError, match=r"for an argument of Layout.AUTO.*\n.*ShapeDtypeStruct"):
        f(x)


def test_a_program_read_from_bytes_takes_arrays_as_asked():
    compiled = bevel.jit(lambda x: x * 2, in_shardings=COLUMNS, out_shardings=COLUMNS).lower(X).compile()
    again = deserialize_and_load(*serialize(compiled))
    lying = by_columns(True)
    for x in (lying, X, VALUES, lying, VALUES):
        np.testing.assert_array_equal(again(x), VALUES * 2)
        assert order(again(x)) == (1, 0)


def test_a_struct_says_how_its_array_lies():
    struct = bevel.ShapeDtypeStruct((2, 3), jnp.float32, sharding=COLUMNS)
    assert struct.format == COLUMNS and struct.sharding == X.sharding and "format=Layout" in repr(struct)
    assert struct.update(dtype=jnp.int32).format == COLUMNS != bevel.ShapeDtypeStruct((2, 3), jnp.float32).format
    lowered = bevel.jit(lambda x: x + 1).lower(struct)
    assert '{mhlo.layout_mode = "{0,1}"}' in lowered.as_text()
    np.testing.assert_array_equal(lowered.compile()(by_columns(True)), VALUES + 1)
    with pytest.raises(TypeError, match="stands for an array"):
        bevel.ShapeDtypeStruct((2, 3), jnp.float32, sharding=AUTO)


def test_memory_is_given_to_a_result_that_lies_alike():
    text = bevel.jit(lambda x: (x + 1, x * 2), donate_argnums=0, out_shardings=(None, COLUMNS)).lower(by_columns(True))
    assert "tf.aliasing_output = 1" in text.as_text()
    f = bevel.jit(lambda x: x + 1, donate_argnums=0, out_shardings=COLUMNS)
    np.testing.assert_array_equal(f(by_columns(True)), VALUES + 1)


def test_layouts_inside_of_programs_are_wishes():
    @bevel.jit
    def f(x):
        inner = bevel.jit(lambda x: x + 1, in_shardings=COLUMNS, out_shardings=COLUMNS)
        return bevel.device_put(inner(x), COLUMNS) * 2

    np.testing.assert_array_equal(f(X), (VALUES + 1) * 2)
    assert f.lower(X).as_text().count("@LayoutConstraint") == 3
    mapped = bevel.vmap(bevel.jit(lambda x: x * 2, in_shardings=COLUMNS))
    np.testing.assert_array_equal(mapped(jnp.stack([X, X])), [VALUES * 2] * 2)


def test_layouts_of_the_parts_on_several_devices():
    wanted = Format(Layout((1, 0)), NamedSharding(MESH, P("x")))
    values = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    x = bevel.device_put(values, wanted)
    y = bevel.jit(lambda x: x * 2, in_shardings=wanted, out_shardings=wanted)(x)
    made = bevel.make_array_from_callback((4, 3), wanted, lambda index: values[index] * 2)
    for array in (y, made):
        assert order(array) == (1, 0) and array.sharding == wanted.sharding
        np.testing.assert_array_equal(array, values * 2)
    np.testing.assert_array_equal(y + 1, values * 2 + 1)
    parts = [shard.data for shard in y.addressable_shards]
    whole = bevel.make_array_from_single_device_arrays((4, 3), wanted.sharding, parts)
    np.testing.assert_array_equal(whole + 0, values * 2)


@pytest.mark.parametrize("offset", [0, 4])
def test_columns_that_come_by_dlpack(offset):
    held = np.zeros(128 + 24, np.uint8)
    start = -held.ctypes.data % 64 + offset  # the engine uses memory that is aligned, and copies what is not
    columns = held[start : start + 24].view(np.float32).reshape(3, 2).T
    columns[...] = VALUES
    x = jnp.from_dlpack(columns)
    np.testing.assert_array_equal(x + 1, VALUES + 1)
    np.testing.assert_array_equal(bevel.jit(lambda x: x[0])(x), VALUES[0])


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: bevel.jit(jnp.sin, in_shardings=ROWS)(by_columns(True)), LayoutError, r"lie in the order \(1, 0\) at"),
        (lambda: bevel.jit(jnp.sin).lower(X).compile()(by_columns(True)), LayoutError, r"compiled for \(0, 1\)"),
        (lambda: bevel.jit(jnp.sin, in_shardings=COLUMNS)(X[0]), LayoutError, r"\(1, 0\) as the order.*shape \(3,\)"),
        (lambda: bevel.jit(jnp.sin, in_shardings=Format(Layout((0, 1))))(X), LayoutError, "no sharding"),
        (lambda: bevel.device_put(X, Format(Layout((0, 1)))), LayoutError, "no sharding"),
        (lambda: bevel.device_put(X, AUTO), LayoutError, "no program to choose"),
        (lambda: bevel.device_put(X, Format(Layout((1, 1)), X.sharding)), LayoutError, "each of its 2 axes once"),
        (lambda: bevel.device_put(X, Format(Layout((0, 1), ((8, 128),)), X.sharding)), LayoutError, "tiles"),
        (lambda: Format("rows", X.sharding), TypeError, "takes a Layout, Layout.AUTO or None"),
        (lambda: Format(Layout((0, 1)), bevel.devices()[0]), TypeError, "takes a sharding"),
    ],
)  # fmt: skip
def test_what_cannot_lie_so_is_refused(ask, error, words):
    with pytest.raises(error, match=words):
        ask()

"""Arrays over several devices: what is computed from them is what one device computes, and lies where JAX lays it."""

import pickle

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.errors import DeviceMismatchError, ShardingError
from bevel.sharding import Mesh, NamedSharding
from bevel.sharding import PartitionSpec as P

MESH = Mesh(np.array(bevel.devices()[:4]).reshape(2, 2), ("x", "y"))
VALUES = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
SPECS = [P(), P("x"), P(None, "y"), P("y", None), P(("x", "y")), P("x", "y"), P(None, ("y", "x"))]
# What programs are made of, each with where JAX 0.10.2 lays its result where the operand lies by P("x", "y").
PROGRAMS = [
    (lambda x: jnp.sin(x) * 2 + x, P("x", "y")),
    (lambda x: x @ x.T, P("x")),
    (lambda x: x.sum(0), P("y")),
    (lambda x: x.sum(), P()),
    (lambda x: x.T, P("y", "x")),
    (lambda x: x[0], P("y")),
    (lambda x: jnp.sort(x, 0), P("x", "y")),
    (lambda x: jnp.concatenate([x, x]), P("x", "y")),
    (lambda x: jax_like_layer_norm(x), P("x", "y")),
    (lambda x: x.reshape(-1), None),
    (lambda x: x[::2, 1:], None),
    (lambda x: x[jnp.array([3, 1, 6])], None),
    (lambda x: x.at[jnp.array([3, 1])].add(1.0), None),
    (lambda x: jnp.cumsum(x, 0), None),
    (lambda x: jnp.fft.rfft(x), None),
    (lambda x: jnp.linalg.qr(x)[1], None),
    (lambda x: jnp.argmax(x, 1), None),
    (lambda x: lax.scan(lambda c, row: (c + row.sum(), c * row), 0.0, x), None),
    (lambda x: lax.fori_loop(0, 5, lambda i, c: jnp.tanh(c + i), x), None),
    (lambda x: lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x), None),
    (lambda x: jnp.where(x > 0, x, -x), None),
    (lambda x: bevel.random.normal(bevel.random.key(3), x.shape) + x, None),
    (lambda x: bevel.nn.softmax(x, 1), None),
    (lambda x: lax.top_k(x, 2), None),
]


def jax_like_layer_norm(x):
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def laid(spec, values=VALUES):
    return bevel.device_put(values, NamedSharding(MESH, spec))


def assert_same(got, wanted):
    for a, b in zip(bevel.tree.leaves(got), bevel.tree.leaves(wanted), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("spec", [P(), P("x"), P(None, "y"), P("x", "y")], ids=str)
@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_programs_give_what_one_device_gives(number, spec):
    program, lies = PROGRAMS[number]
    compiled = bevel.jit(program)
    x = laid(spec)
    wanted = compiled(VALUES)
    for _ in range(2):  # the second time C++ runs it by itself
        result = compiled(x)
        assert_same(result, wanted)
    if lies is not None and spec == P("x", "y"):
        assert result.sharding.spec == lies and result.sharding.mesh == MESH


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_transformations(spec):
    def loss(w, x):
        return jnp.mean(jnp.tanh(x @ w) ** 2)

    w = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    stacks = [bevel.grad(loss), bevel.jacfwd(loss), bevel.hessian(loss), bevel.vmap(bevel.grad(loss), (None, 0))]
    for stack in stacks:
        assert_same(bevel.jit(stack)(w, laid(spec)), stack(w, VALUES))
        assert_same(stack(w, laid(spec)), stack(w, VALUES))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_arrays(spec):
    x = laid(spec)
    np.testing.assert_array_equal(x, VALUES)
    assert (x.shape, x.dtype, x.sharding.spec, len(x.devices())) == ((8, 4), np.float32, spec, 4)
    assert x.device == x.sharding and x.is_fully_replicated == (spec == P())
    assert repr(x) == repr(jnp.asarray(VALUES)) and x.tolist() == VALUES.tolist()
    for shard in x.addressable_shards:
        np.testing.assert_array_equal(shard.data, VALUES[shard.index])
        assert shard.data.devices() == {shard.device} and shard.data.shape == x.sharding.shard_shape(x.shape)
    assert_same(x + 1, VALUES + 1)
    assert_same(x + VALUES, VALUES * 2)
    assert_same(x + jnp.asarray(VALUES), VALUES * 2)  # not committed to its one device
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x)), VALUES)
    assert pickle.loads(pickle.dumps(x.sharding)) == x.sharding
    for other in SPECS:
        y = bevel.device_put(x, NamedSharding(MESH, other))
        assert y.sharding.spec == other
        np.testing.assert_array_equal(y, VALUES)
    one = bevel.device_put(x, bevel.devices()[3])
    assert one.devices() == {bevel.devices()[3]}
    np.testing.assert_array_equal(one, VALUES)
    np.testing.assert_array_equal(bevel.device_put(one, x.sharding), VALUES)


def test_arrays_of_parts():
    rows = NamedSharding(MESH, P("x"))
    made = bevel.make_array_from_callback((8, 4), rows, lambda index: VALUES[index])
    np.testing.assert_array_equal(made, VALUES)
    assert made.sharding == rows
    again = bevel.make_array_from_single_device_arrays((8, 4), rows, [s.data for s in made.addressable_shards])
    np.testing.assert_array_equal(again, VALUES)
    np.testing.assert_array_equal(bevel.make_array_from_process_local_data(rows, VALUES), VALUES)
    with pytest.raises(ShardingError, match=r"takes an array of shape \(4, 4\) from each of 4 devices"):
        bevel.make_array_from_single_device_arrays((8, 4), rows, [jnp.ones((2, 4))])
    keys = bevel.device_put(bevel.random.split(bevel.random.key(0), 8), rows)
    drawn = bevel.vmap(bevel.random.normal)(keys)
    np.testing.assert_array_equal(drawn, bevel.vmap(bevel.random.normal)(bevel.random.split(bevel.random.key(0), 8)))
    assert drawn.sharding.spec == P("x")
    assert jnp.zeros((8, 4), device=rows).sharding == rows


def test_shardings_of_jit():
    rows, columns = NamedSharding(MESH, P("x")), NamedSharding(MESH, P(None, "y"))
    f = bevel.jit(lambda x, scale: {"double": x * scale}, in_shardings=(rows, None), out_shardings=columns)
    for x in (VALUES, jnp.asarray(VALUES), laid(P("x")), laid(P("y"))):
        result = f(x, 2.0)["double"]
        assert result.sharding == columns
        assert_same(result, VALUES * 2)
    assert_same(bevel.jit(lambda x: f(x, 3.0))(VALUES), {"double": VALUES * 3})
    assert_same(bevel.grad(lambda x: f(x, 3.0)["double"].sum())(VALUES), np.full_like(VALUES, 3))
    compiled = f.lower(VALUES, 2.0).compile()
    assert compiled.input_shardings[0][0] == rows and compiled.output_shardings == {"double": columns}
    assert_same(compiled(VALUES, 2.0), {"double": VALUES * 2})
    described = bevel.ShapeDtypeStruct((8, 4), np.float32, sharding=rows)
    lowered = bevel.jit(lambda x: x + 1).lower(described)
    assert 'sdy.sharding<@mesh, [{"x"}, {}]>' in lowered.as_text() and "num_partitions = 4" in lowered.as_text()
    assert lowered.compile().output_shardings == rows
    given = laid(P("x"))
    taken = bevel.jit(lambda x: x + 1, donate_argnums=0)(given)
    assert given.is_deleted() and taken.sharding == rows
    with pytest.raises(bevel.errors.DonatedBufferError):
        given + 1


def test_constraints():
    rows = NamedSharding(MESH, P("x"))
    f = bevel.jit(lambda x: lax.with_sharding_constraint(x * 2, rows))
    assert f(VALUES).sharding == rows
    assert_same(f(VALUES), VALUES * 2)
    assert_same(bevel.grad(lambda x: f(x).sum())(VALUES), np.full_like(VALUES, 2))
    mapped = bevel.jit(bevel.vmap(lambda row: lax.with_sharding_constraint(row, NamedSharding(MESH, P("y")))))
    assert mapped(VALUES).sharding.spec == P(None, "y")
    along = bevel.vmap(lambda r: lax.with_sharding_constraint(r, NamedSharding(MESH, P("y"))), spmd_axis_name="x")
    assert bevel.jit(along)(VALUES).sharding.spec == P("x", "y")
    assert lax.with_sharding_constraint({"a": VALUES}, rows)["a"].sharding == rows
    put = bevel.jit(lambda x: bevel.device_put((x * 2, x.sum()), (rows, None)))(VALUES)
    assert put[0].sharding == rows
    assert_same(put[0], VALUES * 2)
    along_y = NamedSharding(MESH, P("y"))
    put = bevel.jit(bevel.vmap(lambda row: bevel.device_put(row, along_y)))(VALUES)
    assert put.sharding.spec == P(None, "y")
    assert bevel.reshard(laid(P("y")), rows).sharding == rows
    with bevel.set_mesh(MESH):
        assert bevel.jit(lambda x: lax.with_sharding_constraint(x, P("y")))(VALUES).sharding.spec == P("y")
        assert bevel.device_put(VALUES, P("x")).sharding == rows
        assert bevel.sharding.get_mesh() == MESH
    with MESH:
        assert bevel.jit(lambda x: x, out_shardings=P("x"))(VALUES).sharding == rows
    assert "sharding_constraint" in str(bevel.make_jaxpr(f)(VALUES))


def test_callbacks(capfd):
    x = laid(P("x"))
    seen = []

    @bevel.jit
    def f(x):
        bevel.debug.callback(lambda v: seen.append(v), x.sum())
        bevel.debug.print("largest {}", x.max(), ordered=True)
        return bevel.pure_callback(np.sin, bevel.ShapeDtypeStruct((8, 4), np.float32), x)

    np.testing.assert_allclose(f(x), np.sin(VALUES), rtol=1e-6)
    bevel.effects_barrier()
    assert len(seen) == 1 and capfd.readouterr().out.startswith("largest")


def test_letters():
    with pytest.raises(ShardingError, match="names the mesh axis 'q', which Mesh"):
        NamedSharding(MESH, P("q"))
    with pytest.raises(ShardingError, match="twice"):
        NamedSharding(MESH, P("x", "x"))
    with pytest.raises(ShardingError, match=r"axis 0 of size 7 does not fall into 2 equal parts"):
        bevel.device_put(np.ones(7), NamedSharding(MESH, P("x")))
    with pytest.raises(ShardingError, match=r"has 1 axis, and P\('x', 'y'\) says how 2 are cut"):
        bevel.device_put(np.ones(8), NamedSharding(MESH, P("x", "y")))
    with pytest.raises(DeviceMismatchError, match=r"on the devices \[0, 1, 2, 3\] and on \[3\]"):
        laid(P("x")) + bevel.device_put(VALUES, bevel.devices()[3])
    with pytest.raises(ShardingError, match="no mesh is around by which to read it"):
        bevel.device_put(VALUES, P("x"))
    with pytest.raises(ShardingError, match="needs 99 devices; there are"):
        bevel.make_mesh((99,), ("x",))
    with pytest.raises(ShardingError, match="needs one name for each axis"):
        Mesh(np.array(bevel.devices()), ("x", "y"))


def test_drawing(capsys):
    bevel.debug.visualize_array_sharding(laid(P("x", "y")))
    drawn = capsys.readouterr().out
    assert all([f"CPU {i}" in drawn for i in range(4)]) and len(drawn.splitlines()) == 5


def test_one_device_of_a_mesh_keeps_its_fast_forms():
    one = NamedSharding(Mesh(np.array(bevel.devices()[:1]), ("d",)), P("d"))
    x = bevel.device_put(np.arange(50_000.0, dtype=np.float32)[::-1], one)
    result = bevel.jit(jnp.sort, out_shardings=one)(x)
    np.testing.assert_array_equal(result, np.arange(50_000.0, dtype=np.float32))
    assert result.sharding == one and (x + 1).sharding.mesh == one.mesh


@pytest.mark.parametrize("dtype", ["bfloat16", "int8", "bool", "complex64", "float8_e4m3fn", "int4"])
def test_dtypes(dtype):
    values = jnp.arange(32).reshape(8, 4).astype(dtype)
    for spec in (P("x"), P()):
        x = bevel.device_put(values, NamedSharding(MESH, spec))
        assert (x == values).all() and np.asarray(x).dtype == np.asarray(values).dtype
        np.testing.assert_array_equal(np.asarray(x), np.asarray(values))


def test_the_sharding_of_a_type_says_where_only_under_a_mesh():
    """What `typeof(x).sharding` gives may be handed on wherever a sharding is taken, as libraries do."""
    key, nowhere = bevel.random.key(0), bevel.typeof(jnp.ones((8, 4))).sharding
    for at in (nowhere, None):
        for draw in (lambda at=at: bevel.random.bernoulli(key, 0.5, (8, 4), out_sharding=at),
                     bevel.jit(lambda at=at: bevel.random.bernoulli(key, 0.5, (8, 4), out_sharding=at)),
                     lambda at=at: jnp.zeros((8, 4), device=at), lambda at=at: bevel.device_put(VALUES, at),
                     lambda at=at: bevel.jit(lambda x: x + 1, in_shardings=at)(VALUES)):  # fmt: skip
            assert draw().sharding == jnp.ones(3).sharding
    rows = NamedSharding(MESH.abstract_mesh, P("x", None))
    with bevel.set_mesh(MESH):
        assert bevel.device_put(VALUES, rows).sharding.is_equivalent_to(NamedSharding(MESH, P("x")), 2)
    with pytest.raises(ShardingError, match="names alone"):
        bevel.device_put(VALUES, rows)


def test_parts_that_do_not_fit_are_refused():
    rows = NamedSharding(MESH, P("x"))
    for part, words in (
        (lambda index: VALUES, r"takes an array of shape \(4, 4\) for each of 4 devices.*float32\[8, 4\] for device 0"),
        (
            lambda index: VALUES[index].astype(np.int32 if index[0].start else np.float32),
            r"all of one dtype; got int32",
        ),
    ):
        with pytest.raises(ShardingError, match=words):
            bevel.make_array_from_callback((8, 4), rows, part)
    mine = VALUES.copy()
    made = bevel.make_array_from_callback((8, 4), rows, lambda index: mine[index])
    mine[:] = 0
    np.testing.assert_array_equal(made, VALUES)
    assert NamedSharding(MESH, P("x")) is rows
    assert NamedSharding(MESH, P("x", unreduced={"y"})) != rows

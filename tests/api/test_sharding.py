"""Arrays over several devices: what is computed from them is what one device computes, and lies where JAX lays it."""

import pickle
import re

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


# Each with the P by which its result is asked for.
PLACED = {
    "ravel": (lambda x, at: jnp.ravel(x, out_sharding=at), P("x")),
    "ravel by columns": (lambda x, at: jnp.ravel(x, "F", out_sharding=at), P("y")),
    "flatten": (lambda x, at: x.flatten(out_sharding=at), P(("x", "y"))),
    "reshape": (lambda x, at: jnp.reshape(x, (4, 8), out_sharding=at), P("x", "y")),
    "reshape to what it has": (lambda x, at: x.reshape(8, 4, out_sharding=at), P("y")),
    "broadcast_to": (lambda x, at: jnp.broadcast_to(x, (2, 8, 4), out_sharding=at), P(None, "x")),
    "broadcast_to what it has": (lambda x, at: jnp.broadcast_to(x, (8, 4), out_sharding=at), P("x")),
    "repeat": (lambda x, at: jnp.repeat(x, 2, axis=0, out_sharding=at), P("x")),
    "repeat each": (lambda x, at: jnp.repeat(x[0], jnp.array([1, 1, 2, 4]), total_repeat_length=8, out_sharding=at), P("y")),
    "bincount": (lambda x, at: jnp.bincount(x[0].astype(int), length=4, out_sharding=at), P("x")),
    "dot": (lambda x, at: jnp.dot(x, x.T, out_sharding=at), P("x", "y")),
    "matmul": (lambda x, at: jnp.matmul(x, x.T, out_sharding=at), P("y")),
    "tensordot": (lambda x, at: jnp.tensordot(x, x, 2 * ((1,),), out_sharding=at), P("y")),
    "einsum": (lambda x, at: jnp.einsum("ij,kj->ik", x, x, out_sharding=at), P(None, "y")),
    "percentile": (lambda x, at: jnp.percentile(x, 50, axis=0, out_sharding=at), P("x")),
    "get": (lambda x, at: x.at[jnp.array([3, 1])].get(out_sharding=at), P("x")),
    "set": (lambda x, at: x.at[0].set(1.0, out_sharding=at), P("x", "y")),
    "add": (lambda x, at: x.at[0].add(1.0, out_sharding=at), P("x")),
    "zeros": (lambda x, at: jnp.zeros((8, 4), out_sharding=at), P("x")),
    "full": (lambda x, at: jnp.full((8, 4), x[0, 0], out_sharding=at), P("x")),
    "zeros_like": (lambda x, at: jnp.zeros_like(x, out_sharding=at), P("y")),
    "arange": (lambda x, at: jnp.arange(8, out_sharding=at), P("x")),
    "array": (lambda x, at: jnp.array(x, out_sharding=at), P("x")),
    "asarray of the host": (lambda x, at: jnp.asarray(VALUES, out_sharding=at), P("x")),
    "lax.broadcasted_iota": (lambda x, at: lax.broadcasted_iota("int32", (8, 4), 0, out_sharding=at), P("x")),
    "lax.broadcast": (lambda x, at: lax.broadcast(x, (2,), out_sharding=at), P("x")),
    "lax.broadcast_in_dim": (lambda x, at: lax.broadcast_in_dim(x, (8, 2, 4), (0, 2), out_sharding=at), P("x", "y")),
    "lax.reshape": (lambda x, at: lax.reshape(x, (4, 8), out_sharding=at), P("x")),
    "lax.reduce_sum": (lambda x, at: lax.reduce_sum(x, (1,), out_sharding=at), P("x")),
    "lax.reduce": (lambda x, at: lax.reduce(x, 0.0, lax.add, (1,), out_sharding=at), P("x")),
    "lax.dot": (lambda x, at: lax.dot(x, x.T, out_sharding=at), P("x")),
    "lax.dot_general": (lambda x, at: lax.dot_general(x, x, (((1,), (1,)), ((), ())), out_sharding=at), P("x")),
    "lax.ragged_dot": (lambda x, at: lax.ragged_dot(x, jnp.ones((2, 4, 2)), jnp.array([3, 5]), out_sharding=at), P("x")),
    "lax.empty": (lambda x, at: lax.empty((8, 4), "float32", out_sharding=at), P("x")),
    "lax.full": (lambda x, at: lax.full((8, 4), x[0, 0], sharding=at), P("x")),
    "lax.full_like": (lambda x, at: lax.full_like(x, 2.0, sharding=at), P("x")),
    "lax.conv": (lambda x, at: lax.conv_general_dilated(
        x[None, None], jnp.ones((1, 1, 3, 3)), (1, 1), "SAME", out_sharding=at), P(None, None, "x")),
    "lax.rng_bit_generator": (lambda x, at: lax.rng_bit_generator(
        jnp.arange(4, dtype="uint32"), (8, 4), out_sharding=at)[1], P("x")),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACED)
def test_results_lie_where_out_sharding_says(name):
    """Called eagerly and while tracing, by a sharding and by axes of the mesh around; and what is given stays."""
    function, spec = PLACED[name]
    expected, wanted = np.asarray(function(jnp.asarray(VALUES), None)), NamedSharding(MESH, spec)
    for at in (wanted, spec):
        for run in (lambda x, at=at: function(x, at), bevel.jit(lambda x, at=at: function(x, at))):
            with bevel.set_mesh(MESH):
                y = run(jnp.asarray(VALUES))
            assert y.sharding.is_equivalent_to(wanted, y.ndim), (y.sharding, at)
            np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_out_sharding_needs_a_mesh_for_the_names_of_its_axes():
    with pytest.raises(ShardingError, match=r"out_sharding= was given P\('x',\) at test_sharding.py:\d+, and no mesh"):
        jnp.ravel(VALUES, out_sharding=P("x"))
    slope = bevel.grad(lambda x: (jnp.dot(x, x.T, out_sharding=NamedSharding(MESH, P("x"))) ** 2).sum())
    np.testing.assert_allclose(slope(VALUES), 4 * VALUES @ VALUES.T @ VALUES, rtol=1e-5)
    rows = bevel.vmap(lambda x: jnp.repeat(x, 2, out_sharding=NamedSharding(MESH, P("x"))))(VALUES)
    np.testing.assert_array_equal(rows, VALUES.repeat(2, 1))


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


FACTORED = {
    "cholesky": lambda a: jnp.linalg.cholesky(a @ a.mT + 9 * jnp.eye(5)),
    "qr": lambda a: jnp.linalg.qr(a)[1],
    "solve": lambda a: jnp.linalg.solve(a + 9 * jnp.eye(5), a),
    "eigh": lambda a: jnp.linalg.eigvalsh(a + a.mT),
    "svd": lambda a: jnp.linalg.svd(a)[1],
    "eigvals": lambda a: abs(jnp.linalg.eigvals(a)).sum(-1),
    "gradient": bevel.grad(lambda a: (jnp.linalg.inv(a + 9 * jnp.eye(5)) ** 2).sum()),
}


@pytest.mark.parametrize("spec", [P("x"), P(("x", "y")), P("x", "y"), P(None, "y")], ids=str)
@pytest.mark.parametrize("name", FACTORED)
def test_each_device_factors_the_matrices_that_it_holds(name, spec):
    a = np.random.default_rng(1).normal(size=(8, 2, 5, 5)).astype(np.float32)
    run = bevel.jit(FACTORED[name])
    laid = bevel.device_put(a, NamedSharding(MESH, spec))
    np.testing.assert_allclose(run(laid), run(a), rtol=1e-4, atol=1e-5)
    assert "all-gather" not in run.lower(laid).compile().as_text()


# Work along rows, of which each device has some: none needs another's.
ALONG_ROWS = """
    jnp.cumsum(x, 1); jnp.cumsum(i, 1); jnp.cumprod(x, 1); jnp.cumsum(x[:, ::-1], 1); jnp.cumsum(x > 0, 1); lax.cummax(x, 1)
    lax.cumlogsumexp(x, 1); jnp.sort(x, 1); jnp.sort(i, 1); jnp.argsort(x, 1); jnp.argmax(x, 1); jnp.argmin(i, 1)
    jnp.max(x, 1); jnp.max(i, 1); jnp.any(x > 0, 1); jnp.all(i > 0, 1); jnp.sum(x, 1); jnp.sum(i, 1); jnp.std(x, 1)
    jnp.count_nonzero(i, 1); jnp.median(x, 1); jnp.quantile(x, 0.3, 1); jnp.nanmedian(x, 1); jnp.flip(x, 1)
    jnp.roll(x, 3, 1); jnp.fft.fftshift(x, 1); jnp.pad(x, ((0, 0), (2, 2)))
    jnp.pad(x, ((0, 0), (2, 2)), mode="wrap"); jnp.take_along_axis(x, i, 1); jnp.diff(x, axis=1); jnp.tile(x, (1, 2))
    jnp.concatenate([x, x], 1); jnp.repeat(x, 2, 1); jnp.linalg.norm(x, axis=1); jnp.isin(i, i[0, :20]); x[:, 7]
    jnp.floor_divide(i, 7); jnp.power(i, 3); jnp.trapezoid(x, axis=1); x.at[:, 7].set(1); lax.top_k(i, 3)[1]
    bevel.vmap(lambda r: jnp.nonzero(r, size=5)[0])(i); bevel.vmap(lambda r: jnp.unique(r, size=5))(i)
    bevel.vmap(lambda r: jnp.bincount(r, length=7))(i); bevel.grad(lambda z: jnp.sort(z, 1)[:, 0].sum())(x)
    bevel.grad(lambda z: jnp.cumsum(z, 1).sum())(x); bevel.nn.softmax(x, 1)
"""
ALONG_ROWS = [work.strip() for work in ALONG_ROWS.replace("\n", ";").split(";") if work.strip()]


@pytest.mark.parametrize("work", ALONG_ROWS)
def test_work_along_rows_sends_nothing(work):
    lies = NamedSharding(MESH, P(("x", "y")))
    draw = np.random.default_rng(2)
    x = bevel.device_put(draw.normal(size=(64, 5000)).astype(np.float32), lies)
    i = bevel.device_put(draw.integers(0, 7, (64, 5000), np.int32), lies)
    run = bevel.jit(eval(f"lambda x, i: {work}"))
    sent = re.findall(r" (all-\w+|collective-\w+|reduce-scatter)\(", run.lower(x, i).compile().as_text())
    # the count that decides whether one row has more distinct numbers than were asked for is everyone's
    assert [how for how in sent if how != "all-reduce"] == []
    np.testing.assert_allclose(run(x, i), run(np.asarray(x), np.asarray(i)), rtol=2e-4, atol=2e-3)


@pytest.mark.parametrize("work", ["x % 7.0", "jnp.gcd(i, 12)", "jnp.any(x > 9)"])
def test_a_choice_for_all_sends_one_number(work):
    lies = NamedSharding(MESH, P(("x", "y")))
    x, i = [bevel.device_put(np.ones((64, 5000), t), lies) for t in (np.float32, np.int32)]
    text = bevel.jit(eval(f"lambda x, i: {work}")).lower(x, i).compile().as_text()
    assert set(re.findall(r" (all-\w+|collective-\w+|reduce-scatter)\(", text)) == {"all-reduce"}

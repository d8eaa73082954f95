"""shard_map and pmap: each device's part by itself, collectives between them, and every transformation around and inside."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.errors import ShapeError, ShardingError
from bevel.experimental import io_callback
from bevel.sharding import Mesh, NamedSharding
from bevel.sharding import PartitionSpec as P

MESH = Mesh(np.array(bevel.devices()[:4]), ("x",))
GRID = Mesh(np.array(bevel.devices()[:4]).reshape(2, 2), ("x", "y"))
VALUES = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
ROWS = VALUES.reshape(4, 2, 4)  # the part of each device along x


ALONG = P("x")


def mapped(f, in_specs=ALONG, out_specs=ALONG, mesh=MESH, **more):
    return bevel.shard_map(f, mesh=mesh, in_specs=in_specs, out_specs=out_specs, **more)


def whole(parts):
    return np.concatenate(list(parts))


def everyone(value):
    return np.broadcast_to(value, (4, *np.shape(value)))


# A function of a part, where its result goes, and what it is by NumPy.
COLLECTIVES = {
    "nothing": (lambda p: p * 2, P("x"), VALUES * 2),
    "psum": (lambda p: lax.psum(p, "x"), P(), ROWS.sum(0)),
    "pmean": (lambda p: lax.pmean(p.mean(), "x"), P(), VALUES.mean()),
    "pmax": (lambda p: lax.pmax(p, "x"), P(), ROWS.max(0)),
    "pmin": (lambda p: lax.pmin(p, "x"), P(), ROWS.min(0)),
    "all_gather": (lambda p: lax.all_gather(p, "x"), P(), ROWS),
    "all_gather, tiled": (lambda p: lax.all_gather(p, "x", tiled=True), P(), VALUES),
    "psum_scatter": (
        lambda p: lax.psum_scatter(jnp.tile(p, (2, 1)), "x", tiled=True), P("x"), whole(np.tile(ROWS, (1, 2, 1)).sum(0, keepdims=True)),
    ),
    "all_to_all": (
        lambda p: lax.all_to_all(p, "x", 1, 0, tiled=True), P("x"),
        whole([whole([ROWS[j][:, i : i + 1] for j in range(4)]) for i in range(4)]),
    ),
    "ppermute, a turn": (lambda p: lax.ppermute(p, "x", [(i, (i + 1) % 4) for i in range(4)]), P("x"), whole(np.roll(ROWS, 1, 0))),
    "ppermute, some": (lambda p: lax.ppermute(p, "x", [(0, 2), (3, 1)]), P("x"), whole([0 * ROWS[0], ROWS[3], ROWS[0], 0 * ROWS[0]])),
    "pshuffle": (lambda p: lax.pshuffle(p, "x", [2, 0, 3, 1]), P("x"), whole(ROWS[[2, 0, 3, 1]])),
    "axis_index": (lambda p: p + lax.axis_index("x"), P("x"), whole(ROWS + np.arange(4, dtype=np.float32)[:, None, None])),
    "axis_size": (lambda p: p * lax.axis_size("x"), P("x"), VALUES * 4),
    "joined in a row": (lambda p: p.sum(keepdims=True), P("x"), ROWS.sum((1, 2), keepdims=True)[:, 0]),
    "joined across": (lambda p: p, P(None, "x"), np.concatenate(list(ROWS), 1)),
    "one for all": (lambda p: jnp.ones(2), P("x"), np.ones(8, np.float32)),
}  # fmt: skip


@pytest.mark.parametrize("name", COLLECTIVES)
def test_collectives(name):
    f, out_specs, wanted = COLLECTIVES[name]
    for run in (mapped(f, out_specs=out_specs), bevel.jit(mapped(f, out_specs=out_specs))):
        result = run(VALUES)
        np.testing.assert_allclose(result, wanted, rtol=1e-6, atol=1e-6)
        assert result.sharding.spec == out_specs


def test_two_axes_of_the_mesh():
    f = mapped(lambda p: lax.psum(p.sum(), ("x", "y")), P("x", "y"), P(), GRID)
    np.testing.assert_allclose(f(VALUES), VALUES.sum(), rtol=1e-5)
    f = mapped(lambda p: lax.psum(p, "y"), P("x", "y"), P("x"), GRID)
    np.testing.assert_allclose(f(VALUES), VALUES[:, :2] + VALUES[:, 2:], rtol=1e-6)
    f = mapped(lambda p: p.sum(keepdims=True), P(("x", "y")), P(("x", "y")), GRID)
    np.testing.assert_allclose(f(VALUES), VALUES.reshape(4, -1).sum(1)[:, None], rtol=1e-5)
    f = mapped(lambda p: lax.psum(p, "x"), P("x"), P(), GRID, axis_names={"x"})  # y is the compiler's
    np.testing.assert_allclose(f(VALUES), VALUES.reshape(2, 4, 4).sum(0), rtol=1e-6)
    f = mapped(lambda p: p * 2, P("x"), P("x"), GRID, axis_names={"x"})
    columns = bevel.device_put(VALUES, bevel.sharding.NamedSharding(GRID, P(None, "y")))
    assert bevel.jit(f)(columns).sharding.spec == P("x", "y")
    f = mapped(lambda a, b: a @ b, (P("x"), None), P("x"))
    np.testing.assert_allclose(f(VALUES, VALUES.T), VALUES @ VALUES.T, rtol=1e-4, atol=1e-5)
    trees = mapped(lambda t: {"sum": t["a"] + t["b"][0]}, P("x"), {"sum": P("x")})
    np.testing.assert_allclose(trees({"a": VALUES, "b": [VALUES]})["sum"], VALUES * 2)


def loss_by_parts(w):
    def part(w, rows):
        return lax.pmean(jnp.mean(jnp.tanh(rows @ w) ** 2), "x")

    return mapped(part, (P(), P("x")), P())(w, VALUES)


def loss(w):
    return jnp.mean(jnp.tanh(VALUES @ w) ** 2)


@pytest.mark.parametrize("transform", [
    lambda f: f, bevel.grad, bevel.jacfwd, bevel.hessian, lambda f: bevel.jit(bevel.grad(f)),
    lambda f: lambda w: bevel.vmap(f)(jnp.stack([w, 2 * w])), lambda f: lambda w: bevel.jvp(f, (w,), (w,)),
    lambda f: bevel.grad(bevel.checkpoint(f)),
    lambda f: lambda w: lax.scan(lambda w, _: (w - 0.1 * bevel.grad(f)(w), f(w)), w, None, length=3),
], ids="f grad jacfwd hessian jit+grad vmap jvp remat scan".split())  # fmt: skip
def test_transformations_around(transform):
    w = np.random.default_rng(1).normal(size=4).astype(np.float32)
    for got, wanted in zip(*[bevel.tree.leaves(transform(f)(w)) for f in (loss_by_parts, loss)], strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=1e-5)


def test_transformations_inside():
    f = mapped(bevel.vmap(bevel.grad(lambda row: jnp.sum(row**3))))
    np.testing.assert_allclose(f(VALUES), 3 * VALUES**2, rtol=1e-5)
    f = mapped(lambda p: lax.scan(lambda c, r: (c + r, lax.psum(c, "x")), jnp.zeros(4), p)[1], out_specs=P())
    sums = np.concatenate([np.zeros((4, 1, 4), np.float32), np.cumsum(ROWS, 1)[:, :-1]], 1).sum(0)
    np.testing.assert_allclose(f(VALUES), sums, rtol=1e-5, atol=1e-6)
    f = mapped(lambda p: lax.while_loop(lambda c: jnp.abs(c).max() < 100, lambda c: c * 2, p))
    wanted = whole([p * 2.0 ** np.ceil(np.log2(100 / np.abs(p).max())) for p in ROWS])
    np.testing.assert_allclose(f(VALUES), wanted, rtol=1e-5)
    f = mapped(lambda p: lax.cond(p.sum() > 0, jnp.sin, jnp.cos, p))
    np.testing.assert_allclose(f(VALUES), whole([np.sin(p) if p.sum() > 0 else np.cos(p) for p in ROWS]), rtol=1e-5)
    keys = bevel.random.split(bevel.random.key(0), 4)
    drawn = mapped(lambda k: bevel.random.normal(k[0], (2,)))(keys)
    np.testing.assert_array_equal(drawn, np.concatenate([bevel.random.normal(k, (2,)) for k in keys]))


def test_letters_of_shard_map():
    with pytest.raises(ShardingError, match=r"may differ from device to device along the mesh axis 'x'"):
        mapped(lambda p: p, out_specs=P())(VALUES)
    first = mapped(lambda p: p, out_specs=P(), check_vma=False)(VALUES)
    np.testing.assert_array_equal(first, ROWS[0])
    with pytest.raises(ShardingError, match=r"argument p of shape \(7,\) cannot be cut .* 4 equal parts"):
        mapped(lambda p: p)(np.ones(7))
    with pytest.raises(ShardingError, match="1 to be joined along|0 axes to be joined along"):
        mapped(lambda p: lax.psum(p.sum(), "x"), out_specs=P("x"))(VALUES)
    with pytest.raises(ShardingError, match="has no mesh"):
        bevel.shard_map(lambda p: p, in_specs=P("x"), out_specs=P("x"))(VALUES)
    with bevel.set_mesh(MESH):
        np.testing.assert_array_equal(bevel.shard_map(lambda p: p, in_specs=P("x"), out_specs=P("x"))(VALUES), VALUES)
    with pytest.raises(ShardingError, match="'y' is left to the compiler"):
        mapped(lambda p: p, P("y"), P("x"), GRID, axis_names={"x"})(VALUES)
    decorated = bevel.shard_map(mesh=MESH, in_specs=P("x"), out_specs=P("x"))(lambda p: p + 1)
    np.testing.assert_array_equal(decorated(VALUES), VALUES + 1)


def test_pmap():
    np.testing.assert_array_equal(bevel.pmap(lambda x: x * 2)(ROWS), ROWS * 2)
    total = bevel.pmap(lambda x: x / lax.psum(x, "i"), axis_name="i")(ROWS)
    np.testing.assert_allclose(total, ROWS / ROWS.sum(0), rtol=1e-5)
    assert total.sharding.spec == P("i") and len(total.devices()) == 4
    few = bevel.pmap(lambda x, y: x + y, in_axes=(0, None))(ROWS[:2], 3.0)
    np.testing.assert_array_equal(few, ROWS[:2] + 3)
    assert len(few.devices()) == 2
    np.testing.assert_allclose(bevel.pmap(lambda x, n: x**n, static_broadcasted_argnums=1)(ROWS, 3), ROWS**3, rtol=1e-6)
    across = bevel.pmap(lambda x: {"a": x}, in_axes=1, out_axes=1)(ROWS.transpose(1, 0, 2))["a"]
    np.testing.assert_array_equal(across, ROWS.transpose(1, 0, 2))
    nested = bevel.pmap(bevel.vmap(lambda x: lax.psum(x, "i"), axis_name="j"), axis_name="i")(ROWS)
    np.testing.assert_allclose(nested[0], ROWS.sum(0), rtol=1e-5, atol=1e-6)
    slope = bevel.grad(lambda x: bevel.pmap(lambda r: jnp.sum(r**2))(x).sum())(ROWS)
    np.testing.assert_allclose(slope, 2 * ROWS, rtol=1e-6)
    with pytest.raises(ShapeError, match="was given 99 slices, and there are"):
        bevel.pmap(lambda x: x)(np.ones(99))
    with pytest.raises(ShapeError, match=r"(?s)pmap of <lambda> needs one size.*y, float32\[2\], has 2"):
        bevel.pmap(lambda x, n, y: x, static_broadcasted_argnums=1)(np.ones(4), 3, np.ones(2))
    with pytest.raises(ValueError, match="pmap of <lambda> maps axis 0 of n, which is int32"):
        bevel.pmap(lambda x, n: x)(np.ones(4), 3)


# ---- calls of Python


METHODS = [None, "sequential", "expand_dims", "broadcast_all", "legacy_vectorized"]


def doubled(seen, method=None):
    def host(x):
        seen.append(x.shape)
        return 2 * np.asarray(x)

    return lambda x: bevel.pure_callback(host, bevel.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrap", [
    lambda f: f,
    lambda f: lambda p: bevel.jit(f)(p),
    lambda f: lambda p: lax.scan(lambda c, _: (f(c) / 2, None), f(p), None, length=2)[0],
    lambda f: lambda p: lax.cond(p.sum() > -1e9, f, lambda p: p, p),
], ids=["as it is", "jit", "scan", "cond"])  # fmt: skip
def test_a_callback_is_called_for_each_device(method, wrap):
    seen = []
    np.testing.assert_array_equal(mapped(wrap(doubled(seen, method)))(VALUES), 2 * VALUES)
    assert set(seen) == {(2, 4)}
    assert len(seen) % 4 == 0
    seen.clear()
    np.testing.assert_array_equal(bevel.pmap(wrap(doubled(seen, method)))(ROWS), 2 * ROWS)
    assert set(seen) == {(2, 4)}


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_callback_under_vmap_around_and_inside(method):
    seen = []
    stack = np.stack([VALUES, VALUES + 1, VALUES - 1])
    f = mapped(doubled(seen, method), P("x", "y"), P("x", "y"), GRID)
    np.testing.assert_array_equal(bevel.vmap(f, 1, 1)(stack.swapaxes(0, 1)), 2 * stack.swapaxes(0, 1))
    one = (4, 2)
    assert seen == ([one] * 12 if method == "sequential" else [(3, *one)] * 4)
    seen.clear()
    inside = mapped(bevel.vmap(doubled(seen, method)))
    np.testing.assert_array_equal(inside(VALUES), 2 * VALUES)
    assert seen == ([(4,)] * 8 if method == "sequential" else [(2, 4)] * 4)


def test_a_callback_under_a_vmap_of_the_same_axes_goes_by_its_method():
    seen = []
    f = bevel.jit(doubled(seen, "expand_dims"))
    np.testing.assert_array_equal(bevel.vmap(f, axis_name="x")(ROWS), 2 * ROWS)
    np.testing.assert_array_equal(mapped(f)(VALUES), 2 * VALUES)
    np.testing.assert_array_equal(bevel.vmap(f, axis_name="x")(ROWS), 2 * ROWS)
    assert seen == [(4, 2, 4), *[(2, 4)] * 4, (4, 2, 4)]
    with pytest.raises(NotImplementedError, match="vmap_method"):
        bevel.vmap(doubled([]), spmd_axis_name="x")(ROWS)


def test_ordered_effects_happen_device_by_device(capfd):
    seen = []

    def part(p):
        io_callback(lambda x: seen.append(("first", float(x))), None, p[0, 0], ordered=True)
        io_callback(lambda x: seen.append(("then", float(x))), None, p[0, 0], ordered=True)
        return p

    mapped(part)(VALUES)
    starts = [float(row[0, 0]) for row in ROWS]
    assert seen == [("first", x) for x in starts] + [("then", x) for x in starts]
    assert "rematerialization" not in capfd.readouterr().err


class OnDeviceError(Exception):
    pass


@pytest.mark.parametrize("call", [
    lambda f: bevel.jit(lambda x: (bevel.pure_callback(f, x, x) * x).sum()),
    lambda f: mapped(lambda p: lax.psum(doubled_by(f)(p), "x"), out_specs=P()),
    lambda f: bevel.jit(lambda x: lax.while_loop(lambda c: c.sum() < 1e6, lambda c: doubled_by(f)(c) + 1, x)),
    lambda f: bevel.jit(lambda x: (io_callback(f, None, x, ordered=True), x.sum())[1]),
    lambda f: bevel.jit(lambda x: (bevel.debug.callback(f, x), x.sum())[1]),
], ids=["pure", "shard_map", "while", "io", "debug"])  # fmt: skip
def test_an_exception_in_a_program_over_devices_leaves_them_all_alive(call):
    """The device that calls must not leave the others waiting: XLA would end the process."""

    def failing(x):
        calls.append(1)
        raise OnDeviceError("while four devices work")

    calls = []
    f = call(failing)
    x = bevel.device_put(VALUES, NamedSharding(MESH, P("x")))
    for _ in range(2):
        with pytest.raises(OnDeviceError, match="four devices"):
            f(x)
    assert len(calls) == 2
    assert np.asarray(mapped(lambda p: lax.psum(p, "x"), out_specs=P())(x)).shape == (2, 4)


def doubled_by(f):
    return lambda p: bevel.pure_callback(f, bevel.ShapeDtypeStruct(p.shape, p.dtype), p)

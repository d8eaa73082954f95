"""Functions exported for any sizes give what they give for each."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import export, lax
from bevel.api.control_flow import cond, fori_loop, scan, while_loop
from bevel.base.dimensions import InconclusiveDimensionOperation

FUNCTIONS = {
    "elementwise": lambda x: jnp.where(x > 0, x, 0.5) * x.shape[0] + 1,
    "shapes": lambda x: (x.reshape(-1), x.T, x[:, None, :] * x[None], x.reshape(x.shape[0], 1, 3)),
    "joined": lambda x: (jnp.concatenate([x, x]), jnp.stack([x, x]), jnp.tile(x, (2, 1)), jnp.pad(x, ((0, 1), (0, 0)))),
    "slices": lambda x: (x[: x.shape[0] // 2], x[0], x[-1], x[:, 1:], x[::-1]),
    "made": lambda x: (jnp.arange(x.shape[0]), jnp.zeros(x.shape), jnp.ones_like(x), x.size * 1.5),
    "reduced": lambda x: (x.mean(), x.std(0), x.argmax(0), bevel.nn.logsumexp(x, 0), jnp.linalg.norm(x, axis=1)),
    "attention": lambda x: bevel.nn.softmax(x @ x.T / x.shape[0]) @ x,
    "layer": lambda x: jnp.tanh((x - x.mean(-1, keepdims=True)) @ jnp.ones((3, 4))),
    "gradient": bevel.grad(lambda x: jnp.mean(jnp.tanh(x @ jnp.ones((3, 4))) ** 2)),
    "programs": lambda x: (
        bevel.vmap(bevel.jit(lambda r: r * r.sum()))(x),
        cond(x.sum() > 0, lambda x: x, lambda x: 2 * x, x),
        scan(lambda c, r: (c + r.sum(), c * r), 0.0, x),
    ),
    "loops": lambda x: (
        scan(lambda h, row: (jnp.tanh(row[:, None] + h), h), jnp.zeros(x.shape), x.T),
        bevel.vmap(lambda r: scan(lambda c, y: (c + y, c * y), 0.0, r))(x),
        fori_loop(0, x.shape[0], lambda i, c: c + x[i], jnp.zeros(3)),
        bevel.vmap(lambda r: while_loop(lambda c: c < 9, lambda c: 2 * c + 1, abs(r.sum())))(x),
    ),
    "a network that remembers, differentiated": bevel.grad(
        lambda x: (scan(bevel.checkpoint(lambda h, row: (jnp.tanh(h * row[:, None]), h)), x, x.T)[0] ** 2).sum()
    ),
    "strides": lambda x: (x[::2], x[1::2], x[::-2], x[:-1:3], x[-2::-1]),
    "rolled": lambda x: (jnp.roll(x, 2, 0), jnp.roll(x, -1, 1), jnp.roll(x, (1, 5), (0, 1))),
    "cumulative": lambda x: (jnp.cumsum(x, 0), jnp.cumprod(x, 1), lax.cummax(x, 0, reverse=True), jnp.cumsum(x)),
    "windows": lambda x: (
        lax.dynamic_slice(x, (9, 1), (x.shape[0], 2)),
        lax.dynamic_slice_in_dim(x, x.argmax(0)[0], 1, 1),
        x.at[:, 0].set(1.0),
        x[:, x.argmax(1)],
        x.at[x.argmin(0)].add(1.0),
    ),
    "few of many": lambda x: (lax.top_k(x, 2), jnp.nonzero(x > 0, size=3), jnp.unique(x, size=2)),
    "matrices": lambda x: (
        jnp.linalg.inv(x[:, :, None] * x[:, None] + jnp.eye(3)),
        jnp.linalg.eigvalsh(x[:, :, None] * x[:, None]),
        abs(jnp.linalg.qr(x[:, :, None] * x[:, None] + jnp.eye(3))[1]),
        jnp.eye(x.shape[0]),
    ),
    "matrices of any size": lambda x: (
        jnp.linalg.inv(x @ x.T + jnp.eye(x.shape[0])),
        jnp.linalg.cholesky(x @ x.T + jnp.eye(x.shape[0])),
        jnp.linalg.svd(x.T @ x)[1],
        jnp.linalg.eigvalsh(x @ x.T),
    ),
    "jacobians": lambda x: (bevel.jacrev(lambda w: jnp.tanh(x @ w))(x[0]), bevel.jacfwd(lambda w: x @ w)(x[0])),
    "keys": lambda x: bevel.vmap(lambda k: bevel.random.normal(k, (3,)))(
        bevel.random.split(bevel.random.key(0), x.shape[0])
    ),
    "random": lambda x: bevel.random.normal(bevel.random.key(0), x.shape),
    "sort": lambda x: jnp.sort(x, axis=0),
}


def example(text="b, 3", **options):
    return bevel.ShapeDtypeStruct(export.symbolic_shape(text, **options), np.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_for_any_size(name):
    f = FUNCTIONS[name]
    exported = export.deserialize(export.export(bevel.jit(f))(example()).serialize())
    for b in (1, 4):
        x = jnp.asarray(np.random.default_rng(b).normal(size=(b, 3)).astype(np.float32))
        found, wanted = bevel.tree.leaves(exported.call(x)), bevel.tree.leaves(f(x))
        for mine, w in zip(found, wanted, strict=True):
            assert mine.shape == jnp.shape(w)
            np.testing.assert_allclose(mine, w, rtol=1e-4, atol=1e-5)


def test_calls_under_transformations_and_what_it_tells():
    f = bevel.jit(lambda x, y: jnp.sin(x[: y.shape[0]]) * jnp.concatenate([y, y])[: y.shape[0]])
    x, y = export.symbolic_args_specs((jnp.ones(6), jnp.ones(3)), ("2*n", "n"))
    exported = export.deserialize(export.export(f)(x, y).serialize(vjp_order=1))
    assert [str(a) for a in exported.in_avals] == ["float32[2*n]", "float32[n]"]
    assert "tensor<?xf32>" in exported.mlir_module()
    x, y = jnp.arange(4.0), jnp.arange(2.0)
    np.testing.assert_allclose(bevel.jit(exported.call)(x, y), f(x, y), rtol=1e-6)
    np.testing.assert_allclose(
        bevel.grad(lambda x: exported.call(x, y).sum())(x), bevel.grad(lambda x: f(x, y).sum())(x), rtol=1e-6
    )
    rows = bevel.vmap(exported.call, (0, None))(jnp.stack([x, x + 1]), y)
    np.testing.assert_allclose(rows[1], f(x + 1, y), rtol=1e-6)
    with pytest.raises(ValueError, match=r"takes float32\[2\*n\], float32\[n\]; it was called with float32\[3\]"):
        exported.call(jnp.ones(3), y)
    with pytest.raises(ValueError, match=r"takes float32\[n\] as argument \[1\] where n = 2"):
        exported.call(x, jnp.ones(3))


def test_an_open_program_inside_of_another():
    inner = export.export(bevel.jit(lambda x: x.reshape(-1) * x.shape[0]))(example())
    outer = export.export(bevel.jit(lambda x: inner.call(jnp.concatenate([x, x])).sum()))(example("n, 3"))
    assert float(outer.call(jnp.ones((2, 3)))) == 2 * 2 * 3 * 4
    assert "tensor<?x3xf32>" in bevel.jit(lambda x: x + 1).lower(example()).as_text()


def test_constraints_hold_at_the_call():
    shape = example("b, 3", constraints=["b >= 4", "mod(b, 2) == 0"])
    exported = export.export(bevel.jit(lambda x: x.reshape(2, x.shape[0] // 2, 3) if x.shape[0] > 3 else x))(shape)
    exported = export.deserialize(exported.serialize())
    assert exported.call(jnp.ones((6, 3))).shape == (2, 3, 3)
    with pytest.raises(ValueError, match="was made for b >= 4; it was called with b = 2"):
        exported.call(jnp.ones((2, 3)))
    with pytest.raises(ValueError, match=r"was made for mod\(b, 2\) == 0; it was called with b = 5"):
        exported.call(jnp.ones((5, 3)))


def test_what_is_refused_says_so():
    with pytest.raises(
        InconclusiveDimensionOperation, match="depends on the dimensions: the difference may be -1 to inf"
    ):
        export.export(bevel.jit(lambda x: jnp.linspace(0, 1, x.shape[0])))(example())
    with pytest.raises(InconclusiveDimensionOperation, match="depends on the dimensions"):
        export.export(bevel.jit(lambda x: x if x.shape[0] > 3 else -x))(example())
    with pytest.raises(ValueError, match="dimension b cannot be told"):
        export.export(bevel.jit(lambda x: x))(example("b*b, 3"))
    with pytest.raises(InconclusiveDimensionOperation, match="has open dimensions, b, and is compiled for known sizes"):
        bevel.jit(lambda x: x + 1).lower(example()).compile()
    with pytest.raises(ValueError, match="ends in '...'"):
        export.symbolic_shape("b, ...")
    assert export.symbolic_shape("_, n", like=(4, None))[0] == 4
    assert export.is_symbolic_dim(export.symbolic_shape("n")[0])

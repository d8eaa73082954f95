"""Arrays in another memory of a device: put there, inside programs and out, and taken from there."""

import pickle

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp

X = np.arange(3, dtype=np.float32)


MEMORIES = {kind: jnp.ones(1).sharding.with_memory_kind(kind) for kind in ("device", "pinned_host")}


def memory(kind):
    return MEMORIES[kind]


def test_put_and_taken():
    waiting = bevel.device_put(X, memory("pinned_host"))
    assert waiting.sharding.memory_kind == "pinned_host"
    assert pickle.loads(pickle.dumps(waiting.sharding)) == waiting.sharding
    for f in (lambda x: x + 1, bevel.jit(lambda x: x + 1), bevel.jit(lambda x: x + 1).lower(X).compile()):
        for _ in range(2):  # the second call is C++'s, where the first one left it to it
            np.testing.assert_array_equal(f(waiting), X + 1)
            assert f(waiting).sharding.memory_kind == "device"
    np.testing.assert_array_equal(bevel.device_put(waiting, memory("device")), X)


@pytest.mark.parametrize("nested", [False, True])
def test_put_inside_a_program(nested):
    def f(x):
        y = bevel.device_put(jnp.sin(x), memory("pinned_host"))
        return bevel.device_put(y, memory("device")) * 2, y, x + 1

    f = bevel.jit(bevel.jit(f)) if nested else bevel.jit(f)
    twice, waiting, _ = f(X)
    np.testing.assert_allclose(twice, 2 * np.sin(X), rtol=1e-6)
    np.testing.assert_allclose(waiting, np.sin(X), rtol=1e-6)
    for transformed, wanted in (
        (bevel.vmap(lambda x: f(x)[1]), np.sin(X)),
        (bevel.grad(lambda x: f(x)[1].sum() + f(x)[0].sum()), 3 * np.cos(X)),
    ):
        np.testing.assert_allclose(transformed(X), wanted, rtol=1e-6)
    text = f.trace(X).lower(lowering_platforms=("cuda",)).as_text()
    assert text.count('_xla_buffer_placement = "pinned_host"') == text.count('mhlo.memory_kind = "pinned_host"') == 1
    main = next(line for line in text.splitlines() if "@main" in line)
    assert main.endswith('(tensor<3xf32>, tensor<3xf32> {mhlo.memory_kind = "pinned_host"}, tensor<3xf32>) {')


def test_put_is_an_equation():
    device = bevel.devices()[0]

    def f(x):
        y, z = bevel.device_put((x, x * 2), (device, None), donate=(True, False))
        return bevel.device_put(y, may_alias=False) + z

    text = str(bevel.make_jaxpr(f)(X))
    assert text.count("device_put[") == 2
    assert "copy_semantics=(ArrayCopySemantics.DONATE_INPUT, ArrayCopySemantics.REUSE_INPUT)" in text
    assert f"devices=({device!r}, None)" in text
    assert "ArrayCopySemantics.ALWAYS_COPY" in text
    g = bevel.jit(bevel.vmap(bevel.grad(lambda x: f(x) ** 2)))
    np.testing.assert_allclose(g(X), 18 * X)
    with pytest.raises(TypeError, match="needs a device or a sharding"):
        bevel.jit(lambda x: bevel.device_put(x, "cpu"))(X)

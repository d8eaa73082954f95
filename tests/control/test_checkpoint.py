"""Checkpointed functions: the same derivatives, computed again; memory falls; policies keep what they say."""

from __future__ import annotations

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.ad_checkpoint import checkpoint_name, checkpoint_policies, print_saved_residuals
from bevel.api.checkpoint import saved_residuals
from bevel.api.control_flow import cond, scan

WRAPS = [lambda f: f, bevel.jit]
LAYERS = 50
W = np.random.RandomState(0).randn(LAYERS, 32, 32).astype(np.float32) / 6
X = np.random.RandomState(1).randn(1024, 32).astype(np.float32)


def layer(x, w):
    for _ in range(3):
        x = jnp.sin(jnp.dot(x, w))
    return x


def slope(wrap):
    wrapped = wrap(layer)

    def loss(ws, x):
        for i in range(LAYERS):
            x = wrapped(x, ws[i])
        return jnp.sum(x**2)

    return bevel.jit(bevel.grad(loss))


def temporaries(f):
    return f.lower(W, X).compile().memory_analysis().temp_size_in_bytes


def test_memory_of_a_deep_network_falls_and_gradients_stay():
    plain = slope(lambda f: f)
    again = slope(bevel.checkpoint)
    dots = slope(lambda f: bevel.checkpoint(f, policy=checkpoint_policies.dots_saveable))
    whole = temporaries(plain)
    assert temporaries(again) < whole / 3
    assert temporaries(again) < temporaries(dots) < whole
    wanted = np.asarray(plain(W, X))
    for f in (again, dots):
        np.testing.assert_allclose(f(W, X), wanted, rtol=1e-4, atol=1e-4)


def count(jaxpr, name):
    """How many equations of a printed jaxpr apply the primitive."""
    return str(jaxpr).count(f" {name} ") + str(jaxpr).count(f" {name}[")


def test_what_is_computed_again():
    def f(x):
        return jnp.sin(checkpoint_name(jnp.sin(x), "inner"))

    def sines(policy):
        return count(bevel.make_jaxpr(bevel.grad(bevel.checkpoint(f, policy=policy)))(1.0), "sin")

    assert sines(None) == 3  # two, and the inner one again
    assert sines(checkpoint_policies.nothing_saveable) == 3
    assert sines(checkpoint_policies.everything_saveable) == 2
    assert sines(checkpoint_policies.save_only_these_names("inner")) == 2
    assert sines(checkpoint_policies.save_only_these_names("other")) == 3
    assert sines(checkpoint_policies.save_any_names_but_these("inner")) == 3
    assert sines(checkpoint_policies.save_any_names_but_these("other")) == 2
    both = checkpoint_policies.save_from_both_policies(
        checkpoint_policies.dots_saveable, checkpoint_policies.save_only_these_names("inner")
    )
    assert sines(both) == 2


def test_policies_of_products():
    def f(x, w):
        return jnp.sum(jnp.sin(jnp.einsum("bij,bjk->bik", x, x) @ w))

    def products(policy):
        x, w = np.ones((2, 3, 3), np.float32), np.ones((3, 3), np.float32)
        return str(bevel.make_jaxpr(bevel.grad(bevel.checkpoint(f, policy=policy), (0, 1)))(x, w)).count("dot_general")

    everything, all_dots, no_batch = (
        products(p)
        for p in (
            checkpoint_policies.nothing_saveable,
            checkpoint_policies.dots_saveable,
            checkpoint_policies.dots_with_no_batch_dims_saveable,
        )
    )
    assert all_dots < no_batch <= everything
    assert all_dots == products(checkpoint_policies.everything_saveable)


def test_a_policy_sees_into_jit():
    f = bevel.jit(lambda x: jnp.sin(checkpoint_name(jnp.sin(x), "inner")))
    policy = checkpoint_policies.save_only_these_names("inner")
    assert count(bevel.make_jaxpr(bevel.grad(bevel.checkpoint(f, policy=policy)))(1.0), "sin") == 2


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("policy", [None, checkpoint_policies.everything_saveable, checkpoint_policies.dots_saveable])
def test_transformations_agree_with_the_function_itself(wrap, policy):
    def f(x):
        y = scan(lambda c, _: (jnp.sin(c) * x, None), x, None, length=3)[0]
        return cond(y > 0, lambda: y * x, lambda: jnp.sin(x))

    g = bevel.checkpoint(f, policy=policy)
    xs = np.linspace(-1, 2, 4, dtype=np.float32)
    for transformed in (
        lambda f: bevel.vmap(f),
        lambda f: bevel.vmap(bevel.grad(f)),
        lambda f: bevel.vmap(bevel.grad(bevel.grad(f))),
        lambda f: bevel.vmap(bevel.jacfwd(bevel.grad(f))),
        lambda f: bevel.grad(lambda xs: bevel.vmap(f)(xs).sum()),
        lambda f: lambda xs: bevel.jvp(bevel.vmap(f), (xs,), (xs,))[1],
        lambda f: bevel.grad(lambda xs: scan(lambda c, x: (c + f(x), None), 0.0, xs)[0]),
        lambda f: bevel.vmap(bevel.grad(bevel.checkpoint(f))),
    ):
        np.testing.assert_allclose(wrap(transformed(g))(xs), wrap(transformed(f))(xs), rtol=1e-5, atol=1e-6)


def test_closures_statics_keywords_and_trees():
    def f(x):
        return bevel.checkpoint(lambda d, n, scale: {"y": d["a"] * x * len(n) * scale}, static_argnums=(1,))(
            {"a": x}, "abc", scale=2.0
        )["y"]

    assert float(bevel.grad(f)(2.0)) == 24
    named = bevel.checkpoint(lambda x, n: x * len(n), static_argnames=("n",))
    assert float(named(2.0, n="abc")) == float(named(2.0, "abc")) == 6
    with pytest.raises(TypeError, match="static_argnums"):
        bevel.checkpoint(lambda x, n: x)(1.0, "abc")
    with pytest.raises(TypeError, match="policy"):
        bevel.checkpoint(lambda x: x, policy="dots")


def test_custom_rules_inside():
    f = bevel.custom_vjp(lambda x: jnp.sin(x))
    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, ct: (10 * ct * jnp.cos(x),))
    for wrap in WRAPS:
        got = wrap(bevel.grad(bevel.checkpoint(lambda x: f(f(x)))))(1.0)
        assert float(got) == pytest.approx(100 * np.cos(1.0) * np.cos(np.sin(1.0)), rel=1e-5)


def test_effects_happen_again(capsys):
    f = bevel.checkpoint(lambda x: (bevel.debug.print("x {}", x), jnp.sin(jnp.sin(x)))[1])
    bevel.jit(bevel.grad(f))(3.0)
    assert capsys.readouterr().out.splitlines() == ["x 3.0"] * 2


def test_residuals_are_listed(capsys):
    f = bevel.checkpoint(
        lambda x, y: jnp.sin(checkpoint_name(jnp.sin(x), "inner")) * y,
        policy=checkpoint_policies.save_only_these_names("inner"),
    )
    said = [where for _, where in saved_residuals(f, 1.0, 2.0)]
    assert "from the argument x" in said
    assert "from the argument y" in said
    assert sum(s.startswith(f"named 'inner' from {__file__}:") for s in said) == 1
    print_saved_residuals(lambda x: jnp.sin(x), jnp.ones(3))
    assert capsys.readouterr().out.startswith(f"f32[3] output of cos from {__file__}:")
    with pytest.raises(TypeError, match="string"):
        checkpoint_name(1.0, 3)


def test_kept_values_may_wait_in_another_memory():
    policy = checkpoint_policies.save_and_offload_only_these_names(
        names_which_can_be_saved=["a"], names_which_can_be_offloaded=["b"], offload_src="device",
        offload_dst="pinned_host",
    )  # fmt: skip

    def f(x):
        a = checkpoint_name(jnp.sin(x), "a")
        return jnp.sum(jnp.sin(checkpoint_name(jnp.cos(a), "b")))

    x = jnp.arange(3.0)
    g = bevel.grad(bevel.checkpoint(f, policy=policy))
    np.testing.assert_allclose(bevel.jit(g)(x), bevel.grad(f)(x), rtol=1e-6)
    jaxpr = str(bevel.make_jaxpr(g)(x))
    assert (count(jaxpr, "sin"), count(jaxpr, "cos")) == (3, 3)  # neither a nor b is computed again
    assert jaxpr.count("memory_kind=pinned_host") == jaxpr.count("memory_kind=device") == 1
    text = bevel.jit(g).trace(x).lower(lowering_platforms=("cuda",)).as_text()
    assert '_xla_buffer_placement = "pinned_host"' in text
    dots = checkpoint_policies.offload_dot_with_no_batch_dims("device", "pinned_host")
    both = checkpoint_policies.save_from_both_policies(checkpoint_policies.nothing_saveable, dots)
    for policy in (dots, both):
        g = bevel.grad(bevel.checkpoint(lambda w: jnp.sum(jnp.sin(w @ w)), policy=policy))
        assert str(bevel.make_jaxpr(g)(jnp.eye(2))).count("memory_kind=pinned_host") == 1


def test_a_barrier_for_some_arguments():
    def f(params, x):
        return jnp.sum(jnp.sin(params["w"] * jnp.sin(x)))

    params, x = {"w": jnp.arange(3.0)}, jnp.ones(3)
    g = bevel.grad(bevel.checkpoint(f, prevent_cse=(False, True)), (0, 1))
    wanted = bevel.grad(f, (0, 1))(params, x)
    for wrap in (lambda f: f, bevel.jit):
        found = wrap(g)(params, x)
        np.testing.assert_allclose(found[0]["w"], wanted[0]["w"], rtol=1e-6)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-6)
    text = bevel.jit(g).lower(params, x).as_text()
    [barrier] = [line for line in text.splitlines() if "optimization_barrier" in line]
    assert barrier.count("tensor") == 2  # x and the cotangent, not w
    rows = bevel.vmap(g, ({"w": None}, 0))(params, jnp.ones((2, 3)))[1]
    np.testing.assert_allclose(rows[1], wanted[1], rtol=1e-6)
    with pytest.raises(ValueError, match="prevent_cse"):
        bevel.grad(bevel.checkpoint(f, prevent_cse=(True,)))(params, x)


def test_concrete_is_gone():
    with pytest.raises(NotImplementedError, match="ensure_compile_time_eval"):
        bevel.checkpoint(jnp.sin, concrete=True)

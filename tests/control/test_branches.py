"""cond and switch: against the chosen function itself, with derivatives of each kind; and what they refuse."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel.api.control_flow import cond, switch
from bevel.control.branches import Cond

F32 = np.float32


def floats(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) * 2 - 1).astype(F32)


def first(x, y):
    return {"a": jnp.sin(x) * y, "b": x}


def second(x, y):
    return {"a": jnp.exp(y) * x * x, "b": y * 2}


def third(x, y):
    return {"a": x * 0 + 3.0, "b": jnp.tanh(x * y) * y}


BRANCHES = [first, second, third]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_branch_for_all(assert_alike, index):
    assert_alike(
        lambda x, y: switch(jnp.int32(index), BRANCHES, x, y),
        lambda x, y: BRANCHES[index](x, y),
        floats(3),
        floats(3, seed=1),
    )


def test_a_branch_for_each_example(assert_alike):
    def chosen(x, y):
        return switch((x * 3 + 1).astype("int32"), BRANCHES, x, y)

    def selected(x, y):
        index = jnp.clip((x * 3 + 1).astype("int32"), 0, 2)
        results = [f(x, y) for f in BRANCHES]
        return bevel.tree.map(lambda a, b, c: jnp.where(index == 0, a, jnp.where(index == 1, b, c)), *results)

    assert_alike(chosen, selected, F32(0.4), F32(0.7))


def test_closed_over_values(assert_alike):
    def f(x, w):
        return cond(x.sum() > 0, lambda a: jnp.sin(w) * a, lambda a: w * w, x) + w

    def g(x, w):
        return jnp.where(x.sum() > 0, jnp.sin(w) * x, w * w) + w

    assert_alike(f, g, floats(3), floats(3, seed=1))
    assert_alike(f, g, -floats(3), floats(3, seed=1))


def test_a_cond_inside_a_cond(assert_alike):
    def inner(x):
        return cond(x > 0.2, jnp.sin, lambda y: y * y * y, x)

    def f(x):
        return cond(x > 0.0, lambda y: inner(y) * y, lambda y: inner(-y), x)

    def plain(x):
        return jnp.where(x > 0.2, jnp.sin(x), x * x * x)

    assert_alike(f, lambda x: jnp.where(x > 0.0, plain(x) * x, plain(-x)), F32(0.4))


def test_the_branch_not_taken_puts_no_nan_into_derivatives():
    def safe(x):
        return cond(x > 0, lambda y: jnp.sqrt(y), lambda y: y * 0.0, x)

    xs = jnp.asarray([4.0, 0.0, -1.0])
    assert bevel.vmap(bevel.grad(safe))(xs).tolist() == [0.25, 0.0, 0.0]
    assert bevel.vmap(safe)(xs).tolist() == [2.0, 0.0, 0.0]


def test_only_the_chosen_branch_runs():
    def f(p, x):
        return cond(p, lambda y: y * 2, lambda y: y / 0, x)

    [*_, eqn] = bevel.make_jaxpr(f)(True, 1.0).eqns
    assert eqn.primitive.name == "cond" and len(eqn.params["branches"]) == 2
    [*_, eqn] = bevel.make_jaxpr(bevel.vmap(f, (None, 0)))(True, jnp.ones(3)).eqns
    assert eqn.primitive.name == "cond"
    names = [e.primitive.name for e in bevel.make_jaxpr(bevel.vmap(f))(jnp.ones(3, bool), jnp.ones(3)).eqns]
    assert "cond" not in names and "select_n" in names


def test_residuals_of_branches_share_places():
    def f(p, x):
        return cond(p, lambda y: jnp.sin(y), lambda y: jnp.exp(y) * y, x).sum()

    eqns = bevel.make_jaxpr(bevel.grad(f, 1))(True, jnp.ones(3)).eqns
    [primal, _] = [e for e in eqns if e.primitive.name == "cond"]
    # sin keeps cos(y); exp(y) * y keeps exp(y) and y, of which y is an operand: one shared place will do
    assert len(primal.outvars) == 2


@pytest.mark.parametrize(
    "pred, expected",
    [
        (True, 1), (False, 2), (1, 1), (0, 2), (0.5, 1), (0.0, 2), (float("nan"), 1), (np.bool_(True), 1),
        (np.float32(0), 2), (np.array(3), 1),
    ],
)  # fmt: skip
def test_predicates(pred, expected):
    assert cond(pred, lambda: 1, lambda: 2) == expected
    assert cond(jnp.asarray(pred), lambda: 1, lambda: 2) == expected
    assert bevel.jit(lambda p: cond(p, lambda: 1, lambda: 2))(pred) == expected


def test_old_forms():
    assert cond(True, 2.0, lambda x: x, 3.0, lambda x: -x) == 2.0
    assert cond(False, 2.0, lambda x: x, 3.0, lambda x: -x) == -3.0
    assert cond(True, lambda x: x, lambda x: -x, operand=3.0) == 3.0
    assert cond(True, lambda _: 1.0, lambda _: 2.0, operand=None) == 1.0
    assert cond(True, lambda x: x["a"], lambda x: x["b"], {"a": 1.0, "b": 2.0}) == 1.0


def test_indices():
    branches = [lambda x: x, lambda x: x * 10, lambda x: x * 100]
    for index, expected in [(-5, 1), (0, 1), (1, 10), (2, 100), (7, 100)]:
        assert switch(index, branches, 1) == expected
        assert switch(jnp.int32(index), branches, 1) == expected
        assert switch(jnp.int8(index), branches, 1) == expected
    assert switch(np.uint8(200), branches, 1) == 100
    assert switch(3, branches[:1], 1) == 1


def test_weak_types():
    assert cond(True, lambda: 1.0, lambda: 2.0).weak_type
    assert not cond(True, lambda: 1.0, lambda: jnp.float32(2.0)).weak_type


def test_results_that_are_operands_or_nothing():
    assert cond(True, lambda x: (x, None), lambda x: (x + 1, None), 3)[0] == 3
    assert cond(True, lambda: (), lambda: ()) == ()
    assert cond(True, lambda x: x, lambda x: x, np.zeros((0, 2), F32)).shape == (0, 2)


@pytest.mark.parametrize("choose", [lambda f, x: cond(x > 0, f, f, x), lambda f, x: switch(2, [f, f, f], x)])
def test_functions_are_traced_once(choose):
    """Also one that stands for several branches, and one that is given again."""
    seen = []

    def f(x):
        seen.append(x)
        return x * x

    assert float(bevel.jit(choose, static_argnums=0)(f, 3.0)) == 9 and len(seen) == 1
    for _ in range(3):
        choose(f, jnp.float32(2))
    assert len(seen) <= 2
    assert float(bevel.grad(lambda x: choose(f, x))(3.0)) == 6
    assert bevel.vmap(lambda x: choose(f, x))(jnp.array([2.0, -3.0])).tolist() == [4, 9]


def test_disable_jit():
    bevel.config.update("jax_disable_jit", True)
    try:
        assert cond(True, lambda: 1, lambda: "not traced") == 1
        assert switch(7, [lambda: "not traced", lambda: 2.5]) == 2.5
    finally:
        bevel.config.update("jax_disable_jit", False)


def refused(function, error, *words):
    with pytest.raises(error) as caught:
        function()
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert len(message.splitlines()) <= 8


def test_branches_of_unlike_results():
    refused(
        lambda: cond(True, lambda x: {"a": jnp.int32(1)}, lambda x: {"a": 2.5}, 1.0),
        TypeError, "result['a']", "true_fun gives int32[]", "false_fun gives float32[]",
    )  # fmt: skip
    refused(
        lambda: cond(True, lambda x: {"a": x}, lambda x: {"a": x[None]}, jnp.float32(1)),
        TypeError, "result['a']", "float32[1]", "shape",
    )  # fmt: skip
    refused(
        lambda: cond(True, lambda x: None, lambda x: x, 1.0), TypeError, "true_fun has None", "false_fun has a leaf"
    )
    refused(lambda: switch(0, [lambda: 1, lambda: 2, lambda: 2.5]), TypeError, "branches[0]", "branches[2]")


def test_bad_predicates_and_indices():
    refused(lambda: cond(jnp.ones(2, bool), lambda: 1, lambda: 2), TypeError, "bool[2]", "rank 0", "vmap")
    refused(lambda: cond(None, lambda: 1, lambda: 2), TypeError, "None")
    refused(lambda: cond("a", lambda: 1, lambda: 2), TypeError, "str")
    refused(lambda: cond(1j, lambda: 1, lambda: 2), TypeError, "complex64")
    refused(lambda: cond(True, 1, 2), TypeError, "true_fun", "int")
    refused(lambda: switch(1.5, [lambda: 1, lambda: 2]), TypeError, "float32[]", "integer")
    refused(lambda: switch(True, [lambda: 1, lambda: 2]), TypeError, "bool[]", "cond")
    refused(lambda: switch(np.arange(2), [lambda: 1, lambda: 2]), TypeError, "int32[2]")
    refused(lambda: switch(0, []), ValueError, "no branches")
    refused(lambda: switch(0, [1, lambda: 2]), TypeError, "branches[0]", "int")
    refused(lambda: cond(True, lambda x: x, lambda x: x, 1.0, operand=2.0), TypeError, "operand=")


def test_samples_agree_with_the_reference():
    def array(*shape, dtype="float32", low=-2, high=2):
        return (np.random.default_rng(0).random(shape) * (high - low) + low).astype(dtype)[()]

    for op, operands in Cond.samples(array):
        for got, expected in zip(op(*operands), op.reference(*operands), strict=True):
            np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=1e-6)

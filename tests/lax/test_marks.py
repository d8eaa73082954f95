"""What is said about values in a program: staged, kept, waited for, under a name; one function for each platform."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.api.branching import BranchError
from bevel.control.branches import PlatformError

X = jnp.arange(3.0)


def test_stage_gives_an_array():
    assert lax.stage(2.0).weak_type and lax.stage(np.ones(2)).shape == (2,) and lax.stage(X) is X
    assert bevel.jit(lambda: lax.stage(2.0) + 1)() == 3


def test_what_is_sunk_stays_in_the_program():
    kept = bevel.make_jaxpr(lambda x: (lax.dce_sink({"a": jnp.sin(x)}, prevent_mlir_dce=True), x)[1])(X)
    assert "sin" in str(kept) and "dce_sink[prevent_mlir_dce=True]" in str(kept)
    sunk = lambda x: (lax.dce_sink(jnp.sin(x), prevent_mlir_dce=True), x * x)[1]
    assert "dce_sink" in bevel.jit(sunk).lower(X).as_text()
    assert bevel.jit(sunk)(X).tolist() == [0, 1, 4]
    assert bevel.grad(lambda x: sunk(x).sum())(X).tolist() == [0, 2, 4]
    assert bevel.vmap(sunk)(X).tolist() == sunk(X).tolist() == [0, 1, 4]


def test_tokens():
    text = str(bevel.make_jaxpr(lambda: lax.after_all(lax.create_token(), lax.create_token()))())
    assert text == (
        "{ lambda ; . let\n    a:Tok = create_token \n    b:Tok = create_token \n    c:Tok = after_all a b\n  in (c,) }"
    )

    @bevel.jit
    def waits(token, x):
        token = lax.after_all(token, lax.create_token())
        return lax.optimization_barrier((token, x))[1] + 1

    assert waits(lax.create_token(), X).tolist() == [1, 2, 3]
    assert bevel.jit(lambda x: (lax.create_token(), x))(X)[1].tolist() == [0, 1, 2]
    assert lax.after_all(lax.create_token()).block_until_ready() is not None


def test_a_composite_is_its_decomposition_under_a_name():
    def scaled(x, y, *, by, skip=None):
        assert skip is None
        return {"sum": jnp.sin(x) * by + y}

    named = lax.composite(scaled, "my.scaled", version=2)
    call = lambda x: named(x, 1.0, by=2.0, skip=None)["sum"]
    plain = lambda x: scaled(x, 1.0, by=2.0)["sum"]
    assert call(X).tolist() == bevel.jit(call)(X).tolist() == plain(X).tolist()
    text = bevel.jit(call).lower(X).as_text()
    assert 'stablehlo.composite "my.scaled"' in text and "skip" not in text
    assert "composite_attributes = {by = 2.000000e+00 : f64}" in text and "version = 2 : i32" in text
    assert bevel.grad(lambda x: call(x).sum())(X).tolist() == bevel.grad(lambda x: plain(x).sum())(X).tolist()
    assert bevel.vmap(call)(X).tolist() == plain(X).tolist()
    assert bevel.jvp(call, (X,), (X,))[1].tolist() == bevel.jvp(plain, (X,), (X,))[1].tolist()


def test_a_composite_takes_constants_and_attributes_of_every_kind():
    big = jnp.arange(200.0)
    named = lax.composite(lambda x, **_: x + big.sum(), "my.plus")
    attributes = dict(s="a", b=True, i=3, n=np.arange(3), y=jnp.ones(2), l=[1, 2], d={"u": 1})
    f = bevel.jit(lambda x: named(x, **attributes))
    assert f(X).tolist() == (X + big.sum()).tolist()
    text = f.lower(X).as_text()
    for words in ('s = "a"', "b = true", "i = 3 : i64", "n = dense<[0, 1, 2]>", "l = [1, 2]", "d = {u = 1 : i64}"):
        assert words in text


def test_one_function_for_each_platform():
    f = lambda x: lax.platform_dependent(x, cpu=jnp.sin, tpu=jnp.tan, default=jnp.cos)
    here = bevel.default_backend()
    expected = jnp.sin if here == "cpu" else jnp.cos
    slope = jnp.cos if here == "cpu" else lambda x: -jnp.sin(x)
    assert f(X).tolist() == bevel.jit(f)(X).tolist() == expected(X).tolist()
    assert bevel.vmap(bevel.jit(f))(X).tolist() == expected(X).tolist()
    assert bevel.jit(bevel.grad(lambda x: f(x).sum()))(X).tolist() == slope(X).tolist()
    text = bevel.jit(f).lower(X).as_text()
    assert "stablehlo.case" not in text and "stablehlo.tan" not in text  # the others are not compiled
    assert "platform_index[platforms=(('cpu',), ('tpu',), None)]" in str(bevel.make_jaxpr(f)(X))


def test_a_platform_without_a_function_is_refused():
    with pytest.raises(PlatformError, match=r"no branch for .*; it has tpu"):
        lax.platform_dependent(X, tpu=jnp.sin)
    with pytest.raises(PlatformError, match="Give it one, or a default"):
        bevel.jit(lambda x: lax.platform_dependent(x, tpu=jnp.sin))(X)
    with pytest.raises(BranchError, match=r"cpu= gives float32\[3\], default gives float32\[\]"):
        bevel.jit(lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.sum))(X)


def test_a_branch_that_is_known_is_the_only_one_compiled():
    text = bevel.jit(lambda x: lax.switch(1, [jnp.sin, jnp.cos, jnp.tan], x)).lower(X).as_text()
    assert "cosine" in text and "stablehlo.case" not in text and "sine " not in text.replace("cosine ", "")


@pytest.mark.parametrize("axes", [(0,), (1,), (2, 0), (0, 1, 2)])
def test_index_take_is_numpys_indexing(axes):
    x = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    places = [np.array([0, 1, -1]) for _ in axes]
    key = [slice(None)] * 3
    for axis, place in zip(axes, places, strict=True):
        key[axis] = place
    expected = np.moveaxis(x, axes, range(len(axes)))[tuple(places)]
    for wide in (False, True):  # int32 places beside 64-bit ints
        with bevel.enable_x64(wide):
            found = lax.index_take(x, [p.astype(np.int32) for p in places], axes)
        assert np.asarray(found).tolist() == expected.tolist()


@pytest.mark.parametrize("size", [0, 2])
def test_truths_are_factored_in_the_default_float(size):
    with bevel.enable_x64(True):
        x = jnp.eye(size, dtype=bool)
        factor, vectors, values = lax.linalg.cholesky(x), *lax.linalg.eigh(x)
        assert {v.dtype.name for v in (factor, vectors, values)} == {"float64"}
        np.testing.assert_allclose(factor, np.eye(size) * np.sqrt(0.5))
        assert factor.weak_type


def test_composites_of_any_name_compute():
    for name, is_written in (("my.double", True), ("double", False), ("", False)):
        double = bevel.jit(lax.composite(lambda x: x * 2, name))
        assert float(double(3.0)) == 6
        assert ("stablehlo.composite" in double.lower(3.0).as_text()) is is_written

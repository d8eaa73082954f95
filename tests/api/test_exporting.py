"""Functions exported, written down, read again and called: alone, and inside of other transformations."""

import collections
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import export

X = np.arange(3, dtype=np.float32)
TABLE = jnp.arange(300.0)


@bevel.jit
def model(x, p):
    return {"a": jnp.sort(x) * p["k"] + TABLE[:3], "n": p["n"] + 1}


def exported(order=2):
    return export.export(model)(X, {"k": np.float32(2), "n": 3})


@pytest.mark.parametrize("read", [False, True], ids=["made", "read"])
def test_calls_under_transformations(read):
    e = exported()
    if read:
        e = export.deserialize(e.serialize(vjp_order=2))
    p = {"k": np.float32(3), "n": 1}
    for call in (e.call, bevel.jit(e.call)):
        found, wanted = call(X, p), model(X, p)
        np.testing.assert_allclose(found["a"], wanted["a"])
        assert (int(found["n"]), found["n"].weak_type) == (2, wanted["n"].weak_type)

    def loss(f, x, k):
        return (f(x, {"k": k, "n": 1})["a"] ** 2).sum()

    for wrap in (lambda f: f, bevel.jit):
        for i in (0, 1):
            found = wrap(bevel.grad(lambda *a: loss(e.call, *a), i))(X, 3.0)
            np.testing.assert_allclose(found, bevel.grad(lambda *a: loss(model, *a), i)(X, 3.0), rtol=1e-5)
    second = [bevel.grad(bevel.grad(lambda k, f=f: loss(f, X, k)))(3.0) for f in (e.call, model)]
    assert np.isclose(*second)
    rows = bevel.vmap(e.call, (0, None))(np.stack([X, X + 1]), p)
    np.testing.assert_allclose(rows["a"], bevel.vmap(model, (0, None))(np.stack([X, X + 1]), p)["a"])
    assert e.has_vjp()


def test_an_exported_function_inside_of_another():
    inner = export.export(bevel.jit(lambda x: bevel.jit(jnp.sin)(x)))(X)
    outer = export.export(bevel.jit(lambda x: inner.call(x) + inner.call(2 * x)))(X)
    both = export.export(bevel.jit(lambda x: outer.call(inner.call(x))))(X)
    np.testing.assert_allclose(both.call(X), np.sin(np.sin(X)) + np.sin(2 * np.sin(X)), rtol=1e-5)


def test_what_it_tells():
    e = exported()
    assert (e.fun_name, e.platforms, e.nr_devices) == ("model", ("cpu",), 1)
    assert e.in_avals[0].shape == (3,)
    assert e.in_tree == bevel.tree.structure(((X, {"k": 0, "n": 0}), {}))
    assert "stablehlo.multiply" in e.mlir_module()
    assert e.mlir_module_serialized.startswith(b"ML\xefR\rStableHLO")
    assert export.export(bevel.jit(lambda x, y: x))(X, X).module_kept_var_idx == (0,)
    assert export.default_export_platform() == "cpu"


def test_programs_of_several_platforms_and_keys():
    f = bevel.jit(lambda k, x: (bevel.random.normal(k, (3, 3)) + jnp.linalg.cholesky(x), k))
    e = export.deserialize(export.export(f, platforms=["cuda", "cpu"])(bevel.random.key(0), jnp.eye(3)).serialize())
    found, key = e.call(bevel.random.key(1), jnp.eye(3))
    np.testing.assert_allclose(found, f(bevel.random.key(1), jnp.eye(3))[0], rtol=1e-6)
    assert key.dtype == bevel.random.key(0).dtype
    assert e.mlir_module("cuda").startswith("#loc")


Pair = export.register_namedtuple_serialization(collections.namedtuple("Pair", "x y"), serialized_name="test.Pair")


@bevel.tree_util.register_pytree_node_class
@dataclass
class Scaled:
    value: object
    unit: str

    def tree_flatten(self):
        return (self.value,), self.unit

    @classmethod
    def tree_unflatten(cls, unit, children):
        return cls(*children, unit)


def test_trees_of_named_types():
    f = bevel.jit(lambda p, s: [None, Pair(p.y, Scaled(s.value * p.x, s.unit))])
    e = export.export(f)(Pair(X, X), Scaled(X, "m"))
    with pytest.raises(ValueError, match="Scaled cannot be written down"):
        e.serialize()
    export.register_pytree_node_serialization(
        Scaled, serialized_name="test.Scaled", serialize_auxdata=str.encode, deserialize_auxdata=bytes.decode
    )
    _, pair = export.deserialize(e.serialize()).call(Pair(X, X), Scaled(X, "m"))
    assert (type(pair), pair.y.unit) == (Pair, "m")
    np.testing.assert_allclose(pair.y.value, X * X)
    with pytest.raises(ValueError, match="has the name 'test.Pair' already"):
        export.register_namedtuple_serialization(Pair, serialized_name="other")
    with pytest.raises(ValueError, match="'test.Pair' is that of Pair already"):
        export.register_namedtuple_serialization(collections.namedtuple("P", "x"), serialized_name="test.Pair")


def test_what_is_refused():
    with pytest.raises(ValueError, match="needs a jitted function"):
        export.export(lambda x: x)
    with pytest.raises(ValueError, match="calls Python functions"):
        export.export(bevel.jit(lambda x: bevel.pure_callback(np.sin, x, x)))(X)
    e = export.export(bevel.jit(jnp.sin), platforms=["cuda"])(X)
    with pytest.raises(ValueError, match=r"exported for cuda, and is called on cpu.\nExport it with platforms"):
        e.call(X)
    anywhere = export.DisabledSafetyCheck.platform()
    e = export.export(bevel.jit(jnp.sin), platforms=["tpu"], disabled_checks=[anywhere])(X)
    np.testing.assert_allclose(e.call(X), np.sin(X), rtol=1e-6)
    e = exported()
    with pytest.raises(ValueError, match=r"takes float32\[3\] as argument \[0\]; it was called with float32\[2\]"):
        e.call(X[:2], {"k": 2.0, "n": 1})
    with pytest.raises(ValueError, match="another structure"):
        e.call(X)
    without = export.deserialize(e.serialize())
    assert not without.has_vjp()
    with pytest.raises(ValueError, match=r"has no vjp: it was written down without.\nWrite it with"):
        without.vjp()
    with pytest.raises(TypeError, match="written down without one"):
        bevel.grad(lambda x: without.call(x, {"k": np.float32(2), "n": 1})["a"].sum())(X)
    with pytest.raises(ValueError, match="did not write"):
        export.deserialize(b"nothing")


def test_jit_of_a_call_says_nothing(recwarn):
    e = export.deserialize(exported().serialize(vjp_order=1))
    assert bevel.jit(e.call)(X, {"k": np.float32(2), "n": 1})["a"].shape == X.shape  # its first call: programs are kept
    assert not [w.message for w in recwarn]


@pytest.mark.slow
def test_another_process_reads_it(tmp_path):
    (tmp_path / "model").write_bytes(exported().serialize())
    script = (
        "import sys, numpy as np\nfrom bevel import export\n"
        "e = export.deserialize(open(sys.argv[1], 'rb').read())\n"
        "print(e.call(np.arange(3, dtype=np.float32), {'k': np.float32(2), 'n': 1})['a'])"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "model"], capture_output=True, text=True)
    assert done.stdout.strip() == "[0. 3. 6.]", done.stderr

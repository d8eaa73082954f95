"""Primitives and rules of other people's, in JAX's signatures."""

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax
from bevel.compat import core
from bevel.compat.extend.core import Primitive
from bevel.compat.interpreters import ad, batching, mlir, xla
from bevel.core.tangents import Zero
from bevel.errors import MissingRuleError

V = jnp.arange(3.0)


@pytest.fixture(scope="module")
def mad_p():
    """x * y + k * z, with every rule."""
    p = Primitive("mad")
    p.def_impl(lambda x, y, z, *, k: np.asarray(x) * y + k * np.asarray(z))
    p.def_abstract_eval(lambda x, y, z, *, k: core.ShapedArray(x.shape, x.dtype))
    mlir.register_lowering(p, mlir.lower_fun(lambda x, y, z, *, k: x * y + k * z, multiple_results=False))

    def jvp(primals, tangents, *, k):
        x, y, _ = primals
        dx, dy, dz = [ad.instantiate_zeros(t) for t in tangents]
        return p.bind(*primals, k=k), p.bind(dx, y, dz, k=k) + x * dy

    def transpose(ct, x, y, z, *, k):
        assert ad.is_undefined_primal(x) and ad.is_undefined_primal(z) and not ad.is_undefined_primal(y)
        return [ct * y, None, k * ct]

    ad.primitive_jvps[p] = jvp
    ad.primitive_transposes[p] = transpose
    batching.defbroadcasting(p)
    return p


@pytest.mark.smoke
def test_a_primitive_with_every_rule_goes_through_every_transformation(mad_p):
    mad = lambda x, y, z: mad_p.bind(x, y, z, k=2)
    plain = lambda x, y, z: x * y + 2 * z
    assert np.asarray(mad(V, V, V)).tolist() == bevel.jit(mad)(V, V, V).tolist() == plain(V, V, V).tolist()
    assert "mad[k=2]" in str(bevel.make_jaxpr(mad)(V, V, V))
    for transformed in (
        lambda f: bevel.grad(lambda *a: bevel.jit(f)(*a).sum(), argnums=(0, 2)),
        lambda f: lambda x, y, z: bevel.jit(bevel.vmap(f, in_axes=(0, None, 0)))(x, y[1], z),
        lambda f: lambda *a: bevel.jvp(bevel.jit(f), a, a),
        lambda f: bevel.vmap(bevel.grad(f, argnums=(0, 2))),
        lambda f: lambda *a: bevel.lax.map(lambda row: f(*row), a),
    ):
        mine, whole = transformed(mad)(V, V, V), transformed(plain)(V, V, V)
        assert [leaf.tolist() for leaf in bevel.tree.leaves(mine)] == [
            leaf.tolist() for leaf in bevel.tree.leaves(whole)
        ]


def test_equal_primitives_with_equal_parameters_share_a_program(mad_p):
    one, other = mad_p.op({"k": 2}), mad_p.op({"k": 2})
    assert one == other and hash(one) == hash(other) and one != mad_p.op({"k": 3})
    held = mad_p.op({"k": {}})
    assert held == held and held != mad_p.op({"k": {}})


def test_without_an_implementation_it_is_compiled_by_its_lowering():
    p = Primitive("compiled")
    p.def_abstract_eval(lambda x: x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x: 3 * x, multiple_results=False))
    assert p.bind(V).tolist() == [0, 3, 6]
    p.def_impl(lambda x: xla.apply_primitive(p, x))
    assert p.bind(V).tolist() == [0, 3, 6]


def test_a_lowering_written_in_stablehlo():
    hlo = mlir.hlo
    p = Primitive("up_and_down")
    p.multiple_results = True
    p.def_abstract_eval(lambda x: [x, core.ShapedArray(x.shape, np.int32)])

    def lower(ctx, x):
        assert [a.shape for a in ctx.avals_in] == [(3,)] and len(ctx.avals_out) == 2
        one = mlir.ir_constant(np.float32(1))
        ones = hlo.broadcast_in_dim(mlir.aval_to_ir_type(ctx.avals_in[0]), one, mlir.dense_int_array([]))
        return [hlo.add(x, ones), hlo.convert(mlir.aval_to_ir_type(ctx.avals_out[1]), hlo.negate(x))]

    mlir.register_lowering(p, lower)
    up, down = bevel.jit(lambda x: p.bind(x))(V)
    assert up.tolist() == [1, 2, 3] and down.tolist() == [0, -1, -2] and down.dtype == "int32"


def test_rules_of_the_short_kinds():
    p = Primitive("thrice")
    p.def_impl(lambda x: 3 * x)
    p.def_abstract_eval(lambda x: x)
    ad.deflinear2(p, lambda ct, x: [p.bind(ct)])
    batching.defvectorized(p)
    assert bevel.grad(p.bind)(1.0) == 3 and bevel.vmap(p.bind)(V).tolist() == [0, 3, 6]

    q = Primitive("times")
    q.def_impl(lambda x, y: x * y)
    q.def_abstract_eval(lambda x, y: x)
    ad.defbilinear(q, lambda ct, x, y: q.bind(ct, y), lambda ct, x, y: q.bind(x, ct))
    assert [float(g) for g in bevel.grad(q.bind, (0, 1))(2.0, 5.0)] == [5, 2]

    r = Primitive("square_of")
    r.def_impl(lambda x: x * x)
    ad.defjvp(r, lambda t, x: 2 * x * t)
    assert bevel.jvp(r.bind, (3.0,), (1.0,))[1] == 6


def test_tables_give_the_rules_of_bevels_own_primitives():
    y, dy = ad.primitive_jvps[lax.sin_p]((1.0,), (1.0,), accuracy=None)
    assert (y, dy) == (lax.sin(1.0), lax.cos(1.0))
    out, axis = batching.primitive_batchers[lax.sin_p]((V,), (0,), accuracy=None)
    assert axis == 0 and out.shape == (3,)
    assert lax.sin_p in ad.primitive_jvps and lax.sin_p not in ad.primitive_transposes
    assert ad.get_primitive_transpose(lax.neg_p)(2.0, ad.UndefinedPrimal(core.get_aval(1.0))) == [-2.0]
    with pytest.raises(NotImplementedError, match="for 'sin' not implemented"):
        ad.get_primitive_transpose(lax.sin_p)


def test_a_rule_of_bevels_own_is_replaced_and_put_back():
    before = ad.primitive_jvps[lax.cbrt_p]
    assert callable(before)
    own = lax.cbrt_p.op_class.__dict__.get("jvp")
    ad.primitive_jvps[lax.cbrt_p] = lambda primals, tangents, accuracy: (primals[0], tangents[0] * 7)
    try:
        assert bevel.grad(lax.cbrt)(2.0) == 7
    finally:
        del ad.primitive_jvps[lax.cbrt_p]
        if own is not None:
            lax.cbrt_p.op_class.jvp = own
    assert bevel.grad(lax.cbrt)(1.0) == pytest.approx(1 / 3)


def test_symbolic_zeros_reach_rules_from_outside():
    seen = []
    p = Primitive("look")
    p.def_impl(lambda x, y: x)
    ad.primitive_jvps[p] = lambda primals, tangents: (seen.append(tangents), (p.bind(*primals), tangents[0]))[1]
    bevel.jvp(lambda x: p.bind(x, 2.0), (1.0,), (1.0,))
    [[dx, dy]] = seen
    assert dx == 1 and type(dy) is ad.Zero is Zero and dy.aval.shape == ()


@pytest.mark.parametrize(
    "use, words",
    [
        (lambda p: p.bind(1.0), "Abstract evaluation for 'bare' not implemented"),
        (lambda p: bevel.make_jaxpr(p.bind)(1.0), "def_abstract_eval"),
        (lambda p: bevel.grad(p.bind)(1.0), "Differentiation rule for 'bare' not implemented"),
        (lambda p: bevel.vmap(p.bind)(V), "Batching rule for 'bare' not implemented"),
    ],
)
def test_a_missing_rule_says_how_to_give_it(use, words):
    with pytest.raises(MissingRuleError, match=words):
        use(Primitive("bare"))


def test_a_missing_lowering_or_transpose_says_how_to_give_it():
    p = Primitive("half_made")
    p.def_abstract_eval(lambda x: x)
    ad.primitive_jvps[p] = lambda primals, tangents: (primals[0], p.bind(*tangents))
    with pytest.raises(
        MissingRuleError, match="MLIR translation rule for primitive 'half_made' not found for platform"
    ):
        bevel.jit(p.bind)(1.0)
    with pytest.raises(MissingRuleError, match="Transpose rule .* for 'half_made' not implemented"):
        bevel.grad(p.bind)(1.0)


def test_a_lowering_that_gives_something_else_than_the_abstract_evaluation_says_so():
    p = Primitive("two_minds")
    p.def_abstract_eval(lambda x: core.ShapedArray((2,), np.float32))
    mlir.register_lowering(p, mlir.lower_fun(lambda x: 3 * x, multiple_results=False))
    with pytest.raises(TypeError, match=r"lowering of 'two_minds' .* f32\[2\], .*tensor<3xf32>"):
        bevel.jit(p.bind)(V)


def test_isinstance_of_primitive():
    assert isinstance(lax.add_p, Primitive) and isinstance(Primitive("x"), Primitive)
    assert not isinstance(lax.add_p, core.CallPrimitive) and not isinstance("add", Primitive)


def test_a_primitive_stated_as_a_class():
    class Tag(Primitive):
        multiple_results = True

        def impl(self, *operands, keep):
            return [operands[i] for i in keep]

        def abstract_eval(self, *avals, keep):
            return [avals[i] for i in keep], core.no_effects

    p = Tag("tag")
    mlir.register_lowering(p, lambda ctx, *values, keep: [values[i] for i in keep])
    f = lambda x, y: p.bind(x, y, keep=(1, 0, 1))
    assert [float(v) for v in f(1.0, 2.0)] == [float(v) for v in bevel.jit(f)(1.0, 2.0)] == [2, 1, 2]


def test_transformations_take_what_has_an_odd_name():
    class Kernel:
        __name__ = property(lambda self: 3)

        def __call__(self, x):
            return x * 2

    kernel = Kernel()
    for transformed in (bevel.vmap(kernel), bevel.jit(kernel), bevel.checkpoint(kernel)):
        assert transformed(V).tolist() == [0, 2, 4]
    assert bevel.grad(kernel)(1.0) == 2

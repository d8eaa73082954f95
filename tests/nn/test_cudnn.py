"""Attention by cuDNN: what is written for NVIDIA GPUs, and derivatives and mapping around the kernels.

Where there is no GPU, a plain function stands in the kernels' place that reads their descriptions as cuDNN does.
"""

import functools
import json

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import lax, nn
from bevel.nn import cudnn

ON_GPU = bevel.default_backend() == "gpu"
B, T, S, N, K, H = 2, 6, 10, 4, 2, 8


def array(*shape, seed=0, dtype="bfloat16"):
    return jnp.asarray(np.random.RandomState(seed + 7 * len(shape)).randn(*shape), dtype)


def arguments():
    return array(B, T, N, H), array(B, S, K, H, seed=1), array(B, S, K, H, seed=2)


BIAS = array(1, N, T, S, seed=3)
MASK = np.random.RandomState(4).rand(B, 1, T, S) > 0.3
LENGTHS = {"query_seq_lengths": np.array([4, 6], "int32"), "key_value_seq_lengths": np.array([8, 3], "int32")}
FORMS = {
    "plain": {},
    "causal": {"is_causal": True},
    "scale": {"scale": 0.3},
    "bias": {"bias": BIAS},
    "bias of one row": {"bias": array(1, 1, 1, S, seed=5)},
    "mask": {"mask": MASK},
    "bias and mask": {"bias": array(B, 1, T, S, seed=6), "mask": MASK},
    "lengths": LENGTHS,
    "lengths of keys, causal": {"key_value_seq_lengths": LENGTHS["key_value_seq_lengths"], "is_causal": True},
    "window": {"is_causal": True, "local_window_size": (2, 0)},
    "window to the left": {"local_window_size": (3, 0)},
}


@pytest.fixture(autouse=True)
def _kernels(monkeypatch):
    """The stand-in, where there is no GPU. It computes in float32, as the kernels do."""
    if not ON_GPU:
        monkeypatch.setattr(cudnn, "_called", without_derivative)


def without_derivative(target, config, outs, orders, operands):
    kernel = bevel.custom_jvp(lambda *xs: stand_in(target, config, outs, xs))
    kernel.defjvp(lambda primals, tangents: pytest.fail("a kernel was differentiated"))
    return kernel(*operands)


def stand_in(target, config, outs, operands):
    told = json.loads(config)["cudnn_fmha_backend_config"]
    operands = list(operands)
    query, key, value = [operands.pop(0).astype("float32") for _ in range(3)]
    back = target.endswith("Backward")
    residual, cotangent = (operands.pop(0), operands.pop(0)) if back else (None, None)
    bias = operands.pop(0) if "Bias" in target else None
    if back:
        operands.pop(0)  # the result
    lengths = operands or (None, None)
    left = told["sliding_window_length"] - 1
    t, s = query.shape[1], key.shape[1]
    assert told["intermediate_tensor_shape"]["dimensions"] == [str(n) for n in (*query.shape[:3:2], t, s)]

    def logits(query, key, bias):
        heads = query.shape[2] // key.shape[2]
        found = jnp.einsum("btnh,bsnh->bnts", query, jnp.repeat(key, heads, 2)) * told["fmha_scale"]
        found = found if bias is None else found + bias.astype("float32")
        i, j = np.arange(t)[:, None], np.arange(s)
        allowed = (i >= j) | ("CAUSAL" not in told["mask_type"])
        allowed &= (j >= i - left) | (left < 0)
        if "PADDING" in told["mask_type"]:
            allowed = allowed & (j < lengths[1][:, None, None, None]) & (i < lengths[0][:, None, None, None])
        return jnp.where(allowed, found, -1e30)

    def forward(query, key, value, bias):
        weights = nn.softmax(logits(query, key, bias), -1)
        result = jnp.einsum("bnts,bsnh->bnth", weights, jnp.repeat(value, query.shape[2] // key.shape[2], 2))
        if lengths[0] is not None:
            result = jnp.where(np.arange(t)[:, None] < lengths[0][:, None, None, None], result, 0)
        return result

    if back:
        del residual
        inputs = [query, key, value] + ([] if bias is None else [bias.astype("float32")])
        _, pull = bevel.vjp(lambda *xs: forward(*xs, *[None] * (4 - len(xs))), *inputs)
        found = pull(jnp.swapaxes(cotangent, 1, 2).astype("float32"))
        given = [*[jnp.swapaxes(x, 1, 2) for x in found[:3]], *found[3:]]
    else:
        given = [forward(query, key, value, bias), nn.logsumexp(logits(query, key, bias), -1)]
    return [x.astype(o.dtype).reshape(o.shape) for x, o in zip(given, outs, strict=False)]


def close(given, expected, tolerance=0.03):
    for g, e in zip(bevel.tree.leaves(given), bevel.tree.leaves(expected), strict=True):
        assert g.dtype == e.dtype and g.shape == e.shape
        e = np.asarray(e, "float32")
        np.testing.assert_allclose(np.asarray(g, "float32"), e, atol=tolerance * max(1.0, float(abs(e).max())))


def both(f, *args):
    """What f gives with cuDNN's attention, and with the plain one of the same numbers in float32."""
    attention = nn.dot_product_attention
    wide = [x.astype("float32") if getattr(x, "dtype", None) == jnp.bfloat16 else x for x in args]
    given = bevel.jit(lambda *a: f(functools.partial(attention, implementation="cudnn"), *a))(*args)
    expected = f(lambda q, k, v, **o: attention(q, k, v, **o), *wide)
    return given, bevel.tree.map(lambda e, g: e.astype(g.dtype), expected, given)


@pytest.mark.parametrize("form", FORMS)
def test_values_and_derivatives_are_those_of_the_plain_form(form):
    options = FORMS[form]
    floats = {k: v for k, v in options.items() if k == "bias"}
    fixed = {k: v for k, v in options.items() if k != "bias"}
    weight = array(B, T, N, H, seed=9).astype("float32")

    def f(attention, q, k, v, floats):
        def loss(q, k, v, floats):
            return (attention(q, k, v, **floats, **fixed).astype("float32") * weight).sum()

        return attention(q, k, v, **floats, **fixed), bevel.grad(loss, argnums=(0, 1, 2, 3))(q, k, v, floats)

    close(*both(f, *arguments(), floats))


def test_the_residual_and_its_derivative():
    def f(attention, q, k, v):
        def loss(q, k, v):
            result, residual = attention(q, k, v, return_residual=True)
            return (result.astype("float32") ** 2).sum() + (residual.astype("float32") ** 2).sum()

        return attention(q, k, v, return_residual=True), bevel.grad(loss, argnums=(0, 1, 2))(q, k, v)

    close(*both(f, *arguments()))


def test_second_derivatives_go_by_the_plain_form():
    def f(attention, q, k, v, bias):
        def loss(q, bias):
            return (attention(q, k, v, bias=bias).astype("float32") ** 2).sum()

        def slope(q, bias):
            return sum((g.astype("float32") ** 2).sum() for g in bevel.grad(loss, argnums=(0, 1))(q, bias))

        return bevel.grad(slope, argnums=(0, 1))(q, bias)

    close(*both(f, *arguments(), BIAS), tolerance=0.06)


def test_forward_mode_goes_by_the_plain_form():
    q, k, v = arguments()

    def f(attention, q, k, v, bias):
        def run(q, bias):
            return attention(q, k, v, bias=bias)

        loss = lambda q: (run(q, bias).astype("float32") ** 2).sum()
        moved = bevel.jvp(run, (q, bias), (jnp.ones_like(q), bias))
        _, linear = bevel.linearize(run, q, bias)
        return moved, linear(q, bias), bevel.jvp(bevel.grad(loss), (q,), (q,))

    close(*both(f, q, k, v, BIAS), tolerance=0.06)


def test_an_odd_number_of_keys_with_a_bias():
    q, k, v = arguments()

    def f(attention, q, k, v, bias):
        return bevel.grad(lambda b: attention(q, k, v, bias=b).astype("float32").sum())(bias)

    close(*both(f, q, k[:, :7], v[:, :7], BIAS[..., :7]))


@pytest.mark.parametrize("mapped", [(0, None, None, None), (1, 0, None, 0), (None, 2, 0, None)])
@pytest.mark.parametrize("bias", [(1, N, T, S), (B, 1, T, S)])
def test_mapped(mapped, bias):
    def stack(x, axis):
        return x if axis is None else jnp.stack([x, -x, 2 * x], axis)

    operands = [stack(x, axis) for x, axis in zip([*arguments(), array(*bias, seed=3)], mapped, strict=True)]

    def f(attention, *operands):
        def loss(q, k, v, b):
            return (attention(q, k, v, bias=b).astype("float32") ** 2).sum()

        def each(q, k, v, b):
            return attention(q, k, v, bias=b), bevel.grad(loss, argnums=(0, 1, 2, 3))(q, k, v, b)

        return bevel.vmap(each, in_axes=mapped)(*operands)

    close(*both(f, *operands))


def test_mapped_twice_and_in_a_scan():
    q, k, v = [jnp.stack([jnp.stack([x, -x]), jnp.stack([x, x])]) for x in arguments()]

    def f(attention, q, k, v):
        mapped = bevel.vmap(bevel.vmap(lambda q, k: attention(q, k, v[0, 0], is_causal=True)))
        _, looped = lax.scan(lambda c, x: (c, attention(*x, **LENGTHS)), 0, (q[0], k[0], v[0]))
        return mapped(q, k), looped

    close(*both(f, q, k, v))


class TestUnasked:
    """On a GPU, what nobody asked cuDNN for."""

    @pytest.fixture(autouse=True)
    def _on_a_gpu(self, monkeypatch):
        if not ON_GPU:
            monkeypatch.undo()
            monkeypatch.setattr(cudnn, "default_backend", lambda: "gpu")
            monkeypatch.setattr(cudnn, "device_count", lambda: 1)
            monkeypatch.setattr(cudnn, "default_device", lambda: type("Device", (), {"compute_capability": "9.0"}))

    X = array(1, 64, 2, 8)

    def programs(self, x=X, **options):
        """(the program for NVIDIA, the one for CPUs) of the gradient."""
        options = {"query": x, "key": x, "value": x, **options}

        def f(options):
            attend = lambda q: nn.dot_product_attention(**{**options, "query": q})
            return bevel.grad(lambda q: attend(q).astype("float32").sum())(options["query"])

        fixed = {k: options.pop(k) for k in list(options) if isinstance(options[k], (bool, float, str, tuple))}
        traced = bevel.jit(lambda options: f({**options, **fixed})).trace(options)
        return [traced.lower(lowering_platforms=(p,)).as_text() for p in ("cuda", "cpu")]

    @pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"mask": np.ones((1, 1, 64, 64), bool)}])
    def test_the_kernels_are_used_there_and_nowhere_else(self, options):
        cuda, cpu = self.programs(**options)
        assert cuda.count("@__cudnn$fmha") == 2 and "exponential" not in cuda
        assert "cudnn" not in cpu

    @pytest.mark.parametrize(
        "options",
        [
            {"x": X.astype("float32")},
            {"x": array(1, 64, 2, 12)},
            {"x": array(1, 32, 2, 8)},
            {"implementation": "xla"},
            {"is_causal": True, "mask": np.ones((1, 1, 64, 64), bool)},
            {"local_window_size": (3, 3)},
            {"query_seq_lengths": np.array([3], "int32")},
            {"scale": jnp.float32(0.5)},
        ],
    )
    def test_what_differs_or_is_little_is_left_to_the_compiler(self, options):
        assert "cudnn" not in self.programs(**options)[0]

    def test_here_it_gives_what_the_plain_form_gives(self):
        def f(x, **options):
            loss = lambda q: (nn.dot_product_attention(q, x, x, is_causal=True, **options).astype("float32") ** 2).sum()
            return bevel.value_and_grad(loss)(x), bevel.vmap(bevel.grad(loss))(jnp.stack([x, -x]))

        close(bevel.jit(f)(self.X), f(self.X, implementation="xla"))


def test_a_scale_that_is_computed():
    def f(attention, q, k, v, scale):
        return attention(q, k, v, scale=scale * 0.5)

    close(*both(f, *arguments(), jnp.float32(0.6)))


@pytest.mark.parametrize(
    ("shapes", "options", "said"),
    [
        ((8, "float32"), {}, "cuDNN's attention takes bfloat16 and float16; got query float32"),
        ((12, "bfloat16"), {}, "takes heads of 8, 16, … 256 numbers; got 12"),
        ((8, "bfloat16"), {"local_window_size": 2}, "asked to look 2 keys ahead"),
    ],
)
def test_what_the_kernels_do_not_compute_is_refused(shapes, options, said):
    size, dtype = shapes
    x = jnp.ones((1, 4, 2, size), dtype)
    with pytest.raises(NotImplementedError, match=said):
        nn.dot_product_attention(x, x, x, implementation="cudnn", **options)


@pytest.mark.usefixtures("kernels_themselves")
class TestText:
    @pytest.fixture
    def kernels_themselves(self, monkeypatch):
        monkeypatch.undo()

    def test_the_program_for_nvidia_calls_the_kernels(self):
        def f(q, k, v):
            return bevel.grad(lambda q: nn.dot_product_attention(q, k, v, implementation="cudnn").sum())(q)

        text = bevel.jit(f).trace(*arguments()).lower(lowering_platforms=("cuda",)).as_text()
        assert text.count("@__cudnn$fmhaSoftmax(") == 1 and text.count("@__cudnn$fmhaSoftmaxBackward(") == 1
        assert f"tensor<{B}x{N}x{T}x{S}" not in text  # no table of weights

    @pytest.mark.skipif(ON_GPU, reason="there is a GPU, and with it cuDNN")
    def test_elsewhere_a_letter_says_so(self):
        with pytest.raises(RuntimeError, match="compiled for cpu; only the compiler for cuda knows it"):
            nn.dot_product_attention(*arguments(), implementation="cudnn")

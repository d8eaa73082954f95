"""bevel.nn: values and derivatives at the places where they are decided by convention, and what is refused."""

import doctest
import math

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import nn
from bevel.nn import activations, attention, initializers, normalizing

INF, NAN = math.inf, math.nan
POINTS = np.array([-INF, -90.0, -6.5, -3.5, -2.0, -0.7, 0.3, 0.9, 2.0, 3.5, 6.5, 90.0, INF], "float32")

FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.01 * x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
    "softplus": lambda x: np.logaddexp(x, 0),
    "squareplus": lambda x: np.where(x == -INF, NAN, (x + np.sqrt(x * x + 4)) / 2),
    "soft_sign": lambda x: x / (np.abs(x) + 1),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "celu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.05070098 * np.where(x > 0, x, 1.67326324 * np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "tanh": np.tanh,
    "identity": lambda x: x,
}


@pytest.mark.parametrize("name", FORMULAS)
@np.errstate(all="ignore")
def test_activation_is_its_formula_and_its_derivative_is_the_slope(name):
    function, formula = getattr(nn, name), FORMULAS[name]
    x = POINTS.astype("float64")
    # x + √(x² + 4) cancels at -90: absolute error of the size of rounding 90
    atol = 1e-5 if name == "squareplus" else 1e-6
    np.testing.assert_allclose(function(POINTS), formula(x), rtol=2e-5, atol=atol)
    inner, h = POINTS[1:-1], 1e-5
    slope = (formula(x[1:-1] + h) - formula(x[1:-1] - h)) / (2 * h)
    np.testing.assert_allclose(bevel.vmap(bevel.grad(function))(inner), slope, rtol=1e-3, atol=1e-4)
    assert function(jnp.zeros((0, 3))).shape == (0, 3)
    assert np.isnan(function(jnp.float32(NAN)))


def test_derivatives_at_corners():
    slope = lambda f, *points: [float(bevel.grad(f)(p)) for p in points]
    assert slope(nn.relu, 0.0, INF, -INF) == [0, 1, 0]
    assert slope(nn.relu6, 0.0, 6.0, 3.0) == [0, 0, 1]
    assert slope(nn.elu, 0.0, 1e30, -1e30) == [1, 1, 0]
    assert slope(nn.softplus, 0.0, INF, -INF) == [0.5, 1, 0]
    assert np.isclose(slope(nn.log1mexp, 1e-3)[0], 1 / math.expm1(1e-3))
    assert float(bevel.grad(bevel.grad(nn.relu))(1.0)) == 0


def test_exact_gelu_and_log1mexp():
    erf = np.vectorize(math.erf)
    x = POINTS[1:-1].astype("float64")
    np.testing.assert_allclose(
        nn.gelu(POINTS[1:-1], approximate=False), x * (1 + erf(x / math.sqrt(2))) / 2, rtol=1e-5, atol=1e-6
    )
    small = np.array([1e-6, 0.1, 0.6931, 0.6932, 5.0, 50.0])
    np.testing.assert_allclose(
        nn.log1mexp(small.astype("float32")),
        np.where(small < 1, np.log(-np.expm1(-small)), np.log1p(-np.exp(-small))),
        rtol=1e-5,
    )


def test_glu_halves_an_axis():
    x = np.arange(8, dtype="float32").reshape(4, 2)
    np.testing.assert_allclose(nn.glu(x, axis=0), x[:2] / (1 + np.exp(-x[2:])), rtol=1e-5)
    with pytest.raises(AssertionError, match="odd size 3"):
        nn.glu(jnp.ones(3))


@pytest.mark.parametrize("axis", [-1, 0, (0, 1), None])
@pytest.mark.parametrize("masked", [False, True])
def test_softmax_family(axis, masked):
    x = np.array([[1.0, 2.0, 500.0], [-3.0, 0.5, 0.25]], "float32")
    where = np.array([[True, True, False], [False, True, True]]) if masked else None
    wide = np.where(True if where is None else where, x.astype("float64"), -INF)
    shift = wide.max(axis, keepdims=True)
    total = np.log(np.exp(wide - shift).sum(axis, keepdims=True)) + shift
    count = (wide > -INF).sum(axis, keepdims=True)
    np.testing.assert_allclose(nn.logsumexp(x, axis, where=where, keepdims=True), total, rtol=1e-5)
    np.testing.assert_allclose(nn.logmeanexp(x, axis, where, keepdims=True), total - np.log(count), rtol=1e-5)
    np.testing.assert_allclose(nn.log_softmax(x, axis, where), wide - total, rtol=1e-5, atol=1e-5)
    y = np.exp(wide - total)
    np.testing.assert_allclose(nn.softmax(x, axis, where), y, rtol=1e-5, atol=1e-7)
    dx = np.cos(x)
    axes = tuple(range(2)) if axis is None else axis
    expected = y * (dx - (y * dx).sum(axes, keepdims=True))
    for own in (False, True):
        with bevel.softmax_custom_jvp(own):
            _, dy = bevel.jvp(lambda x: nn.softmax(x, axis, where), (x,), (dx,))
        np.testing.assert_allclose(dy, expected, rtol=1e-5, atol=1e-6)


def test_rows_of_infinities():
    x = jnp.array([[-INF, -INF], [-INF, 0.0], [INF, 0.0], [NAN, 0.0]])
    np.testing.assert_array_equal(nn.softmax(x), [[NAN, NAN], [0, 1], [NAN, NAN], [NAN, NAN]])
    np.testing.assert_array_equal(nn.logsumexp(x, axis=1), [-INF, 0, INF, NAN])
    np.testing.assert_array_equal(nn.softmax(x, where=False), np.zeros((4, 2)))
    np.testing.assert_array_equal(bevel.grad(nn.logsumexp)(x[1]), [0, 1])


def test_logsumexp_with_factors():
    a, b = jnp.array([1.0, 2.0, INF]), jnp.array([-3.0, 1.0, 0.0])
    total = math.exp(2) - 3 * math.e
    value, sign = nn.logsumexp(a, b=b, return_sign=True)
    np.testing.assert_allclose(value, math.log(-total), rtol=1e-5)
    assert float(sign) == -1 and np.isnan(nn.logsumexp(a, b=b))
    z = np.array([1 + 2j, 0.5], "complex64")
    np.testing.assert_allclose(nn.logsumexp(z), np.log(np.exp(z).sum()), rtol=1e-5)


@pytest.mark.parametrize("algorithm", ["fast", "stable"])
def test_standardize(algorithm):
    x = np.array([[1.0, 2.0, 6.0], [0.0, -1.0, 1.0]], "float32")
    y = nn.standardize(x, algorithm=algorithm, epsilon=0)
    np.testing.assert_allclose(y, (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True), rtol=1e-5)
    with pytest.raises(ValueError, match="Unknown algorithm 'slow'"):
        nn.standardize(x, algorithm="slow")


def test_one_hot():
    np.testing.assert_array_equal(nn.one_hot(jnp.array([0, 2, 3, -1]), 3), np.eye(4, 3)[[0, 2, 3, 3]])
    assert nn.one_hot(jnp.array([[0, 1]]), 3, axis=1, dtype="int8").tolist() == [[[1, 0], [0, 1], [0, 0]]]
    for wrong in (lambda: nn.one_hot(True, 2), lambda: nn.one_hot(1, -3), lambda: nn.one_hot(1, "2")):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="axis 5"):
        nn.one_hot(1, 3, axis=5)


def attend(q, k, v, bias=0.0, mask=True, scale=None):
    """The definition, head by head, in float64."""
    k, v = [np.repeat(x, q.shape[2] // k.shape[2], axis=2) for x in (k, v)]
    logits = np.einsum("btnh,bsnh->bnts", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale) + bias
    weights = np.exp(logits - logits.max(-1, keepdims=True)) * mask
    return np.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdims=True), v)


T, S = np.arange(4)[:, None], np.arange(5)[None, :]


@pytest.mark.parametrize(
    "options, mask",
    [
        ({}, True),
        ({"scale": 0.5}, True),
        ({"is_causal": True}, T >= S),
        ({"local_window_size": (1, 2)}, (S >= T - 1) & (S <= T + 2)),
        ({"local_window_size": 1, "is_causal": True}, (S >= T - 1) & (S <= T)),
        ({"key_value_seq_lengths": np.array([2, 5], "int32")}, (S < np.array([2, 5])[:, None, None, None])),
    ],
)
@pytest.mark.parametrize("with_bias", [False, True])
def test_attention_is_its_definition(options, mask, with_bias):
    random = np.random.default_rng(0)
    q, k, v, bias = [
        random.normal(size=s).astype("float32") for s in ((2, 4, 6, 8), (2, 5, 3, 8), (2, 5, 3, 8), (2, 6, 4, 5))
    ]
    bias = bias if with_bias else None
    expected = attend(q, k, v, bias if with_bias else 0.0, mask, options.get("scale"))
    np.testing.assert_allclose(nn.dot_product_attention(q, k, v, bias, **options), expected, rtol=1e-4, atol=1e-5)
    explicit = np.broadcast_to(mask, (2, 1, 4, 5))
    scale = options.get("scale")
    given = bevel.jit(lambda *a: nn.dot_product_attention(*a, mask=explicit, scale=scale))(q, k, v, bias)
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)


def test_attention_of_one_sequence_lengths_and_residual():
    random = np.random.default_rng(1)
    q, k = [random.normal(size=s).astype("float32") for s in ((4, 2, 3), (5, 1, 3))]
    result, residual = nn.dot_product_attention(q, k, k, query_seq_lengths=np.array([2], "int32"), return_residual=True)
    np.testing.assert_array_equal(result[2:], np.zeros((2, 2, 3)))
    logits = np.einsum("tnh,sh->tns", q, k[:, 0]) / math.sqrt(3)
    np.testing.assert_allclose(residual[:2], np.log(np.exp(logits).sum(-1))[:2], rtol=1e-5, atol=1e-6)
    nowhere = nn.dot_product_attention(q, k, k, mask=np.zeros((1, 1, 1, 1), bool))
    np.testing.assert_allclose(nowhere[0, 0], k.mean(0)[0], rtol=1e-5, atol=1e-6)
    for dtype in ("bfloat16", "float16"):
        narrow = [jnp.asarray(x).astype(dtype) for x in (q, k, k)]
        assert nn.dot_product_attention(*narrow).dtype == dtype


@pytest.mark.parametrize(
    "options, words",
    [
        ({"key": np.ones((2, 5, 4, 8), "f"), "value": np.ones((2, 5, 4, 8), "f")}, "multiple of key/value heads"),
        ({"value": np.ones((2, 5, 3, 7), "f")}, "value"),
        ({"mask": np.ones((2, 6, 4, 5), "f")}, "mask dtype should be bool"),
        ({"bias": np.ones((2, 3, 4, 5), "f")}, "bias that broadcasts"),
        ({"query_seq_lengths": np.array([1.0, 2.0], "f")}, "int32"),
        ({"implementation": "other"}, "Unsupported implementation"),
    ],
)
def test_attention_refuses(options, words):
    arguments = {
        "query": np.ones((2, 4, 6, 8), "f"),
        "key": np.ones((2, 5, 3, 8), "f"),
        "value": np.ones((2, 5, 3, 8), "f"),
    }
    with pytest.raises(ValueError, match=words):
        nn.dot_product_attention(**{**arguments, **options})


def test_scaled_matmul():
    random = np.random.default_rng(2)
    a, b, c, d = [random.normal(size=s).astype("float32") for s in ((2, 3, 8), (2, 5, 8), (2, 3, 4), (2, 5, 4))]
    expected = np.einsum("bmk,bnk->bmn", a * np.repeat(c, 2, -1), b * np.repeat(d, 2, -1))
    np.testing.assert_allclose(nn.scaled_matmul(a, b, c, d), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="c divides k"):
        nn.scaled_matmul(a, b, c[..., :3], d[..., :3])


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("mode, count", [("fan_in", 40), ("fan_out", 90), ("fan_avg", 65), ("fan_geo_avg", 60)])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_variance_scaling(distribution, mode, count, dtype):
    init = initializers.variance_scaling(3.0, mode, distribution, dtype=dtype)
    x = np.asarray(init(bevel.random.key(1), (2, 20, 45)))
    assert x.dtype == dtype and x.shape == (2, 20, 45)
    np.testing.assert_allclose(np.mean(np.abs(x) ** 2), 3 / count, rtol=0.12)
    assert abs(x.mean()) < 0.03


def test_initializers_refuse():
    key = bevel.random.key(0)
    for wrong, words in [
        (lambda: initializers.variance_scaling(1.0, "fan", "normal")(key, (2, 3)), "mode"),
        (lambda: initializers.variance_scaling(1.0, "fan_in", "cauchy")(key, (2, 3)), "distribution"),
        (lambda: initializers.he_normal()(key, (3,)), "two axes"),
        (lambda: initializers.orthogonal()(key, (3,)), "two axes"),
        (lambda: initializers.delta_orthogonal()(key, (3, 4, 2)), "fan_in <= fan_out"),
    ]:
        with pytest.raises(ValueError, match=words):
            wrong()


@pytest.mark.parametrize("shape, axis", [((2, 3, 4), -1), ((2, 3, 4), 0), ((2, 5), -1), ((6, 2), -1)])
def test_orthogonal(shape, axis):
    q = np.moveaxis(np.asarray(initializers.orthogonal(2.0, axis)(bevel.random.key(0), shape)), axis, -1)
    q = q.reshape(-1, shape[axis])
    q = q if q.shape[0] >= q.shape[1] else q.T
    np.testing.assert_allclose(q.T @ q, 4 * np.eye(q.shape[1]), atol=1e-5)


@pytest.mark.parametrize("module", [activations, attention, normalizing, initializers])
def test_examples(module):
    assert doctest.testmod(module).failed == 0

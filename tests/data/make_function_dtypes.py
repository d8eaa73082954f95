"""Writes function_dtypes.json: the dtype that each function of jax.numpy gives, for operands of each dtype and pair of dtypes;
and function_dtypes_wide.json, the same with 64-bit dtypes on, of fewer pairs and more calls.

Run by hand with a Python that has jax 0.10.2: `python tests/data/make_function_dtypes.py`. A function has one text: a
word for each dtype (or pair, in rows), `*` marking a weak type and `!` a refusal; several results are joined by `,`.
"""

import importlib
import json
import pathlib
import warnings

import numpy as np

OPERANDS = ["bool", "int8", "uint8", "int32", "float16", "bfloat16", "float32", "complex64", 2, 2.5]
UNARY = (
    "abs acos acosh asin asinh atan atanh cbrt ceil conj cos cosh deg2rad exp exp2 expm1 fabs floor frexp i0 imag invert "
    "isfinite isinf isnan isneginf isposinf isreal iscomplex log log10 log1p log2 logical_not modf nan_to_num negative "
    "positive rad2deg real reciprocal rint sign signbit sin sinc sinh spacing sqrt square tan tanh trunc angle bitwise_count "
    "sum prod mean var std median max min ptp all any count_nonzero nansum nanprod nanmean nanvar nanstd nanmax nanmedian "
    "cumsum cumprod nancumsum sort argsort diff trapezoid unwrap average corrcoef flip ravel zeros_like ones_like "
    "cumulative_sum diagflat diag histogram_bin_edges"
).split()
BINARY = (
    "add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide divmod dot equal float_power floor_divide fmax fmin fmod "
    "greater inner ldexp left_shift less matmul maximum minimum mod multiply nextafter outer power right_shift subtract vdot "
    "convolve correlate polyval append searchsorted digitize cross isclose array_equal isin"
).split()

WIDE_OPERANDS = ["bool", "int8", "uint8", "int32", "int64", "bfloat16", "float32", "float64", "complex64", 2, 2.5]
WIDE_BINARY = "add divide power hypot logaddexp arctan2 float_power heaviside ldexp matmul maximum polyval".split()
# Calls of three elements x of each dtype.
CALLS = """
sum(x, promote_integers=False)
prod(x, promote_integers=False)
cumulative_sum(x)
power(x, 300)
histogram(x, np.ones(3))
histogram(x, 2, weights=np.ones(3))
histogram(x, 2, weights=np.ones(3, 'float32'), density=True)
histogram_bin_edges(x, np.arange(2))
histogram2d(x, x, np.arange(3.0), density=True)
histogram2d(x, x, 2, weights=np.ones(3))
cov(x, aweights=np.ones(3))
cov(x, fweights=np.arange(3))
average(x, weights=np.ones(3, 'float32'))
var(x, ddof=1)
quantile(x, 0.5)
interp(x, np.arange(3), np.ones(3, 'float32'))
searchsorted(x, x)
linspace(x, 2, 3)
nan_to_num(x, nan=1.0)
clip(x, 0, 2.5)
where(x, x, 2.5)
pad(x, 1, constant_values=2.5)
trapezoid(x, dx=2)
gradient(x)
fft.rfft(x)
fft.fftfreq(3)
linalg.norm(x)
linalg.vector_norm(x, ord=1)
nn.softplus(x)
nn.mish(x)
nn.gelu(x)
nn.silu(x)
nn.softmax(x)
nn.logsumexp(x)
nn.log_sigmoid(x)
nn.one_hot(x, 2)
nn.standardize(x)
scipy.special.ndtr(x)
scipy.special.xlogy(x, 2)
scipy.special.gammaln(x)
scipy.special.softmax(x)
scipy.stats.norm.logpdf(x)
scipy.stats.norm.pdf(x, 1, 2.5)
scipy.stats.poisson.pmf(x, 2)
scipy.stats.rankdata(x)
scipy.integrate.trapezoid(x)
random.normal(key, x.shape)
random.randint(key, (2,), 0, 5)
random.poisson(key, x)
random.categorical(key, x)
image.resize(x, (2,), 'linear')
""".split("\n")[1:-1]


def operand(numpy, kind):
    """Three elements of a dtype, or a Python number as it is."""
    return numpy.asarray(np.arange(3)).astype(kind) if isinstance(kind, str) else kind


def word(shapes):
    found = [shapes] if hasattr(shapes, "dtype") else list(shapes)
    return ",".join([f"{s.dtype}{'*' if getattr(s, 'weak_type', False) else ''}" for s in found]) or "nothing"


def table(package):
    """function → text, read off a package: the real one here, ours in the test."""
    whole, numpy = importlib.import_module(package), importlib.import_module(package + ".numpy")

    def of(name, *kinds):
        try:
            return word(whole.eval_shape(getattr(numpy, name), *[operand(numpy, k) for k in kinds]))
        except (TypeError, ValueError, IndexError, NotImplementedError):
            return "!"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: " ".join([of(name, k) for k in OPERANDS]) for name in UNARY}
        return found | {name: " ".join([of(name, a, b) for a in OPERANDS for b in OPERANDS]) for name in BINARY}


def wide_table(package):
    """As `table`, with 64-bit dtypes on."""
    whole, numpy = importlib.import_module(package), importlib.import_module(package + ".numpy")
    for name in ("image", "nn", "random", "scipy.integrate", "scipy.special", "scipy.stats"):
        importlib.import_module(f"{package}.{name}")
    names = {"np": np, "nn": whole.nn, "scipy": whole.scipy, "random": whole.random, "image": whole.image}

    def of(call, *operands):
        try:
            return word(whole.eval_shape(call, *operands))
        except (TypeError, ValueError, IndexError, NotImplementedError, AttributeError, RuntimeError):
            return "!"

    with whole.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operands = [operand(numpy, k) for k in WIDE_OPERANDS]
        names["key"] = whole.random.key(0)
        found = {name: " ".join([of(getattr(numpy, name), x) for x in operands]) for name in UNARY}
        for name in WIDE_BINARY:
            found[name] = " ".join([of(getattr(numpy, name), x, y) for x in operands for y in operands])
        for text in CALLS:
            source = text if text.partition(".")[0] in names else "numpy." + text
            call = eval(f"lambda x: {source}", {**names, "numpy": numpy})
            found[text] = " ".join([of(call, x) for x in operands])
        return found


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    (here / "function_dtypes.json").write_text(json.dumps(table("jax"), indent=0) + "\n")
    (here / "function_dtypes_wide.json").write_text(json.dumps(wide_table("jax"), indent=0) + "\n")

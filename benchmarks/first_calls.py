"""The first call of each function beside JAX: trace, lower, compile and run, in a process that is warm otherwise.

    python -m benchmarks.first_calls                      all functions, at both sizes: a quarter of an hour
    python -m benchmarks.first_calls --only 'sort|median' --rounds 7

A worker a side and round, alternating; in each, every function is called for the first time with its arguments' shapes,
three times with other shapes, without caches on disk. The clock is CPU time, every thread counted. What is printed is
the ratio of the medians, the worst first.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from statistics import median
from typing import Any

from benchmarks.driver import in_order
from benchmarks.sides import ROOT, Side, environment, interpreter

SIZES = {"8": 8, "1e4": 10_000}
SAMPLES = 3

# Expressions in jnp, lax, nn, random, sp (scipy.special), lin (scipy.linalg), stats; of a and b (floats between 0.1 and
# 1.1), c (complex), m (a square matrix), d (one that is positive definite), i and j (small integers), u (bytes), mask,
# key. A name alone is called with its family's arguments; `name:expression` says others.
_UNARY = """abs acos acosh angle arccos asin asinh atan atanh cbrt ceil conj copy cos cosh deg2rad degrees exp exp2
    expm1
    fabs floor frexp i0 imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p log2 modf nan_to_num
    negative positive rad2deg real reciprocal rint sign signbit sin sinc sinh spacing sqrt square tan tanh trunc"""
_BINARY = """add arctan2 copysign divide equal float_power floor_divide fmax fmin fmod greater greater_equal heaviside
    hypot less less_equal logaddexp logaddexp2 maximum minimum mod multiply nextafter not_equal power remainder subtract
    true_divide divmod allclose array_equal isclose"""
_OF_INTEGERS = """bitwise_and bitwise_or bitwise_xor gcd lcm left_shift right_shift floor_divide remainder power"""
_REDUCING = """all any argmax argmin average count_nonzero max mean median min nanargmax nanargmin nanmax nanmean
    nanmedian
    nanmin nanprod nanstd nansum nanvar prod ptp std sum var"""
_IN_A_ROW = """cumprod cumsum nancumsum nancumprod diff ediff1d gradient sort argsort flip unique flatnonzero ravel
    trapezoid trim_zeros poly unwrap vander diag diagflat lexsort sort_complex unique_counts unique_inverse bincount"""
_OF_MATRIX = """transpose trace tril triu fliplr flipud rot90 diagonal cov corrcoef atleast_3d matrix_transpose
    nonzero argwhere"""
_LINALG = """cholesky det eigh eigvalsh inv slogdet svd svdvals qr pinv norm matrix_rank cond"""
_FFT = """fft ifft rfft fft2 fftn fftshift hfft irfft"""
_SPECIAL = """bessel_jn:bessel_jn(a,v=3,n_iter=10) betaln:betaln(a,b) beta:beta(a,b) betainc:betainc(a,b,b)
    boxcox:boxcox(a,b) boxcox1p:boxcox1p(a,b) comb:comb(i,j) digamma entr erf erfc erfcx erfinv exp1 expi expit
    expn:expn(2,a) factorial:factorial(i) fresnel gamma gammainc:gammainc(a,b) gammaincc:gammaincc(a,b) gammaln
    gammasgn hyp1f1:hyp1f1(a,b,b) i0 i0e i1 i1e kl_div:kl_div(a,b) log_ndtr log_softmax logit logsumexp
    multigammaln:multigammaln(a+3,3) ndtr ndtri poch:poch(a,b) polygamma:polygamma(1,a) rel_entr:rel_entr(a,b) softmax
    spence xlog1py:xlog1py(a,b) xlogy:xlogy(a,b) zeta:zeta(a+1.5,b) dawsn sici owens_t:owens_t(a,b)"""
_NN = """celu elu gelu glu:glu(a[:8]) hard_sigmoid hard_silu hard_tanh leaky_relu log1mexp log_sigmoid log_softmax
    logsumexp mish
    relu relu6 selu sigmoid silu soft_sign softmax softplus sparse_plus squareplus standardize"""
_RANDOM = """ball:ball(key,3,2,(n,)) bernoulli:bernoulli(key,0.5,(n,)) beta:beta(key,a,b) binomial:binomial(key,5,a*0.8)
    bits:bits(key,(n,)) categorical:categorical(key,a) cauchy:cauchy(key,(n,)) chisquare:chisquare(key,a)
    choice:choice(key,a,(4,)) choice_without:choice(key,a,(4,),replace=False) dirichlet:dirichlet(key,a)
    exponential:exponential(key,(n,)) fold_in:fold_in(key,3) gamma:gamma(key,a) geometric:geometric(key,a*0.8)
    gumbel:gumbel(key,(n,)) key:key(3) laplace:laplace(key,(n,)) loggamma:loggamma(key,a) logistic:logistic(key,(n,))
    lognormal:lognormal(key,shape=(n,)) maxwell:maxwell(key,(n,)) normal:normal(key,(n,)) pareto:pareto(key,a)
    multivariate_normal:multivariate_normal(key,m[0],d) orthogonal:orthogonal(key,r) permutation:permutation(key,a)
    poisson:poisson(key,a) rademacher:rademacher(key,(n,)) randint:randint(key,(n,),0,10) rayleigh:rayleigh(key,a)
    split:split(key,r) t:t(key,a) triangular:triangular(key,0,a,2) uniform:uniform(key,(n,)) wald:wald(key,a)
    truncated_normal:truncated_normal(key,-1,1,(n,)) weibull_min:weibull_min(key,1.0,2.0,(n,))"""
_LAX = """abs acos acosh asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil cos cosh cumlogsumexp cummax cummin
    cumprod cumsum digamma erf erf_inv erfc exp exp2 expm1 floor is_finite lgamma log log1p logistic neg reciprocal
    round rsqrt sign sin sinh sort sqrt square tan tanh atan2:atan2(a,b) betainc:betainc(a,b,b) igamma:igamma(a,b)
    igammac:igammac(a,b) igamma_grad_a:igamma_grad_a(a,b) max:max(a,b) nextafter:nextafter(a,b) pow:pow(a,b)
    rem:rem(a,b)
    random_gamma_grad:random_gamma_grad(a,b) zeta:zeta(a+1.5,b) polygamma:polygamma(b,a) integer_pow:integer_pow(a,5)
    clz:clz(i) population_count:population_count(i) top_k:top_k(a,4) sort_key_val:sort_key_val(a,i)
    argmax:argmax(a,0,'int32') approx_max_k:approx_max_k(a,4) associative_scan:associative_scan(lax.add,a)
    batch_matmul:batch_matmul(m[None],m[None]) bitcast:bitcast_convert_type(a,'int32') clamp:clamp(0.2,a,0.8)
    complex:complex(a,b) cond:cond(True,lambda_x:x+1,lambda_x:x-1,a) convert:convert_element_type(a,'int32')
    dynamic_slice:dynamic_slice(a,(2,),(4,)) dynamic_update_slice:dynamic_update_slice(a,a[:4],(2,))
    fori_loop:fori_loop(0,10,lambda_t,x:x*1.5,a) while_loop:while_loop(lambda_x:x[0]<9,lambda_x:x*1.5,a)
    map:map(lambda_x:x*2,a) scan:scan(lambda_s,x:(s+x,s),0.0,a) switch:switch(1,[lax.neg,lax.abs,lax.exp],a)
    reduce_window:reduce_window(a,0.0,lax.add,(3,),(1,),'SAME') reduce_precision:reduce_precision(a,5,7)
    reduce_sum:reduce_sum(a,(0,)) pad:pad(a,0.0,[(1,1,0)]) rev:rev(a,(0,)) select:select(mask,a,b)
    conv:conv(m[None,None],m[None,None,:3,:3],(1,1),'SAME')"""
_OTHERS = """jnp.append(a,b) jnp.apply_along_axis(jnp.sum,0,m) jnp.arange(n) jnp.argpartition(a,3) jnp.array(list_)
    jnp.array_split(a,3) jnp.asarray(host) jnp.astype(a,'int32') jnp.blackman(n) jnp.block([[m,m],[m,m]])
    jnp.broadcast_to(a,(2,n)) jnp.broadcast_arrays(a,b[:,None][:2]) jnp.choose(i%2,[a,b]) jnp.clip(a,0.3,0.8)
    jnp.column_stack([a,b]) jnp.compress(mask,a) jnp.concatenate([a,b]) jnp.convolve(a,b[:5]) jnp.correlate(a,b[:5])
    jnp.cross(v3,v3) jnp.delete(a,3) jnp.digitize(a,b[:4]) jnp.dot(a,b) jnp.dot(m,m) jnp.dstack([a,b])
    jnp.einsum('ij,jk->ik',m,m) jnp.einsum('ij,ij->i',m,m) jnp.expand_dims(a,0) jnp.extract(mask,a) jnp.eye(r)
    jnp.full(n,2.0) jnp.full_like(a,2.0) jnp.geomspace(1,9,n) jnp.hamming(n) jnp.histogram(a) jnp.histogram2d(a,b,5)
    jnp.hstack([a,b]) jnp.identity(r) jnp.indices((r,r)) jnp.inner(a,b) jnp.insert(a,2,1.0) jnp.interp(a,a,b)
    jnp.intersect1d(i,j) jnp.isin(i,j[:6]) jnp.kaiser(n,3.0) jnp.kron(m[:4,:4],m) jnp.ldexp(a,i) jnp.linspace(0,1,n)
    jnp.logspace(0,1,n) jnp.matmul(m,m) jnp.meshgrid(a[:9],b[:9]) jnp.moveaxis(m,0,1) jnp.ones(n) jnp.ones_like(a)
    jnp.outer(a[:9],b[:9]) jnp.packbits(mask) jnp.pad(a,2) jnp.pad(a,2,mode='reflect') jnp.partition(a,3)
    jnp.percentile(a,30) jnp.piecewise(a,[a<0.5],[0.0,1.0]) jnp.polyfit(a,b,2) jnp.polyval(a[:4],b)
    jnp.polymul(a[:4],b[:4])
    jnp.put_along_axis(a,i[:3],0.0,0,inplace=False) jnp.quantile(a,0.3) jnp.repeat(a,2) jnp.reshape(m,-1)
    jnp.roll(a,2) jnp.rollaxis(m,1) jnp.roots(a[:4]) jnp.round(a,2) jnp.searchsorted(b,a) jnp.select([mask],[a],0.0)
    jnp.setdiff1d(i,j) jnp.split(a[:8],4) jnp.squeeze(a[None]) jnp.stack([a,b]) jnp.swapaxes(m,0,1) jnp.take(a,i)
    jnp.take_along_axis(a,i,0) jnp.tensordot(m,m,1) jnp.tile(a,2) jnp.tri(r) jnp.tril_indices(5) jnp.union1d(i,j)
    jnp.unpackbits(u) jnp.unravel_index(i,(20,20)) jnp.vdot(a,b) jnp.vecdot(m,m) jnp.vstack([a,b]) jnp.where(mask,a,b)
    jnp.where(mask) jnp.zeros(n) jnp.zeros_like(a) jnp.sum(m,axis=0) jnp.mean(m,axis=1) jnp.sort(m,axis=0)
    jnp.argsort(m,axis=1) jnp.cumsum(m,axis=0) jnp.median(m,axis=0) jnp.max(m,axis=1) jnp.argmax(m,axis=0)
    jnp.linalg.solve(m,m[0]) jnp.linalg.lstsq(m,m[0]) jnp.linalg.eig(m) jnp.linalg.matrix_power(m,3)
    jnp.linalg.multi_dot([m,m,m]) jnp.linalg.norm(m) jnp.linalg.norm(m,2) jnp.linalg.tensorsolve(m,m[0])
    a+b a*2 a/b a//b a%b a**2 a**b -a a==b a>b abs(a) a@b m@m i+j i//j i%j i**2 i<<1 ~i mask&mask
    a[3] a[2:5] a[::2] a[i] a[mask] a[-1] m[0] m[:,1] m[i%3,j%3] a.at[3].set(1.0) a.at[i].add(b) a.at[2:5].mul(2.0)
    m.at[0].set(1.0) a.sum() a.T m.T a.astype('int32') a.reshape(-1,1) a.round() a.tolist()[0] float(a[0]) bool(a[0]>0)
    jnp.exp(c) jnp.sin(c) jnp.sqrt(c) jnp.log(c) jnp.abs(c) jnp.angle(c) c*c c/c jnp.power(c,c) jnp.sort(c)
    jax.grad(lambda_x:jnp.sum(jnp.sin(x)))(a) jax.vmap(lambda_x:jnp.tanh(x)*2)(m) jax.jit(lambda_x:x*2+1)(a)
    jax.jvp(jnp.sin,(a,),(b,)) jax.hessian(lambda_x:jnp.sum(x**3))(a[:5]) jax.jacfwd(jnp.tanh)(a[:5])
    jax.vmap(jax.grad(lambda_x:jnp.sum(jnp.tanh(x)**2)))(m) jax.value_and_grad(lambda_x:jnp.sum(jnp.exp(x)))(a)
    nn.one_hot(i,10) nn.dot_product_attention(m[None,:,None],m[None,:,None],m[None,:,None])
    lin.expm(m[:4,:4]) lin.solve_triangular(d,m[0]) lin.cho_solve((d,True),m[0]) lin.lu(m) lin.lu_factor(m)
    lin.block_diag(m,m)
    lin.toeplitz(a[:6]) lin.schur(m[:4,:4]) lin.polar(m[:4,:4])
    stats.norm.pdf(a) stats.norm.cdf(a) stats.norm.logpdf(a) stats.beta.logpdf(b,a,a) stats.gamma.logpdf(a,b)
    stats.t.logpdf(a,3.0) stats.poisson.logpmf(i,a) stats.multivariate_normal.logpdf(m[0],m[1],d) stats.rankdata(a)"""


def calls() -> dict[str, str]:
    """name → expression."""
    found: dict[str, str] = {}
    for prefix, names, arguments in (
        ("jnp.", _UNARY, "(a)"),
        ("jnp.", _BINARY, "(a,b)"),
        ("jnp.", _REDUCING, "(a)"),
        ("jnp.", _IN_A_ROW, "(a)"),
        ("jnp.", _OF_MATRIX, "(m)"),
        ("jnp.linalg.", _LINALG, "(d)"),
        ("jnp.fft.", _FFT, "(m)"),
        ("sp.", _SPECIAL, "(a)"),
        ("nn.", _NN, "(a)"),
        ("random.", _RANDOM, ""),
        ("lax.", _LAX, "(a)"),
    ):
        for word in names.split():
            name, _, call = word.partition(":")
            found[prefix + name] = prefix + (call or name + arguments)
    found |= {f"jnp.{name} of integers": f"jnp.{name}(i,j)" for name in _OF_INTEGERS.split()}
    found["jnp.lexsort"], found["jnp.bincount"] = "jnp.lexsort((a,b))", "jnp.bincount(i)"
    found["jnp.poly"], found["jnp.vander"] = "jnp.poly(a[:5])", "jnp.vander(a[:9])"
    found["jnp.diag"] = found["jnp.diagflat"] = "jnp.diag(m[0])"
    found |= {word: word for word in _OTHERS.split()}
    return {name: expression.replace("lambda_", "lambda ") for name, expression in found.items()}


def arguments(side: Side, size: int, more: int) -> dict[str, Any]:
    """What the expressions speak of, on the device and computed: vectors and matrices so many elements longer."""
    np, jnp = side.np, side.jnp
    rows = max(4, math.isqrt(size)) + more
    size += more
    draw = np.random.default_rng(size)
    a, b = (draw.random(size, "float32") + np.float32(0.1) for _ in range(2))
    m = draw.random((rows, rows), "float32")
    # not m @ m.T: the threads of NumPy's OpenBLAS spin on for 40 ms after a product, and would be counted with the call
    square = np.einsum("ij,kj->ik", m, m)
    host = {
        "a": a,
        "b": b,
        "c": a + 1j * b,
        "m": m,
        "d": square + np.eye(rows, dtype="float32") * rows,
        "i": draw.integers(1, 8, size, "int32"),
        "j": draw.integers(1, 8, size, "int32"),
        "u": draw.integers(0, 255, size, "uint8"),
        "v3": draw.random((size, 3), "float32"),
        "mask": a > 0.6,
    }
    found = {name: side.jax.block_until_ready(jnp.asarray(value)) for name, value in host.items()}
    return {**found, "n": size, "r": rows, "list_": a.tolist(), "host": a, "key": side.random.key(size)}


_MODULES = {"sp": "scipy.special", "lin": "scipy.linalg", "stats": "scipy.stats"}


def call_of(side: Side, name: str, size: int, more: int) -> Callable[[], Any]:
    """A call of a function, by its name in `calls`, on arguments so much longer than `size`, which are there."""
    space = {alias: import_module(f"{side.name}.{module}") for alias, module in _MODULES.items()}
    space |= {"jax": side.jax, "jnp": side.jnp, "lax": side.lax, "nn": side.nn, "random": side.random}
    call: Callable[[], Any] = eval(f"lambda: {calls()[name]}", space | arguments(side, size, more))
    return call


def measure(side: Side, size: int, only: str) -> None:
    """The worker: prints [name, CPU milliseconds of each sample] for each function, a line of JSON each."""
    jax = side.jax
    jax.config.update("jax_enable_compilation_cache", False)
    # what any program starts: the client, the compiler, LAPACK, a loop, a draw
    warm = side.jnp.linalg.inv(side.jnp.eye(3)) + side.lax.fori_loop(0, 3, lambda i, x: x + i, 1.0)
    jax.block_until_ready((warm, side.random.normal(side.random.key(0), (3,)), jax.grad(side.jnp.sin)(1.0)))
    for place, name in enumerate(calls()):
        if not re.search(only, name):
            continue
        times = []
        for index in range(SAMPLES):
            # other sizes than its neighbours', whose operations a library may have kept
            call = call_of(side, name, size, SAMPLES * (place % 7) + index)
            gc.collect()
            start = time.process_time()
            try:
                jax.block_until_ready(call())
            except Exception as error:
                print(json.dumps([name, f"{type(error).__name__}: {str(error)[:100]}"]), flush=True)
                break
            times.append((time.process_time() - start) * 1e3)
        else:
            print(json.dumps([name, times]), flush=True)


def compare(sizes: list[str], only: str, rounds: int) -> None:
    """Runs the workers, alternating, and prints the ratios, the worst first."""
    sides = ("bevel", "jax")
    for size in sizes:
        times: dict[str, dict[str, list[float]]] = {side: defaultdict(list) for side in sides}
        problems: dict[str, str] = {}
        for number in range(rounds):
            for position in in_order(number):
                side = sides[position]
                with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
                    command = [interpreter(side), "-m", "benchmarks.first_calls", "--side", side]
                    told = subprocess.run(
                        [*command, "--sizes", size, "--only", only],
                        env=environment(scratch, "cpu") | {"PYTHONWARNINGS": "ignore"},
                        cwd=ROOT,
                        text=True,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        check=False,
                    )
                for line in told.stdout.splitlines():
                    name, found = json.loads(line)
                    if isinstance(found, str):
                        problems[f"{side} {name}"] = found
                    else:
                        times[side][name].extend(found)
        for where, problem in problems.items():
            print(f"size {size}: {where}: {problem}")
        rows = []
        for name in calls():
            left, right = times["bevel"].get(name), times["jax"].get(name)
            if left and right:
                rows.append((median(left) / median(right), min(left) / min(right), median(left), median(right), name))
        rows.sort(reverse=True)
        print(f"size {size}: ratio of medians, of least; Bevel, JAX in CPU ms")
        for ratio, least, left_ms, right_ms, name in rows:
            print(f"{ratio:7.3f} {least:7.3f} {left_ms:9.2f} {right_ms:9.2f}  {name}")
        middle = math.exp(sum(math.log(row[0]) for row in rows) / len(rows)) if rows else math.nan
        behind = sum(row[0] > 1.1 for row in rows)
        print(f"size {size}: {len(rows)} functions, geometric mean {middle:.3f}, {behind} above 1.1", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_calls", description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", default="", help="functions whose name this regular expression finds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=("bevel", "jax"), help="measure this side alone, here")
    asked = parser.parse_args()
    if asked.side:
        for size in asked.sizes:
            measure(Side(asked.side), SIZES[size], asked.only)
    else:
        compare(asked.sizes, asked.only, asked.rounds)


if __name__ == "__main__":
    sys.exit(main())

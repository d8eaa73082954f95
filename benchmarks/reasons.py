"""Why rows miss their goals: what was found by looking, for each row or kind of row that did so in a whole run.

The page of the benchmarks quotes a reason only where its row misses in that very run. A row that misses without a
reason here is said to have none, so that nobody takes silence for an excuse.
"""

from __future__ import annotations

import re

_CALL = (
    "an operation on 1,000 numbers is one call of the engine, 4 to 8 µs of which little is Python; NumPy's own call "
    "takes 0.3 to 1 µs (docs/decisions/141)"
)
_MEMORY = (
    "a program that moves more than 5 MiB runs on a thread of its own, which has to be woken, so that its caller "
    "may go on: 40 to 60 µs of some 350; what is left is NumPy's time (docs/decisions/124). Now and then the "
    "result's pages are new to the process as well (docs/decisions/126)"
)
_CALL_OUT_OF_CACHE = (
    "the loops are alike; the engine's call takes longer behind two megabytes, which drive what it needs out of the "
    "cache (docs/decisions/141)"
)
_FIRST = (
    "NumPy stops at the first element that decides; XLA looks at all, in 17 µs where NumPy takes 14 if none decides"
)
_SINES = (
    "computed in float64 and right to 0.51 ulp, eight numbers at a time, where NumPy computes sixteen, right to 1.5 "
    "(powers to 1): 1.4 of NumPy's CPU time (powers 2.0 to 2.3), which two cores share where both are free "
    "(docs/decisions/125 and 133)"
)
_PLACE = (
    "the pass over memory, which is that of max, takes 189 of some 215 µs, the place in the best of 16 strips the rest "
    "(docs/decisions/137)"
)
_SHARED_SUM = (
    "XLA's library shares sums between two cores, which cost 20 to 60 µs to wake: 1.4 of NumPy's CPU time, and its "
    "wall time where the second core is free"
)
_FOLDED = (
    "a fold of 14 parts, which keeps NaN, reads memory from as many places at once: 1.2 to 1.3 of NumPy's CPU time"
)
_VIEW = (
    "NumPy gives another view of the same memory; an array here is memory of its own, which a call of the engine writes"
)
_SORT = (
    "NumPy sorts places by AVX-512, 1,000 in 7 µs; XLA compares packed keys one by one, in 20 to 25 µs behind the call "
    "on an idle machine"
)
_RULES = "this option of C's lets the compiler estimate inverse roots and reorder sums, which XLA may not"
_ONE_THREAD = (
    "OpenBLAS has one thread here and two in JAX, which gain 15 to 30 % on an idle machine and lose a factor of 30 and "
    "more on a busy one (docs/decisions/079); with one thread on both sides Bevel takes 0.8 of JAX's time"
)
_COMPILER = (
    "XLA takes all but 2 % of it: what a process compiles first takes 0.9 (the network) and 0.97 (Adam) of JAX's time, "
    "what follows another large program up to 1.1, in user time, without page faults; why is not known"
)
_COMPILED_ALIKE = (
    "XLA's work: both sides' optimised programs have the same operations in as many kernels (32 and 33); why one takes "
    "longer to compile is not known"
)
_NAN = (
    "JAX hands this to a library that passes over NaN (jnp.max of 4,096 numbers and a NaN is a number there, along "
    "either axis); keeping it takes loops of XLA's (docs/decisions/097 and 101). The library reads with both cores, "
    "305 µs of CPU time and 200 by the clock; the loops with one, 230 and 236 (docs/decisions/137)"
)
_NOISE = (
    "with JAX's compiler options it takes as long; user time of 500 calls differs by up to 9 %, now on this side, now "
    "on that, with the process"
)
_SCATTERED = (
    "both sides spend the time in the same call of jaxlib, which waits for memory: with one array given 2,000 times "
    "Bevel takes 0.98 of JAX's time, with arrays from device_put 0.9, from a jitted function 0.6"
)
_OVERWRITTEN = (
    "the batch is copied before the call is back, since its memory may be filled again at once; JAX's program reads "
    "what is written then (docs/decisions/190)"
)
_PADDED = (
    "one pass over memory on both sides; Bevel takes 265 to 305 µs and JAX 255 to 345, so that runs of one day gave "
    "0.93 to 1.12"
)
_IMPORT = (
    "NumPy, ml_dtypes and jaxlib, which both sides load, are two thirds of Bevel's time; it differs between runs by "
    "some hundredths"
)
_TWO_MODES = (
    "a process takes 74 or 100 µs a call from its first to its last, on either side, by how the threads of the four "
    "virtual devices find the two cores; a fifth thread, without which LAPACK's calls may wait for ever "
    "(docs/decisions/179), costs Bevel some 4 %"
)
_EQUAL_PROGRAMS = (
    "both sides' optimised programs have the same operations, nearly all of the time goes to one of XLA's; which side "
    "is ahead changes with the process, of a Fourier transform by a factor of up to 2"
)
_ONE_PASS = (
    "one pass over memory on both sides, by two cores; which side is ahead changes with the process, 0.64 to 1.08 "
    "(docs/decisions/159)"
)
_POWERS = (
    "JAX takes the last six bits of an exponent, and its powers from 64 on are wrong; right ones take all bits "
    "(docs/decisions/144)"
)
_TWO_SORTS = (
    "JAX's order is that of two sorts by random words, of which one takes as long as NumPy's whole shuffle, 0.9 ms"
)
REASONS: tuple[tuple[str, str], ...] = (
    (r"permutation of 1e5, NumPy$", _TWO_SORTS),
    (r"import$", _IMPORT),
    (r"jnp\.pad of 1e6$", _ONE_PASS),
    (r"powers of 1e6 int32$", _POWERS),
    (r"(r?fft2? (of|along)|segment_sum|sum pooling of whole images, gradient$)", _EQUAL_PROGRAMS),
    (r"jnp\.(any|all) of 1e6, NumPy$", _FIRST),
    (r"jnp\.(sin|cos|power) of 1e6, NumPy$", _SINES),
    (r"jnp\.argmax of 1e6, NumPy$", _PLACE),
    (r"jnp\.(dot|linalg\.norm) of 1e6, NumPy$", _SHARED_SUM),
    (r"jnp\.(max|min) of 1e6, NumPy$", _FOLDED),
    (r"jnp\.logical_and of 1e6, NumPy$", _CALL_OUT_OF_CACHE),
    (r"jnp\.(full|ones|zeros|array|concatenate|stack|tile|repeat|abs|maximum|minimum|clip|square).* 1e6, N", _MEMORY),
    (r"jnp\.(transpose|moveaxis|broadcast_to|split|reshape|ravel|expand_dims|squeeze|diag|asarray) of 1e\d, N", _VIEW),
    (r"jnp\.argsort of 1e3, NumPy$", _SORT),
    (r"jnp\..* of 1e3, NumPy$", _CALL),
    (r"galaxy step against C -ffast-math", _RULES),
    (r"(inv|det|solve|cholesky|triangular_solve|grad of solve), [35]00 x", _ONE_THREAD),
    (r"run: (Adam|gelu of|softplus of|exp in a loop|Mandelbrot|gradient step of)", _NOISE),
    (r"max: (rows|columns|10,000 rows)", _NAN),
    (
        r"gradient step by shard_map",
        "four virtual devices wait for each other on two cores: 1.02 of JAX's CPU time, 1.00 to 1.12 of its wall time",
    ),
    (r"compile: (200-layer MLP|Adam)", _COMPILER),
    (r"model: reaction and diffusion: compile", _COMPILED_ALIKE),
    (r"jit call, .* 3 used", _SCATTERED),
    (r"(jit call|x \+ x) over 4 devices", _TWO_MODES),
    (r"padded: 1000 x 1000 around", _PADDED),
    (r"jit call, array and NumPy batch", _OVERWRITTEN),
    (r"(jit call|compiled call)", "both sides spend the time in the same call of jaxlib"),
)
UNKNOWN = "the cause is not known"


def reason(name: str) -> str:
    """The reason for a row of that name: the first whose pattern matches."""
    return next((why for pattern, why in REASONS if re.match(pattern, name)), UNKNOWN)

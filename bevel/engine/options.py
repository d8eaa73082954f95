"""Which options XLA compiles a program with: a policy that looks at the program's shape, and the user's own word.

No set of options wins everywhere, so `choose` reads a light summary of the program, applies the rules below one by
one, and keeps each one's reason for `bevel explain`. What the user passes as `compiler_options` wins, and so does
what stands in XLA_FLAGS.

XLA's own defaults stay unless a rule has a measured gain. How the options are handed to XLA, and what happens where it
does not know one, is in `compile_options`.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bevel.base.errors import EngineError

Value = str | bool | int | float


@dataclass(frozen=True)
class ProgramSummary:
    """What the rules look at. The lowering fills it in while it walks the program, bodies of loops included.

    equations         all of them
    distinct_kernels  how many are left when those equal in operation, shapes and parameters count once
    loops             while loops and scans
    reductions        reductions and cumulative operations
    extrema           those of them that find the largest or smallest, or its place
    convolutions      convolutions
    wide_convolutions those of them in double precision
    narrow_convolutions those of them of few features, or of complex numbers
    dots              dot_general
    batched_dots      those of them with batch dimensions
    elementwise       elementwise operations
    formulas          those of them that are polynomials of long arrays
    callbacks         calls of Python
    draws             equations that make random bits
    long_draws        those of them that make many
    varied_draws      gamma's draws with a shape for each, whose roots XLA approximates otherwise in wider registers
    misrounded        those that the older emitter rounds worse: tan that is left to XLA, floats of 8 bits without -0
    barriers          optimization barriers, those of checkpoint among them
    looped_barriers   those of them in the bodies of loops
    widest_loop       the most arrays that one of the loops takes and gives
    longest_loop      the most equations in the body of one
    looped_ciphers    long draws in the bodies of loops, each a function that XLA may not inline
    functions         functions, as formulas, of arrays that are not short
    long_elementwise  elementwise operations on long arrays
    running           sums, products and extrema of what came before, which are loops down an axis
    shared            functions and quotients of arrays that are not short, where several equations use one
    newer             what only the newer emitter does well: elements of long arrays repeated side by side, 2, 4, 8, …
                      times, long arrays joined, transposed, spread or laid flat, many elements taken one by one,
                      scattered extrema, products of complex numbers, and elementwise operations on long arrays that
                      loops carry or that are donated
    lone              one operation of the user's, called by itself outside jit
    work              how many additions it costs, about; inf where nobody knows
    computed          how many bytes these additions take in
    traffic           how many bytes it is given and gives
    """

    equations: int = 1
    distinct_kernels: int = 1
    loops: int = 0
    reductions: int = 0
    extrema: int = 0
    convolutions: int = 0
    wide_convolutions: int = 0
    narrow_convolutions: int = 0
    dots: int = 0
    batched_dots: int = 0
    elementwise: int = 0
    formulas: int = 0
    callbacks: int = 0
    draws: int = 0
    long_draws: int = 0
    varied_draws: int = 0
    misrounded: int = 0
    barriers: int = 0
    looped_barriers: int = 0
    widest_loop: int = 0
    longest_loop: int = 0
    looped_ciphers: int = 0
    functions: int = 0
    long_elementwise: int = 0
    shared: int = 0
    newer: int = 0
    running: int = 0
    lone: bool = False
    work: float = math.inf
    computed: float = math.inf
    traffic: int = 0

    @property
    def repetition(self) -> float:
        """How often an average equation occurs: 1 where no two are alike, the depth for a deep network unrolled."""
        return self.equations / max(1, self.distinct_kernels)

    @property
    def waits_for_memory(self) -> bool:
        """Is its time that of reading and writing? Three additions for each element hide in it, of exp eight do not."""
        if self.loops or self.draws or self.barriers or self.convolutions:
            return False
        return self.computed <= MOST_COMPUTED * self.traffic

    def is_short(self, most_work: float, most_traffic: int) -> bool:
        """Does it move so few bytes, where it waits for memory, or do so few additions, where it computes?"""
        return self.traffic <= most_traffic if self.waits_for_memory else self.work <= most_work


@dataclass(frozen=True)
class Rule:
    """One piece of the policy: where `applies` says so, `option` is set, for this reason, with these measurements."""

    option: str
    value: Value
    reason: str
    applies: Callable[[ProgramSummary], bool]


SMALL_LOOP_BYTES = 1 << 20
MOST_COMPUTED = 3.5  # bytes for each that is read or written
# A program that waits for memory may move so many bytes in the thread that calls it: 0.2 ms, on few cores; 0.04 where
# there are cores to share the work, less than these take to wake up.
MOST_TRAFFIC_ON_FEW_CORES, MOST_TRAFFIC = 5 << 20, 1 << 20
MOST_WORK_ON_FEW_CORES = 4_000_000  # additions: 0.15 ms of one core
WIDE_LOOP, LONG_LOOP = 64, 400
LITTLE_WORK = 250_000  # additions: some dozens of microseconds
FEW_PRODUCTS = 60e6  # of a convolution: about a millisecond
MANY_DOTS = 64
LITTLE_REPETITION = 3.0

_WHILE_THRESHOLD = "xla_cpu_small_while_loop_byte_threshold"
_NO_FUSION_EMITTERS = "xla_cpu_disable_new_fusion_emitters"
_YNN = "xla_cpu_experimental_ynn_fusion_type"
_LEVEL = "xla_backend_optimization_level"
_DISABLED = "xla_disable_hlo_passes"
_WIDTH = "xla_cpu_prefer_vector_width"


@functools.cache
def has_few_cores() -> bool:
    """Whether this process has two cores at most, of which a library that takes one leaves little unused."""
    return (len(os.sched_getaffinity(0)) if "sched_getaffinity" in dir(os) else os.cpu_count() or 1) <= 2


@functools.cache
def has_wide_registers() -> bool:
    """Whether this CPU computes in 512 bits without slowing down: from Ice Lake and Zen 4 on, those with VBMI2."""
    try:
        with open("/proc/cpuinfo") as description:
            return "avx512_vbmi2" in next((line for line in description if line.startswith("flags")), "").split()
    except OSError:  # no Linux
        return False


# Figures: XLA CPU of jaxlib 0.10.2 on two cores with AVX-512, CPU milliseconds to compile, microseconds to run.
# `benchmarks` repeats them. Later rules never meet earlier ones on the same option.
CPU_RULES = (
    Rule(
        _DISABLED,
        "cse_barrier_expander",
        "barriers stay until the program is scheduled: else XLA merges what checkpoint computes again with the first "
        "time",
        # Gradient of 50 checkpointed layers of three products each: 150 -> 28 MiB of temporaries, 449 -> 599 products,
        # run 1.2 -> 0.6 s. With the pass, XLA on CPU drops every barrier before it looks for equal computations.
        lambda p: p.barriers > 0,
    ),
    Rule(
        _DISABLED,
        "cpu-parallel-task-assigner",
        "it waits for memory or computes, and not for long: to wake a second core takes as long as that one saves",
        # Of those that wait for memory, logical_and of 1e6 142 -> 64 µs of CPU time, least wall time 106 -> 41;
        # isfinite 242 -> 166; sum, on an idle machine, 226 -> 140. Longer ones gain in CPU time alone: a transpose of
        # 8 MB in and out takes 480 µs on two idle cores and 740 on one. XLA gives such programs of any length to as
        # many cores as the square root of their number.
        # Of those that compute, waited for, on two idle cores: sin of 60,000 140 -> 72 µs, std of 100,000 115 -> 24,
        # softmax of 30,000 80 -> 25, a product of 128 x 128 85 -> 35, a gamma draw of 1,000 230 -> 55; one after the
        # other, without a wait, the same within a tenth. Of twice the work two cores gain.
        lambda p: p.barriers == 0 and p.is_short(MOST_WORK_ON_FEW_CORES, MOST_TRAFFIC_ON_FEW_CORES) and has_few_cores(),
    ),
    Rule(
        _WHILE_THRESHOLD,
        str(SMALL_LOOP_BYTES),
        "the loop's state is small, so the whole loop is one kernel and not a call for each operation and turn",
        # Gradient of 1,000 RK4 steps 739 -> 268 ms, 2177 -> 253 µs; scan unrolled by 16 557 -> 195 ms, 302 -> 23 µs;
        # random walk 523 -> 287 ms, 1360 -> 295 µs; stencil 114 -> 40 ms, 354 -> 241 µs; equal bits in all of them.
        # XLA asks for each loop whether it is under the threshold. From 16 MiB on, bodies worth two cores lose one.
        # From jaxlib 0.12 on XLA does it by itself, and the option changes nothing.
        # Running sums and extrema are loops down an axis: of 1000 x 1000 cummax 1,080 -> 570 µs, cumlogsumexp 19 -> 4.4
        # ms; cumsum of 300 x 300 60 -> 27 µs.
        lambda p: (
            p.loops + p.running > 0
            and p.looped_barriers == p.looped_ciphers == 0
            and p.widest_loop <= WIDE_LOOP
            and p.longest_loop <= LONG_LOOP
        ),
    ),
    Rule(
        _WHILE_THRESHOLD,
        "0",
        "a loop of many arrays or operations: as one kernel it takes LLVM more than the square of their number",
        # Gradient of a scan whose body has 50 tanh (104 arrays) 2516 -> 627 ms; 150 of them, more than two minutes ->
        # 1.7 s; 200 arrays added to 1040 -> 190 ms, run 7.4 -> 0.6 ms; 900 operations in a row run 12.1 -> 0.1 ms.
        lambda p: (
            p.loops > 0
            and p.looped_barriers == p.looped_ciphers == 0
            and (p.widest_loop > WIDE_LOOP or p.longest_loop > LONG_LOOP)
        ),
    ),
    Rule(
        _WHILE_THRESHOLD,
        "0",
        "a barrier in a loop: XLA ends the process where it makes one kernel of such a loop",
        # A scan over checkpointed layers: ComputationKernelEmitter knows no barrier (jaxlib 0.10.2).
        lambda p: p.looped_barriers > 0,
    ),
    Rule(
        _WHILE_THRESHOLD,
        "0",
        "a function in a loop that several cores share: XLA cannot make one kernel of such a loop",
        # A scan that adds 2,000 normal numbers a turn: "Symbols not found: __xla_cpu_runtime_ParallelForkJoin" (jaxlib
        # 0.10.2; with 1,000 numbers, which one core draws, the loop is one kernel).
        lambda p: p.looped_ciphers > 0 and p.looped_barriers == 0,
    ),
    Rule(
        _NO_FUSION_EMITTERS,
        "true",
        "one operation by itself: the older emitter compiles it in half the time and it runs as fast",
        # tanh 36 -> 20 ms, 717 -> 470 µs; rsqrt 44 -> 19 ms, 3427 -> 480 µs; x + y 48 -> 19 ms, 670 -> 510 µs;
        # transpose 59 -> 17 ms, 1058 -> 958 µs; x + y of 4 numbers 20 -> 11 ms; all on 1000 x 1000 but the last.
        # A softmax would lose (940 -> 1190 µs): reductions with elementwise work around them stay.
        # Level 0 would save 8 ms more, and run up to 17 times as long.
        # It rounds exp, log and cbrt otherwise in the last bit here and there (7 numbers: 2 or 3 of them; cbrt also in
        # large arrays, up to 2 ulp). Random numbers are promised to the bit, so programs that draw them stay. It takes
        # tan for sin over cos: 1.65 ulp, where the newer one calls the C library's, 0.5.
        lambda p: p.lone and p.draws == p.misrounded == p.newer == 0 and not (p.reductions and p.elementwise),
    ),
    Rule(
        _NO_FUSION_EMITTERS,
        "true",
        "convolutions, and few kernels alike: the older emitter compiles in half the time and pooling runs faster",
        # CNN training step 1275 -> 580 ms, 18.4 -> 16.1 ms.
        # Not where kernels repeat: only the newer emitter knows two kernels for one. 200-layer MLP: 517 -> 5462 ms.
        # Nor with functions of what a convolution gives: the older one's loops in place are not vectorised. silu of
        # 8 x 32 x 32 x 32 2.1 and 1.2 ms, softplus 10 and 2.
        lambda p: (
            not p.lone and p.convolutions > 0 and p.formulas == p.misrounded == 0 and p.repetition < LITTLE_REPETITION
        ),
    ),
    Rule(
        _NO_FUSION_EMITTERS,
        "true",
        "few kernels alike and few reductions: the older emitter compiles in less time and it runs as fast",
        # Training step of an MLP 774 -> 492 ms, run equal; forces by pairs unrolled 1375 -> 953 ms, run equal.
        lambda p: (
            not p.lone
            and p.draws == p.misrounded == 0
            and p.convolutions == 0
            and p.repetition < LITTLE_REPETITION
            and p.equations > 1
            and (p.reductions == 0 or p.dots >= p.reductions)
            # repeat(x, 2) of 1e6 runs in 0.95 ms by the older one, 0.48 by the newer; three times 1.1 and 1.7.
            # logical_and of 1e6, its first argument donated, 267 and 146; two arrays of 1e6 joined 860 and 650; the
            # product of 1e6 complex numbers 1480 and 500; x + 1 of 64 x 128 x 128 laid flat 1210 and 330; a zero
            # between any two of 1e6 1310 and 440; 1e6 elements taken by an index each 660 and 450, of rows 1080 and
            # 580; transposes of 512 x 512 306 and 119, 10,000 x 64 3,400 and 410, 250,000 x 4 810 and 325, of
            # 32 x 128 x 8 x 64 to 32 x 8 x 128 x 64 2,010 and 705, 3,000 x 1,001 11.3 and 2.0 ms, but 1,001 x 3,000 1.0
            # and 3.1
            # the largest of each of 1,000 segments of 1e5 numbers 141 and 90 µs; 20 turns of exp(-z z) + x on 90,000
            # numbers 6.3 and 1.5 ms, of where(|z| < 2, z z + c, z) on complex ones 5.9 and 1.3
            and p.newer == 0
            # where a loop writes over what it reads, the older one's is not vectorised: gelu(x @ w) of 512 x 1024 4.3
            # and 2.5 ms, softplus 15 and 3.5; y = exp(p) / q; where(y > 1, log(y), y p) of 100,000 570 and 160 µs
            and p.shared == 0
            and not (p.dots and (p.functions or p.long_elementwise))
        ),
    ),
    Rule(
        _NO_FUSION_EMITTERS,
        "true",
        "little work with reductions: the older emitter compiles in two thirds of the time, and what runs is short",
        # Of 10,000 numbers: mean 33 -> 19 ms, var 54 -> 30, softmax 59 -> 38, cov of 100 x 100 64 -> 44, gradient of a
        # sum 45 -> 35, trace 89 -> 60; run equal (8 to 38 µs), of 100,000 within a sixth either way.
        lambda p: (
            not p.lone
            and p.work <= LITTLE_WORK
            and p.draws == p.misrounded == p.convolutions == p.loops == 0
            and p.repetition < LITTLE_REPETITION / 2
            and p.equations > 1
            and p.reductions > p.dots
        ),
    ),
    Rule(
        _WIDTH,
        512,
        "functions of long arrays on a CPU with registers of 512 bits; XLA would use 256 of them",
        # 1e6 elements: exp 414 -> 312 µs, expm1 729 -> 588, log 524 -> 470; float64 exp 1327 -> 1109, sin 2188 -> 1865,
        # erf 2444 -> 1931, log1p 2057 -> 1690; bits equal. No gain for what waits for memory (add, where, tanh), a loss
        # for arrays of 1,000 (8 %) and for powers in double precision (15 to 27 %). The width decides how a sum within
        # a kernel is split, so programs with such reductions stay; of extrema the bits are equal (max(exp(x)) of 1e6
        # 346 -> 274, of 10,000 rows 402 -> 328).
        lambda p: (
            p.formulas > 0
            and p.reductions == p.extrema
            and p.draws == p.dots == p.convolutions == p.loops == 0
            and has_wide_registers()
        ),
    ),
    Rule(
        _WIDTH,
        512,
        "elementwise operations on long arrays that wait for memory, on a CPU with registers of 512 bits",
        # 100,000 elements: x > 0.5 10.7 -> 7.7 µs, isfinite 11.0 -> 8.9; 1e6: clip 420 -> 340, conversion to bfloat16
        # 303 -> 285, logical_and 69 -> 50, x + y equal. A transpose by itself loses 4 to 15 %.
        lambda p: (
            p.waits_for_memory
            and p.long_elementwise > p.reductions == p.formulas == p.dots == 0
            and has_wide_registers()
        ),
    ),
    Rule(
        _WIDTH,
        512,
        "long random draws on a CPU with registers of 512 bits: the cipher is integers in registers",
        # 1e5 numbers: bits 215 -> 172 µs, normal 426 -> 329, gamma 2,080 -> 1,370, beta 3,630 -> 2,690; 1e6 normal
        # 2,255 -> 1,872; 4,000 gamma on one core 194 -> 135. Bits are equal where nothing is divided by a root: XLA
        # starts 1 / sqrt from an instruction that gives 14 bits in registers of 512, and 12 in those of 256.
        lambda p: (
            p.long_draws > 0
            and p.varied_draws == p.reductions == p.dots == p.convolutions == p.loops == p.barriers == 0
            and has_wide_registers()
        ),
    ),
    Rule(
        _WIDTH,
        512,
        "convolutions that are written as loops, on a CPU with registers of 512 bits",
        # 8 x 64 x 64 by 5 x 5 x 1 x 32: 610 -> 356 µs; JAX's library 829.
        lambda p: p.convolutions > 0 and p.reductions == p.draws == p.loops == p.formulas == 0 and has_wide_registers(),
    ),
    Rule(
        _YNN,
        "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE",
        "convolutions: YNN runs them on one core, Eigen on all",
        # On two cores forward 1.5 times as fast, the gradient in the weights 1.3 to 2.4 times, and more on more cores.
        # Not with double precision, which Eigen has not: 8 x 56 x 56 x 64 by 3 x 3 x 64 x 64 takes YNN 27 ms, and 200
        # as one product over patches. Nor on two cores where features are few, which cost Eigen 1.7 to 2.9 times the
        # work: 3 x 3 from 32 features to 3 13.8 and 4.8 ms, 7 x 7 with stride 2 from 3 to 64 5.4 and 3.2. Complex
        # numbers are three convolutions side by side, 4 x 28 x 28 x 32 by 3 x 3 x 32 x 32 2.9 and 1.5 ms. Nor with
        # little work: silu of 8 x 32 x 32 x 16 by 3 x 3 x 16 x 32 takes two cores as long as one, in 1.4 of the CPU
        # time, and 2.5 to 4.5 where others want the cores.
        lambda p: (
            p.convolutions > p.wide_convolutions == 0
            and not (has_few_cores() and (p.narrow_convolutions == p.convolutions or p.work <= FEW_PRODUCTS))
        ),
    ),
    Rule(
        _YNN,
        "LIBRARY_FUSION_TYPE_REDUCE",
        "many matrix products: YNN prepares each one for half a millisecond at the first run, Eigen prepares none",
        # Gradient of a 200-layer MLP: first run 329 -> 21 ms, then 6.6 -> 6.0 ms.
        # Not with batches: 10,000 products of 8 x 8 take Eigen 13 ms and YNN 1.1.
        lambda p: p.convolutions == 0 and p.dots >= MANY_DOTS and p.batched_dots == 0,
    ),
    Rule(
        _LEVEL,
        1,
        "the work is in matrix products and convolutions, which are compiled already: LLVM need not polish the rest",
        # Scan of 50 layers with gradient 429 -> 278 ms; 200-layer MLP 517 -> 469; CNN step 1275 -> 1073; run equal,
        # bits equal. Loops of scalars stay: their gradients differ in the last bits and can run slower.
        lambda p: p.dots + p.convolutions > 0,
    ),
)


# XLA runs a program of 1,000 counted operations and more on another thread: 10 µs on an idle machine, 20 to 60 on a
# busy one. So long a program may take in the thread that calls it, which meanwhile prepares no other; on few cores, as
# long as MOST_WORK_ON_FEW_CORES.
MOST_WORK_IN_CALL = 50_000


@dataclass(frozen=True)
class Choice:
    """The options for one program: `options` to compile with, `reasons` for each rule taken, `given` by the user.

    in_call   it is so small that it runs in the thread that calls it, once its operands are there
    """

    options: Mapping[str, Value] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    in_call: bool = False

    def without(self, option: str) -> Choice:
        return replace(self, options={k: v for k, v in self.options.items() if k != option})

    @functools.cached_property
    def key(self) -> str:
        """The choice as a field of a cache key."""
        return ";".join(f"{name}={self.options[name]!r}" for name in sorted(self.options))


NO_CHOICE = Choice()

# Options that XLA keeps in a map for its backend; its setter for named options does not know them. XLA hands names of
# this map that do not begin with xla_ to LLVM, which ends the process over an unknown one: so only these go there.
MAP_OPTIONS = frozenset(
    {
        _NO_FUSION_EMITTERS,
        _WHILE_THRESHOLD,
        "xla_cpu_disable_loop_unrolling",
        "xla_cpu_disable_slp_vectorizer",
        "xla_cpu_disable_tiled_emitter",
        "xla_cpu_flatten_after_fusion",
        "xla_cpu_fold_all_constants",
        "xla_cpu_optimize_for_size",
        "xla_cpu_use_multi_output_fusion",
    }
)

unknown: set[str] = set()  # options of ours that this jaxlib refused once


def choose(summary: ProgramSummary, platform: str, overrides: Mapping[str, Value] | None = None) -> Choice:
    """The options for a program of this shape on this platform; `overrides` are the user's `compiler_options`.

    Raises EngineError where an override is no name with a string, bool, int or float.
    """
    given = checked(overrides or {})
    # What the user wrote into XLA_FLAGS is already XLA's default: a rule must not undo it.
    flags = os.environ.get("XLA_FLAGS", "")
    options: dict[str, Value] = {}
    reasons = []
    for rule in CPU_RULES if platform == "cpu" else ():
        if rule.option in given or rule.option in flags or rule.option in unknown or not rule.applies(summary):
            continue
        options[rule.option] = rule.value
        reasons.append(f"{rule.option}={rule.value}: {rule.reason}")
    reasons += [f"{name}={value}: asked for" for name, value in given.items()]
    here = (MOST_WORK_ON_FEW_CORES, MOST_TRAFFIC_ON_FEW_CORES) if has_few_cores() else (MOST_WORK_IN_CALL, MOST_TRAFFIC)
    in_call = platform == "cpu" and (summary.work <= MOST_WORK_IN_CALL or summary.is_short(*here))
    if in_call:
        reasons.append("runs in the thread that calls it: it is done before another thread would be far with it")
    if str(given.get(_NO_FUSION_EMITTERS, "")).lower() in ("false", "0"):
        # XLA only asks whether it is named, so that what it says is to leave it out
        given = {name: value for name, value in given.items() if name != _NO_FUSION_EMITTERS}
    return Choice({**options, **given}, tuple(reasons), frozenset(given), in_call)


def checked(overrides: Mapping[str, Value]) -> dict[str, Value]:
    """The user's compiler options with each value as XLA reads it, or EngineError naming the one that is none."""
    result: dict[str, Value] = {}
    for name, value in overrides.items():
        if not isinstance(name, str) or not isinstance(value, (str, bool, int, float, np.bool_, np.number)):
            raise EngineError(
                f"compiler_options has {name!r}: {value!r}; it takes names of XLA options with a string, bool, "
                'int or float, as in {"xla_backend_optimization_level": 1}.'
            )
        if isinstance(value, (np.bool_, np.number)):
            value = value.item()
        if isinstance(value, str) and value in ("true", "false") and name not in MAP_OPTIONS:
            value = value == "true"  # XLA_FLAGS spells them so; as an override XLA wants "True"
        result[name] = value
    return result

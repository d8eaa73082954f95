"""How exactly products of matrices and convolutions are computed: a wish for precision, or a named algorithm.

Both are hints to the compiler. On a CPU float32 is computed as float32 whatever `Precision` says; on accelerators
DEFAULT may round operands to bfloat16 or TensorFloat-32. An algorithm states the types of operands and of the sum.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import ml_dtypes
import numpy as np

from bevel.base import settings
from bevel.base.errors import DTypeError
from bevel.engine.builder import element_type, parsed


class Precision(enum.Enum):
    """How exactly to compute: DEFAULT is the fastest, HIGHEST the full precision of the operands.

    `Precision("highest")` and the other names that JAX knows give the member: 'float32' is HIGHEST, 'tensorfloat32' and
    'bfloat16_3x' are HIGH, 'bfloat16' and 'fastest' are DEFAULT.
    """

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2

    @classmethod
    def _missing_(cls, value):
        return _BY_NAME.get(value)

    def __repr__(self):
        return f"{type(self).__name__}.{self.name}"

    def __str__(self):
        return self.name


_BY_NAME = {
    "highest": Precision.HIGHEST,
    "float32": Precision.HIGHEST,
    "high": Precision.HIGH,
    "bfloat16_3x": Precision.HIGH,
    "tensorfloat32": Precision.HIGH,
    "default": Precision.DEFAULT,
    "bfloat16": Precision.DEFAULT,
    "fastest": Precision.DEFAULT,
    None: Precision.DEFAULT,
}


class DotAlgorithm(NamedTuple):
    """An algorithm for dot_general, stated in full, as StableHLO's dot_algorithm has it.

    lhs_precision_type, rhs_precision_type   the types that operands are rounded to
    accumulation_type                        the type of the sum
    lhs_component_count, rhs_component_count how many parts each operand is split into
    num_primitive_operations                 how many products of parts are summed
    allow_imprecise_accumulation             may partial sums be less precise than the accumulation type
    """

    lhs_precision_type: object
    rhs_precision_type: object
    accumulation_type: object
    lhs_component_count: int = 1
    rhs_component_count: int = 1
    num_primitive_operations: int = 1
    allow_imprecise_accumulation: bool = False

    def attribute(self, lhs, rhs):
        """The StableHLO attribute; any 8-bit float stands for the operand's own type."""
        types = [_type_name(self.lhs_precision_type, lhs), _type_name(self.rhs_precision_type, rhs)]
        text = (
            f"#stablehlo.dot_algorithm<lhs_precision_type = {types[0]}, rhs_precision_type = {types[1]}, "
            f"accumulation_type = {_type_name(self.accumulation_type, lhs)}, "
            f"lhs_component_count = {self.lhs_component_count}, rhs_component_count = {self.rhs_component_count}, "
            f"num_primitive_operations = {self.num_primitive_operations}, "
            f"allow_imprecise_accumulation = {'true' if self.allow_imprecise_accumulation else 'false'}>"
        )
        try:
            return parsed(text)
        except Exception:
            raise DTypeError(
                f"dot_general was given an algorithm that XLA does not know: {types[0]} times {types[1]}, summed in "
                f"{_type_name(self.accumulation_type, lhs)}. DotAlgorithmPreset names those that there are."
            ) from None


def _type_name(kind, own):
    if kind == "tf32":
        return "tf32"
    return element_type(np.dtype(own if kind is None else kind))


_BF16, _F16, _F32, _F64 = ml_dtypes.bfloat16, np.float16, np.float32, np.float64


class DotAlgorithmPreset(enum.Enum):
    """Algorithms for dot_general by their names: LHS_RHS_SUM, with X3, X6, X9 for sums of that many products.

    A compiler refuses those that its hardware has not; a CPU has F16_F16_F16, F32_F32_F32, F64_F64_F64, BF16_BF16_F32
    and its X3 and X6.
    """

    DEFAULT = 1
    ANY_F8_ANY_F8_F32 = 2
    ANY_F8_ANY_F8_F32_FAST_ACCUM = 3
    ANY_F8_ANY_F8_ANY = 4
    ANY_F8_ANY_F8_ANY_FAST_ACCUM = 5
    F16_F16_F16 = 6
    F16_F16_F32 = 7
    BF16_BF16_BF16 = 8
    BF16_BF16_F32 = 9
    BF16_BF16_F32_X3 = 10
    BF16_BF16_F32_X6 = 11
    BF16_BF16_F32_X9 = 12
    TF32_TF32_F32 = 13
    TF32_TF32_F32_X3 = 14
    F32_F32_F32 = 15
    F64_F64_F64 = 16

    def __repr__(self):
        return f"{type(self).__name__}.{self.name}"

    def __str__(self):
        return self.name

    @property
    def algorithm(self) -> DotAlgorithm | None:
        """What the name stands for; None for DEFAULT."""
        return _PRESETS.get(self)

    @property
    def operand_dtypes(self) -> tuple:
        """The dtypes in which operands may be given; others are converted to the first. Empty: any."""
        return _OPERANDS.get(self, ())

    @property
    def lhs_precision_type(self):
        """The type that left operands are rounded to."""
        return self.algorithm.lhs_precision_type

    @property
    def rhs_precision_type(self):
        """The type that right operands are rounded to."""
        return self.algorithm.rhs_precision_type

    @property
    def accumulation_type(self):
        """The type of the sum."""
        return self.algorithm.accumulation_type


_P = DotAlgorithmPreset
_PRESETS = {
    _P.ANY_F8_ANY_F8_F32: DotAlgorithm(None, None, _F32),
    _P.ANY_F8_ANY_F8_F32_FAST_ACCUM: DotAlgorithm(None, None, _F32, allow_imprecise_accumulation=True),
    _P.ANY_F8_ANY_F8_ANY: DotAlgorithm(None, None, _F32),
    _P.ANY_F8_ANY_F8_ANY_FAST_ACCUM: DotAlgorithm(None, None, _F32, allow_imprecise_accumulation=True),
    _P.F16_F16_F16: DotAlgorithm(_F16, _F16, _F16),
    _P.F16_F16_F32: DotAlgorithm(_F16, _F16, _F32),
    _P.BF16_BF16_BF16: DotAlgorithm(_BF16, _BF16, _BF16),
    _P.BF16_BF16_F32: DotAlgorithm(_BF16, _BF16, _F32),
    _P.BF16_BF16_F32_X3: DotAlgorithm(_BF16, _BF16, _F32, 1, 1, 3),
    _P.BF16_BF16_F32_X6: DotAlgorithm(_BF16, _BF16, _F32, 1, 1, 6),
    _P.BF16_BF16_F32_X9: DotAlgorithm(_BF16, _BF16, _F32, 1, 1, 9),
    _P.TF32_TF32_F32: DotAlgorithm("tf32", "tf32", _F32),
    _P.TF32_TF32_F32_X3: DotAlgorithm("tf32", "tf32", _F32, 1, 1, 3),
    _P.F32_F32_F32: DotAlgorithm(_F32, _F32, _F32),
    _P.F64_F64_F64: DotAlgorithm(_F64, _F64, _F64),
}
_OPERANDS = {
    _P.F16_F16_F16: (np.dtype(_F16),),
    _P.F16_F16_F32: (np.dtype(_F16),),
    _P.BF16_BF16_BF16: (np.dtype(_BF16),),
    _P.BF16_BF16_F32: (np.dtype(_BF16), np.dtype(_F32)),
    _P.BF16_BF16_F32_X3: (np.dtype(_F32),),
    _P.BF16_BF16_F32_X6: (np.dtype(_F32),),
    _P.BF16_BF16_F32_X9: (np.dtype(_F32),),
    _P.TF32_TF32_F32: (np.dtype(_F32),),
    _P.TF32_TF32_F32_X3: (np.dtype(_F32),),
    _P.F32_F32_F32: (np.dtype(_F32),),
    _P.F64_F64_F64: (np.dtype(_F64),),
}
_ON_CPU = {_P.DEFAULT, _P.F16_F16_F16, _P.F32_F32_F32, _P.F64_F64_F64} | {
    _P.BF16_BF16_F32, _P.BF16_BF16_F32_X3, _P.BF16_BF16_F32_X6
}  # fmt: skip

#: What a `precision` parameter holds.
Canonical = tuple[Precision, Precision] | DotAlgorithmPreset | DotAlgorithm | None


class PrecisionError(DTypeError, ValueError):
    """A precision that names nothing known.

    Fails: `lax.dot(x, y, precision="exact")`. Mended: `lax.dot(x, y, precision="highest")`.
    """


def canonicalize_precision(precision) -> Canonical:
    """What a user's `precision` means: None, a pair of Precision (one for each operand), or an algorithm.

    precision  None (then the setting `jax_default_matmul_precision` counts), a Precision or its name, a pair of these,
               a DotAlgorithmPreset or its name, a DotAlgorithm
    Raises PrecisionError for anything else.
    """
    if precision is None:
        precision = settings.default_matmul_precision.value
        if precision is None:
            return None
    if isinstance(precision, (DotAlgorithm, DotAlgorithmPreset)):
        return precision
    if isinstance(precision, Precision):
        return precision, precision
    if isinstance(precision, str):
        if precision in DotAlgorithmPreset.__members__:
            return DotAlgorithmPreset.__members__[precision]
        if precision in _BY_NAME:
            return (_BY_NAME[precision],) * 2
    elif isinstance(precision, (tuple, list)) and len(precision) == 2:
        x, y = [p if isinstance(p, Precision) else _BY_NAME.get(p) if isinstance(p, str) else None for p in precision]
        if x is not None and y is not None:
            return x, y
    names = ", ".join(repr(name) for name in _BY_NAME if name)
    raise PrecisionError(
        f"{precision!r} is not a precision. It is one of {names}, a Precision, a pair of these (one for each operand), "
        "a DotAlgorithmPreset or its name ('F32_F32_F32'), or a DotAlgorithm."
    )


def check_platform(name, precision, platform):
    """Refuses an algorithm that a CPU has not, before XLA does so in other words."""
    if platform == "cpu" and isinstance(precision, DotAlgorithmPreset) and precision not in _ON_CPU:
        known = ", ".join(sorted(p.name for p in _ON_CPU))
        raise DTypeError(f"{name} was asked for {precision.name}, an algorithm that CPUs have not. They have {known}.")


def precision_config(precision):
    """The precision_config attribute of StableHLO for a canonical precision."""
    pair = precision if type(precision) is tuple else (Precision.DEFAULT, Precision.DEFAULT)
    return parsed(f"[#stablehlo<precision {pair[0].name}>, #stablehlo<precision {pair[1].name}>]")


__all__ = ["DotAlgorithm", "DotAlgorithmPreset", "Precision", "PrecisionError", "canonicalize_precision"]

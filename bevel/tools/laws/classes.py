"""The laws of classes: that rules are there, samples are there, refusals are letters, parameters make the op."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import sys

from bevel.base import settings
from bevel.base.errors import BevelError, MissingRuleError
from bevel.core.primitive import Primitive
from bevel.core.trace import get_aval
from bevel.tools.laws.closeness import LawBroken
from bevel.tools.laws.law import class_law, law
from bevel.tools.laws.samples import apply, refusals_of, samples_of
from bevel.tools.laws.values import DTYPES, SELDOM, dtypes_tried, of_dtype

#: Parameters that rules need not read, and why.
SAID_ELSEWHERE = {
    "sharding": "read by the partitioner, from the printed program",
    "out_sharding": "read by the partitioner, from the printed program",
    "dimensions": "the order in which axes are read: always None, and printed",
    "update_consts": "of the program that an overwriting scatter may have; the others print that they have none",
    "accuracy": "None, the engine's own accuracy, is the one that jaxlib's CPU and GPU offer",
}


@law("rebuilt", lambda sample: not sample.holds_programs)
def rebuilt_is_the_same(sample):
    """Rebuilt from its parameters, pickled or copied, it is equal, alike in hash and in print."""
    op = sample.op
    ways = [
        ("rebuilt from its parameters", type(op)(*[getattr(op, field) for field in op.fields])),
        ("rebuilt by name", type(op)(**op.params)),
        ("copied", copy.deepcopy(op)),
    ]
    if getattr(sys.modules[type(op).__module__], type(op).__name__, None) is type(
        op
    ):  # a class in a function is not found
        ways.append(("pickled", pickle.loads(pickle.dumps(op))))
    for how, other in ways:
        if other != op or hash(other) != hash(op) or repr(other) != repr(op):
            raise LawBroken(f"rebuilt is the same: {op!r} {how} is {other!r}, and not equal to it.")


@class_law("samples")
def gives_samples(cls):
    """It gives at least one sample."""
    if not samples_of(cls):
        raise LawBroken(f"{cls.__name__} gives no samples: write samples(array), which yields (op, operands).")


@class_law("reach")
def samples_reach_every_size_and_dtype(cls):
    """Its samples reach an empty array, operands of one element each, and every dtype that its shape rule accepts."""
    samples = [s for s in samples_of(cls) if s.is_plain and s.operands and not s.holds_programs]
    if not samples:
        return
    lacking = []
    sizes = [[x.size for x in s.operands] for s in samples]
    if not any(0 in row for row in sizes):
        lacking.append("an empty array")
    if not any(set(row) == {1} for row in sizes):
        lacking.append("operands of one element each")
    reached = {x.dtype for s in samples for x in s.operands}
    accepted = {}
    with settings.enable_x64(True):
        for sample, row in zip(samples, sizes, strict=True):
            for dtype in (*DTYPES, *SELDOM) if all(row) else ():
                if dtype not in reached and of_dtype(sample, dtype) is not None:
                    accepted[dtype] = dtype in dtypes_tried(sample) or accepted.get(dtype, False)
    lacking += [dtype.name for dtype, is_tried in accepted.items() if not is_tried]
    if lacking:
        raise LawBroken(f"{cls.__name__} has no sample that reaches {', '.join(lacking)}.")


@class_law("refusals")
def refuses_in_these_words(cls):
    """It refuses something, and each refusal is a letter of at most eight lines that holds the words stated."""
    count = 0
    for op, operands, words in refusals_of(cls):
        count += 1
        given = ", ".join(get_aval(x).str_short() for x in operands)
        try:
            apply(op)(*operands)
        except MissingRuleError:
            raise
        except BevelError as error:
            text = str(error)
            if words not in text:
                raise LawBroken(
                    f"{op!r}({given}) is refused in other words: {text!r} does not hold {words!r}."
                ) from None
            if text.count("\n") >= 8:
                raise LawBroken(
                    f"{op!r}({given}) is refused in {text.count(chr(10)) + 1} lines; eight are enough."
                ) from None
        else:
            raise LawBroken(f"{op!r}({given}) is not refused; expected a letter with {words!r}.")
    if not count:
        raise LawBroken(
            f"{cls.__name__} states no refusals: write refusals(array), which yields (op, operands, words)."
        )


@class_law("rules")
def has_its_rules(cls):
    """It has every rule: infer, lower, reference, batch, and jvp unless it says `is_differentiable = False`."""
    wanted = ["infer", "lower", "reference", "batch", *(["jvp"] if cls.is_differentiable else [])]
    lacking = [rule for rule in wanted if getattr(cls, rule) is getattr(Primitive, rule)]
    if lacking:
        raise LawBroken(f"{cls.__name__} has no rule {', '.join(lacking)}.")


@class_law("fields")
def every_field_is_used(cls):
    """Every parameter is read by some rule."""
    unread_yet = set(cls.fields) - set(SAID_ELSEWHERE)
    read = set()
    for owner in cls.__mro__ if unread_yet else ():
        if issubclass(owner, Primitive) and owner is not Primitive:
            for rule in vars(owner).values():
                rule = getattr(rule, "fget", None) or getattr(rule, "__func__", rule)
                if inspect.isfunction(rule) and rule.__name__ != "__new__":
                    try:
                        source = inspect.getsource(rule)
                    except OSError:  # typed into a prompt: nothing to read
                        return
                    read |= set(re.findall(r"\b(?:self|op)\.(\w+)", source))
    unread = sorted(unread_yet - read)
    if unread:
        raise LawBroken(f"{cls.__name__} reads {', '.join(unread)} nowhere.")

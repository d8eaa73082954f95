"""What must hold of each primitive: every law, on every sample of every registered primitive.

pytest tests/test_laws.py -k Transpose        (or: make laws OP=Transpose)
"""

import pytest

from bevel.tools.laws.check import CLASS_LAWS, check_law, gap, is_everywhere, laws_of, samples_of, unknown_gaps
from bevel.tools.laws.samples import all_primitives, broken_modules

PRIMITIVES = all_primitives()

# Primitives that give no samples, each with the reason; they are tried by tests of their own. One that gives samples
# must leave this list.
_AXES = "speaks to a named axis, which a sample has not"
_KEYS = "takes or gives random keys, which NumPy cannot hold"
_HOST = "calls Python or foreign code; its effect is what matters"
_PROGRAM = "holds a program and the user's rules for it"
ELSEWHERE = {
    **dict.fromkeys(
        ("AllGather", "AllToAll", "AxisIndex", "Pbroadcast", "Pmax", "Pmin", "Ppermute", "Psum", "ReduceScatter"), _AXES
    ),
    **dict.fromkeys(
        (
            "RandomBits",
            "RandomBitsApart",
            "RandomClone",
            "RandomFoldIn",
            "RandomGamma",
            "RandomSeed",
            "RandomSplit",
            "RandomUnwrap",
        ),
        _KEYS,
    ),
    **dict.fromkeys(("RandomWrap",), _KEYS),
    **dict.fromkeys(("RngBitGenerator", "RngUniform"), "the engine's own generator, which NumPy has not"),
    **dict.fromkeys(("DebugCallback", "DebugPrint", "FfiCall", "InOrder", "IoCallback", "PureCallback"), _HOST),
    **dict.fromkeys(
        ("CustomJvpCall", "CustomLin", "CustomVjpCall", "CustomVmapCall", "Composite", "Jit", "LinearCall"), _PROGRAM
    ),
    **dict.fromkeys(("AfterAll", "Check", "CreateToken", "DceSink"), "gives no numbers, but an order or nothing"),
    "CallExported": "holds a program written down before",
    "DimAsValue": "is a size that is known at the call only",
}


def _cases():
    for cls in PRIMITIVES:
        if cls.__name__ in ELSEWHERE:
            continue
        rows = [(name, None, cls) for name in CLASS_LAWS]
        rows += [(name, s.position, s) for s in samples_of(cls) for name in laws_of(s)]
        for name, position, subject in rows:
            known = gap(cls, name, position)
            marks = [pytest.mark.xfail(reason=known, strict=is_everywhere(known))] if known else []
            at = name if position is None else f"{position}-{name}"
            yield pytest.param(name, subject, id=f"{cls.__name__}-{at}", marks=marks)


@pytest.mark.parametrize("law, subject", list(_cases()))
def test_law(law, subject):
    check_law(law, subject)


def test_primitives_tried_elsewhere_give_no_samples(capsys):
    with capsys.disabled():
        print("\nPrimitives without samples, tried elsewhere:")
        for reason in dict.fromkeys(ELSEWHERE.values()):
            print(f"  {reason}: {', '.join(n for n, r in ELSEWHERE.items() if r == reason)}")
    classes = {cls.__name__: cls for cls in PRIMITIVES}
    assert [name for name in ELSEWHERE if name not in classes or samples_of(classes[name])] == []


def test_gaps_name_laws_that_there_are():
    assert {cls.__name__: unknown_gaps(cls) for cls in PRIMITIVES if unknown_gaps(cls)} == {}


def test_every_module_of_primitives_is_imported():
    assert broken_modules == {}

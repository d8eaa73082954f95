"""What must hold of each primitive: every law, on every sample of every registered primitive.

    pytest tests/test_laws.py -k Transpose        (or: make laws OP=Transpose)
"""

import pytest

from bevel.tools.laws.check import CLASS_LAWS, check_law, gap, laws_of, samples_of, unknown_gaps
from bevel.tools.laws.samples import all_primitives, broken_modules

PRIMITIVES = all_primitives()


def _cases():
    for cls in PRIMITIVES:
        rows = [(name, None, cls) for name in CLASS_LAWS]
        rows += [(name, s.position, s) for s in samples_of(cls) for name in laws_of(s)]
        for name, position, subject in rows:
            known = gap(cls, name, position)
            marks = [pytest.mark.xfail(reason=known, strict=True)] if known else []
            at = name if position is None else f"{position}-{name}"
            yield pytest.param(name, subject, id=f"{cls.__name__}-{at}", marks=marks)


@pytest.mark.parametrize("law, subject", list(_cases()))
def test_law(law, subject):
    check_law(law, subject)


def test_gaps_name_laws_that_there_are():
    assert {cls.__name__: unknown_gaps(cls) for cls in PRIMITIVES if unknown_gaps(cls)} == {}


def test_every_module_of_primitives_is_imported():
    assert broken_modules == {}

"""Checking: one law of one sample, or all of them of a class. Known gaps are data of the class, with a reason."""

from __future__ import annotations

from bevel.api.arrays import default_backend
from bevel.tools.laws import batching, classes, derivatives, values  # noqa: F401  (they write down the laws)
from bevel.tools.laws.closeness import LawBroken
from bevel.tools.laws.law import CLASS_LAWS, LAWS
from bevel.tools.laws.samples import samples_of


def laws() -> dict[str, str]:
    """What each law says, by its name: those of samples, then those of classes."""
    return {law.name: law.says for law in (*LAWS.values(), *CLASS_LAWS.values())}


def laws_of(sample) -> list[str]:
    """The names of the laws that say something of a sample."""
    return [name for name, law in LAWS.items() if law.applies(sample)]


def check_law(name: str, sample) -> None:
    """Checks one law of one sample (of a class, for a law of classes). Raises LawBroken, or what the rule raised."""
    law = LAWS.get(name) or CLASS_LAWS[name]
    law.check(sample)


def gap(cls, name: str, position: int | None = None) -> str | None:
    """Why a class is known not to obey a law (on its sample at `position`); None where it must.

    A class states its gaps as `gaps: ClassVar = {"second": "why"}`, or for one sample: `{"3-second": "why"}`. Where
    "why" begins with "some engines: ", another jaxlib may have no such gap; with "on cpu: " or "on gpu: ", it is there
    on that platform only.
    """
    gaps = getattr(cls, "gaps", {})
    known = gaps.get(f"{position}-{name}") or gaps.get(name)
    if known and known.startswith("on ") and not known.startswith(f"on {default_backend()}: "):
        return None
    return known


def is_everywhere(known: str) -> bool:
    """Is the gap there on every jaxlib, so that a law which holds says that it was closed?"""
    return not known.startswith("some engines: ")


def unknown_gaps(cls) -> list[str]:
    """Gaps that a class states for laws or samples that there are not."""
    known = {f"{s.position}-{name}" for s in samples_of(cls) for name in laws_of(s)} | set(LAWS) | set(CLASS_LAWS)
    return [key for key in getattr(cls, "gaps", {}) if key not in known]


def check_primitive(cls) -> int:
    """Checks every law of a class of primitives on every sample that it gives; how many checks were made.

    Raises LawBroken, which lists what failed; a gap that the class states and that no longer fails is a failure too.
    """
    failures: list[tuple[str, Exception | None]] = []
    count = 0
    named = [(name, None, cls) for name in CLASS_LAWS]
    named += [(name, s.position, s) for s in samples_of(cls) for name in laws_of(s)]
    for name, position, subject in named:
        count += 1
        known = gap(cls, name, position)
        said = name if position is None else f"{position}-{name}"
        try:
            check_law(name, subject)
        except Exception as error:
            if known is None:
                failures.append((f"{said}: {type(error).__name__}: {error}", error))
        else:
            if known is not None and is_everywhere(known):
                failures.append((f"{said}: holds, though gaps say that it does not: {known}", None))
    failures += [(f"gaps name {key!r}, which is no law or sample", None) for key in unknown_gaps(cls)]
    if failures:
        lines = "\n".join(f"  {words}" for words, _ in failures)
        raise LawBroken(f"{cls.__name__} breaks {len(failures)} of {count} laws:\n{lines}") from failures[0][1]
    return count

"""Effects: what an equation does besides giving results, so that it must neither be dropped nor change places.

An equation says its effects by `Primitive.effects`; a program has those of its equations. Effects happen in program
order on each device: the lowering ties them to one another by a value that goes from each to the next
(transforms.order). An ordered effect keeps its order also where programs are batched, and between programs.
"""

from __future__ import annotations


class Effect:
    """Something done to the world outside of the program. Two of one class are the same effect."""

    is_ordered = False

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def __repr__(self):
        return type(self).__name__.removesuffix("Effect")


class DebugEffect(Effect):
    """A look at values while the program runs: debug.print, debug.callback."""


class OrderedDebugEffect(Effect):
    """As DebugEffect, in program order."""

    is_ordered = True


class IOEffect(Effect):
    """A Python function that acts on the world: io_callback."""


class OrderedIOEffect(Effect):
    """As IOEffect, in program order."""

    is_ordered = True

    def __repr__(self):
        return "OrderedIO"


class KeepEffect(Effect):
    """Nothing but that an equation stays: lax.dce_sink."""


class CheckEffect(Effect):
    """An error that a program may find: checkify.check."""


DEBUG, ORDERED_DEBUG, IO, ORDERED_IO = DebugEffect(), OrderedDebugEffect(), IOEffect(), OrderedIOEffect()
KEEP, CHECK = KeepEffect(), CheckEffect()

"""What lies between a function and its compiled program: traced, lowered, compiled."""

from bevel.api.stages import Compiled, Lowered, Traced

__all__ = ["Compiled", "Lowered", "Traced"]

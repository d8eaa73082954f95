"""jax.extend.ifrt_programs: programs of other kinds than XLA's, of which Bevel makes none."""

from types import SimpleNamespace

ifrt_programs = SimpleNamespace()

__all__ = ["ifrt_programs"]

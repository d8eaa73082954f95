"""jax.extend.random: implementations of random keys."""

from __future__ import annotations

from bevel.core.handles import handle_called
from bevel.core.keys import PRNGImpl, implementation
from bevel.ops.threefry import threefry_2x32
from bevel.random.keys import key

threefry_prng_impl = implementation("threefry2x32")
rbg_prng_impl = implementation("rbg")
unsafe_rbg_prng_impl = implementation("unsafe_rbg")


def random_seed(seeds, impl):
    """Keys of seeds, by an implementation."""
    return key(seeds, impl=impl)


def seed_with_impl(impl, seed):
    """As `random_seed`, the other way round."""
    return key(seed, impl=impl)


def define_prng_impl(*, key_shape, seed, split, random_bits, fold_in, name="<unnamed>", tag="?") -> PRNGImpl:
    """A generator of your own, to be handed to `random.key(seed, impl=…)`; `PRNGImpl` says what its functions take."""
    return PRNGImpl(key_shape, seed, split, random_bits, fold_in, name=name, tag=tag)


def __getattr__(name):
    if name == "threefry2x32_p":
        return handle_called(name)
    raise AttributeError(f"jax.extend.random.{name} is not in Bevel.")


__all__ = [
    "define_prng_impl", "random_seed", "rbg_prng_impl", "seed_with_impl", "threefry_2x32", "threefry_prng_impl",
    "unsafe_rbg_prng_impl",
]  # fmt: skip

"""Gravity of N softened bodies: every pair, in O(N^2) time and O(N) memory.

A body of mass m spreads as a Plummer sphere of scale `softening` (Plummer 1911; Aarseth 1963), so that at distance r

    potential      phi = -G m / (r^2 + epsilon^2)^(1/2)
    acceleration   a   = -G m r_vector / (r^2 + epsilon^2)^(3/2)      which is exactly -grad phi

Force and energy come from one and the same potential: this is what makes the energy a test of the integrator.

How the pairs are walked decides the speed. Coordinates stand apart (x, y, z, not N x 3), targets lie in the lanes of
the processor's vectors, and a loop runs over groups of sources: nothing of N x N is ever stored, and nothing is summed
across lanes. The weight is written m / (r^2 sqrt(r^2)), one square root and one division: `r2 ** -1.5` calls the pow of
libm for each pair and takes ten times as long.

A GPU wants the opposite: all the pairs of many targets at once, summed over the sources as they are computed. There the
loop over groups of sources would start a kernel for each.
"""

import bevel
import bevel.numpy as jnp
from bevel import lax

# kpc^3 / (solar mass Myr^2): GM of the Sun (IAU 2015 B3) over its mass, with 1 kpc = 3.0856776e16 km.
G = 4.498502e-12

# Below this many targets one core holds a block of 512 of them in its first cache and walks the sources four at a time.
# Above it all targets go at once, twenty sources a turn, which is enough work in a turn for XLA to share among cores.
MANY = 8192
BLOCK, FEW_SOURCES, MANY_SOURCES = 512, 4, 20
# On a GPU, targets whose pairs go at once, and the most pairs of them. One H100: 10,000 bodies in 0.3 ms, by the loop
# over sources in 5.1; 100,000 in 16 ms and 59.
GPU_BLOCK, GPU_PAIRS = 10_000, 2**30


def accelerations(targets, sources, masses, softening):
    """Acceleration at each target due to all sources; a target that is itself a source does not feel itself.

    targets    three float[n]      x, y, z in kpc
    sources    three float[m]      x, y, z in kpc
    masses     float[m]            of the sources, in solar masses
    softening  float               epsilon in kpc, > 0
    gives      three float[n]      kpc / Myr^2
    """

    def pull(target, source, mass):
        dx, dy, dz = (s - t for s, t in zip(source, target, strict=True))
        r2 = dx * dx + (dy * dy + (dz * dz + softening * softening))
        weight = mass / (r2 * jnp.sqrt(r2))
        return weight * dx, weight * dy, weight * dz

    return [G * total for total in _sum_over_sources(pull, 3, targets, sources, masses)]


def potentials(positions, masses, softening):
    """Potential at each body due to all others, without its own: float[n], kpc^2 / Myr^2, negative."""

    def well(target, source, mass):
        dx, dy, dz = (s - t for s, t in zip(source, target, strict=True))
        r2 = dx * dx + (dy * dy + (dz * dz + softening * softening))
        return (mass / jnp.sqrt(r2),)

    [total] = _sum_over_sources(well, 1, positions, positions, masses)
    return -G * (total - masses / softening)


def _sum_over_sources(pair, outputs, targets, sources, masses):
    """Sum over sources of `pair(target, source, mass)`, for each target: a list of `outputs` arrays float[n]."""
    [count] = targets[0].shape
    many = count >= MANY
    per_turn = MANY_SOURCES if many else FEW_SOURCES
    # A source of no mass pulls nothing, so a short last turn is filled with them.
    turns = [_rows(array, per_turn) for array in (*sources, masses)]

    def on_block(block):
        def turn(sums, partners):
            *places, mass = partners
            for k in range(per_turn):
                terms = pair(block, [place[k] for place in places], mass[k])
                sums = [a + b for a, b in zip(sums, terms, strict=True)]
            return sums, None

        return lax.scan(turn, [jnp.zeros_like(block[0])] * outputs, turns)[0]

    def at_once(block):
        block = [place[:, None] for place in block]
        return [jnp.sum(term, axis=1) for term in pair(block, [place[None] for place in sources], masses[None])]

    form, limit = on_block, count if many else BLOCK
    if bevel.default_backend() != "cpu":
        form, limit = at_once, min(GPU_BLOCK, max(1, GPU_PAIRS // len(masses)))
    if count <= limit:
        return form(list(targets))
    blocks = -(-count // limit)
    length = -(-count // blocks)
    sums = lax.map(form, [_rows(array, length) for array in targets])
    return [array.reshape(-1)[:count] for array in sums]


def _rows(array, length):
    """The array as rows of this length, the last filled up with zeros."""
    [count] = array.shape
    missing = -count % length
    if missing:
        array = jnp.concatenate([array, jnp.zeros(missing, array.dtype)])
    return array.reshape(-1, length)

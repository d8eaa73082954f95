"""Motion: leapfrog with a time-symmetric adaptive step, what it conserves, and what its end depends on.

One step is kick-drift-kick (Verlet 1967) with one step length h for all stars:

    v += h/2 a(x);   x += h v;   v += h/2 a(x)

A step length chosen from the present state alone would spoil the leapfrog: forward and backward in time it would take
different steps, and energy would drift one way. So h follows Holder, Leimkuhler & Reich 2001 (Appl. Numer. Math. 39,
367), where t(x) is the step that the places x ask for:

    1/h_after + 1/h_before = 2 / t(x)

which reads the same from either end and needs no iteration.

source of t(x): Power et al. 2003, MNRAS 338, 14, t = accuracy * min over stars of sqrt(epsilon / |a|); here a power
mean stands for the minimum, so that t changes smoothly when one star takes over from another.
"""

from typing import NamedTuple

import numpy as np

import bevel.numpy as jnp
from bevel import grad, jit, lax

from . import model
from .gravity import accelerations, potentials


class State(NamedTuple):
    """Everything the next step needs: a run that restarts from these bits goes on bit for bit."""

    position: list  # x, y, z: float[n], kpc
    velocity: list  # float[n], kpc / Myr
    acceleration: list  # float[n], kpc / Myr^2, at position
    rate: object  # float[], 1 / (last step length), 1 / Myr
    elapsed: object  # float[], Myr since the host last took the time away (a long sum in float32 would lose digits)


class Rules(NamedTuple):
    """How the motion is computed."""

    softening: float = 0.15  # kpc
    accuracy: float = 0.1  # of the step length: smaller is finer
    longest: float = 2.0  # Myr, the step where nothing asks for a shorter one


def begin(stars, rules):
    """The state before the first step."""
    field = accelerations(stars.position, stars.position, stars.mass, rules.softening)
    rate = 1 / asked_step(field, rules)
    return State(list(stars.position), list(stars.velocity), field, rate, jnp.zeros_like(rate))


def asked_step(field, rules):
    """t(x): the step length in Myr that this field of accelerations asks for."""
    squared = sum(a * a for a in field)
    largest = lax.stop_gradient(jnp.maximum(squared.max(), 1e-30))  # scales the powers into float32's range
    strongest = jnp.sqrt(largest * ((squared / largest) ** 4).sum() ** 0.25)
    return 1 / (jnp.sqrt(strongest / rules.softening) / rules.accuracy + 1 / rules.longest)


def step(state, mass, rules):
    """One leapfrog step of the whole galaxy."""
    asked = 1 / asked_step(state.acceleration, rules)
    # The rule may swing by itself after a jump of t; a factor of two either way keeps it from swinging out.
    rate = jnp.clip(2 * asked - state.rate, 0.5 * asked, 2 * asked)
    h = 1 / rate
    half = [v + 0.5 * h * a for v, a in zip(state.velocity, state.acceleration, strict=True)]
    position = [x + h * v for x, v in zip(state.position, half, strict=True)]
    field = accelerations(position, position, mass, rules.softening)
    velocity = [v + 0.5 * h * a for v, a in zip(half, field, strict=True)]
    return State(position, velocity, field, rate, state.elapsed + h)


@jit
def advance(state, mass, rules, steps):
    """`steps` steps. Their number is an ordinary argument: blocks of any length share one compiled program."""
    return lax.fori_loop(0, steps, lambda _, s: step(s, mass, rules), state)


@jit
def energies_per_star(state, mass, rules):
    """Kinetic and potential energy of each star, float[n] each, in solar masses kpc^2 / Myr^2."""
    kinetic = 0.5 * mass * sum(v * v for v in state.velocity)
    # Each pair is in two stars' potentials: half of it belongs to each.
    potential = 0.5 * mass * potentials(state.position, mass, rules.softening)
    return kinetic, potential


class Measure(NamedTuple):
    """What is followed through a run. Totals are float64 sums on the host, where single precision would lose digits."""

    kinetic: float
    potential: float
    virial: float  # -sum of m x . a, which is twice the kinetic energy in equilibrium, softened or not
    momentum: np.ndarray  # float64[3], solar masses kpc / Myr
    spin: np.ndarray  # float64[3], angular momentum, solar masses kpc^2 / Myr
    radii: np.ndarray  # float64[3], spheres that hold 10, 50 and 90 % of the mass, kpc


def measure(state, mass, rules):
    """The conserved quantities and the size of the galaxy now."""
    kinetic, potential = (np.asarray(e, np.float64).sum() for e in energies_per_star(state, mass, rules))
    weight = np.asarray(mass, np.float64)
    place = np.stack([np.asarray(x, np.float64) for x in state.position])
    motion = np.stack([np.asarray(v, np.float64) for v in state.velocity])
    virial = -(weight * place * np.stack([np.asarray(a, np.float64) for a in state.acceleration])).sum()
    spin = (weight * np.cross(place, motion, axis=0)).sum(1)
    centre = (weight * place).sum(1, keepdims=True) / weight.sum()
    distance = np.sqrt(((place - centre) ** 2).sum(0))
    order = np.argsort(distance, kind="stable")
    held = np.cumsum(weight[order]) / weight.sum()
    radii = distance[order][np.searchsorted(held, [0.1, 0.5, 0.9])]
    return Measure(float(kinetic), float(potential), float(virial), (weight * motion).sum(1), spin, radii)


def final_radius(spin, disk_scale, draws, rules, steps, step_length):
    """Mean distance from the axis after a short life, weighed by mass, in kpc: an observable of the end.

    It is a function of how the galaxy began: its spin (1 is equilibrium) and its disk's scale length in kpc. The steps
    are of one length, so that the observable is smooth in both.
    """
    stars = model.create(draws, model.Galaxy(spin=spin, disk_scale=disk_scale), rules.softening)
    fixed = rules._replace(accuracy=1e9, longest=step_length)

    def one(state, _):
        return step(state, stars.mass, fixed), None

    state, _ = lax.scan(one, begin(stars, fixed), None, length=steps)
    x, y, _ = state.position
    return (stars.mass * jnp.sqrt(x * x + y * y + 1e-12)).sum() / stars.mass.sum()


class Slope(NamedTuple):
    """A derivative of the final radius, twice."""

    name: str
    unit: str
    by_grad: float
    by_differences: float

    @property
    def disagreement(self):
        """Relative to the larger of the two."""
        return abs(self.by_grad - self.by_differences) / max(abs(self.by_grad), abs(self.by_differences), 1e-30)


def slopes(key, count=256, rules=None, steps=20, step_length=2.0):
    """How the final radius answers to the beginning: by reverse mode through all the steps, and by central differences.

    Reverse mode keeps what each step needs, O(N^2) numbers a step: hence a small galaxy and a short life.
    """
    rules = rules or Rules(softening=0.5)
    draws = model.draw(key, count)

    def radius(spin, disk_scale):
        return final_radius(spin, disk_scale, draws, rules, steps, step_length)

    value = jit(radius)
    exact = jit(grad(radius, argnums=(0, 1)))(1.0, 3.0)
    found = []
    # Large enough for float32 to see the change, small enough for the error, which falls as its square, to be 1e-4.
    change = 0.006
    for index, (name, unit) in enumerate((("spin", "kpc"), ("disk scale", "kpc/kpc"))):
        up, down = [1.0, 3.0], [1.0, 3.0]
        up[index] += change
        down[index] -= change
        difference = (float(value(*up)) - float(value(*down))) / (2 * change)
        found.append(Slope(name, unit, float(exact[index]), difference))
    return found

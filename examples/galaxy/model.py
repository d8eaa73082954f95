"""The galaxy at the start: an exponential disk with two spiral arms and a Hernquist bulge, in equilibrium.

The default has the stars of a galaxy like ours, 5e10 solar masses (Bland-Hawthorn & Gerhard 2016, ARA&A 54, 529), a
fifth of them in the bulge. N particles stand for all of them: each particle carries many stars, and the particles'
masses are spread as the stars' masses are. There is no dark halo: what moves the stars is the mass that is in the
pictures, so the disk is heavier for its rotation than a real one: it makes a bar and lively arms, and spreads.

sources of the recipes
    IMF             Kroupa 2001, MNRAS 322, 231, eq. 2
    bulge           Hernquist 1990, ApJ 356, 359, eqs. 2 and 3
    velocities      Hernquist 1993, ApJS 86, 389: moments of the Jeans equations, drawn from Gaussians
    stability       Toomre 1964, ApJ 139, 1217
    drift, epicycle Binney & Tremaine 2008, Galactic Dynamics, eqs. 3.80, 4.228
"""

from dataclasses import dataclass
from typing import NamedTuple

import bevel.numpy as jnp
from bevel import lax, random

from .gravity import G, accelerations, potentials

KPC_PER_MYR_IN_KM_S = 977.79222


@dataclass(frozen=True)
class Galaxy:
    """What the galaxy is made of. Lengths in kpc, masses in solar masses; the rest are pure numbers.

    The lengths, `mass`, `toomre` and `spin` may be traced arrays, so that `grad` can ask how the galaxy's later life
    depends on them. `bulge_fraction` and `arms` decide shapes and stay Python numbers.
    """

    mass: float = 5e10
    bulge_fraction: float = 0.2
    disk_scale: float = 3.0  # of exp(-R / scale)
    disk_height: float = 0.3  # of sech^2(z / height)
    bulge_scale: float = 0.6  # Hernquist's a
    arms: int = 2
    arm_contrast: float = 0.85  # density is 1 + contrast cos(...) around a ring; must stay below 1
    arm_pitch: float = 0.4  # tangent of the pitch angle: 22 degrees
    toomre: float = 1.5  # Q at two scale lengths; below 1 the disk falls into clumps
    spin: float = 1.0  # multiplies the disk's mean rotation; 1 is equilibrium


class Stars(NamedTuple):
    """All stars: disk first, then bulge. Components apart, because gravity runs that way."""

    position: list  # x, y, z: float[n], kpc
    velocity: list  # float[n], kpc / Myr
    mass: object  # float[n], solar masses


def disk_count(stars, galaxy=None):
    """How many of the particles are disk; the rest are bulge. At least one of each where there are two."""
    fraction = (galaxy or Galaxy()).bulge_fraction
    return stars - min(max(1, round(stars * fraction)), stars - 1)


class Draws(NamedTuple):
    """The chance in a galaxy, apart from its laws: the same draws under other laws are the same stars, moved."""

    even: object  # float[5, n], uniform in [0, 1): mass, and four for the place
    bell: object  # float[3, n], Gaussian of width 1: velocity


def draw(key, count):
    """The numbers that `count` stars need. `count` decides shapes, so under jit it must be static."""
    for_place, for_velocity = random.split(key)
    return Draws(random.uniform(for_place, (5, count)), random.normal(for_velocity, (3, count)))


def create(draws, galaxy=None, softening=0.15):
    """A galaxy in equilibrium with its own field, its centre of mass at rest at the origin."""
    galaxy = galaxy or Galaxy()
    [_, count] = draws.even.shape
    in_disk = disk_count(count, galaxy)
    mass = _masses(draws.even[0], in_disk, galaxy)
    disk = _disk_places(draws.even[1:, :in_disk], galaxy)
    bulge = _bulge_places(draws.even[1:, in_disk:], galaxy)
    position = _centred([jnp.concatenate(pair) for pair in zip(disk, bulge, strict=True)], mass)
    disk_part, bulge_part = [x[:in_disk] for x in position], [x[in_disk:] for x in position]
    disk = _disk_velocities(draws.bell[:, :in_disk], disk_part, position, mass, galaxy, softening)
    bulge = _bulge_velocities(draws.bell[:, in_disk:], bulge_part, position, mass, galaxy, softening)
    velocity = [jnp.concatenate(pair) for pair in zip(disk, bulge, strict=True)]
    # Gaussians have tails: whoever would leave the galaxy is slowed to 95 % of the escape speed (Hernquist 1993).
    escape = jnp.sqrt(-2 * potentials(position, mass, softening))
    slowed = jnp.minimum(1.0, 0.95 * escape / jnp.maximum(_length(*velocity), 1e-12))
    velocity = _centred([slowed * v for v in velocity], mass)
    return Stars(position, velocity, mass)


def initial_mass_function(uniform):
    """Stellar masses from 0.1 to 10 solar masses by Kroupa's IMF: n(m) ~ m^-1.3 below 0.5, m^-2.3 above.

    uniform  float[n] in [0, 1)
    gives    float[n], by the inverse of the cumulative distribution
    """
    low, knee, high = 0.1, 0.5, 10.0
    # The law above the knee carries a factor `knee`, which makes the two pieces meet.
    below = (low**-0.3 - knee**-0.3) / 0.3
    above = knee * (knee**-1.3 - high**-1.3) / 1.3
    amount = uniform * (below + above)
    inner = (low**-0.3 - 0.3 * jnp.minimum(amount, below)) ** (-1 / 0.3)
    outer = (knee**-1.3 - 1.3 / knee * jnp.maximum(amount - below, 0.0)) ** (-1 / 1.3)
    return jnp.where(amount < below, inner, outer)


def hernquist_radius(uniform, scale):
    """Radius that holds the fraction `uniform` of a Hernquist sphere: the inverse of M(r) = r^2 / (r + a)^2."""
    root = jnp.sqrt(uniform)
    return scale * root / (1 - root)


# The sphere is cut at twenty scale lengths, which leaves out 9 % of an endless one.
BULGE_CUT = (20 / 21) ** 2


def _masses(even, in_disk, galaxy):
    relative = initial_mass_function(even)
    disk, bulge = relative[:in_disk], relative[in_disk:]
    share = galaxy.bulge_fraction
    return galaxy.mass * jnp.concatenate([(1 - share) * disk / disk.sum(), share * bulge / bulge.sum()])


def _disk_places(even, galaxy):
    # R exp(-R / scale) is the density of the sum of two exponential numbers.
    radius = -galaxy.disk_scale * (jnp.log1p(-even[0]) + jnp.log1p(-even[1]))
    # Around a ring the density is 1 + c cos(psi), with psi = arms * (angle - the arm's angle). Its cumulative
    # distribution is Kepler's equation psi + c sin(psi) = mean; Newton's steps, started at mean, meet it.
    c = galaxy.arm_contrast
    mean = jnp.pi * (2 * even[2] - 1)
    psi = lax.fori_loop(0, 12, lambda _, p: p - (p + c * jnp.sin(p) - mean) / (1 + c * jnp.cos(p)), mean)
    # `arms` rings of psi lie around the disk: each star takes one of them by turns.
    arm = 2 * jnp.pi * (jnp.arange(radius.shape[0]) % galaxy.arms)
    trailing = -jnp.log(jnp.maximum(radius / galaxy.disk_scale, 0.1)) / galaxy.arm_pitch
    angle = (psi + arm) / galaxy.arms + trailing
    # sech^2 is the density of the logistic distribution; the ends are held inside 5 heights.
    u = 1e-4 + (1 - 2e-4) * even[3]
    height = 0.5 * galaxy.disk_height * jnp.log(u / (1 - u))
    return [radius * jnp.cos(angle), radius * jnp.sin(angle), height]


def _bulge_places(even, galaxy):
    radius = hernquist_radius(BULGE_CUT * even[0], galaxy.bulge_scale)
    # Equal steps of cos(theta) are equal areas of the sphere (Archimedes).
    z = 2 * even[1] - 1
    across, angle = jnp.sqrt(1 - z * z), 2 * jnp.pi * even[2]
    return [radius * across * jnp.cos(angle), radius * across * jnp.sin(angle), radius * z]


def rotation_curve(position, mass, softening, reach, radii=96, angles=64):
    """Circular speed squared v^2 = -R a_R in the plane z = 0, from the field of the stars as they are.

    The field is taken at `angles` places on each ring and averaged, so that one near star does not speak for its ring.
    gives  R float[radii] in kpc, v^2 float[radii] in kpc^2 / Myr^2
    """
    radius = reach * jnp.linspace(0.02, 1.0, radii) ** 2
    angle = jnp.linspace(0.0, 2 * jnp.pi, angles + 1)[:-1]
    x = (radius[:, None] * jnp.cos(angle)).reshape(-1)
    y = (radius[:, None] * jnp.sin(angle)).reshape(-1)
    ax, ay, _ = accelerations([x, y, jnp.zeros_like(x)], position, mass, softening)
    inward = -(x * ax + y * ay).reshape(radii, angles).mean(1)
    return radius, jnp.maximum(_smooth(inward), 0.0)


def _smooth(curve):
    """Two passes of the weights 1/4, 1/2, 1/4, ends held."""
    for _ in range(2):
        padded = jnp.concatenate([curve[:1], curve, curve[-1:]])
        curve = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return curve


def _disk_velocities(bell, place, position, mass, galaxy, softening):
    """Mean rotation less the asymmetric drift, and the dispersions of a disk with Toomre's Q."""
    x, y, _ = place
    scale = galaxy.disk_scale
    radius = jnp.maximum(_length(x, y), 1e-6)
    ring, speed2 = rotation_curve(position, mass, softening, reach=12 * scale)
    # kappa^2 = 4 Omega^2 + R d(Omega^2)/dR = 2 v^2/R^2 + (dv^2/dR) / R, held between Omega^2 (a point's field) and
    # 4 Omega^2 (a rigid body's).
    slope = (speed2[2:] - speed2[:-2]) / (ring[2:] - ring[:-2])
    slope = jnp.concatenate([slope[:1], slope, slope[-1:]])
    omega2 = jnp.maximum(speed2 / ring**2, 1e-12)
    kappa2 = jnp.minimum(jnp.maximum(2 * omega2 + slope / ring, omega2), 4 * omega2)
    # sigma_R falls as exp(-R / 2 scale), so that the disk's height is the same everywhere, and gives Q at two scales:
    # Q = sigma_R kappa / (3.36 G Sigma).
    surface = galaxy.mass * (1 - galaxy.bulge_fraction) / (2 * jnp.pi * scale**2)
    at_two = galaxy.toomre * 3.36 * G * surface * jnp.exp(-2.0) / jnp.sqrt(jnp.interp(2 * scale, ring, kappa2))
    radial2 = at_two**2 * jnp.exp(2 - radius / scale)
    circular2 = jnp.interp(radius, ring, speed2)
    # Near the centre the exponential would outgrow the rotation itself: the bulge rules there.
    radial2 = jnp.minimum(radial2, circular2 / 2)
    ratio = jnp.interp(radius, ring, kappa2 / (4 * omega2))  # sigma_phi^2 / sigma_R^2
    mean2 = circular2 + radial2 * (1 - ratio - 2 * radius / scale)
    # maximum before sqrt, away from zero: the slope of sqrt at 0 is infinite and would spoil a gradient.
    mean = galaxy.spin * jnp.sqrt(jnp.maximum(mean2, 1e-8))
    vertical2 = jnp.pi * G * surface * jnp.exp(-radius / scale) * galaxy.disk_height  # isothermal sheet
    outward, around, up = bell
    v_radial = jnp.sqrt(radial2 + 1e-12) * outward
    v_around = mean + jnp.sqrt(ratio * radial2 + 1e-12) * around
    cos, sin = x / radius, y / radius
    # Arms trail when the disk turns towards growing angles, as here.
    return [v_radial * cos - v_around * sin, v_radial * sin + v_around * cos, jnp.sqrt(vertical2) * up]


def _bulge_velocities(bell, place, position, mass, galaxy, softening, shells=64, looks=32):
    """Isotropic Gaussians whose width solves the Jeans equation in the field of all the mass there is.

    rho sigma^2 = integral from r outwards of rho |a_r| dr, where a_r is the mean over `looks` directions on a shell.
    """
    a = galaxy.bulge_scale
    edge = a * 10 ** jnp.linspace(-2.0, 2.0, shells)
    # Fibonacci's lattice: directions spread evenly over the sphere, turned by the golden angle from each to the next.
    k = jnp.arange(looks) + 0.5
    z = 1 - 2 * k / looks
    across, angle = jnp.sqrt(1 - z * z), 2.399963 * k
    look = [across * jnp.cos(angle), across * jnp.sin(angle), z]
    places = [(edge[:, None] * d).reshape(-1) for d in look]
    field = accelerations(places, position, mass, softening)
    inward = -sum(f.reshape(shells, looks) * d for f, d in zip(field, look, strict=True)).mean(1)
    density = a**4 / (edge * (edge + a) ** 3)  # relative to the centre's: its factor leaves the equation
    weight = density * jnp.maximum(_smooth(inward), 0.0)
    layers = 0.5 * (weight[1:] + weight[:-1]) * (edge[1:] - edge[:-1])
    outside = jnp.concatenate([jnp.cumsum(layers[::-1])[::-1], jnp.zeros(1)])
    width = jnp.sqrt(jnp.interp(_length(*place), edge, outside / density) + 1e-12)
    return list(width * bell)


def _centred(vector, mass):
    """The vector less its mean by mass."""
    total = mass.sum()
    return [v - (mass * v).sum() / total for v in vector]


def _length(*components):
    """Euclidean length; the tiny number keeps the slope finite where all are zero."""
    return jnp.sqrt(sum(c * c for c in components) + 1e-24)

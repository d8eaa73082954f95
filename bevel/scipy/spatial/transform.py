"""Rotations of space, one or many, and the steady turn from one to the next.

A rotation by the angle θ about the unit vector u is kept as the unit quaternion (u sin θ/2, cos θ/2).
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Any, NamedTuple

import numpy as np

import bevel.numpy as jnp
from bevel import random
from bevel.base import dtypes
from bevel.base.errors import ShapeError
from bevel.core.source import user_line
from bevel.numpy.axes import as_array
from bevel.numpy.eager import compiled
from bevel.numpy.promotion import promote_inexact

__all__ = ["Rotation", "Slerp"]


class RotationShapeError(ShapeError, ValueError):
    """What should describe rotations has another shape.

    Fails: quaternions of shape (5, 3). Mended: (5, 4), or (4,) for one.
    """


def _array(name, value, shape):
    """An array of that shape, or of that shape after one more axis; what is compiled makes it floating-point."""
    x = as_array(name, jnp.asarray(value))
    rank = len(shape)
    if x.shape[x.ndim - rank :] != shape or x.ndim not in (rank, rank + 1):
        sizes = ", ".join([str(d) for d in shape])
        raise RotationShapeError(f"{name} takes shape ({sizes}) or (n, {sizes}){user_line(' at {}')}; got {x.shape}.")
    return x


def _norm(x):
    """The length of vectors [..., n, 1], whose slope at 0 is 0."""
    squares = jnp.sum(x * x, axis=-1, keepdims=True)
    safe = jnp.where(squares > 0, squares, 1)
    return jnp.where(squares > 0, jnp.sqrt(safe), 0)


@compiled
def _unit(quat):
    [quat] = promote_inexact(quat)
    return quat / _norm(quat)


@compiled
def _turned_twice(p, q):
    return _unit(_product(p, q))


@compiled
def _product(p, q):
    """Hamilton's product of quaternions [..., 4]: first q, then p."""
    u, a = p[..., :3], p[..., 3:]
    v, b = q[..., :3], q[..., 3:]
    dot = jnp.sum(u * v, axis=-1, keepdims=True)
    return jnp.concatenate([a * v + b * u + jnp.cross(u, v), a * b - dot], axis=-1)


@compiled(static="degrees")
def _from_rotvec(rotvec, *, degrees=False):
    [rotvec] = promote_inexact(rotvec)
    rotvec = jnp.deg2rad(rotvec) if degrees else rotvec
    # sin(θ/2)/θ by its series where θ is small: 1/2 - θ²/48 + θ⁴/3840 (θ⁶ is below rounding there)
    squares = jnp.sum(rotvec * rotvec, axis=-1, keepdims=True)
    is_small = squares < 1e-6
    angle = jnp.sqrt(jnp.where(is_small, 1, squares))
    small = jnp.where(is_small, squares, 0)
    scale = jnp.where(is_small, 0.5 - small / 48 + small * small / 3840, jnp.sin(angle / 2) / angle)
    cosine = jnp.where(is_small, 1 - small / 8 + small * small / 384, jnp.cos(angle / 2))
    return jnp.concatenate([scale * rotvec, cosine], axis=-1)


@compiled
def _from_mrp(mrp):
    [mrp] = promote_inexact(mrp)
    squares = jnp.sum(mrp * mrp, axis=-1, keepdims=True)
    return jnp.concatenate([2 * mrp, 1 - squares], axis=-1) / (1 + squares)


@compiled
def _as_mrp(quat):
    quat = jnp.where(quat[..., 3:] < 0, -quat, quat)
    return quat[..., :3] / (1 + quat[..., 3:])


@compiled(static="degrees")
def _as_rotvec(quat, *, degrees=False):
    quat = jnp.where(quat[..., 3:] < 0, -quat, quat)
    v, w = quat[..., :3], quat[..., 3:]
    squares = jnp.sum(v * v, axis=-1, keepdims=True)
    is_small = squares < 1e-8
    length = jnp.sqrt(jnp.where(is_small, 1, squares))
    # θ / sin(θ/2) = 2 + s²/3 + 3 s⁴/20 with s = sin(θ/2), where that is small
    small = jnp.where(is_small, squares, 0)
    scale = jnp.where(is_small, 2 + small / 3 + 3 * small * small / 20, 2 * jnp.arctan2(length, w) / length)
    return jnp.rad2deg(scale * v) if degrees else scale * v


@compiled
def _from_matrix(matrix):
    """Shepperd 1978, "Quaternion from rotation matrix": from whichever of x², y², z², w² is the largest."""
    [matrix] = promote_inexact(matrix)
    m = lambda i, j: matrix[..., i, j]
    diagonal = [m(0, 0), m(1, 1), m(2, 2)]
    trace = diagonal[0] + diagonal[1] + diagonal[2]
    rows = []
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        row: list[Any] = [None] * 4
        row[i] = 1 - trace + 2 * diagonal[i]
        row[j] = m(j, i) + m(i, j)
        row[k] = m(k, i) + m(i, k)
        row[3] = m(k, j) - m(j, k)
        rows.append(jnp.stack(row, axis=-1))
    rows.append(jnp.stack([m(2, 1) - m(1, 2), m(0, 2) - m(2, 0), m(1, 0) - m(0, 1), 1 + trace], axis=-1))
    which = jnp.argmax(jnp.stack([*diagonal, trace], axis=-1), axis=-1)[..., None]
    quat = jnp.where(which == 0, rows[0], jnp.where(which == 1, rows[1], jnp.where(which == 2, rows[2], rows[3])))
    return quat / _norm(quat)


@compiled
def _as_matrix(quat):
    x, y, z, w = [quat[..., i] for i in range(4)]
    rows = [
        [x * x - y * y - z * z + w * w, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), -x * x + y * y - z * z + w * w, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), -x * x - y * y + z * z + w * w],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def _sequence(name, seq, most=3):
    """(axes as numbers, whether about the turning axes) of a word such as "xyz" or "ZX"."""
    if not re.fullmatch(f"[xyz]{{1,{most}}}|[XYZ]{{1,{most}}}", seq):
        raise ValueError(
            f"{name} takes one to three of 'xyz' (fixed axes) or of 'XYZ' (turning axes){user_line(' at {}')}; got "
            f"{seq!r}."
        )
    if any(a == b for a, b in itertools.pairwise(seq)):
        raise ValueError(f"Expected consecutive axes to be different, got {seq}{user_line(' at {}')}.")
    return tuple(["xyz".index(c) for c in seq.lower()]), seq.isupper()


@compiled(static=("axes", "turning", "degrees"))
def _from_euler(angles, *, axes, turning, degrees):
    [angles] = promote_inexact(angles)
    angles = angles[..., None] if angles.ndim == 0 or (angles.shape[-1] != len(axes)) else angles
    angles = jnp.deg2rad(angles) if degrees else angles
    quat = None
    for i, axis in enumerate(axes):
        half = angles[..., i] / 2
        zero = jnp.zeros_like(half)
        parts = [jnp.sin(half) if k == axis else zero for k in range(3)]
        turn = jnp.stack([*parts, jnp.cos(half)], axis=-1)
        quat = turn if quat is None else _product(quat, turn) if turning else _product(turn, quat)
    return quat


@compiled(static=("axes", "turning", "degrees"))
def _as_euler(quat, *, axes, turning, degrees):
    """Bernardes & Viollet 2022, "Quaternion to Euler angles conversion", doi:10.1371/journal.pone.0276302."""
    i, j, k = axes if not turning else axes[::-1]
    is_symmetric = i == k
    k = 3 - i - j if is_symmetric else k
    sign = (i - j) * (j - k) * (k - i) / 2
    q = [quat[..., n] for n in range(4)]
    if is_symmetric:
        a, b, c, d = q[3], q[i], q[j], q[k] * sign
    else:
        a, b, c, d = q[3] - q[j], q[i] + q[k] * sign, q[j] + q[3], q[k] * sign - q[i]
    middle = 2 * jnp.arctan2(jnp.hypot(c, d), jnp.hypot(a, b))
    half_sum, half_difference = jnp.arctan2(b, a), jnp.arctan2(d, c)
    # where the middle angle is 0 or π only the sum or the difference of the outer ones is known: the last is taken as 0
    low, high = jnp.abs(middle) < 1e-7, jnp.abs(middle - math.pi) < 1e-7
    first, third = half_sum - half_difference, half_sum + half_difference
    outer = jnp.where(low, 2 * half_sum, 2 * half_difference * (1 if turning else -1))
    if turning:
        first, third = jnp.where(low | high, 0, first), jnp.where(low | high, outer, third)
    else:
        first, third = jnp.where(low | high, outer, first), jnp.where(low | high, 0, third)
    if not is_symmetric:
        third, middle = third * sign, middle - math.pi / 2
    if turning:
        first, third = third, first
    wrapped = [jnp.where(x < -math.pi, x + 2 * math.pi, jnp.where(x > math.pi, x - 2 * math.pi, x))
               for x in (first, middle, third)]  # fmt: skip
    angles = jnp.stack(wrapped, axis=-1)
    return jnp.rad2deg(angles) if degrees else angles


@compiled(static="inverse")
def _apply(quat, vectors, *, inverse):
    quat, vectors = promote_inexact(quat, vectors)
    u, w = quat[..., :3], quat[..., 3:]
    u = -u if inverse else u
    across = 2 * jnp.cross(u, vectors)
    return vectors + w * across + jnp.cross(u, across)


def _upper(quat):
    """The quaternion of the same rotation whose first number from the end that is not 0 is positive."""
    x, y, z, w = [quat[..., i : i + 1] for i in range(4)]
    is_low = (w < 0) | ((w == 0) & ((x < 0) | ((x == 0) & ((y < 0) | ((y == 0) & (z < 0))))))
    return jnp.where(is_low, -quat, quat)


@compiled(static=("canonical", "scalar_first"))
def _as_quat(quat, *, canonical, scalar_first):
    quat = _upper(quat) if canonical else quat
    return jnp.roll(quat, 1, axis=-1) if scalar_first else quat


@compiled
def _magnitude(quat):
    return 2 * jnp.arctan2(_norm(quat[..., :3])[..., 0], jnp.abs(quat[..., 3]))


@compiled
def _mean(quat, weights):
    weights = jnp.ones(quat.shape[0], quat.dtype) if weights is None else weights.astype(quat.dtype)
    spread = jnp.einsum("n,ni,nj->ij", weights, quat, quat)
    return jnp.linalg.eigh(spread)[1][:, -1]


@compiled
def _between(times, quat):
    """(the times, how long from each to the next, the turns from each rotation to the next)."""
    [times] = promote_inexact(times)
    back = quat[:-1] * np.asarray([-1, -1, -1, 1], quat.dtype)
    return times, jnp.diff(times), _as_rotvec(_product(back, quat[1:]))


@compiled
def _at(times, known, timedelta, quat, rotvecs):
    times = jnp.asarray(times, known.dtype)
    i = jnp.clip(jnp.searchsorted(known, times, side="right") - 1, 0, known.shape[0] - 2)
    share = (times - known[i]) / timedelta[i]
    share = jnp.where((times < known[0]) | (times > known[-1]), jnp.nan, share)
    return _product(quat[i], _from_rotvec(share[..., None] * rotvecs[i]))


class Rotation(NamedTuple):
    """A rotation, or n of them: a pytree with one leaf, `quat` float[4] or float[n, 4].

    Made by `from_quat`, `from_matrix`, `from_rotvec`, `from_euler`, `from_mrp`, `identity`, `random`. `p * q` is first
    q, then p; `p[i]` is one of many.

    >>> import bevel.numpy as jnp
    >>> from bevel.scipy.spatial.transform import Rotation
    >>> turn = Rotation.from_euler("z", 90, degrees=True)
    >>> print(turn.apply(jnp.array([1., 0., 0.])).round(3))
    [0. 1. 0.]
    """

    quat: Any

    @classmethod
    def concatenate(cls, rotations):
        """All rotations of a sequence of them, one after the other."""
        return cls(jnp.concatenate([jnp.atleast_2d(r.quat) for r in rotations]))

    @classmethod
    def from_euler(cls, seq: str, angles, degrees: bool = False):
        """Turns about one to three axes, one after the other: "xyz" about fixed axes, "XYZ" about turning ones.

        angles   float, float[n] for one axis; float[k] or float[n, k] for k axes
        """
        axes, turning = _sequence("from_euler", seq)
        angles = as_array("from_euler", jnp.asarray(angles))
        count, shape = len(axes), angles.shape
        if count == 1 and shape[-1:] != (1,):
            shape = (*shape, 1)  # each number is an angle
        if len(shape) not in (1, 2) or shape[-1] != count:
            raise RotationShapeError(
                f"from_euler of {seq!r} takes {count} angles, or (n, {count}){user_line(' at {}')}; got shape {shape}."
            )
        return cls(_from_euler(angles, axes=axes, turning=turning, degrees=bool(degrees)))

    @classmethod
    def from_matrix(cls, matrix):
        """From orthogonal matrices of determinant 1, float[3, 3] or float[n, 3, 3]."""
        return cls(_from_matrix(_array("from_matrix", matrix, (3, 3))))

    @classmethod
    def from_mrp(cls, mrp):
        """From modified Rodrigues parameters u tan θ/4, float[3] or float[n, 3]."""
        return cls(_from_mrp(_array("from_mrp", mrp, (3,))))

    @classmethod
    def from_quat(cls, quat):
        """From quaternions (x, y, z, w), float[4] or float[n, 4]; they are divided by their lengths."""
        return cls(_unit(_array("from_quat", quat, (4,))))

    @classmethod
    def from_rotvec(cls, rotvec, degrees: bool = False):
        """From axes times angles, float[3] or float[n, 3]."""
        return cls(_from_rotvec(_array("from_rotvec", rotvec, (3,)), degrees=bool(degrees)))

    @classmethod
    def identity(cls, num: int | None = None, dtype=float):
        """No rotation, or num of them."""
        dtype = dtypes.canonicalize_dtype(np.dtype(dtype))
        quat = jnp.asarray(np.asarray([0, 0, 0, 1], dtype))
        return cls(quat if num is None else jnp.tile(quat, (num, 1)))

    @classmethod
    def random(cls, random_key, num: int | None = None):
        """A rotation drawn uniformly, or num of them."""
        return cls(_unit(random.normal(random_key, (4,) if num is None else (num, 4))))

    @property
    def single(self) -> bool:
        """Is this one rotation, rather than n?"""
        return self.quat.ndim == 1

    def _many(self, what):
        if self.single:
            raise TypeError(f"Single rotation {what}{user_line(' at {}')}.")

    def __getitem__(self, indexer):
        self._many("is not subscriptable")
        return Rotation(self.quat[indexer])

    def __len__(self):
        self._many("has no len()")
        return self.quat.shape[0]

    def __iter__(self):
        self._many("is not iterable")
        return iter([Rotation(q) for q in self.quat])

    def __mul__(self, other):
        if not isinstance(other, Rotation):
            return NotImplemented
        return Rotation(_turned_twice(self.quat, other.quat))

    def apply(self, vectors, inverse: bool = False):
        """Vectors turned, float[3] or float[n, 3]; back, for inverse."""
        vectors = _array("apply", vectors, (3,))
        return _apply(self.quat, vectors, inverse=bool(inverse))

    def as_euler(self, seq: str, degrees: bool = False):
        """The three angles that `from_euler` would take: the middle one in [0, π], or [-π/2, π/2] for unlike axes.

        Where that is at an end of its range the third angle is taken as 0, as only the sum of the outer two is known.
        """
        if len(seq) != 3:
            raise ValueError(f"as_euler takes three axes{user_line(' at {}')}; got {seq!r}.")
        axes, turning = _sequence("as_euler", seq)
        return _as_euler(self.quat, axes=axes, turning=turning, degrees=bool(degrees))

    def as_matrix(self):
        """float[3, 3] or float[n, 3, 3]."""
        return _as_matrix(self.quat)

    def as_mrp(self):
        """Modified Rodrigues parameters u tan θ/4 of the turn by at most π."""
        return _as_mrp(self.quat)

    def as_quat(self, canonical: bool = False, scalar_first: bool = False):
        """Quaternions (x, y, z, w), or (w, x, y, z) for scalar_first; canonical: of the two for each rotation that with
        positive w."""
        if not canonical and not scalar_first:
            return self.quat
        return _as_quat(self.quat, canonical=bool(canonical), scalar_first=bool(scalar_first))

    def as_rotvec(self, degrees: bool = False):
        """Axes times angles, the angle at most π."""
        return _as_rotvec(self.quat, degrees=bool(degrees))

    def inv(self):
        """The rotation back."""
        return Rotation(self.quat * np.asarray([-1, -1, -1, 1], self.quat.dtype))

    def magnitude(self):
        """The angle, from 0 to π."""
        return _magnitude(self.quat)

    def mean(self, weights=None):
        """The rotation nearest to all, in the sum of squared sines of half the angles between.

        source  Markley et al. 2007, "Averaging quaternions", doi:10.2514/1.28949
        """
        self._many("has no mean")
        weights = None if weights is None else jnp.asarray(weights)
        if weights is not None and weights.shape != self.quat.shape[:1]:
            raise RotationShapeError(
                f"mean takes one weight a rotation{user_line(' at {}')}; got shape {weights.shape}."
            )
        return Rotation(_mean(self.quat, weights))


class Slerp(NamedTuple):
    """Turns steadily from one rotation to the next: `Slerp.init(times, rotations)(t)`.

    >>> from bevel.scipy.spatial.transform import Rotation, Slerp
    >>> import bevel.numpy as jnp
    >>> ends = Rotation.from_euler("z", jnp.array([0., 90.]), degrees=True)
    >>> print(int(jnp.rint(Slerp.init(jnp.array([0., 1.]), ends)(0.5).as_euler("xyz", degrees=True)[2])))
    45
    """

    times: Any
    timedelta: Any
    rotations: Rotation
    rotvecs: Any

    @classmethod
    def init(cls, times, rotations: Rotation):
        """times float[n], rising; n rotations, 2 at least."""
        if not isinstance(rotations, Rotation):
            raise TypeError(f"Slerp takes a Rotation{user_line(' at {}')}; got {type(rotations).__name__}.")
        if rotations.single or len(rotations) < 2:
            raise ValueError(f"Slerp needs at least 2 rotations{user_line(' at {}')}.")
        times = as_array("Slerp", jnp.asarray(times))
        if times.shape != (len(rotations),):
            raise RotationShapeError(
                f"Slerp needs one time a rotation{user_line(' at {}')}; got times {times.shape} for {len(rotations)}."
            )
        times, timedelta, rotvecs = _between(times, rotations.quat)
        return cls(times=times, timedelta=timedelta, rotations=rotations, rotvecs=rotvecs)

    def __call__(self, times):
        """The rotation at a time, or those at float[m]; NaN before the first and after the last."""
        return Rotation(_at(jnp.asarray(times), self.times, self.timedelta, self.rotations.quat, self.rotvecs))

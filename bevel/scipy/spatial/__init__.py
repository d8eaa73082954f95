"""Rotations of space: `transform`."""

from bevel.scipy.spatial import transform

"""Groups of points: `vq`."""

from bevel.scipy.cluster import vq

"""Linear systems known by what they do to vectors: `linalg` has the iterations that solve them."""

from bevel.scipy.sparse import linalg

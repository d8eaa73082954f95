"""Records what the real jax makes of small images: python tests/data/make_images.py > tests/data/images.json"""

import json

import jax.numpy as jnp
import numpy as np
from jax import image

X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)).astype("float32"))
METHODS = ["nearest", "linear", "cubic", "cubic-pytorch", "lanczos3", "lanczos5", "area"]
rows = []
for method in METHODS:
    for shape in ((3, 9), (8, 2), (5, 1)):
        for antialias in (True, False):
            y = image.resize(X, shape, method, antialias=antialias)
            rows.append({"method": method, "shape": shape, "antialias": antialias, "result": np.asarray(y).tolist()})
    if method != "nearest":
        for scale, move in ((0.6, 0.7), (1.9, -1.3)):
            y = image.scale_and_translate(X, (6, 4), (0,), jnp.array([scale]), jnp.array([move]), method)
            rows.append({"method": method, "scale": scale, "move": move, "result": np.asarray(y).tolist()})
for row in rows:
    row["result"] = [[round(v, 6) for v in line] for line in row["result"]]
print(json.dumps({"image": np.asarray(X).tolist(), "rows": rows}, separators=(",", ":")))

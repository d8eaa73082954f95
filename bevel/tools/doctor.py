"""`python -m bevel doctor`: what is installed here, and whether it works."""

from __future__ import annotations

import platform
import sys
import time

import bevel
from bevel.engine import client, disk_cache
from bevel.engine import jaxlib_names as names
from bevel.engine.jaxlib_table import report


def main() -> int:
    """Prints what a report of a fault should say; gives 1 where something is wrong."""
    trouble = []
    print(
        f"bevel {bevel.__version__}, jaxlib {names.jaxlib_version}, Python {platform.python_version()}, {sys.platform}"
    )
    print(f"platforms: {', '.join(client.platforms())}")
    for device in client.devices():
        print(f"  {device.platform} {device.id}: {device.device_kind}")
    for row in report():
        if row.is_trouble:
            trouble.append(f"jaxlib has no {row.path}, which is needed: {row.use}.")
    started = time.perf_counter()
    import bevel.numpy as jnp  # what is being checked

    value = float(bevel.jit(bevel.grad(lambda x: jnp.sum(x**3)))(jnp.arange(3.0))[2])
    print(f"first gradient: {1e3 * (time.perf_counter() - started):.0f} ms")
    if value != 12.0:
        trouble.append(f"The gradient of x³ at 2 came out as {value}, not 12.")
    print(f"kept on disk: {disk_cache.stats()}")
    for line in trouble:
        print("TROUBLE:", line)
    print("All is well." if not trouble else f"{len(trouble)} things are wrong.")
    return 1 if trouble else 0

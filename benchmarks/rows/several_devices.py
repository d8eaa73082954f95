"""Four virtual devices of the CPU: what the front end and its choice of program cost there. Wall time of a call."""

from __future__ import annotations

from benchmarks.row import Family

FAMILY = Family("several_devices")

for name, case, measures in (
    ("x + x over 4 devices", "operation", "an operation on 512 x 64 numbers that lie in rows over the devices"),
    ("jit call over 4 devices", "call", "a jitted function of such an array"),
    ("device_put to 4 devices", "put", "a NumPy array laid over them"),
    (
        "gradient step over 4 devices",
        "step",
        "a step of gradient descent of a 4-layer network, the batch over the devices",
    ),
    ("gradient step by shard_map", "shard_map", "the same, the loss written for one device's part"),
):
    FAMILY.process_row(
        name, measures, "several_devices.py", arguments=(case,), reads="printed", unit="µs", clock="wall", goal=1.0
    )

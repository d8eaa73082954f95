"""Which device holds what of an array, told and drawn: debug.inspect_array_sharding, debug.visualize_array_sharding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bevel.api import purity
from bevel.base.errors import ShapeError
from bevel.core.trace import Tracer, get_aval
from bevel.engine.client import SingleDeviceSharding, default_device
from bevel.engine.pytree import flatten


def inspect_array_sharding(value, *, callback: Callable[[Any], None]) -> None:
    """Calls a function with the sharding of each array of a tree; in a compiled program once, when it is traced.

    >>> import bevel, bevel.numpy as jnp
    >>> bevel.debug.inspect_array_sharding(jnp.ones(3), callback=lambda s: print(s.num_devices))
    1
    """
    with purity.meant():
        for leaf in flatten(value)[0]:
            callback(_sharding_of(leaf))


def _sharding_of(leaf):
    # a traced program runs on one device
    sharding = None if isinstance(leaf, Tracer) else getattr(leaf, "sharding", None)
    return SingleDeviceSharding(default_device()) if sharding is None else sharding


def visualize_array_sharding(arr, **kwargs) -> None:
    """Draws which device holds what of an array of one or two axes. Takes what `visualize_sharding` takes besides.

    >>> import bevel, bevel.numpy as jnp
    >>> bevel.debug.visualize_array_sharding(jnp.ones(8), min_width=11)
    ┌───────────┐
    │   CPU 0   │
    └───────────┘
    """
    shape = get_aval(arr).shape
    inspect_array_sharding(arr, callback=lambda sharding: visualize_sharding(shape, sharding, **kwargs))


def visualize_sharding(
    shape: Sequence[int],
    sharding,
    *,
    use_color: bool = True,
    scale: float = 1.0,
    min_width: int = 9,
    max_width: int = 80,
    color_map: Any = None,
) -> None:
    """Draws which device holds what of an array of this shape: a box for each part, with the devices that hold it.

    shape      of one or two axes; the second goes across
    sharding   what says `devices_indices_map(shape)`
    scale, min_width, max_width   a box is about as wide as its part is, times scale, within these bounds
    use_color, color_map          the drawing has no colours; these are taken for programs that say them
    raises     ShapeError for other ranks

    >>> import bevel, bevel.numpy as jnp
    >>> bevel.debug.visualize_sharding((2, 20), jnp.ones(3).sharding)
    ┌────────────────────┐
    │       CPU 0        │
    └────────────────────┘
    """
    shape = tuple(shape)
    if len(shape) not in (1, 2):
        raise ShapeError(f"visualize_sharding draws arrays of one or two axes; it was asked for one of shape {shape}.")
    parts: dict[tuple, list] = {}
    for device, index in sharding.devices_indices_map(shape).items():
        bounds = tuple([tuple(s.indices(d)[:2]) for s, d in zip(index, shape, strict=True)])
        parts.setdefault(((0, 1), *bounds) if len(shape) == 1 else bounds, []).append(device)
    rows, columns = (sorted({part[axis] for part in parts}) for axis in (0, 1))
    names = {p: f"{d[0].platform.upper()} {','.join([str(x.id) for x in d])}" for p, d in parts.items()}
    most = max(len(name) + 2 for name in names.values())
    room = max((max_width - 1) // len(columns) - 1, most)
    widths = [min(max(round((end - start) * scale), min_width, most), room) for start, end in columns]

    def rule(left, middle, right):
        return left + middle.join(["─" * w for w in widths]) + right

    lines: list[str] = []
    for row in rows:
        cells = [names.get((row, column), "").center(w) for column, w in zip(columns, widths, strict=True)]
        lines += [rule("├", "┼", "┤") if lines else rule("┌", "┬", "┐"), "│" + "│".join(cells) + "│"]
    print("\n".join([*lines, rule("└", "┴", "┘")]))


__all__ = ["inspect_array_sharding", "visualize_array_sharding", "visualize_sharding"]
